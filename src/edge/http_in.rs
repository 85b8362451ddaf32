//! Requests that come, and the answers we give (`wasi:http/handler`).
//!
//! A body is read straight into the buffer it stays in, counted while it comes: what is longer
//! than its limit is refused before its end. Every answer says its length.

use std::pin::{Pin, pin};

use bytes::Bytes;
use futures::future::{Either, select};
use holdfast_core::limits;
use holdfast_core::ports::{Event, Log as _, new_id};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::answer::Response as Answer;
use holdfast_core::submit::request::Head;
use wasip3::http::types::{ErrorCode, Fields, Method, Request, Response};
use wasip3::wit_bindgen::{self, FutureWriter, StreamReader, StreamResult};
use wasip3::{wit_future, wit_stream};

use crate::world::{World, sleep, within};

/// A request whose body has not been read yet.
pub struct Incoming {
    /// The method, in capitals.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, without the `?`.
    pub query: String,
    headers: Vec<(String, Vec<u8>)>,
    request: Request,
}

impl Incoming {
    /// Takes the request apart.
    pub fn new(request: Request) -> Self {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let method = match request.get_method() {
            Method::Get => "GET".to_owned(),
            Method::Head => "HEAD".to_owned(),
            Method::Post => "POST".to_owned(),
            Method::Put => "PUT".to_owned(),
            Method::Delete => "DELETE".to_owned(),
            Method::Connect => "CONNECT".to_owned(),
            Method::Options => "OPTIONS".to_owned(),
            Method::Trace => "TRACE".to_owned(),
            Method::Patch => "PATCH".to_owned(),
            Method::Other(other) => other,
        };
        let headers = request.get_headers().copy_all();
        Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            request,
        }
    }

    /// The one value of a header field; the first where there are several.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| &value[..])
    }

    /// The last value of a header field: hosts append their own after what the client sent.
    pub fn last_header(&self, name: &str) -> Option<&str> {
        let last = self
            .headers
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        last.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// All values of a header field that are text.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let own = self
            .headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name));
        own.filter_map(|(_, value)| std::str::from_utf8(value).ok())
            .collect()
    }

    /// The client's address as the host saw it.
    pub fn client_address(&self) -> Option<&str> {
        self.last_header("spin-client-addr")
    }

    /// The head of a submission.
    pub fn head(&self) -> Head {
        let text = |name: &str| {
            self.header(name)
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        Head {
            query: self.query.clone(),
            authorization: self.header("authorization").map(<[u8]>::to_vec),
            content_type: text("content-type"),
            content_length: self.content_length(),
            idempotency_key: text("idempotency-key"),
            content_digest: text("content-digest"),
            traceparent: match &self.texts("traceparent")[..] {
                [only] => Some(only.to_string()),
                _ => None,
            },
            tracestate: Some(self.texts("tracestate").join(",")),
        }
    }

    fn content_length(&self) -> Option<u64> {
        self.header("content-length")
            .and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok())
    }

    /// Reads the body, which may have `most` bytes.
    pub async fn body(self, most: usize) -> Result<Bytes, BodyError> {
        let length = self.content_length();
        if length.is_some_and(|length| length > most as u64) {
            self.linger();
            return Err(BodyError::TooLong);
        }
        let expected = length.map_or(BLOCK_BYTES, |length| {
            usize::try_from(length).unwrap_or(most)
        });
        let (done, result) = wit_future::new(|| Ok(()));
        let (mut stream, trailers) = Request::consume_body(self.request, result);
        let mut body = Vec::with_capacity(expected.min(most).saturating_add(1));
        let mut patience = Patience::default();
        loop {
            // All that was announced is here, and a message never has more.
            if length == Some(body.len() as u64) {
                return Ok(body.into());
            }
            if body.len() > most {
                wit_bindgen::spawn(discard(stream, done));
                return Err(BodyError::TooLong);
            }
            if body.len() == body.capacity() {
                let more = BLOCK_BYTES.max(body.len() / 2).min(most + 1 - body.len());
                body.reserve(more.max(1));
            }
            let Some((result, read)) = patience.wait_for(stream.read(body)).await else {
                return Err(BodyError::TooSlow);
            };
            body = read;
            if matches!(result, StreamResult::Dropped | StreamResult::Cancelled) {
                break;
            }
        }
        if body.len() > most {
            return Err(BodyError::TooLong);
        }
        // A body that was cut short says so here; a message with its end missing is no message.
        match patience.wait_for(async { trailers.await }).await {
            Some(Ok(_)) if length.is_none() => Ok(body.into()),
            _ => Err(BodyError::Cut),
        }
    }

    /// Answers a sender whose body is not wanted: what it is still sending is thrown away for a
    /// while after the answer, because a connection that is cut while data arrives takes the
    /// answer with it (RFC 9112, 9.6).
    pub fn linger(self) {
        let (done, result) = wit_future::new(|| Ok(()));
        let (stream, _trailers) = Request::consume_body(self.request, result);
        wit_bindgen::spawn(discard(stream, done));
    }
}

/// Waits for one piece of a body after the other, each for [`limits::BODY_PIECE`] at least and twice
/// that at most: one timer serves all of them, because a timer costs as much as reading a piece.
#[derive(Default)]
struct Patience(Option<Pin<Box<dyn Future<Output = ()>>>>);

impl Patience {
    async fn wait_for<F: Future>(&mut self, piece: F) -> Option<F::Output> {
        let mut piece = pin!(piece);
        // The running timer may be nearly up; what it began with is not this piece's fault.
        for _ in 0..2 {
            let timer = self
                .0
                .get_or_insert_with(|| Box::pin(sleep(limits::BODY_PIECE)));
            match select(piece, timer).await {
                Either::Left((output, _)) => return Some(output),
                Either::Right(((), waiting)) => piece = waiting,
            }
            self.0 = None;
        }
        None
    }
}

async fn discard(mut stream: StreamReader<u8>, _done: FutureWriter<Result<(), ErrorCode>>) {
    let all = async {
        let mut left = limits::LINGER_BYTES;
        while left > 0 {
            let (result, read) = stream.read(Vec::with_capacity(BLOCK_BYTES)).await;
            left = left.saturating_sub(read.len());
            if matches!(result, StreamResult::Dropped | StreamResult::Cancelled) {
                return;
            }
        }
    };
    within(limits::LINGER, all).await;
}

/// Why there is no whole body. Nothing was kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// More than its limit: 413.
    TooLong,
    /// Nothing came for too long: 408.
    TooSlow,
    /// The sender went away before its end: 400, if anybody is there to read it.
    Cut,
}

impl BodyError {
    /// As the sender is told; `most` is the limit in bytes.
    pub fn problem(self, most: usize) -> Problem {
        match self {
            Self::TooLong => {
                let detail = format!("the body is longer than {most} bytes");
                Problem::new(Kind::TooLarge, detail).with("limit", most)
            }
            Self::TooSlow => {
                let wait = limits::BODY_PIECE.as_secs();
                Problem::new(
                    Kind::SenderTimeout,
                    format!("nothing more of the body came for {wait} s"),
                )
            }
            Self::Cut => Problem::new(Kind::BadRequest, "the body ended before its length"),
        }
    }
}

/// The answer to a request that was refused before a use case had it, under an id that the log
/// knows.
pub fn refuse(problem: &Problem) -> Answer {
    let id = new_id(&World).to_string();
    let answer = Answer::problem(problem, &id);
    let kind = answer.body.get("type").cloned().unwrap_or_default();
    let event = Event::new("request.refused")
        .with("id", id)
        .with("status", answer.status)
        .with("type", kind);
    World.write(event);
    answer
}

/// The answer to another method than those the resource knows (RFC 9110, 15.5.6).
pub fn not_allowed(methods: &str) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("use {methods} here")).with("allow", methods)
}

/// JSON, or a problem, with its length.
pub fn respond(answer: &Answer) -> Result<Response, ErrorCode> {
    let body = serde_json::to_vec(&answer.body).unwrap_or_default();
    let kind = if answer.is_problem() {
        "application/problem+json"
    } else {
        "application/json"
    };
    let mut fields = Vec::new();
    if answer.status == 401 {
        let realms = "Bearer realm=\"holdfast\", Basic realm=\"holdfast\"";
        fields.push(("www-authenticate", realms.to_owned()));
    }
    if let Some(methods) = answer.body["allow"]
        .as_str()
        .filter(|_| answer.status == 405)
    {
        fields.push(("allow", methods.to_owned()));
    }
    if let Some(seconds) = answer.retry_after {
        fields.push(("retry-after", seconds.to_string()));
    }
    respond_bytes(answer.status, kind, &fields, body)
}

/// Any body, with its length and more header fields.
pub fn respond_bytes(
    status: u16,
    content_type: &str,
    fields: &[(&str, String)],
    body: Vec<u8>,
) -> Result<Response, ErrorCode> {
    let mut list = vec![
        ("content-type".to_owned(), content_type.as_bytes().to_vec()),
        (
            "content-length".to_owned(),
            body.len().to_string().into_bytes(),
        ),
    ];
    if !fields.iter().any(|(name, _)| *name == "cache-control") {
        list.push(("cache-control".to_owned(), b"no-store".to_vec()));
    }
    for (name, value) in fields {
        list.push(((*name).to_owned(), value.as_bytes().to_vec()));
    }
    let headers = Fields::from_list(&list)
        .map_err(|_| ErrorCode::InternalError(Some("a header field cannot be set".into())))?;
    let (mut writer, contents) = wit_stream::new();
    let (result_writer, result) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(headers, Some(contents), result);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some("status".into())))?;
    wit_bindgen::spawn(async move {
        let unwritten = writer.write_all(body).await;
        drop(writer);
        if unwritten.is_empty() {
            let _ = result_writer.write(Ok(None)).await;
        }
    });
    Ok(response)
}

/// What a body grows by where its length was not said.
const BLOCK_BYTES: usize = 65_536;
