//! From the greeting until the session can carry mail: EHLO, STARTTLS, AUTH.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Session, State};
use crate::smtp::capabilities::Capabilities;
use crate::smtp::outcome::{Attempt, FailureKind};
use crate::smtp::reply::Class;
use crate::smtp::reply_reader::WireReply;
use crate::smtp::settings::{Credentials, TlsPolicy};

impl Session {
    /// RFC 5321 section 3.1: 220, or 554 and the client quits.
    pub(super) fn greeting(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Positive => self.say_ehlo(),
            Class::Intermediate => self.unexpected(reply),
            Class::Transient | Class::Permanent => self.not_served(reply),
        }
    }

    /// Section 3.2: a server that does not know EHLO may know HELO.
    pub(super) fn ehlo(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Positive => {
                self.offered = Capabilities::parse(&reply.lines);
                self.introduced()
            }
            Class::Intermediate => self.unexpected(reply),
            Class::Transient => self.not_served(reply),
            Class::Permanent => {
                let helo = format!("HELO {}\r\n", self.settings.hello.as_str());
                self.say(helo, State::Helo)
            }
        }
    }

    /// HELO offers nothing.
    pub(super) fn helo(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Positive => self.introduced(),
            Class::Intermediate => self.unexpected(reply),
            Class::Transient | Class::Permanent => self.not_served(reply),
        }
    }

    /// RFC 3207 section 4: 220 and the handshake; otherwise the conversation is as it was.
    pub(super) fn starttls(&mut self, reply: &WireReply) -> State {
        match (reply.class(), self.settings.tls) {
            (Class::Positive, _) => State::Handshake,
            (Class::Intermediate, _) => self.unexpected(reply),
            (_, TlsPolicy::Required) => {
                let detail = format!(
                    "TLS is required, and STARTTLS was refused: {}",
                    reply.to_reply()
                );
                self.fail_and_quit(FailureKind::Tls, &detail)
            }
            (_, TlsPolicy::Opportunistic | TlsPolicy::Off) => self.authenticate(),
        }
    }

    /// The driver has made the handshake. What was learnt before is forgotten (RFC 3207
    /// section 4.2).
    pub fn tls_started(&mut self) {
        if self.state != State::Handshake || !self.reader.is_empty() {
            return self.fail(FailureKind::Protocol, "TLS was started out of turn");
        }
        self.tls_active = true;
        self.offered = Capabilities::default();
        self.state = self.say_ehlo();
    }

    /// The handshake failed. `why` goes into the failure's detail.
    pub fn tls_failed(&mut self, why: &str) {
        self.fail(FailureKind::Tls, why);
    }

    /// The response to AUTH PLAIN, or the last one to AUTH LOGIN.
    pub(super) fn authenticated(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Positive => self.ready(),
            _ => self.not_authenticated(reply),
        }
    }

    /// 334 and `Username:` in base64. What the prompts say differs; their order does not.
    pub(super) fn auth_login(&mut self, reply: &WireReply) -> State {
        match (reply.class(), &self.settings.credentials) {
            (Class::Intermediate, Some(credentials)) => {
                let line = encoded_line(credentials.user());
                self.say(line, State::AuthUser)
            }
            _ => self.not_authenticated(reply),
        }
    }

    /// 334 and `Password:` in base64.
    pub(super) fn auth_user(&mut self, reply: &WireReply) -> State {
        match (reply.class(), &self.settings.credentials) {
            (Class::Intermediate, Some(credentials)) => {
                let line = encoded_line(credentials.password());
                self.say(line, State::AuthPassword)
            }
            _ => self.not_authenticated(reply),
        }
    }

    fn say_ehlo(&mut self) -> State {
        let ehlo = format!("EHLO {}\r\n", self.settings.hello.as_str());
        self.say(ehlo, State::Ehlo)
    }

    /// EHLO or HELO is answered: is TLS next?
    fn introduced(&mut self) -> State {
        match (self.tls_active, self.settings.tls) {
            (true, _) | (false, TlsPolicy::Off) => self.authenticate(),
            (false, _) if self.offered.starttls => self.say("STARTTLS\r\n", State::StartTls),
            (false, TlsPolicy::Opportunistic) => self.authenticate(),
            (false, TlsPolicy::Required) => {
                let detail = "TLS is required, and the server does not offer STARTTLS";
                self.fail_and_quit(FailureKind::Tls, detail)
            }
        }
    }

    fn authenticate(&mut self) -> State {
        let Some(credentials) = &self.settings.credentials else {
            return self.ready();
        };
        if !self.tls_active && !self.settings.plaintext_auth {
            let detail = "credentials are set, but there is no TLS to send them through";
            return self.fail_and_quit(FailureKind::Auth, detail);
        }
        if self.offered.offers_auth("PLAIN") {
            let line = auth_plain(credentials);
            return self.say(line, State::AuthPlain);
        }
        if self.offered.offers_auth("LOGIN") {
            return self.say("AUTH LOGIN\r\n", State::AuthLogin);
        }
        let detail = match self.offered.auth.as_slice() {
            [] => "credentials are set, but the server does not offer AUTH".to_owned(),
            others => format!(
                "no AUTH mechanism in common; offered are {}",
                others.join(" ")
            ),
        };
        self.fail_and_quit(FailureKind::Auth, &detail)
    }

    /// RFC 4954 section 6: 454 is a server that cannot tell now, 535 a server that says no.
    fn not_authenticated(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Permanent => {
                let detail = reply.to_reply().to_string();
                self.fail_and_quit(FailureKind::Auth, &detail)
            }
            Class::Transient => self.not_served(reply),
            Class::Positive | Class::Intermediate => self.unexpected(reply),
        }
    }

    /// The session can carry mail.
    fn ready(&mut self) -> State {
        if self.probe {
            self.outcome = Some(Attempt {
                recipients: Vec::new(),
                failure: None,
            });
            return self.say_quit();
        }
        match self.queued.take() {
            Some(transaction) => self.begin(transaction),
            None => State::Ready,
        }
    }
}

/// RFC 4616 section 2, as initial response (RFC 4954 section 4): no identity to act as, NUL, user
/// name, NUL, password.
fn auth_plain(credentials: &Credentials) -> String {
    let response = format!("\0{}\0{}", credentials.user(), credentials.password());
    format!("AUTH PLAIN {}\r\n", STANDARD.encode(response))
}

fn encoded_line(text: &str) -> String {
    format!("{}\r\n", STANDARD.encode(text))
}
