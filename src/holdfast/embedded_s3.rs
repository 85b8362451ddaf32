//! S3-compatible storage inside this process, for a first try and for tests.
//!
//! The protocol and the files are s3s and s3s-fs, with signatures verified. Two things they leave
//! open are added here, because Holdfast's promises are tested against this store:
//!
//! - s3s-fs checks `If-Match` and `If-None-Match: *` and writes later, so that two creators could
//!   both win. Here, requests for one object wait for its writer.
//! - s3s-fs does not wait for the disk. Here, a stored object is on the disk before it is confirmed.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use percent_encoding::percent_decode_str;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpStream;
use tokio::sync::RwLock;

use crate::server::Server;

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
        let files = FileSystem::new(&folder).map_err(|error| anyhow!("{error:?}"))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(
            options.access_key,
            options.secret_key.as_str(),
        ));
        let store = Arc::new(Store {
            service: service.build(),
            durable: options.durable.then_some(folder),
            writers: std::array::from_fn(|_| RwLock::new(())),
            hasher: RandomState::new(),
        });
        let serve = move |stream| connection(stream, store.clone());
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

struct Store {
    service: S3Service,
    /// The folder, if writes wait for the disk.
    durable: Option<PathBuf>,
    /// An object's path falls to one of these; two objects may share one and only lose a moment.
    writers: [RwLock<()>; 64],
    hasher: RandomState,
}

impl Store {
    async fn respond(&self, request: Request<Incoming>) -> Response<s3s::Body> {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let lock = &self.writers[self.hasher.hash_one(uri.path()) as usize % self.writers.len()];
        let request = request.map(s3s::Body::from);
        let response = if method == Method::GET || method == Method::HEAD {
            let _reading = lock.read().await;
            self.service.call(request).await
        } else {
            let _writing = lock.write().await;
            let response = self.service.call(request).await;
            let stored = response
                .as_ref()
                .is_ok_and(|response| response.status().is_success());
            match &self.durable {
                Some(folder) if stored && method == Method::PUT => {
                    let synced = sync(folder, &uri).await;
                    synced
                        .map_err(|error| s3s::HttpError::new(Box::new(error)))
                        .and(response)
                }
                _ => response,
            }
        };
        response.unwrap_or_else(|_| {
            let mut failed = Response::new(s3s::Body::empty());
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        })
    }
}

async fn connection(stream: TcpStream, store: Arc<Store>) {
    let service = service_fn(move |request| {
        let store = store.clone();
        async move { Ok::<_, Infallible>(store.respond(request).await) }
    });
    // A connection that breaks is the client's business; there is nobody left to tell.
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

/// Waits until the object of `uri` is on the disk: the file and its entry in the folder.
async fn sync(folder: &Path, uri: &Uri) -> std::io::Result<()> {
    let path = percent_decode_str(uri.path().trim_start_matches('/')).decode_utf8_lossy();
    let file = folder.join(path.as_ref());
    let sync = move || {
        // A part of a multipart upload has no file of this name yet.
        if let (Ok(object), Some(parent)) = (std::fs::File::open(&file), file.parent()) {
            object.sync_all()?;
            std::fs::File::open(parent)?.sync_all()?;
        }
        Ok(())
    };
    tokio::task::spawn_blocking(sync).await?
}

#[cfg(test)]
mod tests;
