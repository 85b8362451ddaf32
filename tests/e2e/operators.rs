//! What operators and monitors see, order and must show: readiness, health, overrides, tokens.

use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, TICK_TOKEN, mail};
use holdfast_tests::support::{Answer, Fault, Peer, Setup};
use serde_json::{Value, json};

#[tokio::test]
async fn readiness_is_about_the_storage_and_not_about_the_primary() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let mut holdfast = Setup::to(&[peer.url()]).start().await;
    for _ in 0..6 {
        holdfast.post(mail("held")).await;
    }
    assert_eq!(holdfast.state().await, "down");
    let ready = holdfast.get("/readyz", None).await;
    assert_eq!(
        (ready.status, &ready.body["ready"]),
        (200, &json!(true)),
        "{}",
        ready.text
    );

    holdfast.storage.proxy.stop().await;
    let unready = holdfast.get("/readyz", None).await;
    unready.is_problem(503, "unavailable");
    assert!(unready.headers.contains_key("retry-after"));
    assert_eq!(
        holdfast.get("/livez", None).await.status,
        200,
        "it lives all the same"
    );
    holdfast.storage.proxy.start_again().await;
    assert_eq!(holdfast.get("/readyz", None).await.status, 200);
}

#[tokio::test]
async fn the_api_describes_itself() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let described = holdfast.get("/openapi.json", None).await;
    assert_eq!(described.status, 200);
    assert!(
        described.word("openapi").starts_with("3.1"),
        "{}",
        described.word("openapi")
    );
    for path in [
        "/v1/messages",
        "/v1/messages/{id}",
        "/v1/health",
        "/v1/tick",
        "/v1/queue",
        "/v1/queue/{id}/{action}",
        "/v1/audit",
        "/v1/release",
        "/v1/windows",
        "/v1/windows/{id}",
        "/v1/windows/{id}/end",
        "/v1/windows/{id}/extend",
        "/metrics",
        "/v1/drills",
    ] {
        assert!(
            described.body["paths"][path].is_object(),
            "{path} is not described"
        );
    }
}

#[tokio::test]
async fn each_token_opens_its_own_door() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let url = |path: &str| format!("{}{path}", holdfast.url());
    let order = json!({ "mode": "hold", "reason": "because" });
    let requests = || {
        let client = &holdfast.client;
        [
            (client.get(url("/v1/health")), OPERATOR_TOKEN),
            (
                client.put(url("/v1/routes/hq/override")).json(&order),
                OPERATOR_TOKEN,
            ),
            (client.get(url("/v1/queue")), OPERATOR_TOKEN),
            (client.get(url("/v1/audit")), OPERATOR_TOKEN),
            (client.get(url("/v1/release")), OPERATOR_TOKEN),
            (client.get(url("/v1/windows")), OPERATOR_TOKEN),
            (client.post(url("/v1/tick")), TICK_TOKEN),
        ]
    };
    let tokens = ["", "wrong", ACME_KEY, OPERATOR_TOKEN, TICK_TOKEN];
    for token in tokens {
        for (request, right) in requests() {
            if token == right {
                continue;
            }
            let answer = Answer::of(request.bearer_auth(token)).await;
            answer.is_problem(401, "unauthorized");
            holdfast.leaks_nothing(&answer.text);
            assert_ne!(
                holdfast.logged(answer.id()).len(),
                0,
                "the log knows its id"
            );
        }
    }
    for (request, _) in requests() {
        Answer::of(request).await.is_problem(401, "unauthorized");
    }
    assert!(
        holdfast.objects().is_empty(),
        "{:?}",
        holdfast.objects().keys()
    );
    for (request, right) in requests() {
        assert_eq!(Answer::of(request.bearer_auth(right)).await.status, 200);
    }
}

#[tokio::test]
async fn a_token_that_is_not_set_opens_nothing() {
    let peer = Peer::start().await;
    let setup = Setup::to(&[peer.url()]).variable("operator_token", "");
    let holdfast = setup.variable("tick_token", "").start().await;
    for token in ["", "x"] {
        let health = holdfast.get("/v1/health", Some(token)).await;
        health.is_problem(503, "unavailable");
    }
    holdfast.tick().await.is_problem(503, "unavailable");
}

#[tokio::test]
async fn an_order_to_hold_holds_and_is_written_down_with_its_operator() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let ordered = holdfast
        .order(&json!({ "mode": "hold", "reason": "upgrade" }))
        .await;
    assert_eq!(
        (ordered.status, ordered.word("decision")),
        (200, "hold"),
        "{}",
        ordered.text
    );
    let answer = holdfast.post(mail("held by order")).await;
    answer.is_held("override");
    assert!(
        answer.word("detail").contains("Olga ordered it: upgrade"),
        "{}",
        answer.text
    );
    let said = peer
        .commands()
        .into_iter()
        .filter(|line| line.starts_with("MAIL"));
    assert_eq!(said.count(), 0, "the primary is left alone");

    let back = holdfast
        .order(&json!({ "mode": "auto", "reason": "done" }))
        .await;
    assert_eq!(back.word("decision"), "deliver", "{}", back.text);
    holdfast.post(mail("delivered")).await.is_delivered();

    let audit: Vec<Value> = holdfast
        .objects()
        .into_iter()
        .filter(|(key, _)| key.starts_with("audit/"))
        .map(|(_, bytes)| serde_json::from_slice(&bytes).unwrap())
        .collect();
    let reasons: Vec<_> = audit
        .iter()
        .map(|entry| entry["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["upgrade", "done"]);
    for entry in &audit {
        assert_eq!(
            (&entry["by"], &entry["action"]),
            (&json!("Olga"), &json!("override"))
        );
        assert_eq!(entry["subject"], "hq");
        assert!(
            entry["from"].as_str().unwrap().starts_with("127.0.0.1"),
            "{entry}"
        );
        assert!(entry["at"].is_string());
    }
    assert_eq!(audit[0]["facts"]["mode"], "hold");
}

#[tokio::test]
async fn an_order_to_deliver_stands_above_the_health() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let health = "health_max_age = \"1ms\"\nbase_ejection_time = \"1m\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    for _ in 0..5 {
        holdfast.post(mail("held")).await;
    }
    peer.start_again().await;
    holdfast.post(mail("held")).await.is_held("down");
    holdfast
        .order(&json!({ "mode": "deliver", "reason": "it is back" }))
        .await;
    holdfast.post(mail("delivered")).await.is_delivered();
}

#[tokio::test]
async fn an_order_that_is_not_one_changes_nothing() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for order in [
        json!({ "mode": "hold" }),
        json!({ "mode": "hold", "reason": " " }),
        json!({ "mode": "stop", "reason": "x" }),
        json!({ "mode": "hold", "reason": "x", "expires": "yesterday" }),
        json!({ "mode": "hold", "reason": "x", "expires": "2020-01-01T00:00:00Z" }),
        json!({ "mode": "hold", "reason": "x".repeat(501) }),
        json!({ "mode": "hold", "reason": "x", "until": "tomorrow" }),
    ] {
        holdfast.order(&order).await.is_problem(400, "bad-request");
    }
    let elsewhere = holdfast
        .client
        .put(format!("{}/v1/routes/nowhere/override", holdfast.url()));
    let elsewhere = elsewhere.json(&json!({ "mode": "hold", "reason": "x" }));
    let answer = Answer::of(elsewhere.bearer_auth(OPERATOR_TOKEN)).await;
    answer.is_problem(404, "not-found");
    assert!(holdfast.objects().is_empty());
    holdfast.post(mail("delivered")).await.is_delivered();
}

#[tokio::test]
async fn an_order_that_cannot_be_written_down_does_not_stand() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    holdfast.storage.proxy.rule(|seen| {
        let audit = seen.key.starts_with("audit/");
        audit.then_some(Fault::Status(503, "SlowDown"))
    });
    let order = json!({ "mode": "hold", "reason": "x" });
    let answer = holdfast.order(&order).await;
    answer.is_problem(503, "unavailable");
    holdfast.storage.proxy.behave();
    holdfast.post(mail("delivered")).await.is_delivered();
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_never_well() {
    let peer = Peer::start().await;
    let mut holdfast = Setup::to(&[peer.url()]).start().await;
    assert_eq!(holdfast.health().await["decision"], "deliver");
    holdfast.storage.proxy.stop().await;
    let route = holdfast.health().await;
    assert_eq!(route["decision"], "unknown", "{route}");
    assert!(route["error"].is_string());
    assert!(route["primaries"][0]["health"].is_null(), "{route}");
}
