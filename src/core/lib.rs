//! What Holdfast knows: mail, routes, custody, the decisions between them. Pure.
//!
//! No WASI, no clock, no randomness, no I/O: those come in through [`ports`]. The components run
//! these functions on the real world and the simulator on its own, and neither can tell.
//!
//! | chapter | what it says |
//! | --- | --- |
//! | [`mail`] | addresses, the envelope, the line we add, messages built from fields |
//! | [`routing`] | routes, the judgement on primaries, the decision and its reason |
//! | [`smtp`] | the client's side of SMTP, without a socket |
//! | [`custody`] | what is kept in storage and under which rules |
//! | [`submit`] | the use case of a submission |
//! | [`inbound`] | what mail gateways post, as submissions |
//! | [`tick`] | the use case of passing time |
//! | [`operate`] | what operators ask and order |
//! | [`people`] | the directory, logins, mailboxes, and the webmail's pages |
//! | [`drill`] | a rehearsed failover with its measured times |
//! | [`deployment`], [`config`], [`partner`] | what is configured, checked once |
//! | [`problem`], [`limits`], [`time`], [`ports`] | errors as they are told, bounds, moments, the world |
//! | [`trace_context`] | the trace that a submission belongs to |

pub mod config;
pub mod custody;
pub mod deployment;
pub mod drill;
pub mod inbound;
pub mod limits;
pub mod mail;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod operate;
pub mod partner;
pub mod people;
pub mod ports;
pub mod problem;
pub mod routing;
pub mod smtp;
pub mod submit;
pub mod tick;
pub mod time;
pub mod trace_context;
