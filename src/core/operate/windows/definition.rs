//! A window as an operator writes it, and the times that it means.
//!
//! Times are moments (RFC 3339, with an offset) or what a clock on a wall shows (no offset, with a
//! time zone). A wall clock does not show every time once: on two days a year it leaps.
//!
//! | time of the wall clock | means |
//! | --- | --- |
//! | a start that the clock leaps over | as many minutes after the leap (RFC 5545, 3.3.5) |
//! | a start that the clock shows twice | the first (RFC 5545, 3.3.5) |
//! | an end that the clock leaps over | as many minutes after the leap |
//! | an end that the clock shows twice | the second: a window never closes before people on site say it does |
//!
//! So 02:00 to 04:00 in Rome lasts one hour on the Sunday in March, three on the one in October,
//! and two on all others; with `duration = "2h"` it lasts two hours always. An occurrence that
//! would end before it starts does not happen.

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::rule::{Rule, Until};
use crate::config;
use crate::limits;
use crate::mail::MessageId;
use crate::routing::RouteName;
use crate::routing::window::WindowRelease;
use crate::time::Timestamp;

/// A window as an operator asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowOrder {
    /// The route whose mail is held.
    pub route: String,
    /// Its start: `2026-11-29T02:00:00+01:00`, or `2026-11-29T02:00:00` with `time_zone`.
    pub start: String,
    /// Its end, written as the start is; with `rrule`, the end of the first occurrence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How long it lasts instead of an end: `90m`, `2h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The time zone of a start without an offset: `Europe/Rome`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// How it recurs (RFC 5545): `FREQ=WEEKLY;BYDAY=SU`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rrule: Option<String>,
    /// Who releases what was held.
    #[serde(default)]
    pub release: WindowRelease,
    /// Why; it stands in the audit log and in the senders' answers.
    #[serde(default)]
    pub reason: String,
    /// Only say what it would mean.
    #[serde(default, skip_serializing)]
    pub dry_run: bool,
}

/// A window as it lies in the bucket: `windows/ID.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Window {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// What was asked for.
    pub order: WindowOrder,
    /// Who planned it, or changed it last.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Occurrences that were ended early or extended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// One occurrence that ends at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Its start.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// Its end now.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
}

/// From its first moment to the first moment after it.
pub type Interval = (Timestamp, Timestamp);

impl Window {
    /// The object's key.
    pub fn key(id: &MessageId) -> String {
        format!("{PREFIX}{id}.json")
    }

    /// Whether it is one of this route's.
    pub fn is_of(&self, route: &RouteName) -> bool {
        self.order.route == route.as_str()
    }

    /// Its occurrences that end after `from` and start before `to`, changes included; none where
    /// what lies in the bucket means nothing.
    pub fn occurrences(&self, from: Timestamp, to: Timestamp) -> Vec<Interval> {
        match Schedule::read(&self.order) {
            Ok(schedule) => self.occurrences_of(&schedule, from, to, usize::MAX),
            Err(_) => Vec::new(),
        }
    }

    /// The same, `most` of them, where the schedule was read already.
    pub fn occurrences_of(
        &self,
        schedule: &Schedule,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Vec<Interval> {
        let changed = |(start, end): Interval| {
            let mut changes = self.changes.iter();
            let change = changes.find(|change| change.start == start);
            (start, change.map_or(end, |change| change.end))
        };
        // An occurrence that was extended may be open long after its own end.
        schedule
            .occurrences(before(from, limits::WINDOW_LENGTH), to)
            .map(changed)
            .filter(|(start, end)| start < end && from < *end)
            .take(most)
            .collect()
    }
}

/// Where windows lie.
pub const PREFIX: &str = "windows/";

/// What an order means.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The clock on the wall, where the order is about one.
    pub zone: Option<TimeZone>,
    times: Times,
}

#[derive(Clone, Debug)]
enum Times {
    Moments(Interval),
    Wall {
        zone: TimeZone,
        start: DateTime,
        length: Length,
        rule: Option<Rule>,
    },
}

#[derive(Clone, Copy, Debug)]
enum Length {
    /// Until the clock shows so much more.
    Wall(SignedDuration),
    /// So long.
    Elapsed(std::time::Duration),
}

impl Schedule {
    /// Reads an order's times. The error names the field and says what is wrong with it.
    pub fn read(order: &WindowOrder) -> Result<Self, String> {
        let length = match &order.duration {
            Some(text) => Some(config::duration("duration", text).map_err(|e| e.to_string())?),
            None => None,
        };
        let times = match (Timestamp::parse(&order.start), wall(&order.start)) {
            (Some(start), _) => Self::moments(order, start, length)?,
            (None, Some(start)) => Self::wall(order, start, length)?,
            (None, None) => {
                return Err(format!(
                    "start: {:?} is not a time such as 2026-11-29T02:00:00+01:00, or 2026-11-29T02:00:00 with time_zone",
                    order.start
                ));
            }
        };
        Ok(Self {
            zone: match &times {
                Times::Wall { zone, .. } => Some(zone.clone()),
                Times::Moments(_) => None,
            },
            times,
        })
    }

    fn moments(
        order: &WindowOrder,
        start: Timestamp,
        length: Option<std::time::Duration>,
    ) -> Result<Times, String> {
        if order.rrule.is_some() || order.time_zone.is_some() {
            return Err("start: with rrule or time_zone write it without an offset, as the clock there shows it".into());
        }
        let end = match (&order.end, length) {
            (Some(end), None) => Timestamp::parse(end)
                .ok_or_else(|| format!("end: {end:?} is not written as the start is"))?,
            (None, Some(length)) => start.after(length),
            _ => return Err(ONE_END.into()),
        };
        if end <= start {
            return Err("end: it is not after the start".into());
        }
        if end.since(start) > limits::WINDOW_LENGTH {
            return Err(TOO_LONG.into());
        }
        Ok(Times::Moments((start, end)))
    }

    fn wall(
        order: &WindowOrder,
        start: DateTime,
        length: Option<std::time::Duration>,
    ) -> Result<Times, String> {
        let name = order
            .time_zone
            .as_deref()
            .ok_or("time_zone: a start without an offset needs one, such as Europe/Rome")?;
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| {
            format!("time_zone: {name:?} is not known; it is a name of the IANA database such as Europe/Rome")
        })?;
        if !(1970..2200).contains(&start.year()) {
            return Err("start: its year is not between 1970 and 2199".into());
        }
        let length = match (&order.end, length) {
            (Some(end), None) => {
                let end = wall(end)
                    .ok_or_else(|| format!("end: {end:?} is not written as the start is"))?;
                Length::Wall(end.duration_since(start))
            }
            (None, Some(length)) => Length::Elapsed(length),
            _ => return Err(ONE_END.into()),
        };
        let (positive, short) = match length {
            Length::Wall(length) => (length.is_positive(), length.unsigned_abs()),
            Length::Elapsed(length) => (true, length),
        };
        if !positive {
            return Err("end: it is not after the start".into());
        }
        if short > limits::WINDOW_LENGTH {
            return Err(TOO_LONG.into());
        }
        let rule = order.rrule.as_deref().map(Rule::parse).transpose();
        Ok(Times::Wall {
            zone,
            start,
            length,
            rule: rule.map_err(|error| format!("rrule: {error}"))?,
        })
    }

    /// The occurrences that end after `from` and start before `to`, in order.
    pub fn occurrences(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Box<dyn Iterator<Item = Interval> + '_> {
        let within = move |(start, end): &Interval| from < *end && *start < to;
        match &self.times {
            Times::Moments(interval) => Box::new(std::iter::once(*interval).filter(within)),
            Times::Wall {
                zone,
                start,
                length,
                rule,
            } => {
                let days: Box<dyn Iterator<Item = Date>> = match rule {
                    None => Box::new(std::iter::once(start.date())),
                    Some(rule) => {
                        // A day more than the longest occurrence and any time zone can make it.
                        let first = day(before(from, limits::WINDOW_LENGTH), -2);
                        Box::new(rule.days(start.date(), first, day(to, 2)))
                    }
                };
                let until = rule.as_ref().and_then(|rule| rule.until);
                let occurrence = move |day: Date| {
                    let start = DateTime::from_parts(day, start.time());
                    Some((start, occurrence(zone, start, *length)?))
                };
                let ended = move |start: DateTime, begin: Timestamp| match until {
                    Some(Until::Moment(until)) => until < begin,
                    Some(Until::Local(until)) => until < start,
                    None => false,
                };
                Box::new(
                    days.filter_map(occurrence)
                        .take_while(move |(start, (begin, _))| !ended(*start, *begin))
                        .map(|(_, interval)| interval)
                        .filter(|(begin, end)| begin < end)
                        .filter(within),
                )
            }
        }
    }

    /// A moment as the window's clock shows it, where it has one (RFC 9557).
    pub fn shown(&self, at: Timestamp) -> Option<String> {
        let zone = self.zone.clone()?;
        Some(moment(at)?.to_zoned(zone).to_string())
    }

    /// A time as an operator writes it, by the window's clock where it has no offset.
    pub fn moment(&self, text: &str) -> Option<Timestamp> {
        let by_clock = || ending(self.zone.as_ref()?, wall(text)?);
        Timestamp::parse(text).or_else(by_clock)
    }
}

fn occurrence(zone: &TimeZone, start: DateTime, length: Length) -> Option<Interval> {
    let begin = zone.to_ambiguous_timestamp(start).compatible().ok()?;
    let begin = Timestamp::from_millis(begin.as_millisecond());
    let end = match length {
        Length::Elapsed(length) => begin.after(length),
        Length::Wall(length) => ending(zone, start.checked_add(length).ok()?)?,
    };
    Some((begin, end))
}

/// Of two moments at which the clock shows this time, the second ends a window.
fn ending(zone: &TimeZone, end: DateTime) -> Option<Timestamp> {
    let end = zone.to_ambiguous_timestamp(end).later().ok()?;
    Some(Timestamp::from_millis(end.as_millisecond()))
}

/// What a clock on a wall shows: `2026-11-29T02:00` or `2026-11-29T02:00:00`.
fn wall(text: &str) -> Option<DateTime> {
    let shape = |pattern: &str| {
        let mut pairs = text.bytes().zip(pattern.bytes());
        text.len() == pattern.len()
            && pairs.all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
    };
    let shaped = shape("0000-00-00T00:00") || shape("0000-00-00T00:00:00");
    shaped.then(|| text.parse().ok()).flatten()
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.millis()).ok()
}

/// The day of a moment in UTC, and so many days on.
fn day(at: Timestamp, more: i64) -> Date {
    let date = moment(at).map(|at| TimeZone::UTC.to_datetime(at).date());
    date.unwrap_or_default().saturating_add(more.days())
}

fn before(at: Timestamp, time: std::time::Duration) -> Timestamp {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.millis().saturating_sub(millis))
}

const ONE_END: &str = "give either end or duration";
const TOO_LONG: &str = "a window lasts 31 days at most; plan a second one";

#[cfg(test)]
mod tests;
