//! Postal's HTTP endpoint with the raw message, as JSON or as a form: `id`, `rcpt_to`, `mail_from`,
//! `message`, `base64` (Postal, Receiving e-mail by HTTP). The body is signed with the installation's RSA
//! key, in `X-Postal-Signature-256`, of older ones in `X-Postal-Signature` with SHA-1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::fields::{Fields, MediaType};
use super::secrets::{Keys, Signed};
use super::{Posted, Signatures, envelope, other_type, unreadable};
use crate::problem::{Kind, Problem};

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    rcpt_to: String,
    #[serde(default)]
    mail_from: String,
    message: String,
    #[serde(default)]
    base64: bool,
}

/// Reads what was posted.
pub fn read(
    media_type: &MediaType,
    body: &Bytes,
    keys: Option<&Keys>,
    signatures: &Signatures,
    verify: &dyn Fn(&Signed<'_>) -> bool,
) -> Result<Posted, Problem> {
    check(body, keys, signatures, verify)?;
    let told = match Fields::read(media_type, body)? {
        Some(fields) => {
            let text = |name: &str| fields.text(name).map(str::to_owned);
            Told {
                id: Value::String(text("id")?),
                rcpt_to: text("rcpt_to")?,
                mail_from: text("mail_from")?,
                message: text("message")?,
                base64: matches!(fields.text("base64")?, "true" | "1"),
            }
        }
        None if *media_type == MediaType::Json => serde_json::from_slice(body)
            .map_err(|error| unreadable(format!("the JSON body: {error}")))?,
        None => return Err(other_type("application/json or a form")),
    };
    let message = match told.base64 {
        true => {
            let text: String = told.message.split_ascii_whitespace().collect();
            let decoded = STANDARD.decode(text);
            decoded.map_err(|error| unreadable(format!("`message` is not Base64: {error}")))?
        }
        false => told.message.into_bytes(),
    };
    let name = match told.id {
        Value::String(id) => Some(id),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    };
    Ok(Posted {
        envelope: envelope(&told.mail_from, [told.rcpt_to.as_str()])?,
        message: message.into(),
        name: name.filter(|name| !name.is_empty()),
    })
}

fn check(
    body: &Bytes,
    keys: Option<&Keys>,
    signatures: &Signatures,
    verify: &dyn Fn(&Signed<'_>) -> bool,
) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Kind::Unauthorized, detail));
    let Some(key) = keys.and_then(|keys| keys.postal.as_deref()) else {
        return refused("gateway_keys has no `postal` for this partner");
    };
    let (given, sha256) = match (&signatures.postal_sha256, &signatures.postal_sha1) {
        (Some(given), _) => (given, true),
        (None, Some(given)) => (given, false),
        (None, None) => return refused("there is no X-Postal-Signature"),
    };
    let signature = STANDARD.decode(given.trim()).unwrap_or_default();
    let signed = Signed {
        key,
        sha256,
        text: body,
        signature: &signature,
    };
    match verify(&signed) {
        true => Ok(()),
        false => refused("the signature is not that of the key in gateway_keys"),
    }
}
