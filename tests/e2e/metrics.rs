//! What a monitor reads: figures from the storage that any instance gives alike, through an outage
//! and over the death of the host, and nothing that was not read.

use std::collections::BTreeMap;

use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, TICK_TOKEN, mail};
use holdfast_tests::support::{Answer, Installation, Peer, Setup, until};

/// The samples by name and labels.
async fn scrape(holdfast: &Installation) -> BTreeMap<String, f64> {
    let answer = holdfast.get("/metrics", Some(TICK_TOKEN)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    samples(&answer)
}

fn samples(answer: &Answer) -> BTreeMap<String, f64> {
    let lines = answer.text.lines().filter(|line| !line.starts_with("# "));
    let sample = |line: &str| {
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        (series.to_owned(), value.parse().expect("a number"))
    };
    lines.map(sample).collect()
}

fn hq(name: &str) -> String {
    format!("holdfast_{name}{{route=\"hq\"}}")
}

#[tokio::test]
async fn figures_follow_an_outage_and_outlive_every_instance() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let health = "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let mut holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    for number in 0..6 {
        holdfast
            .post(mail(&number.to_string()))
            .await
            .is_held("failed");
    }
    let out = scrape(&holdfast).await;
    assert_eq!(out["holdfast_storage_readable"], 1.0);
    assert_eq!(out[&hq("queue_messages")], 6.0);
    assert_eq!(out[&hq("queue_messages_or_more")], 0.0);
    assert!(out[&hq("queue_oldest_seconds")] > 0.0);
    assert_eq!(out[&hq("up")], 0.0, "{out:?}");
    assert_eq!(out[&hq("released_total")], 0.0);

    peer.start_again().await;
    until("the queue is empty", async || {
        holdfast.tick().await;
        holdfast.held().is_empty()
    })
    .await;
    holdfast.kill_host().await;
    holdfast.start_host().await;
    let back = scrape(&holdfast).await;
    assert_eq!(back[&hq("released_total")], 6.0);
    assert_eq!(back[&hq("queue_messages")], 0.0);
    assert_eq!(back[&hq("up")], 1.0);
    assert!(back["holdfast_tick_age_seconds"] < 60.0);
}

#[tokio::test]
async fn what_cannot_be_read_is_absent_and_never_zero() {
    let peer = Peer::start().await;
    let mut holdfast = Setup::to(&[peer.url()]).start().await;
    holdfast.storage.proxy.stop().await;
    let blind: Vec<_> = scrape(&holdfast).await.into_iter().collect();
    assert_eq!(blind, [("holdfast_storage_readable".to_owned(), 0.0)]);
}

#[tokio::test]
async fn a_monitor_needs_a_token_and_gets_the_text_format() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for token in [None, Some("wrong"), Some(ACME_KEY)] {
        let answer = holdfast.get("/metrics", token).await;
        answer.is_problem(401, "unauthorized");
        holdfast.leaks_nothing(&answer.text);
    }
    for token in [OPERATOR_TOKEN, TICK_TOKEN] {
        let answer = holdfast.get("/metrics", Some(token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let kind = &answer.headers["content-type"];
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        holdfast.leaks_nothing(&answer.text);
    }
}
