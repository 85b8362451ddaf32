//! What must hold at each step, and at the end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::release::Ended;
use holdfast_core::limits;
use serde_json::Value;

use super::world::Sim;

/// What was promised, and which rule was broken first.
#[derive(Default)]
pub struct Checks {
    accepted: RefCell<BTreeMap<(String, String), Bytes>>,
    by_key: RefCell<BTreeMap<String, BTreeSet<String>>>,
    /// Ids of messages of which doubt is on record somewhere.
    doubtful: RefCell<BTreeSet<String>>,
    /// Contents that were submitted under a key.
    keyed: RefCell<BTreeSet<Bytes>>,
    broken: RefCell<Option<String>>,
}

impl Checks {
    /// The rule that was broken, if any was.
    pub fn broken(&self) -> Option<String> {
        self.broken.borrow().clone()
    }

    fn rule(&self, holds: bool, rule: impl FnOnce() -> String) {
        if !holds && self.broken.borrow().is_none() {
            *self.broken.borrow_mut() = Some(rule());
        }
    }

    /// A partner submits this content under a key, however often.
    pub fn keyed(&self, message: &Bytes) {
        self.keyed.borrow_mut().insert(message.clone());
    }

    /// A partner heard an answer.
    pub fn answered(
        &self,
        sim: &Sim,
        calm: bool,
        status: u16,
        body: &Value,
        key: Option<&str>,
        message: &Bytes,
    ) {
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        self.rule(!calm || matches!(status, 200 | 422), || {
            format!("one sender cannot stop the mail of others: {status} in a calm world: {body}")
        });
        if status >= 300 {
            return;
        }
        for one in body["recipients"].as_array().into_iter().flatten() {
            let address = one["address"].as_str().unwrap_or_default().to_owned();
            if matches!(one["outcome"].as_str(), Some("delivered" | "held")) {
                self.accepted
                    .borrow_mut()
                    .insert((id.clone(), address), message.clone());
            }
        }
        if let Some(key) = key {
            let mut by_key = self.by_key.borrow_mut();
            let ids = by_key.entry(key.to_owned()).or_default();
            ids.insert(id);
            let ids = ids.clone();
            self.rule(ids.len() == 1, || {
                format!("one key, one message: {key} has {ids:?}")
            });
        }
        self.after_step(sim);
    }

    /// No sender waits past the named limit; a second is for all that has no time of its own.
    pub fn in_time(&self, took: i64) {
        let most = limits::SUBMISSION.as_millis() as i64 + 1_000;
        self.rule(took <= most, || {
            format!("no sender waits longer than {most} ms: this one {took}")
        });
    }

    /// At each moment: accepted is delivered, held or ended; bytes are kept.
    pub fn after_step(&self, sim: &Sim) {
        let objects = sim.objects.borrow();
        let mut held: BTreeMap<(String, String), Bytes> = BTreeMap::new();
        for (key, (bytes, _)) in objects
            .range("queue/".to_owned()..)
            .take_while(|(key, _)| key.starts_with("queue/"))
        {
            match Held::read(key, bytes) {
                Ok((one, message)) => {
                    if !one.uncertain.is_empty() {
                        self.doubtful.borrow_mut().insert(one.id.to_string());
                    }
                    for recipient in one.envelope.recipients {
                        held.insert((one.id.to_string(), recipient.to_string()), message.clone());
                    }
                }
                Err(damaged) => self.rule(false, || damaged.to_string()),
            }
        }
        let taken = sim.taken.borrow();
        for (who, bytes) in self.accepted.borrow().iter() {
            let delivered = taken
                .iter()
                .find(|(id, to, _)| (id, to) == (&who.0, &who.1))
                .map(|(_, _, bytes)| bytes);
            let refused = sim.refused.borrow().contains(who);
            let kept = delivered.or_else(|| held.get(who));
            self.rule(kept.is_some() || refused, || {
                format!("accepted is delivered, held or ended: {who:?} is lost")
            });
            self.rule(kept.is_none_or(|kept| kept == bytes), || {
                format!("bytes are kept: {who:?} has others")
            });
        }
    }

    /// Nothing of the queue is deleted before its outcome is written and each recipient is settled.
    pub fn before_delete(&self, sim: &Sim, key: &str) {
        if !key.starts_with("queue/") {
            return;
        }
        let objects = sim.objects.borrow();
        let Some((bytes, _)) = objects.get(key) else {
            return;
        };
        let Ok((held, _)) = Held::read(key, bytes) else {
            return;
        };
        let Some(copy) = Copy::of(key) else { return };
        let ended = objects
            .get(&Ended::key(&copy, None))
            .map(|(bytes, _)| bytes.clone());
        let ended: Option<Ended> = ended.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        self.rule(ended.is_some(), || {
            format!("the outcome is written before the message goes: {key}")
        });
        if ended.is_some_and(|ended| ended.uncertain) {
            self.doubtful.borrow_mut().insert(held.id.to_string());
        }
        let id = held.id.to_string();
        for recipient in held.envelope.recipients {
            let who = (id.clone(), recipient.to_string());
            let settled = sim.refused.borrow().contains(&who)
                || sim
                    .taken
                    .borrow()
                    .iter()
                    .any(|(id, to, _)| (id, to) == (&who.0, &who.1));
            self.rule(settled, || {
                format!("nothing is deleted before its 250: {who:?}")
            });
        }
    }

    /// At the end of a world that healed: the queue is empty, and doubles were doubted.
    pub fn at_the_end(&self, sim: &Sim) {
        self.after_step(sim);
        let objects = sim.objects.borrow();
        let left: Vec<_> = objects
            .keys()
            .filter(|key| key.starts_with("queue/"))
            .collect();
        self.rule(left.is_empty(), || {
            format!("a healed world drains to empty: {left:?}")
        });
        let mut doubtful = self.doubtful.borrow().clone();
        for (key, (bytes, _)) in objects.iter() {
            let record: Option<Value> = serde_json::from_slice(bytes).ok();
            let Some(record) = record else { continue };
            let lost = record["lost"].as_u64().unwrap_or(0) > 0
                || record["uncertain"] == Value::Bool(true);
            let running = key.starts_with("receipts/") && record["state"].get("running").is_some();
            if lost || running {
                doubtful.insert(record["id"].as_str().unwrap_or_default().to_owned());
            }
        }
        let mut times: BTreeMap<(String, String), u32> = BTreeMap::new();
        for (id, to, _) in sim.taken.borrow().iter() {
            *times.entry((id.clone(), to.clone())).or_default() += 1;
        }
        let excused = !sim.conditional();
        for content in self.keyed.borrow().iter() {
            let taken = sim.taken.borrow();
            let ids: BTreeSet<_> = taken
                .iter()
                .filter(|(_, _, bytes)| bytes == content)
                .map(|(id, _, _)| id)
                .collect();
            self.rule(ids.len() <= 1 || excused, || {
                format!("the same key never makes two messages: {ids:?}")
            });
        }
        for (who, times) in times {
            self.rule(times == 1 || excused || doubtful.contains(&who.0), || {
                format!("twice only where doubt is on record: {who:?} {times} times")
            });
        }
    }
}
