//! Object keys of the directory, and whom a key speaks of.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::people::{GroupId, UserId};

/// A user or a group: who owns an address, or is a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
}

impl Owner {
    /// The key of its record.
    pub fn record(self) -> String {
        match self {
            Self::User(id) => format!("{USERS}{id}.json"),
            Self::Group(id) => format!("{GROUPS}{id}.json"),
        }
    }

    /// The key of the journal of its changes.
    pub fn journal(self) -> String {
        format!("{REPAIRS}{self}.json")
    }

    /// The shard of the book that has its summary.
    pub fn shard(self) -> String {
        let id = self.to_string();
        let last = id.get(id.len().saturating_sub(2)..).unwrap_or("00");
        format!("{BOOK}{last}.json")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Group(id) => id.fmt(f),
        }
    }
}

/// The claim on a userName, which has no case (RFC 7643, 4.1.1).
pub fn name(user_name: &str) -> String {
    format!("people/names/{}.json", hash(&user_name.to_lowercase()))
}

/// The claim on an address. Local parts have a case by RFC 5321 and by nobody's practice: two users
/// whose addresses differ in case only would get each other's mail.
pub fn address(address: &str) -> String {
    format!("people/addresses/{}.json", hash(&address.to_lowercase()))
}

/// Where the marks of all users with this externalId lie; it has a case.
pub fn external(external_id: &str) -> String {
    format!("people/external/{}/", hash(external_id))
}

/// The same for groups.
pub fn group_external(external_id: &str) -> String {
    format!("people/group-external/{}/", hash(external_id))
}

/// Where the marks of all groups with this displayName lie, whatever its case.
pub fn group_name(name: &str) -> String {
    format!("people/group-names/{}/", hash(&name.to_lowercase()))
}

/// SHA-256 in hex.
pub fn hash(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where users' records lie.
pub const USERS: &str = "people/users/";
/// Where groups' records lie.
pub const GROUPS: &str = "people/groups/";
/// Where the journals lie.
pub const REPAIRS: &str = "people/repairs/";
/// Where the book's shards lie.
pub const BOOK: &str = "people/book/";
/// For which routed domains the indexes were made.
pub const INDEXED: &str = "people/indexed.json";
