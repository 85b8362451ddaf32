//! People: who has a mailbox here, how they get in, and what they see.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`id`] | the names of users and groups |
//! | [`directory`] | users and groups in storage, who owns which address, who is in which group |
//! | [`scim`] | SCIM 2.0: how other systems keep the directory up to date |
//! | [`known`] | recipients that nobody has |
//! | [`account`] | who somebody is at this moment, and whether they may be in |
//! | [`access`] | the switch that says who may be in, and when |
//! | [`login`] | passwords, second factors, sessions: independent of every other system |
//! | [`mailbox`] | what is filed for whom, and what users write |
//! | [`reading`] | what a person sees of a message |
//! | [`webmail`] | the pages |
//! | [`site`] | the webmail as a site: who may see which page, and what forms do |
//! | [`upkeep`] | what ticks do for people |

pub mod access;
pub mod account;
pub mod directory;
pub mod id;
pub mod known;
pub mod login;
pub mod mailbox;
pub mod reading;
pub mod scim;
pub mod site;
pub mod upkeep;
pub mod webmail;

pub use id::{GroupId, UserId};
