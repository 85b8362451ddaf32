//! The steps of one drill, in order, each within the time that is left.

use std::time::Duration;

use bytes::Bytes;

use super::message::message;
use super::{Drill, Step, StepOutcome, record};
use crate::config::Config;
use crate::custody::held::{Digest, Held};
use crate::custody::release::hand_over;
use crate::custody::route_state;
use crate::custody::store::{Condition, Store, StoreError};
use crate::limits;
use crate::mail::{Envelope, MessageId};
use crate::ports::{Ports, Primary, new_id, nonce, within};
use crate::routing::{Decision, HoldReason, Route, decide};
use crate::smtp::{Attempt, Verdict};
use crate::time::Timestamp;

/// A drill under way.
pub struct Rehearsal<'r, P: Ports> {
    ports: &'r P,
    config: &'r Config,
    route: &'r Route,
    deadline: Timestamp,
    id: MessageId,
    key: String,
}

/// What a step saw, or what went wrong.
type Seen<T> = Result<T, String>;

impl<'r, P: Ports> Rehearsal<'r, P> {
    /// A drill that ends at `deadline`.
    pub fn begin(ports: &'r P, config: &'r Config, route: &'r Route, deadline: Timestamp) -> Self {
        let id = new_id(ports);
        Self {
            ports,
            config,
            route,
            deadline,
            id,
            key: format!("{}{id}/held.eml", record::prefix(&route.name)),
        }
    }

    /// All steps, and the result as it was written down.
    pub async fn through(self, by: &str, reason: &str) -> Drill {
        let address = self.address().await;
        let primary = match &address {
            Ok(address) => {
                // A primary that is silent must leave time for the storage.
                let most = self.left() / 3;
                self.timed(most, self.give_at_once(*address)).await.0
            }
            Err(why) => why.clone(),
        };
        let held = self.held("storage", self.id);
        let (hold, confirmed) = self.timed(self.left() / 2, self.hold(&held)).await;
        let (readable, read) = match confirmed {
            Some(()) => self.timed(self.left() / 2, self.read_back(&held)).await,
            None => (Step::skipped("nothing was held"), None),
        };
        let release = match (&address, read) {
            (Ok(address), Some((held, message))) => {
                let most = self.left() * 2 / 3;
                let giving = self.give(*address, &held, message);
                self.timed(most, giving).await.0
            }
            (Err(why), _) => Step::skipped(why.detail.clone()),
            (_, None) => Step::skipped("nothing was read back"),
        };
        let rto = |drill: &Drill| Some(drill.hold.ms? + drill.readable.ms?);
        let mut drill = Drill {
            id: self.id,
            route: self.route.name.clone(),
            at: self.id.at(),
            by: by.to_owned(),
            reason: reason.to_owned(),
            passed: false,
            rpo_messages: match (hold.outcome, readable.outcome) {
                (StepOutcome::Passed, StepOutcome::Passed) => Some(0),
                (StepOutcome::Passed, _) => Some(1),
                _ => None,
            },
            primary,
            hold,
            readable,
            release,
            removed: Step::skipped("not yet"),
            rto_ms: None,
        };
        drill.rto_ms = rto(&drill).filter(|_| drill.readable.has(StepOutcome::Passed));
        // The result first, then what it is about.
        drill.removed = match record::write(self.ports, &drill).await {
            Ok(()) => self.timed(self.left(), self.remove()).await.0,
            Err(error) => Step::skipped(format!("the result is not written: {error}")),
        };
        drill.passed = [
            &drill.primary,
            &drill.hold,
            &drill.readable,
            &drill.release,
            &drill.removed,
        ]
        .iter()
        .all(|step| !step.has(StepOutcome::Failed))
            && drill.readable.has(StepOutcome::Passed);
        if let Err(error) = record::write(self.ports, &drill).await {
            drill.removed.detail = format!("the result is not written: {error}");
        }
        drill
    }

    /// The address that a message would be given to now, or why it would not be.
    async fn address(&self) -> Result<usize, Step> {
        let reading = route_state::read_now(self.ports, &self.route.name);
        let state = within(self.ports, limits::STATE_READ, reading).await;
        let state = match state {
            Some(Ok(state)) => state,
            Some(Err(error)) => return Err(failed(None, error.to_string())),
            None => return Err(failed(None, "the route's state cannot be read in time")),
        };
        match decide(self.route, &state, self.ports.now()) {
            Decision::Deliver(candidates) => Ok(candidates.first().copied().unwrap_or(0)),
            Decision::Canary(_) => Err(Step::skipped(
                "it is recovering, and a message that waits is tried first",
            )),
            Decision::Hold(hold) => Err(Step::skipped(hold.detail)),
        }
    }

    async fn give_at_once(&self, address: usize) -> Seen<(String, ())> {
        // Under an id of its own: HTTP primaries take the id as their idempotency key.
        let (held, message) = self.held("primary", new_id(self.ports));
        self.give(address, &held, message).await
    }

    /// Gives the message to the drill's recipient; where there is none, only probes.
    async fn give(&self, address: usize, held: &Held, message: Bytes) -> Seen<(String, ())> {
        let primary = &self.route.primaries[address];
        if held.envelope.recipients.is_empty() {
            let probing = self.ports.primary().probe(self.route, address);
            return match probing.await {
                Ok(()) => Ok((
                    format!("{primary} answers a probe; no drill_recipient is set"),
                    (),
                )),
                Err(failure) => Err(format!("{primary}: {}", failure.detail)),
            };
        }
        let left = &held.envelope.recipients;
        let (ports, config, route) = (self.ports, self.config, self.route);
        let attempt = hand_over(ports, config, route, address, held, left, message).await;
        match attempt.recipients.first() {
            Some(Verdict::Delivered(reply)) => Ok((
                format!("{primary} took it: {} {}", reply.code, reply.text),
                (),
            )),
            verdict => Err(format!("{primary}: {}", refusal(&attempt, verdict))),
        }
    }

    /// The message that takes this path, as it is held.
    fn held(&self, path: &str, id: MessageId) -> (Held, Bytes) {
        let to = self.route.drill.recipient.as_ref();
        let mark = nonce(self.ports);
        let message = message(self.config, self.route, id, path, &mark, to);
        let held = Held {
            id,
            route: self.route.name.clone(),
            envelope: Envelope::new(None, to.cloned().into_iter().collect()),
            uncertain: Vec::new(),
            split: false,
            partner: "drill".into(),
            at: self.ports.now(),
            reason: HoldReason::Override,
            detail: "a drill".into(),
            digest: Digest::of(&message),
            trace: None,
        };
        (held, message)
    }

    async fn hold(&self, (held, message): &(Held, Bytes)) -> Seen<(String, ())> {
        let object = held.object(message);
        let putting = self
            .ports
            .store()
            .put(&self.key, &object, Condition::Always);
        putting.await.map_err(words)?;
        Ok((format!("{} bytes as {}", message.len(), self.key), ()))
    }

    async fn read_back(&self, wanted: &(Held, Bytes)) -> Seen<(String, (Held, Bytes))> {
        let store = self.ports.store();
        let prefix = format!("{}{}/", record::prefix(&self.route.name), self.id);
        let page = store.list(&prefix, None, 2).await.map_err(words)?;
        if page.keys != [self.key.as_str()] {
            return Err(format!("a listing of {prefix} shows {:?}", page.keys));
        }
        let object = store.get(&self.key, limits::RECORD_BYTES).await;
        let object = object.map_err(words)?.ok_or("it is listed and not there")?;
        let read = Held::read(&self.key, &object.bytes).map_err(|damaged| damaged.to_string())?;
        if read != *wanted {
            return Err("what was read back is not what was held".into());
        }
        Ok(("found and read back byte for byte".into(), read))
    }

    /// Removes the message, and what drills that died left long ago.
    async fn remove(&self) -> Seen<(String, ())> {
        let store = self.ports.store();
        store.delete(&self.key).await.map_err(words)?;
        let prefix = record::prefix(&self.route.name);
        let page = store.list(&prefix, None, limits::OPERATOR_PAGE).await;
        let now = self.ports.now();
        let mut left = 0;
        for key in page.map_err(words)?.keys {
            let id: Option<MessageId> = key
                .strip_prefix(&prefix)
                .and_then(|rest| rest.strip_suffix("/held.eml"))
                .and_then(|id| id.parse().ok());
            if id.is_some_and(|id| now.since(id.at()) > limits::DRILL_LEFT) {
                store.delete(&key).await.map_err(words)?;
                left += 1;
            }
        }
        Ok(match left {
            0 => ("removed".into(), ()),
            left => (
                format!("removed, and {left} of earlier drills that died"),
                (),
            ),
        })
    }

    /// The time that is left.
    fn left(&self) -> Duration {
        self.deadline.since(self.ports.now())
    }

    /// One step within this time, how long it took, and what it gave.
    async fn timed<T>(
        &self,
        most: Duration,
        step: impl Future<Output = Seen<(String, T)>>,
    ) -> (Step, Option<T>) {
        let began = self.ports.now();
        let seen = within(self.ports, most, step).await;
        let ms = self.ports.now().since(began).as_millis();
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        match seen {
            Some(Ok((detail, gave))) => {
                let step = Step {
                    outcome: StepOutcome::Passed,
                    ms: Some(ms),
                    detail,
                };
                (step, Some(gave))
            }
            Some(Err(detail)) => (failed(Some(ms), detail), None),
            None => (failed(Some(ms), "it was not done when time was up"), None),
        }
    }
}

fn failed(ms: Option<u64>, detail: impl Into<String>) -> Step {
    Step {
        outcome: StepOutcome::Failed,
        ms,
        detail: detail.into(),
    }
}

fn words(error: StoreError) -> String {
    error.to_string()
}

fn refusal(attempt: &Attempt, verdict: Option<&Verdict>) -> String {
    match (&attempt.failure, verdict.and_then(Verdict::reply)) {
        (Some(failure), _) => failure.detail.clone(),
        (None, Some(reply)) => format!("it said {} {}", reply.code, reply.text),
        (None, None) => "it did not take it".into(),
    }
}
