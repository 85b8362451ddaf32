//! A store in memory, for tests and the simulator: it shows what the port means.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind, Version,
};

/// Objects in a map.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: RefCell<BTreeMap<String, (Bytes, u64)>>,
    writes: RefCell<u64>,
}

impl MemoryStore {
    /// Writes so far: a healthy minute has none.
    pub fn writes(&self) -> u64 {
        *self.writes.borrow()
    }

    /// All keys.
    pub fn keys(&self) -> Vec<String> {
        self.objects.borrow().keys().cloned().collect()
    }

    fn read(&self, key: &str) -> Option<Object> {
        let objects = self.objects.borrow();
        let (bytes, version) = objects.get(key)?;
        Some(Object {
            bytes: bytes.clone(),
            version: Version(version.to_string()),
        })
    }
}

impl Store for MemoryStore {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        match self.read(key) {
            Some(object) if object.bytes.len() > most => Err(StoreError::new(
                StoreErrorKind::Damaged,
                format!("{key} is longer than {most} bytes"),
            )),
            found => Ok(found),
        }
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        Ok(self
            .read(key)
            .map(|object| object.bytes.slice(..first.min(object.bytes.len()))))
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        let current = self.read(key).map(|object| object.version);
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => current.is_none(),
            Condition::Unchanged(version) => current == Some(version),
        };
        if !holds {
            return Ok(Put::Conflict);
        }
        *self.writes.borrow_mut() += 1;
        let version = self.writes();
        self.objects
            .borrow_mut()
            .insert(key.to_owned(), (body.concat().into(), version));
        Ok(Put::Written(Version(version.to_string())))
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        if self.objects.borrow_mut().remove(key).is_some() {
            *self.writes.borrow_mut() += 1;
        }
        Ok(())
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let objects = self.objects.borrow();
        let mut keys = objects
            .range(prefix.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| after.is_none_or(|after| key.as_str() > after));
        let page = keys.by_ref().take(limit).cloned().collect();
        Ok(Page {
            keys: page,
            more: keys.next().is_some(),
        })
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(Conditional::Yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_the_port_s_word() {
        let store = MemoryStore::default();
        assert_eq!(
            futures::executor::block_on(super::super::conformance::check(&store, "t/")),
            Ok(())
        );
    }
}
