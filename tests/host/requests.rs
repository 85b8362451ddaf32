//! Outbound HTTP: grants, timeouts, kept and closed connections, TLS.

use std::time::Duration;

use holdfast::host::HostOptions;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::probe::{Probe, application, url_encode};
use crate::servers::{counter, secure_server};

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
