//! What every store must do, on each store there is: the one suite of core (which its own tests run
//! on memory and on a key-value store), on buckets natively and through faults, and from inside a
//! component on the host's key-value store and on a bucket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "host/probe.rs"]
#[allow(dead_code, reason = "the tests of the host use the rest")]
mod probe;

use std::time::Duration;

use holdfast::native::Native;
use holdfast_core::custody::store::conformance;
use holdfast_core::custody::store::s3::{S3Settings, S3Store};
use holdfast_tests::support::storage::{ACCESS_KEY, Kind, SECRET_KEY, Storage};
use holdfast_tests::support::{Fault, Seen};
use serde_json::json;

use probe::{Probe, url_encode};

fn bucket(storage: &Storage) -> S3Store<Native> {
    let settings = S3Settings {
        url: storage.proxy.url(),
        bucket: "holdfast".to_owned(),
        region: "us-east-1".to_owned(),
        virtual_host: false,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
    };
    S3Store::new(&settings, Native::new().unwrap()).unwrap()
}

#[tokio::test]
async fn a_bucket_conforms_with_conditional_writes_and_without() {
    for kind in [Kind::Embedded, Kind::Careless] {
        let storage = Storage::start(kind).await;
        let checked = conformance::check(&bucket(&storage), "t/").await;
        assert_eq!(checked, Ok(()), "{kind:?}");
    }
}

#[tokio::test]
async fn a_bucket_conforms_through_faults() {
    let first = |seen: &Seen| seen.earlier.is_multiple_of(2);
    let faults = [
        Fault::Status(500, "InternalError"),
        Fault::Status(503, "SlowDown"),
        Fault::Status(429, "TooManyRequests"),
        Fault::Close,
        Fault::Slow(Duration::from_millis(20)),
    ];
    for fault in faults {
        let storage = Storage::start(Kind::Embedded).await;
        let again = fault.clone();
        storage
            .proxy
            .rule(move |seen| first(seen).then(|| again.clone()));
        let checked = conformance::check(&bucket(&storage), "t/").await;
        assert_eq!(checked, Ok(()), "{fault:?}");
    }
}

#[tokio::test]
async fn the_hosts_key_value_store_conforms_inside_a_component() {
    let probe = Probe::start("key_value_stores = [\"default\"]", &[]).await;
    let answer = probe.get("/conformance").await;
    assert_eq!(answer, json!({ "ok": "key-value" }));
}

#[tokio::test]
async fn a_bucket_conforms_inside_a_component() {
    for kind in [Kind::Embedded, Kind::Careless] {
        let storage = Storage::start(kind).await;
        let url = storage.proxy.url();
        let probe = Probe::with_grants(&[url.as_str()]).await;
        let query = format!(
            "/conformance?url={}&access-key={ACCESS_KEY}&secret-key={SECRET_KEY}",
            url_encode(&url)
        );
        assert_eq!(probe.get(&query).await, json!({ "ok": "s3" }), "{kind:?}");
    }
}
