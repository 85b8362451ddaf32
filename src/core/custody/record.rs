//! Our own small objects in storage: JSON, read with the version they can be written against.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::store::{Condition, Put, Store, StoreError, StoreErrorKind, Version};
use crate::limits;

/// Reads a record; none where there is none. What we did not write is [`StoreErrorKind::Damaged`].
pub async fn read<T: DeserializeOwned>(
    store: &impl Store,
    key: &str,
) -> Result<Option<(T, Version)>, StoreError> {
    let Some(object) = store.get(key, limits::RECORD_BYTES).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&object.bytes)
        .map(|record| Some((record, object.version)))
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, format!("{key}: {error}")))
}

/// The same for a record that can be made anew: what nobody can read is as good as nothing, and is
/// written over. Gives the condition to write under.
pub async fn read_to_change<T: DeserializeOwned>(
    store: &impl Store,
    key: &str,
) -> Result<(Known<T>, Condition), StoreError> {
    match read(store, key).await {
        Ok(Some((record, version))) => Ok((Known::Some(record), Condition::Unchanged(version))),
        Ok(None) => Ok((Known::None, Condition::Absent)),
        Err(error) if error.kind == StoreErrorKind::Damaged => {
            Ok((Known::Unreadable, Condition::Always))
        }
        Err(error) => Err(error),
    }
}

/// What is known of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It is there.
    Some(T),
    /// There is none.
    None,
    /// Something is there that we did not write.
    Unreadable,
}

/// Writes a record under a condition.
pub async fn write(
    store: &impl Store,
    key: &str,
    record: &impl Serialize,
    condition: Condition,
) -> Result<Put, StoreError> {
    let body = serde_json::to_vec(record)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, format!("{key}: {error}")))?;
    store.put(key, &[Bytes::from(body)], condition).await
}
