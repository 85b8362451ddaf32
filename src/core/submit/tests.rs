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
use crate::custody::held::Held;
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
enum Mood {
    Well,
    Refuses,
    Silent,
    LosesTheReply,
    Defers,
    Rejects,
    RejectsFirst,
    RejectsFirstDefersRest,
}

/// The address, the recipients, the bytes.
type Taken = (String, Vec<String>, Vec<u8>);

struct World {
    store: MemoryStore,
    storage_out: Cell<bool>,
    reads: Cell<u32>,
    /// Keys that begin so cannot be read, written or deleted; none where it is empty.
    broken: Cell<&'static str>,
    moods: RefCell<HashMap<&'static str, Mood>>,
    delivered: RefCell<Vec<Taken>>,
    now: Cell<i64>,
    chance: Cell<u8>,
}

impl World {
    fn new() -> Self {
        Self {
            store: MemoryStore::default(),
            storage_out: Cell::new(false),
            reads: Cell::new(0),
            broken: Cell::new(""),
            moods: RefCell::default(),
            delivered: RefCell::default(),
            now: Cell::new(1_795_392_000_000),
            chance: Cell::new(0),
        }
    }

    fn mood(&self, address: &'static str, mood: Mood) {
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
        self.storage_of(key)?.get(key, most).await
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
        let mut recipients: Vec<Verdict> = Vec::new();
        for n in 0..delivery.envelope.recipients.len() {
            recipients.push(match mood {
                Mood::LosesTheReply => Verdict::Uncertain,
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
        ));
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
