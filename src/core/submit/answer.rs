//! What a submission is answered: the words of the API, once, for the answer and the receipt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mail::{EmailAddress, MessageId};
use crate::problem::Problem;
use crate::routing::{HoldReason, RouteName};
use crate::smtp;
use crate::time::Timestamp;

/// The answer to a submission that was accepted, in part at least.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// The message's id (UUIDv7).
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// `held` if any recipient's copy is held, else `delivered`.
    pub outcome: Outcome,
    /// Each recipient's own outcome, in the order they were given.
    pub recipients: Vec<Settled>,
    /// SHA-256 of the message as it was submitted (RFC 9530), where it was computed: for what is
    /// held, and for every submission with a key or a `Content-Digest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The route, or the first recipient's where there are several.
    pub route: RouteName,
    /// Why the copy is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
    /// The same in words, with the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Until when it is held at least, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

/// What became of a recipient's copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Outcome {
    /// The primary has it.
    Delivered,
    /// The storage has it, for later.
    Held,
    /// The primary refused it for good.
    Rejected,
    /// Nobody has it: the sender keeps it.
    NotAccepted,
    /// A person ended it; the audit log says who and why.
    Dropped,
    /// It was given up: its time in the queue was over, or a person returned it.
    Returned,
}

/// One recipient's outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settled {
    /// The recipient.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Email))]
    pub address: EmailAddress,
    /// What became of the copy.
    pub outcome: Outcome,
    /// The route it took.
    pub route: RouteName,
    /// Why it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
    /// The primary's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<ReplyWords>,
}

/// What a primary replied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReplyWords {
    /// The reply code (RFC 5321, 4.2), or an HTTP primary's status.
    pub code: u16,
    /// The enhanced code (RFC 3463), such as `5.1.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<String>,
    /// The text.
    pub text: String,
}

impl From<&smtp::Reply> for ReplyWords {
    fn from(reply: &smtp::Reply) -> Self {
        let enhanced = reply.enhanced.as_ref().map(ToString::to_string);
        Self {
            code: reply.code,
            enhanced,
            text: reply.text.clone(),
        }
    }
}

/// A whole HTTP answer, as it is given and as a receipt keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The body: an [`Answer`], or a problem.
    pub body: serde_json::Value,
    /// Seconds after which to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Response {
    /// A problem, told under the request's id.
    pub fn problem(problem: &Problem, id: &str) -> Self {
        let retry_after = problem
            .kind
            .retry()
            .then_some(crate::limits::RETRY_AFTER.as_secs());
        Self {
            status: problem.kind.status(),
            body: problem.json(id),
            retry_after,
        }
    }

    /// Some JSON.
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        Self {
            status,
            body: serde_json::to_value(body).unwrap_or_default(),
            retry_after: None,
        }
    }

    /// Whether the body is a problem.
    pub fn is_problem(&self) -> bool {
        self.status >= 400
    }

    /// The wait as a duration.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after.map(Duration::from_secs)
    }
}
