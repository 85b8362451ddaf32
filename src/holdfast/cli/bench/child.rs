//! The benchmark's hand on a server in a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use holdfast_core::ports::{HttpClient as _, HttpRequest};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::memory::{self, Grown};
use super::part::Part;
use crate::native::Native;

/// A running part. Dropping it kills it.
pub struct Server {
    child: Child,
    asked: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl Server {
    /// Starts this program again to play `part`.
    pub async fn start(part: Part) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("this program does not start again")?;
        let mut asked = child.stdin.take().context("no input")?;
        let answers = child.stdout.take().context("no output")?;
        let mut answers = BufReader::new(answers).lines();
        let line = serde_json::to_string(&part)? + "\n";
        asked.write_all(line.as_bytes()).await?;
        let address = answers.next_line().await?;
        let address = address.context("a server of the benchmark did not start")?;
        Ok(Self {
            address: address.parse()?,
            child,
            asked,
            answers,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it as an operator's machine would, and fails unless the answer is 200.
    pub async fn ask(&self, method: &'static str, path: &str, token: &str) -> Result<()> {
        let request = HttpRequest {
            method,
            url: format!("http://{}{path}", self.address),
            headers: vec![("authorization", format!("Bearer {token}"))],
            body: Vec::new(),
            connect: PATIENCE,
            reply: PATIENCE,
            most: 16 << 20,
        };
        let sent = Native::new()?.send(request).await;
        let answer = sent.with_context(|| path.to_owned())?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "{path}: {} {said}", answer.status);
        Ok(())
    }

    /// How many messages it got.
    pub async fn count(&mut self) -> Result<u64> {
        self.asked.write_all(b"count\n").await?;
        let answer = self.answers.next_line().await?;
        Ok(answer
            .context("a server of the benchmark is gone")?
            .parse()?)
    }

    /// Its memory at most, in bytes, since the start or the last [`Server::forget_peak`].
    pub fn peak(&self) -> Result<u64> {
        memory::peak(self.id()?)
    }

    /// What it had when it was idle, and what it had at most since.
    pub fn grown(&self, idle: u64) -> Result<Grown> {
        let peak = self.peak()?;
        Ok(Grown { idle, peak })
    }

    /// Its memory now, in bytes.
    pub fn memory(&self) -> Result<u64> {
        memory::now(self.id()?)
    }

    /// The peak is counted from here.
    pub fn forget_peak(&self) -> Result<()> {
        memory::forget_peak(self.id()?)
    }

    fn id(&self) -> Result<u32> {
        self.child.id().context("a server of the benchmark is gone")
    }

    /// Ends it.
    pub async fn stop(mut self) {
        // It may be gone already.
        self.child.kill().await.ok();
    }
}

const PATIENCE: Duration = Duration::from_secs(300);
/// The hidden command that plays a part.
pub const COMMAND: &str = "bench-part";
