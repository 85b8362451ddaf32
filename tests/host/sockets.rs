//! Sockets: connect to what is granted, nothing else.

use serde_json::json;

use crate::probe::Probe;
use crate::servers::greeter;

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
