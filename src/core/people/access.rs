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

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::custody::record;
use crate::custody::store::{Condition, Put, StoreError, StoreErrorKind};
use crate::limits;
use crate::operate::audit::{self, Audit};
use crate::operate::{Operator, check_reason};
use crate::people::{GroupId, UserId};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::RouteName;
use crate::time::Timestamp;

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
#[serde(rename_all = "lowercase", tag = "kind", content = "id")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Decider {
    /// The entry of the user.
    User,
    /// The entry of this group.
    Group(#[cfg_attr(feature = "openapi", schema(value_type = String))] GroupId),
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
        Some((entry.mode, Decider::Group(*group)))
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

    fn entries(&self) -> usize {
        self.routes.len() + self.groups.len() + self.users.len()
    }

    /// What is over is as absent, so it goes with the next write.
    fn drop_expired(&mut self, now: Timestamp) {
        self.routes.retain(|_, entry| entry.is_live(now));
        self.groups.retain(|_, entry| entry.is_live(now));
        self.users.retain(|_, entry| entry.is_live(now));
    }

    fn set(&mut self, scope: &Scope, entry: Option<Entry>) {
        match (scope, entry) {
            (Scope::Route { name }, Some(entry)) => drop(self.routes.insert(name.clone(), entry)),
            (Scope::Route { name }, None) => drop(self.routes.remove(name)),
            (Scope::Group { id, .. }, Some(entry)) => drop(self.groups.insert(*id, entry)),
            (Scope::Group { id, .. }, None) => drop(self.groups.remove(id)),
            (Scope::User { id, .. }, Some(entry)) => drop(self.users.insert(*id, entry)),
            (Scope::User { id, .. }, None) => drop(self.users.remove(id)),
        }
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

/// What an order is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Everybody whose mailbox is on this route.
    Route {
        /// The route.
        name: String,
    },
    /// Everybody in this group.
    Group {
        /// The group.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        id: GroupId,
        /// What it is called, for people who read the list.
        #[serde(default)]
        name: String,
    },
    /// One user.
    User {
        /// The user.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        id: UserId,
        /// What the user is called.
        #[serde(default)]
        name: String,
    },
}

/// What an operator can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Ordered {
    /// They may be in at any time.
    Always,
    /// They may be in during an outage.
    Outage,
    /// They may not be in.
    Off,
    /// What was said is taken back.
    Default,
}

/// An order as an operator sends it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessOrder {
    /// About whom.
    pub scope: Scope,
    /// What.
    pub mode: Ordered,
    /// Why; it stands in the switch and in the audit log.
    pub reason: String,
    /// When it ends by itself; absent = when it is taken back.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
}

/// What an order came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessAnswer {
    /// About whom.
    pub scope: Scope,
    /// What now stands; absent where it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The users it is about, as the directory counts them.
    pub affected: u64,
}

/// Gives an order about a route, a group or a user that exist (the caller knows, for it counts the users
/// that are `affected`). It is written down who gave it before it stands.
pub async fn order<P: Ports>(
    ports: &P,
    operator: &Operator,
    order: AccessOrder,
    affected: u64,
) -> Result<AccessAnswer, Problem> {
    let now = ports.now();
    check_reason(&order.reason)?;
    let scope = checked(order.scope)?;
    if order.expires.is_some_and(|end| end <= now) {
        return Err(Problem::new(Kind::BadRequest, "`expires` is over already"));
    }
    let entry = entry(
        &scope,
        order.mode,
        &order.reason,
        order.expires,
        operator,
        now,
    );
    // What cannot be written is refused before anything is said in the audit log.
    let (mut switch, _) = read_to_change(ports).await.map_err(no_order)?;
    change(&mut switch, &scope, entry.clone(), now)?;
    let facts = json!({ "mode": order.mode, "expires": order.expires, "affected": affected });
    let subject = scope.subject();
    let audit = Audit::new(now, operator, "access", &subject, &order.reason).with(facts);
    audit::write(ports, &audit).await.map_err(no_order)?;
    for _ in 0..limits::STATE_TRIES {
        let (mut switch, condition) = read_to_change(ports).await.map_err(no_order)?;
        change(&mut switch, &scope, entry.clone(), now)?;
        let put = record::write(ports.store(), KEY, &switch, condition).await;
        if let Put::Written(_) = put.map_err(no_order)? {
            return Ok(AccessAnswer {
                scope,
                entry,
                affected,
            });
        }
    }
    let detail = "the order does not stand: others change the access switch all the time";
    Err(Problem::new(Kind::Conflict, detail))
}

/// The entry that is to stand; none where what was said is taken back.
fn entry(
    scope: &Scope,
    mode: Ordered,
    reason: &str,
    expires: Option<Timestamp>,
    operator: &Operator,
    at: Timestamp,
) -> Option<Entry> {
    let mode = match mode {
        Ordered::Always => Access::Always,
        Ordered::Outage => Access::Outage,
        Ordered::Off => Access::Off,
        Ordered::Default => return None,
    };
    let name = match scope {
        Scope::Route { .. } => String::new(),
        Scope::Group { name, .. } | Scope::User { name, .. } => name.clone(),
    };
    Some(Entry {
        mode,
        name,
        reason: reason.to_owned(),
        by: operator.name.clone(),
        at,
        expires,
    })
}

/// Puts the entry in its place, within the limits.
fn change(
    switch: &mut Switch,
    scope: &Scope,
    entry: Option<Entry>,
    now: Timestamp,
) -> Result<(), Problem> {
    switch.drop_expired(now);
    switch.set(scope, entry);
    let entries = switch.entries();
    let bytes = serde_json::to_vec(switch).map_or(usize::MAX, |json| json.len());
    if entries > limits::ACCESS_ENTRIES || bytes > limits::RECORD_BYTES {
        let most = limits::ACCESS_ENTRIES;
        let detail = format!(
            "the access switch holds at most {most} entries and {} bytes; say it about a group or a \
             route, or take something back",
            limits::RECORD_BYTES
        );
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    Ok(())
}

impl Scope {
    /// As the audit log names it.
    fn subject(&self) -> String {
        match self {
            Self::Route { name } => format!("route/{name}"),
            Self::Group { id, .. } => format!("group/{id}"),
            Self::User { id, .. } => format!("user/{id}"),
        }
    }
}

fn checked(scope: Scope) -> Result<Scope, Problem> {
    let clean = |name: String| {
        let shown = name.chars().filter(|c| !c.is_control());
        shown.take(limits::ACCESS_NAME_CHARS).collect()
    };
    Ok(match scope {
        Scope::Route { name } => {
            let detail = |error| Problem::new(Kind::BadRequest, format!("`scope.name`: {error}"));
            let name = RouteName::parse(&name).map_err(detail)?.to_string();
            Scope::Route { name }
        }
        Scope::Group { id, name } => Scope::Group {
            id,
            name: clean(name),
        },
        Scope::User { id, name } => Scope::User {
            id,
            name: clean(name),
        },
    })
}

fn no_order(error: StoreError) -> Problem {
    let detail = match error.kind {
        StoreErrorKind::Damaged => {
            format!("the order does not stand: {error}; mend {KEY}, or remove it to begin anew")
        }
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => {
            format!("the order does not stand: {error}")
        }
    };
    Problem::new(Kind::Unavailable, detail)
}

const KEY: &str = "people/access.json";
const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
