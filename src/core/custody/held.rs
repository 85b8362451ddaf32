//! A held message as it lies in the bucket: our lines, then the submitted bytes, untouched.
//!
//! The object is a valid message file, so any mail program opens it, and everything release needs
//! stands in it: one object, one PUT, nothing that could be missing. The first line says how long
//! the submitted part is; only what stands before that part is ours, so a message that brings
//! `Holdfast-` lines of its own cannot speak for us.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::limits;
use crate::mail::{DsnRequest, EmailAddress, Envelope, EnvelopeId, MessageId, Notify, Ret, facts};
use crate::routing::{HoldReason, RouteName};
use crate::time::Timestamp;
use crate::trace_context::TraceContext;

/// What is known about a held message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub id: MessageId,
    /// The route it waits for.
    pub route: RouteName,
    /// From whom, and to whom it is still to go.
    pub envelope: Envelope,
    /// Those of the recipients to whom it may have been delivered already: the reply was lost.
    pub uncertain: Vec<EmailAddress>,
    /// Whether other recipients of the same submission belong to other routes.
    pub split: bool,
    /// Who submitted it.
    pub partner: String,
    /// When it was held.
    pub at: Timestamp,
    /// Why.
    pub reason: HoldReason,
    /// Why, in words.
    pub detail: String,
    /// SHA-256 of the submitted bytes.
    pub digest: Digest,
    /// The trace that its submission belongs to.
    pub trace: Option<TraceContext>,
}

/// The name of one held copy: the message's id, and the try of its key that held it.
///
/// Each try writes under a name of its own, because a write can happen long after its sender gave
/// up: two tries that held copies for different recipients must never write over each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    /// The message.
    pub id: MessageId,
    /// Which try of its key; the first, and every message without a key, is 1.
    pub attempt: u32,
}

impl Copy {
    /// The first try's copy.
    pub fn first(id: MessageId) -> Self {
        Self { id, attempt: 1 }
    }

    /// The name in a key of the queue.
    pub fn of(key: &str) -> Option<Self> {
        Self::named(key.rsplit('/').next()?.strip_suffix(".eml")?)
    }

    /// The name as it is written.
    pub fn named(name: &str) -> Option<Self> {
        match name.split_once('.') {
            None => Some(Self::first(name.parse().ok()?)),
            Some((id, attempt)) => {
                let attempt = attempt.parse().ok().filter(|attempt| *attempt > 1)?;
                let id = id.parse().ok()?;
                // `02` and `+2` would be another object than the one called `2`.
                Some(Self { id, attempt }).filter(|copy| copy.to_string() == name)
            }
        }
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempt {
            1 => write!(f, "{}", self.id),
            attempt => write!(f, "{}.{attempt}", self.id),
        }
    }
}

/// SHA-256 of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// As a digest field writes it (RFC 9530): `sha-256=:BASE64:`.
    pub fn field(&self) -> String {
        format!("sha-256=:{}:", STANDARD.encode(self.0))
    }

    /// Read back from that form; other algorithms beside it are passed over (RFC 9530, 2).
    pub fn parse(field: &str) -> Option<Self> {
        field.split(',').find_map(|member| {
            let value = member.trim().strip_prefix("sha-256=:")?.split_once(':')?.0;
            STANDARD.decode(value).ok()?.try_into().ok().map(Self)
        })
    }
}

/// Why an object of the queue cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key} is not a held message of ours: {reason}")]
pub struct Damaged {
    /// The object's key.
    pub key: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Held {
    /// The object's key: a listing of a route's queue is in time order.
    pub fn key(route: &RouteName, copy: &Copy) -> String {
        format!("queue/{route}/{copy}.eml")
    }

    /// The prefix of a route's queue.
    pub fn prefix(route: &RouteName) -> String {
        format!("queue/{route}/")
    }

    /// The object for this message: our lines, then the message as it is.
    pub fn object(&self, message: &Bytes) -> [Bytes; 2] {
        let end = facts::line_end(message);
        let mut lines = format!("{LENGTH}{}{end}", message.len());
        let mut line = |name: &str, value: &str| {
            lines.push_str(name);
            lines.push_str(value);
            lines.push_str(end);
        };
        line(ID, &self.id.to_string());
        line(ROUTE, self.route.as_str());
        line(SENDER, &format!("<{}>", self.envelope.sender_path()));
        for recipient in &self.envelope.recipients {
            line(RECIPIENT, &format!("<{recipient}>"));
        }
        for recipient in &self.uncertain {
            line(UNCERTAIN, &format!("<{recipient}>"));
        }
        if self.split {
            line(SPLIT, "yes");
        }
        let dsn = &self.envelope.dsn;
        if let Some(notify) = dsn.notify {
            line(NOTIFY, notify.as_str());
        }
        if let Some(ret) = dsn.ret {
            line(RET, ret.as_str());
        }
        if let Some(envid) = &dsn.envid {
            line(ENVID, envid.as_str());
        }
        line(PARTNER, &self.partner);
        if let Some(trace) = &self.trace {
            line(TRACE, &trace.to_string());
        }
        line(HELD, &self.at.to_string());
        line(REASON, self.reason.as_str());
        line(DETAIL, &one_line(&self.detail));
        line(DIGEST, &self.digest.field());
        [Bytes::from(lines), message.clone()]
    }

    /// Reads an object back: what is known about the message, and its submitted bytes.
    pub fn read(key: &str, object: &Bytes) -> Result<(Self, Bytes), Damaged> {
        let damaged = |reason| Damaged {
            key: key.to_owned(),
            reason,
        };
        let (held, start, length) = Self::read_lines(key, object)?;
        if object.len() != start.saturating_add(length) {
            return Err(damaged("its length is not what its first line says"));
        }
        let message = object.slice(start..);
        if Digest::of(&message) != held.digest {
            return Err(damaged("its bytes are not those that were submitted"));
        }
        Ok((held, message))
    }

    /// Reads our lines alone, from the object's first bytes.
    pub fn read_head(key: &str, first: &Bytes) -> Result<Self, Damaged> {
        Self::read_lines(key, first).map(|(held, _, _)| held)
    }

    /// Reads our lines, and as much of the message as came with them.
    pub fn read_start(key: &str, first: &Bytes) -> Result<(Self, Bytes), Damaged> {
        let (held, start, _) = Self::read_lines(key, first)?;
        Ok((held, first.slice(start.min(first.len())..)))
    }

    /// What our lines say, where the message starts, and how long it is.
    fn read_lines(key: &str, bytes: &Bytes) -> Result<(Self, usize, usize), Damaged> {
        let damaged = |reason| Damaged {
            key: key.to_owned(),
            reason,
        };
        let mut at = 0;
        let mut next = |name: &str| -> Option<String> {
            let rest = bytes.get(at..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = std::str::from_utf8(rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]))
                .ok()?;
            // We write none, and what stands here goes on into header fields and commands.
            let value = line.strip_prefix(name)?;
            if value.contains(char::is_control) {
                return None;
            }
            at += end + 1;
            Some(value.to_owned())
        };
        let length = next(LENGTH)
            .and_then(|text| text.parse().ok())
            .ok_or(damaged("its first line"))?;
        let id = next(ID)
            .and_then(|text| text.parse().ok())
            .ok_or(damaged("its id"))?;
        let route = next(ROUTE)
            .and_then(|text| RouteName::parse(&text).ok())
            .ok_or(damaged("its route"))?;
        let sender = next(SENDER).and_then(path).ok_or(damaged("its sender"))?;
        let [mut recipients, mut uncertain] = [Vec::new(), Vec::new()];
        for (name, list) in [(RECIPIENT, &mut recipients), (UNCERTAIN, &mut uncertain)] {
            while let Some(recipient) = next(name) {
                list.push(path(recipient).flatten().ok_or(damaged("a recipient"))?);
            }
        }
        let split = next(SPLIT).is_some();
        let said = "what its sender wants to be told";
        let dsn = DsnRequest {
            notify: optional(next(NOTIFY), Notify::parse).ok_or(damaged(said))?,
            ret: optional(next(RET), Ret::parse).ok_or(damaged(said))?,
            envid: optional(next(ENVID), EnvelopeId::parse).ok_or(damaged(said))?,
        };
        let partner = next(PARTNER).ok_or(damaged("its partner"))?;
        let trace = next(TRACE).and_then(|text| TraceContext::parse(&text));
        let held_at = next(HELD)
            .and_then(|text| Timestamp::parse(&text))
            .ok_or(damaged("its time"))?;
        let reason = next(REASON)
            .and_then(|word| HoldReason::parse(&word))
            .ok_or(damaged("its reason"))?;
        let detail = next(DETAIL).ok_or(damaged("its reason in words"))?;
        let digest = next(DIGEST)
            .and_then(|text| Digest::parse(&text))
            .ok_or(damaged("its digest"))?;
        let envelope = Envelope {
            sender,
            recipients,
            dsn,
        };
        let held = Self {
            id,
            route,
            envelope,
            uncertain,
            split,
            partner,
            at: held_at,
            reason,
            detail,
            digest,
            trace,
        };
        Ok((held, at, length))
    }
}

/// A line that need not be there, but says something where it is.
fn optional<T>(line: Option<String>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match line {
        None => Some(None),
        Some(text) => read(&text).map(Some),
    }
}

/// `<address>`, or `<>`.
fn path(text: String) -> Option<Option<EmailAddress>> {
    match text.strip_prefix('<')?.strip_suffix('>')? {
        "" => Some(None),
        address => address.parse().ok().map(Some),
    }
}

/// Words from outside, made safe for one line of a header.
fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let most = (0..=DETAIL_BYTES.min(line.len()))
        .rev()
        .find(|at| line.is_char_boundary(*at))
        .unwrap_or(0);
    line.truncate(most);
    line
}

const LENGTH: &str = "Holdfast-Length: ";
const ID: &str = "Holdfast-Id: ";
const ROUTE: &str = "Holdfast-Route: ";
const SENDER: &str = "Holdfast-Sender: ";
const RECIPIENT: &str = "Holdfast-Recipient: ";
const UNCERTAIN: &str = "Holdfast-Uncertain: ";
const SPLIT: &str = "Holdfast-Split: ";
const NOTIFY: &str = "Holdfast-Notify: ";
const RET: &str = "Holdfast-Ret: ";
const ENVID: &str = "Holdfast-Envid: ";
const PARTNER: &str = "Holdfast-Partner: ";
const TRACE: &str = "Holdfast-Trace: ";
const HELD: &str = "Holdfast-Held: ";
const REASON: &str = "Holdfast-Reason: ";
const DETAIL: &str = "Holdfast-Detail: ";
const DIGEST: &str = "Holdfast-Digest: ";

/// A line of a message may have 998 octets (RFC 5322, 2.1.1).
const DETAIL_BYTES: usize = 900;

const _: () = assert!(limits::RECIPIENTS_CEILING * 600 + 4_096 < limits::HELD_PREFIX_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held(recipients: &[&str], sender: &str, detail: &str, message: &[u8]) -> Held {
        Held {
            id: MessageId::new(Timestamp::from_millis(1_795_392_000_000), [3; 10]),
            route: RouteName::parse("hq").unwrap(),
            envelope: Envelope::new(
                (!sender.is_empty()).then(|| sender.parse().unwrap()),
                recipients.iter().map(|r| r.parse().unwrap()).collect(),
            ),
            uncertain: recipients
                .iter()
                .take(1)
                .map(|r| r.parse().unwrap())
                .collect(),
            split: message.len().is_multiple_of(2),
            partner: "acme".into(),
            at: Timestamp::from_millis(1_795_392_000_001),
            reason: HoldReason::Down,
            detail: detail.into(),
            digest: Digest::of(message),
            trace: message.len().is_multiple_of(3).then(trace),
        }
    }

    fn trace() -> TraceContext {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=b";
        TraceContext::parse(text).unwrap()
    }

    fn stored(held: &Held, message: &[u8]) -> Bytes {
        held.object(&Bytes::copy_from_slice(message))
            .concat()
            .into()
    }

    #[test]
    fn a_message_cannot_speak_for_us() {
        let message = b"Holdfast-Trace: x\r\nHoldfast-Recipient: <evil@example.com>\r\nSubject: x\r\n\r\ny\r\n";
        let held = held(
            &["a@example.org"],
            "",
            "down\r\nHoldfast-Recipient: <evil@example.com>",
            message,
        );
        let (read, bytes) = Held::read("k", &stored(&held, message)).unwrap();
        assert_eq!(read.envelope.recipients.len(), 1);
        assert_eq!(bytes, &message[..]);
    }

    #[test]
    fn a_cut_or_changed_object_is_not_taken_for_a_message() {
        let message = b"Subject: x\n\ny\n";
        let object = stored(&held(&["a@example.org"], "b@c.d", "", message), message);
        assert!(Held::read("k", &object.slice(..object.len() - 1)).is_err());
        let mut changed = object.to_vec();
        *changed.last_mut().unwrap() ^= 1;
        assert!(Held::read("k", &changed.into()).is_err());
        assert!(Held::read("k", &Bytes::new()).is_err());
        assert!(Held::read_head("k", &object.slice(..object.len() - 5)).is_ok());
    }

    #[test]
    fn lines_with_control_characters_are_not_ours() {
        let message = b"Subject: x\n\ny\n";
        let object = stored(&held(&["a@example.org"], "b@c.d", "", message), message);
        let text = String::from_utf8(object.to_vec()).unwrap();
        for partner in ["a\rcme", "acme\u{b}", "acme\r\r"] {
            let line = format!("Partner: {partner}\n");
            let changed = text.replace("Partner: acme\n", &line);
            assert_ne!(changed, text);
            let read = Held::read("k", &changed.into());
            assert_eq!(read.map_err(|error| error.reason), Err("its partner"));
        }
    }

    #[test]
    fn a_copy_has_one_name() {
        let id = held(&["a@example.org"], "", "", b"").id;
        let second = Copy { id, attempt: 2 };
        assert_eq!(Copy::of(&format!("queue/hq/{id}.2.eml")), Some(second));
        for name in ["02", "+2", "1", "0", "2.2", ""] {
            assert_eq!(
                Copy::of(&format!("queue/hq/{id}.{name}.eml")),
                None,
                "{name:?}"
            );
        }
    }

    #[test]
    fn digests_are_read_as_rfc_9530_writes_them() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::parse(&digest.field()), Some(digest));
        assert_eq!(
            Digest::parse(&format!("sha-512=:AA==:, {}", digest.field())),
            Some(digest)
        );
        assert_eq!(Digest::parse("sha-256=:AA==:"), None);
        assert_eq!(Digest::parse("md5=:AA==:"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(message: Vec<u8>, detail: String, asked: bool) {
            let mut held = held(&["a@example.org", "\"b c\"@example.org"], "", &detail, &message);
            if asked {
                held.envelope.dsn = DsnRequest {
                    notify: Some(Notify::Never),
                    ret: Some(Ret::Full),
                    envid: EnvelopeId::parse("a b+c"),
                };
            }
            let object = stored(&held, &message);
            let (read, bytes) = Held::read("k", &object).unwrap();
            prop_assert_eq!(bytes, &message[..]);
            prop_assert_eq!((read.split, read.envelope, read.uncertain), (held.split, held.envelope, held.uncertain));
            prop_assert_eq!(read.trace, held.trace);
        }

        #[test]
        fn no_bytes_at_all_make_it_panic(object: Vec<u8>) {
            let _ = Held::read("k", &object.into());
        }
    }
}
