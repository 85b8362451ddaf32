//! People: who has a mailbox here, how they get in, and what they see.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`id`] | the names of users and groups |
//! | [`login`] | passwords, second factors, sessions: independent of every other system |
//! | [`access`] | the switch that says who may be in, and when |

pub mod access;
pub mod id;
pub mod login;

pub use id::{GroupId, UserId};
