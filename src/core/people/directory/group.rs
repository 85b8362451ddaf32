//! A group: its name, its members, and the addresses it is a distribution list of.
//!
//! Members are kept beside the attributes and as short as can be: a list of 50,000 of them is 2 MiB
//! of storage and of an instance's memory, where the same as JSON objects would be forty.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::index::Claims;
use super::user::{distinct, text};
use super::{Attributes, Owner, Summary, keys};
use crate::config::Config;
use crate::mail::EmailAddress;
use crate::people::GroupId;
use crate::people::id::NotAnId;
use crate::time::Timestamp;

/// A group's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub(super) id: GroupId,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// Counted up to make another's conditional write fail (see [`super::index`]).
    #[serde(default)]
    pub(super) fence: u64,
    pub(super) attributes: Attributes,
    #[serde(default)]
    pub(super) members: Vec<Member>,
}

/// Who is in a group: a user, or all of another group. Written `u:ID` and `g:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Member(pub Owner);

impl Group {
    /// The group's id.
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// When it came to be.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When it was last changed.
    pub const fn modified(&self) -> Timestamp {
        self.modified
    }

    /// All attributes that are kept, without the members.
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Its displayName.
    pub fn name(&self) -> &str {
        text(&self.attributes, "displayName").unwrap_or_default()
    }

    /// The name the provisioning client knows the group by.
    pub fn external_id(&self) -> Option<&str> {
        text(&self.attributes, "externalId")
    }

    /// Who is in it, itself; some may have been deleted since.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Its own addresses: the displayName where it is one, and those of our extension, in domains
    /// that have a route.
    pub fn own_addresses(&self, config: &Config) -> Vec<EmailAddress> {
        let extension = self.attributes.get(EXTENSION);
        let listed = extension.and_then(|extension| extension.get("addresses")?.as_str());
        let listed = listed.unwrap_or_default().split([' ', ',', ';']);
        let all = listed.chain([self.name()]);
        let addresses = all.filter_map(|text| text.trim().parse::<EmailAddress>().ok());
        distinct(addresses.filter(|address| config.route_for(&address.domain()).is_some()))
    }

    pub(super) fn claims(&self, config: &Config) -> Claims {
        let mut claims = Claims::default();
        for address in self.own_addresses(config) {
            claims.address(&address);
        }
        claims.mark(format!("{}{}", keys::group_name(self.name()), self.id));
        if let Some(external) = self.external_id() {
            claims.mark(format!("{}{}", keys::group_external(external), self.id));
        }
        claims
    }

    pub(super) fn summary(&self, config: &Config) -> Summary {
        Summary {
            owner: Owner::Group(self.id),
            user_name: String::new(),
            name: self.name().to_owned(),
            addresses: self.own_addresses(config),
            active: true,
            external_id: self.external_id().map(str::to_owned),
            modified: self.modified,
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Owner::User(id) => write!(f, "u:{id}"),
            Owner::Group(id) => write!(f, "g:{id}"),
        }
    }
}

impl FromStr for Member {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match text.split_once(':') {
            Some(("u", id)) => id.parse().map(|id| Self(Owner::User(id))),
            Some(("g", id)) => id.parse().map(|id| Self(Owner::Group(id))),
            _ => Err(NotAnId),
        }
    }
}

impl TryFrom<String> for Member {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<Member> for String {
    fn from(member: Member) -> Self {
        member.to_string()
    }
}

/// The schema of our own attributes of groups.
pub const EXTENSION: &str = "urn:ietf:params:scim:schemas:extension:holdfast:2.0:Group";
