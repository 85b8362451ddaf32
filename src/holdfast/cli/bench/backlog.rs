//! A backlog given back: held messages lie in the bucket, one tick is called, and the time counts
//! until the last of them has arrived. And the other way round: new mail while that goes on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use holdfast_core::custody::held::{Copy, Digest, Held};
use holdfast_core::custody::store::s3::{S3Settings, S3Store};
use holdfast_core::custody::store::{Condition, Store};
use holdfast_core::mail::{Envelope, MessageId};
use holdfast_core::ports::Clock;
use holdfast_core::routing::{HoldReason, RouteName};
use holdfast_core::time::Timestamp;

use super::child::Server;
use super::load::{self, Measured, Plan, Target};
use crate::cli::stage::{ROUTE, Secrets};
use crate::native::Native;

/// A host, its storage and its primary, as a release needs them.
pub struct Scene<'s> {
    pub host: &'s Server,
    pub sink: &'s mut Server,
    pub secrets: &'s Secrets,
    pub bucket: S3Settings,
    pub message: Bytes,
}

impl Scene<'_> {
    /// Releases so many messages as fit into the plan's time at `rate`; until the queue is empty.
    pub async fn release(&mut self, count: u64) -> Result<Measured> {
        fill(&self.bucket, &self.message, count).await?;
        let expected = self.sink.count().await? + count;
        let began = Instant::now();
        let ticking = tick(self.host, &self.secrets.tick_token);
        let (ticked, arrived) = futures::future::join(ticking, self.arrived(expected)).await;
        let elapsed = arrived?.duration_since(began);
        ticked?;
        self.emptied().await?;
        let arrived = self.sink.count().await?;
        ensure!(
            arrived == expected,
            "{count} were held and {} arrived",
            arrived + count - expected
        );
        Ok(Measured {
            requests: count,
            elapsed,
            latencies: Vec::new(),
            peak: self.host.peak()?,
        })
    }

    /// New mail while a backlog of `count` messages is released; it must outlast the plan.
    pub async fn new_mail(&mut self, target: &Target, count: u64, plan: &Plan) -> Result<Measured> {
        fill(&self.bucket, &self.message, count).await?;
        let expected = self.sink.count().await? + count;
        let (host, secrets) = (self.host, self.secrets);
        let ticking = tick(host, &secrets.tick_token);
        let loading = async {
            // The release is under way when the first of it has arrived.
            while self.sink.count().await? == expected - count {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let mut measured = load::run(target, plan).await?;
            let released = self.sink.count().await? + count - expected - measured.requests;
            ensure!(
                released < count,
                "the backlog was released before the measurement ended"
            );
            self.arrived(expected + measured.requests).await?;
            measured.peak = self.host.peak()?;
            anyhow::Ok(measured)
        };
        let (ticked, measured) = futures::future::join(ticking, loading).await;
        ticked?;
        let measured = measured?;
        self.emptied().await?;
        Ok(measured)
    }

    async fn arrived(&mut self, expected: u64) -> Result<Instant> {
        let arriving = async {
            while self.sink.count().await? < expected {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(Instant::now())
        };
        let arrived = tokio::time::timeout(PATIENCE, arriving).await;
        arrived.context("not everything arrived")?
    }

    /// Waits until the queue is empty: what has arrived is also settled.
    async fn emptied(&self) -> Result<()> {
        let (store, route) = (store(&self.bucket)?, RouteName::parse(ROUTE)?);
        let emptying = async {
            while !store
                .list(&Held::prefix(&route), None, 1)
                .await?
                .keys
                .is_empty()
            {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            anyhow::Ok(())
        };
        let emptied = tokio::time::timeout(PATIENCE, emptying).await;
        emptied.context("the queue is not empty")?
    }
}

/// Puts so many held messages into the bucket, as submissions would have.
pub async fn fill(bucket: &S3Settings, message: &Bytes, count: u64) -> Result<()> {
    fill_since(bucket, message, count, Duration::ZERO).await
}

/// The same with messages that came in all the time since then.
pub async fn fill_since(
    bucket: &S3Settings,
    message: &Bytes,
    count: u64,
    since: Duration,
) -> Result<()> {
    let native = Native::new()?;
    let store = store(bucket)?;
    let age = |at: u64| since.mul_f64((count - at) as f64 / count as f64);
    let puts = (0..count).map(|at| held(&native, message, age(at)));
    stream::iter(puts)
        .map(|one| async {
            let (key, object) = one?;
            store.put(&key, &object, Condition::Always).await?;
            anyhow::Ok(())
        })
        .buffer_unordered(FILLING)
        .try_collect()
        .await
}

/// How many objects lie below a prefix.
pub async fn count(bucket: &S3Settings, prefix: &str) -> Result<u64> {
    let (store, mut count, mut after) = (store(bucket)?, 0, None::<String>);
    loop {
        let page = store.list(prefix, after.as_deref(), 1_000).await?;
        count += page.keys.len() as u64;
        after = page.keys.last().cloned();
        if !page.more {
            return Ok(count);
        }
    }
}

fn store(bucket: &S3Settings) -> Result<S3Store<Native>> {
    S3Store::new(bucket, Native::new()?).map_err(anyhow::Error::msg)
}

/// A held message and its key.
fn held(clock: &impl Clock, message: &Bytes, age: Duration) -> Result<(String, [Bytes; 2])> {
    let at = clock.now().millis() - i64::try_from(age.as_millis())?;
    let at = Timestamp::from_millis(at);
    let mut random = [0; 10];
    clock.random(&mut random);
    let (id, route) = (MessageId::new(at, random), RouteName::parse(ROUTE)?);
    let (from, to) = ("ben@example.net".parse()?, "anna@example.org".parse()?);
    let held = Held {
        id,
        route: route.clone(),
        envelope: Envelope::new(Some(from), vec![to]),
        uncertain: Vec::new(),
        split: false,
        partner: "demo".into(),
        at,
        reason: HoldReason::Down,
        detail: "the benchmark holds it".into(),
        digest: Digest::of(message),
        trace: None,
    };
    Ok((Held::key(&route, &Copy::first(id)), held.object(message)))
}

/// Lets time pass once; the keeper goes on by itself while there is more.
pub async fn tick(host: &Server, token: &str) -> Result<()> {
    host.ask("POST", "/v1/tick", token).await
}

const FILLING: usize = 16;
const LOOK_EVERY: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(300);
