//! The examples of RFC 5545 (3.8.5.3) that a window can have, and what no text may do.

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::*;

fn days(rule: &str, start: Date, most: usize) -> Vec<String> {
    let rule = Rule::parse(rule).unwrap();
    let days = rule.days(start, start, date(2100, 1, 1));
    days.take(most)
        .map(|day| day.strftime("%y%m%d").to_string())
        .collect()
}

/// The start of nearly all of the RFC's examples.
const START: Date = date(1997, 9, 2);

#[test]
fn the_examples_of_the_rfc_give_the_days_of_the_rfc() {
    let cases: &[(&str, Date, &str)] = &[
        ("FREQ=DAILY;COUNT=3", START, "970902 970903 970904"),
        ("FREQ=DAILY;INTERVAL=2", START, "970902 970904 970906"),
        (
            "FREQ=DAILY;INTERVAL=10;COUNT=5",
            START,
            "970902 970912 970922 971002 971012",
        ),
        ("FREQ=WEEKLY;COUNT=4", START, "970902 970909 970916 970923"),
        (
            "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
            START,
            "970902 970916 970930 971014",
        ),
        (
            "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
            START,
            "970902 970904 970909 970911 970916 970918 970923 970925 970930 971002",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH",
            START,
            "970902 970904 970916 970918 970930 971002 971014 971016",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO",
            date(1997, 8, 5),
            "970805 970810 970819 970824",
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            date(1997, 8, 5),
            "970805 970817 970819 970831",
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
            date(1997, 9, 5),
            "970905 971003 971107 971205 980102 980206 980306 980403 980501 980605",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
            date(1997, 9, 7),
            "970907 970928 971102 971130 980104 980125 980301 980329 980503 980531",
        ),
        (
            "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO",
            date(1997, 9, 22),
            "970922 971020 971117 971222 980119 980216",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-3",
            date(1997, 9, 28),
            "970928 971029 971128 971229 980129 980226",
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
            START,
            "970902 970915 971002 971015 971102 971115 971202 971215 980102 980115",
        ),
        (
            "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
            date(1997, 9, 30),
            "970930 971001 971031 971101 971130 971201 971231 980101 980131 980201",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
            date(1997, 9, 10),
            "970910 970911 970912 970913 970914 970915 990310 990311 990312 990313",
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU;COUNT=6",
            START,
            "970902 970909 970916 970923 970930 971104",
        ),
        (
            "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
            date(1997, 6, 10),
            "970610 970710 980610 980710 990610 990710 000610 000710 010610 010710",
        ),
        (
            "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
            date(1997, 3, 10),
            "970310 990110 990210 990310 010110 010210 010310 030110 030210 030310",
        ),
        (
            "FREQ=YEARLY;BYDAY=20MO;COUNT=3",
            date(1997, 5, 19),
            "970519 980518 990517",
        ),
        (
            "FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=6",
            date(1997, 3, 13),
            "970313 970320 970327 980305 980312 980319",
        ),
        (
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3",
            date(1996, 11, 5),
            "961105 001107 041102",
        ),
        (
            "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5",
            START,
            "980213 980313 981113 990813 001013",
        ),
        (
            "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13;COUNT=4",
            date(1997, 9, 13),
            "970913 971011 971108 971213",
        ),
        (
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            date(1997, 9, 4),
            "970904 971007 971106",
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=4",
            date(1997, 9, 29),
            "970929 971030 971127 971230",
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5",
            date(2007, 1, 15),
            "070115 070130 070215 070315 070330",
        ),
        (
            "FREQ=DAILY;BYMONTH=1;COUNT=3",
            date(1998, 1, 30),
            "980130 980131 990101",
        ),
        ("FREQ=YEARLY", date(2024, 2, 29), "240229 280229 320229"),
        (
            "RRULE:freq=monthly",
            date(2026, 1, 31),
            "260131 260331 260531",
        ),
    ];
    for (rule, start, expected) in cases {
        let expected: Vec<&str> = expected.split(' ').collect();
        assert_eq!(days(rule, *start, expected.len()), expected, "{rule}");
    }
    for (rule, start, _) in cases.iter().filter(|(rule, ..)| rule.contains("COUNT=")) {
        let count = rule.split("COUNT=").nth(1).unwrap();
        let count: usize = count.split(';').next().unwrap().parse().unwrap();
        assert_eq!(days(rule, *start, 1_000).len(), count, "{rule}: no more");
    }
}

#[test]
fn a_look_far_ahead_finds_the_days_that_counting_from_the_start_finds() {
    let (start, from, to) = (date(1970, 1, 5), date(2026, 3, 1), date(2026, 12, 31));
    for rule in [
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU,MO",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU",
        "FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=-1",
        "FREQ=YEARLY;INTERVAL=2;BYMONTH=4;BYDAY=-1SU",
    ] {
        let near = Rule::parse(rule).unwrap();
        let whole = Rule::parse(&format!("{rule};COUNT=10000")).unwrap();
        let within = |rule: &Rule| -> Vec<Date> {
            let days = rule.days(start, from, to);
            days.filter(|day| *day >= from).collect()
        };
        assert_eq!(within(&near), within(&whole), "{rule}");
        assert!(!within(&near).is_empty(), "{rule}");
    }
}

#[test]
fn a_rule_that_never_happens_ends() {
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31;COUNT=10000",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=300",
    ] {
        assert_eq!(days(rule, date(1970, 1, 1), 1), [""; 0], "{rule}");
    }
}

#[test]
fn what_is_not_understood_is_refused_by_its_name() {
    for (rule, word) in [
        ("", "NAME=VALUE"),
        ("FREQ=HOURLY", "HOURLY"),
        ("FREQ=SECONDLY;COUNT=1", "SECONDLY"),
        ("FREQ=FORTNIGHTLY", "FORTNIGHTLY"),
        ("INTERVAL=2", "FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;COUNT=-1", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20261231", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2026", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261301", "UNTIL"),
        ("FREQ=DAILY;UNTIL=\u{e9}0261301", "UNTIL"),
        ("FREQ=DAILY;BYHOUR=3", "BYHOUR"),
        ("FREQ=YEARLY;BYWEEKNO=3", "BYWEEKNO"),
        ("FREQ=DAILY;BYEASTER=1", "BYEASTER"),
        ("FREQ=WEEKLY;BYDAY=XX", "XX"),
        ("FREQ=WEEKLY;BYDAY=1SU", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=\u{e9}", "not a day"),
        ("FREQ=MONTHLY;BYDAY=0SU", "BYDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "0th"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
    ] {
        let error = Rule::parse(rule).unwrap_err();
        assert!(error.contains(word), "{rule}: {error}");
    }
}

fn part() -> impl Strategy<Value = String> {
    let number = || -400..400_i32;
    prop_oneof![
        "FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)",
        (1..200_u32).prop_map(|n| format!("INTERVAL={n}")),
        (1..20_000_u32).prop_map(|n| format!("COUNT={n}")),
        "UNTIL=20[0-9]{2}[01][0-9][0-3][0-9](T[0-2][0-9]0000Z?)?",
        proptest::collection::vec(number(), 1..4)
            .prop_map(|n| format!("BYMONTHDAY={n:?}").replace(['[', ']', ' '], "")),
        proptest::collection::vec(number(), 1..4)
            .prop_map(|n| format!("BYSETPOS={n:?}").replace(['[', ']', ' '], "")),
        "BYMONTH=[1-9](,1[0-2])?",
        "BYDAY=(-?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,(MO|SU))?",
        "WKST=(MO|SU|WE)",
        "\\PC{0,20}",
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_run_long(
        parts in proptest::collection::vec(part(), 0..6),
        year in 1970..2199_i16,
        ahead in 0..30_i16,
    ) {
        let text = parts.join(";");
        if let Ok(rule) = Rule::parse(&text).or_else(|_| Rule::parse(&format!("FREQ=DAILY;{text}"))) {
            let (start, from) = (date(year, 1, 31), date(year + ahead, 3, 1));
            let days: Vec<Date> = rule.days(start, from, date(year + ahead + 2, 1, 1)).collect();
            prop_assert!(days.windows(2).all(|two| two[0] < two[1]), "in order, each once");
            prop_assert!(days.iter().all(|day| *day >= start));
            prop_assert!(days.len() < 40_000);
        }
    }

    #[test]
    fn any_text_is_a_rule_or_an_error(text: String) {
        let _ = Rule::parse(&text);
    }
}
