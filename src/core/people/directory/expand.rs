//! Who is in a group: all users, through groups in groups, each once, whatever loops there are.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::lookup::{group, user};
use super::{Group, Member, Owner, book};
use crate::custody::store::{Store, StoreError};
use crate::limits;
use crate::people::{GroupId, UserId};

/// All active users that mail to `owner` is for. Members that were deleted are left out, and what
/// lies behind more than [`limits::EXPAND_GROUPS`] groups.
pub async fn expand<S: Store>(store: &S, owner: Owner) -> Result<BTreeSet<UserId>, StoreError> {
    let mut users = BTreeSet::new();
    match owner {
        Owner::User(id) => drop(users.insert(id)),
        Owner::Group(id) => {
            walk(store, id, |group| {
                users.extend(group.members().iter().filter_map(as_user));
                false
            })
            .await?;
        }
    }
    active(store, users).await
}

/// Whether a user is in a group, itself or through groups in it.
pub async fn is_member<S: Store>(
    store: &S,
    group: GroupId,
    user: UserId,
) -> Result<bool, StoreError> {
    let wanted = Member(Owner::User(user));
    walk(store, group, |group| group.members().contains(&wanted)).await
}

/// Shows each group once, level by level, until `look` has seen enough.
async fn walk<S: Store>(
    store: &S,
    first: GroupId,
    mut look: impl FnMut(&Group) -> bool,
) -> Result<bool, StoreError> {
    let mut seen = BTreeSet::from([first]);
    let mut level = vec![first];
    while !level.is_empty() {
        let reads = level.drain(..).map(|id| group(store, id));
        // Few at a time: one group's record can have megabytes.
        let reads: Vec<_> = reads.collect();
        let mut reads = stream::iter(reads).buffered(limits::GROUP_READS);
        let mut next = Vec::new();
        while let Some(group) = reads.next().await {
            let Some(group) = group? else { continue };
            if look(&group) {
                return Ok(true);
            }
            for inner in group.members().iter().filter_map(as_group) {
                if seen.len() < limits::EXPAND_GROUPS && seen.insert(inner) {
                    next.push(inner);
                }
            }
        }
        level = next;
    }
    Ok(false)
}

/// Those of the users that are active: few are read one by one, many are looked up in the book.
async fn active<S: Store>(
    store: &S,
    mut users: BTreeSet<UserId>,
) -> Result<BTreeSet<UserId>, StoreError> {
    let mut active = BTreeSet::new();
    if users.len() > limits::EXPAND_READS {
        let mut known = BTreeMap::new();
        book::each(store, |summary| {
            if let Owner::User(id) = summary.owner {
                known.insert(id, summary.active);
            }
        })
        .await?;
        users.retain(|id| match known.get(id) {
            Some(true) => {
                active.insert(*id);
                false
            }
            Some(false) => false,
            // Deleted, or so new that the book does not have it yet.
            None => true,
        });
    }
    let is_active = |id| async move {
        let user = user(store, id).await?;
        Ok::<_, StoreError>(user.filter(super::User::is_active).map(|user| user.id()))
    };
    let reads = stream::iter(users.into_iter().map(is_active));
    let read: Vec<_> = reads
        .buffer_unordered(limits::PEOPLE_READS)
        .try_collect()
        .await?;
    active.extend(read.into_iter().flatten());
    Ok(active)
}

const fn as_user(member: &Member) -> Option<UserId> {
    match member.0 {
        Owner::User(id) => Some(id),
        Owner::Group(_) => None,
    }
}

const fn as_group(member: &Member) -> Option<GroupId> {
    match member.0 {
        Owner::Group(id) => Some(id),
        Owner::User(_) => None,
    }
}
