//! The queue without what waits for a person: what was held in a window of manual release.
//!
//! Whether a message waits is told by its key alone, because its id carries its time. A listing
//! jumps over such an interval by going on from a key made of its end, so a million messages that
//! wait cost a releaser one request.

use super::held::{Copy, Held};
use super::store::{Page, Store, StoreError};
use crate::mail::MessageId;
use crate::routing::RouteName;
use crate::routing::window::Waits;
use crate::time::Timestamp;

/// The keys of a route's queue that sort behind `after`, at most `limit`, without those that wait.
/// With no `after`, those that a person wants to be tried come first.
pub async fn list(
    store: &impl Store,
    route: &RouteName,
    waits: &Waits,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, StoreError> {
    let mut wanted = Vec::new();
    if after.is_none() {
        for name in &waits.retried {
            let key = format!("{}{name}.eml", Held::prefix(route));
            if until(waits, &key).is_some() && store.peek(&key, 1).await?.is_some() {
                wanted.push(key);
            }
        }
    }
    let mut page = free(store, route, waits, after, limit).await?;
    wanted.append(&mut page.keys);
    page.keys = wanted;
    Ok(page)
}

async fn free(
    store: &impl Store,
    route: &RouteName,
    waits: &Waits,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, StoreError> {
    let prefix = Held::prefix(route);
    let mut after = after.map(str::to_owned);
    loop {
        let mut page = store.list(&prefix, after.as_deref(), limit).await?;
        let jump = page.keys.last().and_then(|last| until(waits, last));
        page.keys.retain(|key| until(waits, key).is_none());
        match jump.filter(|_| page.keys.is_empty() && page.more) {
            Some(end) => after = Some(before(route, end)),
            None => return Ok(page),
        }
    }
}

/// Whether anything is held in the interval.
pub async fn any(
    store: &impl Store,
    route: &RouteName,
    start: Timestamp,
    end: Timestamp,
) -> Result<bool, StoreError> {
    let prefix = Held::prefix(route);
    let page = store.list(&prefix, Some(&before(route, start)), 1).await?;
    let first = page.keys.first().and_then(|key| Copy::of(key));
    Ok(first.is_some_and(|copy| copy.id.at() < end))
}

fn until(waits: &Waits, key: &str) -> Option<Timestamp> {
    waits.until(Copy::of(key)?.id.at())
}

/// What sorts before every key of this moment and behind every key of an earlier one: an id's
/// first 48 bits are its time, and its text writes them as eight digits, a hyphen and four digits.
fn before(route: &RouteName, at: Timestamp) -> String {
    let id = MessageId::new(at, [0; 10]).to_string();
    format!("{}{}", Held::prefix(route), id.get(..13).unwrap_or(&id))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::executor::block_on;

    use super::*;
    use crate::custody::store::Condition;
    use crate::custody::store::memory::MemoryStore;
    use crate::routing::window::{Waiting, Windows};

    fn key(route: &RouteName, second: i64) -> String {
        let at = Timestamp::from_millis(second * 1_000);
        Held::key(route, &Copy::first(MessageId::new(at, [7; 10])))
    }

    fn queue(route: &RouteName, seconds: impl Iterator<Item = i64>) -> MemoryStore {
        let store = MemoryStore::default();
        for second in seconds {
            let key = key(route, second);
            block_on(store.put(&key, &[Bytes::new()], Condition::Always)).unwrap();
        }
        store
    }

    fn waits(spans: &[(i64, i64)]) -> Waits {
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let waiting = spans.iter().map(|(start, end)| Waiting {
            window: MessageId::new(at(1), [1; 10]),
            start: at(*start),
            end: at(*end),
            reason: String::new(),
            by: String::new(),
        });
        Windows {
            waiting: waiting.collect(),
            ..Windows::default()
        }
        .waits(at(1_000_000))
    }

    fn all(store: &MemoryStore, route: &RouteName, waits: &Waits, limit: usize) -> Vec<String> {
        let (mut keys, mut after): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let page = list(store, route, waits, after.as_deref(), limit);
            let page = block_on(page).unwrap();
            keys.extend(page.keys.clone());
            match page.keys.last().filter(|_| page.more) {
                Some(last) => after = Some(last.clone()),
                None => return keys,
            }
        }
    }

    #[test]
    fn what_waits_is_jumped_over_and_nothing_else_is() {
        let route = RouteName::parse("hq").unwrap();
        let store = queue(&route, 0..100);
        let waits = waits(&[(10, 30), (25, 40), (60, 61), (90, 200)]);
        let free = (0..10).chain(40..60).chain(61..90);
        let expected: Vec<String> = free.map(|second| key(&route, second)).collect();
        for limit in [1, 2, 3, 7, 100, 1_000] {
            assert_eq!(all(&store, &route, &waits, limit), expected, "{limit}");
        }
    }

    #[test]
    fn a_message_that_a_person_wants_to_be_tried_comes_first_while_it_is_there() {
        let route = RouteName::parse("hq").unwrap();
        let store = queue(&route, 0..20);
        let mut waits = waits(&[(5, 30)]);
        for wanted in [10, 25, 3] {
            let key = key(&route, wanted);
            let name = key.rsplit('/').next().and_then(|n| n.strip_suffix(".eml"));
            waits.retried.push(name.unwrap_or_default().to_owned());
        }
        let expected = [10, 0, 1, 2, 3, 4].map(|second| key(&route, second));
        assert_eq!(all(&store, &route, &waits, 1_000), expected);
    }

    #[test]
    fn an_interval_knows_whether_anything_was_held_in_it() {
        let route = RouteName::parse("hq").unwrap();
        let store = queue(&route, [5, 10].into_iter());
        let at = |second: i64| Timestamp::from_millis(second * 1_000);
        let any = |start, end| block_on(any(&store, &route, at(start), at(end))).unwrap();
        assert!(any(5, 6) && any(0, 6) && any(10, 11));
        assert!(!any(0, 5) && !any(6, 10) && !any(11, 99));
    }
}
