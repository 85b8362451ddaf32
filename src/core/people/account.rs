//! Who somebody is at this moment: the directory's record, the route of their mail, how that route is,
//! and whether the access switch lets them in. Everything that changes is read anew.

use super::access::{self, AccessDecision, Subject, Switch};
use super::directory::{self, User};
use super::login::{Account, SecondFactor};
use crate::config::Config;
use crate::custody::held::Held;
use crate::custody::route_state;
use crate::custody::store::{Store as _, StoreError};
use crate::mail::EmailAddress;
use crate::people::{GroupId, UserId};
use crate::ports::Ports;
use crate::routing::decide::Hold;
use crate::routing::{Decision, HealthState, Route, decide};
use crate::time::Timestamp;

/// How a route is, as its users should hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Situation {
    /// Mail flows.
    Well,
    /// It is held.
    Held {
        /// Why.
        hold: Hold,
        /// Since when, where that is known.
        since: Option<Timestamp>,
    },
    /// The primary is back, and what was held is going home.
    Recovering,
    /// It cannot be read.
    Unknown,
}

impl Situation {
    /// Whether the primary is out; none where nobody can know.
    pub fn is_outage(&self) -> Option<bool> {
        match self {
            Self::Well => Some(false),
            Self::Held { .. } | Self::Recovering => Some(true),
            Self::Unknown => None,
        }
    }
}

/// One user, as of now.
#[derive(Clone, Debug)]
pub struct Person {
    /// The directory's record.
    pub user: User,
    /// The user's own addresses, the primary one first; one at least.
    pub addresses: Vec<EmailAddress>,
    /// How the route of the first address is.
    pub situation: Situation,
    /// Whether the user may be in, and why.
    pub decision: AccessDecision,
}

impl Person {
    /// As a login asks.
    pub fn account(&self) -> Account {
        Account {
            user: self.user.id(),
            active: self.user.is_active(),
            access: self.decision.allowed,
            second_factor: SecondFactor::Required,
        }
    }

    /// The names and addresses, which a password must not be.
    pub fn names(&self) -> Vec<String> {
        let own = [self.user.user_name().to_owned(), self.user.shown_name()];
        let addresses = self
            .addresses
            .iter()
            .map(|address| address.as_str().to_owned());
        own.into_iter().chain(addresses).collect()
    }
}

/// The user of this name: the unique one, or one of the addresses.
pub async fn by_name<P: Ports>(
    ports: &P,
    config: &Config,
    name: &str,
) -> Result<Option<Person>, StoreError> {
    let name = name.trim();
    if let Some(user) = directory::user_by_name(ports.store(), name).await? {
        return of(ports, config, user).await;
    }
    let Ok(address) = name.parse::<EmailAddress>() else {
        return Ok(None);
    };
    match directory::owner_of(ports.store(), config, &address).await? {
        Some(directory::Owner::User(user)) => by_id(ports, config, user).await,
        _ => Ok(None),
    }
}

/// The user of this id.
pub async fn by_id<P: Ports>(
    ports: &P,
    config: &Config,
    user: UserId,
) -> Result<Option<Person>, StoreError> {
    match directory::user(ports.store(), user).await? {
        Some(user) => of(ports, config, user).await,
        None => Ok(None),
    }
}

/// None for one who has no address here: there is nothing to read.
async fn of<P: Ports>(
    ports: &P,
    config: &Config,
    user: User,
) -> Result<Option<Person>, StoreError> {
    let addresses = user.own_addresses(config);
    let route = addresses
        .first()
        .and_then(|first| config.route_for(&first.domain()));
    let Some(route) = route else {
        return Ok(None);
    };
    let situation = situation(ports, route).await;
    let switch = access::read(ports).await?;
    let mut groups: Vec<GroupId> = Vec::new();
    for group in switch.groups_named(ports.now()) {
        if directory::is_member(ports.store(), group, user.id()).await? {
            groups.push(group);
        }
    }
    let decision = decide_for(&switch, route, user.id(), &groups, &situation, ports);
    Ok(Some(Person {
        user,
        addresses,
        situation,
        decision,
    }))
}

/// Decides about one user of a route.
pub fn decide_for<P: Ports>(
    switch: &Switch,
    route: &Route,
    user: UserId,
    groups: &[GroupId],
    situation: &Situation,
    ports: &P,
) -> AccessDecision {
    let subject = Subject {
        user,
        groups,
        route: &route.name,
        default: route.access,
    };
    access::decide(switch, &subject, situation.is_outage(), ports.now())
}

/// How a route is.
pub async fn situation<P: Ports>(ports: &P, route: &Route) -> Situation {
    let Ok(state) = route_state::read_now(ports, &route.name).await else {
        return Situation::Unknown;
    };
    let recovering = |text: &str| state.health(text).state == HealthState::Recovering;
    match decide(route, &state, ports.now()) {
        Decision::Hold(hold) => {
            let since = match state.order_at(ports.now()) {
                Some(order) => Some(order.at),
                None => route
                    .primaries
                    .iter()
                    .filter_map(|one| state.health(&one.text).since)
                    .max(),
            };
            Situation::Held { hold, since }
        }
        Decision::Canary(_) => Situation::Recovering,
        Decision::Deliver(_) if route.primaries.iter().any(|one| recovering(&one.text)) => {
            Situation::Recovering
        }
        Decision::Deliver(_) => {
            let prefix = Held::prefix(&route.name);
            match ports.store().list(&prefix, None, 1).await {
                Ok(page) if page.keys.is_empty() => Situation::Well,
                Ok(_) => Situation::Recovering,
                Err(_) => Situation::Unknown,
            }
        }
    }
}
