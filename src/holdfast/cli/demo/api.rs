//! The application's HTTP API, as its senders, its operator and cron use it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use holdfast_core::ports::{Clock as _, HttpClient, HttpRequest};
use serde_json::{Value, json};

use super::message::TO;
use crate::cli::stage::{ROUTE, Secrets};
use crate::native::Native;

/// Speaks to the application.
pub struct Api {
    url: String,
    secrets: Secrets,
    native: Native,
}

impl Api {
    /// Of the application that serves on `url`.
    pub fn new(url: String, secrets: Secrets, native: Native) -> Self {
        Self {
            url,
            secrets,
            native,
        }
    }

    /// Hands in a message; the status and the answer.
    pub async fn submit(&self, from: &str, message: Bytes) -> Result<(u16, Value)> {
        let path = format!("/v1/messages?from={from}&to={TO}");
        let key = &self.secrets.partner_key;
        self.request("POST", &path, key, MESSAGE, message).await
    }

    /// The life of a message, as its sender may read it.
    pub async fn life(&self, id: &str) -> Result<Value> {
        let (path, key) = (format!("/v1/messages/{id}"), &self.secrets.partner_key);
        self.good("GET", &path, key, &[], None).await
    }

    /// Lets time pass, as cron would. What happened on the one route.
    pub async fn tick(&self) -> Result<Value> {
        let token = &self.secrets.tick_token;
        let ticked = self.good("POST", "/v1/tick", token, &[], None).await?;
        first_route(&ticked)
    }

    /// The health of the one route.
    pub async fn health(&self) -> Result<Value> {
        first_route(&self.operate("GET", "/v1/health", None).await?)
    }

    /// What is held, oldest first.
    pub async fn queue(&self) -> Result<Vec<Value>> {
        let page = self.operate("GET", "/v1/queue", None).await?;
        let messages = page.get("messages").and_then(Value::as_array).cloned();
        messages.context("the queue has no list of messages")
    }

    /// Plans a maintenance window of an hour that opens now.
    pub async fn open_window(&self, reason: &str) -> Result<Value> {
        let start = self.native.now().to_string();
        let order = json!({ "route": ROUTE, "start": start, "duration": "1h", "reason": reason });
        self.operate("POST", "/v1/windows", Some(order)).await
    }

    /// Ends a window that is open.
    pub async fn end_window(&self, id: &str, reason: &str) -> Result<Value> {
        let path = format!("/v1/windows/{id}/end");
        let order = json!({ "reason": reason });
        self.operate("POST", &path, Some(order)).await
    }

    async fn operate(
        &self,
        method: &'static str,
        path: &str,
        order: Option<Value>,
    ) -> Result<Value> {
        let token = &self.secrets.operator_token;
        self.good(method, path, token, OPERATOR, order).await
    }

    async fn good(
        &self,
        method: &'static str,
        path: &str,
        key: &str,
        headers: Headers<'_>,
        order: Option<Value>,
    ) -> Result<Value> {
        let body = order.map(|order| order.to_string()).unwrap_or_default();
        let answered = self.request(method, path, key, headers, body.into());
        let (status, answer) = answered.await?;
        ensure!(
            status < 300,
            "{method} {path} was answered with {status}: {answer}"
        );
        Ok(answer)
    }

    async fn request(
        &self,
        method: &'static str,
        path: &str,
        key: &str,
        headers: Headers<'_>,
        body: Bytes,
    ) -> Result<(u16, Value)> {
        let key = ("authorization", format!("Bearer {key}"));
        let headers = headers
            .iter()
            .map(|(name, value)| (*name, value.to_string()));
        let request = HttpRequest {
            method,
            url: format!("{}{path}", self.url),
            headers: std::iter::once(key).chain(headers).collect(),
            body: vec![body],
            connect: WAIT,
            reply: WAIT,
            most: ANSWER_BYTES,
        };
        let response = self.native.send(request).await;
        let response = response.with_context(|| format!("{method} {path}"))?;
        let answer = serde_json::from_slice(&response.body)
            .with_context(|| format!("{method} {path}: the answer is not JSON"))?;
        Ok((response.status, answer))
    }
}

type Headers<'h> = &'h [(&'static str, &'h str)];

fn first_route(answer: &Value) -> Result<Value> {
    let route = answer.pointer("/routes/0").cloned();
    route.context("the answer has no route")
}

const MESSAGE: Headers = &[("content-type", "message/rfc822")];
const OPERATOR: Headers = &[
    ("content-type", "application/json"),
    ("holdfast-operator", "the demonstration"),
];
const WAIT: Duration = Duration::from_secs(10);
const ANSWER_BYTES: usize = 1 << 20;
