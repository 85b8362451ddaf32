//! One record: by its id, by a name, by an address. An index only says where to look; the record
//! says whether it is so.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::index::Pointer;
use super::{Group, Owner, User, keys};
use crate::config::Config;
use crate::custody::record;
use crate::custody::store::{Store, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::{GroupId, UserId};

/// The user of this id.
pub async fn user<S: Store>(store: &S, id: UserId) -> Result<Option<User>, StoreError> {
    let found = user_with_version(store, id).await?;
    Ok(found.map(|(user, _)| user))
}

/// The same with the version to write against.
pub async fn user_with_version<S: Store>(
    store: &S,
    id: UserId,
) -> Result<Option<(User, Version)>, StoreError> {
    match read(store, Owner::User(id)).await? {
        Found::There(Entry::User(user), version) => Ok(Some((user, version))),
        _ => Ok(None),
    }
}

/// The group of this id.
pub async fn group<S: Store>(store: &S, id: GroupId) -> Result<Option<Group>, StoreError> {
    let found = group_with_version(store, id).await?;
    Ok(found.map(|(group, _)| group))
}

/// The same with the version to write against.
pub async fn group_with_version<S: Store>(
    store: &S,
    id: GroupId,
) -> Result<Option<(Group, Version)>, StoreError> {
    match read(store, Owner::Group(id)).await? {
        Found::There(Entry::Group(group), version) => Ok(Some((group, version))),
        _ => Ok(None),
    }
}

/// The user of this userName, whatever its case.
pub async fn user_by_name<S: Store>(store: &S, name: &str) -> Result<Option<User>, StoreError> {
    let Some(Owner::User(id)) = pointed(store, &keys::name(name)).await? else {
        return Ok(None);
    };
    let named = |user: &User| user.user_name().to_lowercase() == name.to_lowercase();
    Ok(user(store, id).await?.filter(named))
}

/// Who gets the mail of this address.
pub async fn owner_of<S: Store>(
    store: &S,
    config: &Config,
    address: &EmailAddress,
) -> Result<Option<Owner>, StoreError> {
    let Some(owner) = pointed(store, &keys::address(address.as_str())).await? else {
        return Ok(None);
    };
    let own = match read(store, owner).await? {
        Found::There(entry, _) => entry.own_addresses(config),
        _ => Vec::new(),
    };
    let wanted = address.as_str().to_lowercase();
    let says_so = own.iter().any(|own| own.as_str().to_lowercase() == wanted);
    Ok(Some(owner).filter(|_| says_so))
}

/// The users of this externalId: one, if the client does as it should.
pub async fn users_by_external_id<S: Store>(
    store: &S,
    external_id: &str,
) -> Result<Vec<UserId>, StoreError> {
    marked(store, &keys::external(external_id)).await
}

/// The groups of this externalId.
pub async fn groups_by_external_id<S: Store>(
    store: &S,
    external_id: &str,
) -> Result<Vec<GroupId>, StoreError> {
    marked(store, &keys::group_external(external_id)).await
}

/// The groups that may have this displayName, whatever its case.
pub async fn groups_by_name<S: Store>(store: &S, name: &str) -> Result<Vec<GroupId>, StoreError> {
    marked(store, &keys::group_name(name)).await
}

/// Whether nobody is known here: no user.
pub async fn is_empty<S: Store>(store: &S) -> Result<bool, StoreError> {
    let page = store.list(keys::USERS, None, 1).await?;
    Ok(page.keys.is_empty())
}

/// Whom a claim points to, as far as it says.
async fn pointed<S: Store>(store: &S, key: &str) -> Result<Option<Owner>, StoreError> {
    let pointer = record::read::<Pointer>(store, key).await?;
    Ok(pointer.and_then(|(pointer, _)| pointer.owner()))
}

async fn marked<S: Store, I: std::str::FromStr>(
    store: &S,
    prefix: &str,
) -> Result<Vec<I>, StoreError> {
    let page = store.list(prefix, None, limits::SAME_NAME).await?;
    let ids = page.keys.iter().filter_map(|key| key.strip_prefix(prefix));
    Ok(ids.filter_map(|id| id.parse().ok()).collect())
}

/// A record of either kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    User(User),
    Group(Group),
}

/// What lies where a record would.
pub(super) enum Found {
    /// The record.
    There(Entry, Version),
    /// A sign that it is gone, or must not come: see [`super::index`].
    Gone,
    /// Nothing.
    Nothing,
}

/// What stands in a record's place when it is gone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gone {
    #[serde(rename = "gone")]
    _gone: bool,
}

/// Its bytes.
pub(super) const GONE: &[u8] = br#"{"gone":true}"#;

/// Reads a record.
pub(super) async fn read<S: Store>(store: &S, owner: Owner) -> Result<Found, StoreError> {
    let key = owner.record();
    let most = match owner {
        Owner::User(_) => limits::RECORD_BYTES,
        Owner::Group(_) => limits::GROUP_BYTES,
    };
    let Some(object) = store.get(&key, most).await? else {
        return Ok(Found::Nothing);
    };
    let short = object.bytes.len() <= GONE.len();
    if short && serde_json::from_slice::<Gone>(&object.bytes).is_ok() {
        return Ok(Found::Gone);
    }
    let entry = match owner {
        Owner::User(_) => Entry::User(parse(&key, &object.bytes)?),
        Owner::Group(_) => Entry::Group(parse(&key, &object.bytes)?),
    };
    Ok(Found::There(entry, object.version))
}

fn parse<T: DeserializeOwned>(key: &str, bytes: &Bytes) -> Result<T, StoreError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, format!("{key}: {error}")))
}
