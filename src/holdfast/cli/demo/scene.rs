//! What the demonstration is played with: storage, a mail system, the application between them, all
//! real, in a temporary folder and on free ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Result;
use holdfast_core::custody::store::s3::S3Store;
use tempfile::TempDir;

use super::api::Api;
use crate::cli::stage::Secrets;
use crate::demo_primary::{DemoPrimary, Inbox, Received};
use crate::embedded_s3::{EmbeddedS3, S3Options};
use crate::host::{HostOptions, MemoryLog, RunningHost};
use crate::native::Native;

/// The parts, running.
pub struct Scene {
    /// Goes last, and its folder with it.
    folder: TempDir,
    storage: EmbeddedS3,
    pub inbox: Inbox,
    address: SocketAddr,
    /// `None` while it is killed.
    primary: Option<DemoPrimary>,
    host: RunningHost,
    log: MemoryLog,
    secrets: Secrets,
    native: Native,
    pub api: Api,
    /// How many messages were handed in.
    pub submitted: usize,
}

impl Scene {
    /// Starts everything.
    pub async fn set(manifest: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let native = Native::new()?;
        let secrets = Secrets::draw(&native);
        let (access, secret) = (&secrets.storage_access_key, &secrets.storage_secret_key);
        let storage = EmbeddedS3::start(S3Options::new(folder.path(), access, secret)).await?;
        let inbox = Inbox::new(KEPT);
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let primary = DemoPrimary::start(free, inbox.clone()).await?;
        let address = primary.address();
        let log = MemoryLog::default();
        let mut options = HostOptions::new(manifest);
        options.log = log.sink();
        options.variables =
            secrets.variables(&format!("smtp://{address}"), &storage.url(), SETTINGS);
        let host = RunningHost::start(options).await?;
        let api = Api::new(host.url(), secrets.clone(), native.clone());
        // As cron has done before; otherwise the first message asks for a tick of its own.
        api.tick().await?;
        Ok(Self {
            folder,
            storage,
            inbox,
            address,
            primary: Some(primary),
            host,
            log,
            secrets,
            native,
            api,
            submitted: 0,
        })
    }

    /// What is where.
    pub fn introduction(&self) -> String {
        format!(
            "Holdfast serves on {}, a mail system for example.org takes SMTP on {}, and S3 storage\n\
             answers on {}. All of it is real and goes when this ends.",
            self.host.url(),
            self.address,
            self.storage.url(),
        )
    }

    /// The mail system's address.
    pub fn primary_address(&self) -> SocketAddr {
        self.address
    }

    /// Kills the mail system: its connections are cut and its port is closed.
    pub async fn kill_primary(&mut self) {
        if let Some(primary) = self.primary.take() {
            primary.stop().await;
        }
    }

    /// Starts it again where it was.
    pub async fn start_primary(&mut self) -> Result<()> {
        let primary = DemoPrimary::start(self.address, self.inbox.clone()).await?;
        self.primary = Some(primary);
        Ok(())
    }

    /// What came into its inbox after so many others.
    pub fn arrived_after(&self, many: usize) -> Vec<Received> {
        self.inbox.messages().into_iter().skip(many).collect()
    }

    /// The bucket, opened as any S3 client would.
    pub fn bucket(&self) -> Result<S3Store<Native>> {
        let settings = self.secrets.bucket(&self.storage.url());
        S3Store::new(&settings, self.native.clone()).map_err(anyhow::Error::msg)
    }

    /// Ends everything; the last lines the application wrote.
    pub async fn end(self) -> Vec<String> {
        self.host.stop().await;
        if let Some(primary) = self.primary {
            primary.stop().await;
        }
        self.storage.stop().await;
        // What cannot be removed is the system's to remove.
        self.folder.close().ok();
        let lines = self.log.lines();
        let last = lines.into_iter().rev().take(LOG_LINES);
        let mut last: Vec<_> = last.map(|(id, line)| format!("[{id}] {line}")).collect();
        last.reverse();
        last
    }
}

/// Strictly one message at a time, so that their order can be seen; one failure is enough, and probes
/// come quickly: a demonstration is short.
const SETTINGS: &str = r#"max_concurrency = 1
[route.health]
consecutive_failures = 1
base_ejection_time = "200ms"
max_ejection_time = "400ms"
health_max_age = "100ms"
"#;
const KEPT: usize = 16;
const LOG_LINES: usize = 20;
