//! Requests that we make, through the host's HTTP client (`wasi:http/client`).
//!
//! The length is always said: without it bodies go out in chunks, which S3 refuses and which cost
//! a factor of thirty elsewhere. `Host` is never set; it comes from the URL, as it was signed.

use std::time::{Duration, Instant};

use bytes::Bytes;
use holdfast_core::limits;
use holdfast_core::ports::{HttpClient, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse};
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::{self, StreamResult};
use wasip3::{wit_future, wit_stream};

use crate::world::{World, within};

impl HttpClient for World {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpFailure> {
        let (time, most) = (request.connect + request.reply, request.most);
        let late = Instant::now() + time;
        let (wasi, timed) = build(request)?;
        let exchange = exchange(wasi, most, late);
        // Where the host keeps the limits, a timer of our own would cost as much as a request.
        match timed {
            true => exchange.await,
            false => within(time, exchange).await.flatten(),
        }
        .unwrap_or_else(|| {
            let detail = format!("no answer within {} ms", time.as_millis());
            Err(HttpFailure {
                kind: HttpFailureKind::Timeout,
                detail,
            })
        })
    }
}

/// The whole exchange; none if its response was still coming when it was `late`.
async fn exchange(
    request: Request,
    most: usize,
    late: Instant,
) -> Option<Result<HttpResponse, HttpFailure>> {
    match client::send(request).await {
        Ok(response) => read(response, most, late).await.transpose(),
        Err(code) => Some(Err(failure(&code))),
    }
}

/// The host's request, and whether the host keeps its time limits.
fn build(request: HttpRequest) -> Result<(Request, bool), HttpFailure> {
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

    let bodyless = length == 0 && matches!(request.method, "GET" | "HEAD" | "DELETE");
    let mut list: Vec<(String, Vec<u8>)> = request
        .headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into_bytes()))
        .collect();
    if !bodyless {
        list.push(("content-length".into(), length.to_string().into_bytes()));
    }
    let headers = Fields::from_list(&list).map_err(|_| invalid("a header field cannot be set"))?;
    let (mut writer, contents) = wit_stream::new();
    let (result_writer, result) = wit_future::new(|| Ok(None));
    let contents = (!bodyless).then_some(contents);
    let (options, timed) = options(request.connect, request.reply);
    let (wasi, _sent) = Request::new(headers, contents, result, Some(options));
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
        for block in blocks(&body) {
            if !writer.write_all(block).await.is_empty() {
                return;
            }
        }
        drop(writer);
        let _ = result_writer.write(Ok(None)).await;
    });
    Ok((wasi, timed))
}

/// The body in blocks that are worth a call to the host each.
fn blocks(pieces: &[Bytes]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest: Vec<Bytes> = pieces.iter().rev().cloned().collect();
    std::iter::from_fn(move || {
        let mut block = Vec::new();
        while let Some(piece) = rest.last_mut() {
            if block.is_empty() {
                let waiting: usize = piece.len();
                block.reserve_exact(waiting.clamp(SMALL_BLOCK_BYTES, BLOCK_BYTES));
            }
            let some = piece.split_to(piece.len().min(BLOCK_BYTES - block.len()));
            block.extend_from_slice(&some);
            if block.len() == BLOCK_BYTES {
                break;
            }
            rest.pop();
        }
        (!block.is_empty()).then_some(block)
    })
}

/// Time limits for the host to keep, and whether it knows them all.
fn options(connect: Duration, reply: Duration) -> (RequestOptions, bool) {
    let nanos = |time: Duration| Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    let options = RequestOptions::new();
    let timed = options.set_connect_timeout(nanos(connect)).is_ok()
        && options.set_first_byte_timeout(nanos(reply)).is_ok()
        && options
            .set_between_bytes_timeout(nanos(reply.min(limits::BETWEEN_BYTES)))
            .is_ok();
    (options, timed)
}

async fn read(
    response: Response,
    most: usize,
    late: Instant,
) -> Result<Option<HttpResponse>, HttpFailure> {
    let status = response.get_status_code();
    let (length, etag) = {
        let headers = response.get_headers();
        let text = |name: &str| String::from_utf8(headers.get(name).into_iter().next()?).ok();
        let length: Option<usize> = text("content-length").and_then(|value| value.parse().ok());
        (length, text("etag"))
    };
    let too_long = || HttpFailure {
        kind: HttpFailureKind::TooLong,
        detail: format!("longer than {most} bytes"),
    };
    let (_done, result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Response::consume_body(response, result);
    let mut body = Vec::with_capacity(length.unwrap_or(BLOCK_BYTES).min(most).saturating_add(1));
    // All that was announced is all there is.
    while length != Some(body.len()) {
        if body.len() == body.capacity() {
            body.reserve(BLOCK_BYTES);
        }
        let (result, read) = stream.read(body).await;
        body = read;
        if body.len() > most {
            return Err(too_long());
        }
        if Instant::now() > late {
            return Ok(None);
        }
        if matches!(result, StreamResult::Dropped | StreamResult::Cancelled) {
            // A body that was cut short says so here.
            trailers.await.map_err(|code| failure(&code))?;
            break;
        }
    }
    Ok(Some(HttpResponse {
        status,
        etag,
        body: body.into(),
    }))
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
/// A first piece that is shorter than this is a line or two in front of the next.
const SMALL_BLOCK_BYTES: usize = 32_768;
