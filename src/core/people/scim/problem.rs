//! What goes wrong, as SCIM tells it (RFC 7644, 3.12).

use serde_json::json;

use crate::custody::store::StoreError;
use crate::people::directory::ChangeError;

/// A SCIM error. The detail says what to mend, and names no other's data but what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {detail}")]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// The kind of a 400 or 409 (RFC 7644, table 9).
    pub kind: Option<&'static str>,
    /// In words.
    pub detail: String,
    /// The methods that would do, for a 405.
    pub allow: Option<&'static str>,
}

impl ScimError {
    /// An error of this status.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind: None,
            detail: detail.into(),
            allow: None,
        }
    }

    /// 400 of this kind.
    pub fn bad(kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: Some(kind),
            ..Self::new(400, detail)
        }
    }

    /// 400: a value cannot be so.
    pub fn value(detail: impl Into<String>) -> Self {
        Self::bad("invalidValue", detail)
    }

    /// 404.
    pub fn missing(what: &str) -> Self {
        Self::new(404, format!("{what} does not exist"))
    }

    /// 405.
    pub fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(405, format!("use {allow} here"))
        }
    }

    /// The body.
    pub fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "schemas": [ERROR],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let (Some(kind), Some(body)) = (self.kind, body.as_object_mut()) {
            body.insert("scimType".into(), kind.into());
        }
        body.to_string().into_bytes()
    }
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        Self::new(503, error.to_string())
    }
}

impl From<ChangeError> for ScimError {
    fn from(error: ChangeError) -> Self {
        let detail = error.to_string();
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::Taken { .. } => Self {
                kind: Some("uniqueness"),
                ..Self::new(409, detail)
            },
            ChangeError::Changed => Self::new(412, detail),
            ChangeError::Missing => Self::new(404, detail),
            ChangeError::Invalid(detail) => Self::value(detail),
        }
    }
}

/// The schema of errors.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
