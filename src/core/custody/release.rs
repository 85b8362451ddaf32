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

use bytes::Bytes;

use super::attempts::{self, Attempts, Claim, Claimed};
pub use super::ended::{Dropped, Ended};
use super::held::{Copy, Damaged, Held};
use super::life::held_copy;
use super::store::{Store, StoreError, StoreErrorKind};
use crate::config::Config;
use crate::limits;
use crate::mail::{EmailAddress, facts, trace};
use crate::ports::{Delivery, Event as LogEvent, Ports, Primary};
use crate::routing::{HoldReason, Route, RouteName};
use crate::smtp::{Attempt, Failure, Verdict};
use crate::submit::answer::{Outcome, ReplyWords, Settled};
use crate::time::Timestamp;

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
    /// Its time is over, and it ended: its sender was told, or it is a dead letter.
    Returned {
        /// The primary itself failed at the last attempt.
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
    go_on(ports, config, route, Some(address), key).await
}

/// Ends the message of this queue key if its time is over, without trying anybody.
pub async fn expire<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    key: &str,
) -> Result<Released, StoreError> {
    go_on(ports, config, route, None, key).await
}

async fn go_on<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    address: Option<usize>,
    key: &str,
) -> Result<Released, StoreError> {
    let Some(copy) = Copy::of(key) else {
        return Ok(Released::Damaged(format!("{key}: its name is not an id")));
    };
    let claimed = match attempts::claim(ports, &route.name, &copy).await? {
        Claim::Mine(claimed) => claimed,
        Claim::NotDue(at) => return Ok(Released::NotDue(at)),
    };
    let mut work = match open(ports, config, route, &copy, claimed).await? {
        Opened::Ready(work) => *work,
        Opened::Over(released) => return Ok(released),
    };
    let attempt = match address {
        Some(address) if !work.left().is_empty() && !work.waits_for_a_person() => {
            Some(work.attempt(address).await)
        }
        _ => None,
    };
    let (tried, failure) = (
        attempt.is_some(),
        attempt.and_then(|attempt| attempt.failure),
    );
    let expired = !work.left().is_empty() && work.is_expired();
    if expired {
        work.give_up();
    }
    let told = work.tell().await?;
    if told && work.left().is_empty() {
        let outcome = work.end().await?;
        return Ok(match (expired, tried) {
            (true, _) => Released::Returned { failure },
            (false, true) => Released::Ended(outcome),
            // Somebody else had come so far and died.
            (false, false) => Released::Gone,
        });
    }
    if !tried && told {
        let wait = work.rest_of_the_wait();
        work.claimed.not_made(ports, wait).await?;
        return Ok(Released::NotDue(work.claimed.attempts.next_attempt));
    }
    work.claimed.report(ports).await?;
    work.log("release.left");
    Ok(Released::Left {
        detail: work.claimed.attempts.detail,
        failure,
    })
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
    attempts.returned = Some(word);
    work.give_up();
    if !work.tell().await? {
        work.claimed.report(ports).await?;
        let next = work.claimed.attempts.next_attempt;
        return Ok(Released::NotDue(next));
    }
    work.end().await?;
    Ok(Released::Returned { failure: None })
}

/// A message that the caller alone works on.
pub(super) struct Work<'r, P: Ports> {
    pub ports: &'r P,
    pub config: &'r Config,
    pub route: &'r Route,
    pub copy: Copy,
    pub claimed: Claimed,
    pub held: Held,
    /// The submitted bytes.
    pub message: Bytes,
    /// The object as it lies in the queue.
    pub object: Bytes,
}

enum Opened<'r, P: Ports> {
    Ready(Box<Work<'r, P>>),
    Over(Released),
}

/// Reads a claimed message: only now that nobody else can be at it, what is read is what it stays.
async fn open<'r, P: Ports>(
    ports: &'r P,
    config: &'r Config,
    route: &'r Route,
    copy: &Copy,
    mut claimed: Claimed,
) -> Result<Opened<'r, P>, StoreError> {
    let key = Held::key(&route.name, copy);
    let read = async {
        let Some(object) = ports.store().get(&key, MOST_BYTES).await? else {
            return Ok(None);
        };
        let held = Held::read(&key, &object.bytes);
        let ended = match &held {
            Ok((held, _)) => ended_before(ports, route, held, copy).await?,
            Err(_) => None,
        };
        Ok(Some((object.bytes, held, ended)))
    };
    let (object, held, ended) = match read.await {
        Ok(Some(read)) => read,
        Ok(None) => {
            claimed.forget(ports).await?;
            return Ok(Opened::Over(Released::Gone));
        }
        Err(error) => {
            // Nobody was tried. What cannot be written down either counts as lost, to be safe.
            claimed.not_made(ports, limits::RETRY_FIRST).await.ok();
            return Err(error);
        }
    };
    let (held, message) = match held {
        Ok(read) => read,
        Err(damaged) => {
            claimed.attempts.detail = damaged.to_string();
            claimed.report(ports).await?;
            return Ok(Opened::Over(damage(ports, route, damaged)));
        }
    };
    if ended.is_some() {
        ports.store().delete(&key).await?;
        claimed.forget(ports).await?;
        return Ok(Opened::Over(Released::Gone));
    }
    Ok(Opened::Ready(Box::new(Work {
        ports,
        config,
        route,
        copy: *copy,
        claimed,
        held,
        message,
        object,
    })))
}

impl<P: Ports> Work<'_, P> {
    /// The recipients that need something more.
    pub fn left(&self) -> Vec<EmailAddress> {
        left(&self.held, &self.claimed.attempts)
    }

    async fn attempt(&mut self, address: usize) -> Attempt {
        let left = self.left();
        self.claimed.attempts.tried = Some(self.ports.now());
        let message = self.message.clone();
        let Self {
            ports,
            config,
            route,
            held,
            ..
        } = self;
        let attempt = hand_over(*ports, config, route, address, held, &left, message).await;
        let attempts = &mut self.claimed.attempts;
        attempts.detail = detail(&attempt);
        attempts.lost += u32::from(attempt.recipients.contains(&Verdict::Uncertain));
        let verdicts = attempt.recipients.clone();
        attempts
            .settled
            .extend(settled(self.route, &left, verdicts));
        attempt
    }

    /// The outcome first, then the message, then the record: in this order nothing can be lost.
    async fn end(&self) -> Result<Outcome, StoreError> {
        let Self {
            ports,
            route,
            held,
            copy,
            ..
        } = self;
        let dead_letter = self.keep_dead_letter().await?;
        let attempts = &self.claimed.attempts;
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
            returned: attempts.returned.clone(),
            dsn: attempts.tellings.iter().map(|telling| telling.id).collect(),
            dead_letter,
        };
        let split = held.split.then_some(&route.name);
        let ended = ended.write(ports.store(), split, copy).await?;
        ports.store().delete(&Held::key(&route.name, copy)).await?;
        // Who took over may have delivered it too, and may die before it says so. Looked at only
        // now that nobody can begin any more.
        if self.claimed.is_taken_over(*ports).await? {
            let doubtful = Ended {
                uncertain: true,
                ..ended.clone()
            };
            doubtful.write(ports.store(), split, copy).await?;
        }
        self.claimed.forget(*ports).await?;
        self.log(match ended.outcome() {
            Outcome::Returned => "message.returned",
            _ => "release.ended",
        });
        Ok(ended.outcome())
    }

    fn log(&self, name: &'static str) {
        let Self {
            held,
            claimed: Claimed { attempts, .. },
            ..
        } = self;
        let event = LogEvent::new(name)
            .with("id", held.id.to_string())
            .with("route", self.route.name.as_str())
            .with("partner", held.partner.as_str())
            .with("attempts", attempts.attempts)
            .with("lost", attempts.lost)
            .with("settled", attempts.settled.len())
            .with("detail", attempts.detail.as_str());
        self.ports.write(event);
    }
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
    let envelope = held.envelope.only(left.to_vec());
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
    let claimed = match finish_telling(ports, config, route, copy, claimed).await? {
        Some(claimed) => claimed,
        None => return Ok(()),
    };
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
        returned: None,
        dsn: attempts.tellings.iter().map(|telling| telling.id).collect(),
        dead_letter: None,
    };
    end.write(ports.store(), split.then_some(route), copy)
        .await?;
    ports.store().delete(&key).await?;
    claimed.forget(ports).await?;
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

fn damage<P: Ports>(ports: &P, route: &Route, damaged: Damaged) -> Released {
    let event = LogEvent::new("queue.damaged")
        .with("route", route.name.as_str())
        .with("key", damaged.key.as_str())
        .with("reason", damaged.reason);
    ports.write(event);
    Released::Damaged(damaged.to_string())
}

/// A message was accepted by the limit of its day; the object is bounded by the highest there is.
const MOST_BYTES: usize = limits::MESSAGE_BYTES_CEILING + limits::HELD_PREFIX_BYTES;
