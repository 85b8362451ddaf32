//! An instance dies at each of a change's storage requests, with the request done or not.

use futures::executor::block_on;
use serde_json::json;

use super::*;

/// A world with Ada, Grace and a group of both.
async fn furnished(config: &Config) -> (World, User, User, Group) {
    let world = World::new();
    let (one, _) = create_user(&world, config, ada("ada")).await.unwrap();
    let (two, _) = create_user(&world, config, ada("grace")).await.unwrap();
    let members = vec![Member(Owner::User(one.id())), Member(Owner::User(two.id()))];
    let group = attributes(json!({"displayName": "staff@example.org", "externalId": "g"}));
    let (group, _) = create_group(&world, config, group, members).await.unwrap();
    check(&world, config).await.unwrap();
    (world, one, two, group)
}

#[derive(Clone, Copy, Debug)]
enum Change {
    CreateUser,
    CreateTaken,
    RenameUser,
    DeleteUser,
    CreateGroup,
    RenameGroup,
    DeleteGroup,
}

async fn change(
    world: &World,
    config: &Config,
    change: Change,
    (one, group): (&User, &Group),
) -> Result<(), ChangeError> {
    let name = attributes(json!({"displayName": "all@example.org", "externalId": "h"}));
    match change {
        Change::CreateUser => drop(create_user(world, config, ada("joan")).await?),
        Change::CreateTaken => {
            let mut joan = ada("joan");
            joan.insert("emails".into(), json!([{"value": "Grace@Example.org"}]));
            let made = create_user(world, config, joan).await;
            let taken = matches!(
                made,
                Err(ChangeError::Taken {
                    what: "address",
                    ..
                })
            );
            assert!(taken || world.dies_at.get() != u32::MAX, "{made:?}");
            made.map(drop)?;
        }
        Change::RenameUser => {
            let (one, version) = user_with_version(world, one.id()).await?.unwrap();
            let mut other = ada("countess");
            other.insert("active".into(), false.into());
            replace_user(world, config, &one, version, other).await?;
        }
        Change::DeleteUser => delete_user(world, config, one.id(), None).await?,
        Change::CreateGroup => drop(create_group(world, config, name, Vec::new()).await?),
        Change::RenameGroup => {
            let (group, version) = group_with_version(world, group.id()).await?.unwrap();
            let members = group.members().to_vec();
            replace_group(world, config, &group, version, name, members).await?;
        }
        Change::DeleteGroup => delete_group(world, config, group.id(), None).await?,
    }
    Ok(())
}

#[test]
fn whatever_an_instance_left_when_it_died_is_repaired() {
    let config = config();
    for kind in [
        Change::CreateUser,
        Change::CreateTaken,
        Change::RenameUser,
        Change::DeleteUser,
        Change::CreateGroup,
        Change::RenameGroup,
        Change::DeleteGroup,
    ] {
        for done_untold in [false, true] {
            for at in 0.. {
                let (world, one, _, group) = block_on(furnished(&config));
                let before = world.requests.get();
                world.die_after(at, done_untold);
                let _ = block_on(change(&world, &config, kind, (&one, &group)));
                let ended = world.requests.get() - before <= at;
                world.revive();
                block_on(world.repair(&config));
                let checked = block_on(check(&world, &config));
                assert_eq!(
                    checked,
                    Ok(()),
                    "{kind:?}, dead at {at}, done: {done_untold}"
                );
                if ended {
                    assert!(at > 4, "{kind:?} has more than {at} requests to die at");
                    break;
                }
            }
        }
    }
}

#[test]
fn who_tries_again_after_a_crash_gets_the_name_if_the_first_did_not() {
    let config = config();
    for done_untold in [false, true] {
        for at in 0..20 {
            let world = World::new();
            world.die_after(at, done_untold);
            let first = block_on(create_user(&world, &config, ada("ada")));
            world.dies_at.set(u32::MAX);
            let there = users(&world);
            let second = block_on(create_user(&world, &config, ada("ada")));
            match there.is_empty() {
                true => assert!(second.is_ok(), "dead at {at}: {second:?}"),
                false => assert!(
                    matches!(second, Err(ChangeError::Taken { .. })),
                    "dead at {at}: {second:?}"
                ),
            }
            assert!(
                first.is_err() || !there.is_empty(),
                "what was answered is there"
            );
            let found = block_on(user_by_name(&world, "ADA")).unwrap();
            assert!(found.is_some(), "dead at {at}");
            world.revive();
            block_on(world.repair(&config));
            assert_eq!(block_on(check(&world, &config)), Ok(()), "dead at {at}");
            assert_eq!(users(&world).len(), 1, "dead at {at}");
        }
    }
}

#[test]
fn a_change_that_was_answered_needs_no_repair() {
    let config = config();
    for kind in [
        Change::CreateUser,
        Change::RenameUser,
        Change::CreateGroup,
        Change::RenameGroup,
        Change::DeleteUser,
        Change::DeleteGroup,
    ] {
        let (world, one, _, group) = block_on(furnished(&config));
        block_on(change(&world, &config, kind, (&one, &group))).unwrap();
        assert_eq!(block_on(check(&world, &config)), Ok(()), "{kind:?}");
    }
}

#[test]
fn a_repair_is_a_repair_also_where_it_dies_itself() {
    let config = config();
    for at in 0..60 {
        let (world, one, _, group) = block_on(furnished(&config));
        world.die_after(9, true);
        let renamed = change(&world, &config, Change::RenameUser, (&one, &group));
        let _ = block_on(renamed);
        world.revive();
        world.die_after(at, at % 2 == 0);
        let _ = block_on(repair(&world, &config));
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(block_on(check(&world, &config)), Ok(()), "dead at {at}");
    }
}

#[test]
fn what_is_on_its_way_is_left_alone_for_a_minute() {
    let config = config();
    let world = World::new();
    world.die_after(4, true);
    let _ = block_on(create_user(&world, &config, ada("ada")));
    world.dies_at.set(u32::MAX);
    let left = |world: &World| {
        world
            .store
            .keys()
            .iter()
            .any(|key| key.starts_with(keys::REPAIRS))
    };
    assert!(left(&world));
    block_on(world.repair(&config));
    assert!(left(&world), "its writer may still be alive");
    world.now.set(world.now.get() + 61_000);
    block_on(world.repair(&config));
    assert!(!left(&world));
}

#[test]
fn a_damaged_record_stops_no_other_s_repair() {
    let config = config();
    let (world, one, _, group) = block_on(furnished(&config));
    let rubbish = [Bytes::from_static(b"not what we wrote")];
    let key = Owner::User(one.id()).record();
    world.die_after(9, true);
    let _ = block_on(change(&world, &config, Change::RenameUser, (&one, &group)));
    world.dies_at.set(u32::MAX);
    world.die_after(6, true);
    let _ = block_on(change(&world, &config, Change::CreateUser, (&one, &group)));
    world.revive();
    block_on(world.store.put(&key, &rubbish, Condition::Always)).unwrap();
    let repaired = block_on(repair(&world, &config)).unwrap();
    assert!(repaired.damaged >= 1, "{repaired:?}");
    assert!(repaired.done >= 1, "{repaired:?}");
    assert!(!repaired.more, "nobody waits for what cannot be mended");
}

#[test]
fn an_index_that_was_left_is_believed_by_nobody() {
    let config = config();
    let (world, one, _, group) = block_on(furnished(&config));
    let key = Owner::User(one.id()).record();
    let renamed = async {
        for at in 0.. {
            world.die_after(at, true);
            let _ = change(&world, &config, Change::RenameUser, (&one, &group)).await;
            world.dies_at.set(u32::MAX);
            let user = user(&world, one.id()).await.unwrap().unwrap();
            if user.user_name() == "countess" {
                return;
            }
        }
    };
    block_on(renamed);
    let left = keys::address("ada@example.org");
    assert!(
        world.store.keys().contains(&left),
        "{key} was written and no more"
    );
    let old = "ada@example.org".parse().unwrap();
    assert_eq!(block_on(owner_of(&world, &config, &old)), Ok(None));
    assert_eq!(block_on(user_by_name(&world, "ada")), Ok(None));
    let new = "countess@example.org".parse().unwrap();
    let owner = block_on(owner_of(&world, &config, &new));
    assert_eq!(owner, Ok(Some(Owner::User(one.id()))), "before any repair");
    let other = block_on(create_user(&world, &config, ada("ada")));
    assert!(other.is_ok(), "what was left is free: {other:?}");
}
