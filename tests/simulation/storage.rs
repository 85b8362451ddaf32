//! The storage: a map, and everything that can happen between it and who asks.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use holdfast_core::custody::store::{
    Condition, Conditional, Object, Page, Put, Store, StoreError, StoreErrorKind, Version,
};
use holdfast_core::limits;
use serde_json::Value;

use super::machine::{Instance, millis};
use super::sabotage::Sabotage;
use super::weather::StorageMood;
use super::world::Sim;

/// The objects, each with its version.
#[derive(Default)]
pub struct Objects {
    objects: RefCell<BTreeMap<String, (Bytes, u64)>>,
    writes: Cell<u64>,
}

impl Objects {
    /// An object's bytes.
    pub fn get(&self, key: &str) -> Option<Bytes> {
        Some(self.objects.borrow().get(key)?.0.clone())
    }

    fn read(&self, key: &str) -> Option<Object> {
        let objects = self.objects.borrow();
        let (bytes, version) = objects.get(key)?;
        Some(Object {
            bytes: bytes.clone(),
            version: Version(version.to_string()),
        })
    }

    /// Writes an object, whatever was there.
    pub fn insert(&self, key: &str, bytes: Bytes) -> Version {
        self.writes.set(self.writes.get() + 1);
        let object = (bytes, self.writes.get());
        self.objects.borrow_mut().insert(key.to_owned(), object);
        Version(self.writes.get().to_string())
    }

    /// The keys below a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.list(prefix, None, usize::MAX).keys
    }

    /// Whether nothing lies below a prefix.
    pub fn none(&self, prefix: &str) -> bool {
        self.list(prefix, None, 1).keys.is_empty()
    }

    fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Page {
        let objects = self.objects.borrow();
        let from = after.filter(|after| *after > prefix).unwrap_or(prefix);
        let mut keys = objects
            .range(from.to_owned()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(prefix))
            .filter(|key| after.is_none_or(|after| key.as_str() > after));
        let page = keys.by_ref().take(limit).cloned().collect();
        Page {
            keys: page,
            more: keys.next().is_some(),
        }
    }
}

impl Sim {
    /// Writes as the storage does: what holds at this moment decides.
    fn write(&self, key: &str, bytes: Bytes, condition: &Condition) -> Put {
        let current = self.objects.read(key).map(|object| object.version);
        let holds = match condition {
            _ if self.sabotage == Sabotage::NoClaim && claims(key) => true,
            Condition::Always => true,
            Condition::Absent => current.is_none(),
            Condition::Unchanged(version) => current.as_ref() == Some(version),
        };
        let weather = self.weather.get();
        // A store without conditions is asked first and written after: by then it may be wrong.
        if !holds && (!weather.unconditional || !self.chance.once_in(4)) {
            self.note(format_args!("conflict {key}"));
            return Put::Conflict;
        }
        let conditional = *condition != Condition::Always;
        let stale = conditional && self.chance.once_in(weather.storage_stale);
        if stale && self.chance.once_in(2) {
            self.note(format_args!("conflict with nobody {key}"));
            return Put::Conflict;
        }
        self.note(format_args!("put {key}"));
        if self.traced() && key.ends_with(".json") {
            self.note(format_args!("    {}", String::from_utf8_lossy(&bytes)));
        }
        self.checks.before_put(self, key, &bytes);
        let version = self.objects.insert(key, bytes);
        self.checks.after_write(self, key);
        match stale {
            true => Put::Conflict,
            false => Put::Written(version),
        }
    }

    fn remove(&self, key: &str) {
        self.note(format_args!("delete {key}"));
        self.checks.before_delete(self, key);
        self.objects.objects.borrow_mut().remove(key);
        self.checks.after_write(self, key);
    }
}

impl Instance {
    /// A storage request: when it happens, whether it does, whether anybody hears of it.
    async fn request<T>(&self, act: impl FnOnce(&Rc<Sim>) -> T) -> Result<T, StoreError> {
        self.sim.count(|counts| counts.storage_requests += 1);
        self.available().await?;
        self.at_most(limits::STORAGE_BUDGET / 2).await;
        if self
            .sim
            .chance
            .once_in(self.sim.weather.get().storage_fails)
        {
            return Err(trouble("it failed"));
        }
        self.available().await?;
        let result = act(&self.sim);
        self.at_most(limits::STORAGE_BUDGET / 2).await;
        if self
            .sim
            .chance
            .once_in(self.sim.weather.get().storage_loses)
        {
            return Err(trouble("the reply was lost"));
        }
        Ok(result)
    }

    async fn available(&self) -> Result<(), StoreError> {
        match self.sim.storage.get() {
            StorageMood::Well => Ok(()),
            StorageMood::Refusing => {
                self.moment().await;
                Err(trouble("connection refused"))
            }
            StorageMood::Silent => {
                self.sim.time.sleep(millis(limits::STORAGE_BUDGET)).await;
                Err(trouble("no answer in time"))
            }
        }
    }

    /// The request is on its way and nobody waits for it any more.
    async fn goes_on_late(&self, act: impl FnOnce(&Sim) + 'static) -> StoreError {
        let sim = self.sim.clone();
        sim.late.set(sim.late.get() + 1);
        let late = async move {
            sim.time.sleep(sim.chance.millis(1_000, 61_000)).await;
            act(&sim);
            sim.late.set(sim.late.get() - 1);
        };
        self.sim.spawn(None, late);
        self.sim.time.sleep(millis(limits::STORAGE_BUDGET)).await;
        trouble("no answer in time")
    }

    fn is_late(&self) -> bool {
        self.sim.chance.once_in(self.sim.weather.get().storage_late)
    }

    /// What a sabotaged store says where it cannot know.
    fn or_nothing<T>(&self, result: Result<T, StoreError>, nothing: T) -> Result<T, StoreError> {
        match result {
            Err(_) if self.sim.sabotage == Sabotage::StatusLies => Ok(nothing),
            result => result,
        }
    }
}

/// The objects that keep releasers apart.
fn claims(key: &str) -> bool {
    key.starts_with("leases/") || key.starts_with("attempts/")
}

fn forget_doubt(record: &mut Value) {
    for (member, value) in [("lost", Value::from(0)), ("uncertain", Value::from(false))] {
        if let Some(doubt) = record.get_mut(member) {
            *doubt = value;
        }
    }
}

fn trouble(detail: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, detail)
}

impl Store for Instance {
    async fn get(&self, key: &str, _most: usize) -> Result<Option<Object>, StoreError> {
        let object = self.request(|sim| sim.objects.read(key)).await;
        let object = self.or_nothing(object, None)?;
        let object = object.filter(|_| self.sim.sabotage != Sabotage::NoClaim || !claims(key));
        Ok(object.map(|object| self.sim.spoiled_read(key, object, self)))
    }

    async fn peek(&self, key: &str, first: usize) -> Result<Option<Bytes>, StoreError> {
        let object = self.request(|sim| sim.objects.get(key)).await;
        let object = self.or_nothing(object, None)?;
        Ok(object.map(|bytes| bytes.slice(..first.min(bytes.len()))))
    }

    async fn put(
        &self,
        key: &str,
        body: &[Bytes],
        condition: Condition,
    ) -> Result<Put, StoreError> {
        let bytes = self.sim.spoiled_write(key, body.concat().into());
        if self.sim.sabotage.forgets(key) {
            return Ok(Put::Written(Version("0".into())));
        }
        if self.is_late() {
            let key = key.to_owned();
            let act = move |sim: &Sim| drop(sim.write(&key, bytes, &condition));
            return Err(self.goes_on_late(act).await);
        }
        self.request(|sim| sim.write(key, bytes, &condition)).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        if self.is_late() {
            let key = key.to_owned();
            return Err(self.goes_on_late(move |sim: &Sim| sim.remove(&key)).await);
        }
        self.request(|sim| sim.remove(key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let page = self.request(|sim| sim.objects.list(prefix, after, limit));
        self.or_nothing(page.await, Page::default())
    }

    async fn conditional(&self) -> Result<Conditional, StoreError> {
        Ok(match self.sim.weather.get().unconditional {
            true => Conditional::No,
            false => Conditional::Yes,
        })
    }
}

/// Sabotage that sits in what is written and read.
impl Sim {
    fn spoiled_write(&self, key: &str, bytes: Bytes) -> Bytes {
        let record = key.ends_with(".json");
        match self.sabotage {
            Sabotage::ForgetsDoubt if record => {
                let Ok(mut record) = serde_json::from_slice::<Value>(&bytes) else {
                    return bytes;
                };
                forget_doubt(&mut record);
                let together = record.get_mut("outcomes").and_then(Value::as_object_mut);
                for (_, ended) in together.into_iter().flatten() {
                    forget_doubt(ended);
                }
                record.to_string().into()
            }
            Sabotage::ChangesByte if key.starts_with("queue/") => {
                let mut bytes = bytes.to_vec();
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                bytes.into()
            }
            _ => bytes,
        }
    }

    /// As if a wait had no longest: what lies too far ahead to be believed looks just believable.
    fn spoiled_read(&self, key: &str, object: Object, instance: &Instance) -> Object {
        use holdfast_core::ports::Clock as _;
        use holdfast_core::time::Timestamp;
        if self.sabotage != Sabotage::WaitsForClock || !key.starts_with("attempts/") {
            return object;
        }
        let Ok(mut record) = serde_json::from_slice::<Value>(&object.bytes) else {
            return object;
        };
        let longest = instance.now().after(limits::RETRY_LONGEST);
        let next = record["next_attempt"].as_str().and_then(Timestamp::parse);
        if next.is_some_and(|next| next > longest) {
            record["next_attempt"] = Value::from(longest.to_string());
        }
        Object {
            bytes: record.to_string().into(),
            ..object
        }
    }
}
