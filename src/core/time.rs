//! A moment, as Holdfast writes it down: milliseconds since 1970, shown as RFC 3339.
//!
//! Milliseconds are what a UUIDv7 carries and all that a queue's order needs. Core never asks
//! what time it is; a moment comes in through a port.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds after the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment and `duration`.
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The time from `earlier` to this; nothing when a clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As a mail header's date (RFC 5322, 3.3), in UTC.
    pub fn rfc5322(self) -> String {
        let Civil {
            year,
            month,
            day,
            weekday,
            hour,
            minute,
            second,
            ..
        } = self.civil();
        let weekday = WEEKDAYS.get(weekday).unwrap_or(&"");
        let month = MONTHS.get(month - 1).unwrap_or(&"");
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} +0000")
    }

    /// The day, `YYYY-MM-DD`, in UTC.
    pub fn day(self) -> String {
        let Civil {
            year, month, day, ..
        } = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// Read from RFC 3339, with any offset; none where it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let digits = text.get(range)?;
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        let bytes = text.as_bytes();
        if separators
            .iter()
            .any(|(at, byte)| bytes.get(*at) != Some(byte))
            || !matches!(bytes.get(10), Some(b'T' | b't' | b' '))
        {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let rest = text.get(19..)?;
        let fraction = rest
            .strip_prefix('.')
            .map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
        let millis = match fraction {
            0 if rest.starts_with('.') => return None,
            0 => 0,
            _ => format!("{:0<3.3}", rest.get(1..1 + fraction)?)
                .parse::<i64>()
                .ok()?,
        };
        let offset = rest.get(if fraction == 0 { 0 } else { 1 + fraction }..)?;
        let offset_minutes = offset_minutes(offset)?;
        let days = days_from_civil(year, month, day);
        let fits = (1..=12).contains(&month)
            && hour < 24
            && minute < 60
            && second < 61
            && civil_day(days) == (year, month, day);
        let minutes = days * 1_440 + hour * 60 + minute - offset_minutes;
        fits.then_some(Self((minutes * 60 + second) * 1_000 + millis))
            .filter(|moment| moment.is_of_four_digits())
    }

    /// Whether its year can be written, and so be read back, as RFC 3339 has it: an offset, or a
    /// leap second, can lead out of the years 0000 to 9999.
    pub fn is_of_four_digits(self) -> bool {
        (YEAR_0_MILLIS..YEAR_10000_MILLIS).contains(&self.0)
    }

    fn civil(self) -> Civil {
        let days = self.0.div_euclid(DAY_MILLIS);
        let within = self.0.rem_euclid(DAY_MILLIS);
        let (year, month, day) = civil_day(days);
        Civil {
            year,
            month: usize::try_from(month).unwrap_or(1),
            day,
            // 1970-01-01 was a Thursday.
            weekday: usize::try_from((days + 4).rem_euclid(7)).unwrap_or(0),
            hour: within / 3_600_000,
            minute: within / 60_000 % 60,
            second: within / 1_000 % 60,
            milli: within % 1_000,
        }
    }
}

struct Civil {
    year: i64,
    month: usize,
    day: i64,
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
    milli: i64,
}

/// `Z`, or hours and minutes east of UTC.
fn offset_minutes(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let two = |t: &str| {
        (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<i64>().ok())?
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Days since 1970-01-01 of a date in the Gregorian calendar, and back: the well-known algorithms
/// over eras of 400 years that begin in March. Here because a date library is 60 KB of the
/// component that must stay small.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_day(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

const DAY_MILLIS: i64 = 86_400_000;
const YEAR_0_MILLIS: i64 = -62_167_219_200_000;
const YEAR_10000_MILLIS: i64 = 253_402_300_800_000;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil {
            year,
            month,
            day,
            hour,
            minute,
            second,
            milli,
            ..
        } = self.civil();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom("not a moment such as 2026-11-23T09:00:00Z (RFC 3339)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_as_it_was_written() {
        let moment = Timestamp::from_millis(1_795_392_000_123);
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        assert_eq!(moment.to_string(), "2026-11-23T00:00:00.123Z");
        assert_eq!(moment.rfc5322(), "Mon, 23 Nov 2026 00:00:00 +0000");
        assert_eq!(moment.day(), "2026-11-23");
    }

    #[test]
    fn a_clock_that_went_back_gives_no_time_at_all() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_millis(4));
    }

    #[test]
    fn moments_are_read_with_any_offset_and_nonsense_is_not() {
        let noon = Timestamp::parse("2026-11-23T12:00:00Z");
        assert_eq!(Timestamp::parse("2026-11-23T14:30:00.000+02:30"), noon);
        assert_eq!(Timestamp::parse("2026-11-23t07:00:00.0000001-05:00"), noon);
        assert_eq!(
            Timestamp::parse("2024-02-29T00:00:00.5Z")
                .map(|t| t.to_string())
                .as_deref(),
            Some("2024-02-29T00:00:00.500Z")
        );
        for bad in [
            "",
            "2026",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T12:60:00Z",
            "2026-11-23T12:00:00.Z",
            "2026-11-23T12:00:00+2:00",
            "+026-11-23T12:00:00Z",
            "2026-11-23T12:00:00Z ",
            "2026-11-2\u{e9}T12:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_moment_that_could_not_be_written_is_not_read() {
        let written = |text| Timestamp::parse(text).map(|moment| moment.to_string());
        for edge in ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"] {
            assert_eq!(written(edge).as_deref(), Some(edge));
        }
        for beyond in [
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(written(beyond), None, "{beyond}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_reads_back(
            text in "[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,10})?(Z|[+-][0-2][0-9]:[0-5][0-9])|\\PC{0,30}",
        ) {
            if let Some(moment) = Timestamp::parse(&text) {
                proptest::prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
            }
        }

        #[test]
        fn our_calendar_is_the_one_of_a_library_made_for_it(millis in -62_135_596_800_000_i64..253_402_300_799_000) {
            let library = jiff::Timestamp::from_millisecond(millis).unwrap();
            let moment = Timestamp::from_millis(millis);
            proptest::prop_assert_eq!(moment.to_string(), format!("{library:.3}"));
            proptest::prop_assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
            let mail = library.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
            proptest::prop_assert_eq!(moment.rfc5322(), mail);
        }
    }
}
