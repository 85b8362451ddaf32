//! People: who has a mailbox here, how they get in, and what they see.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`directory`] | users and groups in storage, who owns which address, who is in which group |
//! | [`id`] | the names of users and groups |
//! | [`scim`] | SCIM 2.0: how other systems keep the directory up to date |

pub mod directory;
pub mod id;
pub mod scim;

pub use id::{GroupId, UserId};
