//! Operators: they order, plan windows, try again, drop, return, release by hand, and look at the
//! status all the while.

mod buttons;
mod looks;

use std::rc::Rc;

use holdfast_core::operate::{self, Operator};

use super::weather::Custom;
use super::world::Sim;

/// Looks at the status every now and then, in any weather.
pub async fn watcher(sim: Rc<Sim>) {
    while !sim.healed() {
        sim.time.sleep(sim.chance.millis(10_000, 120_000)).await;
        let instance = sim.instance();
        match sim.chance.below(3) {
            0 => looks::health(&instance).await,
            1 => looks::releases(&instance).await,
            _ => looks::list(&instance).await,
        }
    }
}

/// Presses buttons until the world heals, and takes back what was ordered then.
pub async fn operator(sim: Rc<Sim>) {
    while !sim.healed() {
        sim.time.sleep(sim.chance.millis(5_000, 120_000)).await;
        if sim.healed() {
            break;
        }
        sim.count(|counts| counts.orders += 1);
        buttons::any(&sim).await;
    }
    // Without conditional writes what was noted at the same time may undo an order: a person looks.
    loop {
        let done = buttons::let_go(&sim).await;
        sim.time.sleep(10_000).await;
        if done && !buttons::stands(&sim) {
            break;
        }
    }
    sim.note(format_args!("the orders are taken back"));
    if sim.weather.get().custom == Custom::Careful {
        sim.spawn(None, try_again(sim.clone()));
    }
}

/// What may have been delivered waits for a person, who tries it again: also what is held only
/// after the world healed, by an answer that was lost before.
async fn try_again(sim: Rc<Sim>) {
    loop {
        buttons::retry_all(&sim).await;
        sim.time.sleep(60_000).await;
    }
}

fn olga() -> Operator {
    operate::operator(Some("Olga"), Some("192.0.2.7:4711"))
}
