//! The simulator: one seed decides everything, around the very use cases that the components run.
//!
//! Instances live for several requests and die at any await with all that runs in them; clocks
//! jump; the storage loses replies, writes late and fails for minutes; primaries fail in every
//! way; partners repeat themselves, at two instances at once; operators press buttons; ticks
//! overlap. [`checks`] holds the promises at each step and at the end, and [`sabotage`] breaks each
//! of them once: the checks must find it.
//!
//! A seed replays exactly. What it means changes with the world, so a bug that a seed found is
//! kept twice: as a regression test of core, named after what broke, and as the seed, played first
//! (see [`saved`]).
//!
//! | file | what |
//! | --- | --- |
//! | `run` | a seed's world from its beginning to its end |
//! | `weather` | how bad this seed's world is; outages and clocks that jump |
//! | `world`, `machine`, `storage`, `primary` | what the use cases meet |
//! | `partners`, `operators`, `people`, `ticks` | who does something |
//! | `checks` | what must hold |
//! | `chance`, `executor`, `trace` | numbers, time and tasks, what was seen |

pub mod chance;
pub mod checks;
pub mod executor;
pub mod machine;
pub mod operators;
pub mod partners;
pub mod people;
pub mod primary;
pub mod run;
pub mod sabotage;
pub mod saved;
pub mod storage;
pub mod ticks;
pub mod trace;
pub mod weather;
pub mod world;

pub use run::{Counts, Outcome, run, run_traced};
pub use sabotage::Sabotage;
pub use saved::SAVED_SEEDS;
