//! What operators are told is so, or that it cannot be known: never that all is well instead.
//!
//! A question takes time, and the world goes on meanwhile. What is told must have been true of the
//! storage at some moment between question and answer; and where the storage was out from the one
//! to the other, nothing may be told but that.

use std::collections::BTreeMap;

use bytes::Bytes;
use holdfast_core::custody::held::Held;
use holdfast_core::operate::queue::QueuePage;
use holdfast_core::operate::release::Releases;
use holdfast_core::operate::{DecisionWord, HealthReport, RouteHealth};
use holdfast_core::ports::Clock as _;
use holdfast_core::problem::Problem;
use holdfast_core::routing::{Decision, RouteState, decide};
use holdfast_core::time::Timestamp;

use super::Checks;
use crate::machine::Instance;
use crate::world::Sim;

/// What the storage showed: each route's state, and how many messages its queue had, one after
/// the other. Kept only while somebody asks.
#[derive(Default)]
pub struct History {
    asking: u32,
    states: BTreeMap<String, Vec<Option<Bytes>>>,
    counts: BTreeMap<String, Vec<u64>>,
}

/// A question that was asked at a moment.
pub struct Asked {
    at: i64,
    clock: Timestamp,
    jumps: u32,
    states: BTreeMap<String, usize>,
    keys: Vec<String>,
}

impl Checks {
    /// An object was written or is gone.
    pub fn after_write(&self, sim: &Sim, key: &str) {
        if self.history.borrow().asking > 0
            && (key.starts_with("routes/") || key.starts_with("queue/"))
        {
            self.look(sim);
        }
    }

    fn look(&self, sim: &Sim) {
        let history = &mut *self.history.borrow_mut();
        for route in &sim.config.routes {
            let state = sim.objects.get(&RouteState::key(&route.name));
            let count = sim.objects.keys(&Held::prefix(&route.name)).len() as u64;
            let name = route.name.to_string();
            history.states.entry(name.clone()).or_default().push(state);
            history.counts.entry(name).or_default().push(count);
        }
    }

    /// Somebody asks.
    pub fn asked(&self, instance: &Instance) -> Asked {
        let sim = &instance.sim;
        self.history.borrow_mut().asking += 1;
        self.look(sim);
        let history = self.history.borrow();
        let last = |(route, states): (&String, &Vec<_>)| (route.clone(), states.len() - 1);
        Asked {
            at: sim.time.now(),
            clock: instance.now(),
            jumps: instance.machine.jumps.get(),
            states: history.states.iter().map(last).collect(),
            keys: sim.objects.keys("queue/"),
        }
    }

    /// Whether the storage answered nobody from the question on.
    fn was_out(sim: &Sim, asked: &Asked) -> bool {
        sim.out_since.get().is_some_and(|since| since <= asked.at)
    }

    /// The health is told.
    pub fn told_health(&self, instance: &Instance, asked: &Asked, report: &HealthReport) {
        for told in &report.routes {
            self.told_route(instance, asked, told);
        }
    }

    fn told_route(&self, instance: &Instance, asked: &Asked, told: &RouteHealth) {
        let sim = &instance.sim;
        let known = told.decision != DecisionWord::Unknown;
        self.rule(!(known && Self::was_out(sim, asked)), || {
            format!(
                "what cannot be known is unknown: {} is told {:?}",
                told.route, told.decision
            )
        });
        self.rule(known == told.error.is_none(), || {
            format!("what is unknown says why: {told:?}")
        });
        let Some(route) = sim.config.route(&told.route).filter(|_| known) else {
            return;
        };
        // What a clock that jumped meanwhile made of it nobody can tell.
        if instance.machine.jumps.get() != asked.jumps {
            return;
        }
        let history = self.history.borrow();
        let since = asked.states.get(&told.route).copied().unwrap_or(0);
        let seen = history
            .states
            .get(&told.route)
            .into_iter()
            .flatten()
            .skip(since);
        let delivers = |state: &RouteState, now| {
            matches!(
                decide(route, state, now),
                Decision::Deliver(_) | Decision::Canary(_)
            )
        };
        let true_once = seen.into_iter().any(|bytes| {
            let state = bytes.as_ref().map(|bytes| serde_json::from_slice(bytes));
            let state: RouteState = state.and_then(Result::ok).unwrap_or_default();
            let order = state.order.as_ref().and_then(|order| order.expires);
            let claims = state.primaries.values().map(|health| health.claimed_until);
            let turns = claims.chain([order]).flatten();
            let meanwhile = turns.filter(|at| (asked.clock..=instance.now()).contains(at));
            [asked.clock, instance.now()]
                .into_iter()
                .chain(meanwhile)
                .any(|now| delivers(&state, now) == (told.decision == DecisionWord::Deliver))
        });
        self.rule(true_once, || {
            format!("the health is true of some moment: {told:?}")
        });
    }

    /// How much is held is told, or that it cannot be known.
    pub fn told_releases(
        &self,
        instance: &Instance,
        asked: &Asked,
        told: &Result<Releases, Problem>,
    ) {
        let Ok(told) = told else { return };
        self.rule(!Self::was_out(&instance.sim, asked), || {
            format!("what cannot be counted is not told: {told:?}")
        });
        let history = self.history.borrow();
        for route in &told.routes {
            let since = asked.states.get(&route.route).copied().unwrap_or(0);
            let mut seen = history
                .counts
                .get(&route.route)
                .into_iter()
                .flatten()
                .skip(since);
            self.rule(seen.any(|count| *count == route.queued.messages), || {
                format!("the count is true of some moment: {route:?}")
            });
        }
    }

    /// The queue is told, or that it cannot be known.
    pub fn told_queue(
        &self,
        instance: &Instance,
        asked: &Asked,
        told: &Result<QueuePage, Problem>,
    ) {
        let Ok(told) = told else { return };
        let sim = &instance.sim;
        self.rule(!Self::was_out(sim, asked), || {
            "what cannot be listed is not told".into()
        });
        let named = |key: &str| {
            let mut messages = told.messages.iter();
            messages.any(|one| Held::prefix(&one.route) + &one.id + ".eml" == *key)
        };
        let stayed = asked
            .keys
            .iter()
            .filter(|key| sim.objects.get(key).is_some());
        for key in stayed.filter(|_| told.next.is_none()) {
            self.rule(named(key), || {
                format!("what is held all the time is on the list: {key} is not")
            });
        }
    }

    /// The question is over.
    pub fn answered_question(&self, _asked: Asked) {
        let history = &mut *self.history.borrow_mut();
        history.asking -= 1;
        if history.asking == 0 {
            history.states.clear();
            history.counts.clear();
        }
    }
}
