//! Who may submit: a partner, its key's hash, and what it may send from and to.
//!
//! Keys are kept as SHA-256 only: a key is random and long, so that a slow hash would cost each
//! request much and an attacker nothing. Comparing takes the same time for every key and every
//! partner, found or not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::config::{ConfigError, name};
use crate::mail::{Domain, EmailAddress, Envelope};
use crate::problem::{Kind, Problem};

/// One partner.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Its name.
    pub name: String,
    key_sha256: [u8; 32],
    senders: Option<Vec<SenderPattern>>,
    domains: Option<Vec<Domain>>,
}

/// A partner as the document writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerTable {
    name: String,
    key_sha256: String,
    senders: Option<Vec<String>>,
    domains: Option<Vec<String>>,
}

impl PartnerTable {
    /// Checked into a partner.
    pub fn check(self) -> Result<Partner, ConfigError> {
        let name = name("partner.name", &self.name)?;
        let key = |field: &str| format!("partner.{name}.{field}");
        let key_sha256 = hex32(&self.key_sha256).ok_or_else(|| {
            let reason = "not 64 hexadecimal digits; make one with: printf %s KEY | sha256sum";
            ConfigError::at(key("key_sha256"), reason)
        })?;
        let senders = self
            .senders
            .map(|list| {
                list.iter()
                    .map(|text| SenderPattern::parse(&key("senders"), text))
                    .collect()
            })
            .transpose()?;
        let domains = self
            .domains
            .map(|list| {
                list.iter()
                    .map(|text| {
                        text.parse()
                            .map_err(|e| ConfigError::at(key("domains"), format!("{text:?}: {e}")))
                    })
                    .collect()
            })
            .transpose()?;
        Ok(Partner {
            name,
            key_sha256,
            senders,
            domains,
        })
    }
}

/// An envelope sender a partner may use: one address, `*@domain`, or `<>`.
#[derive(Clone, Debug)]
enum SenderPattern {
    Null,
    AnyAt(Domain),
    Exactly(EmailAddress),
}

impl SenderPattern {
    fn parse(key: &str, text: &str) -> Result<Self, ConfigError> {
        let bad =
            |error: crate::mail::AddressError| ConfigError::at(key, format!("{text:?}: {error}"));
        match text.strip_prefix("*@") {
            _ if text == "<>" => Ok(Self::Null),
            Some(domain) => domain.parse().map(Self::AnyAt).map_err(bad),
            None => text.parse().map(Self::Exactly).map_err(bad),
        }
    }

    fn allows(&self, sender: Option<&EmailAddress>) -> bool {
        match (self, sender) {
            (Self::Null, None) => true,
            (Self::AnyAt(domain), Some(sender)) => sender.domain() == *domain,
            (Self::Exactly(address), Some(sender)) => address.same_mailbox(sender),
            _ => false,
        }
    }
}

/// The partner whose key stands in the `Authorization` field (RFC 6750, RFC 7617).
pub fn authenticate<'c>(
    partners: &'c [Partner],
    authorization: Option<&[u8]>,
) -> Result<&'c Partner, Problem> {
    let refused = |detail: &str| Problem::new(Kind::Unauthorized, detail);
    let Some(header) = authorization else {
        return Err(refused(
            "send `Authorization: Bearer KEY`, or Basic with PARTNER:KEY",
        ));
    };
    let Some((user, key)) = credentials(header) else {
        return Err(refused(
            "the Authorization field is neither Bearer KEY nor Basic PARTNER:KEY",
        ));
    };
    let hash: [u8; 32] = Sha256::digest(&key).into();
    let mut found = None;
    for partner in partners {
        let mut right: Choice = partner.key_sha256.ct_eq(&hash);
        if let Some(user) = &user {
            right &= partner.name.as_bytes().ct_eq(user);
        }
        if bool::from(right) && found.is_none() {
            found = Some(partner);
        }
    }
    found.ok_or_else(|| refused("the key is not known here"))
}

/// The partner, if its key is the password of the `Authorization` field, under whatever user name: for
/// those who cannot choose one.
pub fn holds_key<'c>(
    partner: Option<&'c Partner>,
    authorization: Option<&[u8]>,
) -> Result<&'c Partner, Problem> {
    let given = authorization.and_then(credentials);
    let key = given.map(|(_, key)| key).unwrap_or_default();
    let hash: [u8; 32] = Sha256::digest(&key).into();
    // Also for a partner that there is not the same is done.
    let wanted = partner.map_or([0; 32], |partner| partner.key_sha256);
    let right = wanted.ct_eq(&hash);
    partner.filter(|_| bool::from(right)).ok_or_else(|| {
        let detail = "put the partner's key into the URL as the password: https://any:KEY@host/...";
        Problem::new(Kind::Unauthorized, detail)
    })
}

/// The user, where there is one, and the key.
fn credentials(header: &[u8]) -> Option<(Option<Vec<u8>>, Vec<u8>)> {
    let at = header.iter().position(|b| *b == b' ')?;
    let (scheme, rest) = (&header[..at], header[at..].trim_ascii());
    if rest.is_empty() {
        return None;
    }
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return Some((None, rest.to_vec()));
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let pair = STANDARD.decode(rest).ok()?;
    let colon = pair.iter().position(|b| *b == b':')?;
    Some((Some(pair[..colon].to_vec()), pair[colon + 1..].to_vec()))
}

impl Partner {
    /// Whether this partner may send mail with this envelope.
    pub fn check(&self, envelope: &Envelope) -> Result<(), Problem> {
        if let Some(patterns) = &self.senders {
            let sender = envelope.sender.as_ref();
            if !patterns.iter().any(|pattern| pattern.allows(sender)) {
                let detail = format!(
                    "partner {} may not use the sender <{}>",
                    self.name,
                    envelope.sender_path()
                );
                return Err(Problem::new(Kind::SenderNotGranted, detail));
            }
        }
        if let Some(domains) = &self.domains {
            for recipient in &envelope.recipients {
                let domain = recipient.domain();
                if !domains.contains(&domain) {
                    let detail = format!("partner {} may not write to {domain}", self.name);
                    return Err(Problem::new(Kind::DomainNotGranted, detail));
                }
            }
        }
        Ok(())
    }
}

/// 64 hexadecimal digits.
pub fn hex32(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A bearer token equal to the one configured, compared in constant time; an empty one is never right.
pub fn bearer_is(authorization: Option<&[u8]>, token: &str) -> bool {
    let given = authorization
        .and_then(credentials)
        .filter(|(user, _)| user.is_none());
    let (right, given): ([u8; 32], [u8; 32]) = (
        Sha256::digest(token).into(),
        Sha256::digest(given.map(|(_, key)| key).unwrap_or_default()).into(),
    );
    !token.is_empty() && bool::from(right.ct_eq(&given))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partners() -> Vec<Partner> {
        let partner = |name: &str, key: &str| {
            let hash: [u8; 32] = Sha256::digest(key).into();
            let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
            let table = PartnerTable {
                name: name.into(),
                key_sha256: hex,
                senders: Some(vec![
                    "*@acme.example".into(),
                    "<>".into(),
                    "boss@other.example".into(),
                ]),
                domains: Some(vec!["example.org".into()]),
            };
            table.check().unwrap()
        };
        vec![partner("acme", "one"), partner("zeta", "two")]
    }

    #[test]
    fn a_key_opens_its_own_partners_door_only() {
        let partners = partners();
        let who = |header: &str| {
            authenticate(&partners, Some(header.as_bytes())).map(|p| p.name.as_str())
        };
        assert_eq!(who("Bearer one"), Ok("acme"));
        assert_eq!(who("bearer  two"), Ok("zeta"));
        assert_eq!(
            who(&format!("Basic {}", STANDARD.encode("zeta:two"))),
            Ok("zeta")
        );
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer on",
            "Bearer onee",
            "Digest one",
            "one",
            "Basic one",
            "",
        ] {
            assert!(who(bad).is_err(), "{bad:?}");
        }
        for bad in ["acme:two", ":one", "acme:", "acmeone", "nobody:one"] {
            assert!(
                who(&format!("Basic {}", STANDARD.encode(bad))).is_err(),
                "{bad:?}"
            );
        }
        assert!(authenticate(&partners, None).is_err());
    }

    #[test]
    fn the_answer_to_a_wrong_key_does_not_repeat_it() {
        let problem = authenticate(&partners(), Some(b"Bearer s3cret")).unwrap_err();
        assert!(!format!("{problem:?}").contains("s3cret"));
    }

    #[test]
    fn grants_hold_for_sender_and_domains() {
        let partner = &partners()[0];
        let check = |from: &str, to: &str| {
            let sender = (!from.is_empty()).then(|| from.parse().unwrap());
            partner
                .check(&Envelope::new(sender, vec![to.parse().unwrap()]))
                .map_err(|p| p.kind)
        };
        assert_eq!(check("a@ACME.example", "x@example.org"), Ok(()));
        assert_eq!(check("", "x@Example.org"), Ok(()));
        assert_eq!(check("boss@other.example", "x@example.org"), Ok(()));
        assert_eq!(
            check("clerk@other.example", "x@example.org"),
            Err(Kind::SenderNotGranted)
        );
        assert_eq!(
            check("a@sub.acme.example", "x@example.org"),
            Err(Kind::SenderNotGranted)
        );
        assert_eq!(
            check("a@acme.example", "x@example.net"),
            Err(Kind::DomainNotGranted)
        );
    }

    #[test]
    fn an_empty_token_opens_nothing() {
        assert!(bearer_is(Some(b"Bearer t0ken"), "t0ken"));
        assert!(!bearer_is(Some(b"Bearer t0ke"), "t0ken"));
        assert!(!bearer_is(Some(b"Bearer "), ""));
        assert!(!bearer_is(None, ""));
        assert!(!bearer_is(None, "t0ken"));
    }
}
