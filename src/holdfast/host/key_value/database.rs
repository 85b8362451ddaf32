//! The store behind `spin:key-value`: one redb table, keyed by store label and key.
//!
//! A write is on the disk when it returns (redb's default durability), as with Spin's SQLite file.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use redb::backends::InMemoryBackend;
use redb::{ReadableDatabase, TableDefinition};

/// Where the key-value stores are kept.
#[derive(Debug, Clone)]
pub enum KeyValueBackend {
    /// Gone when the host stops.
    Memory,
    /// In this file; it is created, with its folder, if it is not there.
    File(PathBuf),
}

/// The stores of an application.
#[derive(Clone)]
pub struct Database(Arc<redb::Database>);

impl Database {
    pub fn open(backend: &KeyValueBackend) -> Result<Self> {
        let database = match backend {
            KeyValueBackend::Memory => {
                redb::Database::builder().create_with_backend(InMemoryBackend::new())?
            }
            KeyValueBackend::File(path) => create(path).with_context(|| {
                let path = path.display();
                format!("the key-value file {path} cannot be opened; is another host using it?")
            })?,
        };
        let begun = database.begin_write()?;
        begun.open_table(ENTRIES)?;
        begun.commit()?;
        Ok(Self(Arc::new(database)))
    }

    pub async fn get(&self, label: String, key: String) -> Result<Option<Vec<u8>>> {
        self.run(move |database| {
            let entries = database.begin_read()?.open_table(ENTRIES)?;
            let value = entries.get((label.as_str(), key.as_str()))?;
            Ok(value.map(|value| value.value().to_vec()))
        })
        .await
    }

    pub async fn set(&self, label: String, key: String, value: Vec<u8>) -> Result<()> {
        self.run(move |database| {
            let change = database.begin_write()?;
            let id = (label.as_str(), key.as_str());
            change.open_table(ENTRIES)?.insert(id, value.as_slice())?;
            Ok(change.commit()?)
        })
        .await
    }

    pub async fn delete(&self, label: String, key: String) -> Result<()> {
        self.run(move |database| {
            let change = database.begin_write()?;
            change
                .open_table(ENTRIES)?
                .remove((label.as_str(), key.as_str()))?;
            Ok(change.commit()?)
        })
        .await
    }

    pub async fn keys(&self, label: String) -> Result<Vec<String>> {
        self.run(move |database| {
            let entries = database.begin_read()?.open_table(ENTRIES)?;
            let mut keys = Vec::new();
            for entry in entries.range((label.as_str(), "")..)? {
                let (id, _) = entry?;
                match id.value() {
                    (of, key) if of == label => keys.push(key.to_owned()),
                    _ => break,
                }
            }
            Ok(keys)
        })
        .await
    }

    /// The disk must not hold up the other requests of this thread.
    async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&redb::Database) -> Result<R> + Send + 'static,
    ) -> Result<R> {
        let database = self.0.clone();
        tokio::task::spawn_blocking(move || work(&database)).await?
    }
}

fn create(path: &PathBuf) -> Result<redb::Database> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(redb::Database::create(path)?)
}

const ENTRIES: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("key_value");
