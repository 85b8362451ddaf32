//! Copies of what was delivered: `messages/DAY/COPY.ROUTE.eml`, for the mailboxes, where a route keeps
//! them. They look like held messages and are none: nothing releases them, and their time is days.
//!
//! A delivery waits for no copy. What came in while the primary was up is copied after its sender was
//! answered, and an instance that dies just then makes none: the primary has the message. What was
//! held is copied before it leaves the queue.

use bytes::Bytes;

use super::held::{Copy, Digest, Held};
use super::store::{Condition, Store as _, StoreError, in_time};
use crate::limits;
use crate::mail::{Envelope, MessageId};
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::{HoldReason, RouteName};

/// A delivered message of which a copy is to be kept.
#[derive(Clone, Debug)]
pub struct ToKeep {
    /// Its id.
    pub id: MessageId,
    /// The route that it took.
    pub route: RouteName,
    /// From whom, and to those who have it.
    pub envelope: Envelope,
    /// Who submitted it.
    pub partner: String,
    /// Its bytes.
    pub message: Bytes,
}

/// Keeps copies, after the answer went out. What fails is logged: nothing depends on it.
pub async fn keep_all<P: Ports>(ports: &P, copies: Vec<ToKeep>) {
    for copy in copies {
        let held = Held {
            id: copy.id,
            route: copy.route,
            envelope: copy.envelope,
            uncertain: Vec::new(),
            split: false,
            partner: copy.partner,
            at: ports.now(),
            reason: HoldReason::Kept,
            detail: "delivered; a copy for the mailboxes".into(),
            digest: Digest::of(&copy.message),
            trace: None,
        };
        let object = held.object(&copy.message);
        keep(ports, &held.route, &Copy::first(held.id), &object).await;
    }
}

/// Keeps a copy of a held message that was delivered: the object as it lies in the queue. Between its
/// outcome and its end there, so that a slow storage makes no delivery doubtful.
pub async fn keep_released<P: Ports>(ports: &P, route: &RouteName, copy: &Copy) {
    let queued = Held::key(route, copy);
    let most = limits::MESSAGE_BYTES_CEILING + limits::HELD_PREFIX_BYTES;
    let reading = ports.store().get(&queued, most);
    let read = in_time(ports, limits::STORAGE_BUDGET, reading).await;
    match read {
        Ok(Some(object)) => keep(ports, route, copy, &[object.bytes]).await,
        Ok(None) => {}
        Err(error) => not_kept(ports, route, copy, &error),
    }
}

async fn keep<P: Ports>(ports: &P, route: &RouteName, copy: &Copy, object: &[Bytes]) {
    let key = key(route, copy);
    let putting = ports.store().put(&key, object, Condition::Always);
    let kept: Result<_, StoreError> = in_time(ports, limits::STORAGE_BUDGET, putting).await;
    if let Err(error) = kept {
        not_kept(ports, route, copy, &error);
    }
}

fn not_kept<P: Ports>(ports: &P, route: &RouteName, copy: &Copy, error: &StoreError) {
    let event = LogEvent::new("copy.not-kept")
        .with("id", copy.id.to_string())
        .with("route", route.as_str())
        .with("error", error.to_string());
    ports.write(event);
}

/// The object of a copy. A message that was split over several routes has one on each.
pub fn key(route: &RouteName, copy: &Copy) -> String {
    format!("{}{copy}.{route}.eml", prefix(&copy.id.at().day()))
}

/// The copies of one day, in UTC.
pub fn prefix(day: &str) -> String {
    format!("{KEPT}{day}/")
}

/// Where copies lie.
pub const KEPT: &str = "messages/";
