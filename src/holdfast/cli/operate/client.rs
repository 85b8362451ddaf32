//! The operator's side of the API.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use holdfast_core::ports::{HttpClient, HttpRequest, HttpResponse};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Installation;
use crate::cli::texts::printable;
use crate::native::Native;

/// Speaks to one installation.
pub struct Client {
    native: Native,
    url: String,
    token: String,
    operator: Option<String>,
}

impl Client {
    /// The client that the command line describes.
    pub fn new(installation: &Installation) -> Result<Self> {
        let given = installation.token.clone().filter(|token| !token.is_empty());
        let own = || std::fs::read_to_string(OWN_TOKEN).ok();
        let token = given.or_else(own).with_context(|| {
            format!("--token (or HOLDFAST_OPERATOR_TOKEN) is needed; {OWN_TOKEN} is not there")
        })?;
        Ok(Self {
            native: Native::new()?,
            url: installation.url.as_str().trim_end_matches('/').to_owned(),
            token: token.trim().to_owned(),
            operator: installation.operator.clone(),
        })
    }

    /// Gets JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = self.exchange("GET", path, None).await?;
        serde_json::from_slice(&answer.body).context("the answer is not JSON")
    }

    /// Gets text.
    pub async fn text(&self, path: &str) -> Result<String> {
        let answer = self.exchange("GET", path, None).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Sends an order; null where there is nothing to say (204).
    pub async fn send(&self, method: &'static str, path: &str, order: &Value) -> Result<Value> {
        let answer = self.exchange(method, path, Some(order)).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).context("the answer is not JSON")
    }

    async fn exchange(
        &self,
        method: &'static str,
        path: &str,
        order: Option<&Value>,
    ) -> Result<HttpResponse> {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token))];
        if let Some(operator) = &self.operator {
            headers.push(("holdfast-operator", operator.clone()));
        }
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.url),
            headers,
            body: order
                .map(|order| order.to_string().into())
                .into_iter()
                .collect(),
            connect: CONNECT,
            reply: ANSWER,
            most: ANSWER_BYTES,
        };
        let answer = self.native.send(request).await;
        let answer = answer.with_context(|| format!("{} does not answer", self.url))?;
        if answer.status >= 300 {
            let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let detail = problem["detail"].as_str().unwrap_or("it gave no reason");
            bail!("{} {}: {}", self.url, answer.status, printable(detail));
        }
        Ok(answer)
    }
}

/// As a part of a path or a value of a query (RFC 3986, 2.3).
pub fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, KEPT)
}

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Where `holdfast up` keeps the token of the installation it serves.
const OWN_TOKEN: &str = ".holdfast/keys/operator_token";
const CONNECT: Duration = Duration::from_secs(5);
/// Longer than a tick.
const ANSWER: Duration = Duration::from_secs(60);
const ANSWER_BYTES: usize = 16 << 20;
