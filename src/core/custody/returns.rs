//! What cannot be delivered goes back: its sender is told, or it becomes a dead letter.
//!
//! ```text
//!   1. attempts/ROUTE/ID.json: who failed, and the id of the report, before it is made
//!   2. queue/WAY/REPORT.eml:   the report, held like any message, from the null sender
//!      or dead/ROUTE/ID.eml:   the held object as it was, where nobody can or may be told
//!   3. outcomes/DAY/ID.json, then the queue object goes, then the record
//! ```
//!
//! A report is a held message of the route that serves the sender's domain, or of the route that
//! `returns` names: so health, retries, TLS and release are what they are for all mail. Whoever
//! takes over after a death finds the report's id and makes that very report again; one that went
//! home meanwhile has its outcome, and is not sent twice. A report never makes a report: it has no
//! sender.
//!
//! Time in the queue counts always, but nobody's mail is returned behind an operator's back: while
//! an order or a window holds a route, what is too old waits with the rest, and gets one last
//! attempt when that is over. While the primary is down it is returned without one.

use std::time::Duration;

use crate::config::{Config, OWN_NAME};
use crate::custody::attempts::{Attempts, Telling};
use crate::custody::batch;
use crate::custody::drain::Drained;
use crate::custody::ended::Ended;
use crate::custody::figures::Tally;
use crate::custody::held::{Copy, Digest, Held};
use crate::custody::release::{self, Released};
use crate::custody::store::{Condition, Store, StoreError};
use crate::custody::work::Work;
use crate::limits;
use crate::mail::dsn::{self, Failed, Report, Why};
use crate::mail::{DsnRequest, EmailAddress, Envelope, Notify, Ret};
use crate::ports::{Event as LogEvent, Ports, new_id};
use crate::routing::route::Uncertain;
use crate::routing::{Decision, HealthState, HoldReason, Route, RouteName, RouteState, decide};
use crate::submit::answer::{Outcome, Settled};
use crate::time::Timestamp;

/// Returns what is too old of a route whose primaries are down: oldest first, so many at most.
pub async fn sweep<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    state: &RouteState,
    deadline: Timestamp,
) -> Result<Drained, StoreError> {
    let lifetime = route.queue_lifetime;
    let Some(lifetime) = lifetime.filter(|_| is_down(route, state, ports.now())) else {
        return Ok(Drained::default());
    };
    batch::settle_abandoned(ports, &route.name).await?;
    let mut tally = Tally::begin(ports.now());
    let drained = return_old(ports, config, route, lifetime, deadline, &mut tally).await;
    tally.end(ports, &route.name).await;
    drained
}

async fn return_old<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    lifetime: Duration,
    deadline: Timestamp,
    tally: &mut Tally,
) -> Result<Drained, StoreError> {
    let mut drained = Drained::default();
    let prefix = Held::prefix(&route.name);
    let page = ports
        .store()
        .list(&prefix, None, limits::EXPIRED_LOOKS)
        .await?;
    for key in &page.keys {
        // Nothing is held before it came in, so that one look at the oldest is mostly all.
        let young = |copy: Copy| copy.id.at().after(lifetime) > ports.now();
        if Copy::of(key).is_some_and(young) {
            return Ok(drained);
        }
        if ports.now() >= deadline {
            break;
        }
        let released = release::expire(ports, config, route, key).await?;
        tally.note(&released);
        tally.report(ports, &route.name).await;
        match released {
            Released::Returned { .. } => drained.returned += 1,
            Released::Damaged(_) => drained.damaged += 1,
            _ => {}
        }
    }
    drained.more = page.more && drained.returned > 0;
    Ok(drained)
}

/// Down, and nobody ordered it: a primary that is coming back gets its last attempts instead.
fn is_down(route: &Route, state: &RouteState, now: Timestamp) -> bool {
    let down = matches!(decide(route, state, now), Decision::Hold(hold) if hold.reason == HoldReason::Down);
    let coming = |text: &str| state.health(text).state == HealthState::Recovering;
    down && !route.primaries.iter().any(|primary| coming(&primary.text))
}

/// Whether it stays until a person decides, because the primary may have it already.
pub fn waits_for_a_person(policy: Uncertain, held: &Held, attempts: Option<&Attempts>) -> bool {
    let (lost, approved) = attempts.map_or((0, None), |known| (known.lost, known.approved));
    let settled = |address: &EmailAddress| {
        attempts.is_some_and(|known| {
            known
                .settled
                .iter()
                .any(|one| one.address.same_mailbox(address))
        })
    };
    let doubtful = lost > 0 || held.uncertain.iter().any(|address| !settled(address));
    policy == Uncertain::Hold && doubtful && approved.is_none_or(|approved| lost > approved)
}

/// The object of a message that nobody could be told of.
pub fn dead_letter_key(route: &RouteName, copy: &Copy) -> String {
    format!("{DEAD}{route}/{copy}.eml")
}

/// Where dead letters lie.
pub const DEAD: &str = "dead/";

impl<P: Ports> Work<'_, P> {
    /// Whether its time in the queue is over.
    pub fn is_expired(&self) -> bool {
        let end = self
            .route
            .queue_lifetime
            .map(|time| self.held.at.after(time));
        end.is_some_and(|end| end <= self.ports.now())
    }

    /// Whether it stays until a person decides.
    pub fn waits_for_a_person(&self) -> bool {
        waits_for_a_person(
            self.route.uncertain,
            &self.held,
            Some(&self.claimed.attempts),
        )
    }

    /// How long it need not be looked at, where nothing was tried.
    pub fn rest_of_the_wait(&self) -> Duration {
        if !self.waits_for_a_person() {
            return limits::RETRY_FIRST;
        }
        let end = self
            .route
            .queue_lifetime
            .map(|time| self.held.at.after(time));
        let left = end.map(|end| end.since(self.ports.now()));
        left.unwrap_or(limits::RETRY_LONGEST)
            .min(limits::RETRY_LONGEST)
    }

    /// Nobody who is left gets it.
    pub fn give_up(&mut self) {
        let returned = self.left().into_iter().map(|address| Settled {
            address,
            outcome: Outcome::Returned,
            route: self.route.name.clone(),
            reason: None,
            reply: None,
        });
        let returned: Vec<Settled> = returned.collect();
        self.claimed.attempts.settled.extend(returned);
    }

    /// Tells the sender who does not get it and was not told of yet. False when somebody else took
    /// the message over meanwhile and will do it.
    pub async fn tell(&mut self) -> Result<bool, StoreError> {
        self.go_on_telling().await?;
        let untold = self.untold();
        let Some(way) = self.way().filter(|_| !untold.is_empty()) else {
            return Ok(true);
        };
        let telling = Telling {
            id: new_id(self.ports),
            way: way.name.clone(),
            recipients: untold,
            sent: false,
        };
        self.claimed.attempts.tellings.push(telling.clone());
        if !self.claimed.keep(self.ports).await? {
            self.claimed.attempts.tellings.pop();
            return Ok(false);
        }
        self.send(&telling).await?;
        Ok(true)
    }

    /// Sends the reports that an earlier releaser decided on and perhaps did not send.
    async fn go_on_telling(&mut self) -> Result<(), StoreError> {
        let unsent = |telling: &&Telling| !telling.sent;
        let unsent: Vec<Telling> = self
            .claimed
            .attempts
            .tellings
            .iter()
            .filter(unsent)
            .cloned()
            .collect();
        for telling in unsent {
            let copy = Copy::first(telling.id);
            let gone = Ended::find(self.ports.store(), &telling.way, &copy, false).await?;
            match gone {
                Some(_) => self.note_sent(&telling),
                None => self.send(&telling).await?,
            }
        }
        Ok(())
    }

    async fn send(&mut self, telling: &Telling) -> Result<(), StoreError> {
        let Some(sender) = &self.held.envelope.sender else {
            return Ok(());
        };
        let report = dsn::report(&self.report(telling, sender), &self.message);
        let held = Held {
            id: telling.id,
            route: telling.way.clone(),
            envelope: Envelope::new(None, vec![sender.clone()]).with_dsn(DsnRequest::never()),
            uncertain: Vec::new(),
            split: false,
            partner: OWN_NAME.to_owned(),
            at: telling.id.at(),
            reason: HoldReason::Returned,
            detail: format!("it tells the sender of {} that it comes back", self.held.id),
            digest: Digest::of(&report),
            trace: None,
        };
        let key = Held::key(&telling.way, &Copy::first(telling.id));
        let store = self.ports.store();
        store
            .put(&key, &held.object(&report), Condition::Always)
            .await?;
        self.note_sent(telling);
        let event = LogEvent::new("report.held")
            .with("id", telling.id.to_string())
            .with("about", self.held.id.to_string())
            .with("route", telling.way.as_str());
        self.ports.write(event);
        Ok(())
    }

    fn note_sent(&mut self, telling: &Telling) {
        let mut known = self.claimed.attempts.tellings.iter_mut();
        if let Some(known) = known.find(|known| known.id == telling.id) {
            known.sent = true;
        }
    }

    fn report<'w>(&'w self, telling: &'w Telling, sender: &'w EmailAddress) -> Report<'w> {
        let attempts = &self.claimed.attempts;
        let about = |one: &&Settled| {
            telling
                .recipients
                .iter()
                .any(|to| to.same_mailbox(&one.address))
        };
        let failed = attempts.settled.iter().filter(about).map(|one| Failed {
            address: &one.address,
            why: self.why(one),
            uncertain: one.outcome == Outcome::Returned && self.is_doubtful(&one.address),
        });
        let dsn = &self.held.envelope.dsn;
        Report {
            id: telling.id,
            hostname: &self.config.hostname,
            to: sender,
            original: self.held.id,
            envid: dsn.envid.as_ref(),
            ret: dsn.ret.unwrap_or(Ret::Hdrs),
            remote: self.route.trust.name.as_deref(),
            last_attempt: attempts.tried,
            attempts: attempts.attempts,
            failed: failed.collect(),
        }
    }

    fn why<'w>(&'w self, one: &'w Settled) -> Why<'w> {
        let attempts = &self.claimed.attempts;
        if let Some(reply) = &one.reply {
            return Why::Rejected {
                code: reply.code,
                enhanced: reply.enhanced.as_deref(),
                text: &reply.text,
            };
        }
        match (&attempts.returned, self.route.queue_lifetime) {
            (None, Some(lifetime)) => Why::Expired {
                lifetime,
                trouble: match attempts.detail.as_str() {
                    "" => &self.held.detail,
                    detail => detail,
                },
            },
            (word, _) => Why::Returned {
                reason: word.as_ref().map_or("", |word| &word.reason),
            },
        }
    }

    fn is_doubtful(&self, address: &EmailAddress) -> bool {
        let mut uncertain = self.held.uncertain.iter();
        self.claimed.attempts.lost > 0 || uncertain.any(|known| known.same_mailbox(address))
    }

    /// Who does not get it and stands in no report.
    fn untold(&self) -> Vec<EmailAddress> {
        let attempts = &self.claimed.attempts;
        let told = |address: &EmailAddress| {
            let mut told = attempts
                .tellings
                .iter()
                .flat_map(|telling| &telling.recipients);
            told.any(|known| known.same_mailbox(address))
        };
        let failed = |one: &&Settled| matches!(one.outcome, Outcome::Rejected | Outcome::Returned);
        let failed = attempts.settled.iter().filter(failed);
        failed
            .map(|one| one.address.clone())
            .filter(|address| !told(address))
            .collect()
    }

    /// The route to the sender; none where nobody may be told or no route leads there.
    fn way(&self) -> Option<&Route> {
        let sender = self.held.envelope.sender.as_ref()?;
        if self.held.envelope.dsn.notify == Some(Notify::Never) {
            return None;
        }
        let named = || self.config.route(self.config.returns.as_ref()?.as_str());
        self.config.route_for(&sender.domain()).or_else(named)
    }

    /// Puts the held object aside where somebody does not get it and nobody was told.
    pub async fn keep_dead_letter(&self) -> Result<Option<String>, StoreError> {
        if self.untold().is_empty() {
            return Ok(None);
        }
        let key = dead_letter_key(&self.route.name, &self.copy);
        let object = [self.object.clone()];
        self.ports
            .store()
            .put(&key, &object, Condition::Always)
            .await?;
        let event = LogEvent::new("message.dead-letter")
            .with("id", self.held.id.to_string())
            .with("route", self.route.name.as_str());
        self.ports.write(event);
        Ok(Some(key))
    }
}
