//! SCIM 2.0 (RFC 7643, RFC 7644): how another system keeps the directory up to date, so that
//! mailboxes exist before they are needed.
//!
//! A function of a request over the ports; the component only carries bytes. What Microsoft Entra
//! ID and Okta do is taken as they do it (see [`patch`]).
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`schema`] | which attributes there are |
//! | [`path`], [`filter`], [`query`] | how one is named, what is asked, how lists are answered |
//! | [`canonical`], [`patch`], [`members`] | what a client sends, and what it changes |
//! | [`show`], [`wanted`] | resources as they are shown, and what of them |
//! | [`discovery`], [`problem`] | the service itself, and errors, as they are told |

mod call;
pub mod canonical;
pub mod discovery;
pub mod filter;
pub mod members;
pub mod patch;
pub mod path;
pub mod problem;
pub mod query;
pub mod schema;
pub mod show;
pub mod wanted;

use bytes::Bytes;
use serde::Serialize;

use self::problem::ScimError;
use crate::config::Config;
use crate::limits;
use crate::ports::Ports;

/// A request.
#[derive(Clone, Debug, Default)]
pub struct ScimRequest {
    /// `GET`, `POST`, `PUT`, `PATCH`, `DELETE`.
    pub method: String,
    /// The path below `/scim/v2`, such as `/Users/ID`.
    pub path: String,
    /// The query, without the `?`.
    pub query: String,
    /// The field `If-Match`.
    pub if_match: Option<String>,
    /// The field `If-None-Match`.
    pub if_none_match: Option<String>,
    /// The body, [`limits::SCIM_BODY_BYTES`] at most.
    pub body: Bytes,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimResponse {
    /// The status.
    pub status: u16,
    /// `application/scim+json`; empty where there is none.
    pub body: Vec<u8>,
    /// The field `ETag`.
    pub etag: Option<String>,
    /// The field `Location`.
    pub location: Option<String>,
    /// The field `Allow`.
    pub allow: Option<&'static str>,
    /// The field `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

impl ScimResponse {
    fn new(status: u16) -> Self {
        Self {
            status,
            body: Vec::new(),
            etag: None,
            location: None,
            allow: None,
            retry_after: None,
        }
    }

    fn json(status: u16, body: &impl Serialize) -> Self {
        Self {
            body: serde_json::to_vec(body).unwrap_or_default(),
            ..Self::new(status)
        }
    }

    /// An error.
    pub fn error(error: &ScimError) -> Self {
        Self {
            body: error.body(),
            allow: error.allow,
            retry_after: (error.status == 503).then_some(limits::RETRY_AFTER.as_secs()),
            ..Self::new(error.status)
        }
    }
}

/// Answers a request; `base_url` is the URL of `/scim/v2` as the client reaches it.
pub async fn answer<P: Ports>(
    ports: &P,
    config: &Config,
    base_url: &str,
    request: ScimRequest,
) -> ScimResponse {
    let base = base_url.trim_end_matches('/');
    let answered = call::answer(ports, config, base, request).await;
    answered.unwrap_or_else(|error| ScimResponse::error(&error))
}

#[cfg(test)]
mod tests;
