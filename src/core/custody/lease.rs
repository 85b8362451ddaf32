//! One releaser for each route: `leases/ROUTE.json`, taken, renewed, given back.
//!
//! A lease that is not renewed runs out, so a releaser that died blocks nobody for long. Where the
//! store has no conditional writes two releasers can hold it at once for a moment; then a message
//! may be released twice, and that is the worst.
//!
//! While a backlog is released the lease also names the messages that its holder is at: one write
//! claims a whole [`batch`](super::batch). What it names stays named until it is settled, by the
//! holder or by whoever takes the lease after it, and nobody else touches it so long.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::held::Copy;
use super::record::{self, Known};
use super::store::{Condition, Put, Store, StoreError, Version};
use crate::limits;
use crate::ports::{Ports, nonce};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// The object's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    holder: String,
    until: Timestamp,
    /// The messages that the holder is at without a record of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    batch: Vec<String>,
}

impl Held {
    /// One that reaches further than any lease was written by a clock that went back.
    fn is_live(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now.after(limits::LEASE)
    }
}

/// A lease that we hold.
#[derive(Debug)]
pub struct Lease {
    key: String,
    version: Version,
    held: Held,
}

/// Takes the route's lease; none when somebody else holds it.
pub async fn take<P: Ports>(ports: &P, route: &RouteName) -> Result<Option<Lease>, StoreError> {
    let key = key(route);
    let (known, condition) = record::read_to_change::<Held>(ports.store(), &key).await?;
    let now = ports.now();
    let batch = match known {
        Known::Some(held) if held.is_live(now) => return Ok(None),
        Known::Some(held) => held.batch,
        Known::None | Known::Unreadable => Vec::new(),
    };
    let held = Held {
        holder: nonce(ports),
        until: now.after(limits::LEASE),
        batch,
    };
    let put = record::write(ports.store(), &key, &held, condition).await?;
    Ok(match put {
        Put::Written(version) => Some(Lease { key, version, held }),
        Put::Conflict => None,
    })
}

/// Whether a releaser other than `holder` is at this message, or died while it was and nobody has settled
/// that yet. Who holds the lease asks too: somebody whose clock is another's may have taken it meanwhile.
pub async fn names<P: Ports>(
    ports: &P,
    route: &RouteName,
    copy: &Copy,
    holder: Option<&str>,
) -> Result<bool, StoreError> {
    let known = record::read_to_change::<Held>(ports.store(), &key(route)).await?;
    Ok(match known {
        (Known::Some(held), _) if Some(held.holder.as_str()) == holder => false,
        (Known::Some(held), _) => held.batch.contains(&copy.to_string()),
        (Known::None | Known::Unreadable, _) => false,
    })
}

/// Whether a releaser died and left a batch that nobody has settled yet.
pub async fn is_abandoned<P: Ports>(ports: &P, route: &RouteName) -> Result<bool, StoreError> {
    let known = record::read_to_change::<Held>(ports.store(), &key(route)).await?;
    Ok(match known {
        (Known::Some(held), _) => !held.batch.is_empty() && !held.is_live(ports.now()),
        (Known::None | Known::Unreadable, _) => false,
    })
}

impl Lease {
    /// Who holds it: we, this time.
    pub fn holder(&self) -> &str {
        &self.held.holder
    }

    /// What an earlier holder was at when it died. It stays named until [`Lease::settled`].
    pub fn abandoned(&self) -> Vec<Copy> {
        let copies = self.held.batch.iter();
        copies.filter_map(|name| Copy::named(name)).collect()
    }

    /// These need to be named no longer; the next write of the lease says so.
    pub fn settled(&mut self, copies: impl IntoIterator<Item = Copy>) {
        let settled: BTreeSet<String> = copies.into_iter().map(|copy| copy.to_string()).collect();
        self.held.batch.retain(|name| !settled.contains(name));
    }

    /// Names the messages that we are at from now on; false when the lease was lost.
    pub async fn name<P: Ports>(&mut self, ports: &P, batch: &[Copy]) -> Result<bool, StoreError> {
        self.held.batch = batch.iter().map(ToString::to_string).collect();
        self.renew(ports).await
    }

    /// Renews it where that is due; false when it was lost, and the work must stop.
    pub async fn keep<P: Ports>(&mut self, ports: &P) -> Result<bool, StoreError> {
        let now = ports.now();
        let left = self.held.until.since(now);
        if now < self.held.until && left > limits::ATTEMPT {
            return Ok(true);
        }
        self.renew(ports).await
    }

    async fn renew<P: Ports>(&mut self, ports: &P) -> Result<bool, StoreError> {
        self.held.until = ports.now().after(limits::LEASE);
        self.write(ports.store()).await
    }

    /// Gives it back, so that the next tick need not wait.
    pub async fn give_back<P: Ports>(mut self, ports: &P) -> Result<(), StoreError> {
        self.held.until = ports.now();
        self.write(ports.store()).await.map(drop)
    }

    async fn write(&mut self, store: &impl Store) -> Result<bool, StoreError> {
        let condition = Condition::Unchanged(self.version.clone());
        Ok(
            match record::write(store, &self.key, &self.held, condition).await? {
                Put::Written(version) => {
                    self.version = version;
                    true
                }
                Put::Conflict => false,
            },
        )
    }
}

fn key(route: &RouteName) -> String {
    format!("leases/{route}.json")
}
