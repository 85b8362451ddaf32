//! The mailboxes: who has a message in a list is one it was for, whoever it was for has it, and what a
//! user sent is on its way.

use bytes::Bytes;
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::kept;
use holdfast_core::limits;
use holdfast_core::mail::MessageId;
use holdfast_core::people::UserId;
use holdfast_core::people::mailbox::entry::{Entry, Place};
use holdfast_core::people::mailbox::sending::{Outgoing, sent_body, sent_key};
use holdfast_core::routing::RouteName;
use holdfast_core::tick::Ticked;

use super::Checks;
use crate::machine::millis;
use crate::world::Sim;

impl Checks {
    /// A list is about to show a message: it was accepted, and for this place.
    pub(super) fn before_filing(&self, sim: &Sim, key: &str, bytes: &Bytes) {
        let Ok(entry) = serde_json::from_slice::<Entry>(bytes) else {
            return self.rule(false, || format!("an entry can be read: {key}"));
        };
        let is_known = self.contents.borrow().contains_key(&entry.copy.id)
            || self.reports.borrow().contains_key(&entry.copy.id);
        self.rule(is_known, || {
            format!("a filed message is one that was accepted: {key}")
        });
        let recipients = self.recipients(entry.copy.id);
        let right = places(sim, &entry.route, &recipients);
        let mut right = right.iter().map(|place| place.key(&entry.copy));
        self.rule(right.any(|right| right == key), || {
            format!("a message is filed for those it is for: {key} of {recipients:?}")
        });
    }

    /// A copy is about to be kept: of a message that somebody's primary has.
    pub(super) fn before_copy(&self, key: &str, bytes: &Bytes) {
        let Ok((held, message)) = Held::read(key, bytes) else {
            return self.rule(false, || format!("a copy can be read: {key}"));
        };
        self.is_content_of(held.id, &message);
        let mut recipients = held.envelope.recipients.iter();
        let taken = recipients.any(|one| self.was_taken(&(held.id, one.to_string())));
        self.rule(taken, || format!("a copy is of what was delivered: {key}"));
    }

    /// Part of a mailbox is about to go: only that of a message that is not here any more.
    pub(super) fn before_unfiling(&self, sim: &Sim, key: &str) {
        let bytes = sim.objects.get(key).unwrap_or_default();
        let Ok(entry) = serde_json::from_slice::<Entry>(&bytes) else {
            return;
        };
        let key_here = Held::key(&entry.route, &entry.copy);
        let here = is_here(sim, &entry.route, &entry.copy);
        self.rule(!here || self.is_over(sim, &key_here), || {
            format!("what is held stays filed: {key} is deleted")
        });
    }

    /// That a message is filed is forgotten only where the message is not there any more.
    pub(super) fn before_unfiled(&self, sim: &Sim, key: &str) {
        let message = key.strip_prefix("filed/").unwrap_or(key);
        let message = message.replace(".json", ".eml");
        let here = sim.objects.get(&message).is_some();
        self.rule(!here || self.is_over(sim, &message), || {
            format!("what is held stays filed: {key} is deleted")
        });
    }

    /// Whether a held message has its outcome: a write that came late brought it back, and it goes again.
    fn is_over(&self, sim: &Sim, key: &str) -> bool {
        let bytes = sim.objects.get(key);
        let held = bytes.and_then(|bytes| Held::read_head(key, &bytes).ok());
        let known = held.zip(Copy::of(key));
        known.is_some_and(|(held, copy)| self.outcome_of(sim, &held, &copy).is_some())
    }

    /// A user read a message: it was for that user, and these are its bytes.
    pub fn was_read(&self, sim: &Sim, user: UserId, id: MessageId, message: &Bytes) {
        sim.count(|counts| counts.read += 1);
        self.is_content_of(id, message);
        let recipients = self.recipients(id);
        let mut owners = recipients.iter().flat_map(|one| sim.people.behind(one));
        self.rule(owners.any(|owner| owner == user), || {
            format!("nobody reads another's mail: {user} reads {id} of {recipients:?}")
        });
    }

    /// A user was told that a message is sent.
    pub fn was_sent(&self, outgoing: &Outgoing) {
        self.sent.borrow_mut().insert(outgoing.id, outgoing.clone());
    }

    /// The outbox is about to lose a message: everybody's copy is in a queue, or went from there.
    pub(super) fn before_sent_off(&self, sim: &Sim, key: &str) {
        let bytes = sim.objects.get(key).unwrap_or_default();
        let Ok(held) = Held::read_head(key, &bytes) else {
            return;
        };
        for recipient in &held.envelope.recipients {
            let who = (held.id, recipient.to_string());
            let there = self.has_ended(&who) || self.holds(sim, &who);
            self.rule(there, || {
                format!("what a user sends leaves the outbox for a queue: not {who:?}")
            });
        }
    }

    /// What is held when a tick begins.
    pub fn held_now(&self, sim: &Sim) -> Vec<String> {
        match sim.people.is_empty() {
            true => Vec::new(),
            false => sim.objects.keys("queue/"),
        }
    }

    /// After a tick that filed all there was, whatever was held then and still is lies in the mailboxes.
    pub fn filed_all(&self, sim: &Sim, held: &[String], ticked: &Ticked) {
        let people = ticked.people.as_ref();
        if people.is_some_and(|people| people.error.is_some() || people.filed.more) {
            return;
        }
        for key in held {
            // What was brought back by a write that came late goes again.
            if let Some(copy) = Copy::of(key).filter(|_| !self.is_over(sim, key)) {
                self.is_filed(sim, &copy, key);
            }
        }
    }

    /// The message of this object, if it is there, is in the list of everybody it is for.
    fn is_filed(&self, sim: &Sim, copy: &Copy, key: &str) {
        let bytes = sim.objects.get(key);
        let Some(held) = bytes.and_then(|bytes| Held::read_head(key, &bytes).ok()) else {
            return;
        };
        if held.partner == holdfast_core::config::OWN_COPY {
            return;
        }
        let recipients: Vec<String> = held
            .envelope
            .recipients
            .iter()
            .map(ToString::to_string)
            .collect();
        for place in places(sim, &held.route, &recipients) {
            let entry = place.key(copy);
            self.rule(sim.objects.get(&entry).is_some(), || {
                format!("what is held is filed: {key} is not in {entry}")
            });
        }
    }

    /// In the end what users sent is where it was for, or told of, and lies under "sent"; mailboxes have
    /// what is kept, and nothing else.
    pub(super) fn mailboxes_at_the_end(&self, sim: &Sim) {
        let left = ["people/outbox/", "filed/queue/", "filing/begun/"];
        let left = left.map(|prefix| sim.objects.keys(prefix)).concat();
        self.rule(left.is_empty(), || {
            format!("a healed world drains to empty: {left:?}")
        });
        for outgoing in self.sent.borrow().values() {
            self.reached(sim, outgoing);
        }
        let kept = sim.objects.keys(kept::KEPT);
        for key in &kept {
            if !is_looked_for(sim) {
                break;
            }
            if let Some(copy) = copy_of_kept(key) {
                self.is_filed(sim, &copy, key);
            }
        }
        // Who takes a journal for old, by a clock that is wrong, does not see what comes late.
        if sim.had_late_writes && sim.worst_clock() > millis(limits::FILING_CLAIM) / 2 {
            return;
        }
        for key in sim.objects.keys("mailboxes/") {
            let bytes = sim.objects.get(&key).unwrap_or_default();
            let Ok(entry) = serde_json::from_slice::<Entry>(&bytes) else {
                continue;
            };
            let mut routes = sim.config.routes.iter();
            let here = key.contains("/sent/")
                || routes.any(|route| is_here(sim, &route.name, &entry.copy));
            self.rule(here, || format!("what went home leaves the lists: {key}"));
        }
    }

    /// Whether all copies that are kept were filed.
    pub fn copies_are_filed(&self, sim: &Sim) -> bool {
        let (copies, records) = (sim.objects.keys(kept::KEPT), sim.objects.keys("filed/"));
        copies.len() <= records.len() || !is_looked_for(sim)
    }

    fn reached(&self, sim: &Sim, outgoing: &Outgoing) {
        for recipient in &outgoing.to {
            let who = (outgoing.id, recipient.to_string());
            self.rule(self.has_ended(&who), || {
                format!("what a user was told is sent is sent: not {who:?}")
            });
        }
        let copy = Copy::first(outgoing.id);
        let shown = sim.objects.get(&sent_key(outgoing.user, &copy)).is_some();
        let body = sim.objects.get(&sent_body(outgoing.user, &copy));
        self.rule(shown && body.as_ref() == Some(&outgoing.message), || {
            format!("what was sent is under sent: not {}", outgoing.id)
        });
    }

    /// Whom a message is for, as its submitter knows it.
    fn recipients(&self, id: MessageId) -> Vec<String> {
        if let Some(to) = self.reports.borrow().get(&id) {
            return vec![to.clone()];
        }
        let contents = self.contents.borrow();
        let submitted = self.submitted.borrow();
        let known = contents.get(&id).and_then(|message| submitted.get(message));
        known.map(|known| known.to.clone()).unwrap_or_default()
    }
}

/// Copies are looked for among those of today and yesterday.
fn is_looked_for(sim: &Sim) -> bool {
    sim.worst_clock() < 86_400_000
}

/// Whether the message lies in its queue, or a copy is kept.
fn is_here(sim: &Sim, route: &RouteName, copy: &Copy) -> bool {
    let keys = [Held::key(route, copy), kept::key(route, copy)];
    keys.iter().any(|key| sim.objects.get(key).is_some())
}

/// Where a message of this route to these is filed.
fn places(sim: &Sim, route: &RouteName, recipients: &[String]) -> Vec<Place> {
    let mut places = Vec::new();
    for recipient in recipients {
        let users = sim.people.behind(recipient);
        let unknown = users.is_empty() && route.as_str() == "lab";
        places.extend(users.into_iter().map(Place::User));
        if unknown {
            places.push(Place::Dropbox(route.clone()));
        }
    }
    places
}

/// The copy that a kept one is of: `messages/DAY/COPY.ROUTE.eml`.
fn copy_of_kept(key: &str) -> Option<Copy> {
    let name = key.rsplit('/').next()?.strip_suffix(".eml")?;
    Copy::named(name.rsplit_once('.')?.0)
}
