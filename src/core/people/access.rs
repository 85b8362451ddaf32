//! The access switch: who may be in the webmail, and when: `people/access.json`.
//!
//! It is a switch of its own, as failover is. `always` lets somebody in at any time, `outage` only while
//! the primary of their route is out (the default: otherwise the webmail would be a second way into the
//! company's mail that nobody watches), `off` never. What is said about a user stands above what is
//! said about the user's groups, that above what is said about the route, that above the configuration.
//!
//! **Several groups.** `off` in one of them wins; else `always` in one of them wins; else `outage`. An
//! `off` is an order to keep people out (leavers, contractors, a stolen list), and who gave it relies on
//! it whatever other lists these people are on: the explicit denial that stands above grants in
//! directories and clouds alike. `always` and `outage` are grants, and grants add up: who is on one list
//! that may come in does not lose that by being on another. To let in one member of a group that is
//! `off`, an entry for that user says so by name.
//!
//! **When it cannot be known whether there is an outage**, who may be in during one is let in: locking
//! everybody out in what may be the outage that this is for is the worse mistake, and the answer says
//! that it was not known. That is about the health only. Where `people/access.json` itself cannot be
//! read nothing is decided, because an `off` may stand in it.

pub mod order;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::custody::record;
use crate::custody::store::{Condition, StoreError, StoreErrorKind};
use crate::people::{GroupId, UserId};
use crate::ports::Ports;
use crate::routing::RouteName;
use crate::time::Timestamp;

pub use order::{AccessAnswer, AccessOrder, Ordered, Scope, order};

/// When somebody may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Access {
    /// At any time.
    Always,
    /// While the primary of the route is out, or may be.
    #[default]
    Outage,
    /// Never.
    Off,
}

/// An operator's word on a route, a group or a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Entry {
    /// When they may be in.
    pub mode: Access,
    /// What the group or the user was called when this was said, for people who read it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// When it ends by itself: from then on it counts as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
}

/// The switch as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Switch {
    version: u32,
    /// What is said about routes, by their names.
    #[serde(default)]
    pub routes: BTreeMap<String, Entry>,
    /// What is said about groups.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Entry>))]
    pub groups: BTreeMap<GroupId, Entry>,
    /// What is said about users.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Entry>))]
    pub users: BTreeMap<UserId, Entry>,
}

/// What decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Decider {
    /// The entry of the user.
    User,
    /// The entry of this group.
    Group {
        /// The group.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        id: GroupId,
    },
    /// The entry of the route.
    Route,
    /// The configuration.
    Default,
}

/// Why somebody may be in, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Why {
    /// They may at any time.
    Always,
    /// There is an outage.
    Outage,
    /// Whether there is an outage cannot be known, so they may.
    OutageUnknown,
    /// There is no outage.
    NoOutage,
    /// They are kept out.
    Off,
}

/// Whether somebody may be in now, and why so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessDecision {
    /// Whether.
    pub allowed: bool,
    /// Why.
    pub why: Why,
    /// What decided.
    pub by: Decider,
}

/// Somebody to decide about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// The user.
    pub user: UserId,
    /// The user's groups, at least those among [`Switch::groups_named`].
    pub groups: &'s [GroupId],
    /// The route of the user's mailbox.
    pub route: &'s RouteName,
    /// What the configuration says for that route.
    pub default: Access,
}

/// Decides whether somebody may be in at this moment. `is_outage`: whether the route's primary is out;
/// none where that cannot be known.
pub fn decide(
    switch: &Switch,
    subject: &Subject<'_>,
    is_outage: Option<bool>,
    now: Timestamp,
) -> AccessDecision {
    let (mode, by) = mode(switch, subject, now);
    let (allowed, why) = match (mode, is_outage) {
        (Access::Always, _) => (true, Why::Always),
        (Access::Outage, Some(true)) => (true, Why::Outage),
        (Access::Outage, None) => (true, Why::OutageUnknown),
        (Access::Outage, Some(false)) => (false, Why::NoOutage),
        (Access::Off, _) => (false, Why::Off),
    };
    AccessDecision { allowed, why, by }
}

/// What is said about somebody, and where: the user before the groups, the route, the configuration.
pub fn mode(switch: &Switch, subject: &Subject<'_>, now: Timestamp) -> (Access, Decider) {
    let live = |entry: &&Entry| entry.is_live(now);
    if let Some(entry) = switch.users.get(&subject.user).filter(live) {
        return (entry.mode, Decider::User);
    }
    let of_groups = subject.groups.iter().filter_map(|group| {
        let entry = switch.groups.get(group).filter(live)?;
        Some((entry.mode, Decider::Group { id: *group }))
    });
    if let Some(strongest) = of_groups.max_by_key(|(mode, _)| strength(*mode)) {
        return strongest;
    }
    match switch.routes.get(subject.route.as_str()).filter(live) {
        Some(entry) => (entry.mode, Decider::Route),
        None => (subject.default, Decider::Default),
    }
}

/// Among several groups the strongest word counts.
fn strength(mode: Access) -> u8 {
    match mode {
        Access::Off => 2,
        Access::Always => 1,
        Access::Outage => 0,
    }
}

impl Entry {
    /// Whether it counts at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

impl Default for Switch {
    fn default() -> Self {
        Self {
            version: VERSION,
            routes: BTreeMap::new(),
            groups: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }
}

impl Switch {
    /// The groups that something is said about: those to look for a user in.
    pub fn groups_named(&self, now: Timestamp) -> impl Iterator<Item = GroupId> {
        let named = self.groups.iter();
        named
            .filter(move |(_, entry)| entry.is_live(now))
            .map(|(group, _)| *group)
    }
}

/// Reads the switch; where nothing was ever said, nothing is said. What cannot be read is an error.
pub async fn read<P: Ports>(ports: &P) -> Result<Switch, StoreError> {
    read_to_change(ports).await.map(|(switch, _)| switch)
}

async fn read_to_change<P: Ports>(ports: &P) -> Result<(Switch, Condition), StoreError> {
    match record::read::<Switch>(ports.store(), KEY).await? {
        None => Ok((Switch::default(), Condition::Absent)),
        Some((switch, version)) if switch.version == VERSION => {
            Ok((switch, Condition::Unchanged(version)))
        }
        Some((switch, _)) => {
            let detail = format!(
                "{KEY} is of version {}, which is not known here",
                switch.version
            );
            Err(StoreError::new(StoreErrorKind::Damaged, detail))
        }
    }
}

const KEY: &str = "people/access.json";
const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
