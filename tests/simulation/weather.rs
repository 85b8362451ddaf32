//! How bad a seed's world is: chances for each call, outages that last, clocks that jump.
//!
//! Every trouble is absent in many seeds, so that each is also met alone. One seed in six is calm:
//! there whatever is not perfect is a fault of ours. In another one every reply is heard, though
//! primaries fail: there nothing may be delivered twice.

use std::rc::Rc;

use super::chance::Chance;
use super::world::Sim;

/// How bad the world is. Each plain number is "once in so many", 0 for never.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// A storage request fails before it happened.
    pub storage_fails: u64,
    /// A storage request happens and its reply is lost.
    pub storage_loses: u64,
    /// A storage write happens long after its sender gave up.
    pub storage_late: u64,
    /// A condition is said not to hold though it did: the write happened, or it did not.
    pub storage_stale: u64,
    /// The storage is out for stretches.
    pub storage_outages: bool,
    /// The primary refuses a connection, or is silent, or has no service.
    pub primary_refuses: u64,
    /// The primary breaks before the end of data.
    pub primary_breaks: u64,
    /// The primary takes the message, or not, and its reply is lost.
    pub primary_loses: u64,
    /// The primary defers a recipient, or the message.
    pub primary_defers: u64,
    /// Each primary is out for stretches.
    pub primary_outages: bool,
    /// This primary stays out when all the rest heals; its route has another.
    pub lasting: Option<usize>,
    /// A storage request, or a step of the primary, takes up to all the time it has.
    pub slow: u64,
    /// An instance dies at an await.
    pub death: u64,
    /// The most milliseconds by which an instance's clock is wrong.
    pub skew: i64,
    /// Operators press buttons.
    pub operators: bool,
    /// A partner sends the same message twice at once.
    pub doubles: u64,
    /// There are no conditional writes.
    pub unconditional: bool,
    /// Milliseconds until the world heals.
    pub storm: i64,
    /// The most seconds from one tick to the next: cron's, or a monitor's.
    pub pace: u32,
    /// How Holdfast is configured.
    pub custom: Custom,
    /// Whether anybody has a mailbox here.
    pub people: People,
}

/// Whether anybody has a mailbox here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum People {
    /// Nobody.
    #[default]
    Nobody,
    /// A few users and their lists; what is for others on the second route goes to its dropbox.
    Known,
    /// The same, with copies of what was delivered, and of what they send for their own primaries.
    Copies,
}

/// How Holdfast is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Custom {
    /// With nothing but what is needed.
    #[default]
    Plain,
    /// Nothing is held for longer than a few minutes, and reports go by the second route.
    Returning,
    /// What may have been delivered waits for a person.
    Careful,
    /// Two messages are a backlog already, and go in batches.
    Batches,
}

impl Weather {
    /// What this seed's world is like.
    pub fn of(chance: &Chance) -> Self {
        let calm = Self {
            unconditional: chance.once_in(5),
            doubles: chance.pick(&[0, 0, 4]),
            storm: chance.pick(&[300_000, 600_000, 900_000, 2_400_000]),
            pace: chance.pick(&[15, 30, 60, 60]),
            ..Self::default()
        };
        let kind = chance.below(6);
        if kind == 0 {
            return calm;
        }
        let bad_primaries = Self {
            primary_refuses: chance.pick(&[0, 0, 20, 3]),
            primary_breaks: chance.pick(&[0, 0, 20, 5]),
            primary_defers: chance.pick(&[0, 0, 20, 4]),
            primary_outages: chance.once_in(2),
            lasting: chance.pick(&[None, None, None, Some(0), Some(1)]),
            operators: chance.once_in(3),
            custom: chance.pick(&[
                Custom::Plain,
                Custom::Batches,
                Custom::Returning,
                Custom::Careful,
            ]),
            ..calm
        };
        if kind == 1 {
            return bad_primaries;
        }
        Self {
            storage_fails: chance.pick(&[0, 0, 40, 10]),
            storage_loses: chance.pick(&[0, 0, 40, 10]),
            storage_late: chance.pick(&[0, 0, 0, 60]),
            storage_stale: chance.pick(&[0, 0, 0, 20]),
            storage_outages: chance.once_in(4),
            primary_loses: chance.pick(&[0, 0, 20, 5]),
            slow: chance.pick(&[0, 0, 30, 4]),
            death: chance.pick(&[0, 0, 300, 80]),
            skew: chance.pick(&[0, 0, 0, 5_000, 300_000, YEAR]),
            ..bad_primaries
        }
    }

    /// Nothing goes wrong in it from beginning to end.
    pub fn is_calm(&self) -> bool {
        let Self {
            storage_fails,
            storage_loses,
            storage_late,
            storage_stale,
            storage_outages,
            primary_refuses,
            primary_breaks,
            primary_loses,
            primary_defers,
            primary_outages,
            lasting,
            slow,
            death,
            skew,
            operators,
            doubles: _,
            unconditional: _,
            storm: _,
            pace: _,
            custom,
            people: _,
        } = *self;
        let storage = storage_fails + storage_loses + storage_late + storage_stale;
        let primary = primary_refuses + primary_breaks + primary_loses + primary_defers;
        let outages = storage_outages || primary_outages || lasting.is_some();
        let people = operators || custom == Custom::Careful;
        storage + primary + slow + death == 0 && skew == 0 && !outages && !people
    }

    /// Whether nobody dies, waits too long, or misses a reply, by any clock.
    pub fn tells_all(&self) -> bool {
        let storage = self.storage_fails + self.storage_loses + self.storage_late;
        let unheard = storage + self.storage_stale + self.primary_loses + self.slow + self.death;
        unheard == 0 && self.skew == 0 && !self.storage_outages
    }

    /// What is left of it when it heals: what a place is like, and not what happens to it.
    pub fn healed(&self) -> Self {
        Self {
            lasting: self.lasting,
            unconditional: self.unconditional,
            storm: self.storm,
            pace: self.pace,
            custom: self.custom,
            people: self.people,
            ..Self::default()
        }
    }
}

/// How the storage is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageMood {
    /// It does what it is asked, but for the weather's chances.
    Well,
    /// Every request is refused at once.
    Refusing,
    /// No request is answered in time.
    Silent,
}

/// How one primary is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrimaryMood {
    /// It takes mail, but for the weather's chances.
    Well,
    /// It refuses connections.
    Refusing,
    /// It takes a connection and says nothing.
    Silent,
    /// It has no service now (421).
    Unavailable,
}

/// Starts what changes by itself: outages that come and go, clocks that jump.
pub fn start(sim: &Rc<Sim>) {
    let weather = sim.weather.get();
    if weather.storage_outages {
        sim.spawn(None, storage_outages(sim.clone()));
    }
    for primary in 0..sim.primaries.len() {
        if weather.primary_outages {
            sim.spawn(None, primary_outages(sim.clone(), primary));
        }
    }
    if weather.skew > 0 {
        sim.spawn(None, jumping_clocks(sim.clone()));
    }
}

async fn storage_outages(sim: Rc<Sim>) {
    loop {
        sim.time.sleep(sim.chance.millis(20_000, 600_000)).await;
        if sim.healed() {
            return;
        }
        let mood = sim
            .chance
            .pick(&[StorageMood::Refusing, StorageMood::Silent]);
        sim.storage_becomes(mood);
        sim.time.sleep(sim.chance.millis(5_000, 180_000)).await;
        sim.storage_becomes(StorageMood::Well);
    }
}

async fn primary_outages(sim: Rc<Sim>, primary: usize) {
    loop {
        sim.time.sleep(sim.chance.millis(5_000, 400_000)).await;
        if sim.healed() {
            return;
        }
        let moods = [
            PrimaryMood::Refusing,
            PrimaryMood::Silent,
            PrimaryMood::Unavailable,
        ];
        sim.primary_becomes(primary, sim.chance.pick(&moods));
        sim.time.sleep(sim.chance.millis(5_000, 400_000)).await;
        sim.primary_becomes(primary, PrimaryMood::Well);
    }
}

async fn jumping_clocks(sim: Rc<Sim>) {
    while !sim.healed() {
        sim.machines.jump(&sim);
        sim.time.sleep(sim.chance.millis(1_000, 120_000)).await;
    }
}

/// A clock that was never set.
const YEAR: i64 = 31_536_000_000;
