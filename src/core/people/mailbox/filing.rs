//! Filing: each held message gets an entry in the mailbox of each of its recipients.
//!
//! ```text
//!   queue/ROUTE/COPY.eml   is there, and    filed/queue/ROUTE/COPY.json  is not:  it is filed
//!   it is gone, and                         the record is still there:  its entries go too
//!   filing/begun/NONCE.json                 is old:                     who filed it died; it is ended
//! ```
//!
//! Nobody files while mail is taken in: a submission's way stays as it is. Whoever looks files what
//! is not filed yet: the keeper's ticks, and a user's own look at the inbox, so that mail is there
//! when somebody wants to see it. The record is written last, so that who dies leaves a message that
//! is filed again, onto the same names; where it went home before that, the journal knows the entries.
//! No clock and no watermark decides whether a message is left out: the queue and the records are
//! walked side by side, a page for each tick, and begin anew at the end. A long queue is walked from
//! where the last walk ended, and its newest part at each look.
//!
//! Copies of what was delivered (`messages/DAY/`) are filed in the same way.

mod begun;
mod settle;

use std::collections::BTreeSet;

use futures::future::join;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::custody::held::{Copy, Held};
use crate::custody::kept;
use crate::custody::record::{self, Known};
use crate::custody::store::{Store as _, StoreError};
use crate::limits;
use crate::ports::Ports;
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
    let mut filed = begun::finish(ports, config, deadline).await?;
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
    if let Some(longest) = config.routes.iter().filter_map(|route| route.copies).max() {
        let now = ports.now().millis();
        let ago = |days: u64| {
            let millis = i64::try_from(days).unwrap_or(0).saturating_mul(DAY_MILLIS);
            Timestamp::from_millis(now.saturating_sub(millis)).day()
        };
        days.extend([ago(0), ago(1)]);
        // A clock that was wrong may have put a copy under another day. Now and then one of them is
        // looked at, whichever chance says, so that it is found without a listing of each at each look.
        let mut chance = [0; 5];
        ports.random(&mut chance);
        let [whether, which @ ..] = chance;
        if whether < OTHER_DAY {
            let kept = (longest.as_secs() / 86_400).max(1);
            days.insert(ago(2 + u64::from(u32::from_le_bytes(which)) % kept));
        }
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
        let mut recorded = after.map(|name| self.source.record(name));
        let (page, first) = join(
            store.list(&objects, behind.as_deref(), limits::FILING_PAGE),
            store.list(&records, recorded.as_deref(), limits::FILING_PAGE),
        )
        .await;
        let (page, mut known_page) = (page?, first?);
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
        loop {
            let within = |key: &&String| until.as_ref().is_none_or(|until| *key <= until);
            let keys: Vec<String> = known_page.keys.iter().filter(within).cloned().collect();
            known.extend(names(&keys, &records, ".json"));
            let all = keys.len() < known_page.keys.len() || !known_page.more;
            recorded = known_page.keys.last().cloned();
            if all {
                break;
            }
            known_page = store
                .list(&records, recorded.as_deref(), limits::FILING_PAGE)
                .await?;
        }
        Ok(Stretch {
            objects: found,
            records: known,
            end,
        })
    }
}

const DAY_MILLIS: i64 = 86_400_000;
/// Of 256 looks so many look at a day that is long over.
const OTHER_DAY: u8 = 16;
const RECORDS: &str = "filed/";
const KEPT_RECORDS: &str = "filed/messages/";
/// Messages that are filed together, and requests that are under way at a time.
const AT_ONCE: usize = limits::FILING_CONCURRENCY;
