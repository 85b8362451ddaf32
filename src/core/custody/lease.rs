//! One releaser for each route: `leases/ROUTE.json`, taken, renewed, given back.
//!
//! A lease that is not renewed runs out, so a releaser that died blocks nobody for long. Where the
//! store has no conditional writes two releasers can hold it at once for a moment; then a message
//! may be released twice, and that is the worst.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::store::{Condition, Put, Store, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::ports::Ports;
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
    let found = ports.store().get(&key, limits::RECORD_BYTES).await?;
    let now = ports.now();
    let condition = match found {
        None => Condition::Absent,
        Some(object) => {
            let held: Option<Held> = serde_json::from_slice(&object.bytes).ok();
            // One that reaches further than any lease was written by a clock that went back.
            let longest = now.after(limits::LEASE);
            if held.is_some_and(|held| now < held.until && held.until <= longest) {
                return Ok(None);
            }
            Condition::Unchanged(object.version)
        }
    };
    let mut random = [0; 16];
    ports.random(&mut random);
    let holder: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    write(ports, key, holder, now.after(limits::LEASE), condition).await
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
    let body = serde_json::to_vec(&held)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, error.to_string()))?;
    match ports.store().put(&key, &[body.into()], condition).await? {
        Put::Written(version) => Ok(Some(Lease {
            key,
            holder: held.holder,
            version,
            until,
        })),
        Put::Conflict => Ok(None),
    }
}
