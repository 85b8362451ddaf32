//! Holdfast and a real Postfix: what it takes, what it refuses, and what becomes of mail while it
//! is away. Needs Postfix and root, so: `cargo test -p holdfast-tests --test postfix -- --ignored`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "postfix/sasl.rs"]
mod sasl;
// Some of what it can is for other tests.
#[allow(dead_code, reason = "shared with the kills")]
#[path = "postfix/server.rs"]
mod server;

use holdfast_tests::certificates::Authority;
use holdfast_tests::support::installation::{mail, without_trace};
use holdfast_tests::support::{Setup, until};
use sasl::Sasl;
use serde_json::Value;
use server::Postfix;

#[tokio::test]
#[ignore = "needs Postfix and root"]
async fn what_postfix_takes_it_passes_on_byte_for_byte() {
    let postfix = Postfix::start().await;
    let holdfast = to(&postfix).start().await;
    let message = [
        "From: ann@acme.example\r\nTo: bob@example.org\r\nMessage-ID: <1@acme.example>\r\n",
        "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n",
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n",
        "Content-Transfer-Encoding: 8bit\r\n\r\n.\r\n..two dots\r\nGrüße \r\n\tend\r\n\r\n",
    ];
    let message = message.concat();
    let answer = holdfast.post(message.as_bytes()).await;
    answer.is_delivered();
    let reply = &answer.body["recipients"][0]["reply"];
    assert_eq!(reply["code"], 250, "{reply}");
    assert!(
        reply["text"].as_str().unwrap().contains("queued as"),
        "Postfix's own words: {reply}"
    );

    let relayed = postfix.relayed(1).await.remove(0);
    assert_eq!(
        (relayed.from.as_str(), &relayed.to[..]),
        ("ann@acme.example", &["bob@example.org".to_owned()][..])
    );
    let ours = after_postfixs_own_line(&relayed.bytes);
    assert_eq!(
        String::from_utf8_lossy(&without_trace(ours, answer.id())),
        message
    );
    assert_eq!(holdfast.held().len(), 0);
}

#[tokio::test]
#[ignore = "needs Postfix and root"]
async fn while_postfix_is_stopped_mail_is_held_and_goes_out_when_it_is_back() {
    let postfix = Postfix::start().await;
    let holdfast = to(&postfix)
        .health("health_max_age = \"1ms\"\nconsecutive_failures = 2\nbase_ejection_time = \"10ms\"\nmax_ejection_time = \"20ms\"")
        .start()
        .await;
    holdfast.post(mail("before")).await.is_delivered();
    postfix.relayed(1).await;
    postfix.stop().await;

    for (subject, reason) in [("one", "failed"), ("two", "failed"), ("three", "down")] {
        let answer = holdfast.post(mail(subject)).await;
        answer.is_held(reason);
        assert!(
            answer.word("detail").contains("connection refused"),
            "the evidence: {}",
            answer.text
        );
        let held = &holdfast.held()[answer.id()];
        assert_eq!(
            held.message,
            mail(subject),
            "what is held is what was submitted"
        );
        assert_eq!(held.value("Holdfast-Reason"), reason);
    }
    assert_eq!(holdfast.state().await, "down");

    postfix.again().await;
    until("all that was held is released", async || {
        assert_eq!(holdfast.tick().await.status, 200);
        holdfast.held().is_empty()
    })
    .await;
    assert_eq!(holdfast.state().await, "up");
    // Postfix passes on several at once, so their order is its own.
    let relayed = postfix.relayed(4).await;
    for subject in ["one", "two", "three"] {
        let released = relayed
            .iter()
            .filter(|message| message.bytes.ends_with(&mail(subject)));
        assert_eq!(
            released.count(),
            1,
            "{subject} is released once, byte for byte"
        );
    }
    holdfast.post(mail("after")).await.is_delivered();
}

#[tokio::test]
#[ignore = "needs Postfix and root"]
async fn each_recipient_has_postfixs_own_answer() {
    let postfix = Postfix::start().await;
    let holdfast = to(&postfix).start().await;
    let three = ["nobody@example.org", "bob@example.org", "later@example.org"];
    let answer = holdfast.message(mail("three")).to(&three).send().await;
    answer.is_held("deferred");
    let said = |at: usize| {
        let recipient = &answer.body["recipients"][at];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let reply = &recipient["reply"];
        (
            word(&recipient["address"]),
            word(&recipient["outcome"]),
            reply["code"].clone(),
            word(&reply["enhanced"]),
        )
    };
    let expected = |at: usize, outcome: &str, code: u16, enhanced: &str| {
        (
            three[at].to_owned(),
            outcome.to_owned(),
            Value::from(code),
            enhanced.to_owned(),
        )
    };
    assert_eq!(said(0), expected(0, "rejected", 550, "5.1.1"));
    assert_eq!(
        (said(1).1, said(1).2),
        ("delivered".to_owned(), Value::from(250))
    );
    assert_eq!(said(2), expected(2, "held", 450, "4.2.1"));
    assert!(
        answer.text.contains("nobody of that name here") && answer.text.contains("come back later")
    );

    assert_eq!(postfix.relayed(1).await[0].to, ["bob@example.org"]);
    let held = &holdfast.held()[answer.id()];
    assert_eq!(
        held.values("Holdfast-Recipient"),
        ["<later@example.org>"],
        "only whom it is still to go to"
    );
    assert_eq!(
        holdfast.state().await,
        "up",
        "a refusal is about the message, not about Postfix"
    );

    let refused = holdfast
        .message(mail("nobody"))
        .to(&["nobody@example.org"])
        .send()
        .await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(
        refused.text.contains("nobody of that name here"),
        "{}",
        refused.text
    );
    assert_eq!(
        holdfast.held().len(),
        1,
        "what is refused for good is not kept"
    );
}

#[tokio::test]
#[ignore = "needs Postfix and root"]
async fn starttls_finds_the_certificates_name_or_holds() {
    let authority = Authority::new();
    let postfix = Postfix::with_certificate(&authority.certify("mail.example.org")).await;
    let trusting = |name: &str, authority: &Authority| {
        let lines = format!(
            "tls = \"required\"\ntls_name = {name:?}\ntls_ca = \"\"\"{}\"\"\"",
            authority.pem()
        );
        to(&postfix).route(&lines)
    };
    let right = trusting("mail.example.org", &authority).start().await;
    right.post(mail("encrypted")).await.is_delivered();
    let relayed = postfix.relayed(1).await.remove(0);
    let text = String::from_utf8_lossy(&relayed.bytes).into_owned();
    assert!(
        text.contains("(using TLSv1.3 with cipher "),
        "Postfix saw TLS: {text}"
    );

    let wrong_name = trusting("mail.example.com", &authority);
    let unknown_authority = trusting("mail.example.org", &Authority::new());
    let in_the_clear = to(&postfix).route("tls = \"off\"");
    for (setup, words) in [
        (wrong_name, "another name"),
        (unknown_authority, "an authority that is not believed"),
    ] {
        let holdfast = setup.start().await;
        let answer = holdfast.post(mail("held")).await;
        answer.is_held("failed");
        assert!(answer.word("detail").contains(words), "{}", answer.text);
        assert_eq!(holdfast.held()[answer.id()].message, mail("held"));
    }
    let holdfast = in_the_clear.start().await;
    let answer = holdfast.post(mail("held")).await;
    assert_ne!(
        answer.word("outcome"),
        "delivered",
        "Postfix insists on STARTTLS: {}",
        answer.text
    );
    postfix.relayed(1).await;
}

#[tokio::test]
#[ignore = "needs Postfix and root"]
async fn postfix_takes_mail_from_those_who_authenticate() {
    for mechanisms in [&["PLAIN", "LOGIN"], &["LOGIN"]] as [&'static [&'static str]; 2] {
        let sasl = Sasl::start(mechanisms);
        let postfix = Postfix::with_authentication(&sasl.socket()).await;
        // With TLS off the operator says that the link is safe, and credentials may go over it.
        let with = |password: &str| {
            let credentials = format!(
                "[hq]\nusername = {:?}\npassword = {password:?}\n",
                sasl::USER
            );
            to(&postfix).variable("primary_credentials", &credentials)
        };
        let known = with(sasl::PASSWORD).start().await;
        known.post(mail("known")).await.is_delivered();
        postfix.relayed(1).await;
        let stranger = to(&postfix).start().await;
        let refused = stranger.post(mail("stranger")).await;
        assert_ne!(refused.word("outcome"), "delivered", "{}", refused.text);
        let wrong = with("wrong").start().await;
        wrong.post(mail("wrong")).await.is_held("failed");
        let first = mechanisms[0];
        assert_eq!(
            sasl.asked(),
            [format!("{first} true"), format!("{first} false")]
        );
        let log = [known.log.lines(), wrong.log.lines()].concat();
        assert!(
            !log.iter()
                .any(|(_, line)| line.contains("pass word") || line.contains("wrong\"")),
            "{log:?}"
        );
    }
}

fn to(postfix: &Postfix) -> Setup {
    Setup::to(&[format!("smtp://{}", postfix.address())])
}

/// Postfix adds one folded `Received:` field of its own.
fn after_postfixs_own_line(message: &[u8]) -> &[u8] {
    assert!(
        message.starts_with(b"Received: from holdfast.example "),
        "{}",
        String::from_utf8_lossy(message)
    );
    let mut at = 0;
    loop {
        at += message[at..]
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap()
            + 1;
        if !message[at..].starts_with(b"\t") && !message[at..].starts_with(b" ") {
            return &message[at..];
        }
    }
}
