//! Links that are opened, exchanged, forgotten, and half made.

use futures::executor::block_on;

use super::super::tests::world::{Dies, World};
use super::*;
use crate::ports::Clock;

fn made(world: &World, user: UserId) -> LinkToken {
    let made = make(world, user, Purpose::Activate, "Olga", limits::ACTIVATION);
    block_on(made).unwrap().0
}

fn opened(world: &World, token: &LinkToken) -> Result<UserId, LinkError> {
    block_on(open(world, token.as_str())).map(|open| open.link.user)
}

#[test]
fn a_link_opens_as_often_as_one_likes_and_changes_nothing() {
    let world = World::new();
    let user = UserId::new(&world);
    let token = made(&world, user);
    let writes = world.store.writes();
    for _ in 0..3 {
        assert_eq!(opened(&world, &token), Ok(user));
    }
    assert_eq!(world.store.writes(), writes, "mail scanners open links too");
}

#[test]
fn a_link_that_is_marked_as_used_opens_no_more() {
    let world = World::new();
    let token = made(&world, UserId::new(&world));
    let looked = block_on(open(&world, token.as_str())).unwrap();
    block_on(use_up(&world, &looked)).unwrap();
    assert_eq!(opened(&world, &token), Err(LinkError::Used));
    block_on(use_up(&world, &looked)).unwrap();
}

#[test]
fn a_link_is_over_at_its_time() {
    let world = World::new();
    let user = UserId::new(&world);
    let token = made(&world, user);
    world.pass(limits::ACTIVATION - Duration::from_millis(1));
    assert_eq!(opened(&world, &token), Ok(user));
    world.pass(Duration::from_millis(1));
    assert_eq!(opened(&world, &token), Err(LinkError::Expired));
}

#[test]
fn no_link_lasts_longer_than_the_longest() {
    let world = World::new();
    let user = UserId::new(&world);
    let century = Duration::from_secs(100 * 365 * 86_400);
    let (token, act) = block_on(make(&world, user, Purpose::Reset, "Olga", century)).unwrap();
    let end = world.now().after(limits::ACTIVATION_LONGEST);
    assert_eq!(
        act.what,
        What::LinkMade {
            purpose: Purpose::Reset,
            expires: end
        }
    );
    world.now.set(world.now.get() - 86_400_000);
    assert_eq!(
        opened(&world, &token),
        Err(LinkError::Expired),
        "a clock that was ahead made it"
    );
}

#[test]
fn a_new_link_makes_the_older_ones_of_this_user_void() {
    let world = World::new();
    let (anna, bruno) = (UserId::new(&world), UserId::new(&world));
    let (first, other) = (made(&world, anna), made(&world, bruno));
    let second = made(&world, anna);
    assert_eq!(opened(&world, &first), Err(LinkError::Void));
    assert_eq!(opened(&world, &second), Ok(anna));
    assert_eq!(opened(&world, &other), Ok(bruno));
    block_on(void(&world, anna)).unwrap();
    assert_eq!(opened(&world, &second), Err(LinkError::Void));
}

#[test]
fn an_instance_that_dies_while_it_makes_a_link_leaves_the_older_one_good() {
    for dies in [(0, Dies::Before), (0, Dies::After), (1, Dies::Before)] {
        let world = World::new();
        let user = UserId::new(&world);
        let first = made(&world, user);
        world.dies.set(Some(dies));
        let second = make(&world, user, Purpose::Activate, "Olga", limits::ACTIVATION);
        assert!(block_on(second).is_err());
        world.dies.set(None);
        assert_eq!(opened(&world, &first), Ok(user), "{dies:?}");
        let third = made(&world, user);
        assert_eq!(opened(&world, &third), Ok(user), "{dies:?}");
    }
}

#[test]
fn what_is_no_link_is_not_known() {
    let world = World::new();
    let token = made(&world, UserId::new(&world));
    let text = token.as_str();
    let cut = text.get(..42).unwrap();
    let other = "A".repeat(43);
    for wrong in [
        "",
        cut,
        &other,
        &format!("{text}="),
        &format!("{text} "),
        "../../logins/x",
    ] {
        let opened = block_on(open(&world, wrong));
        assert_eq!(opened.map(drop), Err(LinkError::Unknown), "{wrong}");
    }
}

#[test]
fn neither_the_storage_nor_the_log_nor_a_print_shows_a_link() {
    let world = World::new();
    let user = UserId::new(&world);
    let (token, act) = block_on(make(
        &world,
        user,
        Purpose::Activate,
        "Olga",
        limits::ACTIVATION,
    ))
    .unwrap();
    let looked = block_on(open(&world, token.as_str())).unwrap();
    let mut shown = format!(
        "{token:?} {act:?} {looked:?} {:?} {}",
        world.store.keys(),
        world.logged()
    );
    for key in world.store.keys() {
        let object = block_on(world.store.get(&key, 10_000)).unwrap().unwrap();
        shown.push_str(&String::from_utf8_lossy(&object.bytes));
    }
    assert!(!shown.contains(token.as_str()), "{shown}");
}

proptest::proptest! {
    #[test]
    fn any_text_as_a_link_is_answered(text in "\\PC{0,60}") {
        let world = World::new();
        proptest::prop_assert_eq!(block_on(open(&world, &text)).map(drop), Err(LinkError::Unknown));
    }
}
