//! The HTTP server in front of the components: accepts connections, finds the route, hands the
//! request to the component and its answer back.

mod headers;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;

use super::guest::{Blueprint, Services};
use super::log::LogSink;
use super::worker::Workers;
use crate::manifest::{Manifest, routes::Routes};

/// The application as it is served.
pub struct Application {
    info: Bytes,
    routes: Routes,
    handlers: BTreeMap<String, ProxyHandler<Workers>>,
    log: LogSink,
}

impl Application {
    /// Compiles the components that have a route.
    pub async fn load(manifest: Manifest, services: Services) -> Result<Self> {
        let info = serde_json::json!({ "name": manifest.name, "version": manifest.version });
        let log = services.log.clone();
        let routes = manifest.routes;
        let mut components = manifest.components;
        components.retain(|id, _| routes.iter().any(|route| route.component == *id));
        let handlers = tokio::task::spawn_blocking(move || {
            let load = |(id, component)| {
                let blueprint = Arc::new(Blueprint::load(component, services.clone())?);
                Ok((id, ProxyHandler::new(Workers(blueprint))))
            };
            components.into_iter().map(load).collect::<Result<_>>()
        });
        Ok(Self {
            info: info.to_string().into(),
            handlers: handlers.await??,
            routes,
            log,
        })
    }

    async fn respond(&self, request: Request<Incoming>, client: SocketAddr) -> Response<WasiBody> {
        let path = request.uri().path();
        if let Some(own) = path.strip_prefix("/.well-known/spin/") {
            return match own {
                "health" => answer(StatusCode::OK, Bytes::from_static(b"OK")),
                "info" => answer(StatusCode::OK, self.info.clone()),
                _ => answer(StatusCode::NOT_FOUND, Bytes::new()),
            };
        }
        let Some(found) = self.routes.find(path) else {
            return answer(StatusCode::NOT_FOUND, Bytes::new());
        };
        let component = found.route.component.as_str();
        let Some(handler) = self.handlers.get(component) else {
            return answer(StatusCode::NOT_FOUND, Bytes::new());
        };
        let prepared = match headers::prepare(&request, &found, client) {
            Ok(prepared) => prepared,
            Err(fault) => {
                (self.log)(
                    component,
                    format!("a request was refused: {fault}").as_bytes(),
                );
                return answer(fault.status(), Bytes::new());
            }
        };
        let (mut parts, body) = request.into_parts();
        (parts.uri, parts.headers) = prepared;
        let body = body.map_err(wasmtime_wasi_http::Error::from).boxed_unsync();
        match handler.handle((), Request::from_parts(parts, body)).await {
            Ok(response) => response,
            Err(error) => {
                let line = format!("a request failed and was answered with 500: {error:#}");
                (self.log)(component, line.as_bytes());
                answer(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
            }
        }
    }
}

/// Serves connections for as long as the runtime lives.
pub async fn accept(listener: TcpListener, application: Arc<Application>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                tokio::spawn(connection(stream, client, application.clone()));
            }
            // Out of file descriptors, or the client is gone already: the next may work.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn connection(stream: TcpStream, client: SocketAddr, application: Arc<Application>) {
    // Without it, an answer in two small writes waits for the client's delayed ACK. If it cannot be
    // set, the connection is as good as gone, and serving it will tell.
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let application = application.clone();
        async move { Ok::<_, Infallible>(application.respond(request, client).await) }
    });
    // A connection that breaks is the client's business; there is nobody left to tell.
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

fn answer(status: StatusCode, body: Bytes) -> Response<WasiBody> {
    let length = header::HeaderValue::from(body.len());
    let body = Full::new(body).map_err(wasmtime_wasi_http::Error::from);
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}
