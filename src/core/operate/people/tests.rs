//! What operators do with people, on a world in memory.

use bytes::Bytes;
use futures::executor::block_on;
use serde_json::{Value, json};

use super::access::{order as order_access, report};
use super::activation::{ActivationLink, ActivationOrder, activate};
use super::list::{PeoplePage, Query, list};
use super::revoke::{RevokeOrder, revoke};
use super::show::show;
use super::{dropbox, letter};
use crate::config::Config;
use crate::custody::held::{Copy, Digest, Held};
use crate::custody::store::{Condition, Store as _};
use crate::mail::{Envelope, MessageId};
use crate::operate::Operator;
use crate::people::access::{AccessOrder, Ordered, Scope};
use crate::people::directory::tests::{World, attributes};
use crate::people::directory::{self, Member, Owner};
use crate::people::login::activation::{self as links, LinkError, Purpose};
use crate::people::mailbox::filing;
use crate::people::{GroupId, UserId};
use crate::ports::Clock as _;
use crate::problem::{Kind, Problem};
use crate::routing::{HoldReason, RouteName};
use crate::time::Timestamp;

fn config(more: &str) -> Config {
    let document = format!(
        "returns='out'\n{more}\n\
         [[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1'\ntls='off'\n\
         unknown_recipients='dropbox'\n\
         [[route]]\nname='lab'\ndomains=['lab.example.org']\nprimary='smtp://192.0.2.2'\ntls='off'\n\
         access='always'\n\
         [[route]]\nname='out'\ndomains=[]\nprimary='smtp://192.0.2.3'\ntls='off'\n"
    );
    Config::parse(&document, "").unwrap()
}

fn sending() -> Config {
    config("outbound='out'")
}

fn olga() -> Operator {
    Operator {
        name: "Olga".into(),
        named: true,
        from: "192.0.2.9".into(),
    }
}

fn add(world: &World, config: &Config, user: Value) -> UserId {
    let made = block_on(directory::create_user(world, config, attributes(user)));
    made.unwrap().0.id()
}

fn named(world: &World, config: &Config, address: &str) -> UserId {
    add(world, config, json!({ "userName": address }))
}

fn group(world: &World, config: &Config, name: &str, users: &[UserId]) -> GroupId {
    let members = users.iter().map(|user| Member(Owner::User(*user)));
    let group = attributes(json!({ "displayName": name }));
    let made = directory::create_group(world, config, group, members.collect());
    block_on(made).unwrap().0.id()
}

/// As if an activation link had been used.
fn log_in(world: &World, user: UserId) {
    let key = format!("people/logins/{user}.json");
    let body = [Bytes::from_static(b"{}")];
    block_on(world.store.put(&key, &body, Condition::Always)).unwrap();
}

fn listed(world: &World, config: &Config, query: Query) -> PeoplePage {
    block_on(list(world, config, &query)).unwrap()
}

fn names(page: &PeoplePage) -> Vec<&str> {
    page.people
        .iter()
        .map(|one| one.user_name.as_str())
        .collect()
}

fn say(
    world: &World,
    config: &Config,
    scope: Scope,
    mode: Ordered,
) -> Result<crate::people::access::AccessAnswer, Problem> {
    let order = AccessOrder {
        scope,
        mode,
        reason: "exercise".into(),
        expires: None,
    };
    block_on(order_access(world, config, &olga(), order))
}

fn wanted(send: bool) -> ActivationOrder {
    ActivationOrder {
        reason: "first day".into(),
        purpose: Purpose::Activate,
        expires: None,
        send,
    }
}

fn link(world: &World, config: &Config, name: &str, send: bool) -> Result<ActivationLink, Problem> {
    let base = Some("https://here.example");
    block_on(activate(world, config, base, name, &olga(), &wanted(send)))
}

fn token(link: &ActivationLink) -> &str {
    link.url.split_once("token=").unwrap().1
}

/// All of the audit log.
fn audit(world: &World) -> Vec<Value> {
    let keys = world.store.keys();
    let entries = keys.iter().filter(|key| key.starts_with("audit/"));
    let read = |key: &String| block_on(world.store.get(key, 100_000)).unwrap().unwrap();
    entries
        .map(|key| serde_json::from_slice(&read(key).bytes).unwrap())
        .collect()
}

fn actions(world: &World) -> Vec<String> {
    let entries = audit(world).into_iter();
    entries
        .map(|entry| {
            format!(
                "{} {}",
                entry["by"].as_str().unwrap(),
                entry["action"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn who_is_active_and_let_in_and_has_a_login_can_get_in() {
    let (world, config) = (World::new(), sending());
    let ann = named(&world, &config, "ann@lab.example.org");
    let bob = named(&world, &config, "bob@lab.example.org");
    let eve = named(&world, &config, "eve@example.org");
    let gone = add(
        &world,
        &config,
        json!({ "userName": "gone@lab.example.org", "active": false }),
    );
    let far = named(&world, &config, "far@elsewhere.example");
    for user in [ann, eve, gone, far] {
        log_in(&world, user);
    }
    let page = listed(&world, &config, Query::default());
    assert_eq!((page.total, page.allowed, page.can_get_in), (5, 2, 1));
    let can: Vec<bool> = page.people.iter().map(|one| one.can_get_in).collect();
    assert_eq!(
        names(&page),
        [
            "ann@lab.example.org",
            "bob@lab.example.org",
            "eve@example.org",
            "far@elsewhere.example",
            "gone@lab.example.org"
        ]
    );
    assert_eq!(can, [true, false, false, false, false]);
    assert_eq!(
        page.people[3].access, None,
        "who has no address has no mailbox"
    );

    say(
        &world,
        &config,
        Scope::User {
            id: bob,
            name: String::new(),
        },
        Ordered::Off,
    )
    .unwrap();
    let all = group(&world, &config, "all", &[ann, eve]);
    say(
        &world,
        &config,
        Scope::Group {
            id: all,
            name: String::new(),
        },
        Ordered::Always,
    )
    .unwrap();
    let query = Query {
        can_get_in: true,
        ..Query::default()
    };
    let page = listed(&world, &config, query);
    assert_eq!(names(&page), ["ann@lab.example.org", "eve@example.org"]);
    assert_eq!((page.total, page.can_get_in), (2, 2));
    for one in listed(&world, &config, Query::default()).people {
        let shown = block_on(show(&world, &config, &one.user_name)).unwrap();
        assert_eq!(shown.line, one, "a list says what the user's own page says");
    }
}

#[test]
fn pages_follow_one_another_and_each_user_is_on_one() {
    let (world, config) = (World::new(), sending());
    for number in 0..23 {
        let name = format!("user{number}@example.org");
        add(
            &world,
            &config,
            json!({ "userName": name.to_uppercase(), "displayName": "Ada Example" }),
        );
    }
    named(&world, &config, "zoe@lab.example.org");
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = listed(
            &world,
            &config,
            Query {
                q: Some("ADA".into()),
                limit: Some(5),
                after,
                ..Query::default()
            },
        );
        assert_eq!(page.total, 23);
        assert!(page.people.len() <= 5);
        seen.extend(page.people.iter().map(|one| one.user_name.clone()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (23, 23));
    let of_lab = Query {
        route: Some("lab".into()),
        ..Query::default()
    };
    assert_eq!(
        names(&listed(&world, &config, of_lab)),
        ["zoe@lab.example.org"]
    );
    let nowhere = Query {
        route: Some("nowhere".into()),
        ..Query::default()
    };
    let problem = block_on(list(&world, &config, &nowhere)).unwrap_err();
    assert_eq!(problem.kind, Kind::NotFound);
}

#[test]
fn a_user_is_found_by_id_name_or_address_and_shown_with_contacts_elsewhere() {
    let (world, config) = (World::new(), sending());
    let ada = add(
        &world,
        &config,
        json!({
            "userName": "ada", "displayName": "Ada Lovelace", "preferredLanguage": "it",
            "emails": [{"value": "Ada@example.org"}, {"value": "ada@home.example"}],
            "phoneNumbers": [{"value": "+39 02 1234"}],
        }),
    );
    let team = group(&world, &config, "team@example.org", &[ada]);
    for name in [ada.to_string().as_str(), "ADA", " ada@example.org "] {
        let shown = block_on(show(&world, &config, name)).unwrap();
        assert_eq!(shown.line.id, ada, "{name}");
        assert_eq!(shown.alternates[0].as_str(), "ada@home.example");
        assert_eq!(shown.phones, ["+39 02 1234"]);
        assert!(shown.link.is_none() && !shown.line.activated);
    }
    for name in [
        "bob",
        "ada@home.example",
        "team@example.org",
        "",
        &team.to_string(),
    ] {
        let problem = block_on(show(&world, &config, name)).unwrap_err();
        assert_eq!(problem.kind, Kind::NotFound, "{name}");
    }
    let made = link(&world, &config, "ada", false).unwrap();
    let shown = block_on(show(&world, &config, "ada")).unwrap();
    let open = shown.link.clone().unwrap();
    assert_eq!((open.expires, open.by.as_str()), (made.expires, "Olga"));
    let told = serde_json::to_string(&shown).unwrap() + &format!("{shown:?} {made:?}");
    assert!(!told.contains(token(&made)), "the link is shown once");
    world.now.set(made.expires.millis());
    let shown = block_on(show(&world, &config, "ada")).unwrap();
    assert_eq!(shown.link, None, "its time is over");
}

#[test]
fn a_link_opens_once_written_down_and_makes_the_older_one_void() {
    let (world, config) = (World::new(), sending());
    let ann = named(&world, &config, "ann@example.org");
    let first = link(&world, &config, "ann@example.org", false).unwrap();
    assert!(
        first
            .url
            .starts_with("https://here.example/mail/activate?token="),
        "{}",
        first.url
    );
    assert_eq!(
        block_on(links::open(&world, token(&first)))
            .unwrap()
            .link
            .user,
        ann
    );
    let second = link(&world, &config, "ann@example.org", false).unwrap();
    let opened = block_on(links::open(&world, token(&first)));
    assert_eq!(opened.unwrap_err(), LinkError::Void);
    assert!(block_on(links::open(&world, token(&second))).is_ok());
    assert_eq!(actions(&world), ["Olga login-link", "Olga login-link"]);
    let log = audit(&world);
    assert_eq!(log[0]["reason"], "first day");
    let log = serde_json::to_string(&log).unwrap();
    assert!(!log.contains(token(&first)) && !log.contains(token(&second)));
    assert!(
        !world
            .store
            .keys()
            .iter()
            .any(|key| key.starts_with("queue/"))
    );
}

#[test]
fn no_link_is_given_out_that_is_not_written_down() {
    let config = sending();
    for steps in 0..60 {
        for untold in [false, true] {
            let world = World::new();
            named(&world, &config, "ann@example.org");
            world.die_after(steps, untold);
            let made = link(&world, &config, "ann@example.org", false);
            world.revive();
            if made.is_ok() {
                assert_eq!(actions(&world), ["Olga login-link"]);
                return;
            }
        }
    }
    panic!("it ends");
}

#[test]
fn a_link_begins_with_the_configured_address_and_ends_in_time() {
    let (world, config) = (
        World::new(),
        config("[webmail]\nurl='https://mail.example.org/'"),
    );
    named(&world, &config, "ann@example.org");
    let made = link(&world, &config, "ann@example.org", false).unwrap();
    assert!(
        made.url
            .starts_with("https://mail.example.org/mail/activate?token=")
    );
    let asked = |days: i64| {
        let order = ActivationOrder {
            expires: Some(Timestamp::from_millis(world.now.get() + days * 86_400_000)),
            ..wanted(false)
        };
        block_on(activate(
            &world,
            &config,
            None,
            "ann@example.org",
            &olga(),
            &order,
        ))
    };
    let made = asked(2).unwrap();
    assert_eq!(made.expires.millis(), world.now.get() + 2 * 86_400_000);
    for days in [-1, 0, 31] {
        assert_eq!(asked(days).unwrap_err().kind, Kind::BadRequest, "{days}");
    }
    let nowhere = block_on(activate(
        &world,
        &sending(),
        None,
        "ann@example.org",
        &olga(),
        &wanted(false),
    ));
    assert_eq!(nowhere.unwrap_err().kind, Kind::Misconfigured);
}

#[test]
fn a_letter_goes_to_the_address_elsewhere_by_the_way_out_in_the_users_language() {
    let (world, config) = (World::new(), sending());
    add(
        &world,
        &config,
        json!({
            "userName": "gio", "displayName": "Giò\r\nBcc: x@evil.example", "locale": "it-IT",
            "emails": [{"value": "gio@example.org"}, {"value": "gio@casa.example"}],
        }),
    );
    let made = link(&world, &config, "gio", true).unwrap();
    assert_eq!(made.sent_to.as_ref().unwrap().as_str(), "gio@casa.example");
    let keys = world.store.keys();
    let held: Vec<_> = keys
        .iter()
        .filter(|key| key.starts_with("queue/"))
        .collect();
    assert_eq!(held.len(), 1);
    assert!(held[0].starts_with("queue/out/"), "{held:?}");
    let object = block_on(world.store.get(held[0], 1_000_000))
        .unwrap()
        .unwrap();
    let (held, message) = Held::read(held[0], &object.bytes).unwrap();
    assert_eq!(held.envelope.recipients, [made.sent_to.clone().unwrap()]);
    assert_eq!(
        held.envelope.sender.unwrap().as_str(),
        "postmaster@example.org"
    );
    assert_eq!(held.reason, HoldReason::Sent);
    let text = String::from_utf8(message.to_vec()).unwrap();
    let head = text.split("\r\n\r\n").next().unwrap().to_lowercase();
    assert!(
        !head.contains("\r\nbcc:") && head.contains("auto-submitted: auto-generated"),
        "{head}"
    );
    let read = crate::people::reading::read(&message, false);
    let body = read.body.text.unwrap();
    assert!(body.starts_with("Gentile Giò"), "{body}");
    assert!(body.contains(&made.url), "{body}");
    assert!(
        read.summary.subject.contains("posta"),
        "{}",
        read.summary.subject
    );
    assert_eq!(read.to.len() + read.cc.len(), 1);
}

#[test]
fn what_is_in_the_way_of_a_letter_is_said_before_a_link_is_made() {
    let world = World::new();
    let with = sending();
    named(&world, &with, "ann@example.org");
    add(
        &world,
        &with,
        json!({ "userName": "off@example.org", "active": false }),
    );
    add(
        &world,
        &with,
        json!({ "userName": "far", "emails": [{"value": "far@elsewhere.example"}] }),
    );
    add(
        &world,
        &with,
        json!({ "userName": "bob@example.org", "emails": [{"value": "bob@home.example"}] }),
    );
    let kind = |config: &Config, name: &str| link(&world, config, name, true).unwrap_err().kind;
    assert_eq!(kind(&with, "ann@example.org"), Kind::BadAddress);
    assert_eq!(kind(&config(""), "bob@example.org"), Kind::NoRoute);
    assert_eq!(kind(&with, "off@example.org"), Kind::BadRequest);
    assert_eq!(kind(&with, "far"), Kind::BadRequest);
    assert_eq!(kind(&with, "nobody"), Kind::NotFound);
    let silent = ActivationOrder {
        reason: " ".into(),
        ..wanted(false)
    };
    let base = Some("https://here.example");
    let made = block_on(activate(
        &world,
        &with,
        base,
        "ann@example.org",
        &olga(),
        &silent,
    ));
    assert_eq!(made.unwrap_err().kind, Kind::BadRequest);
    let keys = world.store.keys();
    let changed = ["people/activations/", "people/links/", "audit/", "queue/"];
    assert!(
        !keys
            .iter()
            .any(|key| changed.iter().any(|prefix| key.starts_with(prefix)))
    );
}

#[test]
fn letters_speak_five_languages_and_else_english() {
    let from = "ann@example.org".parse().unwrap();
    let to = "ann@home.example".parse().unwrap();
    for (language, purpose, hello) in [
        (Some("en-GB"), Purpose::Activate, "Dear Ann"),
        (Some("IT"), Purpose::Reset, "Gentile Ann"),
        (Some("fr_CH"), Purpose::Activate, "Bonjour Ann"),
        (Some("es"), Purpose::Reset, "Hola, Ann"),
        (Some("de-AT,en;q=0.5"), Purpose::Reset, "Guten Tag Ann"),
        (Some("tlh"), Purpose::Reset, "Dear Ann"),
        (None, Purpose::Activate, "Dear Ann"),
    ] {
        let letter = letter::Letter {
            organisation: "Müller <& Co>",
            from: &from,
            to: &to,
            name: "Ann",
            user_name: "ann",
            purpose,
            url: "https://mail.example.org/mail/activate?token=abc",
            expires: Timestamp::from_millis(1_795_392_000_000),
        };
        let id = MessageId::new(Timestamp::from_millis(1_795_392_000_000), [7; 10]);
        let (envelope, message) = letter.compose(language, id).unwrap();
        assert_eq!(envelope.recipients.len(), 1);
        let read = crate::people::reading::read(&message, false);
        let body = read.body.text.unwrap();
        assert!(body.starts_with(hello), "{body}");
        for said in ["token=abc", "2026-11-23 00:00 UTC", "Müller <& Co>"] {
            assert!(body.contains(said), "{said} is missing: {body}");
        }
        assert!(
            !body.contains('{') && !read.summary.subject.contains('{'),
            "{body}"
        );
        assert_eq!(read.summary.from.unwrap().address, "postmaster@example.org");
    }
}

#[test]
fn ending_sessions_is_written_down_first_and_needs_no_login() {
    let (world, config) = (World::new(), sending());
    let ann = named(&world, &config, "ann@example.org");
    let order = |reason: &str| {
        let order = RevokeOrder {
            reason: reason.into(),
        };
        block_on(revoke(&world, &config, "ann@example.org", &olga(), &order))
    };
    assert_eq!(order("").unwrap_err().kind, Kind::BadRequest);
    assert!(audit(&world).is_empty());
    assert_eq!(order("laptop stolen").unwrap().id, ann);
    assert_eq!(actions(&world), ["Olga login-revoked"]);
    assert_eq!(audit(&world)[0]["subject"], format!("user/{ann}"));
}

#[test]
fn the_access_switch_says_how_many_users_a_word_is_about() {
    let (world, config) = (World::new(), sending());
    let ann = named(&world, &config, "ann@example.org");
    let bob = named(&world, &config, "bob@example.org");
    named(&world, &config, "lab@lab.example.org");
    let gone = add(
        &world,
        &config,
        json!({ "userName": "gone@example.org", "active": false }),
    );
    let all = group(&world, &config, "All of them", &[ann, bob, gone]);
    let hq = Scope::Route { name: "hq".into() };
    let (team, one) = (
        Scope::Group {
            id: all,
            name: "not its name".into(),
        },
        Scope::User {
            id: ann,
            name: String::new(),
        },
    );
    assert_eq!(
        say(&world, &config, hq.clone(), Ordered::Always)
            .unwrap()
            .affected,
        2
    );
    let answer = say(&world, &config, team, Ordered::Off).unwrap();
    assert_eq!(answer.affected, 2, "who is not active is not counted");
    assert_eq!(
        answer.entry.unwrap().name,
        "All of them",
        "the directory's name stands"
    );
    assert_eq!(
        say(&world, &config, one, Ordered::Always).unwrap().affected,
        1
    );
    let switch = block_on(report(&world, &config)).unwrap();
    let routes: Vec<_> = switch
        .routes
        .iter()
        .map(|one| (one.route.as_str(), one.affected))
        .collect();
    assert_eq!(routes, [("hq", 2), ("lab", 1), ("out", 0)]);
    assert!(switch.routes[0].entry.is_some() && switch.routes[1].entry.is_none());
    assert_eq!((switch.groups[0].id, switch.groups[0].affected), (all, 2));
    assert_eq!(switch.users[0].id, ann);
    assert_eq!(actions(&world), ["Olga access"; 3]);
    let counts: Vec<_> = audit(&world)
        .iter()
        .map(|one| one["facts"]["affected"].as_u64())
        .collect();
    assert_eq!(counts.iter().flatten().sum::<u64>(), 5);

    say(&world, &config, hq, Ordered::Default).unwrap();
    assert!(
        block_on(report(&world, &config)).unwrap().routes[0]
            .entry
            .is_none()
    );
}

#[test]
fn an_order_about_what_does_not_exist_is_refused_by_its_name() {
    let (world, config) = (World::new(), sending());
    let (user, group) = (UserId::new(&world), GroupId::new(&world));
    for (scope, name) in [
        (Scope::Route { name: "hx".into() }, "hx".to_owned()),
        (
            Scope::Group {
                id: group,
                name: String::new(),
            },
            group.to_string(),
        ),
        (
            Scope::User {
                id: user,
                name: String::new(),
            },
            user.to_string(),
        ),
    ] {
        let problem = say(&world, &config, scope, Ordered::Off).unwrap_err();
        assert_eq!(problem.kind, Kind::NotFound);
        assert!(problem.detail.contains(&name), "{}", problem.detail);
    }
    assert!(audit(&world).is_empty(), "nothing was done");
}

fn hold(world: &World, offset: i64, to: &str, subject: &str) {
    let message =
        format!("From: Ada <ada@acme.example>\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nHi\r\n");
    let message = Bytes::from(message);
    let mut random = [0; 10];
    world.random(&mut random);
    let held = Held {
        id: MessageId::new(Timestamp::from_millis(world.now.get() + offset), random),
        route: RouteName::parse("hq").unwrap(),
        envelope: Envelope::new(None, vec![to.parse().unwrap()]),
        uncertain: Vec::new(),
        split: false,
        partner: "acme".into(),
        at: world.now(),
        reason: HoldReason::Down,
        detail: String::new(),
        digest: Digest::of(&message),
        trace: None,
    };
    let key = Held::key(&held.route, &Copy::first(held.id));
    let object = held.object(&message);
    block_on(world.store.put(&key, &object, Condition::Always)).unwrap();
}

#[test]
fn the_dropbox_shows_mail_for_nobody_and_whoever_opens_it_is_written_down() {
    let (world, config) = (World::new(), sending());
    named(&world, &config, "ann@example.org");
    hold(&world, 0, "ann@example.org", "hers");
    for number in 0..120 {
        hold(
            &world,
            number,
            "nobody@example.org",
            &format!("lost {number}"),
        );
    }
    let later = world.now().after(crate::limits::TICK);
    while block_on(filing::file(&world, &config, later))
        .unwrap()
        .messages
        > 0
    {}
    let page =
        |after: Option<&str>| block_on(dropbox::list(&world, &config, Some("hq"), after)).unwrap();
    let first = page(None);
    assert_eq!(first.messages.len(), 100);
    assert_eq!(first.messages[0].subject, "lost 119", "newest first");
    let second = page(first.next.as_deref());
    assert_eq!((second.messages.len(), second.next), (20, None));
    let all = block_on(dropbox::list(&world, &config, None, None)).unwrap();
    assert_eq!(all.messages, first.messages);
    assert!(audit(&world).is_empty());

    let name = &first.messages[0].name;
    let read = |name: &str, reason: Option<&str>| {
        block_on(dropbox::read(&world, &config, "hq", name, &olga(), reason))
    };
    let message = read(name, Some("who is it for?")).unwrap();
    assert!(
        message.starts_with(b"From: Ada"),
        "the bytes as they were submitted"
    );
    read(name, None).unwrap();
    assert_eq!(actions(&world), ["Olga dropbox-read", "Olga dropbox-read"]);
    assert_eq!(
        audit(&world)[0]["subject"],
        format!("hq/{}", first.messages[0].id)
    );
    for bad in ["", "../../people/users/x", &"f".repeat(32)] {
        assert_eq!(read(bad, None).unwrap_err().kind, Kind::NotFound, "{bad:?}");
    }
    let bad = block_on(dropbox::list(&world, &config, None, Some("hq/../x")));
    assert_eq!(bad.unwrap_err().kind, Kind::BadRequest);
    assert_eq!(audit(&world).len(), 2);
}

#[test]
fn a_message_of_the_dropbox_is_not_given_out_unless_that_is_written_down() {
    let config = sending();
    for steps in 0..20 {
        let world = World::new();
        named(&world, &config, "ann@example.org");
        hold(&world, 0, "nobody@example.org", "lost");
        let later = world.now().after(crate::limits::TICK);
        block_on(filing::file(&world, &config, later)).unwrap();
        let listed = block_on(dropbox::list(&world, &config, None, None)).unwrap();
        let name = &listed.messages[0].name;
        world.die_after(steps, false);
        let read = block_on(dropbox::read(&world, &config, "hq", name, &olga(), None));
        world.revive();
        if read.is_ok() {
            assert!(steps > 1);
            assert_eq!(actions(&world), ["Olga dropbox-read"]);
            return;
        }
    }
    panic!("it ends");
}
