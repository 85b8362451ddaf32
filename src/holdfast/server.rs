//! A TCP server that can be stopped as a machine stops: at once, its connections cut.

use std::net::{Shutdown, SocketAddr};

use anyhow::{Context, Result};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Accepts connections until it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens on `listen` and runs `serve` for each connection.
    pub async fn start<F>(
        listen: SocketAddr,
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            tokio::select! {
                () = accept(&listener, serve, &mut connections) => {}
                _ = stopped => {}
            }
            // First the door, so that nobody gets in while the others are thrown out. Closing alone
            // would leave it open as long as a child that is just being started has a copy of it.
            // That fails only for a socket that does not listen any more.
            SockRef::from(&listener).shutdown(Shutdown::Both).ok();
            drop(listener);
            connections.shutdown().await;
        });
        Ok(Self {
            address,
            stop: Some(stop),
            accepting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, and returns when the port is free and every connection is cut.
    pub async fn stop(mut self) {
        self.stop.take();
        // It fails only if it was aborted, and then it is gone as well.
        (&mut self.accepting).await.ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<F>(
    listener: &TcpListener,
    serve: impl Fn(TcpStream) -> F,
    connections: &mut JoinSet<()>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for an ACK; a connection that cannot be told so
                    // is broken, and serving it will show that.
                    stream.set_nodelay(true).ok();
                    connections.spawn(serve(stream));
                }
                // Out of file descriptors, or the client is gone already: the next may work.
                Err(_) => tokio::task::yield_now().await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
