//! The life of one message, as its partner may see it.
//!
//! A message that was delivered at once leaves nothing behind but its answer; one that is held
//! lies in the queue of its route until its outcome is written.

use serde::Serialize;

use super::held::{Copy, Held};
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
    // The queue is read before the outcomes, because that is the way a message goes.
    let copies = || (1..=limits::LIFE_TRIES).map(|attempt| Copy { id, attempt });
    let mut held = Vec::new();
    for (route, copy) in config
        .routes
        .iter()
        .flat_map(|route| copies().map(move |copy| (route, copy)))
    {
        let found = held_copy(ports.store(), &route.name, &copy)
            .await
            .map_err(unavailable)?;
        held.extend(found.filter(|held| held.partner == partner.name).map(shown));
    }
    let splits = || {
        [None]
            .into_iter()
            .chain(config.routes.iter().map(|route| Some(&route.name)))
    };
    let mut ended: Vec<Ended> = Vec::new();
    for (split, copy) in splits().flat_map(|split| copies().map(move |copy| (split, copy))) {
        let found = match split {
            None => Ended::read(ports.store(), &copy, None).await,
            Some(route) => Ended::find(ports.store(), route, &copy, true).await,
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
