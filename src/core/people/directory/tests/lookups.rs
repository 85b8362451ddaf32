//! Who owns what, who is in what, and who is found.

use futures::executor::block_on;
use serde_json::json;

use super::*;
use crate::mail::EmailAddress;
use crate::people::GroupId;

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

async fn person(world: &World, config: &Config, body: Value) -> UserId {
    let made = create_user(world, config, attributes(body)).await;
    made.unwrap().0.id()
}

async fn list(world: &World, config: &Config, name: &str, members: &[Owner]) -> GroupId {
    let body = attributes(json!({"displayName": name}));
    let members = members.iter().copied().map(Member).collect();
    let made = create_group(world, config, body, members).await;
    made.unwrap().0.id()
}

#[test]
fn own_addresses_are_those_with_a_route_and_the_others_are_contacts() {
    let (world, config) = (World::new(), config());
    let body = json!({
        "userName": "ada@example.org",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [
            {"value": "a.lovelace@example.org", "type": "other"},
            {"value": "Ada@Example.org", "type": "work"},
            {"value": "ada@home.example", "type": "home"},
            {"value": "countess@example.org", "primary": true},
            {"value": "no address"},
        ],
        "phoneNumbers": [{"value": "+44 1"}, {"type": "fax"}],
        "locale": "en-GB",
    });
    let id = block_on(person(&world, &config, body));
    let ada = block_on(user(&world, id)).unwrap().unwrap();
    let own: Vec<String> = ada
        .own_addresses(&config)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        own,
        [
            "countess@example.org",
            "Ada@Example.org",
            "a.lovelace@example.org"
        ],
        "the primary one first, those for work before others, each once"
    );
    assert_eq!(ada.alternates(&config), [address("ada@home.example")]);
    assert_eq!(ada.shown_name(), "Ada Lovelace");
    assert_eq!(ada.phones(), ["+44 1"]);
    assert_eq!(ada.language(), Some("en-GB"));
    for own in ["ADA@example.ORG", "countess@example.org"] {
        let owner = block_on(owner_of(&world, &config, &address(own)));
        assert_eq!(owner, Ok(Some(Owner::User(id))), "{own}");
    }
    let elsewhere = block_on(owner_of(&world, &config, &address("ada@home.example")));
    assert_eq!(elsewhere, Ok(None), "a contact is nobody's address here");
}

#[test]
fn a_second_claimant_is_refused_by_the_name_of_what_it_claimed() {
    let (world, config) = (World::new(), config());
    block_on(person(
        &world,
        &config,
        json!({"userName": "ada", "emails": [{"value": "a@example.org"}]}),
    ));
    let other = attributes(json!({"userName": "b", "emails": [{"value": "A@example.org"}]}));
    let refused = block_on(create_user(&world, &config, other)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the address A@example.org is another's"
    );
    let other = attributes(json!({"userName": "ADA"}));
    let refused = block_on(create_user(&world, &config, other)).unwrap_err();
    assert_eq!(refused.to_string(), "the userName ADA is another's");
    assert_eq!(
        block_on(check(&world, &config)),
        Ok(()),
        "what was claimed for it went back"
    );
}

#[test]
fn a_name_that_was_given_up_is_free() {
    let (world, config) = (World::new(), config());
    let id = block_on(person(&world, &config, json!({"userName": "ada"})));
    block_on(delete_user(&world, &config, id, None)).unwrap();
    assert_eq!(block_on(user_by_name(&world, "ada")), Ok(None));
    assert!(block_on(is_empty(&world)).unwrap());
    let again = block_on(person(&world, &config, json!({"userName": "Ada"})));
    let found = block_on(user_by_name(&world, "aDA")).unwrap().unwrap();
    assert_eq!(found.id(), again);
    assert!(!block_on(is_empty(&world)).unwrap());
    let missing = block_on(delete_user(&world, &config, id, None));
    assert_eq!(missing, Err(ChangeError::Missing));
}

#[test]
fn groups_expand_through_groups_and_loops_to_active_users() {
    let (world, config) = (World::new(), config());
    block_on(async {
        let mut people = Vec::new();
        for name in ["a", "b", "c"] {
            people.push(person(&world, &config, json!({"userName": name})).await);
        }
        let gone = person(&world, &config, json!({"userName": "d"})).await;
        let off = person(&world, &config, json!({"userName": "e", "active": false})).await;
        let users: Vec<Owner> = people.iter().copied().map(Owner::User).collect();
        let inner = list(&world, &config, "inner", &users[1..]).await;
        let members = [
            users[0],
            users[1],
            Owner::User(gone),
            Owner::User(off),
            Owner::Group(inner),
        ];
        let outer = list(&world, &config, "outer@example.org", &members).await;
        // The loop: the inner group has the outer one in it.
        let (group, version) = group_with_version(&world, inner).await.unwrap().unwrap();
        let mut members = group.members().to_vec();
        members.push(Member(Owner::Group(outer)));
        let same = group.attributes().clone();
        replace_group(&world, &config, &group, version, same, members)
            .await
            .unwrap();
        delete_user(&world, &config, gone, None).await.unwrap();

        let owner = owner_of(&world, &config, &address("outer@example.org")).await;
        assert_eq!(owner, Ok(Some(Owner::Group(outer))));
        let all = people.iter().copied().collect::<BTreeSet<_>>();
        assert_eq!(expand(&world, Owner::Group(outer)).await, Ok(all.clone()));
        assert_eq!(expand(&world, Owner::Group(inner)).await, Ok(all));
        let one = expand(&world, Owner::User(people[0])).await;
        assert_eq!(one, Ok(BTreeSet::from([people[0]])));
        assert_eq!(expand(&world, Owner::User(off)).await, Ok(BTreeSet::new()));
        assert_eq!(
            is_member(&world, outer, people[2]).await,
            Ok(true),
            "by the inner group"
        );
        assert_eq!(
            is_member(&world, inner, people[0]).await,
            Ok(true),
            "by the loop"
        );
        assert_eq!(
            is_member(&world, inner, gone).await,
            Ok(true),
            "the list still names it"
        );
        let alone = list(&world, &config, "alone", &[]).await;
        assert_eq!(is_member(&world, alone, people[0]).await, Ok(false));
    });
}

#[test]
fn a_group_of_many_expands_without_reading_each_of_them() {
    let (world, config) = (World::new(), config());
    block_on(async {
        let mut members = Vec::new();
        for n in 0..600 {
            let body = json!({"userName": format!("u{n}"), "active": n % 3 != 0});
            members.push(Owner::User(person(&world, &config, body).await));
        }
        let all = list(&world, &config, "all", &members).await;
        let before = world.requests.get();
        let found = expand(&world, Owner::Group(all)).await.unwrap();
        assert_eq!(found.len(), 400, "those that are active");
        let read = world.requests.get() - before;
        assert!(
            read < 300,
            "{read} requests for the shards of the book and the group"
        );
    });
}

#[test]
fn the_address_book_finds_beginnings_of_words_in_names_and_addresses() {
    let (world, config) = (World::new(), config());
    block_on(async {
        for (name, shown, active) in [
            ("ada", "Ada Lovelace", true),
            ("grace.hopper", "Grace Hopper", true),
            ("edsger", "Édouard Lovers", true),
            ("off", "Ada Offline", false),
        ] {
            let body = json!({
                "userName": name, "displayName": shown, "active": active,
                "emails": [{"value": format!("{name}@example.org")}],
            });
            person(&world, &config, body).await;
        }
        person(
            &world,
            &config,
            json!({"userName": "nobody", "displayName": "Ada Mailless"}),
        )
        .await;
        list(&world, &config, "lovers@example.org", &[]).await;
        let found = |query: &'static str, most: usize| {
            let world = &world;
            async move {
                let cards = search(world, query, most).await.unwrap();
                cards.into_iter().map(|card| card.name).collect::<Vec<_>>()
            }
        };
        assert_eq!(found("ada", 9).await, ["Ada Lovelace"]);
        assert_eq!(found("LOVE ad", 9).await, ["Ada Lovelace"]);
        assert_eq!(found("hop", 9).await, ["Grace Hopper"]);
        assert_eq!(found("édou", 9).await, ["Édouard Lovers"]);
        assert_eq!(
            found("love", 9).await,
            ["Ada Lovelace", "lovers@example.org", "Édouard Lovers"]
        );
        assert_eq!(
            found("love", 2).await,
            ["Ada Lovelace", "lovers@example.org"]
        );
        assert_eq!(
            found("lace", 9).await,
            Vec::<String>::new(),
            "not in the middle of a word"
        );
        assert_eq!(found("", 9).await.len(), 4);
    });
}

#[test]
fn when_a_route_is_added_its_addresses_become_own_ones() {
    let world = World::new();
    let (old, new) = (config(), config_for("'example.org', 'new.example'"));
    block_on(async {
        for n in 0..250 {
            let body = json!({
                "userName": format!("u{n}"), "emails": [{"value": format!("u{n}@new.example")}],
            });
            person(&world, &old, body).await;
        }
        world.repair(&old).await;
        let wanted = address("u77@new.example");
        assert_eq!(owner_of(&world, &new, &wanted).await, Ok(None));
        world.repair(&new).await;
        assert_eq!(check(&world, &new).await, Ok(()));
        assert!(owner_of(&world, &new, &wanted).await.unwrap().is_some());
        let before = world.requests.get();
        world.repair(&new).await;
        assert!(world.requests.get() - before < 5, "and that is done once");
    });
}

#[test]
fn reading_one_user_of_many_takes_one_or_two_requests() {
    let (world, config) = (World::new(), config());
    block_on(async {
        let mut last = None;
        for n in 0..500 {
            last = Some(person(&world, &config, json!({"userName": format!("u{n}")})).await);
        }
        let before = world.requests.get();
        user(&world, last.unwrap()).await.unwrap().unwrap();
        user_by_name(&world, "u77").await.unwrap().unwrap();
        assert_eq!(world.requests.get() - before, 3);
    });
}

#[test]
fn a_shard_that_nobody_can_read_is_made_anew() {
    let (world, config) = (World::new(), config());
    block_on(async {
        let id = person(&world, &config, json!({"userName": "ada"})).await;
        for n in 0..300 {
            person(&world, &config, json!({"userName": format!("u{n}")})).await;
        }
        world.repair(&config).await;
        let rubbish = [Bytes::from_static(b"{")];
        let key = Owner::User(id).shard();
        world
            .store
            .put(&key, &rubbish, Condition::Always)
            .await
            .unwrap();
        let (ada, version) = user_with_version(&world, id).await.unwrap().unwrap();
        let more = attributes(json!({"userName": "ada", "title": "Countess"}));
        replace_user(&world, &config, &ada, version, more)
            .await
            .unwrap();
        world.repair(&config).await;
        assert_eq!(check(&world, &config).await, Ok(()));
    });
}
