//! The embedded host, with a guest that tries things: what is granted works, and its twin without
//! the grant is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up has failed")]

use std::collections::BTreeMap;
use std::net::SocketAddr;

use holdfast::host::{HostOptions, KeyValueBackend, MemoryLog, RunningHost};
use holdfast_tests::{Application, test_component};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The probe, running.
struct Probe {
    host: RunningHost,
    log: MemoryLog,
    client: reqwest::Client,
    _application: Application,
}

impl Probe {
    async fn with_grants(grants: &[&str]) -> Self {
        Self::start(&format!("allowed_outbound_hosts = {grants:?}"), &[]).await
    }

    async fn start(component: &str, variables: &[(&str, &str)]) -> Self {
        let application = application(component);
        let options = HostOptions::new(application.manifest());
        Self::start_with(application, options, variables).await
    }

    async fn start_with(
        application: Application,
        mut options: HostOptions,
        variables: &[(&str, &str)],
    ) -> Self {
        let log = MemoryLog::default();
        options.log = log.sink();
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        options.variables = variables.iter().map(own).collect::<BTreeMap<_, _>>();
        let host = RunningHost::start(options).await.unwrap();
        let client = reqwest::Client::new();
        Self { host, log, client, _application: application }
    }

    async fn get(&self, path_and_query: &str) -> Value {
        let url = format!("{}{path_and_query}", self.host.url());
        self.client.get(url).send().await.unwrap().json().await.unwrap()
    }

    async fn try_for(&self, what: &str, name: &str, value: &str) -> Value {
        let value: String = url_encode(value);
        self.get(&format!("{what}?{name}={value}")).await
    }
}

fn application(component: &str) -> Application {
    let source = test_component("probe");
    Application::new(&format!(
        "[variables]\nword = {{ default = \"\" }}\nhidden = {{ default = \"\", secret = true }}\n\
         [[trigger.http]]\nroute = \"/...\"\ncomponent = \"probe\"\n\
         [component.probe]\nsource = {source:?}\n{component}\n"
    ))
}

fn url_encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A server that greets each connection and closes it.
async fn greeter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"220 hello").await.unwrap();
        }
    });
    address
}

/// An HTTP server that answers each request with the number of connections made to it so far.
async fn counter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for connections in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while stream.read(&mut buffer).await.unwrap_or(0) > 0 {
                    let body = connections.to_string();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                    stream.write_all((head + &body).as_bytes()).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_component_serves_http() {
    let probe = Probe::with_grants(&[]).await;
    let answer = probe.get("/headers").await;
    assert_eq!(answer["ok"]["path"], "/headers");
    assert_eq!(answer["ok"]["authority"], probe.host.address().to_string());
}

#[tokio::test]
async fn sockets_connect_to_what_is_granted_and_nowhere_else() {
    let server = greeter().await;
    let granted = Probe::with_grants(&[&format!("tcp://{server}")]).await;
    let answer = granted.try_for("/connect", "to", &server.to_string()).await;
    assert_eq!(answer, json!({ "ok": "220 hello" }));

    let other_port = format!("tcp://127.0.0.1:{}", server.port() ^ 1);
    let by_name = format!("tcp://localhost:{}", server.port());
    for grants in [vec![], vec![other_port.as_str()], vec![by_name.as_str()], vec!["tcp://127.0.0.1"]] {
        // An entry that cannot be parsed is refused at the start when it is written in the manifest;
        // here it comes in by a variable.
        let probe = Probe::start(
            "allowed_outbound_hosts = [\"{{ word }}\"]",
            &[("word", grants.first().copied().unwrap_or(""))],
        )
        .await;
        let answer = probe.try_for("/connect", "to", &server.to_string()).await;
        assert_eq!(answer, json!({ "error": "ErrorCode::AccessDenied" }), "with {grants:?}");
        assert!(probe.log.contains(&format!("tcp://{server}")), "the log names the grant");
    }
}
