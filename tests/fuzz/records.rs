//! Our own records, as whoever can write into the bucket may have changed them: what reads is written as
//! it was, no use case stumbles, and a record that nobody should have touched never loses the mail.

use bytes::Bytes;
use futures::executor::block_on;
use holdfast_core::custody::attempts::{self, Attempts};
use holdfast_core::custody::held::{Copy, Held};
use holdfast_core::custody::life::life;
use holdfast_core::custody::progress::{self, Progress};
use holdfast_core::custody::receipt::{self, Receipt};
use holdfast_core::custody::release::Ended;
use holdfast_core::custody::route_state::{self, StateCache};
use holdfast_core::custody::store::{Condition, Store};
use holdfast_core::operate::audit::{self, Audit};
use holdfast_core::operate::windows::definition::Window;
use holdfast_core::operate::{health, queue, release, windows};
use holdfast_core::ports::Clock;
use holdfast_core::routing::RouteState;
use holdfast_core::submit::request::{Head, begin};
use holdfast_core::submit::submit;
use holdfast_core::tick::tick;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{self, Mood, World};

/// A line with the kind of record and the primaries' mood, then the record.
pub fn check(input: &[u8]) {
    let (first, record) = crate::cut(input, b"\n");
    let Ok(first) = std::str::from_utf8(first) else {
        return;
    };
    let (kind, mood) = first.split_once(' ').unwrap_or((first, ""));
    let message = Bytes::from_static(b"Subject: x\r\n\r\ny\r\n");
    let held = world::held(&message);
    let copy = Copy::first(held.id);
    let key = match kind {
        "attempts" => format!("attempts/hq/{copy}.json"),
        "receipt" => receipt::object_key("acme", "key"),
        "route" => "routes/hq.json".into(),
        "lease" => "leases/hq.json".into(),
        "progress" => "releases/hq.json".into(),
        "ended" => Ended::key(&copy, None),
        "window" => Window::key(&held.id),
        "audit" => format!("audit/2026-11-23/{copy}.json"),
        _ => return,
    };
    match kind {
        "attempts" => it_reads_back::<Attempts>(record),
        "receipt" => it_reads_back::<Receipt>(record),
        "route" => it_reads_back::<RouteState>(record),
        "progress" => it_reads_back::<Progress>(record),
        "ended" => it_reads_back::<Ended>(record),
        "window" => it_reads_back::<Window>(record),
        "audit" => it_reads_back::<Audit>(record),
        _ => {}
    }
    let world = World::new(Mood::called(mood));
    let put = |key: &str, body: &[Bytes]| {
        block_on(world.storage.put(key, body, Condition::Always)).unwrap();
    };
    put(&Held::key(&held.route, &copy), &held.object(&message));
    put(&key, &[Bytes::copy_from_slice(record)]);
    block_on(use_it(&world, &held));

    let waits = !world.keys("queue/hq/").is_empty();
    let ended = !world.keys("outcomes/").is_empty();
    assert!(waits || ended, "the mail is lost");
    if !waits && kind != "ended" && kind != "attempts" {
        let taken = world.taken.borrow();
        let bytes = |(_, bytes): &(_, Bytes)| *bytes == message;
        assert!(
            taken.iter().any(bytes) || mood == "rejects",
            "nobody has it"
        );
    }
}

/// Everything that reads such a record.
async fn use_it(world: &World, held: &Held) {
    let (config, cache) = (world::config(), StateCache::default());
    let route = config.route("hq").unwrap();
    let copy = Copy::first(held.id);
    health(world, config).await;
    let _ = queue::list(world, config, &queue::Query::default()).await;
    let _ = release::releases(world, config).await;
    let page = audit::read(world, None, None).await;
    page.iter().for_each(|page| drop(audit::csv(page)));
    let _ = life(world, config, &config.partners[0], &held.id.to_string()).await;
    let _ = windows::list(world, config).await;
    let _ = progress::read(&world.storage, &route.name).await;
    let _ = attempts::read(&world.storage, &route.name, &copy).await;

    let head = Head {
        query: "from=&to=ann@example.org".into(),
        authorization: Some(b"Bearer foo".to_vec()),
        content_type: Some("message/rfc822".into()),
        idempotency_key: Some("key".into()),
        ..Head::default()
    };
    let request = begin(config, &head).unwrap();
    submit(world, config, &cache, &request, Bytes::from_static(b"x")).await;
    for _ in 0..3 {
        tick(world, config, &cache).await;
        world.sleep(std::time::Duration::from_millis(400)).await;
    }
    let _ = attempts::make_due(world, &route.name, &copy, true).await;
    tick(world, config, &cache).await;
    let _ = route_state::read(world, &cache, route).await;
}

fn it_reads_back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(record: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(record) else {
        return;
    };
    let written = serde_json::to_vec(&read).unwrap();
    let again = serde_json::from_slice::<T>(&written);
    assert_eq!(again.ok().as_ref(), Some(&read), "it reads back");
}
