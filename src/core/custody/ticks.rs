//! When time last passed: `ticks.json`, so that everybody can see that nobody ticks any more.
//!
//! Written at the end of a tick, and only where the record is older than [`limits::TICK_NOTED`]:
//! ticks every few seconds stay cheap.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::record;
use super::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
struct Ticked {
    at: Timestamp,
}

/// When the last tick that was written down came to its end; none where none ever did.
pub async fn last(store: &impl Store) -> Result<Option<Timestamp>, StoreError> {
    let found = record::read::<Ticked>(store, KEY).await?;
    Ok(found.map(|(ticked, _)| ticked.at))
}

/// Whether nobody ticks: the last one is longer ago than `most`, or there never was one. Who cannot read
/// it does not know, and leaves it.
pub async fn are_overdue<P: Ports>(ports: &P, most: Duration) -> bool {
    let now = ports.now();
    match last(ports.store()).await {
        Ok(Some(at)) => at > now || now.since(at) > most,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Writes down that a tick came to its end now. What cannot be written stops no tick.
pub async fn note<P: Ports>(ports: &P) {
    if let Err(error) = write(ports).await {
        let event = LogEvent::new("tick.not-noted").with("error", error.to_string());
        ports.write(event);
    }
}

async fn write<P: Ports>(ports: &P) -> Result<(), StoreError> {
    let known = match last(ports.store()).await {
        Err(error) if error.kind == StoreErrorKind::Damaged => None,
        known => known?,
    };
    let now = ports.now();
    // One that lies ahead was written by a clock that went back.
    if known.is_some_and(|at| at <= now && now.since(at) < limits::TICK_NOTED) {
        return Ok(());
    }
    let ticked = Ticked { at: now };
    record::write(ports.store(), KEY, &ticked, Condition::Always)
        .await
        .map(drop)
}

const KEY: &str = "ticks.json";
