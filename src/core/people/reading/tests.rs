//! Messages as programs send them, broken ones, and any bytes at all.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

fn message(headers: &str, body: &str) -> Vec<u8> {
    format!("{headers}\n\n{body}")
        .replace('\n', "\r\n")
        .into_bytes()
}

/// A message as Outlook sends it: related in alternative in mixed, with a file and a calendar.
fn full() -> Vec<u8> {
    message(
        "From: =?utf-8?Q?Ada_L=C3=B6velace?= <ada@acme.example>\nTo: Bob <bob@example.org>, team: Eve <eve@example.org>;\n\
         Cc: cc@example.org\nReply-To: office@acme.example\nSubject: =?utf-8?B?R3LDvMOfZQ==?= to all\n\
         Date: Mon, 23 Nov 2026 10:00:00 +0100\nMessage-ID: <3@acme.example>\nIn-Reply-To: <2@acme.example>\n\
         References: <1@acme.example>\n <2@acme.example>\nMIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"a\"",
        "preamble\n--a\nContent-Type: multipart/alternative; boundary=b\n\n\
         --b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
         Gr=FC=DFe =\nan alle.\n> quoted\n\n--b\nContent-Type: multipart/related; boundary=c\n\n\
         --c\nContent-Type: text/html; charset=utf-8\n\n<p>Hello <b>all</b><img src=\"cid:logo@x\"><img src=\"https://t.example/p.gif\"></p>\n\
         --c\nContent-Type: image/png; name=logo.png\nContent-ID: <logo@x>\nContent-Disposition: inline\n\
         Content-Transfer-Encoding: base64\n\niVBORw0KGgo=\n--c--\n\
         --b\nContent-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:9\nSUMMARY:Meet\nEND:VEVENT\nEND:VCALENDAR\n--b--\n\
         --a\nContent-Type: text/html; name=\"=?utf-8?Q?=C3=A4?=.html\"\nContent-Disposition: attachment\n\n<script>1</script>\n\
         --a--\nepilogue",
    )
}

#[test]
fn a_summary_says_what_a_list_shows() {
    let summary = summary(&full());
    let from = summary.from.clone().unwrap();
    assert_eq!(
        (from.name.as_str(), from.address.as_str()),
        ("Ada Lövelace", "ada@acme.example")
    );
    assert_eq!(
        summary
            .to
            .iter()
            .map(|p| p.address.as_str())
            .collect::<Vec<_>>(),
        ["bob@example.org", "eve@example.org"]
    );
    assert_eq!(summary.subject, "Grüße to all");
    assert_eq!(summary.preview, "Grüße an alle.");
    assert_eq!(summary.date, Timestamp::parse("2026-11-23T09:00:00Z"));
    assert_eq!(summary.attachments, 1);
    assert_eq!(summary.message_id.as_deref(), Some("3@acme.example"));
    assert_eq!(summary.thread.as_deref(), Some("1@acme.example"));
    assert!(summary.invitation && !summary.auto);
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
}

#[test]
fn a_message_is_read_with_its_texts_files_and_invitation() {
    let reading = read(&full(), false);
    assert_eq!(
        reading.body.text.as_deref().map(str::trim),
        Some("Grüße an alle.\n> quoted")
    );
    let html = reading.body.html.unwrap();
    assert!(
        html.as_str()
            .contains("src=\"data:image/png;base64,iVBORw0KGgo=\""),
        "{html:?}"
    );
    assert!(!html.as_str().contains("t.example") && reading.had_remote_images);
    assert!(
        read(&full(), true)
            .body
            .html
            .unwrap()
            .as_str()
            .contains("src=\"https://t.example/p.gif\"")
    );
    let files: Vec<_> = reading
        .attachments
        .iter()
        .map(|f| (f.name.as_str(), f.content_type.as_str(), f.inline))
        .collect();
    assert_eq!(
        files,
        [
            ("logo.png", "image/png", true),
            ("ä.html", "application/octet-stream", false)
        ]
    );
    assert_eq!(reading.invitation.unwrap().summary, "Meet");
    assert_eq!(reading.cc.len(), 1);
    assert_eq!(reading.references, ["1@acme.example", "2@acme.example"]);
    let last = reading.attachments.last().unwrap();
    let (info, bytes) = attachment(&full(), last.index).unwrap();
    assert_eq!(
        (info.size, bytes.as_slice()),
        (18, b"<script>1</script>".as_slice())
    );
    assert_eq!(attachment(&full(), 0), None, "the text is no file");
}

#[test]
fn a_message_without_anything_is_shown_empty() {
    for bytes in [
        b"".as_slice(),
        b"\n",
        b"\r\n\r\n",
        b"no header at all",
        b":\n\n",
        b"\0\xff\n",
    ] {
        let reading = read(bytes, true);
        assert_eq!(reading.summary.from, None);
        assert_eq!(reading.summary.size, bytes.len() as u64);
    }
    assert_eq!(
        read(b"Subject: x\n\nbody", false).body.text.as_deref(),
        Some("body")
    );
    assert_eq!(read(b"Subject: x", false).summary.subject, "x");
}

#[test]
fn a_multipart_that_is_none_is_shown_as_it_is() {
    let broken = message("Content-Type: multipart/mixed; boundary=never", "all of it");
    assert_eq!(read(&broken, false).body.text.as_deref(), Some("all of it"));
    let open = message(
        "Content-Type: multipart/mixed; boundary=x",
        "--x\n\nto the end",
    );
    assert_eq!(read(&open, false).body.text.as_deref(), Some("to the end"));
    let unnamed = message("Content-Type: multipart/mixed", "as it is");
    assert_eq!(read(&unnamed, false).body.text.as_deref(), Some("as it is"));
}

#[test]
fn any_charset_is_read_and_a_wrong_one_is_bearable() {
    let with = |charset: &str, body: &[u8]| {
        let mut bytes = format!("Content-Type: text/plain; charset={charset}\r\n\r\n").into_bytes();
        bytes.extend_from_slice(body);
        read(&bytes, false).body.text.unwrap()
    };
    assert_eq!(with("iso-8859-15", b"5 \xa4"), "5 €");
    assert_eq!(with("shift_jis", b"\x93\xfa\x96{"), "日本");
    assert_eq!(with("nonsense", b"caf\xe9"), "café");
    assert_eq!(with("utf-8", b"caf\xe9"), "caf\u{fffd}");
    assert_eq!(with("utf-7", b"+ADw-script+AD4-"), "<script>");
}

#[test]
fn a_message_in_a_message_is_a_file() {
    let forwarded = message(
        "Content-Type: multipart/digest; boundary=x",
        "--x\n\nSubject: inner\n\ninner text\n--x\nContent-Type: message/rfc822\n\nSubject: two\n\n--x--",
    );
    let reading = read(&forwarded, false);
    let names: Vec<_> = reading
        .attachments
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    assert_eq!(names, ["file-1.eml", "file-2.eml"]);
}

#[test]
fn what_nests_without_end_is_bounded() {
    let mut deep = String::from("Content-Type: multipart/mixed; boundary=b0\n\n");
    for depth in 0..5_000 {
        let _ = write!(
            deep,
            "--b{depth}\nContent-Type: multipart/mixed; boundary=b{}\n\n",
            depth + 1
        );
    }
    assert!(read(deep.as_bytes(), false).attachments.len() <= limits::SHOWN_PARTS);
    let inner = "Content-Type: message/rfc822\n\n".repeat(100_000);
    assert_eq!(read(inner.as_bytes(), false).attachments.len(), 1);
    let many = format!(
        "Content-Type: multipart/mixed; boundary=x\n\n{}",
        "--x\nContent-Type: image/png\n\n".repeat(50_000)
    );
    let reading = read(many.as_bytes(), false);
    assert!(reading.attachments.len() <= limits::SHOWN_PARTS);
    assert!(reading.warnings.contains(&Warning::Shortened));
}

#[test]
fn giant_headers_are_cut_off_and_the_rest_is_read() {
    let giant = format!(
        "Subject: {}\nFrom: a@b.example\n\nbody",
        "x".repeat(10_000_000)
    );
    let reading = read(giant.as_bytes(), false);
    assert!(reading.summary.subject.chars().count() <= limits::SHOWN_LINE_CHARS + 1);
    assert_eq!(reading.body.text.as_deref(), Some("body"));
    let crowd = format!("To: {}\n\n", "a@b.example, ".repeat(15_000));
    assert_eq!(
        read(crowd.as_bytes(), false).to.len(),
        limits::SHOWN_PARTIES
    );
    let many = "X-A: b\n".repeat(200_000) + "\nbody";
    assert_eq!(
        read(many.as_bytes(), false).body.text.as_deref(),
        Some("body")
    );
}

#[test]
fn names_that_deceive_are_said_to_do_so() {
    let warned = |headers: &str| read(&message(headers, ""), false).warnings;
    assert_eq!(
        warned("From: \"boss@example.org\" <eve@evil.example>"),
        [Warning::NameLooksLikeAnotherAddress]
    );
    assert_eq!(
        warned("From: a@x.example, b@x.example"),
        [Warning::SeveralAuthors]
    );
    assert_eq!(
        warned("From: a@x.example\nFrom: b@x.example"),
        [Warning::SeveralAuthors]
    );
    assert_eq!(
        warned("From: a@x.example\nReply-To: a@y.example"),
        [Warning::AnswersGoElsewhere]
    );
    assert_eq!(
        warned("From: \"a@x.example\" <A@x.example>\nReply-To: b@mail.x.example"),
        []
    );
    let turned = read(
        "From: =?utf-8?Q?=E2=80=AEnimda?= <a@x.example>\nSubject: a\u{202e}b\n\n".as_bytes(),
        false,
    );
    assert_eq!(turned.summary.from.unwrap().name, "nimda");
    assert_eq!(turned.summary.subject, "ab");
}

#[test]
fn machines_are_known_by_what_they_say() {
    let auto = |header: &str| summary(&message(header, "")).auto;
    assert!(auto("Auto-Submitted: auto-replied (vacation)"));
    assert!(auto("Precedence: bulk"));
    assert!(auto("List-Id: <a.example>"));
    assert!(auto("Return-Path: <>"));
    assert!(!auto("Auto-Submitted: no"));
    assert!(!auto("Return-Path: <a@b.example>"));
}

#[test]
fn only_html_is_a_preview_too() {
    let html = message(
        "Content-Type: text/html",
        "<html><head><style>p{}</style><title>no</title></head><body><p>Caf&eacute; &amp; more</p><p>two<br>three</p></body></html>",
    );
    assert_eq!(summary(&html).preview, "Café & more two three");
    assert_eq!(
        read(&html, false).body.text.as_deref(),
        Some("Café & more\n\ntwo\nthree")
    );
}

/// Checks what must hold of any message.
fn check(bytes: &[u8]) {
    let reading = read(bytes, true);
    assert_eq!(summary(bytes), reading.summary);
    for text in [&reading.summary.subject, &reading.summary.preview] {
        assert!(text.chars().count() <= limits::SHOWN_LINE_CHARS + 1);
        assert!(
            !text.chars().any(|c| c.is_control() || shown::is_hidden(c)),
            "{text:?}"
        );
    }
    for file in &reading.attachments {
        let (info, _) = attachment(bytes, file.index).unwrap();
        assert!(!info.name.contains(['/', '\\', '"']) && !info.name.is_empty());
    }
    if let Some(html) = &reading.body.html {
        html::tests::assert_safe(html.as_str());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_stop_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        check(&bytes);
    }

    #[test]
    fn nothing_that_looks_like_mail_stops_the_reader(
        text in "((From|To|Date|Subject|References|Content-Type|Content-Disposition|Content-ID|Content-Transfer-Encoding): ?(\\PC{0,30}|multipart/mixed; boundary=\"?[ab]|text/(plain|html|calendar)(; charset=(utf-7|utf-16|big5|x))?|base64|quoted-printable|=\\?utf-8\\?[QB]\\?[=A-Za-z0-9+/]{0,20}\\?=|[0-9 :a-zA-Z,+-]{0,40}|\"?[<>@;:,()\\\\\"a-z ]{0,30})\r?\n|--[ab](--)?\r?\n|\r?\n|=[0-9A-F]{2}|[A-Za-z0-9+/=]{0,40}|<[a-z/!-]{0,8}[ a-z=\"']{0,20}>?|&[a-z#0-9]{0,8};?){0,60}",
    ) {
        check(text.as_bytes());
    }

    #[test]
    fn a_real_message_that_was_damaged_does_not_stop_the_reader(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..30),
    ) {
        let mut bytes = full();
        for (at, byte, kind) in changes {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => { bytes.insert(at, byte); }
                2 => { bytes.remove(at); }
                _ => { let half = bytes.split_off(at); let more: Vec<u8> = half.iter().take(40).copied().collect(); bytes.extend(more); bytes.extend(half); }
            }
        }
        check(&bytes);
    }
}
