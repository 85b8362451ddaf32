//! A clock that ticks, sometimes twice at once.

use std::cell::Cell;
use std::rc::Rc;

use holdfast_core::limits;
use holdfast_core::tick::{self, Ticked};

use super::world::Sim;

/// Ticks as long as the world lasts. Where it healed and a tick finds nothing to do, the next comes
/// later and later, so that an hour of waiting for a retry costs a few ticks only.
pub async fn keep_ticking(sim: Rc<Sim>) {
    let idle = Rc::new(Cell::new(0));
    loop {
        let most = i64::from(sim.weather.get().pace) * 1_000;
        let wait = match sim.healed() {
            true => (30_000_i64 << idle.get()).min(LONGEST_MILLIS),
            false => sim.chance.millis(most / 4, most),
        };
        sim.time.sleep(wait).await;
        for _ in 0..=u64::from(sim.chance.once_in(3)) {
            tick_once(&sim, idle.clone());
        }
    }
}

/// One call, which goes on while there is more.
fn tick_once(sim: &Rc<Sim>, idle: Rc<Cell<u32>>) {
    let instance = sim.instance();
    sim.count(|counts| counts.ticks += 1);
    sim.spawn(Some(instance.machine.number), async move {
        for _ in 0..limits::TICKS_IN_A_ROW {
            let (config, cache) = (&instance.sim.config, &instance.machine.cache);
            let held = instance.sim.checks.held_now(&instance.sim);
            let ticked = tick::tick(&instance, config, cache).await;
            instance.sim.checks.filed_all(&instance.sim, &held, &ticked);
            idle.set(match did_nothing(&ticked) {
                true => (idle.get() + 1).min(16),
                false => 0,
            });
            if !ticked.more {
                return;
            }
        }
    });
}

fn did_nothing(ticked: &Ticked) -> bool {
    ticked.routes.iter().all(|route| {
        let released = route.released.as_ref();
        let released = released.is_some_and(|drained| {
            drained.delivered + drained.rejected + drained.returned > 0 || drained.stopped.is_some()
        });
        route.probes.is_empty() && route.canary.is_none() && route.error.is_none() && !released
    })
}

const LONGEST_MILLIS: i64 = 300_000;
