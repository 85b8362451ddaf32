//! A world for the tests of logins and access: a clock that is set by hand, chance that can be repeated,
//! a log that is kept, and a store that dies where it is told to.

use std::cell::{Cell, RefCell};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::custody::store::memory::MemoryStore;
use crate::custody::store::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind,
};
use crate::ports::{Clock, Delivery, Event, Log, Ports, Primary};
use crate::routing::Route;
use crate::smtp::{Attempt, Failure, FailureKind, Step};
use crate::time::Timestamp;

/// Where the store stops to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dies {
    /// Before the change was made.
    Before,
    /// After it was made, before anybody heard of it.
    After,
}

/// The world.
pub struct World {
    pub store: MemoryStore,
    pub now: Cell<i64>,
    pub log: RefCell<Vec<Event>>,
    /// Changes that are still made, and what becomes of the next.
    pub dies: Cell<Option<(u32, Dies)>>,
    /// Whether each read lets others go on first.
    pub slow: Cell<bool>,
    pub reads: Cell<u32>,
    chance: Cell<u64>,
}

impl World {
    pub fn new() -> Self {
        Self {
            store: MemoryStore::default(),
            now: Cell::new(1_795_392_000_000),
            log: RefCell::default(),
            dies: Cell::new(None),
            slow: Cell::new(false),
            reads: Cell::new(0),
            chance: Cell::new(0),
        }
    }

    pub fn pass(&self, time: Duration) {
        self.now
            .set(self.now.get() + i64::try_from(time.as_millis()).unwrap());
    }

    /// All that was logged.
    pub fn logged(&self) -> String {
        format!("{:?}", self.log.borrow())
    }

    /// Writes what nobody of us would.
    pub fn spoil(&self, key: &str, text: &'static str) {
        let body = [Bytes::from_static(text.as_bytes())];
        futures::executor::block_on(self.store.put(key, &body, Condition::Always)).unwrap();
    }

    fn out() -> StoreError {
        StoreError::new(StoreErrorKind::Unavailable, "out")
    }

    /// Whether the change is made, and whether that is heard of.
    fn serves(&self) -> (bool, bool) {
        match self.dies.get() {
            None => (true, true),
            Some((0, Dies::Before)) => (false, false),
            Some((0, Dies::After)) => {
                self.dies.set(Some((0, Dies::Before)));
                (true, false)
            }
            Some((left, dies)) => {
                self.dies.set(Some((left - 1, dies)));
                (true, true)
            }
        }
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.get())
    }
    fn random(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(32) {
            self.chance.set(self.chance.get() + 1);
            let digest = Sha256::digest(self.chance.get().to_be_bytes());
            piece
                .iter_mut()
                .zip(digest)
                .for_each(|(to, from)| *to = from);
        }
    }
    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

impl Log for World {
    fn write(&self, event: Event) {
        self.log.borrow_mut().push(event);
    }
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
        self.reads.set(self.reads.get() + 1);
        let read = self.store.get(key, most).await;
        // Others read the same before this one goes on to write.
        let mut waited = !self.slow.get();
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        read
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
        let (made, heard) = self.serves();
        let put = if made {
            self.store.put(key, body, condition).await
        } else {
            Err(Self::out())
        };
        if heard { put } else { Err(Self::out()) }
    }
    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let (made, heard) = self.serves();
        if made {
            self.store.delete(key).await?;
        }
        if heard { Ok(()) } else { Err(Self::out()) }
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

/// No login needs a primary.
impl Primary for World {
    type Session = ();

    async fn open(&self, _: &Route, _: usize, _: Duration) -> Result<(), Failure> {
        Err(unreachable_primary())
    }
    async fn deliver(&self, _: &Route, _: usize, (): (), _: &Delivery<'_>) -> Attempt {
        Attempt {
            recipients: Vec::new(),
            failure: Some(unreachable_primary()),
        }
    }
    async fn probe(&self, _: &Route, _: usize) -> Result<(), Failure> {
        Err(unreachable_primary())
    }
}

fn unreachable_primary() -> Failure {
    Failure {
        kind: FailureKind::Connect,
        step: Step::Connect,
        detail: "no login needs a primary".into(),
    }
}
