//! What a decision needs to know about a route, in one object: `routes/ROUTE.json`.
//!
//! One read gives the health of each address, the override and the windows now and next. It is written
//! only when something changed, against the version that was read, so that writers do not undo
//! each other; a store without conditional writes loses at most one piece of evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::route::RouteName;
use super::window::Windows;
use crate::time::Timestamp;

/// The object's content.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteState {
    /// The judgement on each address, by the address's text.
    pub primaries: BTreeMap<String, Health>,
    /// An operator's order, where one stands.
    #[serde(rename = "override")]
    pub order: Option<Override>,
    /// The maintenance windows, and what waits for a person since one.
    #[serde(skip_serializing_if = "Windows::is_empty")]
    pub windows: Windows,
}

impl RouteState {
    /// The health of an address; one that nothing is known about is up.
    pub fn health(&self, address: &str) -> Health {
        self.primaries.get(address).cloned().unwrap_or_default()
    }

    /// The order that stands at `now`.
    pub fn order_at(&self, now: Timestamp) -> Option<&Override> {
        self.order
            .as_ref()
            .filter(|order| order.expires.is_none_or(|end| now < end))
    }

    /// Whether the primary is left alone: a window is open, and no order to deliver stands above it.
    pub fn rests(&self, now: Timestamp) -> bool {
        let ordered = self
            .order_at(now)
            .is_some_and(|order| order.mode == Mode::Deliver);
        !ordered && self.windows.open_at(now).is_some()
    }

    /// The object's key.
    pub fn key(route: &RouteName) -> String {
        format!("routes/{route}.json")
    }
}

/// What an operator ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// Hold all mail.
    Hold,
    /// Give mail to the primary whatever the health says.
    Deliver,
    /// Go by the health.
    Auto,
}

/// An operator's order: hold, or deliver, until it expires or is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Override {
    /// The order.
    pub mode: Mode,
    /// Why, in the operator's words.
    pub reason: String,
    /// Who gave it.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// When it ends by itself; none = when it is taken back.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
}
