//! Reading and changing a route's state in storage, with a cache that has an age.
//!
//! The cache belongs to one instance and is only ever a shortcut: it answers for `health_max_age`
//! and remembers for as long that the storage could not be read, so that a slow storage does not
//! make each message wait.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use super::record::{self, Known};
use super::store::{Put, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports, jitter, within};
use crate::routing::health::Event;
use crate::routing::{Route, RouteName, RouteState};
use crate::time::Timestamp;

/// What this instance remembers of the routes' states.
#[derive(Debug, Default)]
pub struct StateCache {
    routes: RefCell<HashMap<RouteName, (Timestamp, Option<RouteState>)>>,
}

impl StateCache {
    /// What is remembered, however old it is.
    pub fn last(&self, route: &RouteName) -> Option<RouteState> {
        self.routes.borrow().get(route)?.1.clone()
    }

    /// What is remembered and fresh: the state, or that it could not be read.
    pub fn fresh(&self, route: &Route, now: Timestamp) -> Option<Option<RouteState>> {
        let routes = self.routes.borrow();
        let (at, state) = routes.get(&route.name)?;
        (*at <= now && now.since(*at) <= route.health.max_age).then(|| state.clone())
    }

    fn remember(&self, route: &RouteName, now: Timestamp, state: Option<RouteState>) {
        self.routes.borrow_mut().insert(route.clone(), (now, state));
    }
}

/// Reads a route's state and remembers it. None = it cannot be known now.
pub async fn read<P: Ports>(ports: &P, cache: &StateCache, route: &Route) -> Option<RouteState> {
    let reading = load(ports.store(), &route.name);
    let result = within(ports, limits::STATE_READ, reading).await;
    let state = result.and_then(Result::ok);
    cache.remember(&route.name, ports.now(), state.clone());
    state
}

/// Reads a route's state from the storage itself, with the reason where that fails.
pub async fn read_now<P: Ports>(ports: &P, route: &RouteName) -> Result<RouteState, StoreError> {
    load(ports.store(), route).await
}

/// Changes a route's state: `change` is applied to what is stored, again if somebody was faster,
/// and says whether anything is to be written. The state that now stands is returned.
pub async fn change<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &RouteName,
    mut change: impl FnMut(&mut RouteState) -> bool,
) -> Result<RouteState, StoreError> {
    for _ in 0..limits::STATE_TRIES {
        let key = RouteState::key(route);
        let (known, condition) = record::read_to_change(ports.store(), &key).await?;
        let mut state = match known {
            Known::Some(state) => state,
            // What nobody can read guides nobody.
            Known::None | Known::Unreadable => RouteState::default(),
        };
        if !change(&mut state) {
            cache.remember(route, ports.now(), Some(state.clone()));
            return Ok(state);
        }
        match record::write(ports.store(), &key, &state, condition).await? {
            Put::Written(_) => {
                cache.remember(route, ports.now(), Some(state.clone()));
                return Ok(state);
            }
            Put::Conflict => {
                let wait = u64::from(jitter(ports)) / 8;
                ports.sleep(Duration::from_millis(wait)).await;
            }
        }
    }
    Err(StoreError::new(
        StoreErrorKind::Unavailable,
        format!("{route}: others keep changing its state"),
    ))
}

async fn load(store: &impl Store, route: &RouteName) -> Result<RouteState, StoreError> {
    let found = record::read(store, &RouteState::key(route)).await?;
    Ok(found.map_or_else(Default::default, |(state, _)| state))
}

/// Takes note of what happened to addresses of a route; gives the state that now stands.
pub async fn note<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    events: &[(usize, Event)],
    jitter: u8,
) -> Result<RouteState, StoreError> {
    change(ports, cache, &route.name, |state| {
        let before = state.clone();
        for (index, event) in events {
            let Some(primary) = route.primaries.get(*index) else {
                continue;
            };
            let health = state.primaries.entry(primary.text.clone()).or_default();
            health.on(event.clone(), &route.health, ports.now(), jitter);
        }
        *state != before
    })
    .await
}

/// Claims the canary of an address that is recovering, so that one message at a time is tried.
pub async fn claim_canary<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    index: usize,
) -> Result<bool, StoreError> {
    let Some(primary) = route.primaries.get(index) else {
        return Ok(false);
    };
    let mut mine = false;
    change(ports, cache, &route.name, |state| {
        let now = ports.now();
        let health = state.primaries.entry(primary.text.clone()).or_default();
        mine = health.canary_due(now);
        if mine {
            health.claim(now);
        }
        mine
    })
    .await?;
    Ok(mine)
}

/// The same where nothing depends on it: what cannot be written down is logged.
pub async fn note_or_log<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    events: &[(usize, Event)],
) {
    if events.is_empty() {
        return;
    }
    if let Err(error) = note(ports, cache, route, events, jitter(ports)).await {
        let event = LogEvent::new("health.not-written")
            .with("route", route.name.as_str())
            .with("error", error.to_string());
        ports.write(event);
    }
}
