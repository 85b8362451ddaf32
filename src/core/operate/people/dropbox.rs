//! `GET /v1/dropbox`: held mail for recipients that nobody has, on routes that keep it
//! (`unknown_recipients = "dropbox"`). It is the one place where operators read mail, and whoever
//! opens a message is in the audit log before the message is given out.

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::route;
use crate::config::Config;
use crate::custody::record;
use crate::custody::store::{Store as _, StoreError};
use crate::limits;
use crate::operate::audit::{self, Audit};
use crate::operate::{Operator, check_reason};
use crate::people::mailbox::entry::{self, Entry, Place, copy_of};
use crate::people::reading::Party;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::{Route, RouteName};
use crate::time::Timestamp;

/// A page of the dropbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropboxPage {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The messages, route by route, newest first.
    pub messages: Vec<Dropped>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One message of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = DropboxMessage))]
pub struct Dropped {
    /// The route whose recipient nobody is.
    pub route: RouteName,
    /// Its name in the dropbox.
    pub name: String,
    /// The message's id, as the queue and the log have it.
    pub id: String,
    /// When it came in.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
    /// The author, as the message says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// The first few recipients, as the message says.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// Bytes of the whole message.
    pub bytes: u64,
    /// How many files it carries.
    pub attachments: u32,
}

/// Reads a page, of one route where one is named.
pub async fn list<P: Ports>(
    ports: &P,
    config: &Config,
    wanted: Option<&str>,
    after: Option<&str>,
) -> Result<DropboxPage, Problem> {
    let mut routes: Vec<&Route> = match wanted {
        Some(name) => vec![route(config, name)?],
        None => config.routes.iter().collect(),
    };
    let mut after = match after {
        None => None,
        Some(after) => {
            let (route, name) = after.split_once('/').ok_or_else(bad_after)?;
            let at = routes.iter().position(|known| known.name.as_str() == route);
            let copy = copy_of(name).ok_or_else(bad_after)?;
            routes.drain(..at.ok_or_else(bad_after)?);
            routes.first().map(|route| place(route).key(&copy))
        }
    };
    let (mut messages, mut next, mut left) = (Vec::new(), None, limits::OPERATOR_PAGE);
    for route in routes {
        let prefix = place(route).loose();
        let start = after.take();
        let page = ports.store().list(&prefix, start.as_deref(), left).await;
        let page = page.map_err(unreadable)?;
        let looks = page.keys.iter().map(|key| look(ports, &prefix, key));
        let looks = stream::iter(looks).buffered(limits::OPERATOR_CONCURRENCY);
        messages.extend(looks.try_collect::<Vec<_>>().await.map_err(unreadable)?);
        left = left.saturating_sub(page.keys.len());
        if let Some(last) = page.keys.last().filter(|_| page.more || left == 0) {
            let name = last.strip_prefix(&prefix).and_then(name_of);
            next = name.map(|name| format!("{}/{name}", route.name));
            break;
        }
    }
    Ok(DropboxPage {
        at: ports.now(),
        messages: messages.into_iter().flatten().collect(),
        next,
    })
}

/// One entry; none where it went meanwhile, or is none of ours.
async fn look<P: Ports>(ports: &P, prefix: &str, key: &str) -> Result<Option<Dropped>, StoreError> {
    let Some(name) = key.strip_prefix(prefix).and_then(name_of) else {
        return Ok(None);
    };
    let entry = record::read::<Entry>(ports.store(), key).await?;
    Ok(entry.map(|(entry, _)| Dropped {
        since: entry.at(),
        name: name.to_owned(),
        id: entry.copy.to_string(),
        from: entry.summary.from.as_ref().map(shown).unwrap_or_default(),
        to: entry.summary.to.iter().map(shown).collect(),
        subject: entry.summary.subject,
        bytes: entry.summary.size,
        attachments: entry.summary.attachments,
        route: entry.route,
    }))
}

/// The bytes of one message, as they were submitted. It is written down who reads it, first.
pub async fn read<P: Ports>(
    ports: &P,
    config: &Config,
    route_name: &str,
    name: &str,
    operator: &Operator,
    reason: Option<&str>,
) -> Result<Bytes, Problem> {
    let route = route(config, route_name)?;
    if let Some(reason) = reason {
        check_reason(reason)?;
    }
    let missing = || {
        let detail = format!("the dropbox of {} has no message {name:?}", route.name);
        Problem::new(Kind::NotFound, detail)
    };
    let copy = copy_of(name).ok_or_else(missing)?;
    let key = place(route).key(&copy);
    let entry = record::read::<Entry>(ports.store(), &key).await;
    let (entry, _) = entry.map_err(unreadable)?.ok_or_else(missing)?;
    let subject = format!("{}/{copy}", route.name);
    let reason = reason.unwrap_or_default();
    let audit = Audit::new(ports.now(), operator, "dropbox-read", &subject, reason);
    let written = audit::write(ports, &audit).await;
    written.map_err(|error| {
        let detail = format!("the message was not given out: {error}");
        Problem::new(Kind::Unavailable, detail)
    })?;
    let message = entry::message(ports.store(), config, &entry).await;
    message.map_err(unreadable)?.ok_or_else(missing)
}

fn place(route: &Route) -> Place {
    Place::Dropbox(route.name.clone())
}

fn name_of(file: &str) -> Option<&str> {
    file.strip_suffix(".json")
        .filter(|name| copy_of(name).is_some())
}

fn shown(party: &Party) -> String {
    match party.name.is_empty() {
        true => party.address.clone(),
        false => format!("{} <{}>", party.name, party.address),
    }
}

fn bad_after() -> Problem {
    let detail = "`after` is the `next` of the page before, unchanged";
    Problem::new(Kind::BadRequest, detail)
}

fn unreadable(error: StoreError) -> Problem {
    let detail = format!("the dropbox cannot be read: {error}");
    Problem::new(Kind::Unavailable, detail)
}
