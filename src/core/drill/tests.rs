//! Drills on a world of our own: what they touch, what they measure, and when they run.

use futures::executor::block_on;

use super::*;
use crate::custody::route_state::StateCache;
use crate::operate::{self, drills};
use crate::routing::route::DrillTimes;
use crate::submit::tests::{Mood, World};
use crate::tick::tick;

const ROUTE: &str =
    "[[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'\n";

fn config(lines: &str) -> Config {
    Config::parse(&format!("{ROUTE}{lines}"), "").unwrap()
}

fn with_recipient() -> Config {
    config("drill_recipient='postmaster@example.org'\n")
}

fn order(world: &World, config: &Config) -> Drill {
    let operator = operate::operator(Some("ann"), None);
    let (route, reason) = ("hq".to_owned(), "to see".to_owned());
    let order = drills::DrillOrder { route, reason };
    block_on(drills::order(world, config, &operator, &order)).unwrap()
}

fn results(world: &World) -> Vec<Drill> {
    block_on(drills::list(world, None, None)).unwrap().drills
}

/// Keys that are no result, no claim and no audit: what a drill must not leave behind.
fn rest(world: &World) -> Vec<String> {
    let mut keys = world.store.keys();
    let own = ["drills/results/", "drills/claims/", "audit/", "ticks.json"];
    keys.retain(|key| !own.iter().any(|own| key.starts_with(own)));
    keys
}

fn outcomes(drill: &Drill) -> [StepOutcome; 5] {
    [
        drill.primary.outcome,
        drill.hold.outcome,
        drill.readable.outcome,
        drill.release.outcome,
        drill.removed.outcome,
    ]
}

use StepOutcome::{Failed, Passed, Skipped};

#[test]
fn a_message_takes_both_paths_and_leaves_only_its_result() {
    let (world, config) = (World::new(), with_recipient());
    let drill = order(&world, &config);
    assert_eq!(outcomes(&drill), [Passed; 5], "{drill:?}");
    assert!(drill.passed);
    assert_eq!((drill.rto_ms, drill.rpo_messages), (Some(0), Some(0)));
    assert_eq!(
        (drill.by.as_str(), drill.reason.as_str()),
        ("ann", "to see")
    );
    let taken = world.delivered.borrow();
    assert_eq!(taken.len(), 2, "at once, and by way of the storage");
    for (at, way) in ["primary", "storage"].into_iter().enumerate() {
        assert_eq!(taken[at].1, ["postmaster@example.org"]);
        let text = String::from_utf8_lossy(&taken[at].2).into_owned();
        assert!(text.contains(&format!("by way of the {way}")), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"));
    }
    assert_eq!(results(&world), [drill], "the result is on record as told");
    assert_eq!(rest(&world), [""; 0]);
}

#[test]
fn without_a_recipient_nobody_gets_mail_and_the_primary_is_probed() {
    let (world, config) = (World::new(), config(""));
    let drill = order(&world, &config);
    assert_eq!(outcomes(&drill), [Passed; 5], "{drill:?}");
    assert!(drill.primary.detail.contains("probe"), "{drill:?}");
    assert_eq!(world.delivered.borrow().len(), 0);
}

#[test]
fn a_primary_that_fails_is_a_result_and_leaves_time_for_the_storage() {
    for mood in [
        Mood::Refuses,
        Mood::Silent,
        Mood::LosesTheReply,
        Mood::Defers,
        Mood::Rejects,
    ] {
        let (world, config) = (World::new(), with_recipient());
        world.mood("192.0.2.1", mood);
        let drill = order(&world, &config);
        assert_eq!(
            outcomes(&drill),
            [Failed, Passed, Passed, Failed, Passed],
            "{drill:?}"
        );
        assert!(!drill.passed && drill.rto_ms.is_some());
        assert_eq!(rest(&world), [""; 0], "no judgement is changed by a drill");
    }
}

#[test]
fn where_mail_is_held_on_purpose_the_primary_is_left_alone() {
    let (world, config) = (World::new(), with_recipient());
    let operator = operate::operator(Some("ann"), None);
    let hold = serde_json::json!({ "mode": "hold", "reason": "moving" });
    let (hold, cache) = (serde_json::from_value(hold).unwrap(), StateCache::default());
    block_on(operate::order(
        &world, &config, &cache, "hq", &operator, hold,
    ))
    .unwrap();
    let drill = order(&world, &config);
    assert_eq!(
        outcomes(&drill),
        [Skipped, Passed, Passed, Skipped, Passed],
        "{drill:?}"
    );
    assert!(drill.primary.detail.contains("moving"), "{drill:?}");
    assert_eq!(world.delivered.borrow().len(), 0);
}

#[test]
fn bytes_that_do_not_come_back_are_counted_as_lost() {
    let (world, config) = (World::new(), with_recipient());
    world.rotten.set("drills/hq/");
    let drill = order(&world, &config);
    assert_eq!(
        outcomes(&drill),
        [Passed, Passed, Failed, Skipped, Passed],
        "{drill:?}"
    );
    assert_eq!((drill.passed, drill.rto_ms), (false, None));
    assert_eq!(drill.rpo_messages, Some(1));
}

#[test]
fn what_a_drill_that_died_left_is_removed_by_a_later_one() {
    let (world, config) = (World::new(), config(""));
    let old = MessageId::new(Timestamp::from_millis(1_795_380_000_000), [1; 10]);
    let young = MessageId::new(Timestamp::from_millis(1_795_391_999_000), [2; 10]);
    for id in [old, young] {
        let key = format!("drills/hq/{id}/held.eml");
        let putting = crate::custody::record::write(
            &world,
            &key,
            &"x",
            crate::custody::store::Condition::Always,
        );
        block_on(putting).unwrap();
    }
    order(&world, &config);
    assert_eq!(rest(&world), [format!("drills/hq/{young}/held.eml")]);
}

#[test]
fn a_drill_that_is_due_is_run_by_one_tick_and_again_when_it_is_old() {
    let (world, config) = (World::new(), config("drill_every='1d'\n"));
    let cache = StateCache::default();
    let tick = |after: i64| {
        world.now.set(world.now.get() + after);
        block_on(tick(&world, &config, &cache)).drill
    };
    let first = tick(0).expect("none was ever run");
    assert_eq!((first.by.as_str(), first.passed), ("schedule", true));
    assert_eq!(tick(60_000), None);
    assert_eq!(tick(86_000_000), None, "a day is not over");
    assert!(tick(400_000).is_some());
    order(&world, &config);
    assert_eq!(tick(86_000_000), None, "one by hand counts");
    assert_eq!(results(&world).len(), 3);
}

#[test]
fn a_drill_at_its_times_is_run_once_each_and_not_long_after() {
    let at = "drill_at={start='2026-12-06T03:00', time_zone='Europe/Rome', rrule='FREQ=WEEKLY'}\n";
    let (world, config) = (World::new(), config(at));
    let cache = StateCache::default();
    let ticks_at = |text: &str| {
        world.now.set(Timestamp::parse(text).unwrap().millis());
        block_on(tick(&world, &config, &cache)).drill.is_some()
    };
    assert!(!ticks_at("2026-12-06T01:59:59Z"), "it is not yet time");
    assert!(ticks_at("2026-12-06T02:00:00Z"));
    assert!(!ticks_at("2026-12-06T02:01:00Z"), "once");
    assert!(
        ticks_at("2026-12-13T09:00:00Z"),
        "nobody ticked at its time"
    );
    assert!(!ticks_at("2026-12-21T02:00:01Z"), "too late for the 20th");
    assert!(ticks_at("2027-01-03T02:00:00Z"));
    let drill = results(&world).pop().unwrap();
    assert_eq!(
        (drill.by.as_str(), drill.reason.as_str()),
        ("schedule", "drill_at")
    );
}

#[test]
fn times_that_mean_nothing_run_no_drill_and_are_told() {
    let (world, config) = (World::new(), config("drill_at={start='soon'}\n"));
    let ticked = block_on(tick(&world, &config, &StateCache::default()));
    assert_eq!(ticked.drill, None);
    let schedule = match config.routes[0].drill.when.clone() {
        Some(DrillTimes::At(schedule)) => schedule,
        other => panic!("{other:?}"),
    };
    let error = schedule::read(&schedule).unwrap_err();
    assert!(
        error.starts_with("start: \"soon\" is not a time"),
        "{error}"
    );
}

#[test]
fn a_drill_that_another_tick_claimed_is_left_to_it_until_the_claim_runs_out() {
    let (world, config) = (World::new(), config("drill_every='1d'\n"));
    let claim = |until: i64| {
        let claimed = serde_json::json!({
            "at": null, "passed": false,
            "claimed_until": Timestamp::from_millis(world.now.get() + until),
        });
        let always = crate::custody::store::Condition::Always;
        let key = "drills/claims/hq.json";
        block_on(crate::custody::record::write(&world, key, &claimed, always)).unwrap();
    };
    let due = || {
        let deadline = Timestamp::from_millis(world.now.get()).after(limits::TICK);
        block_on(schedule::run_due(&world, &config, deadline)).is_some()
    };
    claim(30_000);
    assert!(!due());
    claim(-1);
    assert!(due());
    let soon = Timestamp::from_millis(world.now.get() + 5_000);
    claim(-1);
    let late = block_on(schedule::run_due(&world, &config, soon));
    assert_eq!(late, None, "a tick whose time is nearly up begins none");
}

#[test]
fn a_recipient_of_elsewhere_and_a_drill_every_minute_are_refused() {
    for (line, key) in [
        (
            "drill_recipient='a@example.com'",
            "route.hq.drill_recipient",
        ),
        ("drill_recipient='nobody'", "route.hq.drill_recipient"),
        ("drill_every='1m'", "route.hq.drill_every"),
        ("drill_every='often'", "route.hq.drill_every"),
        (
            "drill_every='1d'\ndrill_at={start='2026-12-06T03:00:00Z'}",
            "route.hq.drill_at",
        ),
    ] {
        let refused = Config::parse(&format!("{ROUTE}{line}\n"), "").unwrap_err();
        assert_eq!(refused.key, key, "{refused}");
    }
}
