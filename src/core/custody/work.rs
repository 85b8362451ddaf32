//! A message of the queue in the hands of the one releaser that claimed it: read, handed over, ended.

use bytes::Bytes;

use super::attempts::{Attempts, Claimed};
use super::ended::Ended;
use super::held::{Copy, Damaged, Held};
use super::kept;
use super::release::Released;
use super::store::{Store, StoreError};
use crate::config::Config;
use crate::limits;
use crate::mail::{EmailAddress, facts, trace};
use crate::ports::{Delivery, Event as LogEvent, Ports, Primary};
use crate::routing::{HoldReason, Route, RouteName};
use crate::smtp::{Attempt, Failure, Verdict};
use crate::submit::answer::{Outcome, ReplyWords, Settled};

/// A message that the caller alone works on.
pub struct Work<'r, P: Ports> {
    /// The world.
    pub ports: &'r P,
    /// What is configured.
    pub config: &'r Config,
    /// The route in whose queue it lies.
    pub route: &'r Route,
    /// Its name there.
    pub copy: Copy,
    /// The claim, and what is known of earlier attempts.
    pub claimed: Claimed,
    /// What our own lines say.
    pub held: Held,
    /// The submitted bytes.
    pub message: Bytes,
    /// The object as it lies in the queue.
    pub object: Bytes,
}

/// What a claimed message is found to be.
pub enum Opened<'r, P: Ports> {
    /// Go on with it.
    Ready(Box<Work<'r, P>>),
    /// There is nothing to do.
    Over(Released),
}

/// Reads a claimed message: only now that nobody else can be at it, what is read is what it stays.
pub async fn open<'r, P: Ports>(
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
            gone(ports, &route.name, copy, &claimed).await?;
            return Ok(Opened::Over(Released::Gone));
        }
        Err(error) => {
            // Nobody was tried. What cannot be written down either counts as lost, to be safe.
            claimed.not_made(ports, limits::RETRY_FIRST).await.ok();
            return Err(error);
        }
    };
    if ended.is_some() {
        let split = held.as_ref().is_ok_and(|(held, _)| held.split);
        keep_doubt(ports, &route.name, copy, split, &claimed).await?;
        ports.store().delete(&key).await?;
        clear_up(ports, &claimed).await?;
        return Ok(Opened::Over(Released::Gone));
    }
    let (held, message) = match held {
        Ok(read) => read,
        Err(damaged) => {
            claimed.attempts.detail = damaged.to_string();
            claimed.report(ports).await?;
            return Ok(Opened::Over(damage(ports, route, damaged)));
        }
    };
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

    /// Tries the primary for those that are left, and takes note of what it said.
    pub async fn attempt(&mut self, address: usize) -> Attempt {
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
        self.note(&left, &attempt);
        attempt
    }

    /// Takes note of what an attempt for these recipients came to.
    pub fn note(&mut self, tried: &[EmailAddress], attempt: &Attempt) {
        let left = self.left();
        let attempts = &mut self.claimed.attempts;
        attempts.detail = detail(attempt);
        let doubt = attempt.recipients.contains(&Verdict::Uncertain);
        attempts.lost = attempts.lost.saturating_add(u32::from(doubt));
        let verdicts = attempt.recipients.clone();
        let mut news = settled(self.route, tried, verdicts);
        news.retain(|one| left.iter().any(|left| left.same_mailbox(&one.address)));
        attempts.settled.extend(news);
    }

    /// Goes on after an attempt, or without one: who must be told is told, and the message ends, or
    /// its record says why it does not.
    pub async fn conclude(
        &mut self,
        tried: bool,
        failure: Option<Failure>,
    ) -> Result<Released, StoreError> {
        let expired = !self.left().is_empty() && self.is_expired();
        if expired {
            self.give_up();
        }
        let told = self.tell().await?;
        if told && self.left().is_empty() {
            let ended = self.end().await?;
            let uncertain = ended.uncertain;
            return Ok(match (expired, tried) {
                (true, _) => Released::Returned { failure, uncertain },
                (false, true) => Released::Ended {
                    outcome: ended.outcome(),
                    uncertain,
                },
                // Somebody else had come so far and died.
                (false, false) => Released::Gone,
            });
        }
        if !tried && told {
            let wait = self.rest_of_the_wait();
            self.claimed.not_made(self.ports, wait).await?;
            return Ok(Released::NotDue(self.claimed.attempts.next_attempt));
        }
        self.claimed.report(self.ports).await?;
        self.log("release.left");
        Ok(Released::Left {
            detail: self.claimed.attempts.detail.clone(),
            failure,
        })
    }

    /// Writes its outcome, and removes it.
    pub async fn end(&self) -> Result<Ended, StoreError> {
        let Self { held, copy, .. } = self;
        let dead_letter = self.keep_dead_letter().await?;
        let attempts = &self.claimed.attempts;
        let ended = Ended {
            id: held.id,
            route: self.route.name.clone(),
            partner: held.partner.clone(),
            held: held.at,
            at: self.ports.now(),
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
        let kept = self.route.copies.is_some();
        let ended = end(self.ports, copy, held.split, kept, &self.claimed, ended).await?;
        self.log(match ended.outcome() {
            Outcome::Returned => "message.returned",
            _ => "release.ended",
        });
        Ok(ended)
    }

    /// Writes an event about it.
    pub fn log(&self, name: &'static str) {
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
            .with("detail", attempts.detail.as_str())
            .traced(held.trace.as_ref());
        self.ports.write(event);
    }
}

/// The outcome first, then its copy where one is kept, then the message goes, then the record: in this
/// order nothing can be lost. Gives what the outcome says in the end.
pub async fn end<P: Ports>(
    ports: &P,
    copy: &Copy,
    split: bool,
    kept: bool,
    claimed: &Claimed,
    ended: Ended,
) -> Result<Ended, StoreError> {
    let (store, route) = (ports.store(), ended.route.clone());
    let split = split.then_some(&route);
    let mut ended = ended.write(store, split, copy).await?;
    if kept && ended.outcome() == Outcome::Delivered {
        kept::keep_released(ports, &route, copy).await;
    }
    store.delete(&Held::key(&route, copy)).await?;
    // Who took over may have delivered it too, and may die before it says so. Looked at only now
    // that nobody can begin any more.
    if claimed.is_taken_over(ports).await? {
        ended.uncertain = true;
        ended = ended.write(store, split, copy).await?;
    }
    claimed.forget(ports).await?;
    Ok(ended)
}

/// A claimed message is not there any more: what its record has to say is written down.
pub async fn gone<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    claimed: &Claimed,
) -> Result<(), StoreError> {
    for split in [false, true] {
        keep_doubt(ports, route, copy, split, claimed).await?;
    }
    clear_up(ports, claimed).await
}

/// The recipients that need something more.
pub fn left(held: &Held, attempts: &Attempts) -> Vec<EmailAddress> {
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
pub fn settled(route: &Route, left: &[EmailAddress], verdicts: Vec<Verdict>) -> Vec<Settled> {
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

/// The outcome of a message that is in the queue all the same: its releaser died before the
/// delete, or the write that held it arrived late. It covers everybody the copy is for.
async fn ended_before<P: Ports>(
    ports: &P,
    route: &Route,
    held: &Held,
    copy: &Copy,
) -> Result<Option<Ended>, StoreError> {
    let ended = Ended::find(ports.store(), &route.name, copy, held.split).await?;
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

/// Deletes the record of the attempts, unless somebody else took it over: then it says whose doubt
/// is still to be written down, and goes with that.
async fn clear_up<P: Ports>(ports: &P, claimed: &Claimed) -> Result<(), StoreError> {
    if claimed.is_taken_over(ports).await? {
        return Ok(());
    }
    claimed.forget(ports).await
}

/// A message ended, and the record of its attempts is about to go. One that never reported wrote the
/// outcome; where there were more of them, or one after it reported that it delivered, the message
/// may have been delivered twice.
async fn keep_doubt<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    split: bool,
    claimed: &Claimed,
) -> Result<(), StoreError> {
    let attempts = &claimed.attempts;
    if attempts.lost == 0 {
        return Ok(());
    }
    let mut settled = attempts.settled.iter();
    let delivered = settled.any(|one| one.outcome == Outcome::Delivered);
    let doubtful = |ended: &Ended| {
        // Our own claim is counted too, and tried nobody.
        let later = attempts.attempts > ended.attempts.saturating_add(1);
        !ended.uncertain && (attempts.lost > 1 || (later && delivered))
    };
    let ended = Ended::find(ports.store(), route, copy, split).await?;
    if let Some(ended) = ended.filter(doubtful) {
        let ended = Ended {
            uncertain: true,
            ..ended
        };
        let split = split.then_some(route);
        ended.write(ports.store(), split, copy).await?;
    }
    Ok(())
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
pub const MOST_BYTES: usize = limits::MESSAGE_BYTES_CEILING + limits::HELD_PREFIX_BYTES;
