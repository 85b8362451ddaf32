//! A full bucket beside an empty one: with so many held messages in it, new mail is taken as fast, a tick
//! starts to release at once, the keeper needs no more memory, and operators' requests are answered.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::backlog;
use super::child::Server;
use super::load::{self, Plan, Target};
use super::memory::Grown;
use super::part::Part;
use super::report::median;
use super::scenario::{closed_port, message, storage, submission, until_down};
use crate::cli::stage::Secrets;
use crate::native::Native;

/// What was measured. Latencies are medians of the rounds' medians, in milliseconds.
pub struct Scale {
    pub held: u64,
    /// A submission that is delivered: with the empty bucket, with the full one.
    pub deliver: Pair,
    /// One that is held.
    pub hold: Pair,
    /// From a tick's request to the first message that arrives, in seconds.
    pub first_release: f64,
    /// The host's memory while the keeper releases.
    pub memory: Grown,
    /// Each operators' request and the seconds until its answer, while the keeper releases.
    pub requests: Vec<(&'static str, f64)>,
}

/// The same with the empty and with the full bucket.
pub struct Pair {
    pub empty: f64,
    pub full: f64,
}

impl Pair {
    /// How much longer it takes with the full one.
    pub fn ratio(&self) -> f64 {
        self.full / self.empty
    }
}

/// Fills a bucket with `held` messages, and measures.
pub async fn measure(manifest: &Path, plan: &Plan, rounds: u32, held: u64) -> Result<Scale> {
    let secrets = Secrets::draw(&Native::new()?);
    let mut sink = Server::start(Part::SmtpSink).await?;
    let empty = Bucket::set(manifest, &secrets, &sink, plan).await?;
    let full = Bucket::set(manifest, &secrets, &sink, plan).await?;
    let bucket = secrets.bucket(&full.url());
    backlog::fill(&bucket, &message(SMALL), held).await?;

    let (deliver, hold) = latencies(&empty, &full, plan, rounds).await?;
    for host in [empty.deliver.0, empty.hold.0, full.deliver.0, full.hold.0] {
        host.stop().await;
    }
    let host = start(manifest, &secrets, &sink_url(&sink), &full.storage, true).await?;
    let idle = host.memory()?;
    let before = sink.count().await?;
    let began = Instant::now();
    let ticking = backlog::tick(&host, &secrets.tick_token);
    let looking = async {
        while sink.count().await? == before {
            ensure!(began.elapsed() < PATIENCE, "nothing is released");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let first_release = began.elapsed().as_secs_f64();
        let mut requests = Vec::new();
        for path in [
            "/v1/queue",
            "/v1/queue?state=deferred",
            "/v1/release",
            "/metrics",
        ] {
            let asked = Instant::now();
            host.ask("GET", path, &secrets.operator_token).await?;
            requests.push((path, asked.elapsed().as_secs_f64()));
        }
        Ok((first_release, requests))
    };
    let (ticked, looked) = futures::future::join(ticking, looking).await;
    ticked?;
    let (first_release, requests) = looked?;
    let memory = host.grown(idle)?;
    host.stop().await;
    Ok(Scale {
        held,
        deliver,
        hold,
        first_release,
        memory,
        requests,
    })
}

/// A bucket and the hosts that use it: one whose primary is up, one whose primary is down. Nobody ticks.
struct Bucket {
    _folder: TempDir,
    storage: Server,
    deliver: (Server, Target),
    hold: (Server, Target),
}

impl Bucket {
    async fn set(manifest: &Path, secrets: &Secrets, sink: &Server, plan: &Plan) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let storage = storage(&folder, secrets, false).await?;
        let host = async |primary: &str, status| {
            let host = start(manifest, secrets, primary, &storage, false).await?;
            let target = submission(&host, &secrets.partner_key, message(plan.size), status);
            Ok::<_, anyhow::Error>((host, target))
        };
        let deliver = host(&sink_url(sink), 200).await?;
        let hold = host(&format!("smtp://127.0.0.1:{}", closed_port()?), 202).await?;
        Ok(Self {
            deliver,
            hold,
            storage,
            _folder: folder,
        })
    }

    fn url(&self) -> String {
        format!("http://{}", self.storage.address())
    }
}

/// The rounds take turns, so that what disturbs the machine disturbs both.
async fn latencies(
    empty: &Bucket,
    full: &Bucket,
    plan: &Plan,
    rounds: u32,
) -> Result<(Pair, Pair)> {
    until_down(&empty.hold.1).await?;
    until_down(&full.hold.1).await?;
    let targets = [
        &empty.deliver.1,
        &full.deliver.1,
        &empty.hold.1,
        &full.hold.1,
    ];
    let mut middles = [const { Vec::new() }; 4];
    for target in targets {
        load::run(target, &plan.for_warming_up()).await?;
    }
    for _ in 0..rounds {
        for (target, middles) in targets.iter().zip(&mut middles) {
            let measured = load::run(target, plan).await?;
            middles.extend(measured.percentile(0.5));
        }
    }
    let [a, b, c, d] = middles.map(|middles| median(middles.into_iter()).unwrap_or(f64::NAN));
    let pair = |empty, full| Pair { empty, full };
    Ok((pair(a, b), pair(c, d)))
}

async fn start(
    manifest: &Path,
    secrets: &Secrets,
    primary: &str,
    storage: &Server,
    ticks: bool,
) -> Result<Server> {
    let storage_url = format!("http://{}", storage.address());
    let mut variables = secrets.variables(primary, &storage_url, "");
    if !ticks {
        variables.remove("tick_token");
    }
    Server::start(Part::Host {
        manifest: manifest.to_owned(),
        variables,
        listen: None,
    })
    .await
}

fn sink_url(sink: &Server) -> String {
    format!("smtp://{}", sink.address())
}

/// Bytes of the messages that fill the bucket.
const SMALL: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);
