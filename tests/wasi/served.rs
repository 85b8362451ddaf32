//! Our components built without Spin's own interfaces, each served by a process of `wasmtime serve`.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;

use holdfast_tests::workspace;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// One component, served. The process ends when this is dropped.
pub struct Served {
    /// The base URL.
    pub url: String,
    _process: Child,
}

impl Served {
    /// Serves it with these settings, given as environment variables `HOLDFAST_<NAME>`.
    pub async fn start(component: &str, settings: &[(&str, &str)]) -> Self {
        let file = built(component).await;
        let mut command = Command::new(wasmtime());
        command.args([
            "serve",
            "-S",
            "cli,inherit-network",
            "--addr",
            "127.0.0.1:0",
        ]);
        for (name, value) in settings {
            command
                .arg("--env")
                .arg(format!("HOLDFAST_{}={value}", name.to_uppercase()));
        }
        command
            .arg(file)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().expect("wasmtime starts");
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let line = lines.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("wasmtime did not serve: {said}"));
            match line.split_once("Serving HTTP on ") {
                Some((_, url)) => break url.trim_end_matches('/').to_owned(),
                None => said += &line,
            }
        };
        // Whatever it says later is for whoever reads the test's output.
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln!("{line}");
            }
        });
        Self {
            url,
            _process: process,
        }
    }
}

/// The built file of a component, in a target folder of its own: with other features the same file
/// would be another one.
pub async fn built(component: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    let build = || {
        BUILT.get_or_init(|| {
            let arguments = "build --locked --profile component --target wasm32-wasip2 \
                             -p submission -p inbound -p keeper -p directory -p mailbox --no-default-features \
                             --target-dir target/wasi";
            let mut cargo = std::process::Command::new("cargo");
            cargo
                .args(arguments.split_whitespace())
                .current_dir(workspace());
            assert!(cargo.status().unwrap().success(), "cargo {arguments}");
        });
    };
    tokio::task::spawn_blocking(build).await.unwrap();
    workspace().join(format!(
        "target/wasi/wasm32-wasip2/component/{component}.wasm"
    ))
}

/// The program, from where `.ci/run` puts it.
fn wasmtime() -> PathBuf {
    let program = workspace().join("target/peers/wasmtime");
    assert!(
        program.is_file(),
        "wasmtime is missing: put version 46 or later at target/peers/wasmtime, as .ci/run does"
    );
    program
}
