//! The life of one message, as its partner may see it.
//!
//! A message that was delivered at once leaves nothing behind but its answer; one that is held
//! lies in the queue of its route until its outcome is written.

use serde::Serialize;

use super::held::Held;
use super::release::{Ended, read_json};
use super::store::{Store, StoreError};
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
    let mut held = Vec::new();
    for route in &config.routes {
        let copy = held_copy(ports.store(), &route.name, id)
            .await
            .map_err(unavailable)?;
        held.extend(copy.filter(|copy| copy.partner == partner.name).map(shown));
    }
    // A message is either in the queue or at its end; only one of several routes can be at both.
    let mut ended: Vec<Ended> = Vec::new();
    let whole = [None]
        .into_iter()
        .chain(config.routes.iter().map(|route| Some(&route.name)));
    for split in whole {
        let found: Option<Ended> = read_json(ports.store(), &Ended::key(id, split))
            .await
            .map_err(unavailable)?;
        ended.extend(found.filter(|end| end.partner == partner.name));
        if split.is_none() && !ended.is_empty() {
            break;
        }
    }
    let delivered = |end: &Ended| {
        end.recipients
            .iter()
            .any(|one| one.outcome == Outcome::Delivered)
    };
    let outcome = match (held.is_empty(), ended.is_empty()) {
        (true, true) => return Err(nothing()),
        (false, _) => Outcome::Held,
        (true, false) if ended.iter().any(delivered) => Outcome::Delivered,
        (true, false) => Outcome::Rejected,
    };
    Ok(Life {
        id,
        outcome,
        held,
        ended,
    })
}

async fn held_copy(
    store: &impl Store,
    route: &RouteName,
    id: MessageId,
) -> Result<Option<Held>, StoreError> {
    let key = Held::key(route, id);
    let Some(first) = store.peek(&key, limits::HELD_PREFIX_BYTES).await? else {
        return Ok(None);
    };
    Held::read_head(&key, &first)
        .map(Some)
        .map_err(|error| StoreError::new(super::store::StoreErrorKind::Damaged, error.to_string()))
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
