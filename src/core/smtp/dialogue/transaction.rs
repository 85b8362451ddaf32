//! One message: MAIL, RCPT, DATA or BDAT, and what becomes of each recipient
//! (RFC 5321 section 3.3).

use super::{Session, State, Transaction, Want};
use crate::smtp::data::{Plan, Transfer};
use crate::smtp::outcome::Step;
use crate::smtp::reply::Class;
use crate::smtp::reply_reader::WireReply;

mod commands;
mod running;

pub(super) use running::Running;

impl Session {
    /// A transaction begins, unless the server has said beforehand that it cannot take it.
    pub(super) fn begin(&mut self, transaction: Transaction) -> State {
        let plan = Plan::choose(transaction.content.facts(), &self.offered);
        let running = Running::new(transaction, plan, &self.offered);
        let nobody = running.targets() == 0;
        self.running = Some(running);
        if nobody {
            return self.finish();
        }
        if self.open_transaction {
            return self.say("RSET\r\n", State::Reset);
        }
        self.say_mail()
    }

    pub(super) fn reset(&mut self, reply: &WireReply) -> State {
        match reply.class() {
            Class::Positive => self.say_mail(),
            _ => self.unexpected(reply),
        }
    }

    /// A refusal is for every recipient. The replies to what was pipelined behind it still come.
    pub(super) fn mail(&mut self, reply: &WireReply) -> State {
        let Some(running) = &mut self.running else {
            return State::Done;
        };
        match reply.class() {
            Class::Positive => self.next_rcpt(0),
            Class::Intermediate => self.unexpected(reply),
            Class::Transient | Class::Permanent => {
                running.mail_refused(&reply.to_reply());
                if self.offered.pipelining {
                    self.next_rcpt(0)
                } else {
                    self.finish()
                }
            }
        }
    }

    /// Recipients are taken or refused one by one.
    pub(super) fn rcpt(&mut self, index: usize, reply: &WireReply) -> State {
        let Some(running) = &mut self.running else {
            return State::Done;
        };
        if reply.class() == Class::Intermediate {
            return self.unexpected(reply);
        }
        running.rcpt(index, reply.to_reply());
        self.next_rcpt(index + 1)
    }

    /// 354 begins the message. If nobody is left to send it to, an empty one is sent: the server
    /// waits for a final dot, and anything else would be read as the message (RFC 2920
    /// section 3.1).
    pub(super) fn data(&mut self, reply: &WireReply) -> State {
        let Some(running) = &mut self.running else {
            return State::Done;
        };
        match (reply.class(), running.has_recipients()) {
            (Class::Intermediate, true) => State::Content,
            (Class::Intermediate, false) => self.say(".\r\n", State::LoneDot),
            (Class::Transient | Class::Permanent, _) => {
                running.settle(&reply.to_reply());
                self.finish()
            }
            (Class::Positive, _) => self.unexpected(reply),
        }
    }

    /// The next block of the message. With the last one it is out of our hands.
    pub(super) fn next_block(&mut self) -> Want {
        let block = self.running.as_mut().and_then(Running::next_block);
        let Some((bytes, last)) = block else {
            self.state = State::DataEnd;
            return Want::Read(Step::DataEnd);
        };
        if last {
            self.state = State::DataEnd;
        }
        Want::Write {
            bytes,
            step: Step::DataBlock,
        }
    }

    /// The server's answer for all recipients it had taken (section 4.2.5). Whatever it is, the
    /// transaction is over on its side (section 4.1.1.4).
    pub(super) fn data_end(&mut self, reply: &WireReply) -> State {
        let Some(running) = &mut self.running else {
            return State::Done;
        };
        if reply.class() == Class::Intermediate {
            return self.unexpected(reply);
        }
        running.settle(&reply.to_reply());
        self.finish();
        self.open_transaction = false;
        State::Ready
    }

    /// Nobody was to get it, so nothing in the reply matters.
    pub(super) fn lone_dot(&mut self, _: &WireReply) -> State {
        self.finish()
    }

    /// Tells the outcome.
    pub(super) fn finish(&mut self) -> State {
        self.outcome = self.running.take().map(Running::finished);
        State::Ready
    }

    /// MAIL, and with PIPELINING everything up to DATA (RFC 2920 section 3.1: DATA is the last of
    /// a flight). From here until the end of data is answered, the server may think that a
    /// transaction is open.
    fn say_mail(&mut self) -> State {
        self.open_transaction = true;
        let Some(running) = &self.running else {
            return State::Done;
        };
        let mut flight = running.mail_command();
        if self.offered.pipelining {
            for index in 0..running.targets() {
                flight += &running.rcpt_command(index);
            }
            if running.transfer() != Transfer::Bdat {
                flight += commands::DATA;
            }
        }
        self.say(flight, State::Mail)
    }

    /// The next RCPT, or after the last one the message.
    fn next_rcpt(&mut self, index: usize) -> State {
        let Some(running) = &self.running else {
            return State::Done;
        };
        let pipelined = self.offered.pipelining;
        let data = running.transfer() != Transfer::Bdat;
        match (index < running.targets(), running.has_recipients()) {
            (true, _) if pipelined => State::Rcpt(index),
            (true, _) => {
                let command = running.rcpt_command(index);
                self.say(command, State::Rcpt(index))
            }
            (false, _) if pipelined && data => State::Data,
            (false, false) => self.finish(),
            (false, true) if data => self.say(commands::DATA, State::Data),
            (false, true) => State::Content,
        }
    }
}
