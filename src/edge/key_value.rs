//! The host's embedded key-value store, as Spin gives it; a host without one says so.

use holdfast_core::custody::store::key_value::KeyValue;

/// The host's default store.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostKeyValue;

#[cfg(feature = "spin")]
mod spin {
    use super::{HostKeyValue, KeyValue};
    use spin_sdk::key_value::{Error, Store};

    impl KeyValue for HostKeyValue {
        async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
            open().await?.get(key).await.map_err(said)
        }

        async fn set(&self, key: &str, value: &[u8]) -> Result<(), String> {
            open().await?.set(key, value).await.map_err(said)
        }

        async fn delete(&self, key: &str) -> Result<(), String> {
            open().await?.delete(key).await.map_err(said)
        }

        async fn keys(&self) -> Result<Vec<String>, String> {
            open().await?.get_keys().await.collect().await.map_err(said)
        }
    }

    async fn open() -> Result<Store, String> {
        Store::open_default().await.map_err(said)
    }

    fn said(error: Error) -> String {
        match error {
            Error::AccessDenied => "the manifest does not grant it (key_value_stores)".into(),
            Error::NoSuchStore => "the host has no store named default".into(),
            Error::StoreTableFull => "too many stores are open".into(),
            Error::Other(detail) => detail,
        }
    }
}

#[cfg(not(feature = "spin"))]
impl KeyValue for HostKeyValue {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, String> {
        Err(NONE.into())
    }

    async fn set(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err(NONE.into())
    }

    async fn delete(&self, _: &str) -> Result<(), String> {
        Err(NONE.into())
    }

    async fn keys(&self) -> Result<Vec<String>, String> {
        Err(NONE.into())
    }
}

#[cfg(not(feature = "spin"))]
const NONE: &str = "this host has none; set HOLDFAST_STORAGE_URL";
