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
//! | [`login`] | passwords, second factors, sessions: independent of every other system |
//! | [`access`] | the switch that says who may be in, and when |

pub mod access;
pub mod id;
pub mod login;

pub use id::{GroupId, UserId};
