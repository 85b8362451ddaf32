//! Filing: each held message gets an entry in the mailbox of each of its recipients.
//!
//! ```text
//!   queue/ROUTE/COPY.eml   is there, and    filed/queue/ROUTE/COPY.json  is not:  it is filed
//!   it is gone, and                         the record is still there:  its entries go too
//! ```
//!
//! Nobody files while mail is taken in: a submission's way stays as it is. Whoever looks files what
//! is not filed yet: the keeper's ticks, and a user's own look at the inbox, so that mail is there
//! when somebody wants to see it. The record is written last, so that who dies leaves a message that
//! is filed again, onto the same names. No clock and no watermark decides whether a message is left
//! out: the queue and the records are walked side by side, a page for each tick, and begin anew at
//! the end. A long queue is walked from where the last walk ended, and its newest part at each look.
//!
//! Copies of what was delivered (`messages/DAY/`) are filed in the same way.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Place};
use super::marks::{self, Marks};
use crate::config::{Config, OWN_COPY};
use crate::custody::held::{Copy, Held};
use crate::custody::kept;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::directory::{self, Owner};
use crate::people::{UserId, reading};
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::route::Unknown;
use crate::routing::{Route, RouteName};
use crate::time::Timestamp;

/// What a look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Filed {
    /// Messages that were filed.
    pub messages: u32,
    /// Messages whose entries were removed, because they went home and nothing is kept here.
    pub removed: u32,
    /// Whether another look would find work at once.
    pub more: bool,
}

impl Filed {
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.removed += other.removed;
        self.more |= other.more;
    }
}

/// Files what is not filed yet, on all routes.
pub async fn file<P: Ports>(
    ports: &P,
    config: &Config,
    deadline: Timestamp,
) -> Result<Filed, StoreError> {
    let mut filed = Filed::default();
    for source in sources(ports, config).await? {
        if ports.now() >= deadline {
            filed.more = true;
            break;
        }
        let look = Look::new(ports, config, &source, deadline);
        filed.add(look.all().await?);
    }
    Ok(filed)
}

/// The queues, and the days whose copies are or were filed.
async fn sources<P: Ports>(ports: &P, config: &Config) -> Result<Vec<Source>, StoreError> {
    let served = |route: &&Route| !route.domains.is_empty();
    let queues = config.routes.iter().filter(served);
    let mut sources: Vec<_> = queues
        .map(|route| Source::Queue(route.name.clone()))
        .collect();
    let mut days = BTreeSet::new();
    if config.routes.iter().any(|route| route.copies.is_some()) {
        let today = ports.now();
        let yesterday = Timestamp::from_millis(today.millis() - 86_400_000);
        days.extend([today.day(), yesterday.day()]);
    }
    let oldest = ports.store().list(KEPT_RECORDS, None, 1).await?;
    let oldest = oldest
        .keys
        .first()
        .and_then(|key| key.get(KEPT_RECORDS.len()..));
    days.extend(oldest.and_then(|rest| Some(rest.split_once('/')?.0.to_owned())));
    sources.extend(days.into_iter().map(Source::Kept));
    Ok(sources)
}

/// Where messages lie that are filed.
enum Source {
    /// The queue of a route.
    Queue(RouteName),
    /// The copies of a day.
    Kept(String),
}

impl Source {
    fn objects(&self) -> String {
        match self {
            Self::Queue(route) => Held::prefix(route),
            Self::Kept(day) => kept::prefix(day),
        }
    }

    fn records(&self) -> String {
        format!("{RECORDS}{}", self.objects())
    }

    /// Where the walk goes on.
    fn walk(&self) -> String {
        format!("filing/{}.json", self.objects().trim_end_matches('/'))
    }

    fn object(&self, name: &str) -> String {
        format!("{}{name}.eml", self.objects())
    }

    fn record(&self, name: &str) -> String {
        format!("{}{name}.json", self.records())
    }

    /// The message of this name; among the copies the route stands behind it.
    fn copy(&self, name: &str) -> Option<Copy> {
        match self {
            Self::Queue(_) => Copy::named(name),
            Self::Kept(_) => Copy::named(name.rsplit_once('.')?.0),
        }
    }
}

/// For whom a message is filed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    places: BTreeSet<Place>,
}

/// Where the walk through a long source goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Walk {
    /// The name behind which the next page begins.
    #[serde(default)]
    after: Option<String>,
    /// All before this one is filed, and old enough that nothing is written there any more, as a rule.
    #[serde(default)]
    known: Option<String>,
}

struct Look<'l, P: Ports> {
    ports: &'l P,
    config: &'l Config,
    source: &'l Source,
    deadline: Timestamp,
}

/// The names of one stretch of a source, from behind `after` on.
struct Stretch {
    objects: BTreeSet<String>,
    records: BTreeSet<String>,
    /// Its last name, where more follow.
    end: Option<String>,
}

impl<'l, P: Ports> Look<'l, P> {
    fn new(ports: &'l P, config: &'l Config, source: &'l Source, deadline: Timestamp) -> Self {
        Self {
            ports,
            config,
            source,
            deadline,
        }
    }

    async fn all(&self) -> Result<Filed, StoreError> {
        let store = self.ports.store();
        let key = self.source.walk();
        let (known, condition) = record::read_to_change::<Walk>(store, &key).await?;
        let before = match known {
            Known::Some(walk) => walk,
            Known::None | Known::Unreadable => Walk::default(),
        };
        let mut walk = before.clone();
        let mut stretch = self.stretch(before.after.as_deref()).await?;
        let mut filed = self.settle(&stretch).await?;
        let from_the_start = before.after.is_none();
        if !filed.more {
            walk.after = stretch.end.clone();
        }
        if !from_the_start {
            // What goes home goes from the front.
            filed.add(self.settle(&self.stretch(None).await?).await?);
        }
        // All is seen where the page reached from the beginning to the end; else the newest part too.
        let mut newest = before.known.clone();
        while !(from_the_start && stretch.end.is_none()) {
            if self.ports.now() >= self.deadline {
                filed.more = true;
                break;
            }
            stretch = self.stretch(newest.as_deref()).await?;
            filed.add(self.settle(&stretch).await?);
            match &stretch.end {
                Some(end) if !filed.more => newest = Some(end.clone()),
                _ => break,
            }
            if newest.as_deref().is_some_and(|name| self.is_old(name)) {
                walk.known.clone_from(&newest);
            }
        }
        if from_the_start && walk.after.is_none() {
            walk = Walk::default();
        }
        if walk != before {
            // Who is slower walks the same stretch again.
            record::write(store, &key, &walk, condition).await?;
        }
        Ok(filed)
    }

    /// Nothing is written so far back any more, unless by a clock that is wrong: the walk finds that.
    fn is_old(&self, name: &str) -> bool {
        let at = Copy::named(name.get(..36).unwrap_or(name)).map(|copy| copy.id.at());
        at.is_some_and(|at| at.after(limits::FILING_LAG) < self.ports.now())
    }

    async fn stretch(&self, after: Option<&str>) -> Result<Stretch, StoreError> {
        let store = self.ports.store();
        let (objects, records) = (self.source.objects(), self.source.records());
        let behind = after.map(|name| self.source.object(name));
        let page = store
            .list(&objects, behind.as_deref(), limits::FILING_PAGE)
            .await?;
        let names = |keys: &[String], prefix: &str, suffix: &str| -> BTreeSet<String> {
            let names = keys
                .iter()
                .filter_map(|key| key.strip_prefix(prefix)?.strip_suffix(suffix));
            names.map(str::to_owned).collect()
        };
        let found = names(&page.keys, &objects, ".eml");
        // In the order of keys, where `1.2.eml` lies before `1.eml`.
        let last = page.keys.last().filter(|_| page.more);
        let end = last.and_then(|key| key.strip_prefix(&objects)?.strip_suffix(".eml"));
        let end = end.map(str::to_owned);
        let until = end.as_deref().map(|name| self.source.record(name));
        let mut known = BTreeSet::new();
        let mut behind = after.map(|name| self.source.record(name));
        loop {
            let page = store
                .list(&records, behind.as_deref(), limits::FILING_PAGE)
                .await?;
            let within = |key: &&String| until.as_ref().is_none_or(|until| *key <= until);
            let keys: Vec<String> = page.keys.iter().filter(within).cloned().collect();
            known.extend(names(&keys, &records, ".json"));
            let all = keys.len() < page.keys.len() || !page.more;
            behind = page.keys.last().cloned();
            if all {
                break;
            }
        }
        Ok(Stretch {
            objects: found,
            records: known,
            end,
        })
    }

    /// Files what has no record, and removes what has no message.
    async fn settle(&self, stretch: &Stretch) -> Result<Filed, StoreError> {
        let mut filed = Filed::default();
        let owners = Owners::default();
        for name in stretch.objects.difference(&stretch.records) {
            if self.ports.now() >= self.deadline {
                filed.more = true;
                return Ok(filed);
            }
            match self.file_one(name, &owners).await {
                Ok(done) => filed.messages += u32::from(done),
                // A record of a user or a list that nobody can read keeps no other message back.
                Err(error) if error.kind == StoreErrorKind::Damaged => {
                    let event = LogEvent::new("filing.failed")
                        .with("name", name.as_str())
                        .with("error", error.to_string());
                    self.ports.write(event);
                }
                Err(error) => return Err(error),
            }
        }
        let gone = stretch.records.difference(&stretch.objects);
        for names in gone.collect::<Vec<_>>().chunks(limits::FILING_CONCURRENCY) {
            if self.ports.now() >= self.deadline {
                filed.more = true;
                return Ok(filed);
            }
            filed.removed += self.remove(names).await?;
        }
        Ok(filed)
    }

    async fn file_one(&self, name: &str, owners: &Owners) -> Result<bool, StoreError> {
        let store = self.ports.store();
        let key = self.source.object(name);
        let Some(first) = store.peek(&key, limits::FILING_BYTES).await? else {
            return Ok(false);
        };
        // What is damaged is the drain's to report: it stays where it is.
        let Ok((held, message)) = Held::read_start(&key, &first) else {
            return Ok(false);
        };
        let Some(copy) = self.source.copy(name) else {
            return Ok(false);
        };
        let places = match held.partner.as_str() {
            // The sender has it among what was sent.
            OWN_COPY => BTreeSet::new(),
            _ => self.places(&held, owners).await?,
        };
        let entry = Entry {
            copy,
            route: held.route.clone(),
            summary: reading::summary(&message),
        };
        let writes = places.iter().map(|place| self.write(place, &entry));
        let mut writes = stream::iter(writes).buffer_unordered(limits::FILING_CONCURRENCY);
        while let Some(written) = writes.next().await {
            written?;
        }
        drop(writes);
        let record = Record { places };
        record::write(store, &self.source.record(name), &record, Condition::Always).await?;
        Ok(true)
    }

    async fn write(&self, place: &Place, entry: &Entry) -> Result<(), StoreError> {
        let key = place.key(&entry.copy);
        record::write(self.ports.store(), &key, entry, Condition::Always)
            .await
            .map(drop)
    }

    async fn places(&self, held: &Held, owners: &Owners) -> Result<BTreeSet<Place>, StoreError> {
        let mut places = BTreeSet::new();
        let route = self.config.route(held.route.as_str());
        let unknown = route.map_or(Unknown::Hold, |route| route.unknown);
        for recipient in &held.envelope.recipients {
            let users = owners.of(self.ports, self.config, recipient).await?;
            match users {
                Some(users) => places.extend(users.into_iter().map(Place::User)),
                None if unknown == Unknown::Dropbox => {
                    places.insert(Place::Dropbox(held.route.clone()));
                }
                None => {}
            }
        }
        if places.len() > limits::FILED_FOR {
            let event = LogEvent::new("filing.too-many")
                .with("id", held.id.to_string())
                .with("mailboxes", places.len());
            self.ports.write(event);
            places = places.into_iter().take(limits::FILED_FOR).collect();
        }
        Ok(places)
    }

    /// Removes the entries of messages that went home, unless a copy is kept; then the record moves to
    /// the copies.
    async fn remove(&self, names: &[&String]) -> Result<u32, StoreError> {
        let reads = names.iter().map(|name| self.leaving(name));
        let leaving: Vec<_> = stream::iter(reads)
            .buffered(limits::FILING_CONCURRENCY)
            .try_collect()
            .await?;
        let (mut keys, mut marked, mut removed) =
            (Vec::new(), BTreeMap::<UserId, Vec<Copy>>::new(), 0);
        for (copy, record, name) in leaving.into_iter().flatten() {
            for place in &record.places {
                keys.push(place.key(&copy));
                if let Place::User(user) = place {
                    marked.entry(*user).or_default().push(copy);
                }
            }
            keys.push(self.source.record(name));
            removed += 1;
        }
        // First what keeps it out of the lists, wherever the entry is packed; the records go last.
        for (user, copies) in marked {
            if super::folder::is_packed(self.ports.store(), user).await? {
                let gone = |marks: &mut Marks| marks.gone = true;
                marks::change(self.ports.store(), user, &copies, gone).await?;
            }
        }
        let (records, entries): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| key.starts_with(RECORDS));
        for keys in [entries, records] {
            for some in keys.chunks(limits::FILING_PAGE) {
                self.ports.store().delete_all(some).await?;
            }
        }
        Ok(removed)
    }

    /// The record of a message that is not here any more; none where it only seemed so.
    async fn leaving<'n>(
        &self,
        name: &'n str,
    ) -> Result<Option<(Copy, Record, &'n str)>, StoreError> {
        let store = self.ports.store();
        if store.peek(&self.source.object(name), 1).await?.is_some() {
            return Ok(None);
        }
        let Some(copy) = self.source.copy(name) else {
            return Ok(None);
        };
        let found = record::read_to_change::<Record>(store, &self.source.record(name)).await?;
        let record = match found.0 {
            Known::Some(record) => record,
            Known::None => return Ok(None),
            Known::Unreadable => Record::default(),
        };
        if let Source::Queue(route) = self.source {
            let kept = kept::key(route, &copy);
            if store.peek(&kept, 1).await?.is_some() {
                let moved = format!("{RECORDS}{}.json", kept.trim_end_matches(".eml"));
                record::write(store, &moved, &record, Condition::Always).await?;
                store.delete(&self.source.record(name)).await?;
                return Ok(None);
            }
        }
        Ok(Some((copy, record, name)))
    }
}

/// Whose address it is, as this look has learnt it: lists and users come again and again.
#[derive(Default)]
struct Owners(std::cell::RefCell<BTreeMap<String, Option<BTreeSet<UserId>>>>);

impl Owners {
    /// The users behind an address; none where nobody has it.
    async fn of<P: Ports>(
        &self,
        ports: &P,
        config: &Config,
        address: &EmailAddress,
    ) -> Result<Option<BTreeSet<UserId>>, StoreError> {
        let name = address.as_str().to_lowercase();
        let known = self.0.borrow().get(&name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let owner = directory::owner_of(ports.store(), config, address).await?;
        let users = match owner {
            None => None,
            // Also one who may not log in now: access is another question.
            Some(Owner::User(user)) => Some(BTreeSet::from([user])),
            Some(group) => Some(directory::expand(ports.store(), group).await?),
        };
        self.0.borrow_mut().insert(name, users.clone());
        Ok(users)
    }
}

const RECORDS: &str = "filed/";
const KEPT_RECORDS: &str = "filed/messages/";
