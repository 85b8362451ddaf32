//! What must not pass is refused by its name, leaves nothing behind, and tells nothing it should
//! not: no open relay, no injection through any field, no body beyond its limit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_tests::support::installation::{ACME_KEY, ZETA_KEY, mail};
use holdfast_tests::support::submission::{BOUNDARY, Submission, encoded, form_body};
use holdfast_tests::support::{Answer, Installation, Peer, Setup, raw_http};
use serde_json::{Value, json};

/// An installation, and the primary that must not hear of anything.
struct Door {
    holdfast: Installation,
    peer: Peer,
}

impl Door {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(tail: &str) -> Self {
        let peer = Peer::start().await;
        let holdfast = Setup::to(&[peer.url()]).tail(tail).start().await;
        Self { holdfast, peer }
    }

    fn message(&self) -> Submission {
        self.holdfast.message(mail("at the door"))
    }

    /// Sends it and holds that it is refused as it should be, and nothing more happened.
    async fn refuses(&self, what: &str, message: Submission, status: u16, kind: &str) -> Answer {
        let answer = message.send().await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        answer.is_problem(status, kind);
        self.is_shut(what, &answer.text);
        assert_ne!(
            self.holdfast.logged(answer.id()).len(),
            0,
            "{what}: the log knows its id"
        );
        answer
    }

    /// Holds that nothing was kept, delivered or told.
    fn is_shut(&self, what: &str, answer: &str) {
        self.holdfast.has_kept_nothing();
        let commands = self.peer.commands();
        let mails: Vec<_> = commands
            .iter()
            .filter(|line| line.starts_with("MAIL"))
            .collect();
        assert!(mails.is_empty(), "{what}: {mails:?}");
        self.holdfast.leaks_nothing(answer);
    }

    /// Holds that the same door lets good mail in: what it refuses, it refuses for the reason.
    async fn opens(&self, message: Submission) {
        let before = self.peer.taken().len();
        message.send().await.is_delivered();
        assert_eq!(self.peer.taken().len(), before + 1);
    }
}

#[tokio::test]
async fn without_a_key_of_its_own_nobody_submits() {
    let door = Door::new().await;
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer wrong".to_owned()),
        Some(format!("Bearer {}", &ACME_KEY[..ACME_KEY.len() - 1])),
        Some(format!("Bearer {ACME_KEY}x")),
        Some(format!("Bearer {}", ACME_KEY.to_uppercase())),
        Some(format!("Digest {ACME_KEY}")),
        Some(ACME_KEY.to_owned()),
        Some(basic(&format!("acme:{ZETA_KEY}"))),
        Some(basic(&format!("nobody:{ACME_KEY}"))),
        Some(basic("acme:")),
        Some("Basic !!!".to_owned()),
        Some("Bearer operator-token-66d1".to_owned()),
    ];
    for authorization in wrong {
        let message = door.message().authorization(authorization.as_deref());
        let what = format!("{authorization:?}");
        let answer = door.refuses(&what, message, 401, "unauthorized").await;
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    door.opens(door.message()).await;
}

#[tokio::test]
async fn anothers_message_is_not_told_from_one_that_never_was() {
    let mut peer = Peer::start().await;
    peer.stop().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    let held = holdfast.post(mail("acme's")).await;
    held.is_held("failed");
    let path = format!("/v1/messages/{}", held.id());
    assert_eq!(holdfast.get(&path, Some(ACME_KEY)).await.status, 200);
    let never = "/v1/messages/01890a5d-ac96-774b-bcce-b302099a8057";
    let [anothers, never] = [&path[..], never].map(|path| holdfast.get(path, Some(ZETA_KEY)));
    let (anothers, never) = (anothers.await, never.await);
    anothers.is_problem(404, "not-found");
    never.is_problem(404, "not-found");
    assert_eq!(anothers.body["detail"], never.body["detail"]);
    for odd in ["..", "x", "%2e%2e%2froutes", "../../routes/hq.json", ""] {
        let answer = holdfast
            .get(&format!("/v1/messages/{odd}"), Some(ACME_KEY))
            .await;
        assert!(matches!(answer.status, 404 | 405), "{odd}: {}", answer.text);
    }
    holdfast
        .get(&path, None)
        .await
        .is_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_partner_sends_from_and_to_what_it_was_granted() {
    let door = Door::new().await;
    for from in [
        "eve@elsewhere.example",
        "eve@sub.acme.example",
        "eve@acme.example.evil",
    ] {
        let message = door.message().from(from);
        door.refuses(from, message, 403, "sender-not-granted").await;
        let fields = json!({ "from": from, "to": "bob@example.org", "text": "x" });
        let message = door.message().json(&fields);
        door.refuses(from, message, 403, "sender-not-granted").await;
    }
    let zeta = format!("Bearer {ZETA_KEY}");
    let message = door
        .message()
        .authorization(Some(&zeta))
        .to(&["bob@example.net"]);
    let answer = message.send().await;
    answer.is_problem(403, "domain-not-granted");
    let message = door.message().authorization(Some(&zeta));
    let both = message
        .to(&["bob@example.org", "bob@example.net"])
        .send()
        .await;
    both.is_problem(403, "domain-not-granted");
    door.holdfast.has_kept_nothing();
    assert!(door.peer.taken().is_empty());
    door.opens(door.message().to(&["bob@example.net"])).await;
    door.opens(door.message().from("")).await;
}

#[tokio::test]
async fn mail_goes_to_domains_that_have_a_route_and_nowhere_else() {
    let door = Door::new().await;
    let elsewhere = [
        "bob@example.com",
        "bob@sub.example.org",
        "bob@example.org.evil.example",
        "bob@notexample.org",
        "bob@[192.0.2.1]",
        "bob@localhost",
        "\"bob@example.org\"@evil.example",
    ];
    for to in elsewhere {
        let answer = door
            .refuses(to, door.message().to(&[to]), 422, "no-route")
            .await;
        assert_eq!(answer.word("recipient"), to);
        let mixed = door.message().to(&["bob@example.org", to]);
        door.refuses(to, mixed, 422, "no-route").await;
    }
    // Routes through us, as open relays of old took them.
    for to in [
        "@example.org:eve@evil.example",
        "example.org!eve@",
        "eve@evil.example@example.org",
    ] {
        door.refuses(to, door.message().to(&[to]), 400, "bad-address")
            .await;
    }
    // A local part is the primary's to judge, and goes to it as it is.
    door.opens(door.message().to(&["eve%evil.example@example.org"]))
        .await;
    assert_eq!(door.peer.taken()[0].to, ["eve%evil.example@example.org"]);
}

/// Texts that end a line, a command or a field where they must not.
const INJECTIONS: [&str; 11] = [
    "a@example.org>\r\nRCPT TO:<evil@example.com",
    "a@example.org\r\nBcc: evil@example.com",
    "a@example.org\nBcc: evil@example.com",
    "a@example.org\rBcc: evil@example.com",
    "a@example.org> SIZE=1 <",
    "a\0@example.org",
    "a@example.org\u{85}x",
    "\"a\r\n.\r\nMAIL FROM:<x@y>\"@example.org",
    "\"a\r\nDATA\r\n\"@example.org",
    "\"a\nb\"@example.org",
    "\"a\0b\"@example.org",
];

#[tokio::test]
async fn no_address_carries_more_than_an_address() {
    let door = Door::new().await;
    for text in INJECTIONS {
        let from = format!("from={}&to=bob@example.org", encoded(text));
        let to = format!("from=ann@acme.example&to={}", encoded(text));
        for query in [from, to] {
            let message = door.message().query(&query);
            door.refuses(&query, message, 400, "bad-address").await;
        }
        for (from, to) in [(text, "bob@example.org"), ("ann@acme.example", text)] {
            let raw = json!({ "raw": "eA==", "envelope": { "from": from, "to": [to] } });
            let message = door.message().json(&raw);
            door.refuses(text, message, 400, "bad-address").await;
            let parts: [(_, _, &[u8]); 3] = [
                ("message", None, b"x"),
                ("from", None, from.as_bytes()),
                ("to", None, to.as_bytes()),
            ];
            let message = door.message().form(&parts);
            door.refuses(text, message, 400, "bad-address").await;
        }
    }
    let parts: [(_, _, &[u8]); 3] = [
        ("message", None, b"x"),
        ("from", None, b"\xff@acme.example"),
        ("to", None, b"a@example.org"),
    ];
    let message = door.message().form(&parts);
    door.refuses("not UTF-8", message, 400, "bad-address").await;
    let message = door
        .message()
        .query("from=%ff@acme.example&to=bob@example.org");
    door.refuses("not UTF-8", message, 400, "bad-address").await;
}

#[tokio::test]
async fn no_field_of_a_json_message_carries_more_than_itself() {
    let door = Door::new().await;
    let good = json!({
        "from": "ann@acme.example", "to": ["bob@example.org"], "subject": "x", "text": "x",
        "attachments": [{ "filename": "a.txt", "content_type": "text/plain", "content": "eA==" }],
    });
    let with = |pointer: &str, value: Value| {
        let mut fields = good.clone();
        match fields.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => fields[&pointer[1..]] = value,
        }
        fields
    };
    let mut refused = Vec::new();
    for end in ["\r\n", "\n", "\r", "\0"] {
        let text = format!("x{end}Bcc: evil@example.com");
        let address = format!("x{end}Bcc: evil@example.com{end} <a@example.org>");
        for pointer in ["/from", "/to/0", "/cc", "/bcc", "/reply_to"] {
            refused.push(with(pointer, json!(address)));
            refused.push(with(pointer, json!(text)));
        }
        refused.push(with("/subject", json!(text)));
        refused.push(with("/headers", json!({ "X-A": text })));
        refused.push(with(
            "/headers",
            json!({ (format!("X-A: b{end}Bcc")): "evil@example.com" }),
        ));
        refused.push(with("/attachments/0/filename", json!(text)));
        refused.push(with(
            "/attachments/0/content_type",
            json!(format!("text/plain{end}X: y")),
        ));
        let mut inline = good.clone();
        inline["attachments"][0]["content_id"] = json!(text);
        refused.push(inline);
    }
    let own = [
        "Bcc",
        "from",
        "TO",
        "Received",
        "Return-Path",
        "Sender",
        "Message-ID",
        "Date",
        "Content-Type",
        "Content-Transfer-Encoding",
        "MIME-Version",
        "",
        "a b",
        "a:b",
        "ä",
    ];
    refused.extend(own.map(|name| with("/headers", json!({ name: "x" }))));
    refused.push(with("/headers", json!({ "X-A": ["not", "text"] })));
    refused.push(with("/unknown", json!("member")));
    refused.push(with("/attachments/0/content", json!("not base64!")));
    refused.push(with(
        "/attachments/0/content_type",
        json!("text/plain; name=x"),
    ));
    refused.push(with("/to", json!([])));
    refused.push(with("/to", json!(7)));
    for fields in refused {
        let answer = door.message().json(&fields).send().await;
        assert_eq!(answer.status, 400, "{fields}: {}", answer.text);
        door.is_shut(&fields.to_string(), &answer.text);
    }
    door.opens(door.message().json(&good)).await;
}

#[tokio::test]
async fn what_a_body_says_stays_in_the_body() {
    let door = Door::new().await;
    let text =
        "x\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n\n.\n\r.\r";
    let fields = json!({
        "from": "ann@acme.example", "to": "bob@example.org", "subject": "x", "text": text,
        "html": text,
    });
    door.opens(door.message().json(&fields)).await;
    door.opens(
        door.message()
            .query("from=ann@acme.example&to=bob@example.org"),
    )
    .await;
    for taken in door.peer.taken() {
        assert_eq!(
            (&taken.from[..], &taken.to[0][..]),
            ("ann@acme.example", "bob@example.org")
        );
    }
    // A file's name is nobody's field here; it is not even read.
    let name = "a.eml\\\"; name=\\\"to";
    let parts: [(_, _, &[u8]); 3] = [
        ("message", Some(name), b"Subject: x\r\n\r\nx\r\n"),
        ("from", None, b"ann@acme.example"),
        ("to", None, b"bob@example.org"),
    ];
    door.opens(door.message().form(&parts)).await;
    assert_eq!(door.peer.taken()[2].to, ["bob@example.org"]);
}

#[tokio::test]
async fn an_idempotency_key_is_a_short_printable_text() {
    let door = Door::new().await;
    let long = "k".repeat(257);
    let bad: [&[u8]; 5] = [b"", b"\"\"", b"a\tb", "ä".as_bytes(), long.as_bytes()];
    for key in bad {
        let message = door.message().header("idempotency-key", key);
        let what = String::from_utf8_lossy(key).into_owned();
        door.refuses(&what, message, 400, "bad-request").await;
    }
    // What would be a path or a line elsewhere is only hashed here.
    for key in [
        "../../queue/hq/x.eml",
        "/",
        "%00",
        "a\\r\\nb",
        "\"quo\"te\"",
        &"k".repeat(256),
    ] {
        door.opens(door.message().key(key)).await;
    }
    let keys = door.holdfast.objects().into_keys();
    let good = |key: &str| {
        let name = key
            .strip_prefix("receipts/acme/")
            .and_then(|k| k.strip_suffix(".json"));
        name.is_some_and(|n| n.len() == 64 && n.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    for key in keys {
        assert!(good(&key), "{key}");
    }
}

#[tokio::test]
async fn a_query_says_the_envelope_once_and_nothing_else() {
    let door = Door::new().await;
    for query in [
        "",
        "from=ann@acme.example",
        "to=bob@example.org",
        "from=ann@acme.example&from=amy@acme.example&to=bob@example.org",
        "from=ann@acme.example&to=bob@example.org&cc=eve@example.org",
    ] {
        let message = door.message().query(query);
        door.refuses(query, message, 400, "bad-request").await;
    }
    for query in [
        "from=ann@acme.example&to=",
        "from=ann&to=bob@example.org",
        "from=ann+x@acme.example y&to=b",
    ] {
        let message = door.message().query(query);
        door.refuses(query, message, 400, "bad-address").await;
    }
    let many: Vec<_> = (0..101).map(|n| format!("u{n}@example.org")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    door.refuses("101 recipients", door.message().to(&many), 413, "too-large")
        .await;
    door.opens(door.message().to(&many[..100])).await;
}

#[tokio::test]
async fn mail_that_goes_round_in_circles_is_stopped() {
    let door = Door::new().await;
    let relayed = |times| {
        let mut message =
            "Received: from a by b; Mon, 23 Nov 2026 00:00:00 +0000\r\n".repeat(times);
        message += "Subject: loop\r\n\r\nReceived: in the body\r\n";
        door.holdfast.message(message)
    };
    door.refuses("51 lines", relayed(51), 422, "mail-loop")
        .await;
    door.opens(relayed(50)).await;
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_refused() {
    let door = Door::new().await;
    let content_type = |value| door.message().content_type(value);
    for value in [
        None,
        Some("text/plain"),
        Some("message/rfc82"),
        Some("application/jsonx"),
        Some("*/*"),
    ] {
        let message = content_type(value);
        door.refuses("type", message, 415, "unsupported-media-type")
            .await;
    }
    for body in [
        "",
        "{",
        "[]",
        "null",
        "7",
        "{\"raw\":\"eA==\"}",
        "{\"from\":1}",
        "\u{feff}{}",
    ] {
        let message = door
            .holdfast
            .message(body)
            .content_type(Some("application/json"));
        door.refuses(body, message, 400, "bad-request").await;
    }
    let envelope = json!({ "from": "ann@acme.example", "to": ["bob@example.org"] });
    for raw in ["!", "eA=", "eA==\n", "ZZZ", "e A = =", "\u{0}"] {
        let message = door
            .message()
            .json(&json!({ "raw": raw, "envelope": envelope }));
        door.refuses(raw, message, 400, "bad-request").await;
    }
    let empty = door
        .message()
        .json(&json!({ "raw": "", "envelope": envelope }));
    door.refuses("an empty message", empty, 400, "bad-request")
        .await;
    door.refuses(
        "an empty body",
        door.holdfast.message(""),
        400,
        "bad-request",
    )
    .await;
}

#[tokio::test]
async fn a_form_that_is_broken_is_refused() {
    let door = Door::new().await;
    let from: (&str, Option<&str>, &[u8]) = ("from", None, b"ann@acme.example");
    let to: (&str, Option<&str>, &[u8]) = ("to", None, b"bob@example.org");
    let message: (&str, Option<&str>, &[u8]) = ("message", None, b"Subject: x\r\n\r\nx");
    let whole = form_body(&[message, from, to]);
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let broken: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", Vec::new(), &kind),
        ("no boundary in it", b"x".to_vec(), &kind),
        ("cut", whole[..whole.len() - 10].to_vec(), &kind),
        ("cut in a part", whole[..whole.len() / 2].to_vec(), &kind),
        (
            "another boundary",
            whole.clone(),
            "multipart/form-data; boundary=x",
        ),
        ("no boundary named", whole.clone(), "multipart/form-data"),
        (
            "an empty boundary",
            whole.clone(),
            "multipart/form-data; boundary=",
        ),
        ("no message", form_body(&[from, to]), &kind),
        ("no sender", form_body(&[message, to]), &kind),
        ("no recipient", form_body(&[message, from]), &kind),
        (
            "two messages",
            form_body(&[message, message, from, to]),
            &kind,
        ),
        ("two senders", form_body(&[message, from, from, to]), &kind),
        (
            "a part nobody knows",
            form_body(&[message, from, to, ("cc", None, b"x")]),
            &kind,
        ),
    ];
    for (what, body, kind) in broken {
        let message = door.holdfast.message(body).content_type(Some(kind));
        door.refuses(what, message, 400, "bad-request").await;
    }
    door.opens(door.message().form(&[message, from, to])).await;
}

#[tokio::test]
async fn a_digest_that_is_wrong_is_refused() {
    let door = Door::new().await;
    let other = format!("sha-256=:{}:", STANDARD.encode([7; 32]));
    let message = door.message().header("content-digest", other.as_bytes());
    door.refuses("another", message, 400, "digest-mismatch")
        .await;
    for bad in ["", "sha-256=x", "sha-256=:AA==:", "md5=:AA==:", "sha-256"] {
        let message = door.message().header("content-digest", bad.as_bytes());
        door.refuses(bad, message, 400, "bad-request").await;
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_told_apart() {
    let door = Door::new().await;
    let client = &door.holdfast.client;
    let url = |path: &str| format!("{}{path}", door.holdfast.url());
    for (request, allowed) in [
        (client.get(url("/v1/messages")), "POST"),
        (client.put(url("/v1/messages")), "POST"),
        (client.delete(url("/v1/messages/x")), "GET"),
        (client.post(url("/livez")), "GET, HEAD"),
        (client.post(url("/openapi.json")), "GET"),
    ] {
        let answer = Answer::of(request.bearer_auth(ACME_KEY)).await;
        answer.is_problem(405, "method-not-allowed");
        assert_eq!(answer.headers["allow"], allowed);
    }
    door.is_shut("methods", "");
}

const LIMITS: &str = "[limits]\nmessage_bytes = 100000";

#[tokio::test]
async fn a_body_one_byte_too_long_is_refused_in_every_type() {
    let door = Door::with(LIMITS).await;
    let message = |bytes: usize| [&b"Subject: x\r\n\r\n"[..], &vec![b'x'; bytes - 14]].concat();
    let (most, more) = (message(100_000), message(100_001));
    let carried = |bytes: &[u8]| {
        let envelope = json!({ "from": "ann@acme.example", "to": ["bob@example.org"] });
        json!({ "raw": STANDARD.encode(bytes), "envelope": envelope })
    };
    let form = |bytes: &[u8]| {
        door.message().form(&[
            ("message", None, bytes),
            ("from", None, b"ann@acme.example"),
            ("to", None, b"bob@example.org"),
        ])
    };
    let raw = |bytes: &[u8]| door.holdfast.message(bytes);
    let answer = door.refuses("raw", raw(&more), 413, "too-large").await;
    assert_eq!(answer.body["limit"], 100_000);
    let json = |bytes: &[u8]| door.message().json(&carried(bytes));
    door.refuses("json", json(&more), 413, "too-large").await;
    door.refuses("form", form(&more), 413, "too-large").await;
    for message in [raw(&most), json(&most), form(&most)] {
        door.opens(message).await;
    }
}

fn head(extra: &[&str]) -> Vec<String> {
    let mut head = vec![
        "POST /v1/messages?from=ann@acme.example&to=bob@example.org HTTP/1.1".to_owned(),
        "host: holdfast".to_owned(),
        format!("authorization: Bearer {ACME_KEY}"),
        "content-type: message/rfc822".to_owned(),
    ];
    head.extend(extra.iter().map(|line| (*line).to_owned()));
    head
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_is_sent() {
    let door = Door::with(LIMITS).await;
    for length in ["100001", "10000000000"] {
        let head = head(&[&format!("content-length: {length}")]);
        let answer = raw_http::send(door.holdfast.address(), &head, b"", 0, false).await;
        let answer = answer.expect("an answer to the head alone");
        assert_eq!(
            (answer.status, answer.sent),
            (413, 0),
            "{length}: {answer:?}"
        );
        door.is_shut(length, &answer.body.to_string());
    }
}

#[tokio::test]
async fn a_body_without_end_is_refused_at_its_limit() {
    let door = Door::with(LIMITS).await;
    let chunk = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
    let head = head(&["transfer-encoding: chunked"]);
    let most = 1 << 30;
    let answer = raw_http::send(door.holdfast.address(), &head, &chunk, most, false).await;
    let answer = answer.expect("an answer before the end");
    assert_eq!(answer.status, 413, "{answer:?}");
    // What is beyond the limit lies in the buffers of two sockets.
    assert!(answer.sent < 32 << 20, "{} bytes were taken", answer.sent);
    door.is_shut("endless", &answer.body.to_string());
}

#[tokio::test]
async fn without_a_key_no_body_is_read_at_all() {
    let door = Door::new().await;
    let mut head = head(&["content-length: 1000000"]);
    head[2] = "authorization: Bearer wrong".to_owned();
    let answer = raw_http::send(door.holdfast.address(), &head, b"", 0, false).await;
    assert_eq!(answer.expect("an answer to the head alone").status, 401);
}

#[tokio::test]
async fn a_body_that_was_cut_short_is_no_message() {
    let door = Door::new().await;
    let lengths = ["content-length: 100000", "transfer-encoding: chunked"];
    let pieces: [&[u8]; 2] = [b"Subject: x\r\n\r\n", b"e\r\nSubject: x\r\n\r\n\r\n"];
    for (length, piece) in lengths.into_iter().zip(pieces) {
        let head = head(&[length]);
        let to = door.holdfast.address();
        let answer = raw_http::send(to, &head, piece, piece.len(), true).await;
        // Mostly nobody is there to read an answer; if one comes, it says what was wrong.
        if let Some(answer) = answer {
            assert_eq!(answer.status, 400, "{answer:?}");
        }
        // Another message, to be sure that the first had its time.
        door.holdfast.post(mail("behind it")).await.is_delivered();
    }
    assert_eq!(door.peer.taken().len(), 2, "only those behind");
    door.holdfast.has_kept_nothing();
}
