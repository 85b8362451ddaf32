//! Mailboxes on a store that can die at any step.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::executor::block_on;
use serde_json::json;

use super::entry::Place;
use super::filing::Filed;
use super::folder::{self, Words};
use super::sending::{self, Outgoing};
use super::*;
use crate::config::Config;
use crate::custody::ended::Ended;
use crate::custody::held::{Copy, Digest, Held};
use crate::custody::kept;
use crate::custody::store::{Condition, Store as _};
use crate::limits;
use crate::mail::{Envelope, MessageId};
use crate::people::UserId;
use crate::people::directory::tests::World;
use crate::people::directory::{self, Attributes};
use crate::ports::Clock as _;
use crate::routing::{HoldReason, RouteName};
use crate::submit::answer::{Outcome, Settled};
use crate::time::Timestamp;

mod thrown_away;

fn config(more: &str) -> Config {
    let document = format!(
        "outbound = 'out'\n{more}\n\
         [[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1'\ntls='off'\ncopies='on'\n\
         unknown_recipients='dropbox'\n\
         [[route]]\nname='lab'\ndomains=['lab.example.org']\nprimary='smtp://192.0.2.2'\ntls='off'\n\
         [[route]]\nname='out'\ndomains=[]\nprimary='smtp://192.0.2.3'\ntls='off'\n"
    );
    Config::parse(&document, "").unwrap()
}

fn attributes(value: serde_json::Value) -> Attributes {
    serde_json::from_value(value).unwrap()
}

fn user(world: &World, config: &Config, address: &str) -> UserId {
    let attributes = attributes(json!({ "userName": address, "active": true }));
    let made = block_on(directory::create_user(world, config, attributes));
    made.unwrap().0.id()
}

fn id(world: &World, offset: i64) -> MessageId {
    let mut random = [0; 10];
    world.random(&mut random);
    MessageId::new(Timestamp::from_millis(world.now.get() + offset), random)
}

fn hold(world: &World, route: &str, id: MessageId, to: &[&str], message: &str) -> Copy {
    hold_part(world, route, id, to, message, false)
}

/// A message that another route has for others.
fn split(world: &World, route: &str, id: MessageId, to: &str) -> Copy {
    hold_part(world, route, id, &[to], &mail("one"), true)
}

fn hold_part(
    world: &World,
    route: &str,
    id: MessageId,
    to: &[&str],
    message: &str,
    split: bool,
) -> Copy {
    let message = Bytes::copy_from_slice(message.as_bytes());
    let held = Held {
        id,
        route: RouteName::parse(route).unwrap(),
        envelope: Envelope::new(None, to.iter().map(|to| to.parse().unwrap()).collect()),
        uncertain: Vec::new(),
        split,
        partner: "acme".into(),
        at: world.now(),
        reason: HoldReason::Down,
        detail: String::new(),
        digest: Digest::of(&message),
        trace: None,
    };
    let copy = Copy::first(id);
    let key = Held::key(&held.route, &copy);
    block_on(
        world
            .store
            .put(&key, &held.object(&message), Condition::Always),
    )
    .unwrap();
    copy
}

fn file(world: &World, config: &Config) -> Filed {
    let deadline = world.now().after(limits::TICK);
    block_on(filing::file(world, config, deadline)).unwrap()
}

fn subjects(world: &World, user: UserId) -> Vec<String> {
    let page = block_on(folder::page(&world.store, user, None, 10_000, |_| true)).unwrap();
    let listed = page.listed.into_iter();
    listed.map(|listed| listed.entry.summary.subject).collect()
}

fn mail(subject: &str) -> String {
    format!(
        "From: Ada <ada@acme.example>\r\nTo: x@example.org\r\nSubject: {subject}\r\n\r\nGood morning\r\n"
    )
}

#[test]
fn what_is_held_is_in_each_recipients_mailbox_until_it_goes_home() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let bob = user(&world, &config, "bob@example.org");
    let list = attributes(json!({ "displayName": "team@lab.example.org" }));
    let members = vec![directory::Member(directory::Owner::User(bob))];
    block_on(directory::create_group(&world, &config, list, members)).unwrap();
    let one = hold(
        &world,
        "hq",
        id(&world, 0),
        &["Ann@example.org", "bob@example.org"],
        &mail("one"),
    );
    hold(
        &world,
        "lab",
        id(&world, 1),
        &["team@lab.example.org", "nobody@lab.example.org"],
        &mail("two"),
    );
    assert_eq!(file(&world, &config).messages, 2);
    assert_eq!(
        file(&world, &config),
        Filed::default(),
        "nothing is filed twice"
    );
    assert_eq!(subjects(&world, ann), ["one"]);
    assert_eq!(
        subjects(&world, bob),
        ["two", "one"],
        "newest first, and by way of the list"
    );

    let hq = RouteName::parse("hq").unwrap();
    block_on(world.store.delete(&Held::key(&hq, &one))).unwrap();
    assert_eq!(file(&world, &config).removed, 1);
    assert_eq!(subjects(&world, ann), [""; 0]);
    assert_eq!(subjects(&world, bob), ["two"]);
}

#[test]
fn a_copy_of_what_was_delivered_keeps_it_in_the_mailbox() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let copy = hold(
        &world,
        "hq",
        id(&world, 0),
        &["ann@example.org"],
        &mail("one"),
    );
    file(&world, &config);
    let route = config.route("hq").unwrap();
    let key = Held::key(&route.name, &copy);
    block_on(kept::keep_released(&world, &route.name, &copy));
    block_on(world.store.delete(&key)).unwrap();
    for _ in 0..3 {
        assert_eq!(file(&world, &config).removed, 0);
    }
    assert_eq!(subjects(&world, ann), ["one"]);
    let listed = block_on(folder::find(&world.store, ann, &copy))
        .unwrap()
        .unwrap();
    let message = block_on(entry::message(&world.store, &config, &listed.entry)).unwrap();
    assert_eq!(message.unwrap(), mail("one").as_bytes());
    // Its days are over.
    block_on(world.store.delete(&kept::key(&route.name, &copy))).unwrap();
    assert_eq!(file(&world, &config).removed, 1);
    assert_eq!(subjects(&world, ann), [""; 0]);
}

#[test]
fn a_copy_that_a_wrong_clock_put_under_another_day_is_found() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let id = id(&world, -5 * 86_400_000);
    let copy = hold(&world, "hq", id, &["ann@example.org"], &mail("late"));
    let route = config.route("hq").unwrap();
    block_on(kept::keep_released(&world, &route.name, &copy));
    block_on(world.store.delete(&Held::key(&route.name, &copy))).unwrap();
    let looks = (0..10_000).take_while(|_| file(&world, &config).messages == 0);
    let looks = looks.count();
    assert!((1..10_000).contains(&looks), "found after {looks} looks");
    assert_eq!(subjects(&world, ann), ["late"]);
}

#[test]
fn mail_for_nobody_lies_in_the_dropbox_of_a_route_that_wants_it() {
    let (world, config) = (World::new(), config(""));
    user(&world, &config, "ann@example.org");
    hold(
        &world,
        "hq",
        id(&world, 0),
        &["nobody@example.org"],
        &mail("lost"),
    );
    hold(
        &world,
        "lab",
        id(&world, 0),
        &["nobody@lab.example.org"],
        &mail("lost too"),
    );
    file(&world, &config);
    let dropped = world.store.keys();
    let dropped: Vec<_> = dropped
        .iter()
        .filter(|key| key.starts_with("dropbox/"))
        .collect();
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    assert!(dropped[0].starts_with("dropbox/hq/"));
}

#[test]
fn who_dies_while_filing_leaves_nothing_out() {
    let config = config("");
    let mut survived = false;
    for steps in 0..200 {
        for untold in [false, true] {
            let world = World::new();
            let ann = user(&world, &config, "ann@example.org");
            let copy = hold(
                &world,
                "hq",
                id(&world, 0),
                &["ann@example.org"],
                &mail("one"),
            );
            world.die_after(steps, untold);
            let deadline = world.now().after(limits::TICK);
            survived = block_on(filing::file(&world, &config, deadline)).is_ok();
            world.revive();
            file(&world, &config);
            assert_eq!(subjects(&world, ann), ["one"], "died at {steps}");
            let hq = RouteName::parse("hq").unwrap();
            block_on(world.store.delete(&Held::key(&hq, &copy))).unwrap();
            world.die_after(steps, untold);
            block_on(filing::file(&world, &config, deadline)).ok();
            world.revive();
            file(&world, &config);
            assert_eq!(subjects(&world, ann), [""; 0], "died at {steps}");
        }
        if survived {
            return;
        }
    }
    panic!("filing ends");
}

#[test]
fn what_was_filed_by_one_who_died_leaves_the_lists_though_it_went_home_meanwhile() {
    for untold in [false, true] {
        let mut survived = false;
        for steps in 0..200 {
            let (world, config) = (World::new(), config(""));
            let ann = user(&world, &config, "ann@example.org");
            let lab = RouteName::parse("lab").unwrap();
            let list = attributes(json!({ "displayName": "team@lab.example.org" }));
            let members = vec![directory::Member(directory::Owner::User(ann))];
            block_on(directory::create_group(&world, &config, list, members)).unwrap();
            let to = ["team@lab.example.org"];
            let copy = hold(&world, "lab", id(&world, 0), &to, &mail("one"));
            world.die_after(steps, untold);
            let deadline = world.now().after(limits::TICK);
            survived = block_on(filing::file(&world, &config, deadline)).is_ok();
            block_on(world.store.delete(&Held::key(&lab, &copy))).unwrap();
            world.revive();
            file(&world, &config);
            assert_eq!(subjects(&world, ann), [""; 0], "died at {steps}");
            let left = world.store.keys();
            let mut left = left.iter().filter(|key| key.starts_with("fil"));
            assert_eq!(left.next(), None, "died at {steps}");
            if survived {
                break;
            }
        }
        assert!(survived, "filing ends");
    }
}

#[test]
fn who_has_a_message_by_two_routes_keeps_it_until_both_let_go() {
    for (first, second) in [("hq", "lab"), ("lab", "hq")] {
        for steps in 0..60 {
            let (world, config) = (World::new(), config(""));
            let ann = user(&world, &config, "ann@example.org");
            let list = attributes(json!({ "displayName": "team@lab.example.org" }));
            let members = vec![directory::Member(directory::Owner::User(ann))];
            block_on(directory::create_group(&world, &config, list, members)).unwrap();
            let id = id(&world, 0);
            let hq = split(&world, "hq", id, "ann@example.org");
            let lab = split(&world, "lab", id, "team@lab.example.org");
            file(&world, &config);
            let key = |route: &str| {
                let copy = if route == "hq" { &hq } else { &lab };
                Held::key(&RouteName::parse(route).unwrap(), copy)
            };
            block_on(world.store.delete(&key(first))).unwrap();
            world.die_after(steps, true);
            let deadline = world.now().after(limits::TICK);
            block_on(filing::file(&world, &config, deadline)).ok();
            world.revive();
            file(&world, &config);
            assert_eq!(subjects(&world, ann), ["one"], "{first} let go, {steps}");
            let listed = block_on(folder::find(&world.store, ann, &hq)).unwrap();
            let entry = listed.unwrap().entry;
            let message = block_on(entry::message(&world.store, &config, &entry)).unwrap();
            assert_eq!(message.unwrap(), mail("one").as_bytes());
            block_on(world.store.delete(&key(second))).unwrap();
            file(&world, &config);
            assert_eq!(subjects(&world, ann), [""; 0], "both let go, {steps}");
        }
    }
}

#[test]
fn a_long_queue_is_walked_in_pages_and_what_comes_late_is_found() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let many = limits::FILING_PAGE * 2 + 10;
    for at in 0..many {
        let at = i64::try_from(at).unwrap();
        hold(
            &world,
            "hq",
            id(&world, at - 3_600_000),
            &["ann@example.org"],
            &mail("old"),
        );
    }
    file(&world, &config);
    assert_eq!(subjects(&world, ann).len(), many);
    hold(
        &world,
        "hq",
        id(&world, 0),
        &["ann@example.org"],
        &mail("new"),
    );
    file(&world, &config);
    assert_eq!(
        subjects(&world, ann)[0],
        "new",
        "the newest is there at once"
    );
    // A clock that is a year behind.
    hold(
        &world,
        "hq",
        id(&world, -31_536_000_000),
        &["ann@example.org"],
        &mail("late"),
    );
    for _ in 0..4 {
        file(&world, &config);
    }
    assert_eq!(
        subjects(&world, ann).last().map(String::as_str),
        Some("late")
    );
}

#[test]
fn a_large_mailbox_is_packed_and_reads_as_before() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let many = limits::LOOSE_ENTRIES + 2 * limits::PACKED_ENTRIES;
    for at in 0..many {
        let offset = i64::try_from(at).unwrap() * 1_000 - 86_400_000;
        hold(
            &world,
            "hq",
            id(&world, offset),
            &["ann@example.org"],
            &mail(&format!("no {at}")),
        );
    }
    file(&world, &config);
    let before = subjects(&world, ann);
    let expected: Vec<String> = (0..many).rev().map(|at| format!("no {at}")).collect();
    assert!(before == expected, "in order");
    block_on(folder::pack(&world.store, ann, 10)).unwrap();
    assert!(block_on(folder::is_packed(&world.store, ann)).unwrap());
    assert!(subjects(&world, ann) == expected, "packed");
    // Page by page.
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = folder::page(&world.store, ann, after.as_ref(), 70, |_| true);
        let page = block_on(page).unwrap();
        paged.extend(
            page.listed
                .iter()
                .map(|listed| listed.entry.summary.subject.clone()),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(paged == expected, "in pages");
    let words = Words::of("MORNING ada 17").unwrap();
    let found = folder::page(&world.store, ann, None, 5, |listed| {
        words.are_in(&listed.entry)
    });
    assert_eq!(block_on(found).unwrap().listed.len(), 5);
    let oldest = block_on(folder::page(&world.store, ann, None, many, |_| true)).unwrap();
    let oldest = oldest.listed.last().unwrap().entry.copy;
    assert!(
        block_on(folder::find(&world.store, ann, &oldest))
            .unwrap()
            .is_some()
    );
    let seen = |marks: &mut marks::Marks| marks.seen = true;
    block_on(marks::change(&world.store, ann, &[oldest], seen)).unwrap();
    let found = block_on(folder::find(&world.store, ann, &oldest)).unwrap();
    assert!(found.unwrap().marks.seen);
    // It goes home: also what is packed goes from the list.
    let hq = RouteName::parse("hq").unwrap();
    block_on(world.store.delete(&Held::key(&hq, &oldest))).unwrap();
    file(&world, &config);
    assert!(subjects(&world, ann) == expected[..many - 1], "it is gone");
}

fn outgoing(world: &World, user: UserId, to: &[&str]) -> Outgoing {
    Outgoing {
        id: id(world, 0),
        user,
        from: "ann@example.org".parse().unwrap(),
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        message: Bytes::from(mail("written")),
    }
}

fn queued(world: &World) -> BTreeSet<String> {
    let keys = world.store.keys();
    let queued = keys.iter().filter_map(|key| key.strip_prefix("queue/"));
    queued
        .map(|key| key.split('/').next().unwrap().to_owned())
        .collect()
}

#[test]
fn what_users_write_goes_every_way_once_whoever_dies() {
    let config = config("[webmail]\nsent_copies = 'on'");
    let to = [
        "bob@example.org",
        "carl@lab.example.org",
        "d@elsewhere.example",
    ];
    let mut survived = false;
    for steps in 0..100 {
        for untold in [false, true] {
            let world = World::new();
            let ann = user(&world, &config, "ann@example.org");
            let bob = user(&world, &config, "bob@example.org");
            let outgoing = outgoing(&world, ann, &to);
            world.die_after(steps, untold);
            let sent = block_on(sending::send(&world, &config, &outgoing));
            survived = world.requests.get() <= world.dies_at.get();
            world.revive();
            let deadline = world.now().after(limits::TICK);
            block_on(sending::finish(&world, &config, deadline)).unwrap();
            if sent.is_err() {
                // The user was told that it failed, and posts the form again.
                block_on(sending::send(&world, &config, &outgoing)).unwrap();
            }
            let ways: Vec<String> = queued(&world).into_iter().collect();
            assert_eq!(ways, ["hq", "lab", "out"], "died at {steps}");
            let held = world.store.keys();
            let held = held.iter().filter(|key| key.starts_with("queue/")).count();
            assert_eq!(held, 4, "three ways, and a copy for her own primary");
            assert!(
                !world
                    .store
                    .keys()
                    .iter()
                    .any(|key| key.starts_with("people/outbox/"))
            );
            file(&world, &config);
            assert_eq!(
                subjects(&world, bob),
                ["written"],
                "a colleague has it at once"
            );
            assert_eq!(
                subjects(&world, ann),
                [""; 0],
                "her own copy is not new mail"
            );
        }
        if survived {
            return;
        }
    }
    panic!("sending ends");
}

#[test]
fn a_damaged_object_of_one_keeps_nobody_elses_mail_back() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let bob = user(&world, &config, "bob@example.org");
    let damage = |key: &str| {
        let body = [Bytes::from_static(b"not ours")];
        block_on(world.store.put(key, &body, Condition::Always)).unwrap();
    };
    damage(&format!("people/outbox/{ann}_{}.eml", id(&world, 0)));
    damage(&format!("people/users/{bob}.json"));
    hold(
        &world,
        "hq",
        id(&world, 0),
        &["bob@example.org"],
        &mail("his"),
    );
    let first = hold(
        &world,
        "hq",
        id(&world, 1),
        &["ann@example.org"],
        &mail("one"),
    );
    hold(
        &world,
        "hq",
        id(&world, 2),
        &["ann@example.org"],
        &mail("two"),
    );
    let outgoing = outgoing(&world, ann, &["d@elsewhere.example"]);
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    let deadline = world.now().after(limits::TICK);
    block_on(sending::finish(&world, &config, deadline)).unwrap();
    assert!(queued(&world).contains("out"));
    file(&world, &config);
    assert_eq!(subjects(&world, ann), ["two", "one"]);
    damage(&Place::User(ann).key(&first));
    assert_eq!(subjects(&world, ann), ["two"]);
}

#[test]
fn what_went_home_is_not_sent_again_by_a_second_post() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let outgoing = outgoing(&world, ann, &["bob@example.org"]);
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    let (hq, copy) = (RouteName::parse("hq").unwrap(), Copy::first(outgoing.id));
    let ended = Ended {
        id: outgoing.id,
        route: hq.clone(),
        partner: "webmail".into(),
        held: world.now(),
        at: world.now(),
        recipients: vec![Settled {
            address: "bob@example.org".parse().unwrap(),
            outcome: Outcome::Delivered,
            route: hq.clone(),
            reason: None,
            reply: None,
        }],
        attempts: 1,
        uncertain: false,
        dropped: None,
        returned: None,
        dsn: Vec::new(),
        dead_letter: None,
    };
    block_on(ended.write(&world.store, None, &copy)).unwrap();
    block_on(world.store.delete(&Held::key(&hq, &copy))).unwrap();
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    // Also where the first did not come as far as the list of what was sent.
    block_on(world.store.delete(&sending::sent_key(ann, &copy))).unwrap();
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    assert_eq!(queued(&world), BTreeSet::new());
}

#[test]
fn nobody_sends_under_anothers_address_or_where_no_way_leads() {
    let world = World::new();
    let open = config("");
    let mut outgoing = outgoing(&world, UserId::new(&world), &["d@elsewhere.example"]);
    let own = ["ann@example.org".parse().unwrap()];
    assert!(sending::check(&open, &own, &outgoing).is_ok());
    let closed = Config {
        outbound: None,
        ..open.clone()
    };
    assert!(sending::check(&closed, &own, &outgoing).is_err());
    outgoing.from = "bob@example.org".parse().unwrap();
    assert!(sending::check(&open, &own, &outgoing).is_err());
}

#[test]
fn a_place_is_one_users_alone() {
    let world = World::new();
    let (ann, bob) = (UserId::new(&world), UserId::new(&world));
    let copy = Copy::first(id(&world, 0));
    assert_ne!(Place::User(ann).key(&copy), Place::User(bob).key(&copy));
}
