//! Mailgun Routes: `forward("https://.../v1/inbound/mailgun/PARTNER/mime")`. The form has `sender`,
//! `recipient`, `body-mime`, and `signature`, the HMAC-SHA256 of `timestamp` and `token` in hexadecimal
//! (Mailgun, Receiving Messages; Securing Webhooks). Only 200 is done, and only 406 ends its tries.
//!
//! The signature is not over the message: who has seen one can post others with it until its time is over.
//! TLS keeps it from being seen.

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::fields::{Fields, MediaType};
use super::secrets::Keys;
use super::{Posted, envelope, other_type, unreadable};
use crate::limits;
use crate::problem::{Kind, Problem};
use crate::time::Timestamp;

/// Reads what was posted.
pub fn read(
    media_type: &MediaType,
    body: &Bytes,
    keys: Option<&Keys>,
    now: Timestamp,
) -> Result<Posted, Problem> {
    let fields = Fields::read(media_type, body)?;
    let fields = fields.ok_or_else(|| other_type("a form"))?;
    check(&fields, keys, now)?;
    let message = fields.bytes("body-mime").cloned();
    let message = message.ok_or_else(|| {
        unreadable("there is no field `body-mime`; the URL in the route must end in /mime")
    })?;
    let recipients = fields.text("recipient")?.split(',');
    Ok(Posted {
        envelope: envelope(fields.text("sender")?, recipients)?,
        message,
        // Its token is new each time.
        name: None,
    })
}

fn check(fields: &Fields, keys: Option<&Keys>, now: Timestamp) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Kind::Unauthorized, detail));
    let Some(key) = keys.and_then(|keys| keys.mailgun.as_deref()) else {
        return refused("gateway_keys has no `mailgun` for this partner");
    };
    let (timestamp, token) = (fields.text("timestamp")?, fields.text("token")?);
    let given = from_hex(fields.text("signature")?).unwrap_or_default();
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
        return refused("the key cannot be used");
    };
    mac.update(timestamp.as_bytes());
    mac.update(token.as_bytes());
    let right: [u8; 32] = mac.finalize().into_bytes().into();
    if !bool::from(right.as_slice().ct_eq(&given)) {
        return refused("the signature is not Mailgun's");
    }
    let seconds: Option<i64> = timestamp.parse().ok();
    let at = seconds.and_then(|seconds| seconds.checked_mul(1_000));
    let recent = at.map(Timestamp::from_millis).is_some_and(|at| {
        at <= now.after(limits::GATEWAY_CLOCK) && now <= at.after(limits::GATEWAY_SIGNATURE)
    });
    match recent {
        true => Ok(()),
        false => refused("the signature is too old, or of a time to come"),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}
