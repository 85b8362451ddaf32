//! What operators ask and order: the health with its evidence, overrides, single messages of the
//! queue. What they order is audited first.

pub mod audit;
pub mod drills;
pub mod metrics;
pub mod people;
pub mod queue;
pub mod release;
pub mod windows;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::StoreError;
use crate::limits;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::decide::Hold;
use crate::routing::state::{Mode, Override};
use crate::routing::window::Waiting;
use crate::routing::{Decision, Health, Route, RouteState, decide};
use crate::time::Timestamp;
use audit::Audit;

/// Who gave an order, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The name the operator gave.
    pub name: String,
    /// Whether the operator gave one.
    pub named: bool,
    /// The client's address as the host saw it.
    pub from: String,
}

/// The health of all routes.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HealthReport {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The routes.
    pub routes: Vec<RouteHealth>,
}

/// The health of one route.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteHealth {
    /// The route.
    pub route: String,
    /// What a message that came now would meet: `deliver` or `hold`, or `unknown`.
    pub decision: DecisionWord,
    /// Why it would be held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// An operator's order that stands.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    pub order: Option<Override>,
    /// Intervals of windows whose mail waits for a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// The judgement on each address.
    pub primaries: Vec<PrimaryHealth>,
    /// Why nothing is known, if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A decision in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DecisionWord {
    /// It would be given to the primary.
    Deliver,
    /// It would be held.
    Hold,
    /// The state cannot be read.
    Unknown,
}

/// One address and its judgement.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrimaryHealth {
    /// The address.
    pub address: String,
    /// The judgement; absent where it cannot be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// Reads the health of every route. What cannot be read is unknown, never well.
pub async fn health<P: Ports>(ports: &P, config: &Config) -> HealthReport {
    let mut routes = Vec::with_capacity(config.routes.len());
    for route in &config.routes {
        routes.push(match route_state::read_now(ports, &route.name).await {
            Ok(state) => known(route, &state, ports.now()),
            Err(error) => unknown(route, &error),
        });
    }
    HealthReport {
        at: ports.now(),
        routes,
    }
}

fn known(route: &Route, state: &RouteState, now: Timestamp) -> RouteHealth {
    let (decision, hold) = match decide(route, state, now) {
        Decision::Deliver(_) | Decision::Canary(_) => (DecisionWord::Deliver, None),
        Decision::Hold(hold) => (DecisionWord::Hold, Some(hold)),
    };
    let primaries = route.primaries.iter().map(|primary| PrimaryHealth {
        address: primary.text.clone(),
        health: Some(state.health(&primary.text)),
    });
    RouteHealth {
        route: route.name.to_string(),
        decision,
        hold,
        order: state.order_at(now).cloned(),
        waiting: state.windows.waiting_at(now),
        primaries: primaries.collect(),
        error: None,
    }
}

fn unknown(route: &Route, error: &StoreError) -> RouteHealth {
    let primaries = route.primaries.iter().map(|p| PrimaryHealth {
        address: p.text.clone(),
        health: None,
    });
    RouteHealth {
        route: route.name.to_string(),
        decision: DecisionWord::Unknown,
        hold: None,
        order: None,
        waiting: Vec::new(),
        primaries: primaries.collect(),
        error: Some(error.to_string()),
    }
}

/// An order as an operator sends it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Order {
    /// Hold, deliver, or auto to take an order back.
    pub mode: Mode,
    /// Why; it stands in the audit log and in the senders' receipts.
    pub reason: String,
    /// When it ends by itself; absent = when it is taken back.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
}

/// Gives an order for a route. It is written down who gave it before it stands.
pub async fn order<P: Ports>(
    ports: &P,
    config: &Config,
    cache: &StateCache,
    route: &str,
    operator: &Operator,
    order: Order,
) -> Result<RouteHealth, Problem> {
    let route = config
        .route(route)
        .ok_or_else(|| Problem::new(Kind::NotFound, format!("there is no route {route:?}")))?;
    let now = ports.now();
    check_reason(&order.reason)?;
    if order.expires.is_some_and(|end| end <= now) {
        return Err(Problem::new(Kind::BadRequest, "`expires` is over already"));
    }
    let unavailable = |error: StoreError| {
        Problem::new(
            Kind::Unavailable,
            format!("the order does not stand: {error}"),
        )
    };
    let entry = Audit::new(
        now,
        operator,
        "override",
        route.name.as_str(),
        &order.reason,
    )
    .with(serde_json::json!({ "mode": order.mode, "expires": order.expires }));
    audit::write(ports, &entry).await.map_err(unavailable)?;
    let standing = (order.mode != Mode::Auto).then(|| Override {
        mode: order.mode,
        reason: order.reason,
        by: operator.name.clone(),
        at: now,
        expires: order.expires,
    });
    let state = route_state::change(ports, cache, &route.name, |state| {
        let changed = state.order != standing;
        state.order = standing.clone();
        changed
    })
    .await
    .map_err(unavailable)?;
    Ok(known(route, &state, ports.now()))
}

pub(crate) fn check_reason(reason: &str) -> Result<(), Problem> {
    if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS {
        let detail = format!("`reason`: say why in 1 to {REASON_CHARS} characters");
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    Ok(())
}

/// An operator as the request names it.
pub fn operator(name: Option<&str>, from: Option<&str>) -> Operator {
    let clean = |text: &str| {
        text.chars()
            .filter(|c| !c.is_control())
            .take(NAME_CHARS)
            .collect::<String>()
    };
    let name = name.map(clean).filter(|name| !name.trim().is_empty());
    Operator {
        named: name.is_some(),
        name: name.unwrap_or_else(|| "operator".into()),
        from: from.map(clean).unwrap_or_else(|| "unknown".into()),
    }
}

const REASON_CHARS: usize = 500;
const NAME_CHARS: usize = 100;

const _: () = assert!(REASON_CHARS * 4 < limits::OPERATOR_BODY_BYTES);
