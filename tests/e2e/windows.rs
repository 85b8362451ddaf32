//! Maintenance windows: in one, mail is held on purpose and the mail system is left alone; at its
//! end mail goes home, by itself or when a person says so. One-off windows in real time.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdfast_core::time::Timestamp;
use holdfast_tests::support::installation::{OPERATOR_TOKEN, mail};
use holdfast_tests::support::{Answer, Installation, Peer, Setup, until};
use reqwest::Method;
use serde_json::{Value, json};

async fn installation() -> (Installation, Peer) {
    let peer = Peer::start().await;
    let health =
        "health_max_age = \"1ms\"\nbase_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    (holdfast, peer)
}

async fn ask(holdfast: &Installation, method: Method, path: &str, order: &Value) -> Answer {
    let url = format!("{}/v1/windows{path}", holdfast.url());
    let request = holdfast.client.request(method, url);
    let request = request.bearer_auth(OPERATOR_TOKEN);
    Answer::of(request.header("holdfast-operator", "Olga").json(order)).await
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

/// A window that is open and lasts so long.
fn window(length: Duration, release: &str) -> Value {
    let start = now();
    json!({
        "route": "hq", "start": start.to_string(), "end": start.after(length).to_string(),
        "release": release, "reason": "new disks",
    })
}

async fn open(holdfast: &Installation, length: Duration, release: &str) -> Answer {
    let order = window(length, release);
    let planned = ask(holdfast, Method::POST, "", &order).await;
    assert_eq!(planned.status, 201, "{}", planned.text);
    assert_eq!(planned.body["open"], true, "{}", planned.text);
    planned
}

fn end_of(planned: &Answer) -> Timestamp {
    Timestamp::parse(planned.body["next"][0]["end"].as_str().unwrap()).unwrap()
}

fn mails(peer: &Peer) -> usize {
    let commands = peer.commands();
    commands
        .iter()
        .filter(|line| line.starts_with("MAIL"))
        .count()
}

/// The ids of what arrived, in order.
fn arrived(peer: &Peer) -> Vec<String> {
    let id = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let rest = text.split_once(" id ").unwrap().1;
        rest.split_once(';').unwrap().0.to_owned()
    };
    peer.taken().iter().map(|taken| id(&taken.bytes)).collect()
}

async fn tick_until_empty(holdfast: &Installation) {
    until("the queue is empty", async || {
        assert_eq!(holdfast.tick().await.status, 200);
        holdfast.held().is_empty()
    })
    .await;
}

#[tokio::test]
async fn in_a_window_mail_is_held_and_goes_home_oldest_first_at_its_end() {
    let (holdfast, peer) = installation().await;
    let planned = open(&holdfast, Duration::from_secs(3), "automatic").await;
    let end = end_of(&planned);
    let mut held = Vec::new();
    for number in 0..5 {
        let answer = holdfast.post(mail(&number.to_string())).await;
        answer.is_held("window");
        assert_eq!(answer.word("until"), end.to_string(), "{}", answer.text);
        held.push(answer.id().to_owned());
        holdfast.tick().await;
    }
    assert!(now() < end, "this machine is too slow for this test");
    assert_eq!(mails(&peer), 0, "the primary is left alone");
    until("the window is over", async || now() >= end).await;
    tick_until_empty(&holdfast).await;
    // The canary is the oldest; those behind it go two and more at a time.
    let mut arrived = arrived(&peer);
    assert_eq!(arrived[0], held[0]);
    arrived.sort();
    assert_eq!(arrived, held);
    holdfast.post(mail("after it")).await.is_delivered();
}

#[tokio::test]
async fn an_instance_that_knows_of_a_window_makes_no_connection() {
    let (holdfast, peer) = installation().await;
    open(&holdfast, Duration::from_secs(60), "automatic").await;
    holdfast
        .post(mail("a cold instance"))
        .await
        .is_held("window");
    for _ in 0..10 {
        holdfast.post(mail("a warm one")).await.is_held("window");
    }
    // Requests that come one after the other are served by one instance: only when it knew nothing
    // yet it opened a connection ahead, and said nothing about a message on it.
    assert!(peer.connections() <= 1, "{}", peer.connections());
    assert_eq!(mails(&peer), 0);
}

#[tokio::test]
async fn what_a_manual_window_held_waits_for_a_person() {
    let (holdfast, peer) = installation().await;
    let planned = open(&holdfast, Duration::from_secs(2), "manual").await;
    let answer = holdfast.post(mail("held")).await;
    answer.is_held("window");
    let end = end_of(&planned);
    until("the window is over", async || now() >= end).await;
    for _ in 0..3 {
        holdfast.tick().await;
    }
    assert_eq!(holdfast.held().len(), 1, "no tick releases it");
    holdfast.post(mail("later")).await.is_delivered();
    let route = holdfast.health().await;
    let id = planned.id();
    assert_eq!(route["waiting"][0]["window"], id, "{route}");
    let releases = holdfast.get("/v1/release", Some(OPERATOR_TOKEN)).await;
    let waiting = &releases.body["routes"][0]["waiting"][0];
    assert_eq!(waiting["end"], end.to_string(), "{}", releases.text);

    let url = format!("{}/v1/release", holdfast.url());
    let order = json!({ "route": "hq", "reason": "all is well" });
    let request = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
    let released = Answer::of(request.json(&order)).await;
    assert_eq!(
        released.body["released"]["delivered"], 1,
        "{}",
        released.text
    );
    assert!(holdfast.held().is_empty());
    assert_eq!(arrived(&peer).last().map(String::as_str), Some(answer.id()));
    assert_eq!(holdfast.health().await["waiting"], Value::Null);
}

#[tokio::test]
async fn a_window_that_ends_while_the_primary_is_down_leaves_its_mail_to_the_health() {
    let (holdfast, mut peer) = installation().await;
    let planned = open(&holdfast, Duration::from_secs(2), "automatic").await;
    holdfast.post(mail("in the window")).await.is_held("window");
    peer.stop().await;
    let end = end_of(&planned);
    until("the window is over", async || now() >= end).await;
    until("the primary is judged down", async || {
        holdfast.tick().await;
        holdfast.post(mail("after it")).await;
        holdfast.state().await == "down"
    })
    .await;
    let held = holdfast.held().len();
    assert!(held > 1 && peer.taken().is_empty());
    peer.start_again().await;
    tick_until_empty(&holdfast).await;
    assert_eq!(arrived(&peer).len(), held, "each once");
}

#[tokio::test]
async fn mail_that_arrives_in_the_second_a_window_closes_is_delivered_or_held_and_never_lost() {
    let (holdfast, peer) = installation().await;
    let planned = open(&holdfast, Duration::from_secs(2), "automatic").await;
    let end = end_of(&planned);
    let before = Timestamp::from_millis(end.millis() - 500);
    until("the window nearly closes", async || now() >= before).await;
    let mut accepted = BTreeSet::new();
    let (mut held, mut delivered) = (0, 0);
    while now() < end.after(Duration::from_millis(500)) || delivered == 0 {
        let answer = holdfast.post(mail("across the end")).await;
        match answer.status {
            200 => delivered += 1,
            202 => held += 1,
            _ => panic!("{}", answer.text),
        }
        accepted.insert(answer.id().to_owned());
        if held % 5 == 0 {
            holdfast.tick().await;
        }
    }
    assert!(
        held > 0 && delivered > 0,
        "{held} held, {delivered} delivered"
    );
    tick_until_empty(&holdfast).await;
    let arrived = arrived(&peer);
    assert_eq!(arrived.len(), accepted.len(), "each once");
    assert_eq!(arrived.into_iter().collect::<BTreeSet<_>>(), accepted);
}

#[tokio::test]
async fn windows_are_extended_ended_edited_and_deleted_and_the_audit_log_has_it_all() {
    let (holdfast, _peer) = installation().await;
    let planned = open(&holdfast, Duration::from_secs(100), "automatic").await;
    let id = planned.id();
    let later = end_of(&planned).after(Duration::from_secs(100)).to_string();
    let order = json!({ "until": later, "reason": "it takes longer" });
    let extended = ask(&holdfast, Method::POST, &format!("/{id}/extend"), &order).await;
    assert_eq!(extended.status, 200, "{}", extended.text);
    assert_eq!(holdfast.post(mail("held")).await.word("until"), later);
    let reason = json!({ "reason": "done" });
    let ended = ask(&holdfast, Method::POST, &format!("/{id}/end"), &reason).await;
    assert_eq!(ended.body["open"], false, "{}", ended.text);
    holdfast.post(mail("delivered")).await.is_delivered();
    let again = ask(&holdfast, Method::POST, &format!("/{id}/end"), &reason).await;
    again.is_problem(409, "conflict");

    let edit = window(Duration::from_secs(100), "automatic");
    let edited = ask(&holdfast, Method::PUT, &format!("/{id}"), &edit).await;
    assert_eq!(edited.body["open"], true, "{}", edited.text);
    holdfast.post(mail("held")).await.is_held("window");
    let path = format!("/{id}?reason=done%20again");
    let deleted = ask(&holdfast, Method::DELETE, &path, &json!(null)).await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    holdfast.post(mail("delivered")).await.is_delivered();
    let list = holdfast.get("/v1/windows", Some(OPERATOR_TOKEN)).await;
    assert_eq!(list.body["windows"], json!([]), "{}", list.text);
    let gone = ask(&holdfast, Method::DELETE, &path, &json!(null)).await;
    gone.is_problem(404, "not-found");

    let audit = holdfast.get("/v1/audit", Some(OPERATOR_TOKEN)).await;
    let entries = audit.body["entries"].as_array().unwrap();
    let said: Vec<_> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["by"], "Olga");
            let word = |name: &str| entry[name].as_str().unwrap().to_owned();
            (word("action"), word("reason"))
        })
        .collect();
    let expected = [
        ("window.add", "new disks"),
        ("window.extend", "it takes longer"),
        ("window.end", "done"),
        ("window.edit", "new disks"),
        ("window.delete", "done again"),
    ];
    assert_eq!(said, expected.map(|(a, r)| (a.to_owned(), r.to_owned())));
}

#[tokio::test]
async fn windows_that_cannot_be_are_refused_by_the_reason_and_leave_nothing() {
    let (holdfast, _peer) = installation().await;
    let weekly = json!({
        "route": "hq", "start": "2027-01-03T02:00:00", "end": "2027-01-03T04:00:00",
        "time_zone": "Europe/Rome", "rrule": "FREQ=WEEKLY;BYDAY=SU", "reason": "upgrades",
    });
    let with = |name: &str, value: Value| {
        let mut order = weekly.clone();
        order[name] = value;
        order
    };
    for (order, word) in [
        (with("time_zone", json!("Europe/Roma")), "Europe/Rome"),
        (with("rrule", json!("FREQ=HOURLY")), "HOURLY"),
        (
            with("rrule", json!("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")),
            "30 years",
        ),
        (with("duration", json!("2h")), "either"),
        (with("end", json!("2027-01-03T01:00:00")), "not after"),
        (with("reason", json!("")), "reason"),
        (with("colour", json!("blue")), "colour"),
    ] {
        let refused = ask(&holdfast, Method::POST, "", &order).await;
        refused.is_problem(400, "bad-request");
        assert!(refused.word("detail").contains(word), "{}", refused.text);
    }
    let dry = ask(&holdfast, Method::POST, "", &with("dry_run", json!(true))).await;
    assert_eq!(dry.status, 200, "{}", dry.text);
    let first = "2027-01-03T02:00:00+01:00[Europe/Rome]";
    assert_eq!(dry.body["next"][0]["local_start"], first, "{}", dry.text);
    assert!(
        holdfast.objects().is_empty(),
        "{:?}",
        holdfast.objects().keys()
    );

    let planned = ask(&holdfast, Method::POST, "", &weekly).await;
    assert_eq!(planned.status, 201, "{}", planned.text);
    let manual = with("release", json!("manual"));
    let against = ask(&holdfast, Method::POST, "", &manual).await;
    against.is_problem(409, "conflict");
    assert!(
        against.word("detail").contains(planned.id()),
        "{}",
        against.text
    );
    let twin = ask(&holdfast, Method::POST, "", &weekly).await;
    twin.is_problem(409, "conflict");
    holdfast.post(mail("delivered")).await.is_delivered();
}
