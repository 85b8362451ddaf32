//! Holding a message: one object, one PUT. When it returns, the message is durable.

use super::Message;
use crate::custody::held::{Digest, Held};
use crate::custody::store::{Condition, Store, StoreError, in_time};
use crate::limits;
use crate::mail::{EmailAddress, Envelope};
use crate::ports::Ports;
use crate::routing::Route;
use crate::routing::decide::Hold;

/// Stores the message for this envelope, some of whose recipients are `uncertain`; gives the digest it was stored with.
///
/// The name is the message's own, so that doing it again after a lost answer writes the same
/// object, and a repeat under the same key does too.
pub async fn hold<P: Ports>(
    ports: &P,
    route: &Route,
    message: &Message<'_>,
    envelope: Envelope,
    uncertain: Vec<EmailAddress>,
    why: &Hold,
) -> Result<Digest, StoreError> {
    let digest = message.digest.unwrap_or_else(|| Digest::of(&message.bytes));
    let held = Held {
        id: message.id,
        route: route.name.clone(),
        envelope,
        uncertain,
        split: message.split,
        partner: message.partner.name.clone(),
        at: ports.now(),
        reason: why.reason,
        detail: why.detail.clone(),
        digest,
        trace: message.trace.cloned(),
    };
    let key = Held::key(&route.name, &message.copy());
    let object = held.object(&message.bytes);
    let putting = ports.store().put(&key, &object, Condition::Always);
    in_time(ports, message.left(ports, limits::RECEIPT_STEP), putting).await?;
    Ok(digest)
}
