//! Maintenance windows as operators write them: a rule's days are in order and the same wherever one
//! begins to look; a window that is taken means times that can be shown, stored and read back, holds mail
//! while it is open and loses none.

use bytes::Bytes;
use futures::executor::block_on;
use holdfast_core::custody::route_state::StateCache;
use holdfast_core::limits;
use holdfast_core::operate::operator;
use holdfast_core::operate::windows::definition::{Schedule, Window, WindowOrder};
use holdfast_core::operate::windows::rule::{Rule, Until};
use holdfast_core::operate::windows::{
    EndOrder, ExtendOrder, add, delete, edit, end, extend, list,
};
use holdfast_core::ports::Clock;
use holdfast_core::submit::request::{Head, begin};
use holdfast_core::submit::submit;
use holdfast_core::tick::tick;
use holdfast_core::time::Timestamp;
use jiff::civil::Date;

use crate::world::{self, World};

/// Now, a day to look from, a time to extend to, a rule, a line each; then an order.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut lines = text.splitn(5, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let now = Timestamp::parse(line()).filter(|now| (0..LAST).contains(&now.millis()));
    let now = now.unwrap_or(Timestamp::from_millis(world::NOW));
    let (from, until, rule, order) = (line(), line(), line(), line());
    if let (Ok(from), Ok(rule)) = (from.parse(), Rule::parse(rule)) {
        a_rule_has_days(&rule, now, from);
    }
    if let Ok(order) = serde_json::from_str::<WindowOrder>(order) {
        an_order_means_times(&order, now);
        block_on(a_window_lives(order, now, until));
    }
}

fn a_rule_has_days(rule: &Rule, now: Timestamp, from: Date) {
    let start: Date = now.day().parse().unwrap();
    let to = start.saturating_add(jiff::Span::new().years(40));
    let days: Vec<Date> = rule.days(start, start, to).collect();
    assert!(days.is_sorted_by(|one, next| one < next), "{days:?}");
    assert!(days.iter().all(|day| (start..=to).contains(day)));
    let later: Vec<Date> = rule
        .days(start, from, to)
        .filter(|day| *day >= from)
        .collect();
    let sooner: Vec<Date> = days.into_iter().filter(|day| *day >= from).collect();
    assert!(
        later.starts_with(&sooner),
        "from {from}: {later:?}, and {sooner:?}"
    );
    if let Some(Until::Moment(until)) = rule.until {
        assert!(until.is_of_four_digits());
    }
}

fn an_order_means_times(order: &WindowOrder, now: Timestamp) {
    let Ok(schedule) = Schedule::read(order) else {
        return;
    };
    let far = now.after(limits::RULE_AHEAD);
    let mut last = None;
    for (start, end) in schedule.occurrences(now, far).take(50) {
        assert!(start < end && now < end && start < far);
        // Two clock changes may lie in it.
        assert!(end.since(start) <= limits::WINDOW_LENGTH + 4 * HOUR);
        assert!(last.is_none_or(|last| last < start), "in order");
        last = Some(start);
        for moment in [start, end] {
            assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
            assert_eq!(schedule.shown(moment).is_some(), schedule.zone.is_some());
        }
    }
}

/// It is planned, extended, edited, ended and deleted, with ticks and a message between.
async fn a_window_lives(order: WindowOrder, now: Timestamp, until: &str) {
    let (config, cache, world) = (world::config(), StateCache::default(), World::at(now));
    let olga = operator(Some("Olga"), Some("192.0.2.9"));
    let route = order.route.clone();
    let Ok(view) = add(&world, config, &cache, &olga, order.clone()).await else {
        assert!(
            world.keys("windows/").is_empty(),
            "what is refused is not kept"
        );
        return;
    };
    serde_json::to_vec(&view).unwrap();
    let Some(id) = view.id else {
        assert!(
            order.dry_run && world.keys("").is_empty(),
            "nothing is kept"
        );
        return;
    };
    assert!(!view.next.is_empty() || !view.conflicts.is_empty());
    it_reads_back(&world, &id.to_string()).await;
    let held = send(&world, &cache).await == 202;
    assert_eq!(
        held,
        view.open && route == "hq",
        "mail is held in an open window"
    );

    let id = id.to_string();
    let order_of = |reason: &str| EndOrder {
        reason: reason.to_owned(),
    };
    let longer = ExtendOrder {
        until: until.to_owned(),
        reason: "it takes longer".into(),
    };
    if let Ok(view) = extend(&world, config, &cache, &olga, &id, &longer).await {
        assert!(view.open, "only what is open is extended");
        it_reads_back(&world, &id).await;
    }
    tick(&world, config, &cache).await;
    let edited = edit(&world, config, &cache, &olga, &id, order).await;
    assert!(edited.is_ok(), "what was taken is taken again: {edited:?}");
    if let Ok(view) = end(&world, config, &cache, &olga, &id, &order_of("ready")).await {
        assert!(!view.open, "it has ended");
    }
    tick(&world, config, &cache).await;
    let deleted = delete(&world, config, &cache, &olga, &id, &order_of("gone")).await;
    assert!(deleted.is_ok_and(|view| !view.open));
    assert!(world.keys("windows/").is_empty());
    tick(&world, config, &cache).await;
    let listed = list(&world, config).await.unwrap();
    assert!(listed.windows.is_empty() && listed.damaged.is_empty());
    let waits = world.keys("queue/").len();
    assert_eq!(world.taken.borrow().len() + waits, 1, "the mail is lost");
    assert!(
        waits == 0 || !listed.waiting.is_empty(),
        "nobody sees to it"
    );
}

async fn it_reads_back(world: &World, id: &str) {
    let key = Window::key(&id.parse().unwrap());
    let window: Window = world.record(&key).await;
    let again = serde_json::to_vec(&window).unwrap();
    assert_eq!(serde_json::from_slice::<Window>(&again).unwrap(), window);
    let listed = list(world, world::config()).await.unwrap();
    assert!(listed.damaged.is_empty() && listed.windows.len() == 1);
    assert_eq!(listed.at, world.now());
}

async fn send(world: &World, cache: &StateCache) -> u16 {
    let head = Head {
        query: "from=&to=ann@example.org".into(),
        authorization: Some(b"Bearer foo".to_vec()),
        content_type: Some("message/rfc822".into()),
        ..Head::default()
    };
    let request = begin(world::config(), &head).unwrap();
    let body = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
    let answer = submit(world, world::config(), cache, &request, body)
        .await
        .response;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    answer.status
}

/// 2100-01-01.
const LAST: i64 = 4_102_444_800_000;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3_600);
