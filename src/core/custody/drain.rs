//! Releasing a route's queue: oldest first, under the route's lease, faster while all goes well.
//!
//! Concurrency starts at 1 and doubles with each round of successes up to the route's limit; a
//! deferral halves it; a failure of the primary stops the drain, and the health says when it goes
//! on: so the first message of a drain is its canary, also after a window, in which nothing was learnt
//! about the primary. At full speed, and while a backlog is there, messages are released in
//! [batches](super::batch). A message that fails is stepped over and keeps its own retry time. Each
//! call is bounded in time and may be repeated, overlapped or killed at any point.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::future::join;
use futures::stream::FuturesUnordered;
use serde::Serialize;

use super::batch::{self, Delivered, Done};
use super::figures::Tally;
use super::held::{Copy, Held};
use super::lease::Lease;
use super::progress::Reporter;
use super::release::{self, Released};
use super::returns;
use super::route_state::{self, StateCache};
use super::store::{Page, StoreError};
use super::waiting;
use crate::config::Config;
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::health::Event;
use crate::routing::window::Waits;
use crate::routing::{Decision, Route, RouteState, decide};
use crate::submit::answer::Outcome;
use crate::time::Timestamp;

/// What a drain came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drained {
    /// Messages that the primary took.
    pub delivered: u32,
    /// Messages that it refused for good.
    pub rejected: u32,
    /// Messages whose time was over: their senders were told, or they are dead letters.
    pub returned: u32,
    /// Messages that stay for a later try.
    pub left: u32,
    /// Objects of the queue that are not what was stored.
    pub damaged: u32,
    /// Why it stopped before the queue's end, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Whether another call would find work at once.
    pub more: bool,
}

/// Releases what is due until the queue ends, the primary fails, `deadline` is there, or so many
/// messages as `most` says were tried.
pub async fn drain<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    route: &Route,
    deadline: Timestamp,
    most: Option<u32>,
) -> Result<Drained, StoreError> {
    let state = route_state::read_now(ports, &route.name).await?;
    let Decision::Deliver(candidates) = decide(route, &state, ports.now()) else {
        return returns::sweep(ports, config, route, &state, deadline).await;
    };
    let Some(address) = least_blamed(route, &state, candidates, ports.now()) else {
        return Ok(Drained::default());
    };
    // Where a window opens meanwhile, it ends there; what waits for a person is passed over.
    let now = ports.now();
    let deadline = state
        .windows
        .next_start(now)
        .map_or(deadline, |start| start.min(deadline));
    let waits = state.windows.waits(now);
    let first = waiting::list(ports.store(), &route.name, &waits, None, limits::LIST_PAGE).await?;
    if first.keys.is_empty() {
        return Ok(Drained::default());
    }
    let Some(lease) = batch::take_lease(ports, &route.name).await? else {
        return Ok(Drained {
            stopped: Some("another releaser has the lease".into()),
            ..Drained::default()
        });
    };
    let reporter = match Reporter::begin(ports, &route.name, &first).await {
        Ok(reporter) => reporter,
        Err(error) => {
            lease.give_back(ports).await?;
            return Err(error);
        }
    };
    let mut run = Run {
        ports,
        config,
        route,
        address,
        deadline,
        most,
        reporter,
        tally: Tally::begin(ports.now()),
        waits,
        page: first,
        next: 0,
        lease,
        concurrency: 1,
        good: 0,
        failures: Vec::new(),
        served: false,
        delivered: Vec::new(),
        drained: Drained::default(),
    };
    let through = run.through().await;
    // Also where it failed: what was delivered is written down.
    let result = through.and(run.finish().await);
    let Run {
        failures,
        served,
        mut drained,
        lease,
        reporter,
        mut tally,
        ..
    } = run;
    note(ports, cache, route, address, failures, served).await;
    let failed = result.as_ref().err().map(ToString::to_string);
    let stopped = failed.as_deref().or(drained.stopped.as_deref());
    reporter.end(ports, stopped).await;
    tally.end(ports, &route.name).await;
    lease.give_back(ports).await?;
    result?;
    drained.more = drained.stopped.as_deref() == Some(TIME_IS_UP);
    log(ports, route, &drained);
    Ok(drained)
}

/// The preferred address, unless it failed more lately than another. One message that fails is one
/// piece of evidence however often it is tried, so that alone it would try a dead address for ever.
fn least_blamed(
    route: &Route,
    state: &RouteState,
    candidates: Vec<usize>,
    now: Timestamp,
) -> Option<usize> {
    let failed = |index: &usize| {
        let health = state.health(&route.primaries[*index].text);
        // What is yet to come was written by a clock that went ahead.
        let newest = health.evidence.last().map(|evidence| evidence.at);
        newest.filter(|at| *at <= now)
    };
    candidates.into_iter().min_by_key(failed)
}

struct Run<'r, P: Ports> {
    ports: &'r P,
    config: &'r Config,
    route: &'r Route,
    address: usize,
    deadline: Timestamp,
    most: Option<u32>,
    reporter: Reporter,
    tally: Tally,
    waits: Waits,
    page: Page,
    next: usize,
    lease: Lease,
    concurrency: usize,
    good: usize,
    failures: Vec<(String, String)>,
    served: bool,
    /// What the last batch delivered and what is not yet written down.
    delivered: Vec<Delivered>,
    drained: Drained,
}

impl<P: Ports> Run<'_, P> {
    async fn through(&mut self) -> Result<(), StoreError> {
        let (ports, config, route, address) = (self.ports, self.config, self.route, self.address);
        let holder = &self.lease.holder().to_owned();
        let mut running = FuturesUnordered::new();
        loop {
            self.look_ahead().await?;
            if !self.is_backlog() {
                self.finish().await?;
            }
            self.reporter.report(ports).await;
            self.tally.report(ports, &self.route.name).await;
            while running.len() < self.concurrency
                && self.drained.stopped.is_none()
                && !self.is_backlog()
            {
                if self.most == Some(0) {
                    self.drained.stopped = Some("as many as asked for were tried".into());
                } else if self.ports.now() >= self.deadline {
                    self.drained.stopped = Some(TIME_IS_UP.into());
                } else if !self.lease.keep(self.ports).await? {
                    self.drained.stopped = Some(LEASE_LOST.into());
                } else if let Some(key) = self.next_key().await? {
                    self.most = self.most.map(|most| most - 1);
                    running.push(async move {
                        let released =
                            release::release(ports, config, route, address, holder, &key).await;
                        (key, released)
                    });
                } else {
                    break;
                }
            }
            match running.next().await {
                Some((key, released)) => {
                    self.count(&key, released?);
                }
                None if self.drained.stopped.is_none() && self.is_backlog() => self.batch().await?,
                None => return Ok(()),
            }
        }
    }

    /// Whether all goes well and there is enough for a batch.
    fn is_backlog(&self) -> bool {
        self.is_at_full_speed() && self.ahead() >= self.route.pace.batch
    }

    fn is_at_full_speed(&self) -> bool {
        self.most.is_none() && self.concurrency >= self.route.pace.max_concurrency
    }

    /// Keys that are known and were not tried.
    fn ahead(&self) -> usize {
        self.page.keys.len().saturating_sub(self.next)
    }

    /// The end of a page is no end of the backlog.
    async fn look_ahead(&mut self) -> Result<(), StoreError> {
        let short = self.page.more && self.ahead() < self.route.pace.batch;
        let last = self
            .next
            .checked_sub(1)
            .and_then(|at| self.page.keys.get(at));
        if let Some(last) = last.filter(|_| short && self.is_at_full_speed()) {
            let (store, route) = (self.ports.store(), &self.route.name);
            self.page =
                waiting::list(store, route, &self.waits, Some(last), limits::LIST_PAGE).await?;
            self.next = 0;
        }
        Ok(())
    }

    /// Hands a batch over while the one before it is written down.
    async fn batch(&mut self) -> Result<(), StoreError> {
        let batch = batch::begin(self.route, &self.page.keys[self.next..]);
        if batch.is_empty() {
            // Not a name of ours: looked at one by one.
            self.concurrency = 1;
            return Ok(());
        }
        let before = std::mem::take(&mut self.delivered);
        let named = before.iter().map(|one| one.copy);
        let named: Vec<_> = named.chain(batch.iter().map(|(_, copy)| *copy)).collect();
        let finishing = batch::finish(self.ports, self.route, before);
        let (finished, handed) = join(finishing, self.hand_over(batch, &named)).await;
        self.finished(finished?);
        handed
    }

    /// Hands a batch over, once it and what is not yet written down of the one before are named.
    async fn hand_over(
        &mut self,
        batch: Vec<(String, Copy)>,
        named: &[Copy],
    ) -> Result<(), StoreError> {
        let (ports, config, route, address) = (self.ports, self.config, self.route, self.address);
        let holder = &self.lease.holder().to_owned();
        if !self.lease.name(ports, named).await? {
            self.drained.stopped = Some(LEASE_LOST.into());
            return Ok(());
        }
        let untried = batch::untried(ports, &route.name, &batch).await?;
        let copies: BTreeSet<Copy> = batch.iter().map(|(_, copy)| *copy).collect();
        let mut waiting = batch.into_iter();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < route.pace.max_concurrency && self.drained.stopped.is_none() {
                if ports.now() >= self.deadline {
                    self.drained.stopped = Some(TIME_IS_UP.into());
                } else if !self.lease.keep(ports).await? {
                    self.drained.stopped = Some(LEASE_LOST.into());
                } else if let Some((key, copy)) = waiting.next() {
                    self.next += 1;
                    let fresh = untried.contains(&copy);
                    running.push(async move {
                        let done = match fresh {
                            true => {
                                batch::one(ports, config, route, address, holder, &key, &copy).await
                            }
                            false => release::release(ports, config, route, address, holder, &key)
                                .await
                                .map(Done::Settled),
                        };
                        (key, copy, done)
                    });
                } else {
                    break;
                }
            }
            let Some((key, copy, done)) = running.next().await else {
                break;
            };
            match done? {
                Done::Delivered(ended) => self.delivered.push(Delivered {
                    key,
                    copy,
                    ended: *ended,
                }),
                Done::Settled(released) => self.count(&key, released),
            }
        }
        let delivered: BTreeSet<Copy> = self.delivered.iter().map(|one| one.copy).collect();
        self.lease.settled(copies.difference(&delivered).copied());
        Ok(())
    }

    /// Writes down what the last batch delivered.
    async fn finish(&mut self) -> Result<(), StoreError> {
        let delivered = std::mem::take(&mut self.delivered);
        let finished = batch::finish(self.ports, self.route, delivered).await?;
        self.finished(finished);
        Ok(())
    }

    fn finished(&mut self, copies: Vec<Copy>) {
        for copy in &copies {
            let key = Held::key(&self.route.name, copy);
            self.count(&key, batch::DELIVERED);
        }
        self.lease.settled(copies);
    }

    /// The next key of the queue, from the page or the page after it.
    async fn next_key(&mut self) -> Result<Option<String>, StoreError> {
        if self.next == self.page.keys.len() {
            let Some(last) = self.page.keys.last().filter(|_| self.page.more) else {
                return Ok(None);
            };
            let (store, route) = (self.ports.store(), &self.route.name);
            self.page =
                waiting::list(store, route, &self.waits, Some(last), limits::LIST_PAGE).await?;
            self.next = 0;
        }
        let key = self.page.keys.get(self.next).cloned();
        self.next += 1;
        Ok(key)
    }

    fn count(&mut self, key: &str, released: Released) {
        self.tally.note(&released);
        match released {
            Released::Ended { outcome, .. } => {
                self.served = true;
                self.reporter.released();
                match outcome {
                    Outcome::Rejected | Outcome::Dropped => self.drained.rejected += 1,
                    _ => self.drained.delivered += 1,
                }
                self.good += 1;
                if self.good >= self.concurrency {
                    self.good = 0;
                    self.concurrency = (self.concurrency * 2).min(self.route.pace.max_concurrency);
                }
            }
            Released::Left { failure: None, .. } => {
                self.served = true;
                self.drained.left += 1;
                self.good = 0;
                self.concurrency = (self.concurrency / 2).max(1);
            }
            Released::Left {
                failure: Some(failure),
                ..
            } => {
                self.drained.left += 1;
                self.failures.push((subject(key), failure.detail.clone()));
                self.drained.stopped = Some(format!("the primary failed: {}", failure.detail));
            }
            Released::Returned { failure, .. } => {
                self.reporter.released();
                self.drained.returned += 1;
                if let Some(failure) = failure {
                    self.failures.push((subject(key), failure.detail.clone()));
                    self.drained.stopped = Some(format!("the primary failed: {}", failure.detail));
                }
            }
            Released::NotDue(_) => self.drained.left += 1,
            Released::Damaged(_) => self.drained.damaged += 1,
            Released::Gone => {}
        }
    }
}

/// The message as the evidence names it: a release that fails is no more evidence than the
/// submission of the same message that failed before.
pub fn subject(key: &str) -> String {
    Copy::of(key).map_or_else(|| key.to_owned(), |copy| copy.id.to_string())
}

/// What the drain learnt about the primary.
async fn note<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    address: usize,
    failures: Vec<(String, String)>,
    served: bool,
) {
    let failed = failures
        .into_iter()
        .map(|(subject, what)| (address, Event::Failed { subject, what }));
    let events: Vec<_> = served
        .then_some((address, Event::Served))
        .into_iter()
        .chain(failed)
        .collect();
    route_state::note_or_log(ports, cache, route, &events).await;
}

fn log<P: Ports>(ports: &P, route: &Route, drained: &Drained) {
    let event = LogEvent::new("queue.drained")
        .with("route", route.name.as_str())
        .with("drained", serde_json::to_value(drained).unwrap_or_default());
    ports.write(event);
}

const TIME_IS_UP: &str = "time is up";
const LEASE_LOST: &str = "the lease was lost";
