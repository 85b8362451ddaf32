//! DKIM signatures (RFC 6376) on what users write: rsa-sha256 (3.3.1) or ed25519-sha256 (RFC 8463),
//! relaxed on both sides (3.4.2, 3.4.4), because mail systems on the way rewrap what they pass on.
//!
//! The cryptography is ring's; what stands here is what it is applied to.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256};
use sha2::{Digest as _, Sha256};

use super::Domain;
use crate::time::Timestamp;

/// A key and the name of its public half in the DNS: `SELECTOR._domainkey.DOMAIN`.
pub struct Signer<'s> {
    selector: &'s str,
    key: Key,
}

enum Key {
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

/// The key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is no PEM, and no Base64.
    #[error(
        "it is no private key in PEM; make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    )]
    NotPem,
    /// It is PEM, and what is in it is not a key we can sign with.
    #[error("it is neither an RSA key of 2048 to 4096 bits nor an Ed25519 key, in PKCS #8")]
    NotAKey,
}

impl<'s> Signer<'s> {
    /// Of a private key in PEM (PKCS #8, RFC 5958; for RSA also PKCS #1).
    pub fn new(selector: &'s str, pem: &str) -> Result<Self, BadKey> {
        let lines = pem.lines().map(str::trim);
        let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&base64).map_err(|_| BadKey::NotPem)?;
        if der.is_empty() {
            return Err(BadKey::NotPem);
        }
        let rsa = rsa::KeyPair::from_pkcs8(&der).or_else(|_| rsa::KeyPair::from_der(&der));
        let key = match rsa {
            Ok(rsa) => Key::Rsa(rsa),
            // OpenSSL writes keys without their public half.
            Err(_) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                .map(Key::Ed25519)
                .map_err(|_| BadKey::NotAKey)?,
        };
        Ok(Self { selector, key })
    }

    /// The header field for a message, with its line end; it goes in front. None where the message has
    /// no `From`, which has to be signed (RFC 6376, 5.4), or the key fails.
    pub fn sign(&self, message: &[u8], domain: &Domain, at: Timestamp) -> Option<String> {
        let (fields, body) = split(message);
        fields.iter().find(|field| name(field) == "from")?;
        let mut signed: Vec<&str> = Vec::new();
        let mut hashed = String::new();
        for wanted in SIGNED {
            if let Some(field) = fields.iter().rfind(|field| name(field) == *wanted) {
                signed.push(wanted);
                hashed += &relaxed_field(field);
                hashed += "\r\n";
            }
        }
        // Named once more than they are there: who adds another breaks the signature (8.15).
        signed.extend(ONLY_ONCE);
        let algorithm = match self.key {
            Key::Rsa(_) => "rsa-sha256",
            Key::Ed25519(_) => "ed25519-sha256",
        };
        let body_hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        let field = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n\ts={}; t={};\r\n\th={};\r\n\
             \tbh={body_hash};\r\n\tb=",
            self.selector,
            at.millis() / 1_000,
            signed.join(":\r\n\t "),
        );
        hashed += &relaxed_field(field.as_bytes());
        let signature = STANDARD.encode(self.signature(hashed.as_bytes())?);
        let lines: Vec<&str> = signature
            .as_bytes()
            .chunks(LINE)
            .filter_map(|line| std::str::from_utf8(line).ok())
            .collect();
        Some(format!("{field}{}\r\n", lines.join("\r\n\t ")))
    }

    fn signature(&self, hashed: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // ring asks for chance whatever the padding; this one draws none (RFC 8017, 8.2).
                let chance = SystemRandom::new();
                let signed = key.sign(&RSA_PKCS1_SHA256, &chance, hashed, &mut signature);
                signed.ok().map(|()| signature)
            }
            // The hash is signed, not the text (RFC 8463, 3).
            Key::Ed25519(key) => Some(key.sign(&Sha256::digest(hashed)).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("selector", &self.selector)
            .finish_non_exhaustive()
    }
}

/// The header fields, folded as they are, and the body.
fn split(message: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut fields, mut rest) = (Vec::new(), message);
    while !rest.is_empty() {
        if let Some(body) = rest.strip_prefix(b"\r\n") {
            return (fields, body);
        }
        let (mut end, mut at) = (rest.len(), 0);
        while let Some(line_end) = find_line_end(rest, at) {
            at = line_end + 2;
            if !matches!(rest.get(at), Some(b' ' | b'\t')) {
                end = line_end;
                break;
            }
        }
        let (field, after) = rest.split_at(end);
        fields.push(field);
        rest = after.strip_prefix(b"\r\n").unwrap_or(after);
    }
    (fields, rest)
}

fn find_line_end(bytes: &[u8], from: usize) -> Option<usize> {
    let found = bytes
        .get(from..)?
        .windows(2)
        .position(|pair| pair == b"\r\n");
    found.map(|at| from + at)
}

fn name(field: &[u8]) -> String {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default();
    String::from_utf8_lossy(name).trim().to_lowercase()
}

/// RFC 6376, 3.4.2: the name in lower case, the value in one line with single spaces.
fn relaxed_field(field: &[u8]) -> String {
    let field = String::from_utf8_lossy(field);
    let (name, value) = field.split_once(':').unwrap_or((&field, ""));
    let words = value.split([' ', '\t', '\r', '\n']);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim().to_lowercase(), words.join(" "))
}

/// RFC 6376, 3.4.4: single spaces, none at the end of a line, no empty lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let (mut relaxed, mut empty) = (Vec::with_capacity(body.len()), 0);
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    let mut rest = Some(body);
    while let Some(bytes) = rest {
        let end = find_line_end(bytes, 0);
        let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or(bytes);
        rest = end.and_then(|end| bytes.get(end + 2..));
        let words = line.split(|byte| matches!(byte, b' ' | b'\t'));
        let begins_blank = matches!(line.first(), Some(b' ' | b'\t'));
        let words: Vec<&[u8]> = words.filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            empty += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut empty) {
            relaxed.extend_from_slice(b"\r\n");
        }
        if begins_blank {
            relaxed.push(b' ');
        }
        relaxed.extend_from_slice(&words.join(&b' '));
        relaxed.extend_from_slice(b"\r\n");
    }
    relaxed
}

/// What is signed where it is there (RFC 6376, 5.4.1).
const SIGNED: &[&str] = &[
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];
const ONLY_ONCE: [&str; 4] = ["from", "to", "subject", "date"];
/// Characters of a signature in one line.
const LINE: usize = 70;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8463, appendix A.
    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    /// Its Ed25519 key in PKCS #8.
    fn pem() -> String {
        let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
        let mut der = vec![
            0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
        ];
        der.extend(seed.unwrap());
        format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        )
    }

    #[test]
    fn the_signature_of_the_rfc_is_made() {
        let (fields, body) = split(MESSAGE.as_bytes());
        let body_hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        assert_eq!(body_hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
        let header = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
            d=football.example.com; i=@football.example.com;\r\n \
            q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
            subject : date : message-id : from : subject : date;\r\n \
            bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
        let mut hashed: String = fields
            .iter()
            .map(|field| relaxed_field(field) + "\r\n")
            .collect();
        hashed += &relaxed_field(header.as_bytes());
        let key = pem();
        let signer = Signer::new("brisbane", &key).unwrap();
        let signature = STANDARD.encode(signer.signature(hashed.as_bytes()).unwrap());
        assert_eq!(
            signature,
            "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
        );
    }

    #[test]
    fn bodies_are_relaxed_as_the_rfc_says() {
        for (body, relaxed) in [
            ("", ""),
            ("\r\n\r\n", ""),
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
            ("a\r\n \r\n\r\nb", "a\r\n\r\n\r\nb\r\n"),
        ] {
            assert_eq!(
                relaxed_body(body.as_bytes()),
                relaxed.as_bytes(),
                "{body:?}"
            );
        }
        assert_eq!(relaxed_field(b"A: X "), "a:X");
        assert_eq!(relaxed_field(b"B : Y\t\r\n\tZ  "), "b:Y Z");
    }

    #[test]
    fn the_field_names_what_it_signs_and_keeps_the_key_to_itself() {
        let key = pem();
        let signer = Signer::new("s1", &key).unwrap();
        let domain = "football.example.com".parse().unwrap();
        let at = Timestamp::from_millis(1_528_637_909_000);
        let field = signer.sign(MESSAGE.as_bytes(), &domain, at).unwrap();
        assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; "));
        assert!(field.lines().all(|line| line.len() < 998), "{field}");
        let unfolded: String = field.split_whitespace().collect();
        assert!(unfolded.contains("h=from:to:subject:date:message-id:from:to:subject:date;"));
        assert!(unfolded.contains("s=s1;t=1528637909;"), "{field}");
        assert_eq!(signer.sign(b"To: x\r\n\r\nx", &domain, at), None);
        assert!(!format!("{signer:?}").contains("nWGx"));
        assert_eq!(Signer::new("s", "").err(), Some(BadKey::NotPem));
        assert_eq!(Signer::new("s", "aGVsbG8=").err(), Some(BadKey::NotAKey));
    }
}
