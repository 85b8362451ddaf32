//! Drills by hand: one is ordered, all results are read.

use serde::{Deserialize, Serialize};

use super::audit::{self, Audit};
use super::{Operator, check_reason};
use crate::config::Config;
use crate::custody::store::StoreError;
use crate::drill::{self, Drill, record, schedule};
use crate::limits;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DrillOrder {
    /// The route.
    pub route: String,
    /// Why; it stands in the audit log and in the result.
    pub reason: String,
}

/// A page of results.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DrillPage {
    /// The results, oldest first.
    pub drills: Vec<Drill>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Runs a drill now. It is written down who ordered it before it begins.
pub async fn order<P: Ports>(
    ports: &P,
    config: &Config,
    operator: &Operator,
    order: &DrillOrder,
) -> Result<Drill, Problem> {
    let route = config.route(&order.route).ok_or_else(|| {
        let detail = format!("there is no route {:?}", order.route);
        Problem::new(Kind::NotFound, detail)
    })?;
    check_reason(&order.reason)?;
    let (now, name) = (ports.now(), route.name.as_str());
    let entry = Audit::new(now, operator, "drill", name, &order.reason);
    let written = audit::write(ports, &entry).await;
    written.map_err(|error| unavailable("the drill was not begun", &error))?;
    let deadline = now.after(limits::DRILL);
    let by = &operator.name;
    let drill = drill::run(ports, config, route, by, &order.reason, deadline).await;
    schedule::done(ports, route, &drill).await;
    Ok(drill)
}

/// Reads a page of results, of one route where one is named.
pub async fn list<P: Ports>(
    ports: &P,
    route: Option<&str>,
    after: Option<&str>,
) -> Result<DrillPage, Problem> {
    let (mut drills, next) = record::list(ports, after)
        .await
        .map_err(|error| unavailable("the results cannot be read", &error))?;
    drills.retain(|drill| route.is_none_or(|route| drill.route.as_str() == route));
    Ok(DrillPage { drills, next })
}

fn unavailable(what: &str, error: &StoreError) -> Problem {
    Problem::new(Kind::Unavailable, format!("{what}: {error}"))
}
