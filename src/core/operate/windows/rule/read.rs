//! A rule as it is written (RFC 5545, 3.3.10). What is not understood is refused by its name: a part
//! that was passed over would hold mail on the wrong days.

use jiff::civil::Weekday;

use super::{Every, Rule, Until};
use crate::limits;
use crate::time::Timestamp;

impl Rule {
    /// Reads a rule, with or without `RRULE:` in front. The error says what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > limits::RULE_CHARS {
            return Err(format!(
                "it is longer than {} characters",
                limits::RULE_CHARS
            ));
        }
        let text = text.trim().to_ascii_uppercase();
        let text = text.strip_prefix("RRULE:").unwrap_or(&text);
        let mut every = None;
        let mut rule = Self {
            every: Every::Day,
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            days: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        };
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not NAME=VALUE, such as FREQ=WEEKLY"))?;
            if seen.contains(&name) {
                return Err(format!("{name} stands twice"));
            }
            seen.push(name);
            match name {
                "FREQ" => every = Some(frequency(value)?),
                "INTERVAL" => rule.interval = number(name, value, 1, 10_000)?,
                "COUNT" => rule.count = Some(number(name, value, 1, 10_000)?),
                "UNTIL" => rule.until = Some(until(value)?),
                "BYMONTH" => rule.months = numbers(name, value, 12, false)?,
                "BYMONTHDAY" => rule.month_days = numbers(name, value, 31, true)?,
                "BYSETPOS" => rule.positions = numbers(name, value, 366, true)?,
                "BYDAY" => rule.days = list(value, weekday)?,
                "WKST" => rule.week_start = plain_weekday(value)?,
                "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                    return Err(format!(
                        "{name}: a window starts once a day, at the time of its start; plan a second window"
                    ));
                }
                "BYWEEKNO" | "BYYEARDAY" => {
                    return Err(format!(
                        "{name} is not understood; say it with BYMONTH, BYMONTHDAY or BYDAY"
                    ));
                }
                other => return Err(format!("{other:?} is no part of a rule")),
            }
        }
        rule.every = every.ok_or("FREQ is missing: DAILY, WEEKLY, MONTHLY or YEARLY")?;
        rule.check()?;
        Ok(rule)
    }

    fn check(&self) -> Result<(), String> {
        let numbered = self.days.iter().any(|(number, _)| number.is_some());
        if numbered && !matches!(self.every, Every::Month | Every::Year) {
            return Err("a number in BYDAY, such as 1SU, needs FREQ=MONTHLY or YEARLY".into());
        }
        if numbered && !self.month_days.is_empty() {
            return Err("a number in BYDAY does not go together with BYMONTHDAY".into());
        }
        if self.every == Every::Week && !self.month_days.is_empty() {
            return Err("BYMONTHDAY does not go together with FREQ=WEEKLY".into());
        }
        if self.count.is_some() && self.until.is_some() {
            return Err("COUNT does not go together with UNTIL".into());
        }
        let narrowed =
            !(self.months.is_empty() && self.month_days.is_empty() && self.days.is_empty());
        if !self.positions.is_empty() && !narrowed {
            return Err("BYSETPOS needs another BY... that it picks from".into());
        }
        Ok(())
    }
}

fn frequency(value: &str) -> Result<Every, String> {
    match value {
        "DAILY" => Ok(Every::Day),
        "WEEKLY" => Ok(Every::Week),
        "MONTHLY" => Ok(Every::Month),
        "YEARLY" => Ok(Every::Year),
        "SECONDLY" | "MINUTELY" | "HOURLY" => Err(format!(
            "FREQ={value}: a window recurs DAILY, WEEKLY, MONTHLY or YEARLY"
        )),
        other => Err(format!(
            "FREQ={other}: it is DAILY, WEEKLY, MONTHLY or YEARLY"
        )),
    }
}

fn number<T: TryFrom<i64>>(name: &str, value: &str, least: i64, most: i64) -> Result<T, String> {
    value
        .parse::<i64>()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("{name}={value}: it is a number from {least} to {most}"))
}

/// Numbers from 1, and where `back` is set, from -1 backwards.
fn numbers<T: TryFrom<i64>>(
    name: &str,
    value: &str,
    most: i64,
    back: bool,
) -> Result<Vec<T>, String> {
    let least = if back { -most } else { 1 };
    list(value, |one| match one.parse() {
        Ok(0) => Err(format!("{name}={value}: there is no 0th")),
        _ => number(name, one, least, most),
    })
}

fn list<T>(value: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(read).collect()
}

fn weekday(text: &str) -> Result<(Option<i8>, Weekday), String> {
    let at = text.len().saturating_sub(2);
    let (number, day) = text.split_at_checked(at).unwrap_or(("", text));
    let number =
        match number {
            "" => None,
            number => {
                let read = number.parse::<i8>().ok();
                let read = read.filter(|number| *number != 0 && (-53..=53).contains(number));
                Some(read.ok_or_else(|| {
                    format!("BYDAY: {text:?} is not a day such as SU, 1SU or -1SU")
                })?)
            }
        };
    Ok((number, plain_weekday(day)?))
}

fn plain_weekday(text: &str) -> Result<Weekday, String> {
    Ok(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        other => {
            return Err(format!(
                "{other:?} is not a day: MO, TU, WE, TH, FR, SA or SU"
            ));
        }
    })
}

fn until(value: &str) -> Result<Until, String> {
    let wrong = || {
        format!("UNTIL={value}: it is a time such as 20261231T230000Z, or a day such as 20261231")
    };
    let (day, time) = value.split_once('T').unwrap_or((value, "235959"));
    let (time, utc) = match time.strip_suffix('Z') {
        Some(time) => (time, true),
        None => (time, false),
    };
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(day, 8) || !digits(time, 6) {
        return Err(wrong());
    }
    let text = format!(
        "{}-{}-{}T{}:{}:{}",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[..2],
        &time[2..4],
        &time[4..]
    );
    match utc {
        true => Timestamp::parse(&format!("{text}Z"))
            .map(Until::Moment)
            .ok_or_else(wrong),
        false => text.parse().map(Until::Local).map_err(|_| wrong()),
    }
}
