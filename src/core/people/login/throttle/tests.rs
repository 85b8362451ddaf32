//! Guessing on a clock of our own.

use futures::executor::block_on;
use futures::future::join_all;

use super::super::tests::world::World;
use super::*;
use crate::ports::Clock;

fn keys() -> Keys {
    Keys::new("a key for tests that is long enough").unwrap()
}

fn begun(world: &World, of: Of<'_>) -> Result<(), Slowed> {
    block_on(begin(world, &keys(), of))
}

/// The wait that the next attempt is told.
fn wait(world: &World, of: Of<'_>) -> Duration {
    match block_on(check(world, &keys(), of)) {
        Ok(()) => Duration::ZERO,
        Err(Slowed::Wait(wait)) => wait,
        Err(other) => panic!("{other:?}"),
    }
}

const NAME: Of<'_> = Of::Name("anna@example.org");

#[test]
fn from_the_fifth_failure_on_each_next_attempt_waits_twice_as_long_up_to_a_quarter_of_an_hour() {
    let world = World::new();
    let mut waits = Vec::new();
    for _ in 0..17 {
        assert_eq!(begun(&world, NAME), Ok(()));
        waits.push(wait(&world, NAME).as_secs());
        world.pass(wait(&world, NAME));
    }
    // After the longest wait one failure is forgiven, so the wait stays where it is.
    assert_eq!(
        waits,
        [
            0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900
        ]
    );
}

#[test]
fn guessing_for_a_day_gets_a_hundred_guesses_and_the_owner_gets_in_after_a_quarter_of_an_hour() {
    let world = World::new();
    let day = world.now().after(Duration::from_secs(86_400));
    let mut guesses = 0;
    while world.now() < day {
        match begun(&world, NAME) {
            Ok(()) => guesses += 1,
            Err(_) => world.pass(Duration::from_secs(1)),
        }
    }
    assert!((100..=120).contains(&guesses), "{guesses}");
    let left = wait(&world, NAME);
    assert!(left <= limits::ACCOUNT_WAIT);
    world.pass(left);
    assert_eq!(begun(&world, NAME), Ok(()));
    block_on(succeeded(&world, &keys(), NAME));
    assert_eq!(wait(&world, NAME), Duration::ZERO);
    assert!(
        world.store.keys().is_empty(),
        "nothing is held against anybody who got in"
    );
}

#[test]
fn an_attempt_that_comes_too_early_is_not_counted() {
    let world = World::new();
    (0..5).for_each(|_| begun(&world, NAME).unwrap());
    for _ in 0..100 {
        assert!(matches!(begun(&world, NAME), Err(Slowed::Wait(_))));
    }
    assert_eq!(
        wait(&world, NAME),
        Duration::from_secs(1),
        "it slows and never locks"
    );
}

#[test]
fn a_thousand_guesses_at_once_are_not_all_judged() {
    let world = World::new();
    world.slow.set(true);
    let keys = keys();
    let all = (0..1_000).map(|_| begin(&world, &keys, NAME));
    let judged = block_on(join_all(all))
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert_eq!(judged, 5, "as one after the other");
}

#[test]
fn an_address_gets_more_and_waits_less() {
    let world = World::new();
    let client = Client::new(Some("192.0.2.7:4711"));
    let of = Of::Address(&client);
    for _ in 0..49 {
        block_on(failed(&world, &keys(), of));
    }
    assert_eq!(wait(&world, of), Duration::ZERO);
    for _ in 0..20 {
        block_on(failed(&world, &keys(), of));
        world.pass(wait(&world, of));
    }
    block_on(failed(&world, &keys(), of));
    assert_eq!(wait(&world, of), limits::ADDRESS_WAIT);
    let neighbour = Client::new(Some("192.0.2.8:4711"));
    assert_eq!(wait(&world, Of::Address(&neighbour)), Duration::ZERO);
}

#[test]
fn clients_are_told_apart_by_address_not_by_port_and_by_network_in_ipv6() {
    let same = [
        ("192.0.2.7:1", "192.0.2.7:2"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("[2001:db8:1:2::1]:443", "2001:db8:1:2:ffff::9"),
    ];
    for (one, other) in same {
        assert_eq!(Client::new(Some(one)), Client::new(Some(other)));
    }
    assert_ne!(
        Client::new(Some("2001:db8:1:2::1")),
        Client::new(Some("2001:db8:1:3::1"))
    );
    assert_eq!(Client::new(Some("unknown")), Client::new(None));
    let world = World::new();
    block_on(failed(&world, &keys(), Of::Address(&Client::new(None))));
    assert!(
        world.store.keys().is_empty(),
        "whom we cannot tell apart we do not slow together"
    );
}

#[test]
fn a_name_is_one_name_however_it_is_typed_and_cannot_be_read_in_the_storage() {
    let world = World::new();
    for name in ["anna@example.org", " Anna@Example.ORG ", "ANNA@EXAMPLE.ORG"] {
        begun(&world, Of::Name(name)).unwrap();
    }
    let stored = world.store.keys();
    assert_eq!(stored.len(), 1, "{stored:?}");
    assert!(!stored[0].contains("anna"), "{stored:?}");
    let other = Keys::new("another key for tests, long enough too").unwrap();
    block_on(begin(&world, &other, NAME)).unwrap();
    assert_eq!(
        world.store.keys().len(),
        2,
        "without the key nobody can look a name up"
    );
}

#[test]
fn a_user_s_second_factor_password_and_name_are_counted_apart() {
    let world = World::new();
    let user = UserId::new(&world);
    (0..5).for_each(|_| begun(&world, Of::SecondFactor(user)).unwrap());
    assert!(!wait(&world, Of::SecondFactor(user)).is_zero());
    assert!(wait(&world, Of::Password(user)).is_zero());
    let text = user.to_string();
    assert!(wait(&world, Of::Name(&text)).is_zero());
}

#[test]
fn a_clock_that_leaps_locks_nobody_out_for_long() {
    let back = World::new();
    (0..30).for_each(|_| {
        let _ = begun(&back, NAME);
        back.pass(wait(&back, NAME));
    });
    let _ = begun(&back, NAME);
    assert_eq!(wait(&back, NAME), limits::ACCOUNT_WAIT);
    // An hour, a day, a year back: what was written lies in the future.
    for hours in [1, 24, 24 * 365] {
        let now = back.now.get();
        back.now.set(now - hours * 3_600_000);
        assert_eq!(wait(&back, NAME), Duration::ZERO, "{hours} hours back");
        back.now.set(now);
    }
    // A little back: never longer than twice the longest.
    back.now.set(back.now.get() - 800_000);
    back.pass(limits::ACCOUNT_WAIT * 2);
    assert_eq!(begun(&back, NAME), Ok(()));
    back.pass(Duration::from_secs(365 * 86_400));
    assert_eq!(begun(&back, NAME), Ok(()));
    assert_eq!(
        wait(&back, NAME),
        Duration::ZERO,
        "a year on all is forgiven"
    );
}

#[test]
fn a_damaged_record_locks_nobody_out_and_is_written_over() {
    let world = World::new();
    begun(&world, NAME).unwrap();
    let key = world.store.keys().remove(0);
    for damage in ["", "{", "[]", r#"{"count":-1}"#] {
        world.spoil(&key, damage);
        assert_eq!(wait(&world, NAME), Duration::ZERO, "{damage}");
        assert_eq!(begun(&world, NAME), Ok(()), "{damage}");
    }
    (0..4).for_each(|_| begun(&world, NAME).unwrap());
    assert!(!wait(&world, NAME).is_zero(), "it counts again");
    let most =
        r#"{"count":4294967295,"last":"2026-11-23T00:00:00Z","expires":"2026-11-25T00:00:00Z"}"#;
    world.spoil(&key, most);
    assert_eq!(wait(&world, NAME), limits::ACCOUNT_WAIT);
}

#[test]
fn without_the_storage_nothing_is_judged() {
    let world = World::new();
    world
        .dies
        .set(Some((0, super::super::tests::world::Dies::Before)));
    assert!(matches!(begun(&world, NAME), Err(Slowed::Unavailable(_))));
}
