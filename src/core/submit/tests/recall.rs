//! A sender that tries for days: what one of its tries left is found, and in time.

use super::*;
use crate::custody::ended::Ended;
use crate::custody::ended::batch::Batch;
use crate::custody::receipt::{Receipt, object_key};
use crate::custody::record;

const TRIES: u32 = 100_000;
/// The try that left something.
const TRY: u32 = 777;

/// A shop whose sender has tried so often, and the copy that one of the tries has held.
fn tried_for_days() -> (Shop, String, Copy) {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.world.broken.set("queue/");
    assert_eq!(shop.post(&["b@example.org"], Some("k")).0, 503);
    shop.world.broken.set("");
    let store = &shop.world.store;
    let key = object_key("acme", "k");
    let (mut receipt, _) = block_on(record::read::<Receipt>(store, &key))
        .unwrap()
        .unwrap();
    receipt.tries = TRIES;
    block_on(record::write(store, &key, &receipt, Condition::Always)).unwrap();

    assert_eq!(shop.post(&["b@example.org"], None).0, 202);
    let other = shop.world.queue().remove(0);
    let (held, bytes) = shop.world.held(&other);
    let held = Held {
        id: receipt.id,
        ..held
    };
    let copy = Copy {
        id: receipt.id,
        attempt: TRY,
    };
    let mine = Held::key(&held.route, &copy);
    block_on(store.put(&mine, &held.object(&bytes), Condition::Always)).unwrap();
    block_on(store.delete(&other)).unwrap();
    shop.world.reads.set(0);
    (shop, mine, copy)
}

#[test]
fn a_copy_of_one_of_very_many_tries_is_found_in_the_queue() {
    let (shop, key, _) = tried_for_days();
    assert_eq!(shop.post(&["b@example.org"], Some("k")).0, 202);
    assert_eq!(shop.world.queue(), [key], "no second message");
    assert!(shop.world.reads.get() < 50, "{}", shop.world.reads.get());
}

#[test]
fn a_copy_of_one_of_very_many_tries_is_found_among_the_outcomes() {
    for batch in [false, true] {
        let (shop, key, copy) = tried_for_days();
        let (held, _) = shop.world.held(&key);
        shop.world.mood("192.0.2", Mood::Well);
        shop.tick(100);
        assert_eq!(shop.world.delivered.borrow().len(), 1);
        let store = &shop.world.store;
        if batch {
            let key = Ended::key(&copy, None);
            let ended = block_on(record::read::<Ended>(store, &key))
                .unwrap()
                .unwrap();
            let outcomes = [(copy.to_string(), ended.0)].into();
            block_on(Batch { outcomes }.write(store, &held.route)).unwrap();
            block_on(store.delete(&key)).unwrap();
        }
        assert_eq!(shop.post(&["b@example.org"], Some("k")).0, 200);
        assert_eq!(shop.world.delivered.borrow().len(), 1, "no second message");
        assert!(shop.world.reads.get() < 50, "{}", shop.world.reads.get());
    }
}
