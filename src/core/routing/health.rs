//! The judgement on one address of a primary, with its evidence: up, down, recovering.
//!
//! ```text
//!          consecutive_failures of distinct messages or probes
//!     Up ----------------------------------------------------> Down
//!      ^                                                      |    ^ failed probe: wait longer
//!      | the canary was delivered                             |    |
//!      |                     healthy_threshold good probes    v    |
//!      +----------------- Recovering <------------------------+    |
//!                             | any failure                        |
//!                             +------------------------------------+
//! ```
//!
//! Only failures of the primary itself are counted here, never its word about one message: a
//! poisoned message cannot take a primary down. Failures of one message count once, however often
//! it is tried. A healthy primary changes nothing here, so a healthy minute writes nothing; with
//! no state at all (a cold start) a primary is up until it proves otherwise, because the first
//! message that meets a dead primary is held in the same request anyway.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Timestamp;

/// When a primary is down and when it is back; the names are Envoy's (outlier detection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures of distinct messages or probes, with no success between, that make it down.
    pub consecutive_failures: u32,
    /// Good probes that make it recovering.
    pub healthy_threshold: u32,
    /// The first wait before a probe; doubled after each bad one, with jitter.
    pub base_ejection_time: Duration,
    /// The longest wait between probes.
    pub max_ejection_time: Duration,
    /// How old a judgement may be when a message is decided by it.
    pub max_age: Duration,
}

impl Default for Thresholds {
    /// 5 failures, 2 good probes, waits of 1 s to 60 s, judgements up to 1 s old.
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            healthy_threshold: 2,
            base_ejection_time: Duration::from_secs(1),
            max_ejection_time: Duration::from_secs(60),
            max_age: Duration::from_secs(1),
        }
    }
}

/// Up, down or recovering.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HealthState {
    /// It takes mail.
    #[default]
    Up,
    /// It does not; mail is held, probes look for its return.
    Down,
    /// Probes find it; one message is tried before the rest follows.
    Recovering,
}

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evidence {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The message or probe that met it.
    pub subject: String,
    /// What happened, in words.
    pub what: String,
}

/// The judgement on one address.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The state.
    pub state: HealthState,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// Failures with no success between, newest last.
    pub evidence: Vec<Evidence>,
    /// Good probes since it went down.
    pub good_probes: u32,
    /// Bad probes since it went down; each doubles the wait.
    pub bad_probes: u32,
    /// When the next probe may be made.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_probe: Option<Timestamp>,
    /// Until when somebody is probing it, or trying the canary.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub claimed_until: Option<Timestamp>,
}

/// Something that happened to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It failed while a message was given to it.
    Failed {
        /// The message.
        subject: String,
        /// What happened.
        what: String,
    },
    /// It took a message, or answered about one.
    Served,
    /// It answered a probe.
    GoodProbe,
    /// It did not answer a probe.
    BadProbe {
        /// The probe.
        subject: String,
        /// What happened.
        what: String,
    },
}

impl Health {
    /// Takes note of `event` at `now`; `jitter` is a random number from 0 to 255.
    pub fn on(&mut self, event: Event, thresholds: &Thresholds, now: Timestamp, jitter: u8) {
        match self.state {
            HealthState::Up => self.while_up(event, thresholds, now, jitter),
            HealthState::Down => self.while_down(event, thresholds, now, jitter),
            HealthState::Recovering => self.while_recovering(event, thresholds, now, jitter),
        }
    }

    fn while_up(&mut self, event: Event, thresholds: &Thresholds, now: Timestamp, jitter: u8) {
        match event {
            Event::Served | Event::GoodProbe => self.evidence.clear(),
            Event::Failed { subject, what } | Event::BadProbe { subject, what } => {
                self.note(now, subject, what, thresholds);
                if self.evidence.len() >= thresholds.consecutive_failures as usize {
                    self.go_down(thresholds, now, jitter);
                }
            }
        }
    }

    fn while_down(&mut self, event: Event, thresholds: &Thresholds, now: Timestamp, jitter: u8) {
        match event {
            // A message that was on its way when the judgement fell; it adds nothing.
            Event::Failed { .. } => {}
            Event::Served | Event::GoodProbe => {
                self.good_probes += 1;
                self.bad_probes = 0;
                self.claimed_until = None;
                self.next_probe = Some(now.after(wait(thresholds, 0, jitter)));
                if self.good_probes >= thresholds.healthy_threshold {
                    self.enter(HealthState::Recovering, now);
                }
            }
            Event::BadProbe { subject, what } => {
                self.note(now, subject, what, thresholds);
                self.good_probes = 0;
                self.bad_probes = self.bad_probes.saturating_add(1);
                self.claimed_until = None;
                self.next_probe = Some(now.after(wait(thresholds, self.bad_probes, jitter)));
            }
        }
    }

    fn while_recovering(
        &mut self,
        event: Event,
        thresholds: &Thresholds,
        now: Timestamp,
        jitter: u8,
    ) {
        match event {
            Event::Served => {
                *self = Self::default();
                self.enter(HealthState::Up, now);
            }
            Event::GoodProbe => self.claimed_until = None,
            Event::Failed { subject, what } | Event::BadProbe { subject, what } => {
                self.note(now, subject, what, thresholds);
                self.go_down(thresholds, now, jitter);
            }
        }
    }

    /// Recovering, and nothing is held to be tried first: the probes were the proof.
    pub fn nothing_to_try(&mut self, now: Timestamp) {
        if self.state == HealthState::Recovering {
            *self = Self::default();
            self.enter(HealthState::Up, now);
        }
    }

    fn go_down(&mut self, thresholds: &Thresholds, now: Timestamp, jitter: u8) {
        self.enter(HealthState::Down, now);
        self.next_probe = Some(now.after(wait(thresholds, 0, jitter)));
    }

    fn enter(&mut self, state: HealthState, now: Timestamp) {
        self.state = state;
        self.since = Some(now);
        self.good_probes = 0;
        self.bad_probes = 0;
        self.claimed_until = None;
    }

    /// One message or probe is one piece of evidence, however often it failed.
    fn note(&mut self, now: Timestamp, subject: String, what: String, thresholds: &Thresholds) {
        self.evidence.retain(|known| known.subject != subject);
        self.evidence.push(Evidence {
            at: now,
            subject,
            what,
        });
        let most = limits::EVIDENCE.max(thresholds.consecutive_failures as usize);
        let excess = self.evidence.len().saturating_sub(most);
        self.evidence.drain(..excess);
    }

    /// Whether a probe should be made now. A time further ahead than any wait was written by a
    /// clock that went back.
    pub fn probe_due(&self, thresholds: &Thresholds, now: Timestamp) -> bool {
        let longest = now.after(thresholds.max_ejection_time);
        self.state == HealthState::Down
            && !self.claimed(now)
            && self.next_probe.is_none_or(|at| at <= now || at > longest)
    }

    /// Whether a message should be tried now, to see whether it is back.
    pub fn canary_due(&self, now: Timestamp) -> bool {
        self.state == HealthState::Recovering && !self.claimed(now)
    }

    /// Says that the caller probes, or tries the canary.
    pub fn claim(&mut self, now: Timestamp) {
        self.claimed_until = Some(now.after(limits::CLAIM));
    }

    fn claimed(&self, now: Timestamp) -> bool {
        // A claim from further ahead than any claim reaches was written by a clock that went back.
        self.claimed_until
            .is_some_and(|until| now < until && until <= now.after(limits::CLAIM))
    }

    /// How long ago the canary that is under way was claimed.
    pub fn canary_age(&self, now: Timestamp) -> Option<Duration> {
        let under_way = self.state == HealthState::Recovering && self.claimed(now);
        self.claimed_until
            .filter(|_| under_way)
            .map(|until| limits::CLAIM.saturating_sub(until.since(now)))
    }

    /// The newest evidence, in words.
    pub fn newest(&self) -> &str {
        self.evidence.last().map_or("", |evidence| &evidence.what)
    }
}

/// The wait before the next probe: doubling, bounded, and shortened by up to half so that many
/// installations do not knock together.
fn wait(thresholds: &Thresholds, bad_probes: u32, jitter: u8) -> Duration {
    let doubled = thresholds
        .base_ejection_time
        .saturating_mul(2_u32.saturating_pow(bad_probes.min(16)));
    let bounded = doubled.min(thresholds.max_ejection_time);
    bounded - bounded * u32::from(jitter) / 512
}

#[cfg(test)]
mod tests;
