//! What was held goes home: canary first, oldest first, byte for byte, each outcome written down,
//! and nothing left in the queue.

use std::sync::Arc;
use std::time::Duration;

use holdfast_tests::support::corpus;
use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, mail, without_trace};
use holdfast_tests::support::{Act, Answer, Installation, Peer, Setup, Stage, until};
use serde_json::json;
use tokio::sync::Semaphore;

/// An installation whose primary is stopped, and finds out quickly when it is back.
async fn with_stopped_primary() -> (Installation, Peer) {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).health(IMPATIENT).start().await;
    (holdfast, peer)
}

const IMPATIENT: &str = "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";

async fn tick_until_empty(holdfast: &Installation) {
    until("the queue is empty", async || {
        let ticked = holdfast.tick().await;
        assert_eq!(ticked.status, 200, "{}", ticked.text);
        holdfast.held().is_empty()
    })
    .await;
}

#[tokio::test]
async fn the_queue_goes_home_oldest_first_and_byte_for_byte() {
    let (holdfast, mut peer) = with_stopped_primary().await;
    let mut held = Vec::new();
    for sample in corpus::all() {
        let answer = holdfast.post(sample.bytes.clone()).await;
        assert_eq!(answer.status, 202, "{}: {}", sample.name, answer.text);
        held.push((answer.id().to_owned(), sample.bytes));
    }
    peer.start_again().await;
    tick_until_empty(&holdfast).await;
    assert_eq!(holdfast.state().await, "up");

    let taken = peer.taken();
    assert_eq!(taken.len(), held.len(), "each once");
    for (id, message) in &held {
        let mark = format!(" id {id};");
        let arrived = taken
            .iter()
            .find(|taken| String::from_utf8_lossy(&taken.bytes).contains(&mark))
            .unwrap_or_else(|| panic!("{id} did not arrive"));
        assert!(
            without_trace(&arrived.bytes, id) == *message,
            "{id}: other bytes"
        );
        let path = format!("/v1/messages/{id}");
        let life = holdfast.get(&path, Some(ACME_KEY)).await;
        assert_eq!(life.body["outcome"], "delivered", "{}", life.text);
        assert_eq!(life.body["held"], json!([]));
    }
    // Slow start: the first goes alone, and it is the oldest.
    let first = String::from_utf8_lossy(&taken[0].bytes).into_owned();
    assert!(first.contains(&format!(" id {};", held[0].0)), "{first}");
    let left = holdfast.objects().into_keys();
    let left: Vec<_> = left.filter(|key| key.starts_with("attempts/")).collect();
    assert_eq!(left, [""; 0], "no record outlives its message");
}

#[tokio::test]
async fn where_nobody_ticks_new_mail_sends_held_mail_home() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let setup = Setup::to(&[peer.url()]).health(IMPATIENT).never_ticked();
    let mut holdfast = setup.start().await;
    let mut held = Vec::new();
    for n in 0..5 {
        held.push(holdfast.post(mail(&format!("held {n}"))).await);
    }
    let ticked = async || holdfast.storage.objects().contains_key("ticks.json");
    until("the first of these has asked for a tick", ticked).await;
    peer.start_again().await;
    for later in 0.. {
        assert!(later < 20, "the queue does not drain");
        // Each time the instances are others, and the last tick is long ago.
        holdfast.kill_host().await;
        holdfast.storage.remove("ticks.json");
        holdfast.start_host().await;
        held.push(holdfast.post(mail("one more")).await);
        until("it has asked for a tick", async || {
            holdfast.storage.objects().contains_key("ticks.json")
        })
        .await;
        // The one that the first tick tried in vain has its own time.
        if holdfast.held().len() <= 1 {
            break;
        }
    }
    let (taken, left) = (peer.taken(), holdfast.held());
    held.retain(|answer| !left.contains_key(answer.id()));
    assert!(held.len() >= 5);
    for answer in &held {
        let mark = format!(" id {};", answer.id());
        let times = taken
            .iter()
            .filter(|taken| String::from_utf8_lossy(&taken.bytes).contains(&mark));
        assert_eq!(times.count(), 1, "{} arrives once", answer.id());
    }
}

#[tokio::test]
async fn a_tick_goes_on_after_its_answer() {
    let (holdfast, mut peer) = with_stopped_primary().await;
    for n in 0..100 {
        holdfast.post(mail(&format!("held {n}"))).await;
    }
    // So slow that one tick's time is not enough for all of them.
    let gate = Arc::new(Semaphore::new(0));
    peer.only(Stage::End, Act::Gate(gate.clone()));
    peer.start_again().await;
    let opening = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            gate.add_permits(1);
        }
    });
    let mut more = false;
    until("one tick has more than it may do", async || {
        more = holdfast.tick().await.body["more"] == json!(true);
        more
    })
    .await;
    assert!(!holdfast.held().is_empty(), "not everything is home");
    let emptied = async || holdfast.held().is_empty();
    until("the rest goes home without another tick", emptied).await;
    opening.abort();
    assert_eq!(peer.taken().len(), 100, "each once");
}

#[tokio::test]
async fn a_message_that_fails_is_stepped_over() {
    let (holdfast, mut peer) = with_stopped_primary().await;
    let poisoned = holdfast.post(mail("poison")).await;
    let behind = holdfast.post(mail("behind it")).await;
    peer.refuse_content("poison", "451 4.3.0 not now");
    peer.start_again().await;
    until("what is behind it arrives", async || {
        holdfast.tick().await;
        !holdfast.held().contains_key(behind.id())
    })
    .await;
    assert_eq!(holdfast.held()[poisoned.id()].message, mail("poison"));
    let key = format!("attempts/hq/{}.json", poisoned.id());
    let attempts = &holdfast.objects()[&key];
    let attempts: serde_json::Value = serde_json::from_slice(attempts).unwrap();
    assert!(
        attempts["detail"].as_str().unwrap().contains("not now"),
        "{attempts}"
    );
}

#[tokio::test]
async fn a_canary_that_fails_keeps_the_rest_at_home() {
    let (holdfast, mut peer) = with_stopped_primary().await;
    for number in 0..5 {
        holdfast
            .post(mail(&number.to_string()))
            .await
            .is_held("failed");
    }
    until("the primary is judged down", async || {
        holdfast.post(mail("more")).await;
        holdfast.state().await == "down"
    })
    .await;
    let held = holdfast.held().len();
    peer.only(Stage::Mail, Act::Close);
    peer.start_again().await;
    until("a canary was tried", async || {
        let ticked = holdfast.tick().await;
        ticked.body["routes"][0]["canary"]["outcome"] == "failed"
    })
    .await;
    let mails = |peer: &Peer| {
        let commands = peer.commands();
        commands
            .iter()
            .filter(|line| line.starts_with("MAIL"))
            .count()
    };
    assert_eq!(mails(&peer), 1, "one message tried it");
    assert_eq!(holdfast.held().len(), held, "nothing is lost");
    assert_eq!(peer.taken().len(), 0);
}

#[tokio::test]
async fn a_release_by_hand_is_forecast_limited_reported_and_audited() {
    let (holdfast, mut peer) = with_stopped_primary().await;
    for number in 0..4 {
        holdfast
            .post(mail(&number.to_string()))
            .await
            .is_held("failed");
    }
    peer.start_again().await;
    let release = async |order: serde_json::Value| {
        let url = format!("{}/v1/release", holdfast.url());
        let request = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
        Answer::of(request.header("holdfast-operator", "Olga").json(&order)).await
    };
    let dry = release(json!({ "route": "hq", "dry_run": true })).await;
    assert_eq!(dry.status, 200, "{}", dry.text);
    assert_eq!(
        dry.body["queued"],
        json!({ "messages": 4, "or_more": false })
    );
    assert_eq!(dry.body["released"], serde_json::Value::Null);
    assert!(dry.body["oldest"].is_string(), "{}", dry.text);
    assert_eq!(holdfast.held().len(), 4, "a dry run moves nothing");
    assert_eq!(peer.connections(), 0);

    let some = json!({ "route": "hq", "limit": 1, "reason": "to see whether it works" });
    let one = release(some).await;
    assert_eq!(one.body["released"]["delivered"], 1, "{}", one.text);
    assert_eq!(holdfast.held().len(), 3);
    let url = "/v1/release";
    let progress = holdfast.get(url, Some(OPERATOR_TOKEN)).await;
    let route = &progress.body["routes"][0];
    assert_eq!(route["queued"]["messages"], 3, "{}", progress.text);
    assert_eq!(route["latest"]["released"], 1);
    assert_eq!(route["latest"]["done"], false);

    let rest = release(json!({ "route": "hq", "reason": "it does" })).await;
    assert_eq!(rest.body["released"]["delivered"], 3, "{}", rest.text);
    let progress = holdfast.get(url, Some(OPERATOR_TOKEN)).await;
    let latest = &progress.body["routes"][0]["latest"];
    assert_eq!(
        (&latest["released"], &latest["done"]),
        (&json!(4), &json!(true))
    );
    assert_eq!(peer.taken().len(), 4);
    let audit = holdfast.get("/v1/audit", Some(OPERATOR_TOKEN)).await;
    assert_eq!(
        audit.body["entries"].as_array().map(Vec::len),
        Some(2),
        "{}",
        audit.text
    );
    assert_eq!(
        audit.body["entries"][0]["reason"],
        "to see whether it works"
    );

    let without = release(json!({ "route": "hq" })).await;
    without.is_problem(400, "bad-request");
    release(json!({ "route": "nowhere", "dry_run": true }))
        .await
        .is_problem(404, "not-found");
}
