//! Makes the connections of the HTTP clients: name lookup, TCP, and TLS where asked.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use wasmtime_wasi_http::Error;

tokio::task_local! {
    /// The connect timeout of the request at hand: the pooled client has no other way to pass it.
    pub static CONNECT_TIMEOUT: Duration;
}

/// Connects without TLS.
#[derive(Clone)]
pub struct Plain;

/// Connects with TLS; the server chooses HTTP/1.1 or HTTP/2.
#[derive(Clone)]
pub struct Secure(pub Arc<ClientConfig>);

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectFault {
    /// The name has no address, or is no name.
    Name(&'static str),
    /// Nobody answers at that address, or the answer is no.
    Refused,
    /// The connect timeout passed.
    Timeout,
    /// The server is not who it should be, or does not speak TLS.
    Tls,
}

impl ConnectFault {
    /// The code the component sees; the same as Spin's.
    pub fn as_wasi(&self) -> Error {
        match self {
            Self::Name(what) => Error::DnsError {
                rcode: Some((*what).to_owned()),
                info_code: Some(0),
            },
            Self::Refused => Error::ConnectionRefused,
            Self::Timeout => Error::ConnectionTimeout,
            Self::Tls => Error::TlsProtocolError,
        }
    }
}

impl fmt::Display for ConnectFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for ConnectFault {}

type Connecting<S> = Pin<Box<dyn Future<Output = Result<TokioIo<S>, ConnectFault>> + Send>>;

impl Service<Uri> for Plain {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectFault;
    type Future = Connecting<TcpStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = connect_timeout();
        Box::pin(async move { Ok(TokioIo::new(connect(&uri, 80, limit).await?)) })
    }
}

impl Service<Uri> for Secure {
    type Response = TokioIo<SecureStream>;
    type Error = ConnectFault;
    type Future = Connecting<SecureStream>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = connect_timeout();
        let connector = TlsConnector::from(self.0.clone());
        Box::pin(async move {
            let stream = connect(&uri, 443, limit).await?;
            let host = uri.host().unwrap_or_default();
            let host = host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned();
            let name =
                ServerName::try_from(host).map_err(|_| ConnectFault::Name("invalid dns name"))?;
            let stream = connector.connect(name, stream).await;
            Ok(TokioIo::new(SecureStream(
                stream.map_err(|_| ConnectFault::Tls)?,
            )))
        })
    }
}

/// Read when the connection is begun, inside the request; the client may finish it elsewhere.
fn connect_timeout() -> Duration {
    CONNECT_TIMEOUT.try_with(|limit| *limit).unwrap_or(FALLBACK)
}

async fn connect(uri: &Uri, port: u16, limit: Duration) -> Result<TcpStream, ConnectFault> {
    let unknown = || ConnectFault::Name("address not available");
    let host = uri.host().ok_or_else(unknown)?;
    let place = format!("{host}:{}", uri.port_u16().unwrap_or(port));
    let addresses: Vec<_> = tokio::net::lookup_host(place)
        .await
        .map_err(|_| unknown())?
        .collect();
    let stream = tokio::time::timeout(limit, TcpStream::connect(&*addresses))
        .await
        .map_err(|_| ConnectFault::Timeout)?
        .map_err(|error| match error.kind() {
            io::ErrorKind::AddrNotAvailable => unknown(),
            _ => ConnectFault::Refused,
        })?;
    // A request's head and its body are two writes; the second must not wait for an ACK.
    stream
        .set_nodelay(true)
        .map_err(|_| ConnectFault::Refused)?;
    Ok(stream)
}

/// A TLS stream that says which HTTP version was agreed on.
pub struct SecureStream(TlsStream<TcpStream>);

impl Connection for SecureStream {
    fn connected(&self) -> Connected {
        let (tcp, tls) = self.0.get_ref();
        match tls.alpn_protocol() {
            Some(b"h2") => tcp.connected().negotiated_h2(),
            _ => tcp.connected(),
        }
    }
}

impl AsyncRead for SecureStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for SecureStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

const FALLBACK: Duration = Duration::from_secs(600);
