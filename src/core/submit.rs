//! The use case of a submission: authenticate, read, decide, deliver or hold, answer.
//!
//! ```text
//!  head -> begin: partner, body type, limits      (nothing read yet; a refusal costs nothing)
//!  body -> submit: claim the key -> envelope and message -> grants, routes, loops
//!                  for each route, side by side: forward -> hold what is left
//!                  complete the receipt -> answer
//! ```
//!
//! A 2xx is given only for recipients whose copy the primary took or the storage keeps. If any
//! copy found neither, the answer is 503 and says which did: the sender keeps the message.

pub mod answer;
pub mod forward;
pub mod hold;
pub mod multipart;
pub mod recall;
pub mod request;

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use serde_json::Value;

use crate::config::{Config, WithoutReceipts};
use crate::custody::held::{Copy, Digest};
use crate::custody::kept::ToKeep;
use crate::custody::receipt::{self, Claim, ClaimError, Claimed};
use crate::custody::route_state::StateCache;
use crate::custody::store::{StoreError, in_time};
use crate::limits;
use crate::mail::{Envelope, MessageId, facts};
use crate::partner::Partner;
use crate::people::known;
use crate::ports::{Clock, Event, Ports, new_id};
use crate::problem::{Kind, Problem};
use crate::routing::Route;
use crate::time::Timestamp;
use crate::trace_context::TraceContext;
use answer::{Answer, Outcome, Response, Settled};
use forward::Forwarded;
use request::Request;

/// One message on its way, as every route of it sees it.
#[derive(Debug)]
pub struct Message<'m> {
    /// Its id.
    pub id: MessageId,
    /// Who submitted it.
    pub partner: &'m Partner,
    /// The submitted bytes.
    pub bytes: Bytes,
    /// Their hash, where it was computed already.
    pub digest: Option<Digest>,
    /// Which try of its key this is.
    pub attempt: u32,
    /// Whether its recipients belong to several routes.
    pub split: bool,
    /// When the submission began: its limits count from here.
    pub started: Timestamp,
    /// The trace it belongs to.
    pub trace: Option<&'m TraceContext>,
}

impl Message<'_> {
    /// What is left until its sender must have an answer, less what is kept back for later steps.
    pub fn left(&self, clock: &impl Clock, kept_back: Duration) -> Duration {
        left(clock, self.started, kept_back)
    }

    /// The name of a copy that this try holds.
    pub fn copy(&self) -> Copy {
        Copy {
            id: self.id,
            attempt: self.attempt,
        }
    }
}

fn left(clock: &impl Clock, started: Timestamp, kept_back: Duration) -> Duration {
    let elapsed = clock.now().since(started);
    limits::SUBMISSION
        .saturating_sub(kept_back)
        .saturating_sub(elapsed)
}

/// What became of a submission.
#[derive(Debug)]
pub struct Submitted {
    /// What its sender is told.
    pub response: Response,
    /// Copies of what was delivered, to be kept once the answer went out.
    pub copies: Vec<ToKeep>,
}

/// Answers a submission whose body has been read.
pub async fn submit<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    request: &Request<'_>,
    body: Bytes,
) -> Submitted {
    let id = new_id(ports);
    let started = id.at();
    let submitted = match run(ports, config, cache, request, body, id, started).await {
        Ok(submitted) => submitted,
        Err(problem) => Submitted::without_copies(Response::problem(&problem, &id.to_string())),
    };
    let response = &submitted.response;
    if response.is_problem() {
        let kind = response.body.get("type").cloned().unwrap_or(Value::Null);
        let event = Event::new("submission.refused")
            .with("id", id.to_string())
            .with("partner", request.partner.name.as_str())
            .with("status", response.status)
            .with("type", kind)
            .traced(request.trace.as_ref());
        ports.write(event);
    }
    submitted
}

impl Submitted {
    fn without_copies(response: Response) -> Self {
        Self {
            response,
            copies: Vec::new(),
        }
    }
}

async fn run<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    request: &Request<'_>,
    body: Bytes,
    id: MessageId,
    started: Timestamp,
) -> Result<Submitted, Problem> {
    let body_digest = request.needs_digest().then(|| Digest::of(&body));
    request.check_digest(body_digest)?;
    // Read before the claim, so that what cannot be read leaves no trace.
    let (envelope, bytes) = request.read(body.clone(), id, &config.limits)?;
    check(config, request.partner, &envelope, &bytes)?;
    let unknown = known::rejected(ports, config, &envelope).await;

    let Some(key) = &request.idempotency_key else {
        let digest = body_digest.filter(|_| bytes == body);
        let split = by_route(config, &envelope, &[]).len() > 1;
        let message = Message {
            id,
            partner: request.partner,
            bytes,
            digest,
            attempt: 1,
            split,
            started,
            trace: request.trace.as_ref(),
        };
        let served = serve(ports, config, cache, &message, &envelope, unknown).await;
        return Ok(served.submitted());
    };
    let payload = request.fingerprint(body_digest.unwrap_or_else(|| Digest::of(&body)));
    let claiming = receipt::claim(ports, &request.partner.name, key, &payload, id);
    let claim = in_time(ports, limits::RECEIPT_STEP, claiming).await;
    let claimed = match claim {
        Ok(Claim::Answered(response)) => return Ok(Submitted::without_copies(response)),
        Ok(Claim::Mine(claimed)) => Some(claimed),
        Err(ClaimError::Problem(problem)) => return Err(problem),
        Err(ClaimError::Storage(error)) => {
            let event = Event::new("receipt.unavailable")
                .with("id", id.to_string())
                .with("error", error.to_string());
            ports.write(event);
            match config.without_receipts {
                WithoutReceipts::Deliver => None,
                WithoutReceipts::Refuse => return Err(no_receipt()),
            }
        }
    };
    let (id, attempt, mut settled) = match &claimed {
        Some(claimed) => (
            claimed.receipt.id,
            claimed.receipt.tries,
            claimed.settled.clone(),
        ),
        None => (id, 1, Vec::new()),
    };
    // An earlier try gave the message its id; one that is built from fields carries it inside.
    let (envelope, bytes) = request.read(body, id, &config.limits)?;
    if attempt > 1 {
        let recalling = recall::recall(ports, config, id, attempt, &envelope);
        let recalled = match in_time(ports, limits::RECEIPT_STEP, recalling).await {
            Ok(recalled) => recalled,
            Err(_) => {
                // This try did nothing, so the sender need not wait until its claim is old.
                if let Some(claimed) = claimed {
                    let reopening = receipt::reopen(ports, *claimed, settled, false);
                    note_receipt(ports, id, started, reopening).await;
                }
                return Err(no_receipt());
            }
        };
        settled.retain(|one| {
            !recalled
                .iter()
                .any(|new| new.address.same_mailbox(&one.address))
        });
        settled.extend(recalled);
    }
    let new = |one: &Settled| {
        let mut known = settled.iter();
        !known.any(|known| known.address.same_mailbox(&one.address))
    };
    let unknown: Vec<_> = unknown.into_iter().filter(new).collect();
    settled.extend(unknown);
    let split = by_route(config, &envelope, &[]).len() > 1;
    let message = Message {
        id,
        partner: request.partner,
        bytes,
        digest: None,
        attempt,
        split,
        started,
        trace: request.trace.as_ref(),
    };
    let served = serve(ports, config, cache, &message, &envelope, settled).await;
    if let Some(claimed) = claimed {
        settle(ports, *claimed, &served, id, started).await;
    }
    Ok(served.submitted())
}

fn check(
    config: &Config,
    partner: &Partner,
    envelope: &Envelope,
    bytes: &Bytes,
) -> Result<(), Problem> {
    partner.check(envelope)?;
    for recipient in &envelope.recipients {
        let domain = recipient.domain();
        if config.route_for(&domain).is_none() {
            let detail =
                format!("no route leads to {domain}; Holdfast relays to its own domains only");
            return Err(Problem::new(Kind::NoRoute, detail).with("recipient", recipient.as_str()));
        }
    }
    let received = facts::received_lines(bytes);
    if received > limits::RECEIVED_LINES {
        let detail = format!(
            "it has {received} Received: lines; {} is the limit",
            limits::RECEIVED_LINES
        );
        return Err(Problem::new(Kind::MailLoop, detail));
    }
    Ok(())
}

fn no_receipt() -> Problem {
    let detail = "the storage cannot keep a receipt now, and without one the same Idempotency-Key could make \
                  two messages; send again later, or send without the key";
    Problem::new(Kind::NotAccepted, detail)
}

struct Served {
    response: Response,
    settled: Vec<Settled>,
    copies: Vec<ToKeep>,
}

impl Served {
    fn submitted(self) -> Submitted {
        Submitted {
            response: self.response,
            copies: self.copies,
        }
    }
}

/// Serves every route of the message and puts the outcomes together.
async fn serve<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    message: &Message<'_>,
    envelope: &Envelope,
    settled: Vec<Settled>,
) -> Served {
    let groups = by_route(config, envelope, &settled);
    let forwarded =
        join_all(groups.iter().map(|(route, envelope)| {
            forward::forward(ports, config, cache, route, message, envelope)
        }))
        .await;
    let mut all = settled;
    all.extend(
        forwarded
            .iter()
            .flat_map(|forwarded| forwarded.settled.iter().cloned()),
    );
    all.sort_by_key(|one| {
        envelope
            .recipients
            .iter()
            .position(|address| address.same_mailbox(&one.address))
    });
    let response = respond(message, &all, &forwarded);
    log(ports, message, &all, &response);
    let copies = forwarded.into_iter().filter_map(|forwarded| forwarded.copy);
    Served {
        response,
        settled: all,
        copies: copies.collect(),
    }
}

/// The recipients that are not settled yet, by their routes, in the order of the envelope.
fn by_route<'c>(
    config: &'c Config,
    envelope: &Envelope,
    settled: &[Settled],
) -> Vec<(&'c Route, Envelope)> {
    let mut groups: Vec<(&Route, Envelope)> = Vec::new();
    for recipient in &envelope.recipients {
        let done = settled
            .iter()
            .any(|one| one.address.same_mailbox(recipient));
        let Some(route) = config.route_for(&recipient.domain()).filter(|_| !done) else {
            continue;
        };
        match groups
            .iter_mut()
            .find(|(known, _)| known.name == route.name)
        {
            Some((_, group)) => group.recipients.push(recipient.clone()),
            None => {
                groups.push((route, envelope.only(vec![recipient.clone()])));
            }
        }
    }
    groups
}

fn respond(message: &Message<'_>, all: &[Settled], forwarded: &[Forwarded]) -> Response {
    let any = |outcome| all.iter().any(|one| one.outcome == outcome);
    let recipients = serde_json::to_value(all).unwrap_or_default();
    if any(Outcome::NotAccepted) {
        let why = forwarded
            .iter()
            .find_map(|f| f.not_accepted.clone())
            .unwrap_or_default();
        let detail = if any(Outcome::Delivered) || any(Outcome::Held) {
            format!("not for every recipient; send again for those marked not-accepted. {why}")
        } else {
            why
        };
        let problem = Problem::new(Kind::NotAccepted, detail).with("recipients", recipients);
        return Response::problem(&problem, &message.id.to_string());
    }
    if !any(Outcome::Delivered) && !any(Outcome::Held) {
        let words = all.iter().find_map(|one| one.reply.as_ref());
        let said = match words {
            Some(reply) if reply.text == known::NOBODY => reply.text.clone(),
            Some(reply) => format!("the primary said: {} {}", reply.code, reply.text),
            None if any(Outcome::Returned) => {
                "an earlier try of this key was held, and returned: its sender was told".into()
            }
            None => "an earlier try of this key was held, and a person dropped it".into(),
        };
        let problem = Problem::new(Kind::Refused, said).with("recipients", recipients);
        return Response::problem(&problem, &message.id.to_string());
    }
    let hold = forwarded.iter().find_map(|f| f.hold.clone());
    let earlier = all.iter().find_map(|one| one.reason);
    let digest = forwarded.iter().find_map(|f| f.digest).or(message.digest);
    let answer = Answer {
        id: message.id,
        outcome: if any(Outcome::Held) {
            Outcome::Held
        } else {
            Outcome::Delivered
        },
        route: all
            .first()
            .map(|one| one.route.clone())
            .unwrap_or_else(|| forwarded[0].route.clone()),
        recipients: all.to_vec(),
        digest: digest.map(|digest| digest.field()),
        reason: hold.as_ref().map(|hold| hold.reason).or(earlier),
        detail: match &hold {
            Some(hold) => Some(hold.detail.clone()),
            None => earlier.map(|_| "an earlier try of this key was held".into()),
        },
        until: hold.and_then(|hold| hold.until),
    };
    Response::json(
        if answer.outcome == Outcome::Held {
            202
        } else {
            200
        },
        &answer,
    )
}

/// Writes the receipt before the answer goes out. If that fails the answer stands all the same:
/// what was accepted was accepted, and a repeat finds the claim.
async fn settle<P: Ports>(
    ports: &P,
    claimed: Claimed,
    served: &Served,
    id: MessageId,
    started: Timestamp,
) {
    if served.response.status == Kind::NotAccepted.status() {
        let settled = served
            .settled
            .iter()
            .filter(|one| one.outcome != Outcome::NotAccepted)
            .cloned()
            .collect();
        let reopening = receipt::reopen(ports, claimed, settled, true);
        note_receipt(ports, id, started, reopening).await;
    } else {
        let completing = receipt::complete(ports, claimed, &served.response);
        note_receipt(ports, id, started, completing).await;
    }
}

async fn note_receipt<P: Ports>(
    ports: &P,
    id: MessageId,
    started: Timestamp,
    writing: impl Future<Output = Result<(), StoreError>>,
) {
    let time = left(ports, started, Duration::ZERO);
    if let Err(error) = in_time(ports, time, writing).await {
        let event = Event::new("receipt.not-completed")
            .with("id", id.to_string())
            .with("error", error.to_string());
        ports.write(event);
    }
}

fn log<P: Ports>(ports: &P, message: &Message<'_>, all: &[Settled], response: &Response) {
    let name = match response.status {
        200 => "message.delivered",
        202 => "message.held",
        422 => "message.rejected",
        _ => "message.not-accepted",
    };
    let count = |outcome| all.iter().filter(|one| one.outcome == outcome).count();
    let mut event = Event::new(name)
        .with("id", message.id.to_string())
        .traced(message.trace)
        .with("partner", message.partner.name.as_str())
        .with("bytes", message.bytes.len())
        .with("delivered", count(Outcome::Delivered))
        .with("held", count(Outcome::Held))
        .with("rejected", count(Outcome::Rejected))
        .with("not_accepted", count(Outcome::NotAccepted))
        .with(
            "ms",
            u64::try_from(ports.now().since(message.started).as_millis()).unwrap_or(u64::MAX),
        );
    for member in ["route", "reason", "detail"] {
        if let Some(value) = response.body.get(member) {
            event = event.with(member, value.clone());
        }
    }
    ports.write(event);
}

#[cfg(test)]
pub(crate) mod tests;
