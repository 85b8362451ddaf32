//! `wasi:http/client` as Spin offers it: the grants checked, connections pooled and kept alive,
//! each of the three timeouts 600 s unless the component set its own.

mod body;
mod clients;
mod connector;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use clients::Clients;

use super::log::LogSink;
use crate::grants::Grants;
use body::BetweenBytes;

/// One instance's way out.
pub struct Outbound {
    pub component: Arc<str>,
    pub grants: Arc<Grants>,
    pub clients: Clients,
    pub own_address: SocketAddr,
    pub log: LogSink,
}

type Outcome = Result<(Response<WasiBody>, Transmission), Error>;
type Transmission = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        // How the guest fared with the response: dropping the response body says the same.
        _: Transmission,
    ) -> Box<dyn Future<Output = Outcome> + Send> {
        let request = self.admit(request);
        let clients = self.clients.clone();
        Box::new(async move {
            let response = send(clients, request?, Timeouts::from(options)).await?;
            Ok((response, Box::new(async { Ok(()) }) as Transmission))
        })
    }
}

impl Outbound {
    /// Lets the request pass if a grant covers it, and readies it for the wire.
    fn admit(&self, mut request: Request<WasiBody>) -> Result<Request<WasiBody>, Error> {
        let itself = match request.uri().authority().map(Authority::host) {
            Some("") | None => true,
            Some(host) => host == "self.alt",
        };
        if !self.granted(request.uri(), itself) {
            return Err(Error::HttpRequestDenied);
        }
        if itself {
            self.turn_home(request.uri_mut())?;
        }
        // HTTP/2 servers trip over it; for HTTP/1 the client makes it from the URI.
        request.headers_mut().remove(header::HOST);
        Ok(request)
    }

    fn granted(&self, uri: &Uri, itself: bool) -> bool {
        if itself {
            return self.grants.allow_self();
        }
        let scheme = uri.scheme_str().unwrap_or("https");
        let host = uri.host().unwrap_or_default();
        let granted = self.grants.allow(scheme, host, uri.port_u16());
        if !granted {
            let authority = uri.authority().map_or("", Authority::as_str);
            let line = format!(
                "a request to {scheme}://{authority} was refused; to allow it, add \
                 \"{scheme}://{authority}\" to allowed_outbound_hosts"
            );
            (self.log)(&self.component, line.as_bytes());
        }
        granted
    }

    /// A request without an authority, or to `self.alt`, is for the application itself.
    fn turn_home(&self, uri: &mut Uri) -> Result<(), Error> {
        let mut parts = std::mem::take(uri).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        let own = self.own_address.to_string();
        parts.authority = Some(own.parse().map_err(|_| Error::HttpRequestUriInvalid)?);
        *uri = Uri::from_parts(parts).map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(())
    }
}

async fn send(
    clients: Clients,
    request: Request<WasiBody>,
    timeouts: Timeouts,
) -> Result<Response<WasiBody>, Error> {
    let sent = clients.send(request, timeouts.connect);
    let response = tokio::time::timeout(timeouts.first_byte, sent)
        .await
        .map_err(|_| Error::ConnectionReadTimeout)??;
    Ok(response.map(|body| BetweenBytes::new(body, timeouts.between_bytes).boxed_unsync()))
}

struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl From<Option<RequestOptions>> for Timeouts {
    fn from(options: Option<RequestOptions>) -> Self {
        let options = options.unwrap_or_default();
        Self {
            connect: options.connect_timeout.unwrap_or(USUAL_TIMEOUT),
            first_byte: options.first_byte_timeout.unwrap_or(USUAL_TIMEOUT),
            between_bytes: options.between_bytes_timeout.unwrap_or(USUAL_TIMEOUT),
        }
    }
}

const USUAL_TIMEOUT: Duration = Duration::from_secs(600);
