//! What a wall clock means, second by second on the days that it leaps.

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::routing::window::Planned;
use crate::routing::{Decision, HoldReason, Route, RouteState, decide};

fn order(start: &str, end: Option<&str>, duration: Option<&str>) -> WindowOrder {
    WindowOrder {
        route: "hq".into(),
        start: start.into(),
        end: end.map(str::to_owned),
        duration: duration.map(str::to_owned),
        time_zone: None,
        rrule: None,
        release: WindowRelease::Automatic,
        reason: "upgrade".into(),
        dry_run: false,
    }
}

fn sundays(end: Option<&str>, duration: Option<&str>) -> WindowOrder {
    WindowOrder {
        time_zone: Some("Europe/Rome".into()),
        rrule: Some("FREQ=WEEKLY;BYDAY=SU".into()),
        ..order("2026-01-04T02:00:00", end, duration)
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn between(order: &WindowOrder, from: &str, to: &str) -> Vec<(String, String)> {
    let schedule = Schedule::read(order).unwrap();
    let all: Vec<_> = schedule
        .occurrences(at(from), at(to))
        .map(|(start, end)| (start.to_string(), end.to_string()))
        .collect();
    all
}

fn route() -> Route {
    let text = "[[route]]\nname='hq'\ndomains=['x.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'";
    Config::parse(text, "").unwrap().routes.remove(0)
}

/// What the clock in Rome shows at a moment, without any database: the European Union changes at
/// 01:00 UTC on the last Sundays of March and October. Seconds of the day, and whether it is Sunday.
fn clock_in_rome(at: Timestamp, leap: Timestamp, spring: bool) -> i64 {
    let summer = (leap <= at) == spring;
    let offset = if summer { 7_200 } else { 3_600 };
    (at.millis() / 1_000 + offset).rem_euclid(86_400)
}

#[test]
fn a_sunday_window_from_two_to_four_in_rome_second_by_second() {
    // The Sunday, and the moment at which the clock leaps.
    for (day, spring) in [
        ("2026-03-29", true),
        ("2026-10-25", false),
        ("2027-03-28", true),
        ("2027-10-31", false),
    ] {
        let leap = at(&format!("{day}T01:00:00Z"));
        let midnight = at(&format!("{day}T00:00:00Z")).millis() - 7_200_000;
        let window = |order: &WindowOrder| {
            let schedule = Schedule::read(order).unwrap();
            let (from, to) = (Timestamp::from_millis(midnight), leap.after(DAY));
            let planned = schedule.occurrences(from, to).map(|(start, end)| Planned {
                window: MessageId::new(from, [1; 10]),
                start,
                end,
                release: WindowRelease::Automatic,
                reason: "upgrade".into(),
                by: "Olga".into(),
            });
            let mut state = RouteState::default();
            state.windows.planned = planned.collect();
            state
        };
        let by_clock = window(&sundays(Some("2026-01-04T04:00:00"), None));
        let by_length = window(&sundays(None, Some("2h")));
        let route = route();
        // From a quarter to midnight of the Saturday until late in the morning.
        for second in -900..40_000_i64 {
            let now = Timestamp::from_millis(midnight + second * 1_000);
            let shown = clock_in_rome(now, leap, spring);
            // In spring the clock shows no 02:00: the window opens as the clock leaps to 03:00.
            let between_two_and_four =
                (7_200..14_400).contains(&shown) && second > 0 && second < 30_000;
            // In autumn it shows 02:00 twice: the window opens at the first, 00:00 UTC.
            let opened = match spring {
                true => leap,
                false => Timestamp::from_millis(leap.millis() - 3_600_000),
            };
            let for_two_hours = opened <= now && now < opened.after(DAY / 12);
            for (state, expected, which) in [
                (&by_clock, between_two_and_four, "until 04:00"),
                (&by_length, for_two_hours, "for 2h"),
            ] {
                let held = match decide(&route, state, now) {
                    Decision::Hold(hold) => {
                        assert_eq!(hold.reason, HoldReason::Window);
                        assert!(hold.until.is_some_and(|until| now < until));
                        true
                    }
                    _ => false,
                };
                assert_eq!(held, expected, "{which} at {now}, when Rome shows {shown}");
            }
        }
        let length = |state: &RouteState| {
            let one = &state.windows.planned[0];
            one.end.since(one.start).as_secs() / 3_600
        };
        assert_eq!(length(&by_clock), if spring { 1 } else { 3 }, "{day}");
        assert_eq!(length(&by_length), 2, "{day}");
    }
}

#[test]
fn a_window_never_closes_before_the_clock_on_site_says_so() {
    let rome = |start: &str, end: &str| {
        let order = WindowOrder {
            time_zone: Some("Europe/Rome".into()),
            ..order(start, Some(end), None)
        };
        between(&order, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")
    };
    let is = |start: &str, end: &str| vec![(format!("{start}.000Z"), format!("{end}.000Z"))];
    // 02:30 comes twice: a start means the first, an end the second.
    assert_eq!(
        rome("2026-10-25T02:30:00", "2026-10-25T05:00:00"),
        is("2026-10-25T00:30:00", "2026-10-25T04:00:00")
    );
    assert_eq!(
        rome("2026-10-25T01:00:00", "2026-10-25T02:30:00"),
        is("2026-10-24T23:00:00", "2026-10-25T01:30:00")
    );
    // 02:30 does not come: both mean half an hour after the leap.
    assert_eq!(
        rome("2026-03-29T02:30:00", "2026-03-29T05:00:00"),
        is("2026-03-29T01:30:00", "2026-03-29T03:00:00")
    );
    assert_eq!(
        rome("2026-03-29T01:00:00", "2026-03-29T02:30:00"),
        is("2026-03-29T00:00:00", "2026-03-29T01:30:00")
    );
    // 02:30 to 03:00 would end before it starts: it does not happen.
    assert_eq!(rome("2026-03-29T02:30", "2026-03-29T03:00"), []);
}

#[test]
fn an_occurrence_that_would_end_before_it_starts_is_passed_over() {
    let order = WindowOrder {
        start: "2026-03-15T02:30:00".into(),
        ..sundays(Some("2026-03-15T03:00:00"), None)
    };
    let starts: Vec<String> = between(&order, "2026-03-01T00:00:00Z", "2026-04-08T00:00:00Z")
        .into_iter()
        .map(|(start, _)| start)
        .collect();
    assert_eq!(
        starts,
        [
            "2026-03-15T01:30:00.000Z",
            "2026-03-22T01:30:00.000Z",
            "2026-04-05T00:30:00.000Z"
        ]
    );
}

#[test]
fn until_means_a_moment_a_time_of_the_clock_or_the_whole_day() {
    let last = |until: &str| {
        let order = WindowOrder {
            rrule: Some(format!("FREQ=WEEKLY;UNTIL={until}")),
            ..sundays(None, Some("1h"))
        };
        let mut all = between(&order, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        all.pop().unwrap().0
    };
    assert_eq!(last("20260111T010000Z"), "2026-01-11T01:00:00.000Z");
    assert_eq!(last("20260111T005959Z"), "2026-01-04T01:00:00.000Z");
    assert_eq!(last("20260111T020000"), "2026-01-11T01:00:00.000Z");
    assert_eq!(last("20260111T015959"), "2026-01-04T01:00:00.000Z");
    assert_eq!(last("20260111"), "2026-01-11T01:00:00.000Z");
}

#[test]
fn an_occurrence_is_found_from_its_start_to_its_end_and_not_after_it() {
    let order = sundays(None, Some("3d"));
    let schedule = Schedule::read(&order).unwrap();
    let starts = |from: &str| {
        let from = at(from);
        let mut found = schedule.occurrences(from, from.after(DAY / 24));
        found.next().map(|(start, _)| start.to_string())
    };
    let start = Some("2026-06-07T00:00:00.000Z".to_owned());
    assert_eq!(starts("2026-06-07T00:00:00Z"), start);
    assert_eq!(starts("2026-06-09T23:59:59Z"), start);
    assert_eq!(starts("2026-06-10T00:00:00Z"), None);
}

#[test]
fn a_change_moves_the_end_of_its_occurrence_only() {
    let mut window = Window {
        id: MessageId::new(at("2026-01-01T00:00:00Z"), [1; 10]),
        order: sundays(None, Some("2h")),
        by: "Olga".into(),
        at: at("2026-01-01T00:00:00Z"),
        changes: Vec::new(),
    };
    let (from, to) = (at("2026-06-08T00:00:00Z"), at("2026-06-20T00:00:00Z"));
    assert_eq!(window.occurrences(from, to).len(), 1);
    window.changes.push(Change {
        start: at("2026-06-07T00:00:00Z"),
        end: at("2026-06-12T00:00:00Z"),
    });
    let all = window.occurrences(from, to);
    assert_eq!(
        all,
        [
            (at("2026-06-07T00:00:00Z"), at("2026-06-12T00:00:00Z")),
            (at("2026-06-14T00:00:00Z"), at("2026-06-14T02:00:00Z"))
        ],
        "an extended one is open long after its own end"
    );
    window.changes[0].end = at("2026-06-07T01:00:00Z");
    let soon = at("2026-06-07T01:00:00Z");
    assert_eq!(window.occurrences(soon, from), [], "an ended one is over");
}

#[test]
fn orders_that_mean_nothing_are_refused_by_the_field() {
    let rome = |one: WindowOrder| WindowOrder {
        time_zone: Some("Europe/Rome".into()),
        ..one
    };
    let (plain, wall) = ("2026-11-29T02:00:00Z", "2026-11-29T02:00:00");
    let cases = [
        (order("tomorrow", None, Some("1h")), "start"),
        (order("2026-11-31T02:00:00Z", None, Some("1h")), "start"),
        (order("2026-11-29T02:00:00-0500", None, Some("1h")), "start"),
        (order(wall, None, Some("1h")), "time_zone"),
        (rome(order(plain, None, Some("1h"))), "offset"),
        (order(plain, None, None), "either"),
        (order(plain, Some(plain), Some("1h")), "either"),
        (order(plain, Some(plain), None), "not after"),
        (order(plain, Some(wall), None), "end"),
        (rome(order(wall, Some(plain), None)), "end"),
        (rome(order(wall, Some(wall), None)), "not after"),
        (order(plain, None, Some("2 hours")), "duration"),
        (order(plain, None, Some("32d")), "31 days"),
        (rome(order(wall, Some("2027-01-29T02:00"), None)), "31 days"),
        (rome(order("1911-11-29T02:00", None, Some("1h"))), "year"),
        (
            WindowOrder {
                time_zone: Some("Europe/Roma".into()),
                ..order(wall, None, Some("1h"))
            },
            "Europe/Rome",
        ),
        (
            WindowOrder {
                rrule: Some("FREQ=HOURLY".into()),
                ..rome(order(wall, None, Some("1h")))
            },
            "rrule",
        ),
        (
            WindowOrder {
                rrule: Some("FREQ=DAILY".into()),
                ..order(plain, None, Some("1h"))
            },
            "rrule",
        ),
    ];
    for (order, word) in cases {
        let error = Schedule::read(&order).unwrap_err();
        assert!(error.contains(word), "{order:?}: {error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_for_occurrences_are_in_order_and_do_not_end_before_they_start(
        zone in prop_oneof![Just("Europe/Rome"), Just("America/New_York"), Just("Australia/Lord_Howe"),
            Just("Pacific/Apia"), Just("Africa/Casablanca"), Just("UTC")],
        (year, month, day) in (1970..2199_u16, 1..13_u8, 1..32_u8),
        (hour, minute) in (0..24_u8, 0..60_u8),
        minutes in 1..3_000_u32,
        by_clock: bool,
        rule in prop_oneof![Just("FREQ=DAILY"), Just("FREQ=WEEKLY;BYDAY=SU,WE"), Just("FREQ=MONTHLY;BYDAY=-1SU"),
            Just("FREQ=DAILY;INTERVAL=3;COUNT=9000"), Just("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")],
        from in 0..7_000_000_000_000_i64,
    ) {
        let start = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}");
        let end = wall(&start)
            .and_then(|start| start.checked_add(i64::from(minutes).minutes()).ok())
            .map(|end| end.to_string());
        let order = WindowOrder {
            time_zone: Some(zone.to_owned()),
            rrule: Some(rule.to_owned()),
            ..order(&start, end.as_deref().filter(|_| by_clock), None)
        };
        let order = match by_clock {
            true => order,
            false => WindowOrder { duration: Some(format!("{minutes}m")), ..order },
        };
        if let Ok(schedule) = Schedule::read(&order) {
            let from = Timestamp::from_millis(from);
            let to = from.after(DAY * 40);
            let all: Vec<Interval> = schedule.occurrences(from, to).collect();
            prop_assert!(all.len() <= 75);
            for (start, end) in &all {
                prop_assert!(start < end && from < *end && *start < to);
                prop_assert!(schedule.shown(*start).is_some());
            }
            prop_assert!(all.windows(2).all(|two| two[0].0 < two[1].0));
        }
    }

    #[test]
    fn any_texts_are_an_order_or_an_error(start: String, end: String, duration: String, zone: String, rule: String) {
        for (start, end) in [(start.as_str(), end.as_str()), ("2026-11-29T02:00", "2026-11-29T03:00")] {
            for length in [None, Some(duration.as_str())] {
                let order = WindowOrder {
                    time_zone: Some(zone.clone()),
                    rrule: Some(rule.clone()),
                    ..order(start, Some(end).filter(|_| length.is_none()), length)
                };
                let _ = Schedule::read(&order);
            }
        }
    }
}

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
