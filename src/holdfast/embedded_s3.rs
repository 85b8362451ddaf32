//! S3-compatible storage inside this process, for a first try and for tests: s3s speaks the protocol and
//! verifies the signatures, the objects are [plain files](files).

mod files;
mod protocol;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpStream;

use crate::server::Server;
use files::Files;
use protocol::Actions;

/// Where the storage lies and who may use it.
#[derive(Clone)]
pub struct S3Options {
    /// The folder of the buckets; created if it is not there.
    pub folder: PathBuf,
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// A bucket to create if it is not there.
    pub bucket: String,
    /// Whether an object is on the disk before its write is confirmed.
    pub durable: bool,
}

impl S3Options {
    /// Storage in `folder` on a free loopback port, with the bucket `holdfast`.
    pub fn new(folder: impl Into<PathBuf>, access_key: &str, secret_key: &str) -> Self {
        Self {
            folder: folder.into(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            bucket: "holdfast".to_owned(),
            durable: true,
        }
    }
}

/// The running storage. Dropping it stops it.
pub struct EmbeddedS3(Server);

impl EmbeddedS3 {
    /// Starts the storage.
    pub async fn start(options: S3Options) -> Result<Self> {
        let folder = options.folder.clone();
        std::fs::create_dir_all(folder.join(&options.bucket))
            .with_context(|| format!("the storage folder {} cannot be made", folder.display()))?;
        let open = move || Files::open(folder, options.durable);
        let files = tokio::task::spawn_blocking(open).await?;
        let files =
            files.with_context(|| format!("{} cannot be read", options.folder.display()))?;
        let mut service = S3ServiceBuilder::new(Actions(Arc::new(files)));
        service.set_auth(SimpleAuth::from_single(
            options.access_key,
            options.secret_key.as_str(),
        ));
        let service = service.build();
        let serve = move |stream| connection(stream, service.clone());
        Ok(Self(Server::start(options.listen, serve).await?))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// The endpoint, as `storage_url` wants it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Stops abruptly, as a killed process would, and waits until everything is gone.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn connection(stream: TcpStream, service: S3Service) {
    let service = service_fn(move |request: Request<Incoming>| {
        let service = service.clone();
        async move {
            let response = service.call(request.map(s3s::Body::from)).await;
            Ok::<_, Infallible>(response.unwrap_or_else(|_| {
                let mut failed = Response::new(s3s::Body::empty());
                *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                failed
            }))
        }
    });
    // A connection that breaks is the client's business; there is nobody left to tell.
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

#[cfg(test)]
mod tests;
