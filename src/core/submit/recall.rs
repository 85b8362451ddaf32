//! What an earlier try with the same key left behind: a copy in the queue, or an outcome.
//!
//! A storage can do what it was asked and lose the reply. The sender was told 503 then, the copy
//! lies in the queue all the same and may even have been released; the repeat must find it and
//! not make a second message. Each try has a name of its own to look for; a sender that has tried
//! for days has more names than can be read in time, so those that there are come from listings.
//! The queue is read before the outcomes, because that is the way a message goes.

use std::collections::BTreeSet;

use super::answer::{Outcome, Settled};
use crate::config::Config;
use crate::custody::held::{Copy, Held};
use crate::custody::life::{copies_of, held_copy};
use crate::custody::release::Ended;
use crate::custody::store::{Store, StoreError};
use crate::limits;
use crate::mail::{Envelope, MessageId};
use crate::ports::Ports;
use crate::routing::RouteName;

/// The recipients of whom a try of this id before `attempt` has disposed.
pub async fn recall<P: Ports>(
    ports: &P,
    config: &Config,
    id: MessageId,
    attempt: u32,
    envelope: &Envelope,
) -> Result<Vec<Settled>, StoreError> {
    let mut routes: Vec<&RouteName> = Vec::new();
    for recipient in &envelope.recipients {
        let Some(route) = config.route_for(&recipient.domain()) else {
            continue;
        };
        if !routes.contains(&&route.name) {
            routes.push(&route.name);
        }
    }
    let split = routes.len() > 1;
    let mut found = Vec::new();
    for route in routes {
        for copy in earlier(ports.store(), route, id, attempt).await? {
            if let Some(held) = held_copy(ports.store(), route, &copy).await? {
                found.extend(still_held(held));
            }
            let ended = Ended::find(ports.store(), route, &copy, split).await?;
            found.extend(ended.into_iter().flat_map(|ended| ended.recipients));
        }
    }
    Ok(found)
}

/// The names under which an earlier try may have left something.
async fn earlier(
    store: &impl Store,
    route: &RouteName,
    id: MessageId,
    attempt: u32,
) -> Result<BTreeSet<Copy>, StoreError> {
    if attempt <= limits::RECALL_READS {
        return Ok((1..attempt).map(|attempt| Copy { id, attempt }).collect());
    }
    let mut copies = copies_of(store, route, id).await?;
    copies.retain(|copy| copy.attempt < attempt);
    Ok(copies)
}

fn still_held(held: Held) -> impl Iterator<Item = Settled> {
    let (route, reason) = (held.route, held.reason);
    held.envelope
        .recipients
        .into_iter()
        .map(move |address| Settled {
            address,
            outcome: Outcome::Held,
            route: route.clone(),
            reason: Some(reason),
            reply: None,
        })
}
