//! Core's HTTP port over hyper: kept connections, TLS with the public roots, a limit on everything.

use std::error::Error as StdError;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use holdfast_core::ports::{HttpClient, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};

/// This machine: its clock, its chance, its way into the network. Clones share connections.
#[derive(Clone)]
pub struct Native {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Native {
    /// A client that trusts the public roots.
    pub fn new() -> Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(provider)?
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let most = request.most;
        let response = self.client.request(build(request)?).await;
        let response = response.map_err(|error| no_response(&error))?;
        let status = response.status().as_u16();
        let etag = response.headers().get(header::ETAG);
        let etag = etag.and_then(|value| value.to_str().ok().map(str::to_owned));
        let body = Limited::new(response.into_body(), most).collect().await;
        let body = body.map_err(|error| no_body(&*error, most))?.to_bytes();
        Ok(HttpResponse { status, etag, body })
    }
}

impl HttpClient for Native {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let time = request.connect + request.reply;
        match tokio::time::timeout(time, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => {
                let detail = format!("no answer within {} s", time.as_secs_f32());
                Err(failure(HttpFailureKind::Timeout, detail))
            }
        }
    }
}

fn build(request: HttpRequest) -> Result<Request<Full<Bytes>>, HttpFailure> {
    let body = match <[Bytes; 1]>::try_from(request.body) {
        Ok([whole]) => whole,
        Err(pieces) => pieces.concat().into(),
    };
    let mut builder = Request::builder().method(request.method).uri(request.url);
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    // What is wrong with it may be the URL, and that may be signed: nothing of it is repeated.
    builder.body(Full::new(body)).map_err(|_| {
        let detail = "the URL or a header field cannot be used".to_owned();
        failure(HttpFailureKind::NotConnected, detail)
    })
}

fn no_response(error: &legacy::Error) -> HttpFailure {
    let kind = match error.is_connect() {
        _ if is_about_tls(error) => HttpFailureKind::Tls,
        true => HttpFailureKind::NotConnected,
        false => HttpFailureKind::Broken,
    };
    failure(kind, innermost(error))
}

fn no_body(error: &(dyn StdError + 'static), most: usize) -> HttpFailure {
    match error.downcast_ref::<LengthLimitError>() {
        Some(_) => failure(
            HttpFailureKind::TooLong,
            format!("longer than {most} bytes"),
        ),
        None => failure(HttpFailureKind::Broken, innermost(error)),
    }
}

fn failure(kind: HttpFailureKind, detail: String) -> HttpFailure {
    HttpFailure { kind, detail }
}

/// What it was in the end: the outer errors only say at what.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error)
        .last()
        .map_or_else(String::new, ToString::to_string)
}

/// TLS errors travel inside I/O errors, which hide them from `source`.
fn is_about_tls(error: &(dyn StdError + 'static)) -> bool {
    chain(error).any(|cause| {
        let mut nested = std::iter::successors(Some(cause), |error| inside(*error));
        nested.any(|error| error.is::<rustls::Error>())
    })
}

fn inside<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e (dyn StdError + 'static)> {
    Some(error.downcast_ref::<std::io::Error>()?.get_ref()?)
}

fn chain<'e>(
    error: &'e (dyn StdError + 'static),
) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo_http_primary::{DemoHttpPrimary, HttpInbox};

    fn request(method: &'static str, url: String, most: usize) -> HttpRequest {
        HttpRequest {
            method,
            url,
            headers: vec![("content-type", "message/rfc822".into())],
            body: vec![
                Bytes::from_static(b"a: b\r\n"),
                Bytes::from_static(b"\r\nc"),
            ],
            connect: Duration::from_secs(2),
            reply: Duration::from_secs(2),
            most,
        }
    }

    #[tokio::test]
    async fn pieces_arrive_as_one_body_and_long_answers_are_refused() {
        let inbox = HttpInbox::new(1);
        let listen = "127.0.0.1:0".parse().unwrap();
        let primary = DemoHttpPrimary::start(listen, inbox.clone()).await.unwrap();
        let native = Native::new().unwrap();
        let url = format!("http://{}/in", primary.address());
        let response = native.send(request("POST", url.clone(), 100)).await;
        assert_eq!(response.unwrap().status, 200);
        assert_eq!(inbox.messages()[0].bytes, "a: b\r\n\r\nc");
        let response = native.send(request("POST", url, 3)).await;
        assert_eq!(response.unwrap_err().kind, HttpFailureKind::TooLong);
    }

    #[tokio::test]
    async fn nobody_there_and_no_tls_there_are_told_apart() {
        let listen = "127.0.0.1:0".parse().unwrap();
        let primary = DemoHttpPrimary::start(listen, HttpInbox::new(0)).await;
        let primary = primary.unwrap();
        let address = primary.address();
        let native = Native::new().unwrap();
        let secure = native.send(request("GET", format!("https://{address}/"), 9));
        let failure = secure.await.unwrap_err();
        assert_eq!(failure.kind, HttpFailureKind::Tls, "{failure}");
        primary.stop().await;
        let absent = native.send(request("GET", format!("http://{address}/?secret"), 9));
        let failure = absent.await.unwrap_err();
        assert_eq!(failure.kind, HttpFailureKind::NotConnected, "{failure}");
        assert!(failure.detail.contains("refused") && !failure.detail.contains("secret"));
    }
}
