//! Tries things a component may or may not do, and tells in JSON how it went: `{"ok": ...}` or
//! `{"error": ...}`. The tests of the host ask it twice, once with the grant and once without.
//!
//! `GET /connect?to=IP:PORT`, `/resolve?name=`, `/fetch?url=[&connect-ms=][&first-byte-ms=][&between-bytes-ms=]`, `/set?store=&key=&value=`,
//! `/get?store=&key=`, `/delete?store=&key=`, `/keys?store=`, `/variable?name=`, `/environment`,
//! `/headers`, `/print?text=`, `/count` (requests this instance has counted), `/trap`, `/listen`,
//! `/udp`, `POST /length`, `/conformance?[url=&access-key=&secret-key=]` (core's suite of what every
//! store must do, on the host's key-value store or on a bucket).

mod http;
mod sockets;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use holdfast_core::custody::store::conformance;
use holdfast_core::custody::store::s3::S3Settings;
use holdfast_edge::storage::Storage;
use serde_json::{Value, json};
use spin_sdk::{key_value::Store, variables};
use wasip3::http::types::{ErrorCode, Request, Response};

struct Probe;

wasip3::http::service::export!(Probe);

impl wasip3::exports::http::handler::Guest for Probe {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = url::form_urlencoded::parse(query.as_bytes());
        let query = Query(query.into_owned().collect());
        let outcome = match path {
            "/headers" => Ok(http::headers(&request)),
            "/length" => Ok(json!(http::length(request).await)),
            path => attempt(path, &query).await,
        };
        Ok(http::answer(&match outcome {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error }),
        }))
    }
}

static COUNTED: AtomicU32 = AtomicU32::new(0);

struct Query(HashMap<String, String>);

impl Query {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

#[allow(clippy::print_stdout, reason = "printing is one of the things to try")]
async fn attempt(path: &str, query: &Query) -> Result<Value, String> {
    match path {
        "/connect" => sockets::connect(query.get("to")).await,
        "/resolve" => sockets::resolve(query.get("name")).await,
        "/listen" => sockets::listen(),
        "/udp" => sockets::udp(),
        "/fetch" => http::fetch(query).await,
        "/set" | "/get" | "/delete" | "/keys" => key_value(path, query).await.map_err(text),
        "/variable" => {
            let value = variables::get(query.get("name")).await;
            value.map(|value| json!(value)).map_err(text)
        }
        "/environment" => Ok(json!(std::env::vars().collect::<HashMap<_, _>>())),
        "/print" => {
            println!("out: {}", query.get("text"));
            eprintln!("err: {}", query.get("text"));
            Ok(Value::Null)
        }
        "/count" => Ok(json!(COUNTED.fetch_add(1, Ordering::Relaxed) + 1)),
        "/conformance" => conformance(query).await,
        "/trap" => std::process::abort(),
        _ => Err(format!("the probe does not know {path}")),
    }
}

async fn conformance(query: &Query) -> Result<Value, String> {
    let settings = S3Settings {
        url: query.get("url").to_owned(),
        bucket: "holdfast".to_owned(),
        region: "us-east-1".to_owned(),
        virtual_host: false,
        access_key: query.get("access-key").to_owned(),
        secret_key: query.get("secret-key").to_owned(),
    };
    let store = Storage::new(&settings)?;
    conformance::check(&store, "conformance/").await?;
    Ok(json!(store.kind()))
}

async fn key_value(path: &str, query: &Query) -> Result<Value, spin_sdk::key_value::Error> {
    let store = Store::open(query.get("store")).await?;
    let key = query.get("key");
    Ok(match path {
        "/set" => json!(store.set(key, query.get("value").as_bytes()).await?),
        "/delete" => json!(store.delete(key).await?),
        "/keys" => json!(store.get_keys().await.collect().await?),
        _ => {
            let value = store.get(key).await?;
            json!(value.map(|value| String::from_utf8_lossy(&value).into_owned()))
        }
    })
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
