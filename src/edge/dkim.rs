//! The private key that what users write is signed with (DKIM), with ring.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::mail::dkim::{Algorithm, Key};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256};

/// A key from the deployment's secrets.
pub enum SigningKey {
    /// RSA of 2048 to 4096 bits.
    Rsa(rsa::KeyPair),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
}

/// The key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// It is no PEM, and no Base64.
    #[error(
        "the variable dkim_key is no private key in PEM; make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    )]
    NotPem,
    /// It is PEM, and what is in it is not a key we can sign with.
    #[error(
        "the variable dkim_key is neither an RSA key of 2048 to 4096 bits nor an Ed25519 key, in PKCS #8"
    )]
    NotAKey,
}

impl SigningKey {
    /// Reads PEM: PKCS #8 (RFC 5958), for RSA also PKCS #1.
    pub fn read(pem: &str) -> Result<Self, BadKey> {
        let lines = pem.lines().map(str::trim);
        let base64: String = lines.filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&base64).map_err(|_| BadKey::NotPem)?;
        if der.is_empty() {
            return Err(BadKey::NotPem);
        }
        let rsa = rsa::KeyPair::from_pkcs8(&der).or_else(|_| rsa::KeyPair::from_der(&der));
        match rsa {
            Ok(rsa) => Ok(Self::Rsa(rsa)),
            // OpenSSL writes keys without their public half.
            Err(_) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
                .map(Self::Ed25519)
                .map_err(|_| BadKey::NotAKey),
        }
    }
}

impl Key for SigningKey {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Rsa(_) => Algorithm::RsaSha256,
            Self::Ed25519(_) => Algorithm::Ed25519Sha256,
        }
    }

    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // ring asks for chance whatever the padding; this one draws none (RFC 8017, 8.2).
                let chance = SystemRandom::new();
                let signed = key.sign(&RSA_PKCS1_SHA256, &chance, text, &mut signature);
                signed.ok().map(|()| signature)
            }
            Self::Ed25519(key) => Some(key.sign(text).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm())
    }
}
