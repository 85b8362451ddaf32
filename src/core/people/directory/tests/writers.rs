//! Two writers at once, in hundreds of orders.

use futures::executor::block_on;
use futures::join;
use serde_json::json;

use super::*;

const ORDERS: u64 = 400;

#[test]
fn of_two_who_want_one_name_at_most_one_gets_it() {
    let config = config();
    let mut both_failed = 0;
    for seed in 0..ORDERS {
        let world = World::seeded(seed);
        let made = block_on(async {
            join!(
                create_user(&world, &config, ada("ada")),
                create_user(&world, &config, ada("ADA"))
            )
        });
        let won = [&made.0, &made.1]
            .into_iter()
            .filter(|made| made.is_ok())
            .count();
        assert!(won <= 1, "order {seed}: {made:?}");
        both_failed += u64::from(won == 0);
        assert_eq!(users(&world).len(), won, "order {seed}");
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(block_on(check(&world, &config)), Ok(()), "order {seed}");
    }
    assert!(
        both_failed * 4 < ORDERS,
        "{both_failed} of {ORDERS} times nobody got it"
    );
}

#[test]
fn a_name_that_one_gives_up_and_another_takes_is_in_the_index_afterwards() {
    let config = config();
    for seed in 0..ORDERS {
        let world = World::seeded(seed);
        let done = block_on(async {
            let (one, version) = create_user(&world, &config, ada("ada")).await.unwrap();
            let rename = replace_user(&world, &config, &one, version, ada("countess"));
            let take = async {
                let mut made = create_user(&world, &config, ada("ada")).await;
                for _ in 0..6 {
                    if made.is_err() {
                        made = create_user(&world, &config, ada("ada")).await;
                    }
                }
                made
            };
            join!(rename, take)
        });
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(
            block_on(check(&world, &config)),
            Ok(()),
            "order {seed}: {done:?}"
        );
    }
}

#[test]
fn of_two_changes_of_one_version_one_is_made_and_the_indexes_are_its() {
    let config = config();
    for seed in 0..ORDERS {
        let world = World::seeded(seed);
        let won = block_on(async {
            let (one, version) = create_user(&world, &config, ada("ada")).await.unwrap();
            let first = replace_user(&world, &config, &one, version.clone(), ada("countess"));
            let second = replace_user(&world, &config, &one, version, ada("lovelace"));
            let (first, second) = join!(first, second);
            u32::from(first.is_ok()) + u32::from(second.is_ok())
        });
        assert_eq!(won, 1, "order {seed}");
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(block_on(check(&world, &config)), Ok(()), "order {seed}");
    }
}

#[test]
fn changes_one_after_the_other_and_a_deletion_leave_the_indexes_in_line() {
    let config = config();
    for seed in 0..ORDERS {
        let world = World::seeded(seed);
        block_on(async {
            let (one, _) = create_user(&world, &config, ada("ada")).await.unwrap();
            let rename = |name: &'static str| {
                let (world, config, id) = (&world, &config, one.id());
                async move {
                    for _ in 0..3 {
                        let Some((user, version)) = user_with_version(world, id).await.unwrap()
                        else {
                            return;
                        };
                        let _ = replace_user(world, config, &user, version, ada(name)).await;
                    }
                }
            };
            let delete = async {
                let _ = delete_user(&world, &config, one.id(), None).await;
            };
            match seed % 2 {
                0 => drop(join!(rename("countess"), rename("lovelace"), delete)),
                _ => drop(join!(rename("countess"), rename("lovelace"))),
            }
        });
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(block_on(check(&world, &config)), Ok(()), "order {seed}");
    }
}

#[test]
fn a_user_and_a_group_do_not_get_the_same_address() {
    let config = config();
    for seed in 0..ORDERS {
        let world = World::seeded(seed);
        let list = attributes(json!({"displayName": "ada@example.org"}));
        let (user, group) = block_on(async {
            join!(
                create_user(&world, &config, ada("ada")),
                create_group(&world, &config, list, Vec::new())
            )
        });
        assert!(user.is_err() || group.is_err(), "order {seed}");
        world.revive();
        block_on(world.repair(&config));
        assert_eq!(block_on(check(&world, &config)), Ok(()), "order {seed}");
    }
}
