//! Cookies that were forged, cut, exchanged, and kept too long.

use futures::executor::block_on;

use super::super::password::PasswordHash;
use super::super::tests::world::World;
use super::*;
use crate::custody::store::Store;

fn keys() -> Keys {
    Keys::new("a key for tests that is long enough").unwrap()
}

/// A user with a credential, and a session of theirs.
fn in_the_house() -> (World, Keys, Session) {
    let world = World::new();
    let user = UserId::new(&world);
    let credential = Credential {
        version: 1,
        user,
        password: PasswordHash::new(&world, "correct horse battery").unwrap(),
        totp: None,
        recovery: Vec::new(),
        epoch: nonce(&world),
        link: String::new(),
        created: world.now(),
        changed: world.now(),
    };
    let key = credential::key(user);
    block_on(record::write(
        world.store(),
        &key,
        &credential,
        Condition::Always,
    ))
    .unwrap();
    let session = Session::new(&world, user, &credential.epoch);
    (world, keys(), session)
}

#[test]
fn a_cookie_reads_back_until_it_expires() {
    let (world, keys, session) = in_the_house();
    let cookie = session.cookie(&keys);
    assert!(
        cookie.len() <= limits::COOKIE_CHARS,
        "{} characters",
        cookie.len()
    );
    assert!(
        cookie
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)),
        "{cookie}"
    );
    assert_eq!(block_on(check(&world, &keys, &cookie)), Ok(session.clone()));
    world.pass(limits::SIGNED_IN_IDLE - std::time::Duration::from_millis(1));
    assert_eq!(block_on(check(&world, &keys, &cookie)), Ok(session));
    world.pass(std::time::Duration::from_millis(1));
    assert_eq!(block_on(check(&world, &keys, &cookie)), Err(NotIn::Expired));
}

#[test]
fn a_session_that_is_used_is_renewed_and_still_ends_after_twelve_hours() {
    let (world, keys, mut session) = in_the_house();
    assert_eq!(session.renewed(world.now()), None, "not with every request");
    let begun = world.now();
    let mut renewals = 0;
    loop {
        world.pass(std::time::Duration::from_secs(1_200));
        match block_on(check(&world, &keys, &session.cookie(&keys))) {
            Ok(read) => {
                if let Some(renewed) = read.renewed(world.now()) {
                    assert_eq!(renewed.id(), session.id(), "the same session");
                    session = renewed;
                    renewals += 1;
                }
            }
            Err(error) => {
                assert_eq!(error, NotIn::Expired);
                break;
            }
        }
    }
    assert_eq!(world.now().since(begun), limits::SIGNED_IN);
    assert!(renewals > 30, "{renewals}");
}

#[test]
fn logging_out_ends_this_session_and_no_other() {
    let (world, keys, session) = in_the_house();
    let other = Session::new(&world, session.user(), &session.0.epoch);
    block_on(log_out(&world, &session)).unwrap();
    assert_eq!(
        block_on(check(&world, &keys, &session.cookie(&keys))),
        Err(NotIn::Revoked)
    );
    assert_eq!(
        block_on(check(&world, &keys, &other.cookie(&keys))),
        Ok(other)
    );
}

#[test]
fn a_session_ends_with_its_epoch_and_with_the_credential() {
    let (world, keys, session) = in_the_house();
    let cookie = session.cookie(&keys);
    let _ = block_on(super::super::change::revoke_all(&world, session.user())).unwrap();
    assert_eq!(block_on(check(&world, &keys, &cookie)), Err(NotIn::Revoked));
    block_on(world.store.delete(&credential::key(session.user()))).unwrap();
    assert_eq!(block_on(check(&world, &keys, &cookie)), Err(NotIn::Revoked));
}

#[test]
fn a_clock_that_leapt_ahead_ends_no_epoch_and_makes_no_cookie_that_lasts() {
    let (world, keys, session) = in_the_house();
    let year = std::time::Duration::from_secs(365 * 86_400);
    world.pass(year);
    let leapt = Session::new(&world, session.user(), &session.0.epoch);
    let _ = block_on(super::super::change::revoke_all(&world, session.user())).unwrap();
    world.now.set(world.now.get() - 365 * 86_400_000);
    assert_eq!(
        Session::read(&keys, &leapt.cookie(&keys), world.now()),
        Err(NotIn::Expired)
    );
    let credential = block_on(credential::read(&world, session.user()))
        .unwrap()
        .unwrap();
    let new = Session::new(&world, session.user(), &credential.epoch);
    assert_eq!(
        block_on(check(&world, &keys, &new.cookie(&keys))),
        Ok(new),
        "nobody is locked out"
    );
}

#[test]
fn a_half_session_is_no_session_and_lasts_five_minutes() {
    let (world, keys, session) = in_the_house();
    let half = Half::new(&world, session.user(), &session.0.epoch);
    let cookie = half.cookie(&keys);
    assert_eq!(Half::read(&keys, &cookie, world.now()), Ok(half));
    assert_eq!(
        Session::read(&keys, &cookie, world.now()),
        Err(NotIn::Forged)
    );
    let full = session.cookie(&keys);
    assert_eq!(Half::read(&keys, &full, world.now()), Err(NotIn::Forged));
    for (from, to) in [("half1.", "1."), ("half1.", "")] {
        let dressed = cookie.replacen(from, to, 1);
        assert_eq!(
            Session::read(&keys, &dressed, world.now()),
            Err(NotIn::Forged)
        );
    }
    world.pass(limits::HALF_SIGNED_IN);
    assert_eq!(Half::read(&keys, &cookie, world.now()), Err(NotIn::Expired));
}

#[test]
fn the_cookie_of_another_deployment_opens_nothing() {
    let (world, _, session) = in_the_house();
    let other = Keys::new("another key for tests, long enough too").unwrap();
    let cookie = session.cookie(&other);
    assert_eq!(
        Session::read(&keys(), &cookie, world.now()),
        Err(NotIn::Forged)
    );
}

#[test]
fn a_form_token_belongs_to_one_session() {
    let (world, keys, session) = in_the_house();
    let other = Session::new(&world, session.user(), &session.0.epoch);
    let token = session.csrf(&keys);
    assert!(session.csrf_is(&keys, &token));
    assert!(!other.csrf_is(&keys, &token));
    assert!(!session.csrf_is(&keys, ""));
    assert!(!session.csrf_is(&keys, token.get(..42).unwrap()));
    assert!(
        !session.cookie(&keys).contains(&token),
        "who sees one does not have the other"
    );
}

#[test]
fn the_login_form_has_a_token_before_there_is_a_session() {
    let (world, keys, session) = in_the_house();
    let ticket = FormTicket::new(&world);
    let token = ticket.token(&keys);
    let read = FormTicket::read(ticket.cookie()).unwrap();
    assert!(read.token_is(&keys, &token));
    assert!(
        !FormTicket::new(&world).token_is(&keys, &token),
        "it belongs to its cookie"
    );
    assert!(
        !read.token_is(&keys, ticket.cookie()),
        "the cookie is not the token"
    );
    assert!(!read.token_is(&keys, &session.csrf(&keys)));
    assert_eq!(FormTicket::read(""), None);
    assert_eq!(FormTicket::read("planted"), None);
}

#[test]
fn what_cannot_be_known_lets_nobody_in() {
    let (world, keys, session) = in_the_house();
    world.spoil(&credential::key(session.user()), "{");
    assert_eq!(
        block_on(check(&world, &keys, &session.cookie(&keys))),
        Err(NotIn::Revoked)
    );
}

proptest::proptest! {
    #[test]
    fn no_changed_cookie_is_a_session(at in 0_usize..400, with in "[ -~]{0,3}", cut in 0_usize..4) {
        let (keys, world) = (keys(), World::new());
        let session = Session::new(&world, UserId::new(&world), &nonce(&world));
        let cookie = session.cookie(&keys);
        let at = at % cookie.len();
        let mut changed = cookie.clone();
        changed.replace_range(at..(at + cut).min(cookie.len()), &with);
        let read = Session::read(&keys, &changed, world.now());
        if changed == cookie {
            proptest::prop_assert_eq!(read, Ok(session));
        } else {
            proptest::prop_assert_eq!(read, Err(NotIn::Forged), "{}", changed);
        }
    }

    #[test]
    fn any_text_as_a_cookie_is_no_session(text in "\\PC{0,500}") {
        let (keys, world) = (keys(), World::new());
        proptest::prop_assert_eq!(Session::read(&keys, &text, world.now()), Err(NotIn::Forged));
        proptest::prop_assert_eq!(Half::read(&keys, &text, world.now()), Err(NotIn::Forged));
    }
}
