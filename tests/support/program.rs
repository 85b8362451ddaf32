//! The program itself, built once, for tests that run it as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::workspace;

/// The built program, of the profile that this test was built in.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "holdfast"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_str().unwrap_or_default();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        let built = cargo.current_dir(workspace()).status().unwrap();
        assert!(built.success(), "the program is built");
        let test = std::env::current_exe().unwrap();
        test.parent().unwrap().parent().unwrap().join("holdfast")
    })
}
