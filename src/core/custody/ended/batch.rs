//! The outcomes of a batch: one object for many messages that were delivered together,
//! `outcomes/DAY/ROUTE/LAST_FIRST.json`. Its name begins with its last id, so that a listing from
//! any id on shows the batches that may have it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Ended;
use crate::custody::held::Copy;
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError};
use crate::limits;
use crate::mail::MessageId;
use crate::routing::RouteName;

/// The outcomes of a batch, by the names of the copies. All of one day.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Batch {
    /// How each ended.
    pub outcomes: BTreeMap<String, Ended>,
}

impl Batch {
    /// Writes it.
    pub async fn write(&self, store: &impl Store, route: &RouteName) -> Result<(), StoreError> {
        let ids = self.outcomes.values().map(|ended| ended.id);
        let Some((first, last)) = ids.clone().min().zip(ids.max()) else {
            return Ok(());
        };
        let key = format!("{}{last}_{first}.json", batch_prefix(route, last));
        record::write(store, &key, self, Condition::Always).await?;
        Ok(())
    }
}

/// The batches that may have outcomes of ids from `first` to `last`, which are of one day.
pub async fn batches(
    store: &impl Store,
    route: &RouteName,
    first: MessageId,
    last: MessageId,
) -> Result<Vec<String>, StoreError> {
    let prefix = batch_prefix(route, first);
    let after = format!("{prefix}{first}");
    let page = store.list(&prefix, Some(&after), limits::LIST_PAGE).await?;
    let begins = |key: &String| -> Option<MessageId> {
        let name = key.strip_prefix(&prefix)?.strip_suffix(".json")?;
        name.split_once('_')?.1.parse().ok()
    };
    let may = |key: &String| begins(key).is_some_and(|begin| begin <= last);
    Ok(page.keys.into_iter().filter(may).collect())
}

/// The copies with ids from `first` to `last`, which are of one day, that have an outcome of their
/// own, and the id at which the listing ended, if it ended before `last`.
pub async fn known(
    store: &impl Store,
    first: MessageId,
    last: MessageId,
) -> Result<(BTreeSet<Copy>, Option<MessageId>), StoreError> {
    let prefix = format!("outcomes/{}/", first.at().day());
    let after = format!("{prefix}{first}");
    let page = store.list(&prefix, Some(&after), limits::LIST_PAGE).await?;
    let copies = page
        .keys
        .iter()
        .filter_map(|key| copy_of(key.strip_prefix(&prefix)?));
    let copies: BTreeSet<Copy> = copies.collect();
    let end = copies.last().map(|copy| copy.id);
    Ok((copies, end.filter(|end| page.more && *end <= last)))
}

/// `ID.json`, `ID.2.json`, `ID.ROUTE.json`, `ID.2.ROUTE.json`.
fn copy_of(name: &str) -> Option<Copy> {
    let name = name.strip_suffix(".json")?;
    Copy::named(name).or_else(|| Copy::named(name.rsplit_once('.')?.0))
}

fn batch_prefix(route: &RouteName, id: MessageId) -> String {
    format!("outcomes/{}/{route}/", id.at().day())
}
