//! The table of HOSTS.md 2.1, run against Spin's own matcher there and against ours here.

use super::*;

fn socket(grant: &str, address: &str) -> bool {
    let grants = Grants::parse([grant]).unwrap_or_else(Grants::broken);
    grants.allow_connect(address.parse().unwrap())
}

fn http(grant: &str, scheme: &str, host: &str, port: Option<u16>) -> bool {
    Grants::parse([grant]).unwrap().allow(scheme, host, port)
}

#[test]
fn sockets_are_judged_by_address_and_port() {
    let table = [
        ("tcp://smtp.example.com:25", "192.0.2.7:25", false),
        ("tcp://192.0.2.7:25", "192.0.2.7:25", true),
        ("tcp://192.0.2.7:25", "192.0.2.7:26", false),
        ("tcp://192.0.2.7:25", "192.0.2.8:25", false),
        ("tcp://192.0.2.0/24:25", "192.0.2.7:25", true),
        ("tcp://192.0.2.9/24:25", "192.0.2.7:25", true),
        ("tcp://192.0.2.0/24:25", "192.0.3.7:25", false),
        ("tcp://*:25", "192.0.2.7:25", true),
        ("*://*:25", "192.0.2.7:25", true),
        ("*://*:*", "192.0.2.7:4711", true),
        ("tcp://[2001:db8::1]:25", "[2001:db8::1]:25", true),
        ("tcp://[2001:db8::1]:25", "[2001:db8::2]:25", false),
        ("tcp://2001:db8::/32:25", "[2001:db8::1]:25", true),
        ("smtp://192.0.2.7:25", "192.0.2.7:25", false),
        ("tcp://192.0.2.7:25..588", "192.0.2.7:587", true),
        ("tcp://192.0.2.7:25..588", "192.0.2.7:588", false),
        ("tcp://192.0.2.7:25/", "192.0.2.7:25", true),
    ];
    for (grant, address, expected) in table {
        assert_eq!(socket(grant, address), expected, "{grant} <- {address}");
    }
}

#[test]
fn requests_are_judged_by_scheme_host_and_port() {
    let table = [
        (
            "https://mail.example.org",
            "https",
            "mail.example.org",
            None,
            true,
        ),
        (
            "https://mail.example.org",
            "https",
            "mail.example.org",
            Some(443),
            true,
        ),
        (
            "https://mail.example.org",
            "https",
            "mail.example.org",
            Some(8443),
            false,
        ),
        (
            "https://mail.example.org",
            "http",
            "mail.example.org",
            None,
            false,
        ),
        (
            "https://mail.example.org/",
            "https",
            "mail.example.org",
            None,
            true,
        ),
        (
            "https://mail.example.org:",
            "https",
            "mail.example.org",
            None,
            true,
        ),
        (
            "http://*.example.org",
            "http",
            "a.b.example.org",
            None,
            true,
        ),
        ("http://*.Example.ORG", "http", "a.example.org", None, true),
        ("http://*.example.org", "http", "example.org", None, false),
        ("http://*.example.org", "http", "myexample.org", None, false),
        (
            "http://127.0.0.1:9000",
            "http",
            "127.0.0.1",
            Some(9000),
            true,
        ),
        ("http://[::1]", "http", "[::1]", Some(80), true),
        ("http://[::1]:8000..9000", "http", "[::1]", Some(8001), true),
        ("*://*:*", "https", "anything.example", None, true),
        ("https://*", "https", "anything.example", None, true),
    ];
    for (grant, scheme, host, port, expected) in table {
        assert_eq!(
            http(grant, scheme, host, port),
            expected,
            "{grant} <- {scheme}://{host}"
        );
    }
}

#[test]
fn what_spin_cannot_parse_is_refused_and_denies_everything() {
    let bad = [
        "tcp://192.0.2.7",
        "tcp://",
        "",
        "*",
        "192.0.2.7:25",
        "http://example.com:notaport",
        "http://example.com:8080..70000",
        "http://example.com:8080/p",
        "http://*.example.com/p",
        "http://*.",
        "http://*.127.0.0.1",
        "http://a.*.example.com",
        "http://example.com//",
        "http://[::1",
        "http://[::1]::80",
        "h2c://example.com:80",
        "http://mailbox.spin.internal",
    ];
    for grant in bad {
        assert!(Grants::parse([grant]).is_err(), "{grant:?} must be refused");
    }
    assert!(
        !socket("tcp://192.0.2.7", "192.0.2.7:25"),
        "a broken entry denies everything"
    );
}

#[test]
fn self_requests_need_their_own_grant() {
    let allows = |grant| Grants::parse([grant]).unwrap().allow_self();
    assert!(allows("http://self"));
    assert!(allows("https://self.alt"));
    assert!(allows("*://*:*"));
    assert!(!allows("http://example.org"));
    assert!(!allows("tcp://self:25"));
}
