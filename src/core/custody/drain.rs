//! Releasing a route's queue: oldest first, under the route's lease, faster while all goes well.
//!
//! Concurrency starts at 1 and doubles with each round of successes up to the route's limit; a
//! deferral halves it; a failure of the primary stops the drain, and the health says when it goes
//! on. A message that fails is stepped over and keeps its own retry time. Each call is bounded in
//! time and may be repeated, overlapped or killed at any point.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::Serialize;

use super::figures::Tally;
use super::held::Held;
use super::lease::{self, Lease};
use super::progress::Reporter;
use super::release::{self, Released};
use super::route_state::{self, StateCache};
use super::store::{Page, Store, StoreError};
use crate::config::Config;
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::health::Event;
use crate::routing::{Decision, Route, decide};
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
        return Ok(Drained::default());
    };
    let Some(&address) = candidates.first() else {
        return Ok(Drained::default());
    };
    let prefix = Held::prefix(&route.name);
    let first = ports.store().list(&prefix, None, limits::LIST_PAGE).await?;
    if first.keys.is_empty() {
        return Ok(Drained::default());
    }
    let Some(lease) = lease::take(ports, &route.name).await? else {
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
        prefix,
        page: first,
        next: 0,
        lease,
        concurrency: 1,
        good: 0,
        failures: Vec::new(),
        served: false,
        drained: Drained::default(),
    };
    let result = run.through().await;
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

struct Run<'r, P: Ports> {
    ports: &'r P,
    config: &'r Config,
    route: &'r Route,
    address: usize,
    deadline: Timestamp,
    most: Option<u32>,
    reporter: Reporter,
    tally: Tally,
    prefix: String,
    page: Page,
    next: usize,
    lease: Lease,
    concurrency: usize,
    good: usize,
    failures: Vec<(String, String)>,
    served: bool,
    drained: Drained,
}

impl<P: Ports> Run<'_, P> {
    async fn through(&mut self) -> Result<(), StoreError> {
        let (ports, config, route, address) = (self.ports, self.config, self.route, self.address);
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.concurrency && self.drained.stopped.is_none() {
                if self.most == Some(0) {
                    self.drained.stopped = Some("as many as asked for were tried".into());
                } else if self.ports.now() >= self.deadline {
                    self.drained.stopped = Some(TIME_IS_UP.into());
                } else if !self.lease.keep(self.ports).await? {
                    self.drained.stopped = Some("the lease was lost".into());
                } else if let Some(key) = self.next_key().await? {
                    self.most = self.most.map(|most| most - 1);
                    running.push(async move {
                        let released = release::release(ports, config, route, address, &key).await;
                        (key, released)
                    });
                } else {
                    break;
                }
            }
            let Some((key, released)) = running.next().await else {
                return Ok(());
            };
            let released = released?;
            self.tally.note(&released);
            self.count(&key, released);
            self.reporter.report(ports).await;
            self.tally.report(ports, &self.route.name).await;
        }
    }

    /// The next key of the queue, from the page or the page after it.
    async fn next_key(&mut self) -> Result<Option<String>, StoreError> {
        if self.next == self.page.keys.len() {
            let Some(last) = self.page.keys.last().filter(|_| self.page.more) else {
                return Ok(None);
            };
            self.page = self
                .ports
                .store()
                .list(&self.prefix, Some(last), limits::LIST_PAGE)
                .await?;
            self.next = 0;
        }
        let key = self.page.keys.get(self.next).cloned();
        self.next += 1;
        Ok(key)
    }

    fn count(&mut self, key: &str, released: Released) {
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
                    self.concurrency = (self.concurrency * 2).min(limits::RELEASE_CONCURRENCY);
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
                self.failures.push((key.to_owned(), failure.detail.clone()));
                self.drained.stopped = Some(format!("the primary failed: {}", failure.detail));
            }
            Released::NotDue(_) => self.drained.left += 1,
            Released::Damaged(_) => self.drained.damaged += 1,
            Released::Gone => {}
        }
    }
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
