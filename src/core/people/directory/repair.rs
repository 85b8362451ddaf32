//! Ends what others began: journals that an instance left open, and indexes that were made for
//! other routed domains than the configuration has now.
//!
//! Bounded and idempotent: the keeper's tick calls it, and calls again while there is more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::journal::{self, Journal};
use super::{Owner, keys};
use crate::config::Config;
use crate::custody::record::{self, Known};
use crate::custody::store::{Store as _, StoreError, StoreErrorKind};
use crate::limits;
use crate::ports::{Event, Ports};

/// What one call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Records whose indexes were brought in line.
    pub done: usize,
    /// Records whose indexes cannot be, because what is stored cannot be read; the log names them.
    pub damaged: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// How far the indexes were made for the routed domains of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Indexed {
    /// Their hash.
    domains: String,
    /// The last key that was done; none when all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// Brings in line what was left: journals older than [`limits::JOURNAL_OPEN`], then records whose
/// own addresses may have become others because routes were added or removed.
pub async fn repair<P: Ports>(ports: &P, config: &Config) -> Result<Repaired, StoreError> {
    let mut repaired = Repaired::default();
    let store = ports.store();
    let journals = store.list(keys::REPAIRS, None, limits::LIST_PAGE).await?;
    for key in &journals.keys {
        if repaired.done >= limits::REPAIRS {
            repaired.more = true;
            return Ok(repaired);
        }
        match journal::left(ports, key).await {
            Ok(Some((owner, true))) => one(ports, config, owner, &mut repaired).await?,
            Ok(_) => {}
            Err(error) if error.kind == StoreErrorKind::Damaged => {
                // It says nothing any more but whose it is: that in its name.
                for owner in owners(key) {
                    one(ports, config, owner, &mut repaired).await?;
                }
            }
            Err(error) => return Err(error),
        }
    }
    repaired.more |= journals.more && repaired.done > 0;
    routes(ports, config, &mut repaired).await?;
    Ok(repaired)
}

async fn one<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    repaired: &mut Repaired,
) -> Result<(), StoreError> {
    let settled = async {
        let journal = Journal::open(ports, owner, &BTreeSet::new()).await?;
        journal.settle(ports, config).await
    };
    match settled.await {
        Ok(()) => repaired.done += 1,
        Err(error) if error.kind == StoreErrorKind::Damaged => {
            repaired.damaged += 1;
            let event = Event::new("directory.damaged").with("id", owner.to_string());
            ports.write(event.with("reason", error.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// A user and a group of the id in the journal's name: one of them is.
fn owners(key: &str) -> Vec<Owner> {
    let id = key.strip_prefix(keys::REPAIRS);
    let Some(id) = id.and_then(|id| id.strip_suffix(".json")) else {
        return Vec::new();
    };
    let (user, group) = (id.parse().map(Owner::User), id.parse().map(Owner::Group));
    [user, group].into_iter().flatten().collect()
}

/// Goes on through all records where the routed domains have changed.
async fn routes<P: Ports>(
    ports: &P,
    config: &Config,
    repaired: &mut Repaired,
) -> Result<(), StoreError> {
    let store = ports.store();
    let (known, condition) = record::read_to_change::<Indexed>(store, keys::INDEXED).await?;
    let domains = domains(config);
    let after = match known {
        Known::Some(Indexed {
            domains: known,
            after,
        }) if known == domains => match after {
            Some(after) => after,
            None => return Ok(()),
        },
        _ => String::new(),
    };
    let mut last = after;
    let mut all = false;
    while repaired.done < limits::REPAIRS && !all {
        let (prefix, next) = match last.starts_with(keys::USERS) {
            true => (keys::USERS, None),
            false => (keys::GROUPS, Some(keys::USERS)),
        };
        let begin = (!last.is_empty()).then_some(last.as_str());
        let left = limits::REPAIRS - repaired.done;
        let page = store.list(prefix, begin, left).await?;
        for key in &page.keys {
            if let Some(owner) = owner(key) {
                one(ports, config, owner, repaired).await?;
            }
            last.clone_from(key);
        }
        if !page.more {
            match next {
                Some(next) => next.clone_into(&mut last),
                None => all = true,
            }
        }
    }
    repaired.more |= !all;
    let after = (!all).then_some(last);
    let indexed = Indexed { domains, after };
    // Who wrote it meanwhile was at the same work.
    record::write(store, keys::INDEXED, &indexed, condition)
        .await
        .map(drop)
}

fn owner(key: &str) -> Option<Owner> {
    let id = |prefix: &str| key.strip_prefix(prefix)?.strip_suffix(".json");
    let user = id(keys::USERS).and_then(|id| id.parse().ok());
    let group = id(keys::GROUPS).and_then(|id| id.parse().ok());
    user.map(Owner::User).or(group.map(Owner::Group))
}

fn domains(config: &Config) -> String {
    let domains = config.routes.iter().flat_map(|route| &route.domains);
    let domains: BTreeSet<String> = domains.map(ToString::to_string).collect();
    let text: Vec<String> = domains.into_iter().collect();
    keys::hash(&text.join("\n"))
}
