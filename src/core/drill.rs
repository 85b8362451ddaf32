//! A rehearsed failover of one route: a message of our own takes both paths, and each step's time
//! is measured. No real mail is touched: what is held lies under `drills/`, never in a queue, no
//! judgement on a primary is changed, and the message goes to the route's `drill_recipient` or to
//! nobody.
//!
//! ```text
//!   primary    decide, then give it the message; without a recipient, a probe
//!   hold       PUT drills/ROUTE/ID/held.eml, as a submission holds
//!   readable   list it, read it back, compare it byte for byte
//!   release    give what was read back to the primary; without a recipient, a probe
//!   removed    the result is written first: drills/results/DAY/ID.json
//! ```
//!
//! A step that fails is a result and not an error. The recovery time is that of `hold` and
//! `readable`: failover happens within the request, so from the primary's failure to mail that is
//! safe and can be read it is just those two. The recovery point is what was lost: none where the
//! bytes came back equal.

mod message;
pub mod record;
mod rehearsal;
pub mod schedule;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::limits;
use crate::mail::MessageId;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::{Route, RouteName};
use crate::time::Timestamp;

/// What a drill came to: `drills/results/DAY/ID.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drill {
    /// Its id, and that of its message.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// The route.
    pub route: RouteName,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who ordered it, or `schedule`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether no step failed. A step that was skipped says so.
    pub passed: bool,
    /// Giving a message to the primary at once, as a submission does.
    pub primary: Step,
    /// Holding it, until the storage confirmed it.
    pub hold: Step,
    /// Finding it and reading it back, byte for byte.
    pub readable: Step,
    /// Giving what was read back to the primary.
    pub release: Step,
    /// Taking it out of the storage again.
    pub removed: Step,
    /// The recovery time in milliseconds; absent where it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_ms: Option<u64>,
    /// Messages that were accepted and did not come back as they were; absent where none was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_messages: Option<u64>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Step {
    /// How it went.
    pub outcome: StepOutcome,
    /// How long it took, in milliseconds; absent where it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What was seen.
    pub detail: String,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum StepOutcome {
    /// As it should.
    Passed,
    /// It did not.
    Failed,
    /// It was not tried; the detail says why.
    Skipped,
}

impl Step {
    /// Not tried.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self {
            outcome: StepOutcome::Skipped,
            ms: None,
            detail: why.into(),
        }
    }

    fn has(&self, outcome: StepOutcome) -> bool {
        self.outcome == outcome
    }
}

/// Runs one drill and writes its result down; never longer than `most`. The result says whether it
/// could be written.
pub async fn run<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    by: &str,
    reason: &str,
    deadline: Timestamp,
) -> Drill {
    let most = ports.now().after(limits::DRILL);
    let rehearsal = rehearsal::Rehearsal::begin(ports, config, route, deadline.min(most));
    let drill = rehearsal.through(by, reason).await;
    let event = LogEvent::new("drill.done")
        .with("id", drill.id.to_string())
        .with("route", route.name.as_str())
        .with("passed", drill.passed)
        .with("rto_ms", drill.rto_ms)
        .with("rpo_messages", drill.rpo_messages);
    ports.write(event);
    drill
}

#[cfg(test)]
mod tests;
