//! The primaries: they fail in every way a mail server does, and keep the protocol's word about
//! what they took.
//!
//! What a recipient or a message is refused for lies in its name, because a mailbox that does not
//! exist does not exist however often it is asked for.

use std::time::Duration;

use holdfast_core::limits;
use holdfast_core::ports::{Delivery, Primary};
use holdfast_core::routing::Route;
use holdfast_core::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};

use super::machine::{Instance, millis};
use super::sabotage::Sabotage;
use super::weather::PrimaryMood;

impl Instance {
    fn mood(&self, route: &Route, address: usize) -> PrimaryMood {
        let first = if route.name.as_str() == "hq" { 0 } else { 2 };
        self.sim.primaries[first + address].get()
    }

    fn chance(&self, times: u64) -> bool {
        self.sim.chance.once_in(times)
    }

    /// Where the conversation breaks before the end of data, and how.
    async fn breaks(&self, began: i64, budget: Duration) -> (Step, Failure) {
        let steps = [Step::Mail, Step::Rcpt, Step::DataCommand, Step::DataBlock];
        let kinds = [
            FailureKind::Closed,
            FailureKind::Timeout,
            FailureKind::ServiceUnavailable,
            FailureKind::Protocol,
        ];
        let (step, kind) = (self.sim.chance.pick(&steps), self.sim.chance.pick(&kinds));
        if kind == FailureKind::Timeout {
            self.rest_of(began, budget).await;
        }
        (step, failure(kind, step))
    }

    /// Waits until all of `time` since `began` is gone.
    async fn rest_of(&self, began: i64, time: Duration) {
        let gone = self.sim.time.now() - began;
        self.sim.time.sleep(millis(time) - gone).await;
    }
}

impl Primary for Instance {
    type Session = ();

    async fn open(&self, route: &Route, address: usize, budget: Duration) -> Result<(), Failure> {
        let began = self.sim.time.now();
        self.at_most(budget).await;
        let mut mood = self.mood(route, address);
        if mood == PrimaryMood::Well && self.chance(self.sim.weather.get().primary_refuses) {
            mood = self.sim.chance.pick(&[
                PrimaryMood::Refusing,
                PrimaryMood::Silent,
                PrimaryMood::Unavailable,
            ]);
        }
        match mood {
            PrimaryMood::Well => Ok(()),
            PrimaryMood::Refusing => Err(failure(FailureKind::Connect, Step::Connect)),
            PrimaryMood::Silent => {
                self.rest_of(began, budget.min(limits::REPLY)).await;
                Err(failure(FailureKind::Timeout, Step::Greeting))
            }
            PrimaryMood::Unavailable => {
                Err(failure(FailureKind::ServiceUnavailable, Step::Greeting))
            }
        }
    }

    async fn deliver(
        &self,
        route: &Route,
        address: usize,
        (): (),
        delivery: &Delivery<'_>,
    ) -> Attempt {
        let (sim, weather) = (&self.sim, self.sim.weather.get());
        let recipients = &delivery.envelope.recipients;
        sim.checks.given(sim, delivery);
        let began = sim.time.now();
        self.at_most(delivery.budget).await;
        if self.mood(route, address) != PrimaryMood::Well {
            return Attempt::failed(recipients.len(), failure(FailureKind::Closed, Step::Mail));
        }
        let broken = match self.chance(weather.primary_breaks) {
            true => Some(self.breaks(began, delivery.budget).await),
            false => None,
        };
        let answered = match &broken {
            Some((Step::Mail, _)) => 0,
            Some((Step::Rcpt, _)) => sim.chance.index(recipients.len() + 1),
            _ => recipients.len(),
        };
        let mut verdicts = vec![Verdict::Untried; recipients.len()];
        for (verdict, recipient) in verdicts.iter_mut().zip(recipients).take(answered) {
            if recipient.local().starts_with("nobody") {
                sim.checks.refused(delivery.id, recipient);
                *verdict = Verdict::Rejected(Reply::new(550, ["5.1.1 nobody"]));
            } else if self.chance(weather.primary_defers) {
                *verdict = Verdict::Deferred(Reply::new(450, ["4.2.0 later"]));
            }
        }
        if let Some((_, failure)) = broken {
            return Attempt {
                recipients: verdicts,
                failure: Some(failure),
            };
        }
        self.end_of_data(delivery, verdicts, began).await
    }

    async fn probe(&self, route: &Route, address: usize) -> Result<(), Failure> {
        self.open(route, address, limits::FORWARD_BUDGET).await
    }
}

impl Instance {
    /// One reply for all who were not refused before.
    async fn end_of_data(
        &self,
        delivery: &Delivery<'_>,
        mut verdicts: Vec<Verdict>,
        began: i64,
    ) -> Attempt {
        let (sim, weather) = (&self.sim, self.sim.weather.get());
        let recipients = &delivery.envelope.recipients;
        let open = |verdict: &Verdict| matches!(verdict, Verdict::Untried);
        let (mut said, mut failed) = (Verdict::Delivered(Reply::new(250, ["2.0.0 ok"])), None);
        if delivery.parts[1].starts_with(POISON) {
            said = Verdict::Rejected(Reply::new(554, ["5.6.0 not this"]));
        } else if self.chance(weather.primary_defers.saturating_mul(4)) {
            said = Verdict::Deferred(Reply::new(451, ["4.3.0 later"]));
        } else if self.chance(weather.primary_breaks.saturating_mul(4)) {
            said = Verdict::Deferred(Reply::new(421, ["4.3.2 going down"]));
            failed = Some(failure(FailureKind::ServiceUnavailable, Step::DataEnd));
        }
        let lost = verdicts.iter().any(open) && self.chance(weather.primary_loses);
        let arrives = !lost || self.chance(2);
        for (verdict, recipient) in verdicts.iter_mut().zip(recipients) {
            if open(verdict) {
                match &said {
                    Verdict::Delivered(_) if arrives => sim.checks.taken(sim, delivery, recipient),
                    Verdict::Rejected(_) => sim.checks.refused(delivery.id, recipient),
                    _ => {}
                }
                *verdict = said.clone();
                if lost {
                    *verdict = Verdict::Uncertain;
                }
            }
        }
        let elapsed = sim.time.now() - began;
        let rest = millis(delivery.rest) - elapsed;
        self.at_most(Duration::from_millis(u64::try_from(rest).unwrap_or(0)))
            .await;
        if lost {
            failed = Some(failure(FailureKind::Closed, Step::DataEnd));
        }
        let rejected = |verdict: &Verdict| matches!(verdict, Verdict::Rejected(_));
        if sim.sabotage == Sabotage::RejectionTripsHealth && verdicts.iter().any(rejected) {
            failed = Some(failure(FailureKind::Protocol, Step::Rcpt));
        }
        Attempt {
            recipients: verdicts,
            failure: failed,
        }
    }
}

fn failure(kind: FailureKind, step: Step) -> Failure {
    Failure {
        kind,
        step,
        detail: format!("{kind:?} at {step:?}"),
    }
}

/// A message that begins so is refused by every primary.
pub const POISON: &[u8] = b"Subject: poison";
