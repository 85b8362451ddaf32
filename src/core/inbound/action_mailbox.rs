//! Whatever posts a message as Rails' Action Mailbox takes it from relays: `message/rfc822` with Basic
//! credentials (Action Mailbox Basics, Exim, Postfix, Qmail). The user's name is whatever it is there
//! (`actionmailbox`), the password is the partner's key.
//!
//! The envelope is in the query, as in a submission (`?from=...&to=...`), or in the lines that the relay
//! wrote on top: `Return-Path`, and `X-Original-To` or `Delivered-To` (Postfix `pipe(8)` with `flags=ROD`).

use bytes::Bytes;

use super::fields::MediaType;
use super::{Posted, envelope, other_type, trace, unreadable};
use crate::problem::Problem;
use crate::submit::request::query_pairs;

/// Reads what was posted.
pub fn read(media_type: &MediaType, query: &str, body: &Bytes) -> Result<Posted, Problem> {
    if *media_type != MediaType::Message {
        return Err(other_type("message/rfc822"));
    }
    let (mut sender, mut recipients) = (None, Vec::new());
    for pair in query_pairs(query) {
        match pair? {
            ("from", value) => sender = Some(value.into_owned()),
            ("to", value) => recipients.push(value.into_owned()),
            _ => {}
        }
    }
    if recipients.is_empty() {
        recipients.extend(trace::recipient(body));
    }
    if recipients.is_empty() {
        return Err(unreadable(
            "nothing says for whom it is: put ?from=...&to=... into the URL, or have the relay write \
             X-Original-To (Postfix: flags=ROD)",
        ));
    }
    let sender = sender.or_else(|| trace::sender(body)).unwrap_or_default();
    Ok(Posted {
        envelope: envelope(&sender, recipients.iter().map(String::as_str))?,
        message: body.clone(),
        name: None,
    })
}
