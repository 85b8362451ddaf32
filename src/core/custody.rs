//! What Holdfast keeps for others, and how it keeps it: objects in a store, one truth for all.

pub mod attempts;
pub mod batch;
pub mod drain;
pub mod ended;
pub mod figures;
pub mod held;
pub mod kept;
pub mod lease;
pub mod life;
pub mod progress;
pub mod receipt;
pub mod record;
pub mod release;
pub mod retention;
pub mod returns;
pub mod route_state;
pub mod store;
pub mod ticks;
pub mod waiting;
mod work;
