//! What each gateway posts, taken by the real use case on a world of our own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::executor::block_on;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ports::Clock as _;
use crate::submit::tests::{Mood, World};

const CONFIG: &str = "[[route]]\nname='hq'\ndomains=['example.org']\n\
                      primary='smtp://192.0.2.1:25'\ntls='off'\n\
                      [[partner]]\nname='acme'\n\
                      key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n";
const SECRETS: &str = "[acme]\nmailgun = 'signing'\npostal = '''MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALmtAHCeSVmwBUs+nDIQzKOs\n\
                       FgFYPuU22qzDkY9tF3LEv9PMhD2HJLe4NK/lAk1UNRRdMajCGWRbbdLLAN16qgkCAwEAAQ=='''\n";
/// The RSAPublicKey in it.
const RSA_KEY: &str = "MEgCQQC5rQBwnklZsAVLPpwyEMyjrBYBWD7lNtqsw5GPbRdyxL/TzIQ9hyS3uDSv5QJNVDUUXTGowhlkW23SywDd\
                       eqoJAgMBAAE=";
const SENDER: &str = "ada@acme.example";
const RECIPIENT: &str = "ann@example.org";
const BOUNDARY: &str = "xYzZY";

/// A request as a gateway makes it.
#[derive(Clone)]
struct Made {
    path: String,
    head: Head,
    signatures: Signatures,
    body: Vec<u8>,
}

fn message(text: &str) -> Vec<u8> {
    let mut message = format!(
        "Return-Path: <{SENDER}>\r\nX-Original-To: {RECIPIENT}\r\nFrom: Ada <{SENDER}>\r\nSubject: {text}\r\n\r\n"
    )
    .into_bytes();
    message.extend_from_slice("a & b=c + d % é\r\n".as_bytes());
    message
}

fn parts(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn mailgun(world: &World, message: &[u8]) -> Made {
    let timestamp = (world.now().millis() / 1_000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"signing").unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(b"token");
    let signature: [u8; 32] = mac.finalize().into_bytes().into();
    let signature: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
    let fields: [(&str, &[u8]); 6] = [
        ("recipient", RECIPIENT.as_bytes()),
        ("sender", SENDER.as_bytes()),
        ("timestamp", timestamp.as_bytes()),
        ("token", b"token"),
        ("signature", signature.as_bytes()),
        ("body-mime", message),
    ];
    let body =
        fields.map(|(name, value)| format!("{name}={}", percent_encode(value, NON_ALPHANUMERIC)));
    Made {
        path: "mailgun/acme/mime".into(),
        head: Head {
            content_type: Some("application/x-www-form-urlencoded".into()),
            ..Head::default()
        },
        signatures: Signatures::default(),
        body: body.join("&").replace("%20", "+").into_bytes(),
    }
}

/// What this gateway posts of a message.
fn made(world: &World, gateway: Gateway, message: &[u8]) -> Made {
    let basic =
        |user: &str| Some(format!("Basic {}", STANDARD.encode(format!("{user}:foo"))).into_bytes());
    let form = format!("multipart/form-data; boundary={BOUNDARY}");
    let made = |user: &str, content_type: &str, body: Vec<u8>| Made {
        path: format!("{}/acme", gateway.as_str()),
        head: Head {
            authorization: basic(user),
            content_type: Some(content_type.to_owned()),
            ..Head::default()
        },
        signatures: Signatures::default(),
        body,
    };
    match gateway {
        Gateway::Mailgun => mailgun(world, message),
        Gateway::SendGrid => {
            let envelope = json!({ "to": [RECIPIENT], "from": SENDER }).to_string();
            let fields: [(&str, &[u8]); 4] = [
                ("headers", b"not read"),
                ("email", message),
                ("envelope", envelope.as_bytes()),
                ("charsets", b"{\"to\":\"UTF-8\"}"),
            ];
            made("sendgrid", &form, parts(&fields))
        }
        Gateway::Postmark => {
            let body = json!({
                "FromFull": { "Email": "other@acme.example", "Name": "Ada" },
                "OriginalRecipient": RECIPIENT,
                "MessageID": "73e6d360-66eb-11e1-8e72-a8904824019b",
                "RawEmail": String::from_utf8(message.to_vec()).unwrap(),
                "Attachments": [],
            });
            made(
                "postmark",
                "application/json; charset=utf-8",
                body.to_string().into(),
            )
        }
        Gateway::CloudMailin => {
            let fields: [(&str, &[u8]); 5] = [
                ("envelope[to]", RECIPIENT.as_bytes()),
                ("envelope[recipients][0]", RECIPIENT.as_bytes()),
                ("envelope[from]", SENDER.as_bytes()),
                ("envelope[spf][result]", b"pass"),
                ("message", message),
            ];
            made("cloudmailin", &form, parts(&fields))
        }
        Gateway::Postal => {
            let body = json!({
                "id": 12345, "rcpt_to": RECIPIENT, "mail_from": SENDER, "size": message.len(),
                "message": STANDARD.encode(message), "base64": true,
            });
            let signatures = Signatures {
                postal_sha1: Some(STANDARD.encode("old")),
                postal_sha256: Some(STANDARD.encode("right")),
            };
            Made {
                head: Head {
                    authorization: None,
                    ..made("", "application/json", Vec::new()).head
                },
                signatures,
                ..made("", "application/json", body.to_string().into())
            }
        }
        Gateway::ActionMailbox => made("actionmailbox", "message/rfc822", message.to_vec()),
    }
}

/// A host that knows one key and one signature.
fn verify(signed: &Signed<'_>) -> bool {
    let right: &[u8] = if signed.sha256 { b"right" } else { b"old" };
    signed.key == STANDARD.decode(RSA_KEY).unwrap() && signed.signature == right
}

fn post(world: &World, made: &Made) -> Response {
    let config = Config::parse(CONFIG, "").unwrap();
    let secrets = GatewaySecrets::parse(SECRETS).unwrap();
    let cache = StateCache::default();
    let told = |problem: &Problem| answer(&made.path, Response::problem(problem, "0"));
    let door = match begin(&config, &made.path, &made.head) {
        Ok(door) => door,
        Err(problem) => return told(&problem),
    };
    let body = Bytes::copy_from_slice(&made.body);
    assert!(body.len() <= door.body_limit);
    match door.read(&secrets, &made.signatures, &body, world.now(), &verify) {
        Ok(posted) => {
            let submitted = door.submit(world, &config, &cache, posted);
            answer(&made.path, block_on(submitted).response)
        }
        Err(problem) => told(&problem),
    }
}

#[test]
fn each_gateways_message_arrives_as_it_had_it_and_once() {
    for gateway in Gateway::ALL {
        let (world, message) = (World::new(), message("one"));
        let made = made(&world, gateway, &message);
        for _ in 0..3 {
            let answer = post(&world, &made);
            assert_eq!(answer.status, 200, "{gateway:?}: {}", answer.body);
            world.now.set(world.now.get() + 600_000);
        }
        let delivered = world.delivered.borrow();
        assert_eq!(
            delivered.len(),
            1,
            "{gateway:?}: posted again, it makes no second one"
        );
        let (_, recipients, bytes) = &delivered[0];
        assert_eq!(recipients, &[RECIPIENT], "{gateway:?}");
        assert!(bytes.ends_with(&message), "{gateway:?}");
    }
}

#[test]
fn temporary_trouble_makes_each_gateway_keep_the_message() {
    for gateway in Gateway::ALL {
        let world = World::new();
        let made = made(&world, gateway, &message("one"));
        world.storage_out.set(true);
        world.mood("192.0.2.1", Mood::Silent);
        let answer = post(&world, &made);
        assert_eq!(answer.status, 503, "{gateway:?}: {}", answer.body);
        assert!(answer.retry_after.is_some(), "{gateway:?}");
        world.storage_out.set(false);
        world.now.set(world.now.get() + 600_000);
        assert_eq!(
            post(&world, &made).status,
            200,
            "{gateway:?}: it is held now"
        );
    }
}

#[test]
fn a_refusal_stops_each_gateway_in_its_own_code() {
    for (gateway, code) in Gateway::ALL.into_iter().zip([406, 422, 403, 422, 422, 422]) {
        let world = World::new();
        let made = made(&world, gateway, &message("one"));
        world.mood("192.0.2.1", Mood::Rejects);
        let answer = post(&world, &made);
        assert_eq!(answer.status, code, "{gateway:?}: {}", answer.body);
        assert_eq!(answer.body["status"], code, "{gateway:?}");
        assert!(
            answer.body["detail"]
                .as_str()
                .unwrap()
                .contains("the primary said")
        );
    }
}

#[test]
fn what_is_forged_is_refused() {
    for gateway in Gateway::ALL {
        let world = World::new();
        let good = made(&world, gateway, &message("one"));
        let mut forged = vec![Made {
            path: good.path.replace("acme", "other"),
            ..good.clone()
        }];
        if gateway == Gateway::Mailgun {
            let body = String::from_utf8(good.body.clone()).unwrap();
            let changed = |from: &str, to: &str| Made {
                body: body.replace(from, to).into_bytes(),
                ..good.clone()
            };
            forged.push(changed("token=token", "token=tokem"));
            forged.push(changed("signature=", "signature=00"));
            forged.push(changed("signature=", "x="));
        } else if gateway == Gateway::Postal {
            for (sha256, sha1) in [(None, None), (Some("old"), None), (None, Some("right"))] {
                let signatures = Signatures {
                    postal_sha1: sha1.map(|text| STANDARD.encode(text)),
                    postal_sha256: sha256.map(|text| STANDARD.encode(text)),
                };
                forged.push(Made {
                    signatures,
                    ..good.clone()
                });
            }
        } else {
            for authorization in [
                None,
                Some(b"Basic YTpi".to_vec()),
                Some(b"Bearer bar".to_vec()),
            ] {
                let head = Head {
                    authorization,
                    ..good.head.clone()
                };
                forged.push(Made {
                    head,
                    ..good.clone()
                });
            }
        }
        for made in forged {
            let answer = post(&world, &made);
            assert_eq!(answer.status, 401, "{gateway:?}: {}", answer.body);
        }
        assert!(world.delivered.borrow().is_empty(), "{gateway:?}");
    }
    let world = World::new();
    let old = made(&world, Gateway::Mailgun, &message("one"));
    world.now.set(world.now.get() + 25 * 3_600_000);
    assert_eq!(
        post(&world, &old).status,
        401,
        "a signature is not good for ever"
    );
}

#[test]
fn what_cannot_be_read_is_kept_by_the_gateway_until_somebody_looks() {
    for gateway in Gateway::ALL {
        let world = World::new();
        let good = made(&world, gateway, &message("one"));
        let other = Head {
            content_type: Some("text/plain".into()),
            ..good.head.clone()
        };
        let made = Made {
            head: other,
            ..good
        };
        let answer = post(&world, &made);
        // Mailgun's signature is in what cannot be read.
        assert_eq!(answer.status, 503, "{gateway:?}: {}", answer.body);
    }
    let world = World::new();
    let mut made = made(
        &world,
        Gateway::ActionMailbox,
        b"Subject: for whom?\r\n\r\n",
    );
    let answer = post(&world, &made);
    assert_eq!(answer.status, 503, "{}", answer.body);
    made.head.query = format!("from=&to={RECIPIENT}");
    assert_eq!(post(&world, &made).status, 200);
    made.head.query = "to=nobody@elsewhere.example".into();
    assert_eq!(post(&world, &made).status, 422, "no route leads there");
}

#[test]
fn what_is_too_long_by_its_own_word_is_refused_for_good() {
    for gateway in Gateway::ALL {
        let world = World::new();
        let mut made = made(&world, gateway, &message("one"));
        made.head.content_length = Some(1 << 40);
        assert_eq!(post(&world, &made).status, gateway.refusal(), "{gateway:?}");
    }
}

#[test]
fn a_name_that_a_gateway_uses_twice_costs_no_message() {
    for gateway in [Gateway::Postmark, Gateway::Postal] {
        let world = World::new();
        for text in ["one", "two", "one", "two"] {
            let made = made(&world, gateway, &message(text));
            assert_eq!(post(&world, &made).status, 200, "{gateway:?}");
        }
        assert_eq!(world.delivered.borrow().len(), 2, "{gateway:?}");
    }
}

#[test]
fn paths_of_nobody_are_not_found_and_secrets_are_not_shown() {
    let world = World::new();
    let good = made(&world, Gateway::ActionMailbox, &message("one"));
    for path in [
        "",
        "acme",
        "sparkpost/acme",
        "postal/acme/more",
        "postal/acme/mime/x",
    ] {
        let made = Made {
            path: path.into(),
            ..good.clone()
        };
        assert_eq!(post(&world, &made).status, 404, "{path}");
    }
    let secrets = GatewaySecrets::parse(SECRETS).unwrap();
    assert!(!format!("{secrets:?}").contains("signing"));
    for bad in [
        "acme = 'signing'",
        "[acme]\nmailgum = 'signing'",
        "[acme]\npostal = 'sign%ing'",
    ] {
        let error = GatewaySecrets::parse(bad).unwrap_err().to_string();
        assert!(
            error.contains("gateway_keys") && !error.contains("sign"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn no_body_makes_a_door_panic(at in 0..6_usize, body: Vec<u8>, cut in 0..400_usize) {
        let world = World::new();
        let mut made = made(&world, Gateway::ALL[at], &message("one"));
        match cut {
            0..40 => made.body = body,
            cut => made.body.truncate(cut),
        }
        post(&world, &made);
    }
}
