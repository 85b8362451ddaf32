//! The queue's objects: what is accepted is delivered, held or ended, and bytes are kept.

use bytes::Bytes;
use holdfast_core::config::OWN_NAME;
use holdfast_core::custody::held::{Copy, Held};

use super::{Checks, Who};
use crate::world::Sim;

impl Checks {
    /// A held message is about to be written, perhaps over another.
    pub(super) fn before_hold(&self, sim: &Sim, key: &str, bytes: &Bytes) {
        let (held, message) = match Held::read(key, bytes) {
            Ok(read) => read,
            Err(damaged) => return self.rule(false, || format!("bytes are kept: {damaged}")),
        };
        if held.partner == OWN_NAME {
            self.before_report(&held, &message);
        }
        self.is_content_of(held.id, &message);
        let sender = held.envelope.sender.as_ref();
        self.is_envelope_of(&message, sender, &held.envelope.recipients);
        let name = Held::key(&held.route, &Copy::of(key).unwrap_or(Copy::first(held.id)));
        self.rule(name == key, || {
            format!("a held message lies where its lines say: {key} is {name}")
        });
        let before = sim.objects.get(key);
        let before = before.and_then(|before| Held::read(key, &before).ok());
        let missing = before.into_iter().flat_map(|(before, _)| {
            let mut lost = before.envelope.recipients;
            lost.retain(|one| !held.envelope.recipients.contains(one));
            lost
        });
        for recipient in missing {
            let who = (held.id, recipient.to_string());
            self.rule(self.has_ended(&who), || {
                format!("accepted is delivered, held or ended: {who:?} is written over")
            });
        }
    }

    /// A held message is about to go: its outcome is written, and says what is true of everyone.
    pub(super) fn before_end(&self, sim: &Sim, key: &str) {
        let Some(bytes) = sim.objects.get(key) else {
            return;
        };
        let (Ok((held, _)), Some(copy)) = (Held::read(key, &bytes), Copy::of(key)) else {
            return self.rule(false, || format!("what is damaged stays: {key}"));
        };
        let Some(ended) = self.outcome_of(sim, &held, &copy) else {
            return self.rule(false, || {
                format!("the outcome is written before the message goes: {key}")
            });
        };
        for recipient in &held.envelope.recipients {
            let who = (held.id, recipient.to_string());
            let mut told = ended.recipients.iter();
            self.rule(told.any(|one| one.address == *recipient), || {
                format!("an outcome tells of everybody: not of {who:?}")
            });
            self.rule(self.has_ended(&who), || {
                format!("nothing is deleted before its 250: {who:?}")
            });
        }
    }

    /// A report goes to one who submitted something, from nobody.
    fn before_report(&self, held: &Held, report: &Bytes) {
        let to: Vec<String> = held
            .envelope
            .recipients
            .iter()
            .map(ToString::to_string)
            .collect();
        let submitted = self.submitted.borrow();
        let mut senders = submitted.values().filter_map(|known| known.sender.as_ref());
        self.rule(
            held.envelope.sender.is_none() && senders.any(|sender| to == [sender.as_str()]),
            || {
                format!(
                    "a report goes to its sender, from nobody: {} to {to:?}",
                    held.id
                )
            },
        );
        self.rule(
            report.starts_with(b"From: ") || report.starts_with(b"Date: ") || report.len() > 100,
            || format!("a report is a message: {report:?}"),
        );
        let to = to.into_iter().next().unwrap_or_default();
        self.reports.borrow_mut().insert(held.id, to);
    }

    /// Taken, refused, returned, or dropped by a person.
    pub(super) fn has_ended(&self, who: &Who) -> bool {
        self.was_taken(who)
            || self.was_refused(who)
            || self.was_dropped(who)
            || self.was_returned(who)
    }

    /// Whether any copy for this recipient lies in a queue.
    pub(super) fn holds(&self, sim: &Sim, (id, recipient): &Who) -> bool {
        sim.config.routes.iter().any(|route| {
            let keys = sim
                .objects
                .keys(&format!("{}{id}", Held::prefix(&route.name)));
            keys.iter().any(|key| {
                let bytes = sim.objects.get(key);
                let held = bytes.and_then(|bytes| Held::read_head(key, &bytes).ok());
                held.is_some_and(|held| {
                    let mut recipients = held.envelope.recipients.iter();
                    recipients.any(|one| one.as_str() == recipient)
                })
            })
        })
    }
}
