//! Postmark inbound with "Include raw email content in JSON payload": `RawEmail`, `OriginalRecipient`,
//! `MessageID` (Postmark, Inbound webhook). Basic credentials stand in the URL. Only 200 is done, only 403
//! ends its tries.
//!
//! It does not say the envelope's sender; the message's `Return-Path` does, else the author is taken.

use bytes::Bytes;
use serde::Deserialize;

use super::fields::MediaType;
use super::{Posted, envelope, other_type, trace, unreadable};
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    raw_email: Option<String>,
    #[serde(default)]
    original_recipient: String,
    #[serde(default)]
    from_full: Author,
    #[serde(rename = "MessageID")]
    message_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Author {
    #[serde(default)]
    email: String,
}

/// Reads what was posted.
pub fn read(media_type: &MediaType, body: &Bytes) -> Result<Posted, Problem> {
    if *media_type != MediaType::Json {
        return Err(other_type("application/json"));
    }
    let told: Told = serde_json::from_slice(body)
        .map_err(|error| unreadable(format!("the JSON body: {error}")))?;
    let message = told.raw_email.ok_or_else(|| {
        unreadable(
            "there is no `RawEmail`; switch \"Include raw email content in JSON payload\" on",
        )
    })?;
    let sender = trace::sender(message.as_bytes()).unwrap_or(told.from_full.email);
    Ok(Posted {
        envelope: envelope(&sender, [told.original_recipient.as_str()])?,
        message: message.into(),
        name: told.message_id.filter(|name| !name.is_empty()),
    })
}
