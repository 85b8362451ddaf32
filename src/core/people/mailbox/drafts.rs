//! What a user has not sent yet: `mailboxes/USER/drafts/NAME.json`, the newest first.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::entry::{copy_of, name};
use crate::custody::held::Copy;
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError};
use crate::limits;
use crate::mail::MessageId;
use crate::people::UserId;

/// Keeps a draft, over what was kept of it before.
pub async fn save(
    store: &impl Store,
    user: UserId,
    id: MessageId,
    draft: &impl Serialize,
) -> Result<(), StoreError> {
    let key = key(user, id);
    record::write(store, &key, draft, Condition::Always)
        .await
        .map(drop)
}

/// A draft; none where there is none.
pub async fn read<T: DeserializeOwned>(
    store: &impl Store,
    user: UserId,
    id: MessageId,
) -> Result<Option<T>, StoreError> {
    let found = record::read(store, &key(user, id)).await?;
    Ok(found.map(|(draft, _)| draft))
}

/// Removes a draft: it was sent, or thrown away.
pub async fn remove(store: &impl Store, user: UserId, id: MessageId) -> Result<(), StoreError> {
    store.delete(&key(user, id)).await
}

/// The newest drafts.
pub async fn list<T: DeserializeOwned>(
    store: &impl Store,
    user: UserId,
) -> Result<Vec<(MessageId, T)>, StoreError> {
    let prefix = prefix(user);
    let page = store.list(&prefix, None, limits::FOLDER_PAGE).await?;
    let reads = page.keys.iter().map(|key| async {
        let name = key
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(".json"));
        let id = name.and_then(copy_of).map(|copy| copy.id);
        let draft = record::read::<T>(store, key).await?;
        Ok::<_, StoreError>(id.zip(draft.map(|(draft, _)| draft)))
    });
    let drafts: Vec<_> = stream::iter(reads)
        .buffered(limits::FILING_CONCURRENCY)
        .try_collect()
        .await?;
    Ok(drafts.into_iter().flatten().collect())
}

fn prefix(user: UserId) -> String {
    format!("mailboxes/{user}/drafts/")
}

fn key(user: UserId, id: MessageId) -> String {
    format!("{}{}.json", prefix(user), name(&Copy::first(id)))
}
