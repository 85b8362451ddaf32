//! The log and the trace: one JSON line for each event, with ids and reasons; nothing of a
//! message's content, and no person's address, unless the primary itself said it. A sender's trace
//! goes through, at once or by way of the storage.

use holdfast_tests::support::http_peer::{HttpAct, HttpPeer};
use holdfast_tests::support::installation::{OPERATOR_TOKEN, mail};
use holdfast_tests::support::{Answer, Installation, Peer, Setup, until};
use serde_json::{Value, json};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What must not be in a log line: the addresses, the header's words, the body's.
const PRIVATE: [&str; 5] = [
    "ann@acme",
    "bob@example",
    "SUBJECT-7f1c",
    "Hello.",
    "acme.example",
];

#[track_caller]
fn log_is_lines_of_json_without_content(holdfast: &Installation) {
    let lines = holdfast.log.lines();
    assert!(!lines.is_empty(), "it logs");
    for (component, line) in lines {
        let event: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{component}: {error}: {line}"));
        assert!(event["at"].is_string() && event["event"].is_string());
        for private in PRIVATE {
            assert!(!line.contains(private), "{private} is in the log: {line}");
        }
    }
}

#[tokio::test]
async fn no_event_of_a_messages_life_tells_its_content_or_its_people() {
    let mut peer = Peer::start().await;
    let health = "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    let message = || mail("SUBJECT-7f1c");
    holdfast.post(message()).await.is_delivered();
    peer.refuse_content("SUBJECT-7f1c", "451 4.3.0 not now");
    let deferred = holdfast.post(message()).await;
    deferred.is_held("deferred");
    peer.refuse_content("SUBJECT-7f1c", "550 5.7.1 never");
    holdfast.post(message()).await.is_problem(422, "refused");
    peer.behave();
    peer.stop().await;
    holdfast.post(message()).await.is_held("failed");
    let elsewhere = holdfast
        .message(message())
        .to(&["bob@example.com"])
        .send()
        .await;
    elsewhere.is_problem(422, "no-route");
    let stranger = holdfast
        .message(message())
        .from("eve@example.com")
        .send()
        .await;
    stranger.is_problem(403, "sender-not-granted");
    let url = format!("{}/v1/queue/{}/drop", holdfast.url(), deferred.id());
    let drop = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
    let drop = drop.header("holdfast-operator", "Olga");
    let dropped = Answer::of(drop.json(&json!({ "reason": "asked for" }))).await;
    assert_eq!(dropped.status, 200, "{}", dropped.text);
    peer.start_again().await;
    until("the queue is empty", async || {
        holdfast.tick().await;
        holdfast.held().is_empty()
    })
    .await;
    log_is_lines_of_json_without_content(&holdfast);
}

#[tokio::test]
async fn a_trace_goes_through_at_once_and_by_way_of_the_storage() {
    let peer = HttpPeer::start(HttpAct::Answer(200, "{}".into())).await;
    let setup = Setup::to(&[peer.url()]).forgiving().patience(1_000);
    let holdfast = setup
        .variable("primary_url_host", &peer.grant())
        .start()
        .await;
    let traced = |parent: &str| {
        let message = holdfast.message(mail("traced"));
        message
            .header("traceparent", parent.as_bytes())
            .header("tracestate", b"congo=t61")
    };
    let told = |head: &str| {
        let lines = head.lines();
        lines
            .filter(|line| line.starts_with("trace"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let carried = [
        format!("traceparent: {PARENT}"),
        "tracestate: congo=t61".to_owned(),
    ];
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };

    let at_once = traced(PARENT).send().await;
    at_once.is_delivered();
    let last = peer.heads().pop().expect("it arrived");
    assert_eq!(sorted(told(&last)), carried);
    let logged = holdfast.logged(at_once.id()).join("\n");
    assert!(logged.contains(TRACE_ID), "{logged}");

    let order = json!({ "mode": "hold", "reason": "because" });
    assert_eq!(holdfast.order(&order).await.status, 200);
    let held = traced(PARENT).send().await;
    held.is_held("override");
    let object = &holdfast.held()[held.id()];
    assert_eq!(
        object.value("Holdfast-Trace"),
        format!("{PARENT} congo=t61")
    );
    assert_eq!(object.message, mail("traced"));
    let auto = json!({ "mode": "auto", "reason": "because" });
    assert_eq!(holdfast.order(&auto).await.status, 200);
    holdfast.tick().await;
    assert!(holdfast.held().is_empty());
    let last = peer.heads().pop().expect("it arrived");
    assert_eq!(sorted(told(&last)), carried, "released in its trace");
    let logged = holdfast.logged(held.id());
    let ended = logged.iter().find(|line| line.contains("release.ended"));
    assert!(ended.expect("logged").contains(TRACE_ID));

    traced("not a context").send().await.is_delivered();
    let last = peer.heads().pop().expect("it arrived");
    assert_eq!(told(&last), [""; 0], "what is no context is passed over");
}
