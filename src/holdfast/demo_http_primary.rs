//! A mail system that takes its mail over HTTP: accepts every POST of a `message/rfc822`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use crate::server::Server;

/// A message as it was posted.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Path and query of the request.
    pub target: String,
    /// The request's headers.
    pub headers: HeaderMap,
    /// The message, byte for byte.
    pub bytes: Bytes,
}

/// What was posted. It outlives the server.
#[derive(Clone)]
pub struct HttpInbox(Arc<Shared>);

struct Shared {
    keep: usize,
    kept: Mutex<VecDeque<Posted>>,
    count: AtomicU64,
}

impl HttpInbox {
    /// An inbox that keeps the last `keep` messages.
    pub fn new(keep: usize) -> Self {
        Self(Arc::new(Shared {
            keep,
            kept: Mutex::default(),
            count: AtomicU64::new(0),
        }))
    }

    /// The messages kept, oldest first.
    pub fn messages(&self) -> Vec<Posted> {
        self.lock().iter().cloned().collect()
    }

    /// How many messages arrived, kept or not.
    pub fn count(&self) -> u64 {
        self.0.count.load(Relaxed)
    }

    fn accept(&self, message: Posted) {
        if self.0.keep > 0 {
            let mut kept = self.lock();
            if kept.len() == self.0.keep {
                kept.pop_front();
            }
            kept.push_back(message);
        }
        self.0.count.fetch_add(1, Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Posted>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running server. Dropping it stops it.
pub struct DemoHttpPrimary(Server);

impl DemoHttpPrimary {
    /// Listens on `listen`; port 0 takes a free one.
    pub async fn start(listen: SocketAddr, inbox: HttpInbox) -> Result<Self> {
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

async fn serve(stream: TcpStream, inbox: HttpInbox) {
    let service = service_fn(move |request| {
        let inbox = inbox.clone();
        async move { Ok::<_, Infallible>(respond(request, &inbox).await) }
    });
    // A connection that breaks is the client's business; there is nobody left to tell.
    auto::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await
        .ok();
}

async fn respond(request: Request<Incoming>, inbox: &HttpInbox) -> Response<Full<Bytes>> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if request.method() != Method::POST {
        return answer(
            StatusCode::METHOD_NOT_ALLOWED,
            r#"{"error":"POST a message"}"#,
        );
    }
    if kind.is_none_or(|kind| !kind.as_bytes().starts_with(b"message/rfc822")) {
        let error = r#"{"error":"the content type must be message/rfc822"}"#;
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, error);
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return answer(
            StatusCode::BAD_REQUEST,
            r#"{"error":"the message broke off"}"#,
        );
    };
    inbox.accept(Posted {
        target: parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str())
            .to_owned(),
        headers: parts.headers,
        bytes: body.to_bytes(),
    });
    answer(StatusCode::OK, r#"{"accepted":true}"#)
}

fn answer(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_kept_and_other_requests_refused() {
        let inbox = HttpInbox::new(5);
        let listen = "127.0.0.1:0".parse().unwrap();
        let primary = DemoHttpPrimary::start(listen, inbox.clone()).await.unwrap();
        let url = format!("http://{}/inbound?to=a", primary.address());
        let client = reqwest::Client::new();
        let post = client
            .post(&url)
            .header("content-type", "message/rfc822")
            .body("a\r\n\r\nb");
        assert_eq!(post.send().await.unwrap().status(), 200);
        let text = client
            .post(&url)
            .header("content-type", "text/plain")
            .body("x");
        assert_eq!(text.send().await.unwrap().status(), 415);
        assert_eq!(client.get(&url).send().await.unwrap().status(), 405);
        let messages = inbox.messages();
        assert_eq!((messages.len(), inbox.count()), (1, 1));
        assert_eq!(messages[0].target, "/inbound?to=a");
        assert_eq!(messages[0].bytes, "a\r\n\r\nb");
        let address = primary.address();
        primary.stop().await;
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
    }
}
