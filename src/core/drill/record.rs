//! Where drills and their results lie, and reading the results back.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::Drill;
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::MessageId;
use crate::ports::Ports;
use crate::routing::RouteName;

/// Where a route's drills keep what they hold: no queue's prefix begins so.
pub fn prefix(route: &RouteName) -> String {
    format!("drills/{route}/")
}

/// Writes a result.
pub async fn write<P: Ports>(ports: &P, drill: &Drill) -> Result<(), StoreError> {
    let key = format!("{RESULTS}{}/{}.json", drill.id.at().day(), drill.id);
    record::write(ports.store(), &key, drill, Condition::Always)
        .await
        .map(drop)
}

/// A page of results, oldest first, and the key to go on behind.
pub async fn list<P: Ports>(
    ports: &P,
    after: Option<&str>,
) -> Result<(Vec<Drill>, Option<String>), StoreError> {
    let after = after.map(|after| format!("{RESULTS}{after}.json"));
    let store = ports.store();
    let page = store.list(RESULTS, after.as_deref(), limits::OPERATOR_PAGE);
    let page = page.await?;
    let reads = page.keys.iter().filter(|key| is_result(key));
    let reads = reads.map(|key| async move {
        match record::read::<Drill>(store, key).await {
            // What we did not write is no result.
            Err(error) if error.kind == StoreErrorKind::Damaged => Ok(None),
            found => found,
        }
    });
    let drills: Vec<_> = stream::iter(reads)
        .buffered(limits::OPERATOR_CONCURRENCY)
        .try_collect()
        .await?;
    let drills = drills.into_iter().flatten().map(|(drill, _)| drill);
    let next = page.keys.last().filter(|_| page.more);
    let next = next.and_then(|key| key.strip_prefix(RESULTS)?.strip_suffix(".json"));
    Ok((drills.collect(), next.map(str::to_owned)))
}

/// `DAY/ID.json`: a route may be called `results` too.
fn is_result(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let id = name.strip_suffix(".json").map(str::parse::<MessageId>);
    id.is_some_and(|id| id.is_ok())
}

const RESULTS: &str = "drills/results/";
