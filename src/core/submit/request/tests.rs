//! What is read from a request, and what is refused by name.

use super::*;
use crate::time::Timestamp;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

const CONFIG: &str = "[[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'\n\
                      [[partner]]\nname='acme'\n\
                      key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n\
                      [limits]\nmessage_bytes=3000\nrecipients=3\n";

fn config() -> Config {
    Config::parse(CONFIG, "").unwrap()
}

fn head(content_type: &str, query: &str) -> Head {
    Head {
        query: query.into(),
        authorization: Some(b"Bearer foo".to_vec()),
        content_type: Some(content_type.into()),
        ..Head::default()
    }
}

fn id() -> MessageId {
    MessageId::new(Timestamp::from_millis(1_795_392_000_000), [9; 10])
}

fn raw(query: &str) -> Result<Envelope, Problem> {
    let config = config();
    let request = begin(&config, &head("message/rfc822", query))?;
    request
        .read(Bytes::from_static(b"x"), id(), &config.limits)
        .map(|(envelope, _)| envelope)
}

fn json(body: &str) -> Result<(Envelope, String), Problem> {
    let config = config();
    let request = begin(&config, &head("application/json; charset=utf-8", ""))?;
    let read = request.read(
        Bytes::copy_from_slice(body.as_bytes()),
        id(),
        &config.limits,
    );
    read.map(|(envelope, message)| (envelope, String::from_utf8(message.to_vec()).unwrap()))
}

#[test]
fn the_envelope_is_in_the_query() {
    let envelope =
        raw("from=a%2Bb@acme.example&to=%22x%20y%22@example.org&to=z@example.org").unwrap();
    assert_eq!(envelope.sender_path(), "a+b@acme.example");
    assert_eq!(envelope.recipients[0].as_str(), "\"x y\"@example.org");
    assert_eq!(raw("from=&to=z@example.org").unwrap().sender, None);
}

#[test]
fn each_mistake_in_the_query_has_its_own_refusal() {
    for (query, kind) in [
        ("to=a@example.org", Kind::BadRequest),
        ("from=a@b.c", Kind::BadRequest),
        ("from=a@b.c&from=a@b.c&to=a@example.org", Kind::BadRequest),
        ("from=a@b.c&to=a@example.org&cc=x", Kind::BadRequest),
        (
            "from=a@b.c&to=a@example.org&notify=success",
            Kind::BadRequest,
        ),
        (
            "from=a@b.c&to=a@example.org&notify=never&notify=never",
            Kind::BadRequest,
        ),
        ("from=a@b.c&to=a@example.org&ret=body", Kind::BadRequest),
        (
            "from=a@b.c&to=a@example.org&envid=a%0d%0ab",
            Kind::BadRequest,
        ),
        ("from=a@b.c&to=nobody", Kind::BadAddress),
        ("from=a@b.c%0d%0aRCPT&to=a@example.org", Kind::BadAddress),
        ("from=a@b.c&to=a@example.org%3E%0d%0aDATA", Kind::BadAddress),
        ("from=a@b.c&to=%ff@example.org", Kind::BadAddress),
        (
            "from=a@b.c&to=1@example.org&to=2@example.org&to=3@example.org&to=4@example.org",
            Kind::TooLarge,
        ),
    ] {
        assert_eq!(
            raw(query).map_err(|problem| problem.kind),
            Err(kind),
            "{query}"
        );
    }
}

#[test]
fn what_the_sender_wants_to_be_told_is_read_in_every_body_type() {
    let asked = DsnRequest {
        notify: Some(Notify::Never),
        ret: Some(Ret::Full),
        envid: EnvelopeId::parse("order 7"),
    };
    let query = "from=a@b.c&to=a@example.org&notify=NEVER&ret=full&envid=order%207";
    assert_eq!(raw(query).unwrap().dsn, asked);
    assert!(raw("from=a@b.c&to=a@example.org").unwrap().dsn.is_default());
    let dsn = r#""dsn":{"notify":"never","ret":"full","envid":"order 7"}"#;
    let fields = format!(r#"{{"from":"a@b.c","to":"a@example.org","text":"x",{dsn}}}"#);
    let whole =
        format!(r#"{{"raw":"eA==","envelope":{{"from":"a@b.c","to":["a@example.org"]}},{dsn}}}"#);
    for body in [fields, whole] {
        assert_eq!(json(&body).unwrap().0.dsn, asked, "{body}");
        for bad in [
            body.replace("never", "delay"),
            body.replace("full", "all"),
            body.replace("order 7", " "),
            body.replace("envid", "orcpt"),
        ] {
            let refused = json(&bad).map_err(|problem| problem.kind);
            assert_eq!(refused.map(|_| ()), Err(Kind::BadRequest), "{bad}");
        }
    }
    let config = config();
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let form = |notify: &str| {
        let parts = [
            ("from", "a@b.c"),
            ("to", "a@example.org"),
            ("message", "x"),
            ("notify", notify),
            ("ret", "full"),
            ("envid", "order 7"),
        ];
        let body: String = parts
            .iter()
            .map(|(name, value)| part(name, value))
            .collect();
        let request = begin(&config, &head("multipart/form-data; boundary=b", "")).unwrap();
        let body = Bytes::from(format!("{body}--b--\r\n"));
        let read = request.read(body, id(), &config.limits);
        read.map(|(envelope, _)| envelope.dsn)
            .map_err(|problem| problem.kind)
    };
    assert_eq!(form("never"), Ok(asked));
    assert_eq!(form("sometimes"), Err(Kind::BadRequest));
}

#[test]
fn a_head_is_judged_before_its_body() {
    let config = config();
    let judged = |head: &Head| {
        begin(&config, head)
            .map(|_| ())
            .map_err(|problem| problem.kind)
    };
    let good = head("message/rfc822", "from=&to=a@example.org");
    assert_eq!(judged(&good), Ok(()));
    assert_eq!(
        judged(&Head {
            authorization: None,
            ..good.clone()
        }),
        Err(Kind::Unauthorized)
    );
    assert_eq!(
        judged(&Head {
            content_length: Some(3_001),
            ..good.clone()
        }),
        Err(Kind::TooLarge)
    );
    assert_eq!(
        judged(&head("text/plain", "")),
        Err(Kind::UnsupportedMediaType)
    );
    assert_eq!(
        judged(&head("multipart/form-data", "")),
        Err(Kind::BadRequest)
    );
    assert_eq!(
        judged(&Head {
            content_digest: Some("md5=:x:".into()),
            ..good.clone()
        }),
        Err(Kind::BadRequest)
    );
    for key in ["", "\"\"", "k\u{e9}y", &"k".repeat(257)] {
        let keyed = Head {
            idempotency_key: Some(key.to_owned()),
            ..good.clone()
        };
        assert_eq!(judged(&keyed), Err(Kind::BadRequest), "{key:?}");
    }
}

#[test]
fn a_quoted_key_is_the_bare_key() {
    let config = config();
    let key = |text: &str| {
        let head = Head {
            idempotency_key: Some(text.into()),
            ..head("message/rfc822", "from=&to=a@example.org")
        };
        begin(&config, &head).unwrap().idempotency_key
    };
    assert_eq!(key("\"one\""), key("one"));
}

#[test]
fn another_envelope_is_another_submission() {
    let config = config();
    let print = |query: &str| {
        begin(&config, &head("message/rfc822", query))
            .unwrap()
            .fingerprint(Digest::of(b"same"))
    };
    assert_eq!(
        print("from=&to=a@example.org"),
        print("to=a@example.org&from=")
    );
    assert_ne!(
        print("from=&to=a@example.org"),
        print("from=&to=b@example.org")
    );
    assert_ne!(
        print("from=&to=a@example.org"),
        print("from=x@y.z&to=a@example.org")
    );
}

#[test]
fn fields_become_a_message() {
    let (envelope, message) = json(
        r#"{"from": "Ada <ada@acme.example>", "to": ["a@example.org"], "cc": "Bob <b@example.org>",
            "bcc": ["c@example.org"], "subject": "Grüße", "text": "Hello", "html": "<p>Hello</p>",
            "headers": {"X-Trace": "7"},
            "attachments": [{"filename": "a.txt", "content_type": "text/plain", "content": "aGVsbG8="}]}"#,
    )
    .unwrap();
    assert_eq!(envelope.sender_path(), "ada@acme.example");
    assert_eq!(envelope.recipients.len(), 3);
    assert!(
        !message.contains("c@example.org"),
        "a blind copy's recipient is not in the message:\n{message}"
    );
    for line in [
        "From: \"Ada\" <ada@acme.example>\r\n",
        "X-Trace: 7\r\n",
        "MIME-Version: 1.0\r\n",
        "Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n",
        &format!("Message-ID: <{}@acme.example>\r\n", id()),
        "Content-Type: multipart/mixed; ",
    ] {
        assert!(message.contains(line), "no {line:?} in:\n{message}");
    }
    assert_eq!(
        message.matches("\r\n").count(),
        message.matches('\n').count()
    );
}

#[test]
fn no_field_can_add_a_header_of_its_own() {
    let escape = r"x\r\nBcc: evil@example.com";
    for body in [
        format!(r#"{{"from":"a@b.c","to":["a@example.org"],"subject":"{escape}"}}"#),
        format!(r#"{{"from":"{escape} <a@b.c>","to":["a@example.org"]}}"#),
        format!(r#"{{"from":"a@b.c","to":["{escape} <a@example.org>"]}}"#),
        format!(r#"{{"from":"a@b.c","to":["a@example.org"],"headers":{{"X-A":"{escape}"}}}}"#),
        format!(r#"{{"from":"a@b.c","to":["a@example.org"],"headers":{{"{escape}":"y"}}}}"#),
        r#"{"from":"a@b.c","to":["a@example.org"],"headers":{"Bcc":"y@z.w"}}"#.into(),
        r#"{"from":"a@b.c","to":["a@example.org"],"headers":{"content-type":"text/html"}}"#.into(),
        format!(r#"{{"from":"a@b.c","to":["a@example.org"],"attachments":[{{"filename":"{escape}","content":""}}]}}"#),
        r#"{"from":"a@b.c","to":["a@example.org"],"attachments":[{"filename":"a","content_type":"a/b\r\nX: y","content":""}]}"#.into(),
        r#"{"from":"a@b.c","to":["a@example.org"],"attachments":[{"filename":"a","content_id":"a> <b","content":""}]}"#.into(),
    ] {
        let kind = json(&body).map_err(|problem| problem.kind);
        assert!(matches!(kind, Err(Kind::BadRequest | Kind::BadAddress)), "{body}: {kind:?}");
    }
}

#[test]
fn a_whole_message_in_base64_is_carried_as_it_is() {
    let raw = STANDARD.encode(b"Subject: x\n\n\xff\0");
    let config = config();
    let request = begin(&config, &head("application/json", "")).unwrap();
    let body = format!(r#"{{"raw":"{raw}","envelope":{{"from":"","to":["a@example.org"]}}}}"#);
    let (envelope, message) = request.read(body.into(), id(), &config.limits).unwrap();
    assert_eq!(
        (envelope.sender, &message[..]),
        (None, &b"Subject: x\n\n\xff\0"[..])
    );
    assert!(json(r#"{"raw":"???","envelope":{"from":"","to":["a@example.org"]}}"#).is_err());
    assert!(json(r#"{"raw":"eA==","to":["a@example.org"]}"#).is_err());
    assert!(
        json(r#"{"from":"a@b.c","to":["a@example.org"],"subjcet":"x"}"#).is_err(),
        "a misspelt field is not dropped"
    );
}

#[test]
fn a_message_has_bytes_and_no_more_than_the_limit() {
    let config = config();
    let request = begin(&config, &head("message/rfc822", "from=&to=a@example.org")).unwrap();
    let read = |length: usize| {
        request
            .read(vec![b'x'; length].into(), id(), &config.limits)
            .map(|_| ())
            .map_err(|p| p.kind)
    };
    assert_eq!(
        (read(0), read(3_000), read(3_001)),
        (Err(Kind::BadRequest), Ok(()), Err(Kind::TooLarge))
    );
}

proptest! {
    #[test]
    fn no_body_of_any_type_makes_it_panic(body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9 \\\\]{0,80}") {
        let config = config();
        for kind in ["message/rfc822", "application/json", "multipart/form-data; boundary=x"] {
            let request = begin(&config, &head(kind, "from=&to=a@example.org")).unwrap();
            let _ = request.read(body.clone().into(), id(), &config.limits);
            let _ = request.read(text.clone().into(), id(), &config.limits);
        }
    }

    #[test]
    fn no_query_makes_it_panic(query in "\\PC{0,60}|(from|to)=[%0-9a-f@.]{0,30}") {
        let _ = raw(&query);
    }

    #[test]
    fn what_the_envelope_takes_the_wire_takes(local in "\\PC{1,12}", quoted: bool) {
        let local = if quoted { format!("\"{local}\"") } else { local };
        if let Ok(address) = format!("{local}@example.org").parse::<EmailAddress>() {
            let wire = crate::smtp::Envelope::new("", [address.as_str()]);
            prop_assert!(wire.is_ok(), "a sender must not be able to make a primary look broken: {address}");
        }
    }
}
