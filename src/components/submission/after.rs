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
use holdfast_core::ports::{Clock as _, Event, HttpClient as _, HttpRequest, Log as _};
use holdfast_core::tick;
use holdfast_core::time::Timestamp;
use holdfast_edge::app::App;
use holdfast_edge::settings;
use holdfast_edge::world::World;
use wasip3::wit_bindgen;

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
        let token = settings::get("tick_token").await.unwrap_or_default();
        if !token.is_empty() && ticks::are_overdue(&*app, most).await {
            ask_for_a_tick(&app, &token).await;
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

async fn ask_for_a_tick(app: &App, token: &str) {
    let request = HttpRequest {
        method: "POST",
        url: TICK.into(),
        headers: vec![("authorization", format!("Bearer {token}"))],
        body: Vec::new(),
        connect: limits::REPLY,
        // Who hangs up ends the tick.
        reply: limits::TICK * 2,
        most: limits::TICKED_BYTES,
    };
    let error = match World.send(request).await {
        Ok(answer) if answer.status == 200 => return,
        Ok(answer) => format!("it was answered with {}", answer.status),
        Err(failure) => failure.detail,
    };
    app.write(Event::new("tick.not-made").with("error", error));
}

async fn probe(app: &App) {
    for route in &app.config.routes {
        if tick::due(route, &app.cache, app.now()) {
            tick::probe_route(app, &app.cache, route).await;
        }
    }
}

/// Spin's name for the application itself.
const TICK: &str = "http://self.alt/v1/tick";
