//! What users throw away, and what is deleted of it.

use super::*;
use crate::people::mailbox::bin::{self, Start};
use crate::people::mailbox::marks::Marks;

fn put_in_bin(world: &World, user: UserId, copies: &[Copy]) {
    let binned = |marks: &mut Marks| marks.binned = true;
    block_on(marks::change(&world.store, user, copies, binned)).unwrap();
}

fn in_bin(world: &World, user: UserId, start: Start<'_>, most: usize) -> Vec<String> {
    let page = block_on(bin::page(&world.store, user, start, most)).unwrap();
    let listed = page.listed.into_iter();
    listed.map(|one| one.entry.summary.subject).collect()
}

fn sent(world: &World, user: UserId) -> Vec<String> {
    let kept = |one: &folder::Listed| !one.marks.binned;
    let page = block_on(folder::sent(&world.store, user, None, 10, kept)).unwrap();
    let listed = page.listed.into_iter();
    listed.map(|one| one.entry.summary.subject).collect()
}

#[test]
fn what_came_is_deleted_here_alone() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let bob = user(&world, &config, "bob@example.org");
    let both = ["ann@example.org", "bob@example.org"];
    let [one, two, three] = ["one", "two", "three"].map(|subject| {
        world.now.set(world.now.get() + 40 * 86_400_000);
        hold(&world, "hq", id(&world, 0), &both, &mail(subject))
    });
    file(&world, &config);
    put_in_bin(&world, ann, &[one, two, three]);
    let newest = in_bin(&world, ann, Start::Newest, 10);
    assert_eq!(newest, ["three", "two", "one"], "of all months");
    assert_eq!(in_bin(&world, ann, Start::Newest, 2), ["three", "two"]);
    assert_eq!(in_bin(&world, ann, Start::After(&two), 2), ["one"]);
    assert_eq!(in_bin(&world, ann, Start::Before(&one), 1), ["two"]);
    let page = block_on(bin::page(&world.store, ann, Start::Before(&one), 1)).unwrap();
    assert_eq!(page.next, Some(two), "the page behind it");

    let restored = |marks: &mut Marks| marks.binned = false;
    block_on(marks::change(&world.store, ann, &[two], restored)).unwrap();
    block_on(bin::delete(&world.store, ann, &[one, two])).unwrap();
    assert_eq!(in_bin(&world, ann, Start::Newest, 10), ["three"]);
    assert_eq!(
        subjects(&world, ann),
        ["three", "two"],
        "it was not in the bin any more"
    );
    block_on(bin::empty(&world.store, ann)).unwrap();
    assert_eq!(block_on(bin::count(&world.store, ann)).unwrap(), 0);
    file(&world, &config);
    assert_eq!(
        subjects(&world, ann),
        ["two"],
        "what was deleted is not filed again"
    );
    assert!(
        block_on(folder::find(&world.store, ann, &one))
            .unwrap()
            .is_none()
    );
    assert_eq!(
        subjects(&world, bob),
        ["three", "two", "one"],
        "another's is another's"
    );
    let hq = RouteName::parse("hq").unwrap();
    for copy in [one, two, three] {
        let held = block_on(world.store.peek(&Held::key(&hq, &copy), 1)).unwrap();
        assert!(held.is_some(), "it goes home all the same");
    }
}

#[test]
fn of_what_was_sent_nothing_is_kept_and_it_is_not_sent_again() {
    let (world, config) = (World::new(), config(""));
    let ann = user(&world, &config, "ann@example.org");
    let outgoing = outgoing(&world, ann, &["bob@example.org"]);
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    let copy = Copy::first(outgoing.id);
    assert_eq!(sent(&world, ann), ["written"]);
    put_in_bin(&world, ann, &[copy]);
    assert_eq!(sent(&world, ann), [""; 0]);
    assert_eq!(in_bin(&world, ann, Start::Newest, 10), ["written"]);
    block_on(bin::empty(&world.store, ann)).unwrap();
    assert_eq!(in_bin(&world, ann, Start::Newest, 10), [""; 0]);
    assert!(
        block_on(folder::find_sent(&world.store, ann, &copy))
            .unwrap()
            .is_none()
    );
    let most = limits::MESSAGE_BYTES_CEILING;
    for key in world.store.keys() {
        if key.starts_with("mailboxes/") {
            let object = block_on(world.store.get(&key, most)).unwrap().unwrap();
            let text = String::from_utf8_lossy(&object.bytes).into_owned();
            assert!(!text.contains("written"), "{key}: {text}");
        }
    }
    let hq = RouteName::parse("hq").unwrap();
    block_on(world.store.delete(&Held::key(&hq, &copy))).unwrap();
    block_on(sending::send(&world, &config, &outgoing)).unwrap();
    assert_eq!(
        queued(&world),
        BTreeSet::new(),
        "the form that was posted again"
    );
}
