//! The keys that logins are signed with, each derived for one purpose from the deployment's secret
//! `session_key` by HKDF with SHA-256 (RFC 5869).
//!
//! One key for each purpose, so that what was signed for one is worth nothing for another: the
//! cookie of a half session is not a session, a session's cookie is not a CSRF token. Whoever
//! changes `session_key` logs everybody out and starts the throttle anew; passwords, second factors
//! and recovery codes stay, because nothing that is kept is made with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::limits;

/// The keys of a deployment. They are not printed.
pub struct Keys {
    pub(super) session: Key,
    pub(super) half: Key,
    pub(super) csrf: Key,
    pub(super) form: Key,
    pub(super) throttle: Key,
    pub(super) enrolment: Key,
}

/// A key for one purpose.
pub(super) struct Key([u8; 32]);

/// The deployment's secret cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`session_key` has {length} bytes and needs {} at least; make one with: openssl rand -base64 48",
    limits::SESSION_KEY_BYTES
)]
pub struct KeyTooShort {
    length: usize,
}

impl Keys {
    /// The keys that follow from `session_key`, a random text of 32 bytes or more.
    pub fn new(session_key: &str) -> Result<Self, KeyTooShort> {
        let secret = session_key.trim().as_bytes();
        if secret.len() < limits::SESSION_KEY_BYTES {
            let length = secret.len();
            return Err(KeyTooShort { length });
        }
        let root = extract(SALT, secret);
        let key = |purpose: &str| Key(expand(&root, purpose.as_bytes()));
        Ok(Self {
            session: key("session"),
            half: key("half session"),
            csrf: key("csrf"),
            form: key("form before login"),
            throttle: key("throttle"),
            enrolment: key("enrolment"),
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Key {
    /// The HMAC of a text.
    pub(super) fn of(&self, text: &str) -> [u8; 32] {
        hmac(&self.0, &[text.as_bytes()])
    }

    /// The same as base64url without padding, to stand in a cookie or a form.
    pub(super) fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.of(text))
    }

    /// Whether `signature` is what [`Key::sign`] gives, in constant time.
    pub(super) fn signed(&self, text: &str, signature: &str) -> bool {
        let given = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        self.of(text).as_slice().ct_eq(&given).into()
    }
}

/// RFC 5869, 2.2.
fn extract(salt: &[u8], secret: &[u8]) -> [u8; 32] {
    hmac(salt, &[secret])
}

/// RFC 5869, 2.3: the first block, which is all that a key of 32 bytes needs.
fn expand(root: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    hmac(root, &[purpose, &[1]])
}

/// HMAC with a key of a block at most: a shorter one is filled up with zeros (RFC 2104, 2).
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

const SALT: &[u8] = b"holdfast session_key 1";
const _: () = assert!(SALT.len() <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<char> = hex.chars().collect();
        let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
        pairs
            .map(|pair| u8::from_str_radix(&pair, 16).unwrap())
            .collect()
    }

    #[test]
    fn keys_are_derived_as_rfc_5869_has_it_in_its_first_test_case() {
        let root = extract(&bytes("000102030405060708090a0b0c"), &[0x0b; 22]);
        let expected = "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5";
        assert_eq!(root.as_slice(), bytes(expected));
        let first = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        assert_eq!(
            expand(&root, &bytes("f0f1f2f3f4f5f6f7f8f9")).as_slice(),
            bytes(first)
        );
    }

    #[test]
    fn a_short_key_is_refused_with_its_length_and_without_the_key() {
        let error = Keys::new("hunter2hunter2").unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("14 bytes") && told.contains("32"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(Keys::new(&" ".repeat(40)).is_err(), "blanks are no key");
        assert!(Keys::new(&"k".repeat(32)).is_ok());
    }

    #[test]
    fn what_is_signed_for_one_purpose_is_worth_nothing_for_another() {
        let keys = Keys::new(&"k".repeat(32)).unwrap();
        let all = [
            &keys.session,
            &keys.half,
            &keys.csrf,
            &keys.form,
            &keys.throttle,
            &keys.enrolment,
        ];
        for (at, key) in all.iter().enumerate() {
            let signature = key.sign("text");
            for (other, verifier) in all.iter().enumerate() {
                assert_eq!(verifier.signed("text", &signature), at == other);
            }
        }
        assert!(!keys.session.signed("text", ""));
        assert_eq!(format!("{keys:?}"), "Keys(..)");
    }
}
