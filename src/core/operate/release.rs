//! A release by hand: what it would do, that it is done now, and how it goes.

use serde::{Deserialize, Serialize};

use super::audit::{self, Audit};
use super::{Operator, check_reason};
use crate::config::Config;
use crate::custody::drain::{self, Drained};
use crate::custody::held::{Copy, Held};
use crate::custody::progress::{self, Count, Progress};
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::{Store, StoreError};
use crate::limits;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::decide::Hold;
use crate::routing::window::Waiting;
use crate::routing::{Decision, HoldReason, Route, decide};
use crate::time::Timestamp;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseOrder {
    /// The route.
    pub route: String,
    /// Try so many messages at most; absent = as many as a tick's time allows.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only say what would happen.
    #[serde(default)]
    pub dry_run: bool,
    /// Why, for the audit log; not needed for a dry run.
    #[serde(default)]
    pub reason: String,
}

/// What happened, or would happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseAnswer {
    /// The route.
    pub route: String,
    /// What was held before.
    pub queued: Count,
    /// Since when the oldest of them is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub oldest: Option<Timestamp>,
    /// Intervals of windows whose mail waits for a person: this release lets it go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Why nothing would be released now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What was done; absent for a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Drained>,
}

/// How the releases of all routes go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Releases {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The routes.
    pub routes: Vec<RouteRelease>,
}

/// How one route's release goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteRelease {
    /// The route.
    pub route: String,
    /// What is held now.
    pub queued: Count,
    /// Intervals of windows whose mail waits for a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// The latest release, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest: Option<Progress>,
}

/// Reads how all releases go.
pub async fn releases<P: Ports>(ports: &P, config: &Config) -> Result<Releases, Problem> {
    let mut routes = Vec::with_capacity(config.routes.len());
    for route in &config.routes {
        let queued = progress::count(ports.store(), &route.name).await;
        let latest = progress::read(ports.store(), &route.name).await;
        let state = route_state::read_now(ports, &route.name).await;
        let windows = state.map_err(unreadable)?.windows;
        routes.push(RouteRelease {
            route: route.name.to_string(),
            queued: queued.map_err(unreadable)?,
            waiting: windows.waiting_at(ports.now()),
            latest: latest.map_err(unreadable)?,
        });
    }
    Ok(Releases {
        at: ports.now(),
        routes,
    })
}

/// Releases a route's queue now, or says what that would do. What waits for a person since a window
/// waits no longer: what this call does not release, the ticks do.
pub async fn release<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    order: &ReleaseOrder,
) -> Result<ReleaseAnswer, Problem> {
    let route = config.route(&order.route).ok_or_else(|| {
        let detail = format!("there is no route {:?}", order.route);
        Problem::new(Kind::NotFound, detail)
    })?;
    if !order.dry_run {
        check_reason(&order.reason)?;
    }
    let mut answer = forecast(ports, route).await.map_err(unreadable)?;
    if order.dry_run {
        return Ok(answer);
    }
    let name = route.name.as_str();
    let entry = Audit::new(ports.now(), operator, "release", name, &order.reason)
        .with(serde_json::json!({ "limit": order.limit }));
    audit::write(ports, &entry).await.map_err(not_done)?;
    let now = ports.now();
    route_state::change(ports, cache, &route.name, |state| {
        let before = state.windows.clone();
        state.windows.release(now);
        state.windows != before
    })
    .await
    .map_err(not_done)?;
    let deadline = ports.now().after(limits::TICK);
    let drained = drain::drain(ports, config, cache, route, deadline, order.limit).await;
    answer.released = Some(drained.map_err(not_done)?);
    Ok(answer)
}

async fn forecast<P: Ports>(ports: &P, route: &Route) -> Result<ReleaseAnswer, StoreError> {
    let state = route_state::read_now(ports, &route.name).await?;
    let prefix = Held::prefix(&route.name);
    let first = ports.store().list(&prefix, None, 1).await?;
    let oldest = first.keys.first().and_then(|key| Copy::of(key));
    let hold = match decide(route, &state, ports.now()) {
        Decision::Hold(hold) => Some(hold),
        Decision::Canary(_) => Some(Hold {
            reason: HoldReason::Down,
            detail: "it is recovering: the next tick tries one message, then the rest follows"
                .into(),
            until: None,
        }),
        Decision::Deliver(_) => None,
    };
    Ok(ReleaseAnswer {
        route: route.name.to_string(),
        queued: progress::count(ports.store(), &route.name).await?,
        oldest: oldest.map(|copy| copy.id.at()),
        waiting: state.windows.waiting_at(ports.now()),
        hold,
        released: None,
    })
}

fn unreadable(error: StoreError) -> Problem {
    let detail = format!("the queue cannot be read: {error}");
    Problem::new(Kind::Unavailable, detail)
}

fn not_done(error: StoreError) -> Problem {
    Problem::new(Kind::Unavailable, format!("it was not done: {error}"))
}
