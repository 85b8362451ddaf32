//! What must hold at each step, and at the end.
//!
//! The checks know what was submitted, what primaries took and refused, and see every write and
//! delete before it happens. They look only at what a step changed: an accepted copy can be lost
//! in the moment its object goes or is written over, and in no other.

pub mod end;
pub mod mailboxes;
pub mod queue;
pub mod records;
pub mod status;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_core::limits;
use holdfast_core::mail::{EmailAddress, MessageId};
use holdfast_core::people::mailbox::sending::Outgoing;
use holdfast_core::ports::Delivery;
use serde_json::Value;

use super::machine::millis;
use super::world::Sim;

/// One copy: a message, and one of its recipients.
pub type Who = (MessageId, String);

/// What was promised, and which rule was broken first.
#[derive(Default)]
pub struct Checks {
    /// What partners submitted, by content.
    submitted: RefCell<BTreeMap<Bytes, Submitted>>,
    /// The content of each id, from when it was first seen.
    contents: RefCell<BTreeMap<MessageId, Bytes>>,
    /// The ids that answers gave for a key.
    by_key: RefCell<BTreeMap<String, BTreeSet<MessageId>>>,
    /// How often a primary took a copy.
    taken: RefCell<BTreeMap<Who, u32>>,
    /// What a primary refused for good.
    refused: RefCell<BTreeSet<Who>>,
    /// What a person dropped, with an audit entry.
    dropped: RefCell<BTreeSet<Who>>,
    /// What went back to its sender, or was put aside.
    returned: RefCell<BTreeSet<Who>>,
    /// The reports that were held, for a sender.
    reports: RefCell<BTreeMap<MessageId, String>>,
    /// Who dropped or returned what, as the audit log has it: what was done, to what, and by whom.
    audited: RefCell<BTreeSet<(String, String, String)>>,
    /// Messages of which doubt was on record until the record was old, by some clock.
    once_doubtful: RefCell<BTreeSet<MessageId>>,
    /// What the storage showed of each route, for the status.
    history: RefCell<status::History>,
    /// What users were told is sent.
    sent: RefCell<BTreeMap<MessageId, Outgoing>>,
    broken: RefCell<Option<String>>,
}

/// One message as its partner knows it.
pub struct Submitted {
    /// The envelope sender; none = the null sender.
    pub sender: Option<String>,
    /// The recipients.
    pub to: Vec<String>,
    /// The key, if there is one.
    pub key: Option<String>,
}

impl Checks {
    /// The rule that was broken, if any was.
    pub fn broken(&self) -> Option<String> {
        self.broken.borrow().clone()
    }

    /// Whether one was.
    pub fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
    }

    /// A rule; its words say what must be.
    pub fn rule(&self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds && !self.is_broken() {
            *self.broken.borrow_mut() = Some(rule());
        }
    }

    /// A partner will submit this, however often.
    pub fn submitted(&self, message: &Bytes, submitted: Submitted) {
        self.submitted
            .borrow_mut()
            .insert(message.clone(), submitted);
    }

    /// A partner heard an answer.
    pub fn answered(&self, sim: &Sim, status: u16, body: &Value, message: &Bytes) {
        self.rule(!sim.calm || matches!(status, 200 | 409 | 422), || {
            format!("one sender cannot stop the mail of others: {status} in a calm world: {body}")
        });
        if status >= 300 {
            return;
        }
        let id = body["id"].as_str().and_then(|id| id.parse().ok());
        let Some(id) = id else {
            return self.rule(false, || format!("an answer has an id: {body}"));
        };
        self.is_content_of(id, message);
        let recipients = body["recipients"].as_array();
        for one in recipients.into_iter().flatten() {
            let address = one["address"].as_str().unwrap_or_default().to_owned();
            let who = (id, address);
            let held = || self.holds(sim, &who);
            let (taken, refused, dropped, returned) = (
                self.was_taken(&who),
                self.was_refused(&who),
                self.was_dropped(&who),
                self.was_returned(&who),
            );
            let outcome = one["outcome"].as_str().unwrap_or_default();
            let kept = match outcome {
                "delivered" => taken,
                "held" => taken || refused || dropped || returned || held(),
                "rejected" => refused,
                "dropped" => dropped,
                "returned" => returned,
                _ => false,
            };
            self.rule(kept, || {
                format!("an answer of {status} is true: {who:?} is not {outcome}")
            });
        }
        self.one_key_one_message(sim, message, id);
    }

    fn one_key_one_message(&self, sim: &Sim, message: &Bytes, id: MessageId) {
        let submitted = self.submitted.borrow();
        let key = submitted.get(message).and_then(|known| known.key.clone());
        let Some(key) = key else { return };
        let mut by_key = self.by_key.borrow_mut();
        let ids = by_key.entry(key.clone()).or_default();
        ids.insert(id);
        // Without conditional writes two that come at once can both be first.
        self.rule(ids.len() == 1 || sim.weather.get().unconditional, || {
            format!("one key, one message: {key} has {ids:?}")
        });
    }

    /// No sender waits past the named limit; a second is for all that has no time of its own.
    pub fn in_time(&self, took: i64) {
        let most = millis(limits::SUBMISSION) + 1_000;
        self.rule(took <= most, || {
            format!("no sender waits longer than {most} ms: this one {took}")
        });
    }

    /// A message is given to a primary: the bytes that were submitted, to whom they were for.
    pub fn given(&self, sim: &Sim, delivery: &Delivery<'_>) {
        let [trace, message] = &delivery.parts;
        self.rule(
            trace.starts_with(b"Received: ") && trace.ends_with(b"\n"),
            || format!("relaying adds a header line on top: {trace:?}"),
        );
        sim.note(format_args!("given {}", delivery.id));
        self.is_content_of(delivery.id, message);
        let sender = delivery.envelope.sender.as_ref();
        self.is_envelope_of(message, sender, &delivery.envelope.recipients);
    }

    /// A primary took it.
    pub fn taken(&self, sim: &Sim, delivery: &Delivery<'_>, recipient: &EmailAddress) {
        let who = (delivery.id, recipient.to_string());
        sim.note(format_args!("taken {} {recipient}", delivery.id));
        sim.count(|counts| counts.taken += 1);
        *self.taken.borrow_mut().entry(who).or_default() += 1;
    }

    /// A primary refused it for good.
    pub fn refused(&self, id: MessageId, recipient: &EmailAddress) {
        self.refused
            .borrow_mut()
            .insert((id, recipient.to_string()));
    }

    fn was_taken(&self, who: &Who) -> bool {
        self.taken.borrow().contains_key(who)
    }

    fn was_refused(&self, who: &Who) -> bool {
        self.refused.borrow().contains(who)
    }

    fn was_dropped(&self, who: &Who) -> bool {
        self.dropped.borrow().contains(who)
    }

    fn was_returned(&self, who: &Who) -> bool {
        self.returned.borrow().contains(who)
    }

    /// One id has one content, and it is one that was submitted.
    fn is_content_of(&self, id: MessageId, message: &Bytes) {
        if self.reports.borrow().contains_key(&id) {
            return;
        }
        let mut contents = self.contents.borrow_mut();
        let known = contents.entry(id).or_insert_with(|| message.clone());
        self.rule(known == message, || {
            format!("bytes are kept: {id} has others")
        });
        self.rule(self.submitted.borrow().contains_key(message), || {
            format!("bytes are kept: nobody submitted those of {id}")
        });
    }

    fn is_envelope_of(
        &self,
        message: &Bytes,
        sender: Option<&EmailAddress>,
        recipients: &[EmailAddress],
    ) {
        let submitted = self.submitted.borrow();
        let Some(known) = submitted.get(message) else {
            return;
        };
        let same = sender.map(ToString::to_string) == known.sender
            && recipients
                .iter()
                .all(|one| known.to.contains(&one.to_string()));
        self.rule(same, || {
            format!("the envelope is kept: {sender:?} to {recipients:?}")
        });
    }
}
