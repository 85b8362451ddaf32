//! One releaser for each route: `leases/ROUTE.json`, taken, renewed, given back.
//!
//! A lease that is not renewed runs out, so a releaser that died blocks nobody for long. Where the
//! store has no conditional writes two releasers can hold it at once for a moment; then a message
//! may be released twice, and that is the worst.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record::{self, Known};
use super::store::{Condition, Put, StoreError, Version};
use crate::limits;
use crate::ports::{Ports, nonce};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// The object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    holder: String,
    until: Timestamp,
}

/// A lease that we hold.
#[derive(Debug)]
pub struct Lease {
    key: String,
    holder: String,
    version: Version,
    until: Timestamp,
}

/// Takes the route's lease; none when somebody else holds it.
pub async fn take<P: Ports>(ports: &P, route: &RouteName) -> Result<Option<Lease>, StoreError> {
    let key = format!("leases/{route}.json");
    let (known, condition) = record::read_to_change::<Held>(ports.store(), &key).await?;
    let now = ports.now();
    // One that reaches further than any lease was written by a clock that went back.
    if let Known::Some(held) = known
        && now < held.until
        && held.until <= now.after(limits::LEASE)
    {
        return Ok(None);
    }
    let until = now.after(limits::LEASE);
    write(ports, key, nonce(ports), until, condition).await
}

impl Lease {
    /// Renews it where that is due; false when it was lost, and the work must stop.
    pub async fn keep<P: Ports>(&mut self, ports: &P) -> Result<bool, StoreError> {
        let now = ports.now();
        let left = self.until.since(now);
        if now < self.until && left > limits::LEASE / 2 {
            return Ok(true);
        }
        let condition = Condition::Unchanged(self.version.clone());
        let until = now.after(limits::LEASE);
        let renewed = write(
            ports,
            self.key.clone(),
            self.holder.clone(),
            until,
            condition,
        )
        .await?;
        let kept = renewed.is_some();
        if let Some(renewed) = renewed {
            *self = renewed;
        }
        Ok(kept)
    }

    /// Gives it back, so that the next tick need not wait.
    pub async fn give_back<P: Ports>(self, ports: &P) -> Result<(), StoreError> {
        let condition = Condition::Unchanged(self.version);
        write(ports, self.key, self.holder, ports.now(), condition)
            .await
            .map(drop)
    }

    /// How long it still holds.
    pub fn left(&self, now: Timestamp) -> Duration {
        self.until.since(now)
    }
}

async fn write<P: Ports>(
    ports: &P,
    key: String,
    holder: String,
    until: Timestamp,
    condition: Condition,
) -> Result<Option<Lease>, StoreError> {
    let held = Held { holder, until };
    match record::write(ports.store(), &key, &held, condition).await? {
        Put::Written(version) => Ok(Some(Lease {
            key,
            holder: held.holder,
            version,
            until,
        })),
        Put::Conflict => Ok(None),
    }
}
