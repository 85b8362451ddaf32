//! What goes wrong, as the sender is told it: `application/problem+json` (RFC 9457).
//!
//! Each kind has one stable `type`, one status and one title; the detail says what to mend. The
//! kinds say whose fault it is: 4xx is the sender's to mend (nothing was kept), 503 is ours or
//! the primary's (nothing was accepted, try again), 422 `refused` is the primary's own word.

use serde::Serialize;
use serde_json::{Map, Value};

/// A kind of problem. Its name in kebab case ends its `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Kind {
    /// 400: the request cannot be read as what it says it is.
    BadRequest,
    /// 400: an address of the envelope is not one.
    BadAddress,
    /// 400: the body is not what `Content-Digest` says.
    DigestMismatch,
    /// 401: no key, or none that we know.
    Unauthorized,
    /// 403: the partner may not use this envelope sender.
    SenderNotGranted,
    /// 403: the partner may not write to this domain.
    DomainNotGranted,
    /// 403: the request came from somewhere it may not come from.
    Forbidden,
    /// 404: there is nothing of the caller's here.
    NotFound,
    /// 405: the path is right, the method is not.
    MethodNotAllowed,
    /// 409: the same key is being worked on.
    StillRunning,
    /// 409: somebody else changed it meanwhile.
    Conflict,
    /// 413: more bytes or recipients than the limits allow.
    TooLarge,
    /// 415: a body type that is not taken here.
    UnsupportedMediaType,
    /// 422: this key was used for something else.
    KeyReused,
    /// 422: no route leads to a recipient's domain.
    NoRoute,
    /// 422: the message was relayed too often.
    MailLoop,
    /// 422: the primary refused it for good.
    Refused,
    /// 408: the sender stopped sending.
    SenderTimeout,
    /// 500: the configuration cannot be used.
    Misconfigured,
    /// 503: nothing was accepted; try again.
    NotAccepted,
    /// 503: this instance cannot do that now.
    Unavailable,
}

impl Kind {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::BadAddress | Self::DigestMismatch => 400,
            Self::Unauthorized => 401,
            Self::SenderNotGranted | Self::DomainNotGranted | Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::SenderTimeout => 408,
            Self::StillRunning | Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::KeyReused | Self::NoRoute | Self::MailLoop | Self::Refused => 422,
            Self::Misconfigured => 500,
            Self::NotAccepted | Self::Unavailable => 503,
        }
    }

    /// One line that is the same for every problem of this kind.
    pub const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "The request cannot be read",
            Self::BadAddress => "An address of the envelope is not valid",
            Self::DigestMismatch => "The body is not what Content-Digest says",
            Self::Unauthorized => "A valid key is required",
            Self::SenderNotGranted => "This envelope sender is not granted to you",
            Self::DomainNotGranted => "This recipient's domain is not granted to you",
            Self::Forbidden => "This is not allowed from here",
            Self::NotFound => "There is nothing here for you",
            Self::MethodNotAllowed => "This method is not allowed here",
            Self::StillRunning => "A submission with this key is still running",
            Self::Conflict => "It was changed by somebody else meanwhile",
            Self::TooLarge => "Larger than the limits allow",
            Self::UnsupportedMediaType => "This body type is not taken",
            Self::KeyReused => "This Idempotency-Key was used for another submission",
            Self::NoRoute => "No route leads to a recipient's domain",
            Self::MailLoop => "The message is going round in circles",
            Self::Refused => "The primary refused the message for good",
            Self::SenderTimeout => "The body did not arrive in time",
            Self::Misconfigured => "The configuration cannot be used",
            Self::NotAccepted => "Nothing was accepted; keep the message and try again",
            Self::Unavailable => "Not available now; try again",
        }
    }

    /// Whether the sender should try the same again.
    pub const fn retry(self) -> bool {
        matches!(
            self,
            Self::StillRunning | Self::NotAccepted | Self::Unavailable
        )
    }
}

/// One problem, ready to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What happened here and how to mend it. No secrets, no content.
    pub detail: String,
    /// Further members of the object.
    pub extra: Map<String, Value>,
}

impl Problem {
    /// A problem of this kind, with what happened here.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            extra: Map::new(),
        }
    }

    /// With one more member, for machines.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The object, with the `id` under which the log knows the request.
    pub fn json(&self, id: &str) -> Value {
        let mut object = Map::new();
        let kind = serde_json::to_value(self.kind).unwrap_or_default();
        let slug = kind.as_str().unwrap_or_default();
        object.insert("type".into(), format!("{TYPE_BASE}{slug}").into());
        object.insert("title".into(), self.kind.title().into());
        object.insert("status".into(), self.kind.status().into());
        object.insert("detail".into(), self.detail.clone().into());
        object.insert("id".into(), id.into());
        for (name, value) in &self.extra {
            object.insert(name.clone(), value.clone());
        }
        Value::Object(object)
    }
}

/// What stands in front of a kind's name in `type`.
pub const TYPE_BASE: &str = "urn:holdfast:problem:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_kind_status_and_request() {
        let problem =
            Problem::new(Kind::NoRoute, "no route leads to x.org").with("domains", vec!["x.org"]);
        let json = problem.json("0190");
        assert_eq!(json["type"], "urn:holdfast:problem:no-route");
        assert_eq!(json["status"], 422);
        assert_eq!(json["id"], "0190");
        assert_eq!(json["domains"][0], "x.org");
    }
}
