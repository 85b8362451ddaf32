//! The client's side of one SMTP connection as a state machine without I/O.
//!
//! ```text
//! Greeting -> Ehlo -(5xx)-> Helo
//!               |             |
//!               +-> StartTls -> Handshake -> Ehlo        RFC 3207: start again
//!               +-> Auth...                              RFC 4954
//!               v
//!             Ready <--------------------------------------------------+
//!               | submit                                               |
//!               +-> Reset --+        (the last transaction stayed open)|
//!               v           v                                          |
//!             Mail -> Rcpt* -> Data -> Content -> DataEnd -------------+
//!                        |       |  \                                  |
//!                        |       |   +-> LoneDot  (354, but nobody to send to)
//!                        |       +--------------- (refused) -----------+
//!                        +-> Content              (BDAT needs no command before it)
//!               | quit
//!               +-> Quit -> Done             any failure -> Done
//! ```
//!
//! Each state has one function that takes the reply and returns the next state. The three parts
//! of the conversation are in `opening`, `transaction` and `ending`.
//!
//! **Pipelining** (RFC 2920): where offered, MAIL, all RCPT and DATA leave in one flight, and the
//! same states then take their replies one by one; where not, entering a state writes its
//! command. BDAT waits for the replies to RCPT: its bytes cannot be taken back.
//!
//! **In step.** A reply that nobody waits for ends the conversation, at any point: whoever writes
//! out of turn may be answering something else. A flight is not written while part of an
//! unasked-for reply is there. So no reply is ever counted for the wrong command, and bytes
//! injected before TLS are never read as if they came through it.
//!
//! **Doubt.** From the moment the block with the message's end is handed out, until its reply,
//! the message is uncertain. Before that it is not the server's: a server must discard a message
//! whose end it has not seen (RFC 5321 section 4.1.1.4).

use std::fmt;

use bytes::Bytes;

use super::capabilities::Capabilities;
use super::data::Content;
use super::envelope::Envelope;
use super::outcome::{Attempt, FailureKind, Step};
use super::reply_reader::{ReplyReader, WireReply};
use super::settings::Settings;

mod ending;
mod opening;
mod state;
mod transaction;

use state::State;
use transaction::Running;

/// One connection's conversation. Made when the socket is connected (and, for implicit TLS, when
/// the handshake is done).
pub struct Session {
    settings: Settings,
    state: State,
    tls_active: bool,
    /// Quit as soon as ready.
    probe: bool,
    offered: Capabilities,
    reader: ReplyReader,
    /// Commands that have not been handed to the driver yet.
    outbox: Option<Bytes>,
    /// Submitted, and the conversation is not ready for it yet.
    queued: Option<Transaction>,
    running: Option<Running>,
    outcome: Option<Attempt>,
    /// The server may still have an open transaction: RSET before the next.
    open_transaction: bool,
}

/// One message for some recipients.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// From whom and for whom.
    pub envelope: Envelope,
    /// The message, its trace lines in front.
    pub content: Content,
}

/// What the session wants of its driver.
#[derive(PartialEq, Eq)]
pub enum Want {
    /// Write all of `bytes`, within the time of `step`, then ask again. If the writing fails, give
    /// [`Session::received`] what can still be read (servers say why before they close), then
    /// call [`Session::closed`].
    Write {
        /// One flight of commands, or one block of a message.
        bytes: Bytes,
        /// Which time limit applies.
        step: Step,
    },
    /// Read some bytes within the time of the step and give them to [`Session::received`].
    Read(Step),
    /// Make the TLS handshake, then call [`Session::tls_started`] or [`Session::tls_failed`].
    StartTls,
    /// Nothing: the connection can carry a transaction. Submit one, keep it, quit, or drop it.
    Ready,
    /// Nothing any more: drop the connection.
    Done,
}

/// Why a transaction was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Another one runs, or its outcome was not taken. The driver's mistake.
    #[error("the session has another transaction")]
    Busy,
    /// The conversation is over; open another connection.
    #[error("the session has ended")]
    Ended,
}

impl Session {
    /// A session that waits for the server's greeting.
    pub fn new(settings: Settings) -> Session {
        Session {
            tls_active: settings.tls_active,
            settings,
            state: State::Greeting,
            probe: false,
            offered: Capabilities::default(),
            reader: ReplyReader::new(),
            outbox: None,
            queued: None,
            running: None,
            outcome: None,
            open_transaction: false,
        }
    }

    /// A session that quits as soon as it could carry mail. Its outcome, an attempt without
    /// recipients, is there before the QUIT is answered.
    pub fn probe(settings: Settings) -> Session {
        Session {
            probe: true,
            ..Session::new(settings)
        }
    }

    /// What to do next. A `Write` is handed out once.
    pub fn want(&mut self) -> Want {
        if self.outbox.is_some() && !self.reader.is_empty() {
            self.fail(FailureKind::Protocol, "the server spoke out of turn");
        }
        if let Some(bytes) = self.outbox.take() {
            return Want::Write {
                bytes,
                step: self.state.step(),
            };
        }
        match self.state {
            State::Content => self.next_block(),
            State::Handshake => Want::StartTls,
            State::Ready => Want::Ready,
            State::Done => Want::Done,
            waiting => Want::Read(waiting.step()),
        }
    }

    /// Bytes have arrived, in any split, asked for or not.
    pub fn received(&mut self, mut input: &[u8]) {
        while !input.is_empty() && self.state != State::Done {
            // RFC 3207 section 4.2: what came in plain text is worth nothing, and what came
            // behind the 220 was put there to be taken for the answer through TLS.
            if self.state == State::Handshake {
                return self.fail(
                    FailureKind::Protocol,
                    "plain text after the reply to STARTTLS",
                );
            }
            match self.reader.read(&mut input) {
                Ok(Some(reply)) => self.take(&reply),
                Ok(None) => return,
                Err(error) => self.fail(FailureKind::Protocol, &error.to_string()),
            }
        }
    }

    /// The connection was closed or broke, while reading or writing.
    pub fn closed(&mut self) {
        self.fail(FailureKind::Closed, "the server closed the connection");
    }

    /// A step took longer than it may.
    pub fn timed_out(&mut self) {
        self.fail(FailureKind::Timeout, "the server did not answer in time");
    }

    /// Gives it a message to deliver. Before the session is ready it waits until then; if that
    /// never comes, its recipients are untried.
    pub fn submit(&mut self, transaction: Transaction) -> Result<(), SubmitError> {
        if self.queued.is_some() || self.running.is_some() || self.outcome.is_some() {
            return Err(SubmitError::Busy);
        }
        match self.state {
            State::Quit | State::Done => return Err(SubmitError::Ended),
            State::Ready => self.state = self.begin(transaction),
            _ => self.queued = Some(transaction),
        }
        Ok(())
    }

    /// What the transaction, or the opening of the session, has come to: once it is known.
    pub fn take_outcome(&mut self) -> Option<Attempt> {
        self.outcome.take()
    }

    /// What the server offers, as far as is known by now.
    pub fn capabilities(&self) -> &Capabilities {
        &self.offered
    }

    /// Whether what is said now goes through TLS.
    pub fn tls_active(&self) -> bool {
        self.tls_active
    }

    /// The state of the conversation, as a time limit and a failure would name it; `None` when
    /// ready or done.
    pub fn step(&self) -> Option<Step> {
        let resting = matches!(self.state, State::Ready | State::Done);
        (!resting).then(|| self.state.step())
    }

    /// One reply moves the conversation one state on.
    fn take(&mut self, reply: &WireReply) {
        let waiting = self.outbox.is_none() && self.state.waits_for_reply();
        self.state = match self.state {
            State::Quit => State::Done,
            // RFC 5321 section 3.8: 421 may come at any time, and the server is leaving.
            _ if reply.code == 421 => self.service_unavailable(reply),
            _ if !waiting => self.out_of_turn(reply),
            State::Greeting => self.greeting(reply),
            State::Ehlo => self.ehlo(reply),
            State::Helo => self.helo(reply),
            State::StartTls => self.starttls(reply),
            State::AuthPlain | State::AuthPassword => self.authenticated(reply),
            State::AuthLogin => self.auth_login(reply),
            State::AuthUser => self.auth_user(reply),
            State::Reset => self.reset(reply),
            State::Mail => self.mail(reply),
            State::Rcpt(index) => self.rcpt(index, reply),
            State::Data => self.data(reply),
            State::DataEnd => self.data_end(reply),
            State::LoneDot => self.lone_dot(reply),
            State::Handshake | State::Ready | State::Content | State::Done => State::Done,
        };
    }

    /// Puts a flight of commands out and waits for its replies in `next`.
    fn say(&mut self, commands: impl Into<Bytes>, next: State) -> State {
        self.outbox = Some(commands.into());
        next
    }
}

impl fmt::Debug for Session {
    /// Without what is to be written: that may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("tls_active", &self.tls_active)
            .field("offered", &self.offered)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Want {
    /// Bytes to write are shown by their number: they may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Want::Write { bytes, step } => write!(f, "Write({} octets, {step:?})", bytes.len()),
            Want::Read(step) => write!(f, "Read({step:?})"),
            Want::StartTls => f.write_str("StartTls"),
            Want::Ready => f.write_str("Ready"),
            Want::Done => f.write_str("Done"),
        }
    }
}

#[cfg(test)]
mod tests;
