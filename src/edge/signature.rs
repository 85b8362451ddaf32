//! RSA signatures of mail gateways, verified with ring.

use holdfast_core::inbound::secrets::Signed;
use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    UnparsedPublicKey,
};

/// Whether the signature is the key's (RSASSA-PKCS1-v1_5; RFC 8017, 8.2). Postal makes keys of 1,024 bits
/// for itself, and older ones sign with SHA-1.
pub fn verify(signed: &Signed<'_>) -> bool {
    let algorithm = match signed.sha256 {
        true => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        false => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    };
    let key = UnparsedPublicKey::new(algorithm, signed.key);
    key.verify(signed.text, signed.signature).is_ok()
}
