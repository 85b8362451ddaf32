//! The report that tells a sender what became of its message: `multipart/report` (RFC 6522) of
//! words for people, a `message/delivery-status` for machines (RFC 3464), and the message's header
//! or the message.
//!
//! Written by hand and not by a library, because the third part must be the submitted bytes, and
//! everything else comes from strangers: a reply's words, a header block that is none. Each part
//! is made to fit its transfer encoding, and the boundary is one that stands in none of them.

mod fields;
mod parts;

use bytes::Bytes;

use super::{EmailAddress, EnvelopeId, MessageId, Ret, facts};
use crate::limits;
use crate::time::Timestamp;
use parts::Part;

/// What is told.
#[derive(Clone, Debug)]
pub struct Report<'r> {
    /// The report's own id; it is made at its moment.
    pub id: MessageId,
    /// Who tells it.
    pub hostname: &'r str,
    /// Who is told.
    pub to: &'r EmailAddress,
    /// The message that it is about.
    pub original: MessageId,
    /// The sender's own name for the envelope.
    pub envid: Option<&'r EnvelopeId>,
    /// How much of the message comes back.
    pub ret: Ret,
    /// The name on the primary's certificate, where there is one.
    pub remote: Option<&'r str>,
    /// When it was tried last, if it was.
    pub last_attempt: Option<Timestamp>,
    /// Attempts to release it.
    pub attempts: u32,
    /// Those who did not get it, and why.
    pub failed: Vec<Failed<'r>>,
}

/// One recipient that did not get it.
#[derive(Clone, Debug)]
pub struct Failed<'r> {
    /// The recipient.
    pub address: &'r EmailAddress,
    /// Why.
    pub why: Why<'r>,
    /// Whether the copy may have arrived all the same: a reply was lost.
    pub uncertain: bool,
}

/// Why a recipient did not get it.
#[derive(Clone, Debug)]
pub enum Why<'r> {
    /// The primary refused it for good.
    Rejected {
        /// The reply's code; an HTTP primary's status where it is not of SMTP.
        code: u16,
        /// Its enhanced code.
        enhanced: Option<&'r str>,
        /// Its words.
        text: &'r str,
    },
    /// Its time in the queue was over.
    Expired {
        /// The time it had.
        lifetime: std::time::Duration,
        /// What stood in the way last.
        trouble: &'r str,
    },
    /// A person returned it.
    Returned {
        /// The person's words.
        reason: &'r str,
    },
}

/// The report about `message`, ready to be sent from the null sender.
pub fn report(report: &Report<'_>, message: &Bytes) -> Bytes {
    let whole = (report.ret == Ret::Full && message.len() <= limits::DSN_FULL_BYTES)
        .then(|| parts::whole(message))
        .flatten();
    let returned = whole.unwrap_or_else(|| parts::header(message));
    let parts = [
        parts::text(&fields::words(report, returned.is_whole())),
        parts::status(fields::status(report)),
        returned,
    ];
    let boundary = boundary(report.id, &parts);
    let mut bytes = head(report, message, &parts, &boundary).into_bytes();
    for part in &parts {
        bytes.extend_from_slice(format!("\r\n--{boundary}\r\n{}\r\n", part.head).as_bytes());
        bytes.extend_from_slice(&part.body);
    }
    bytes.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    bytes.into()
}

fn head(report: &Report<'_>, message: &[u8], parts: &[Part], boundary: &str) -> String {
    let Report {
        id, hostname, to, ..
    } = report;
    let mut head = format!(
        "From: Mail Delivery System <mailer-daemon@{hostname}>\r\nTo: <{to}>\r\n\
         Subject: Undelivered mail returned to sender\r\nDate: {}\r\nMessage-ID: <{id}@{hostname}>\r\n",
        id.at().rfc5322()
    );
    if let Some(about) = facts::message_id(message) {
        head.push_str(&format!("In-Reply-To: {about}\r\nReferences: {about}\r\n"));
    }
    // RFC 3834, 5: nobody answers it automatically.
    head.push_str("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    head.push_str(&format!(
        "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"{boundary}\"\r\n"
    ));
    if parts.iter().any(Part::is_eight_bit) {
        head.push_str("Content-Transfer-Encoding: 8bit\r\n");
    }
    head.push_str("\r\nThis is a report in several parts, as MIME writes it.\r\n");
    head
}

/// `=_` never stands in quoted-printable; whatever else the message contains, one of these is not in it.
fn boundary(id: MessageId, parts: &[Part]) -> String {
    let mut boundary = format!("=_{id}");
    let mut more = 0_u32;
    let contained = |boundary: &str| {
        let of = |part: &Part| {
            part.body
                .windows(boundary.len())
                .any(|at| at == boundary.as_bytes())
        };
        parts.iter().any(of)
    };
    while contained(&boundary) {
        more += 1;
        boundary = format!("=_{id}.{more}");
    }
    boundary
}

#[cfg(test)]
mod tests;
