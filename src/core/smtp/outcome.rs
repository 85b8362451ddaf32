//! What an attempt to deliver has come to: for each recipient, and for the primary.
//!
//! Two questions are kept apart. A [`Verdict`] is about one recipient's copy of the message. A
//! [`Failure`] is about the primary: it counts against its health, and says nothing about the
//! message. A mailbox that does not exist is a verdict without a failure; a connection that
//! breaks after two of three recipients were refused is a failure and two verdicts.
//!
//! Nothing here knows SMTP beyond the reply codes, so that HTTP primaries report in the same words.

use serde::{Deserialize, Serialize};

use super::reply::Reply;

/// What one attempt to hand over a message has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// One verdict for each recipient, in the envelope's order. Empty for a probe.
    pub recipients: Vec<Verdict>,
    /// What went wrong with the primary itself, if anything did. Recipients decided before it
    /// keep their verdict; the others are [`Verdict::Untried`] or [`Verdict::Uncertain`].
    pub failure: Option<Failure>,
}

/// The fate of one recipient's copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The primary took it and answers for it: 2xx after the end of data.
    Delivered(Reply),
    /// Not now: 4xx. Nothing was kept by the primary; try again later.
    Deferred(Reply),
    /// Never: 5xx, or our own judgement where the primary has said beforehand that it cannot
    /// take this ([`Reply::ours`]).
    Rejected(Reply),
    /// The end of data was sent, or its sending begun, and no reply was seen. The primary may or
    /// may not have it.
    Uncertain,
    /// The primary has not got it: the attempt broke before the end of data.
    Untried,
}

impl Verdict {
    /// The words it rests on, where there are any.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Verdict::Delivered(reply) | Verdict::Deferred(reply) | Verdict::Rejected(reply) => {
                Some(reply)
            }
            Verdict::Uncertain | Verdict::Untried => None,
        }
    }
}

/// Why the primary could not be used, or no further. Counts against its health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of trouble.
    pub kind: FailureKind,
    /// How far the conversation had come.
    pub step: Step,
    /// For the operator: the primary's words, or what was found wrong. One line, never secrets.
    pub detail: String,
}

/// The kinds of trouble with a primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No connection: refused, unreachable, or not made in time.
    Connect,
    /// No secure connection: handshake failed, or TLS is required and not offered.
    Tls,
    /// Connected, but silent for longer than the step allows.
    Timeout,
    /// It closed the connection in the middle.
    Closed,
    /// It said that it does not serve now: 421 anywhere, or a greeting, EHLO or AUTH refused
    /// for want of service.
    ServiceUnavailable,
    /// What it said is not SMTP, or not in its place.
    Protocol,
    /// It does not accept our credentials, or they cannot be used with it: our configuration is
    /// wrong. No message is rejected for that.
    Auth,
    /// Our own host does not let us reach that address: the grant is missing.
    NotGranted,
}

/// The steps of a conversation in their order: each has its own time to answer (RFC 5321
/// section 4.5.3.2), and a failure names the one it happened in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Opening the connection.
    Connect,
    /// Waiting for the server's first words.
    Greeting,
    /// EHLO, and HELO where that is not known.
    Ehlo,
    /// The STARTTLS command.
    StartTls,
    /// The TLS handshake.
    Tls,
    /// The AUTH exchange.
    Auth,
    /// MAIL, and the RSET before it on a connection used again.
    Mail,
    /// RCPT.
    Rcpt,
    /// The DATA command.
    DataCommand,
    /// Sending a block of the message.
    DataBlock,
    /// From the write that ends the message until its reply.
    DataEnd,
    /// QUIT.
    Quit,
}

impl Attempt {
    /// An attempt that ended before any of its `recipients` (their number) was tried.
    pub fn failed(recipients: usize, failure: Failure) -> Attempt {
        Attempt {
            recipients: vec![Verdict::Untried; recipients],
            failure: Some(failure),
        }
    }

    /// Whether it broke before the primary said anything about this message: no reply to MAIL
    /// but perhaps 421. On a connection that was used before, the likely reason is that the
    /// server had given it up meanwhile: then one more attempt on a fresh connection is due, and
    /// the failure does not count.
    pub fn untouched(&self) -> bool {
        self.failure
            .as_ref()
            .is_some_and(|failure| failure.step <= Step::Mail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_records_are_kebab_case() {
        let failure = Failure {
            kind: FailureKind::ServiceUnavailable,
            step: Step::DataEnd,
            detail: "421 bye".into(),
        };
        let json = serde_json::to_string(&failure).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"service-unavailable","step":"data-end","detail":"421 bye"}"#
        );
        assert_eq!(serde_json::from_str::<Failure>(&json).unwrap(), failure);
    }
}
