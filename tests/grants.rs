//! What the components may do: the interfaces they import are those of the worlds in `wit/`, and
//! what the manifest does not grant they cannot reach. Each denied case has a twin that may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "grants/component_file.rs"]
mod component_file;

use std::collections::{BTreeMap, BTreeSet};

use component_file::{Interfaces, compatible, worlds};
use holdfast::components;
use holdfast::host::{HostOptions, MemoryLog, RunningHost};
use holdfast_tests::support::installation::mail;
use holdfast_tests::support::storage::{self, Kind, Storage};
use holdfast_tests::support::{Answer, Peer, Setup, until};
use holdfast_tests::workspace;

#[test]
fn each_component_imports_what_its_world_lists_and_nothing_else() {
    components::build_once(workspace()).unwrap();
    let worlds = worlds(&read("wit/holdfast.wit"));
    for name in ["submission", "inbound", "keeper", "directory", "mailbox"] {
        let world = &worlds[name];
        let built = component(name);
        assert!(built.imports.len() > 5, "{name}: are these all? {built:?}");
        let versionless = |set: &BTreeSet<String>| {
            set.iter()
                .map(|one| compatible(one))
                .collect::<BTreeSet<_>>()
        };
        let (imports, allowed) = (versionless(&built.imports), versionless(&world.imports));
        let more: Vec<_> = imports.difference(&allowed).collect();
        assert!(
            more.is_empty(),
            "{name} imports {more:?}, which wit/holdfast.wit does not let it"
        );
        let fewer: Vec<_> = allowed.difference(&imports).collect();
        assert!(
            fewer.is_empty(),
            "{name} does without {fewer:?}: take it out of wit/holdfast.wit"
        );
        assert_eq!(built.exports, world.exports, "{name}: exports");
    }
}

#[test]
fn no_component_sees_files_or_listens() {
    components::build_once(workspace()).unwrap();
    for name in ["submission", "inbound", "keeper", "directory", "mailbox"] {
        let imports = component(name).imports;
        for forbidden in [
            "wasi:filesystem/",
            "ip-name-lookup",
            "udp",
            "wasi:keyvalue",
            "wasi:config",
            "fermyon:",
        ] {
            let found = imports.iter().find(|import| import.contains(forbidden));
            assert_eq!(found, None, "{name} has no business with {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_primary_is_reached_with_a_grant_and_not_without() {
    let primary = Peer::start().await;
    let other_port = format!("tcp://127.0.0.1:{}", primary.address().port() ^ 1);
    for grant in ["", &other_port, "tcp://127.0.0.2:*"] {
        let holdfast = Setup::to(&[primary.url()])
            .variable("primary_hosts", grant)
            .start()
            .await;
        let answer = holdfast.post(mail("denied")).await;
        answer.is_held("failed");
        let detail = answer.word("detail");
        assert!(
            detail.contains("grant it in primary_hosts"),
            "it says what to do: {detail}"
        );
        assert_eq!(holdfast.held()[answer.id()].message, mail("denied"));
        assert_eq!(
            primary.connections(),
            0,
            "with {grant:?} the primary saw a connection"
        );
        assert_eq!(holdfast.tick().await.status, 200);
        assert_eq!(
            primary.connections(),
            0,
            "with {grant:?} the keeper reached it"
        );
    }
    let holdfast = Setup::to(&[primary.url()]).start().await;
    holdfast.post(mail("granted")).await.is_delivered();
    assert_eq!(primary.taken().len(), 1);
}

#[tokio::test]
async fn the_storage_is_reached_with_a_grant_and_not_without() {
    let manifest = read("spin.toml");
    let elsewhere = manifest.replace(
        "    \"{{ storage_url }}\",\n",
        "    \"http://127.0.0.1:1\",\n",
    );
    assert_ne!(
        elsewhere, manifest,
        "spin.toml grants {{{{ storage_url }}}}"
    );

    let storage = Storage::start(Kind::Embedded).await;
    let denied = Twin::start(&elsewhere, &storage.proxy.url()).await;
    let answer = denied.post().await;
    answer.is_not_accepted();
    assert!(
        answer
            .text
            .contains("grants do not let us reach storage_url"),
        "it says what is wrong: {}",
        answer.text
    );
    assert!(
        denied.log.contains(&format!("{:?}", storage.proxy.url())),
        "the host's log names the grant"
    );
    assert_eq!(storage.proxy.seen().len(), 0, "the storage saw a request");

    let granted = Twin::start(&manifest, &storage.proxy.url()).await;
    granted.post().await.is_held("failed");
    assert!(!storage.proxy.seen().is_empty());
}

#[tokio::test]
async fn the_hosts_key_value_store_is_used_with_a_grant_and_not_without() {
    let manifest = read("spin.toml");
    let without = manifest.replace("key_value_stores = [\"default\"]\n", "");
    assert_ne!(without, manifest, "spin.toml grants the default store");
    Twin::start(&without, "")
        .await
        .post()
        .await
        .is_not_accepted();
    Twin::start(&manifest, "")
        .await
        .post()
        .await
        .is_held("failed");
}

#[tokio::test]
async fn the_application_itself_is_reached_with_a_grant_and_not_without() {
    let manifest = read("spin.toml");
    let without = manifest.replace("    \"http://self\",\n", "");
    assert_ne!(without, manifest, "spin.toml grants http://self");
    for (manifest, word) in [(&without, "tick.not-made"), (&manifest, "queue.drained")] {
        let twin = Twin::start(manifest, "").await;
        twin.post().await.is_held("failed");
        let log = || twin.log.lines();
        let told = async || log().iter().any(|(_, line)| line.contains(word));
        until("the after-work tells what came of it", told).await;
    }
}

/// The application with another manifest, and a primary where nobody listens.
struct Twin {
    host: RunningHost,
    log: MemoryLog,
    _folder: tempfile::TempDir,
}

impl Twin {
    async fn start(manifest: &str, storage_url: &str) -> Self {
        let built = tokio::task::spawn_blocking(|| components::build_once(workspace()));
        built.await.unwrap().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let target = workspace().join("target").canonicalize().unwrap();
        let manifest = manifest.replace(
            "source = \"target",
            &format!("source = \"{}", target.display()),
        );
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        let log = MemoryLog::default();
        let mut options = HostOptions::new(folder.path().join("spin.toml"));
        options.log = log.sink();
        let variables = [
            ("config", CONFIG),
            ("primary_hosts", "tcp://127.0.0.1:1"),
            ("tick_token", "a-tick-token"),
            ("storage_url", storage_url),
            ("storage_access_key", storage::ACCESS_KEY),
            ("storage_secret_key", storage::SECRET_KEY),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        options.variables = variables.map(own).into_iter().collect::<BTreeMap<_, _>>();
        let host = RunningHost::start(options).await.unwrap();
        Self {
            host,
            log,
            _folder: folder,
        }
    }

    async fn post(&self) -> Answer {
        let url = format!(
            "{}/v1/messages?from=ann@acme.example&to=bob@example.org",
            self.host.url()
        );
        let request = reqwest::Client::new().post(url).bearer_auth("demo-key");
        Answer::of(
            request
                .header("content-type", "message/rfc822")
                .body(mail("twin")),
        )
        .await
    }
}

fn component(name: &str) -> Interfaces {
    let built = format!("target/wasm32-wasip2/component/{name}.wasm");
    component_file::read(&workspace().join(built))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(workspace().join(file)).unwrap()
}

/// One route to a port where nobody listens, and a partner whose key is `demo-key`.
const CONFIG: &str = r#"
[[route]]
name = "hq"
domains = ["example.org"]
primary = "smtp://127.0.0.1:1"
tls = "off"
[[partner]]
name = "acme"
key_sha256 = "c48a01f49fd0f2cc404bc3cbbc80e91457a3d41bb429a695243de4c61794155c"
"#;
