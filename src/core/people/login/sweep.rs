//! What logins leave behind: links that are over, sessions that would have ended by now, failures
//! nobody remembers. Removed a page at a time, long after they stopped to matter, so that a clock that
//! is wrong for an hour removes nothing that matters.

use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde::Deserialize;

use super::{activation, session, set_up, throttle};
use crate::custody::record;
use crate::custody::store::{Store as _, StoreError, StoreErrorKind};
use crate::limits;
use crate::ports::Ports;
use crate::time::Timestamp;

/// What a sweep came to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Swept {
    /// Objects that were removed.
    pub removed: usize,
    /// Give it to the next sweep; none at the end.
    pub next: Option<String>,
}

/// Looks at the next [`limits::LOGIN_SWEEP`] leftovers behind `after` and removes what is long over, and
/// what cannot be read.
pub async fn sweep<P: Ports>(ports: &P, after: Option<&str>) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    let mut look = limits::LOGIN_SWEEP;
    for (prefix, kept) in LEFT {
        if after.is_some_and(|after| after > prefix && !after.starts_with(prefix)) {
            continue;
        }
        let after = after.filter(|after| after.starts_with(prefix));
        let page = ports.store().list(prefix, after, look).await?;
        let judged = page.keys.iter().map(|key| is_over(ports, key, kept));
        let judged: Vec<_> = stream::iter(judged)
            .buffered(limits::OPERATOR_CONCURRENCY)
            .collect()
            .await;
        let mut over = Vec::new();
        for (key, judged) in page.keys.iter().zip(judged) {
            if judged? {
                over.push(key.clone());
            }
        }
        if !over.is_empty() {
            ports.store().delete_all(&over).await?;
        }
        swept.removed += over.len();
        look = look.saturating_sub(page.keys.len());
        if page.more || look == 0 {
            swept.next = page.keys.last().cloned();
            return Ok(swept);
        }
    }
    Ok(swept)
}

#[derive(Deserialize)]
struct Expires {
    expires: Timestamp,
}

async fn is_over<P: Ports>(ports: &P, key: &str, kept: Duration) -> Result<bool, StoreError> {
    match record::read::<Expires>(ports.store(), key).await {
        Ok(found) => Ok(found.is_some_and(|(record, _)| record.expires.after(kept) < ports.now())),
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(true),
        Err(error) => Err(error),
    }
}

/// Where leftovers are, in the order of keys, and how long they stay once they are over.
const LEFT: [(&str, Duration); 4] = [
    (activation::ACTIVATIONS, limits::ACTIVATION_LONGEST),
    (set_up::CHOSEN, Duration::ZERO),
    (session::REVOKED, Duration::from_secs(2 * 86_400)),
    (throttle::THROTTLE, Duration::ZERO),
];
