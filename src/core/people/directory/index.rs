//! The indexes of a record: which there must be, and how they are brought in line with it.
//!
//! A *claim* says whose a name or an address is, and has one holder. It is made before the record
//! that says so is written, and given back after the record that says otherwise was. So a claim
//! whose holder's record does not say so is either left over or of a change that is on its way.
//! Whoever wants it then first *fences* the holder: the holder's record is written anew with its
//! `fence` counted up, or, where there is none yet, with a sign that it must not come. The holder's
//! own write has a condition, which now fails, and the claim can be taken over.
//!
//! A *mark* carries the id in its key and has no content, so that many may have the same name.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::lookup::{Entry, Found, GONE, read};
use super::{ChangeError, Owner, Summary, book, keys};
use crate::config::Config;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store, StoreError};
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::{GroupId, UserId};
use crate::ports::{Clock, Ports, jitter};

/// All indexes that a record must have, the book apart.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The claims, by their keys.
    unique: BTreeMap<String, Claim>,
    /// The keys of the marks.
    marks: BTreeSet<String>,
}

/// A claim.
#[derive(Clone, Debug)]
struct Claim {
    /// `userName` or `address`.
    what: &'static str,
    value: String,
}

impl Claims {
    /// With the claim on a userName.
    pub(super) fn name(&mut self, name: &str) {
        let claim = Claim {
            what: "userName",
            value: name.to_owned(),
        };
        self.unique.insert(keys::name(name), claim);
    }

    /// With the claim on an address.
    pub(super) fn address(&mut self, address: &EmailAddress) {
        let claim = Claim {
            what: "address",
            value: address.to_string(),
        };
        self.unique.insert(keys::address(address.as_str()), claim);
    }

    /// With a mark.
    pub(super) fn mark(&mut self, key: String) {
        self.marks.insert(key);
    }

    /// The keys of all of them.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        self.unique.keys().chain(&self.marks).cloned().collect()
    }

    /// How many objects they are.
    pub(super) fn len(&self) -> usize {
        self.unique.len() + self.marks.len()
    }
}

/// A claim's object. Nobody holds an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pointer {
    /// A name's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<UserId>,
    /// An address's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// The same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupId>,
}

impl Pointer {
    fn to(claim: &Claim, owner: Owner) -> Self {
        let mut pointer = Self::default();
        match owner {
            Owner::User(id) if claim.what == "userName" => pointer.id = Some(id),
            Owner::User(id) => pointer.user = Some(id),
            Owner::Group(id) => pointer.group = Some(id),
        }
        pointer
    }

    pub(super) fn owner(self) -> Option<Owner> {
        let user = self.id.or(self.user).map(Owner::User);
        user.or(self.group.map(Owner::Group))
    }
}

impl Entry {
    pub(super) const fn owner(&self) -> Owner {
        match self {
            Self::User(user) => Owner::User(user.id),
            Self::Group(group) => Owner::Group(group.id),
        }
    }

    pub(super) fn own_addresses(&self, config: &Config) -> Vec<EmailAddress> {
        match self {
            Self::User(user) => user.own_addresses(config),
            Self::Group(group) => group.own_addresses(config),
        }
    }

    pub(super) fn claims(&self, config: &Config) -> Claims {
        match self {
            Self::User(user) => user.claims(config),
            Self::Group(group) => group.claims(config),
        }
    }

    pub(super) fn summary(&self, config: &Config) -> Summary {
        match self {
            Self::User(user) => user.summary(config),
            Self::Group(group) => group.summary(config),
        }
    }

    fn fenced(mut self) -> Self {
        let fence = match &mut self {
            Self::User(user) => &mut user.fence,
            Self::Group(group) => &mut group.fence,
        };
        *fence = fence.wrapping_add(1);
        self
    }

    pub(super) fn bytes(&self) -> Result<Bytes, serde_json::Error> {
        let bytes = match self {
            Self::User(user) => serde_json::to_vec(user),
            Self::Group(group) => serde_json::to_vec(group),
        };
        bytes.map(Bytes::from)
    }
}

/// Makes all claims and marks of a record that is about to be written.
pub(super) async fn claim<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    claims: &Claims,
) -> Result<(), ChangeError> {
    for (key, claim) in &claims.unique {
        if !take(ports, config, owner, key, claim).await? {
            return Err(ChangeError::Taken {
                what: claim.what,
                value: claim.value.clone(),
            });
        }
    }
    for key in &claims.marks {
        mark(ports.store(), key).await?;
    }
    Ok(())
}

/// Brings the indexes of a record in line with what the record says now; `touched` are the keys
/// that changes of it may have written.
pub(super) async fn settle<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    touched: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let found = read(ports.store(), owner).await?;
    let entry = match &found {
        Found::There(entry, _) => Some(entry),
        Found::Gone | Found::Nothing => None,
    };
    let claims = entry.map(|entry| entry.claims(config)).unwrap_or_default();
    for (key, claim) in &claims.unique {
        // Somebody else's it can be only where routes changed, or where the store has no
        // conditions: then who came first keeps it.
        take(ports, config, owner, key, claim).await?;
    }
    for key in &claims.marks {
        mark(ports.store(), key).await?;
    }
    finish(ports, config, owner, entry, touched).await?;
    if matches!(found, Found::Gone) {
        ports.store().delete(&owner.record()).await?;
    }
    Ok(())
}

/// The second half: what is no longer true goes, and the book follows.
pub(super) async fn finish<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    entry: Option<&Entry>,
    touched: &BTreeSet<String>,
) -> Result<(), StoreError> {
    let keep = entry.map(|entry| entry.claims(config).keys());
    let keep = keep.unwrap_or_default();
    for key in touched.difference(&keep) {
        give_back(ports.store(), owner, key).await?;
    }
    let summary = entry.map(|entry| entry.summary(config));
    book::set(ports, owner, summary).await
}

async fn mark<S: Store>(store: &S, key: &str) -> Result<(), StoreError> {
    let nothing = [Bytes::from_static(b"{}")];
    store.put(key, &nothing, Condition::Always).await.map(drop)
}

/// Takes a claim, from nobody or from a holder that does not say so; false where it is another's.
async fn take<P: Ports>(
    ports: &P,
    config: &Config,
    owner: Owner,
    key: &str,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let store = ports.store();
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Pointer>(store, key).await?;
        let holder = match known {
            Known::Some(pointer) => pointer.owner(),
            Known::None | Known::Unreadable => None,
        };
        match holder {
            Some(holder) if holder == owner => return Ok(true),
            Some(holder) => match fence(ports, config, holder, key).await? {
                Fenced::SaysSo => return Ok(false),
                Fenced::Moved => {
                    pause(ports).await;
                    continue;
                }
                Fenced::Done => {}
            },
            None => {}
        }
        let pointer = Pointer::to(claim, owner);
        match record::write(store, key, &pointer, condition).await? {
            Put::Written(_) => return Ok(true),
            Put::Conflict => pause(ports).await,
        }
    }
    Ok(false)
}

/// What became of a holder.
enum Fenced {
    /// Its record says so: the claim is its own.
    SaysSo,
    /// Its record was written meanwhile: look again.
    Moved,
    /// A write of it that is on its way will fail.
    Done,
}

async fn fence<P: Ports>(
    ports: &P,
    config: &Config,
    holder: Owner,
    key: &str,
) -> Result<Fenced, StoreError> {
    let store = ports.store();
    let (body, condition) = match read(store, holder).await? {
        Found::There(entry, _) if entry.claims(config).unique.contains_key(key) => {
            return Ok(Fenced::SaysSo);
        }
        Found::There(entry, version) => {
            let Ok(bytes) = entry.fenced().bytes() else {
                return Ok(Fenced::SaysSo);
            };
            (bytes, Condition::Unchanged(version))
        }
        Found::Gone => return Ok(Fenced::Done),
        Found::Nothing => (Bytes::from_static(GONE), Condition::Absent),
    };
    match store.put(&holder.record(), &[body], condition).await? {
        Put::Written(_) => Ok(Fenced::Done),
        Put::Conflict => Ok(Fenced::Moved),
    }
}

/// Gives a claim back, if it is still the owner's, or removes the owner's mark.
async fn give_back<S: Store>(store: &S, owner: Owner, key: &str) -> Result<(), StoreError> {
    if !key.ends_with(".json") {
        return store.delete(key).await;
    }
    for _ in 0..limits::STATE_TRIES {
        let Some((pointer, version)) = record::read::<Pointer>(store, key).await? else {
            return Ok(());
        };
        if pointer.owner() != Some(owner) {
            return Ok(());
        }
        let free = Pointer::default();
        let condition = Condition::Unchanged(version);
        if let Put::Written(_) = record::write(store, key, &free, condition).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// Waits a little, so that two who want the same do not meet again.
pub(super) async fn pause(clock: &impl Clock) {
    let share = u32::from(jitter(clock));
    clock.sleep(limits::PEOPLE_PAUSE * share / 255).await;
}
