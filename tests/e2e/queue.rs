//! Single messages of the queue in an operator's hands: seen with their reasons, tried again now,
//! dropped by a person with a name; and the audit log that knows it.

use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, mail};
use holdfast_tests::support::{Answer, Fault, Installation, Peer, Setup, until};
use serde_json::{Value, json};

async fn queue(holdfast: &Installation, query: &str) -> Answer {
    let path = format!("/v1/queue{query}");
    holdfast.get(&path, Some(OPERATOR_TOKEN)).await
}

/// Orders something for one message, as this operator.
async fn act(holdfast: &Installation, id: &str, action: &str, who: Option<&str>) -> Answer {
    let url = format!("{}/v1/queue/{id}/{action}", holdfast.url());
    let mut request = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
    if let Some(who) = who {
        request = request.header("holdfast-operator", who);
    }
    Answer::of(request.json(&json!({ "reason": "asked by the sender" }))).await
}

async fn audit(holdfast: &Installation, query: &str) -> Answer {
    let path = format!("/v1/audit{query}");
    holdfast.get(&path, Some(OPERATOR_TOKEN)).await
}

#[tokio::test]
async fn the_queue_is_shown_oldest_first_in_pages_with_its_reasons() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(
            holdfast
                .post(mail(&number.to_string()))
                .await
                .id()
                .to_owned(),
        );
    }
    let whole = queue(&holdfast, "").await;
    assert_eq!(whole.status, 200, "{}", whole.text);
    let shown = |page: &Answer| -> Vec<String> {
        let messages = page.body["messages"].as_array().unwrap();
        messages
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(shown(&whole), ids);
    assert_eq!(whole.body["next"], Value::Null);
    let first = &whole.body["messages"][0];
    assert_eq!(first["route"], "hq");
    assert_eq!(first["state"], "held");
    assert_eq!(first["partner"], "acme");
    assert_eq!(first["sender"], "ann@acme.example");
    assert_eq!(first["recipients"], json!(["bob@example.org"]));
    assert_eq!(first["reason"], "failed");
    let detail = first["detail"].as_str().unwrap();
    assert!(detail.contains("connection refused"), "{detail}");

    let mut paged = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next {
        let page = queue(&holdfast, &format!("?route=hq&limit=2{after}")).await;
        assert!(shown(&page).len() <= 2, "{}", page.text);
        paged.extend(shown(&page));
        next = page.body["next"]
            .as_str()
            .map(|next| format!("&after={next}"));
    }
    assert_eq!(paged, ids);
    assert_eq!(shown(&queue(&holdfast, "?state=deferred").await), [""; 0]);

    for (query, status) in [
        ("?route=nowhere", 404),
        ("?after=x", 400),
        ("?limit=0", 400),
        ("?state=lost", 400),
        ("?color=red", 400),
    ] {
        assert_eq!(queue(&holdfast, query).await.status, status, "{query}");
    }
}

#[tokio::test]
async fn a_queue_that_cannot_be_listed_is_never_shown_as_empty() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let down = |_: &_| Some(Fault::Status(500, "InternalError"));
    holdfast.storage.proxy.rule(down);
    queue(&holdfast, "").await.is_problem(503, "unavailable");
    audit(&holdfast, "").await.is_problem(503, "unavailable");
}

#[tokio::test]
async fn a_message_is_dropped_by_a_person_with_a_name_and_the_log_knows_it() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let held = holdfast.post(mail("unwanted")).await;
    let kept = holdfast.post(mail("wanted")).await;

    act(&holdfast, held.id(), "drop", None)
        .await
        .is_problem(400, "bad-request");
    act(&holdfast, held.id(), "burn", Some("Olga"))
        .await
        .is_problem(404, "not-found");
    let never = "01890a5d-ac96-774b-bcce-b302099a8057";
    act(&holdfast, never, "drop", Some("Olga"))
        .await
        .is_problem(404, "not-found");
    assert_eq!(holdfast.held().len(), 2, "nothing happened yet");

    let dropped = act(&holdfast, held.id(), "drop", Some("Olga")).await;
    assert_eq!(dropped.status, 200, "{}", dropped.text);
    assert_eq!(dropped.body["routes"], json!(["hq"]));
    let left: Vec<_> = holdfast.held().into_keys().collect();
    assert_eq!(left, [kept.id()]);
    let path = format!("/v1/messages/{}", held.id());
    let life = holdfast.get(&path, Some(ACME_KEY)).await;
    assert_eq!(life.body["outcome"], "dropped", "{}", life.text);
    assert_eq!(life.body["ended"][0]["dropped"]["by"], "Olga");

    let log = audit(&holdfast, "").await;
    let entry = &log.body["entries"][0];
    assert_eq!(entry["action"], "drop", "{}", log.text);
    assert_eq!(entry["by"], "Olga");
    assert_eq!(entry["subject"], format!("hq/{}", held.id()));
    assert_eq!(entry["reason"], "asked by the sender");
    let csv = audit(&holdfast, "?format=csv").await;
    let kind = csv.headers["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/csv"), "{kind}");
    assert!(csv.text.contains("\"Olga\""), "{}", csv.text);
    assert_eq!(
        audit(&holdfast, "?day=2020-01-01").await.body["entries"],
        json!([])
    );
    audit(&holdfast, "?day=yesterday")
        .await
        .is_problem(400, "bad-request");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_dropped() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let held = holdfast.post(mail("wanted")).await;
    let rule = |seen: &holdfast_tests::support::Seen| {
        seen.key
            .starts_with("audit/")
            .then_some(Fault::Status(500, "InternalError"))
    };
    holdfast.storage.proxy.rule(rule);
    let answer = act(&holdfast, held.id(), "drop", Some("Olga")).await;
    answer.is_problem(503, "unavailable");
    assert!(holdfast.held().contains_key(held.id()));
}

#[tokio::test]
async fn a_deferred_message_is_tried_again_when_a_person_says_so() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let held = holdfast.post(mail("later")).await;
    peer.refuse_content("later", "451 4.3.0 greylisted");
    peer.start_again().await;
    until("it is deferred", async || {
        holdfast.tick().await;
        let page = queue(&holdfast, "?state=deferred").await;
        page.body["messages"][0]["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("greylisted"))
    })
    .await;
    peer.behave();
    holdfast.tick().await;
    assert!(holdfast.held().contains_key(held.id()), "it has to wait");
    let answer = act(&holdfast, held.id(), "retry", Some("Olga")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    holdfast.tick().await;
    assert!(!holdfast.held().contains_key(held.id()), "it went at once");
    assert_eq!(peer.taken().len(), 1);
}
