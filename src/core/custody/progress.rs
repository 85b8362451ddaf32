//! How a release goes: `releases/ROUTE.json`, written by who releases and read by everybody who
//! waits. Only a report: nothing is decided by it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::held::Held;
use super::record;
use super::store::{Condition, Page, Store, StoreError};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// One release, which may take many ticks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// When its first tick began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub began: Timestamp,
    /// When this was written.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Messages that the primary took, or refused for good.
    pub released: u64,
    /// Messages that are left.
    pub left: Count,
    /// Messages a second, over the whole release.
    pub per_second: f64,
    /// When it will be done at that rate; absent where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub eta: Option<Timestamp>,
    /// Why it does not go on at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Whether it came to the end of the queue. What was deferred may be left.
    pub done: bool,
}

impl Progress {
    /// Whether it is under way: not done, and not over because it rested for too long.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        !self.done && self.at <= now && now.since(self.at) < limits::RELEASE_PAUSE
    }
}

/// A number of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Count {
    /// So many.
    pub messages: u64,
    /// Or more: counting was given up there.
    pub or_more: bool,
}

/// Counts a route's queue, up to a number of pages.
pub async fn count(store: &impl Store, route: &RouteName) -> Result<Count, StoreError> {
    let prefix = Held::prefix(route);
    let first = store.list(&prefix, None, limits::LIST_PAGE).await?;
    count_on(store, route, &first).await
}

/// The same where the first page is known already.
async fn count_on(
    store: &impl Store,
    route: &RouteName,
    first: &Page,
) -> Result<Count, StoreError> {
    let prefix = Held::prefix(route);
    let mut messages = first.keys.len() as u64;
    let (mut last, mut more) = (first.keys.last().cloned(), first.more);
    for _ in 1..limits::COUNT_PAGES {
        if !more || last.is_none() {
            break;
        }
        let page = store
            .list(&prefix, last.as_deref(), limits::LIST_PAGE)
            .await?;
        messages += page.keys.len() as u64;
        (last, more) = (page.keys.into_iter().next_back(), page.more);
    }
    Ok(Count {
        messages,
        or_more: more,
    })
}

/// What is known of the latest release of a route.
pub async fn read(store: &impl Store, route: &RouteName) -> Result<Option<Progress>, StoreError> {
    let found = record::read(store, &key(route)).await?;
    Ok(found.map(|(progress, _)| progress))
}

/// A release that is written down while it goes on.
pub struct Reporter {
    key: String,
    progress: Progress,
    written: Timestamp,
}

impl Reporter {
    /// Goes on with the release that an earlier tick began, or begins one.
    pub async fn begin<P: Ports>(
        ports: &P,
        route: &RouteName,
        first: &Page,
    ) -> Result<Self, StoreError> {
        let now = ports.now();
        // What nobody can read is begun anew.
        let known = read(ports.store(), route).await.ok().flatten();
        let known = known.filter(|known| known.goes_on(now));
        let (began, released) = known.map_or((now, 0), |known| (known.began, known.released));
        Ok(Self {
            key: key(route),
            progress: Progress {
                began,
                at: now,
                released,
                left: count_on(ports.store(), route, first).await?,
                per_second: 0.0,
                eta: None,
                stopped: None,
                done: false,
            },
            written: now,
        })
    }

    /// One message less is left.
    pub fn released(&mut self) {
        self.progress.released += 1;
        let left = &mut self.progress.left.messages;
        *left = left.saturating_sub(1);
    }

    /// Writes it down where that was not done for a while.
    pub async fn report<P: Ports>(&mut self, ports: &P) {
        if ports.now().since(self.written) >= limits::PROGRESS_EVERY {
            self.write(ports).await;
        }
    }

    /// Writes the end of this tick's part down.
    pub async fn end<P: Ports>(mut self, ports: &P, stopped: Option<&str>) {
        self.progress.stopped = stopped.map(str::to_owned);
        self.progress.done = stopped.is_none();
        self.write(ports).await;
    }

    async fn write<P: Ports>(&mut self, ports: &P) {
        let now = ports.now();
        self.written = now;
        let progress = &mut self.progress;
        progress.at = now;
        let seconds = now.since(progress.began).as_secs_f64();
        progress.per_second = match seconds > 0.0 {
            true => progress.released as f64 / seconds,
            false => 0.0,
        };
        progress.eta = (!progress.left.or_more && progress.per_second > 0.0).then(|| {
            let left = progress.left.messages as f64 / progress.per_second;
            now.after(Duration::from_secs_f64(left.min(LONGEST_SECONDS)))
        });
        // A report that cannot be written stops no mail.
        let store = ports.store();
        if let Err(error) = record::write(store, &self.key, progress, Condition::Always).await {
            let event = LogEvent::new("release.not-reported").with("error", error.to_string());
            ports.write(event);
        }
    }
}

fn key(route: &RouteName) -> String {
    format!("releases/{route}.json")
}

/// A year: nothing is told that lies further ahead.
const LONGEST_SECONDS: f64 = 31_536_000.0;
