//! The commands of a transaction as text.

use crate::smtp::data::{Body, Plan};

pub(super) const DATA: &str = "DATA\r\n";

/// MAIL and its parameters: each only where its extension is offered.
pub(super) fn mail(sender: &str, plan: Plan, size: bool, smtputf8: bool) -> String {
    let mut line = format!("MAIL FROM:<{sender}>");
    // RFC 1870 section 6: the server can refuse before the message is sent.
    if size {
        line += &format!(" SIZE={}", plan.size);
    }
    match plan.body {
        Body::Unstated => {}
        Body::EightBit => line += " BODY=8BITMIME",
        Body::Binary => line += " BODY=BINARYMIME",
    }
    // RFC 6531 section 3.4.
    if smtputf8 {
        line += " SMTPUTF8";
    }
    line + "\r\n"
}

pub(super) fn rcpt(recipient: &str) -> String {
    format!("RCPT TO:<{recipient}>\r\n")
}
