//! The parts that can be killed, the partners' and the operator's door, and what is found at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_tests::support::until;
use holdfast_tests::workspace;
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::process::Process;
use super::server::Postfix;

/// Who is killed.
#[derive(Clone, Copy, Debug)]
pub enum Victim {
    /// The host with all its instances.
    Host,
    /// The S3 server.
    Storage,
    /// Postfix with all its processes.
    Postfix,
}

/// All of it.
pub struct World {
    folder: TempDir,
    host: Process,
    storage: Process,
    postfix: Postfix,
    client: Client,
}

/// What partners and operators can do.
#[derive(Clone)]
pub struct Door {
    url: String,
    client: Client,
}

impl World {
    /// Everything runs.
    pub async fn start() -> Self {
        let build = || holdfast::components::build_once(workspace()).unwrap();
        tokio::task::spawn_blocking(build).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let postfix = Postfix::start().await;
        let bucket = folder.path().join("s3");
        let settings = json!({ "folder": bucket, "access_key": "access", "secret_key": SECRET });
        let storage = Process::start("storage", settings).await;
        let key: String = Sha256::digest(KEY)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let primary = postfix.address();
        let config = format!(
            "[[route]]\nname = \"hq\"\ndomains = [\"example.org\"]\nprimary = \"smtp://{primary}\"\ntls = \"off\"\n\
             [route.health]\nbase_ejection_time = \"50ms\"\nmax_ejection_time = \"200ms\"\nhealth_max_age = \"100ms\"\n\
             [[partner]]\nname = \"acme\"\nkey_sha256 = \"{key}\"\n"
        );
        let settings = json!({ "manifest": workspace().join("spin.toml"), "variables": {
            "config": config, "primary_hosts": format!("tcp://{primary}"),
            "storage_url": format!("http://{}", storage.address()),
            "storage_access_key": "access", "storage_secret_key": SECRET,
            "operator_token": OPERATOR, "tick_token": TICK,
        }});
        let host = Process::start("host", settings).await;
        let client = Client::new();
        Self {
            folder,
            host,
            storage,
            postfix,
            client,
        }
    }

    /// The way in.
    pub fn door(&self) -> Door {
        Door {
            url: format!("http://{}", self.host.address()),
            client: self.client.clone(),
        }
    }

    /// Kills one of them.
    pub async fn kill(&mut self, victim: Victim) {
        match victim {
            Victim::Host => self.host.kill(),
            Victim::Storage => self.storage.kill(),
            Victim::Postfix => self.postfix.kill().await,
        }
    }

    /// Starts it again.
    pub async fn revive(&mut self, victim: Victim) {
        match victim {
            Victim::Host => self.host.again().await,
            Victim::Storage => self.storage.again().await,
            Victim::Postfix => self.postfix.again().await,
        }
    }

    /// Ticks until the queue is empty. An operator ends the waits between tries; what died while it
    /// was at work is free again after its time.
    pub async fn drain(&self) {
        let door = self.door();
        let began = std::time::Instant::now();
        while !self.objects("queue").is_empty() {
            assert!(
                began.elapsed() < DRAINED,
                "the queue drains: {:?}",
                self.objects("queue")
            );
            door.make_due().await;
            door.tick().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Ids of messages of which doubt is on record.
    pub fn doubtful(&self) -> BTreeSet<String> {
        let mut doubtful = BTreeSet::new();
        for folder in ["outcomes", "receipts"] {
            for file in self.objects(folder) {
                let record: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
                let lost = record["lost"].as_u64().unwrap_or(0) > 0;
                let said = record.pointer("/state/done/response/body/reason");
                if lost || record["uncertain"] == true || said == Some(&json!("uncertain")) {
                    doubtful.insert(record["id"].as_str().unwrap().to_owned());
                }
            }
        }
        doubtful
    }

    /// What Postfix was given, by number: for each time its own queue id. A Postfix that is killed
    /// may pass on one of its messages twice; that is its affair, under one queue id.
    pub async fn copies(&self, at_least: usize) -> BTreeMap<usize, BTreeSet<String>> {
        until("Postfix has passed on what it took", async || {
            distinct(&self.postfix).len() >= at_least
        })
        .await;
        distinct(&self.postfix)
    }

    fn objects(&self, folder: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        walk(
            &self.folder.path().join("s3/holdfast").join(folder),
            &mut files,
        );
        files
    }
}

impl Door {
    /// Submits until it is accepted; the message's id.
    pub async fn submit(&self, n: usize, message: Vec<u8>) -> String {
        loop {
            let request = self
                .client
                .post(format!(
                    "{}/v1/messages?from=ann@acme.example&to=bob@example.org",
                    self.url
                ))
                .bearer_auth(KEY)
                .header("content-type", "message/rfc822")
                .header("idempotency-key", format!("kill-{n}"))
                .timeout(Duration::from_secs(70))
                .body(message.clone());
            if let Ok(response) = request.send().await {
                let status = response.status().as_u16();
                let body: Value = response.json().await.unwrap_or_default();
                match (status, body["id"].as_str()) {
                    (200 | 202, Some(id)) => return id.to_owned(),
                    (409 | 500.., _) | (200 | 202, None) => {}
                    _ => panic!("message {n}: {status} {body}"),
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }

    /// Lets time pass, if anybody is there.
    pub async fn tick(&self) {
        let url = format!("{}/v1/tick", self.url);
        self.client.post(url).bearer_auth(TICK).send().await.ok();
    }

    /// Ends the wait of everything in the queue.
    async fn make_due(&self) {
        let page = self
            .client
            .get(format!("{}/v1/queue?state=deferred", self.url));
        let Ok(page) = page.bearer_auth(OPERATOR).send().await else {
            return;
        };
        let page: Value = page.json().await.unwrap_or_default();
        for message in page["messages"].as_array().into_iter().flatten() {
            let id = message["id"].as_str().unwrap();
            let retry = self
                .client
                .post(format!("{}/v1/queue/{id}/retry", self.url));
            let retry = retry
                .bearer_auth(OPERATOR)
                .json(&json!({ "reason": "the test is short" }));
            retry.send().await.ok();
        }
    }
}

/// The subject by which a message is found again.
pub fn subject(n: usize) -> String {
    format!("kill {n}.")
}

fn distinct(postfix: &Postfix) -> BTreeMap<usize, BTreeSet<String>> {
    let mut copies: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for received in postfix.arrived() {
        let text = String::from_utf8(received.bytes.to_vec()).unwrap();
        let n = between(&text, "Subject: kill ", ".").parse().unwrap();
        let message = holdfast_tests::support::installation::mail(&subject(n));
        assert!(text.as_bytes().ends_with(&message), "other bytes: {text}");
        let queue_id = between(&text, "SMTP id ", "\r\n");
        copies.entry(n).or_default().insert(queue_id.to_owned());
    }
    copies
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text
        .split_once(before)
        .unwrap_or_else(|| panic!("no {before:?} in {text}"));
    rest.split_once(after).unwrap().0
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => walk(&path, files),
            false => files.push(path),
        }
    }
}

const KEY: &str = "kill-key";
const SECRET: &str = "kill-secret";
const OPERATOR: &str = "kill-operator";
const TICK: &str = "kill-tick";
/// An attempt that died is free again after 90 s, and may die with its instance's last wait.
const DRAINED: Duration = Duration::from_secs(400);
