//! Maintenance windows: planned, changed, ended and extended by operators. Mail is held in them on
//! purpose.
//!
//! ```text
//!   order -> read and checked -> conflicts -> audit -> the plan is marked -> windows/ID.json -> plan
//! ```
//!
//! An instance that dies on the way leaves a plan that is marked, and the next tick plans anew.

mod conflict;
pub mod definition;
pub mod plan;
pub mod rule;
pub mod view;

use serde::Deserialize;

use super::audit::{self, Audit};
use super::{Operator, check_reason};
use crate::config::Config;
use crate::custody::record;
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::{Condition, Put, Store, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::mail::MessageId;
use crate::ports::{Ports, new_id};
use crate::problem::{Kind, Problem};
use crate::routing::{Route, RouteState};
use crate::time::Timestamp;
use definition::{Change, Interval, Schedule, Window, WindowOrder};
use view::{RouteWaiting, WindowList, WindowView};

/// An occurrence is to end now, or a window is to go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EndOrder {
    /// Why; it stands in the audit log.
    pub reason: String,
}

/// The occurrence that is open is to end later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtendOrder {
    /// Its new end, with an offset or by the window's clock.
    pub until: String,
    /// Why; it stands in the audit log.
    pub reason: String,
}

/// Reads all windows and what waits for a person.
pub async fn list<P: Ports>(ports: &P, config: &Config) -> Result<WindowList, Problem> {
    let unreadable = |error: StoreError| {
        let detail = format!("the windows cannot be read: {error}");
        Problem::new(Kind::Unavailable, detail)
    };
    let shelf = plan::shelf(ports).await.map_err(unreadable)?;
    let now = ports.now();
    let mut list = WindowList {
        at: now,
        windows: shelf.windows.iter().map(|w| view::view(w, now)).collect(),
        waiting: Vec::new(),
        damaged: shelf.damaged,
    };
    for route in &config.routes {
        let state = route_state::read_now(ports, &route.name).await;
        let state = state.map_err(unreadable)?;
        for window in &mut list.windows {
            if window.order.route == route.name.as_str() {
                stand(window, &state, now);
            }
        }
        let waiting = state.windows.waiting_at(now).into_iter();
        list.waiting.extend(waiting.map(|waiting| RouteWaiting {
            route: route.name.to_string(),
            waiting,
        }));
    }
    Ok(list)
}

/// Plans a window, or says what it would mean.
pub async fn add<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    order: WindowOrder,
) -> Result<WindowView, Problem> {
    put(ports, config, cache, operator, order, None).await
}

/// Puts another definition in a window's place. Its occurrences are as the new one says, also those
/// that had been ended early or extended.
pub async fn edit<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    id: &str,
    order: WindowOrder,
) -> Result<WindowView, Problem> {
    let known = find(ports, id).await?;
    put(ports, config, cache, operator, order, Some(known)).await
}

async fn put<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    order: WindowOrder,
    known: Option<(Window, Version)>,
) -> Result<WindowView, Problem> {
    let now = ports.now();
    let route = config.route(&order.route).ok_or_else(|| {
        let detail = format!("there is no route {:?}", order.route);
        Problem::new(Kind::NotFound, detail)
    })?;
    if !order.dry_run {
        check_reason(&order.reason)?;
    }
    if let Some((known, _)) = &known
        && known.order.route != order.route
    {
        let detail = "route: a window keeps its route; delete it and plan another";
        return Err(bad(detail));
    }
    conflict::check(&order, now)?;
    let window = Window {
        id: known
            .as_ref()
            .map_or_else(|| new_id(ports), |(known, _)| known.id),
        by: operator.name.clone(),
        at: now,
        changes: Vec::new(),
        order,
    };
    let shelf = plan::shelf(ports).await.map_err(not_done)?;
    if known.is_none() && shelf.windows.len() + shelf.damaged.len() >= limits::WINDOWS {
        let detail = format!("there are {} windows already; delete some", limits::WINDOWS);
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let conflicts = conflict::conflicts(&window, &shelf.windows, now);
    if window.order.dry_run {
        let mut view = view::view(&window, now);
        (view.id, view.conflicts) = (known.map(|(known, _)| known.id), conflicts);
        return Ok(view);
    }
    conflict::refuse(conflicts)?;
    let (action, condition, before) = match known {
        None => ("window.add", Condition::Absent, None),
        Some((known, version)) => (
            "window.edit",
            Condition::Unchanged(version),
            Some(known.order),
        ),
    };
    let done = Done {
        action,
        facts: serde_json::json!({ "window": window.order, "before": before }),
        reason: window.order.reason.clone(),
    };
    let state = write(ports, cache, operator, route, &window, condition, done).await?;
    Ok(seen(&window, &state, now))
}

/// Removes a window. One that is open ends now.
pub async fn delete<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    id: &str,
    order: &EndOrder,
) -> Result<WindowView, Problem> {
    check_reason(&order.reason)?;
    let (window, _) = find(ports, id).await?;
    let now = ports.now();
    let facts = serde_json::json!({ "window": window.order });
    let subject = format!("{}/{}", window.order.route, window.id);
    let entry = Audit::new(now, operator, "window.delete", &subject, &order.reason).with(facts);
    audit::write(ports, &entry).await.map_err(not_done)?;
    let route = config.route(&window.order.route);
    if let Some(route) = route {
        plan::mark(ports, cache, route).await.map_err(not_done)?;
    }
    let key = Window::key(&window.id);
    ports.store().delete(&key).await.map_err(unknown)?;
    let mut view = view::view(&window, now);
    view.next.clear();
    if let Some(route) = route {
        let state = plan::plan(ports, cache, route).await.map_err(half_done)?;
        stand(&mut view, &state, ports.now());
    }
    Ok(view)
}

/// Ends the occurrence that is open.
pub async fn end<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    id: &str,
    order: &EndOrder,
) -> Result<WindowView, Problem> {
    check_reason(&order.reason)?;
    let (window, version) = find(ports, id).await?;
    let now = ports.now();
    let (start, end) = open(&window, now)?;
    let facts = serde_json::json!({ "start": start, "end": end });
    let done = Done {
        action: "window.end",
        facts,
        reason: order.reason.clone(),
    };
    let change = Change { start, end: now };
    changed(
        ports, config, cache, operator, window, version, change, done,
    )
    .await
}

/// Lets the occurrence that is open end later.
pub async fn extend<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    id: &str,
    order: &ExtendOrder,
) -> Result<WindowView, Problem> {
    check_reason(&order.reason)?;
    let (window, version) = find(ports, id).await?;
    let now = ports.now();
    let (start, end) = open(&window, now)?;
    let schedule = Schedule::read(&window.order).map_err(bad)?;
    let until = schedule.moment(&order.until).ok_or_else(|| {
        let detail = format!("until: {:?} is not a time such as {now}", order.until);
        bad(detail)
    })?;
    if until <= end {
        let detail = format!("until: it ends at {end} anyway; to end it early use `end`");
        return Err(bad(detail));
    }
    if until.since(start) > limits::WINDOW_LENGTH {
        return Err(bad("until: an occurrence lasts 31 days at most"));
    }
    let mut longer = window.clone();
    longer.changes.push(Change { start, end: until });
    let shelf = plan::shelf(ports).await.map_err(not_done)?;
    conflict::refuse(conflict::disagreements(
        &longer,
        &[(start, until)],
        &shelf.windows,
        now,
    ))?;
    let facts = serde_json::json!({ "start": start, "end": end, "until": until });
    let done = Done {
        action: "window.extend",
        facts,
        reason: order.reason.clone(),
    };
    let change = Change { start, end: until };
    changed(
        ports, config, cache, operator, window, version, change, done,
    )
    .await
}

#[allow(clippy::too_many_arguments, reason = "one order, in two handlers")]
async fn changed<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    operator: &Operator,
    mut window: Window,
    version: Version,
    change: Change,
    done: Done,
) -> Result<WindowView, Problem> {
    let route = config.route(&window.order.route).ok_or_else(|| {
        let detail = format!("its route {:?} is gone", window.order.route);
        Problem::new(Kind::NotFound, detail)
    })?;
    window.changes.retain(|known| known.start != change.start);
    window.changes.push(change);
    let many = window.changes.len().saturating_sub(limits::WINDOW_CHANGES);
    window.changes.drain(..many);
    let condition = Condition::Unchanged(version);
    let state = write(ports, cache, operator, route, &window, condition, done).await?;
    Ok(seen(&window, &state, ports.now()))
}

/// What is written down about an order.
struct Done {
    action: &'static str,
    facts: serde_json::Value,
    reason: String,
}

/// The audit first, then the mark, then the window, then the plan.
async fn write<P: Ports>(
    ports: &P,
    cache: &StateCache,
    operator: &Operator,
    route: &Route,
    window: &Window,
    condition: Condition,
    done: Done,
) -> Result<RouteState, Problem> {
    let subject = format!("{}/{}", route.name, window.id);
    let entry = Audit::new(ports.now(), operator, done.action, &subject, &done.reason);
    let entry = entry.with(done.facts);
    audit::write(ports, &entry).await.map_err(not_done)?;
    plan::mark(ports, cache, route).await.map_err(not_done)?;
    let key = Window::key(&window.id);
    let put = record::write(ports.store(), &key, window, condition).await;
    if put.map_err(unknown)? == Put::Conflict {
        let detail = "somebody else changed the window meanwhile; look at it and order again";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    plan::plan(ports, cache, route).await.map_err(half_done)
}

async fn find<P: Ports>(ports: &P, id: &str) -> Result<(Window, Version), Problem> {
    let missing = || Problem::new(Kind::NotFound, format!("there is no window {id:?}"));
    let id: MessageId = id.parse().map_err(|_| missing())?;
    match record::read(ports.store(), &Window::key(&id)).await {
        Ok(found) => found.ok_or_else(missing),
        Err(error) if error.kind == StoreErrorKind::Damaged => {
            let detail = format!("the window cannot be read; look at it in the bucket: {error}");
            Err(Problem::new(Kind::Conflict, detail))
        }
        Err(error) => Err(not_done(error)),
    }
}

fn open(window: &Window, now: Timestamp) -> Result<Interval, Problem> {
    let open = window.occurrences(now, now.after(MOMENT));
    open.into_iter().next().ok_or_else(|| {
        let detail = "it is not open now; edit it with PUT, or delete it";
        Problem::new(Kind::Conflict, detail)
    })
}

fn seen(window: &Window, state: &RouteState, now: Timestamp) -> WindowView {
    let mut view = view::view(window, now);
    stand(&mut view, state, now);
    view
}

/// What the route's state says about a window.
fn stand(window: &mut WindowView, state: &RouteState, now: Timestamp) {
    let own = |id: MessageId| Some(id) == window.id;
    let mut planned = state.windows.planned.iter();
    window.open = planned.any(|one| own(one.window) && one.start <= now && now < one.end);
    let mut waiting = state.windows.waiting_at(now).into_iter();
    window.waiting = waiting.any(|one| own(one.window));
}

/// As far ahead as an occurrence is looked for.
fn far(now: Timestamp) -> Timestamp {
    now.after(limits::RULE_AHEAD)
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}

fn not_done(error: StoreError) -> Problem {
    Problem::new(Kind::Unavailable, format!("it was not done: {error}"))
}

fn unknown(error: StoreError) -> Problem {
    let detail = format!("whether it was done is not known; look at the windows again: {error}");
    Problem::new(Kind::Unavailable, detail)
}

fn half_done(error: StoreError) -> Problem {
    let detail = format!(
        "it is written down, but the route does not know it yet; the next tick sees to it: {error}"
    );
    Problem::new(Kind::Unavailable, detail)
}

const MOMENT: std::time::Duration = std::time::Duration::from_millis(1);

#[cfg(test)]
mod tests;
