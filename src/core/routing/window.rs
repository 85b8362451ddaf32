//! Maintenance windows as a decision sees them: planned intervals, and nothing but comparisons.
//!
//! Rules, calendars and time zones are worked out by the keeper (`operate::windows`), which writes
//! the next intervals into the route's state. So the hot path carries no calendar, and a window
//! opens and closes to the millisecond on every instance that has read the state once. With no
//! state at all (a cold start whose storage is out) no window is known.
//!
//! Intervals of one route may overlap or touch: mail is held from the first start to the last end.
//! What was held in an interval that a person releases waits for that person; which messages those
//! are is told by their ids alone, because an id carries its time.

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::mail::MessageId;
use crate::time::Timestamp;

/// Who releases what was held in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum WindowRelease {
    /// The ticks, from the window's end on.
    #[default]
    Automatic,
    /// A person, by `POST /v1/release`.
    Manual,
}

/// One planned interval: an occurrence of a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Planned {
    /// The window it belongs to.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub window: MessageId,
    /// Its first moment.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// The first moment after it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// Who releases what it held.
    #[serde(default)]
    pub release: WindowRelease,
    /// Why, in the words of whoever planned it.
    pub reason: String,
    /// Who planned it.
    pub by: String,
}

/// An interval that is over, and whose mail waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The window that held it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub window: MessageId,
    /// What came from this moment on waits.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// What came from this moment on does not.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// Why the window was planned.
    pub reason: String,
    /// Who planned it.
    pub by: String,
}

/// All that a route's state says about windows.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Windows {
    /// The intervals now and next, by their starts.
    pub planned: Vec<Planned>,
    /// When they were worked out; none = they must be worked out anew.
    pub made: Option<Timestamp>,
    /// Of which windows: a digest of their names.
    pub of: String,
    /// Intervals that are over and whose mail waits for a person, by their starts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// What came before this moment was released by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Timestamp>,
    /// Messages that a person wants to be tried although their interval waits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
}

impl Windows {
    /// Whether there is nothing to write down.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The interval that is open at `now`, and when mail flows again: the end of the chain of
    /// intervals that overlap or touch it.
    pub fn open_at(&self, now: Timestamp) -> Option<(&Planned, Timestamp)> {
        let mut open: Option<(&Planned, Timestamp)> = None;
        for one in &self.planned {
            open = match open {
                None if one.start <= now && now < one.end => Some((one, one.end)),
                Some((first, until)) if one.start <= until => Some((first, until.max(one.end))),
                other => other,
            };
        }
        open
    }

    /// When the next interval opens: whoever works with the primary stops there.
    pub fn next_start(&self, now: Timestamp) -> Option<Timestamp> {
        self.planned
            .iter()
            .map(|one| one.start)
            .filter(|start| now < *start)
            .min()
    }

    /// What waits for a person at `now`, of intervals that are over and of those that are open.
    pub fn waits(&self, now: Timestamp) -> Waits {
        let begun = self
            .planned
            .iter()
            .filter(|one| one.release == WindowRelease::Manual && one.start <= now)
            .map(|one| (one.start, one.end));
        let over = self.waiting.iter().map(|one| (one.start, one.end));
        let since = self.released.unwrap_or(Timestamp::from_millis(i64::MIN));
        Waits {
            spans: over
                .chain(begun)
                .map(|(start, end)| (start.max(since), end))
                .filter(|(start, end)| start < end)
                .collect(),
            retried: self.retried.clone(),
        }
    }

    /// The intervals that are over and wait for a person, whether or not a tick has moved them.
    pub fn waiting_at(&self, now: Timestamp) -> Vec<Waiting> {
        let mut settled = self.clone();
        settled.settle(now);
        settled.waiting
    }

    /// Takes note that time has passed: an interval that is over leaves the plan, and waits for a
    /// person if one is to release it.
    pub fn settle(&mut self, now: Timestamp) {
        let (over, planned) = std::mem::take(&mut self.planned)
            .into_iter()
            .partition(|one| one.end <= now);
        self.planned = planned;
        for one in over {
            self.leave(one, now);
        }
    }

    /// Puts a new plan in the old one's place. Mail that was held in an interval that has begun
    /// and is no longer planned keeps waiting for its person.
    pub fn replace(&mut self, planned: Vec<Planned>, of: String, now: Timestamp) {
        let still = |old: &Planned| {
            planned
                .iter()
                .any(|new| (new.window, new.start) == (old.window, old.start))
        };
        let gone: Vec<Planned> = std::mem::take(&mut self.planned)
            .into_iter()
            .filter(|old| !still(old))
            .collect();
        self.planned = planned;
        self.of = of;
        self.made = Some(now);
        for one in gone {
            self.leave(one, now);
        }
        self.settle(now);
    }

    fn leave(&mut self, one: Planned, now: Timestamp) {
        if one.release == WindowRelease::Automatic || now <= one.start {
            return;
        }
        let end = one.end.min(now);
        if self.released.is_some_and(|released| end <= released) {
            return;
        }
        self.waiting.push(Waiting {
            window: one.window,
            start: one.start,
            end,
            reason: one.reason,
            by: one.by,
        });
        self.waiting.sort_by_key(|one| (one.start, one.end));
        // Rather more mail waits than any goes without its person.
        while self.waiting.len() > limits::WAITING_WINDOWS {
            let first = self.waiting.remove(0);
            if let Some(next) = self.waiting.first_mut() {
                next.start = first.start;
                next.end = next.end.max(first.end);
            }
        }
    }

    /// A person releases what came before `now`.
    pub fn release(&mut self, now: Timestamp) {
        self.settle(now);
        self.waiting.clear();
        self.retried.clear();
        let manual = |one: &Planned| one.release == WindowRelease::Manual && one.start <= now;
        self.released = self.planned.iter().any(manual).then_some(now);
    }
}

/// Which held messages wait for a person.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Waits {
    spans: Vec<(Timestamp, Timestamp)>,
    /// Those that are to be tried all the same, by their names in the queue.
    pub retried: Vec<String>,
}

impl Waits {
    /// Where the waiting ends in which a message that came at `at` stands, if it waits.
    pub fn until(&self, at: Timestamp) -> Option<Timestamp> {
        self.spans
            .iter()
            .filter(|(start, end)| *start <= at && at < *end)
            .map(|(_, end)| *end)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    fn interval(name: u8, start: i64, end: i64, release: WindowRelease) -> Planned {
        Planned {
            window: MessageId::new(at(1), [name; 10]),
            start: at(start),
            end: at(end),
            release,
            reason: "upgrade".into(),
            by: "Olga".into(),
        }
    }

    fn plan(planned: Vec<Planned>) -> Windows {
        Windows {
            planned,
            ..Windows::default()
        }
    }

    use WindowRelease::{Automatic, Manual};

    #[test]
    fn overlapping_and_touching_intervals_are_one_to_a_sender() {
        let windows = plan(vec![
            interval(1, 10, 20, Automatic),
            interval(2, 15, 30, Automatic),
            interval(3, 30, 40, Automatic),
            interval(4, 41, 50, Automatic),
        ]);
        let until = |second| windows.open_at(at(second)).map(|(_, until)| until);
        assert_eq!(until(9), None);
        assert_eq!(until(10), Some(at(40)));
        assert_eq!(until(29), Some(at(40)));
        assert_eq!(until(39), Some(at(40)));
        assert_eq!(until(40), None, "the end itself is outside");
        assert_eq!(until(41), Some(at(50)));
        assert_eq!(windows.next_start(at(15)), Some(at(30)));
        assert_eq!(windows.next_start(at(50)), None);
    }

    #[test]
    fn what_was_held_in_a_manual_interval_waits_until_a_person_releases_it() {
        let mut windows = plan(vec![
            interval(1, 10, 20, Manual),
            interval(2, 50, 60, Automatic),
        ]);
        let waits = |windows: &Windows, now, held| windows.waits(at(now)).until(at(held));
        assert_eq!(waits(&windows, 9, 15), None, "it has not begun");
        assert_eq!(waits(&windows, 15, 12), Some(at(20)), "it is open");
        assert_eq!(waits(&windows, 25, 12), Some(at(20)), "no tick has been");
        windows.settle(at(25));
        assert_eq!((windows.planned.len(), windows.waiting.len()), (1, 1));
        assert_eq!(waits(&windows, 25, 12), Some(at(20)), "a tick has been");
        assert_eq!(waits(&windows, 25, 9), None, "what came before it");
        assert_eq!(waits(&windows, 25, 20), None, "what came after it");
        windows.release(at(26));
        assert_eq!(waits(&windows, 26, 12), None);
        windows.settle(at(70));
        assert_eq!(windows.waiting, [], "an automatic one waits for nobody");
    }

    #[test]
    fn a_release_in_an_open_manual_interval_lets_go_what_came_before_it() {
        let mut windows = plan(vec![interval(1, 10, 20, Manual)]);
        windows.release(at(15));
        let waits = windows.waits(at(16));
        assert_eq!(waits.until(at(14)), None);
        assert_eq!(waits.until(at(15)), Some(at(20)), "what came later waits");
        windows.settle(at(30));
        assert_eq!(windows.waits(at(30)).until(at(14)), None);
        assert_eq!(windows.waits(at(30)).until(at(16)), Some(at(20)));
    }

    #[test]
    fn mail_of_a_manual_interval_that_is_cut_or_deleted_waits_all_the_same() {
        let open = || plan(vec![interval(1, 10, 20, Manual)]);
        let mut deleted = open();
        deleted.replace(Vec::new(), String::new(), at(15));
        assert_eq!(deleted.waits(at(15)).until(at(12)), Some(at(15)));
        let mut cut = open();
        cut.replace(vec![interval(1, 10, 14, Manual)], String::new(), at(15));
        assert_eq!(cut.waits(at(15)).until(at(12)), Some(at(14)));
        assert_eq!(cut.planned, []);
        let mut changed = open();
        changed.replace(vec![interval(1, 10, 20, Automatic)], String::new(), at(15));
        assert_eq!(changed.waits(at(15)).until(at(12)), None, "as it is now");
        let mut never = open();
        never.replace(Vec::new(), String::new(), at(9));
        assert_eq!(never.waiting, [], "one that never opened held nothing");
    }

    #[test]
    fn the_list_of_what_waits_is_bounded_and_forgets_no_mail() {
        let mut windows = Windows::default();
        for day in 0..200 {
            windows
                .planned
                .push(interval(1, day * 100, day * 100 + 10, Manual));
            windows.settle(at(day * 100 + 50));
        }
        assert_eq!(windows.waiting.len(), limits::WAITING_WINDOWS);
        let waits = windows.waits(at(1_000_000));
        assert!((0..200).all(|day| waits.until(at(day * 100 + 5)).is_some()));
    }
}
