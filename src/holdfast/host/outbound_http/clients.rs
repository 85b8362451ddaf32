//! The pooled HTTP clients of a host: one for plain connections, one for TLS.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use http::uri::Scheme;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use wasmtime_wasi_http::{Error, WasiBody};

use super::connector::{CONNECT_TIMEOUT, ConnectFault, Plain, Secure};

/// Cheap to clone; all clones share the pools.
#[derive(Clone)]
pub struct Clients {
    plain: Client<Plain, WasiBody>,
    secure: Client<Secure, WasiBody>,
}

impl Clients {
    /// Clients that trust the public roots and `extra`.
    pub fn new(extra: &[CertificateDer<'static>]) -> Result<Self> {
        let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in extra {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut builder = Client::builder(TokioExecutor::new());
        // A request is sent again only if the kept connection turned out closed before any of it
        // was written; that is what hyper-util's own retry does.
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_ALIVE);
        Ok(Self {
            plain: builder.build(Plain),
            secure: builder.build(Secure(Arc::new(tls))),
        })
    }

    /// Sends the request over a kept or a new connection and waits for the response's head.
    pub async fn send(
        &self,
        request: Request<WasiBody>,
        connect_timeout: Duration,
    ) -> Result<Response<Incoming>, Error> {
        let secure = request.uri().scheme() == Some(&Scheme::HTTPS);
        CONNECT_TIMEOUT
            .scope(connect_timeout, async {
                match secure {
                    true => self.secure.request(request).await,
                    false => self.plain.request(request).await,
                }
            })
            .await
            .map_err(as_wasi)
    }
}

/// What Spin makes of it: the connector's own word, or the guest body's, else a protocol error.
fn as_wasi(error: legacy::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<ConnectFault>() {
            return fault.as_wasi();
        }
        if let Some(Error::HttpRequestBodySize(size)) = error.downcast_ref() {
            return Error::HttpRequestBodySize(*size);
        }
        cause = error.source();
    }
    Error::HttpProtocolError
}

/// How long an unused connection is kept; servers commonly close theirs after 60 to 75 s.
const KEEP_ALIVE: Duration = Duration::from_secs(50);
