//! What the manifest gives a component: stores, variables, environment.

use holdfast::host::{HostOptions, KeyValueBackend};
use serde_json::json;

use crate::probe::{Probe, application};

#[tokio::test]
async fn key_value_stores_are_kept_apart_and_denied_without_a_grant() {
    let probe = Probe::start("key_value_stores = [\"default\", \"other\"]", &[]).await;
    assert_eq!(
        probe.get("/get?store=default&key=a").await,
        json!({ "ok": null })
    );
    assert_eq!(
        probe.get("/set?store=default&key=a&value=1").await,
        json!({ "ok": null })
    );
    assert_eq!(
        probe.get("/set?store=default&key=b&value=2").await,
        json!({ "ok": null })
    );
    assert_eq!(
        probe.get("/set?store=other&key=c&value=3").await,
        json!({ "ok": null })
    );
    assert_eq!(
        probe.get("/get?store=default&key=a").await,
        json!({ "ok": "1" })
    );
    assert_eq!(
        probe.get("/keys?store=default").await,
        json!({ "ok": ["a", "b"] })
    );
    assert_eq!(
        probe.get("/delete?store=default&key=a").await,
        json!({ "ok": null })
    );
    assert_eq!(
        probe.get("/keys?store=default").await,
        json!({ "ok": ["b"] })
    );
    assert_eq!(probe.get("/keys?store=other").await, json!({ "ok": ["c"] }));
    let denied = probe.get("/get?store=secret&key=a").await;
    assert_eq!(denied, json!({ "error": "Error::AccessDenied" }));
}

#[tokio::test]
async fn key_value_pairs_outlive_the_host() {
    let kept = tempfile::tempdir().unwrap();
    let start = async || {
        let application = application("key_value_stores = [\"default\"]");
        let mut options = HostOptions::new(application.manifest());
        options.key_value = KeyValueBackend::File(kept.path().join("deep/key_value.redb"));
        Probe::start_with(application, options, &[]).await
    };
    let first = start().await;
    assert_eq!(
        first.get("/set?store=default&key=a&value=1").await,
        json!({ "ok": null })
    );
    first.host.stop().await;
    let second = start().await;
    assert_eq!(
        second.get("/get?store=default&key=a").await,
        json!({ "ok": "1" })
    );
}

#[tokio::test]
async fn a_component_reads_the_variables_mapped_to_it() {
    let component = "variables = { greeting = \"hello {{ word }}\" }";
    let probe = Probe::start(component, &[("word", "world"), ("hidden", "x")]).await;
    assert_eq!(
        probe.get("/variable?name=greeting").await,
        json!({ "ok": "hello world" })
    );
    for (name, expected) in [
        ("hidden", "Undefined"),
        ("word", "Undefined"),
        ("Bad", "InvalidName"),
    ] {
        let answer = probe.get(&format!("/variable?name={name}")).await;
        assert!(
            answer["error"].as_str().unwrap().contains(expected),
            "{name}: {answer}"
        );
    }
}

#[tokio::test]
async fn the_environment_is_what_the_manifest_says() {
    let probe = Probe::start("environment = { GREETING = \"hello\" }", &[]).await;
    assert_eq!(
        probe.get("/environment").await,
        json!({ "ok": { "GREETING": "hello" } })
    );
}
