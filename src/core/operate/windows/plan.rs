//! From windows to the intervals in a route's state, which are all that a decision sees.
//!
//! Whoever changes a window first marks the plan as out of date, then writes the window, then plans
//! again; a tick finds the mark, or names it does not know, and finishes what an instance that died
//! left. A plan is written only if no other was written since the windows were read for it.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::definition::{PREFIX, Schedule, Window};
use crate::config::Config;
use crate::custody::held::{Copy, Held};
use crate::custody::record;
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::{Store, StoreError, StoreErrorKind};
use crate::custody::waiting;
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::window::{Planned, Waiting, Windows};
use crate::routing::{Route, RouteState};
use crate::time::Timestamp;

/// All windows there are.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Those that can be read, oldest first.
    pub windows: Vec<Window>,
    /// The keys of those that cannot.
    pub damaged: Vec<String>,
    of: String,
}

/// The keys of all windows.
pub async fn keys<P: Ports>(ports: &P) -> Result<Vec<String>, StoreError> {
    let page = ports.store().list(PREFIX, None, limits::LIST_PAGE).await?;
    Ok(page.keys)
}

/// Reads all windows.
pub async fn shelf<P: Ports>(ports: &P) -> Result<Shelf, StoreError> {
    let keys = keys(ports).await?;
    let of = digest(&keys);
    let reads = keys.into_iter().map(|key| async {
        match record::read::<Window>(ports.store(), &key).await {
            Ok(found) => Ok((key, found.map(|(window, _)| Some(window)))),
            Err(error) if error.kind == StoreErrorKind::Damaged => Ok((key, Some(None))),
            Err(error) => Err(error),
        }
    });
    let reads = stream::iter(reads).buffered(limits::OPERATOR_CONCURRENCY);
    let mut shelf = Shelf {
        of,
        ..Shelf::default()
    };
    for (key, found) in reads.try_collect::<Vec<_>>().await? {
        match found {
            Some(Some(window)) => shelf.windows.push(window),
            Some(None) => shelf.damaged.push(key),
            None => {}
        }
    }
    Ok(shelf)
}

/// The horizon of a plan that is made now.
pub fn horizon(now: Timestamp) -> Timestamp {
    now.after(limits::WINDOW_HORIZON)
}

/// Marks the route's plan as out of date.
pub async fn mark<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
) -> Result<(), StoreError> {
    let marking = route_state::change(ports, cache, &route.name, |state| {
        state.windows.made.take().is_some()
    });
    marking.await.map(drop)
}

/// Plans a route anew and writes the plan; gives the state that now stands.
pub async fn plan<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
) -> Result<RouteState, StoreError> {
    for _ in 0..limits::STATE_TRIES {
        let known = route_state::read_now(ports, &route.name).await?;
        let shelf = shelf(ports).await?;
        let now = ports.now();
        let planned = intervals(route, &shelf, &known.windows, now);
        let mut overtaken = false;
        let state = route_state::change(ports, cache, &route.name, |state| {
            overtaken = state.windows.made != known.windows.made;
            if overtaken {
                return false;
            }
            let before = state.clone();
            state
                .windows
                .replace(planned.clone(), shelf.of.clone(), now);
            if shelf.of.is_empty() {
                // An installation without windows has nothing to look after.
                state.windows.made = None;
            }
            *state != before
        })
        .await?;
        if !overtaken {
            return Ok(state);
        }
    }
    Err(StoreError::new(
        StoreErrorKind::Unavailable,
        format!("{}: others keep planning its windows", route.name),
    ))
}

fn intervals(route: &Route, shelf: &Shelf, known: &Windows, now: Timestamp) -> Vec<Planned> {
    let mut planned = Vec::new();
    for window in shelf.windows.iter().filter(|one| one.is_of(&route.name)) {
        let Ok(schedule) = Schedule::read(&window.order) else {
            continue;
        };
        let next = window.occurrences_of(&schedule, now, horizon(now), limits::WINDOW_OCCURRENCES);
        planned.extend(next.into_iter().map(|(start, end)| Planned {
            window: window.id,
            start,
            end,
            release: window.order.release,
            reason: window.order.reason.clone(),
            by: window.by.clone(),
        }));
    }
    // What can no longer be read stays as it was planned: a person must look at it.
    let damaged = |one: &Planned| shelf.damaged.contains(&Window::key(&one.window));
    planned.extend(known.planned.iter().filter(|one| damaged(one)).cloned());
    planned.sort_by_key(|one| (one.start, one.end, one.window));
    planned.truncate(limits::ROUTE_INTERVALS);
    planned
}

/// What a tick does for windows: it plans where that is due, takes note of intervals that are over,
/// forgets those that hold no mail any more, and removes windows that are long over.
pub async fn keep<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
) -> Result<(), StoreError> {
    let of = digest(&keys(ports).await?);
    let mut looked = false;
    for route in &config.routes {
        let now = ports.now();
        let mut windows = route_state::read_now(ports, &route.name).await?.windows;
        if is_due(&windows, &of, now) {
            windows = plan(ports, cache, route).await?.windows;
            looked = true;
        }
        tidy(ports, cache, route, windows).await?;
    }
    if looked {
        remove_old(ports).await?;
    }
    Ok(())
}

fn is_due(windows: &Windows, of: &str, now: Timestamp) -> bool {
    let old = |made: Timestamp| made > now || now.since(made) >= limits::PLAN_AGE;
    windows.of != of || (!of.is_empty() && windows.made.is_none_or(old))
}

async fn tidy<P: Ports>(
    ports: &P,
    cache: &StateCache,
    route: &Route,
    windows: Windows,
) -> Result<(), StoreError> {
    let (store, now) = (ports.store(), ports.now());
    let mut empty: Vec<Waiting> = Vec::new();
    for one in &windows.waiting {
        let late = one.end.after(limits::WAITING_GRACE);
        if late <= now && !waiting::any(store, &route.name, one.start, one.end).await? {
            empty.push(one.clone());
        }
    }
    let mut tried: Vec<String> = Vec::new();
    for name in &windows.retried {
        let key = format!("{}{name}.eml", Held::prefix(&route.name));
        let waits = Copy::of(&key).and_then(|copy| windows.waits(now).until(copy.id.at()));
        if waits.is_none() || store.peek(&key, 1).await?.is_none() {
            tried.push(name.clone());
        }
    }
    if empty.is_empty() && tried.is_empty() && windows.planned.iter().all(|one| now < one.end) {
        return Ok(());
    }
    route_state::change(ports, cache, &route.name, |state| {
        let before = state.windows.clone();
        state.windows.settle(now);
        state.windows.waiting.retain(|one| !empty.contains(one));
        state.windows.retried.retain(|name| !tried.contains(name));
        state.windows != before
    })
    .await
    .map(drop)
}

async fn remove_old<P: Ports>(ports: &P) -> Result<(), StoreError> {
    let shelf = shelf(ports).await?;
    let now = ports.now();
    let kept = i64::try_from(limits::WINDOW_KEPT.as_millis()).unwrap_or(0);
    let since = Timestamp::from_millis(now.millis().saturating_sub(kept));
    for window in &shelf.windows {
        let over = |schedule: &Schedule| {
            let next = window.occurrences_of(schedule, since, super::far(now), 1);
            next.is_empty()
        };
        if !Schedule::read(&window.order).is_ok_and(|schedule| over(&schedule)) {
            continue;
        }
        ports.store().delete(&Window::key(&window.id)).await?;
        let event = LogEvent::new("window.removed")
            .with("id", window.id.to_string())
            .with("route", window.order.route.as_str());
        ports.write(event);
    }
    Ok(())
}

fn digest(keys: &[String]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let mut hash = Sha256::new();
    for key in keys {
        hash.update(key.as_bytes());
        hash.update(b"\n");
    }
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
