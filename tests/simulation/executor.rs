//! Tasks that run one step at a time, in an order that the seed decides, in a time that only they
//! make pass. A task can be dropped at any await: that is an instance dying.

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

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Flag>,
    mortal: bool,
}

/// The tasks.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Task>,
}

impl Executor {
    /// Adds a task; a mortal one may die.
    pub fn spawn(&mut self, mortal: bool, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        self.tasks.push(Task {
            future: Box::pin(future),
            woken,
            mortal,
        });
    }

    /// One step of one task, or one of them dies, or time passes. False when all is done.
    pub fn step(&mut self, time: &Time, chance: &Chance, death_once_in: u64) -> bool {
        let ready: Vec<usize> = (0..self.tasks.len())
            .filter(|i| self.tasks[*i].woken.0.load(Ordering::Relaxed))
            .collect();
        let Some(&at) = ready.get(chance.below(ready.len() as u64) as usize) else {
            return !self.tasks.is_empty() && time.advance();
        };
        if self.tasks[at].mortal && chance.once_in(death_once_in) {
            drop(self.tasks.swap_remove(at));
            return true;
        }
        let task = &mut self.tasks[at];
        task.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(task.woken.clone());
        if task
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
        {
            drop(self.tasks.swap_remove(at));
        }
        true
    }
}
