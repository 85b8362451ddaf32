//! Windows as operators see them.

use serde::Serialize;

use super::definition::{Interval, Schedule, Window, WindowOrder};
use crate::mail::MessageId;
use crate::routing::window::Waiting;
use crate::time::Timestamp;

/// All windows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowList {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The windows, oldest first.
    pub windows: Vec<WindowView>,
    /// Intervals whose mail waits for a person, also of windows that are gone.
    pub waiting: Vec<RouteWaiting>,
    /// Objects under `windows/` that cannot be read; what was planned of them stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
}

/// One window and what it means now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WindowView {
    /// Its name; absent where it was only asked what it would mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = "uuid"))]
    pub id: Option<MessageId>,
    /// What was asked for.
    #[serde(flatten)]
    pub order: WindowOrder,
    /// Who planned it, or changed it last.
    pub by: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Whether it is open.
    pub open: bool,
    /// The occurrences now and next.
    pub next: Vec<Occurrence>,
    /// Whether mail that it held waits for a person.
    pub waiting: bool,
    /// Why it cannot be planned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

/// One occurrence.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Occurrence {
    /// Its first moment.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// The first moment after it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// Its start as the clock there shows it (RFC 9557).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_start: Option<String>,
    /// Its end as the clock there shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_end: Option<String>,
}

/// A window that stands against another.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// The other.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub window: MessageId,
    /// From when they meet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// What is wrong with that.
    pub detail: String,
}

/// An interval whose mail waits for a person, and its route.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteWaiting {
    /// The route.
    pub route: String,
    /// The interval.
    #[serde(flatten)]
    pub waiting: Waiting,
}

/// What is known of a window.
pub fn view(window: &Window, now: Timestamp) -> WindowView {
    let schedule = Schedule::read(&window.order);
    let next = schedule.as_ref().map_or_else(
        |_| Vec::new(),
        |schedule| {
            let next = window.occurrences_of(schedule, now, super::far(now), SHOWN);
            next.into_iter()
                .map(|interval| occurrence(schedule, interval))
                .collect()
        },
    );
    WindowView {
        id: Some(window.id),
        order: window.order.clone(),
        by: window.by.clone(),
        at: window.at,
        open: false,
        next,
        waiting: false,
        conflicts: Vec::new(),
    }
}

fn occurrence(schedule: &Schedule, (start, end): Interval) -> Occurrence {
    Occurrence {
        start,
        end,
        local_start: schedule.shown(start),
        local_end: schedule.shown(end),
    }
}

/// Occurrences that are shown of a window.
const SHOWN: usize = 5;
