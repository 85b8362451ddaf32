//! The world around the real use cases: storage that loses replies, primaries that fail in every
//! way, instances with their own caches, all on one clock and one seed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_core::custody::store::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind, Version,
};
use holdfast_core::limits;
use holdfast_core::ports::{Clock, Delivery, Event, Log, Ports, Primary};
use holdfast_core::routing::Route;
use holdfast_core::smtp::{Attempt, Failure, FailureKind, Reply, Step, Verdict};
use holdfast_core::time::Timestamp;

use super::chance::Chance;
use super::checks::Checks;
use super::executor::Time;
use super::sabotage::Sabotage;

/// How bad the world is; each number is "once in so many", 0 for never.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// A storage request fails before it happened.
    pub storage_fails: u64,
    /// A storage request happens and its reply is lost.
    pub storage_loses: u64,
    /// A storage request happens long after its sender gave up.
    pub storage_late: u64,
    /// The primary refuses a connection.
    pub primary_refuses: u64,
    /// The primary breaks before the end of data.
    pub primary_breaks: u64,
    /// The primary takes the message, or not, and its reply is lost.
    pub primary_loses: u64,
    /// The primary defers a recipient.
    pub primary_defers: u64,
    /// A storage request, or a step of the primary, takes up to all the time it has.
    pub slow: u64,
    /// An instance dies at an await.
    pub death: u64,
    /// Whether the store has conditional writes.
    pub conditional: bool,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self {
        storage_fails: 0,
        storage_loses: 0,
        storage_late: 0,
        primary_refuses: 0,
        primary_breaks: 0,
        primary_loses: 0,
        primary_defers: 0,
        slow: 0,
        death: 0,
        conditional: true,
    };

    /// What this seed's world is like.
    pub fn of(chance: &Chance) -> Self {
        let conditional = !chance.once_in(5);
        if chance.once_in(6) {
            return Self {
                conditional,
                ..Self::CALM
            };
        }
        let pick = |choices: &[u64]| choices[chance.below(choices.len() as u64) as usize];
        Self {
            storage_fails: pick(&[0, 0, 40, 10]),
            storage_loses: pick(&[0, 0, 40, 10]),
            storage_late: pick(&[0, 0, 0, 60]),
            primary_refuses: pick(&[0, 20, 3, 1]),
            primary_breaks: pick(&[0, 0, 20, 5]),
            primary_loses: pick(&[0, 0, 20, 5]),
            primary_defers: pick(&[0, 0, 20, 4]),
            slow: pick(&[0, 0, 30, 4]),
            death: pick(&[0, 0, 300, 80]),
            conditional,
        }
    }
}

impl Weather {
    fn is_calm(self) -> bool {
        let Self {
            storage_fails,
            storage_loses,
            storage_late,
            ..
        } = self;
        let Self {
            primary_refuses,
            primary_breaks,
            primary_loses,
            primary_defers,
            slow,
            death,
            ..
        } = self;
        let storage = storage_fails + storage_loses + storage_late;
        let primary = primary_refuses + primary_breaks + primary_loses + primary_defers;
        storage + primary + slow + death == 0
    }
}

/// All that exists outside the instances.
pub struct Sim {
    /// The clock.
    pub time: Rc<Time>,
    /// The seed's numbers.
    pub chance: Chance,
    /// How bad it is.
    pub weather: Cell<Weather>,
    /// The storage's objects, each with its version.
    pub objects: RefCell<BTreeMap<String, (Bytes, u64)>>,
    /// What the primary took: message and recipient, each with the bytes, once for each time.
    pub taken: RefCell<Vec<(String, String, Bytes)>>,
    /// What the primary refused for good.
    pub refused: RefCell<BTreeSet<(String, String)>>,
    /// The rules.
    pub checks: Checks,
    /// What is broken on purpose.
    pub sabotage: Sabotage,
    writes: Cell<u64>,
    conditional: bool,
    /// Whether nothing went wrong from the beginning.
    pub calm: bool,
    late: RefCell<Vec<(i64, String, Bytes)>>,
    /// Everything that was seen, for comparing two runs of one seed.
    pub trace: RefCell<Vec<String>>,
}

impl Sim {
    /// A world of this seed.
    pub fn new(seed: u64, sabotage: Sabotage) -> Rc<Self> {
        let chance = Chance::new(seed);
        let weather = Weather::of(&chance);
        Rc::new(Self {
            time: Time::new(1_795_392_000_000),
            chance,
            conditional: weather.conditional,
            calm: weather.is_calm(),
            weather: Cell::new(weather),
            late: RefCell::default(),
            objects: RefCell::default(),
            taken: RefCell::default(),
            refused: RefCell::default(),
            checks: Checks::default(),
            sabotage,
            writes: Cell::new(0),
            trace: RefCell::default(),
        })
    }

    /// Notes what happened.
    pub fn note(&self, what: String) {
        self.trace
            .borrow_mut()
            .push(format!("{} {what}", self.time.now()));
    }

    /// Whether the store keeps writers apart.
    pub fn conditional(&self) -> bool {
        self.conditional
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        self.note("healed".into());
        self.weather.set(Weather {
            conditional: self.conditional,
            ..Weather::CALM
        });
    }

    /// Writes that arrive long after their sender gave up.
    pub fn arrive_late(&self) {
        let now = self.time.now();
        let (due, waiting) = self
            .late
            .take()
            .into_iter()
            .partition(|(at, _, _)| *at <= now);
        self.late.replace(waiting);
        let due: Vec<(i64, String, Bytes)> = due;
        for (_, key, bytes) in due {
            self.write(&key, bytes, &Condition::Always);
        }
    }

    fn read(&self, key: &str) -> Option<Object> {
        let objects = self.objects.borrow();
        let (bytes, version) = objects.get(key)?;
        Some(Object {
            bytes: bytes.clone(),
            version: Version(version.to_string()),
        })
    }

    fn write(&self, key: &str, bytes: Bytes, condition: &Condition) -> Put {
        let weather = self.weather.get();
        let current = self.read(key).map(|object| object.version);
        let holds = match condition {
            _ if self.sabotage == Sabotage::NoClaim
                && (key.starts_with("leases/") || key.starts_with("attempts/")) =>
            {
                true
            }
            Condition::Always => true,
            Condition::Absent => current.is_none(),
            Condition::Unchanged(version) => current.as_ref() == Some(version),
        };
        // A store without conditions is asked first and written after: by then it may be wrong.
        if !holds && (weather.conditional || !self.chance.once_in(4)) {
            return Put::Conflict;
        }
        self.writes.set(self.writes.get() + 1);
        self.note(format!("put {key}"));
        self.objects
            .borrow_mut()
            .insert(key.to_owned(), (bytes, self.writes.get()));
        Put::Written(Version(self.writes.get().to_string()))
    }
}

/// One instance of a component: its own cache would be its only state.
#[derive(Clone)]
pub struct Instance(pub Rc<Sim>);

impl Instance {
    async fn moment(&self) {
        self.0.time.sleep(self.0.chance.below(20) as i64).await;
    }

    /// A moment, or in a slow world up to `most`, and often just that.
    async fn at_most(&self, most: Duration) {
        match self.0.chance.once_in(self.0.weather.get().slow) {
            true => {
                let most = most.as_millis() as u64;
                let time = match self.0.chance.once_in(2) {
                    true => most,
                    false => self.0.chance.below(most + 1),
                };
                self.0.time.sleep(time as i64).await;
            }
            false => self.moment().await,
        }
    }

    /// A storage request: when it happens, whether it does, whether anybody hears of it.
    async fn request<T>(&self, act: impl FnOnce(&Rc<Sim>) -> T) -> Result<T, StoreError> {
        let weather = self.0.weather.get();
        let trouble = |detail: &str| StoreError::new(StoreErrorKind::Unavailable, detail);
        self.at_most(limits::STORAGE_BUDGET / 2).await;
        if self.0.chance.once_in(weather.storage_fails) {
            return Err(trouble("down"));
        }
        let result = act(&self.0);
        self.at_most(limits::STORAGE_BUDGET / 2).await;
        if self.0.chance.once_in(weather.storage_loses) {
            return Err(trouble("the reply was lost"));
        }
        Ok(result)
    }
}

impl Store for Instance {
    async fn get(&self, key: &str, _most: usize) -> Result<Option<Object>, StoreError> {
        self.request(|sim| sim.read(key)).await
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        let object = self.request(|sim| sim.read(key)).await?;
        Ok(object.map(|object| object.bytes.slice(..first.min(object.bytes.len()))))
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        let bytes: Bytes = body.concat().into();
        if self.0.sabotage.forgets(key) {
            return Ok(Put::Written(Version("0".into())));
        }
        // Only writes that nobody else can make may come late without a condition: a queue object
        // is named for its message, and its writer's repeat is the same.
        if self.0.chance.once_in(self.0.weather.get().storage_late) && key.starts_with("queue/") {
            let arrives = self.0.time.now() + 1_000 + self.0.chance.below(60_000) as i64;
            self.0
                .late
                .borrow_mut()
                .push((arrives, key.to_owned(), bytes));
            self.0.time.sleep(8_000).await;
            return Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "no answer in time",
            ));
        }
        self.request(|sim| sim.write(key, bytes, &condition)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.request(|sim| {
            sim.checks.before_delete(sim, key);
            sim.note(format!("delete {key}"));
            sim.objects.borrow_mut().remove(key);
        })
        .await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.request(|sim| {
            let objects = sim.objects.borrow();
            let mut keys = objects
                .range(prefix.to_owned()..)
                .map(|(key, _)| key)
                .take_while(|key| key.starts_with(prefix))
                .filter(|key| after.is_none_or(|after| key.as_str() > after));
            let page = keys.by_ref().take(limit).cloned().collect();
            Page {
                keys: page,
                more: keys.next().is_some(),
            }
        })
        .await
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        let yes = self.0.weather.get().conditional;
        Ok(if yes {
            Conditional::Yes
        } else {
            Conditional::No
        })
    }
}

impl Primary for Instance {
    type Session = ();

    async fn open(&self, _: &Route, _: usize, budget: Duration) -> Result<(), Failure> {
        self.at_most(budget).await;
        if self.0.chance.once_in(self.0.weather.get().primary_refuses) {
            return Err(failure(FailureKind::Connect, Step::Connect));
        }
        Ok(())
    }

    async fn deliver(&self, _: &Route, _: usize, (): (), delivery: &Delivery<'_>) -> Attempt {
        let weather = self.0.weather.get();
        let (sim, id) = (&self.0, delivery.id.to_string());
        let recipients = &delivery.envelope.recipients;
        let all = |verdict: Verdict| vec![verdict; recipients.len()];
        let began = sim.time.now();
        self.at_most(delivery.budget).await;
        if sim.chance.once_in(weather.primary_breaks) {
            return Attempt::failed(recipients.len(), failure(FailureKind::Closed, Step::Rcpt));
        }
        let mut verdicts = Vec::new();
        let mut taken = Vec::new();
        for recipient in recipients {
            // A mailbox that does not exist does not exist however often it is asked for.
            if recipient.local().starts_with("nobody") {
                sim.refused
                    .borrow_mut()
                    .insert((id.clone(), recipient.to_string()));
                verdicts.push(Verdict::Rejected(Reply::new(550, ["5.1.1 nobody"])));
            } else if sim.chance.once_in(weather.primary_defers) {
                verdicts.push(Verdict::Deferred(Reply::new(450, ["4.2.0 later"])));
            } else {
                taken.push(recipient.to_string());
                verdicts.push(Verdict::Delivered(Reply::new(250, ["2.0.0 ok"])));
            }
        }
        let lost = sim.chance.once_in(weather.primary_loses);
        if !lost || sim.chance.once_in(2) {
            for recipient in taken {
                sim.note(format!("taken {id} {recipient}"));
                sim.taken
                    .borrow_mut()
                    .push((id.clone(), recipient, delivery.parts[1].clone()));
            }
        }
        let elapsed = Duration::from_millis((sim.time.now() - began) as u64);
        self.at_most(delivery.rest.saturating_sub(elapsed)).await;
        if lost {
            return Attempt {
                recipients: all(Verdict::Uncertain),
                failure: Some(failure(FailureKind::Closed, Step::DataEnd)),
            };
        }
        let poisoned = sim.sabotage == Sabotage::RejectionTripsHealth
            && verdicts
                .iter()
                .any(|verdict| matches!(verdict, Verdict::Rejected(_)));
        Attempt {
            recipients: verdicts,
            failure: poisoned.then(|| failure(FailureKind::Protocol, Step::Rcpt)),
        }
    }

    async fn probe(&self, route: &Route, address: usize) -> Result<(), Failure> {
        self.open(route, address, Duration::ZERO).await
    }
}

fn failure(kind: FailureKind, step: Step) -> Failure {
    Failure {
        kind,
        step,
        detail: format!("{kind:?} at {step:?}"),
    }
}

impl Clock for Instance {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.time.now())
    }
    fn random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.chance.below(256) as u8;
        }
    }
    async fn sleep(&self, duration: Duration) {
        self.0
            .time
            .sleep(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2))
            .await;
    }
}

impl Log for Instance {
    fn write(&self, event: Event) {
        self.0.note(format!("log {}", event.name));
    }
}

impl Ports for Instance {
    type Store = Self;
    type Primary = Self;
    fn store(&self) -> &Self {
        self
    }
    fn primary(&self) -> &Self {
        self
    }
}
