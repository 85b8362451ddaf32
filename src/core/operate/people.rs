//! What operators do with people: who is there and who can get in, links to a first password, ended
//! sessions, the access switch, and the mail of recipients that nobody has.
//!
//! | path | what it does | chapter |
//! | --- | --- | --- |
//! | `GET /v1/people` | lists users, and who can get in now | [`list`] |
//! | `GET /v1/people/{user}` | shows one | [`show`] |
//! | `POST /v1/people/{user}/activation` | makes an activation link | [`activation`] |
//! | `POST /v1/people/{user}/revoke` | ends all sessions | [`revoke`](mod@revoke) |
//! | `GET`, `PUT /v1/access` | the access switch | [`access`] |
//! | `GET /v1/dropbox/...` | mail for nobody | [`dropbox`] |
//!
//! Nothing here shows anybody's mail but the dropbox, and whoever reads that is in the audit log.

pub mod access;
pub mod activation;
pub mod dropbox;
mod judge;
mod letter;
pub mod list;
pub mod revoke;
pub mod show;

#[cfg(test)]
mod tests;

use crate::config::Config;
use crate::custody::store::{StoreError, StoreErrorKind};
use crate::mail::EmailAddress;
use crate::people::UserId;
use crate::people::directory::{self, Owner, User};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::Route;

/// The user that an operator names: by id, userName or address.
async fn named<P: Ports>(ports: &P, config: &Config, name: &str) -> Result<User, Problem> {
    let (store, name) = (ports.store(), name.trim());
    let nobody = |detail: String| Problem::new(Kind::NotFound, detail);
    let unknown = || nobody(format!("there is no user {name:?}"));
    if let Ok(id) = name.parse::<UserId>() {
        let user = directory::user(store, id).await.map_err(unreadable)?;
        return user.ok_or_else(unknown);
    }
    let user = directory::user_by_name(store, name).await;
    if let Some(user) = user.map_err(unreadable)? {
        return Ok(user);
    }
    let address: EmailAddress = name.parse().map_err(|_| unknown())?;
    let owner = directory::owner_of(store, config, &address).await;
    match owner.map_err(unreadable)? {
        Some(Owner::User(id)) => {
            let user = directory::user(store, id).await.map_err(unreadable)?;
            user.ok_or_else(unknown)
        }
        Some(Owner::Group(id)) => Err(nobody(format!("{address} is the group {id}, not a user"))),
        None => Err(unknown()),
    }
}

/// The route of this name.
fn route<'c>(config: &'c Config, name: &str) -> Result<&'c Route, Problem> {
    let unknown = || Problem::new(Kind::NotFound, format!("there is no route {name:?}"));
    config.route(name).ok_or_else(unknown)
}

/// The route of a mailbox: that of its first address.
fn route_of<'c>(config: &'c Config, addresses: &[EmailAddress]) -> Option<&'c Route> {
    config.route_for(&addresses.first()?.domain())
}

/// What cannot be read is an error, never nobody. The words about a record that is damaged may
/// repeat a piece of it, and it may be a login's: they go nowhere.
fn unreadable(error: StoreError) -> Problem {
    let detail = match error.kind {
        StoreErrorKind::Damaged => "the people cannot be read: a record is damaged".into(),
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => {
            format!("the people cannot be read: {error}")
        }
    };
    Problem::new(Kind::Unavailable, detail)
}

fn not_done(error: StoreError) -> Problem {
    let detail = match error.kind {
        StoreErrorKind::Damaged => "it was not done: a record is damaged".into(),
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => {
            format!("it was not done: {error}")
        }
    };
    Problem::new(Kind::Unavailable, detail)
}
