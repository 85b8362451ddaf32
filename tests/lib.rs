//! What the end-to-end tests share: built components, applications made of them, small servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

pub mod certificates;
pub mod support;

use std::path::{Path, PathBuf};

use holdfast::components;
use tempfile::TempDir;

/// The folder of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The `.wasm` file of a test component, `probe` or `forward`, built if it is stale.
pub fn test_component(name: &str) -> PathBuf {
    components::build_packages_once(workspace(), &["forward", "probe"]).unwrap();
    let built = format!("target/wasm32-wasip2/component/{name}.wasm");
    workspace().join(built).canonicalize().unwrap()
}

/// An application in a folder of its own; the folder goes when this is dropped.
pub struct Application {
    folder: TempDir,
}

impl Application {
    /// Writes `manifest`, the text of a `spin.toml` without its head.
    pub fn new(manifest: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let head = "spin_manifest_version = 2\n[application]\nname = \"test\"\n";
        std::fs::write(folder.path().join("spin.toml"), format!("{head}{manifest}")).unwrap();
        Self { folder }
    }

    /// Where its `spin.toml` is.
    pub fn manifest(&self) -> PathBuf {
        self.folder.path().join("spin.toml")
    }

    /// A file or folder beside its `spin.toml`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
