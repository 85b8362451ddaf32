//! Many messages of a backlog at once: claimed with one write, settled with one, removed with one.
//!
//! A record, an outcome and two deletes for each message are what a release costs most. Where a
//! backlog is released and all goes well, the lease names a batch of messages before any of them is
//! tried; what was delivered gets one outcome object for all, then all of it is removed. Only
//! messages that nobody ever tried are released so; whatever does not simply succeed gets a record
//! of its own and goes the way of [`release`](super::release).
//!
//! ```text
//!   1. leases/ROUTE.json             names the batch
//!   2. attempts/ROUTE/, outcomes/    are listed: who has a record or an outcome goes the other way
//!   3. each is handed over
//!   4. leases/ROUTE.json             names the next batch beside it, or none
//!   5. outcomes/DAY/ROUTE/...json    for all that were delivered; then they go from the queue,
//!                                    while the next batch is handed over
//! ```
//!
//! A releaser that dies leaves the batch named. Whoever takes the lease next counts each of those
//! that are still in the queue as lost, in a record of its own, before it does anything else: they
//! may have been delivered.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use super::attempts;
use super::ended::Ended;
use super::ended::batch::{self as outcomes, Batch};
use super::held::{Copy, Held};
use super::kept;
use super::lease::{self, Lease};
use super::release::{self, Released};
use super::store::{Store, StoreError};
use super::work::{self, MOST_BYTES, Work};
use crate::config::Config;
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::{HoldReason, Route, RouteName};
use crate::smtp::{Attempt, Verdict};
use crate::submit::answer::Outcome;
use crate::time::Timestamp;

/// Takes the route's lease, and settles what an earlier holder left.
pub async fn take_lease<P: Ports>(
    ports: &P,
    route: &RouteName,
) -> Result<Option<Lease>, StoreError> {
    let Some(mut lease) = lease::take(ports, route).await? else {
        return Ok(None);
    };
    let abandoned = lease.abandoned();
    for copy in &abandoned {
        let key = Held::key(route, copy);
        if ports.store().peek(&key, 1).await?.is_some() {
            attempts::mark_lost(ports, route, copy).await?;
        }
    }
    lease.settled(abandoned);
    Ok(Some(lease))
}

/// Settles a batch whose releaser died, so that its messages can be tried without the lease.
pub async fn settle_abandoned<P: Ports>(ports: &P, route: &RouteName) -> Result<(), StoreError> {
    if lease::is_abandoned(ports, route).await?
        && let Some(lease) = take_lease(ports, route).await?
    {
        lease.give_back(ports).await?;
    }
    Ok(())
}

/// The keys that can be one batch: as many as there may be, all of one day.
pub fn begin(route: &Route, keys: &[String]) -> Vec<(String, Copy)> {
    let named = keys
        .iter()
        .take(route.pace.batch)
        .map_while(|key| Some((key.clone(), Copy::of(key)?)));
    let mut batch: Vec<(String, Copy)> = named.collect();
    if let Some((_, first)) = batch.first() {
        let day = first.id.at().day();
        let same = batch.iter().position(|(_, copy)| copy.id.at().day() != day);
        batch.truncate(same.unwrap_or(batch.len()));
    }
    batch
}

/// Those of a batch that nobody ever tried. The batch must have been named before.
pub async fn untried<P: Ports>(
    ports: &P,
    route: &RouteName,
    batch: &[(String, Copy)],
) -> Result<BTreeSet<Copy>, StoreError> {
    let ids = batch.iter().map(|(_, copy)| copy.id);
    let Some((first, last)) = ids.clone().min().zip(ids.max()) else {
        return Ok(BTreeSet::new());
    };
    let store = ports.store();
    if !outcomes::batches(store, route, first, last)
        .await?
        .is_empty()
    {
        // Some of these ids had a batch before: who of them, the other way finds out.
        return Ok(BTreeSet::new());
    }
    let (tried, tried_to) = attempts::known(store, route, first, last).await?;
    let (over, over_to) = outcomes::known(store, first, last).await?;
    let seen = |copy: &Copy| {
        let within = |end: Option<_>| end.is_none_or(|end| copy.id < end);
        within(tried_to) && within(over_to)
    };
    let copies = batch.iter().map(|(_, copy)| *copy);
    let untried = |copy: &Copy| seen(copy) && !tried.contains(copy) && !over.contains(copy);
    Ok(copies.filter(untried).collect())
}

/// A message of a batch that was delivered, while that is not written down yet.
pub struct Delivered {
    /// Its key in the queue.
    pub key: String,
    /// Its name.
    pub copy: Copy,
    /// Its outcome.
    pub ended: Ended,
}

/// What became of one message of a batch.
pub enum Done {
    /// It was delivered to everybody; its outcome is still to be written.
    Delivered(Box<Ended>),
    /// All is written down.
    Settled(Released),
}

/// Hands one untried message of a named batch over.
pub async fn one<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    holder: &str,
    key: &str,
    copy: &Copy,
) -> Result<Done, StoreError> {
    let Some(object) = ports.store().get(key, MOST_BYTES).await? else {
        return Ok(Done::Settled(Released::Gone));
    };
    let held = Held::read(key, &object.bytes)
        .ok()
        .filter(|(held, _)| is_plain(route, held, ports.now()));
    let Some((held, message)) = held else {
        let released = release::release(ports, config, route, address, holder, key).await?;
        return Ok(Done::Settled(released));
    };
    let everybody = &held.envelope.recipients;
    let handing = work::hand_over(
        ports,
        config,
        route,
        address,
        &held,
        everybody,
        message.clone(),
    );
    let attempt = handing.await;
    let taken = |verdict: &Verdict| matches!(verdict, Verdict::Delivered(_));
    if attempt.failure.is_some() || !attempt.recipients.iter().all(taken) {
        let object = object.bytes;
        return otherwise(ports, config, route, copy, held, message, object, attempt).await;
    }
    let recipients = work::settled(route, everybody, attempt.recipients);
    let event = LogEvent::new("release.ended")
        .with("id", held.id.to_string())
        .with("route", route.name.as_str())
        .with("partner", held.partner.as_str())
        .with("attempts", 1)
        .with("lost", 0)
        .with("settled", recipients.len())
        .traced(held.trace.as_ref());
    ports.write(event);
    Ok(Done::Delivered(Box::new(Ended {
        id: held.id,
        route: route.name.clone(),
        partner: held.partner,
        held: held.at,
        at: ports.now(),
        recipients,
        attempts: 1,
        uncertain: !held.uncertain.is_empty() || held.reason == HoldReason::Uncertain,
        dropped: None,
        returned: None,
        dsn: Vec::new(),
        dead_letter: None,
    })))
}

/// The attempt gets a record of its own, and the message goes on as any other.
#[allow(clippy::too_many_arguments, reason = "what Work is made of")]
async fn otherwise<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    copy: &Copy,
    held: Held,
    message: Bytes,
    object: Bytes,
    attempt: Attempt,
) -> Result<Done, StoreError> {
    let mut claimed = attempts::claim_made(ports, &route.name, copy).await?;
    claimed.attempts.tried = Some(ports.now());
    let mut work = Work {
        ports,
        config,
        route,
        copy: *copy,
        claimed,
        held,
        message,
        object,
    };
    // It was made for everybody, whatever somebody else has settled meanwhile.
    let everybody = work.held.envelope.recipients.clone();
    work.note(&everybody, &attempt);
    let released = work.conclude(true, attempt.failure).await?;
    Ok(Done::Settled(released))
}

/// Whether it needs nothing but to be handed over: no doubt, no end of its time, few recipients.
fn is_plain(route: &Route, held: &Held, now: Timestamp) -> bool {
    let expires = route.queue_lifetime.map(|time| held.at.after(time));
    held.uncertain.is_empty()
        && held.reason != HoldReason::Uncertain
        && held.envelope.recipients.len() <= FEW
        && expires.is_none_or(|end| end > now)
}

/// Writes the outcomes of all that were delivered, then removes them from the queue: these.
pub async fn finish<P: Ports>(
    ports: &P,
    route: &Route,
    delivered: Vec<Delivered>,
) -> Result<Vec<Copy>, StoreError> {
    if delivered.is_empty() {
        return Ok(Vec::new());
    }
    let copies: Vec<Copy> = delivered.iter().map(|one| one.copy).collect();
    let keys: Vec<String> = delivered.iter().map(|one| one.key.clone()).collect();
    let ended = delivered.into_iter();
    let ended = ended.map(|one| (one.copy.to_string(), one.ended));
    let batch = Batch {
        outcomes: ended.collect(),
    };
    batch.write(ports.store(), &route.name).await?;
    if route.copies.is_some() {
        let keeping = copies
            .iter()
            .map(|copy| kept::keep_released(ports, &route.name, copy));
        let keeping = stream::iter(keeping).buffer_unordered(limits::RELEASE_CONCURRENCY);
        keeping.collect::<()>().await;
    }
    ports.store().delete_all(&keys).await?;
    Ok(copies)
}

/// What [`Released`] calls a message of a batch that was delivered: one that is in doubt is in none.
pub const DELIVERED: Released = Released::Ended {
    outcome: Outcome::Delivered,
    uncertain: false,
};

/// Recipients of a message whose outcome shares an object with others.
const FEW: usize = 10;
