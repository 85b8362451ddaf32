//! What ticks do for people: what was left in the outbox goes on its way, what a death left half done
//! in the directory is mended, and mail is filed.

use serde::Serialize;

use super::directory;
use super::mailbox::filing::{self, Filed};
use super::mailbox::sending;
use crate::config::Config;
use crate::custody::store::{Store as _, StoreError};
use crate::ports::Ports;
use crate::time::Timestamp;

/// What a tick did for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upkept {
    /// Messages that were filed, or whose entries went.
    pub filed: Filed,
    /// Messages of the outbox that were sent on.
    pub sent: u32,
    /// Users and groups whose indexes were mended.
    pub repaired: u32,
    /// Why something of it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Does it, one after the other; what fails keeps nothing else from being done. Where nothing was ever
/// kept for people, it costs one request; the outbox lies there too, so that what was sent goes on its
/// way when nobody is left in the directory.
pub async fn keep<P: Ports>(ports: &P, config: &Config, deadline: Timestamp) -> Upkept {
    let mut upkept = Upkept::default();
    match ports.store().list(PEOPLE, None, 1).await {
        Ok(any) if any.keys.is_empty() => return upkept,
        Ok(_) => {}
        Err(error) => {
            upkept.error = Some(error.to_string());
            return upkept;
        }
    }
    let mut note = |error: StoreError| {
        upkept.error.get_or_insert(error.to_string());
    };
    let sent = sending::finish(ports, config, deadline).await;
    let sent = sent.map_err(&mut note).unwrap_or_default();
    let repaired = directory::repair(ports, config).await;
    let repaired = repaired.map_err(&mut note).unwrap_or_default().done;
    let filed = filing::file(ports, config, deadline).await;
    let filed = filed.map_err(&mut note).unwrap_or_default();
    Upkept {
        filed,
        sent,
        repaired: u32::try_from(repaired).unwrap_or(u32::MAX),
        ..upkept
    }
}

/// Where everything lies that is kept for people, but their mailboxes.
const PEOPLE: &str = "people/";
