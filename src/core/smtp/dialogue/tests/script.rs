//! A conversation as text, and how it is played.
//!
//! | line | means |
//! | --- | --- |
//! | `# ...` | why this conversation |
//! | `S: 250 ok` | the server says this line; runs of them come together in one flight |
//! | `U: 421 bye` | the same, while the client would rather write |
//! | `C: QUIT` | the client writes this line; a run of them must be exactly one write |
//! | `C~ text` | the client writes this without a line end |
//! | `!settings k=v ...` | `tls=required\|opportunistic\|off\|implicit`, `auth=user:password`, `plaintext-auth`, `probe` |
//! | `!message ...` | the message of the next `!submit` |
//! | `!long-message N` | the same: N lines of 72 octets |
//! | `!submit from=A to=B,C` | a transaction; `notify=`, `ret=`, `envid=` may follow |
//! | `!block` | the client writes one block, whatever it is |
//! | `!starttls`, `!ready`, `!done` | what the client must want now |
//! | `!handshake`, `!handshake-fails` | how the TLS handshake ends |
//! | `!close`, `!timeout`, `!quit`, `!flood` | closed, too late, told to quit, 10 KB without line end |
//! | `!bytes ...` | the server sends exactly this |
//! | `!outcome V, V \| KIND STEP` | verdicts, then the failure, then `untouched` |
//! | `!detail ...` | the failure's detail contains this |
//!
//! In messages and in `C` lines, `\r \n \0 \xNN` are octets.

use bytes::Bytes;

use crate::mail::{DsnRequest, EnvelopeId, Notify, Ret};
use crate::smtp::*;

/// How the server's lines arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feed {
    Lines,
    Octets,
    Flights,
}

/// Plays `script`; panics with its line where the client does something else.
pub(super) fn play(name: &str, script: &str, feed: Feed) {
    let lines: Vec<&str> = script
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let mut player = Player::new(format!("{name} by {feed:?}"), feed);
    let runs = lines.chunk_by(|a, b| {
        let kind = |line: &str| line.get(..2).unwrap_or_default().replace('~', ":");
        !a.starts_with('!') && kind(a) == kind(b)
    });
    for run in runs {
        player.run(run);
    }
}

struct Player {
    name: String,
    feed: Feed,
    session: Session,
    message: Vec<u8>,
    attempt: Option<Attempt>,
}

impl Player {
    fn new(name: String, feed: Feed) -> Player {
        let session = Session::new(settings(""));
        Player {
            name,
            feed,
            session,
            message: b"Subject: t\r\n\r\nhi\r\n".to_vec(),
            attempt: None,
        }
    }

    fn run(&mut self, run: &[&str]) {
        let at = format!("{}, at {:?}", self.name, run[0]);
        match run[0].split_at(2) {
            ("S:", _) => {
                let want = self.session.want();
                assert!(
                    !matches!(want, Want::Write { .. }),
                    "{at}: the client wants {want:?}"
                );
                self.say(run);
            }
            ("U:", _) => self.say(run),
            ("C:" | "C~", _) => {
                let expected: Vec<u8> = run.iter().flat_map(|line| written(line)).collect();
                match self.session.want() {
                    Want::Write { bytes, .. } => {
                        let show = |bytes: &[u8]| bytes.escape_ascii().to_string();
                        assert_eq!(show(&bytes), show(&expected), "{at}: one write");
                    }
                    want => panic!("{at}: the client wants {want:?}"),
                }
            }
            _ => self.directive(run[0].strip_prefix('!').unwrap(), &at),
        }
    }

    fn say(&mut self, run: &[&str]) {
        let line = |line: &&str| format!("{}\r\n", line[2..].strip_prefix(' ').unwrap_or_default());
        let lines: Vec<String> = run.iter().map(line).collect();
        match self.feed {
            Feed::Lines => lines
                .iter()
                .for_each(|line| self.session.received(line.as_bytes())),
            Feed::Octets => {
                lines
                    .concat()
                    .bytes()
                    .for_each(|octet| self.session.received(&[octet]));
            }
            Feed::Flights => self.session.received(lines.concat().as_bytes()),
        }
    }

    fn directive(&mut self, line: &str, at: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "settings" => {
                let make = if rest.contains("probe") {
                    Session::probe
                } else {
                    Session::new
                };
                self.session = make(settings(rest));
            }
            "message" => self.message = unescape(rest),
            "long-message" => {
                let line = [&[b'x'; 70][..], b"\r\n"].concat();
                self.message = line.repeat(rest.parse().unwrap());
            }
            "submit" => {
                let submitted = self.session.submit(transaction(rest, &self.message));
                assert_eq!(submitted, Ok(()), "{at}");
            }
            "block" => assert!(matches!(self.session.want(), Want::Write { .. }), "{at}"),
            "starttls" => assert_eq!(self.session.want(), Want::StartTls, "{at}"),
            "ready" => assert_eq!(self.session.want(), Want::Ready, "{at}"),
            "done" => assert_eq!(self.session.want(), Want::Done, "{at}"),
            "handshake" => self.session.tls_started(),
            "handshake-fails" => self.session.tls_failed("certificate expired"),
            "close" => self.session.closed(),
            "timeout" => self.session.timed_out(),
            "quit" => self.session.quit(),
            "flood" => self.session.received(&[b'x'; 10_000]),
            "bytes" => self.session.received(rest.as_bytes()),
            "outcome" => {
                self.attempt = self.session.take_outcome();
                let outcome = self.attempt.as_ref().map_or("none".to_owned(), describe);
                assert_eq!(outcome, rest, "{at}: {:?}", self.attempt);
            }
            "detail" => {
                let failure = self
                    .attempt
                    .as_ref()
                    .and_then(|attempt| attempt.failure.as_ref());
                let detail = failure.map_or("", |failure| &failure.detail);
                assert!(detail.contains(rest), "{at}: {detail:?}");
            }
            other => panic!("{at}: no directive {other:?}"),
        }
    }
}

/// `delivered 250, untried | closed rcpt`.
pub(super) fn describe(attempt: &Attempt) -> String {
    let verdict = |verdict: &Verdict| {
        let word = match verdict {
            Verdict::Delivered(_) => "delivered",
            Verdict::Deferred(_) => "deferred",
            Verdict::Rejected(_) => "rejected",
            Verdict::Uncertain => "uncertain",
            Verdict::Untried => "untried",
        };
        match verdict.reply() {
            Some(reply) => {
                format!(
                    "{word} {}{}",
                    reply.code,
                    if reply.ours { " ours" } else { "" }
                )
            }
            None => word.to_owned(),
        }
    };
    let mut text = attempt
        .recipients
        .iter()
        .map(verdict)
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(failure) = &attempt.failure {
        let word = |json: String| json.trim_matches('"').to_owned();
        let kind = word(serde_json::to_string(&failure.kind).unwrap());
        let step = word(serde_json::to_string(&failure.step).unwrap());
        text = format!("{text} | {kind} {step}").trim_start().to_owned();
    }
    if attempt.untouched() {
        text += " untouched";
    }
    if text.is_empty() {
        "fine".to_owned()
    } else {
        text
    }
}

pub(super) fn settings(line: &str) -> Settings {
    let mut settings = Settings {
        hello: HelloName::new("client.example").unwrap(),
        tls: TlsPolicy::Off,
        tls_active: false,
        credentials: None,
        plaintext_auth: false,
    };
    for word in line.split_whitespace() {
        match word.split_once('=').unwrap_or((word, "")) {
            ("tls", "required") => settings.tls = TlsPolicy::Required,
            ("tls", "opportunistic") => settings.tls = TlsPolicy::Opportunistic,
            ("tls", "off") => settings.tls = TlsPolicy::Off,
            ("tls", "implicit") => settings.tls_active = true,
            ("auth", pair) => {
                let (user, password) = pair.split_once(':').unwrap();
                settings.credentials = Some(Credentials::new(user, password).unwrap());
            }
            ("plaintext-auth", _) => settings.plaintext_auth = true,
            ("probe", _) => {}
            other => panic!("no setting {other:?}"),
        }
    }
    settings
}

fn transaction(line: &str, message: &[u8]) -> Transaction {
    let (from, to) = line.split_once(" to=").unwrap();
    let (to, asked) = to.split_once(' ').unwrap_or((to, ""));
    let envelope = Envelope::new(from.strip_prefix("from=").unwrap(), to.split(',')).unwrap();
    let mut dsn = DsnRequest::default();
    for word in asked.split_whitespace() {
        match word.split_once('=').unwrap() {
            ("notify", word) => dsn.notify = Notify::parse(word),
            ("ret", word) => dsn.ret = Ret::parse(word),
            ("envid", text) => dsn.envid = EnvelopeId::parse(text),
            other => panic!("nobody asks for {other:?}"),
        }
    }
    let envelope = envelope.with_dsn(dsn);
    Transaction {
        envelope,
        content: Content::new([Bytes::copy_from_slice(message)]),
    }
}

/// What a `C` line stands for.
fn written(line: &str) -> Vec<u8> {
    let text = line[2..].strip_prefix(' ').unwrap_or_default();
    let mut bytes = unescape(text);
    if line.starts_with("C:") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let (octet, length) = match after.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b'0' => (0, 1),
            b'x' => (u8::from_str_radix(&after[1..3], 16).unwrap(), 3),
            other => panic!("no escape {other}"),
        };
        bytes.push(octet);
        rest = &after[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
