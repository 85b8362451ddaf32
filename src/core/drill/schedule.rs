//! Drills that run by themselves: a tick runs one on a route whose last is older than
//! `drill_every`. `drills/claims/ROUTE.json` says when that was and who is at it, so that of two
//! ticks one runs it; a claim left by an instance that died runs out.

use serde::{Deserialize, Serialize};

use super::Drill;
use crate::config::Config;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store, StoreError};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
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
    fn is_due(&self, route: &Route, now: Timestamp) -> bool {
        let Some(every) = route.drill.every else {
            return false;
        };
        // What lies ahead was written by a clock that went back.
        let claimed = self
            .claimed_until
            .is_some_and(|until| now < until && until <= now.after(limits::CLAIM));
        let recent = self.at.is_some_and(|at| at <= now && now.since(at) < every);
        !claimed && !recent
    }
}

/// The latest drill of a route.
pub async fn latest(store: &impl Store, route: &RouteName) -> Result<Latest, StoreError> {
    let found = record::read(store, &key(route)).await?;
    Ok(found.map_or_else(Latest::default, |(latest, _)| latest))
}

/// Runs the first drill that is due, where enough of a tick's time is left. What is not run now
/// is run by a later tick.
pub async fn run_due<P: Ports>(ports: &P, config: &Config, deadline: Timestamp) -> Option<Drill> {
    let scheduled = config.routes.iter();
    for route in scheduled.filter(|route| route.drill.every.is_some()) {
        if deadline.since(ports.now()) < limits::DRILL_LEAST {
            return None;
        }
        match claim(ports, route).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                not_written(ports, route, &error);
                continue;
            }
        }
        let drill = super::run(ports, config, route, "schedule", "drill_every", deadline).await;
        done(ports, route, &drill).await;
        return Some(drill);
    }
    None
}

async fn claim<P: Ports>(ports: &P, route: &Route) -> Result<bool, StoreError> {
    let key = key(&route.name);
    let (known, condition) = record::read_to_change::<Latest>(ports.store(), &key).await?;
    let known = match known {
        Known::Some(latest) => latest,
        Known::None | Known::Unreadable => Latest::default(),
    };
    let now = ports.now();
    if !known.is_due(route, now) {
        return Ok(false);
    }
    let claimed = Latest {
        claimed_until: Some(now.after(limits::CLAIM)),
        ..known
    };
    let put = record::write(ports.store(), &key, &claimed, condition).await?;
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
        not_written(ports, route, &error);
    }
}

fn not_written<P: Ports>(ports: &P, route: &Route, error: &StoreError) {
    let event = LogEvent::new("drill.not-scheduled")
        .with("route", route.name.as_str())
        .with("error", error.to_string());
    ports.write(event);
}

fn key(route: &RouteName) -> String {
    format!("drills/claims/{route}.json")
}
