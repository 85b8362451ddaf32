//! The load: requests over connections that stay open, one at a time on each, for a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How much load.
#[derive(Clone)]
pub struct Plan {
    pub connections: usize,
    /// Bytes of a message.
    pub size: usize,
    pub time: Duration,
}

/// Where requests go, how each is made, and how it must be answered.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub request: Arc<dyn Fn() -> Result<Request<Full<Bytes>>> + Send + Sync>,
    pub status: u16,
}

/// What was measured.
#[derive(Default)]
pub struct Measured {
    /// Requests that were answered as they should be.
    pub requests: u64,
    pub elapsed: Duration,
    /// Of each request, in microseconds, sorted; empty where it is not known.
    pub latencies: Vec<u32>,
    /// Resident memory of the serving process at most, in bytes.
    pub peak: u64,
}

impl Measured {
    /// Requests in a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of the requests did not exceed, in milliseconds.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let last = self.latencies.len().checked_sub(1)?;
        let at = (last as f64 * share).round() as usize;
        Some(f64::from(*self.latencies.get(at)?) / 1000.0)
    }
}

/// Keeps `plan.connections` busy for `plan.time`. Any answer but the expected one is an error.
pub async fn run(target: &Target, plan: &Plan) -> Result<Measured> {
    let mut connections = JoinSet::new();
    let mut open = Vec::new();
    for _ in 0..plan.connections {
        open.push(connect(target.address).await?);
    }
    let began = Instant::now();
    for sender in open {
        let (target, until) = (target.clone(), began + plan.time);
        connections.spawn(async move { keep_busy(sender, &target, until).await });
    }
    let mut measured = Measured::default();
    while let Some(done) = connections.join_next().await {
        measured.latencies.extend(done??);
    }
    measured.elapsed = began.elapsed();
    measured.requests = measured.latencies.len() as u64;
    measured.latencies.sort_unstable();
    Ok(measured)
}

/// One request, outside of any measurement; the answer's body.
pub async fn once(target: &Target) -> Result<Bytes> {
    let mut sender = connect(target.address).await?;
    exchange(&mut sender, target).await
}

async fn keep_busy(
    mut sender: SendRequest<Full<Bytes>>,
    target: &Target,
    until: Instant,
) -> Result<Vec<u32>> {
    let mut latencies = Vec::with_capacity(65_536);
    loop {
        let began = Instant::now();
        if began >= until {
            return Ok(latencies);
        }
        if sender.ready().await.is_err() {
            sender = connect(target.address).await?;
        }
        exchange(&mut sender, target).await?;
        latencies.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

pub async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How it ends is seen by the request at hand.
    tokio::spawn(async move { connection.await.ok() });
    Ok(sender)
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, target: &Target) -> Result<Bytes> {
    let response = sender.send_request((target.request)()?).await;
    let response = response.context("a request was not answered")?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    if status != target.status {
        let body = String::from_utf8_lossy(&body);
        bail!(
            "answered with {status} instead of {}: {body}",
            target.status
        );
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo_http_primary::{DemoHttpPrimary, HttpInbox};

    #[tokio::test]
    async fn everything_counted_has_arrived_and_wrong_answers_are_errors() {
        let inbox = HttpInbox::new(0);
        let listen = "127.0.0.1:0".parse().unwrap();
        let primary = DemoHttpPrimary::start(listen, inbox.clone()).await.unwrap();
        let mut target = Target {
            address: primary.address(),
            request: Arc::new(|| {
                let request = Request::post("/").header("host", "localhost");
                let request = request.header("content-type", "message/rfc822");
                Ok(request.body(Full::from("a: b\r\n\r\n"))?)
            }),
            status: 200,
        };
        let plan = Plan {
            connections: 3,
            size: 8,
            time: Duration::from_millis(50),
        };
        let measured = run(&target, &plan).await.unwrap();
        assert!(measured.requests > 0);
        assert_eq!(measured.requests, inbox.count());
        assert!(measured.percentile(0.5) <= measured.percentile(0.99));
        target.status = 202;
        assert!(run(&target, &plan).await.is_err());
    }
}
