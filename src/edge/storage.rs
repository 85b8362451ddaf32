//! The configured store: a bucket, or the host's key-value store where none is configured.

use bytes::Bytes;
use holdfast_core::custody::store::key_value::KeyValueStore;
use holdfast_core::custody::store::s3::{S3Settings, S3Store};
use holdfast_core::custody::store::{Condition, Conditional, Object, Page, Put, Store, StoreError};

use crate::key_value::HostKeyValue;
use crate::world::World;

/// Where objects are kept.
pub enum Storage {
    /// In a bucket.
    S3(Box<S3Store<World>>),
    /// In the host's key-value store.
    KeyValue(KeyValueStore<HostKeyValue>),
}

impl Storage {
    /// The store that the settings name; an empty URL is the host's own.
    pub fn new(settings: &S3Settings) -> Result<Self, String> {
        if settings.url.is_empty() {
            return Ok(Self::KeyValue(KeyValueStore::new(HostKeyValue)));
        }
        S3Store::new(settings, World).map(|store| Self::S3(Box::new(store)))
    }

    /// Its kind, for `/readyz`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::S3(_) => "s3",
            Self::KeyValue(_) => "key-value",
        }
    }
}

impl Store for Storage {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        match self {
            Self::S3(store) => store.get(key, most).await,
            Self::KeyValue(store) => store.get(key, most).await,
        }
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::S3(store) => store.peek(key, first).await,
            Self::KeyValue(store) => store.peek(key, first).await,
        }
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        match self {
            Self::S3(store) => store.put(key, body, condition).await,
            Self::KeyValue(store) => store.put(key, body, condition).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self {
            Self::S3(store) => store.delete(key).await,
            Self::KeyValue(store) => store.delete(key).await,
        }
    }

    async fn delete_all(&self, keys: &[String]) -> Result<(), StoreError> {
        match self {
            Self::S3(store) => store.delete_all(keys).await,
            Self::KeyValue(store) => store.delete_all(keys).await,
        }
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        match self {
            Self::S3(store) => store.list(prefix, after, limit).await,
            Self::KeyValue(store) => store.list(prefix, after, limit).await,
        }
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        match self {
            Self::S3(store) => store.conditional().await,
            Self::KeyValue(store) => store.conditional().await,
        }
    }
}
