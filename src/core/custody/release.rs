//! Releasing one held message: handing it to the primary, byte for byte, and writing down what
//! became of it before anything is deleted.
//!
//! ```text
//!   queue/ROUTE/ID.eml
//!     1. attempts/ROUTE/ID.json: this attempt and the earliest next one, before it is made
//!     2. the primary is tried for the recipients that are left
//!     3. nobody left:   outcomes/DAY/ID.json, then the queue object goes, then the record
//!        somebody left: the record says who is settled and why the rest is not
//! ```
//!
//! Whoever dies between two of these steps leaves a state from which the next releaser goes on.
//! An attempt that never reported is counted as lost: the message may have been delivered, it is
//! tried again under the same Message-ID, and the outcome says so.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::held::{Copy, Damaged, Held};
use super::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::config::Config;
use crate::limits;
use crate::mail::{EmailAddress, Envelope, MessageId, facts, trace};
use crate::ports::{Delivery, Event as LogEvent, Ports, Primary};
use crate::routing::{HoldReason, Route, RouteName};
use crate::smtp::{Attempt, Failure, Verdict};
use crate::submit::answer::{Outcome, ReplyWords, Settled};
use crate::time::Timestamp;

/// What is known of the attempts to release a message: `attempts/ROUTE/ID.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Attempts that were begun.
    pub attempts: u32,
    /// The earliest next attempt, written before the one that may never report.
    pub next_attempt: Timestamp,
    /// When the attempt that has not reported yet was begun.
    pub begun: Option<Timestamp>,
    /// Attempts that never reported.
    pub lost: u32,
    /// Recipients that need nothing more.
    pub settled: Vec<Settled>,
    /// Why the rest is still here.
    pub detail: String,
}

impl Record {
    fn key(route: &RouteName, copy: &Copy) -> String {
        format!("attempts/{route}/{copy}.json")
    }
}

/// The end of a message's life here: `outcomes/DAY/ID.json`, the day being that of its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ended {
    /// The message.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// Its route.
    pub route: RouteName,
    /// Who submitted it.
    pub partner: String,
    /// Since when it was held.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub held: Timestamp,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Each recipient's outcome.
    pub recipients: Vec<Settled>,
    /// Attempts that it took.
    pub attempts: u32,
    /// Whether a recipient may have it twice: a reply was lost on the way.
    pub uncertain: bool,
}

impl Ended {
    /// The object's key. A message that was split over several routes ends on each of them.
    pub fn key(copy: &Copy, split: Option<&RouteName>) -> String {
        let day = copy.id.at().day();
        match split {
            None => format!("outcomes/{day}/{copy}.json"),
            Some(route) => format!("outcomes/{day}/{copy}.{route}.json"),
        }
    }
}

/// What became of one try to release.
#[derive(Clone, Debug, PartialEq)]
pub enum Released {
    /// Nobody is left; its outcome is written.
    Ended(Outcome),
    /// Somebody is left, and will be tried later.
    Left {
        /// Why.
        detail: String,
        /// The primary itself failed: the rest of the queue should wait.
        failure: Option<Failure>,
    },
    /// It is not due yet.
    NotDue(Timestamp),
    /// Another releaser was faster.
    Gone,
    /// It is not what was stored, and stays where it is for a person to look at.
    Damaged(String),
}

/// Releases the message of this queue key to one address of its route.
pub async fn release<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    key: &str,
) -> Result<Released, StoreError> {
    let now = ports.now();
    let Some(copy) = Copy::of(key) else {
        return Ok(Released::Damaged(format!("{key}: its name is not an id")));
    };
    let record_key = Record::key(&route.name, &copy);
    let known: Option<Record> = read_json(ports.store(), &record_key).await?;
    if let Some(known) = known.as_ref().filter(|known| known.next_attempt > now) {
        return Ok(Released::NotDue(known.next_attempt));
    }
    let most = config
        .limits
        .message_bytes
        .max(limits::MESSAGE_BYTES_CEILING)
        + limits::HELD_PREFIX_BYTES;
    let Some(object) = ports.store().get(key, most).await? else {
        ports.store().delete(&record_key).await?;
        return Ok(Released::Gone);
    };
    let (held, message) = match Held::read(key, &object.bytes) {
        Ok(read) => read,
        Err(damaged) => return Ok(damage(ports, route, damaged)),
    };
    if let Some(ended) = ended_before(ports, route, &held, &copy).await? {
        ports.store().delete(key).await?;
        ports.store().delete(&record_key).await?;
        return Ok(Released::Ended(outcome(&ended)));
    }
    let mut record = begin(known, now);
    let left = left(&held, &record);
    let mut failure = None;
    if !left.is_empty() {
        write_json(ports.store(), &record_key, &record).await?;
        let attempt = hand_over(ports, config, route, address, &held, &left, message).await;
        failure = attempt.failure.clone();
        record.detail = detail(&attempt);
        record.lost += u32::from(attempt.recipients.contains(&Verdict::Uncertain));
        record
            .settled
            .extend(settled(route, &left, attempt.recipients));
    }
    record.begun = None;
    if self::left(&held, &record).is_empty() {
        return end(ports, route, &held, &copy, &record, key, &record_key)
            .await
            .map(Released::Ended);
    }
    write_json(ports.store(), &record_key, &record).await?;
    log(ports, "release.left", route, &held, &record);
    Ok(Released::Left {
        detail: record.detail,
        failure,
    })
}

/// The record as it must stand before the attempt: if we die, this is what the next one reads.
fn begin(known: Option<Record>, now: Timestamp) -> Record {
    let mut record = known.unwrap_or(Record {
        attempts: 0,
        next_attempt: now,
        begun: None,
        lost: 0,
        settled: Vec::new(),
        detail: String::new(),
    });
    record.lost += u32::from(record.begun.is_some());
    record.next_attempt = now.after(interval(record.attempts));
    record.attempts = record.attempts.saturating_add(1);
    record.begun = Some(now);
    record
}

/// 30 s, doubling to an hour.
fn interval(attempts: u32) -> Duration {
    let doubled = limits::RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts.min(16)));
    doubled.min(limits::RETRY_LONGEST)
}

fn left(held: &Held, record: &Record) -> Vec<EmailAddress> {
    let done = |address: &EmailAddress| {
        record
            .settled
            .iter()
            .any(|one| one.address.same_mailbox(address))
    };
    held.envelope
        .recipients
        .iter()
        .filter(|address| !done(address))
        .cloned()
        .collect()
}

async fn hand_over<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    held: &Held,
    left: &[EmailAddress],
    message: Bytes,
) -> Attempt {
    let budget = limits::FORWARD_BUDGET;
    let session = match ports.primary().open(route, address, budget).await {
        Ok(session) => session,
        Err(failure) => return Attempt::failed(left.len(), failure),
    };
    let envelope = Envelope {
        sender: held.envelope.sender.clone(),
        recipients: left.to_vec(),
    };
    let trace = trace::received_line(
        &held.partner,
        &config.hostname,
        held.id,
        facts::line_end(&message),
    );
    let rest = budget + route.timeouts.data_end;
    let delivery = Delivery {
        id: held.id,
        envelope: &envelope,
        parts: [Bytes::from(trace), message],
        budget,
        rest,
    };
    ports
        .primary()
        .deliver(route, address, session, &delivery)
        .await
}

/// Those whose copy needs nothing more.
fn settled(route: &Route, left: &[EmailAddress], verdicts: Vec<Verdict>) -> Vec<Settled> {
    let pairs = left.iter().zip(verdicts);
    let settled = pairs.filter_map(|(address, verdict)| {
        let outcome = match verdict {
            Verdict::Delivered(_) => Outcome::Delivered,
            Verdict::Rejected(_) => Outcome::Rejected,
            Verdict::Deferred(_) | Verdict::Uncertain | Verdict::Untried => return None,
        };
        let reply = verdict.reply().map(ReplyWords::from);
        Some(Settled {
            address: address.clone(),
            outcome,
            route: route.name.clone(),
            reason: None,
            reply,
        })
    });
    settled.collect()
}

fn detail(attempt: &Attempt) -> String {
    if let Some(failure) = &attempt.failure {
        return failure.detail.clone();
    }
    let deferral = attempt.recipients.iter().find_map(|verdict| match verdict {
        Verdict::Deferred(reply) => {
            Some(format!("the primary said: {} {}", reply.code, reply.text))
        }
        _ => None,
    });
    deferral.unwrap_or_default()
}

/// The outcome first, then the message, then the record: in this order nothing can be lost.
async fn end<P: Ports>(
    ports: &P,
    route: &Route,
    held: &Held,
    copy: &Copy,
    record: &Record,
    key: &str,
    record_key: &str,
) -> Result<Outcome, StoreError> {
    let ended = Ended {
        id: held.id,
        route: route.name.clone(),
        partner: held.partner.clone(),
        held: held.at,
        at: ports.now(),
        recipients: record.settled.clone(),
        attempts: record.attempts,
        uncertain: record.lost > 0
            || !held.uncertain.is_empty()
            || held.reason == HoldReason::Uncertain,
    };
    let split = held.split.then_some(&route.name);
    write_json(ports.store(), &Ended::key(copy, split), &ended).await?;
    ports.store().delete(key).await?;
    ports.store().delete(record_key).await?;
    log(ports, "release.ended", route, held, record);
    Ok(outcome(&ended))
}

/// The outcome of a message that is in the queue all the same: its releaser died before the
/// delete, or the write that held it arrived late. It covers everybody the copy is for.
async fn ended_before<P: Ports>(
    ports: &P,
    route: &Route,
    held: &Held,
    copy: &Copy,
) -> Result<Option<Ended>, StoreError> {
    let split = held.split.then_some(&route.name);
    let ended: Option<Ended> = read_json(ports.store(), &Ended::key(copy, split)).await?;
    let covers = |ended: &Ended| {
        let settled = |address| {
            ended
                .recipients
                .iter()
                .any(|one| one.address.same_mailbox(address))
        };
        held.envelope.recipients.iter().all(settled)
    };
    Ok(ended.filter(covers))
}

fn outcome(ended: &Ended) -> Outcome {
    let delivered = ended
        .recipients
        .iter()
        .any(|one| one.outcome == Outcome::Delivered);
    if delivered {
        Outcome::Delivered
    } else {
        Outcome::Rejected
    }
}

fn damage<P: Ports>(ports: &P, route: &Route, damaged: Damaged) -> Released {
    let event = LogEvent::new("queue.damaged")
        .with("route", route.name.as_str())
        .with("key", damaged.key.as_str())
        .with("reason", damaged.reason);
    ports.write(event);
    Released::Damaged(damaged.to_string())
}

fn log<P: Ports>(ports: &P, name: &'static str, route: &Route, held: &Held, record: &Record) {
    let event = LogEvent::new(name)
        .with("id", held.id.to_string())
        .with("route", route.name.as_str())
        .with("partner", held.partner.as_str())
        .with("attempts", record.attempts)
        .with("lost", record.lost)
        .with("settled", record.settled.len())
        .with("detail", record.detail.as_str());
    ports.write(event);
}

/// Reads one of our own small objects.
pub async fn read_json<T: for<'de> Deserialize<'de>>(
    store: &impl Store,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let Some(object) = store.get(key, limits::RECORD_BYTES).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&object.bytes)
        .map(Some)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, format!("{key}: {error}")))
}

/// Writes one of our own small objects, whatever is there.
pub async fn write_json(
    store: &impl Store,
    key: &str,
    object: &impl Serialize,
) -> Result<(), StoreError> {
    let body = serde_json::to_vec(object).unwrap_or_default();
    store
        .put(key, &[body.into()], Condition::Always)
        .await
        .map(drop)
}
