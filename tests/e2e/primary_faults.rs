//! A primary that fails, in every way at every step: what was accepted is delivered or held, no
//! sender waits past a limit, and the judgement on the primary follows the evidence.

use std::time::Duration;

use futures::future::join_all;
use holdfast_core::limits;
use holdfast_tests::support::http_peer::{HttpAct, HttpPeer};
use holdfast_tests::support::installation::{mail, without_trace};
use holdfast_tests::support::peer::STAGES;
use holdfast_tests::support::{Act, Answer, Fault, Installation, Peer, Setup, Stage, until};
use serde_json::json;

/// A server that takes commands in one flight, and one that takes them one by one.
async fn servers() -> [Peer; 2] {
    let eager = Peer::offering(&["PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"]).await;
    [eager, Peer::offering(&[]).await]
}

/// Posts a message to a peer that misbehaves so, on a fresh connection.
async fn post_to(holdfast: &Installation, peer: &mut Peer, stage: Stage, act: Act) -> Answer {
    peer.only(stage, act.clone());
    peer.cut().await;
    holdfast.post(mail(&format!("{stage:?} {act:?}"))).await
}

/// Holds that the message of this answer lies in the bucket as it was submitted, once, and that
/// the peer said yes to it nowhere.
fn is_kept(holdfast: &Installation, peer: &Peer, answer: &Answer, stage: Stage, act: &Act) {
    let held = &holdfast.held()[answer.id()];
    assert_eq!(held.message, mail(&format!("{stage:?} {act:?}")));
    let mark = format!(" id {};", answer.id());
    let taken = peer.taken().into_iter();
    let mut yes =
        taken.filter(|t| t.confirmed && String::from_utf8_lossy(&t.bytes).contains(&mark));
    assert!(yes.next().is_none(), "{stage:?}: held and delivered");
}

#[tokio::test]
async fn a_primary_that_refuses_connections_loses_nothing() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let answer = holdfast.post(mail("refused")).await;
    answer.is_held("failed");
    assert!(
        answer.word("detail").contains("connection refused"),
        "{}",
        answer.text
    );
    assert_eq!(holdfast.held()[answer.id()].message, mail("refused"));
}

#[tokio::test]
async fn a_primary_that_is_silent_makes_nobody_wait_longer_than_its_step_may() {
    // Both at once: all they do is wait.
    join_all(servers().await.map(|peer| gives_up(peer, Act::Silent))).await;
}

#[tokio::test]
async fn a_reply_that_never_ends_counts_as_silence() {
    let act = Act::DripForever(Duration::from_millis(200));
    join_all(servers().await.map(|peer| gives_up(peer, act.clone()))).await;
}

/// Holds that at each step a peer that acts so is given up in that step's time.
async fn gives_up(mut peer: Peer, act: Act) {
    let setup = Setup::to(&[peer.url()]).forgiving().patience(1_000);
    let holdfast = setup.start().await;
    for stage in STAGES {
        let answer = post_to(&holdfast, &mut peer, stage, act.clone()).await;
        answer.is_held(if stage == Stage::End {
            "uncertain"
        } else {
            "failed"
        });
        is_kept(&holdfast, &peer, &answer, stage, &act);
        // The replies to RCPT are many: those that trickle in share the budget of the whole.
        let shared = stage == Stage::Rcpt && matches!(act, Act::DripForever(_));
        let most = if shared {
            limits::FORWARD_BUDGET + ONE_STEP
        } else {
            ONE_STEP
        };
        assert!(answer.took < most, "{stage:?}: {:?}", answer.took);
    }
}

#[tokio::test]
async fn all_addresses_share_one_budget() {
    let peers = [
        Peer::start().await,
        Peer::start().await,
        Peer::start().await,
    ];
    for peer in &peers {
        peer.only(Stage::Greeting, Act::Silent);
    }
    // With the times as they are by default: each alone may take 8 s.
    let setup = Setup::to(&peers.each_ref().map(Peer::url));
    let holdfast = setup.start().await;
    let answer = holdfast.post(mail("budget")).await;
    answer.is_held("failed");
    assert_eq!(peers[1].connections(), 1, "the second was tried");
    assert!(answer.took >= limits::REPLY, "{:?}", answer.took);
    let most = Duration::from_secs(15 + 4);
    assert!(answer.took < most, "{:?}", answer.took);
}

#[tokio::test]
async fn no_sender_waits_longer_than_the_limit_however_slow_everything_is() {
    // Both at once: all they do is wait.
    join_all([&["CHUNKING"][..], &[]].map(|extensions| async move {
        let peer = Peer::offering(extensions).await;
        // The content alone would take 100 s, and each of its blocks comes in time.
        peer.slow_content(200_000);
        let holdfast = Setup::to(&[peer.url()]).start().await;
        let proxy = &holdfast.storage.proxy;
        proxy.rule(|_| Some(Fault::Slow(Duration::from_secs(4))));
        let message = [mail("slow"), b"slow\r\n".repeat(20_000_000 / 6)].concat();
        let answer = holdfast.post(message.clone()).await;
        answer.is_held("failed");
        assert!(answer.took < limits::SUBMISSION, "{:?}", answer.took);
        let held = &holdfast.held()[answer.id()].message;
        assert!(*held == message, "other bytes are held");
        assert_eq!(peer.taken().len(), 0, "nothing that could be doubled");
    }))
    .await;
}

#[tokio::test]
async fn a_primary_that_takes_the_time_it_is_given_serves_a_cold_instance_too() {
    let peer = Peer::start().await;
    // 24 bytes, so that the greeting takes 6 s.
    peer.only(Stage::Greeting, Act::Drip(Duration::from_millis(250)));
    let holdfast = Setup::to(&[peer.url()]).patience(14_000).start().await;
    let answer = holdfast.post(mail("cold")).await;
    answer.is_delivered();
    assert!(
        answer.took > limits::BLIND_FORWARD_BUDGET,
        "it was slow: {:?}",
        answer.took
    );
}

#[tokio::test]
async fn a_primary_that_hangs_up_loses_nothing() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in STAGES {
            let answer = post_to(&holdfast, &mut peer, stage, Act::Close).await;
            answer.is_held(if stage == Stage::End {
                "uncertain"
            } else {
                "failed"
            });
            is_kept(&holdfast, &peer, &answer, stage, &Act::Close);
        }
    }
}

#[tokio::test]
async fn a_lost_reply_is_recorded_as_uncertain_for_those_whom_it_concerns() {
    let peer = Peer::start().await;
    peer.only(Stage::End, Act::Close);
    peer.refuse_recipient("full@example.org", "452 4.2.2 mailbox full");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = holdfast.message(mail("lost reply"));
    let answer = message
        .to(&["bob@example.org", "full@example.org"])
        .send()
        .await;
    answer.is_held("uncertain");
    let held = &holdfast.held()[answer.id()];
    assert_eq!(held.value("Holdfast-Reason"), "uncertain");
    assert_eq!(held.values("Holdfast-Uncertain"), ["<bob@example.org>"]);
    let both = ["<bob@example.org>", "<full@example.org>"];
    assert_eq!(held.values("Holdfast-Recipient"), both);
    let taken = peer.taken();
    assert_eq!(taken.len(), 1, "it may have it, and is not asked again");
    assert_eq!(
        without_trace(&taken[0].bytes, answer.id()),
        mail("lost reply")
    );
}

#[tokio::test]
async fn the_word_421_says_that_the_primary_does_not_serve() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in STAGES {
            let act = Act::ReplyAndClose("421 4.3.2 closing down".to_owned());
            let answer = post_to(&holdfast, &mut peer, stage, act.clone()).await;
            // At its end it is also the answer about the message: not taken.
            answer.is_held(if stage == Stage::End {
                "deferred"
            } else {
                "failed"
            });
            is_kept(&holdfast, &peer, &answer, stage, &act);
        }
    }
}

#[tokio::test]
async fn a_primary_that_asks_for_later_gets_it_later() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in STAGES {
            let act = Act::reply("451 4.3.0 try again later");
            let answer = post_to(&holdfast, &mut peer, stage, act.clone()).await;
            // Before MAIL it is no word about a message.
            let reason = match stage {
                Stage::Greeting | Stage::Ehlo => "failed",
                _ => "deferred",
            };
            answer.is_held(reason);
            is_kept(&holdfast, &peer, &answer, stage, &act);
            assert!(
                answer.text.contains("try again later"),
                "its words: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_primary_that_says_never_about_the_message_is_believed() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::End] {
            let act = Act::reply("550 5.7.1 not wanted");
            let answer = post_to(&holdfast, &mut peer, stage, act).await;
            answer.is_problem(422, "refused");
            assert!(
                answer.word("detail").contains("not wanted"),
                "{}",
                answer.text
            );
            let outcome = &answer.body["recipients"][0]["outcome"];
            assert_eq!(outcome, "rejected", "{stage:?}");
        }
        assert!(holdfast.held().is_empty() && peer.taken().is_empty());
        holdfast.has_kept_nothing();
        assert_eq!(holdfast.state().await, "up");
    }
}

#[tokio::test]
async fn a_primary_that_says_never_before_the_message_is_not_believed() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        let act = Act::reply("554 5.3.2 no service");
        let answer = post_to(&holdfast, &mut peer, Stage::Greeting, act.clone()).await;
        answer.is_held("failed");
        is_kept(&holdfast, &peer, &answer, Stage::Greeting, &act);
        // RFC 5321, 3.2: who does not know EHLO may know HELO.
        let act = Act::reply("502 5.5.1 no EHLO here");
        post_to(&holdfast, &mut peer, Stage::Ehlo, act)
            .await
            .is_delivered();
    }
}

#[tokio::test]
async fn a_reply_in_single_bytes_is_a_reply() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in STAGES {
            let act = Act::Drip(Duration::from_millis(1));
            post_to(&holdfast, &mut peer, stage, act)
                .await
                .is_delivered();
        }
        assert_eq!(peer.taken().len(), STAGES.len());
    }
}

#[tokio::test]
async fn a_reply_of_ten_megabytes_is_a_failure_and_no_danger() {
    for mut peer in servers().await {
        let holdfast = Setup::to(&[peer.url()]).forgiving().start().await;
        for stage in STAGES {
            let act = Act::Flood(10 << 20);
            let answer = post_to(&holdfast, &mut peer, stage, act.clone()).await;
            answer.is_held(if stage == Stage::End {
                "uncertain"
            } else {
                "failed"
            });
            is_kept(&holdfast, &peer, &answer, stage, &act);
        }
    }
}

#[tokio::test]
async fn what_is_injected_before_tls_is_not_believed() {
    for policy in ["opportunistic", "required"] {
        let peer = Peer::offering(&["STARTTLS"]).await;
        peer.only(Stage::StartTls, Act::reply("220 go\r\n250 injected"));
        let route = format!("tls = \"{policy}\"\ntls_name = \"peer.example\"");
        let holdfast = Setup::to(&[peer.url()]).route(&route).start().await;
        let answer = holdfast.post(mail("injection")).await;
        answer.is_held("failed");
        let mails = peer
            .commands()
            .into_iter()
            .filter(|line| line.starts_with("MAIL"));
        assert_eq!(mails.count(), 0, "with {policy}: {:?}", peer.commands());
    }
}

#[tokio::test]
async fn mail_that_must_be_encrypted_never_travels_in_the_clear() {
    let peer = Peer::offering(&["STARTTLS"]).await;
    let route = "tls = \"required\"\ntls_name = \"peer.example\"";
    let holdfast = Setup::to(&[peer.url()]).route(route).start().await;
    for reply in ["454 4.7.0 not now", "220 go"] {
        peer.only(Stage::StartTls, Act::reply(reply));
        holdfast.post(mail("secret")).await.is_held("failed");
    }
    let clear = Peer::offering(&["8BITMIME"]).await;
    let holdfast = Setup::to(&[clear.url()]).route(route).start().await;
    holdfast.post(mail("secret")).await.is_held("failed");
    for line in peer.commands().into_iter().chain(clear.commands()) {
        assert!(!line.starts_with("MAIL"), "{line}");
    }
}

#[tokio::test]
async fn opportunistic_tls_that_fails_does_not_stop_mail() {
    let peer = Peer::offering(&["STARTTLS"]).await;
    let holdfast = Setup::to(&[peer.url()])
        .route("tls = \"opportunistic\"")
        .start()
        .await;
    for reply in [
        "454 4.7.0 not now",
        "220 go, though there is no TLS behind it",
    ] {
        peer.only(Stage::StartTls, Act::reply(reply));
        holdfast.post(mail("opportunistic")).await.is_delivered();
    }
}

#[tokio::test]
async fn what_one_address_does_not_take_the_next_takes_in_the_same_request() {
    let (mut first, second) = (Peer::start().await, Peer::start().await);
    let setup = Setup::to(&[first.url(), second.url()])
        .forgiving()
        .patience(1_000);
    let holdfast = setup.start().await;
    let mut taken = 0;
    for stage in [
        Stage::Greeting,
        Stage::Ehlo,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
    ] {
        for act in [
            Act::Close,
            Act::Silent,
            Act::ReplyAndClose("421 4.3.2 bye".to_owned()),
        ] {
            let answer = post_to(&holdfast, &mut first, stage, act.clone()).await;
            answer.is_delivered();
            taken += 1;
            assert_eq!(second.taken().len(), taken, "{stage:?} {act:?}");
        }
    }
    first.stop().await;
    holdfast.post(mail("refused")).await.is_delivered();
    assert!(first.taken().is_empty() && holdfast.held().is_empty());
}

#[tokio::test]
async fn what_one_address_said_of_the_message_the_next_is_not_asked_again() {
    let (mut first, second) = (Peer::start().await, Peer::start().await);
    let holdfast = Setup::to(&[first.url(), second.url()])
        .forgiving()
        .start()
        .await;
    let act = Act::reply("550 5.7.1 not wanted");
    let answer = post_to(&holdfast, &mut first, Stage::Rcpt, act).await;
    answer.is_problem(422, "refused");
    let act = Act::reply("451 4.7.1 later");
    let answer = post_to(&holdfast, &mut first, Stage::Rcpt, act).await;
    answer.is_held("deferred");
    // It may have the message: the next would make a second one.
    let answer = post_to(&holdfast, &mut first, Stage::End, Act::Close).await;
    answer.is_held("uncertain");
    assert!(second.taken().is_empty());
}

#[tokio::test]
async fn five_failures_of_distinct_messages_make_a_primary_down() {
    let mut peer = Peer::start().await;
    peer.only(Stage::Greeting, Act::Close);
    let health = "health_max_age = \"1ms\"\nbase_ejection_time = \"1m\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    for failures in 1..=5 {
        assert_eq!(holdfast.state().await, "up", "after {failures} less one");
        holdfast.post(mail("failing")).await.is_held("failed");
    }
    assert_eq!(holdfast.state().await, "down");
    let evidence = holdfast.health().await["primaries"][0]["health"]["evidence"].clone();
    assert_eq!(evidence.as_array().unwrap().len(), 5, "{evidence}");

    let before = peer.connections();
    let answer = holdfast.post(mail("to a primary that is down")).await;
    answer.is_held("down");
    assert!(
        answer.word("detail").contains("it is down since"),
        "{}",
        answer.text
    );
    // It may be reached for while the state is read, but nothing is said to it.
    peer.behave();
    peer.cut().await;
    holdfast.post(mail("again")).await.is_held("down");
    let said = peer
        .commands()
        .into_iter()
        .filter(|line| line.starts_with("MAIL"));
    assert_eq!(said.count(), 0, "{before} connections before");
    assert_eq!(holdfast.held().len(), 7);
}

#[tokio::test]
async fn a_success_between_failures_clears_them() {
    let mut peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for _ in 0..3 {
        for _ in 0..4 {
            post_to(&holdfast, &mut peer, Stage::Mail, Act::Close)
                .await
                .is_held("failed");
        }
        peer.behave();
        holdfast.post(mail("good")).await.is_delivered();
        assert_eq!(holdfast.state().await, "up");
    }
}

#[tokio::test]
async fn poisoned_messages_never_make_a_primary_down_nor_stop_the_mail_of_others() {
    let peer = Peer::start().await;
    peer.refuse_content("poison", "554 5.6.0 cannot be parsed");
    peer.refuse_content("later", "451 4.6.0 cannot be parsed now");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for _ in 0..8 {
        let answer = holdfast.post(mail("poison")).await;
        answer.is_problem(422, "refused");
        assert_eq!(holdfast.state().await, "up");
    }
    for _ in 0..8 {
        holdfast.post(mail("later")).await.is_held("deferred");
        assert_eq!(holdfast.state().await, "up");
    }
    holdfast.post(mail("good")).await.is_delivered();
}

#[tokio::test]
async fn probes_find_a_primary_that_is_back() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let health =
        "health_max_age = \"1ms\"\nbase_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    for _ in 0..5 {
        holdfast.post(mail("held")).await.is_held("failed");
    }
    assert_eq!(holdfast.state().await, "down");
    let bad = |probes: &serde_json::Value| probes[0]["good"] == json!(false);
    until("a probe fails", async || {
        let ticked = holdfast.tick().await;
        assert_eq!(ticked.status, 200, "{}", ticked.text);
        bad(&ticked.body["routes"][0]["probes"])
    })
    .await;
    assert_eq!(
        holdfast.state().await,
        "down",
        "a bad probe does not bring it back"
    );

    // With nothing held there is nothing to try it with.
    for key in holdfast
        .objects()
        .into_keys()
        .filter(|key| key.starts_with("queue/"))
    {
        holdfast.storage.remove(&key);
    }
    peer.start_again().await;
    until("the primary is up again", async || {
        holdfast.tick().await;
        holdfast.state().await == "up"
    })
    .await;
    let mails = peer
        .commands()
        .into_iter()
        .filter(|line| line.starts_with("MAIL"));
    assert_eq!(mails.count(), 0, "a probe carries no mail");
    assert!(peer.connections() >= 2, "healthy_threshold probes");
    holdfast.post(mail("after")).await.is_delivered();
}

#[tokio::test]
async fn a_primary_that_serves_again_gets_mail_without_any_tick() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    // The judgement is stale before any answer is out: after-work goes by what was last known.
    let health =
        "base_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"\nhealth_max_age = \"1ms\"";
    let holdfast = Setup::to(&[peer.url()]).health(health).start().await;
    for _ in 0..5 {
        holdfast.post(mail("held")).await.is_held("failed");
    }
    peer.start_again().await;
    until("mail is delivered again", async || {
        let answer = holdfast.post(mail("knocking")).await;
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text);
        answer.status == 200
    })
    .await;
}

#[tokio::test]
async fn an_http_primary_is_believed_as_an_smtp_one_is() {
    let peer = HttpPeer::start(HttpAct::Close).await;
    let setup = Setup::to(&[peer.url()]).forgiving().patience(1_000);
    let holdfast = setup
        .variable("primary_url_host", &peer.grant())
        .start()
        .await;
    let post = async |act: HttpAct| {
        peer.answer(act.clone());
        holdfast.post(mail(&format!("{act:?}"))).await
    };
    let says = |status| HttpAct::Answer(status, json!({ "detail": "my words" }).to_string());
    post(says(200)).await.is_delivered();
    post(says(202)).await.is_delivered();
    for status in [500, 502, 503, 401, 403, 404] {
        let answer = post(says(status)).await;
        answer.is_held("failed");
        assert!(
            answer.word("detail").contains("my words"),
            "{}",
            answer.text
        );
    }
    for status in [408, 409, 429] {
        post(says(status)).await.is_held("deferred");
    }
    for status in [400, 413, 422] {
        let answer = post(says(status)).await;
        answer.is_problem(422, "refused");
        assert!(
            answer.word("detail").contains("my words"),
            "{}",
            answer.text
        );
    }
    let lost = [HttpAct::Close, HttpAct::Silent];
    for act in lost {
        let answer = post(act.clone()).await;
        answer.is_held("uncertain");
        let held = &holdfast.held()[answer.id()];
        assert_eq!(held.values("Holdfast-Uncertain"), ["<bob@example.org>"]);
        assert_eq!(held.message, mail(&format!("{act:?}")));
    }
    assert_eq!(holdfast.held().len(), 6 + 3 + 2);
}

/// One step's limit in these tests, storage, and a busy machine: still less than any default.
const ONE_STEP: Duration = Duration::from_secs(6);
