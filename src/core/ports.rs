//! What core asks of the world: time, chance, a log, HTTP, primaries and storage.
//!
//! Use cases are async functions over these traits. The components give them the host's real
//! ones, the simulator gives them its own, and neither can tell the other's from the code.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use serde_json::{Map, Value};

use crate::custody::store::Store;
use crate::mail::{Envelope, MessageId};
use crate::routing::Route;
use crate::smtp::{Attempt, Failure};
use crate::time::Timestamp;
use crate::trace_context::TraceContext;

/// Time and chance.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Fills `bytes` so that nobody can guess them.
    fn random(&self, bytes: &mut [u8]);
    /// Waits.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}

/// Where lines about what happened go. Ids and reasons, never content or secrets.
pub trait Log {
    /// Writes one event.
    fn write(&self, event: Event);
}

/// One event of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened, such as `message.held`.
    pub name: &'static str,
    /// The facts.
    pub facts: Map<String, Value>,
}

impl Event {
    /// An event without facts yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            facts: Map::new(),
        }
    }

    /// With one more fact.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// With the id of the trace that it belongs to, where it does.
    pub fn traced(self, trace: Option<&TraceContext>) -> Self {
        match trace {
            Some(trace) => self.with("trace_id", trace.id()),
            None => self,
        }
    }
}

/// What is given to a primary.
#[derive(Clone, Debug)]
pub struct Delivery<'d> {
    /// The message's id: HTTP primaries take it as their idempotency key.
    pub id: MessageId,
    /// From whom, to whom.
    pub envelope: &'d Envelope,
    /// The line we add, then the message as it was submitted.
    pub parts: [Bytes; 2],
    /// The trace it belongs to: HTTP primaries are told.
    pub trace: Option<&'d TraceContext>,
    /// Time for all that comes before the end of data.
    pub budget: Duration,
    /// Time for all of it: what is left until the sender must have its answer.
    pub rest: Duration,
}

/// The primaries' side of the wire.
pub trait Primary {
    /// A connection that is ready for a message.
    type Session;

    /// Opens a connection to one of the route's addresses, or takes one that is open and idle.
    /// Safe to drop at any moment: nothing was said about any message yet.
    fn open(
        &self,
        route: &Route,
        address: usize,
        budget: Duration,
    ) -> impl Future<Output = Result<Self::Session, Failure>>;

    /// Gives one message to it. A session that turns out to have been closed meanwhile is opened
    /// anew, once. Never longer than the route's time limits together.
    fn deliver(
        &self,
        route: &Route,
        address: usize,
        session: Self::Session,
        delivery: &Delivery<'_>,
    ) -> impl Future<Output = Attempt>;

    /// Speaks as far as a message would need, and gives none.
    fn probe(&self, route: &Route, address: usize) -> impl Future<Output = Result<(), Failure>>;
}

/// Everything a use case needs, in one hand.
pub trait Ports: Clock + Log {
    /// The storage.
    type Store: Store;
    /// The primaries.
    type Primary: Primary;
    /// The storage.
    fn store(&self) -> &Self::Store;
    /// The primaries.
    fn primary(&self) -> &Self::Primary;
}

/// What `future` gives, unless time is up first: then it is dropped, which cancels it.
pub async fn within<F: Future>(clock: &impl Clock, time: Duration, future: F) -> Option<F::Output> {
    let (future, timer) = (pin!(future), pin!(clock.sleep(time)));
    match select(future, timer).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// A new message id.
pub fn new_id(clock: &impl Clock) -> MessageId {
    let mut random = [0; 10];
    clock.random(&mut random);
    MessageId::new(clock.now(), random)
}

/// A name that nobody else has: 128 bits as hex.
pub fn nonce(clock: &impl Clock) -> String {
    let mut random = [0; 16];
    clock.random(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Chance for jitter.
pub fn jitter(clock: &impl Clock) -> u8 {
    let mut byte = [0];
    clock.random(&mut byte);
    byte[0]
}

/// One HTTP request that we make.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET`, `PUT`, `POST`, `DELETE`.
    pub method: &'static str,
    /// The whole URL. It may carry a signature: never log it.
    pub url: String,
    /// Header fields; `Content-Length` is set by the client.
    pub headers: Vec<(&'static str, String)>,
    /// The body, in pieces.
    pub body: Vec<Bytes>,
    /// Time to connect.
    pub connect: Duration,
    /// Time to the whole response after that.
    pub reply: Duration,
    /// Bytes of the response's body at most.
    pub most: usize,
}

/// The response.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The `ETag`, as it was sent.
    pub etag: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// No response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct HttpFailure {
    /// What kind.
    pub kind: HttpFailureKind,
    /// In words, without the URL.
    pub detail: String,
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpFailureKind {
    /// No connection was made: nothing was sent.
    NotConnected,
    /// No secure connection was made: nothing was sent.
    Tls,
    /// The host's grants forbid it: nothing was sent.
    NotGranted,
    /// No answer in time; the request may have arrived.
    Timeout,
    /// The connection broke; the request may have arrived.
    Broken,
    /// The answer is longer than the limit.
    TooLong,
}

/// Makes HTTP requests.
pub trait HttpClient {
    /// Sends one request and reads the whole response.
    fn send(&self, request: HttpRequest)
    -> impl Future<Output = Result<HttpResponse, HttpFailure>>;
}
