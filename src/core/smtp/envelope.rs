//! The envelope as it may be put on a command line: no address in it can be a second command.
//!
//! Addresses are parsed elsewhere, for what they mean. Here only what could break out of
//! `MAIL FROM:<...>` is refused, so that a mistake there is an error here and never a smuggled
//! command.

use super::limits::{ADDRESS_OCTETS, RECIPIENTS};
use crate::mail::DsnRequest;

/// A sender (maybe empty) and one or more recipients, safe to write into commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    sender: String,
    recipients: Vec<String>,
    dsn: DsnRequest,
}

impl Envelope {
    /// Takes a `sender`, empty for the null sender (RFC 5321 section 4.5.5), and `recipients`,
    /// all without angle brackets. Order and duplicates are kept.
    pub fn new<S: Into<String>>(
        sender: impl Into<String>,
        recipients: impl IntoIterator<Item = S>,
    ) -> Result<Envelope, EnvelopeError> {
        let sender = sender.into();
        if !sender.is_empty() {
            check(&sender).map_err(EnvelopeError::Sender)?;
        }
        // One more than allowed is enough to know.
        let recipients: Vec<String> = recipients
            .into_iter()
            .take(RECIPIENTS + 1)
            .map(Into::into)
            .collect();
        if !(1..=RECIPIENTS).contains(&recipients.len()) {
            return Err(EnvelopeError::Recipients);
        }
        for (index, recipient) in recipients.iter().enumerate() {
            check(recipient).map_err(|error| EnvelopeError::Recipient { index, error })?;
        }
        Ok(Envelope {
            sender,
            recipients,
            dsn: DsnRequest::default(),
        })
    }

    /// The same, and what the sender wants to be told.
    pub fn with_dsn(self, dsn: DsnRequest) -> Envelope {
        Envelope { dsn, ..self }
    }

    /// What the sender wants to be told.
    pub fn dsn(&self) -> &DsnRequest {
        &self.dsn
    }

    /// The sender; empty for the null sender.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The recipients; verdicts are in this order.
    pub fn recipients(&self) -> &[String] {
        &self.recipients
    }
}

/// An envelope that is not put on a command line. The caller's mistake; no retry helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// None, or more than [`RECIPIENTS`].
    #[error("an envelope has 1 to {RECIPIENTS} recipients")]
    Recipients,
    /// The sender is unsafe.
    #[error("sender: {0}")]
    Sender(AddressError),
    /// The recipient at this place, counted from 0, is unsafe.
    #[error("recipient {index}: {error}")]
    Recipient {
        /// Its place.
        index: usize,
        /// What is wrong with it.
        error: AddressError,
    },
}

/// Why an address is not put on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A recipient must have an address.
    #[error("the address is empty")]
    Empty,
    /// More than [`ADDRESS_OCTETS`].
    #[error("the address has more than {ADDRESS_OCTETS} octets")]
    TooLong,
    /// A control character, an angle bracket, or white space that is not a space in a quoted
    /// local part.
    #[error("the address contains {0:?}")]
    Forbidden(char),
    /// A quoted local part that does not end, or not before `@`.
    #[error("the quoted local part does not end before an @")]
    Quote,
}

/// Angle brackets are refused even in quotes, where RFC 5321 allows them: servers that look for
/// the first `>` would end the address there and read what follows as parameters.
fn check(address: &str) -> Result<(), AddressError> {
    if address.is_empty() {
        return Err(AddressError::Empty);
    }
    if address.len() > ADDRESS_OCTETS {
        return Err(AddressError::TooLong);
    }
    let bad = |c: char| c.is_control() || c == '<' || c == '>' || (c.is_whitespace() && c != ' ');
    if let Some(c) = address.chars().find(|&c| bad(c)) {
        return Err(AddressError::Forbidden(c));
    }
    let rest = match address.strip_prefix('"') {
        Some(quoted) => after_quotes(quoted).ok_or(AddressError::Quote)?,
        None => address,
    };
    match rest.chars().find(|&c| c == ' ' || c == '"') {
        Some(c) => Err(AddressError::Forbidden(c)),
        None => Ok(()),
    }
}

/// What follows a quoted local part: `@` and the domain (RFC 5321 section 4.1.2).
fn after_quotes(quoted: &str) -> Option<&str> {
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()?),
            '"' => return Some(&quoted[at + 1..]).filter(|rest| rest.starts_with('@')),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_be_more_than_an_address_are_refused() {
        for address in [
            "",
            " ",
            "a b@c",
            "a@b\r\nRCPT TO:<x@y>",
            "a@b\n",
            "a@b\0",
            "a@b>",
            "<a@b>",
            "a@b> SIZE=1",
            "a@b SIZE=1",
            "\"a b@c",
            "\"a b\\\"@c",
            "\"a\" b@c",
            "\"a b\"",
            "a\"b c\"@d",
            "\"a\tb\"@c",
            "\"a\\\nb\"@c",
            "a@b\u{85}",
            "a@b\u{2028}",
            "a\u{a0}b@c",
            "\"a<b\"@c",
        ] {
            assert!(
                Envelope::new("", [address]).is_err(),
                "{address:?} as recipient"
            );
            if !address.is_empty() {
                assert!(
                    Envelope::new(address, ["a@b"]).is_err(),
                    "{address:?} as sender"
                );
            }
        }
    }

    #[test]
    fn unusual_but_harmless_addresses_are_taken() {
        for address in [
            "a@b",
            "postmaster",
            "\"a b\"@c",
            "\"a\\\" b\"@c",
            "jörg@exämple.org",
            "a+b=c@[192.0.2.1]",
            "user%host@relay",
            "!#$&'*/?^`{|}~@x",
            "@hop:a@b",
        ] {
            assert!(Envelope::new(address, [address]).is_ok(), "{address:?}");
        }
        assert_eq!(Envelope::new("", ["a@b"]).unwrap().sender(), "");
    }

    #[test]
    fn the_number_of_recipients_is_bounded() {
        assert_eq!(Envelope::new("", [""; 0]), Err(EnvelopeError::Recipients));
        assert!(Envelope::new("", ["a@b"; RECIPIENTS]).is_ok());
        assert_eq!(
            Envelope::new("", ["a@b"; RECIPIENTS + 1]),
            Err(EnvelopeError::Recipients)
        );
        assert_eq!(
            Envelope::new("", std::iter::repeat("a@b")),
            Err(EnvelopeError::Recipients)
        );
        let long = "a".repeat(ADDRESS_OCTETS + 1);
        assert_eq!(
            Envelope::new("", [long]),
            Err(EnvelopeError::Recipient {
                index: 0,
                error: AddressError::TooLong
            })
        );
    }
}
