//! Create, replace and delete. One write of one record is the change; before it come the journal
//! and the claims, after it the rest of the indexes.
//!
//! A change that answers with [`ChangeError::Store`] may have happened. All others have not.

use std::collections::BTreeSet;

use super::journal::Journal;
use super::lookup::{Entry, Found, GONE, read};
use super::{Attributes, Group, Member, Owner, User, index};
use crate::config::Config;
use crate::custody::store::{Condition, Put, Store as _, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::people::{GroupId, UserId};
use crate::ports::{Event, Ports};
use bytes::Bytes;

/// Why there is no change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The storage failed, or was too slow; it may have happened. 503.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name or an address that another has. 409 `uniqueness`.
    #[error("the {what} {value} is another's")]
    Taken {
        /// `userName` or `address`.
        what: &'static str,
        /// Which.
        value: String,
    },
    /// Somebody else changed the record meanwhile: read it anew. 412.
    #[error("it was changed by another meanwhile")]
    Changed,
    /// There is no such record. 404.
    #[error("it does not exist")]
    Missing,
    /// The record cannot be so. 400 `invalidValue`.
    #[error("{0}")]
    Invalid(String),
}

/// Makes a user of these attributes, which are canonical (see
/// [`canonical`](crate::people::scim::canonical)).
pub async fn create_user<P: Ports>(
    ports: &P,
    config: &Config,
    attributes: Attributes,
) -> Result<(User, Version), ChangeError> {
    let now = ports.now();
    let user = User {
        id: UserId::new(ports),
        created: now,
        modified: now,
        fence: 0,
        attributes,
    };
    let entry = Entry::User(user.clone());
    let version = commit(ports, config, None, &entry, Condition::Absent).await?;
    Ok((user, version))
}

/// Makes a group of these attributes and members.
pub async fn create_group<P: Ports>(
    ports: &P,
    config: &Config,
    attributes: Attributes,
    members: Vec<Member>,
) -> Result<(Group, Version), ChangeError> {
    let now = ports.now();
    let group = Group {
        id: GroupId::new(ports),
        created: now,
        modified: now,
        fence: 0,
        attributes,
        members: unique(members),
    };
    let entry = Entry::Group(group.clone());
    let version = commit(ports, config, None, &entry, Condition::Absent).await?;
    Ok((group, version))
}

/// Gives a user, as it was read in this version, these attributes instead of its own.
pub async fn replace_user<P: Ports>(
    ports: &P,
    config: &Config,
    known: &User,
    version: Version,
    attributes: Attributes,
) -> Result<(User, Version), ChangeError> {
    let user = User {
        attributes,
        modified: ports.now(),
        ..known.clone()
    };
    let (before, after) = (Entry::User(known.clone()), Entry::User(user.clone()));
    let condition = Condition::Unchanged(version);
    let version = commit(ports, config, Some(&before), &after, condition).await?;
    Ok((user, version))
}

/// Gives a group, as it was read in this version, these attributes and members instead of its own.
pub async fn replace_group<P: Ports>(
    ports: &P,
    config: &Config,
    known: &Group,
    version: Version,
    attributes: Attributes,
    members: Vec<Member>,
) -> Result<(Group, Version), ChangeError> {
    let group = Group {
        id: known.id,
        created: known.created,
        modified: ports.now(),
        fence: known.fence,
        attributes,
        members: unique(members),
    };
    let keys = known.claims(config).keys();
    let after = Entry::Group(group);
    let condition = Condition::Unchanged(version);
    let version = commit_over(ports, config, keys, &after, condition).await?;
    match after {
        Entry::Group(group) => Ok((group, version)),
        Entry::User(_) => Err(ChangeError::Missing),
    }
}

/// Deletes a user; in this version only, where one is given.
pub async fn delete_user<P: Ports>(
    ports: &P,
    config: &Config,
    id: UserId,
    version: Option<Version>,
) -> Result<(), ChangeError> {
    delete(ports, config, Owner::User(id), version).await
}

/// Deletes a group; in this version only, where one is given. Groups that it is in keep its id,
/// which nobody will ever have again.
pub async fn delete_group<P: Ports>(
    ports: &P,
    config: &Config,
    id: GroupId,
    version: Option<Version>,
) -> Result<(), ChangeError> {
    delete(ports, config, Owner::Group(id), version).await
}

async fn commit<P: Ports>(
    ports: &P,
    config: &Config,
    before: Option<&Entry>,
    after: &Entry,
    condition: Condition,
) -> Result<Version, ChangeError> {
    let keys = before.map(|before| before.claims(config).keys());
    commit_over(ports, config, keys.unwrap_or_default(), after, condition).await
}

/// Writes a record whose indexes have been `before`.
async fn commit_over<P: Ports>(
    ports: &P,
    config: &Config,
    before: BTreeSet<String>,
    after: &Entry,
    condition: Condition,
) -> Result<Version, ChangeError> {
    let body = checked(config, after)?;
    let owner = after.owner();
    let claims = after.claims(config);
    let began = ports.now();
    let mut keys = before;
    keys.extend(claims.keys());
    let journal = Journal::open(ports, owner, &keys).await?;
    let written = async {
        index::claim(ports, config, owner, &claims).await?;
        // What took so long may have been repaired already, and its claims taken over.
        if ports.now().since(began) > limits::PEOPLE_CHANGE {
            let detail = "the storage is too slow for a change of the directory";
            return Err(StoreError::new(StoreErrorKind::Unavailable, detail).into());
        }
        match ports
            .store()
            .put(&owner.record(), &[body], condition)
            .await?
        {
            Put::Written(version) => Ok(version),
            Put::Conflict => Err(ChangeError::Changed),
        }
    };
    let written: Result<Version, ChangeError> = written.await;
    match written {
        Ok(version) => {
            let rest = line_up(ports, config, journal, after).await;
            noted(ports, owner, rest);
            Ok(version)
        }
        Err(ChangeError::Store(error)) => Err(error.into()),
        Err(error) => {
            // The claims that it made go back; where that fails, `repair` does it.
            noted(ports, owner, journal.settle(ports, config).await);
            Err(error)
        }
    }
}

/// After the record was written: what it had before goes, and the book follows.
async fn line_up<P: Ports>(
    ports: &P,
    config: &Config,
    journal: Journal,
    after: &Entry,
) -> Result<(), StoreError> {
    let (owner, keys) = (after.owner(), journal.keys.clone());
    index::finish(ports, config, owner, Some(after), &keys).await?;
    if journal.close(ports).await? {
        return Ok(());
    }
    let journal = Journal::open(ports, owner, &keys).await?;
    journal.settle(ports, config).await
}

/// The change is made; that its indexes are not in line yet is for `repair`, and for the log.
fn noted<P: Ports>(ports: &P, owner: Owner, rest: Result<(), StoreError>) {
    if let Err(error) = rest {
        let event = Event::new("directory.index_left").with("id", owner.to_string());
        ports.write(event.with("reason", error.to_string()));
    }
}

async fn delete<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    wanted: Option<Version>,
) -> Result<(), ChangeError> {
    for _ in 0..limits::STATE_TRIES {
        let Found::There(entry, version) = read(ports.store(), owner).await? else {
            return Err(ChangeError::Missing);
        };
        if wanted.as_ref().is_some_and(|wanted| *wanted != version) {
            return Err(ChangeError::Changed);
        }
        let journal = Journal::open(ports, owner, &entry.claims(config).keys()).await?;
        let gone = [Bytes::from_static(GONE)];
        let condition = Condition::Unchanged(version);
        let put = ports.store().put(&owner.record(), &gone, condition).await?;
        noted(ports, owner, journal.settle(ports, config).await);
        if let Put::Written(_) = put {
            return Ok(());
        }
    }
    Err(ChangeError::Changed)
}

/// The record's bytes, if it can be kept.
fn checked(config: &Config, entry: &Entry) -> Result<Bytes, ChangeError> {
    let (name, what, most) = match entry {
        Entry::User(user) => (user.user_name(), "userName", limits::RECORD_BYTES),
        Entry::Group(group) => (group.name(), "displayName", limits::GROUP_BYTES),
    };
    if name.is_empty() {
        return Err(ChangeError::Invalid(format!("{what} is required")));
    }
    if entry.claims(config).len() > limits::PERSON_NAMES {
        let detail = format!(
            "it has more than {} names and addresses",
            limits::PERSON_NAMES
        );
        return Err(ChangeError::Invalid(detail));
    }
    if let Entry::Group(group) = entry
        && group.members().len() > limits::GROUP_MEMBERS
    {
        let detail = format!("a group has {} members at most", limits::GROUP_MEMBERS);
        return Err(ChangeError::Invalid(detail));
    }
    let bytes = entry.bytes();
    let bytes = bytes.map_err(|error| ChangeError::Invalid(error.to_string()))?;
    if bytes.len() > most {
        let detail = format!("it takes more than {most} bytes");
        return Err(ChangeError::Invalid(detail));
    }
    Ok(bytes)
}

/// Each member once, in their order.
fn unique(members: Vec<Member>) -> Vec<Member> {
    let mut seen = BTreeSet::new();
    members
        .into_iter()
        .filter(|member| seen.insert(*member))
        .collect()
}
