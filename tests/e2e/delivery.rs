//! What is delivered and what is held is what was submitted, byte for byte; and the ways to submit.

use std::net::{Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::stream::{self, StreamExt};
use holdfast::demo_http_primary::{DemoHttpPrimary, HttpInbox};
use holdfast::demo_primary::{DemoPrimary, Inbox};
use holdfast_tests::support::installation::{ACME_KEY, Held, ZETA_KEY, mail, without_trace};
use holdfast_tests::support::{Answer, Installation, Peer, Setup, corpus};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Posts every sample, several at a time.
async fn post_all(holdfast: &Installation) -> Vec<(corpus::Sample, Answer)> {
    let samples = stream::iter(corpus::all());
    samples
        .map(async |sample| {
            let answer = holdfast.post(sample.bytes.clone()).await;
            (sample, answer)
        })
        .buffer_unordered(8)
        .collect()
        .await
}

/// The message with this id among those that arrived.
fn find<'m>(arrived: impl IntoIterator<Item = &'m [u8]>, id: &str) -> Vec<u8> {
    let mark = format!(" id {id};");
    let is_it = |bytes: &&[u8]| {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let line = &bytes[..end.unwrap_or(bytes.len())];
        line.windows(mark.len()).any(|part| part == mark.as_bytes())
    };
    let found: Vec<_> = arrived.into_iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{id} arrives once");
    found[0].to_vec()
}

fn anywhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

#[tokio::test]
async fn every_message_arrives_by_smtp_as_it_was_submitted() {
    let inbox = Inbox::new(10_000);
    let primary = DemoPrimary::start(anywhere(), inbox.clone()).await.unwrap();
    let url = format!("smtp://{}", primary.address());
    let holdfast = Setup::to(&[url]).start().await;
    let posted = post_all(&holdfast).await;
    let arrived = inbox.messages();
    assert_eq!(arrived.len(), posted.len(), "each message is one message");
    for (sample, answer) in &posted {
        answer.is_delivered();
        let message = find(arrived.iter().map(|m| &m.bytes[..]), answer.id());
        let message = without_trace(&message, answer.id());
        assert!(message == sample.bytes, "{} was changed", sample.name);
    }
    holdfast.has_kept_nothing();
}

#[tokio::test]
async fn without_chunking_only_line_ends_that_smtp_cannot_carry_are_changed() {
    let peer = Peer::offering(&["PIPELINING", "8BITMIME"]).await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let posted = post_all(&holdfast).await;
    let arrived = peer.taken();
    assert_eq!(
        arrived.len(),
        posted.len(),
        "no content makes a second message"
    );
    for (sample, answer) in &posted {
        answer.is_delivered();
        let message = find(arrived.iter().map(|m| &m.bytes[..]), answer.id());
        let message = without_trace(&message, answer.id());
        let expected = corpus::canonical(&sample.bytes);
        assert!(
            message == expected,
            "{} is not in its canonical form",
            sample.name
        );
    }
    let regular = |sample: &corpus::Sample| corpus::canonical(&sample.bytes) == sample.bytes;
    assert!(
        posted.iter().any(|(sample, _)| regular(sample)),
        "some need no change"
    );
    assert!(arrived.iter().all(|taken| !taken.bdat));
    holdfast.has_kept_nothing();
}

#[tokio::test]
async fn every_message_arrives_by_http_as_it_was_submitted() {
    let inbox = HttpInbox::new(10_000);
    let primary = DemoHttpPrimary::start(anywhere(), inbox.clone())
        .await
        .unwrap();
    let url = format!("http://{}", primary.address());
    let setup = Setup::to(&[format!("{url}/inbound")]).variable("primary_url_host", &url);
    let holdfast = setup.start().await;
    let posted = post_all(&holdfast).await;
    let arrived = inbox.messages();
    assert_eq!(arrived.len(), posted.len());
    for (sample, answer) in &posted {
        answer.is_delivered();
        let message = find(arrived.iter().map(|m| &m.bytes[..]), answer.id());
        let message = without_trace(&message, answer.id());
        assert!(message == sample.bytes, "{} was changed", sample.name);
    }
    let first = &arrived[0];
    let expected = "/inbound?from=ann@acme.example&to=bob@example.org";
    assert_eq!(first.target, expected);
    holdfast.has_kept_nothing();
}

#[tokio::test]
async fn every_message_is_held_as_it_was_submitted() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let posted = post_all(&holdfast).await;
    let held = holdfast.held();
    assert_eq!(held.len(), posted.len(), "each message is one object");
    for (sample, answer) in &posted {
        assert_eq!(
            (answer.status, answer.word("outcome")),
            (202, "held"),
            "{}",
            answer.text
        );
        let Held { message, .. } = &held[answer.id()];
        assert!(*message == sample.bytes, "{} was changed", sample.name);
        let digest = format!(
            "sha-256=:{}:",
            STANDARD.encode(Sha256::digest(&sample.bytes))
        );
        assert_eq!(held[answer.id()].value("Holdfast-Digest"), digest);
        assert_eq!(answer.word("digest"), digest, "the sender can check it");
    }
}

#[tokio::test]
async fn a_held_object_says_all_that_release_needs() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = holdfast
        .message(mail("held"))
        .to(&["bob@example.org", "eve@example.net"]);
    let answer = message.send().await;
    answer.is_held("failed");
    let held = &holdfast.held()[answer.id()];
    assert_eq!(held.value("Holdfast-Id"), answer.id());
    assert_eq!(held.value("Holdfast-Route"), "hq");
    assert_eq!(held.value("Holdfast-Sender"), "<ann@acme.example>");
    let recipients = ["<bob@example.org>", "<eve@example.net>"];
    assert_eq!(held.values("Holdfast-Recipient"), recipients);
    assert_eq!(held.value("Holdfast-Partner"), "acme");
    assert_eq!(held.value("Holdfast-Reason"), "failed");
    assert_eq!(held.values("Holdfast-Uncertain"), [""; 0]);

    let bounce = holdfast.message(mail("bounce")).from("").send().await;
    assert_eq!(holdfast.held()[bounce.id()].value("Holdfast-Sender"), "<>");
}

#[tokio::test]
async fn a_message_cannot_speak_for_us_in_the_bucket() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = "Holdfast-Recipient: <evil@example.com>\r\nHoldfast-Length: 1\r\n\r\nx\r\n";
    let answer = holdfast.post(message).await;
    let held = &holdfast.held()[answer.id()];
    assert_eq!(held.values("Holdfast-Recipient"), ["<bob@example.org>"]);
    assert_eq!(held.message, message.as_bytes());
}

#[tokio::test]
async fn recipients_fail_one_by_one() {
    let peer = Peer::start().await;
    peer.refuse_recipient("gone@example.org", "550 5.1.1 no such user");
    peer.refuse_recipient("full@example.org", "452 4.2.2 mailbox full");
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = holdfast.message(mail("three fates"));
    let all = ["bob@example.org", "gone@example.org", "full@example.org"];
    let answer = message.to(&all).send().await;
    answer.is_held("deferred");
    let outcomes: Vec<_> = answer.body["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["address"].as_str().unwrap(),
                one["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("bob@example.org", "delivered"),
        ("gone@example.org", "rejected"),
        ("full@example.org", "held"),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(answer.body["recipients"][1]["reply"]["code"], 550);
    assert_eq!(answer.body["recipients"][1]["reply"]["enhanced"], "5.1.1");
    assert_eq!(peer.taken()[0].to, ["bob@example.org"]);
    let held = &holdfast.held()[answer.id()];
    assert_eq!(held.values("Holdfast-Recipient"), ["<full@example.org>"]);
    assert_eq!(
        holdfast.state().await,
        "up",
        "a mailbox says nothing about the primary"
    );
}

#[tokio::test]
async fn the_three_body_types_carry_the_same_message() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = b"Subject: raw\n\nbytes \xff\x00 as they are".to_vec();

    let raw = holdfast.post(message.clone()).await;
    let carried = json!({
        "raw": STANDARD.encode(&message),
        "envelope": { "from": "ann@acme.example", "to": ["bob@example.org"] },
    });
    let json = holdfast.message("").json(&carried).send().await;
    let parts: [(_, _, &[u8]); 3] = [
        ("message", Some("a.eml"), &message),
        ("from", None, b"ann@acme.example"),
        ("to", None, b"bob@example.org"),
    ];
    let form = holdfast.message("").form(&parts).send().await;

    for answer in [raw, json, form] {
        answer.is_delivered();
        let taken = peer.taken();
        let found = find(taken.iter().map(|t| &t.bytes[..]), answer.id());
        assert_eq!(without_trace(&found, answer.id()), message);
    }
    for taken in peer.taken() {
        assert_eq!(taken.from, "ann@acme.example");
        assert_eq!(taken.to, ["bob@example.org"]);
    }
}

#[tokio::test]
async fn fields_become_a_message_and_bcc_stays_in_the_envelope() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let fields = json!({
        "from": "Ann <ann@acme.example>",
        "to": ["Bob <bob@example.org>"],
        "cc": "carl@example.org",
        "bcc": ["dora@example.net"],
        "reply_to": "desk@acme.example",
        "subject": "Grüße",
        "text": "Hello.\n",
        "html": "<p>Hello.</p>",
        "headers": { "X-Ticket": "42" },
        "attachments": [{ "filename": "a.txt", "content_type": "text/plain", "content": "aGk=" }],
    });
    let answer = holdfast.message("").json(&fields).send().await;
    answer.is_delivered();
    let taken = &peer.taken()[0];
    assert_eq!(taken.from, "ann@acme.example");
    let everybody = ["bob@example.org", "carl@example.org", "dora@example.net"];
    assert_eq!(taken.to, everybody);
    let text = String::from_utf8_lossy(&taken.bytes).into_owned();
    for line in [
        "X-Ticket: 42",
        "MIME-Version: 1.0",
        "Reply-To: ",
        "Cc: ",
        "filename=\"a.txt\"",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(
        text.contains(&format!("Message-ID: <{}@acme.example>", answer.id())),
        "{text}"
    );
    assert!(!text.contains("dora"), "Bcc is in no header: {text}");
}

#[tokio::test]
async fn basic_authentication_is_as_good_as_a_bearer_key() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = || holdfast.message(mail("basic"));
    message()
        .basic("zeta", ZETA_KEY)
        .send()
        .await
        .is_delivered();
    let other = message().basic("acme", ZETA_KEY).send().await;
    other.is_problem(401, "unauthorized");
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn a_partner_sees_the_life_of_its_own_held_message() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let answer = holdfast.post(mail("life")).await;
    let path = format!("/v1/messages/{}", answer.id());
    let life = holdfast.get(&path, Some("acme-key-5b2f60c1d9")).await;
    assert_eq!(
        (life.status, life.word("outcome")),
        (200, "held"),
        "{}",
        life.text
    );
    assert_eq!(life.body["held"][0]["recipients"][0], "bob@example.org");
    assert_eq!(life.body["held"][0]["reason"], "failed");
    assert_eq!(life.body["held"][0]["digest"], answer.body["digest"]);
}

#[tokio::test]
async fn a_content_digest_that_is_right_is_accepted() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let message = mail("digest");
    let digest = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(&message)));
    let answer = holdfast
        .message(message)
        .header("content-digest", digest.as_bytes());
    let answer = answer.send().await;
    answer.is_delivered();
    assert_eq!(answer.word("digest"), digest);
}

#[tokio::test]
async fn a_healthy_minute_writes_nothing() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).health("").start().await;
    let post = async |n: usize| {
        holdfast.post(mail(&n.to_string())).await.is_delivered();
    };
    stream::iter(0..100).for_each_concurrent(8, post).await;
    assert_eq!(peer.taken().len(), 100);
    let seen = holdfast.storage.proxy.seen();
    let written: Vec<_> = seen
        .iter()
        .filter(|seen| seen.method != http::Method::GET)
        .collect();
    assert!(written.is_empty(), "{written:?}");
}

#[tokio::test]
async fn one_holdfast_feeds_another() {
    let mut peer = Peer::start().await;
    peer.refuse_recipient("gone@example.org", "550 5.1.1 no such user");
    let second = Setup::to(&[peer.url()]).start().await;
    let credentials = format!("[hq]\nbearer = {ACME_KEY:?}\n");
    let first = Setup::to(&[format!("{}/v1/messages", second.url())])
        .variable("primary_url_host", second.url())
        .variable("primary_credentials", &credentials)
        .start()
        .await;
    let message = mail("through two");
    let to = ["bob@example.org", "gone@example.org"];
    let answer = first.message(message.clone()).to(&to).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let outcomes = answer.body["recipients"].as_array().unwrap();
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|one| one["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["delivered", "rejected"]);
    let arrived = peer.taken().remove(0).bytes;
    let seconds = arrived.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(without_trace(&arrived[seconds..], answer.id()) == message);

    // What the second holds is no longer the first one's to keep.
    peer.stop().await;
    first.post(mail("held there")).await.is_delivered();
    assert_eq!((first.held().len(), second.held().len()), (0, 1));
}
