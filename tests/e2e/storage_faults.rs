//! Storage that fails, in every way: mail goes on where the primary takes it, and where it does
//! not, the sender is told that nothing was accepted, and nothing was.

use std::time::Duration;

use holdfast_tests::support::installation::mail;
use holdfast_tests::support::storage::Kind;
use holdfast_tests::support::{Fault, Installation, Peer, Setup, until};
use http::Method;

/// The ways in which storage that can be reached does not serve.
fn faults() -> Vec<Fault> {
    vec![
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Status(507, "InsufficientStorage"),
        Fault::Status(403, "QuotaExceeded"),
        Fault::Status(403, "InvalidAccessKeyId"),
        Fault::Status(404, "NoSuchBucket"),
        Fault::Status(301, "PermanentRedirect"),
        Fault::Close,
    ]
}

/// An installation whose primary takes no connections.
async fn with_dead_primary() -> (Installation, Peer) {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
    (holdfast, peer)
}

#[tokio::test]
async fn mail_flows_past_storage_that_fails() {
    let peer = Peer::start().await;
    let mut holdfast = Setup::to(&[peer.url()]).start().await;
    for fault in faults() {
        let given = fault.clone();
        holdfast.storage.proxy.rule(move |_| Some(given.clone()));
        let answer = holdfast.post(mail("past the fault")).await;
        answer.is_delivered();
        assert!(answer.took < QUICK, "{fault:?}: {:?}", answer.took);
    }
    holdfast.storage.proxy.behave();
    holdfast.storage.proxy.stop().await;
    let answer = holdfast.post(mail("past nothing")).await;
    answer.is_delivered();
    assert!(answer.took < QUICK, "refused: {:?}", answer.took);
    assert_eq!(peer.taken().len(), faults().len() + 1);
}

#[tokio::test]
async fn mail_flows_past_storage_that_is_silent_or_slow() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for fault in [Fault::Silent, Fault::Slow(Duration::from_secs(20))] {
        let given = fault.clone();
        holdfast.storage.proxy.rule(move |_| Some(given.clone()));
        let answer = holdfast.post(mail("past silence")).await;
        answer.is_delivered();
        assert!(answer.took < STATE + QUICK, "{fault:?}: {:?}", answer.took);
    }
}

#[tokio::test]
async fn with_primary_and_storage_out_the_message_stays_with_its_sender() {
    let (mut holdfast, mut peer) = with_dead_primary().await;
    for fault in faults() {
        let given = fault.clone();
        holdfast.storage.proxy.rule(move |_| Some(given.clone()));
        let answer = holdfast.post(mail("to nobody")).await;
        answer.is_not_accepted();
        assert_eq!(answer.body["recipients"][0]["outcome"], "not-accepted");
        assert!(answer.took < ALL_TRIES, "{fault:?}: {:?}", answer.took);
        holdfast.leaks_nothing(&answer.text);
    }
    holdfast.storage.proxy.stop().await;
    let answer = holdfast.post(mail("to nobody")).await;
    answer.is_not_accepted();
    assert!(answer.took < ALL_TRIES, "refused: {:?}", answer.took);

    holdfast.storage.proxy.behave();
    holdfast.storage.proxy.start_again().await;
    holdfast.has_kept_nothing();
    // Both are well again, and nothing of what was refused comes out of anywhere.
    peer.start_again().await;
    until("mail flows again", async || {
        holdfast.post(mail("well again")).await.status == 200
    })
    .await;
    let taken = peer.taken().into_iter();
    let refused = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("to nobody");
    assert_eq!(taken.filter(|taken| refused(&taken.bytes)).count(), 0);
}

#[tokio::test]
async fn silent_storage_makes_nobody_wait_longer_than_its_budget() {
    let (holdfast, _peer) = with_dead_primary().await;
    holdfast.storage.proxy.rule(|_| Some(Fault::Silent));
    let answer = holdfast.post(mail("to nobody")).await;
    answer.is_not_accepted();
    let most = STATE + BUDGET + QUICK;
    assert!(answer.took < most, "{:?}", answer.took);
    holdfast.has_kept_nothing();
}

#[tokio::test]
async fn storage_that_is_slow_but_serves_holds_mail() {
    let (holdfast, _peer) = with_dead_primary().await;
    holdfast
        .storage
        .proxy
        .rule(|_| Some(Fault::Slow(Duration::from_millis(1_500))));
    let answer = holdfast.post(mail("slowly")).await;
    answer.is_held("failed");
    assert_eq!(holdfast.held()[answer.id()].message, mail("slowly"));
}

#[tokio::test]
async fn storage_that_fails_twice_and_then_serves_holds_mail() {
    for fault in [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Close,
    ] {
        let (holdfast, _peer) = with_dead_primary().await;
        holdfast.storage.proxy.rule(move |seen| {
            let queue = seen.key.starts_with("queue/") && seen.earlier < 2;
            queue.then(|| fault.clone())
        });
        let answer = holdfast.post(mail("third time")).await;
        answer.is_held("failed");
        assert_eq!(holdfast.held()[answer.id()].message, mail("third time"));
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_makes_one_object() {
    let (holdfast, _peer) = with_dead_primary().await;
    holdfast.storage.proxy.rule(|seen| {
        let first = seen.method == Method::PUT && seen.earlier == 0;
        first.then_some(Fault::LoseAnswer)
    });
    let answer = holdfast.post(mail("lost answer")).await;
    answer.is_held("failed");
    let held = holdfast.held();
    assert_eq!(held.len(), 1, "{:?}", held.keys());
    assert_eq!(held[answer.id()].message, mail("lost answer"));
}

#[tokio::test]
async fn wrong_credentials_are_no_reason_to_stop_mail_nor_to_lose_any() {
    let mut peer = Peer::start().await;
    let setup = Setup::to(&[peer.url()]).forgiving();
    let holdfast = setup
        .variable("storage_secret_key", "not-the-key")
        .start()
        .await;
    holdfast.post(mail("delivered")).await.is_delivered();
    peer.stop().await;
    let answer = holdfast.post(mail("to nobody")).await;
    answer.is_not_accepted();
    assert!(
        answer.word("detail").contains("SignatureDoesNotMatch"),
        "{}",
        answer.text
    );
    assert!(!answer.text.contains("not-the-key"), "{}", answer.text);
    assert!(!holdfast.log.contains("not-the-key"));
    holdfast.has_kept_nothing();
    let ready = holdfast.get("/readyz", None).await;
    ready.is_problem(503, "unavailable");
}

#[tokio::test]
async fn what_some_recipients_were_refused_is_said_of_each() {
    let peer = Peer::start().await;
    peer.refuse_recipient("full@example.org", "452 4.2.2 mailbox full");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    holdfast
        .storage
        .proxy
        .rule(|_| Some(Fault::Status(503, "SlowDown")));
    let message = holdfast.message(mail("half"));
    let answer = message
        .to(&["bob@example.org", "full@example.org"])
        .send()
        .await;
    answer.is_not_accepted();
    assert_eq!(answer.body["recipients"][0]["outcome"], "delivered");
    assert_eq!(answer.body["recipients"][1]["outcome"], "not-accepted");
}

#[tokio::test]
async fn a_damaged_state_of_a_route_stops_no_mail() {
    let mut peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    peer.stop().await;
    holdfast
        .post(mail("writes the state"))
        .await
        .is_held("failed");
    peer.start_again().await;
    holdfast.storage.overwrite("routes/hq.json", b"{ not json");
    holdfast.post(mail("past the damage")).await.is_delivered();
    // It is written anew, and not only passed over.
    peer.stop().await;
    for _ in 0..5 {
        holdfast.post(mail("held")).await.is_held("failed");
    }
    assert_eq!(holdfast.state().await, "down");
}

#[tokio::test]
async fn storage_without_conditional_writes_is_found_out_and_said() {
    let mut peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()])
        .storage(Kind::Careless)
        .start()
        .await;
    let ready = holdfast.get("/readyz", None).await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    assert!(
        ready.text.contains("no conditional writes"),
        "{}",
        ready.text
    );

    holdfast.post(mail("delivered")).await.is_delivered();
    peer.stop().await;
    let answer = holdfast.message(mail("held")).key("one").send().await;
    answer.is_held("failed");
    let again = holdfast.message(mail("held")).key("one").send().await;
    assert_eq!((again.status, &again.body), (answer.status, &answer.body));
    assert_eq!(holdfast.held().len(), 1);
    for _ in 0..4 {
        holdfast.post(mail("more")).await.is_held("failed");
    }
    assert_eq!(
        holdfast.state().await,
        "down",
        "health is written there too"
    );
}

#[tokio::test]
async fn storage_with_conditional_writes_is_found_out_and_said() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let ready = holdfast.get("/readyz", None).await;
    assert_eq!(
        (ready.status, ready.word("writes")),
        (200, "conditional writes hold")
    );
}

/// A message waits so long for what is known of its route.
const STATE: Duration = Duration::from_secs(1);
/// A request to the storage has so long for all its tries.
const BUDGET: Duration = Duration::from_secs(8);
/// No limit of the storage's is in this time but its short waits between tries.
const QUICK: Duration = Duration::from_secs(6);
/// State, health and message, each with all its tries, all answered at once.
const ALL_TRIES: Duration = Duration::from_secs(10);
