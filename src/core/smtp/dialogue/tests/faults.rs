//! Every fault at every reply of a good conversation, pipelined and not: whatever breaks, and
//! wherever, each recipient's verdict is the one that can be known.

use super::script::{describe, settings};
use crate::smtp::*;
use bytes::Bytes;

/// What the server does instead of its good reply.
const FAULTS: [&str; 9] = [
    "421 4.3.2 going down",
    "450 4.2.0 later",
    "550 5.7.1 no",
    "354 go on",
    "220 2.0.0 what",
    "HTTP/1.1 400 Bad Request",
    "close",
    "timeout",
    "half",
];

/// The replies of a server that likes everything, in order, for two recipients.
const REPLIES: [(&str, Step); 7] = [
    ("220 mx", Step::Greeting),
    ("250-mx\r\n250-EXT\r\n250 8BITMIME", Step::Ehlo),
    ("250 ok", Step::Mail),
    ("250 ok", Step::Rcpt),
    ("250 ok", Step::Rcpt),
    ("354 go", Step::DataCommand),
    ("250 queued", Step::DataEnd),
];

#[test]
fn every_fault_at_every_reply() {
    for extension in ["PIPELINING", "X-NONE"] {
        for place in 0..REPLIES.len() {
            for fault in FAULTS {
                let outcome = converse(extension, place, fault);
                let expected = expected(place, fault);
                assert_eq!(
                    outcome, expected,
                    "{fault:?} at reply {place} with {extension}"
                );
            }
        }
    }
}

/// Runs the conversation with `fault` in the place of one reply; then the server goes on as if
/// nothing had been, and the connection ends when it has said everything.
fn converse(extension: &str, place: usize, fault: &str) -> String {
    let mut session = Session::new(settings(""));
    let envelope = Envelope::new("a@client.example", ["b@example.org", "c@example.org"]).unwrap();
    let content = Content::new([Bytes::from_static(b"Subject: t\r\n\r\nhi\r\n")]);
    session.submit(Transaction { envelope, content }).unwrap();
    let (mut at, mut refused) = (0, false);
    for _ in 0..100 {
        match session.want() {
            Want::Write { .. } => {}
            Want::Read(_) if at == REPLIES.len() => session.closed(),
            Want::Read(_) => {
                let good = REPLIES[at].0.replace("EXT", extension) + "\r\n";
                let here = at == place;
                // A refused EHLO is followed by HELO, which the same reply answers.
                let again = here && !refused && place == 1 && fault.starts_with('5');
                refused |= again;
                at += usize::from(!again);
                match fault {
                    _ if !here || (refused && !again) => session.received(good.as_bytes()),
                    "close" => session.closed(),
                    "timeout" => session.timed_out(),
                    "half" => {
                        session.received(&good.as_bytes()[..good.len() - 2]);
                        session.closed();
                    }
                    reply => session.received(format!("{reply}\r\n").as_bytes()),
                }
            }
            Want::Ready | Want::Done => {
                let attempt = session.take_outcome().unwrap();
                return describe(&attempt);
            }
            Want::StartTls => panic!("nobody asked for TLS"),
        }
    }
    panic!("no end");
}

/// The rules of the design's section 9, written out.
fn expected(place: usize, fault: &str) -> String {
    let step = REPLIES[place].1;
    let name = serde_json::to_string(&step)
        .unwrap()
        .trim_matches('"')
        .to_owned();
    let untouched = if step <= Step::Mail { " untouched" } else { "" };
    let undecided = if step == Step::DataEnd {
        "uncertain"
    } else {
        "untried"
    };
    let broken = |kind: &str| format!("{undecided}, {undecided} | {kind} {name}{untouched}");
    match (fault, step) {
        ("close" | "half", _) => broken("closed"),
        ("timeout", _) => broken("timeout"),
        ("421 4.3.2 going down", Step::DataEnd) => {
            "deferred 421, deferred 421 | service-unavailable data-end".to_owned()
        }
        ("421 4.3.2 going down", _) => broken("service-unavailable"),
        ("HTTP/1.1 400 Bad Request", _) => broken("protocol"),
        // HELO will do.
        ("550 5.7.1 no", Step::Ehlo) => "delivered 250, delivered 250".to_owned(),
        ("450 4.2.0 later" | "550 5.7.1 no", Step::Greeting | Step::Ehlo) => {
            broken("service-unavailable")
        }
        ("450 4.2.0 later", Step::Rcpt) if place == 3 => "deferred 450, delivered 250".to_owned(),
        ("450 4.2.0 later", Step::Rcpt) => "delivered 250, deferred 450".to_owned(),
        ("550 5.7.1 no", Step::Rcpt) if place == 3 => "rejected 550, delivered 250".to_owned(),
        ("550 5.7.1 no", Step::Rcpt) => "delivered 250, rejected 550".to_owned(),
        ("450 4.2.0 later", _) => "deferred 450, deferred 450".to_owned(),
        ("550 5.7.1 no", _) => "rejected 550, rejected 550".to_owned(),
        ("354 go on", Step::DataCommand) => "delivered 250, delivered 250".to_owned(),
        ("354 go on", _) => broken("protocol"),
        ("220 2.0.0 what", Step::DataCommand) => broken("protocol"),
        ("220 2.0.0 what", Step::DataEnd) => "delivered 220, delivered 220".to_owned(),
        ("220 2.0.0 what", _) => "delivered 250, delivered 250".to_owned(),
        _ => panic!("no rule for {fault} at {name}"),
    }
}
