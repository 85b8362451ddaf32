//! What users write. Once the outbox has it, it is sent: whatever dies, whoever looks next goes on.
//!
//! ```text
//!   1. people/outbox/USER_ID.eml    the commit: one object, one PUT, then the user is told
//!   2. queue/ROUTE/ID.eml           for each route of its recipients, unless it went that way already;
//!                                   the route `outbound` for everybody else
//!      queue/OWN ROUTE/COPY.eml     a copy for the sender's own primary, where the operator wants it
//!   3. mailboxes/USER/sent/...      what the user finds under "sent"
//!   4. the outbox's object goes
//! ```
//!
//! So health, windows, retries, reports to the sender and release are for what users write what they
//! are for all mail, and this component reaches no mail server. Colleagues whose primary is down have
//! it at once, because it is filed like everything that is held.
//!
//! The id is drawn with the page on which the message is written, so that a form that is posted twice
//! makes one message.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::entry::{Entry, name};
use crate::config::{Config, OWN_COPY, OWN_NAME, WEBMAIL};
use crate::custody::ended::Ended;
use crate::custody::held::{Copy, Digest, Held};
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::{EmailAddress, Envelope, MessageId};
use crate::people::{UserId, reading};
use crate::ports::{Event as LogEvent, Ports};
use crate::problem::{Kind, Problem};
use crate::routing::{HoldReason, Route};
use crate::time::Timestamp;

/// A message as its user sends it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Drawn with the page it was written on.
    pub id: MessageId,
    /// Who sends it.
    pub user: UserId,
    /// Under which of the user's own addresses.
    pub from: EmailAddress,
    /// To whom, without regard to To, Cc or Bcc.
    pub to: Vec<EmailAddress>,
    /// The message.
    pub message: Bytes,
}

/// Whether there is a way for everybody; asked before anything is kept.
pub fn check(config: &Config, own: &[EmailAddress], outgoing: &Outgoing) -> Result<(), Problem> {
    if !own.iter().any(|own| own.same_mailbox(&outgoing.from)) {
        let detail = format!("{} is not an address of yours", outgoing.from);
        return Err(Problem::new(Kind::SenderNotGranted, detail));
    }
    if outgoing.to.is_empty() {
        return Err(Problem::new(Kind::BadAddress, "there is no recipient"));
    }
    if outgoing.to.len() > config.limits.recipients {
        let detail = format!("more than {} recipients", config.limits.recipients);
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    if outgoing.message.len() > config.limits.message_bytes {
        let detail = format!("larger than {} bytes", config.limits.message_bytes);
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    for recipient in &outgoing.to {
        if way(config, recipient).is_none() {
            let detail = format!(
                "mail to {} cannot be sent from here: only to colleagues",
                recipient.domain()
            );
            return Err(Problem::new(Kind::NoRoute, detail).with("recipient", recipient.as_str()));
        }
    }
    Ok(())
}

/// Sends it. When this returns it is on its way, whatever happens next.
pub async fn send<P: Ports>(
    ports: &P,
    config: &Config,
    outgoing: &Outgoing,
) -> Result<(), StoreError> {
    let Outgoing { id, user, .. } = outgoing;
    let store = ports.store();
    let copy = Copy::first(*id);
    // A form that was posted again, after the first was done.
    if store.peek(&sent_key(*user, &copy), 1).await?.is_some() {
        return Ok(());
    }
    let Some(first) = outgoing.to.first().and_then(|to| way(config, to)) else {
        let detail = "no route for the first recipient";
        return Err(StoreError::new(StoreErrorKind::Denied, detail));
    };
    let envelope = Envelope::new(Some(outgoing.from.clone()), outgoing.to.clone());
    let held = held(ports, first, *id, envelope, WEBMAIL, &outgoing.message);
    let key = outbox_key(*user, *id);
    let object = held.object(&outgoing.message);
    store.put(&key, &object, Condition::Always).await?;
    let event = LogEvent::new("webmail.sent")
        .with("id", id.to_string())
        .with("user", user.to_string())
        .with("recipients", outgoing.to.len())
        .with("bytes", outgoing.message.len());
    ports.write(event);
    // What is left of it the keeper does.
    if let Err(error) = go_on(ports, config, &key).await {
        let event = LogEvent::new("webmail.not-distributed")
            .with("id", id.to_string())
            .with("error", error.to_string());
        ports.write(event);
    }
    Ok(())
}

/// Holds a message that Holdfast itself writes, on the route it is to go by. Doing it again with the
/// same id makes no second one.
pub async fn post<P: Ports>(
    ports: &P,
    route: &Route,
    id: MessageId,
    envelope: Envelope,
    message: &Bytes,
) -> Result<(), StoreError> {
    let held = Held {
        detail: "written by Holdfast".into(),
        ..held(ports, route, id, envelope, OWN_NAME, message)
    };
    put(ports, &held, message).await
}

/// The route that leads to everybody who has none here.
pub fn way_out(config: &Config) -> Option<&Route> {
    config.route(config.outbound.as_ref()?.as_str())
}

/// Goes on with what was left in the outbox; gives how many there were.
pub async fn finish<P: Ports>(
    ports: &P,
    config: &Config,
    deadline: Timestamp,
) -> Result<u32, StoreError> {
    let (mut finished, mut failed, mut after) = (0, None, None::<String>);
    loop {
        let behind = after.as_deref();
        let page = ports
            .store()
            .list(OUTBOX, behind, limits::OPERATOR_PAGE)
            .await?;
        for key in &page.keys {
            if ports.now() >= deadline {
                return Ok(finished);
            }
            // One that cannot be sent on keeps nobody else's back.
            match go_on(ports, config, key).await {
                Ok(()) => finished += 1,
                Err(error) => failed = Some(error),
            }
        }
        after = page.keys.last().cloned();
        if !page.more || after.is_none() {
            return failed.map_or(Ok(finished), Err);
        }
    }
}

/// Does with one object of the outbox whatever is not done yet.
async fn go_on<P: Ports>(ports: &P, config: &Config, key: &str) -> Result<(), StoreError> {
    let store = ports.store();
    let most = limits::MESSAGE_BYTES_CEILING + limits::HELD_PREFIX_BYTES;
    let Some(object) = store.get(key, most).await? else {
        return Ok(());
    };
    let user = key
        .strip_prefix(OUTBOX)
        .and_then(|rest| rest.split_once('_')?.0.parse::<UserId>().ok());
    let (Some(user), Ok((outgoing, message))) = (user, Held::read(key, &object.bytes)) else {
        // It stays for a person to look at.
        ports.write(LogEvent::new("webmail.damaged").with("key", key));
        return Ok(());
    };
    let groups = by_way(config, &outgoing.envelope);
    let split = groups.len() > 1;
    for (route, envelope) in groups {
        let mut held = held(ports, route, outgoing.id, envelope, WEBMAIL, &message);
        held.split = split;
        put(ports, &held, &message).await?;
    }
    let own = outgoing.envelope.sender.clone();
    let own = own.filter(|_| config.webmail.sent_copies);
    let own = own.and_then(|own| Some((config.route_for(&own.domain())?, own)));
    if let Some((route, own)) = own {
        let marked = marked(&message);
        let envelope = Envelope::new(Some(own.clone()), vec![own]);
        let id = id_of_copy(outgoing.id);
        put(
            ports,
            &held(ports, route, id, envelope, OWN_COPY, &marked),
            &marked,
        )
        .await?;
    }
    let copy = Copy::first(outgoing.id);
    let body = sent_body(user, &copy);
    store
        .put(&body, std::slice::from_ref(&message), Condition::Always)
        .await?;
    let entry = Entry {
        copy,
        route: outgoing.route,
        summary: reading::summary(&message),
    };
    record::write(store, &sent_key(user, &copy), &entry, Condition::Always).await?;
    store.delete(key).await
}

/// Holds it on its route, unless it has been there and went home.
async fn put<P: Ports>(ports: &P, held: &Held, message: &Bytes) -> Result<(), StoreError> {
    let copy = Copy::first(held.id);
    if Ended::find(ports.store(), &held.route, &copy, held.split)
        .await?
        .is_some()
    {
        return Ok(());
    }
    let key = Held::key(&held.route, &copy);
    let object = held.object(message);
    ports
        .store()
        .put(&key, &object, Condition::Always)
        .await
        .map(drop)
}

fn held<P: Ports>(
    ports: &P,
    route: &Route,
    id: MessageId,
    envelope: Envelope,
    partner: &str,
    message: &Bytes,
) -> Held {
    Held {
        id,
        route: route.name.clone(),
        envelope,
        uncertain: Vec::new(),
        split: false,
        partner: partner.to_owned(),
        at: ports.now(),
        reason: HoldReason::Sent,
        detail: "written in the webmail".into(),
        digest: Digest::of(message),
        trace: None,
    }
}

/// The recipients by the routes they are reached on.
fn by_way<'c>(config: &'c Config, envelope: &Envelope) -> Vec<(&'c Route, Envelope)> {
    let mut groups: Vec<(&Route, Envelope)> = Vec::new();
    for recipient in &envelope.recipients {
        let Some(route) = way(config, recipient) else {
            continue;
        };
        match groups
            .iter_mut()
            .find(|(known, _)| known.name == route.name)
        {
            Some((_, group)) => group.recipients.push(recipient.clone()),
            None => groups.push((route, envelope.only(vec![recipient.clone()]))),
        }
    }
    groups
}

/// The route of a colleague, or the way out.
fn way<'c>(config: &'c Config, recipient: &EmailAddress) -> Option<&'c Route> {
    let route = config.route_for(&recipient.domain());
    route.or_else(|| way_out(config))
}

/// The copy for the sender's own primary says what it is.
fn marked(message: &Bytes) -> Bytes {
    let end = crate::mail::facts::line_end(message);
    let line = format!("{SENT_FIELD}{end}");
    [line.as_bytes(), message].concat().into()
}

/// The same for everybody who goes on with it.
fn id_of_copy(id: MessageId) -> MessageId {
    let hash = Sha256::digest(format!("{id} own copy"));
    let mut random = [0; 10];
    random
        .iter_mut()
        .zip(hash)
        .for_each(|(to, from)| *to = from);
    MessageId::new(id.at(), random)
}

/// Keeps nothing of a message that was sent but that it was: a form that is posted again must not send
/// it again.
pub async fn forget(store: &impl Store, user: UserId, copy: &Copy) -> Result<(), StoreError> {
    let key = sent_key(user, copy);
    let Some((entry, _)) = record::read::<Entry>(store, &key).await? else {
        return Ok(());
    };
    let nothing = Entry {
        summary: reading::Summary::default(),
        ..entry
    };
    store.delete(&sent_body(user, copy)).await?;
    record::write(store, &key, &nothing, Condition::Always)
        .await
        .map(drop)
}

/// The prefix of what a user sent: entries alone.
pub fn sent_prefix(user: UserId) -> String {
    format!("mailboxes/{user}/sent/")
}

/// The object of an entry under "sent".
pub fn sent_key(user: UserId, copy: &Copy) -> String {
    format!("{}{}.json", sent_prefix(user), name(copy))
}

/// The message that was sent.
pub fn sent_body(user: UserId, copy: &Copy) -> String {
    format!("mailboxes/{user}/bodies/{}.eml", name(copy))
}

fn outbox_key(user: UserId, id: MessageId) -> String {
    format!("{OUTBOX}{user}_{id}.eml")
}

const OUTBOX: &str = "people/outbox/";
const SENT_FIELD: &str = "Holdfast-Sent-Copy: yes";
