//! The embedded host, with a guest that tries things: what is granted works, and its twin without
//! the grant is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "host/gifts.rs"]
mod gifts;
#[path = "host/probe.rs"]
mod probe;
#[path = "host/requests.rs"]
mod requests;
#[path = "host/servers.rs"]
mod servers;
#[path = "host/sockets.rs"]
mod sockets;

use std::net::SocketAddr;
use std::time::Duration;

use holdfast::host::{HostOptions, RunningHost};
use holdfast_tests::support::until;
use holdfast_tests::{Application, test_component};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use probe::{Probe, application, url_encode};

#[tokio::test]
async fn a_component_serves_http() {
    let probe = Probe::with_grants(&[]).await;
    let answer = probe.get("/headers").await;
    assert_eq!(answer["ok"]["path"], "/headers");
    assert_eq!(answer["ok"]["authority"], probe.host.address().to_string());

    let health = format!("{}/.well-known/spin/health", probe.host.url());
    let health = probe.client.get(health).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), "OK");
}

#[tokio::test]
async fn the_clients_address_is_the_last_value() {
    let probe = Probe::with_grants(&[]).await;
    let request = probe.client.get(format!("{}/headers", probe.host.url()));
    let forged = request.header("spin-client-addr", "203.0.113.7:1");
    let answer: Value = forged.send().await.unwrap().json().await.unwrap();
    let headers = answer["ok"]["headers"].as_array().unwrap().clone();
    let mut values = headers.iter().filter(|pair| pair[0] == "spin-client-addr");
    assert_eq!(
        values.next().unwrap()[1],
        "203.0.113.7:1",
        "the client's own stays in front"
    );
    let last: SocketAddr = values.next_back().unwrap()[1]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(last.ip().to_string(), "127.0.0.1");
}

#[tokio::test]
async fn what_a_component_prints_reaches_the_log_line_by_line() {
    let probe = Probe::with_grants(&[]).await;
    probe.get("/print?text=one").await;
    let lines = probe.log.lines();
    for expected in ["out: one", "err: one"] {
        let line = ("probe".to_owned(), expected.to_owned());
        assert!(lines.contains(&line), "{expected:?} is not in {lines:?}");
    }
}

#[tokio::test]
async fn a_trap_is_answered_with_500_and_logged_and_the_next_request_works() {
    let probe = Probe::with_grants(&[]).await;
    let url = format!("{}/trap", probe.host.url());
    assert_eq!(probe.client.get(url).send().await.unwrap().status(), 500);
    assert!(
        probe.log.contains("answered with 500"),
        "{:?}",
        probe.log.lines()
    );
    assert_eq!(
        probe.get("/count").await,
        json!({ "ok": 1 }),
        "a new instance"
    );
}

#[tokio::test]
async fn an_instance_serves_128_requests_and_no_more() {
    let probe = Probe::with_grants(&[]).await;
    let mut counts = Vec::new();
    for _ in 0..200 {
        counts.push(probe.get("/count").await["ok"].as_u64().unwrap());
    }
    assert_eq!(counts.iter().max(), Some(&128), "{counts:?}");
    assert_eq!(counts[127..130], [128, 1, 2]);
}

#[tokio::test]
async fn a_stopped_host_is_gone_with_its_connections() {
    let probe = Probe::with_grants(&["*://*:*"]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_encode(&format!("http://{}/", silent.local_addr().unwrap()));
    let hanging = format!("{}/fetch?url={url}", probe.host.url());
    let hanging = tokio::spawn(probe.client.get(hanging).send());
    let (mut from_guest, _) = silent.accept().await.unwrap();
    let mut request = vec![0; 1024];
    assert!(
        from_guest.read(&mut request).await.unwrap() > 0,
        "the guest's request is under way"
    );

    let address = probe.host.address();
    probe.host.stop().await;
    let hanging = tokio::time::timeout(Duration::from_secs(10), hanging).await;
    let answer = hanging.expect("the client is left waiting").unwrap();
    assert!(answer.is_err(), "the client's connection is closed");
    assert_eq!(
        from_guest.read(&mut request).await.unwrap_or(0),
        0,
        "so is the guest's"
    );
    // A child that another test is just starting may have a copy of the listener for a moment.
    until("nobody listens", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    assert_eq!(probe.log.lines(), [], "a stop is no failure of a guest");
}

#[tokio::test]
async fn a_body_is_streamed_through_a_component_without_spin_imports() {
    let sink = Probe::with_grants(&[]).await;
    let source = test_component("forward");
    let address = sink.host.address();
    let forward = Application::new(&format!(
        "[[trigger.http]]\nroute = \"/send\"\ncomponent = \"forward\"\n\
         [component.forward]\nsource = {source:?}\n\
         allowed_outbound_hosts = [\"http://{address}\"]\n\
         environment = {{ FORWARD_URL = \"http://{address}/length\" }}\n"
    ));
    let host = RunningHost::start(HostOptions::new(forward.manifest()))
        .await
        .unwrap();
    let send = |path, length| {
        let body = vec![b'x'; length];
        sink.client
            .post(format!("{}{path}", host.url()))
            .body(body)
            .send()
    };
    assert_eq!(send("/send", 8 << 20).await.unwrap().status(), 200);
    assert_eq!(send("/elsewhere", 1).await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_host_that_cannot_start_says_why() {
    let start = async |component: &str, variables: &[(&str, &str)]| {
        let application = application(component);
        let mut options = HostOptions::new(application.manifest());
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        options.variables = variables.iter().map(own).collect();
        format!(
            "{:#}",
            RunningHost::start(options)
                .await
                .err()
                .expect("it must not start")
        )
    };
    let error = start("allowed_outbound_hosts = [\"tcp://127.0.0.1\"]", &[]).await;
    assert!(error.contains("no default port"), "{error}");
    let error = start("files = [\"x\"]", &[]).await;
    assert!(error.contains("\"files\" is not supported"), "{error}");
    let error = start("", &[("wrod", "x")]).await;
    assert!(error.contains("\"wrod\" is not declared"), "{error}");
    let error = start("source = \"twice\"", &[]).await;
    assert!(error.contains("duplicate key"), "{error}");
}
