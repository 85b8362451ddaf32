//! The attempts to release one message: `attempts/ROUTE/ID.json`, which is also the claim on it.
//!
//! An attempt is written down before it is made, with the earliest time of the next one, and the
//! write is conditional: of two releasers that want the same message one is first, and the other
//! finds that it is not due. Who holds the claim writes what came of it; one that never reports was
//! left by an instance that died, and counts as lost: its message may have been delivered.
//!
//! What the sender must be told is written here too before it is told, each report with its id, so
//! that whoever takes over after a death goes on with that very report and makes no second one.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ended::Dropped;
use super::held::Copy;
use super::record::{self, Known};
use super::store::{Condition, Put, Store, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::mail::{EmailAddress, MessageId};
use crate::ports::{Ports, nonce};
use crate::routing::RouteName;
use crate::submit::answer::Settled;
use crate::time::Timestamp;

/// What is known of the attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempts {
    /// Attempts that were begun.
    pub attempts: u32,
    /// The earliest next attempt.
    pub next_attempt: Timestamp,
    /// Who is at it, where nobody has reported yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<String>,
    /// Attempts that never reported, or whose reply was lost.
    pub lost: u32,
    /// Recipients that need nothing more.
    pub settled: Vec<Settled>,
    /// Why the rest is still here.
    pub detail: String,
    /// Whether the attempt under way has come to an end that is written down here: who died after
    /// that lost nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
    /// When the primary was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// A person wants it tried again although so many attempts were lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<u32>,
    /// What its sender is told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tellings: Vec<Telling>,
    /// Who returns it and why, where a person does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Dropped>,
}

/// One report to the sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Telling {
    /// Its id.
    pub id: MessageId,
    /// The route by which it goes.
    pub way: RouteName,
    /// The recipients that it is about.
    pub recipients: Vec<EmailAddress>,
    /// Whether it lies in that route's queue, or went on from there.
    #[serde(default)]
    pub sent: bool,
}

/// What a claim came to.
#[derive(Debug)]
pub enum Claim {
    /// Go on.
    Mine(Box<Claimed>),
    /// It is not due, or another releaser is at it.
    NotDue(Timestamp),
}

/// A message that the caller alone may try to release now.
#[derive(Debug)]
pub struct Claimed {
    /// The attempts, this one among them.
    pub attempts: Attempts,
    key: String,
    version: Version,
}

/// What is known of a copy's attempts.
pub async fn read(
    store: &impl Store,
    route: &RouteName,
    copy: &Copy,
) -> Result<Option<Attempts>, StoreError> {
    match record::read(store, &key(route, copy)).await {
        Ok(found) => Ok(found.map(|(attempts, _)| attempts)),
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(None),
        Err(error) => Err(error),
    }
}

/// Claims the next attempt, if it is due.
pub async fn claim<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
) -> Result<Claim, StoreError> {
    claim_unless(ports, route, copy, Attempts::waits).await
}

/// Claims it whether or not it is due, unless somebody is at it.
pub async fn claim_now<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
) -> Result<Claim, StoreError> {
    let at_work = |attempts: &Attempts, now| attempts.claimed_by.is_some() && attempts.waits(now);
    claim_unless(ports, route, copy, at_work).await
}

/// Claims it for an attempt that was made already, under the route's lease.
pub async fn claim_made<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
) -> Result<Claimed, StoreError> {
    match claim_unless(ports, route, copy, |_, _| false).await? {
        Claim::Mine(claimed) => Ok(*claimed),
        Claim::NotDue(_) => Err(busy(route, copy)),
    }
}

/// Writes down that an attempt never reported: its releaser died.
pub async fn mark_lost<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
) -> Result<(), StoreError> {
    let key = key(route, copy);
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Attempts>(ports.store(), &key).await?;
        let now = ports.now();
        let known = match known {
            Known::Some(known) => known,
            Known::None | Known::Unreadable => Attempts::none(now),
        };
        let lost = Attempts {
            attempts: known.attempts.saturating_add(1),
            lost: known.lost.saturating_add(1),
            ..known
        };
        if let Put::Written(_) = record::write(ports.store(), &key, &lost, condition).await? {
            return Ok(());
        }
    }
    Err(busy(route, copy))
}

/// The copies with ids from `first` to `last` that have a record, and the id at which the listing
/// ended, if it ended before `last`.
pub async fn known(
    store: &impl Store,
    route: &RouteName,
    first: MessageId,
    last: MessageId,
) -> Result<(BTreeSet<Copy>, Option<MessageId>), StoreError> {
    let prefix = format!("attempts/{route}/");
    // An id without its ending sorts just before its own record.
    let after = format!("{prefix}{first}");
    let page = store.list(&prefix, Some(&after), limits::LIST_PAGE).await?;
    let copies = page.keys.iter().filter_map(|key| {
        let name = key.strip_prefix(&prefix)?.strip_suffix(".json")?;
        Copy::named(name)
    });
    let copies: BTreeSet<Copy> = copies.collect();
    let end = copies.last().map(|copy| copy.id);
    Ok((copies, end.filter(|end| page.more && *end <= last)))
}

fn busy(route: &RouteName, copy: &Copy) -> StoreError {
    let detail = format!("attempts/{route}/{copy}.json: others keep changing it");
    StoreError::new(StoreErrorKind::Unavailable, detail)
}

async fn claim_unless<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    must_wait: impl Fn(&Attempts, Timestamp) -> bool,
) -> Result<Claim, StoreError> {
    let key = key(route, copy);
    let nonce = nonce(ports);
    let mut next_attempt = ports.now();
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Attempts>(ports.store(), &key).await?;
        let now = ports.now();
        let known = match (known, &condition) {
            // Our own write, whose answer was lost.
            (Known::Some(known), Condition::Unchanged(version))
                if known.claimed_by.as_ref() == Some(&nonce) =>
            {
                return Ok(mine(known, key, version.clone()));
            }
            (Known::Some(known), _) if must_wait(&known, now) => {
                return Ok(Claim::NotDue(known.next_attempt));
            }
            (Known::Some(known), _) => known,
            (Known::None, _) => Attempts::none(now),
            // Nobody knows what was tried.
            (Known::Unreadable, _) => Attempts {
                lost: 1,
                ..Attempts::none(now)
            },
        };
        let begun = known.begin(now, nonce.clone());
        if let Put::Written(version) = record::write(ports.store(), &key, &begun, condition).await?
        {
            return Ok(mine(begun, key, version));
        }
        next_attempt = begun.next_attempt;
    }
    Ok(Claim::NotDue(next_attempt))
}

/// Ends the wait before the next attempt; with `approve` also the wait of one that stays because a
/// reply was lost. Who is at it now reports as usual.
pub async fn make_due<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    approve: bool,
) -> Result<(), StoreError> {
    let key = key(route, copy);
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Attempts>(ports.store(), &key).await?;
        let now = ports.now();
        let known = match known {
            Known::Some(known) if known.claimed_by.is_some() => return Ok(()),
            Known::Some(known) => known,
            // It was never tried; that a person approves must be remembered all the same.
            Known::None if approve => Attempts::none(now),
            // It is due already.
            Known::None | Known::Unreadable => return Ok(()),
        };
        let due = Attempts {
            next_attempt: now,
            approved: approve.then_some(known.lost).or(known.approved),
            ..known
        };
        if let Put::Written(_) = record::write(ports.store(), &key, &due, condition).await? {
            return Ok(());
        }
    }
    Ok(())
}

fn key(route: &RouteName, copy: &Copy) -> String {
    format!("attempts/{route}/{copy}.json")
}

impl Attempts {
    fn none(now: Timestamp) -> Self {
        Self {
            attempts: 0,
            next_attempt: now,
            claimed_by: None,
            lost: 0,
            settled: Vec::new(),
            detail: String::new(),
            reported: false,
            tried: None,
            approved: None,
            tellings: Vec::new(),
            returned: None,
        }
    }

    /// A time that lies further ahead than any wait was written by a clock that went back.
    fn waits(&self, now: Timestamp) -> bool {
        self.next_attempt > now && self.next_attempt <= now.after(limits::RETRY_LONGEST)
    }

    /// As it must stand before the attempt: if we die, this is what the next one reads.
    fn begin(self, now: Timestamp, nonce: String) -> Self {
        Self {
            lost: self
                .lost
                .saturating_add(u32::from(self.claimed_by.is_some() && !self.reported)),
            reported: false,
            next_attempt: now.after(interval(self.attempts).max(limits::ATTEMPT)),
            attempts: self.attempts.saturating_add(1),
            claimed_by: Some(nonce),
            ..self
        }
    }
}

impl Claimed {
    /// Gives the claim back with what came of the attempt; the next one is due after the interval.
    pub async fn report<P: Ports>(&mut self, ports: &P) -> Result<(), StoreError> {
        let interval = interval(self.attempts.attempts.saturating_sub(1));
        self.give_back(ports, interval).await
    }

    /// Gives the claim back without an attempt: nothing was sent to anybody.
    pub async fn not_made<P: Ports>(
        &mut self,
        ports: &P,
        wait: Duration,
    ) -> Result<(), StoreError> {
        self.attempts.attempts = self.attempts.attempts.saturating_sub(1);
        self.give_back(ports, wait).await
    }

    /// Writes down how far it came, and keeps the claim. False when somebody else took over.
    pub async fn keep<P: Ports>(&mut self, ports: &P) -> Result<bool, StoreError> {
        self.attempts.reported = true;
        let condition = Condition::Unchanged(self.version.clone());
        match record::write(ports.store(), &self.key, &self.attempts, condition).await? {
            Put::Written(version) => self.version = version,
            // Perhaps our own write, whose answer was lost.
            Put::Conflict => match record::read::<Attempts>(ports.store(), &self.key).await? {
                Some((found, version)) if found == self.attempts => self.version = version,
                _ => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Whether somebody else claimed it meanwhile: this took too long, or a clock is wrong.
    pub async fn is_taken_over<P: Ports>(&self, ports: &P) -> Result<bool, StoreError> {
        let found = record::read::<Attempts>(ports.store(), &self.key).await?;
        Ok(found.is_some_and(|(found, _)| found.claimed_by != self.attempts.claimed_by))
    }

    async fn give_back<P: Ports>(&mut self, ports: &P, wait: Duration) -> Result<(), StoreError> {
        let mut report = self.attempts.clone();
        report.claimed_by = None;
        report.reported = false;
        report.next_attempt = ports.now().after(wait);
        for _ in 0..limits::STATE_TRIES {
            let condition = Condition::Unchanged(self.version.clone());
            if let Put::Written(version) =
                record::write(ports.store(), &self.key, &report, condition).await?
            {
                self.version = version;
                self.attempts = report;
                return Ok(());
            }
            // Our own write, or this attempt took so long that it was given up for lost: then who
            // took over must know whom we settled.
            match record::read::<Attempts>(ports.store(), &self.key).await? {
                None => return Ok(()),
                Some((found, _)) if found == report => return Ok(()),
                Some((found, version)) => {
                    self.version = version;
                    report = found.with(&report);
                }
            }
        }
        Ok(())
    }

    /// Forgets the attempts: the message is gone.
    pub async fn forget<P: Ports>(&self, ports: &P) -> Result<(), StoreError> {
        ports.store().delete(&self.key).await
    }
}

impl Attempts {
    fn with(mut self, more: &Self) -> Self {
        for one in &more.settled {
            if !self
                .settled
                .iter()
                .any(|known| known.address.same_mailbox(&one.address))
            {
                self.settled.push(one.clone());
            }
        }
        for one in &more.tellings {
            match self.tellings.iter_mut().find(|known| known.id == one.id) {
                Some(known) => known.sent |= one.sent,
                None => self.tellings.push(one.clone()),
            }
        }
        self
    }
}

/// 30 s, doubling to an hour.
fn interval(attempts: u32) -> Duration {
    let doubled = limits::RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts.min(16)));
    doubled.min(limits::RETRY_LONGEST)
}

fn mine(attempts: Attempts, key: String, version: Version) -> Claim {
    Claim::Mine(Box::new(Claimed {
        attempts,
        key,
        version,
    }))
}
