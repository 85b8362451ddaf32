//! The embedded host: runs the components of one application and serves them over HTTP as
//! `spin up` would.
//!
//! Each [`RunningHost`] has a tokio runtime of its own. That is how stopping one is certain: with
//! the runtime go the listener, the connections, the guests at work and the pooled connections to
//! other servers. Compiled components are shared between the hosts of one process.

mod bindings;
mod engine;
mod guest;
mod inbound;
mod key_value;
mod log;
mod outbound_http;
mod sockets;
mod variables;
mod worker;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::pki_types::CertificateDer;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub use key_value::KeyValueBackend;
pub use log::{LogSink, MemoryLog, log_to_stderr};

use crate::manifest::Manifest;

/// What to run and with what around it.
pub struct HostOptions {
    /// The manifest, `spin.toml`.
    pub manifest: PathBuf,
    /// Values for the application's variables, as `--variable NAME=VALUE` gives them.
    pub variables: BTreeMap<String, String>,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the key-value stores are kept.
    pub key_value: KeyValueBackend,
    /// Where lines go that the guests print, and the host's own about them.
    pub log: LogSink,
    /// Certificates to trust for outbound HTTPS, besides the public roots.
    pub outbound_roots: Vec<CertificateDer<'static>>,
}

impl HostOptions {
    /// The application at `manifest` on a free loopback port, key-value in memory, log on stderr.
    pub fn new(manifest: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            variables: BTreeMap::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            key_value: KeyValueBackend::Memory,
            log: log_to_stderr(),
            outbound_roots: Vec::new(),
        }
    }
}

/// An application that is being served. Dropping it stops it; [`RunningHost::stop`] also waits.
pub struct RunningHost {
    address: SocketAddr,
    routes: Vec<(String, String)>,
    runtime: Option<Runtime>,
    stopping: Arc<AtomicBool>,
}

impl RunningHost {
    /// Loads the manifest, compiles the components and starts to listen. When this returns,
    /// requests are served.
    pub async fn start(options: HostOptions) -> Result<Self> {
        let manifest = Manifest::load(&options.manifest, &options.variables)?;
        let routes = manifest.routes.iter();
        let routes = routes
            .map(|route| (route.raw.clone(), route.component.clone()))
            .collect();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("holdfast-host")
            .enable_all()
            .build()?;
        let mut host = Self {
            address: options.listen,
            routes,
            runtime: Some(runtime),
            stopping: Arc::default(),
        };
        if let Some(runtime) = &host.runtime {
            let serving = serve(manifest, options, host.stopping.clone());
            host.address = runtime.spawn(serving).await??;
        }
        Ok(host)
    }

    /// Where the application listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Each route as written in the manifest, with its component.
    pub fn routes(&self) -> &[(String, String)] {
        &self.routes
    }

    /// Stops abruptly, as a killed process would, and waits until everything is gone.
    pub async fn stop(mut self) {
        self.stopping.store(true, Relaxed);
        if let Some(runtime) = self.runtime.take() {
            let gone = tokio::task::spawn_blocking(|| runtime.shutdown_timeout(STOP_TIMEOUT));
            // It fails only if the caller's own runtime ends, and then nothing is left to wait for.
            gone.await.ok();
        }
    }
}

impl Drop for RunningHost {
    fn drop(&mut self) {
        self.stopping.store(true, Relaxed);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Compiles, listens, and leaves a task behind that serves.
async fn serve(
    manifest: Manifest,
    options: HostOptions,
    stopping: Arc<AtomicBool>,
) -> Result<SocketAddr> {
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!(
            "cannot listen on {}; choose another address",
            options.listen
        )
    })?;
    let address = listener.local_addr()?;
    let services = guest::Services {
        key_value: key_value::Database::open(&options.key_value)?,
        http: outbound_http::Clients::new(&options.outbound_roots)?,
        log: options.log,
        own_address: address,
        stopping,
    };
    let application = inbound::Application::load(manifest, services).await?;
    tokio::spawn(inbound::accept(listener, Arc::new(application)));
    Ok(address)
}

/// How long a stop waits for code that does not yield, e.g. a file being written.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
