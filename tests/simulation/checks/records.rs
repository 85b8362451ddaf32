//! The small records: an outcome is true, a drop has its person in the audit log, nothing that is
//! to be kept goes.

use bytes::Bytes;
use holdfast_core::custody::ended::batch::Batch;
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::release::Ended;
use holdfast_core::operate::audit::Audit;
use holdfast_core::routing::RouteState;
use holdfast_core::submit::answer::Outcome;

use super::{Checks, end};
use crate::machine::millis;
use crate::world::Sim;

impl Checks {
    /// A write is about to happen.
    pub fn before_put(&self, sim: &Sim, key: &str, bytes: &Bytes) {
        match key.split('/').next() {
            Some("queue") => self.before_hold(sim, key, bytes),
            Some("outcomes") => self.before_outcomes(sim, key, bytes),
            Some("audit") => self.before_audit(bytes),
            Some("mailboxes") if key.contains("/mail/") => self.before_filing(sim, key, bytes),
            Some("dropbox") => self.before_filing(sim, key, bytes),
            Some("messages") => self.before_copy(key, bytes),
            Some("routes") if sim.calm => self.nothing_failed(key, bytes),
            _ => {}
        }
    }

    /// A delete is about to happen.
    pub fn before_delete(&self, sim: &Sim, key: &str) {
        match key.split('/').next() {
            Some("queue") => self.before_end(sim, key),
            Some("attempts" | "windows" | "filing") => {}
            Some("people") => self.before_sent_off(sim, key),
            Some("mailboxes" | "dropbox") => self.before_unfiling(sim, key),
            Some("filed") => self.before_unfiled(sim, key),
            Some("outcomes" | "audit" | "dead" | "messages") => {
                let record = sim.objects.get(key).unwrap_or_default();
                let doubts = end::doubts(key, &record);
                self.once_doubtful.borrow_mut().extend(doubts);
                sim.count(|counts| counts.swept += 1);
                self.rule(self.is_old(sim, key), || {
                    format!("records are kept: {key} is deleted")
                });
            }
            _ => self.rule(false, || format!("records are kept: {key} is deleted")),
        }
    }

    /// No seed lasts as long as records are kept: only a clock can be so wrong.
    fn is_old(&self, sim: &Sim, _key: &str) -> bool {
        let kept = sim.config.retention;
        let least = [kept.outcomes, kept.audit, kept.dead_letters];
        let copies = sim.config.routes.iter().map(|route| route.copies);
        let least = least.into_iter().chain(copies).flatten();
        let least = least.map(millis).min();
        least.is_none_or(|least| least <= 2 * sim.worst_clock())
    }

    /// A primary's word about one message says nothing about its health.
    fn nothing_failed(&self, key: &str, bytes: &Bytes) {
        let state: Result<RouteState, _> = serde_json::from_slice(bytes);
        let mut healths = state.iter().flat_map(|state| state.primaries.values());
        self.rule(healths.all(|health| health.evidence.is_empty()), || {
            format!("in a calm world no primary failed: {key}")
        });
    }

    fn before_audit(&self, bytes: &Bytes) {
        let Ok(entry) = serde_json::from_slice::<Audit>(bytes) else {
            return self.rule(false, || "an audit entry can be read".into());
        };
        if matches!(entry.action.as_str(), "drop" | "return") {
            let done = (entry.action, entry.subject, entry.by);
            self.audited.borrow_mut().insert(done);
        }
    }

    /// One outcome, or those of a batch.
    fn before_outcomes(&self, sim: &Sim, key: &str, bytes: &Bytes) {
        if let Ok(ended) = serde_json::from_slice::<Ended>(bytes) {
            return self.before_outcome(sim, key, &ended);
        }
        let Ok(batch) = serde_json::from_slice::<Batch>(bytes) else {
            return self.rule(false, || format!("an outcome can be read: {key}"));
        };
        sim.count(|counts| counts.batches += 1);
        for ended in batch.outcomes.values() {
            self.before_outcome(sim, key, ended);
        }
    }

    /// What an outcome says is so.
    fn before_outcome(&self, sim: &Sim, key: &str, ended: &Ended) {
        for (action, word) in [("drop", &ended.dropped), ("return", &ended.returned)] {
            let Some(word) = word else { continue };
            let subject = format!("{}/{}", ended.route, copy_of(key, ended));
            let done = (action.to_owned(), subject, word.by.clone());
            self.rule(self.audited.borrow().contains(&done), || {
                format!("the audit log has a {action} before it happens: {key}")
            });
        }
        self.who_failed_is_told(sim, key, ended);
        for one in &ended.recipients {
            let who = (ended.id, one.address.to_string());
            let is_so = match one.outcome {
                Outcome::Delivered => self.was_taken(&who),
                Outcome::Rejected => self.was_refused(&who),
                Outcome::Dropped => {
                    self.dropped.borrow_mut().insert(who.clone());
                    ended.dropped.is_some()
                }
                Outcome::Returned => {
                    if self.returned.borrow_mut().insert(who.clone()) {
                        sim.count(|counts| counts.returned += 1);
                    }
                    ended.returned.is_some() || self.is_expired(sim, ended)
                }
                Outcome::Held | Outcome::NotAccepted => false,
            };
            self.rule(is_so, || {
                format!("an outcome is true: {who:?} is not {:?}", one.outcome)
            });
        }
    }

    /// Whether its time in the queue is over, as far as clocks can be wrong about it.
    fn is_expired(&self, sim: &Sim, ended: &Ended) -> bool {
        let route = sim.config.route(ended.route.as_str());
        let lifetime = route.and_then(|route| route.queue_lifetime).map(millis);
        // Whoever held it and whoever looks at it can be wrong in opposite ways.
        let wrong = 2 * sim.worst_clock();
        lifetime.is_some_and(|time| sim.time.now() - ended.held.millis() >= time - wrong)
    }

    /// The sender of what was not delivered has a report, or it is put aside for a person.
    fn who_failed_is_told(&self, sim: &Sim, key: &str, ended: &Ended) {
        let failed = |outcome| matches!(outcome, Outcome::Rejected | Outcome::Returned);
        if !ended.recipients.iter().any(|one| failed(one.outcome)) {
            return;
        }
        let reports = self.reports.borrow();
        let reported = !ended.dsn.is_empty() && ended.dsn.iter().all(|id| reports.contains_key(id));
        let letter = ended.dead_letter.as_ref();
        let aside = letter.is_some_and(|letter| sim.objects.get(letter).is_some());
        self.rule(reported || aside || ended.dropped.is_some(), || {
            format!("who is not reached is told of, or put aside: {key}")
        });
    }

    /// The outcome of a held copy, as the storage has it: its own, or one of a batch.
    pub(super) fn outcome_of(&self, sim: &Sim, held: &Held, copy: &Copy) -> Option<Ended> {
        let key = Ended::key(copy, held.split.then_some(&held.route));
        if let Some(bytes) = sim.objects.get(&key) {
            return serde_json::from_slice(&bytes).ok();
        }
        let batches = format!("outcomes/{}/{}/", copy.id.at().day(), held.route);
        let batches = sim.objects.keys(&batches).into_iter();
        let batches = batches.filter_map(|key| sim.objects.get(&key));
        let batches = batches.filter_map(|bytes| serde_json::from_slice::<Batch>(&bytes).ok());
        let mut outcomes = batches.filter_map(|mut batch| batch.outcomes.remove(&copy.to_string()));
        outcomes.next()
    }
}

/// The copy an outcome's key names: `outcomes/DAY/COPY.json`, or `COPY.ROUTE.json`.
fn copy_of(key: &str, ended: &Ended) -> String {
    let name = key.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".json").unwrap_or(name);
    let route = format!(".{}", ended.route);
    name.strip_suffix(&route).unwrap_or(name).to_owned()
}
