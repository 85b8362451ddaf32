//! What cannot be delivered goes back to its sender, once, in the standard form; or it is put aside.

use holdfast_tests::support::installation::{ACME_KEY, OPERATOR_TOKEN, mail};
use holdfast_tests::support::{Act, Answer, Installation, Peer, Setup, Stage, until};
use serde_json::{Value, json};

/// An installation whose primary is stopped, with a route home to ann, and these lines for `hq`.
async fn with_stopped_primary(lines: &str) -> (Installation, Peer, Peer) {
    let (mut peer, home) = (Peer::start().await, Peer::start().await);
    peer.stop().await;
    let health =
        "health_max_age = \"1ms\"\nbase_ejection_time = \"20ms\"\nmax_ejection_time = \"40ms\"";
    let route = format!(
        "[[route]]\nname = \"home\"\ndomains = [\"acme.example\"]\nprimary = {:?}\ntls = \"off\"\n",
        home.url()
    );
    let setup = Setup::to(&[peer.url()]).health(health).tail(&route);
    let setup = setup.variable("primary_hosts_2", &format!("tcp://{}", home.address()));
    let holdfast = setup
        .route(&format!("tls = \"off\"\n{lines}"))
        .start()
        .await;
    (holdfast, peer, home)
}

async fn tick_until_gone(holdfast: &Installation, id: &str) {
    until("the message left the queue", async || {
        let ticked = holdfast.tick().await;
        assert_eq!(ticked.status, 200, "{}", ticked.text);
        !holdfast.held().contains_key(id)
    })
    .await;
}

async fn act(holdfast: &Installation, id: &str, action: &str, who: Option<&str>) -> Answer {
    let url = format!("{}/v1/queue/{id}/{action}", holdfast.url());
    let mut request = holdfast.client.post(url).bearer_auth(OPERATOR_TOKEN);
    if let Some(who) = who {
        request = request.header("holdfast-operator", who);
    }
    Answer::of(request.json(&json!({ "reason": "the address is wrong" }))).await
}

async fn life(holdfast: &Installation, id: &str) -> Value {
    let life = holdfast
        .get(&format!("/v1/messages/{id}"), Some(ACME_KEY))
        .await;
    assert_eq!(life.status, 200, "{}", life.text);
    life.body
}

/// The one report that came home, cut into its head and its parts.
struct Report {
    head: String,
    parts: Vec<String>,
}

async fn report(holdfast: &Installation, home: &Peer) -> Report {
    until("the report comes home", async || {
        holdfast.tick().await;
        !home.taken().is_empty()
    })
    .await;
    holdfast.tick().await;
    let taken = home.taken();
    assert_eq!(taken.len(), 1, "told once");
    assert_eq!(
        (taken[0].from.as_str(), &taken[0].to[..]),
        ("", &["ann@acme.example".to_owned()][..])
    );
    let text = String::from_utf8(taken[0].bytes.clone()).unwrap();
    let (_, boundary) = text.split_once("boundary=\"").expect(&text);
    let boundary = boundary.split('"').next().unwrap();
    let between = format!("\r\n--{boundary}");
    let mut parts = text.split(&between).map(str::to_owned);
    let head = parts.next().unwrap();
    let mut parts: Vec<String> = parts.collect();
    assert_eq!(parts.pop().as_deref(), Some("--\r\n"), "{text}");
    Report { head, parts }
}

impl Report {
    #[track_caller]
    fn says(&self, part: usize, words: &[&str]) {
        for words in words {
            let part = &self.parts[part];
            assert!(part.contains(words), "{words:?} is missing: {part}");
        }
    }
}

#[tokio::test]
async fn what_is_too_old_is_reported_part_by_part() {
    let (holdfast, peer, home) = with_stopped_primary("queue_lifetime = \"1ms\"").await;
    let message = b"From: ann@acme.example\r\nMessage-ID: <one@acme.example>\r\nSubject: old\r\n\r\nsecret body\r\n";
    let query = "from=ann@acme.example&to=bob@example.org&envid=order%207";
    let answer = holdfast.message(message.to_vec()).query(query).send().await;
    answer.is_held("failed");
    let id = answer.id();
    tick_until_gone(&holdfast, id).await;
    let report = report(&holdfast, &home).await;
    for line in [
        "From: Mail Delivery System <mailer-daemon@holdfast.example>\r\n",
        "To: <ann@acme.example>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "In-Reply-To: <one@acme.example>\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
    ] {
        assert!(report.head.contains(line), "{line:?}: {}", report.head);
    }
    assert_eq!(report.parts.len(), 3);
    report.says(0, &["bob@example.org", "connection refused", id]);
    report.says(
        1,
        &[
            "\r\nContent-Type: message/delivery-status\r\n",
            "\r\nReporting-MTA: dns; holdfast.example\r\n",
            "\r\nOriginal-Envelope-Id: order 7\r\n",
            "\r\nFinal-Recipient: rfc822; bob@example.org\r\n",
            "\r\nAction: failed\r\n",
            "\r\nStatus: 4.4.7\r\n",
            "\r\nArrival-Date: ",
            "\r\nLast-Attempt-Date: ",
        ],
    );
    report.says(
        2,
        &[
            "\r\nContent-Type: text/rfc822-headers\r\n",
            "\r\nSubject: old\r\n",
        ],
    );
    assert!(!report.parts[2].contains("secret body"), "the header alone");
    assert_eq!(peer.taken().len(), 0);
    let life = life(&holdfast, id).await;
    assert_eq!(life["outcome"], "returned", "{life}");
    assert_eq!(
        life["ended"][0]["dsn"].as_array().map(Vec::len),
        Some(1),
        "{life}"
    );
    let left = holdfast.objects().into_keys();
    let left: Vec<_> = left
        .filter(|key| key.starts_with("queue/") || key.starts_with("dead/"))
        .collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn what_is_refused_after_202_is_reported_in_the_primary_s_words() {
    let (holdfast, mut peer, home) = with_stopped_primary("").await;
    let query = "from=ann@acme.example&to=bob@example.org&ret=full";
    let held = holdfast.message(mail("poison")).query(query).send().await;
    held.is_held("failed");
    peer.refuse_content("poison", "550 5.7.1 we do not want this");
    peer.start_again().await;
    tick_until_gone(&holdfast, held.id()).await;
    let report = report(&holdfast, &home).await;
    report.says(0, &["550 5.7.1 we do not want this"]);
    report.says(
        1,
        &[
            "\r\nStatus: 5.7.1\r\n",
            "\r\nDiagnostic-Code: smtp; 550 5.7.1 we do not want this\r\n",
        ],
    );
    let whole = String::from_utf8(mail("poison")).unwrap();
    assert!(report.parts[2].ends_with(&whole), "{}", report.parts[2]);
    assert_eq!(life(&holdfast, held.id()).await["outcome"], "rejected");
}

#[tokio::test]
async fn what_is_refused_at_once_makes_no_report() {
    let (holdfast, mut peer, home) = with_stopped_primary("queue_lifetime = \"1ms\"").await;
    peer.refuse_content("poison", "550 5.7.1 we do not want this");
    peer.start_again().await;
    holdfast
        .post(mail("poison"))
        .await
        .is_problem(422, "refused");
    holdfast.tick().await;
    holdfast.tick().await;
    assert_eq!(home.taken().len(), 0);
    assert_eq!(holdfast.held().len(), 0);
}

#[tokio::test]
async fn who_cannot_or_must_not_be_told_leaves_a_dead_letter_as_it_was_held() {
    for query in [
        "from=&to=bob@example.org",
        "from=ann@acme.example&to=bob@example.org&notify=never",
    ] {
        let (holdfast, _peer, home) = with_stopped_primary("queue_lifetime = \"1ms\"").await;
        let answer = holdfast.message(mail("lost")).query(query).send().await;
        answer.is_held("failed");
        let id = answer.id();
        let object = holdfast.objects()[&format!("queue/hq/{id}.eml")].clone();
        tick_until_gone(&holdfast, id).await;
        holdfast.tick().await;
        assert_eq!(home.taken().len(), 0, "{query}: nobody is told");
        let key = format!("dead/hq/{id}.eml");
        assert!(holdfast.objects()[&key] == object, "{query}: other bytes");
        assert_eq!(life(&holdfast, id).await["ended"][0]["dead_letter"], key);
    }
}

#[tokio::test]
async fn an_operator_returns_a_message_with_a_reason() {
    let (holdfast, _peer, home) = with_stopped_primary("").await;
    let held = holdfast.post(mail("unwanted")).await;
    let kept = holdfast.post(mail("wanted")).await;
    act(&holdfast, held.id(), "return", None)
        .await
        .is_problem(400, "bad-request");
    assert_eq!(holdfast.held().len(), 2, "nothing happened yet");
    let done = act(&holdfast, held.id(), "return", Some("Olga")).await;
    assert_eq!(
        (done.status, done.word("action")),
        (200, "return"),
        "{}",
        done.text
    );
    let report = report(&holdfast, &home).await;
    report.says(0, &["the address is wrong"]);
    report.says(1, &["\r\nStatus: 5.0.0\r\n"]);
    let left: Vec<_> = holdfast.held().into_keys().collect();
    assert_eq!(left, [kept.id()]);
    let life = life(&holdfast, held.id()).await;
    assert_eq!(
        (&life["outcome"], &life["ended"][0]["returned"]["by"]),
        (&json!("returned"), &json!("Olga"))
    );
    let audit = holdfast.get("/v1/audit", Some(OPERATOR_TOKEN)).await;
    assert_eq!(
        audit.body["entries"][0]["action"], "return",
        "{}",
        audit.text
    );
}

#[tokio::test]
async fn what_may_have_arrived_waits_for_a_person_where_that_is_the_policy() {
    let (holdfast, mut peer, _home) = with_stopped_primary("uncertain = \"hold\"").await;
    peer.only(Stage::End, Act::Close);
    peer.start_again().await;
    let held = holdfast.post(mail("perhaps")).await;
    held.is_held("uncertain");
    let before = peer.taken().len();
    peer.behave();
    holdfast.tick().await;
    holdfast.tick().await;
    let page = holdfast
        .get("/v1/queue?state=uncertain", Some(OPERATOR_TOKEN))
        .await;
    assert_eq!(page.body["messages"][0]["id"], held.id(), "{}", page.text);
    assert_eq!(peer.taken().len(), before, "it is not sent again by itself");
    holdfast.post(mail("another")).await.is_delivered();

    act(&holdfast, held.id(), "retry", Some("Olga")).await;
    tick_until_gone(&holdfast, held.id()).await;
    assert_eq!(life(&holdfast, held.id()).await["outcome"], "delivered");
}

#[tokio::test]
async fn a_primary_that_offers_dsn_is_told_what_the_sender_wants() {
    let query = "from=ann@acme.example&to=bob@example.org&notify=never&ret=full&envid=a%2Bb";
    let asks = async |extensions: &[&str]| {
        let peer = Peer::offering(extensions).await;
        let holdfast = Setup::to(&[peer.url()]).start().await;
        let answer = holdfast.message(mail("asked")).query(query).send().await;
        answer.is_delivered();
        let lines = peer.commands().into_iter();
        lines
            .filter(|line| line.starts_with("MAIL") || line.starts_with("RCPT"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        asks(&["PIPELINING", "DSN"]).await,
        [
            "MAIL FROM:<ann@acme.example> RET=FULL ENVID=a+2Bb",
            "RCPT TO:<bob@example.org> NOTIFY=NEVER"
        ]
    );
    assert_eq!(
        asks(&["PIPELINING"]).await,
        ["MAIL FROM:<ann@acme.example>", "RCPT TO:<bob@example.org>"]
    );
}

#[tokio::test]
async fn what_nobody_can_ask_for_is_refused_by_its_name() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for ask in [
        "notify=success",
        "ret=body",
        "envid=",
        "envid=%0d%0aX",
        "orcpt=x",
    ] {
        let query = format!("from=ann@acme.example&to=bob@example.org&{ask}");
        let answer = holdfast.message(mail("x")).query(&query).send().await;
        answer.is_problem(400, "bad-request");
        let name = ask.split('=').next().unwrap();
        assert!(answer.word("detail").contains(name), "{}", answer.text);
    }
    assert_eq!(peer.taken().len(), 0);
}
