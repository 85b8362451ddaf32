//! The diagram, walked.

use super::*;

const T: Thresholds = Thresholds {
    consecutive_failures: 3,
    healthy_threshold: 2,
    base_ejection_time: Duration::from_secs(1),
    max_ejection_time: Duration::from_secs(60),
    max_age: Duration::from_secs(1),
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1_000)
}

fn failed(subject: &str) -> Event {
    Event::Failed {
        subject: subject.into(),
        what: "connection refused".into(),
    }
}

fn bad_probe(subject: &str) -> Event {
    Event::BadProbe {
        subject: subject.into(),
        what: "silence".into(),
    }
}

fn down() -> Health {
    let mut health = Health::default();
    for subject in ["a", "b", "c"] {
        health.on(failed(subject), &T, at(10), 0);
    }
    assert_eq!(health.state, HealthState::Down);
    health
}

#[test]
fn distinct_failures_without_a_success_between_make_it_down() {
    let health = down();
    assert_eq!(health.since, Some(at(10)));
    assert_eq!(health.next_probe, Some(at(11)));
    assert_eq!(health.evidence.len(), 3);
}

#[test]
fn one_message_that_fails_for_ever_proves_nothing() {
    let mut health = Health::default();
    for second in 0..100 {
        health.on(failed("same"), &T, at(second), 0);
    }
    assert_eq!((health.state, health.evidence.len()), (HealthState::Up, 1));
}

#[test]
fn a_success_between_starts_the_count_anew() {
    let mut health = Health::default();
    for round in 0..10 {
        health.on(failed(&format!("a{round}")), &T, at(round), 0);
        health.on(failed(&format!("b{round}")), &T, at(round), 0);
        health.on(Event::Served, &T, at(round), 0);
    }
    assert_eq!(health, Health::default());
}

#[test]
fn probes_wait_longer_and_longer_but_never_beyond_the_longest() {
    let mut health = down();
    let mut now = at(11);
    let mut waits = Vec::new();
    for n in 0..9 {
        assert!(health.probe_due(&T, now));
        health.claim(now);
        assert!(!health.probe_due(&T, now), "one probe at a time");
        health.on(bad_probe(&n.to_string()), &T, now, 0);
        let next = health.next_probe.unwrap();
        waits.push(next.since(now).as_secs());
        now = next;
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
    health.on(bad_probe("jitter"), &T, now, 255);
    let wait = health.next_probe.unwrap().since(now);
    assert!(
        wait >= Duration::from_secs(30) && wait < Duration::from_secs(31),
        "{wait:?}"
    );
}

#[test]
fn two_good_probes_and_a_canary_bring_it_back() {
    let mut health = down();
    health.on(Event::GoodProbe, &T, at(12), 0);
    assert_eq!(health.state, HealthState::Down);
    health.on(Event::GoodProbe, &T, at(13), 0);
    assert_eq!(
        (health.state, health.since),
        (HealthState::Recovering, Some(at(13)))
    );
    assert!(health.canary_due(at(13)));
    health.claim(at(13));
    assert!(!health.canary_due(at(14)), "one canary at a time");
    health.on(Event::Served, &T, at(15), 0);
    assert_eq!(
        (health.state, health.since),
        (HealthState::Up, Some(at(15)))
    );
    assert!(health.evidence.is_empty());
}

#[test]
fn a_bad_probe_between_starts_the_good_ones_anew() {
    let mut health = down();
    health.on(Event::GoodProbe, &T, at(12), 0);
    health.on(bad_probe("p"), &T, at(13), 0);
    health.on(Event::GoodProbe, &T, at(16), 0);
    assert_eq!(health.state, HealthState::Down);
}

#[test]
fn any_failure_while_recovering_is_down_again() {
    let mut health = down();
    health.on(Event::GoodProbe, &T, at(12), 0);
    health.on(Event::GoodProbe, &T, at(13), 0);
    health.on(failed("canary"), &T, at(14), 0);
    assert_eq!(
        (health.state, health.newest()),
        (HealthState::Down, "connection refused")
    );
    assert!(health.probe_due(&T, at(15)));
}

#[test]
fn a_claim_left_by_a_dead_instance_runs_out() {
    let mut health = down();
    health.claim(at(20));
    assert!(!health.probe_due(&T, at(21)));
    assert!(health.probe_due(&T, at(80)));
    assert!(
        health.probe_due(&T, at(19)),
        "a clock that went back does not keep a claim for ever"
    );
}

#[test]
fn nothing_held_means_nothing_to_try() {
    let mut health = down();
    health.nothing_to_try(at(12));
    assert_eq!(
        health.state,
        HealthState::Down,
        "only probes lead out of down"
    );
    health.on(Event::GoodProbe, &T, at(12), 0);
    health.on(Event::GoodProbe, &T, at(13), 0);
    health.nothing_to_try(at(14));
    assert_eq!(health.state, HealthState::Up);
}

/// One probe was made by an instance whose clock was a year ahead, and for a year nobody looked
/// whether the primary was back.
#[test]
fn a_clock_far_ahead_does_not_put_off_the_next_probe() {
    let mut health = down();
    health.on(bad_probe("p"), &T, at(31_536_000), 0);
    assert!(!health.probe_due(&T, at(31_536_001)));
    assert!(health.probe_due(&T, at(20)));
}
