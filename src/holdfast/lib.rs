//! The native program of Holdfast: it runs the application's Wasm components on this machine
//! exactly as `spin up` would, with the real parts around them that a first try or a test needs.
//!
//! - [`manifest`]: what `spin.toml` says, with its variables resolved;
//! - [`grants`]: what a component may reach;
//! - [`host`]: the embedded Wasm host that serves the components;
//! - [`components`]: builds the components when they are stale;
//! - [`embedded_s3`], [`demo_primary`], [`demo_http_primary`]: the storage and the mail systems
//!   of a first try;
//! - [`native`]: core's ports on this machine, for what needs no component;
//! - [`cli`]: the commands.

pub mod cli;
pub mod components;
pub mod demo_http_primary;
pub mod demo_primary;
pub mod embedded_s3;
pub mod grants;
pub mod host;
pub mod manifest;
pub mod native;
mod server;
