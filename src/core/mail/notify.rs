//! What the sender of a message wants to be told when it cannot be delivered (RFC 3461, 4).
//!
//! Said with the submission, kept with the message, passed on to primaries that offer DSN. The
//! words are those of the RFC; `SUCCESS` and `DELAY` are not taken, because the answer to the
//! submission and `GET /v1/messages/{id}` say that.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits;

/// What the sender asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DsnRequest {
    /// When to tell it; nothing said = on failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// How much of the message to give back; nothing said = its header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ret: Option<Ret>,
    /// The sender's own name for this envelope.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 100))]
    pub envid: Option<EnvelopeId>,
}

impl DsnRequest {
    /// Never tell anybody: what reports themselves carry (RFC 3461, 6.1).
    pub fn never() -> Self {
        Self {
            notify: Some(Notify::Never),
            ..Self::default()
        }
    }

    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When the sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Notify {
    /// Not at all.
    Never,
    /// When a recipient's copy cannot be delivered.
    Failure,
}

/// How much of the message comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Ret {
    /// Its header.
    Hdrs,
    /// All of it, where it is not too large.
    Full,
}

impl Notify {
    /// The word of the API; SMTP's is the same in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Failure => "failure",
        }
    }

    /// The word read back, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Never, Self::Failure]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(word))
    }
}

impl Ret {
    /// The word of the API; SMTP's is the same in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hdrs => "hdrs",
            Self::Full => "full",
        }
    }

    /// The word read back, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Hdrs, Self::Full]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(word))
    }
}

/// An envelope id as its sender means it: xtext is only how SMTP carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvelopeId(String);

impl EnvelopeId {
    /// Checks it: printable ASCII, no space at its ends, so that it stands in one header field.
    pub fn parse(text: &str) -> Option<Self> {
        let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        let good = printable
            && text.trim() == text
            && (1..=limits::ENVELOPE_ID_CHARS).contains(&text.len());
        good.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As a parameter of SMTP carries it (RFC 3461, 4): `+` and two digits for what may not stand
    /// there.
    pub fn xtext(&self) -> String {
        let mut xtext = String::with_capacity(self.0.len());
        for byte in self.0.bytes() {
            match byte {
                b'+' | b'=' | b' ' => xtext.push_str(&format!("+{byte:02X}")),
                byte => xtext.push(char::from(byte)),
            }
        }
        xtext
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EnvelopeId {
    type Error = NotAnEnvelopeId;
    fn try_from(text: String) -> Result<Self, NotAnEnvelopeId> {
        Self::parse(&text).ok_or(NotAnEnvelopeId)
    }
}

impl From<EnvelopeId> for String {
    fn from(id: EnvelopeId) -> Self {
        id.0
    }
}

/// The text is not an envelope id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "1 to {} printable ASCII characters, no space at its ends",
    limits::ENVELOPE_ID_CHARS
)]
pub struct NotAnEnvelopeId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_id_is_one_parameter_and_one_line() {
        let id = EnvelopeId::parse("order 7+8=15").unwrap();
        assert_eq!(id.xtext(), "order+207+2B8+3D15");
        let long = "x".repeat(limits::ENVELOPE_ID_CHARS + 1);
        for bad in ["", " a", "a ", "a\r\nb", "a\tb", "\u{e9}", &long] {
            assert_eq!(EnvelopeId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn words_are_read_in_any_case_and_others_are_not() {
        assert_eq!(Notify::parse("NEVER"), Some(Notify::Never));
        assert_eq!(Notify::parse("success"), None);
        assert_eq!(Ret::parse("Full"), Some(Ret::Full));
        assert_eq!(Ret::parse("body"), None);
    }
}
