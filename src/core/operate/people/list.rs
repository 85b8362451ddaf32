//! `GET /v1/people`: who is there, and who can get in now.
//!
//! All users are gone through each time, because they are counted; of them only the page is kept. It
//! reads the book (256 objects at most) and the names of the logins, not one record of a user.

use std::collections::BTreeMap;

use serde::Serialize;

use super::judge::Judge;
use super::{route, route_of, unreadable};
use crate::config::Config;
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::UserId;
use crate::people::access::AccessDecision;
use crate::people::directory::{Owner, Summary, Wanted, book};
use crate::people::login::credential;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::routing::RouteName;
use crate::time::Timestamp;

/// What an operator asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words that begin words of the name, the userName or an address.
    pub q: Option<String>,
    /// Only users whose mailbox is on this route.
    pub route: Option<String>,
    /// Only who can get in now.
    pub can_get_in: bool,
    /// What the page before this one said is next.
    pub after: Option<String>,
    /// Users on one page, [`limits::OPERATOR_PAGE`] at most.
    pub limit: Option<usize>,
}

/// A page of users.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeoplePage {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// All users that were asked for, on whatever page.
    pub total: u64,
    /// Those of them whom the access switch lets in now.
    pub allowed: u64,
    /// Those of them who have a login, too.
    pub can_get_in: u64,
    /// The users, in the order of their userNames.
    pub people: Vec<PersonLine>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One user of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PersonLine {
    /// Who.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The unique name that the user logs in with.
    pub user_name: String,
    /// The name to show.
    pub name: String,
    /// The user's own addresses, the primary one first.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub addresses: Vec<EmailAddress>,
    /// The route of the first address; absent where there is no address here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteName>,
    /// Whether the directory has the user active.
    pub active: bool,
    /// Whether the user has a login: an activation link was used.
    pub activated: bool,
    /// What the access switch says at this moment; absent for who has no address here, and so no
    /// mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessDecision>,
    /// All of it together.
    pub can_get_in: bool,
}

/// Reads a page. What cannot be read is an error, never an empty list.
pub async fn list<P: Ports>(
    ports: &P,
    config: &Config,
    query: &Query,
) -> Result<PeoplePage, Problem> {
    let wanted_route = query.route.as_deref().map(|name| route(config, name));
    let wanted_route = wanted_route.transpose()?.map(|route| &route.name);
    let wanted = Wanted::new(query.q.as_deref().unwrap_or_default());
    let judge = Judge::new(ports, config).await.map_err(unreadable)?;
    let logins = credential::owners(ports).await.map_err(unreadable)?;
    let after = query.after.as_ref().map(|after| after.to_lowercase());
    let limit = query.limit.unwrap_or(limits::OPERATOR_PAGE);
    let mut page = Filling {
        after,
        limit: limit.clamp(1, limits::OPERATOR_PAGE),
        people: BTreeMap::new(),
    };
    let (mut total, mut allowed, mut can_get_in) = (0, 0, 0);
    let look = |summary: Summary| {
        let Owner::User(id) = summary.owner else {
            return;
        };
        let on = route_of(config, &summary.addresses).map(|route| &route.name);
        if wanted_route.is_some_and(|route| on != Some(route)) || !wanted.is_in(&summary) {
            return;
        }
        let access = judge.decide(id, &summary.addresses);
        let line = PersonLine::new(id, summary, on, logins.contains(&id), access);
        if query.can_get_in && !line.can_get_in {
            return;
        }
        total += 1;
        allowed += u64::from(line.is_allowed());
        can_get_in += u64::from(line.can_get_in);
        page.add(line);
    };
    book::each(ports.store(), look).await.map_err(unreadable)?;
    let (people, next) = page.done();
    Ok(PeoplePage {
        at: ports.now(),
        total,
        allowed,
        can_get_in,
        people,
        next,
    })
}

impl PersonLine {
    fn new(
        id: UserId,
        summary: Summary,
        route: Option<&RouteName>,
        activated: bool,
        access: Option<AccessDecision>,
    ) -> Self {
        Self {
            id,
            user_name: summary.user_name,
            name: summary.name,
            addresses: summary.addresses,
            route: route.cloned(),
            active: summary.active,
            activated,
            access,
            can_get_in: false,
        }
        .judged()
    }

    /// With the sum of it all.
    pub(super) fn judged(mut self) -> Self {
        self.can_get_in = self.is_allowed() && self.activated;
        self
    }

    fn is_allowed(&self) -> bool {
        self.active && self.access.is_some_and(|access| access.allowed)
    }
}

/// The page while it is filled: of all that come, those that are first in order.
struct Filling {
    /// The userName that the page before ended with, in lower case: no two users have one.
    after: Option<String>,
    limit: usize,
    /// One more than the page has tells that there is another.
    people: BTreeMap<String, PersonLine>,
}

impl Filling {
    fn add(&mut self, line: PersonLine) {
        let name = line.user_name.to_lowercase();
        if self.after.as_ref().is_some_and(|after| name <= *after) {
            return;
        }
        self.people.insert(name, line);
        if self.people.len() > self.limit + 1 {
            self.people.pop_last();
        }
    }

    fn done(mut self) -> (Vec<PersonLine>, Option<String>) {
        let more = self.people.len() > self.limit;
        if more {
            self.people.pop_last();
        }
        let next = self.people.keys().next_back().filter(|_| more).cloned();
        (self.people.into_values().collect(), next)
    }
}
