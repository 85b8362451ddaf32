//! CloudMailin in its raw format: a form with `message` and `envelope[...]` (CloudMailin, Raw Message
//! Format). Basic credentials stand in the URL. It answers the sending server by our status: 2xx took it,
//! 4xx bounces it, 5xx has it tried again.

use bytes::Bytes;

use super::fields::{Fields, MediaType};
use super::{Posted, envelope, other_type, unreadable};
use crate::problem::Problem;

/// Reads what was posted.
pub fn read(media_type: &MediaType, body: &Bytes) -> Result<Posted, Problem> {
    let fields = Fields::read(media_type, body)?;
    let fields = fields.ok_or_else(|| other_type("a form"))?;
    let message = fields.bytes("message").cloned();
    let message = message
        .ok_or_else(|| unreadable("there is no field `message`; choose the format \"raw\""))?;
    let all: Result<Vec<&str>, Problem> = fields.all("envelope[recipients]").collect();
    let mut recipients = all?;
    if recipients.is_empty() {
        recipients.push(fields.text("envelope[to]")?);
    }
    Ok(Posted {
        envelope: envelope(fields.text("envelope[from]")?, recipients)?,
        message,
        name: None,
    })
}
