//! A whole conversation with a primary that says whatever it likes: it ends, it ends with an outcome for
//! each recipient, nobody is delivered or in doubt before the message's end was written, nobody untried
//! after it, and what must be secret or encrypted is.

use bytes::Bytes;
use holdfast_core::smtp::{
    Attempt, Capabilities, Content, Credentials, Envelope, HelloName, Plan, Session, Settings,
    Step, TlsPolicy, Transaction, Verdict, Want,
};

/// A line of settings, the message up to an empty line (`\n\n`), and what the server says, a line for
/// each time that it is listened to; lines that begin with `!` come unasked.
///
/// Settings are letters: `r` TLS required, `o` opportunistic, `i` implicit, `h` the handshake fails;
/// `a` credentials, `p` also in plain text; `t` silence at the end, not a close; `1` octet by octet;
/// `8` an address beyond ASCII; `?` a probe.
pub fn check(input: &[u8]) {
    let (settings, rest) = crate::cut(input, b"\n");
    let (message, said) = crate::cut(rest, b"\n\n");
    let is = |letter: u8| settings.contains(&letter);
    let mut server = Server {
        said,
        octets: is(b'1'),
    };
    let tls = match (is(b'r'), is(b'o')) {
        (true, _) => TlsPolicy::Required,
        (_, true) => TlsPolicy::Opportunistic,
        _ => TlsPolicy::Off,
    };
    let settings = Settings {
        hello: HelloName::new("client.example").unwrap(),
        tls,
        tls_active: is(b'i'),
        credentials: is(b'a').then(|| Credentials::new("ann", "hunter2").unwrap()),
        plaintext_auth: is(b'p'),
    };
    let no_plain_auth = is(b'a') && !is(b'p');
    let mut session = match is(b'?') {
        true => Session::probe(settings),
        false => Session::new(settings),
    };
    let transaction = Transaction {
        envelope: Envelope::new(
            "a@b.example",
            [
                "c@d.example",
                if is(b'8') {
                    "ä@d.example"
                } else {
                    "e@d.example"
                },
            ],
        )
        .unwrap(),
        content: Content::new([
            Bytes::from_static(b"Received: us\r\n"),
            Bytes::copy_from_slice(message),
        ]),
    };
    let mut written = Written::default();
    let mut submitted = u32::from(!is(b'?') && session.submit(transaction.clone()).is_ok());
    let (mut outcomes, mut turns) = (0, 0);
    // Each octet may be listened to on its own.
    let most = 400 + said.len();
    while turns < most {
        turns += 1;
        while let Some(unasked) = server.unasked() {
            session.received(unasked);
        }
        let plain = !session.tls_active();
        match session.want() {
            Want::Write { bytes, step } => {
                written.add(&bytes, step);
                let text = String::from_utf8_lossy(&bytes);
                let command = step != Step::DataBlock && plain;
                assert!(!(command && no_plain_auth && text.contains("AUTH")));
                assert!(!(command && tls == TlsPolicy::Required && text.contains("MAIL")));
            }
            Want::StartTls if is(b'h') => session.tls_failed("certificate expired"),
            Want::StartTls => {
                assert!(plain && tls != TlsPolicy::Off);
                session.tls_started();
            }
            Want::Read(_) => match server.listen() {
                Some(said) => session.received(said),
                None if is(b't') => session.timed_out(),
                None => session.closed(),
            },
            Want::Ready => {
                if session.take_outcome().is_some_and(|attempt| {
                    judge(&attempt, &transaction, &written);
                    true
                }) {
                    outcomes += 1;
                }
                written = Written::default();
                // A connection is used again as long as the server has something to say.
                if server.said.is_empty() || submitted > 2 {
                    session.quit();
                } else {
                    session.submit(transaction.clone()).unwrap();
                    submitted += 1;
                }
            }
            Want::Done => break,
        }
        let shown = format!("{session:?}");
        assert!(!shown.contains("hunter2"), "a password is shown");
    }
    assert!(turns < most, "it ends");
    if let Some(attempt) = session.take_outcome() {
        outcomes += 1;
        if submitted > 0 {
            judge(&attempt, &transaction, &written);
        }
    }
    assert!(outcomes >= submitted, "each message has an outcome");
}

/// Holds the outcome against what was written.
fn judge(attempt: &Attempt, transaction: &Transaction, written: &Written) {
    assert_eq!(attempt.recipients.len(), 2);
    if let Some(failure) = &attempt.failure {
        assert!(!failure.detail.contains(char::is_control), "{failure:?}");
    }
    let ended = written.ended(&transaction.content);
    for verdict in &attempt.recipients {
        match verdict {
            Verdict::Delivered(reply) => {
                assert!(ended && (200..300).contains(&reply.code), "{verdict:?}");
            }
            Verdict::Uncertain => assert!(ended && attempt.failure.is_some()),
            Verdict::Untried => assert!(!ended && attempt.failure.is_some()),
            // 552 to one of several is too many recipients (RFC 5321, 4.5.3.1.10).
            Verdict::Deferred(reply) => {
                assert!((400..500).contains(&reply.code) || reply.code == 552);
            }
            Verdict::Rejected(reply) => assert!((500..600).contains(&reply.code)),
        }
    }
}

/// What was written since the last message.
#[derive(Default)]
struct Written {
    blocks: Vec<u8>,
}

impl Written {
    fn add(&mut self, bytes: &Bytes, step: Step) {
        match step {
            Step::DataBlock => self.blocks.extend_from_slice(bytes),
            _ => assert!(bytes.ends_with(b"\r\n"), "commands are lines"),
        }
    }

    /// Whether the message was written to its end, in either of the ways that there are for it.
    fn ended(&self, content: &Content) -> bool {
        [false, true].into_iter().any(|chunking| {
            let offered = Capabilities {
                chunking,
                ..Capabilities::default()
            };
            let plan = Plan::choose(content.facts(), &offered);
            let whole: Vec<u8> = content.blocks(plan).flatten().collect();
            whole == self.blocks
        })
    }
}

/// The server's part of the input, said line by line.
struct Server<'s> {
    said: &'s [u8],
    octets: bool,
}

impl<'s> Server<'s> {
    /// What it says before anybody listens.
    fn unasked(&mut self) -> Option<&'s [u8]> {
        self.said = self.said.strip_prefix(b"!")?;
        self.listen()
    }

    fn listen(&mut self) -> Option<&'s [u8]> {
        let line = self.said.iter().position(|octet| *octet == b'\n');
        let end = match line {
            _ if self.octets => 1.min(self.said.len()),
            Some(at) => at + 1,
            None => self.said.len(),
        };
        let (said, rest) = self.said.split_at(end);
        self.said = rest;
        (!said.is_empty()).then_some(said)
    }
}
