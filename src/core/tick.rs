//! The use case of passing time: windows are planned, probes that are due are made, a primary that
//! is back gets its canary, and the queue goes home.
//!
//! A tick is bounded in time and safe to overlap with others: each probe and each canary is
//! claimed in the route's state before it is made, and one that was claimed by an instance that
//! died is free again after a while. Ticks come from cron, from a monitor, or from the after-work
//! of a submission; Holdfast never counts on any single one of them.

use futures::future::join;
use serde::Serialize;

use crate::config::Config;
use crate::custody::batch;
use crate::custody::drain::{self, Drained};
use crate::custody::figures::{self, Figures};
use crate::custody::held::Copy;
use crate::custody::release::{self, Released};
use crate::custody::retention::{self, Swept};
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::StoreError;
use crate::custody::ticks;
use crate::custody::waiting;
use crate::drill::{Drill, schedule};
use crate::limits;
use crate::operate::windows;
use crate::people::upkeep::{self, Upkept};
use crate::ports::{Event as LogEvent, Ports, Primary, jitter, new_id};
use crate::routing::health::Event;
use crate::routing::{HealthState, Route};
use crate::time::Timestamp;

/// What a tick did.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticked {
    /// What happened on each route.
    pub routes: Vec<RouteTicked>,
    /// What was deleted because its time was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Swept>,
    /// The drill that was due and run, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
    /// What was done for the directory and the mailboxes, if anything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Upkept>,
    /// Whether another tick would find work at once.
    pub more: bool,
}

/// What a tick did on one route.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteTicked {
    /// The route.
    pub route: String,
    /// The probes that were made.
    pub probes: Vec<Probed>,
    /// The held message that was tried on a primary that is coming back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canaried>,
    /// What was released of the queue, if anything was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released: Option<Drained>,
    /// Why nothing could be done, if it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Probed {
    /// The address.
    pub primary: String,
    /// Whether it answered.
    pub good: bool,
    /// What it said otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The state after it.
    pub state: HealthState,
}

/// One canary.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Canaried {
    /// The address.
    pub primary: String,
    /// The message.
    pub id: String,
    /// `answered` or `failed`.
    pub outcome: &'static str,
    /// The state after it.
    pub state: HealthState,
}

/// Lets time pass on every route.
pub async fn tick<P: Ports>(ports: &P, config: &Config, cache: &StateCache) -> Ticked {
    let began = ports.now();
    let mut ticked = Ticked {
        routes: Vec::new(),
        retention: None,
        drill: None,
        people: None,
        more: false,
    };
    let deadline = began.after(limits::TICK);
    // Neither waits for the other: a long release must not keep mail out of the mailboxes.
    let routes = tick_routes(ports, config, cache, deadline, &mut ticked);
    let ((), upkept) = join(routes, upkeep::keep(ports, config, deadline)).await;
    ticked.more |= upkept.filed.more;
    ticked.people = Some(upkept).filter(|upkept| *upkept != Upkept::default());
    retain(ports, config, deadline, &mut ticked).await;
    if !ticked.more {
        ticked.drill = schedule::run_due(ports, config, deadline).await;
    }
    ticks::note(ports).await;
    ticked
}

async fn tick_routes<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    deadline: Timestamp,
    ticked: &mut Ticked,
) {
    let planning = windows::plan::keep(ports, config, cache).await;
    for route in &config.routes {
        if ports.now() >= deadline {
            ticked.more = true;
            break;
        }
        let mut route = tick_route(ports, config, cache, route, deadline).await;
        if let Err(error) = &planning {
            let unplanned = || format!("the windows could not be planned: {error}");
            route.error.get_or_insert_with(unplanned);
        }
        ticked.more |= route.released.as_ref().is_some_and(|drained| drained.more);
        ticked.routes.push(route);
    }
}

/// Deletes what is over, where time is left.
async fn retain<P: Ports>(ports: &P, config: &Config, deadline: Timestamp, ticked: &mut Ticked) {
    if ports.now() >= deadline {
        return;
    }
    match retention::sweep(ports, config, deadline).await {
        Ok(swept) => {
            ticked.more |= swept.is_some_and(|swept| swept.more);
            ticked.retention = swept.filter(|swept| *swept != Swept::default());
        }
        Err(error) => {
            let event = LogEvent::new("retention.failed").with("error", error.to_string());
            ports.write(event);
        }
    }
}

/// Lets time pass on one route.
pub async fn tick_route<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    route: &Route,
    deadline: Timestamp,
) -> RouteTicked {
    let mut ticked = RouteTicked {
        route: route.name.to_string(),
        probes: Vec::new(),
        canary: None,
        released: None,
        error: None,
    };
    for index in 0..route.primaries.len() {
        match probe_if_due(ports, cache, route, index).await {
            Ok(probed) => ticked.probes.extend(probed),
            Err(error) => ticked.error = Some(error.to_string()),
        }
        match canary_if_due(ports, config, cache, route, index).await {
            Ok(canary) => ticked.canary = canary.or(ticked.canary),
            Err(error) => ticked.error = Some(error.to_string()),
        }
    }
    match drain::drain(ports, config, cache, route, deadline, None).await {
        Ok(drained) => ticked.released = (drained != Drained::default()).then_some(drained),
        Err(error) => ticked.error = Some(error.to_string()),
    }
    ticked
}

/// Whether a probe is due on this route, by what was last known of it: the after-work's cheap
/// question. The probe itself reads anew.
pub fn due(route: &Route, cache: &StateCache, now: Timestamp) -> bool {
    let Some(state) = cache.last(&route.name) else {
        return false;
    };
    let due = |text: &str| state.health(text).probe_due(&route.health, now);
    !state.rests(now) && route.primaries.iter().any(|primary| due(&primary.text))
}

/// Makes the probes that are due on one route, as after-work of a submission that can have no tick:
/// mail itself finds out that its primary is back, and the next message is the canary.
pub async fn probe_route<P: Ports>(ports: &P, cache: &StateCache, route: &Route) {
    for index in 0..route.primaries.len() {
        if probe_if_due(ports, cache, route, index).await.is_err() {
            return;
        }
    }
}

async fn probe_if_due<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    index: usize,
) -> Result<Option<Probed>, StoreError> {
    let primary = &route.primaries[index];
    let known = route_state::read_now(ports, &route.name).await?;
    // In a window the primary is left alone; a probe that is due is made at its end.
    if known.rests(ports.now())
        || !known
            .health(&primary.text)
            .probe_due(&route.health, ports.now())
    {
        return Ok(None);
    }
    let mut mine = false;
    route_state::change(ports, cache, &route.name, |state| {
        let health = state.primaries.entry(primary.text.clone()).or_default();
        mine = health.probe_due(&route.health, ports.now());
        if mine {
            health.claim(ports.now());
        }
        mine
    })
    .await?;
    if !mine {
        return Ok(None);
    }
    let subject = format!("probe {}", new_id(ports));
    let result = ports.primary().probe(route, index).await;
    let (event, detail) = match result {
        Ok(()) => (Event::GoodProbe, None),
        Err(failure) => {
            let what = failure.detail;
            (
                Event::BadProbe {
                    subject: subject.clone(),
                    what: what.clone(),
                },
                Some(what),
            )
        }
    };
    let state = route_state::note(ports, cache, route, &[(index, event)], jitter(ports)).await?;
    let state = state.health(&primary.text).state;
    let good = detail.is_none();
    let event = LogEvent::new("primary.probed")
        .with("id", subject)
        .with("route", route.name.as_str())
        .with("primary", primary.text.as_str())
        .with("good", good)
        .with("state", serde_json::to_value(state).unwrap_or_default());
    ports.write(match &detail {
        Some(detail) => event.with("detail", detail.as_str()),
        None => event,
    });
    Ok(Some(Probed {
        primary: primary.text.clone(),
        good,
        detail,
        state,
    }))
}

/// A recovering address gets the oldest message that is due, watched; nothing held is nothing to try.
async fn canary_if_due<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    route: &Route,
    index: usize,
) -> Result<Option<Canaried>, StoreError> {
    let address = &route.primaries[index].text;
    let now = ports.now();
    let known = route_state::read_now(ports, &route.name).await?;
    if known.rests(now) || !known.health(address).canary_due(now) {
        return Ok(None);
    }
    if !route_state::claim_canary(ports, cache, route, index).await? {
        return Ok(None);
    }
    batch::settle_abandoned(ports, &route.name).await?;
    let (waits, most) = (known.windows.waits(now), limits::CANARY_CANDIDATES);
    let queue = waiting::list(ports.store(), &route.name, &waits, None, most).await?;
    for key in queue.keys {
        let released = release::canary(ports, config, route, index, &key).await?;
        let mut figures = Figures::default();
        figures.note(&released);
        let (event, word) = match released {
            Released::Ended { .. } | Released::Left { failure: None, .. } => {
                (Event::Served, "answered")
            }
            Released::Left {
                failure: Some(failure),
                ..
            }
            | Released::Returned {
                failure: Some(failure),
                ..
            } => (
                Event::Failed {
                    subject: drain::subject(&key),
                    what: failure.detail,
                },
                "failed",
            ),
            Released::Returned { failure: None, .. }
            | Released::NotDue(_)
            | Released::Gone
            | Released::Damaged(_) => {
                figures::add_or_log(ports, &route.name, figures).await;
                continue;
            }
        };
        let state =
            route_state::note(ports, cache, route, &[(index, event)], jitter(ports)).await?;
        let state = state.health(address).state;
        figures::add_or_log(ports, &route.name, figures).await;
        let id = Copy::of(&key)
            .map(|copy| copy.id.to_string())
            .unwrap_or_default();
        let event = LogEvent::new("route.canary")
            .with("id", id.as_str())
            .with("route", route.name.as_str())
            .with("primary", address.as_str())
            .with("outcome", word);
        ports.write(event);
        return Ok(Some(Canaried {
            primary: address.clone(),
            id,
            outcome: word,
            state,
        }));
    }
    route_state::change(ports, cache, &route.name, |state| {
        let health = state.primaries.entry(address.clone()).or_default();
        let before = health.state;
        health.nothing_to_try(ports.now());
        health.state != before
    })
    .await?;
    Ok(None)
}
