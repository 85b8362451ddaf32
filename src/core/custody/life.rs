//! The life of one message, as its partner may see it.
//!
//! A message that was delivered at once leaves nothing behind but its answer; one that is held
//! lies in the queue of its route until its outcome is written.

use std::collections::BTreeSet;

use serde::Serialize;

use super::ended::batch::{self, Batch};
use super::held::{Copy, Held};
use super::record;
use super::release::Ended;
use super::store::{Store, StoreError, StoreErrorKind};
use crate::config::Config;
use crate::limits;
use crate::mail::{EmailAddress, MessageId};
use crate::partner::Partner;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::{HoldReason, RouteName};
use crate::submit::answer::Outcome;
use crate::time::Timestamp;

/// What is known of a message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Life {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// Where it stands: held while any copy is, else how it ended.
    pub outcome: Outcome,
    /// The copies that are held, one for each route.
    pub held: Vec<HeldCopy>,
    /// How it ended, on each route where it did.
    pub ended: Vec<Ended>,
}

/// One held copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HeldCopy {
    /// The route it waits for.
    pub route: RouteName,
    /// Whom it is still to reach.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub recipients: Vec<EmailAddress>,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// Why.
    pub reason: HoldReason,
    /// Why, in words.
    pub detail: String,
    /// SHA-256 of the submitted bytes (RFC 9530).
    pub digest: String,
}

/// The life of `id`, if it is the partner's own. Another's is not told from one that never was.
pub async fn life<P: Ports>(
    ports: &P,
    config: &Config,
    partner: &Partner,
    id: &str,
) -> Result<Life, Problem> {
    let nothing = || {
        let detail = "no held message of yours has this id; one that was delivered at once leaves no record \
                      but its answer";
        Problem::new(Kind::NotFound, detail)
    };
    let id: MessageId = id.parse().map_err(|_| nothing())?;
    let unavailable = |error: StoreError| Problem::new(Kind::Unavailable, error.to_string());
    let mut copies = BTreeSet::new();
    for route in &config.routes {
        let known = copies_of(ports.store(), &route.name, id).await;
        copies.extend(known.map_err(unavailable)?);
    }
    // The queue is read before the outcomes, because that is the way a message goes.
    let mut held = Vec::new();
    for (route, copy) in each(&config.routes, &copies) {
        let found = held_copy(ports.store(), &route.name, copy)
            .await
            .map_err(unavailable)?;
        held.extend(found.filter(|held| held.partner == partner.name).map(shown));
    }
    let routes = config.routes.iter().map(|route| Some(&route.name));
    let splits: Vec<_> = [None].into_iter().chain(routes).collect();
    let mut ended: Vec<Ended> = Vec::new();
    for (split, copy) in each(&splits, &copies) {
        let found = match split {
            None => Ended::read(ports.store(), copy, None).await,
            Some(route) => Ended::find(ports.store(), route, copy, true).await,
        };
        let found = found.map_err(unavailable)?;
        ended.extend(found.filter(|end| end.partner == partner.name));
    }
    let any = |outcome| {
        let mut recipients = ended.iter().flat_map(|end| &end.recipients);
        recipients.any(|one| one.outcome == outcome)
    };
    let outcome = match (held.is_empty(), ended.is_empty()) {
        (true, true) => return Err(nothing()),
        (false, _) => Outcome::Held,
        (true, false) if any(Outcome::Delivered) => Outcome::Delivered,
        (true, false) if any(Outcome::Dropped) => Outcome::Dropped,
        (true, false) if any(Outcome::Returned) => Outcome::Returned,
        (true, false) => Outcome::Rejected,
    };
    Ok(Life {
        id,
        outcome,
        held,
        ended,
    })
}

fn each<'a, A, B>(ones: &'a [A], others: &'a BTreeSet<B>) -> impl Iterator<Item = (&'a A, &'a B)> {
    ones.iter()
        .flat_map(move |one| others.iter().map(move |other| (one, other)))
}

/// The copies of a message that are held on a route or have ended there. They come from listings: a
/// sender that tried for days left more names than can be looked for one by one.
pub async fn copies_of(
    store: &impl Store,
    route: &RouteName,
    id: MessageId,
) -> Result<BTreeSet<Copy>, StoreError> {
    let queue = format!("{}{id}", Held::prefix(route));
    let page = store.list(&queue, None, limits::LIST_PAGE).await?;
    let (ended, more) = batch::known(store, id, id).await?;
    if page.more || more.is_some() {
        let detail = format!("{id} has more copies than can be looked through");
        return Err(StoreError::new(StoreErrorKind::Unavailable, detail));
    }
    let mut copies: BTreeSet<Copy> = page.keys.iter().filter_map(|key| Copy::of(key)).collect();
    copies.extend(ended);
    for key in batch::batches(store, route, id, id).await? {
        let found: Option<(Batch, _)> = record::read(store, &key).await?;
        let names = found.iter().flat_map(|(batch, _)| batch.outcomes.keys());
        copies.extend(names.filter_map(|name| Copy::named(name)));
    }
    copies.retain(|copy| copy.id == id);
    Ok(copies)
}

/// What our lines say of a copy in the queue, if it is there.
pub async fn held_copy(
    store: &impl Store,
    route: &RouteName,
    copy: &Copy,
) -> Result<Option<Held>, StoreError> {
    let key = Held::key(route, copy);
    // Our lines are short but for many recipients.
    for most in [limits::HELD_LINES_BYTES, limits::HELD_PREFIX_BYTES] {
        let Some(first) = store.peek(&key, most).await? else {
            return Ok(None);
        };
        match Held::read_head(&key, &first) {
            Ok(held) => return Ok(Some(held)),
            Err(error) if first.len() < most || most == limits::HELD_PREFIX_BYTES => {
                return Err(StoreError::new(StoreErrorKind::Damaged, error.to_string()));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

fn shown(held: Held) -> HeldCopy {
    HeldCopy {
        route: held.route,
        recipients: held.envelope.recipients,
        since: held.at,
        reason: held.reason,
        detail: held.detail,
        digest: held.digest.field(),
    }
}
