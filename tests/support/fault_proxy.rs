//! What stands between Holdfast and its storage: it passes requests on, counts them, and does
//! whatever a test wants instead.
//!
//! `Host` is passed on as it came, so the signatures stay good.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::until;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is passed on after this time.
    Slow(Duration),
    /// It is answered with this status and S3's `<Code>`, and not passed on.
    Status(u16, &'static str),
    /// It is passed on, and the connection is closed instead of answering.
    LoseAnswer,
    /// The connection is closed, and the request not passed on.
    Close,
    /// It is never answered nor passed on.
    Silent,
}

/// A request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// The object's key, without the bucket; empty for a listing.
    pub key: String,
    /// How many requests with this method and key came by before it.
    pub earlier: usize,
}

type Rule = Box<dyn Fn(&Seen) -> Option<Fault> + Send>;

#[derive(Clone, Default)]
struct Shared {
    rule: Arc<Mutex<Option<Rule>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The proxy.
pub struct FaultProxy {
    address: SocketAddr,
    upstream: SocketAddr,
    shared: Shared,
    accepting: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// A proxy that passes all on to `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared::default();
        let accepting = Some(tokio::spawn(accept(listener, upstream, shared.clone())));
        Self {
            address,
            upstream,
            shared,
            accepting,
        }
    }

    /// The endpoint, as `storage_url` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, `rule` says what happens to a request; none = it is passed on.
    pub fn rule(&self, rule: impl Fn(&Seen) -> Option<Fault> + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// From now on all is passed on.
    pub fn behave(&self) {
        *self.shared.rule.lock().unwrap() = None;
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Refuses connections and cuts those there are.
    pub async fn stop(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            accepting.await.ok();
        }
    }

    /// Listens again, at the same address.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let mut listener = None;
        until("the proxy's port is free", async || {
            listener = TcpListener::bind(self.address).await.ok();
            listener.is_some()
        })
        .await;
        let accepting = accept(listener.unwrap(), self.upstream, self.shared.clone());
        self.accepting = Some(tokio::spawn(accepting));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
    }
}

async fn accept(listener: TcpListener, upstream: SocketAddr, shared: Shared) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                stream.set_nodelay(true).ok();
                connections.spawn(connection(stream, upstream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection; an error from the service closes it without an answer.
async fn connection(stream: TcpStream, upstream: SocketAddr, shared: Shared) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { serve(request, upstream, shared).await.ok_or(Closed) }
    });
    let http = hyper::server::conn::http1::Builder::new();
    http.serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn serve(
    request: Request<Incoming>,
    upstream: SocketAddr,
    shared: Shared,
) -> Option<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let seen = shared.note(&head.method, head.uri.path());
    let fault = {
        let rule = shared.rule.lock().unwrap();
        rule.as_ref().and_then(|rule| rule(&seen))
    };
    let forward = forward(upstream, Request::from_parts(head, Full::new(body)));
    match fault {
        None => forward.await,
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            forward.await
        }
        Some(Fault::Status(status, code)) => Some(refusal(status, code)),
        Some(Fault::LoseAnswer) => {
            forward.await;
            None
        }
        Some(Fault::Close) => None,
        Some(Fault::Silent) => std::future::pending().await,
    }
}

impl Shared {
    fn note(&self, method: &Method, path: &str) -> Seen {
        let path = path.trim_start_matches('/');
        let key = path.split_once('/').map_or("", |(_, key)| key).to_owned();
        let mut all = self.seen.lock().unwrap();
        let same = |seen: &&Seen| seen.method == method && seen.key == key;
        let seen = Seen {
            method: method.clone(),
            earlier: all.iter().filter(same).count(),
            key,
        };
        all.push(seen.clone());
        seen
    }
}

async fn forward(
    upstream: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Option<Response<Full<Bytes>>> {
    let stream = TcpStream::connect(upstream).await.ok()?;
    stream.set_nodelay(true).ok();
    let io = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;
    let driving = tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    driving.abort();
    head.headers.remove(http::header::TRANSFER_ENCODING);
    Some(Response::from_parts(head, Full::new(body)))
}

fn refusal(status: u16, code: &str) -> Response<Full<Bytes>> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code>\
         <Message>not now</Message></Error>"
    );
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status.try_into().unwrap();
    response
}

#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection is closed, as the test wants it")
    }
}

impl std::error::Error for Closed {}
