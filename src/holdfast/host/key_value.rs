//! `spin:key-value`: the stores a component was given, kept in one file or in memory.

mod database;

use wasmtime::component::{Accessor, FutureReader, HasSelf, Linker, Resource, StreamReader};

use super::bindings::spin::key_value::key_value::{
    self, Error, Host, HostStore, HostStoreWithStore,
};
use super::guest::Guest;
pub use database::{Database, KeyValueBackend};

/// An open store of one instance.
pub struct Store {
    label: String,
    database: Database,
}

/// Offers the interface to the components.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    key_value::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl Host for Guest {}

impl HostStore for Guest {
    async fn drop(&mut self, store: Resource<Store>) -> wasmtime::Result<()> {
        self.resources().delete(store)?;
        Ok(())
    }
}

impl<T: Send> HostStoreWithStore<T> for HasSelf<Guest> {
    async fn open(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let guest = access.get();
            if !guest.declared.key_value_stores.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            let database = guest.key_value.clone();
            let store = Store { label, database };
            let pushed = guest.resources().push(store);
            Ok(pushed.map_err(|_| Error::StoreTableFull))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        let (database, label) = opened(accessor, &store)?;
        Ok(database.get(label, key).await.map_err(other))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (database, label) = opened(accessor, &store)?;
        Ok(database.set(label, key, value).await.map_err(other))
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        let (database, label) = opened(accessor, &store)?;
        Ok(database.delete(label, key).await.map_err(other))
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let (database, label) = opened(accessor, &store)?;
        let value = database.get(label, key).await.map_err(other);
        Ok(value.map(|value| value.is_some()))
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        store: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (database, label) = opened(accessor, &store)?;
        let (keys, outcome) = match database.keys(label).await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(other(error))),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = async move { wasmtime::error::Ok(outcome) };
            Ok((keys, FutureReader::new(&mut access, outcome)?))
        })
    }
}

fn opened<T: Send>(
    accessor: &Accessor<T, HasSelf<Guest>>,
    store: &Resource<Store>,
) -> wasmtime::Result<(Database, String)> {
    accessor.with(|mut access| {
        let store = access.get().resources().get(store)?;
        Ok((store.database.clone(), store.label.clone()))
    })
}

fn other(error: anyhow::Error) -> Error {
    Error::Other(format!("{error:#}"))
}
