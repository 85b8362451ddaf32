//! Drills that run by themselves: a tick runs one on a route whose last is older than `drill_every`, or
//! older than the last time that `drill_at` names. `drills/claims/ROUTE.json` says when that was and who is
//! at it, so that of two ticks one runs it; a claim left by an instance that died runs out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Drill;
use crate::config::Config;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store, StoreError};
use crate::limits;
use crate::operate::windows::definition::{Schedule, WindowOrder};
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::route::{DrillSchedule, DrillTimes};
use crate::routing::{Route, RouteName};
use crate::time::Timestamp;

/// The latest drill of a route, as it is known to the ticks and to monitors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latest {
    /// When it ended; none where none ever did.
    pub at: Option<Timestamp>,
    /// Whether it passed.
    pub passed: bool,
    /// Until when somebody is at the next.
    claimed_until: Option<Timestamp>,
}

impl Latest {
    fn is_due(&self, times: &DrillTimes, now: Timestamp) -> Result<bool, String> {
        // What lies ahead was written by a clock that went back.
        let claimed = self
            .claimed_until
            .is_some_and(|until| now < until && until <= now.after(limits::CLAIM));
        let known = self.at.filter(|at| *at <= now);
        let due = match times {
            DrillTimes::Every(every) => known.is_none_or(|at| now.since(at) >= *every),
            DrillTimes::At(schedule) => {
                last_time(schedule, now)?.is_some_and(|time| known.is_none_or(|at| at < time))
            }
        };
        Ok(due && !claimed)
    }
}

/// Reads the times of drills. The error names the field and says what is wrong with it.
pub fn read(schedule: &DrillSchedule) -> Result<Schedule, String> {
    Schedule::read(&WindowOrder {
        start: schedule.start.clone(),
        time_zone: schedule.time_zone.clone(),
        rrule: schedule.rrule.clone(),
        duration: Some(MOMENT.into()),
        ..WindowOrder::default()
    })
}

/// The last time for a drill, if it is not too long ago for one.
fn last_time(schedule: &DrillSchedule, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let late = i64::try_from(limits::DRILL_LATE.as_millis()).unwrap_or(i64::MAX);
    let from = Timestamp::from_millis(now.millis().saturating_sub(late));
    let schedule = read(schedule)?;
    let times = schedule.occurrences(from, now.after(Duration::from_millis(1)));
    Ok(times.map(|(start, _)| start).last())
}

/// The latest drill of a route.
pub async fn latest(store: &impl Store, route: &RouteName) -> Result<Latest, StoreError> {
    let found = record::read(store, &key(route)).await?;
    Ok(found.map_or_else(Latest::default, |(latest, _)| latest))
}

/// Runs the first drill that is due, where enough of a tick's time is left. What is not run now
/// is run by a later tick.
pub async fn run_due<P: Ports>(ports: &P, config: &Config, deadline: Timestamp) -> Option<Drill> {
    for route in &config.routes {
        let Some(times) = &route.drill.when else {
            continue;
        };
        if deadline.since(ports.now()) < limits::DRILL_LEAST {
            return None;
        }
        match claim(ports, route, times).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                not_scheduled(ports, route, &error);
                continue;
            }
        }
        let reason = match times {
            DrillTimes::Every(_) => "drill_every",
            DrillTimes::At(_) => "drill_at",
        };
        let drill = super::run(ports, config, route, "schedule", reason, deadline).await;
        done(ports, route, &drill).await;
        return Some(drill);
    }
    None
}

async fn claim<P: Ports>(ports: &P, route: &Route, times: &DrillTimes) -> Result<bool, String> {
    let said = |error: StoreError| error.to_string();
    let key = key(&route.name);
    let known = record::read_to_change::<Latest>(ports.store(), &key).await;
    let (known, condition) = known.map_err(said)?;
    let known = match known {
        Known::Some(latest) => latest,
        Known::None | Known::Unreadable => Latest::default(),
    };
    let now = ports.now();
    if !known.is_due(times, now)? {
        return Ok(false);
    }
    let claimed = Latest {
        claimed_until: Some(now.after(limits::CLAIM)),
        ..known
    };
    let put = record::write(ports.store(), &key, &claimed, condition).await;
    let put = put.map_err(said)?;
    Ok(matches!(put, Put::Written(_)))
}

/// Takes note of a drill that ended, whoever ordered it.
pub async fn done<P: Ports>(ports: &P, route: &Route, drill: &Drill) {
    let latest = Latest {
        at: Some(ports.now()),
        passed: drill.passed,
        claimed_until: None,
    };
    let key = key(&route.name);
    if let Err(error) = record::write(ports.store(), &key, &latest, Condition::Always).await {
        not_scheduled(ports, route, &error.to_string());
    }
}

fn not_scheduled<P: Ports>(ports: &P, route: &Route, error: &str) {
    let event = LogEvent::new("drill.not-scheduled")
        .with("route", route.name.as_str())
        .with("error", error);
    ports.write(event);
}

fn key(route: &RouteName) -> String {
    format!("drills/claims/{route}.json")
}

/// A drill's time has no length; a window's must have one.
const MOMENT: &str = "1s";
