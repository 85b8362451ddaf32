//! Releasing one held message: handing it to the primary, byte for byte, and writing down what
//! became of it before anything is deleted.
//!
//! ```text
//!   queue/ROUTE/ID.eml
//!     1. attempts/ROUTE/ID.json: claims it: this attempt and the earliest next one, before it is made
//!     2. the primary is tried for the recipients that are left
//!     3. who was refused for good, or whose time is over, is told: see `returns`
//!     4. nobody left:   outcomes/DAY/ID.json, then the queue object goes, then the record
//!        somebody left: the record says who is settled and why the rest is not
//! ```
//!
//! Whoever dies between two of these steps leaves a state from which the next releaser goes on.
//! An attempt that never reported is counted as lost: the message may have been delivered, it is
//! tried again under the same Message-ID, and the outcome says so.

use std::time::Duration;

use super::attempts::{self, Claim, Claimed};
pub use super::ended::{Dropped, Ended};
use super::figures::{self, Figures};
use super::held::Copy;
use super::lease;
use super::life::held_copy;
use super::store::{StoreError, StoreErrorKind};
pub use super::work::hand_over;
use super::work::{self, Opened, left, open};
use crate::config::Config;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::{Route, RouteName};
use crate::smtp::Failure;
use crate::submit::answer::{Outcome, Settled};
use crate::time::Timestamp;

/// What became of one try to release.
#[derive(Clone, Debug, PartialEq)]
pub enum Released {
    /// Nobody is left; its outcome is written.
    Ended {
        /// What became of it.
        outcome: Outcome,
        /// Whether somebody may have it twice: a reply was lost on the way.
        uncertain: bool,
    },
    /// Somebody is left, and will be tried later.
    Left {
        /// Why.
        detail: String,
        /// The primary itself failed: the rest of the queue should wait.
        failure: Option<Failure>,
    },
    /// Its time is over, and it ended: its sender was told, or it is a dead letter.
    Returned {
        /// The primary itself failed at the last attempt.
        failure: Option<Failure>,
        /// Whether somebody may have it all the same: a reply was lost on the way.
        uncertain: bool,
    },
    /// It is not due yet.
    NotDue(Timestamp),
    /// Another releaser was faster.
    Gone,
    /// It is not what was stored, and stays where it is for a person to look at.
    Damaged(String),
}

/// Releases the message of this queue key to one address of its route, under the route's lease.
pub async fn release<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    holder: &str,
    key: &str,
) -> Result<Released, StoreError> {
    let way = Way {
        address: Some(address),
        holder: Some(holder),
    };
    go_on(ports, config, route, way, key).await
}

/// The same without the lease: a canary.
pub async fn canary<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    key: &str,
) -> Result<Released, StoreError> {
    let way = Way {
        address: Some(address),
        holder: None,
    };
    go_on(ports, config, route, way, key).await
}

/// Ends the message of this queue key if its time is over, without trying anybody.
pub async fn expire<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    key: &str,
) -> Result<Released, StoreError> {
    let way = Way {
        address: None,
        holder: None,
    };
    go_on(ports, config, route, way, key).await
}

/// How a message is gone on with.
struct Way<'w> {
    /// Whom to try; none = nobody.
    address: Option<usize>,
    /// Who holds the route's lease, where we do: what it names is ours.
    holder: Option<&'w str>,
}

async fn go_on<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    way: Way<'_>,
    key: &str,
) -> Result<Released, StoreError> {
    let Some(copy) = Copy::of(key) else {
        return Ok(Released::Damaged(format!("{key}: its name is not an id")));
    };
    let mut claimed = match attempts::claim(ports, &route.name, &copy).await? {
        Claim::Mine(claimed) => *claimed,
        Claim::NotDue(at) => return Ok(Released::NotDue(at)),
    };
    if is_in_batch(ports, &route.name, &copy, way.holder, &mut claimed).await? {
        return Ok(Released::NotDue(claimed.attempts.next_attempt));
    }
    let mut work = match open(ports, config, route, &copy, claimed).await? {
        Opened::Ready(work) => *work,
        Opened::Over(released) => return Ok(released),
    };
    let attempt = match way.address {
        Some(address) if !work.left().is_empty() && !work.waits_for_a_person() => {
            Some(work.attempt(address).await)
        }
        _ => None,
    };
    let (tried, failure) = (
        attempt.is_some(),
        attempt.and_then(|attempt| attempt.failure),
    );
    work.conclude(tried, failure).await
}

/// Whether the releaser's batch names the message, which is then its alone: our claim is undone.
///
/// A batch is named before the releaser looks for claims, and a claim is made before its maker looks
/// for batches: so at least one of the two sees the other.
pub async fn is_in_batch<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    holder: Option<&str>,
    claimed: &mut Claimed,
) -> Result<bool, StoreError> {
    let named = lease::names(ports, route, copy, holder).await?;
    if named {
        claimed.not_made(ports, Duration::ZERO).await?;
    }
    Ok(named)
}

/// Returns a message on a person's word, whatever its time.
pub async fn give_back<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    copy: &Copy,
    claimed: Claimed,
    word: Dropped,
) -> Result<Released, StoreError> {
    let mut work = match open(ports, config, route, copy, claimed).await? {
        Opened::Ready(work) => *work,
        Opened::Over(released) => return Ok(released),
    };
    // No attempt is made under this claim.
    let attempts = &mut work.claimed.attempts;
    attempts.attempts = attempts.attempts.saturating_sub(1);
    let (settled, returned) = (attempts.settled.clone(), attempts.returned.replace(word));
    work.give_up();
    if !work.tell().await? {
        // Somebody else is at it and the person hears so: then it is not done later either.
        let attempts = &mut work.claimed.attempts;
        (attempts.settled, attempts.returned) = (settled, returned);
        work.claimed.report(ports).await?;
        let next = work.claimed.attempts.next_attempt;
        return Ok(Released::NotDue(next));
    }
    let ended = work.end().await?;
    let released = Released::Returned {
        failure: None,
        uncertain: ended.uncertain,
    };
    let mut figures = Figures::default();
    figures.note(&released);
    figures::add_or_log(ports, &route.name, figures).await;
    Ok(released)
}

/// Ends a message on a person's word: nobody who is left gets it. Its outcome is written first.
pub async fn drop<P: Ports>(
    ports: &P,
    config: &Config,
    route: &RouteName,
    copy: &Copy,
    claimed: Claimed,
    dropped: Dropped,
) -> Result<(), StoreError> {
    let claimed = match finish_telling(ports, config, route, copy, claimed).await? {
        Some(claimed) => claimed,
        None => return Ok(()),
    };
    let attempts = &claimed.attempts;
    let (mut recipients, mut ended) = (attempts.settled.clone(), None);
    match held_copy(ports.store(), route, copy).await {
        Ok(None) => return work::gone(ports, route, copy, &claimed).await,
        Ok(Some(held)) => {
            recipients.extend(left(&held, attempts).into_iter().map(|address| Settled {
                address,
                outcome: Outcome::Dropped,
                route: route.clone(),
                reason: None,
                reply: None,
            }));
            ended = Some(held);
        }
        // What is damaged is dropped too, without knowing whose it was.
        Err(error) if error.kind == StoreErrorKind::Damaged => {}
        Err(error) => return Err(error),
    }
    let split = config.routes.len() > 1 && ended.as_ref().is_none_or(|held| held.split);
    let end = Ended {
        id: copy.id,
        route: route.clone(),
        partner: ended
            .as_ref()
            .map(|held| held.partner.clone())
            .unwrap_or_default(),
        held: ended.as_ref().map_or_else(|| copy.id.at(), |held| held.at),
        at: ports.now(),
        recipients,
        attempts: attempts.attempts.saturating_sub(1),
        uncertain: attempts.lost > 0 || ended.is_some_and(|held| !held.uncertain.is_empty()),
        dropped: Some(dropped),
        // A return that was begun and not done: its report goes out all the same.
        returned: attempts.returned.clone(),
        dsn: attempts.tellings.iter().map(|telling| telling.id).collect(),
        dead_letter: None,
    };
    let known = config.route(route.as_str());
    let kept = known.is_some_and(|route| route.copies.is_some());
    let end = work::end(ports, copy, split, kept, &claimed, end).await?;
    let mut figures = Figures::default();
    figures.ended(Outcome::Dropped, end.uncertain);
    figures::add_or_log(ports, route, figures).await;
    let event = LogEvent::new("message.dropped")
        .with("id", copy.to_string())
        .with("route", route.as_str());
    ports.write(event);
    Ok(())
}

/// Sends what an earlier releaser had to tell and perhaps did not; none where the message is over.
async fn finish_telling<P: Ports>(
    ports: &P,
    config: &Config,
    route: &RouteName,
    copy: &Copy,
    claimed: Claimed,
) -> Result<Option<Claimed>, StoreError> {
    let pending = claimed
        .attempts
        .tellings
        .iter()
        .any(|telling| !telling.sent);
    let Some(route) = config.route(route.as_str()).filter(|_| pending) else {
        return Ok(Some(claimed));
    };
    match open(ports, config, route, copy, claimed).await? {
        Opened::Over(_) => Ok(None),
        Opened::Ready(mut work) => {
            work.tell().await?;
            Ok(Some(work.claimed))
        }
    }
}
