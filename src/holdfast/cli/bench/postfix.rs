//! A Postfix of our own, in a folder of its own, fed by its own `smtp-source`: the same messages,
//! as many at a time, to the same SMTP sink.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::net::TcpStream;

use super::child::Server;
use super::load::{Measured, Plan};
use super::memory;
use super::scenario::closed_port;

mod flush;

pub use flush::{direct, flush};

/// An instance, configured; it runs only while it is measured.
pub struct Postfix {
    folder: PathBuf,
    address: SocketAddr,
    postfix: PathBuf,
    smtp_source: PathBuf,
    /// Messages a second, as far as it is known.
    relays: Option<f64>,
    queues: Option<f64>,
    flushes: Option<f64>,
    feeds: Option<f64>,
}

impl Postfix {
    /// Writes its configuration. An error says why there can be none.
    pub fn prepare(folder: &Path) -> Result<Self> {
        let postfix = find("postfix")?;
        let smtp_source = find("smtp-source")?;
        for name in ["config", "queue", "data"] {
            std::fs::create_dir_all(folder.join(name))?;
        }
        // Its processes run as a user of their own and have to find their way in.
        for place in [folder.parent().unwrap_or(folder), folder] {
            std::fs::set_permissions(place, std::fs::Permissions::from_mode(0o755))?;
        }
        let owned = Command::new("chown")
            .arg("postfix")
            .arg(folder.join("data"))
            .stderr(Stdio::null())
            .status()?;
        ensure!(owned.success(), "an instance of one's own needs root");
        let port = closed_port()?;
        let services = format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}");
        std::fs::write(folder.join("config/master.cf"), services)?;
        Ok(Self {
            folder: folder.to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            postfix,
            smtp_source,
            relays: None,
            queues: None,
            flushes: None,
            feeds: None,
        })
    }

    /// Says that it shall relay to this port; `more` are lines of its own.
    fn configure(&self, to: u16, more: &str) -> Result<()> {
        let folder = self.folder.display();
        let settings = format!(
            "compatibility_level = 3.6\nqueue_directory = {folder}/queue\n\
             data_directory = {folder}/data\nmaillog_file = {folder}/data/mail.log\n\
             maillog_file_prefixes = {folder}\nmyhostname = bench.example.org\nmydestination =\n\
             mynetworks = 127.0.0.0/8\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
             relay_domains = example.org\nrelay_transport = smtp:[127.0.0.1]:{to}\n\
             default_transport = error:nothing leaves this machine\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nalias_maps =\n\
             alias_database =\nlocal_recipient_maps =\nsmtp_dns_support_level = disabled\n{more}"
        );
        Ok(std::fs::write(
            self.folder.join("config/main.cf"),
            settings,
        )?)
    }

    /// Starts it, configured so.
    async fn start(&self, to: u16, more: &str) -> Result<Running<'_>> {
        self.configure(to, more)?;
        self.command("start").await?;
        let running = Running(self);
        for _ in 0..100 {
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(running);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let folder = self.folder.display();
        bail!("it does not listen; see {folder}/data/mail.log")
    }

    async fn command(&self, command: &str) -> Result<()> {
        let mut postfix = tokio::process::Command::new(&self.postfix);
        postfix
            .arg("-c")
            .arg(self.folder.join("config"))
            .arg(command);
        let output = postfix.stdin(Stdio::null()).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "postfix {command}: {said}");
        Ok(())
    }

    fn queued(&self) -> Result<u64> {
        let mut count = 0;
        for name in ["maildrop", "incoming", "active", "deferred"] {
            count += files_in(&self.folder.join("queue").join(name))?;
        }
        Ok(count)
    }

    fn deferred(&self) -> Result<u64> {
        files_in(&self.folder.join("queue/deferred"))
    }

    fn master(&self) -> Result<u32> {
        let file = self.folder.join("queue/pid/master.pid");
        Ok(std::fs::read_to_string(file)?.trim().parse()?)
    }
}

/// Stops the instance when it is dropped, also after an error.
struct Running<'p>(&'p Postfix);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut postfix = Command::new(&self.0.postfix);
        postfix
            .arg("-c")
            .arg(self.0.folder.join("config"))
            .arg("stop");
        // Nothing can be done here about one that does not stop.
        postfix
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .ok();
        // The next one begins with an empty queue. Moved and not deleted, as `Stage::put_aside` says.
        let queue = self.0.folder.join("queue");
        if let Ok(aside) = tempfile::tempdir_in(&self.0.folder) {
            std::fs::rename(&queue, aside.keep().join("spent")).ok();
        }
        std::fs::create_dir_all(&queue).ok();
    }
}

/// Accepted and relayed: until the sink has the last of them.
pub async fn relay(postfix: &mut Postfix, sink: &mut Server, plan: &Plan) -> Result<Measured> {
    let running = postfix.start(sink.address().port(), "").await?;
    let rate = match postfix.relays {
        Some(rate) => rate,
        None => relay_some(postfix, sink, TRIAL, plan).await?.rate(),
    };
    let measured = relay_some(postfix, sink, count(rate, plan), plan).await?;
    drop(running);
    postfix.relays = Some(measured.rate());
    Ok(measured)
}

async fn relay_some(
    postfix: &Postfix,
    sink: &mut Server,
    count: u64,
    plan: &Plan,
) -> Result<Measured> {
    let expected = sink.count().await? + count;
    let work = async {
        feed(postfix, postfix.address, count, plan).await?;
        arrived(sink, expected).await
    };
    measure(postfix.master()?, count, work).await
}

/// Accepted into the queue while nobody answers behind it.
pub async fn queue(postfix: &mut Postfix, nobody: u16, plan: &Plan) -> Result<Measured> {
    let running = postfix.start(nobody, "").await?;
    let rate = match postfix.queues {
        Some(rate) => rate,
        None => {
            let work = feed(postfix, postfix.address, TRIAL, plan);
            measure(postfix.master()?, TRIAL, work).await?.rate()
        }
    };
    let before = postfix.queued()?;
    let count = count(rate, plan);
    let work = feed(postfix, postfix.address, count, plan);
    let measured = measure(postfix.master()?, count, work).await?;
    // A message that moves between two folders may be missed while we count.
    let queued = async {
        while postfix.queued()? != before + count {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        anyhow::Ok(())
    };
    let queued = tokio::time::timeout(PATIENCE, queued).await;
    queued.with_context(|| format!("{count} were accepted and the queue has others"))??;
    drop(running);
    postfix.queues = Some(measured.rate());
    Ok(measured)
}

/// Hands so many messages to who listens there; returns when all were accepted.
async fn feed(postfix: &Postfix, to: SocketAddr, count: u64, plan: &Plan) -> Result<()> {
    let mut source = tokio::process::Command::new(&postfix.smtp_source);
    // -d: connections stay open, as those of the other scenarios do.
    source.args(["-d", "-f", "ben@example.net", "-t", "anna@example.org"]);
    source.args(["-s", &plan.connections.to_string()]);
    source.args(["-m", &count.to_string(), "-l", &plan.size.to_string()]);
    source.arg(format!("inet:{to}")).kill_on_drop(true);
    let output = source.stdin(Stdio::null()).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "smtp-source: {said}");
    Ok(())
}

/// Waits until the sink has so many.
async fn arrived(sink: &mut Server, expected: u64) -> Result<()> {
    let arriving = async {
        while sink.count().await? < expected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    let arrived = tokio::time::timeout(PATIENCE, arriving).await;
    arrived.context("not everything arrived")??;
    ensure!(
        sink.count().await? == expected,
        "more arrived than was sent"
    );
    Ok(())
}

/// Times `work` and watches the memory of all its processes meanwhile.
async fn measure(
    master: u32,
    requests: u64,
    work: impl Future<Output = Result<()>>,
) -> Result<Measured> {
    let mut peak = 0;
    let watch = async {
        loop {
            peak = peak.max(memory::family(master));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let began = Instant::now();
    tokio::select! {
        done = work => done?,
        () = watch => {}
    }
    Ok(Measured {
        requests,
        elapsed: began.elapsed(),
        latencies: Vec::new(),
        peak,
    })
}

fn count(rate: f64, plan: &Plan) -> u64 {
    ((rate * plan.time.as_secs_f64()) as u64).max(TRIAL)
}

fn files_in(folder: &Path) -> Result<u64> {
    let mut count = 0;
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(0); // A folder of the queue that was moved or is not there yet.
    };
    for entry in entries {
        let entry = entry?;
        count += match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_in(&entry.path())?,
            Ok(kind) if kind.is_file() => 1,
            _ => 0,
        };
    }
    Ok(count)
}

/// The program, where Debian or somebody else put it.
fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut programs = folders.map(|folder| folder.join(name));
    let found = programs.find(|program| program.is_file());
    found.with_context(|| format!("{name} is not installed (apt-get install postfix)"))
}

const TRIAL: u64 = 200;
const PATIENCE: Duration = Duration::from_secs(120);
/// Debian's, without what is not needed to relay, and without chroot.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
";
