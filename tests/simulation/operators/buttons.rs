//! What operators do.

use std::rc::Rc;
use std::time::Duration;

use holdfast_core::custody::held::Copy;
use holdfast_core::operate::queue::{self, Action, Because};
use holdfast_core::operate::release::{self, ReleaseOrder};
use holdfast_core::operate::windows::definition::WindowOrder;
use holdfast_core::operate::windows::{self, EndOrder, ExtendOrder};
use holdfast_core::operate::{self, Operator, Order};
use holdfast_core::ports::Clock as _;
use holdfast_core::routing::RouteState;
use holdfast_core::routing::state::Mode;
use holdfast_core::routing::window::WindowRelease;

use super::olga;
use crate::machine::Instance;
use crate::world::Sim;

/// Presses one of them.
pub async fn any(sim: &Rc<Sim>) {
    let instance = sim.instance();
    let route = sim.chance.pick(&ROUTES).to_owned();
    match sim.chance.below(11) {
        0 | 1 => {
            let mode = sim.chance.pick(&[Mode::Hold, Mode::Deliver, Mode::Auto]);
            let expires = sim.chance.once_in(2);
            let expires = expires.then(|| sim.chance.millis(1_000, 600_000));
            order(&instance, route, mode, expires).await;
        }
        2 | 3 => act(&instance, Action::Retry).await,
        4 => act(&instance, Action::Drop).await,
        5 => act(&instance, Action::Return).await,
        6 | 7 => open_window(&instance, route).await,
        8 => change_window(&instance).await,
        _ => {
            let limit = sim.chance.once_in(2).then(|| 1 + sim.chance.below(3));
            let limit = limit.and_then(|limit| u32::try_from(limit).ok());
            by_hand(&instance, route, limit, sim.chance.once_in(3)).await;
        }
    }
}

/// Takes back all that was ordered; false where not all of it is done.
pub async fn let_go(sim: &Rc<Sim>) -> bool {
    let mut done = true;
    for key in sim.objects.keys("windows/") {
        let name = key.trim_start_matches("windows/").trim_end_matches(".json");
        done &= delete_window(&sim.instance(), name.to_owned()).await;
    }
    for route in ROUTES {
        let route = route.to_owned();
        done &= order(&sim.instance(), route.clone(), Mode::Auto, None).await;
        done &= by_hand(&sim.instance(), route, None, false).await;
    }
    done
}

/// Whether an order stands, a few moments after it was taken back.
pub fn stands(sim: &Sim) -> bool {
    ROUTES.iter().any(|route| {
        let state = sim.objects.get(&format!("routes/{route}.json"));
        let state = state.and_then(|state| serde_json::from_slice::<RouteState>(&state).ok());
        state.is_some_and(|state| state.order.is_some())
    })
}

/// Tries all that is held.
pub async fn retry_all(sim: &Rc<Sim>) {
    for key in sim.objects.keys("queue/") {
        if let Some(copy) = Copy::of(&key) {
            do_to(&sim.instance(), copy, Action::Retry, true).await;
        }
    }
}

async fn order(instance: &Instance, route: String, mode: Mode, expires: Option<i64>) -> bool {
    let sim = &instance.sim;
    sim.note(format_args!("ordered {route} {mode:?} {expires:?}"));
    let expires = expires.map(|millis| Duration::from_millis(millis.unsigned_abs()));
    let ordered = instance.ask(async move |instance| {
        let order = Order {
            mode,
            reason: REASON.into(),
            expires: expires.map(|time| instance.now().after(time)),
        };
        let (config, cache) = (&instance.sim.config, &instance.machine.cache);
        operate::order(instance, config, cache, &route, &olga(), order)
            .await
            .is_ok()
    });
    ordered.await.unwrap_or(false)
}

/// Does something to a message of the queue.
async fn act(instance: &Instance, action: Action) {
    let sim = &instance.sim;
    let keys = sim.objects.keys("queue/");
    let key = keys.get(sim.chance.index(keys.len()));
    if let Some(copy) = key.and_then(|key| Copy::of(key)) {
        do_to(instance, copy, action, !sim.chance.once_in(4)).await;
    }
}

/// One whom nobody names may not end a message.
async fn do_to(instance: &Instance, copy: Copy, action: Action, named: bool) {
    let sim = &instance.sim;
    sim.note(format_args!("{} {copy}", action.word()));
    let done = instance.ask(async move |instance| {
        let by = Operator { named, ..olga() };
        let because = Because {
            reason: REASON.into(),
        };
        let (id, config) = (copy.to_string(), &instance.sim.config);
        queue::act(instance, config, &id, action, &by, &because)
            .await
            .is_ok()
    });
    let done = done.await.unwrap_or(false);
    sim.checks
        .rule(named || !done || action == Action::Retry, || {
            format!("a message is ended by a person with a name: {copy}")
        });
    if action == Action::Drop && done {
        sim.count(|counts| counts.dropped += 1);
    }
}

async fn by_hand(instance: &Instance, route: String, limit: Option<u32>, dry_run: bool) -> bool {
    let sim = &instance.sim;
    sim.note(format_args!("by hand {route} {limit:?} {dry_run}"));
    let order = ReleaseOrder {
        route,
        limit,
        dry_run,
        reason: REASON.into(),
    };
    let released = instance.ask(async move |instance| {
        let (config, cache) = (&instance.sim.config, &instance.machine.cache);
        release::release(instance, config, cache, &olga(), &order)
            .await
            .is_ok()
    });
    released.await.unwrap_or(false)
}

/// A window that opens soon, or is open at once.
async fn open_window(instance: &Instance, route: String) {
    let sim = &instance.sim;
    let starts = sim.chance.millis(-60_000, 120_000);
    let lasts = sim.chance.millis(5_000, 600_000);
    let manual = sim.chance.once_in(3);
    sim.note(format_args!(
        "a window on {route} in {starts} for {lasts}, manual: {manual}"
    ));
    instance
        .ask(async move |instance| {
            let now = instance.now().millis();
            let at = |millis| holdfast_core::time::Timestamp::from_millis(millis).to_string();
            let order = WindowOrder {
                route,
                start: at(now + starts),
                end: Some(at(now + starts + lasts)),
                duration: None,
                time_zone: None,
                rrule: None,
                release: match manual {
                    true => WindowRelease::Manual,
                    false => WindowRelease::Automatic,
                },
                reason: REASON.into(),
                dry_run: false,
            };
            let (config, cache) = (&instance.sim.config, &instance.machine.cache);
            windows::add(instance, config, cache, &olga(), order)
                .await
                .is_ok()
        })
        .await;
}

/// Ends a window early, lets it go on, or deletes it.
async fn change_window(instance: &Instance) {
    let sim = &instance.sim;
    let keys = sim.objects.keys("windows/");
    let Some(key) = keys.get(sim.chance.index(keys.len())) else {
        return;
    };
    let id = key.trim_start_matches("windows/").trim_end_matches(".json");
    let id = id.to_owned();
    let longer = Duration::from_millis(600_000 + sim.chance.below(600_000));
    match sim.chance.below(3) {
        0 => {
            delete_window(instance, id).await;
        }
        1 => {
            sim.note(format_args!("ends window {id}"));
            let order = EndOrder {
                reason: REASON.into(),
            };
            instance
                .ask(async move |instance| {
                    let (config, cache) = (&instance.sim.config, &instance.machine.cache);
                    windows::end(instance, config, cache, &olga(), &id, &order)
                        .await
                        .is_ok()
                })
                .await;
        }
        _ => {
            sim.note(format_args!("extends window {id}"));
            instance
                .ask(async move |instance| {
                    let order = ExtendOrder {
                        until: instance.now().after(longer).to_string(),
                        reason: REASON.into(),
                    };
                    let (config, cache) = (&instance.sim.config, &instance.machine.cache);
                    windows::extend(instance, config, cache, &olga(), &id, &order)
                        .await
                        .is_ok()
                })
                .await;
        }
    }
}

async fn delete_window(instance: &Instance, id: String) -> bool {
    instance.sim.note(format_args!("deletes window {id}"));
    let order = EndOrder {
        reason: REASON.into(),
    };
    let deleted = instance.ask(async move |instance| {
        let (config, cache) = (&instance.sim.config, &instance.machine.cache);
        windows::delete(instance, config, cache, &olga(), &id, &order)
            .await
            .is_ok()
    });
    deleted.await.unwrap_or(false)
}

const ROUTES: [&str; 2] = ["hq", "lab"];
const REASON: &str = "as the world wants it";
