//! The scenarios, and the servers they are played with.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use tempfile::TempDir;

use super::backlog::Scene;
use super::child::Server;
use super::load::{self, Measured, Plan, Target};
use super::part::Part;
use super::postfix::Postfix;
use super::{native_put, postfix};
use crate::cli::stage::{BUCKET, ROUTE, Secrets};
use crate::cli::texts;
use crate::native::Native;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// A component that only passes the body on, to the HTTP sink.
    Forward,
    /// Submissions delivered to an HTTP primary.
    DeliverHttp,
    /// Submissions delivered to an SMTP primary.
    DeliverSmtp,
    /// The same on a route that keeps copies for the mailboxes.
    DeliverCopies,
    /// Postfix relaying to the same SMTP primary.
    PostfixRelay,
    /// Submissions held, because the primary is down.
    Hold,
    /// A native client putting the same bytes into the same bucket.
    HoldNative,
    /// Postfix queueing, because the primary is down.
    PostfixQueue,
    /// Held messages given back to the SMTP primary.
    Release,
    /// Postfix giving back what it had deferred.
    PostfixFlush,
    /// Nothing between: Postfix's `smtp-source` and the same sink.
    SmtpSource,
    /// Submissions delivered to an SMTP primary while a backlog is released to it.
    NewMail,
}

impl Scenario {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::DeliverHttp => "deliver-http",
            Self::DeliverSmtp => "deliver-smtp",
            Self::DeliverCopies => "deliver-copies",
            Self::PostfixRelay => "postfix-relay",
            Self::Hold => "hold",
            Self::HoldNative => "hold-native",
            Self::PostfixQueue => "postfix-queue",
            Self::Release => "release",
            Self::PostfixFlush => "postfix-flush",
            Self::SmtpSource => "smtp-source",
            Self::NewMail => "new-mail",
        }
    }
}

/// The servers, running.
pub struct Stage {
    folder: TempDir,
    http_sink: Server,
    smtp_sink: Server,
    storage: Server,
    forward: Host,
    deliver_http: Host,
    deliver_smtp: Host,
    deliver_copies: Host,
    hold: Host,
    native: Target,
    postfix: Option<Postfix>,
    secrets: Secrets,
    /// Messages a second, as far as it is known.
    releases: Option<f64>,
}

struct Host {
    server: Server,
    target: Target,
}

impl Stage {
    /// Starts everything but Postfix, which starts when it is its turn.
    pub async fn set(manifest: &Path, root: &Path, plan: &Plan) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let secrets = Secrets::draw(&Native::new()?);
        let http_sink = Server::start(Part::HttpSink).await?;
        let smtp_sink = Server::start(Part::SmtpSink).await?;
        let storage = storage(&folder, &secrets, true).await?;
        let storage_url = format!("http://{}", storage.address());
        let message = message(plan.size);

        let host = async |primary: String, status, more: &str| {
            let variables = secrets.variables(&primary, &storage_url, more);
            let server = Server::start(Part::Host {
                manifest: manifest.to_owned(),
                variables,
                listen: None,
            });
            let server = server.await?;
            let key = secrets.partner_key.clone();
            let target = submission(&server, &key, message.clone(), status);
            Ok::<_, anyhow::Error>(Host { server, target })
        };
        let deliver_http = host(format!("http://{}/", http_sink.address()), 200, "").await?;
        let smtp = format!("smtp://{}", smtp_sink.address());
        let deliver_smtp = host(smtp.clone(), 200, "").await?;
        let deliver_copies = host(smtp, 200, "copies = \"on\"").await?;
        let hold = host(format!("smtp://127.0.0.1:{}", closed_port()?), 202, "").await?;
        let server = Server::start(Part::Host {
            manifest: forwarder(&folder, root, &http_sink)?,
            variables: Default::default(),
            listen: None,
        });
        let server = server.await?;
        let target = submission(&server, "", message.clone(), 200);
        let forward = Host { server, target };
        let bucket = secrets.bucket(&storage_url);
        let native = native_put::target(&bucket, storage.address(), held(&message))?;
        let postfix = match Postfix::prepare(&folder.path().join("postfix")) {
            Ok(postfix) => Some(postfix),
            Err(error) => {
                texts::remark(&format!("Without Postfix: {error:#}"));
                None
            }
        };
        Ok(Self {
            folder,
            http_sink,
            smtp_sink,
            storage,
            forward,
            deliver_http,
            deliver_smtp,
            deliver_copies,
            hold,
            native,
            postfix,
            secrets,
            releases: None,
        })
    }

    /// What can be measured here, in the order of a round: what is compared stands together.
    pub fn scenarios(&self) -> Vec<Scenario> {
        use Scenario::*;
        // Storage first: Postfix deletes what it relays, and slows down who makes files after it.
        let all = [
            Hold,
            HoldNative,
            PostfixQueue,
            Forward,
            DeliverHttp,
            DeliverSmtp,
            DeliverCopies,
            NewMail,
            PostfixRelay,
            Release,
            PostfixFlush,
            SmtpSource,
        ];
        let needs_postfix =
            |one: &Scenario| matches!(one, PostfixRelay | PostfixQueue | PostfixFlush | SmtpSource);
        all.into_iter()
            .filter(|one| self.postfix.is_some() || !needs_postfix(one))
            .collect()
    }

    /// Plays one round of one scenario, and compares what was counted with what arrived.
    pub async fn measure(&mut self, scenario: Scenario, plan: &Plan) -> Result<Measured> {
        settle().await;
        match scenario {
            Scenario::Forward => deliver(&self.forward, &mut self.http_sink, plan).await,
            Scenario::DeliverHttp => deliver(&self.deliver_http, &mut self.http_sink, plan).await,
            Scenario::DeliverSmtp => deliver(&self.deliver_smtp, &mut self.smtp_sink, plan).await,
            Scenario::DeliverCopies => {
                let measured = deliver(&self.deliver_copies, &mut self.smtp_sink, plan).await?;
                self.put_aside(&self.bucket().join("messages"))?;
                Ok(measured)
            }
            Scenario::Hold => {
                until_down(&self.hold.target).await?;
                let folder = format!("queue/{ROUTE}");
                let mut measured = self.put(&self.hold.target, &folder, plan).await?;
                measured.peak = self.hold.server.peak()?;
                Ok(measured)
            }
            Scenario::HoldNative => {
                let mut measured = self.put(&self.native, native_put::FOLDER, plan).await?;
                measured.peak = self.storage.peak()?;
                Ok(measured)
            }
            Scenario::PostfixRelay => {
                let postfix = self.postfix.as_mut().context("there is no Postfix")?;
                postfix::relay(postfix, &mut self.smtp_sink, plan).await
            }
            Scenario::PostfixQueue => {
                let postfix = self.postfix.as_mut().context("there is no Postfix")?;
                postfix::queue(postfix, closed_port()?, plan).await
            }
            Scenario::PostfixFlush => {
                let postfix = self.postfix.as_mut().context("there is no Postfix")?;
                postfix::flush(postfix, &mut self.smtp_sink, plan).await
            }
            Scenario::SmtpSource => {
                let postfix = self.postfix.as_mut().context("there is no Postfix")?;
                postfix::direct(postfix, &mut self.smtp_sink, plan).await
            }
            Scenario::Release => {
                let rate = match self.releases {
                    Some(rate) => rate,
                    None => self.backlog(plan).release(TRIAL).await?.rate(),
                };
                let count = (rate * plan.time.as_secs_f64()) as u64;
                let measured = self.backlog(plan).release(count.max(TRIAL)).await?;
                self.releases = Some(measured.rate());
                self.put_aside(&self.queue())?;
                Ok(measured)
            }
            Scenario::NewMail => {
                let rate = match self.releases {
                    Some(rate) => rate,
                    None => self.backlog(plan).release(TRIAL).await?.rate(),
                };
                self.releases = Some(rate);
                let count = (rate * (plan.time + WARMING_UP).as_secs_f64() * 2.0) as u64;
                let target = self.deliver_smtp.target.clone();
                let mut backlog = self.backlog(plan);
                let measured = backlog.new_mail(&target, count.max(TRIAL), plan).await?;
                self.put_aside(&self.queue())?;
                Ok(measured)
            }
        }
    }

    /// Where the host that delivers by SMTP would have held messages.
    fn backlog(&mut self, plan: &Plan) -> Scene<'_> {
        Scene {
            host: &self.deliver_smtp.server,
            sink: &mut self.smtp_sink,
            secrets: &self.secrets,
            bucket: self
                .secrets
                .bucket(&format!("http://{}", self.storage.address())),
            message: message(plan.size),
        }
    }

    fn bucket(&self) -> PathBuf {
        self.folder.path().join("s3").join(BUCKET)
    }

    fn queue(&self) -> PathBuf {
        self.bucket().join(format!("queue/{ROUTE}"))
    }

    async fn put(&self, target: &Target, folder: &str, plan: &Plan) -> Result<Measured> {
        let folder = self.bucket().join(folder);
        load::run(target, &plan.for_warming_up()).await?;
        self.put_aside(&folder)?;
        settle().await;
        let measured = load::run(target, plan).await?;
        let stored = messages_in(&folder)?;
        ensure!(
            stored == measured.requests,
            "{} were accepted and the bucket has {stored}",
            measured.requests
        );
        self.put_aside(&folder)?;
        Ok(measured)
    }

    /// Each round writes into an empty folder. What lies there is moved and not deleted: ext4
    /// makes new files slowly while it remembers that many were deleted.
    fn put_aside(&self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            let aside = tempfile::tempdir_in(self.folder.path())?.keep();
            std::fs::rename(folder, aside.join("spent"))?;
        }
        Ok(())
    }

    /// Ends everything.
    pub async fn end(self) {
        for host in [
            self.forward,
            self.deliver_http,
            self.deliver_smtp,
            self.deliver_copies,
            self.hold,
        ] {
            host.server.stop().await;
        }
        for server in [self.http_sink, self.smtp_sink, self.storage] {
            server.stop().await;
        }
        // What cannot be removed is the system's to remove.
        self.folder.close().ok();
    }
}

async fn deliver(host: &Host, sink: &mut Server, plan: &Plan) -> Result<Measured> {
    load::run(&host.target, &plan.for_warming_up()).await?;
    let before = sink.count().await?;
    let mut measured = load::run(&host.target, plan).await?;
    let arrived = sink.count().await? - before;
    ensure!(
        arrived == measured.requests,
        "{} were answered with 200 and {arrived} arrived",
        measured.requests
    );
    measured.peak = host.server.peak()?;
    Ok(measured)
}

/// The first messages meet the dead primary; from then on it is known to be down.
pub async fn until_down(target: &Target) -> Result<()> {
    for _ in 0..50 {
        let answer: serde_json::Value = serde_json::from_slice(&load::once(target).await?)?;
        if answer.get("reason").and_then(|reason| reason.as_str()) == Some("down") {
            return Ok(());
        }
    }
    bail!("the dead primary is not judged to be down")
}

/// What earlier rounds left to the disk is written before the next begins.
async fn settle() {
    let sync = tokio::process::Command::new("sync").status().await;
    // Without that command the rounds are a little noisier.
    sync.ok();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// The storage, in its own process.
pub async fn storage(folder: &TempDir, secrets: &Secrets, durable: bool) -> Result<Server> {
    let part = Part::Storage {
        folder: folder.path().join("s3"),
        access_key: secrets.storage_access_key.clone(),
        secret_key: secrets.storage_secret_key.clone(),
        durable,
        listen: None,
    };
    Server::start(part).await
}

/// Submissions of `message` to a host.
pub fn submission(host: &Server, key: &str, message: Bytes, status: u16) -> Target {
    let address = host.address();
    let (authorization, host) = (format!("Bearer {key}"), address.to_string());
    let request = move || {
        let request = Request::post(SUBMISSION)
            .header(header::HOST, &host)
            .header(header::AUTHORIZATION, &authorization)
            .header(header::CONTENT_TYPE, "message/rfc822");
        Ok(request.body(Full::new(message.clone()))?)
    };
    Target {
        address,
        request: Arc::new(request),
        status,
    }
}

/// A message of `size` bytes, of lines as mail has them.
pub fn message(size: usize) -> Bytes {
    let head = "From: Ben <ben@example.net>\r\nTo: Anna <anna@example.org>\r\n\
                Subject: A message of the benchmark\r\nMessage-ID: <bench@example.net>\r\n\r\n";
    let line = "The quick brown fox jumps over the lazy dog, and then does so once more.\r\n";
    let mut message = Vec::with_capacity(size + line.len());
    message.extend_from_slice(head.as_bytes());
    while message.len() < size {
        message.extend_from_slice(line.as_bytes());
    }
    message.truncate(size.saturating_sub(2));
    message.extend_from_slice(b"\r\n");
    message.into()
}

/// As much as a held message is: about as many lines in front as Holdfast writes.
fn held(message: &Bytes) -> Bytes {
    let mut object = vec![b'x'; LINES_IN_FRONT];
    object.extend_from_slice(message);
    object.into()
}

/// An application of the one component that only forwards.
fn forwarder(folder: &TempDir, root: &Path, sink: &Server) -> Result<PathBuf> {
    let source = root.join("target/wasm32-wasip2/component/forward.wasm");
    let source = source.canonicalize().context("forward.wasm")?;
    let address = sink.address();
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"forward\"\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"forward\"\n[component.forward]\n\
         source = {source:?}\nallowed_outbound_hosts = [\"http://{address}\"]\n\
         environment = {{ FORWARD_URL = \"http://{address}/\" }}\n"
    );
    let file = folder.path().join("forward.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}

/// A port on which nobody listens.
pub fn closed_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

fn messages_in(folder: &Path) -> Result<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        count += u64::from(entry?.path().extension().is_some_and(|end| end == "eml"));
    }
    Ok(count)
}

impl Plan {
    /// The same for a moment.
    pub fn for_warming_up(&self) -> Self {
        Self {
            time: WARMING_UP,
            ..self.clone()
        }
    }
}

/// Messages of the first release, which tells how many the next must be.
const TRIAL: u64 = 200;
const WARMING_UP: Duration = Duration::from_millis(500);
const SUBMISSION: &str = "/v1/messages?from=ben@example.net&to=anna@example.org";
const LINES_IN_FRONT: usize = 420;
