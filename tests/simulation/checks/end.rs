//! What must hold when a healed world came to rest.

use std::collections::BTreeSet;

use holdfast_core::custody::held::Copy;
use holdfast_core::mail::MessageId;
use serde_json::Value;

use super::Checks;
use crate::world::Sim;

impl Checks {
    /// The queues are empty, and what was doubled was doubted.
    pub fn at_the_end(&self, sim: &Sim) {
        let left = sim.objects.keys("queue/");
        self.rule(left.is_empty(), || {
            format!("a healed world drains to empty: {left:?}")
        });
        self.mailboxes_at_the_end(sim);
        // Without conditional writes nobody can be kept from doing what another does.
        if sim.weather.get().unconditional {
            return;
        }
        // A clock that is far wrong makes ids that are old at once: then outcomes are swept away.
        if sim.counts.get().swept == 0 {
            self.doubled_is_doubted(sim);
        }
        self.keys_made_one_message();
    }

    fn doubled_is_doubted(&self, sim: &Sim) {
        let taken = self.taken.borrow();
        let mut doubled = taken.iter().filter(|(_, times)| **times > 1).peekable();
        if doubled.peek().is_none() {
            return;
        }
        let mut doubtful = doubtful(sim);
        doubtful.extend(self.once_doubtful.borrow().iter());
        for (who, times) in doubled {
            sim.count(|counts| counts.doubled += 1);
            self.rule(!sim.tells_all, || {
                format!("twice only where a reply was lost: {who:?} {times} times")
            });
            self.rule(doubtful.contains(&who.0), || {
                format!("twice only where doubt is on record: {who:?} {times} times")
            });
        }
    }

    fn keys_made_one_message(&self) {
        let (submitted, contents) = (self.submitted.borrow(), self.contents.borrow());
        let taken: BTreeSet<MessageId> = self.taken.borrow().keys().map(|who| who.0).collect();
        for (content, _) in submitted.iter().filter(|(_, known)| known.key.is_some()) {
            let ids = contents.iter().filter(|(_, bytes)| *bytes == content);
            let ids: Vec<_> = ids
                .map(|(id, _)| id)
                .filter(|id| taken.contains(id))
                .collect();
            self.rule(ids.len() <= 1, || {
                format!("the same key never makes two messages: {ids:?}")
            });
        }
    }
}

/// The messages of which a record says that a reply was lost.
fn doubtful(sim: &Sim) -> BTreeSet<MessageId> {
    let prefixes = ["outcomes/", "receipts/", "attempts/"];
    let keys = prefixes.map(|prefix| sim.objects.keys(prefix)).concat();
    let doubts = keys.iter().flat_map(|key| {
        let bytes = sim.objects.get(key).unwrap_or_default();
        doubts(key, &bytes)
    });
    doubts.collect()
}

/// The messages of which this record says so.
pub(super) fn doubts(key: &str, record: &[u8]) -> Vec<MessageId> {
    let record: Value = serde_json::from_slice(record).unwrap_or_default();
    let is_true = |value: &Value| *value == Value::Bool(true);
    let batch = record["outcomes"].as_object().into_iter().flatten();
    let batch = batch.filter(|(_, ended)| is_true(&ended["uncertain"]));
    let mut doubtful: Vec<MessageId> = batch
        .filter_map(|(name, _)| Some(Copy::named(name)?.id))
        .collect();
    let lost = record["lost"].as_u64().unwrap_or(0) > 0;
    // Somebody began and never said how it ended.
    let running = record["state"].get("running").is_some() || record["claimed_by"].is_string();
    if lost || running || is_true(&record["uncertain"]) {
        let id = record["id"].as_str().and_then(|id| id.parse().ok());
        let attempted = Copy::of(&key.replace(".json", ".eml")).map(|copy| copy.id);
        doubtful.extend(id.or(attempted));
    }
    doubtful
}
