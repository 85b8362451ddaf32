//! Builds the components with the commands the manifest names, like `spin build`.
//!
//! Cargo knows best what is stale, so it is always asked; it does nothing when all is fresh. What
//! it needs for `wasm32-wasip2` is looked for first, because its own errors do not say how to get
//! it.

mod toolchain;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};

use crate::manifest::Document;

/// Builds the components of the application in `root` once in this process; tests that run side by
/// side wait for the first to finish. Cargo's own lock does the same between processes.
pub fn build_once(root: &Path) -> Result<()> {
    once(root.join("spin.toml"), || build(&root.join("spin.toml")))
}

/// Builds the components of the manifest: each distinct command once, its output shown.
pub fn build(manifest: &Path) -> Result<()> {
    let document = Document::read(manifest)?;
    let mut done = HashSet::new();
    for (id, build) in document.builds() {
        let folder = match &build.workdir {
            Some(workdir) => document.root.join(workdir),
            None => document.root.clone(),
        };
        for command in &build.command {
            if done.insert((folder.clone(), command.clone())) {
                run(&folder, command).with_context(|| format!("building component {id:?}"))?;
            }
        }
    }
    Ok(())
}

/// Builds packages of the workspace in `root` as the components are built, into
/// `target/wasm32-wasip2/component/`, once in this process. For components that no manifest names, such as those of the tests.
pub fn build_packages_once(root: &Path, packages: &[&str]) -> Result<()> {
    let packages = packages.join(" -p ");
    let command = format!("cargo build --target wasm32-wasip2 --profile component -p {packages}");
    once(root.join(&packages), || run(root, &command))
}

fn once(what: PathBuf, work: impl FnOnce() -> Result<()>) -> Result<()> {
    static DONE: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let done = done.get_or_insert_default();
    if !done.contains(&what) {
        work()?;
        done.insert(what);
    }
    Ok(())
}

/// Runs a build command in `folder`, without the variables of the cargo that started this program.
pub(crate) fn run(folder: &Path, command: &str) -> Result<()> {
    if command.contains("wasm32-wasip2") {
        toolchain::check(folder)?;
    }
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(folder);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_the_outer_build) {
            shell.env_remove(name);
        }
    }
    let status = shell.status().context("the shell 'sh' does not start")?;
    if !status.success() {
        bail!(
            "{command:?} failed in {}; its own words are above",
            folder.display()
        );
    }
    Ok(())
}

/// Variables that `cargo run` and `cargo test` set for the program, or that were meant for it:
/// inherited by a cargo that builds for another target they cause errors and needless rebuilding.
fn is_of_the_outer_build(name: &str) -> bool {
    const PREFIXES: [&str; 5] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
    ];
    const NAMES: [&str; 12] = [
        "CARGO",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_CRATE_NAME",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_DIR",
        "CARGO_TARGET_TMPDIR",
        "LD_LIBRARY_PATH",
        "RUSTFLAGS",
        "RUST_RECURSION_COUNT",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(commands: [&str; 2]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let component = |id, command| {
            format!(
                "[component.{id}]\nsource = \"x\"\n[component.{id}.build]\ncommand = {command:?}\n"
            )
        };
        let text = format!(
            "spin_manifest_version = 2\n[application]\nname = \"t\"\n{}{}",
            component("a", commands[0]),
            component("b", commands[1])
        );
        std::fs::write(folder.path().join("spin.toml"), text).unwrap();
        folder
    }

    fn ran(folder: &tempfile::TempDir) -> String {
        std::fs::read_to_string(folder.path().join("ran")).unwrap()
    }

    #[test]
    fn a_command_shared_by_components_runs_once() {
        let shared = manifest(["echo x >> ran", "echo x >> ran"]);
        build_once(shared.path()).unwrap();
        build_once(shared.path()).unwrap();
        assert_eq!(ran(&shared), "x\n");
        let different = manifest(["echo x >> ran", "echo y >> ran"]);
        build_once(different.path()).unwrap();
        assert_eq!(ran(&different), "x\ny\n");
    }

    #[test]
    fn a_failing_command_is_an_error_and_is_tried_again() {
        let folder = manifest(["false", "true"]);
        let error = build_once(folder.path()).unwrap_err();
        assert!(
            format!("{error:#}").contains("component \"a\""),
            "{error:#}"
        );
        assert!(
            build_once(folder.path()).is_err(),
            "a failure must not count as done"
        );
    }

    #[test]
    fn the_outer_cargos_variables_are_not_passed_on() {
        assert!(
            std::env::var_os("CARGO_PKG_NAME").is_some(),
            "cargo test sets it"
        );
        let folder = manifest(["echo \"[$CARGO_PKG_NAME]\" > ran", "true"]);
        build_once(folder.path()).unwrap();
        assert_eq!(ran(&folder), "[]\n");
    }
}
