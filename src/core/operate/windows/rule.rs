//! Recurrence rules (RFC 5545, 3.3.10), as far as days go: on which days a window recurs.
//!
//! Our own small expansion, because the library there is (`rrule`) adds 1.7 MB to the component: a
//! second database of time zones and a regular expression engine. A window recurs daily, weekly,
//! monthly or yearly, narrowed by `BYMONTH`, `BYMONTHDAY`, `BYDAY` and `BYSETPOS`; what is not
//! understood is refused by its name, never passed over. The time of day is the start's.
//!
//! Days are found without any time zone. Work is bounded whatever the rule says: without `COUNT`
//! it begins near the day that is asked for, and after [`limits::RULE_PERIODS`] days, weeks, months
//! or years it ends.

mod read;

use std::collections::VecDeque;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Weekday};

use crate::limits;
use crate::time::Timestamp;

/// A rule that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    every: Every,
    interval: i64,
    count: Option<u32>,
    /// The last moment at which an occurrence may start.
    pub until: Option<Until>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<(Option<i8>, Weekday)>,
    positions: Vec<i16>,
    week_start: Weekday,
}

/// The end of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// A moment (`20261231T230000Z`).
    Moment(Timestamp),
    /// A time of the window's clock, or the end of a day there.
    Local(DateTime),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Every {
    Day,
    Week,
    Month,
    Year,
}

impl Rule {
    /// The days of the rule from its start on, in order: those before `from` may be missing, and
    /// none is behind `to`.
    pub fn days(&self, start: Date, from: Date, to: Date) -> Days<'_> {
        // COUNT counts from the start; without it the periods long before need no look.
        let period = match self.count {
            Some(_) => 0,
            None => self.periods_before(start, from),
        };
        Days {
            rule: self,
            start,
            to,
            period,
            left: limits::RULE_PERIODS,
            count: self.count,
            ready: VecDeque::new(),
        }
    }

    fn periods_before(&self, start: Date, from: Date) -> i64 {
        let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
        let days = days_between(start, from);
        let units = match self.every {
            Every::Day => days,
            Every::Week => days / 7,
            Every::Month => months(from) - months(start),
            Every::Year => i64::from(from.year()) - i64::from(start.year()),
        };
        (units / self.interval - 1).max(0)
    }

    /// The days of one period, in order.
    fn period(&self, start: Date, period: i64) -> Option<Vec<Date>> {
        let ahead = period.checked_mul(self.interval)?;
        let mut days = match self.every {
            Every::Day => vec![plus_days(start, ahead)?],
            Every::Week => self.week(start, ahead)?,
            Every::Month => {
                let months = i64::from(start.year()) * 12 + i64::from(start.month()) - 1 + ahead;
                let year = i16::try_from(months.div_euclid(12)).ok()?;
                let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
                Date::new(year, month, 1).ok()?;
                self.month(start, year, month)
            }
            Every::Year => {
                let year = i16::try_from(i64::from(start.year()) + ahead).ok()?;
                Date::new(year, 1, 1).ok()?;
                self.year(start, year)
            }
        };
        let day_in = |date: &Date| {
            let number = |day: i8| {
                day == date.day()
                    || i16::from(day) == i16::from(date.day()) - 1 - i16::from(date.days_in_month())
            };
            self.month_days.is_empty() || self.month_days.iter().any(|day| number(*day))
        };
        days.retain(|date| {
            let weekday = |(_, weekday): &(Option<i8>, Weekday)| *weekday == date.weekday();
            (self.months.is_empty() || self.months.contains(&date.month()))
                && day_in(date)
                && (self.days.is_empty() || self.days.iter().any(weekday))
        });
        days.sort_unstable();
        days.dedup();
        Some(self.positioned(days))
    }

    fn week(&self, start: Date, ahead: i64) -> Option<Vec<Date>> {
        let into = i64::from(start.weekday().since(self.week_start));
        let first = plus_days(start, ahead.checked_mul(7)?.checked_sub(into)?)?;
        let wanted = |day: &i64| match self.days.is_empty() {
            true => *day == into,
            false => true,
        };
        (0..7)
            .filter(wanted)
            .map(|day| plus_days(first, day))
            .collect()
    }

    fn month(&self, start: Date, year: i16, month: i8) -> Vec<Date> {
        let every_day = || (1..=31).filter_map(|day| Date::new(year, month, day).ok());
        match (self.days.is_empty(), self.month_days.is_empty()) {
            (true, true) => Date::new(year, month, start.day()).into_iter().collect(),
            (true, false) => every_day().collect(),
            (false, _) => self.numbered(&every_day().collect::<Vec<_>>()),
        }
    }

    fn year(&self, start: Date, year: i16) -> Vec<Date> {
        let of_months = |months: &[i8]| {
            let months = months.iter();
            months
                .flat_map(|month| self.month(start, year, *month))
                .collect()
        };
        if !self.months.is_empty() {
            return of_months(&self.months);
        }
        if !self.month_days.is_empty() {
            return of_months(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        }
        if self.days.is_empty() {
            return of_months(&[start.month()]);
        }
        let first = Date::new(year, 1, 1).into_iter();
        let days: Vec<Date> = first
            .flat_map(|first| first.series(jiff::Span::new().days(1)))
            .take_while(|date| date.year() == year)
            .collect();
        self.numbered(&days)
    }

    /// The days that `BYDAY` means among these: every one, the first, the last but one.
    fn numbered(&self, days: &[Date]) -> Vec<Date> {
        let mut found = Vec::new();
        for (number, weekday) in &self.days {
            let of: Vec<Date> = days
                .iter()
                .filter(|date| date.weekday() == *weekday)
                .copied()
                .collect();
            match number {
                None => found.extend(of),
                Some(number) => found.extend(nth(&of, i16::from(*number))),
            }
        }
        found
    }

    fn positioned(&self, days: Vec<Date>) -> Vec<Date> {
        if self.positions.is_empty() {
            return days;
        }
        let mut picked: Vec<Date> = self
            .positions
            .iter()
            .filter_map(|position| nth(&days, *position))
            .collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    }
}

/// The first is 1, the last is -1.
fn nth(days: &[Date], position: i16) -> Option<Date> {
    let index = match usize::try_from(position) {
        Ok(position) => position.checked_sub(1)?,
        Err(_) => days
            .len()
            .checked_sub(usize::from(position.unsigned_abs()))?,
    };
    days.get(index).copied()
}

/// The days of a rule, one after the other.
pub struct Days<'r> {
    rule: &'r Rule,
    start: Date,
    to: Date,
    period: i64,
    left: u32,
    count: Option<u32>,
    ready: VecDeque<Date>,
}

impl Iterator for Days<'_> {
    type Item = Date;

    fn next(&mut self) -> Option<Date> {
        if self.count == Some(0) {
            return None;
        }
        while self.ready.is_empty() {
            self.left = self.left.checked_sub(1)?;
            let begins = self.period.checked_mul(self.rule.interval)?;
            if self.rule.begins_after(self.start, begins, self.to) {
                return None;
            }
            let days = self.rule.period(self.start, self.period)?;
            self.ready
                .extend(days.into_iter().filter(|day| *day >= self.start));
            self.period += 1;
        }
        let day = self.ready.pop_front().filter(|day| *day <= self.to)?;
        self.count = self.count.map(|count| count - 1);
        Some(day)
    }
}

impl Rule {
    /// Whether the period so many days, weeks, months or years ahead begins behind `to`.
    fn begins_after(&self, start: Date, ahead: i64, to: Date) -> bool {
        let days = days_between(start, to);
        match self.every {
            Every::Day => ahead > days,
            Every::Week => ahead > days / 7 + 1,
            Every::Month => ahead > days / 28 + 1,
            Every::Year => ahead > days / 365 + 1,
        }
    }
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn plus_days(date: Date, days: i64) -> Option<Date> {
    let hours = days.checked_mul(24).filter(|h| h.abs() < 1_000_000_000)?;
    date.checked_add(SignedDuration::from_hours(hours)).ok()
}

#[cfg(test)]
mod tests;
