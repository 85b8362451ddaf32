//! The keys that gateways' signatures are verified with: the secret variable `gateway_keys`.
//!
//! ```toml
//! [acme]                    # a partner
//! mailgun = "key-..."       # Mailgun's HTTP webhook signing key
//! postal = "MIGfMA0..."     # Postal's public key, Base64 of its DER
//! ```

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::config::ConfigError;

/// The keys of all partners.
#[derive(Clone, Debug, Default)]
pub struct GatewaySecrets(BTreeMap<String, Keys>);

/// The keys of one partner's gateways.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Mailgun's signing key.
    pub mailgun: Option<String>,
    /// Postal's public key, given as a SubjectPublicKeyInfo (RFC 5280, 4.1) in Base64, with or without
    /// PEM's lines: what stands behind `p=` in its DKIM record.
    #[serde(default, deserialize_with = "der")]
    pub postal: Option<Vec<u8>>,
}

/// What an RSA signature (PKCS #1 v1.5) is over.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'s> {
    /// The public key: DER of an RSAPublicKey (RFC 8017, A.1.1).
    pub key: &'s [u8],
    /// Whether the hash is SHA-256; else it is SHA-1.
    pub sha256: bool,
    /// What was signed.
    pub text: &'s [u8],
    /// The signature.
    pub signature: &'s [u8],
}

impl GatewaySecrets {
    /// Reads the document; an empty one has no keys.
    pub fn parse(document: &str) -> Result<Self, ConfigError> {
        let read = toml::from_str(document);
        // What is wrong in a document of secrets is not shown: the line would be.
        read.map(Self).map_err(|_| {
            let reason =
                "not a TOML document of tables [PARTNER] with `mailgun` and `postal` as texts";
            ConfigError::at("gateway_keys", reason)
        })
    }

    /// Whose keys there are.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The keys of one partner.
    pub fn of(&self, partner: &str) -> Option<&Keys> {
        self.0.get(partner)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mailgun, postal } = self;
        let is = |there: bool| if there { "set" } else { "none" };
        write!(
            f,
            "Keys(mailgun: {}, postal: {})",
            is(mailgun.is_some()),
            is(postal.is_some())
        )
    }
}

fn der<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = String::deserialize(from)?;
    let lines = text.lines().map(str::trim);
    let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(base64).map_err(serde::de::Error::custom)?;
    let key = rsa_key(&der).ok_or_else(|| serde::de::Error::custom("no RSA public key"))?;
    Ok(Some(key.to_vec()))
}

/// The RSAPublicKey (RFC 8017, A.1.1) in a SubjectPublicKeyInfo, or by itself.
fn rsa_key(der: &[u8]) -> Option<&[u8]> {
    let (inside, rest) = element(der, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    if element(inside, INTEGER).is_some() {
        return Some(der);
    }
    let (_, rest) = element(inside, SEQUENCE)?;
    let (bits, rest) = element(rest, BIT_STRING)?;
    // The first byte says how many bits of the last one are not used.
    let key = bits.strip_prefix(&[0])?;
    element(element(key, SEQUENCE)?.0, INTEGER)?;
    rest.is_empty().then_some(key)
}

/// The contents of the element of this tag at the beginning, and what follows it (X.690, 8.1).
fn element(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    (tag == wanted).then(|| rest.split_at_checked(length))?
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
