//! Conversations with servers of every kind.
//!
//! - `replay`: the conversations written down in `smtp/dialogues/*.txt`
//! - `faults`: every fault at every reply of a good conversation
//! - `properties`: what holds for any address and any server

mod faults;
mod properties;
mod replay;
mod script;
