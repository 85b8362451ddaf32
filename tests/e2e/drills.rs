//! A failover is rehearsed: both paths are taken and measured, no real mail is touched, and what
//! fails is a result.

use holdfast_tests::support::installation::{OPERATOR_TOKEN, TICK_TOKEN, mail};
use holdfast_tests::support::{Answer, Installation, Peer, Setup};
use serde_json::{Value, json};

const ROUTE: &str = "tls = \"off\"\ndrill_recipient = \"postmaster@example.org\"";

async fn drill(holdfast: &Installation, order: &Value) -> Answer {
    let url = format!("{}/v1/drills", holdfast.url());
    let request = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
    Answer::of(request.header("holdfast-operator", "Olga").json(order)).await
}

async fn results(holdfast: &Installation) -> Value {
    let answer = holdfast.get("/v1/drills", Some(OPERATOR_TOKEN)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["drills"].clone()
}

fn outcomes(drill: &Value) -> Vec<&str> {
    let steps = ["primary", "hold", "readable", "release", "removed"];
    let outcome = |step: &str| drill[step]["outcome"].as_str().unwrap_or("absent");
    steps.map(outcome).to_vec()
}

#[tokio::test]
async fn a_drill_takes_both_paths_beside_real_mail_that_it_does_not_touch() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).route(ROUTE).start().await;
    let order = json!({ "mode": "hold", "reason": "to have something held" });
    assert_eq!(holdfast.order(&order).await.status, 200);
    let real = holdfast.post(mail("real")).await;
    real.is_held("override");
    let auto = json!({ "mode": "auto", "reason": "go on" });
    assert_eq!(holdfast.order(&auto).await.status, 200);

    let order = json!({ "route": "hq", "reason": "every quarter" });
    let answer = drill(&holdfast, &order).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(outcomes(&answer.body), ["passed"; 5], "{}", answer.text);
    assert_eq!(answer.body["passed"], true);
    assert_eq!(answer.body["rpo_messages"], 0);
    assert!(answer.body["rto_ms"].is_u64(), "{}", answer.text);
    assert_eq!(results(&holdfast).await, json!([answer.body]));

    let taken = peer.taken();
    assert_eq!(taken.len(), 2, "two messages of the drill, nothing real");
    for one in &taken {
        let text = String::from_utf8_lossy(&one.bytes).into_owned();
        assert!(text.contains("Subject: Holdfast drill on route hq"));
    }
    assert_eq!(holdfast.held()[real.id()].message, mail("real"));
    let left = holdfast.objects().into_keys();
    let left: Vec<_> = left.filter(|key| key.starts_with("drills/hq/")).collect();
    assert_eq!(left, [""; 0], "what was held is removed");
    let audit = holdfast.get("/v1/audit", Some(OPERATOR_TOKEN)).await;
    assert!(audit.text.contains("every quarter"), "{}", audit.text);
    let metrics = holdfast.get("/metrics", Some(TICK_TOKEN)).await;
    assert!(
        metrics
            .text
            .contains("holdfast_drill_passed{route=\"hq\"} 1")
    );
}

#[tokio::test]
async fn a_dead_primary_is_a_result_and_the_storage_s_path_is_measured_all_the_same() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).route(ROUTE).start().await;
    let order = json!({ "route": "hq", "reason": "to see it fail" });
    let answer = drill(&holdfast, &order).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let expected = ["failed", "passed", "passed", "failed", "passed"];
    assert_eq!(outcomes(&answer.body), expected, "{}", answer.text);
    assert_eq!(answer.body["passed"], false);
    assert_eq!(answer.body["rpo_messages"], 0);
    assert_eq!(holdfast.state().await, "up", "it judges nobody");
    holdfast.leaks_nothing(&answer.text);
}

#[tokio::test]
async fn a_drill_that_is_due_is_run_by_a_tick_once() {
    let peer = Peer::start().await;
    let route = format!("{ROUTE}\ndrill_every = \"30d\"");
    let holdfast = Setup::to(&[peer.url()]).route(&route).start().await;
    let ticked = holdfast.tick().await;
    assert_eq!(ticked.body["drill"]["passed"], true, "{}", ticked.text);
    assert_eq!(ticked.body["drill"]["by"], "schedule");
    let again = holdfast.tick().await;
    assert_eq!(again.body["drill"], Value::Null, "{}", again.text);
    let results = results(&holdfast).await;
    assert_eq!(results.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_drill_needs_a_route_a_reason_and_the_operators_token() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).route(ROUTE).start().await;
    let nowhere = json!({ "route": "nowhere", "reason": "x" });
    drill(&holdfast, &nowhere)
        .await
        .is_problem(404, "not-found");
    let unsaid = json!({ "route": "hq", "reason": " " });
    drill(&holdfast, &unsaid)
        .await
        .is_problem(400, "bad-request");
    let url = format!("{}/v1/drills", holdfast.url());
    let order = json!({ "route": "hq", "reason": "x" });
    let request = holdfast.client.post(url).bearer_auth(TICK_TOKEN);
    Answer::of(request.json(&order))
        .await
        .is_problem(401, "unauthorized");
    assert_eq!(peer.taken().len(), 0);
}
