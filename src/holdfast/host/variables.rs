//! `spin:variables`: a component reads the variables that its own table in the manifest maps.

use wasmtime::component::{Accessor, HasSelf, Linker};

use super::bindings::spin::variables::variables::{self, Error, Host, HostWithStore};
use super::guest::Guest;
use crate::manifest::check_variable_name;

/// Offers the interface to the components.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    variables::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl Host for Guest {}

impl<T: Send> HostWithStore<T> for HasSelf<Guest> {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        if let Err(error) = check_variable_name(&name) {
            return Ok(Err(Error::InvalidName(error.to_string())));
        }
        let declared = accessor.with(|mut access| access.get().declared.clone());
        Ok(declared
            .variables
            .get(&name)
            .cloned()
            .ok_or_else(|| Error::Undefined(format!("no variable for {:?}.{name:?}", declared.id))))
    }
}
