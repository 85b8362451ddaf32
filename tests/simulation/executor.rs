//! Tasks that run one step at a time, in an order that the seed decides, in a time that only they
//! make pass. An instance can die at any await, and all its tasks with it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::chance::Chance;

/// Time, and who waits for it.
pub struct Time {
    now: Cell<i64>,
    timers: RefCell<BTreeMap<(i64, u64), Waker>>,
    order: Cell<u64>,
}

impl Time {
    /// A clock that stands at `start`, in milliseconds.
    pub fn new(start: i64) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(start),
            timers: RefCell::default(),
            order: Cell::new(0),
        })
    }

    /// Milliseconds.
    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// Waits.
    pub fn sleep(self: &Rc<Self>, millis: i64) -> Sleep {
        Sleep {
            time: self.clone(),
            until: self.now() + millis.max(0),
            key: None,
        }
    }

    /// Lets time pass to the next moment that somebody waits for; false when nobody does.
    fn advance(&self) -> bool {
        let Some(((at, _), waker)) = self.timers.borrow_mut().pop_first() else {
            return false;
        };
        self.now.set(self.now().max(at));
        waker.wake();
        true
    }
}

/// Waits for a moment.
pub struct Sleep {
    time: Rc<Time>,
    until: i64,
    key: Option<(i64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key.take() {
            self.time.timers.borrow_mut().remove(&key);
        }
        if self.time.now() >= self.until {
            return Poll::Ready(());
        }
        let order = self.time.order.get();
        self.time.order.set(order + 1);
        let key = (self.until, order);
        self.time
            .timers
            .borrow_mut()
            .insert(key, context.waker().clone());
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.time.timers.borrow_mut().remove(&key);
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A task that is to begin.
pub struct Spawned {
    /// The instance it runs in; none = it is no part of Holdfast, and does not die.
    pub machine: Option<u32>,
    /// What it does.
    pub future: Pin<Box<dyn Future<Output = ()>>>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Flag>,
    waker: Waker,
    machine: Option<u32>,
}

/// What a step came to.
pub enum Stepped {
    /// A task did something, or time passed.
    On,
    /// This instance died.
    Died(u32),
    /// There is nothing left to do.
    Over,
}

/// The tasks.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Task>,
    ready: Vec<usize>,
}

impl Executor {
    /// Adds a task.
    pub fn spawn(&mut self, spawned: Spawned) {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.push(Task {
            future: spawned.future,
            waker: Waker::from(woken.clone()),
            woken,
            machine: spawned.machine,
        });
    }

    /// Whether any instance has something to do.
    pub fn at_work(&self) -> bool {
        self.tasks.iter().any(|task| task.machine.is_some())
    }

    /// One step of one task, or its instance dies, or time passes.
    pub fn step(&mut self, time: &Time, chance: &Chance, death_once_in: u64) -> Stepped {
        self.ready.clear();
        let woken = |task: &Task| task.woken.0.load(Ordering::Relaxed);
        let ready = (0..self.tasks.len()).filter(|at| woken(&self.tasks[*at]));
        self.ready.extend(ready);
        let at = match self.ready.len() {
            0 if self.tasks.is_empty() || !time.advance() => return Stepped::Over,
            0 => return Stepped::On,
            1 => self.ready[0],
            more => self.ready[chance.index(more)],
        };
        if let Some(machine) = self.tasks[at].machine
            && chance.once_in(death_once_in)
        {
            self.tasks.retain(|task| task.machine != Some(machine));
            return Stepped::Died(machine);
        }
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Relaxed);
        let mut context = Context::from_waker(&task.waker);
        if task.future.as_mut().poll(&mut context).is_ready() {
            drop(self.tasks.swap_remove(at));
        }
        Stepped::On
    }
}
