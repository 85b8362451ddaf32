//! A primary reached by HTTP: `POST message/rfc822` with the envelope in the query, as our own API
//! takes it, so that one Holdfast can feed another.
//!
//! Its answer is for all recipients, unless it is an answer in our own words, which has an outcome
//! for each. The message's id goes along as `Idempotency-Key`: a repeat after a lost answer makes
//! no second message where the primary knows what that means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::ports::{
    Delivery, HttpClient as _, HttpFailure, HttpFailureKind, HttpRequest, HttpResponse,
};
use holdfast_core::routing::Route;
use holdfast_core::routing::primary::{Credentials, Target};
use holdfast_core::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};
use holdfast_core::submit::answer::{Outcome, Settled};
use holdfast_core::trace_context::TraceContext;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::time::Duration;

use crate::world::World;

/// Gives one message to it.
pub async fn deliver(
    world: &World,
    route: &Route,
    address: usize,
    delivery: &Delivery<'_>,
) -> Attempt {
    let count = delivery.envelope.recipients.len();
    let Some(mut url) = url(route, address) else {
        return Attempt::failed(
            count,
            failure(
                FailureKind::Protocol,
                Step::Connect,
                "not an HTTP address".into(),
            ),
        );
    };
    url.push_str(&format!(
        "?from={}",
        encoded(delivery.envelope.sender_path())
    ));
    for recipient in &delivery.envelope.recipients {
        url.push_str(&format!("&to={}", encoded(recipient.as_str())));
    }
    let mut headers = vec![
        ("content-type", "message/rfc822".to_owned()),
        ("idempotency-key", format!("\"{}\"", delivery.id)),
    ];
    headers.extend(authorization(route));
    headers.extend(delivery.trace.into_iter().flat_map(TraceContext::headers));
    let request = HttpRequest {
        method: "POST",
        url,
        headers,
        body: delivery.parts.to_vec(),
        connect: route.timeouts.connect.min(delivery.budget).max(AT_LEAST),
        reply: route.timeouts.data_end.min(delivery.rest).max(AT_LEAST),
        most: ANSWER_BYTES,
    };
    match world.send(request).await {
        Ok(response) => answered(delivery, &response),
        Err(error) => unanswered(count, error),
    }
}

/// GETs the URL: whoever answers without a 5xx is there.
pub async fn probe(world: &World, route: &Route, address: usize) -> Result<(), Failure> {
    let url = url(route, address)
        .ok_or_else(|| failure(FailureKind::Protocol, Step::Connect, "not HTTP".into()))?;
    let request = HttpRequest {
        method: "GET",
        url,
        headers: authorization(route).into_iter().collect(),
        body: Vec::new(),
        connect: route.timeouts.connect,
        reply: route.timeouts.reply,
        most: ANSWER_BYTES,
    };
    match world.send(request).await {
        Ok(response) if response.status >= 500 => Err(said(&response)),
        Ok(_) => Ok(()),
        Err(error) if error.kind == HttpFailureKind::TooLong => Ok(()),
        Err(error) => Err(broken(&error)),
    }
}

/// What an answer means for each recipient: 2xx took it, 5xx is the primary's trouble, 408, 425 and
/// 429 ask for later, 401 and 403 are our configuration's trouble, any other 4xx is for good.
fn answered(delivery: &Delivery<'_>, response: &HttpResponse) -> Attempt {
    let count = delivery.envelope.recipients.len();
    let reply = Reply::new(response.status, [""]);
    let all = |verdict: Verdict| Attempt {
        recipients: vec![verdict; count],
        failure: None,
    };
    match response.status {
        200..=299 => Attempt {
            recipients: each(delivery, response, &reply),
            failure: None,
        },
        408 | 409 | 425 | 429 => all(Verdict::Deferred(Reply::new(
            response.status,
            [detail(response).as_str()],
        ))),
        401 | 403 | 404 | 405 | 407 => {
            let words = format!("HTTP {}: {}", response.status, detail(response));
            Attempt::failed(count, failure(FailureKind::Auth, Step::Auth, words))
        }
        400..=499 => all(Verdict::Rejected(Reply::new(
            response.status,
            [detail(response).as_str()],
        ))),
        _ => Attempt::failed(count, said(response)),
    }
}

/// Our own words where the answer has them for every recipient; else its 2xx is for all.
fn each(delivery: &Delivery<'_>, response: &HttpResponse, reply: &Reply) -> Vec<Verdict> {
    #[derive(serde::Deserialize)]
    struct Words {
        recipients: Vec<Settled>,
    }
    let words: Option<Words> = serde_json::from_slice(&response.body).ok();
    let of = |address: &holdfast_core::mail::EmailAddress| {
        let settled = words
            .as_ref()?
            .recipients
            .iter()
            .find(|one| one.address.same_mailbox(address))?;
        let text = settled
            .reply
            .as_ref()
            .map_or("", |reply| reply.text.as_str());
        let code = settled.reply.as_ref().map_or(550, |reply| reply.code);
        (settled.outcome == Outcome::Rejected).then(|| Verdict::Rejected(Reply::new(code, [text])))
    };
    let recipients = delivery.envelope.recipients.iter();
    recipients
        .map(|address| of(address).unwrap_or_else(|| Verdict::Delivered(reply.clone())))
        .collect()
}

fn unanswered(count: usize, error: HttpFailure) -> Attempt {
    let failure = broken(&error);
    match error.kind {
        HttpFailureKind::NotConnected | HttpFailureKind::Tls | HttpFailureKind::NotGranted => {
            Attempt::failed(count, failure)
        }
        // The request may have arrived, and its answer may have been a yes.
        HttpFailureKind::Timeout | HttpFailureKind::Broken | HttpFailureKind::TooLong => Attempt {
            recipients: vec![Verdict::Uncertain; count],
            failure: Some(failure),
        },
    }
}

fn broken(error: &HttpFailure) -> Failure {
    let (kind, step) = match error.kind {
        HttpFailureKind::NotConnected => (FailureKind::Connect, Step::Connect),
        HttpFailureKind::Tls => (FailureKind::Tls, Step::Tls),
        HttpFailureKind::NotGranted => (FailureKind::NotGranted, Step::Connect),
        HttpFailureKind::Timeout => (FailureKind::Timeout, Step::DataEnd),
        HttpFailureKind::Broken => (FailureKind::Closed, Step::DataEnd),
        HttpFailureKind::TooLong => (FailureKind::Protocol, Step::DataEnd),
    };
    failure(kind, step, error.detail.clone())
}

fn said(response: &HttpResponse) -> Failure {
    let words = format!("HTTP {}: {}", response.status, detail(response));
    failure(FailureKind::ServiceUnavailable, Step::DataEnd, words)
}

/// The answer's own words, where it is a problem (RFC 9457).
fn detail(response: &HttpResponse) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
    let word = |name: &str| problem.as_ref()?.get(name)?.as_str().map(str::to_owned);
    word("detail").or_else(|| word("title")).unwrap_or_default()
}

fn failure(kind: FailureKind, step: Step, detail: String) -> Failure {
    Failure { kind, step, detail }
}

fn url(route: &Route, address: usize) -> Option<String> {
    match &route.primaries.get(address)?.target {
        Target::Http(url) => Some(url.to_string()),
        Target::Smtp { .. } => None,
    }
}

fn authorization(route: &Route) -> Option<(&'static str, String)> {
    let value = match route.credentials.as_ref()? {
        Credentials::Bearer { bearer } => format!("Bearer {bearer}"),
        Credentials::Password { username, password } => {
            format!(
                "Basic {}",
                STANDARD.encode(format!("{username}:{password}"))
            )
        }
    };
    Some(("authorization", value))
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, KEPT)
}

/// RFC 3986, 2.3, and the @ for people who read logs.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');
const ANSWER_BYTES: usize = 262_144;
const AT_LEAST: Duration = Duration::from_millis(1);
