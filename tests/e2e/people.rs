//! People: the directory pushes them, a link lets them in, and they read and answer mail while their
//! mail server is down.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_tests::support::installation::{
    Installation, OPERATOR_TOKEN, SCIM_TOKEN, TICK_TOKEN, mail,
};
use holdfast_tests::support::{Answer, Peer, Setup};
use holdfast_tests::workspace;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder};

const ROUTE: &str = "tls = \"off\"\naccess = \"outage\"\ncopies = \"on\"";

async fn scim(holdfast: &Installation, path: &str, body: &Value) -> Answer {
    let url = format!("{}/scim/v2{path}", holdfast.url());
    let request = Client::new().post(url).bearer_auth(SCIM_TOKEN);
    let body = body.to_string();
    Answer::of(
        request
            .header("content-type", "application/scim+json")
            .body(body),
    )
    .await
}

async fn user(holdfast: &Installation, address: &str) -> String {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": address,
        "displayName": address.split('@').next(),
        "emails": [{ "value": address, "type": "work", "primary": true }],
        "active": true,
    });
    let made = scim(holdfast, "/Users", &user).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.word("id").to_owned()
}

async fn link(holdfast: &Installation, address: &str) -> String {
    let url = format!("{}/v1/people/{address}/activation", holdfast.url());
    let order = json!({ "reason": "a test", "purpose": "activate" });
    let request = Client::new().post(url).bearer_auth(OPERATOR_TOKEN);
    let answer = Answer::of(request.header("holdfast-operator", "Olga").json(&order)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.word("url").to_owned()
}

/// A browser without scripts: it keeps cookies, follows redirects, and posts the hidden fields of the
/// page that is open.
struct Browser<'h> {
    holdfast: &'h Installation,
    client: Client,
    cookies: RefCell<BTreeMap<String, String>>,
    page: RefCell<String>,
}

impl<'h> Browser<'h> {
    fn new(holdfast: &'h Installation) -> Self {
        let client = Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            holdfast,
            client: client.build().unwrap(),
            cookies: RefCell::default(),
            page: RefCell::default(),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, String) {
        let mut request = request;
        for _ in 0..4 {
            let cookies = self.cookies.borrow().clone();
            let cookies: Vec<String> = cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let response = request
                .header("cookie", cookies.join("; "))
                .send()
                .await
                .unwrap();
            for cookie in response.headers().get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.borrow_mut().insert(name.into(), value.into());
            }
            let status = response.status();
            let location = response.headers().get("location").cloned();
            let text = response.text().await.unwrap();
            match location {
                Some(path) if status == StatusCode::SEE_OTHER => {
                    let path = path.to_str().unwrap();
                    request = self.client.get(format!("{}{path}", self.holdfast.url()));
                }
                _ => {
                    *self.page.borrow_mut() = text.clone();
                    return (status, text);
                }
            }
        }
        panic!("it is sent round in circles");
    }

    async fn get(&self, path: &str) -> String {
        let (status, text) = self
            .send(self.client.get(format!("{}{path}", self.holdfast.url())))
            .await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let hidden = hidden(&self.page.borrow());
        let fields: Vec<(String, String)> = hidden
            .into_iter()
            .chain(
                fields
                    .iter()
                    .map(|(name, value)| (name.to_string(), value.to_string())),
            )
            .collect();
        let body = fields
            .iter()
            .map(|(name, value)| {
                format!(
                    "{name}={}",
                    holdfast_tests::support::submission::encoded(value)
                )
            })
            .collect::<Vec<_>>()
            .join("&");
        let request = self.client.post(format!("{}{path}", self.holdfast.url()));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let (status, text) = self.send(request).await;
        assert_eq!(status, 200, "{path}: {text}");
        text
    }

    /// The first visit, from the link to the inbox.
    async fn activate(&self, link: &str) {
        let path = link.split_once("/mail/").unwrap().1;
        self.get(&format!("/mail/{path}")).await;
        let chosen = [("new", PASSWORD), ("again", PASSWORD)];
        let page = self.submit("/mail/activate", &chosen).await;
        let key = page.split_once("class=\"key\"").unwrap().1;
        let key = key.split_once('>').unwrap().1.split('<').next().unwrap();
        let page = self.submit("/mail/activate", &[("code", &code(key))]).await;
        assert!(
            page.contains("class=\"codes\""),
            "recovery codes are shown: {page}"
        );
    }
}

/// What an authenticator app shows for this key.
fn code(key: &str) -> String {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut secret) = (0_u32, 0_u32, Vec::new());
    for digit in key.chars().filter_map(|c| alphabet.find(c)) {
        bits = (bits << 5) | u32::try_from(digit).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            secret.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_skew(0)
        .with_secret(secret)
        .with_account_name(String::new())
        .build()
        .unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    totp.generate(now).to_string()
}

fn hidden(page: &str) -> Vec<(String, String)> {
    let mut found = BTreeMap::new();
    for input in page.split("<input").skip(1) {
        let tag = input.split('>').next().unwrap_or_default();
        let value = |name: &str| {
            let rest = tag.split_once(&format!(" {name}=\""))?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        if value("type").as_deref() == Some("hidden") {
            found
                .entry(value("name").unwrap())
                .or_insert(value("value").unwrap_or_default());
        }
    }
    found.into_iter().collect()
}

const PASSWORD: &str = "seven green tractors";

#[tokio::test]
async fn during_an_outage_people_read_and_answer_and_all_of_it_goes_home() {
    let mut peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()])
        .route(ROUTE)
        .forgiving()
        .start()
        .await;
    for address in ["ann@example.org", "bob@example.org"] {
        user(&holdfast, address).await;
    }
    peer.stop().await;
    let held = holdfast
        .message(mail("the figures"))
        .to(&["ann@example.org"])
        .send()
        .await;
    held.is_held("failed");
    holdfast
        .order(&json!({ "mode": "hold", "reason": "down" }))
        .await;

    let ann = Browser::new(&holdfast);
    ann.activate(&link(&holdfast, "ann@example.org").await)
        .await;
    let inbox = ann.get("/mail/").await;
    assert!(inbox.contains("the figures"), "{inbox}");
    let message = ann.get(&format!("/mail/m/{}", held.id())).await;
    assert!(message.contains("the figures"), "{message}");
    ann.get("/mail/compose?to=bob@example.org").await;
    let fields = [
        ("to", "bob@example.org"),
        ("subject", "Re: the figures"),
        ("body", "Seen, thanks"),
        ("do", "send"),
    ];
    let sent = ann.submit("/mail/compose", &fields).await;
    assert!(sent.contains("Re: the figures"), "{sent}");

    // A colleague has it at once.
    let bob = Browser::new(&holdfast);
    bob.activate(&link(&holdfast, "bob@example.org").await)
        .await;
    let inbox = bob.get("/mail/").await;
    assert!(inbox.contains("Re: the figures"), "{inbox}");
    assert!(
        !inbox.contains("Seen, thanks") || inbox.contains("ann"),
        "{inbox}"
    );

    // And when the mail server is back it has both, byte for byte.
    peer.start_again().await;
    holdfast
        .order(&json!({ "mode": "deliver", "reason": "back" }))
        .await;
    for _ in 0..50 {
        holdfast.tick().await;
        if peer.taken().len() == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(peer.taken().len(), 2, "{:?}", holdfast.objects().keys());
    // Copies are kept for the next outage; in this one, which is over, nobody is in any more.
    holdfast.tick().await;
    let objects = holdfast.objects();
    let copies = objects.keys().filter(|key| key.starts_with("messages/"));
    assert_eq!(copies.count(), 2, "{:?}", objects.keys());
    let page = bob.get("/mail/").await;
    assert!(page.contains("name=\"password\""), "the login page: {page}");
    for name in ["the figures", PASSWORD] {
        let log = holdfast.logged("");
        assert!(
            !log.iter().any(|line| line.contains(name)),
            "the log has no content"
        );
    }
}

#[tokio::test]
async fn a_link_goes_to_an_address_outside_and_what_comes_back_is_in_the_mailbox() {
    let (mut home, outside) = (Peer::start().await, Peer::start().await);
    home.stop().await;
    outside.refuse_recipient("carl@elsewhere.example", "550 5.1.1 no such user");
    let out = format!(
        "[[route]]\nname = \"out\"\ndomains = []\nprimary = {:?}\ntls = \"off\"\n",
        outside.url()
    );
    let holdfast = Setup::to(&[home.url()])
        .top("outbound = \"out\"\nreturns = \"out\"")
        .route(ROUTE)
        .forgiving()
        .tail(&out)
        .variable("primary_hosts_2", &format!("tcp://{}", outside.address()))
        .start()
        .await;
    let ann = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ann@example.org",
        "displayName": "Ann",
        "emails": [
            { "value": "ann@example.org", "type": "work", "primary": true },
            { "value": "ann@at-home.example", "type": "home" },
        ],
        "active": true,
    });
    assert_eq!(scim(&holdfast, "/Users", &ann).await.status, 201);
    holdfast
        .order(&json!({ "mode": "hold", "reason": "down" }))
        .await;

    // The operator sends the link to where Ann can read it today.
    let url = format!("{}/v1/people/ann@example.org/activation", holdfast.url());
    let order = json!({ "reason": "an outage", "purpose": "activate", "send": true });
    let request = Client::new().post(url).bearer_auth(OPERATOR_TOKEN);
    let sent = Answer::of(request.header("holdfast-operator", "Olga").json(&order)).await;
    assert_eq!(sent.word("sent_to"), "ann@at-home.example", "{}", sent.text);
    let letter = arrived(&holdfast, &outside, "ann@at-home.example").await;
    let link = letter.split("activate?token").next().unwrap();
    assert!(link.ends_with("/mail/"), "{letter}");
    let ann = Browser::new(&holdfast);
    ann.activate(sent.word("url")).await;

    // What cannot be delivered comes back to the one who wrote it.
    ann.get("/mail/compose").await;
    let fields = [
        ("to", "carl@elsewhere.example, dora@elsewhere.example"),
        ("subject", "to Carl and Dora"),
        ("body", "Good morning"),
        ("do", "send"),
    ];
    ann.submit("/mail/compose", &fields).await;
    let letter = arrived(&holdfast, &outside, "dora@elsewhere.example").await;
    assert!(letter.contains("to Carl and Dora"), "{letter}");
    let mut inbox = String::new();
    for _ in 0..50 {
        holdfast.tick().await;
        inbox = ann.get("/mail/").await;
        if inbox.contains("carl@elsewhere.example") || inbox.contains("/mail/m/") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    let report = inbox.split("/mail/m/").nth(1).expect(&inbox);
    let report = report.split('"').next().unwrap();
    let page = ann.get(&format!("/mail/m/{report}")).await;
    assert!(page.contains("carl@elsewhere.example"), "{page}");
    assert!(page.contains("no such user"), "{page}");
}

/// A verifier that we did not write (dkimpy), with the key's public half as the DNS would have it.
#[tokio::test]
#[ignore = "needs dkimpy and OpenSSL"]
async fn what_users_write_has_a_signature_that_others_verify() {
    let generated = [
        ("rsa", vec!["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("ed25519", vec!["ED25519"]),
    ];
    for (kind, algorithm) in generated {
        let folder = tempfile::tempdir().unwrap();
        let pem = folder.path().join("key.pem");
        let mut made = Command::new("openssl");
        made.args(["genpkey", "-algorithm"]).args(&algorithm);
        assert!(made.arg("-out").arg(&pem).status().unwrap().success());

        let outside = Peer::start().await;
        let holdfast = Setup::to(&[outside.url()])
            .top("outbound = \"hq\"")
            .route(ROUTE)
            .tail("[dkim]\nselector = \"s1\"\n")
            .variable("dkim_key", &std::fs::read_to_string(&pem).unwrap())
            .start()
            .await;
        user(&holdfast, "ann@example.org").await;
        let order = json!({ "mode": "hold", "reason": "down" });
        holdfast.order(&order).await;
        let ann = Browser::new(&holdfast);
        ann.activate(&link(&holdfast, "ann@example.org").await)
            .await;
        ann.get("/mail/compose").await;
        let fields = [
            ("to", "carl@elsewhere.example"),
            (
                "subject",
                "Grüße, and a subject that is long enough to be folded somewhere in its middle",
            ),
            (
                "body",
                "Good  morning \r\n\r\n. A line\r\nFrom here on  \r\n\r\n\r\n",
            ),
            ("do", "send"),
        ];
        ann.submit("/mail/compose", &fields).await;
        holdfast
            .order(&json!({ "mode": "deliver", "reason": "back" }))
            .await;
        let letter = arrived(&holdfast, &outside, "carl@elsewhere.example").await;
        let mut verify = Command::new(workspace().join("target/peers/venv/bin/python"))
            .arg(workspace().join("tests/dkim/verify.py"))
            .arg(&pem)
            .arg(kind)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = verify.stdin.take().unwrap();
        input.write_all(letter.as_bytes()).unwrap();
        drop(input);
        assert!(verify.wait().unwrap().success(), "{kind}: {letter}");
    }
}

/// The message that arrives for this recipient, sooner or later.
async fn arrived(holdfast: &Installation, peer: &Peer, to: &str) -> String {
    for _ in 0..100 {
        let taken = peer.taken();
        let mut letters = taken
            .iter()
            .filter(|letter| letter.to.iter().any(|one| one.contains(to)));
        if let Some(letter) = letters.next() {
            return String::from_utf8_lossy(&letter.bytes).into_owned();
        }
        holdfast.tick().await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("nothing arrives for {to}: {:?}", holdfast.objects().keys());
}

#[tokio::test]
async fn outside_of_an_outage_nobody_is_in_and_nothing_is_answered_in_the_clear() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).route(ROUTE).start().await;
    user(&holdfast, "ann@example.org").await;
    let ann = Browser::new(&holdfast);
    ann.activate(&link(&holdfast, "ann@example.org").await)
        .await;
    let page = ann.get("/mail/").await;
    assert!(page.contains("name=\"password\""), "the login page: {page}");
    let elsewhere = Client::new().get(format!("{}/mail/login", holdfast.url()));
    let answer = Answer::of(elsewhere.header("host", "mail.example.org")).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let tls = Client::new().get(format!("{}/mail/login", holdfast.url()));
    let tls = tls
        .header("host", "mail.example.org")
        .header("x-forwarded-proto", "https");
    let answer = tls.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("strict-transport-security"));
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("; Secure")
    );
}

#[tokio::test]
async fn a_directory_is_for_those_who_have_its_token() {
    let peer = Peer::start().await;
    let holdfast = Setup::to(&[peer.url()]).start().await;
    for token in [None, Some("wrong"), Some(TICK_TOKEN)] {
        let answer = holdfast.get("/scim/v2/Users", token).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    let answer = holdfast.get("/v1/people", Some(SCIM_TOKEN)).await;
    assert_eq!(
        answer.status, 401,
        "who provisions users hands out no links"
    );
    let id = user(&holdfast, "ann@example.org").await;
    let again = scim(&holdfast, "/Users", &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ANN@example.org" })).await;
    assert_eq!(again.status, 409, "{}", again.text);
    let read = holdfast
        .get(&format!("/scim/v2/Users/{id}"), Some(SCIM_TOKEN))
        .await;
    assert_eq!(read.word("userName"), "ann@example.org");
    let people = holdfast.get("/v1/people", Some(OPERATOR_TOKEN)).await;
    assert_eq!(people.body["total"], 1, "{}", people.text);
}

#[tokio::test]
async fn a_route_may_refuse_whom_the_directory_does_not_know() {
    let peer = Peer::start().await;
    let route = "tls = \"off\"\nunknown_recipients = \"refuse\"";
    let holdfast = Setup::to(&[peer.url()]).route(route).start().await;
    let nobody = holdfast.message(mail("a")).to(&["nobody@example.org"]);
    nobody.send().await.is_delivered();
    user(&holdfast, "ann@example.org").await;
    let refused = holdfast
        .message(mail("b"))
        .to(&["nobody@example.org"])
        .send()
        .await;
    refused.is_problem(422, "refused");
    let both = holdfast
        .message(mail("c"))
        .to(&["ann@example.org", "nobody@example.org"])
        .send()
        .await;
    assert_eq!(both.status, 200, "{}", both.text);
    assert_eq!(both.body["recipients"][1]["outcome"], "rejected");
    assert_eq!(peer.taken().len(), 2);
}
