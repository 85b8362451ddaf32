//! The directory on a store that lets every writer wait its turn, and that can die at any step.

mod crashes;
mod lookups;
mod writers;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::lookup::{Found, read};
use super::*;
use crate::config::Config;
use crate::custody::store::memory::MemoryStore;
use crate::custody::store::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind,
};
use crate::people::UserId;
use crate::ports::{Clock, Delivery, Event, Log, Ports, Primary};
use crate::routing::Route;
use crate::smtp::{Attempt, Failure};
use crate::time::Timestamp;

/// A world with a store, a clock and chance.
pub(crate) struct World {
    pub store: MemoryStore,
    pub now: Cell<i64>,
    chance: Cell<u64>,
    /// Storage requests so far.
    pub requests: Cell<u32>,
    /// From this request on nothing works.
    pub dies_at: Cell<u32>,
    /// The request at which it dies is done, but nobody is told.
    pub done_untold: Cell<bool>,
    /// Each request waits for up to so many turns.
    pub turns: Cell<u64>,
}

impl World {
    pub fn new() -> Self {
        Self {
            store: MemoryStore::default(),
            now: Cell::new(1_795_392_000_000),
            chance: Cell::new(7),
            requests: Cell::new(0),
            dies_at: Cell::new(u32::MAX),
            done_untold: Cell::new(false),
            turns: Cell::new(0),
        }
    }

    /// The same with other chances.
    pub fn seeded(seed: u64) -> Self {
        let world = Self::new();
        world
            .chance
            .set(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        world.turns.set(4);
        world
    }

    /// Lets it die at the request so many requests from now.
    pub fn die_after(&self, requests: u32, done_untold: bool) {
        self.dies_at.set(self.requests.get() + requests);
        self.done_untold.set(done_untold);
    }

    /// Everything works again, two minutes later.
    pub fn revive(&self) {
        self.dies_at.set(u32::MAX);
        self.now.set(self.now.get() + 120_000);
    }

    fn next(&self) -> u64 {
        let mut x = self.chance.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.chance.set(x);
        x
    }

    async fn wait(&self) {
        let mut turns = match self.turns.get() {
            0 => 0,
            most => self.next() % most,
        };
        std::future::poll_fn(|context| {
            if turns == 0 {
                return Poll::Ready(());
            }
            turns -= 1;
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Whether this request is done, and whether its answer arrives.
    async fn step(&self) -> (bool, Result<(), StoreError>) {
        self.wait().await;
        let now = self.requests.get();
        self.requests.set(now + 1);
        let dead = || Err(StoreError::new(StoreErrorKind::Unavailable, "dead"));
        match now.cmp(&self.dies_at.get()) {
            std::cmp::Ordering::Less => (true, Ok(())),
            std::cmp::Ordering::Equal if self.done_untold.get() => (true, dead()),
            _ => (false, dead()),
        }
    }

    /// All repairs that are due.
    pub async fn repair(&self, config: &Config) {
        for _ in 0..100 {
            if !repair(self, config).await.unwrap().more {
                return;
            }
        }
        panic!("repair ends");
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = (self.next() >> 24) as u8;
        }
    }
    async fn sleep(&self, duration: Duration) {
        self.now
            .set(self.now.get() + i64::try_from(duration.as_millis()).unwrap());
        self.wait().await;
    }
}

impl Log for World {
    fn write(&self, _: Event) {}
}

impl Ports for World {
    type Store = Self;
    type Primary = Self;
    fn store(&self) -> &Self {
        self
    }
    fn primary(&self) -> &Self {
        self
    }
}

impl Store for World {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        self.step().await.1?;
        self.store.get(key, most).await
    }
    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        self.step().await.1?;
        self.store.peek(key, first).await
    }
    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        let (done, told) = self.step().await;
        let put = match done {
            true => self.store.put(key, body, condition).await,
            false => Ok(Put::Conflict),
        };
        told.and(put)
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (done, told) = self.step().await;
        if done {
            self.store.delete(key).await?;
        }
        told
    }
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.step().await.1?;
        self.store.list(prefix, after, limit).await
    }
    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(Conditional::Yes)
    }
}

impl Primary for World {
    type Session = ();
    async fn open(&self, _: &Route, _: usize, _: Duration) -> Result<(), Failure> {
        std::future::pending().await
    }
    async fn deliver(&self, _: &Route, _: usize, (): (), _: &Delivery<'_>) -> Attempt {
        std::future::pending().await
    }
    async fn probe(&self, _: &Route, _: usize) -> Result<(), Failure> {
        std::future::pending().await
    }
}

/// A configuration with a route for these domains.
pub(crate) fn config_for(domains: &str) -> Config {
    let text = format!(
        "[[route]]\nname='hq'\ndomains=[{domains}]\nprimary='smtp://192.0.2.1:25'\ntls='off'\n"
    );
    Config::parse(&text, "").unwrap()
}

/// The one that most tests have.
pub(crate) fn config() -> Config {
    config_for("'example.org'")
}

/// Attributes of JSON.
pub(crate) fn attributes(value: Value) -> Attributes {
    match value {
        Value::Object(attributes) => attributes,
        other => panic!("{other} is no object"),
    }
}

/// A user with an address of its own and one elsewhere.
fn ada(name: &str) -> Attributes {
    attributes(json!({
        "userName": name, "displayName": "Ada Lovelace", "externalId": format!("x-{name}"),
        "active": true,
        "emails": [
            {"value": format!("{name}@home.example"), "type": "home"},
            {"value": format!("{name}@example.org"), "type": "work", "primary": true},
        ],
    }))
}

/// What must be true whenever nobody is at work: every index says what the records say, and no two
/// records have the same name or address.
pub(crate) async fn check(world: &World, config: &Config) -> Result<(), String> {
    let store = &world.store;
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    let mut summaries = BTreeMap::new();
    for key in store.keys() {
        let owner = [keys::USERS, keys::GROUPS].into_iter().find_map(|prefix| {
            let id = key.strip_prefix(prefix)?.strip_suffix(".json")?;
            Some(match prefix == keys::USERS {
                true => Owner::User(id.parse().unwrap()),
                false => Owner::Group(id.parse().unwrap()),
            })
        });
        let Some(owner) = owner else { continue };
        let Found::There(entry, _) = read(store, owner).await.unwrap() else {
            return Err(format!("{key} is a sign that was left"));
        };
        for key in entry.claims(config).keys() {
            if let Some(other) = expected.insert(key.clone(), owner.to_string())
                && key.ends_with(".json")
            {
                return Err(format!("{key} is of {other} and of {owner}"));
            }
        }
        summaries.insert(owner, entry.summary(config));
    }
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for key in store.keys() {
        if key.starts_with(keys::REPAIRS) {
            return Err(format!("{key} was left"));
        }
        let indexes = [
            "names/",
            "addresses/",
            "external/",
            "group-external/",
            "group-names/",
        ];
        let is_index = indexes
            .iter()
            .any(|index| key.starts_with(&format!("people/{index}")));
        if !is_index {
            continue;
        }
        let body = store.get(&key, 10_000).await.unwrap().unwrap().bytes;
        let pointer: BTreeMap<String, String> = serde_json::from_slice(&body).unwrap();
        let whose = match key.ends_with(".json") {
            true => pointer.into_values().next(),
            false => key.rsplit('/').next().map(str::to_owned),
        };
        // A claim that was given back is nobody's.
        found.extend(whose.map(|whose| (key, whose)));
    }
    if found != expected {
        return Err(format!("indexes: {found:#?}\nrecords: {expected:#?}"));
    }
    let mut listed = BTreeMap::new();
    book::each(store, |summary| drop(listed.insert(summary.owner, summary)))
        .await
        .unwrap();
    if listed != summaries {
        return Err(format!("book: {listed:#?}\nrecords: {summaries:#?}"));
    }
    Ok(())
}

/// The ids of all users.
pub(crate) fn users(world: &World) -> BTreeSet<UserId> {
    let keys = world.store.keys();
    let ids = keys.iter().filter_map(|key| key.strip_prefix(keys::USERS));
    ids.map(|id| id.strip_suffix(".json").unwrap().parse().unwrap())
        .collect()
}
