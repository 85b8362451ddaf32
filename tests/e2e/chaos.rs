//! A thousand messages, 64 at a time, while the primary is killed and started again ten times:
//! every accepted message is delivered or held, none is lost, and none is there twice unless its
//! record says that the reply was lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use holdfast_tests::support::installation::mail;
use holdfast_tests::support::submission::Submission;
use holdfast_tests::support::{Act, Answer, Peer, Setup, Stage, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_killed_ten_times_loses_no_message_and_doubles_none_in_silence() {
    let mut peer = Peer::start().await;
    // It has a message for a while before it says so: that is when a kill leaves doubt.
    peer.only(Stage::End, Act::Drip(Duration::from_millis(1)));
    let health =
        "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"\nhealth_max_age = \"100ms\"";
    // Nobody can tick, not even the mail itself, so that what is held stays where it can be counted.
    let setup = Setup::to(&[peer.url()]).health(health);
    let holdfast = Arc::new(setup.variable("tick_token", "").start().await);
    let counts = Arc::new(Counts::default());
    let senders: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let (holdfast, counts) = (holdfast.clone(), counts.clone());
            let message = move |n| holdfast.message(mail(&format!("chaos {n}.")));
            tokio::spawn(send(message, counts))
        })
        .collect();

    for _ in 0..KILLS {
        let delivered = counts.delivered.load(SeqCst);
        until("mail is delivered", async || {
            counts.delivered.load(SeqCst) >= delivered + 20
        })
        .await;
        peer.stop().await;
        let held = counts.held.load(SeqCst);
        until("mail is held", async || {
            counts.held.load(SeqCst) >= held + 20
        })
        .await;
        peer.start_again().await;
    }
    let delivered = counts.delivered.load(SeqCst);
    until("mail is delivered", async || {
        counts.delivered.load(SeqCst) > delivered
    })
    .await;
    counts.enough.store(true, SeqCst);
    let mut answers = BTreeMap::new();
    for sender in senders {
        answers.extend(sender.await.unwrap());
    }
    assert!(answers.len() >= MESSAGES, "{} messages", answers.len());

    let copies = copies(&peer);
    let held = holdfast.held();
    for (n, answer) in &answers {
        let arrived = copies.get(n).copied().unwrap_or(0);
        let kept = held.get(answer.id());
        if let Some(kept) = kept {
            assert_eq!(kept.message, mail(&format!("chaos {n}.")), "bytes are kept");
        }
        assert!(
            arrived + usize::from(kept.is_some()) >= 1,
            "message {n} is lost: {}",
            answer.text
        );
        if arrived + usize::from(kept.is_some()) > 1 {
            let recorded = answer.word("reason") == "uncertain"
                && kept.is_none_or(|kept| !kept.values("Holdfast-Uncertain").is_empty());
            assert!(
                recorded,
                "message {n} is there twice in silence: {}",
                answer.text
            );
        }
        if answer.status == 200 {
            assert_eq!(
                (arrived, kept.is_some()),
                (1, false),
                "message {n}: {}",
                answer.text
            );
        }
    }
    let doubt = |answer: &&Answer| answer.word("reason") == "uncertain";
    assert!(
        answers.values().filter(doubt).count() > 0,
        "no kill met a message at its end"
    );
    let strangers: Vec<_> = copies.keys().filter(|n| !answers.contains_key(n)).collect();
    assert!(strangers.is_empty(), "nobody sent {strangers:?}");
}

#[derive(Default)]
struct Counts {
    next: AtomicUsize,
    delivered: AtomicUsize,
    held: AtomicUsize,
    enough: AtomicBool,
}

/// Sends one message after the other until there are enough; what each was answered, by number.
async fn send(message: impl Fn(usize) -> Submission, counts: Arc<Counts>) -> Vec<(usize, Answer)> {
    let mut answers = Vec::new();
    loop {
        let n = counts.next.fetch_add(1, SeqCst);
        if n >= MESSAGES && counts.enough.load(SeqCst) {
            return answers;
        }
        let answer = message(n).send().await;
        match (answer.status, answer.word("outcome")) {
            (200, "delivered") => counts.delivered.fetch_add(1, SeqCst),
            (202, "held") => counts.held.fetch_add(1, SeqCst),
            _ => panic!("message {n}: {} {}", answer.status, answer.text),
        };
        answers.push((n, answer));
    }
}

/// How often each message arrived at the primary.
fn copies(peer: &Peer) -> BTreeMap<usize, usize> {
    let mut copies = BTreeMap::new();
    for taken in peer.taken() {
        let text = String::from_utf8(taken.bytes).unwrap();
        let (_, rest) = text.split_once("Subject: chaos ").unwrap();
        let (n, _) = rest.split_once('.').unwrap();
        *copies.entry(n.parse().unwrap()).or_insert(0) += 1;
    }
    copies
}

const MESSAGES: usize = 1_000;
const CONCURRENCY: usize = 64;
const KILLS: usize = 10;
