//! A mailbox as the envelope names it (RFC 5321, 4.1.2; RFC 6531 for other scripts).
//!
//! Stricter than what a header may show: no comments, no display names, no source routes. What
//! passes here can stand between `<` and `>` of a `MAIL` or `RCPT` command and never end it early.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `local-part@domain`, checked, kept as it was written.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    at: usize,
}

impl EmailAddress {
    /// What stands before the `@`, as it was written.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The domain, in lower case.
    pub fn domain(&self) -> Domain {
        Domain(self.text[self.at + 1..].to_lowercase())
    }

    /// The whole address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same mailbox for all we may know: the domain has no case, the local part might.
    pub fn same_mailbox(&self, other: &Self) -> bool {
        self.local() == other.local() && self.domain() == other.domain()
    }
}

/// A mail domain in lower case, or an address literal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// The domain's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        check_domain(text)?;
        Ok(Self(text.to_lowercase()))
    }
}

/// Why a text is not an address. All of them are the sender's to mend (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// More than RFC 5321 4.5.3.1 lets a path, a local part (64) or a domain (255) have.
    #[error("it is longer than RFC 5321 allows (64 before the @, 255 after it, 254 in all)")]
    TooLong,
    /// No `@` with something on both sides.
    #[error("it has no @ with a name on both sides")]
    NoAt,
    /// The part before the `@`.
    #[error("the part before the @ has a character or a dot where none may stand")]
    Local,
    /// The part after the `@`.
    #[error("the part after the @ is not a domain name")]
    Domain,
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > PATH_OCTETS {
            return Err(AddressError::TooLong);
        }
        let at = text
            .rfind('@')
            .filter(|at| *at > 0)
            .ok_or(AddressError::NoAt)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        check_local(local)?;
        check_domain(domain)?;
        Ok(Self {
            text: text.to_owned(),
            at,
        })
    }
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if local.len() > LOCAL_OCTETS {
        return Err(AddressError::TooLong);
    }
    let quoted = local.len() >= 2 && local.starts_with('"') && local.ends_with('"');
    let good = if quoted {
        quoted_string(&local[1..local.len() - 1])
    } else {
        dot_string(local)
    };
    if good {
        Ok(())
    } else {
        Err(AddressError::Local)
    }
}

/// Dot-string: atoms with single dots between them.
fn dot_string(local: &str) -> bool {
    local.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || "!#$%&'*+-/=?^_`{|}~".contains(c)
                    || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
            })
    })
}

/// The inside of a quoted string: printable, with `"` and `\` only behind a `\`.
fn quoted_string(inside: &str) -> bool {
    let mut escaped = false;
    for c in inside.chars() {
        // Angle brackets are legal here, and end the path early for a careless reader.
        if c.is_control() || (c.is_whitespace() && c != ' ') || matches!(c, '<' | '>') {
            return false;
        }
        match (escaped, c) {
            (true, _) => escaped = false,
            (false, '\\') => escaped = true,
            (false, '"') => return false,
            _ => {}
        }
    }
    !escaped
}

fn check_domain(domain: &str) -> Result<(), AddressError> {
    if domain.len() > DOMAIN_OCTETS {
        return Err(AddressError::TooLong);
    }
    if let Some(literal) = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')) {
        // The tag has no case (RFC 5321, 2.3.5), and what we make of a domain is in lower case.
        let v6 = literal
            .get(..5)
            .filter(|tag| tag.eq_ignore_ascii_case("IPv6:"))
            .is_some_and(|tag| literal[tag.len()..].parse::<Ipv6Addr>().is_ok());
        let good = v6 || literal.parse::<Ipv4Addr>().is_ok();
        return if good {
            Ok(())
        } else {
            Err(AddressError::Domain)
        };
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || c == '-'
                    || c == '_'
                    || (!c.is_ascii() && c.is_alphanumeric())
            })
    };
    if domain.split('.').all(label) {
        Ok(())
    } else {
        Err(AddressError::Domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

const PATH_OCTETS: usize = 254;
const LOCAL_OCTETS: usize = 64;
const DOMAIN_OCTETS: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_have_is_an_address() {
        for good in [
            "ada@example.org",
            "a.b+tag@sub.example.org",
            "\"a b\"@example.org",
            "o'hara@example.org",
            "\"a\\\"b\"@example.org",
            "root@[192.0.2.1]",
            "x@[IPv6:2001:db8::1]",
            "grå@exämple.org",
            "a@localhost",
            "\"a@b\"@example.org",
        ] {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
    }

    #[test]
    fn an_address_literal_has_no_case() {
        let domain = |text: &str| text.parse::<Domain>();
        let lower = domain("[ipv6:2001:db8::a]").unwrap();
        assert_eq!(domain("[IPv6:2001:DB8::A]"), Ok(lower.clone()));
        assert_eq!(domain(lower.as_str()), Ok(lower), "it reads back");
        assert!(domain("[ipv7:2001:db8::a]").is_err());
    }

    #[test]
    fn what_could_end_a_command_early_is_not() {
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a b@example.org",
            "a@exa mple.org",
            "a@example.org>",
            "<a@example.org",
            "a\r\nRCPT TO:<x@y>@example.org",
            "\"a\rb\"@example.org",
            "\"a\"b\"@example.org",
            ".a@b.c",
            "a..b@b.c",
            "a.@b.c",
            "a@-b.c",
            "a@b..c",
            "a@b.c.",
            "a@[300.1.1.1]",
            "\"a\\\"@example.org",
            "a@b\0.c",
            "a@b.c\u{2028}d",
            "a,b@example.org",
            "a@b.c SIZE=1",
            "a\u{85}b@c.d",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
        assert!(
            format!("{}@b.c", "a".repeat(65))
                .parse::<EmailAddress>()
                .is_err()
        );
        assert!(
            format!("a@{}", "b.".repeat(130))
                .parse::<EmailAddress>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn no_text_that_passes_can_leave_the_angle_brackets(text in "\\PC*|[\\x00-\\x7f]{0,40}@[\\x00-\\x7f]{0,40}") {
            if let Ok(address) = text.parse::<EmailAddress>() {
                prop_assert!(!address.as_str().chars().any(char::is_control));
                let bare = !address.local().starts_with('"');
                prop_assert!(!bare || !address.as_str().contains(['<', '>', ' ']));
                prop_assert!(!address.domain().as_str().contains(['<', '>', ' ']));
            }
        }
    }
}
