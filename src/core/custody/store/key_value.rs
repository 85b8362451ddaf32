//! A store over a plain key-value store: what a host gives without any setting.
//!
//! Such a store lists all keys or none, has no versions and no safe "create if absent". So a
//! version is the content's hash, conditions are checked by reading first, and a listing reads
//! every key: right for trying out and for small installations, and said so in `/readyz`.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind, Version,
};

/// The host's side.
pub trait KeyValue {
    /// The value of a key.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Vec<u8>>, String>>;
    /// Sets a key; durable when it returns.
    fn set(&self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), String>>;
    /// Removes a key.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), String>>;
    /// All keys, in any order.
    fn keys(&self) -> impl Future<Output = Result<Vec<String>, String>>;
}

/// The port over it.
#[derive(Debug)]
pub struct KeyValueStore<K> {
    inner: K,
}

impl<K: KeyValue> KeyValueStore<K> {
    /// A store over `inner`.
    pub const fn new(inner: K) -> Self {
        Self { inner }
    }

    async fn read(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        Ok(self
            .inner
            .get(key)
            .await
            .map_err(unavailable)?
            .map(Bytes::from))
    }
}

impl<K: KeyValue> Store for KeyValueStore<K> {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        let Some(bytes) = self.read(key).await? else {
            return Ok(None);
        };
        if bytes.len() > most {
            return Err(StoreError::new(
                StoreErrorKind::Damaged,
                format!("{key} is longer than {most} bytes"),
            ));
        }
        let version = version(std::slice::from_ref(&bytes));
        Ok(Some(Object { bytes, version }))
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        Ok(self
            .read(key)
            .await?
            .map(|bytes| bytes.slice(..first.min(bytes.len()))))
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        let current = match condition {
            Condition::Always => None,
            _ => self.read(key).await?.map(|bytes| version(&[bytes])),
        };
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => current.is_none(),
            Condition::Unchanged(expected) => current == Some(expected),
        };
        if !holds {
            return Ok(Put::Conflict);
        }
        self.inner
            .set(key, &body.concat())
            .await
            .map_err(unavailable)?;
        Ok(Put::Written(version(body)))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await.map_err(unavailable)
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let mut keys = self.inner.keys().await.map_err(unavailable)?;
        keys.retain(|key| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        keys.sort_unstable();
        let more = keys.len() > limit;
        keys.truncate(limit);
        Ok(Page { keys, more })
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(Conditional::No)
    }
}

fn unavailable(detail: String) -> StoreError {
    StoreError::new(
        StoreErrorKind::Unavailable,
        format!("key-value store: {detail}"),
    )
}

fn version(body: &[Bytes]) -> Version {
    let mut hash = Sha256::new();
    body.iter().for_each(|piece| hash.update(piece));
    Version(
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::HashMap;

    #[derive(Default)]
    struct Map(RefCell<HashMap<String, Vec<u8>>>);

    impl KeyValue for Map {
        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
            Ok(self.0.borrow().get(key).cloned())
        }
        async fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
            self.0.borrow_mut().insert(key.into(), value.into());
            Ok(())
        }
        async fn delete(&self, key: &str) -> Result<(), String> {
            self.0.borrow_mut().remove(key);
            Ok(())
        }
        async fn keys(&self) -> Result<Vec<String>, String> {
            Ok(self.0.borrow().keys().cloned().collect())
        }
    }

    #[test]
    fn a_key_value_store_keeps_the_port_s_word() {
        let store = KeyValueStore::new(Map::default());
        assert_eq!(
            futures::executor::block_on(super::super::conformance::check(&store, "t/")),
            Ok(())
        );
    }
}
