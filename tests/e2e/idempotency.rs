//! The same key never makes two messages: not sent twice, not at once, not after a lost answer or
//! a death in between.

use std::sync::Arc;

use futures::future::join_all;
use holdfast_tests::support::installation::{ZETA_KEY, mail};
use holdfast_tests::support::submission::Submission;
use holdfast_tests::support::{Act, Answer, Fault, Installation, Peer, Seen, Setup, Stage, until};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Holds that `again` repeats what `first` was told.
#[track_caller]
fn same(first: &Answer, again: &Answer) {
    assert_eq!((first.status, &first.body), (again.status, &again.body));
}

/// The receipts in the bucket, by key.
fn receipts(holdfast: &Installation) -> Vec<(String, Value)> {
    let objects = holdfast.objects().into_iter();
    objects
        .filter(|(key, _)| key.starts_with("receipts/"))
        .map(|(key, bytes)| (key, serde_json::from_slice(&bytes).unwrap()))
        .collect()
}

#[tokio::test]
async fn a_repeat_gets_the_recorded_answer_whatever_it_was() {
    let mut peer = Peer::start().await;
    peer.refuse_content("poison", "554 5.6.0 never");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let post = async |subject: &str| holdfast.message(mail(subject)).key(subject).send().await;

    let delivered = post("delivered").await;
    delivered.is_delivered();
    let rejected = post("poison").await;
    rejected.is_problem(422, "refused");
    peer.stop().await;
    let held = post("held").await;
    held.is_held("failed");

    peer.start_again().await;
    peer.behave();
    same(&delivered, &post("delivered").await);
    same(&rejected, &post("poison").await);
    same(&held, &post("held").await);
    assert_eq!((peer.taken().len(), holdfast.held().len()), (1, 1));

    let mut holdfast = holdfast;
    holdfast.kill_host().await;
    holdfast.start_host().await;
    let again = holdfast.message(mail("held")).key("held").send().await;
    same(&held, &again);
    assert_eq!((peer.taken().len(), holdfast.held().len()), (1, 1));
}

#[tokio::test]
async fn a_key_is_the_same_with_quotes_and_without() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let bare = holdfast.message(mail("quotes")).key("k-1").send().await;
    let quoted = holdfast.message(mail("quotes")).key("\"k-1\"").send().await;
    same(bare.is_delivered(), &quoted);
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn a_key_used_for_something_else_is_refused() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = || holdfast.message(mail("one")).key("k");
    message().send().await.is_delivered();
    let others: [Submission; 3] = [
        holdfast.message(mail("two")).key("k"),
        message().to(&["carl@example.org"]),
        message().from("amy@acme.example"),
    ];
    for other in others {
        other.send().await.is_problem(422, "key-reused");
    }
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_its_partner() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let acme = holdfast.message(mail("one")).key("k").send().await;
    let bearer = format!("Bearer {ZETA_KEY}");
    let zeta = holdfast
        .message(mail("two"))
        .key("k")
        .authorization(Some(&bearer));
    let zeta = zeta.send().await;
    zeta.is_delivered();
    assert_ne!(acme.id(), zeta.id());
    assert_eq!(peer.taken().len(), 2);
    let keys: Vec<_> = receipts(&holdfast)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert!(
        keys.iter().all(|key| !key.ends_with("/k.json")),
        "keys are not shown: {keys:?}"
    );
}

#[tokio::test]
async fn of_many_at_once_one_runs_and_the_others_are_told_so() {
    let peer = Peer::start().await;
    let gate = Arc::new(Semaphore::new(0));
    peer.only(Stage::End, Act::Gate(gate.clone()));
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let first = tokio::spawn(holdfast.message(mail("race")).key("k").send());
    until("the first is under way", async || peer.taken().len() == 1).await;
    let others = (0..8).map(|_| holdfast.message(mail("race")).key("k").send());
    for other in join_all(others).await {
        other.is_problem(409, "still-running");
        assert!(other.headers.contains_key("retry-after"));
    }
    gate.add_permits(100);
    let first = first.await.unwrap();
    first.is_delivered();
    same(
        &first,
        &holdfast.message(mail("race")).key("k").send().await,
    );
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn many_that_start_together_make_one_message() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for round in 0..5 {
        let key = format!("k-{round}");
        let all = (0..16).map(|_| holdfast.message(mail("burst")).key(&key).send());
        let answers = join_all(all).await;
        let delivered: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 200)
            .collect();
        assert!(!delivered.is_empty());
        for answer in &answers {
            match answer.status {
                200 => same(delivered[0], answer),
                _ => drop(answer.is_problem(409, "still-running")),
            }
        }
        assert_eq!(peer.taken().len(), round + 1);
    }
}

#[tokio::test]
async fn without_receipts_a_key_is_refused_unless_the_operator_prefers_delivery() {
    for (top, delivers) in [("", false), ("without_receipts = \"deliver\"", true)] {
        let peer = Peer::start().await;
        let holdfast = Setup::to(&[peer.url()]).top(top).start().await;
        holdfast
            .storage
            .proxy
            .rule(|_| Some(Fault::Status(503, "SlowDown")));
        let answer = holdfast.message(mail("key")).key("k").send().await;
        match delivers {
            true => drop(answer.is_delivered()),
            false => drop(answer.is_not_accepted()),
        }
        holdfast.storage.proxy.behave();
        let again = holdfast.message(mail("key")).key("k").send().await;
        again.is_delivered();
        assert_eq!(peer.taken().len(), if delivers { 2 } else { 1 });
    }
}

#[tokio::test]
async fn what_was_not_accepted_may_be_sent_again_with_its_key() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
    holdfast.storage.proxy.rule(|seen| {
        let queue = seen.key.starts_with("queue/");
        queue.then_some(Fault::Status(507, "InsufficientStorage"))
    });
    let message = || holdfast.message(mail("twice")).key("k");
    message().send().await.is_not_accepted();
    message().send().await.is_not_accepted();
    holdfast.storage.proxy.behave();
    let held = message().send().await;
    held.is_held("failed");
    same(&held, &message().send().await);
    assert_eq!(holdfast.held().len(), 1);
}

#[tokio::test]
async fn recipients_that_were_served_are_not_served_again_by_a_repeat() {
    let peer = Peer::start().await;
    peer.refuse_recipient("full@example.org", "452 4.2.2 mailbox full");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    holdfast.storage.proxy.rule(|seen| {
        let queue = seen.key.starts_with("queue/");
        queue.then_some(Fault::Status(507, "InsufficientStorage"))
    });
    let both = ["bob@example.org", "full@example.org"];
    let message = || holdfast.message(mail("half")).to(&both).key("k");
    message().send().await.is_not_accepted();
    holdfast.storage.proxy.behave();
    peer.behave();
    message().send().await.is_delivered();
    let to: Vec<_> = peer.taken().into_iter().map(|taken| taken.to).collect();
    assert_eq!(to, [["bob@example.org"], ["full@example.org"]]);
}

#[tokio::test]
async fn any_lost_answer_of_the_storage_leaves_one_message() {
    // Each write of a held submission in turn: the claim, the message, the completed receipt.
    for (prefix, nth) in [("receipts/", 0), ("queue/", 0), ("receipts/", 1)] {
        let mut peer = Peer::start().await;
        peer.stop().await;
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        holdfast.storage.proxy.rule(move |seen| {
            let it = seen.key.starts_with(prefix) && seen.earlier == nth;
            (it && seen.method == Method::PUT).then_some(Fault::LoseAnswer)
        });
        let answer = holdfast.message(mail("lost")).key("k").send().await;
        answer.is_held("failed");
        let again = holdfast.message(mail("lost")).key("k").send().await;
        same(&answer, &again);
        assert_eq!(holdfast.held().len(), 1, "{prefix} {nth}");
        assert!(holdfast.held().contains_key(answer.id()));
    }
}

#[tokio::test]
async fn a_repeat_finds_what_was_held_without_anybody_knowing_and_says_why() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
    let rule = |seen: &Seen| seen.key.starts_with("queue/") && seen.method == Method::PUT;
    let lose = move |seen: &Seen| rule(seen).then_some(Fault::LoseAnswer);
    holdfast.storage.proxy.rule(lose);
    let first = holdfast.message(mail("unheard")).key("k").send().await;
    first.is_not_accepted();
    holdfast.storage.proxy.behave();
    let again = holdfast.message(mail("unheard")).key("k").send().await;
    again.is_held("failed");
    assert_eq!(again.word("detail"), "an earlier try of this key was held");
    assert_eq!(holdfast.held().len(), 1);
}

#[tokio::test]
async fn a_claim_left_by_a_death_is_taken_over_under_the_same_id() {
    let peer = Peer::start().await;
    peer.only(Stage::Mail, Act::Silent);
    let mut holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
    let first = tokio::spawn(holdfast.message(mail("death")).key("k").send_if_alive());
    until("the first is under way", async || {
        peer.commands().iter().any(|line| line.starts_with("MAIL"))
    })
    .await;
    holdfast.kill_host().await;
    assert!(first.await.unwrap().is_none(), "its sender has no answer");
    holdfast.start_host().await;
    peer.only(Stage::Greeting, Act::Close);
    let early = holdfast.message(mail("death")).key("k").send().await;
    early.is_problem(409, "still-running");

    let (key, mut receipt) = receipts(&holdfast).remove(0);
    let id = receipt["id"].as_str().unwrap().to_owned();
    receipt["state"]["running"]["since"] = json!("2020-01-01T00:00:00.000Z");
    holdfast
        .storage
        .overwrite(&key, &serde_json::to_vec(&receipt).unwrap());
    let held = holdfast.message(mail("death")).key("k").send().await;
    held.is_held("failed");
    assert_eq!(held.id(), id);
    same(
        &held,
        &holdfast.message(mail("death")).key("k").send().await,
    );
    assert_eq!(holdfast.held().len(), 1);
    assert_eq!(
        receipts(&holdfast)[0].1["lost"],
        1,
        "that an attempt was lost is recorded"
    );
}
