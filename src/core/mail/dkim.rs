//! DKIM signatures (RFC 6376) on what users write: rsa-sha256 (3.3.1) or ed25519-sha256 (RFC 8463),
//! relaxed on both sides (3.4.2, 3.4.4), because mail systems on the way rewrap what they pass on.
//!
//! The key is a port ([`Key`]); what stands here is what it is applied to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::Domain;
use crate::time::Timestamp;

/// A private key.
pub trait Key {
    /// How it signs.
    fn algorithm(&self) -> Algorithm;
    /// The signature of this text; none where the key fails.
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>>;
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376, 3.3.1).
    RsaSha256,
    /// PureEdDSA with Ed25519 (RFC 8463, 3). It is given the SHA-256 hash of what is signed.
    Ed25519Sha256,
}

/// A key and the name of its public half in the DNS: `SELECTOR._domainkey.DOMAIN`.
#[derive(Clone, Copy)]
pub struct Signer<'s> {
    /// The name.
    pub selector: &'s str,
    /// The key.
    pub key: &'s dyn Key,
}

impl Signer<'_> {
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
        let algorithm = match self.key.algorithm() {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
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
        match self.key.algorithm() {
            Algorithm::RsaSha256 => self.key.sign(hashed),
            Algorithm::Ed25519Sha256 => self.key.sign(&Sha256::digest(hashed)),
        }
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
    use ring::signature::Ed25519KeyPair;

    use super::*;

    /// RFC 8463, appendix A.
    const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
        \r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

    /// Its Ed25519 key.
    struct Joes(Ed25519KeyPair);

    impl Joes {
        fn new() -> Self {
            let seed = STANDARD.decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
            let public = STANDARD.decode("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
            let (seed, public) = (seed.unwrap(), public.unwrap());
            Self(Ed25519KeyPair::from_seed_and_public_key(&seed, &public).unwrap())
        }
    }

    impl Key for Joes {
        fn algorithm(&self) -> Algorithm {
            Algorithm::Ed25519Sha256
        }

        fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
            Some(self.0.sign(text).as_ref().to_vec())
        }
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
        let signer = Signer {
            selector: "brisbane",
            key: &Joes::new(),
        };
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
    fn the_field_names_what_it_signs() {
        let signer = Signer {
            selector: "s1",
            key: &Joes::new(),
        };
        let domain = "football.example.com".parse().unwrap();
        let at = Timestamp::from_millis(1_528_637_909_000);
        let field = signer.sign(MESSAGE.as_bytes(), &domain, at).unwrap();
        assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; "));
        assert!(field.lines().all(|line| line.len() < 998), "{field}");
        let unfolded: String = field.split_whitespace().collect();
        assert!(unfolded.contains("h=from:to:subject:date:message-id:from:to:subject:date;"));
        assert!(unfolded.contains("s=s1;t=1528637909;"), "{field}");
        assert_eq!(signer.sign(b"To: x\r\n\r\nx", &domain, at), None);
    }
}
