//! What a configuration may say, and what each refusal names.

use super::*;
use crate::routing::primary::TlsPolicy;

const ROUTE: &str = "[[route]]\nname = 'hq'\ndomains = ['example.org', '*.example.net']\n\
                     primary = 'smtp://192.0.2.10:25'\ntls = 'off'\n";

fn error(document: &str) -> ConfigError {
    Config::parse(document, "").expect_err(document)
}

#[test]
fn the_documents_example_is_read() {
    let config = Config::parse(
        "hostname = 'mx.example.org'\n[[route]]\nname = 'hq'\ndomains = ['example.org']\n\
         primary = ['smtp://192.0.2.10:25', 'https://mail.example.org/inbound']\ntls = 'required'\n\
         tls_name = 'mail.example.org'\n[route.health]\nconsecutive_failures = 3\nbase_ejection_time = '500ms'\n\
         [[partner]]\nname = 'acme'\nkey_sha256 = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n\
         senders = ['*@acme.example']\n[limits]\nmessage_bytes = 1000\n",
        "[hq]\nusername = 'u'\npassword = 'p'\n",
    )
    .unwrap();
    let route = config.route("hq").unwrap();
    assert_eq!((route.tls, route.primaries.len()), (TlsPolicy::Required, 2));
    assert_eq!(route.health.consecutive_failures, 3);
    assert_eq!(route.health.base_ejection_time, Duration::from_millis(500));
    assert_eq!(
        config.limits,
        Limits {
            message_bytes: 1000,
            recipients: limits::RECIPIENTS
        }
    );
}

#[test]
fn a_domain_finds_its_route_and_no_other() {
    let config = Config::parse(ROUTE, "").unwrap();
    let found = |domain: &str| config.route_for(&domain.parse().unwrap()).is_some();
    assert!(found("EXAMPLE.org") && found("a.example.net") && found("a.b.example.net"));
    assert!(!found("example.net") && !found("notexample.net") && !found("a.example.org"));
}

#[test]
fn each_refusal_names_its_key() {
    let with = |line: &str| format!("{ROUTE}{line}\n");
    for (document, key) in [
        (String::new(), "route"),
        ("nonsense".into(), "config"),
        (with("typo = 1"), "config"),
        (with("[limits]\nmessage_bytes = 0"), "limits.message_bytes"),
        (with("[limits]\nrecipients = 5000"), "limits.recipients"),
        (with(ROUTE), "route.name"),
        (with(&ROUTE.replace("'hq'", "'b'")), "route.b.domains"),
        (ROUTE.replace("'hq'", "'H Q'"), "route.name"),
        (
            ROUTE.replace("192.0.2.10", "mail.example.org"),
            "route.hq.primary",
        ),
        (
            ROUTE.replace("smtp://", "smtp://user:pw@"),
            "route.hq.primary",
        ),
        (ROUTE.replace("smtp:", "ftp:"), "route.hq.primary"),
        (ROUTE.replace("'off'", "'required'"), "route.hq.tls_name"),
        (ROUTE.replace("'off'", "'maybe'"), "config"),
        (with("tls_pins = ['ab']"), "route.hq.tls_pins"),
        (with("tls_ca = 'x'"), "route.hq.tls_ca"),
        (
            with("[route.health]\nbase_ejection_time = '2 s'"),
            "route.hq.health.base_ejection_time",
        ),
        (
            with("[route.health]\nbase_ejection_time = '2h'"),
            "route.hq.health.base_ejection_time",
        ),
        (
            with("[route.health]\nconsecutive_failures = 0"),
            "route.hq.health.consecutive_failures",
        ),
        (
            with("[route.timeouts]\nconnect = '5m'"),
            "route.hq.timeouts.connect",
        ),
        (
            with("[[partner]]\nname = 'a'\nkey_sha256 = 'ff'"),
            "partner.a.key_sha256",
        ),
        (format!("hostname = 'a b'\n{ROUTE}"), "hostname"),
        (with("queue_lifetime = 'never'"), "route.hq.queue_lifetime"),
        (with("uncertain = 'maybe'"), "config"),
        (
            ROUTE.replace("['example.org', '*.example.net']", "[]"),
            "route.hq.domains",
        ),
        (format!("returns = 'out'\n{ROUTE}"), "returns"),
        (with("[retention]\noutcomes = '29d'"), "retention.outcomes"),
        (
            with("[retention]\ndead_letters = '91d'"),
            "retention.dead_letters",
        ),
        (with("[retention]\naudit = 'x'"), "retention.audit"),
        (
            with(&format!(
                "[[partner]]\nname = 'holdfast'\nkey_sha256 = '{}'",
                "0".repeat(64)
            )),
            "partner.name",
        ),
    ] {
        assert_eq!(
            error(&document).key,
            key,
            "{document}: {}",
            error(&document)
        );
    }
}

#[test]
fn times_to_keep_things_have_their_defaults_and_may_be_none() {
    let days = |days: u64| Some(Duration::from_secs(days * 86_400));
    let config = Config::parse(ROUTE, "").unwrap();
    assert_eq!(config.routes[0].queue_lifetime, days(30));
    let Retention {
        outcomes,
        audit,
        dead_letters,
    } = config.retention;
    assert_eq!((outcomes, audit, dead_letters), (days(90), days(400), None));
    let none = format!(
        "{ROUTE}queue_lifetime = 'none'\nuncertain = 'hold'\n[retention]\noutcomes = '1d'\naudit = 'none'\n"
    );
    let config = Config::parse(&none, "").unwrap();
    assert_eq!(config.routes[0].queue_lifetime, None);
    assert_eq!(
        (config.retention.outcomes, config.retention.audit),
        (days(1), None)
    );
}

#[test]
fn the_route_that_carries_reports_may_serve_no_domain_and_gets_no_submission() {
    let out = ROUTE
        .replace("'hq'", "'out'")
        .replace("['example.org', '*.example.net']", "[]");
    let config = Config::parse(&format!("returns = 'out'\n{ROUTE}{out}"), "").unwrap();
    assert_eq!(config.returns.as_ref().map(RouteName::as_str), Some("out"));
    assert!(config.route_for(&"acme.example".parse().unwrap()).is_none());
}

#[test]
fn a_broken_secret_is_never_quoted() {
    for secret in [
        "[hq]\npassword = 'hunter2",
        "[hq]\npassword = 'hunter2'",
        "hunter2",
        "[no]\nbearer = 'hunter2'",
    ] {
        let error = Config::parse(ROUTE, secret).unwrap_err();
        assert_eq!(error.key, "primary_credentials");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
    }
}

#[test]
fn a_password_in_an_address_is_refused_and_not_repeated() {
    for address in [
        "smtp://ann:hunter2@",
        "smtp://ann:hunter2@@",
        "https://hunter2@",
        "smtp://ann:hunter2@[",
    ] {
        let error = Config::parse(&ROUTE.replace("smtp://", address), "").unwrap_err();
        assert_eq!(error.key, "route.hq.primary");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn debug_hides_credentials() {
    let config = Config::parse(ROUTE, "[hq]\nusername = 'u'\npassword = 'hunter2'\n").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}
