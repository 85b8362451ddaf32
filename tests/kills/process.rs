//! A server of the program as a process of its own that can be killed and started again on its port.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use holdfast_tests::support::{program, until};
use holdfast_tests::workspace;
use serde_json::Value;
use tokio::net::TcpStream;

/// The process; it is killed when this is dropped.
pub struct Process {
    part: String,
    address: SocketAddr,
    child: Option<Child>,
}

impl Process {
    /// The part `name` of the program with these settings, on a port of its own.
    pub async fn start(name: &str, mut settings: Value) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        settings["listen"] = address.to_string().into();
        let part = serde_json::json!({ name: settings }).to_string();
        let mut process = Self {
            part,
            address,
            child: None,
        };
        process.again().await;
        process
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it again.
    pub async fn again(&mut self) {
        let mut child = Command::new(program())
            .arg("bench-part")
            .current_dir(workspace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It ends with its input, which stays open in the child.
        let input = child.stdin.as_mut().unwrap();
        writeln!(input, "{}", self.part).unwrap();
        let output = child.stdout.take().unwrap();
        self.child = Some(child);
        let started = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).unwrap();
            line
        });
        assert_eq!(started.await.unwrap().trim(), self.address.to_string());
        until("it listens", async || {
            TcpStream::connect(self.address).await.is_ok()
        })
        .await;
    }

    /// Kills it: SIGKILL, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
