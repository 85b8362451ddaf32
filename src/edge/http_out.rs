//! Requests that we make, through the host's HTTP client (`wasi:http/client`).
//!
//! The length is always said: without it bodies go out in chunks, which S3 refuses and which cost
//! a factor of thirty elsewhere. `Host` is never set; it comes from the URL, as it was signed.

use std::time::Duration;

use bytes::Bytes;
use holdfast_core::ports::{HttpClient, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::{self, StreamResult};
use wasip3::{wit_future, wit_stream};

use crate::world::{World, within};

impl HttpClient for World {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let (time, most) = (request.connect + request.reply, request.most);
        let wasi = build(request)?;
        match within(time, exchange(wasi, most)).await {
            Some(result) => result,
            None => {
                let detail = format!("no answer within {} ms", time.as_millis());
                Err(HttpFailure {
                    kind: HttpFailureKind::Timeout,
                    detail,
                })
            }
        }
    }
}

async fn exchange(request: Request, most: usize) -> Result<HttpResponse, HttpFailure> {
    let response = client::send(request).await.map_err(|code| failure(&code))?;
    let status = response.get_status_code();
    let etag = response.get_headers().get("etag").into_iter().next();
    let body = read(response, most).await?;
    Ok(HttpResponse {
        status,
        etag: etag.and_then(|value| String::from_utf8(value).ok()),
        body,
    })
}

fn build(request: HttpRequest) -> Result<Request, HttpFailure> {
    let invalid = |detail: &str| HttpFailure {
        kind: HttpFailureKind::NotConnected,
        detail: detail.to_owned(),
    };
    let (scheme, rest) = request
        .url
        .split_once("://")
        .ok_or_else(|| invalid("not a URL"))?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    let length: usize = request.body.iter().map(Bytes::len).sum();

    let headers = Fields::new();
    for (name, value) in &request.headers {
        headers
            .append(name, value.as_bytes())
            .map_err(|_| invalid("a header field cannot be set"))?;
    }
    let bodyless = length == 0 && matches!(request.method, "GET" | "HEAD" | "DELETE");
    if !bodyless {
        headers
            .append("content-length", length.to_string().as_bytes())
            .map_err(|_| invalid("content-length"))?;
    }
    let (mut writer, contents) = wit_stream::new();
    let (result_writer, result) = wit_future::new(|| Ok(None));
    let contents = (!bodyless).then_some(contents);
    let (wasi, _sent) = Request::new(
        headers,
        contents,
        result,
        Some(options(request.connect, request.reply)),
    );
    let method = match request.method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "PUT" => Method::Put,
        "POST" => Method::Post,
        "DELETE" => Method::Delete,
        other => Method::Other(other.to_owned()),
    };
    let scheme = if scheme == "http" {
        Scheme::Http
    } else {
        Scheme::Https
    };
    let set = wasi
        .set_method(&method)
        .and_then(|()| wasi.set_scheme(Some(&scheme)))
        .and_then(|()| wasi.set_authority(Some(authority)))
        .and_then(|()| wasi.set_path_with_query(Some(if path.is_empty() { "/" } else { path })));
    set.map_err(|()| invalid("the host does not take this URL"))?;

    let body = request.body;
    wit_bindgen::spawn(async move {
        for piece in body {
            for block in piece.chunks(BLOCK_BYTES) {
                if !writer.write_all(block.to_vec()).await.is_empty() {
                    return;
                }
            }
        }
        drop(writer);
        let _ = result_writer.write(Ok(None)).await;
    });
    Ok(wasi)
}

fn options(connect: Duration, reply: Duration) -> RequestOptions {
    let nanos = |time: Duration| Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    // A host that does not know one of these has its own; ours stands around the whole exchange.
    let _ = options.set_connect_timeout(nanos(connect));
    let _ = options.set_first_byte_timeout(nanos(reply));
    let _ = options.set_between_bytes_timeout(nanos(reply));
    options
}

async fn read(response: Response, most: usize) -> Result<Bytes, HttpFailure> {
    let length = response
        .get_headers()
        .get("content-length")
        .into_iter()
        .next();
    let length: Option<usize> =
        length.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
    let too_long = || HttpFailure {
        kind: HttpFailureKind::TooLong,
        detail: format!("longer than {most} bytes"),
    };
    let (_done, result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, result);
    let mut body = Vec::with_capacity(length.unwrap_or(BLOCK_BYTES).min(most).saturating_add(1));
    loop {
        if body.len() > most {
            return Err(too_long());
        }
        if body.len() == body.capacity() {
            body.reserve(BLOCK_BYTES);
        }
        let (result, read) = stream.read(body).await;
        body = read;
        if matches!(result, StreamResult::Dropped | StreamResult::Cancelled) {
            break;
        }
    }
    if body.len() > most {
        return Err(too_long());
    }
    // A body that was cut short says so here.
    trailers.await.map_err(|code| failure(&code))?;
    Ok(body.into())
}

fn failure(code: &ErrorCode) -> HttpFailure {
    use HttpFailureKind::{Broken, NotConnected, NotGranted, Timeout, Tls};
    let (kind, detail) = match code {
        ErrorCode::HttpRequestDenied => (
            NotGranted,
            "the host does not let us send there; grant it".to_owned(),
        ),
        ErrorCode::ConnectionRefused => (NotConnected, "connection refused".to_owned()),
        ErrorCode::ConnectionTimeout => (NotConnected, "no connection in time".to_owned()),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) => {
            (NotConnected, "its name is not found".to_owned())
        }
        ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionLimitReached => (NotConnected, format!("no connection: {code}")),
        ErrorCode::TlsProtocolError
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsAlertReceived(_) => (Tls, format!("TLS: {code}")),
        ErrorCode::ConnectionReadTimeout
        | ErrorCode::HttpResponseTimeout
        | ErrorCode::ConnectionWriteTimeout => (Timeout, "no answer in time".to_owned()),
        ErrorCode::ConnectionTerminated => {
            (Broken, "closed the connection without an answer".to_owned())
        }
        other => (Broken, format!("the exchange broke: {other}")),
    };
    HttpFailure { kind, detail }
}

/// What is given to the host at once.
const BLOCK_BYTES: usize = 65_536;
