//! The storage port: keys, bytes, versions, conditions. Every promise rests on `put`.
//!
//! A `put` that returned `Written` is durable. One that returned an error may or may not have
//! happened: callers name objects so that doing it again is harmless. Conditional writes keep
//! writers apart where the store has them; where it has none, every promise still holds and the
//! worst is a duplicate.

pub mod conformance;
pub mod key_value;
pub mod memory;
pub mod s3;

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _};

use crate::limits;
use crate::ports::{Clock, within};

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its version, to write against.
    pub version: Version,
}

/// A version of an object: an entity tag (RFC 9110, 8.8.3), opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub String);

/// When a write may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Only if nothing is there.
    Absent,
    /// Only if this version is there.
    Unchanged(Version),
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is durable, as this version.
    Written(Version),
    /// The condition did not hold; nothing was written.
    Conflict,
}

/// One page of a listing, in the order of keys.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Page {
    /// The keys.
    pub keys: Vec<String>,
    /// Whether more follow the last of them.
    pub more: bool,
}

/// Whether conditional writes hold in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditional {
    /// Nobody asked yet.
    Unknown,
    /// They hold.
    Yes,
    /// They do not; conditions are checked by reading first, which two writers can pass at once.
    No,
}

/// Why the storage did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("storage: {detail}")]
pub struct StoreError {
    /// What kind.
    pub kind: StoreErrorKind,
    /// In words; no credentials, no signed URL.
    pub detail: String,
}

/// Kinds of storage trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// Not reached, or it cannot serve now: trying again may help.
    Unavailable,
    /// Our credentials, bucket or grants are wrong: an operator must mend it.
    Denied,
    /// What came back cannot be what we stored.
    Damaged,
}

impl StoreError {
    /// An error of this kind.
    pub fn new(kind: StoreErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }
}

/// What a step that needs the storage gives, unless time is up first. A write that was cut off may
/// have happened.
pub async fn in_time<T, E: From<StoreError>>(
    clock: &impl Clock,
    time: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let late = || {
        let detail = format!("no answer within {} ms", time.as_millis());
        Err(StoreError::new(StoreErrorKind::Unavailable, detail).into())
    };
    within(clock, time, step).await.unwrap_or_else(late)
}

/// Removes objects one by one, several at a time.
async fn one_by_one<S: Store + ?Sized>(store: &S, keys: &[String]) -> Result<(), StoreError> {
    let deletes = stream::iter(keys).map(|key| store.delete(key));
    let mut deletes = deletes.buffer_unordered(limits::DELETES_AT_ONCE);
    while let Some(deleted) = deletes.next().await {
        deleted?;
    }
    Ok(())
}

/// Storage for objects.
pub trait Store {
    /// Reads an object of at most `most` bytes; none when there is none.
    fn get(
        &self,
        key: &str,
        most: usize,
    ) -> impl Future<Output = Result<Option<Object>, StoreError>>;

    /// Reads an object's first bytes, `first` at most.
    fn peek(
        &self,
        key: &str,
        first: usize,
    ) -> impl Future<Output = Result<Option<Bytes>, StoreError>>;

    /// Writes an object whole.
    fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> impl Future<Output = Result<Put, StoreError>>;

    /// Removes an object; removing what is not there is no error.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), StoreError>>;

    /// Removes objects, in one request where the store can. After an error some may be gone.
    fn delete_all(&self, keys: &[String]) -> impl Future<Output = Result<(), StoreError>> {
        one_by_one(self, keys)
    }

    /// The keys that begin with `prefix` and sort behind `after`, at most `limit`.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, StoreError>>;

    /// Whether conditional writes hold; asks the store where that is not known.
    fn conditional(&self) -> impl Future<Output = Result<Conditional, StoreError>>;
}
