//! One message and one route: what is known of the health decides, the primary is tried, and what
//! it did not take is held. All in the same request: no sender sees a dead primary.
//!
//! A cold instance does not know the health. It opens the connection to the preferred primary
//! while it reads the state, so that reading costs a delivery nothing; where the decision is to
//! hold, the connection is dropped before anything was said.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};

use super::Message;
use super::answer::{Outcome, ReplyWords, Settled};
use super::hold::hold;
use crate::config::Config;
use crate::custody::held::Digest;
use crate::custody::kept::ToKeep;
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::in_time;
use crate::limits;
use crate::mail::{EmailAddress, Envelope, facts, trace};
use crate::ports::{Delivery, Event as LogEvent, Ports, Primary, within};
use crate::routing::decide::Hold;
use crate::routing::health::Event;
use crate::routing::{Decision, HealthState, HoldReason, Route, RouteName, RouteState, decide};
use crate::smtp::{Attempt, Failure, FailureKind, Step, Verdict};
use crate::time::Timestamp;

/// What came of one route's recipients.
#[derive(Debug)]
pub struct Forwarded {
    /// The route.
    pub route: RouteName,
    /// Each recipient's outcome.
    pub settled: Vec<Settled>,
    /// Why the rest is held, if it is.
    pub hold: Option<Hold>,
    /// Why the rest was not accepted, if it was not.
    pub not_accepted: Option<String>,
    /// The message's hash, where the hold computed it.
    pub digest: Option<Digest>,
    /// The copy that its route keeps of what was delivered.
    pub copy: Option<ToKeep>,
}

/// Delivers or holds the message for this route's recipients.
pub async fn forward<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    route: &Route,
    message: &Message<'_>,
    envelope: &Envelope,
) -> Forwarded {
    let asked = ports.now();
    let (state, opened) = know(ports, cache, route).await;
    let known = state.clone().unwrap_or_default();
    let decision = decide(route, &known, ports.now());
    let (candidates, canary) = match decision {
        Decision::Deliver(candidates) => (candidates, false),
        Decision::Canary(index) if claimed(ports, cache, route, index).await => (vec![index], true),
        Decision::Canary(index) => {
            let health = known.health(&route.primaries[index].text);
            let detail = format!(
                "it is recovering and another message is tried first: {}",
                health.newest()
            );
            return hold_all(
                ports,
                route,
                message,
                envelope,
                Hold {
                    reason: HoldReason::Down,
                    detail,
                    until: None,
                },
            )
            .await;
        }
        Decision::Hold(why) => return hold_all(ports, route, message, envelope, why).await,
    };
    // Opening ahead is part of the attempt. Blind, the next address gets its short chance too:
    // there may be nowhere to hold.
    let (budget, began) = match state {
        Some(_) => (limits::FORWARD_BUDGET, asked),
        None => (limits::BLIND_FORWARD_BUDGET, ports.now()),
    };
    let mut run = Run {
        ports,
        config,
        route,
        message,
        envelope,
        budget,
        began,
        events: Vec::new(),
    };
    let tried = run.through(&candidates, opened).await;
    let events = run.events;
    let noting = note(ports, cache, route, &known, canary, events);
    let noted = within(ports, message.left(ports, limits::RECEIPT_STEP), noting);
    let held = hold_rest(ports, route, message, envelope, tried);
    let (_, forwarded) = futures::future::join(noted, held).await;
    forwarded
}

/// A connection that was opened ahead, to the address of this index.
type Opened<P> = Option<(
    usize,
    Result<<<P as Ports>::Primary as Primary>::Session, Failure>,
)>;

/// The route's state, and the connection that was opened while it was read.
async fn know<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
) -> (Option<RouteState>, Opened<P>) {
    if let Some(state) = cache.fresh(route, ports.now()) {
        return (state, None);
    }
    // A primary that was to be left alone when this instance last looked gets no connection ahead.
    let held = |state| matches!(decide(route, &state, ports.now()), Decision::Hold(_));
    if cache.last(&route.name).is_some_and(held) {
        return (route_state::read(ports, cache, route).await, None);
    }
    let reading = pin!(route_state::read(ports, cache, route));
    let opening = pin!(ports.primary().open(route, 0, limits::FORWARD_BUDGET));
    match select(reading, opening).await {
        Either::Right((opened, reading)) => (reading.await, Some((0, opened))),
        Either::Left((state, opening)) => {
            let now = ports.now();
            let wanted = matches!(
                decide(route, &state.clone().unwrap_or_default(), now),
                Decision::Deliver(ref candidates) if candidates.first() == Some(&0)
            );
            let opened = match (wanted, &state) {
                (false, _) => None,
                (true, Some(_)) => Some(opening.await),
                (true, None) => {
                    let short = limits::BLIND_FORWARD_BUDGET;
                    let opened = within(ports, short, opening).await;
                    Some(opened.unwrap_or_else(|| Err(not_ready(short))))
                }
            };
            (state, opened.map(|opened| (0, opened)))
        }
    }
}

fn not_ready(time: Duration) -> Failure {
    let detail = format!("not ready for mail within {} s", time.as_secs());
    Failure {
        kind: FailureKind::Timeout,
        step: Step::Connect,
        detail,
    }
}

async fn claimed<P: Ports>(ports: &P, cache: &StateCache, route: &Route, index: usize) -> bool {
    let claiming = route_state::claim_canary(ports, cache, route, index);
    in_time(ports, limits::STORAGE_BUDGET, claiming)
        .await
        .unwrap_or(false)
}

/// What the primaries said of each recipient, and why the last of them failed.
struct Tried {
    verdicts: Vec<Verdict>,
    failure: Option<String>,
}

struct Run<'r, 'm, P: Ports> {
    ports: &'r P,
    config: &'r Config,
    route: &'r Route,
    message: &'r Message<'m>,
    envelope: &'r Envelope,
    budget: Duration,
    began: Timestamp,
    events: Vec<(usize, Event)>,
}

impl<P: Ports> Run<'_, '_, P> {
    /// Tries one address after the other for the recipients that none has tried yet.
    async fn through(&mut self, candidates: &[usize], mut opened: Opened<P>) -> Tried {
        let mut verdicts = vec![Verdict::Untried; self.envelope.recipients.len()];
        let mut failure = None;
        for &index in candidates {
            let untried: Vec<usize> = (0..verdicts.len())
                .filter(|i| matches!(verdicts[*i], Verdict::Untried))
                .collect();
            let left = self.left();
            if untried.is_empty() || left.is_zero() {
                break;
            }
            let ahead = opened
                .take()
                .filter(|(address, _)| *address == index)
                .map(|(_, result)| result);
            let attempt = self.one(index, &untried, left, ahead).await;
            for (i, verdict) in untried.into_iter().zip(attempt.recipients) {
                verdicts[i] = verdict;
            }
            self.evidence(index, attempt.failure.as_ref());
            failure = attempt
                .failure
                .map(|f| format!("{}: {}", self.route.primaries[index], f.detail))
                .or(failure);
        }
        Tried { verdicts, failure }
    }

    async fn one(
        &self,
        index: usize,
        recipients: &[usize],
        left: Duration,
        ahead: Option<Result<<P::Primary as Primary>::Session, Failure>>,
    ) -> Attempt {
        let primary = self.ports.primary();
        let session = match ahead {
            Some(result) => result,
            None => primary.open(self.route, index, left).await,
        };
        let session = match session {
            Ok(session) => session,
            Err(failure) => return Attempt::failed(recipients.len(), failure),
        };
        let envelope = self.envelope.only(
            recipients
                .iter()
                .map(|i| self.envelope.recipients[*i].clone())
                .collect(),
        );
        let line_end = facts::line_end(&self.message.bytes);
        let trace = trace::received_line(
            &self.message.partner.name,
            &self.config.hostname,
            self.message.id,
            line_end,
        );
        let kept_back = limits::STORAGE_BUDGET + limits::RECEIPT_STEP + limits::BETWEEN_BYTES;
        let delivery = Delivery {
            id: self.message.id,
            envelope: &envelope,
            parts: [Bytes::from(trace), self.message.bytes.clone()],
            trace: self.message.trace,
            budget: self.left(),
            rest: self.message.left(self.ports, kept_back),
        };
        primary.deliver(self.route, index, session, &delivery).await
    }

    fn evidence(&mut self, index: usize, failure: Option<&Failure>) {
        let event = match failure {
            Some(failure) => {
                let event = LogEvent::new("primary.failed")
                    .with("id", self.message.id.to_string())
                    .traced(self.message.trace)
                    .with("route", self.route.name.as_str())
                    .with("primary", self.route.primaries[index].text.as_str())
                    .with("failure", serde_json::to_value(failure).unwrap_or_default());
                self.ports.write(event);
                Event::Failed {
                    subject: self.message.id.to_string(),
                    what: failure.detail.clone(),
                }
            }
            None => Event::Served,
        };
        self.events.push((index, event));
    }

    fn left(&self) -> Duration {
        self.budget
            .saturating_sub(self.ports.now().since(self.began))
    }
}

/// Writes the evidence where it changes anything: a healthy primary's success does not.
async fn note<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    known: &RouteState,
    canary: bool,
    events: Vec<(usize, Event)>,
) {
    let matters = |(index, event): &(usize, Event)| {
        let health = known.health(&route.primaries[*index].text);
        canary
            || *event != Event::Served
            || health.state != HealthState::Up
            || !health.evidence.is_empty()
    };
    let events: Vec<_> = events.into_iter().filter(matters).collect();
    route_state::note_or_log(ports, cache, route, &events).await;
}

async fn hold_all<P: Ports>(
    ports: &P,
    route: &Route,
    message: &Message<'_>,
    envelope: &Envelope,
    why: Hold,
) -> Forwarded {
    let verdicts = vec![Verdict::Untried; envelope.recipients.len()];
    settle(
        ports,
        route,
        message,
        envelope,
        verdicts,
        |_| why.reason,
        &why,
    )
    .await
}

async fn hold_rest<P: Ports>(
    ports: &P,
    route: &Route,
    message: &Message<'_>,
    envelope: &Envelope,
    tried: Tried,
) -> Forwarded {
    let reason = |verdict: &Verdict| match verdict {
        Verdict::Uncertain => HoldReason::Uncertain,
        Verdict::Deferred(_) => HoldReason::Deferred,
        _ => HoldReason::Failed,
    };
    // The gravest speaks for the message: what may be doubled, then what the primary failed at.
    let gravest = [
        HoldReason::Uncertain,
        HoldReason::Failed,
        HoldReason::Deferred,
    ]
    .into_iter()
    .find(|grave| {
        tried
            .verdicts
            .iter()
            .any(|v| is_left(v) && reason(v) == *grave)
    })
    .unwrap_or(HoldReason::Failed);
    let deferral = tried.verdicts.iter().find_map(|verdict| match verdict {
        Verdict::Deferred(reply) => {
            Some(format!("the primary said: {} {}", reply.code, reply.text))
        }
        _ => None,
    });
    let detail = tried
        .failure
        .or(deferral)
        .unwrap_or_else(|| "no time was left to try".into());
    let why = Hold {
        reason: gravest,
        detail,
        until: None,
    };
    settle(
        ports,
        route,
        message,
        envelope,
        tried.verdicts,
        reason,
        &why,
    )
    .await
}

fn is_left(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Deferred(_) | Verdict::Uncertain | Verdict::Untried
    )
}

/// Holds a copy for those that are left, and says what became of everyone.
async fn settle<P: Ports>(
    ports: &P,
    route: &Route,
    message: &Message<'_>,
    envelope: &Envelope,
    verdicts: Vec<Verdict>,
    reason: impl Fn(&Verdict) -> HoldReason,
    why: &Hold,
) -> Forwarded {
    let of = |wanted: fn(&Verdict) -> bool| -> Vec<EmailAddress> {
        let pairs = envelope.recipients.iter().zip(&verdicts);
        pairs
            .filter(|(_, verdict)| wanted(verdict))
            .map(|(address, _)| address.clone())
            .collect()
    };
    let left = of(is_left);
    let uncertain = of(|verdict| matches!(verdict, Verdict::Uncertain));
    let held = match left.is_empty() {
        true => Ok(None),
        false => hold(ports, route, message, envelope.only(left), uncertain, why)
            .await
            .map(Some),
    };
    let settled = envelope
        .recipients
        .iter()
        .zip(&verdicts)
        .map(|(address, verdict)| {
            let outcome = match verdict {
                Verdict::Delivered(_) => Outcome::Delivered,
                Verdict::Rejected(_) => Outcome::Rejected,
                _ if held.is_ok() => Outcome::Held,
                _ => Outcome::NotAccepted,
            };
            Settled {
                address: address.clone(),
                outcome,
                route: route.name.clone(),
                reason: (outcome == Outcome::Held).then(|| reason(verdict)),
                reply: verdict.reply().map(ReplyWords::from),
            }
        });
    let delivered = of(|verdict| matches!(verdict, Verdict::Delivered(_)));
    let copy = route.copies.filter(|_| !delivered.is_empty());
    Forwarded {
        route: route.name.clone(),
        copy: copy.map(|_| ToKeep {
            id: message.id,
            route: route.name.clone(),
            envelope: envelope.only(delivered),
            partner: message.partner.name.clone(),
            message: message.bytes.clone(),
        }),
        settled: settled.collect(),
        hold: matches!(held, Ok(Some(_))).then(|| why.clone()),
        digest: held.as_ref().ok().copied().flatten(),
        not_accepted: held
            .err()
            .map(|error| format!("primary: {}; {error}", why.detail)),
    }
}
