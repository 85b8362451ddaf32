//! What people type, what they answer, and the messages that come of it.

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::*;
use crate::people::reading;

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T09:00:00Z").unwrap()
}

fn sent(draft: Draft) -> Vec<u8> {
    let id = MessageId::new(now(), [7; 10]);
    build(
        draft,
        ("Bob Ö", &address("bob@example.org")),
        id,
        "mail.example.org",
        now(),
    )
    .unwrap()
    .to_vec()
}

fn form(to: &str) -> Form {
    Form {
        to: to.into(),
        subject: "Grüße".into(),
        body: "Hello\r\n.\r\nBye".into(),
        ..Form::default()
    }
}

#[test]
fn people_are_understood_as_they_are_typed() {
    let list = recipients("ada@x.example, Bob <bob@x.example>; \"Doe, J.\" <j@x.example>\n\nADA@X.example, Ada@x.example,").unwrap();
    let shown: Vec<_> = list
        .iter()
        .map(|r| (r.name.as_str(), r.address.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("", "ada@x.example"),
            ("Bob", "bob@x.example"),
            ("Doe, J.", "j@x.example"),
            ("", "ADA@X.example"),
            ("", "Ada@x.example")
        ]
    );
    assert_eq!(
        recipients("ada@x.example bob"),
        Err(FieldError::BadAddress("ada@x.example bob".into()))
    );
    let many = "a@x.example,".repeat(2);
    assert_eq!(recipients(&many).unwrap().len(), 1);
    let many: String = (0..=limits::WRITTEN_RECIPIENTS)
        .map(|n| format!("a{n}@x.example,"))
        .collect();
    assert_eq!(recipients(&many), Err(FieldError::TooMany));
}

#[test]
fn each_field_says_what_is_wrong_with_it() {
    let errors = check(&Form::default()).unwrap_err();
    assert_eq!(
        *errors,
        FieldErrors {
            to: Some(FieldError::Missing),
            ..FieldErrors::default()
        }
    );
    let file = File {
        name: "a".into(),
        content_type: String::new(),
        bytes: vec![0; 10],
    };
    let wrong = Form {
        to: "nobody".into(),
        cc: "x@".into(),
        subject: "x".repeat(limits::WRITTEN_SUBJECT_CHARS + 1),
        body: "x".repeat(limits::WRITTEN_TEXT_BYTES + 1),
        attachments: vec![file; limits::WRITTEN_FILES + 1],
        ..Form::default()
    };
    let errors = check(&wrong).unwrap_err();
    assert_eq!(errors.to, Some(FieldError::BadAddress("nobody".into())));
    assert_eq!(errors.cc, Some(FieldError::BadAddress("x@".into())));
    assert_eq!(errors.subject, Some(FieldError::TooLong));
    assert_eq!(errors.body, Some(FieldError::TooLong));
    assert_eq!(errors.files, Some(FieldError::TooManyFiles));
}

#[test]
fn a_message_arrives_as_it_was_written() {
    let mut written = form("Ada L. <ada@acme.example>, \"Böb, the\" <b@acme.example>");
    written.cc = "c@acme.example".into();
    written.in_reply_to = Some("1@acme.example".into());
    written.references = (0..20)
        .map(|n| format!("{n}-{}@acme.example", "x".repeat(80)))
        .collect();
    written.attachments = vec![
        File {
            name: "../ä\".html".into(),
            content_type: "text/html".into(),
            bytes: b"<b>".to_vec(),
        },
        File {
            name: String::new(),
            content_type: "multipart/x\r\nX: y".into(),
            bytes: vec![0, 255],
        },
    ];
    let bytes = sent(check(&written).unwrap());
    assert!(
        bytes.split(|b| *b == b'\n').all(|line| line.len() < 998),
        "RFC 5322, 2.1.1"
    );
    let got = reading::read(&bytes, false);
    assert_eq!(got.summary.subject, "Grüße");
    assert_eq!(
        got.summary.from,
        Some(Party {
            name: "Bob Ö".into(),
            address: "bob@example.org".into()
        })
    );
    assert_eq!(
        got.to.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
        ["Ada L.", "Böb, the"]
    );
    assert_eq!(got.cc.len(), 1);
    assert_eq!(got.references, written.references);
    assert_eq!(got.summary.date, Some(now()));
    assert!(
        got.summary
            .message_id
            .unwrap()
            .ends_with("@mail.example.org")
    );
    assert_eq!(
        got.body.text.as_deref().map(str::trim_end),
        Some("Hello\n.\nBye")
    );
    assert_eq!(
        got.attachments
            .iter()
            .map(|f| f.name.as_str())
            .collect::<Vec<_>>(),
        ["ä_.html", "file-2.bin"]
    );
    let last = got.attachments.last().unwrap().index;
    assert_eq!(reading::attachment(&bytes, last).unwrap().1, [0, 255]);
}

fn received(headers: &str) -> Reading {
    let message = format!(
        "{headers}\nMessage-ID: <2@x.example>\nReferences: <1@x.example>\nDate: Mon, 23 Nov 2026 09:00:00 +0000\n\nOne\n> Two\n"
    );
    reading::read(message.as_bytes(), false)
}

fn answered(headers: &str, kind: Answering) -> Form {
    let own = [address("bob@example.org"), address("robert@example.org")];
    answer(
        &received(headers),
        kind,
        &own,
        Language::English,
        UtcOffset::default(),
    )
}

const MAIL: &str = "From: Ada <ada@x.example>\nTo: Bob <Bob@example.org>, \"Doe, J\" <j@x.example>\nCc: robert@example.org, c@x.example, ada@x.example\nSubject: Budget";

#[test]
fn an_answer_goes_to_the_author_and_carries_the_conversation_on() {
    let form = answered(MAIL, Answering::Reply);
    assert_eq!(
        (form.to.as_str(), form.cc.as_str(), form.subject.as_str()),
        ("Ada <ada@x.example>", "", "Re: Budget")
    );
    assert_eq!(
        form.body,
        "\n\nOn Monday 23 November 2026, 09:00 (UTC), Ada <ada@x.example> wrote:\n> One\n>> Two\n"
    );
    assert_eq!(form.in_reply_to.as_deref(), Some("2@x.example"));
    assert_eq!(form.references, ["1@x.example", "2@x.example"]);
}

#[test]
fn an_answer_to_all_reaches_everybody_once_and_never_oneself() {
    let form = answered(MAIL, Answering::All);
    assert_eq!(form.to, "Ada <ada@x.example>, \"Doe, J\" <j@x.example>");
    assert_eq!(form.cc, "c@x.example");
    let elsewhere = answered(
        &format!("{MAIL}\nReply-To: list@x.example"),
        Answering::Reply,
    );
    assert_eq!(elsewhere.to, "list@x.example");
    let own = answered(
        "From: bob@example.org\nTo: j@x.example\nSubject: x",
        Answering::All,
    );
    assert_eq!(
        own.to, "j@x.example",
        "who answers themselves goes on writing to the others"
    );
}

#[test]
fn a_forwarded_message_says_whose_it_was_and_begins_a_conversation() {
    let form = answered(MAIL, Answering::Forward);
    assert_eq!(
        (form.to.as_str(), form.subject.as_str(), form.in_reply_to),
        ("", "Fwd: Budget", None)
    );
    assert!(form.references.is_empty());
    assert!(
        form.body.contains("Forwarded message")
            && form.body.contains("From: Ada <ada@x.example>\n")
    );
    assert!(form.body.ends_with("\n\nOne\n> Two\n"));
}

#[test]
fn a_subject_has_one_prefix_in_whatever_language_it_was() {
    for (subject, reply, forward) in [
        ("x", "Re: x", "Fwd: x"),
        ("RE: AW: R: x", "Re: x", "Fwd: RE: AW: R: x"),
        ("WG: Fwd: x", "Re: WG: Fwd: x", "Fwd: x"),
        ("Re[3]: x", "Re: x", "Fwd: Re[3]: x"),
        ("Note: x", "Re: Note: x", "Fwd: Note: x"),
        ("", "Re:", "Fwd:"),
    ] {
        assert_eq!(answered_subject(subject, false), reply);
        assert_eq!(answered_subject(subject, true), forward);
    }
}

#[test]
fn an_answer_to_an_invitation_is_one_that_calendars_understand() {
    let calendar = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:9\nSUMMARY:Meet\nORGANIZER;CN=Ada:mailto:ada@x.example\nEND:VEVENT\nEND:VCALENDAR";
    let invitation = reading::calendar::read(calendar).unwrap();
    let bob = address("bob@example.org");
    let draft = answer_to_invitation(
        &invitation,
        ("Bob", &bob),
        Answer::Declined,
        Language::German,
        now(),
    )
    .unwrap();
    assert_eq!(draft.subject, "Bob hat abgesagt: Meet");
    let bytes = sent(draft);
    let got = reading::read(&bytes, false);
    assert_eq!(
        got.to,
        [Party {
            name: "Ada".into(),
            address: "ada@x.example".into()
        }]
    );
    assert_eq!(
        got.invitation.unwrap().method,
        reading::calendar::Method::Reply
    );
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.contains("text/calendar") && text.contains("method=\"REPLY\""),
        "{text}"
    );
}

proptest! {
    /// The header of what is sent has the fields it should have, whatever was typed.
    #[test]
    fn nothing_that_is_typed_adds_a_header_field(
        name in "(\\PC|[\r\n\t\0\"<>,:;]){0,20}",
        subject in "(\\PC|\r|\n|\r\nBcc: x@y.example|\u{2028}|\0){0,30}",
        body in "(\\PC|\r|\n|\r\n\r\n){0,60}",
        id in "(\\PC|[\r\n<>]){0,20}",
        file in "(\\PC|[\r\n\"/]){0,20}",
    ) {
        let form = Form {
            to: format!("{name} <ada@acme.example>"),
            cc: "x@y.example".into(),
            subject,
            body,
            in_reply_to: Some(id.clone()),
            references: vec![id],
            attachments: vec![File { name: file.clone(), content_type: file, bytes: vec![1] }],
        };
        if let Ok(draft) = check(&form) {
            let recipients = draft.recipients();
            let bytes = sent(draft);
            let message = MessageParser::default().parse(&bytes).unwrap();
            let names: Vec<&str> = message.headers().iter().map(|h| h.name.as_str()).collect();
            let known = ["From", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version", "In-Reply-To", "References", "Content-Type"];
            for (index, name) in names.iter().enumerate() {
                prop_assert!(known.contains(name) && !names[..index].contains(name), "{:?}", names);
            }
            // The name may be typed so that it is a list of addresses itself.
            let typed = name.matches([',', ';', '\n']).count();
            prop_assert!(recipients.len() <= 2 + typed);
        }
    }
}
