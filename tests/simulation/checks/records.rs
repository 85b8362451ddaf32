//! The small records: an outcome is true, a drop has its person in the audit log, nothing that is
//! to be kept goes.

use bytes::Bytes;
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::release::Ended;
use holdfast_core::operate::audit::Audit;
use holdfast_core::submit::answer::Outcome;

use super::Checks;
use crate::world::Sim;

impl Checks {
    /// A write is about to happen.
    pub fn before_put(&self, sim: &Sim, key: &str, bytes: &Bytes) {
        match key.split('/').next() {
            Some("queue") => self.before_hold(sim, key, bytes),
            Some("outcomes") => self.before_outcome(key, bytes),
            Some("audit") => self.before_audit(bytes),
            _ => {}
        }
    }

    /// A delete is about to happen.
    pub fn before_delete(&self, sim: &Sim, key: &str) {
        match key.split('/').next() {
            Some("queue") => self.before_end(sim, key),
            Some("attempts") => {}
            _ => self.rule(false, || format!("records are kept: {key} is deleted")),
        }
    }

    fn before_audit(&self, bytes: &Bytes) {
        let Ok(entry) = serde_json::from_slice::<Audit>(bytes) else {
            return self.rule(false, || "an audit entry can be read".into());
        };
        if entry.action == "drop" {
            self.audited.borrow_mut().insert((entry.subject, entry.by));
        }
    }

    /// What an outcome says is so.
    fn before_outcome(&self, key: &str, bytes: &Bytes) {
        let Ok(ended) = serde_json::from_slice::<Ended>(bytes) else {
            return self.rule(false, || format!("an outcome can be read: {key}"));
        };
        if let Some(dropped) = &ended.dropped {
            let copy = copy_of(key, &ended);
            let subject = format!("{}/{copy}", ended.route);
            let audited = self
                .audited
                .borrow()
                .contains(&(subject, dropped.by.clone()));
            self.rule(audited, || {
                format!("the audit log has a drop before it happens: {key}")
            });
        }
        for one in &ended.recipients {
            let who = (ended.id, one.address.to_string());
            let is_so = match one.outcome {
                Outcome::Delivered => self.was_taken(&who),
                Outcome::Rejected => self.was_refused(&who),
                Outcome::Dropped => {
                    self.dropped.borrow_mut().insert(who.clone());
                    ended.dropped.is_some()
                }
                Outcome::Held | Outcome::NotAccepted => false,
            };
            self.rule(is_so, || {
                format!("an outcome is true: {who:?} is not {:?}", one.outcome)
            });
        }
    }

    /// The outcome of a held copy, as the storage has it.
    pub(super) fn outcome_of(&self, sim: &Sim, held: &Held, copy: &Copy) -> Option<Ended> {
        let key = Ended::key(copy, held.split.then_some(&held.route));
        serde_json::from_slice(&sim.objects.get(&key)?).ok()
    }
}

/// The copy an outcome's key names: `outcomes/DAY/COPY.json`, or `COPY.ROUTE.json`.
fn copy_of(key: &str, ended: &Ended) -> String {
    let name = key.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".json").unwrap_or(name);
    let route = format!(".{}", ended.route);
    name.strip_suffix(&route).unwrap_or(name).to_owned()
}
