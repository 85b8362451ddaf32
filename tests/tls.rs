//! TLS with primaries: whom Holdfast believes, what it does where it believes nobody, and that a
//! password goes to none but them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "tls/server.rs"]
mod server;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_tests::certificates::{Authority, Certified};
use holdfast_tests::support::installation::{Installation, mail};
use holdfast_tests::support::{Answer, Setup};
use server::{Character, Line, PASSWORD, Server, USER};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn starttls_reaches_the_server_whose_certificate_is_right() {
    let authority = Authority::new();
    let ca = ca(&authority);
    let named = authority.certify(NAME);
    let by_address = authority.certify("127.0.0.1");
    let unknown = Authority::new().certify_expired("elsewhere.example");
    for (what, certified, lines) in [
        (
            "name and authority",
            &named,
            format!("tls_name = {NAME:?}\n{ca}"),
        ),
        ("address and authority", &by_address, ca.clone()),
        (
            "its public key, whoever signed it",
            &unknown,
            pins(&[&named, &unknown]),
        ),
    ] {
        for old in [false, true] {
            let server = Server::start(
                certified,
                Character {
                    old,
                    ..Character::default()
                },
            )
            .await;
            let holdfast = required(&server, &lines).start().await;
            holdfast.post(mail(what)).await.is_delivered();
            assert_eq!(server.was_sent_mail(), Some(true), "{what}, old: {old}");
            let said = server.lines();
            let hello = Line {
                secure: true,
                text: "EHLO holdfast.example".to_owned(),
            };
            assert!(
                said.contains(&hello),
                "after STARTTLS all begins anew (RFC 3207, 4.2): {said:?}"
            );
        }
    }
}

#[tokio::test]
async fn mail_that_must_be_encrypted_is_held_where_the_server_is_not_believed() {
    let authority = Authority::new();
    let right = format!("tls_name = {NAME:?}\n{}", ca(&authority));
    let named = authority.certify(NAME);
    let expired = authority.certify_expired(NAME);
    let elsewhere = authority.certify("mail.example.com");
    let strange = Authority::new().certify(NAME);
    let pinned = format!("{right}\n{}", pins(&[&elsewhere]));
    let usual = Character::default;
    let hides = || Character {
        hides_starttls: true,
        ..usual()
    };
    let breaks = || Character {
        breaks_handshakes: true,
        ..usual()
    };
    for (what, certified, character, lines, words) in [
        (
            "another name",
            &elsewhere,
            usual(),
            right.clone(),
            "another name",
        ),
        (
            "no name, another address",
            &elsewhere,
            usual(),
            ca(&authority),
            "another name",
        ),
        (
            "an unknown authority",
            &strange,
            usual(),
            right.clone(),
            "authority",
        ),
        (
            "public authorities only",
            &named,
            usual(),
            format!("tls_name = {NAME:?}"),
            "authority",
        ),
        ("expired", &expired, usual(), right.clone(), "expired"),
        (
            "a pin that is not its own",
            &named,
            usual(),
            pinned,
            "tls_pins",
        ),
        (
            "STARTTLS not offered",
            &named,
            hides(),
            right.clone(),
            "STARTTLS",
        ),
        ("a broken handshake", &named, breaks(), right.clone(), "TLS"),
    ] {
        let server = Server::start(certified, character).await;
        let holdfast = required(&server, &lines).start().await;
        let answer = holdfast.post(mail(what)).await;
        is_held_with(&holdfast, &answer, what, words);
        assert_eq!(
            server.was_sent_mail(),
            None,
            "{what}: it was sent mail all the same"
        );
    }
}

#[tokio::test]
async fn opportunistic_tls_is_used_where_it_is_offered_and_works() {
    let certified = Authority::new().certify_expired("elsewhere.example");
    let usual = Character::default;
    for (what, character, encrypted) in [
        ("anybody's certificate", usual(), true),
        (
            "not offered",
            Character {
                hides_starttls: true,
                ..usual()
            },
            false,
        ),
        (
            "broken",
            Character {
                breaks_handshakes: true,
                ..usual()
            },
            false,
        ),
    ] {
        let server = Server::start(&certified, character).await;
        let holdfast = to(&server, "smtp")
            .route("tls = \"opportunistic\"")
            .start()
            .await;
        holdfast.post(mail(what)).await.is_delivered();
        assert_eq!(server.was_sent_mail(), Some(encrypted), "{what}");
    }
}

#[tokio::test]
async fn off_means_off() {
    let server = Server::start(&Authority::new().certify(NAME), Character::default()).await;
    let holdfast = to(&server, "smtp").route("tls = \"off\"").start().await;
    holdfast.post(mail("off")).await.is_delivered();
    assert!(
        server
            .lines()
            .iter()
            .all(|line| !line.secure && line.text != "STARTTLS"),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn smtps_is_encrypted_from_the_first_byte() {
    let authority = Authority::new();
    let right = format!("tls_name = {NAME:?}\n{}", ca(&authority));
    let implicit = || Character {
        implicit: true,
        ..Character::default()
    };
    let server = Server::start(&authority.certify(NAME), implicit()).await;
    let holdfast = to(&server, "smtps").route(&right).start().await;
    holdfast.post(mail("right")).await.is_delivered();
    assert!(
        server
            .lines()
            .iter()
            .all(|line| line.secure && line.text != "STARTTLS"),
        "{:?}",
        server.lines()
    );

    let elsewhere = authority.certify("mail.example.com");
    for (what, certified, character, words) in [
        ("another name", &elsewhere, implicit(), "another name"),
        (
            "expired",
            &authority.certify_expired(NAME),
            implicit(),
            "expired",
        ),
        (
            "a server that speaks in the clear",
            &authority.certify(NAME),
            Character::default(),
            "TLS",
        ),
    ] {
        let server = Server::start(certified, character).await;
        // The other words for TLS are about STARTTLS: here it is not to be left out.
        for policy in ["required", "opportunistic", "off"] {
            if policy == "opportunistic" && what != "a server that speaks in the clear" {
                continue;
            }
            let lines = format!("tls = {policy:?}\n{right}");
            let holdfast = to(&server, "smtps").route(&lines).start().await;
            let answer = holdfast.post(mail(what)).await;
            is_held_with(&holdfast, &answer, what, words);
        }
        assert_eq!(server.was_sent_mail(), None, "{what}");
    }
}

#[tokio::test]
async fn a_password_is_told_to_the_server_that_was_meant() {
    let authority = Authority::new();
    let right = format!("tls_name = {NAME:?}\n{}", ca(&authority));
    for mechanisms in ["PLAIN LOGIN", "LOGIN PLAIN", "PLAIN", "LOGIN"] {
        let character = Character {
            mechanisms,
            ..Character::default()
        };
        let server = Server::start(&authority.certify(NAME), character).await;
        let holdfast =
            required(&server, &right).variable("primary_credentials", &credentials(PASSWORD));
        let holdfast = holdfast.start().await;
        holdfast.post(mail(mechanisms)).await.is_delivered();
        assert_eq!(server.was_sent_mail(), Some(true));
        let used = server
            .lines()
            .into_iter()
            .find(|line| line.text.starts_with("AUTH "))
            .unwrap();
        let expected = if mechanisms.contains("PLAIN") {
            "AUTH PLAIN "
        } else {
            "AUTH LOGIN"
        };
        assert!(
            used.secure && used.text.starts_with(expected),
            "{mechanisms}: {used:?}"
        );
        is_silent(&holdfast);
    }
    let character = Character {
        mechanisms: "PLAIN LOGIN",
        ..Character::default()
    };
    let server = Server::start(&authority.certify(NAME), character).await;
    let wrong = required(&server, &right)
        .variable("primary_credentials", &credentials("wrong"))
        .start()
        .await;
    let answer = wrong.post(mail("a wrong password")).await;
    is_held_with(&wrong, &answer, "a wrong password", "535");
    assert_eq!(server.was_sent_mail(), None);
}

#[tokio::test]
async fn a_password_is_never_told_in_the_clear_nor_to_a_stranger_where_tls_is_required() {
    let authority = Authority::new();
    let right = format!("tls_name = {NAME:?}\n{}", ca(&authority));
    let named = authority.certify(NAME);
    let strange = Authority::new().certify(NAME);
    let usual = || Character {
        mechanisms: "PLAIN LOGIN",
        ..Character::default()
    };
    let hides = || Character {
        hides_starttls: true,
        ..usual()
    };
    let breaks = || Character {
        breaks_handshakes: true,
        ..usual()
    };
    let opportunistic = "tls = \"opportunistic\"".to_owned();
    for (what, certified, character, lines) in [
        (
            "a stranger",
            &strange,
            usual(),
            format!("tls = \"required\"\n{right}"),
        ),
        (
            "STARTTLS taken out",
            &named,
            hides(),
            format!("tls = \"required\"\n{right}"),
        ),
        (
            "STARTTLS taken out, TLS not required",
            &named,
            hides(),
            opportunistic.clone(),
        ),
        (
            "a broken handshake, TLS not required",
            &named,
            breaks(),
            opportunistic,
        ),
    ] {
        let server = Server::start(certified, character).await;
        let holdfast = to(&server, "smtp").route(&lines);
        let holdfast = holdfast
            .variable("primary_credentials", &credentials(PASSWORD))
            .start()
            .await;
        let answer = holdfast.post(mail(what)).await;
        assert_ne!(
            answer.word("outcome"),
            "delivered",
            "{what}: {}",
            answer.text
        );
        let secrets = [
            PASSWORD.to_owned(),
            STANDARD.encode(PASSWORD),
            STANDARD.encode(format!("\0{USER}\0{PASSWORD}")),
        ];
        for line in server.lines() {
            assert!(!line.text.starts_with("AUTH"), "{what}: {line:?}");
            assert!(
                !secrets.iter().any(|secret| line.text.contains(secret)),
                "{what}: {line:?}"
            );
        }
        assert!(!answer.text.contains(PASSWORD), "{}", answer.text);
        is_silent(&holdfast);
    }
}

/// Holds that it is held, why, and that what is held is what was submitted.
#[track_caller]
fn is_held_with(holdfast: &Installation, answer: &Answer, what: &str, words: &str) {
    answer.is_held("failed");
    let detail = answer.word("detail");
    assert!(detail.contains(words), "{what}: {detail}");
    assert_eq!(holdfast.held()[answer.id()].message, mail(what));
}

/// Holds that no password is in the log.
#[track_caller]
fn is_silent(holdfast: &Installation) {
    let lines = holdfast.log.lines();
    assert!(
        !lines.iter().any(|(_, line)| line.contains(PASSWORD)),
        "the log tells a password: {lines:?}"
    );
}

fn to(server: &Server, scheme: &str) -> Setup {
    Setup::to(&[format!("{scheme}://{}", server.address())])
}

fn required(server: &Server, lines: &str) -> Setup {
    to(server, "smtp").route(&format!("tls = \"required\"\n{lines}"))
}

fn ca(authority: &Authority) -> String {
    format!("tls_ca = \"\"\"{}\"\"\"", authority.pem())
}

/// The pins of these certificates' public keys.
fn pins(certified: &[&Certified]) -> String {
    let pin = |one: &&Certified| -> String {
        let key = rcgen::PublicKeyData::subject_public_key_info(&one.key);
        Sha256::digest(key)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    format!(
        "tls_pins = {:?}",
        certified.iter().map(pin).collect::<Vec<_>>()
    )
}

fn credentials(password: &str) -> String {
    format!("[hq]\nusername = {USER:?}\npassword = {password:?}\n")
}

/// The server's name.
const NAME: &str = "mail.example.org";
