//! The embedded host, with a guest that tries things: what is granted works, and its twin without
//! the grant is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use holdfast::host::{HostOptions, KeyValueBackend, MemoryLog, RunningHost};
use holdfast_tests::{Application, test_component};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::rustls;

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
        Self {
            host,
            log,
            client,
            _application: application,
        }
    }

    async fn get(&self, path_and_query: &str) -> Value {
        let url = format!("{}{path_and_query}", self.host.url());
        self.client
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
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
                    stream
                        .write_all(format!("{head}{body}").as_bytes())
                        .await
                        .unwrap();
                }
            });
        }
    });
    address
}

/// A TLS server for `localhost` that answers each request with "secret"; and its certificate.
async fn secure_server() -> (SocketAddr, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut buffer = vec![0; 4096];
                while stream.read(&mut buffer).await.unwrap_or(0) > 0 {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    (address, certificate)
}

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
async fn sockets_connect_to_what_is_granted_and_nowhere_else() {
    let server = greeter().await;
    let granted = Probe::with_grants(&[&format!("tcp://{server}")]).await;
    let answer = granted.try_for("/connect", "to", &server.to_string()).await;
    assert_eq!(answer, json!({ "ok": "220 hello" }));

    let other_port = format!("tcp://127.0.0.1:{}", server.port() ^ 1);
    let by_name = format!("tcp://localhost:{}", server.port());
    // The last cannot be parsed. In the manifest itself it would be refused at the start.
    for grant in ["", &other_port, &by_name, "tcp://127.0.0.1"] {
        let component = "allowed_outbound_hosts = [\"{{ word }}\"]";
        let probe = Probe::start(component, &[("word", grant)]).await;
        let answer = probe.try_for("/connect", "to", &server.to_string()).await;
        assert_eq!(
            answer,
            json!({ "error": "ErrorCode::AccessDenied" }),
            "with {grant:?}"
        );
        assert!(
            probe.log.contains(&format!("\"tcp://{server}\"")),
            "the log names the grant"
        );
    }
}

#[tokio::test]
async fn names_listening_and_udp_are_refused_even_when_all_is_granted() {
    let probe = Probe::with_grants(&["*://*:*"]).await;
    let resolved = probe.try_for("/resolve", "name", "localhost").await;
    assert_eq!(
        resolved,
        json!({ "error": "ErrorCode::PermanentResolverFailure" })
    );
    for path in ["/listen", "/udp"] {
        assert_eq!(
            probe.get(path).await,
            json!({ "error": "ErrorCode::AccessDenied" }),
            "{path}"
        );
    }
}

#[tokio::test]
async fn requests_reach_what_is_granted_and_nothing_else() {
    let server = counter().await;
    let url = format!("http://{server}/");
    let granted = Probe::with_grants(&[&format!("http://{server}")]).await;
    let answer = granted.try_for("/fetch", "url", &url).await;
    assert_eq!(answer, json!({ "ok": { "status": 200, "body": "1" } }));
    let again = granted.try_for("/fetch", "url", &url).await;
    assert_eq!(
        again["ok"]["body"], "1",
        "the connection is kept and used again"
    );

    let denied = Probe::with_grants(&[&format!("https://{server}"), "http://127.0.0.1:1"]).await;
    let answer = denied.try_for("/fetch", "url", &url).await;
    assert_eq!(answer, json!({ "error": "ErrorCode::HttpRequestDenied" }));
    assert!(
        denied.log.contains(&format!("\"http://{server}\"")),
        "the log names the grant"
    );
}

#[tokio::test]
async fn failures_of_requests_have_spins_names() {
    let probe = Probe::with_grants(&["*://*:*"]).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    let url = format!("http://{address}/");
    let silent = probe
        .get(&format!("/fetch?first-byte-ms=50&url={}", url_encode(&url)))
        .await;
    assert_eq!(
        silent,
        json!({ "error": "ErrorCode::ConnectionReadTimeout" })
    );
    drop(closed);
    let refused = probe.try_for("/fetch", "url", &url).await;
    assert_eq!(refused, json!({ "error": "ErrorCode::ConnectionRefused" }));
    let nowhere = probe
        .try_for("/fetch", "url", "http://nowhere.invalid/")
        .await;
    assert!(
        nowhere["error"].as_str().unwrap().contains("DnsError"),
        "{nowhere}"
    );
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let begun = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello";
        stream.write_all(begun).await.unwrap();
        std::future::pending::<()>().await;
    });
    let probe = Probe::with_grants(&["*://*:*"]).await;
    let answer = probe
        .get(&format!(
            "/fetch?between-bytes-ms=50&url={}",
            url_encode(&url)
        ))
        .await;
    assert_eq!(
        answer,
        json!({ "error": "ErrorCode::ConnectionReadTimeout" })
    );
}

#[tokio::test]
async fn a_server_that_does_not_take_the_connection_is_given_up() {
    // Nobody accepts: when the queue is full, the system leaves further connections waiting.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let waiting: Vec<_> = (0..8)
        .map(|_| tokio::spawn(TcpStream::connect(address)))
        .collect();
    let mut queued = Vec::new();
    for connection in waiting {
        let connected = tokio::time::timeout(Duration::from_millis(200), connection).await;
        queued.push(connected);
    }
    assert!(queued.iter().any(Result::is_err), "the queue is not full");
    let probe = Probe::with_grants(&["*://*:*"]).await;
    let url = url_encode(&format!("http://{address}/"));
    let answer = probe.get(&format!("/fetch?connect-ms=50&url={url}")).await;
    assert_eq!(answer, json!({ "error": "ErrorCode::ConnectionTimeout" }));
}

#[tokio::test]
async fn a_connection_the_server_closed_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            // No "connection: close": the client believes it may use the connection again.
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
        }
    });
    let probe = Probe::with_grants(&["*://*:*"]).await;
    for _ in 0..50 {
        let answer = probe.try_for("/fetch", "url", &url).await;
        assert_eq!(answer, json!({ "ok": { "status": 200, "body": "ok" } }));
    }
}

#[tokio::test]
async fn https_is_spoken_to_servers_whose_root_is_trusted() {
    let (server, certificate) = secure_server().await;
    let url = format!("https://localhost:{}/", server.port());
    let start = async |roots| {
        let application = application("allowed_outbound_hosts = [\"https://localhost:*\"]");
        let mut options = HostOptions::new(application.manifest());
        options.outbound_roots = roots;
        Probe::start_with(application, options, &[]).await
    };
    let trusting = start(vec![certificate]).await;
    let answer = trusting.try_for("/fetch", "url", &url).await;
    assert_eq!(answer, json!({ "ok": { "status": 200, "body": "secret" } }));
    let careful = start(vec![]).await;
    let answer = careful.try_for("/fetch", "url", &url).await;
    assert_eq!(answer, json!({ "error": "ErrorCode::TlsProtocolError" }));
}

#[tokio::test]
async fn an_application_may_call_itself_if_granted() {
    // WASI 0.3 knows no request without an authority, so this is the only way, on Spin too.
    let url = "http://self.alt/count";
    let granted = Probe::with_grants(&["http://self"]).await;
    let answer = granted.try_for("/fetch", "url", url).await;
    assert_eq!(answer["ok"]["status"], 200, "{answer}");
    let denied = Probe::with_grants(&["http://example.org"]).await;
    let answer = denied.try_for("/fetch", "url", url).await;
    assert_eq!(answer, json!({ "error": "ErrorCode::HttpRequestDenied" }));
}

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
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
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
