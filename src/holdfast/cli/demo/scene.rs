//! What the demonstration is played with: storage, a mail system, the application between them, all
//! real, in a temporary folder and on free ports.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use holdfast_core::custody::store::s3::S3Store;
use holdfast_core::ports::{HttpClient, HttpRequest};
use serde_json::Value;
use tempfile::TempDir;

use super::message::{FROM, TO};
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
        options.variables = secrets.variables(&format!("smtp://{address}"), &storage.url(), HEALTH);
        let host = RunningHost::start(options).await?;
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

    /// The newest message in its inbox.
    pub fn newest(&self) -> Option<Received> {
        self.inbox.messages().pop()
    }

    /// The bucket, opened as any S3 client would.
    pub fn bucket(&self) -> Result<S3Store<Native>> {
        let settings = self.secrets.bucket(&self.storage.url());
        S3Store::new(&settings, self.native.clone()).map_err(anyhow::Error::msg)
    }

    /// Hands in a message; the status and the answer.
    pub async fn submit(&self, message: Bytes) -> Result<(u16, Value)> {
        let path = format!("/v1/messages?from={FROM}&to={TO}");
        let key = self.secrets.partner_key.clone();
        self.request("POST", &path, key, vec![message]).await
    }

    /// Lets time pass, as cron would.
    pub async fn tick(&self) -> Result<Value> {
        let token = self.secrets.tick_token.clone();
        self.good("POST", "/v1/tick", token).await
    }

    /// The health of the one route.
    pub async fn health(&self) -> Result<Value> {
        let token = self.secrets.operator_token.clone();
        let health = self.good("GET", "/v1/health", token).await?;
        let route = health.pointer("/routes/0").cloned();
        route.context("the health has no route")
    }

    /// The life of a message, as its sender may read it.
    pub async fn life(&self, id: &str) -> Result<Value> {
        let key = self.secrets.partner_key.clone();
        self.good("GET", &format!("/v1/messages/{id}"), key).await
    }

    async fn good(&self, method: &'static str, path: &str, key: String) -> Result<Value> {
        match self.request(method, path, key, Vec::new()).await? {
            (200, answer) => Ok(answer),
            (status, answer) => bail!("{method} {path} was answered with {status}: {answer}"),
        }
    }

    async fn request(
        &self,
        method: &'static str,
        path: &str,
        key: String,
        body: Vec<Bytes>,
    ) -> Result<(u16, Value)> {
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.host.url()),
            headers: vec![
                ("authorization", format!("Bearer {key}")),
                ("content-type", "message/rfc822".to_owned()),
            ],
            body,
            connect: WAIT,
            reply: WAIT,
            most: ANSWER_BYTES,
        };
        let response = self.native.send(request).await;
        let response = response.with_context(|| format!("{method} {path}"))?;
        let answer = serde_json::from_slice(&response.body)
            .with_context(|| format!("{method} {path}: the answer is not JSON"))?;
        Ok((response.status, answer))
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

/// One failure is enough, and probes come quickly: a demonstration is short.
const HEALTH: &str = r#"[route.health]
consecutive_failures = 1
base_ejection_time = "200ms"
max_ejection_time = "400ms"
health_max_age = "100ms"
"#;
const KEPT: usize = 16;
const WAIT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 1 << 20;
const LOG_LINES: usize = 20;
