//! The use case on a world of our own: a store in memory, primaries that answer by a script.

mod recall;
mod retention;
mod returns;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use futures::executor::block_on;
use serde_json::Value;

use super::request::{Head, begin};
use super::*;
use crate::custody::figures;
use crate::custody::held::{Copy, Held};
use crate::custody::release::{self, Released};
use crate::custody::store::memory::MemoryStore;
use crate::custody::store::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind,
};
use crate::ports::{Clock, Delivery, Log, Primary};
use crate::routing::{HoldReason, RouteState};
use crate::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};
use crate::tick;

const CONFIG: &str = "[[route]]\nname='hq'\ndomains=['example.org']\n\
                      primary=['smtp://192.0.2.1:25','smtp://192.0.2.2:25']\ntls='off'\n\
                      [[route]]\nname='branch'\ndomains=['branch.example']\nprimary='smtp://192.0.2.3:25'\ntls='off'\n\
                      [[partner]]\nname='acme'\n\
                      key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n";

/// How an address answers.
#[derive(Clone, Copy, PartialEq)]
pub enum Mood {
    Well,
    Refuses,
    Silent,
    LosesTheReply,
    Defers,
    Rejects,
    RejectsFirst,
    /// It takes so long that another releaser takes the message over.
    TakesLong,
    /// It takes the first recipient alone, and so long that another releaser has settled that one.
    SettledMeanwhile,
    RejectsFirstDefersRest,
}

/// The address, the recipients, the bytes.
pub type Taken = (String, Vec<String>, Vec<u8>);

pub struct World {
    pub store: MemoryStore,
    pub storage_out: Cell<bool>,
    reads: Cell<u32>,
    /// Keys that begin so cannot be read, written or deleted; none where it is empty.
    broken: Cell<&'static str>,
    /// Objects under this prefix are read with another last byte.
    pub rotten: Cell<&'static str>,
    moods: RefCell<HashMap<&'static str, Mood>>,
    pub delivered: RefCell<Vec<Taken>>,
    pub now: Cell<i64>,
    chance: Cell<u8>,
}

impl World {
    pub fn new() -> Self {
        Self {
            store: MemoryStore::default(),
            storage_out: Cell::new(false),
            reads: Cell::new(0),
            broken: Cell::new(""),
            rotten: Cell::new("nothing"),
            moods: RefCell::default(),
            delivered: RefCell::default(),
            now: Cell::new(1_795_392_000_000),
            chance: Cell::new(0),
        }
    }

    pub fn mood(&self, address: &'static str, mood: Mood) {
        self.moods.borrow_mut().insert(address, mood);
    }

    fn of(&self, route: &Route, address: usize) -> Mood {
        let text = route.primaries[address].text.as_str();
        let moods = self.moods.borrow();
        moods
            .iter()
            .find(|(key, _)| text.contains(**key))
            .map_or(Mood::Well, |(_, mood)| *mood)
    }

    fn queue(&self) -> Vec<String> {
        self.store
            .keys()
            .into_iter()
            .filter(|key| key.starts_with("queue/"))
            .collect()
    }

    async fn taken_over_by_another(&self) {
        let keys = self.store.keys().into_iter();
        for key in keys.filter(|key| key.starts_with("attempts/")) {
            let object = self.store.get(&key, 1_000_000).await.unwrap().unwrap();
            let mut record: Value = serde_json::from_slice(&object.bytes).unwrap();
            record["claimed_by"] = "another".into();
            let body = [Bytes::from(record.to_string())];
            let put = self.store.put(&key, &body, Condition::Always);
            put.await.unwrap();
        }
    }

    async fn settled_by_another(&self, delivery: &Delivery<'_>) {
        let record = serde_json::json!({
            "attempts": 2, "next_attempt": self.now(), "lost": 1, "detail": "",
            "settled": [{
                "address": delivery.envelope.recipients[0], "outcome": "delivered", "route": "hq"
            }],
        });
        let key = format!("attempts/hq/{}.json", delivery.id);
        let body = [Bytes::from(record.to_string())];
        let put = self.store.put(&key, &body, Condition::Always);
        put.await.unwrap();
    }

    fn held(&self, key: &str) -> (Held, Bytes) {
        let object = block_on(self.store.get(key, 1_000_000)).unwrap().unwrap();
        Held::read(key, &object.bytes).unwrap()
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
        // Time passes only for whoever waits for nothing else.
        if duration > Duration::from_millis(500) {
            std::future::pending::<()>().await;
        }
        self.now
            .set(self.now.get() + i64::try_from(duration.as_millis()).unwrap());
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

impl World {
    fn storage(&self) -> Result<&MemoryStore, StoreError> {
        match self.storage_out.get() {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "out")),
            false => Ok(&self.store),
        }
    }

    fn storage_of(&self, key: &str) -> Result<&MemoryStore, StoreError> {
        let broken = self.broken.get();
        match !broken.is_empty() && key.starts_with(broken) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "broken")),
            false => self.storage(),
        }
    }
}

impl Store for World {
    async fn get(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        self.reads.set(self.reads.get() + 1);
        let mut object = self.storage_of(key)?.get(key, most).await?;
        if let Some(object) = object
            .as_mut()
            .filter(|_| key.starts_with(self.rotten.get()))
        {
            let mut bytes = object.bytes.to_vec();
            if let Some(last) = bytes.last_mut() {
                *last ^= 1;
            }
            object.bytes = bytes.into();
        }
        Ok(object)
    }
    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        self.reads.set(self.reads.get() + 1);
        self.storage()?.peek(key, first).await
    }
    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        self.storage_of(key)?.put(key, body, condition).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.storage_of(key)?.delete(key).await
    }
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.storage()?.list(prefix, after, limit).await
    }
    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(Conditional::Yes)
    }
}

impl Primary for World {
    type Session = ();

    async fn open(&self, route: &Route, address: usize, budget: Duration) -> Result<(), Failure> {
        let failure = |kind, detail: &str| Failure {
            kind,
            step: Step::Connect,
            detail: detail.into(),
        };
        match self.of(route, address) {
            Mood::Refuses => Err(failure(FailureKind::Connect, "connection refused")),
            Mood::Silent => {
                self.now
                    .set(self.now.get() + i64::try_from(budget.as_millis()).unwrap());
                Err(failure(FailureKind::Timeout, "silent"))
            }
            _ => Ok(()),
        }
    }

    async fn deliver(
        &self,
        route: &Route,
        address: usize,
        (): (),
        delivery: &Delivery<'_>,
    ) -> Attempt {
        let reply = |code, text: &'static str| Reply::new(code, [text]);
        let mood = self.of(route, address);
        if mood == Mood::SettledMeanwhile {
            self.settled_by_another(delivery).await;
        }
        if mood == Mood::TakesLong {
            self.taken_over_by_another().await;
        }
        let mut recipients: Vec<Verdict> = Vec::new();
        for n in 0..delivery.envelope.recipients.len() {
            recipients.push(match mood {
                Mood::LosesTheReply => Verdict::Uncertain,
                Mood::SettledMeanwhile if n > 0 => Verdict::Deferred(reply(450, "4.2.0 later")),
                Mood::Defers => Verdict::Deferred(reply(450, "4.2.0 later")),
                Mood::Rejects => Verdict::Rejected(reply(550, "5.1.1 nobody")),
                Mood::RejectsFirst if n == 0 => Verdict::Rejected(reply(550, "5.1.1 nobody")),
                // Who was refused once is not offered again.
                Mood::RejectsFirstDefersRest => match delivery.envelope.recipients[n].local() {
                    "bob" => Verdict::Rejected(reply(550, "5.1.1 nobody")),
                    _ => Verdict::Deferred(reply(450, "4.2.0 later")),
                },
                _ => Verdict::Delivered(reply(250, "2.0.0 ok")),
            });
        }
        let taken = |(_, verdict): &(_, &Verdict)| matches!(verdict, Verdict::Delivered(_));
        let to = delivery
            .envelope
            .recipients
            .iter()
            .zip(&recipients)
            .filter(taken);
        let to: Vec<String> = to.map(|(address, _)| address.to_string()).collect();
        if !to.is_empty() {
            let address = route.primaries[address].text.clone();
            self.delivered
                .borrow_mut()
                .push((address, to, delivery.parts.concat()));
        }
        let lost = Failure {
            kind: FailureKind::Closed,
            step: Step::DataEnd,
            detail: "closed without a reply".into(),
        };
        Attempt {
            recipients,
            failure: (mood == Mood::LosesTheReply).then_some(lost),
        }
    }

    async fn probe(&self, route: &Route, address: usize) -> Result<(), Failure> {
        self.open(route, address, Duration::ZERO).await
    }
}

const MAIL: &[u8] = b"Subject: x\r\n\r\ny\r\n";

struct Shop {
    world: World,
    config: Config,
    cache: StateCache,
}

impl Shop {
    fn new() -> Self {
        Self {
            world: World::new(),
            config: Config::parse(CONFIG, "").unwrap(),
            cache: StateCache::default(),
        }
    }

    fn post(&self, to: &[&str], key: Option<&str>) -> (u16, Value) {
        let recipients: String = to.iter().map(|to| format!("&to={to}")).collect();
        let head = Head {
            query: format!("from=a@acme.example{recipients}"),
            authorization: Some(b"Bearer foo".to_vec()),
            content_type: Some("message/rfc822".into()),
            idempotency_key: key.map(str::to_owned),
            ..Head::default()
        };
        self.world.now.set(self.world.now.get() + 2_000);
        let request = begin(&self.config, &head).unwrap();
        let response = block_on(submit(
            &self.world,
            &self.config,
            &self.cache,
            &request,
            Bytes::from_static(MAIL),
        ))
        .response;
        (response.status, response.body)
    }

    fn tick(&self, after: i64) -> tick::Ticked {
        self.world.now.set(self.world.now.get() + after);
        block_on(tick::tick(&self.world, &self.config, &self.cache))
    }
}

#[test]
fn a_healthy_primary_gets_the_message_and_nothing_is_written() {
    let shop = Shop::new();
    for _ in 0..20 {
        let (status, body) = shop.post(&["b@example.org"], None);
        assert_eq!((status, &body["outcome"]), (200, &"delivered".into()));
    }
    assert_eq!(
        shop.world.store.writes(),
        0,
        "a healthy minute writes nothing"
    );
    let delivered = shop.world.delivered.borrow();
    let (line, rest) = delivered[0].2.split_at(delivered[0].2.len() - MAIL.len());
    assert!(line.starts_with(b"Received: from acme by ") && line.ends_with(b"\r\n"));
    assert_eq!(rest, MAIL);
}

#[test]
fn the_first_message_that_meets_a_dead_primary_is_held_in_the_same_request() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::Refuses);
    shop.world.mood("192.0.2.2", Mood::Silent);
    let (status, body) = shop.post(&["b@example.org"], None);
    assert_eq!(
        (status, &body["outcome"], &body["reason"]),
        (202, &"held".into(), &"failed".into())
    );
    let (held, bytes) = shop.world.held(&shop.world.queue()[0]);
    assert_eq!((held.reason, &bytes[..]), (HoldReason::Failed, MAIL));
    assert_eq!(held.envelope.recipients[0].as_str(), "b@example.org");
}

#[test]
fn the_next_address_is_tried_within_the_same_request() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::Refuses);
    let (status, _) = shop.post(&["b@example.org"], None);
    assert_eq!(
        (status, shop.world.delivered.borrow()[0].0.as_str()),
        (200, "smtp://192.0.2.2:25")
    );
}

#[test]
fn after_the_end_of_data_no_other_address_is_tried() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::LosesTheReply);
    let (status, body) = shop.post(&["b@example.org"], None);
    assert_eq!((status, &body["reason"]), (202, &"uncertain".into()));
    assert!(shop.world.delivered.borrow().is_empty());
    assert_eq!(
        shop.world.held(&shop.world.queue()[0]).0.uncertain.len(),
        1,
        "doubt is recorded"
    );
}

/// Released alone it was given to the dead address for ever: one message is one piece of evidence
/// however often it is tried, so the address was never found down.
#[test]
fn one_held_message_finds_the_address_that_works() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::Refuses);
    shop.world.mood("192.0.2.2", Mood::LosesTheReply);
    assert_eq!(shop.post(&["b@example.org"], None).0, 202);
    shop.world.mood("192.0.2.2", Mood::Well);
    for _ in 0..3 {
        shop.tick(3_600_000);
    }
    let delivered = shop.world.delivered.borrow();
    assert_eq!(delivered.len(), 1, "two of its tries are enough");
    assert!(shop.world.queue().is_empty());
}

/// Two releasers delivered it, one wrote its outcome, and both died: the record that said so was
/// deleted by who came next.
#[test]
fn who_clears_up_after_two_releasers_keeps_the_doubt() {
    for (lost, doubt) in [(0, false), (1, true)] {
        let record = serde_json::json!({
            "attempts": 1, "next_attempt": "2026-11-23T00:00:00Z", "claimed_by": "another",
            "lost": lost, "settled": [], "detail": ""
        });
        assert_eq!(doubted_after(&record), doubt);
    }
}

/// The outcome was written so late that another had delivered the message too, and had reported
/// that it did: who came next took the outcome for all there was to know.
#[test]
fn who_clears_up_after_a_late_outcome_keeps_the_doubt() {
    for (attempts, outcome, doubt) in [
        (1, "delivered", false),
        (2, "rejected", false),
        (2, "delivered", true),
    ] {
        let record = serde_json::json!({
            "attempts": attempts, "next_attempt": "2026-11-23T00:00:00Z", "lost": 1, "detail": "",
            "settled": [{"address": "b@example.org", "outcome": outcome, "route": "hq"}],
        });
        assert_eq!(doubted_after(&record), doubt, "{record}");
    }
}

/// Whether the outcome of a first attempt is doubted by who finds its message in the queue, and
/// this record of the attempts.
fn doubted_after(record: &Value) -> bool {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.post(&["b@example.org"], None);
    shop.world.mood("192.0.2", Mood::Well);
    let store = &shop.world.store;
    let (held, _) = shop.world.held(&shop.world.queue()[0]);
    let copy = crate::custody::held::Copy::first(held.id);
    let put = |key: String, record: &Value| {
        let body = [Bytes::from(record.to_string())];
        block_on(store.put(&key, &body, Condition::Always)).unwrap();
    };
    let ended = serde_json::json!({
        "id": held.id, "route": "hq", "partner": "acme", "held": held.at, "at": held.at,
        "recipients": [{"address": "b@example.org", "outcome": "delivered", "route": "hq"}],
        "attempts": 1, "uncertain": false
    });
    put(crate::custody::ended::Ended::key(&copy, None), &ended);
    put(format!("attempts/hq/{copy}.json"), record);
    shop.tick(3_600_000);
    assert!(shop.world.queue().is_empty() && shop.world.delivered.borrow().is_empty());
    let ended = crate::custody::ended::Ended::read(store, &copy, None);
    block_on(ended).unwrap().unwrap().uncertain
}

/// It was told that somebody is at the message, and the message was returned all the same, later,
/// and without the name of the person.
#[test]
fn a_return_that_was_not_done_is_not_done_later() {
    let shop = Shop {
        config: Config::parse(&format!("returns='branch'\n{CONFIG}"), "").unwrap(),
        ..Shop::new()
    };
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.post(&["b@example.org"], None);
    let (held, _) = shop.world.held(&shop.world.queue()[0]);
    let copy = crate::custody::held::Copy::first(held.id);
    let route = &shop.config.routes[0];
    let claim = crate::custody::attempts::claim_now(&shop.world, &route.name, &copy);
    let Ok(crate::custody::attempts::Claim::Mine(claimed)) = block_on(claim) else {
        panic!("nobody is at it");
    };
    block_on(shop.world.taken_over_by_another());
    let word = crate::custody::ended::Dropped {
        by: "Olga".into(),
        reason: "test".into(),
    };
    let done =
        crate::custody::release::give_back(&shop.world, &shop.config, route, &copy, *claimed, word);
    let done = block_on(done).unwrap();
    let known = crate::custody::attempts::read(&shop.world.store, &route.name, &copy);
    let known = block_on(known).unwrap().unwrap();
    assert!(known.settled.is_empty(), "{done:?}: {known:?}");
}

/// The verdicts were counted off against those who were left by then: the first one's 250 stood for
/// the second, who never got the message.
#[test]
fn a_250_stands_for_nobody_but_its_recipient() {
    let mut shop = Shop::new();
    for route in &mut shop.config.routes {
        (route.pace.max_concurrency, route.pace.batch) = (1, 1);
    }
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.post(&["ann@example.org", "bob@example.org"], None);
    shop.world.mood("192.0.2", Mood::SettledMeanwhile);
    shop.tick(60_000);
    let (held, _) = shop.world.held(&shop.world.queue()[0]);
    let copy = crate::custody::held::Copy::first(held.id);
    let route = &shop.config.routes[0].name;
    let known = crate::custody::attempts::read(&shop.world.store, route, &copy);
    let settled = block_on(known).unwrap().unwrap().settled;
    let settled: Vec<_> = settled.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(settled, ["ann@example.org"]);
}

/// The submission named it by its id and the release by its key, so one message counted twice.
#[test]
fn a_held_message_that_fails_again_is_the_same_evidence() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.post(&["b@branch.example"], None);
    for _ in 0..3 {
        shop.tick(3_600_000);
    }
    let route = &shop.config.routes[1];
    let state = block_on(crate::custody::route_state::read_now(
        &shop.world,
        &route.name,
    ))
    .unwrap();
    assert_eq!(state.health(&route.primaries[0].text).evidence.len(), 1);
}

/// It deleted the record that said that another was at it, who had delivered the message too and
/// died: twice delivered, and nobody knew.
#[test]
fn a_releaser_that_was_taken_over_leaves_the_doubt_on_record() {
    for (mood, doubt) in [(Mood::Well, false), (Mood::TakesLong, true)] {
        let shop = Shop::new();
        shop.world.mood("192.0.2", Mood::Refuses);
        let id = shop.post(&["b@example.org"], None).1["id"].clone();
        shop.world.mood("192.0.2", mood);
        shop.tick(60_000);
        assert!(shop.world.queue().is_empty());
        let copy = crate::custody::held::Copy::first(id.as_str().unwrap().parse().unwrap());
        let ended = crate::custody::release::Ended::read(&shop.world.store, &copy, None);
        assert_eq!(block_on(ended).unwrap().unwrap().uncertain, doubt);
    }
}

#[test]
fn five_failures_of_distinct_messages_make_it_down_and_mail_is_held_untouched() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    for n in 1..=5 {
        let (_, body) = shop.post(&["b@example.org"], None);
        assert_eq!(body["reason"], "failed", "{n}");
    }
    let (status, body) = shop.post(&["b@example.org"], None);
    assert_eq!((status, &body["reason"]), (202, &"down".into()));
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("connection refused"),
        "{body}"
    );
}

#[test]
fn one_bad_message_does_not_stop_the_mail_of_others() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::Rejects);
    for _ in 0..20 {
        assert_eq!(shop.post(&["b@example.org"], None).0, 422);
    }
    shop.world.mood("192.0.2.1", Mood::Well);
    assert_eq!(shop.post(&["b@example.org"], None).0, 200);
    assert_eq!(shop.world.store.writes(), 0);
}

#[test]
fn recipients_have_their_own_outcomes() {
    let shop = Shop::new();
    shop.world.mood("192.0.2.1", Mood::RejectsFirst);
    shop.world.mood("192.0.2.3", Mood::Defers);
    let (status, body) = shop.post(
        &["no@example.org", "b@branch.example", "c@example.org"],
        None,
    );
    assert_eq!(status, 202);
    let outcomes: Vec<_> = body["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["outcome"].clone())
        .collect();
    assert_eq!(outcomes, ["rejected", "held", "delivered"]);
    assert_eq!(body["recipients"][1]["reason"], "deferred");
    let (held, _) = shop.world.held(&shop.world.queue()[0]);
    assert_eq!(
        (
            held.route.as_str(),
            held.envelope.recipients.len(),
            held.split
        ),
        ("branch", 1, true)
    );
}

#[test]
fn with_everything_out_nothing_is_accepted() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.world.storage_out.set(true);
    let (status, body) = shop.post(&["b@example.org"], None);
    assert_eq!(
        (status, &body["type"]),
        (503, &"urn:holdfast:problem:not-accepted".into())
    );
    assert!(shop.world.store.keys().is_empty() && shop.world.delivered.borrow().is_empty());
}

#[test]
fn mail_flows_while_the_storage_is_out_but_a_key_needs_its_receipt() {
    let mut shop = Shop::new();
    shop.world.storage_out.set(true);
    assert_eq!(shop.post(&["b@example.org"], None).0, 200);
    assert_eq!(shop.post(&["b@example.org"], Some("k")).0, 503);
    assert_eq!(shop.world.delivered.borrow().len(), 1);
    shop.config.without_receipts = WithoutReceipts::Deliver;
    assert_eq!(shop.post(&["b@example.org"], Some("k")).0, 200);
}

#[test]
fn the_same_key_is_the_same_answer_and_one_message() {
    let shop = Shop::new();
    let first = shop.post(&["b@example.org"], Some("k"));
    assert_eq!(first.0, 200);
    assert_eq!(shop.post(&["b@example.org"], Some("k")), first);
    assert_eq!(shop.world.delivered.borrow().len(), 1);
    let (status, body) = shop.post(&["c@example.org"], Some("k"));
    assert_eq!(
        (status, &body["type"]),
        (422, &"urn:holdfast:problem:key-reused".into())
    );
}

#[test]
fn a_key_that_was_not_accepted_may_be_tried_again_and_keeps_its_id() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    let first = shop.post(&["b@example.org"], Some("k"));
    assert_eq!(first.0, 202);
    assert_eq!(shop.post(&["b@example.org"], Some("k")), first);
    assert_eq!(shop.world.queue().len(), 1);
}

#[test]
fn a_claim_of_an_instance_that_died_is_taken_over_under_the_same_id() {
    let shop = Shop::new();
    let request_id = {
        let payload = Digest::of(b"whatever");
        let id = new_id(&shop.world);
        let claim = block_on(receipt::claim(&shop.world, "acme", "k", &payload, id)).unwrap();
        let Claim::Mine(claimed) = claim else {
            panic!("nobody else has it")
        };
        let again = block_on(receipt::claim(
            &shop.world,
            "acme",
            "k",
            &payload,
            new_id(&shop.world),
        ));
        assert!(
            matches!(again, Err(ClaimError::Problem(problem)) if problem.kind == Kind::StillRunning)
        );
        shop.world.now.set(shop.world.now.get() + 91_000);
        let Ok(Claim::Mine(taken)) = block_on(receipt::claim(
            &shop.world,
            "acme",
            "k",
            &payload,
            new_id(&shop.world),
        )) else {
            panic!("an old claim is free")
        };
        assert_eq!(
            (taken.receipt.id, taken.receipt.lost),
            (claimed.receipt.id, 1)
        );
        id
    };
    assert!(
        shop.world.store.keys()[0].starts_with("receipts/acme/"),
        "{request_id}"
    );
}

#[test]
fn probes_and_a_canary_bring_a_primary_back() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    for _ in 0..6 {
        shop.post(&["b@example.org"], None);
    }
    assert_eq!(shop.world.queue().len(), 6);
    shop.tick(5_000);
    shop.world.moods.borrow_mut().clear();
    for _ in 0..3 {
        shop.tick(70_000);
    }
    let state = |address: &str| {
        let known: RouteState = serde_json::from_slice(
            &block_on(shop.world.store.get("routes/hq.json", 1_000_000))
                .unwrap()
                .unwrap()
                .bytes,
        )
        .unwrap();
        known.health(address).state
    };
    assert_eq!(
        state("smtp://192.0.2.1:25"),
        crate::routing::HealthState::Up
    );
    let delivered = shop.world.delivered.borrow();
    assert!(
        delivered[0].2.ends_with(MAIL),
        "the canary is a held message, byte for byte"
    );
    let outcomes = shop
        .world
        .store
        .keys()
        .into_iter()
        .filter(|key| key.starts_with("outcomes/"))
        .count();
    assert_eq!(
        outcomes + shop.world.queue().len(),
        6,
        "what left the queue has its outcome written"
    );
    assert_eq!(outcomes, delivered.len());
}

#[test]
fn an_order_to_hold_is_obeyed_and_told() {
    let shop = Shop::new();
    let operator = crate::operate::operator(Some("ann"), None);
    let order = |mode: &str| {
        serde_json::from_value(serde_json::json!({"mode": mode, "reason": "moving"})).unwrap()
    };
    let give = |mode| {
        block_on(crate::operate::order(
            &shop.world,
            &shop.config,
            &shop.cache,
            "hq",
            &operator,
            order(mode),
        ))
    };
    give("hold").unwrap();
    let (status, body) = shop.post(&["b@example.org"], None);
    assert_eq!((status, &body["reason"]), (202, &"override".into()));
    assert!(body["detail"].as_str().unwrap().contains("moving"));
    give("auto").unwrap();
    assert_eq!(shop.post(&["b@example.org"], None).0, 200);
    let audits = shop
        .world
        .store
        .keys()
        .into_iter()
        .filter(|key| key.starts_with("audit/"))
        .count();
    assert_eq!(audits, 2, "each order is in the audit log");
}

#[test]
fn figures_tell_an_outage_and_its_end_and_never_a_zero_that_nobody_counted() {
    use crate::operate::metrics::{metrics, tests::parse};
    let shop = Shop::new();
    let page = || parse(&block_on(metrics(&shop.world, &shop.config)));
    let hq = |name: &str| format!("holdfast_{name}{{route=\"hq\"}}");
    let before = page();
    assert_eq!(before["holdfast_storage_readable"], 1.0);
    assert_eq!(before.get("holdfast_tick_age_seconds"), None, "none yet");
    assert_eq!(before[&hq("up")], 1.0);

    shop.world.mood("192.0.2", Mood::Refuses);
    for _ in 0..6 {
        shop.post(&["b@example.org"], None);
    }
    shop.tick(5_000);
    shop.world.now.set(shop.world.now.get() + 20_000);
    let down = page();
    assert_eq!(down[&hq("up")], 0.0);
    assert_eq!(down[&hq("queue_messages")], 6.0);
    let oldest = Copy::of(&shop.world.queue()[0]).unwrap().id.at();
    let age = shop.world.now().since(oldest).as_secs_f64();
    assert!(age >= 20.0);
    assert_eq!(down[&hq("queue_oldest_seconds")], age);
    assert_eq!(down[&hq("released_total")], 0.0);
    let state =
        "holdfast_primary_health{route=\"hq\",primary=\"smtp://192.0.2.1:25\",state=\"down\"}";
    assert_eq!(down[state], 1.0);
    let decision = "holdfast_decision{route=\"hq\",decision=\"hold\",reason=\"down\"}";
    assert_eq!(down[decision], 1.0);

    shop.world.storage_out.set(true);
    let blind = page();
    let told: Vec<_> = blind.into_iter().collect();
    assert_eq!(told, [("holdfast_storage_readable".to_owned(), 0.0)]);
    shop.world.storage_out.set(false);

    shop.world.moods.borrow_mut().clear();
    for _ in 0..4 {
        shop.tick(70_000);
    }
    let after = page();
    assert_eq!(after[&hq("queue_messages")], 0.0);
    assert_eq!(after[&hq("released_total")], 6.0, "the canary and the rest");
    assert_eq!(after[&hq("uncertain_total")], 0.0);
    assert_eq!(after[&hq("up")], 1.0);
}

#[test]
fn who_has_lost_the_lease_without_knowing_leaves_the_batch_of_another_alone() {
    let shop = Shop::new();
    shop.world.mood("192.0.2", Mood::Refuses);
    shop.post(&["b@example.org"], None);
    shop.world.moods.borrow_mut().clear();
    let key = shop.world.queue().remove(0);
    let copy = Copy::of(&key).unwrap();
    let until = shop.world.now().after(limits::LEASE);
    let lease =
        serde_json::json!({ "holder": "another", "until": until, "batch": [copy.to_string()] });
    let lease = [Bytes::from(lease.to_string())];
    let written = shop
        .world
        .store
        .put("leases/hq.json", &lease, Condition::Always);
    block_on(written).unwrap();
    let route = &shop.config.routes[0];
    let release = |holder| {
        block_on(release::release(
            &shop.world,
            &shop.config,
            route,
            0,
            holder,
            &key,
        ))
        .unwrap()
    };
    assert!(matches!(release("we"), Released::NotDue(_)));
    assert!(shop.world.delivered.borrow().is_empty());
    assert!(matches!(release("another"), Released::Ended { .. }));
}

#[test]
fn what_a_batch_delivered_is_counted_like_any_other() {
    let mut shop = Shop::new();
    let pace = &mut shop.config.routes[0].pace;
    (pace.max_concurrency, pace.batch) = (1, 3);
    shop.world.mood("192.0.2", Mood::Refuses);
    for _ in 0..7 {
        shop.post(&["b@example.org"], None);
    }
    shop.world.moods.borrow_mut().clear();
    for _ in 0..4 {
        shop.tick(70_000);
    }
    let batch = |key: &String| key.starts_with("outcomes/") && key.contains("/hq/");
    assert!(shop.world.store.keys().iter().any(batch), "there was one");
    let route = &shop.config.routes[0].name;
    let counted = block_on(figures::read(&shop.world.store, route)).unwrap();
    assert_eq!((counted.released, counted.uncertain), (7, 0));
}

#[test]
fn the_last_tick_is_on_record_and_ticks_in_between_write_nothing() {
    let shop = Shop::new();
    let tick = || block_on(tick::tick(&shop.world, &shop.config, &shop.cache));
    tick();
    let once = shop.world.store.writes();
    let own = ["ticks.json"];
    assert_eq!(shop.world.store.keys(), own, "a tick with nothing to do");
    assert_eq!(once, 1);
    shop.world.now.set(shop.world.now.get() + 10_000);
    tick();
    assert_eq!(shop.world.store.writes(), once);
    shop.world.now.set(shop.world.now.get() + 30_000);
    tick();
    assert_eq!(shop.world.store.writes(), once + 1);
}
