//! How the conversation ends: by QUIT, or by what goes wrong.

use super::{Session, State};
use crate::smtp::outcome::{Attempt, Failure, FailureKind};
use crate::smtp::reply::Class;
use crate::smtp::reply_reader::WireReply;

impl Session {
    /// Ends the conversation: with QUIT where nothing is under way, at once otherwise, and what
    /// was under way is broken off.
    pub fn quit(&mut self) {
        match self.state {
            State::Ready => self.state = self.say_quit(),
            State::Quit | State::Done => {}
            _ => self.fail(FailureKind::Closed, "the conversation was broken off by us"),
        }
    }

    pub(super) fn say_quit(&mut self) -> State {
        self.say("QUIT\r\n", State::Quit)
    }

    /// The connection is of no more use. Tells the outcome of what was under way.
    pub(super) fn fail(&mut self, kind: FailureKind, detail: &str) {
        // Nothing was under way, or its outcome is there already.
        if !matches!(self.state, State::Ready | State::Quit | State::Done) {
            self.report(kind, detail);
        }
        self.outbox = None;
        self.state = State::Done;
    }

    /// The same where the conversation is in step and nothing was sent that it could still
    /// concern: the polite way out.
    pub(super) fn fail_and_quit(&mut self, kind: FailureKind, detail: &str) -> State {
        self.report(kind, detail);
        self.say_quit()
    }

    /// Neither a verdict on a message nor an answer to it: the server does not serve.
    pub(super) fn not_served(&mut self, reply: &WireReply) -> State {
        let detail = reply.to_reply().to_string();
        self.fail_and_quit(FailureKind::ServiceUnavailable, &detail)
    }

    /// 421, wherever it comes. After the end of data it also says that the message was not taken.
    pub(super) fn service_unavailable(&mut self, reply: &WireReply) -> State {
        let reply = reply.to_reply();
        let detail = reply.to_string();
        if self.state == State::DataEnd
            && let Some(running) = &mut self.running
        {
            running.settle(&reply);
        }
        self.fail(FailureKind::ServiceUnavailable, &detail);
        State::Done
    }

    /// A reply that does not answer what was said.
    pub(super) fn unexpected(&mut self, reply: &WireReply) -> State {
        let detail = format!("unexpected reply: {}", reply.to_reply());
        self.fail(FailureKind::Protocol, &detail);
        State::Done
    }

    /// A reply that nobody waits for. In the middle of the message a refusal is one all the same
    /// (a limit was passed): the message is not finished, and the connection dropped, since the
    /// server may read the rest of it as commands.
    pub(super) fn out_of_turn(&mut self, reply: &WireReply) -> State {
        let refusal = matches!(reply.class(), Class::Transient | Class::Permanent);
        if self.state == State::Content
            && refusal
            && let Some(running) = &mut self.running
        {
            running.settle(&reply.to_reply());
            self.finish();
            return State::Done;
        }
        let detail = format!("the server spoke out of turn: {}", reply.to_reply());
        self.fail(FailureKind::Protocol, &detail);
        State::Done
    }

    fn report(&mut self, kind: FailureKind, detail: &str) {
        let failure = Failure {
            kind,
            step: self.state.step(),
            detail: detail.to_owned(),
        };
        self.outcome = Some(match (self.running.take(), self.queued.take()) {
            (Some(running), _) => running.broken(failure, self.state == State::DataEnd),
            (None, Some(queued)) => Attempt::failed(queued.envelope.recipients().len(), failure),
            (None, None) => Attempt::failed(0, failure),
        });
    }
}
