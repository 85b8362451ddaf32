//! What mail gateways post arrives, once, and forged posts do not: through the real component, with its
//! real signatures. Every rule of every gateway is held in core (`inbound/tests.rs`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast::native::Native;
use holdfast_core::ports::Clock as _;
use holdfast_tests::support::installation::{ACME, ACME_KEY, mail};
use holdfast_tests::support::{Answer, Installation, Peer, Setup};
use reqwest::RequestBuilder;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use sha2::Sha256;

async fn setup(peer: &Peer) -> Installation {
    let key = PrivateKeyDer::from_pem_slice(POSTAL_KEY).unwrap();
    let key = any_supported_type(&key).unwrap();
    let public = key.public_key().unwrap();
    let keys = format!(
        "[{ACME}]\nmailgun = \"{MAILGUN_KEY}\"\npostal = \"{}\"\n",
        STANDARD.encode(public)
    );
    Setup::to(&[peer.url()])
        .variable("gateway_keys", &keys)
        .start()
        .await
}

fn post(holdfast: &Installation, gateway: &str) -> RequestBuilder {
    let url = format!("{}/v1/inbound/{gateway}", holdfast.url());
    holdfast.client.post(url)
}

fn form(request: RequestBuilder, fields: &[(&str, &[u8])]) -> RequestBuilder {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(&[head.as_bytes(), value, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--xYz--\r\n");
    let kind = "multipart/form-data; boundary=xYz";
    request.header("content-type", kind).body(body)
}

fn mailgun(holdfast: &Installation, key: &str, message: &[u8]) -> RequestBuilder {
    let timestamp = (Native::new().unwrap().now().millis() / 1_000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}token").as_bytes());
    let signature: [u8; 32] = mac.finalize().into_bytes().into();
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let fields = [
        ("recipient", "bob@example.org".as_bytes()),
        ("sender", b"ann@acme.example"),
        ("timestamp", timestamp.as_bytes()),
        ("token", b"token"),
        ("signature", signature.as_bytes()),
        ("body-mime", message),
    ];
    form(post(holdfast, &format!("mailgun/{ACME}/mime")), &fields)
}

fn postal(holdfast: &Installation, message: &[u8], forged: bool) -> RequestBuilder {
    let body = json!({
        "id": 7, "rcpt_to": "bob@example.org", "mail_from": "ann@acme.example",
        "message": STANDARD.encode(message), "base64": true, "size": message.len(),
    });
    let body = body.to_string();
    let key = PrivateKeyDer::from_pem_slice(POSTAL_KEY).unwrap();
    let key = any_supported_type(&key).unwrap();
    let signer = key
        .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
        .unwrap();
    let signature = signer.sign(body.as_bytes()).unwrap();
    let body = if forged {
        body.replace("bob@", "eve@")
    } else {
        body
    };
    post(holdfast, &format!("postal/{ACME}"))
        .header("content-type", "application/json")
        .header("x-postal-signature-256", STANDARD.encode(signature))
        .body(body)
}

fn sendgrid(holdfast: &Installation, key: &str, message: &[u8]) -> RequestBuilder {
    let envelope = json!({ "to": ["bob@example.org"], "from": "ann@acme.example" });
    let envelope = envelope.to_string();
    let fields = [("email", message), ("envelope", envelope.as_bytes())];
    let request = form(post(holdfast, &format!("sendgrid/{ACME}")), &fields);
    request.basic_auth("anything", Some(key))
}

#[tokio::test]
async fn what_a_gateway_posts_arrives_once_and_what_is_forged_does_not() {
    let peer = Peer::start().await;
    let holdfast = setup(&peer).await;
    let [one, two, three] = ["mailgun", "postal", "sendgrid"].map(mail);
    let forged = [
        mailgun(&holdfast, "another", &one),
        postal(&holdfast, &two, true),
        sendgrid(&holdfast, "another", &three),
        post(&holdfast, &format!("postmark/{ACME}")).json(&json!({})),
    ];
    for request in forged {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
    assert!(peer.taken().is_empty());
    for _ in 0..2 {
        let good = [
            mailgun(&holdfast, MAILGUN_KEY, &one),
            postal(&holdfast, &two, false),
            sendgrid(&holdfast, ACME_KEY, &three),
        ];
        for request in good {
            let answer = Answer::of(request).await;
            answer.is_delivered();
            assert_eq!(answer.status, 200);
        }
    }
    let taken = peer.taken();
    assert_eq!(taken.len(), 3, "each of them once");
    for (taken, message) in taken.iter().zip([one, two, three]) {
        assert!(taken.bytes.ends_with(&message));
    }
}

#[tokio::test]
async fn while_the_primary_is_down_it_is_held_and_without_storage_the_gateway_keeps_it() {
    let mut peer = Peer::start().await;
    let mut holdfast = setup(&peer).await;
    peer.stop().await;
    let message = mail("to be held");
    let answer = Answer::of(sendgrid(&holdfast, ACME_KEY, &message)).await;
    assert_eq!((answer.status, answer.word("outcome")), (200, "held"));
    let held = holdfast.held();
    assert_eq!(held[answer.id()].message, message);
    holdfast.storage.proxy.stop().await;
    let answer = Answer::of(sendgrid(&holdfast, ACME_KEY, &mail("kept there"))).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
    for (name, text) in [("405", "GET"), ("404", "POST")] {
        let url = format!("{}/v1/inbound/nobody/{ACME}", holdfast.url());
        let request = holdfast.client.request(text.parse().unwrap(), url);
        assert_eq!(Answer::of(request).await.status.to_string(), name);
    }
    for secret in [ACME_KEY, MAILGUN_KEY] {
        assert!(!holdfast.log.contains(secret), "a secret is in the log");
    }
}

const MAILGUN_KEY: &str = "key-4f2a";
const POSTAL_KEY: &[u8] = include_bytes!("inbound/postal_test_key.pem");
