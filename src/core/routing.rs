//! Where a message goes: its route, the judgement on the route's primaries, and the decision.

pub mod decide;
pub mod health;
pub mod primary;
pub mod route;
pub mod state;
pub mod window;

pub use decide::{Decision, HoldReason, decide};
pub use health::{Health, HealthState};
pub use primary::{PrimaryAddress, Target};
pub use route::{Route, RouteName};
pub use state::RouteState;
