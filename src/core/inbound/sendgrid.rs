//! SendGrid Inbound Parse with "POST the raw, full MIME message": a form with `email`, the message, and
//! `envelope`, JSON of `from` and `to` (SendGrid, Setting Up The Inbound Parse Webhook). Basic credentials
//! stand in the URL. 2xx is done, 5xx is tried again for three days.

use bytes::Bytes;
use serde::Deserialize;

use super::fields::{Fields, MediaType};
use super::{Posted, envelope, other_type, unreadable};
use crate::problem::Problem;

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    from: String,
    to: Vec<String>,
}

/// Reads what was posted.
pub fn read(media_type: &MediaType, body: &Bytes) -> Result<Posted, Problem> {
    let fields = Fields::read(media_type, body)?;
    let fields = fields.ok_or_else(|| other_type("a form"))?;
    let message = fields.bytes("email").cloned();
    let message = message.ok_or_else(|| {
        unreadable("there is no field `email`; switch \"POST the raw, full MIME message\" on")
    })?;
    let told: Told = serde_json::from_str(fields.text("envelope")?)
        .map_err(|error| unreadable(format!("the field `envelope`: {error}")))?;
    Ok(Posted {
        envelope: envelope(&told.from, told.to.iter().map(String::as_str))?,
        message,
        name: None,
    })
}
