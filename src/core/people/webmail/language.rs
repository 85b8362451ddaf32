//! Choosing a language; numbers, dates and sizes as it writes them.
//!
//! A browser without scripts does not say which clock it goes by: the caller gives the offset,
//! and wherever a mistake would matter the offset is shown with the time.

use jiff::civil::{DateTime, Weekday};

use super::texts::fill;
use crate::limits;
use crate::time::Timestamp;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Italian.
    Italian,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// German.
    German,
}

/// How far a clock is ahead of UTC, in minutes, within a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UtcOffset(i16);

impl UtcOffset {
    /// So many minutes ahead of UTC; more than 18 hours are UTC.
    pub fn from_minutes(minutes: i16) -> Self {
        Self(if (-1_080..=1_080).contains(&minutes) {
            minutes
        } else {
            0
        })
    }

    /// The offset of a zone such as `Europe/Rome` at a moment; UTC where it is not known.
    pub fn of_zone(zone: &str, at: Timestamp) -> Self {
        let seconds = jiff::tz::TimeZone::get(zone)
            .ok()
            .zip(jiff::Timestamp::from_millisecond(at.millis()).ok())
            .map_or(0, |(zone, at)| zone.to_offset(at).seconds());
        Self::from_minutes(i16::try_from(seconds / 60).unwrap_or(0))
    }

    /// What this clock shows.
    pub fn civil(self, at: Timestamp) -> DateTime {
        let millis = at.millis().saturating_add(i64::from(self.0) * 60_000);
        jiff::Timestamp::from_millisecond(millis)
            .map(|at| jiff::tz::TimeZone::UTC.to_datetime(at))
            .unwrap_or_default()
    }
}

impl std::fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hours, minutes) = (self.0.unsigned_abs() / 60, self.0.unsigned_abs() % 60);
        match (self.0, minutes) {
            (0, _) => f.write_str("UTC"),
            (ahead, 0) => write!(f, "UTC{}{hours}", if ahead < 0 { '-' } else { '+' }),
            (ahead, _) => write!(
                f,
                "UTC{}{hours}:{minutes:02}",
                if ahead < 0 { '-' } else { '+' }
            ),
        }
    }
}

impl Language {
    /// All of them, as they are offered.
    pub const ALL: [Self; 5] = [
        Self::English,
        Self::Italian,
        Self::French,
        Self::Spanish,
        Self::German,
    ];

    /// The tag (RFC 5646), for `lang` and for what is stored.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Italian => "it",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::German => "de",
        }
    }

    /// What its speakers call it.
    pub fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Italian => "Italiano",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::German => "Deutsch",
        }
    }

    /// From a tag such as `de` or `de-AT`.
    pub fn parse(tag: &str) -> Option<Self> {
        let main = tag.trim().split(['-', '_']).next()?;
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(main))
    }

    /// What the person chose, else what the browser likes best (RFC 9110, 12.5.4), else English.
    pub fn choose(accept_language: Option<&str>, stored: Option<Self>) -> Self {
        if let Some(stored) = stored {
            return stored;
        }
        let accepted = accept_language.unwrap_or_default();
        let accepted = accepted
            .get(..limits::ACCEPT_LANGUAGE_BYTES)
            .unwrap_or(accepted);
        let mut best = (0.0, Self::English);
        for range in accepted.split(',').take(RANGES) {
            let mut pieces = range.split(';');
            let Some(language) = pieces.next().and_then(Self::parse) else {
                continue;
            };
            let quality = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0));
            if quality > best.0 {
                best = (quality, language);
            }
        }
        best.1
    }

    /// The form of a phrase for a number, with `{n}` filled in.
    pub fn plural(self, n: u64, one: &str, many: &str, gaps: &[(&str, &str)]) -> String {
        // French counts nothing as one.
        let single = n == 1 || n == 0 && self == Self::French;
        let number = self.number(n);
        let mut all = vec![("n", number.as_str())];
        all.extend_from_slice(gaps);
        fill(if single { one } else { many }, &all)
    }

    /// A whole number with its thousands apart.
    pub fn number(self, n: u64) -> String {
        let digits = n.to_string();
        let mut out = String::with_capacity(digits.len() * 2);
        for (index, digit) in digits.chars().enumerate() {
            let left = digits.len() - index;
            if index > 0 && left.is_multiple_of(3) && (digits.len() > 4 || self == Self::English) {
                out.push_str(match self {
                    Self::English => ",",
                    Self::Italian | Self::German => ".",
                    Self::French => "\u{202f}",
                    Self::Spanish => "\u{a0}",
                });
            }
            out.push(digit);
        }
        out
    }

    /// Bytes as people say them.
    pub fn size(self, bytes: u64) -> String {
        let (unit, kilo, mega) = if self == Self::French {
            ("o", "ko", "Mo")
        } else {
            ("B", "KB", "MB")
        };
        let tenths = |of: u64| {
            let tenths = bytes.saturating_mul(10) / of;
            let point = if self == Self::English { '.' } else { ',' };
            match (tenths / 10, tenths % 10) {
                (whole @ 0..10, rest @ 1..) => format!("{whole}{point}{rest}"),
                (whole, _) => self.number(whole),
            }
        };
        match bytes {
            0..1_000 => format!("{bytes}\u{a0}{unit}"),
            1_000..1_000_000 => format!("{}\u{a0}{kilo}", tenths(1_000)),
            _ => format!("{}\u{a0}{mega}", tenths(1_000_000)),
        }
    }

    /// A date in a list: the time today, the day this year, else the whole date.
    pub fn short_date(self, at: Timestamp, now: Timestamp, offset: UtcOffset) -> String {
        let (then, today) = (offset.civil(at), offset.civil(now));
        if then.date() == today.date() {
            return self.clock(then);
        }
        let (day, month) = (then.day(), self.month(then.month()));
        let month = short(month, self);
        match (self, then.year() == today.year()) {
            (Self::German, true) => format!("{day}. {month}"),
            (_, true) => format!("{day} {month}"),
            (Self::German, false) => format!("{day:02}.{:02}.{}", then.month(), then.year()),
            (Self::English, false) => format!("{day} {month} {}", then.year()),
            (_, false) => format!("{day:02}/{:02}/{}", then.month(), then.year()),
        }
    }

    /// A whole date with its time and clock.
    pub fn long_date(self, at: Timestamp, offset: UtcOffset) -> String {
        let then = offset.civil(at);
        format!("{} ({offset})", self.day_and_time(then))
    }

    /// A day in full.
    pub fn day(self, date: jiff::civil::Date) -> String {
        let (day, month, year) = (date.day(), self.month(date.month()), date.year());
        let weekday = self.weekday(date.weekday());
        match self {
            Self::English => format!("{weekday} {day} {month} {year}"),
            Self::Italian | Self::French => {
                let first = if day == 1 && self == Self::French {
                    "er"
                } else {
                    ""
                };
                format!("{weekday} {day}{first} {month} {year}")
            }
            Self::Spanish => format!("{weekday}, {day} de {month} de {year}"),
            Self::German => format!("{weekday}, {day}. {month} {year}"),
        }
    }

    /// A day and a time in full, without a clock.
    pub fn day_and_time(self, at: DateTime) -> String {
        let (day, clock) = (self.day(at.date()), self.clock(at));
        match self {
            Self::French => format!("{day} à {clock}"),
            Self::German => format!("{day}, {clock} Uhr"),
            _ => format!("{day}, {clock}"),
        }
    }

    /// A moment for the banner: only the time where it is today; and whether it is.
    pub fn since(self, at: Timestamp, now: Timestamp, offset: UtcOffset) -> (String, bool) {
        let (then, today) = (offset.civil(at), offset.civil(now));
        if then.date() == today.date() {
            let clock = self.clock(then);
            let clock = if self == Self::German {
                format!("{clock} Uhr")
            } else {
                clock
            };
            return (format!("{clock} ({offset})"), true);
        }
        let (day, month, clock) = (then.day(), self.month(then.month()), self.clock(then));
        let text = match self {
            Self::Spanish => format!("{day} de {month}, {clock}"),
            Self::German => format!("{day}. {month}, {clock} Uhr"),
            Self::French => format!("{day} {month} à {clock}"),
            _ => format!("{day} {month}, {clock}"),
        };
        (format!("{text} ({offset})"), false)
    }

    /// The time of day.
    pub fn clock(self, at: DateTime) -> String {
        format!("{:02}:{:02}", at.hour(), at.minute())
    }

    fn month(self, month: i8) -> &'static str {
        let names = match self {
            Self::English => &MONTHS[0],
            Self::Italian => &MONTHS[1],
            Self::French => &MONTHS[2],
            Self::Spanish => &MONTHS[3],
            Self::German => &MONTHS[4],
        };
        let index = usize::try_from(month).unwrap_or(1).saturating_sub(1);
        names.get(index).copied().unwrap_or_default()
    }

    fn weekday(self, day: Weekday) -> &'static str {
        let names = match self {
            Self::English => &DAYS[0],
            Self::Italian => &DAYS[1],
            Self::French => &DAYS[2],
            Self::Spanish => &DAYS[3],
            Self::German => &DAYS[4],
        };
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        names.get(index).copied().unwrap_or_default()
    }
}

/// The month's short form: three letters, or as French and German shorten it.
fn short(month: &str, language: Language) -> String {
    match language {
        Language::French => FRENCH_SHORT
            .iter()
            .find(|(long, _)| *long == month)
            .map_or(month, |(_, short)| short)
            .to_owned(),
        Language::German if month.chars().count() > 4 => {
            month.chars().take(3).chain(['.']).collect()
        }
        Language::German => month.to_owned(),
        _ => month.chars().take(3).collect(),
    }
}

const RANGES: usize = 30;

const FRENCH_SHORT: [(&str, &str); 8] = [
    ("janvier", "janv."),
    ("février", "févr."),
    ("avril", "avr."),
    ("juillet", "juil."),
    ("septembre", "sept."),
    ("octobre", "oct."),
    ("novembre", "nov."),
    ("décembre", "déc."),
];

const MONTHS: [[&str; 12]; 5] = [
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    [
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ],
    [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
];

const DAYS: [[&str; 7]; 5] = [
    [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ],
    [
        "lunedì",
        "martedì",
        "mercoledì",
        "giovedì",
        "venerdì",
        "sabato",
        "domenica",
    ],
    [
        "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
    ],
    [
        "lunes",
        "martes",
        "miércoles",
        "jueves",
        "viernes",
        "sábado",
        "domingo",
    ],
    [
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_person_s_choice_comes_before_the_browser_s() {
        let choose = |accept| Language::choose(Some(accept), None);
        assert_eq!(choose("it-IT,it;q=0.9,en;q=0.8"), Language::Italian);
        assert_eq!(choose("en;q=0.5, de-AT;q=0.7"), Language::German);
        assert_eq!(choose("ja, fr;q=0.1"), Language::French);
        assert_eq!(choose("es;q=0"), Language::English);
        assert_eq!(choose(";;q=x,,*"), Language::English);
        assert_eq!(
            Language::choose(Some("it"), Some(Language::German)),
            Language::German
        );
        assert_eq!(Language::choose(None, None), Language::English);
        assert_eq!(choose(&"é".repeat(5_000)), Language::English);
    }

    #[test]
    fn dates_are_as_each_language_writes_them() {
        let (then, now) = (at("2026-03-01T22:30:00Z"), at("2026-11-23T09:00:00Z"));
        let rome = UtcOffset::of_zone("Europe/Rome", then);
        let long: Vec<_> = Language::ALL
            .iter()
            .map(|l| l.long_date(then, rome))
            .collect();
        assert_eq!(
            long,
            [
                "Sunday 1 March 2026, 23:30 (UTC+1)",
                "domenica 1 marzo 2026, 23:30 (UTC+1)",
                "dimanche 1er mars 2026 à 23:30 (UTC+1)",
                "domingo, 1 de marzo de 2026, 23:30 (UTC+1)",
                "Sonntag, 1. März 2026, 23:30 Uhr (UTC+1)",
            ]
        );
        let short: Vec<_> = Language::ALL
            .iter()
            .map(|l| l.short_date(then, now, rome))
            .collect();
        assert_eq!(short, ["1 Mar", "1 mar", "1 mars", "1 mar", "1. März"]);
        assert_eq!(
            Language::German.short_date(at("2025-01-02T00:00:00Z"), now, rome),
            "02.01.2025"
        );
        assert_eq!(
            Language::French.short_date(now, now, UtcOffset::default()),
            "09:00"
        );
        assert_eq!(
            Language::German.since(then, now, rome).0,
            "1. März, 23:30 Uhr (UTC+1)"
        );
        assert_eq!(UtcOffset::from_minutes(-210).to_string(), "UTC-3:30");
        assert_eq!(
            UtcOffset::of_zone("Nowhere/Else", now),
            UtcOffset::default()
        );
    }

    #[test]
    fn numbers_and_sizes_are_as_each_language_writes_them() {
        assert_eq!(Language::English.number(1_234_567), "1,234,567");
        assert_eq!(Language::German.number(12_345), "12.345");
        assert_eq!(Language::Spanish.number(1_234), "1234");
        assert_eq!(Language::Italian.size(1_250_000), "1,2\u{a0}MB");
        assert_eq!(Language::French.size(12_000), "12\u{a0}ko");
        assert_eq!(Language::English.size(999), "999\u{a0}B");
        assert_eq!(Language::French.plural(0, "{n} a", "{n} b", &[]), "0 a");
        assert_eq!(Language::German.plural(0, "{n} a", "{n} b", &[]), "0 b");
    }
}
