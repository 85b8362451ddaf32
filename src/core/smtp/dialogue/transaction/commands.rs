//! The commands of a transaction as text.

use crate::mail::DsnRequest;
use crate::smtp::data::{Body, Plan};

pub(super) const DATA: &str = "DATA\r\n";

/// MAIL and its parameters: each only where its extension is offered. `dsn` is none where DSN is not.
pub(super) fn mail(
    sender: &str,
    plan: Plan,
    size: bool,
    smtputf8: bool,
    dsn: Option<&DsnRequest>,
) -> String {
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
    // RFC 3461 sections 4.3 and 4.4.
    if let Some(ret) = dsn.and_then(|dsn| dsn.ret) {
        line += &format!(" RET={}", ret.as_str().to_ascii_uppercase());
    }
    if let Some(envid) = dsn.and_then(|dsn| dsn.envid.as_ref()) {
        line += &format!(" ENVID={}", envid.xtext());
    }
    line + "\r\n"
}

/// RCPT, with NOTIFY where it was asked for and DSN is offered (RFC 3461 section 4.1).
pub(super) fn rcpt(recipient: &str, dsn: Option<&DsnRequest>) -> String {
    match dsn.and_then(|dsn| dsn.notify) {
        Some(notify) => {
            let notify = notify.as_str().to_ascii_uppercase();
            format!("RCPT TO:<{recipient}> NOTIFY={notify}\r\n")
        }
        None => format!("RCPT TO:<{recipient}>\r\n"),
    }
}
