//! One request to Holdfast, and its answer.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use super::installation::{FROM, TO};

/// A message to be posted: by default from ann to bob, as `message/rfc822`, with acme's key.
#[must_use]
pub struct Submission {
    client: Client,
    url: String,
    from: String,
    to: Vec<String>,
    query: Option<String>,
    authorization: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Submission {
    pub(super) fn new(client: Client, url: &str, key: &str, body: Vec<u8>) -> Self {
        Self {
            client,
            url: format!("{url}/v1/messages"),
            from: FROM.to_owned(),
            to: vec![TO.to_owned()],
            query: None,
            authorization: Some(format!("Bearer {key}")),
            headers: Vec::new(),
            content_type: Some("message/rfc822".to_owned()),
            body,
        }
    }

    /// Another envelope sender.
    pub fn from(mut self, from: &str) -> Self {
        self.from = from.to_owned();
        self
    }

    /// Other envelope recipients.
    pub fn to(mut self, to: &[&str]) -> Self {
        self.to = to.iter().map(|one| (*one).to_owned()).collect();
        self
    }

    /// The query as it is, instead of one made from the envelope.
    pub fn query(mut self, query: &str) -> Self {
        self.query = Some(query.to_owned());
        self
    }

    /// An `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key.as_bytes())
    }

    /// Another `Authorization`, or none.
    pub fn authorization(mut self, value: Option<&str>) -> Self {
        self.authorization = value.map(str::to_owned);
        self
    }

    /// Basic authentication.
    pub fn basic(self, user: &str, key: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{key}"));
        self.authorization(Some(&format!("Basic {pair}")))
    }

    /// One more header field.
    pub fn header(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.to_owned(), value.to_vec()));
        self
    }

    /// Another `Content-Type`, or none; the envelope then stands in the body.
    pub fn content_type(mut self, value: Option<&str>) -> Self {
        self.content_type = value.map(str::to_owned);
        self.query = Some(String::new());
        self
    }

    /// JSON instead.
    pub fn json(mut self, value: &Value) -> Self {
        self.body = serde_json::to_vec(value).unwrap();
        self.content_type(Some("application/json"))
    }

    /// A form instead, as curl makes it: name, filename, content.
    pub fn form(mut self, parts: &[(&str, Option<&str>, &[u8])]) -> Self {
        self.body = form_body(parts);
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.content_type(Some(&content_type))
    }

    /// The request, unsent.
    pub fn request(self) -> RequestBuilder {
        let query = self.query.unwrap_or_else(|| {
            let mut query = format!("from={}", encoded(&self.from));
            for to in &self.to {
                query += &format!("&to={}", encoded(to));
            }
            query
        });
        let url = match query.as_str() {
            "" => self.url,
            query => format!("{}?{query}", self.url),
        };
        let mut request = self.client.post(url).body(self.body);
        if let Some(value) = self.authorization {
            request = request.header("authorization", value);
        }
        if let Some(value) = self.content_type {
            request = request.header("content-type", value);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        Answer::of(self.request()).await
    }

    /// Sends it to a host that may die before it answers.
    pub async fn send_if_alive(self) -> Option<Answer> {
        Answer::try_of(self.request()).await.ok()
    }
}

/// The body of a form.
pub fn form_body(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, filename, content) in parts {
        let filename = filename.map_or(String::new(), |name| format!("; filename=\"{name}\""));
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Percent-encoded, every byte that is not a letter or a digit.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
    /// How long the sender waited.
    pub took: Duration,
}

impl Answer {
    /// Sends a request.
    pub async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.expect("an answer")
    }

    /// Sends a request that may find nobody.
    pub async fn try_of(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let began = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok(Self {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
            took: began.elapsed(),
        })
    }

    /// A member of the body as text; empty where there is none.
    pub fn word(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// The message's id.
    pub fn id(&self) -> &str {
        self.word("id")
    }

    /// Holds that it says `delivered`.
    #[track_caller]
    pub fn is_delivered(&self) -> &Self {
        assert_eq!(
            (self.status, self.word("outcome")),
            (200, "delivered"),
            "{}",
            self.text
        );
        self
    }

    /// Holds that it says `held`, for `reason`.
    #[track_caller]
    pub fn is_held(&self, reason: &str) -> &Self {
        let said = (self.status, self.word("outcome"), self.word("reason"));
        assert_eq!(said, (202, "held", reason), "{}", self.text);
        self
    }

    /// Holds that it is a problem of this kind, told as RFC 9457 asks.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) -> &Self {
        let expected = (status, format!("urn:holdfast:problem:{kind}"));
        assert_eq!(
            (self.status, self.word("type").to_owned()),
            expected,
            "{}",
            self.text
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status, "{}", self.text);
        for member in ["title", "detail", "id"] {
            assert_ne!(
                self.word(member),
                "",
                "a problem has a {member}: {}",
                self.text
            );
        }
        self
    }

    /// Holds that nothing was accepted, and the sender is told when to try again.
    #[track_caller]
    pub fn is_not_accepted(&self) -> &Self {
        self.is_problem(503, "not-accepted");
        let wait = self
            .headers
            .get("retry-after")
            .expect("503 has Retry-After");
        assert!(wait.to_str().unwrap().parse::<u64>().unwrap() > 0);
        self
    }
}

/// As long as curl makes them.
pub const BOUNDARY: &str = "------------------------d74496d66958873e";
