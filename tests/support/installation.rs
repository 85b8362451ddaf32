//! All parts together: the application of this repository with everything around it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use holdfast::components;
use holdfast::host::{HostOptions, KeyValueBackend, MemoryLog, RunningHost};
use holdfast::native::Native;
use holdfast_core::ports::Clock as _;
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::storage::{self, Kind, Storage};
use super::submission::{Answer, Submission};
use crate::workspace;

/// What an installation is to be. Times are short enough for a fault to be quick, and long enough
/// for a busy machine to be no fault.
pub struct Setup {
    primaries: Vec<String>,
    top: String,
    route: String,
    timeouts: String,
    health: String,
    tail: String,
    storage: Kind,
    ticked: bool,
    variables: BTreeMap<String, String>,
}

impl Setup {
    /// One route to these primaries, in order of preference.
    pub fn to(primaries: &[String]) -> Self {
        Self {
            primaries: primaries.to_vec(),
            top: String::new(),
            route: "tls = \"off\"".to_owned(),
            timeouts: "connect = \"4s\"\nreply = \"8s\"\ndata_end = \"20s\"".to_owned(),
            // So that what one component writes the other sees at once.
            health: "health_max_age = \"1ms\"".to_owned(),
            tail: String::new(),
            storage: Kind::Embedded,
            ticked: true,
            variables: BTreeMap::new(),
        }
    }

    /// Lines at the top of the document.
    pub fn top(mut self, lines: &str) -> Self {
        self.top = lines.to_owned();
        self
    }

    /// Lines of the route instead of `tls = "off"`.
    pub fn route(mut self, lines: &str) -> Self {
        self.route = lines.to_owned();
        self
    }

    /// A primary that is silent is given up after this many milliseconds, at each step.
    pub fn patience(mut self, millis: u32) -> Self {
        self.timeouts =
            format!("connect = \"4s\"\nreply = \"{millis}ms\"\ndata_end = \"{millis}ms\"");
        self
    }

    /// Lines of the route's health instead of a short `health_max_age`.
    pub fn health(mut self, lines: &str) -> Self {
        self.health = lines.to_owned();
        self
    }

    /// A primary is never judged to be down, so that each case of a table meets it.
    pub fn forgiving(self) -> Self {
        self.health("health_max_age = \"1ms\"\nconsecutive_failures = 1000")
    }

    /// Further tables at the document's end.
    pub fn tail(mut self, lines: &str) -> Self {
        self.tail = lines.to_owned();
        self
    }

    /// Other storage.
    pub fn storage(mut self, kind: Kind) -> Self {
        self.storage = kind;
        self
    }

    /// A variable of the application.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Nobody ever ticked; otherwise somebody has just done so, and submissions need not ask for it.
    pub fn never_ticked(mut self) -> Self {
        self.ticked = false;
        self
    }

    /// Starts it.
    pub async fn start(self) -> Installation {
        tokio::task::spawn_blocking(|| components::build_once(workspace()).unwrap())
            .await
            .unwrap();
        let storage = Storage::start(self.storage).await;
        if self.ticked {
            let ticked = json!({ "at": Native::new().unwrap().now() });
            storage.overwrite("ticks.json", ticked.to_string().as_bytes());
        }
        let grants = self.primaries.iter().filter(|url| url.starts_with("smtp"));
        let grants: Vec<_> = grants
            .map(|url| format!("tcp://{}", url.split_once("://").unwrap().1))
            .collect();
        let mut variables = BTreeMap::from([
            ("config".to_owned(), self.document()),
            ("storage_url".to_owned(), storage.proxy.url()),
            (
                "storage_access_key".to_owned(),
                storage::ACCESS_KEY.to_owned(),
            ),
            (
                "storage_secret_key".to_owned(),
                storage::SECRET_KEY.to_owned(),
            ),
            ("operator_token".to_owned(), OPERATOR_TOKEN.to_owned()),
            ("tick_token".to_owned(), TICK_TOKEN.to_owned()),
            ("scim_token".to_owned(), SCIM_TOKEN.to_owned()),
            ("session_key".to_owned(), SESSION_KEY.to_owned()),
        ]);
        let names = ["primary_hosts", "primary_hosts_2", "primary_hosts_3"];
        for (name, grant) in names.into_iter().zip(grants) {
            variables.insert(name.to_owned(), grant);
        }
        variables.extend(self.variables);
        let log = MemoryLog::default();
        let mut installation = Installation {
            host: None,
            url: String::new(),
            storage,
            log,
            client: Client::new(),
            variables,
        };
        installation.start_host().await;
        installation
    }

    fn document(&self) -> String {
        let key = |key: &str| -> String {
            Sha256::digest(key)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect()
        };
        let Self {
            primaries,
            top,
            route,
            timeouts,
            health,
            tail,
            ..
        } = self;
        let (acme, zeta) = (key(ACME_KEY), key(ZETA_KEY));
        format!(
            r#"
hostname = "{HOSTNAME}"
{top}
[[route]]
name = "hq"
domains = ["example.org", "example.net"]
primary = {primaries:?}
{route}
[route.timeouts]
{timeouts}
[route.health]
{health}
[[partner]]
name = "{ACME}"
key_sha256 = "{acme}"
senders = ["*@acme.example", "<>"]
[[partner]]
name = "{ZETA}"
key_sha256 = "{zeta}"
domains = ["example.org"]
{tail}
"#
        )
    }
}

/// A running Holdfast.
pub struct Installation {
    host: Option<RunningHost>,
    url: String,
    /// The bucket and its proxy.
    pub storage: Storage,
    /// What the components wrote.
    pub log: MemoryLog,
    /// For requests of all kinds.
    pub client: Client,
    variables: BTreeMap<String, String>,
}

impl Installation {
    /// The base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.host.as_ref().unwrap().address()
    }

    /// Kills the host: every instance dies with what it remembers.
    pub async fn kill_host(&mut self) {
        self.host.take().unwrap().stop().await;
    }

    /// Starts the host anew, with instances that remember nothing.
    pub async fn start_host(&mut self) {
        let mut options = HostOptions::new(manifest());
        options.variables = self.variables.clone();
        options.key_value = KeyValueBackend::Memory;
        options.log = self.log.sink();
        let host = RunningHost::start(options).await.unwrap();
        self.url = host.url();
        self.host = Some(host);
    }

    /// A message to be posted with acme's key.
    pub fn message(&self, body: impl Into<Vec<u8>>) -> Submission {
        Submission::new(self.client.clone(), &self.url, ACME_KEY, body.into())
    }

    /// Posts a message from ann to bob.
    pub async fn post(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.message(body).send().await
    }

    /// Gets a path, with an `Authorization` where one is given.
    pub async fn get(&self, path: &str, bearer: Option<&str>) -> Answer {
        let mut request = self.client.get(format!("{}{path}", self.url));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        Answer::of(request).await
    }

    /// Orders something for the route `hq`, as the operator Olga.
    pub async fn order(&self, order: &Value) -> Answer {
        let url = format!("{}/v1/routes/hq/override", self.url);
        let request = self.client.put(url).bearer_auth(OPERATOR_TOKEN);
        Answer::of(request.header("holdfast-operator", "Olga").json(order)).await
    }

    /// Lets time pass.
    pub async fn tick(&self) -> Answer {
        let request = self.client.post(format!("{}/v1/tick", self.url));
        Answer::of(request.bearer_auth(TICK_TOKEN)).await
    }

    /// The state of the route's first primary, and its evidence.
    pub async fn health(&self) -> Value {
        let report = self.get("/v1/health", Some(OPERATOR_TOKEN)).await;
        assert_eq!(report.status, 200, "{}", report.text);
        report.body["routes"][0].clone()
    }

    /// The first primary's state in one word.
    pub async fn state(&self) -> String {
        let route = self.health().await;
        let state = &route["primaries"][0]["health"]["state"];
        state.as_str().unwrap_or("unknown").to_owned()
    }

    /// Everything in the bucket but the object on which conditions are tried out, and those that
    /// say when retention is due and when somebody ticked.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        let mut objects = self.storage.objects();
        objects.remove("leases/conditional-writes.txt");
        objects.remove("retention.json");
        objects.remove("ticks.json");
        objects
    }

    /// The held messages by id.
    pub fn held(&self) -> BTreeMap<String, Held> {
        let objects = self.objects().into_iter();
        objects
            .filter_map(|(key, bytes)| {
                let id = key.strip_prefix("queue/hq/")?.strip_suffix(".eml")?;
                Some((id.to_owned(), Held::read(&bytes)))
            })
            .collect()
    }

    /// Holds that nothing of any message was kept.
    #[track_caller]
    pub fn has_kept_nothing(&self) {
        let keys: Vec<_> = self.objects().into_keys().collect();
        let kept: Vec<_> = keys
            .iter()
            .filter(|key| !key.starts_with("routes/"))
            .collect();
        assert!(kept.is_empty(), "kept all the same: {kept:?}");
    }

    /// Holds that no secret, and nothing of the other partner, is in `text` or in the log.
    #[track_caller]
    pub fn leaks_nothing(&self, text: &str) {
        let log = self.log.lines();
        let secrets = [
            ACME_KEY,
            ZETA_KEY,
            OPERATOR_TOKEN,
            TICK_TOKEN,
            SCIM_TOKEN,
            SESSION_KEY,
            storage::SECRET_KEY,
            "X-Amz-Signature",
            ZETA,
        ];
        for secret in secrets {
            assert!(!text.contains(secret), "{secret} is in the answer: {text}");
            let line = log.iter().find(|(_, line)| line.contains(secret));
            assert_eq!(line, None, "{secret} is in the log");
        }
    }

    /// The log's lines about `id`.
    pub fn logged(&self, id: &str) -> Vec<String> {
        let lines = self.log.lines().into_iter().map(|(_, line)| line);
        lines.filter(|line| line.contains(id)).collect()
    }
}

/// A held message as it lies in the bucket.
#[derive(Clone, Debug)]
pub struct Held {
    /// Our lines, in order: name and value.
    pub lines: Vec<(String, String)>,
    /// The submitted bytes.
    pub message: Vec<u8>,
}

impl Held {
    /// Read as README says that anybody can: the first line says how long the message is.
    pub fn read(object: &[u8]) -> Self {
        let end = object.iter().position(|byte| *byte == b'\n').unwrap();
        let first = std::str::from_utf8(&object[..end]).unwrap();
        let length = first
            .strip_prefix("Holdfast-Length: ")
            .expect("the first line");
        let length: usize = length.trim_end().parse().unwrap();
        let (ours, message) = object.split_at(object.len() - length);
        let ours = std::str::from_utf8(ours).unwrap();
        let line = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            assert!(name.starts_with("Holdfast-"), "not a line of ours: {line}");
            (name.to_owned(), value.trim_end().to_owned())
        };
        Self {
            lines: ours.lines().map(line).collect(),
            message: message.to_vec(),
        }
    }

    /// The values of a line that may stand more than once.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let lines = self.lines.iter().filter(|(own, _)| own == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a line.
    #[track_caller]
    pub fn value(&self, name: &str) -> &str {
        self.values(name).first().expect(name)
    }
}

/// What arrived without the one line we add, which is checked to be one of ours.
#[track_caller]
pub fn without_trace(arrived: &[u8], id: &str) -> Vec<u8> {
    let end = arrived
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a line");
    let line = std::str::from_utf8(&arrived[..end]).unwrap().trim_end();
    let start = format!("Received: from {ACME} by {HOSTNAME} with HTTP id {id}; ");
    assert!(line.starts_with(&start), "not our line: {line}");
    arrived[end + 1..].to_vec()
}

/// A message with this subject.
pub fn mail(subject: &str) -> Vec<u8> {
    format!("From: ann@acme.example\r\nTo: bob@example.org\r\nSubject: {subject}\r\n\r\nHello.\r\n")
        .into_bytes()
}

fn manifest() -> PathBuf {
    workspace().join("spin.toml")
}

/// The first partner.
pub const ACME: &str = "acme";
/// Its key.
pub const ACME_KEY: &str = "acme-key-5b2f60c1d9";
/// The second partner, of whom the first must learn nothing.
pub const ZETA: &str = "zeta";
/// Its key.
pub const ZETA_KEY: &str = "other-key-c04e7a8812";
/// The directory's token.
pub const SCIM_TOKEN: &str = "scim-token-8f21";
/// What sessions are signed with.
pub const SESSION_KEY: &str = "a-session-key-of-more-than-32-bytes-3c9a";
/// The operators' token.
pub const OPERATOR_TOKEN: &str = "operator-token-66d1";
/// The ticks' token.
pub const TICK_TOKEN: &str = "tick-token-0c9a";
/// What Holdfast calls itself.
pub const HOSTNAME: &str = "holdfast.example";
/// The usual envelope sender.
pub const FROM: &str = "ann@acme.example";
/// The usual envelope recipient.
pub const TO: &str = "bob@example.org";
