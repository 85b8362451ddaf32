//! Instances of the components: each with a clock of its own and what it remembers of the routes.
//!
//! A static is a cache and nothing more: an instance serves several requests, side by side too,
//! and when it dies all of them end where they are.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::ports::{Clock, Event, Log, Ports};
use holdfast_core::time::Timestamp;

use super::sabotage::Sabotage;
use super::world::Sim;

/// One instance's own things.
#[derive(Default)]
pub struct Machine {
    /// Its number.
    pub number: u32,
    /// What it remembers.
    pub cache: StateCache,
    /// By how many milliseconds its clock is wrong.
    skew: Cell<i64>,
    /// How often its clock jumped.
    pub jumps: Cell<u32>,
}

/// The instances that may get the next request.
#[derive(Default)]
pub struct Machines {
    slots: RefCell<Vec<Rc<Machine>>>,
    numbers: Cell<u32>,
}

impl Machines {
    /// One for the next request: one of those that are there, or a new one.
    pub fn pick(&self, sim: &Sim) -> Rc<Machine> {
        let slot = sim.chance.index(SLOTS);
        let known = self.slots.borrow().get(slot).cloned();
        match known.filter(|_| !sim.chance.once_in(4)) {
            Some(machine) => machine,
            None => self.fresh(sim, slot),
        }
    }

    fn fresh(&self, sim: &Sim, slot: usize) -> Rc<Machine> {
        self.numbers.set(self.numbers.get() + 1);
        let machine = Rc::new(Machine {
            number: self.numbers.get(),
            skew: Cell::new(skew(sim)),
            ..Machine::default()
        });
        let mut slots = self.slots.borrow_mut();
        match slots.get_mut(slot) {
            Some(slot) => *slot = machine.clone(),
            None => slots.push(machine.clone()),
        }
        machine
    }

    /// It died: nobody gets it any more.
    pub fn died(&self, number: u32) {
        self.slots
            .borrow_mut()
            .retain(|machine| machine.number != number);
    }

    /// The clock of one of them jumps.
    pub fn jump(&self, sim: &Sim) {
        let slots = self.slots.borrow();
        if let Some(machine) = slots.get(sim.chance.index(SLOTS)) {
            machine.skew.set(skew(sim));
            machine.jumps.set(machine.jumps.get() + 1);
        }
    }

    /// All clocks are set right.
    pub fn set_clocks(&self) {
        for machine in self.slots.borrow().iter() {
            machine.skew.set(0);
            machine.jumps.set(machine.jumps.get() + 1);
        }
    }
}

/// Half of the clocks are right in any weather.
fn skew(sim: &Sim) -> i64 {
    let most = sim.weather.get().skew;
    match most > 0 && sim.chance.once_in(2) {
        true => sim.chance.millis(-most, most),
        false => 0,
    }
}

/// One instance in the world: all that a use case asks for.
#[derive(Clone)]
pub struct Instance {
    /// The world.
    pub sim: Rc<Sim>,
    /// Its own things.
    pub machine: Rc<Machine>,
}

impl Instance {
    /// A moment, or not even that.
    pub async fn moment(&self) {
        let millis = self.sim.chance.millis(-19, 19);
        if millis >= 0 {
            self.sim.time.sleep(millis).await;
        }
    }

    /// A moment, or in a slow world up to `most`, and often just that.
    pub async fn at_most(&self, most: Duration) {
        let (sim, most) = (&self.sim, millis(most));
        match sim.chance.once_in(sim.weather.get().slow) {
            true if sim.chance.once_in(2) => sim.time.sleep(most).await,
            true => sim.time.sleep(sim.chance.millis(0, most)).await,
            false => self.moment().await,
        }
    }
}

/// A duration in the simulated clock's unit.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

impl Instance {
    /// Runs here what is asked; none when the instance dies.
    pub async fn ask<T: 'static>(&self, what: impl AsyncFnOnce(&Self) -> T + 'static) -> Option<T> {
        let (answer, heard) = oneshot::channel();
        let own = self.clone();
        let asked: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
            answer.send(what(&own).await).ok();
        });
        self.sim.spawn(Some(self.machine.number), asked);
        heard.await.ok()
    }
}

impl Clock for Instance {
    fn now(&self) -> Timestamp {
        let now = match self.sim.sabotage {
            Sabotage::ClockStands => super::world::START,
            _ => self.sim.time.now(),
        };
        Timestamp::from_millis(now + self.machine.skew.get())
    }

    fn random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let random = self.sim.chance.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }

    async fn sleep(&self, duration: Duration) {
        self.sim.time.sleep(millis(duration)).await;
    }
}

impl Log for Instance {
    fn write(&self, event: Event) {
        let number = self.machine.number;
        self.sim.note(format_args!("{number} log {}", event.name));
        if self.sim.traced() {
            let facts = serde_json::Value::Object(event.facts);
            self.sim.note(format_args!("    {facts}"));
        }
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

/// Instances that live at a time.
const SLOTS: usize = 4;
