//! What building for `wasm32-wasip2` needs beside cargo: the target's standard library, which is
//! fetched if missing, and a C compiler for ring.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Makes sure that both are there, or says how to get them.
pub fn check(folder: &Path) -> Result<()> {
    if !has_target(folder)? {
        add_target(folder)?;
    }
    check_compiler()
}

fn has_target(folder: &Path) -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(folder)
        .output()
        .context("rustc does not start; install Rust from https://rustup.rs")?;
    let library = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success() && Path::new(library.trim()).is_dir())
}

fn add_target(folder: &Path) -> Result<()> {
    let added = Command::new("rustup")
        .args(["target", "add", TARGET])
        .current_dir(folder)
        .status();
    match added {
        Ok(status) if status.success() => Ok(()),
        _ => bail!("the Rust target is missing and could not be added: rustup target add {TARGET}"),
    }
}

fn check_compiler() -> Result<()> {
    let named = ["CC_wasm32_wasip2", "CC_wasm32-wasip2", "TARGET_CC"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    let compiler = named.unwrap_or_else(|| "clang".to_owned());
    let works = Command::new(&compiler)
        .args([
            "--target=wasm32-wasi",
            "-x",
            "c",
            "-c",
            "/dev/null",
            "-o",
            "/dev/null",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        bail!(
            "the C compiler {compiler:?} is missing or cannot compile for WebAssembly; \
             install one with: sudo apt-get install -y clang"
        );
    }
    Ok(())
}

const TARGET: &str = "wasm32-wasip2";
