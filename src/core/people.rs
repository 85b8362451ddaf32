//! People: who has a mailbox here, how they get in, and what they see.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`id`] | the names of users and groups |

pub mod id;

pub use id::{GroupId, UserId};
