//! Windows from the order to the last message that goes home, on a clock of our own.

use std::cell::{Cell, RefCell};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures::executor::block_on;
use serde_json::Value;

use super::*;
use crate::custody::store::memory::MemoryStore;
use crate::custody::store::{Conditional, Object, Page};
use crate::operate::queue::{Action, Because};
use crate::operate::release::{ReleaseAnswer, ReleaseOrder};
use crate::operate::{self, DecisionWord, audit};
use crate::ports::{Clock, Delivery, Event, Log, Primary};
use crate::routing::window::WindowRelease;
use crate::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};
use crate::submit::request::{Head, begin};
use crate::tick::{self, Ticked};

/// A store, a primary, and what was asked of them.
struct World {
    store: MemoryStore,
    /// Writes below this prefix fail.
    broken: Cell<&'static str>,
    down: Cell<bool>,
    opened: Cell<u32>,
    /// Milliseconds that a delivery takes.
    pace: Cell<i64>,
    delivered: RefCell<Vec<MessageId>>,
    now: Cell<i64>,
    chance: Cell<u32>,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            let next = self.chance.get().wrapping_mul(1_664_525);
            self.chance.set(next.wrapping_add(1_013_904_223));
            *byte = self.chance.get().to_be_bytes()[0];
        }
    }
    async fn sleep(&self, duration: Duration) {
        if duration > Duration::from_millis(500) {
            std::future::pending::<()>().await;
        }
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
        // A read takes its time: whatever runs beside it gets its turn.
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.store.get(key, most).await
    }
    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        self.store.peek(key, first).await
    }
    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        if !self.broken.get().is_empty() && key.starts_with(self.broken.get()) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "out"));
        }
        self.store.put(key, body, condition).await
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.store.list(prefix, after, limit).await
    }
    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(Conditional::Yes)
    }
}

impl Primary for World {
    type Session = ();

    async fn open(&self, _: &Route, _: usize, _: Duration) -> Result<(), Failure> {
        self.opened.set(self.opened.get() + 1);
        match self.down.get() {
            false => Ok(()),
            true => Err(Failure {
                kind: FailureKind::Connect,
                step: Step::Connect,
                detail: "connection refused".into(),
            }),
        }
    }

    async fn deliver(&self, _: &Route, _: usize, (): (), delivery: &Delivery<'_>) -> Attempt {
        self.delivered.borrow_mut().push(delivery.id);
        self.now.set(self.now.get() + self.pace.get());
        let verdict = Verdict::Delivered(Reply::new(250, ["2.0.0 ok"]));
        Attempt {
            recipients: vec![verdict; delivery.envelope.recipients.len()],
            failure: None,
        }
    }

    async fn probe(&self, route: &Route, address: usize) -> Result<(), Failure> {
        self.open(route, address, Duration::ZERO).await
    }
}

struct Shop {
    world: World,
    config: Config,
    cache: StateCache,
}

/// A Monday, 12:00 UTC.
const NOON: i64 = 1_795_435_200_000;

fn after_noon(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOON + seconds * 1_000)
}

impl Shop {
    fn new() -> Self {
        let config = "[[route]]\nname='hq'\ndomains=['example.org']\nprimary='smtp://192.0.2.1:25'\ntls='off'\n\
                      [[route]]\nname='branch'\ndomains=['branch.example']\nprimary='smtp://192.0.2.3:25'\ntls='off'\n\
                      [[partner]]\nname='acme'\n\
                      key_sha256='2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae'\n";
        Self {
            world: World {
                store: MemoryStore::default(),
                broken: Cell::new(""),
                down: Cell::new(false),
                opened: Cell::new(0),
                pace: Cell::new(0),
                delivered: RefCell::default(),
                now: Cell::new(NOON),
                chance: Cell::new(0),
            },
            config: Config::parse(config, "").unwrap(),
            cache: StateCache::default(),
        }
    }

    fn at(&self, seconds: i64) -> &Self {
        self.world.now.set(NOON + seconds * 1_000);
        self
    }

    fn post(&self) -> (u16, Value) {
        let head = Head {
            query: "from=a@acme.example&to=b@example.org".into(),
            authorization: Some(b"Bearer foo".to_vec()),
            content_type: Some("message/rfc822".into()),
            ..Head::default()
        };
        let request = begin(&self.config, &head).unwrap();
        let body = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
        let submitting =
            crate::submit::submit(&self.world, &self.config, &self.cache, &request, body);
        let response = block_on(submitting).response;
        (response.status, response.body)
    }

    fn tick(&self) -> Ticked {
        block_on(tick::tick(&self.world, &self.config, &self.cache))
    }

    fn add(&self, order: WindowOrder) -> Result<WindowView, Problem> {
        let (world, config, cache) = (&self.world, &self.config, &self.cache);
        block_on(add(world, config, cache, &olga(), order))
    }

    fn end(&self, id: &str) -> Result<WindowView, Problem> {
        let (world, config, cache) = (&self.world, &self.config, &self.cache);
        block_on(end(world, config, cache, &olga(), id, &because()))
    }

    fn delete(&self, id: &str) -> Result<WindowView, Problem> {
        let (world, config, cache) = (&self.world, &self.config, &self.cache);
        block_on(delete(world, config, cache, &olga(), id, &because()))
    }

    fn extend(&self, id: &str, until: Timestamp) -> Result<WindowView, Problem> {
        let (world, config, cache) = (&self.world, &self.config, &self.cache);
        let order = ExtendOrder {
            until: until.to_string(),
            reason: "it takes longer".into(),
        };
        block_on(extend(world, config, cache, &olga(), id, &order))
    }

    fn list(&self) -> WindowList {
        block_on(list(&self.world, &self.config)).unwrap()
    }

    fn release(&self, dry_run: bool) -> ReleaseAnswer {
        let order = ReleaseOrder {
            route: "hq".into(),
            limit: None,
            dry_run,
            reason: "all is well".into(),
        };
        let (world, config, cache) = (&self.world, &self.config, &self.cache);
        block_on(operate::release::release(
            world,
            config,
            cache,
            &olga(),
            &order,
        ))
        .unwrap()
    }

    fn queue(&self) -> usize {
        let keys = self.world.store.keys();
        keys.iter().filter(|key| key.starts_with("queue/")).count()
    }
}

fn olga() -> Operator {
    operate::operator(Some("Olga"), Some("192.0.2.9"))
}

fn because() -> EndOrder {
    EndOrder {
        reason: "all done".into(),
    }
}

/// A window so many seconds after noon.
fn window(start: i64, end: i64, release: WindowRelease) -> WindowOrder {
    WindowOrder {
        route: "hq".into(),
        start: after_noon(start).to_string(),
        end: Some(after_noon(end).to_string()),
        duration: None,
        time_zone: None,
        rrule: None,
        release,
        reason: "new disks".into(),
        dry_run: false,
    }
}

fn weekly(rule: &str, duration: &str) -> WindowOrder {
    WindowOrder {
        start: "2026-11-29T02:00:00".into(),
        end: None,
        duration: Some(duration.into()),
        time_zone: Some("Europe/Rome".into()),
        rrule: Some(rule.into()),
        ..window(0, 1, Automatic)
    }
}

fn id(view: &WindowView) -> String {
    view.id.unwrap().to_string()
}

use WindowRelease::{Automatic, Manual};

#[test]
fn in_a_window_mail_is_held_without_a_connection_and_goes_home_at_its_end() {
    let shop = Shop::new();
    shop.add(window(10, 20, Automatic)).unwrap();
    let known = shop.world.opened.get();
    let mut held = Vec::new();
    for second in [10, 12, 14, 16, 19] {
        let (status, body) = shop.at(second).post();
        assert_eq!((status, &body["reason"]), (202, &"window".into()), "{body}");
        assert_eq!(body["until"], after_noon(20).to_string());
        held.push(body["id"].as_str().unwrap().to_owned());
        shop.tick();
    }
    assert_eq!(shop.world.opened.get(), known, "the primary is not touched");
    let ticked = shop.at(20).tick();
    let released = ticked.routes[0].released.as_ref().unwrap();
    assert_eq!((released.delivered, shop.queue()), (5, 0));
    let delivered = shop.world.delivered.borrow().clone();
    let delivered: Vec<String> = delivered.iter().map(ToString::to_string).collect();
    assert_eq!(delivered, held, "oldest first");
    assert_eq!(shop.at(21).post().0, 200);
}

#[test]
fn a_primary_that_is_down_in_a_window_is_probed_after_it_and_not_before() {
    let shop = Shop::new();
    shop.world.down.set(true);
    for _ in 0..5 {
        shop.post();
    }
    shop.add(window(1, 100, Automatic)).unwrap();
    let known = shop.world.opened.get();
    for second in [2, 40, 99] {
        shop.at(second).tick();
        let route = &shop.config.routes[0];
        assert!(!tick::due(route, &shop.cache, shop.world.now()));
    }
    assert_eq!(shop.world.opened.get(), known, "probes wait");
    shop.at(101).tick();
    assert_eq!(
        shop.world.opened.get(),
        known + 1,
        "a probe that finds it down"
    );
    assert_eq!(shop.at(102).post().1["reason"], "down");
    shop.world.down.set(false);
    for second in [200, 300, 301, 302] {
        shop.at(second).tick();
    }
    assert_eq!((shop.queue(), shop.world.delivered.borrow().len()), (0, 6));
}

#[test]
fn a_drain_ends_where_a_window_opens() {
    let shop = Shop::new();
    shop.add(window(0, 5, Automatic)).unwrap();
    for _ in 0..6 {
        shop.at(1).post();
    }
    shop.add(window(20, 40, Automatic)).unwrap();
    // Each message takes the primary four seconds; a tick has twenty.
    shop.world.pace.set(4_000);
    shop.at(10).tick();
    assert_eq!(shop.queue(), 3, "those that began before 20 were served");
    assert_eq!(shop.at(30).tick().routes[0].released, None);
    assert_eq!(shop.at(40).tick().routes[0].error, None);
    assert_eq!(shop.queue(), 0);
}

#[test]
fn what_a_manual_window_held_waits_for_a_person_and_everything_else_goes_home() {
    let shop = Shop::new();
    shop.world.down.set(true);
    shop.at(0).post();
    shop.add(window(10, 20, Manual)).unwrap();
    for second in [10, 15, 19] {
        let (_, body) = shop.at(second).post();
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("a person releases it"), "{detail}");
    }
    shop.at(25).post();
    shop.world.down.set(false);
    assert_eq!(shop.queue(), 5);
    shop.at(100).tick();
    assert_eq!(shop.queue(), 3, "before and after go home by themselves");
    for second in [1_000, 10_000] {
        assert_eq!(shop.at(second).tick().routes[0].released, None);
    }
    let health = block_on(operate::health(&shop.world, &shop.config));
    assert_eq!(health.routes[0].waiting.len(), 1);
    let releases = block_on(operate::release::releases(&shop.world, &shop.config)).unwrap();
    let waiting = &releases.routes[0].waiting[0];
    assert_eq!(
        (waiting.start, waiting.end, waiting.by.as_str()),
        (after_noon(10), after_noon(20), "Olga")
    );
    assert!(shop.list().windows[0].waiting);
    assert_eq!(shop.release(true).waiting.len(), 1);
    assert_eq!(shop.queue(), 3, "a forecast moves nothing");

    let released = shop.release(false).released.unwrap();
    assert_eq!((released.delivered, shop.queue()), (3, 0));
    assert_eq!(shop.list().waiting, []);
}

#[test]
fn a_single_message_of_a_manual_window_is_tried_when_a_person_says_so() {
    let shop = Shop::new();
    shop.add(window(10, 20, Manual)).unwrap();
    let ids: Vec<String> = [11, 12, 13]
        .into_iter()
        .map(|second| shop.at(second).post().1["id"].as_str().unwrap().to_owned())
        .collect();
    shop.at(30).tick();
    let because = Because {
        reason: "the boss waits for it".into(),
    };
    let (world, config) = (&shop.world, &shop.config);
    let olga = olga();
    let acting = operate::queue::act(world, config, &ids[1], Action::Retry, &olga, &because);
    block_on(acting).unwrap();
    shop.at(40).tick();
    let delivered = shop.world.delivered.borrow().clone();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].to_string(), ids[1]);
    shop.at(50).tick();
    let state = block_on(route_state::read_now(world, &config.routes[0].name)).unwrap();
    assert_eq!(
        state.windows.retried, [""; 0],
        "it is forgotten with its message"
    );
    assert_eq!(shop.queue(), 2);
}

#[test]
fn an_interval_without_mail_waits_for_nobody() {
    let shop = Shop::new();
    shop.add(window(10, 20, Manual)).unwrap();
    shop.at(30).tick();
    assert_eq!(shop.list().waiting.len(), 1, "a write may arrive late");
    shop.at(400).tick();
    assert_eq!(shop.list().waiting, []);
}

#[test]
fn an_open_window_is_ended_extended_and_deleted_and_each_is_audited_with_its_reason() {
    let shop = Shop::new();
    let one = id(&shop.add(window(10, 20, Automatic)).unwrap());
    let early = shop.at(5).end(&one).unwrap_err();
    assert_eq!(early.kind, Kind::Conflict, "it is not open");
    let longer = shop.at(15).extend(&one, after_noon(60)).unwrap();
    assert!(longer.open);
    assert_eq!(longer.next[0].end, after_noon(60));
    assert_eq!(shop.at(40).post().1["until"], after_noon(60).to_string());
    let shorter = shop.extend(&one, after_noon(50)).unwrap_err();
    assert_eq!(shorter.kind, Kind::BadRequest);
    let ended = shop.at(45).end(&one).unwrap();
    assert!(!ended.open && ended.next.is_empty());
    assert_eq!(shop.at(46).post().0, 200);

    let two = id(&shop.add(window(50, 90, Manual)).unwrap());
    assert_eq!(shop.at(55).post().0, 202);
    let gone = shop.at(56).delete(&two).unwrap();
    assert!(!gone.open && gone.waiting, "its mail waits all the same");
    assert_eq!(shop.at(57).post().0, 200);
    assert_eq!(shop.list().waiting[0].waiting.end, after_noon(56));
    assert_eq!(shop.delete(&two).unwrap_err().kind, Kind::NotFound);
    assert_eq!(shop.end("nonsense").unwrap_err().kind, Kind::NotFound);

    let log = block_on(audit::read(&shop.world, None, None)).unwrap();
    let said: Vec<_> = log
        .entries
        .iter()
        .map(|entry| (entry.action.as_str(), entry.reason.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("window.add", "new disks"),
            ("window.extend", "it takes longer"),
            ("window.end", "all done"),
            ("window.add", "new disks"),
            ("window.delete", "all done"),
        ]
    );
    assert!(log.entries.iter().all(|entry| entry.by == "Olga"));
    assert_eq!(log.entries[0].subject, format!("hq/{one}"));
}

#[test]
fn an_edit_puts_a_whole_definition_in_the_old_ones_place() {
    let shop = Shop::new();
    let one = id(&shop.add(window(10, 20, Automatic)).unwrap());
    let edited = |order| {
        let (world, config, cache) = (&shop.world, &shop.config, &shop.cache);
        block_on(edit(world, config, cache, &olga(), &one, order))
    };
    let view = edited(window(100, 120, Automatic)).unwrap();
    assert_eq!(id(&view), one);
    assert_eq!(shop.at(15).post().0, 200);
    assert_eq!(shop.at(105).post().0, 202);
    let elsewhere = WindowOrder {
        route: "branch".into(),
        ..window(100, 120, Automatic)
    };
    assert_eq!(edited(elsewhere).unwrap_err().kind, Kind::BadRequest);
    assert_eq!(shop.list().windows.len(), 1);
}

#[test]
fn windows_that_release_alike_may_overlap_and_others_may_not() {
    let shop = Shop::new();
    let one = shop.add(window(10, 30, Automatic)).unwrap();
    shop.add(window(20, 40, Automatic)).unwrap();
    shop.add(window(40, 50, Manual)).unwrap();
    assert_eq!(shop.at(10).post().1["until"], after_noon(50).to_string());

    let other = shop.add(window(15, 18, Manual)).unwrap_err();
    assert_eq!(other.kind, Kind::Conflict);
    for word in [
        id(&one),
        after_noon(15).to_string(),
        after_noon(18).to_string(),
    ] {
        assert!(other.detail.contains(&word), "{}", other.detail);
    }
    let twin = shop.add(window(10, 30, Automatic)).unwrap_err();
    assert_eq!(twin.kind, Kind::Conflict);
    assert!(twin.detail.contains("planned already"), "{}", twin.detail);
    let elsewhere = WindowOrder {
        route: "branch".into(),
        ..window(15, 18, Manual)
    };
    shop.add(elsewhere).unwrap();

    let far = weekly("FREQ=WEEKLY", "2h");
    shop.add(far.clone()).unwrap();
    let manual = WindowOrder {
        start: "2027-11-14T03:30:00".into(),
        rrule: None,
        release: Manual,
        ..far
    };
    let other = shop.add(manual.clone()).unwrap_err();
    assert_eq!(other.kind, Kind::Conflict, "a year ahead");
    let dry = WindowOrder {
        dry_run: true,
        ..manual
    };
    let before = shop.world.store.keys();
    let view = shop.add(dry).unwrap();
    assert_eq!((view.id, view.conflicts.len()), (None, 1));
    assert_eq!(
        view.next[0].local_start.as_deref(),
        Some("2027-11-14T03:30:00+01:00[Europe/Rome]")
    );
    assert_eq!(shop.world.store.keys(), before, "nothing is written");
    let open = id(&one);
    let into = shop.at(15).extend(&open, after_noon(45)).unwrap_err();
    assert_eq!(into.kind, Kind::Conflict, "it would run into another");
}

#[test]
fn what_can_never_be_is_refused_with_the_reason() {
    let shop = Shop::new();
    for (order, word) in [
        (window(-100, -50, Automatic), "over already"),
        (
            weekly("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2h"),
            "30 years",
        ),
        (weekly("FREQ=DAILY;UNTIL=20261128", "2h"), "30 years"),
        (weekly("FREQ=DAILY", "25h"), "not over"),
        (weekly("FREQ=WEEKLY;BYDAY=SA,SU", "2d"), "not over"),
        (
            WindowOrder {
                reason: " ".into(),
                ..window(10, 20, Automatic)
            },
            "reason",
        ),
    ] {
        let refused = shop.add(order).unwrap_err();
        assert_eq!(refused.kind, Kind::BadRequest, "{}", refused.detail);
        assert!(refused.detail.contains(word), "{}", refused.detail);
    }
    let nowhere = WindowOrder {
        route: "nowhere".into(),
        ..window(10, 20, Automatic)
    };
    assert_eq!(shop.add(nowhere).unwrap_err().kind, Kind::NotFound);
    assert_eq!(shop.world.store.keys(), [""; 0], "nothing is written");
    for minute in 0..100 {
        shop.add(window(minute * 60, minute * 60 + 30, Automatic))
            .unwrap();
    }
    let many = shop.add(window(90_000, 90_001, Automatic)).unwrap_err();
    assert_eq!(many.kind, Kind::Conflict);
    assert!(many.detail.contains("100"), "{}", many.detail);
    let route = &shop.config.routes[0].name;
    let state = block_on(route_state::read_now(&shop.world, route)).unwrap();
    assert_eq!(state.windows.planned.len(), limits::ROUTE_INTERVALS);
}

#[test]
fn a_window_that_was_written_and_not_planned_is_planned_by_the_next_tick() {
    let shop = Shop::new();
    let one = id(&shop.add(window(10, 20, Automatic)).unwrap());
    shop.world.broken.set("audit/");
    let order = window(10, 60, Automatic);
    assert_eq!(shop.add(order.clone()).unwrap_err().kind, Kind::Unavailable);
    assert_eq!(
        shop.list().windows.len(),
        1,
        "what is not audited is not done"
    );

    // Another instance marks the plan, writes the window, and dies.
    shop.world.broken.set("");
    let route = &shop.config.routes[0];
    block_on(plan::mark(&shop.world, &shop.cache, route)).unwrap();
    let (mut known, _) = block_on(find(&shop.world, &one)).unwrap();
    known.order = order;
    let key = Window::key(&known.id);
    let writing = record::write(&shop.world, &key, &known, Condition::Always);
    block_on(writing).unwrap();
    assert_eq!(shop.at(30).post().0, 200, "the route does not know it");
    shop.tick();
    assert_eq!(shop.at(31).post().1["until"], after_noon(60).to_string());

    shop.world.broken.set("routes/");
    let other = shop.add(window(100, 120, Automatic)).unwrap_err();
    assert_eq!(other.kind, Kind::Unavailable);
    assert!(other.detail.contains("not done"), "{}", other.detail);
}

#[test]
fn a_tick_writes_nothing_where_nothing_changed_and_plans_again_in_time() {
    let shop = Shop::new();
    shop.tick();
    let own = ["ticks.json"];
    assert_eq!(shop.world.store.keys(), own, "no windows, no writes");
    shop.add(weekly("FREQ=DAILY", "1h")).unwrap();
    shop.tick();
    let writes = shop.world.store.writes();
    // Soon enough that it does not note either that it was there.
    shop.at(20).tick();
    assert_eq!(shop.world.store.writes(), writes);
    let last = || {
        let route = &shop.config.routes[0].name;
        let state = block_on(route_state::read_now(&shop.world, route)).unwrap();
        assert_eq!(state.windows.planned.len(), limits::WINDOW_OCCURRENCES);
        state.windows.planned[15].start
    };
    let before = last();
    shop.at(7 * 86_400).tick();
    assert_eq!(last(), before.after(Duration::from_secs(2 * 86_400)));
}

#[test]
fn a_window_is_removed_a_day_after_its_last_end() {
    let shop = Shop::new();
    shop.add(window(10, 20, Automatic)).unwrap();
    shop.add(weekly("FREQ=DAILY;COUNT=2", "1h")).unwrap();
    shop.add(weekly("FREQ=DAILY", "1h")).unwrap();
    shop.at(80_000).tick();
    assert_eq!(shop.list().windows.len(), 3);
    shop.at(86_500).tick();
    assert_eq!(shop.list().windows.len(), 2);
    shop.at(30 * 86_400).tick();
    assert_eq!(shop.list().windows.len(), 1);
    shop.tick();
    assert!(!shop.list().windows[0].next.is_empty());
}

#[test]
fn a_window_that_cannot_be_read_is_named_and_its_plan_stands() {
    let shop = Shop::new();
    let one = shop.add(window(10, 20, Automatic)).unwrap();
    let key = Window::key(&one.id.unwrap());
    block_on(
        shop.world
            .store
            .put(&key, &[Bytes::from_static(b"{")], Condition::Always),
    )
    .unwrap();
    shop.add(window(50, 60, Automatic)).unwrap();
    assert_eq!(shop.list().damaged, [key]);
    assert_eq!(shop.at(15).post().0, 202, "it stays as it was planned");
    let health = block_on(operate::health(&shop.world, &shop.config));
    assert_eq!(health.routes[0].decision, DecisionWord::Hold);
}
