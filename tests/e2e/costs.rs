//! What the storage is asked for, because each request is paid for. README's table of costs stands on
//! these figures.

use futures::stream::{self, StreamExt as _};
use holdfast_tests::support::installation::mail;
use holdfast_tests::support::{Installation, Peer, Setup, until};
use http::Method;

/// Requests by what they cost: S3 charges for writing and listing twelve times what it charges for
/// reading, and nothing for deleting one object.
#[derive(Debug, Default, PartialEq)]
struct Costs {
    written: usize,
    listed: usize,
    read: usize,
    deleted: usize,
}

/// What was asked for since `before` requests.
fn since(holdfast: &Installation, before: usize) -> Costs {
    let mut costs = Costs::default();
    for seen in &holdfast.storage.proxy.seen()[before..] {
        match (&seen.method, seen.key.as_str()) {
            (&Method::GET, "") => costs.listed += 1,
            (&Method::GET | &Method::HEAD, _) => costs.read += 1,
            (&Method::DELETE, _) => costs.deleted += 1,
            _ => costs.written += 1,
        }
    }
    costs
}

fn so_far(holdfast: &Installation) -> usize {
    holdfast.storage.proxy.seen().len()
}

#[tokio::test]
async fn a_quiet_tick_reads_little_and_writes_nothing() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).health("").start().await;
    holdfast.post(mail("all is well")).await.is_delivered();
    holdfast.tick().await;
    let before = so_far(&holdfast);
    holdfast.tick().await;
    let costs = since(&holdfast, before);
    let expected = Costs {
        written: 0,
        listed: 5,
        read: 6,
        deleted: 0,
    };
    assert_eq!(
        costs,
        expected,
        "{:?}",
        &holdfast.storage.proxy.seen()[before..]
    );
}

#[tokio::test]
async fn a_delivery_costs_no_write_a_hold_one_and_a_key_two() {
    let mut peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).health("").start().await;
    holdfast.post(mail("warm")).await.is_delivered();
    let before = so_far(&holdfast);
    for _ in 0..20 {
        holdfast.post(mail("delivered")).await.is_delivered();
    }
    let delivered = since(&holdfast, before);
    assert_eq!((delivered.written, delivered.listed), (0, 0));
    assert!(
        delivered.read <= 4,
        "the state is read once a second: {delivered:?}"
    );

    // The first key of an instance tries out whether conditions hold.
    let first = holdfast.message(mail("keyed")).key("first");
    first.send().await.is_delivered();
    let before = so_far(&holdfast);
    for n in 0..20 {
        let keyed = holdfast.message(mail("keyed")).key(&format!("key {n}"));
        keyed.send().await.is_delivered();
    }
    let keyed = since(&holdfast, before);
    assert_eq!(keyed.written, 40, "a receipt, before and after: {keyed:?}");
    assert!(keyed.read <= 24 && keyed.listed == 0, "{keyed:?}");

    peer.stop().await;
    for _ in 0..6 {
        holdfast.post(mail("held")).await;
    }
    let before = so_far(&holdfast);
    for _ in 0..20 {
        holdfast.post(mail("held")).await.is_held("down");
    }
    let held = since(&holdfast, before);
    assert!((20..=24).contains(&held.written), "{held:?}");
    assert!(held.read <= 8, "{held:?}");
    assert_eq!((held.listed, held.deleted), (0, 0));
}

#[tokio::test]
async fn most_of_a_backlog_costs_one_read_for_each_message() {
    const HELD: usize = 640;
    let mut peer = Peer::start().await;
    peer.stop().await;
    let health = "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    let posts = stream::iter(0..HELD).map(|n| holdfast.post(mail(&format!("held {n}"))));
    let posted: Vec<_> = posts.buffer_unordered(16).collect().await;
    assert!(posted.iter().all(|answer| answer.status == 202));
    peer.start_again().await;
    let before = so_far(&holdfast);
    until("the queue is empty", async || {
        holdfast.tick().await;
        holdfast.held().is_empty()
    })
    .await;
    let costs = since(&holdfast, before);
    // The first and the last go one by one, with a record and an outcome each; the others in batches.
    assert!(costs.read < 2 * HELD, "{costs:?}");
    assert!(costs.written + costs.listed < HELD, "{costs:?}");
    assert!(costs.deleted < HELD, "{costs:?}");
}
