//! What is over and old is deleted: how messages ended, what people did, dead letters.
//!
//! Days are prefixes, so the oldest are the first keys of a listing, and nothing is read to know
//! how old it is. `queue/` is never touched. A dead letter goes only while the outcome that tells
//! of it is there, and before that outcome; an outcome stays while its message is in the queue, for
//! it is what ends a copy that was left there. Receipts have no day in their names: the README has
//! a lifecycle rule for them.
//!
//! A clock that is months ahead must not empty the log. So what counts as now comes slowly: it starts
//! at the oldest thing there is, advances by a day for each hour's run, and falls back to any clock
//! that says less.
//!
//! One tick in an hour does it, or each where there is more than it may: `retention.json` says when
//! it is due, and whoever writes that first does it. Without conditional writes two may do it at
//! once, which deletes nothing that one would not.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::ended::Ended;
use super::held::{Copy, Held};
use super::kept::KEPT;
use super::record::{self, Known};
use super::returns::{DEAD, dead_letter_key};
use super::store::{Condition, Put, Store, StoreError};
use crate::config::Config;
use crate::limits;
use crate::mail::MessageId;
use crate::people::login;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Swept {
    /// Dead letters.
    pub dead_letters: u32,
    /// Outcomes.
    pub outcomes: u32,
    /// Entries of the audit log.
    pub audit: u32,
    /// Copies of delivered mail.
    pub copies: u32,
    /// What logins leave behind: links and sessions that are over, failures that are forgotten.
    pub logins: u32,
    /// Whether another call would find work at once.
    pub more: bool,
}

/// The object's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    at: Timestamp,
    /// What counted as now.
    #[serde(default)]
    believed: Option<Timestamp>,
}

/// Deletes what is too old, so much at most, if that is due. None where it is not.
pub async fn sweep<P: Ports>(
    ports: &P,
    config: &Config,
    deadline: Timestamp,
) -> Result<Option<Swept>, StoreError> {
    let now = ports.now();
    let (known, condition) = record::read_to_change::<Due>(ports.store(), KEY).await?;
    // One that lies further ahead was written by a clock that went back.
    let waits = |due: &Due| now < due.at && due.at <= now.after(limits::RETENTION_EVERY);
    if matches!(&known, Known::Some(due) if waits(due)) {
        return Ok(None);
    }
    let before = match known {
        Known::Some(due) => due.believed,
        Known::None | Known::Unreadable => None,
    };
    let believed = match before {
        Some(before) => Some(now.min(before.after(limits::RETENTION_STEP))),
        None => oldest(ports.store(), config).await?.map(|day| day.min(now)),
    };
    let Some(believed) = believed else {
        return Ok(None);
    };
    let next = Due {
        at: now.after(limits::RETENTION_EVERY),
        believed: Some(believed),
    };
    let version = match record::write(ports.store(), KEY, &next, condition).await? {
        Put::Written(version) => version,
        Put::Conflict => return Ok(None),
    };
    let mut run = Run {
        ports,
        config,
        now: believed,
        deadline,
        left: limits::RETENTION_DELETES,
        swept: Swept::default(),
    };
    run.all().await?;
    let swept = run.swept;
    if swept.more {
        // The same hour goes on.
        let again = Due {
            at: now,
            believed: before.or(Some(believed)),
        };
        let condition = Condition::Unchanged(version);
        record::write(ports.store(), KEY, &again, condition).await?;
    }
    if swept != Swept::default() {
        let event = LogEvent::new("retention.swept")
            .with("swept", serde_json::to_value(swept).unwrap_or_default());
        ports.write(event);
    }
    Ok(Some(swept))
}

/// The day of the oldest outcome, entry of the audit log, or copy.
async fn oldest(store: &impl Store, config: &Config) -> Result<Option<Timestamp>, StoreError> {
    let mut oldest: Option<Timestamp> = None;
    let kept = config.routes.iter().any(|route| route.copies.is_some());
    for prefix in ["outcomes/", "audit/"]
        .into_iter()
        .chain(kept.then_some(KEPT))
    {
        let page = store.list(prefix, None, 1).await?;
        let day = page
            .keys
            .first()
            .and_then(|key| key.get(prefix.len()..)?.get(..10));
        let day = day.and_then(|day| Timestamp::parse(&format!("{day}T00:00:00Z")));
        oldest = oldest.into_iter().chain(day).min();
    }
    Ok(oldest)
}

struct Run<'r, P: Ports> {
    ports: &'r P,
    config: &'r Config,
    /// What counts as now.
    now: Timestamp,
    deadline: Timestamp,
    left: usize,
    swept: Swept,
}

impl<P: Ports> Run<'_, P> {
    async fn all(&mut self) -> Result<(), StoreError> {
        let kept = self.config.retention;
        if let Some(time) = kept.dead_letters {
            self.dead_letters(time).await?;
        }
        // No outcome goes before the dead letters that it tells of.
        if let Some(time) = kept.outcomes.filter(|_| !self.swept.more) {
            self.outcomes(time).await?;
        }
        self.copies().await?;
        self.logins().await?;
        if let Some(time) = kept.audit {
            let page = self.old("audit/", time).await?;
            self.swept.audit = self.delete(page).await?;
        }
        Ok(())
    }

    /// What logins leave behind, a page each hour, from where the last one ended.
    async fn logins(&mut self) -> Result<(), StoreError> {
        let store = self.ports.store();
        let (known, condition) = record::read_to_change::<LoginSweep>(store, LOGINS).await?;
        let before = match known {
            Known::Some(sweep) => sweep.after,
            Known::None | Known::Unreadable => None,
        };
        let swept = login::sweep::sweep(self.ports, before.as_deref()).await?;
        self.swept.logins = u32::try_from(swept.removed).unwrap_or(u32::MAX);
        if swept.next != before {
            let sweep = LoginSweep { after: swept.next };
            record::write(store, LOGINS, &sweep, condition).await?;
        }
        Ok(())
    }

    /// Copies of delivered mail, each for its route's own time.
    async fn copies(&mut self) -> Result<(), StoreError> {
        let default = Duration::from_secs(86_400 * u64::from(limits::COPY_DAYS));
        let routes = self.config.routes.iter();
        let times: BTreeMap<String, Duration> = routes
            .map(|route| (route.name.to_string(), route.copies.unwrap_or(default)))
            .collect();
        let mut after: Option<String> = None;
        for _ in 0..limits::COPY_PAGES {
            let store = self.ports.store();
            let page = store
                .list(KEPT, after.as_deref(), limits::FILING_PAGE)
                .await?;
            let is_old = |key: &&String| {
                let day = key.get(KEPT.len()..KEPT.len() + 10).unwrap_or_default();
                let day = Timestamp::parse(&format!("{day}T23:59:59Z"));
                let route = key.trim_end_matches(".eml").rsplit('.').next();
                let time = route.and_then(|route| times.get(route)).unwrap_or(&default);
                day.is_some_and(|day| day.after(*time) <= self.now)
            };
            let old: Vec<String> = page
                .keys
                .iter()
                .filter(is_old)
                .take(self.left)
                .cloned()
                .collect();
            let any = !old.is_empty();
            self.swept.copies += self.delete(old).await?;
            after = page.keys.last().cloned();
            // The days behind are younger still.
            if !any || !page.more || self.left == 0 {
                return Ok(());
            }
        }
        self.swept.more = true;
        Ok(())
    }

    async fn dead_letters(&mut self, time: Duration) -> Result<(), StoreError> {
        for route in &self.config.routes {
            if self.left == 0 {
                return Ok(());
            }
            let prefix = format!("{DEAD}{}/", route.name);
            let page = self.ports.store().list(&prefix, None, self.left).await?;
            let full = page.more;
            let old = |copy: &Copy| copy.id.at().after(time) <= self.now;
            let old: Vec<Copy> = page
                .keys
                .iter()
                .filter_map(|key| Copy::of(key))
                .take_while(old)
                .collect();
            let all_old = old.len() == page.keys.len();
            let this = &*self;
            let checks = old.into_iter().map(|copy| async move {
                let told = this.is_told_of(&route.name, &copy).await?;
                Ok::<_, StoreError>(told.then(|| dead_letter_key(&route.name, &copy)))
            });
            let checks = stream::iter(checks).buffered(limits::RETENTION_CONCURRENCY);
            let keys: Vec<Option<String>> = checks.try_collect().await?;
            let keys: Vec<String> = keys.into_iter().flatten().collect();
            let found = !keys.is_empty();
            self.swept.dead_letters += self.delete(keys).await?;
            self.swept.more |= full && all_old && found;
        }
        Ok(())
    }

    async fn is_told_of(&self, route: &RouteName, copy: &Copy) -> Result<bool, StoreError> {
        for split in [None, Some(route)] {
            let key = Ended::key(copy, split);
            if self.ports.store().peek(&key, 1).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn outcomes(&mut self, time: Duration) -> Result<(), StoreError> {
        let keys = self.old("outcomes/", time).await?;
        let oldest = self.oldest_held().await?;
        let checks = keys.into_iter().map(|key| async {
            let over = self.is_over(&key, oldest).await?;
            Ok::<_, StoreError>(over.then_some(key))
        });
        let checks = stream::iter(checks).buffered(limits::RETENTION_CONCURRENCY);
        let keys: Vec<Option<String>> = checks.try_collect().await?;
        self.swept.outcomes = self.delete(keys.into_iter().flatten().collect()).await?;
        Ok(())
    }

    /// When the oldest held message came in: outcomes of before that have nothing in the queue.
    async fn oldest_held(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut oldest: Option<Timestamp> = None;
        for route in &self.config.routes {
            let page = self
                .ports
                .store()
                .list(&Held::prefix(&route.name), None, 1)
                .await?;
            let first = page.keys.first().and_then(|key| Copy::of(key));
            oldest = oldest
                .into_iter()
                .chain(first.map(|copy| copy.id.at()))
                .min();
        }
        Ok(oldest)
    }

    async fn is_over(&self, key: &str, oldest: Option<Timestamp>) -> Result<bool, StoreError> {
        // `ID.json`, `ID.2.json`, `ID.ROUTE.json`, `ID.2.ROUTE.json`, and `LAST_FIRST.json` of a batch.
        let name = key.rsplit('/').next().unwrap_or_default();
        if let Some((last, _)) = name.split_once('_') {
            let last = last.parse().ok().map(|id: MessageId| id.at());
            return Ok(oldest.is_none_or(|oldest| last.is_none_or(|last| last < oldest)));
        }
        let words: Vec<&str> = name.split('.').collect();
        let Some(id) = words.first().and_then(|word| word.parse().ok()) else {
            return Ok(true);
        };
        let attempt = words.get(1).and_then(|word| word.parse().ok()).unwrap_or(1);
        let copy = Copy { id, attempt };
        if oldest.is_none_or(|oldest| copy.id.at() < oldest) {
            return Ok(true);
        }
        for route in &self.config.routes {
            let held = Held::key(&route.name, &copy);
            if self.ports.store().peek(&held, 1).await?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first keys under `prefix` whose day was over so long ago.
    async fn old(&self, prefix: &str, time: Duration) -> Result<Vec<String>, StoreError> {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let end = Timestamp::from_millis(self.now.millis().saturating_sub(millis)).day();
        if self.left == 0 {
            return Ok(Vec::new());
        }
        let page = self.ports.store().list(prefix, None, self.left).await?;
        let day = |key: &String| {
            key[prefix.len()..]
                .split('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(page
            .keys
            .into_iter()
            .take_while(|key| day(key) < end)
            .collect())
    }

    async fn delete(&mut self, keys: Vec<String>) -> Result<u32, StoreError> {
        let deletes = keys.iter().map(|key| self.ports.store().delete(key));
        let mut deletes = stream::iter(deletes).buffer_unordered(limits::RETENTION_CONCURRENCY);
        let mut deleted = 0_usize;
        while let Some(done) = deletes.next().await {
            done?;
            deleted += 1;
            if self.ports.now() >= self.deadline {
                break;
            }
        }
        drop(deletes);
        self.left -= deleted.min(self.left);
        self.swept.more |= deleted < keys.len() || self.left == 0;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    }
}

/// Where the sweep of what logins leave behind goes on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct LoginSweep {
    #[serde(default)]
    after: Option<String>,
}

const KEY: &str = "retention.json";
const LOGINS: &str = "people/sweep.json";
