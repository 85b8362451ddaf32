//! People: who has a mailbox here, how they get in, and what they see.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`id`] | the names of users and groups |
//! | [`reading`] | what a person sees of a message, whatever its bytes are |
//! | [`webmail`] | the pages of the webmail |

pub mod id;
pub mod reading;
pub mod webmail;

pub use id::{GroupId, UserId};
