//! `GET` and `PUT /v1/access`: the access switch, with the users that each word is about.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{named, route, route_of, unreadable};
use crate::config::Config;
use crate::custody::store::{Store, StoreError};
use crate::operate::Operator;
use crate::people::access::{self, Access, AccessAnswer, AccessOrder, Entry, Scope};
use crate::people::directory::{self, Owner, book};
use crate::people::{GroupId, UserId};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// The switch as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessReport {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// All routes.
    pub routes: Vec<RouteAccess>,
    /// Groups that something is said about.
    pub groups: Vec<GroupAccess>,
    /// Users that something is said about.
    pub users: Vec<UserAccess>,
}

/// A route in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteAccess {
    /// The route.
    pub route: RouteName,
    /// What the configuration says.
    pub default: Access,
    /// What is said instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Active users whose first address is on it.
    pub affected: u64,
}

/// A group in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupAccess {
    /// The group.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: GroupId,
    /// What is said.
    pub entry: Entry,
    /// Active users in it, through groups in groups.
    pub affected: u64,
}

/// A user in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAccess {
    /// The user.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// What is said.
    pub entry: Entry,
}

/// Reads the switch. What is over is as absent.
pub async fn report<P: Ports>(ports: &P, config: &Config) -> Result<AccessReport, Problem> {
    let now = ports.now();
    let switch = access::read(ports).await.map_err(unreadable)?;
    let counts = by_route(ports.store(), config).await.map_err(unreadable)?;
    let routes = config.routes.iter().map(|route| {
        let entry = switch.routes.get(route.name.as_str());
        RouteAccess {
            route: route.name.clone(),
            default: route.access,
            entry: entry.filter(|entry| entry.is_live(now)).cloned(),
            affected: counts.get(route.name.as_str()).copied().unwrap_or(0),
        }
    });
    let mut groups = Vec::new();
    for (id, entry) in &switch.groups {
        if entry.is_live(now) {
            let (id, entry) = (*id, entry.clone());
            let affected = in_group(ports.store(), id).await.map_err(unreadable)?;
            groups.push(GroupAccess {
                id,
                entry,
                affected,
            });
        }
    }
    let users = switch.users.iter().filter(|(_, entry)| entry.is_live(now));
    Ok(AccessReport {
        at: now,
        routes: routes.collect(),
        groups,
        users: users
            .map(|(id, entry)| UserAccess {
                id: *id,
                entry: entry.clone(),
            })
            .collect(),
    })
}

/// Gives an order about a route, a group or a user that exists, and says how many users it is about.
pub async fn order<P: Ports>(
    ports: &P,
    config: &Config,
    operator: &Operator,
    order: AccessOrder,
) -> Result<AccessAnswer, Problem> {
    let (scope, affected) = known(ports, config, order.scope).await?;
    access::order(ports, operator, AccessOrder { scope, ..order }, affected).await
}

/// The scope with the name that the directory has for it, and the users in it.
async fn known<P: Ports>(
    ports: &P,
    config: &Config,
    scope: Scope,
) -> Result<(Scope, u64), Problem> {
    let store = ports.store();
    match scope {
        Scope::Route { name } => {
            let name = route(config, &name)?.name.to_string();
            let counts = by_route(store, config).await.map_err(unreadable)?;
            let affected = counts.get(&name).copied().unwrap_or(0);
            Ok((Scope::Route { name }, affected))
        }
        Scope::Group { id, .. } => {
            let group = directory::group(store, id).await.map_err(unreadable)?;
            let group = group
                .ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no group {id}")))?;
            let affected = in_group(store, id).await.map_err(unreadable)?;
            let name = group.name().to_owned();
            Ok((Scope::Group { id, name }, affected))
        }
        Scope::User { id, .. } => {
            let user = named(ports, config, &id.to_string()).await?;
            let name = user.user_name().to_owned();
            Ok((Scope::User { id, name }, 1))
        }
    }
}

/// The active users of each route.
async fn by_route<S: Store>(
    store: &S,
    config: &Config,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts = BTreeMap::new();
    book::each(store, |summary| {
        let on = route_of(config, &summary.addresses);
        if let (Owner::User(_), true, Some(route)) = (summary.owner, summary.active, on) {
            *counts.entry(route.name.to_string()).or_default() += 1;
        }
    })
    .await?;
    Ok(counts)
}

async fn in_group<S: Store>(store: &S, group: GroupId) -> Result<u64, StoreError> {
    let users = directory::expand(store, Owner::Group(group)).await?;
    Ok(u64::try_from(users.len()).unwrap_or(u64::MAX))
}
