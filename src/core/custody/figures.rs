//! What a route's queue came to since the beginning: `figures/ROUTE.json`, counters that never go
//! back, whichever instance is asked. Only figures: nothing is decided by them.
//!
//! Whoever ends messages counts them in memory and adds its count to the record every few seconds
//! and when it is done, not for each message: that would be one more write for each. So the record
//! is short by what an instance had not added yet when it died, those of
//! [`limits::PROGRESS_EVERY`] at most, and by messages that it had ended all but for the last step.
//! It is too high only where two releasers ended one message, or where two writers met on a store
//! that lost an answer.

use serde::{Deserialize, Serialize};

use super::record::{self, Known};
use super::release::Released;
use super::store::{Put, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports, nonce};
use crate::routing::RouteName;
use crate::submit::answer::Outcome;
use crate::time::Timestamp;

/// How many held messages ended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// The primary took them, for one recipient at least.
    pub released: u64,
    /// The primary refused them for good.
    pub rejected: u64,
    /// They were given up: their senders were told, or they are dead letters.
    pub returned: u64,
    /// A person ended them.
    pub dropped: u64,
    /// Of all these, those that somebody may have twice: a reply was lost on the way.
    pub uncertain: u64,
}

impl Figures {
    /// Counts what became of one try.
    pub fn note(&mut self, released: &Released) {
        match released {
            Released::Ended { outcome, uncertain } => self.ended(*outcome, *uncertain),
            Released::Returned { uncertain, .. } => self.ended(Outcome::Returned, *uncertain),
            _ => {}
        }
    }

    /// Counts the end of one message.
    pub fn ended(&mut self, outcome: Outcome, uncertain: bool) {
        match outcome {
            Outcome::Delivered => self.released += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Returned => self.returned += 1,
            Outcome::Dropped => self.dropped += 1,
            // No end of a held message.
            Outcome::Held | Outcome::NotAccepted => return,
        }
        self.uncertain += u64::from(uncertain);
    }

    fn and(self, more: Self) -> Self {
        Self {
            released: self.released.saturating_add(more.released),
            rejected: self.rejected.saturating_add(more.rejected),
            returned: self.returned.saturating_add(more.returned),
            dropped: self.dropped.saturating_add(more.dropped),
            uncertain: self.uncertain.saturating_add(more.uncertain),
        }
    }
}

/// The object's content.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    figures: Figures,
    /// Who wrote it last, so that a write whose answer was lost is known again.
    by: String,
}

/// What is counted on a route; nothing yet where there is no record.
pub async fn read(store: &impl Store, route: &RouteName) -> Result<Figures, StoreError> {
    let found = record::read::<Record>(store, &key(route)).await?;
    Ok(found.map_or_else(Figures::default, |(record, _)| record.figures))
}

/// Adds to a route's figures.
pub async fn add<P: Ports>(ports: &P, route: &RouteName, more: Figures) -> Result<(), StoreError> {
    if more == Figures::default() {
        return Ok(());
    }
    let (key, by) = (key(route), nonce(ports));
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Record>(ports.store(), &key).await?;
        let figures = match known {
            // Our own write, whose answer was lost.
            Known::Some(known) if known.by == by => return Ok(()),
            Known::Some(known) => known.figures,
            // A counter that begins anew is what its readers are used to.
            Known::None | Known::Unreadable => Figures::default(),
        };
        let record = Record {
            figures: figures.and(more),
            by: by.clone(),
        };
        if let Put::Written(_) = record::write(ports.store(), &key, &record, condition).await? {
            return Ok(());
        }
    }
    let detail = format!("{route}: others keep changing its figures");
    Err(StoreError::new(StoreErrorKind::Unavailable, detail))
}

/// The same where nothing depends on it: what cannot be written down is logged.
pub async fn add_or_log<P: Ports>(ports: &P, route: &RouteName, more: Figures) {
    if let Err(error) = add(ports, route, more).await {
        let event = LogEvent::new("figures.not-written")
            .with("route", route.as_str())
            .with("error", error.to_string());
        ports.write(event);
    }
}

/// What one releaser counted and has not written down yet.
#[derive(Debug)]
pub struct Tally {
    unwritten: Figures,
    written: Timestamp,
}

impl Tally {
    /// Nothing is counted yet.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            unwritten: Figures::default(),
            written: now,
        }
    }

    /// Counts what became of one try.
    pub fn note(&mut self, released: &Released) {
        self.unwritten.note(released);
    }

    /// Writes it down where that was not done for a while.
    pub async fn report<P: Ports>(&mut self, ports: &P, route: &RouteName) {
        let now = ports.now();
        if now.since(self.written) >= limits::PROGRESS_EVERY {
            self.written = now;
            self.end(ports, route).await;
        }
    }

    /// Writes down what is left.
    pub async fn end<P: Ports>(&mut self, ports: &P, route: &RouteName) {
        // Taken first: what could not be written may have been, and is never added twice.
        let more = std::mem::take(&mut self.unwritten);
        add_or_log(ports, route, more).await;
    }
}

fn key(route: &RouteName) -> String {
    format!("figures/{route}.json")
}
