//! A mail system for a first try: an SMTP server that accepts everything and shows what it got.
//!
//! It is also what the benchmark delivers to, so it must not be what is measured: commands are read
//! as they come in, however many at once, and each flight of replies is one write.

mod session;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Server;
use session::Session;

/// A message as it arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The envelope sender; empty for a bounce.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// The message, byte for byte, without SMTP's dot-stuffing.
    pub bytes: Bytes,
}

/// How often the server was called on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visits {
    /// Connections.
    pub connections: u64,
    /// Messages that were begun (MAIL), accepted or not.
    pub begun: u64,
    /// How many of those were begun before each earlier one was accepted.
    pub overlapped: u64,
}

/// What arrived. It outlives the server, which may be stopped and started again.
#[derive(Clone)]
pub struct Inbox(Arc<Shared>);

struct Shared {
    keep: usize,
    kept: Mutex<VecDeque<Received>>,
    count: AtomicU64,
    connections: AtomicU64,
    begun: AtomicU64,
    overlapped: AtomicU64,
    hook: Box<dyn Fn(&Received) + Send + Sync>,
}

impl Inbox {
    /// An inbox that keeps the last `keep` messages.
    pub fn new(keep: usize) -> Self {
        Self::with_hook(keep, |_| ())
    }

    /// An inbox that keeps the last `keep` messages and calls `hook` for each, before it is
    /// confirmed.
    pub fn with_hook(keep: usize, hook: impl Fn(&Received) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            keep,
            kept: Mutex::default(),
            count: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            overlapped: AtomicU64::new(0),
            hook: Box::new(hook),
        }))
    }

    /// The messages kept, oldest first.
    pub fn messages(&self) -> Vec<Received> {
        self.lock().iter().cloned().collect()
    }

    /// How many messages arrived, kept or not.
    pub fn count(&self) -> u64 {
        self.0.count.load(Relaxed)
    }

    /// How often the server was called on.
    pub fn visits(&self) -> Visits {
        Visits {
            connections: self.0.connections.load(Relaxed),
            begun: self.0.begun.load(Relaxed),
            overlapped: self.0.overlapped.load(Relaxed),
        }
    }

    fn begin(&self, messages: u64) {
        for _ in 0..messages {
            if self.0.begun.fetch_add(1, Relaxed) > self.count() {
                self.0.overlapped.fetch_add(1, Relaxed);
            }
        }
    }

    fn accept(&self, message: Received) {
        (self.0.hook)(&message);
        if self.0.keep > 0 {
            let mut kept = self.lock();
            if kept.len() == self.0.keep {
                kept.pop_front();
            }
            kept.push_back(message);
        }
        self.0.count.fetch_add(1, Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Received>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running server. Dropping it stops it.
pub struct DemoPrimary(Server);

impl DemoPrimary {
    /// Listens on `listen`; port 0 takes a free one.
    pub async fn start(listen: SocketAddr, inbox: Inbox) -> Result<Self> {
        let serve = move |stream| serve(stream, inbox.clone());
        Ok(Self(Server::start(listen, serve).await?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Stops abruptly: connections are cut, and the port refuses new ones.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn serve(mut stream: TcpStream, inbox: Inbox) {
    let mut session = Session::new();
    inbox.0.connections.fetch_add(1, Relaxed);
    loop {
        while let Some(message) = session.advance() {
            inbox.begin(session.take_begun());
            inbox.accept(message);
            session.confirm(inbox.count());
        }
        inbox.begin(session.take_begun());
        let replies = session.take_replies();
        if !replies.is_empty() && stream.write_all(&replies).await.is_err() {
            return;
        }
        if session.is_over() {
            return;
        }
        match stream.read_buf(session.input()).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
