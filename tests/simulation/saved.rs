//! Seeds that found something, played before all others.
//!
//! A seed is one number for a whole world, so it means another story as soon as the world draws its
//! chances in another order: a stored scenario would have to name every choice, and would be as long
//! as its trace. What outlives the world is the regression test, in core, that is named after what
//! broke. A seed stays here while it still tells its story, and it is cheap to keep.

/// Each seed, and what it had found.
pub const SAVED_SEEDS: &[(u64, &str)] = &[];
