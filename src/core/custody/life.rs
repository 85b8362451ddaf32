//! The life of one message, as its partner may see it.
//!
//! A message that was delivered at once leaves nothing behind but its answer; one that is held
//! lies in the queue of its route until its outcome is written.

use serde::Serialize;

use super::held::Held;
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
    /// Where it stands.
    pub outcome: Outcome,
    /// The copies that are held, one for each route.
    pub held: Vec<HeldCopy>,
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
pub async fn life<P: Ports>(ports: &P, config: &Config, partner: &Partner, id: &str) -> Result<Life, Problem> {
    let nothing = || {
        let detail = "no held message of yours has this id; one that was delivered at once leaves no record \
                      but its answer";
        Problem::new(Kind::NotFound, detail)
    };
    let id: MessageId = id.parse().map_err(|_| nothing())?;
    let mut held = Vec::new();
    for route in &config.routes {
        let copy = held_copy(ports.store(), &route.name, id).await;
        let copy = copy.map_err(|error| Problem::new(Kind::Unavailable, error.to_string()))?;
        held.extend(copy.filter(|copy| copy.partner == partner.name).map(shown));
    }
    if held.is_empty() { Err(nothing()) } else { Ok(Life { id, outcome: Outcome::Held, held }) }
}

async fn held_copy(store: &impl Store, route: &RouteName, id: MessageId) -> Result<Option<Held>, StoreError> {
    let key = Held::key(route, id);
    let Some(first) = store.peek(&key, limits::HELD_PREFIX_BYTES).await? else { return Ok(None) };
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
