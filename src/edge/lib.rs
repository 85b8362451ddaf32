//! How Holdfast touches a host: HTTP, sockets, TLS, settings, storage, time, the log.
//!
//! Everything that knows WASI 0.3 or Spin is here and nowhere else, so that another kind of host
//! is another edge. The decisions are core's; what stands here moves bytes and keeps time limits.
//!
//! | file | what it is |
//! | --- | --- |
//! | [`app`] | what a component has when it starts: settings, configuration, storage, primaries |
//! | [`http_in`], [`http_out`] | requests that come, requests that we make |
//! | [`operators`] | what operators send: whether they may, who it is, what they order |
//! | [`tcp`], [`tls`] | a socket with time limits, and TLS over it |
//! | [`smtp`], [`http_primary`], [`primary`] | the ways to a primary, and the choice between them |
//! | [`storage`], [`key_value`] | the configured store |
//! | [`after`], [`asked_tick`] | what follows a submission; a tick that is asked of the keeper |
//! | [`dkim`], [`signature`] | signatures that are made, and that are verified |
//! | [`settings`] | Spin's variables, or environment variables |
//! | [`world`] | time, chance, the log |

pub mod after;
pub mod app;
pub mod asked_tick;
pub mod dkim;
pub mod http_in;
pub mod http_out;
pub mod http_primary;
pub mod key_value;
pub mod operators;
pub mod primary;
pub mod settings;
pub mod signature;
pub mod smtp;
pub mod storage;
pub mod tcp;
pub mod tls;
pub mod world;
