//! `--release-build`: measuring needs an optimised program, and `cargo run` gives another one.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::components;

/// Builds this program in the release profile and becomes it, with the same arguments except for
/// the flag. Returns only if that failed.
pub fn become_release(root: &Path) -> Result<()> {
    if !root.join("Cargo.toml").is_file() {
        bail!("--release-build works in a checkout only; there is no Cargo.toml beside spin.toml");
    }
    components::run(root, "cargo build --release -p holdfast")?;
    let program = root.join("target/release/holdfast");
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|argument| argument != FLAG);
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("{} does not start", program.display()))
}

const FLAG: &str = "--release-build";
