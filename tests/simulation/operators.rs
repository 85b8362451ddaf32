//! Operators: they order, try again, drop, release by hand, and look at the status all the while.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use holdfast_core::custody::held::Copy;
use holdfast_core::operate::queue::{self, Action, Because, Query};
use holdfast_core::operate::release::{self, ReleaseOrder};
use holdfast_core::operate::{self, Operator, Order};
use holdfast_core::ports::Clock as _;
use holdfast_core::problem::Problem;
use holdfast_core::routing::state::Mode;

use super::machine::Instance;
use super::world::Sim;

/// Looks at the status every now and then, in any weather.
pub async fn watcher(sim: Rc<Sim>) {
    while !sim.healed() {
        sim.time.sleep(sim.chance.millis(10_000, 120_000)).await;
        let instance = sim.instance();
        match sim.chance.below(3) {
            0 => health(&instance).await,
            1 => releases(&instance).await,
            _ => list(&instance).await,
        }
    }
}

/// Presses buttons until the world heals, and takes back what was ordered then.
pub async fn operator(sim: Rc<Sim>) {
    while !sim.healed() {
        sim.time.sleep(sim.chance.millis(5_000, 120_000)).await;
        let instance = sim.instance();
        sim.count(|counts| counts.orders += 1);
        match sim.chance.below(8) {
            0 | 1 => order(instance, any_order(&sim)).await.map(drop),
            2 | 3 => act(instance, Action::Retry).await,
            4 => act(instance, Action::Drop).await,
            _ => by_hand(instance).await,
        };
    }
    for route in sim.config.routes.iter().map(|route| route.name.to_string()) {
        // An order takes back what stands only where it is told so.
        while order(sim.instance(), (route.clone(), Mode::Auto, None))
            .await
            .is_none_or(|done| done.is_err())
        {
            sim.time.sleep(1_000).await;
        }
    }
    sim.note(format_args!("the orders are taken back"));
}

fn any_order(sim: &Sim) -> (String, Mode, Option<i64>) {
    let route = sim.chance.pick(&["hq", "lab"]).to_owned();
    let mode = sim.chance.pick(&[Mode::Hold, Mode::Deliver, Mode::Auto]);
    let expires = sim.chance.once_in(2);
    let expires = expires.then(|| sim.chance.millis(1_000, 600_000));
    (route, mode, expires)
}

async fn order(
    instance: Instance,
    (route, mode, expires): (String, Mode, Option<i64>),
) -> Option<Result<(), Problem>> {
    instance
        .sim
        .note(format_args!("ordered {route} {mode:?} {expires:?}"));
    let expires = expires.map(|millis| Duration::from_millis(millis.unsigned_abs()));
    ask(&instance, async move |instance| {
        let order = Order {
            mode,
            reason: "as the world wants it".into(),
            expires: expires.map(|time| instance.now().after(time)),
        };
        let (config, cache) = (&instance.sim.config, &instance.machine.cache);
        operate::order(instance, config, cache, &route, &olga(), order)
            .await
            .map(drop)
    })
    .await
}

/// Does something to a message of the queue. One that nobody names cannot be dropped.
async fn act(instance: Instance, action: Action) -> Option<()> {
    let sim = instance.sim.clone();
    let keys = sim.objects.keys("queue/");
    let copy = keys
        .get(sim.chance.index(keys.len()))
        .and_then(|key| Copy::of(key))?;
    let named = !sim.chance.once_in(4);
    sim.note(format_args!("{} {copy}", action.word()));
    let done = ask(&instance, async move |instance| {
        let by = Operator { named, ..olga() };
        let because = Because {
            reason: "as the world wants it".into(),
        };
        let (id, config) = (copy.to_string(), &instance.sim.config);
        queue::act(instance, config, &id, action, &by, &because).await
    });
    let done = done.await?;
    let nameless = action == Action::Drop && !named;
    sim.checks.rule(!(nameless && done.is_ok()), || {
        format!("a message is dropped by a person with a name: {done:?}")
    });
    if action == Action::Drop && done.is_ok() {
        sim.count(|counts| counts.dropped += 1);
    }
    Some(())
}

async fn by_hand(instance: Instance) -> Option<()> {
    let sim = instance.sim.clone();
    let limit = sim.chance.once_in(2).then(|| 1 + sim.chance.below(3));
    let order = ReleaseOrder {
        route: sim.chance.pick(&["hq", "lab"]).into(),
        limit: limit.and_then(|limit| u32::try_from(limit).ok()),
        dry_run: sim.chance.once_in(3),
        reason: "as the world wants it".into(),
    };
    let asked = ask(&instance, async move |instance| {
        let (config, cache) = (&instance.sim.config, &instance.machine.cache);
        release::release(instance, config, cache, &olga(), &order).await
    });
    asked.await.map(drop)
}

async fn health(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told = ask(instance, async move |instance| {
        operate::health(instance, &instance.sim.config).await
    });
    if let Some(told) = told.await {
        instance.sim.checks.told_health(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}

async fn releases(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told = ask(instance, async move |instance| {
        release::releases(instance, &instance.sim.config).await
    });
    if let Some(told) = told.await {
        instance.sim.checks.told_releases(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}

async fn list(instance: &Instance) {
    let asked = instance.sim.checks.asked(instance);
    let told = ask(instance, async move |instance| {
        queue::list(instance, &instance.sim.config, &Query::default()).await
    });
    if let Some(told) = told.await {
        instance.sim.checks.told_queue(instance, &asked, &told);
    }
    instance.sim.checks.answered_question(asked);
}

/// Runs in the instance what is asked of it; none when that dies.
async fn ask<T: 'static>(
    instance: &Instance,
    what: impl AsyncFnOnce(&Instance) -> T + 'static,
) -> Option<T> {
    let (answer, heard) = oneshot::channel();
    let own = instance.clone();
    let asked: std::pin::Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
        answer.send(what(&own).await).ok();
    });
    instance.sim.spawn(Some(instance.machine.number), asked);
    heard.await.ok()
}

fn olga() -> Operator {
    operate::operator(Some("Olga"), Some("192.0.2.7:4711"))
}
