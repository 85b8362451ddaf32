//! The world that the use cases run in here: a store in memory, primaries with one mood each, a
//! clock that moves only while somebody waits, and no chance at all.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use holdfast_core::config::Config;
use holdfast_core::custody::held::{Digest, Held};
use holdfast_core::custody::store::Store;
use holdfast_core::custody::store::memory::MemoryStore;
use holdfast_core::mail::{Envelope, MessageId};
use holdfast_core::ports::{Clock, Delivery, Event, Log, Ports, Primary};
use holdfast_core::routing::{HoldReason, Route, RouteName};
use holdfast_core::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};
use holdfast_core::time::Timestamp;
use serde::de::DeserializeOwned;

/// Two routes and a partner whose key is `foo`.
const CONFIG: &str = "
[[route]]
name = 'hq'
domains = ['example.org', '*.example.org', 'example.net']
primary = ['smtp://192.0.2.1:25', 'smtp://192.0.2.2:25']
tls = 'off'
[[route]]
name = 'branch'
domains = ['branch.example']
primary = 'smtp://192.0.2.3:25'
tls = 'off'
[[partner]]
name = 'acme'
key_sha256 = '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'
[limits]
message_bytes = 4000
recipients = 4
";

pub fn config() -> &'static Config {
    static CONFIGURED: OnceLock<Config> = OnceLock::new();
    CONFIGURED.get_or_init(|| Config::parse(CONFIG, "").unwrap())
}

/// How the primaries answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Well,
    Refuses,
    LosesTheReply,
    Defers,
    Rejects,
    RejectsTheFirst,
}

impl Mood {
    /// The mood called so; well where nothing is.
    pub fn called(word: &str) -> Mood {
        match word {
            "refuses" => Mood::Refuses,
            "loses" => Mood::LosesTheReply,
            "defers" => Mood::Defers,
            "rejects" => Mood::Rejects,
            "rejects-first" => Mood::RejectsTheFirst,
            _ => Mood::Well,
        }
    }
}

pub struct World {
    pub storage: MemoryStore,
    pub mood: Mood,
    /// What primaries took: to whom, and the submitted bytes.
    pub taken: RefCell<Vec<(Vec<String>, Bytes)>>,
    now: Cell<i64>,
    chance: Cell<u8>,
}

impl World {
    pub fn new(mood: Mood) -> World {
        World {
            storage: MemoryStore::default(),
            mood,
            taken: RefCell::default(),
            now: Cell::new(NOW),
            chance: Cell::new(0),
        }
    }

    /// The same at another time, with primaries that are well.
    pub fn at(now: Timestamp) -> World {
        World {
            now: Cell::new(now.millis()),
            ..World::new(Mood::Well)
        }
    }

    /// What lies under this key.
    pub async fn record<T: DeserializeOwned>(&self, key: &str) -> T {
        let object = self.storage.get(key, usize::MAX).await.unwrap().unwrap();
        serde_json::from_slice(&object.bytes).unwrap()
    }

    /// The keys that begin so.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = self.storage.keys();
        keys.retain(|key| key.starts_with(prefix));
        keys
    }
}

/// A message that has been held for an hour.
pub fn held(message: &[u8]) -> Held {
    Held {
        id: MessageId::new(Timestamp::from_millis(NOW - 3_600_000), [7; 10]),
        route: RouteName::parse("hq").unwrap(),
        envelope: Envelope::new(
            Some("ada@acme.example".parse().unwrap()),
            vec!["ann@example.org".parse().unwrap()],
        ),
        uncertain: Vec::new(),
        split: false,
        partner: "acme".into(),
        at: Timestamp::from_millis(NOW - 3_600_000),
        reason: HoldReason::Down,
        detail: "it is down".into(),
        digest: Digest::of(message),
        trace: None,
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }

    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            self.chance.set(self.chance.get().wrapping_add(37));
            *byte = self.chance.get();
        }
    }

    async fn sleep(&self, duration: Duration) {
        // Time passes only for those who wait for nothing else.
        if duration > Duration::from_millis(500) {
            pending::<()>().await;
        }
        let millis = i64::try_from(duration.as_millis()).unwrap();
        self.now.set(self.now.get() + millis);
    }
}

impl Log for World {
    fn write(&self, _: Event) {}
}

impl Ports for World {
    type Store = MemoryStore;
    type Primary = World;

    fn store(&self) -> &MemoryStore {
        &self.storage
    }

    fn primary(&self) -> &World {
        self
    }
}

impl Primary for World {
    type Session = ();

    fn open(&self, _: &Route, _: usize, _: Duration) -> impl Future<Output = Result<(), Failure>> {
        ready(match self.mood {
            Mood::Refuses => Err(failure(FailureKind::Connect, Step::Connect)),
            _ => Ok(()),
        })
    }

    async fn deliver(&self, _: &Route, _: usize, (): (), delivery: &Delivery<'_>) -> Attempt {
        let recipients = &delivery.envelope.recipients;
        let reply = |code| Reply::new(code, ["what it says"]);
        let (verdict, failure) = match self.mood {
            Mood::Defers => (Verdict::Deferred(reply(450)), None),
            Mood::Rejects => (Verdict::Rejected(reply(550)), None),
            Mood::LosesTheReply => {
                let failure = failure(FailureKind::Timeout, Step::DataEnd);
                (Verdict::Uncertain, Some(failure))
            }
            _ => (Verdict::Delivered(reply(250)), None),
        };
        let mut verdicts = vec![verdict; recipients.len()];
        if self.mood == Mood::RejectsTheFirst {
            verdicts[0] = Verdict::Rejected(reply(550));
        }
        let delivered = recipients.iter().zip(&verdicts);
        let to: Vec<String> = delivered
            .filter(|(_, verdict)| matches!(verdict, Verdict::Delivered(_) | Verdict::Uncertain))
            .map(|(address, _)| address.to_string())
            .collect();
        if !to.is_empty() {
            let mut taken = self.taken.borrow_mut();
            taken.push((to, delivery.parts[1].clone()));
        }
        Attempt {
            recipients: verdicts,
            failure,
        }
    }

    fn probe(&self, _: &Route, _: usize) -> impl Future<Output = Result<(), Failure>> {
        ready(match self.mood {
            Mood::Refuses => Err(failure(FailureKind::Connect, Step::Connect)),
            _ => Ok(()),
        })
    }
}

fn failure(kind: FailureKind, step: Step) -> Failure {
    Failure {
        kind,
        step,
        detail: "as it was told to".into(),
    }
}

/// 2026-11-23T00:00:00Z.
pub const NOW: i64 = 1_795_392_000_000;
