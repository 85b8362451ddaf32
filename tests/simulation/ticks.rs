//! A clock that ticks, sometimes twice at once, and rests for a while in between.

use std::rc::Rc;

use holdfast_core::{limits, tick};

use super::world::Sim;

/// Ticks as long as the world lasts.
pub async fn keep_ticking(sim: Rc<Sim>) {
    loop {
        let (least, most) = match sim.healed() {
            true => (20_000, 40_000),
            false => (3_000, 30_000),
        };
        sim.time.sleep(sim.chance.millis(least, most)).await;
        for _ in 0..=u64::from(sim.chance.once_in(4)) {
            tick_once(&sim);
        }
    }
}

/// One call, which goes on while there is more.
fn tick_once(sim: &Rc<Sim>) {
    let instance = sim.instance();
    sim.count(|counts| counts.ticks += 1);
    sim.spawn(Some(instance.machine.number), async move {
        for _ in 0..limits::TICKS_IN_A_ROW {
            let (config, cache) = (&instance.sim.config, &instance.machine.cache);
            if !tick::tick(&instance, config, cache).await.more {
                return;
            }
        }
    });
}
