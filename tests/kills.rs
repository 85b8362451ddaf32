//! Processes killed for real: the host, the S3 server and Postfix get SIGKILL at random moments
//! while partners send and ticks release. Nothing accepted is lost, no bytes change, what is there
//! twice is on record as doubtful, and the queue drains.
//!
//! Needs Postfix and root: `cargo test -p holdfast-tests --test kills -- --ignored`. A short run by
//! default; `HOLDFAST_KILLS=200` for the long one, `HOLDFAST_SEED` for other moments.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot set up has failed"
)]

#[path = "kills/process.rs"]
mod process;
// Only some of what it can is needed here.
#[allow(dead_code, reason = "shared with the Postfix tests")]
#[path = "postfix/server.rs"]
mod server;
#[path = "kills/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use holdfast_tests::support::installation::mail;
use tokio::task::JoinSet;
use world::{Victim, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Postfix and root"]
async fn what_was_accepted_survives_every_kill() {
    let kills = number("HOLDFAST_KILLS").unwrap_or(6);
    let mut chance = number("HOLDFAST_SEED").unwrap_or(1);
    let mut world = World::start().await;
    let counts = Arc::new(Counts::default());
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| tokio::spawn(send(world.door(), counts.clone())))
        .collect();
    let ticking = tokio::spawn(tick(world.door(), counts.clone()));

    for kill in 0..kills {
        let accepted = counts.accepted.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(next(&mut chance) % 600)).await;
        let victim =
            [Victim::Host, Victim::Storage, Victim::Postfix][(next(&mut chance) % 3) as usize];
        world.kill(victim).await;
        tokio::time::sleep(Duration::from_millis(next(&mut chance) % 400)).await;
        world.revive(victim).await;
        holdfast_tests::support::until("mail is accepted again", async || {
            counts.accepted.load(SeqCst) > accepted
        })
        .await;
        println!(
            "kill {}: {victim:?}; accepted {}",
            kill + 1,
            counts.accepted.load(SeqCst)
        );
    }
    counts.enough.store(true, SeqCst);
    let mut accepted = BTreeMap::new();
    for sender in senders {
        accepted.extend(sender.await.unwrap());
    }
    counts.quiet.store(true, SeqCst);
    ticking.await.unwrap();
    world.drain().await;

    let doubtful = world.doubtful();
    let copies = world.copies(accepted.len()).await;
    for (n, id) in &accepted {
        let given = copies
            .get(n)
            .unwrap_or_else(|| panic!("message {n} ({id}) is lost"));
        let once = given.len() == 1;
        assert!(
            once || doubtful.contains(id),
            "{n} ({id}) was given {} times in silence",
            given.len()
        );
    }
    let strangers: BTreeSet<_> = copies
        .keys()
        .filter(|n| !accepted.contains_key(n))
        .collect();
    assert!(
        strangers.is_empty(),
        "nobody was told that these were accepted: {strangers:?}"
    );
    let twice = copies.values().filter(|given| given.len() > 1).count();
    println!(
        "{kills} kills: {} accepted, all of them arrived; {twice} twice, {} on record as doubtful",
        accepted.len(),
        doubtful.len()
    );
}

#[derive(Default)]
struct Counts {
    next: AtomicUsize,
    accepted: AtomicUsize,
    /// No new message is begun.
    enough: AtomicBool,
    /// No more ticks.
    quiet: AtomicBool,
}

/// Begins one message after the other and sends each, under a key of its own, until it is accepted;
/// the id of each, by its number. A message whose host was killed waits until its claim is old, so
/// nobody waits for it here.
async fn send(door: world::Door, counts: Arc<Counts>) -> Vec<(usize, String)> {
    let (mut sending, mut accepted) = (JoinSet::new(), Vec::new());
    while !counts.enough.load(SeqCst) {
        // A busy machine is not made busier by ever more that try again.
        while sending.len() >= MOST_WAITING {
            accepted.extend(sending.join_next().await.transpose().unwrap());
        }
        let (door, counts) = (door.clone(), counts.clone());
        sending.spawn(async move {
            let n = counts.next.fetch_add(1, SeqCst);
            let id = door.submit(n, mail(&world::subject(n))).await;
            counts.accepted.fetch_add(1, SeqCst);
            (n, id)
        });
        tokio::time::sleep(PACE).await;
    }
    accepted.extend(sending.join_all().await);
    accepted
}

async fn tick(door: world::Door, counts: Arc<Counts>) {
    while !counts.quiet.load(SeqCst) {
        door.tick().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Numbers that only look random (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const SENDERS: usize = 4;
const MOST_WAITING: usize = 50;
const PACE: Duration = Duration::from_millis(100);
