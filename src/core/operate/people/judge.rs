//! The access decisions of many users at one moment: the switch is read once, each group that it
//! names is expanded once, and each route is looked at once.

use std::collections::{BTreeMap, BTreeSet};

use super::route_of;
use crate::config::Config;
use crate::custody::store::StoreError;
use crate::mail::EmailAddress;
use crate::people::access::{self, AccessDecision, Switch};
use crate::people::account::{self, Situation};
use crate::people::directory::{self, Owner};
use crate::people::{GroupId, UserId};
use crate::ports::Ports;

/// Everything that decisions need.
pub struct Judge<'j, P> {
    ports: &'j P,
    config: &'j Config,
    switch: Switch,
    /// The active users of the groups that the switch names.
    groups: Vec<(GroupId, BTreeSet<UserId>)>,
    /// How the routes are, by their names.
    situations: BTreeMap<String, Situation>,
}

impl<'j, P: Ports> Judge<'j, P> {
    /// As of now. A switch or a group that cannot be read is an error: an `off` may stand in it.
    pub async fn new(ports: &'j P, config: &'j Config) -> Result<Self, StoreError> {
        let switch = access::read(ports).await?;
        let named: Vec<GroupId> = switch.groups_named(ports.now()).collect();
        let mut groups = Vec::with_capacity(named.len());
        for group in named {
            let users = directory::expand(ports.store(), Owner::Group(group)).await?;
            groups.push((group, users));
        }
        let mut situations = BTreeMap::new();
        for route in &config.routes {
            let situation = account::situation(ports, route).await;
            situations.insert(route.name.to_string(), situation);
        }
        Ok(Self {
            ports,
            config,
            switch,
            groups,
            situations,
        })
    }

    /// The decision about a user who has these addresses; none for who has none here.
    pub fn decide(&self, user: UserId, addresses: &[EmailAddress]) -> Option<AccessDecision> {
        let route = route_of(self.config, addresses)?;
        let of = self
            .groups
            .iter()
            .filter(|(_, users)| users.contains(&user));
        let groups: Vec<GroupId> = of.map(|(group, _)| *group).collect();
        let situation = self.situations.get(route.name.as_str());
        let situation = situation.unwrap_or(&Situation::Unknown);
        Some(account::decide_for(
            &self.switch,
            route,
            user,
            &groups,
            situation,
            self.ports,
        ))
    }
}
