//! After-work: a submission lets a little time pass, after its answer went out. So an installation
//! that nobody ticks still finds its primary again, and what it holds goes home.
//!
//! A probe that is due is made here. All else is the keeper's: where the last tick is long ago, it is
//! asked for one, as anybody may ask it; that needs a tick token, and a host that knows requests to
//! itself, as Spin does. Nothing that was promised depends on any of it.

use std::cell::Cell;
use std::rc::Rc;

use holdfast_core::custody::kept::{self, ToKeep};
use holdfast_core::custody::ticks;
use holdfast_core::limits;
use holdfast_core::ports::Clock as _;
use holdfast_core::tick;
use holdfast_core::time::Timestamp;
use wasip3::wit_bindgen;

use crate::app::App;
use crate::asked_tick;

thread_local! {
    static LOOKED: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

/// Starts it where copies are to be kept, a probe is due, or it is time to look whether anybody ticks.
pub fn work(app: &Rc<App>, copies: Vec<ToKeep>) {
    let now = app.now();
    let due = app
        .config
        .routes
        .iter()
        .any(|route| tick::due(route, &app.cache, now));
    let looks = due || is_time_to_look(now);
    if !looks && copies.is_empty() {
        return;
    }
    let app = app.clone();
    wit_bindgen::spawn(async move {
        kept::keep_all(&*app, copies).await;
        if !looks {
            return;
        }
        if due {
            probe(&app).await;
        }
        // While a primary is being looked after, ticks are worth more.
        let most = match due {
            true => limits::TICK_NOTED,
            false => limits::TICK_OVERDUE,
        };
        if let Some(token) = asked_tick::token().await
            && ticks::are_overdue(&*app, most).await
        {
            asked_tick::ask_with(&app, &token).await;
        }
    });
}

/// Once for each instance, and again when it has served for a while.
fn is_time_to_look(now: Timestamp) -> bool {
    let looked = LOOKED.get();
    let recently = looked.is_some_and(|at| at <= now && now.since(at) < limits::TICK_NOTED);
    if !recently {
        LOOKED.set(Some(now));
    }
    !recently
}

async fn probe(app: &App) {
    for route in &app.config.routes {
        if tick::due(route, &app.cache, app.now()) {
            tick::probe_route(app, &app.cache, route).await;
        }
    }
}
