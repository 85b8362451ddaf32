//! Whatever a message and a reply say, the report is one that any program can read.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const MAIL: &[u8] =
    b"From: ann@acme.example\r\nMessage-ID: <one@acme.example>\r\nSubject: x\r\n\r\nbody\r\n";

fn id(random: u8) -> MessageId {
    MessageId::new(Timestamp::from_millis(1_795_392_000_000), [random; 10])
}

/// The report about `bob`, for these reasons.
fn made(message: &[u8], ret: Ret, why: Why<'_>, to: &str) -> String {
    let (to, bob) = (to.parse().unwrap(), "bob@example.org".parse().unwrap());
    let envid = EnvelopeId::parse("order 7").unwrap();
    let one = Report {
        id: id(1),
        hostname: "holdfast.example",
        to: &to,
        original: id(2),
        envid: Some(&envid),
        ret,
        remote: Some("mail.example.org"),
        last_attempt: Some(Timestamp::from_millis(1_795_478_400_000)),
        attempts: 2,
        failed: vec![Failed {
            address: &bob,
            why,
            uncertain: false,
        }],
    };
    let bytes = report(&one, &Bytes::copy_from_slice(message));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn rejected(text: &str) -> Why<'_> {
    Why::Rejected {
        code: 550,
        enhanced: Some("5.1.1"),
        text,
    }
}

/// The lines before the first part, and each part.
fn split(report: &str) -> (&str, Vec<&str>) {
    let boundary = report.split("boundary=\"").nth(1).unwrap();
    let boundary = boundary.split('"').next().unwrap();
    let (head, rest) = report.split_once(&format!("\r\n--{boundary}\r\n")).unwrap();
    let rest = rest
        .strip_suffix(&format!("\r\n--{boundary}--\r\n"))
        .unwrap();
    (head, rest.split(&format!("\r\n--{boundary}\r\n")).collect())
}

#[test]
fn a_refusal_is_told_in_the_primary_s_words() {
    let report = made(
        MAIL,
        Ret::Hdrs,
        rejected("No such user"),
        "ann@acme.example",
    );
    let (head, parts) = split(&report);
    for line in [
        "From: Mail Delivery System <mailer-daemon@holdfast.example>\r\n",
        "To: <ann@acme.example>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "In-Reply-To: <one@acme.example>\r\nReferences: <one@acme.example>\r\n",
        "MIME-Version: 1.0\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    assert_eq!(parts.len(), 3);
    assert!(parts[0].contains("bob@example.org") && parts[0].contains("550 5.1.1 No such user"));
    assert_eq!(
        parts[1],
        format!(
            "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; holdfast.example\r\n\
             Original-Envelope-Id: order 7\r\nArrival-Date: Mon, 23 Nov 2026 00:00:00 +0000\r\n\
             X-Holdfast-Id: {}\r\n\r\nFinal-Recipient: rfc822; bob@example.org\r\nAction: failed\r\n\
             Status: 5.1.1\r\nRemote-MTA: dns; mail.example.org\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\
             Last-Attempt-Date: Tue, 24 Nov 2026 00:00:00 +0000\r\n",
            id(2)
        )
    );
    let header = "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
                  From: ann@acme.example\r\nMessage-ID: <one@acme.example>\r\nSubject: x\r\n";
    assert_eq!(parts[2], header);
}

#[test]
fn each_reason_has_its_status() {
    let of = |why: Why<'_>| {
        let report = made(MAIL, Ret::Hdrs, why, "ann@acme.example");
        let status = report.split("\r\nStatus: ").nth(1).unwrap();
        (status[..5].to_owned(), report)
    };
    let http = Why::Rejected {
        code: 422,
        enhanced: Some("4.0.0"),
        text: "no",
    };
    let (status, report) = of(http);
    assert_eq!(
        status, "5.0.0",
        "refused for good is never a class of later"
    );
    assert!(report.contains("Diagnostic-Code: x-http; 422 "), "{report}");
    let lifetime = Duration::from_secs(30 * 86_400);
    let (status, report) = of(Why::Expired {
        lifetime,
        trouble: "connection refused",
    });
    assert_eq!(status, "4.4.7");
    assert!(report.contains("within 30 days"), "{report}");
    assert!(!report.contains("Remote-MTA"), "nobody there said it");
    let (status, report) = of(Why::Returned {
        reason: "too large",
    });
    assert_eq!(status, "5.0.0");
    assert!(report.contains("returned it:\r\n    too large"), "{report}");
}

#[test]
fn the_whole_message_comes_back_where_that_was_asked_for_and_is_possible() {
    let whole = |message: &[u8]| {
        let report = made(message, Ret::Full, rejected("no"), "ann@acme.example");
        split(&report).1[2].to_owned()
    };
    let seven = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
    let mail = std::str::from_utf8(MAIL).unwrap();
    assert_eq!(whole(MAIL), format!("{seven}{mail}"));
    assert_eq!(
        whole(mail.replace('\r', "").as_bytes()),
        format!("{seven}{mail}")
    );
    assert!(whole("Subject: x\r\n\r\nGr\u{fc}n\r\n".as_bytes()).contains("8bit"));
    let large = [MAIL, &b"x\r\n".repeat(limits::DSN_FULL_BYTES / 3)[..]].concat();
    for not in [
        &b"Subject: x\r\n\r\n\0\r\n"[..],
        b"Subject: x\r\n\r\na\rb\r\n",
        &large,
    ] {
        assert!(whole(not).starts_with("Content-Type: text/rfc822-headers"));
    }
    let report = made(
        "Subject: x\r\n\r\nGr\u{fc}n\r\n".as_bytes(),
        Ret::Full,
        rejected("no"),
        "a@b.c",
    );
    assert!(
        split(&report)
            .0
            .contains("Content-Transfer-Encoding: 8bit\r\n")
    );
}

#[test]
fn addresses_beyond_ascii_stand_in_seven_bits_for_machines() {
    let to = "ann@acme.example".parse().unwrap();
    let address = "gr\u{e5}+a@ex\u{e4}mple.org".parse().unwrap();
    let one = Report {
        id: id(1),
        hostname: "holdfast.example",
        to: &to,
        original: id(2),
        envid: None,
        ret: Ret::Hdrs,
        remote: None,
        last_attempt: None,
        attempts: 0,
        failed: vec![Failed {
            address: &address,
            why: Why::Returned { reason: "wrong" },
            uncertain: true,
        }],
    };
    let text = String::from_utf8(report(&one, &Bytes::from_static(MAIL)).to_vec()).unwrap();
    assert!(
        text.contains("utf-8; gr\\x{E5}\\x{2B}a@ex\\x{E4}mple.org\r\n"),
        "{text}"
    );
    assert!(text.contains("may have arrived"), "doubt is told: {text}");
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn a_boundary_that_stands_in_the_message_is_not_taken() {
    let guess = format!("Subject: =_{}\r\n\r\n", id(1));
    let report = made(
        guess.as_bytes(),
        Ret::Hdrs,
        rejected("no"),
        "ann@acme.example",
    );
    assert_eq!(split(&report).1.len(), 3, "{report}");
}

proptest! {
    #[test]
    fn nothing_from_outside_gets_out_of_its_part(message: Vec<u8>, text: String, full: bool, lines in "([ -~\r\n\t\u{e9}]|=_){0,200}") {
        let ret = if full { Ret::Full } else { Ret::Hdrs };
        for message in [&message, lines.as_bytes()] {
            let report = made(message, ret, rejected(&text), "ann@acme.example");
            let (head, parts) = split(&report);
            prop_assert_eq!(parts.len(), 3);
            prop_assert_eq!(head.matches("\r\nTo: ").count(), 1);
            prop_assert!(!head.replace("\r\n", "").contains(['\r', '\n']));
            let fields = parts[1].split_once("\r\n\r\n").unwrap().1;
            prop_assert!(fields.is_ascii());
            prop_assert_eq!(fields.split("\r\n\r\n").count(), 2, "one recipient, one group: {}", fields);
            for line in fields.split("\r\n").filter(|line| !line.is_empty()) {
                prop_assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']));
                prop_assert!(line.starts_with(' ') || line.contains(": "), "{:?}", line);
            }
            for part in &parts {
                prop_assert!(part.split("\r\n").all(|line| line.len() <= 998), "{:?}", part);
                prop_assert!(!part.replace("\r\n", "").contains(['\r', '\n', '\0']), "{:?}", part);
            }
        }
    }
}
