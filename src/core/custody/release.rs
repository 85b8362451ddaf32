//! Releasing one held message: handing it to the primary, byte for byte, and writing down what
//! became of it before anything is deleted.
//!
//! ```text
//!   queue/ROUTE/ID.eml
//!     1. attempts/ROUTE/ID.json: claims it: this attempt and the earliest next one, before it is made
//!     2. the primary is tried for the recipients that are left
//!     3. nobody left:   outcomes/DAY/ID.json, then the queue object goes, then the record
//!        somebody left: the record says who is settled and why the rest is not
//! ```
//!
//! Whoever dies between two of these steps leaves a state from which the next releaser goes on.
//! An attempt that never reported is counted as lost: the message may have been delivered, it is
//! tried again under the same Message-ID, and the outcome says so.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::attempts::{self, Attempts, Claim, Claimed};
use super::figures::{self, Figures};
use super::held::{Copy, Damaged, Held};
use super::life::held_copy;
use super::record;
use super::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::config::Config;
use crate::limits;
use crate::mail::{EmailAddress, Envelope, MessageId, facts, trace};
use crate::ports::{Delivery, Event as LogEvent, Ports, Primary};
use crate::routing::{HoldReason, Route, RouteName};
use crate::smtp::{Attempt, Failure, Verdict};
use crate::submit::answer::{Outcome, ReplyWords, Settled};
use crate::time::Timestamp;

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
    /// Who dropped it and why, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
}

/// A person's word that ended a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dropped {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
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

    /// How this copy ended, if it did.
    pub async fn read(
        store: &impl Store,
        copy: &Copy,
        split: Option<&RouteName>,
    ) -> Result<Option<Self>, StoreError> {
        let found = record::read(store, &Self::key(copy, split)).await?;
        Ok(found.map(|(ended, _)| ended))
    }
}

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
    /// It is not due yet.
    NotDue(Timestamp),
    /// Another releaser was faster.
    Gone,
    /// It is not what was stored, and stays where it is for a person to look at.
    Damaged(String),
}

impl Released {
    fn of(ended: &Ended) -> Self {
        Self::Ended {
            outcome: outcome(ended),
            uncertain: ended.uncertain,
        }
    }
}

/// Releases the message of this queue key to one address of its route.
pub async fn release<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: usize,
    key: &str,
) -> Result<Released, StoreError> {
    let Some(copy) = Copy::of(key) else {
        return Ok(Released::Damaged(format!("{key}: its name is not an id")));
    };
    let mut claimed = match attempts::claim(ports, &route.name, &copy).await? {
        Claim::Mine(claimed) => claimed,
        Claim::NotDue(at) => return Ok(Released::NotDue(at)),
    };
    // Read only now that nobody else can be at it: the message, or its end, is what it will stay.
    let most = config
        .limits
        .message_bytes
        .max(limits::MESSAGE_BYTES_CEILING)
        + limits::HELD_PREFIX_BYTES;
    let Some(object) = ports.store().get(key, most).await? else {
        claimed.forget(ports).await?;
        return Ok(Released::Gone);
    };
    let (held, message) = match Held::read(key, &object.bytes) {
        Ok(read) => read,
        Err(damaged) => {
            claimed.attempts.detail = damaged.to_string();
            claimed.report(ports).await?;
            return Ok(damage(ports, route, damaged));
        }
    };
    if let Some(ended) = ended_before(ports, route, &held, &copy).await? {
        ports.store().delete(key).await?;
        claimed.forget(ports).await?;
        return Ok(Released::of(&ended));
    }
    let left = left(&held, &claimed.attempts);
    let mut failure = None;
    if !left.is_empty() {
        let attempt = hand_over(ports, config, route, address, &held, &left, message).await;
        failure = attempt.failure.clone();
        let attempts = &mut claimed.attempts;
        attempts.detail = detail(&attempt);
        attempts.lost += u32::from(attempt.recipients.contains(&Verdict::Uncertain));
        attempts
            .settled
            .extend(settled(route, &left, attempt.recipients));
    }
    if self::left(&held, &claimed.attempts).is_empty() {
        return end(ports, route, &held, &copy, &claimed, key).await;
    }
    claimed.report(ports).await?;
    log(ports, "release.left", route, &held, &claimed.attempts);
    Ok(Released::Left {
        detail: claimed.attempts.detail,
        failure,
    })
}

fn left(held: &Held, attempts: &Attempts) -> Vec<EmailAddress> {
    let done = |address: &EmailAddress| {
        attempts
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

/// Hands the message to the primary for those who are left; drills do as a release does.
pub async fn hand_over<P: Ports>(
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
        trace: held.trace.as_ref(),
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
    claimed: &Claimed,
    key: &str,
) -> Result<Released, StoreError> {
    let attempts = &claimed.attempts;
    let ended = Ended {
        id: held.id,
        route: route.name.clone(),
        partner: held.partner.clone(),
        held: held.at,
        at: ports.now(),
        recipients: attempts.settled.clone(),
        attempts: attempts.attempts,
        uncertain: attempts.lost > 0
            || !held.uncertain.is_empty()
            || held.reason == HoldReason::Uncertain,
        dropped: None,
    };
    let split = held.split.then_some(&route.name);
    let ended_key = Ended::key(copy, split);
    record::write(ports.store(), &ended_key, &ended, Condition::Always).await?;
    ports.store().delete(key).await?;
    claimed.forget(ports).await?;
    log(ports, "release.ended", route, held, attempts);
    Ok(Released::of(&ended))
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
    let key = Held::key(route, copy);
    let attempts = &claimed.attempts;
    let (mut recipients, mut ended) = (attempts.settled.clone(), None);
    match held_copy(ports.store(), route, copy).await {
        Ok(None) => return claimed.forget(ports).await,
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
    };
    let ended_key = Ended::key(copy, split.then_some(route));
    record::write(ports.store(), &ended_key, &end, Condition::Always).await?;
    ports.store().delete(&key).await?;
    claimed.forget(ports).await?;
    let mut figures = Figures::default();
    figures.ended(Outcome::Dropped, end.uncertain);
    figures::add_or_log(ports, route, figures).await;
    let event = LogEvent::new("message.dropped")
        .with("id", copy.to_string())
        .with("route", route.as_str());
    ports.write(event);
    Ok(())
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
    let ended = Ended::read(ports.store(), copy, split).await?;
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

fn log<P: Ports>(ports: &P, name: &'static str, route: &Route, held: &Held, attempts: &Attempts) {
    let event = LogEvent::new(name)
        .with("id", held.id.to_string())
        .traced(held.trace.as_ref())
        .with("route", route.name.as_str())
        .with("partner", held.partner.as_str())
        .with("attempts", attempts.attempts)
        .with("lost", attempts.lost)
        .with("settled", attempts.settled.len())
        .with("detail", attempts.detail.as_str());
    ports.write(event);
}
