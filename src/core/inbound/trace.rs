//! What a message says of its own envelope: relays write it on top (RFC 5321, 4.4; Postfix `pipe(8)`, flags
//! `R`, `O` and `D`).

use crate::mail::facts;

/// The sender in `Return-Path`; empty is the null sender, none where there is no such line.
pub fn sender(message: &[u8]) -> Option<String> {
    field(message, "return-path")
}

/// The recipient for whom it was relayed.
pub fn recipient(message: &[u8]) -> Option<String> {
    ["x-original-to", "delivered-to"]
        .into_iter()
        .find_map(|name| field(message, name))
}

/// The value of the first field of this name, as far as its line goes, without angle brackets.
fn field(message: &[u8], wanted: &str) -> Option<String> {
    facts::header_lines(message).find_map(|line| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
        if !name.trim_ascii().eq_ignore_ascii_case(wanted.as_bytes()) {
            return None;
        }
        let value = std::str::from_utf8(value).ok()?;
        Some(super::bare(value).to_owned())
    })
}
