//! Holdfast without Spin: the same components on a plain WASI 0.3 host, with environment variables
//! and S3. Needs Wasmtime, so: `cargo test -p holdfast-tests --test wasi -- --ignored`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "grants/component_file.rs"]
mod component_file;
#[path = "wasi/served.rs"]
mod served;

use std::collections::BTreeSet;

use component_file::{compatible, worlds};
use holdfast_tests::support::installation::{Held, mail, without_trace};
use holdfast_tests::support::storage::{self, Kind, Storage};
use holdfast_tests::support::{Answer, Peer, until};
use holdfast_tests::workspace;
use serde_json::json;
use served::Served;

#[tokio::test]
#[ignore = "needs Wasmtime"]
async fn wasmtime_serves_the_components_that_deliver_hold_and_recover() {
    let mut primary = Peer::start().await;
    let storage = Storage::start(Kind::Embedded).await;
    let (config, url) = (config(&primary.url()), storage.proxy.url());
    let settings = [
        ("config", config.as_str()),
        ("storage_url", &url),
        ("storage_access_key", storage::ACCESS_KEY),
        ("storage_secret_key", storage::SECRET_KEY),
        ("operator_token", "operator"),
        ("tick_token", "ticker"),
    ];
    let submission = Served::start("submission", &settings[..4]).await;
    let keeper = Served::start("keeper", &settings).await;
    let state = async || {
        let request = reqwest::Client::new().get(format!("{}/v1/health", keeper.url));
        let report = Answer::of(request.bearer_auth("operator")).await;
        assert_eq!(report.status, 200, "{}", report.text);
        report.body["routes"][0]["primaries"][0]["health"]["state"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };

    let answer = post(&submission, "delivered").await;
    answer.is_delivered();
    let taken = primary.taken();
    assert_eq!(
        without_trace(&taken[0].bytes, answer.id()),
        mail("delivered")
    );

    primary.stop().await;
    let answer = post(&submission, "held").await;
    answer.is_held("failed");
    assert!(
        answer.word("detail").contains("connection refused"),
        "{}",
        answer.text
    );
    let object = &storage.objects()[&format!("queue/hq/{}.eml", answer.id())];
    assert_eq!(Held::read(object).message, mail("held"));
    until("the keeper sees it", async || state().await == "down").await;

    primary.start_again().await;
    until("the primary is trusted again", async || {
        let request = reqwest::Client::new().post(format!("{}/v1/tick", keeper.url));
        let ticked = Answer::of(request.bearer_auth("ticker")).await;
        assert_eq!(ticked.status, 200, "{}", ticked.text);
        state().await == "up"
    })
    .await;
    let canary = primary.taken().pop().unwrap();
    assert_eq!(without_trace(&canary.bytes, answer.id()), mail("held"));
}

#[tokio::test]
#[ignore = "needs Wasmtime"]
async fn wasmtime_serves_the_directory_and_the_webmail() {
    let storage = Storage::start(Kind::Embedded).await;
    let config = config("smtp://127.0.0.1:1") + "[webmail]\nurl = \"https://mail.example.org\"\n";
    let url = storage.proxy.url();
    let settings = [
        ("config", config.as_str()),
        ("storage_url", &url),
        ("storage_access_key", storage::ACCESS_KEY),
        ("storage_secret_key", storage::SECRET_KEY),
        ("operator_token", "operator"),
        ("session_key", "0123456789abcdef0123456789abcdef"),
    ];
    let directory = Served::start("directory", &settings).await;
    let mailbox = Served::start("mailbox", &settings).await;
    let client = reqwest::Client::new();
    let user = json!({ "userName": "bob@example.org", "active": true });
    let made = client.post(format!("{}/scim/v2/Users", directory.url));
    let made = Answer::of(made.bearer_auth("operator").json(&user)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let order = json!({ "reason": "to see it", "purpose": "activate" });
    let link = client.post(format!(
        "{}/v1/people/bob@example.org/activation",
        directory.url
    ));
    let link = Answer::of(link.bearer_auth("operator").json(&order)).await;
    let (_, path) = link.word("url").split_once("/mail/").expect(&link.text);
    let page = client.get(format!("{}/mail/{path}", mailbox.url));
    let open = Answer::of(page.try_clone().unwrap()).await;
    assert_eq!(open.status, 403, "in the clear: {}", open.text);
    let page = Answer::of(page.header("x-forwarded-proto", "https")).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("type=\"password\""), "{}", page.text);
}

#[tokio::test]
#[ignore = "needs Wasmtime"]
async fn without_a_bucket_nothing_is_accepted_that_the_primary_does_not_take() {
    let submission =
        Served::start("submission", &[("config", &config("smtp://127.0.0.1:1"))]).await;
    let answer = post(&submission, "nobody has it").await;
    answer.is_not_accepted();
    let ready = reqwest::get(format!("{}/readyz", submission.url))
        .await
        .unwrap();
    assert_eq!(ready.status(), 503, "what cannot hold is not ready");
}

#[tokio::test]
#[ignore = "needs Wasmtime"]
async fn the_components_import_only_what_every_host_has() {
    let wit = std::fs::read_to_string(workspace().join("wit/holdfast.wit")).unwrap();
    let worlds = worlds(&wit);
    for (component, world) in [
        ("submission", "with-tls"),
        ("inbound", "with-tls"),
        ("keeper", "with-tls"),
        ("directory", "on-any-host"),
        ("mailbox", "on-any-host"),
    ] {
        let world = &worlds[world];
        let built = component_file::read(&served::built(component).await);
        let names = |set: &BTreeSet<String>| {
            set.iter()
                .map(|one| compatible(one))
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&built.imports), names(&world.imports), "{component}");
        assert_eq!(built.exports, world.exports, "{component}");
    }
}

async fn post(submission: &Served, subject: &str) -> Answer {
    let url = format!(
        "{}/v1/messages?from=ann@acme.example&to=bob@example.org",
        submission.url
    );
    let request = reqwest::Client::new().post(url).bearer_auth("demo-key");
    Answer::of(
        request
            .header("content-type", "message/rfc822")
            .body(mail(subject)),
    )
    .await
}

fn config(primary: &str) -> String {
    format!(
        r#"
hostname = "holdfast.example"
[[route]]
name = "hq"
domains = ["example.org"]
primary = "{primary}"
tls = "off"
[route.health]
consecutive_failures = 1
base_ejection_time = "10ms"
max_ejection_time = "20ms"
health_max_age = "1ms"
[[partner]]
name = "acme"
key_sha256 = "c48a01f49fd0f2cc404bc3cbbc80e91457a3d41bb429a695243de4c61794155c"
"#
    )
}
