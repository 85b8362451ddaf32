//! An operator's requests: what is ordered is done or refused, what is done is in the audit log, and no
//! order but a person's drop ends a message that nobody has.

use bytes::Bytes;
use futures::executor::block_on;
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::custody::store::{Condition, Store};
use holdfast_core::operate::queue::{self, Action, Because, Query};
use holdfast_core::operate::release::{self, ReleaseOrder};
use holdfast_core::operate::{Order, audit, operator, order};
use holdfast_core::submit::request::query_pairs;

use crate::world::{self, Mood, World};

/// The operator's name, what is asked (`override ROUTE`, `retry ID`, `drop ID`, `release`, `queue ?...`,
/// `audit ?...`) and the body, a line each.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (asked, body) = rest.split_once('\n').unwrap_or((rest, ""));
    let (asked, of) = asked.split_once(' ').unwrap_or((asked, ""));
    let message = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
    let held = world::held(&message);
    let world = World::new(Mood::Well);
    let key = Held::key(&held.route, &Copy::first(held.id));
    block_on(
        world
            .storage
            .put(&key, &held.object(&message), Condition::Always),
    )
    .unwrap();

    let operator = operator(Some(name), Some("192.0.2.9"));
    assert!(!operator.name.contains(char::is_control));
    let (config, cache) = (world::config(), StateCache::default());
    let of = of.replace("ID", &held.id.to_string());
    let done = match asked {
        "override" => serde_json::from_str::<Order>(body).is_ok_and(|body| {
            block_on(order(&world, config, &cache, &of, &operator, body)).is_ok()
        }),
        "retry" | "drop" => serde_json::from_str::<Because>(body).is_ok_and(|because| {
            let action = Action::parse(asked).unwrap();
            block_on(queue::act(&world, config, &of, action, &operator, &because)).is_ok()
        }),
        "release" => serde_json::from_str::<ReleaseOrder>(body).is_ok_and(|body| {
            let answer = block_on(release::release(&world, config, &cache, &operator, &body));
            answer.is_ok() && !body.dry_run
        }),
        "queue" => {
            let page = block_on(queue::list(&world, config, &query(&of)));
            assert!(page.is_err() || page.is_ok_and(|page| page.messages.len() <= 1));
            false
        }
        _ => {
            let day = query_pairs(&of).flatten().next();
            let day = day.as_ref().map(|(_, day)| day.as_ref());
            if let Ok(page) = block_on(audit::read(&world, day, day)) {
                assert_eq!(page.day.len(), 10);
            }
            false
        }
    };
    let entries = world.keys("audit/").len();
    assert_eq!(entries, usize::from(done), "what is done is audited");
    let gone = world.keys("queue/").is_empty();
    assert!(!gone || done, "only an order ends it");
    assert_eq!(gone, !world.keys("outcomes/").is_empty());
    if gone && asked == "drop" {
        assert!(operator.named, "a person with a name");
    }
    let page = block_on(audit::read(&world, None, None)).unwrap();
    assert_eq!(page.entries.len(), entries);
    let quotes = audit::csv(&page).matches('"').count();
    assert_eq!(quotes % 2, 0);
}

fn query(text: &str) -> Query {
    let mut query = Query::default();
    for (name, value) in query_pairs(text).flatten() {
        let value = value.into_owned();
        match name {
            "route" => query.route = Some(value),
            "after" => query.after = Some(value),
            "limit" => query.limit = value.parse().ok(),
            _ => query.state = serde_json::from_value(value.into()).ok(),
        }
    }
    query
}
