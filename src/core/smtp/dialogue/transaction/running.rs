//! A transaction under way: what is decided, who was taken, what is left to write.

use bytes::Bytes;

use super::commands;
use crate::mail::DsnRequest;
use crate::smtp::capabilities::{Capabilities, SizeLimit};
use crate::smtp::data::{Blocks, Plan, Transfer};
use crate::smtp::dialogue::Transaction;
use crate::smtp::envelope::Envelope;
use crate::smtp::outcome::{Attempt, Failure, Verdict};
use crate::smtp::reply::{Class, EnhancedCode, Reply};

#[derive(Debug)]
pub(in super::super) struct Running {
    envelope: Envelope,
    plan: Plan,
    blocks: Blocks,
    size: bool,
    smtputf8: bool,
    dsn: bool,
    /// By place in the envelope.
    fates: Vec<Fate>,
    /// The places of those that are offered to the server.
    targets: Vec<usize>,
    mail_refused: bool,
}

/// What is known of one recipient by now.
#[derive(Debug, Clone)]
enum Fate {
    Open,
    /// The server has taken it and waits for the message.
    Taken,
    Decided(Verdict),
}

impl Running {
    /// Decides at once what the server's own announcements decide.
    pub(super) fn new(transaction: Transaction, plan: Plan, offered: &Capabilities) -> Running {
        let Transaction { envelope, content } = transaction;
        let fates: Vec<Fate> = fates(&envelope, plan, offered);
        let open = |index: &usize| matches!(fates[*index], Fate::Open);
        let targets: Vec<usize> = (0..fates.len()).filter(open).collect();
        let mut tried = targets
            .iter()
            .map(|&index| envelope.recipients()[index].as_str());
        let smtputf8 = !envelope.sender().is_ascii() || !tried.all(str::is_ascii);
        Running {
            blocks: content.blocks(plan),
            plan,
            size: offered.size != SizeLimit::NotOffered,
            smtputf8,
            dsn: offered.dsn,
            fates,
            targets,
            mail_refused: false,
            envelope,
        }
    }

    /// How many recipients are offered to the server.
    pub(super) fn targets(&self) -> usize {
        self.targets.len()
    }

    pub(super) fn transfer(&self) -> Transfer {
        self.plan.transfer
    }

    pub(super) fn mail_command(&self) -> String {
        let sender = self.envelope.sender();
        commands::mail(sender, self.plan, self.size, self.smtputf8, self.dsn())
    }

    pub(super) fn rcpt_command(&self, index: usize) -> String {
        let recipient = &self.envelope.recipients()[self.targets[index]];
        commands::rcpt(recipient, self.dsn())
    }

    /// What the server can be told of what the sender wants to be told.
    fn dsn(&self) -> Option<&DsnRequest> {
        self.dsn.then(|| self.envelope.dsn())
    }

    /// The next block, and whether it is the last.
    pub(super) fn next_block(&mut self) -> Option<(Bytes, bool)> {
        let block = self.blocks.next()?;
        Some((block, self.blocks.is_done()))
    }

    /// Whether the server has taken any recipient.
    pub(super) fn has_recipients(&self) -> bool {
        self.fates.iter().any(|fate| matches!(fate, Fate::Taken))
    }

    pub(super) fn mail_refused(&mut self, reply: &Reply) {
        self.mail_refused = true;
        self.decide(|fate| matches!(fate, Fate::Open), &verdict(reply.clone()));
    }

    /// The reply to one RCPT. After a refused MAIL it says nothing new (503, mostly).
    pub(super) fn rcpt(&mut self, index: usize, reply: Reply) {
        if self.mail_refused {
            return;
        }
        let others = self.has_recipients();
        self.fates[self.targets[index]] = match reply.class() {
            Class::Positive => Fate::Taken,
            _ if others && too_many(&reply) => Fate::Decided(Verdict::Deferred(reply)),
            _ => Fate::Decided(verdict(reply)),
        };
    }

    /// The server's word on all recipients it had taken.
    pub(in super::super) fn settle(&mut self, reply: &Reply) {
        self.decide(|fate| matches!(fate, Fate::Taken), &verdict(reply.clone()));
    }

    pub(super) fn finished(self) -> Attempt {
        Attempt {
            recipients: self.verdicts(Verdict::Untried),
            failure: None,
        }
    }

    /// Broken off; `in_doubt` from the end of data on.
    pub(in super::super) fn broken(self, failure: Failure, in_doubt: bool) -> Attempt {
        let undecided = if in_doubt {
            Verdict::Uncertain
        } else {
            Verdict::Untried
        };
        Attempt {
            recipients: self.verdicts(undecided),
            failure: Some(failure),
        }
    }

    fn decide(&mut self, which: impl Fn(&Fate) -> bool, verdict: &Verdict) {
        for fate in self.fates.iter_mut().filter(|fate| which(fate)) {
            *fate = Fate::Decided(verdict.clone());
        }
    }

    fn verdicts(self, undecided: Verdict) -> Vec<Verdict> {
        let verdict = |fate| match fate {
            Fate::Decided(verdict) => verdict,
            Fate::Open | Fate::Taken => undecided.clone(),
        };
        self.fates.into_iter().map(verdict).collect()
    }
}

/// What EHLO has already answered, so that the server need not be asked. A message that is too
/// large or a sender it cannot name is refused for all, a recipient it cannot name for itself.
fn fates(envelope: &Envelope, plan: Plan, offered: &Capabilities) -> Vec<Fate> {
    let too_large = offered.size.refuses(plan.size);
    let nameable = |address: &str| offered.smtputf8 || address.is_ascii();
    let sender = nameable(envelope.sender());
    let fate = |recipient: &String| match () {
        _ if too_large => Fate::Decided(too_large_for(offered.size)),
        _ if !sender || !nameable(recipient) => Fate::Decided(not_nameable()),
        _ => Fate::Open,
    };
    envelope.recipients().iter().map(fate).collect()
}

/// RFC 1870 section 6.1, in our words.
fn too_large_for(limit: SizeLimit) -> Verdict {
    let text = match limit {
        SizeLimit::Octets(octets) => format!("message larger than the server's limit of {octets}"),
        SizeLimit::NotOffered | SizeLimit::Unlimited => "message too large".to_owned(),
    };
    Verdict::Rejected(Reply::ours(552, EnhancedCode::new(5, 3, 4), &text))
}

/// RFC 6531 section 3.5, in our words. The local part must not be rewritten, so there is no
/// other way.
fn not_nameable() -> Verdict {
    let text = "address needs SMTPUTF8, which the server does not offer";
    Verdict::Rejected(Reply::ours(550, EnhancedCode::new(5, 6, 7), text))
}

fn verdict(reply: Reply) -> Verdict {
    match reply.class() {
        Class::Positive => Verdict::Delivered(reply),
        Class::Transient => Verdict::Deferred(reply),
        Class::Intermediate | Class::Permanent => Verdict::Rejected(reply),
    }
}

/// RFC 5321 section 4.5.3.1.10: 552 to RCPT for too many recipients is meant as 452. Where others
/// were taken before, and the enhanced code does not say otherwise.
fn too_many(reply: &Reply) -> bool {
    let limit = EnhancedCode::new(5, 5, 3);
    reply.code == 552 && reply.enhanced.is_none_or(|enhanced| enhanced == limit)
}
