//! The end of a message's life here: `outcomes/DAY/ID.json`, the day being that of its id.
//!
//! The outcomes of a batch lie in one object, `outcomes/DAY/ROUTE/LAST_FIRST.json`: it begins with
//! its last id, so that a listing from any id on shows the batches that may have it.
//!
//! It is written before the message goes, so that whoever finds the message afterwards (its
//! releaser died before the delete, or the write that held it came late) knows that it is over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::held::Copy;
use super::record;
use super::store::{Condition, Store, StoreError};
use crate::limits;
use crate::mail::MessageId;
use crate::routing::RouteName;
use crate::submit::answer::{Outcome, Settled};
use crate::time::Timestamp;

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ended {
    /// The message.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// Its route.
    pub route: RouteName,
    /// Who submitted it.
    pub partner: String,
    /// Since when it was held.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub held: Timestamp,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Each recipient's outcome.
    pub recipients: Vec<Settled>,
    /// Attempts that it took.
    pub attempts: u32,
    /// Whether a recipient may have it twice: a reply was lost on the way.
    pub uncertain: bool,
    /// Who dropped it and why, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// Who returned it and why, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Dropped>,
    /// The reports that told its sender, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dsn: Vec<MessageId>,
    /// Where it lies, where its sender could not be told or did not want to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<String>,
}

/// A person's word that ended a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dropped {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Ended {
    /// The object's key. A message that was split over several routes ends on each of them.
    pub fn key(copy: &Copy, split: Option<&RouteName>) -> String {
        let day = copy.id.at().day();
        match split {
            None => format!("outcomes/{day}/{copy}.json"),
            Some(route) => format!("outcomes/{day}/{copy}.{route}.json"),
        }
    }

    /// How this copy ended, if it did and its outcome is an object of its own.
    pub async fn read(
        store: &impl Store,
        copy: &Copy,
        split: Option<&RouteName>,
    ) -> Result<Option<Self>, StoreError> {
        let found = record::read(store, &Self::key(copy, split)).await?;
        Ok(found.map(|(ended, _)| ended))
    }

    /// How this copy ended in a batch of this route, if it did.
    pub async fn read_in_batch(
        store: &impl Store,
        route: &RouteName,
        copy: &Copy,
    ) -> Result<Option<Self>, StoreError> {
        let name = copy.to_string();
        for key in batches(store, route, copy.id, copy.id).await? {
            let found: Option<(Batch, _)> = record::read(store, &key).await?;
            let ended = found.and_then(|(mut batch, _)| batch.outcomes.remove(&name));
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    /// Either of the two.
    pub async fn find(
        store: &impl Store,
        route: &RouteName,
        copy: &Copy,
        split: bool,
    ) -> Result<Option<Self>, StoreError> {
        match Self::read(store, copy, split.then_some(route)).await? {
            Some(ended) => Ok(Some(ended)),
            None => Self::read_in_batch(store, route, copy).await,
        }
    }

    /// The one word for it: the best that any recipient got.
    pub fn outcome(&self) -> Outcome {
        let any = |outcome| self.recipients.iter().any(|one| one.outcome == outcome);
        [Outcome::Delivered, Outcome::Dropped, Outcome::Returned]
            .into_iter()
            .find(|outcome| any(*outcome))
            .unwrap_or(Outcome::Rejected)
    }
}

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
