//! One server of the benchmark as a process of its own, so that memory and time are its own. Tests
//! use it too, where a process is to be killed.
//!
//! The first line of its standard input says which part it plays; secrets come there too, not on the
//! command line. It answers with its address, then each further line with the number of messages it
//! got, and ends with its input.

use std::collections::BTreeMap;
use std::io::BufRead as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::cli::texts;
use crate::demo_http_primary::{DemoHttpPrimary, HttpInbox};
use crate::demo_primary::{DemoPrimary, Inbox};
use crate::embedded_s3::{EmbeddedS3, S3Options};
use crate::host::{HostOptions, RunningHost};

/// Which part to play.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Takes mail by SMTP and counts it.
    SmtpSink,
    /// Takes mail by HTTP and counts it.
    HttpSink,
    /// S3 storage in a folder.
    Storage {
        folder: PathBuf,
        access_key: String,
        secret_key: String,
        /// Whether an object is on the disk before its write is confirmed.
        #[serde(default = "yes")]
        durable: bool,
        /// Where to listen; a free port if absent.
        #[serde(default)]
        listen: Option<SocketAddr>,
    },
    /// An application, its log thrown away.
    Host {
        manifest: PathBuf,
        variables: BTreeMap<String, String>,
        /// Where to listen; a free port if absent.
        #[serde(default)]
        listen: Option<SocketAddr>,
    },
}

const fn yes() -> bool {
    true
}

/// Plays it until the input ends.
pub async fn run() -> Result<ExitCode> {
    let mut lines = input();
    let line = lines.recv().await.context("the part is not named")?;
    let running = Running::start(serde_json::from_str(&line)?).await?;
    texts::say(&running.address().to_string());
    while lines.recv().await.is_some() {
        texts::say(&running.count().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

enum Running {
    SmtpSink(DemoPrimary, Inbox),
    HttpSink(DemoHttpPrimary, HttpInbox),
    Storage(EmbeddedS3),
    Host(RunningHost),
}

impl Running {
    async fn start(part: Part) -> Result<Self> {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(match part {
            Part::SmtpSink => {
                let inbox = Inbox::new(0);
                Self::SmtpSink(DemoPrimary::start(free, inbox.clone()).await?, inbox)
            }
            Part::HttpSink => {
                let inbox = HttpInbox::new(0);
                Self::HttpSink(DemoHttpPrimary::start(free, inbox.clone()).await?, inbox)
            }
            Part::Storage {
                folder,
                access_key,
                secret_key,
                durable,
                listen,
            } => {
                let mut options = S3Options::new(folder, &access_key, &secret_key);
                options.durable = durable;
                options.listen = listen.unwrap_or(free);
                Self::Storage(EmbeddedS3::start(options).await?)
            }
            Part::Host {
                manifest,
                variables,
                listen,
            } => {
                let mut options = HostOptions::new(manifest);
                options.variables = variables;
                options.listen = listen.unwrap_or(free);
                options.log = Arc::new(|_, _| {});
                Self::Host(RunningHost::start(options).await?)
            }
        })
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::SmtpSink(server, _) => server.address(),
            Self::HttpSink(server, _) => server.address(),
            Self::Storage(server) => server.address(),
            Self::Host(server) => server.address(),
        }
    }

    fn count(&self) -> u64 {
        match self {
            Self::SmtpSink(_, inbox) => inbox.count(),
            Self::HttpSink(_, inbox) => inbox.count(),
            Self::Storage(_) | Self::Host(_) => 0,
        }
    }
}

/// Lines of the standard input, read on a thread of their own: such a read cannot be cancelled.
fn input() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
