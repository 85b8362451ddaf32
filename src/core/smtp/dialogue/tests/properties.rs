//! What holds for any address and any server.

use bytes::Bytes;
use proptest::prelude::*;

use super::script::settings;
use crate::smtp::*;

/// What a server may say, sensible or not.
fn saying() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => prop_oneof![Just("220 a"), Just("250 a"), Just("354 a"), Just("421 a"), Just("450 a"),
            Just("550 a"), Just("334 a"), Just("235 a"), Just("503 a")]
            .prop_map(|line| format!("{line}\r\n").into_bytes()),
        2 => Just(b"250-a\r\n250-PIPELINING\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE\r\n".to_vec()),
        2 => Just(b"250-a\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 AUTH LOGIN\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

fn message() -> Transaction {
    Transaction {
        envelope: Envelope::new("a@b", ["c@d", "e@f"]).unwrap(),
        content: Content::new([Bytes::from_static(b"bare\nlf")]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Whatever a server says, the session neither panics nor runs for ever, it ends with an
    /// outcome, and a recipient is delivered or in doubt only if the message's end was written.
    #[test]
    fn no_server_brings_it_out_of_step(
        sayings in proptest::collection::vec(saying(), 0..14),
        tls in prop_oneof![Just("tls=off"), Just("tls=required"), Just("tls=opportunistic")],
        auth in prop_oneof![Just(""), Just("auth=u:p"), Just("auth=u:p plaintext-auth")],
        timeout: bool,
    ) {
        let mut session = Session::new(settings(&format!("{tls} {auth}")));
        session.submit(message()).unwrap();
        let mut sayings = sayings.into_iter();
        let mut written = Vec::new();
        for turn in 0.. {
            prop_assert!(turn < 100, "it ends");
            match session.want() {
                Want::Write { bytes, .. } => written.extend_from_slice(&bytes),
                Want::StartTls => session.tls_started(),
                Want::Ready | Want::Done => break,
                Want::Read(_) => match sayings.next() {
                    Some(saying) => session.received(&saying),
                    None if timeout => session.timed_out(),
                    None => session.closed(),
                },
            }
        }
        let attempt = session.take_outcome();
        prop_assert!(attempt.is_some(), "there is an outcome");
        let attempt = attempt.unwrap();
        prop_assert_eq!(attempt.recipients.len(), 2);
        let ended = written.windows(7).any(|w| w == b"bare\r\nl" || w == b"bare\nlf");
        for verdict in &attempt.recipients {
            if matches!(verdict, Verdict::Delivered(_) | Verdict::Uncertain) {
                prop_assert!(ended, "{:?}", verdict);
            }
            if *verdict == Verdict::Untried {
                prop_assert!(attempt.failure.is_some(), "untried only because of a failure");
                prop_assert!(!ended, "what was written to its end is not untried");
            }
        }
        let text = String::from_utf8_lossy(&written);
        if auth == "auth=u:p" && !session.tls_active() {
            prop_assert!(!text.contains("AUTH"), "no credentials in plain text");
        }
        if tls == "tls=required" && !session.tls_active() {
            prop_assert!(!text.contains("MAIL"), "no mail in plain text");
        }
    }

    /// An address that is taken at all is one argument of one command.
    #[test]
    fn addresses_cannot_inject(
        sender in "[a-z\"\\\\@<> \r\n\0.ä=]{0,12}",
        recipient in prop_oneof!["[a-z\"\\\\@<> \r\n\0.ä=]{0,12}", "\"[a-z \\\\\"<>]{0,8}\"@x", ".{0,12}"],
    ) {
        let Ok(envelope) = Envelope::new(sender.clone(), [recipient.clone()]) else { return Ok(()) };
        let content = Content::new([Bytes::from_static(b"x\r\n")]);
        let mut session = Session::new(settings(""));
        session.submit(Transaction { envelope, content }).unwrap();
        session.received(b"220 a\r\n");
        let _ehlo = session.want();
        session.received(b"250-a\r\n250-SMTPUTF8\r\n250 PIPELINING\r\n");
        let Want::Write { bytes, .. } = session.want() else { panic!("MAIL is due") };
        let flight = String::from_utf8(bytes.to_vec()).unwrap();
        let utf8 = if sender.is_ascii() && recipient.is_ascii() { "" } else { " SMTPUTF8" };
        let lines: Vec<&str> = flight.split("\r\n").collect();
        let mail = format!("MAIL FROM:<{sender}>{utf8}");
        let rcpt = format!("RCPT TO:<{recipient}>");
        prop_assert_eq!(&lines, &[mail.as_str(), rcpt.as_str(), "DATA", ""]);
        prop_assert!(flight.chars().all(|c| !c.is_control() || c == '\r' || c == '\n'));
        prop_assert_eq!(flight.matches(['\r', '\n']).count(), 6, "three lines and no more");
        prop_assert_eq!(flight.matches(['<', '>']).count(), 4, "one argument each");
        for line in &lines {
            let unquoted: String = line.split('"').step_by(2).collect();
            let spaces = unquoted.matches(char::is_whitespace).count();
            prop_assert!(line.contains('\\') || spaces <= 2, "{:?}", line);
        }
    }
}

#[test]
fn a_session_takes_one_transaction_at_a_time() {
    let mut session = Session::new(settings(""));
    session.submit(message()).unwrap();
    assert_eq!(session.submit(message()), Err(SubmitError::Busy));
    session.closed();
    assert_eq!(
        session.submit(message()),
        Err(SubmitError::Busy),
        "the outcome comes first"
    );
    assert!(session.take_outcome().is_some());
    assert_eq!(session.submit(message()), Err(SubmitError::Ended));
}

#[test]
fn nothing_shows_credentials() {
    let mut session = Session::new(settings("tls=implicit auth=ann:s3cret"));
    session.received(b"220 a\r\n");
    let _ehlo = session.want();
    session.received(b"250-a\r\n250 AUTH PLAIN\r\n");
    let before = format!("{session:?}");
    let want = session.want();
    assert!(matches!(&want, Want::Write { bytes, .. } if bytes.starts_with(b"AUTH PLAIN AG")));
    let shown = format!("{before} {want:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("AGFubgBzM2NyZXQ"),
        "{shown}"
    );
}

#[test]
fn a_large_message_waits_for_nothing_between_blocks() {
    let mut session = Session::new(settings(""));
    let line = [&[b'x'; 70][..], b"\r\n"].concat();
    let transaction = Transaction {
        envelope: Envelope::new("", ["c@d"]).unwrap(),
        content: Content::new([Bytes::from(line.repeat(10_000))]),
    };
    session.submit(transaction).unwrap();
    let mut steps = Vec::new();
    for reply in [
        "220 a",
        "250-a\r\n250 PIPELINING",
        "250 a\r\n250 a\r\n354 a",
    ] {
        while let Want::Write { .. } = session.want() {}
        session.received(format!("{reply}\r\n").as_bytes());
    }
    while let Want::Write { step, .. } = session.want() {
        steps.push(step);
        assert!(steps.len() < 100);
    }
    assert_eq!(steps, [Step::DataBlock; 11]);
    assert_eq!(session.want(), Want::Read(Step::DataEnd));
}
