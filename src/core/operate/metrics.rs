//! `/metrics`, in the text format of Prometheus (0.0.4): figures that lie in the storage, so that
//! any instance gives the same.
//!
//! What cannot be read in [`limits::METRICS`] is absent, and `holdfast_storage_readable` is 0: a
//! zero that nobody counted would look well.

mod text;

use std::time::Duration;

use futures::future::join5;
use futures::stream::{self, StreamExt as _};

use super::{DecisionWord, RouteHealth, known};
use crate::config::Config;
use crate::custody::figures::{self, Figures};
use crate::custody::held::{Copy, Held};
use crate::custody::progress::{self, Count, Progress};
use crate::custody::store::{Store, StoreError, in_time};
use crate::custody::{route_state, ticks};
use crate::drill::schedule::{self, Latest};
use crate::limits;
use crate::ports::Ports;
use crate::routing::state::Mode;
use crate::routing::{Health, HealthState, Route, RouteState};
use crate::time::Timestamp;
use text::Families;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Reads every figure and writes the page.
pub async fn metrics<P: Ports>(ports: &P, config: &Config) -> String {
    let deadline = ports.now().after(limits::METRICS);
    let last_tick = reading(ports, deadline, ticks::last(ports.store())).await;
    let routes = config.routes.iter();
    let routes: Vec<_> = stream::iter(routes.map(|route| read(ports, route, deadline)))
        .buffered(limits::OPERATOR_CONCURRENCY)
        .collect()
        .await;
    let now = ports.now();
    let readable = last_tick.is_some() && routes.iter().all(Seen::is_whole);
    let mut page = Families::default();
    page.gauge(
        "holdfast_storage_readable",
        "Whether all that this page tells could be read; what could not is absent.",
    )
    .add(&[], u8::from(readable));
    let ticked = page.gauge(
        "holdfast_tick_age_seconds",
        "Time since a tick came to its end, up to 30 s too much; absent before the first.",
    );
    if let Some(Some(at)) = last_tick {
        ticked.add(&[], now.since(at).as_secs_f64());
    }
    for seen in &routes {
        seen.tell(&mut page, now);
    }
    page.write()
}

/// What could be read of one route.
struct Seen<'c> {
    route: &'c Route,
    state: Option<RouteState>,
    queue: Option<(Option<Timestamp>, Count)>,
    figures: Option<Figures>,
    progress: Option<Option<Progress>>,
    drill: Option<Latest>,
}

async fn read<'c, P: Ports>(ports: &P, route: &'c Route, deadline: Timestamp) -> Seen<'c> {
    let (name, store) = (&route.name, ports.store());
    let queue = async {
        let first = store.list(&Held::prefix(name), None, 1).await?;
        let oldest = first.keys.first().and_then(|key| Copy::of(key));
        let count = progress::count(store, name).await?;
        Ok((oldest.map(|copy| copy.id.at()), count))
    };
    let (state, queue, figures, progress, drill) = join5(
        reading(ports, deadline, route_state::read_now(ports, name)),
        reading(ports, deadline, queue),
        reading(ports, deadline, figures::read(store, name)),
        reading(ports, deadline, progress::read(store, name)),
        reading(ports, deadline, schedule::latest(store, name)),
    )
    .await;
    Seen {
        route,
        state,
        queue,
        figures,
        progress,
        drill,
    }
}

async fn reading<P: Ports, T>(
    ports: &P,
    deadline: Timestamp,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Option<T> {
    let left = deadline.since(ports.now()).max(Duration::from_millis(1));
    in_time(ports, left, step).await.ok()
}

impl Seen<'_> {
    fn is_whole(&self) -> bool {
        self.state.is_some()
            && self.queue.is_some()
            && self.figures.is_some()
            && self.progress.is_some()
            && self.drill.is_some()
    }

    fn tell(&self, page: &mut Families, now: Timestamp) {
        let route = [("route", self.route.name.as_str())];
        if let Some(state) = &self.state {
            decision(page, &known(self.route, state, now));
            for primary in &self.route.primaries {
                health(
                    page,
                    route[0],
                    &primary.text,
                    &state.health(&primary.text),
                    now,
                );
            }
        }
        if let Some((oldest, count)) = &self.queue {
            queue(page, &route, *oldest, *count, now);
        }
        if let Some(figures) = &self.figures {
            counters(page, &route, figures);
        }
        let rate = page.gauge(
            "holdfast_release_rate",
            "Messages released a second, over the release that is under way; absent where none is.",
        );
        let latest = self.progress.iter().flatten();
        for under_way in latest.filter(|one| one.goes_on(now)) {
            rate.add(&route, under_way.per_second);
        }
        if let Some((at, passed)) = self.drill.and_then(|one| Some((one.at?, one.passed))) {
            drill(page, &route, now.since(at), passed);
        }
    }
}

fn decision(page: &mut Families, health: &RouteHealth) {
    let route = ("route", health.route.as_str());
    let delivers = health.decision == DecisionWord::Deliver;
    page.gauge(
        "holdfast_up",
        "Whether a message that came now would be given to the primary.",
    )
    .add(&[route], u8::from(delivers));
    let word = if delivers { "deliver" } else { "hold" };
    let reason = health.hold.as_ref().map_or("", |hold| hold.reason.as_str());
    page.gauge(
        "holdfast_decision",
        "What a message that came now would meet, and why it would be held.",
    )
    .add(&[route, ("decision", word), ("reason", reason)], 1);
    let order = page.gauge(
        "holdfast_override_active",
        "Whether an operator's order of this mode stands.",
    );
    for (mode, word) in [(Mode::Hold, "hold"), (Mode::Deliver, "deliver")] {
        let stands = health.order.as_ref().is_some_and(|one| one.mode == mode);
        order.add(&[route, ("mode", word)], u8::from(stands));
    }
}

fn health(
    page: &mut Families,
    route: (&str, &str),
    primary: &str,
    health: &Health,
    now: Timestamp,
) {
    let primary = ("primary", primary);
    let states = page.gauge(
        "holdfast_primary_health",
        "The judgement on a primary: 1 for the state it is in.",
    );
    for (state, word) in [
        (HealthState::Up, "up"),
        (HealthState::Down, "down"),
        (HealthState::Recovering, "recovering"),
    ] {
        let labels = [route, primary, ("state", word)];
        states.add(&labels, u8::from(health.state == state));
    }
    let since = page.gauge(
        "holdfast_primary_state_seconds",
        "Time since the judgement on a primary changed; absent where it never did.",
    );
    if let Some(at) = health.since {
        since.add(&[route, primary], now.since(at).as_secs_f64());
    }
    let canary = page.gauge(
        "holdfast_canary_age_seconds",
        "Time since the canary that is under way was tried; absent where none is.",
    );
    if let Some(age) = health.canary_age(now) {
        canary.add(&[route, primary], age.as_secs_f64());
    }
}

fn queue(
    page: &mut Families,
    route: &[(&str, &str)],
    oldest: Option<Timestamp>,
    count: Count,
    now: Timestamp,
) {
    page.gauge("holdfast_queue_messages", "Messages that are held.")
        .add(route, count.messages as f64);
    page.gauge(
        "holdfast_queue_messages_or_more",
        "Whether there may be more: counting was given up there.",
    )
    .add(route, u8::from(count.or_more));
    let age = oldest.map_or(0.0, |at| now.since(at).as_secs_f64());
    page.gauge(
        "holdfast_queue_oldest_seconds",
        "Time since the oldest held message came in; 0 where nothing is held.",
    )
    .add(route, age);
}

fn drill(page: &mut Families, route: &[(&str, &str)], age: Duration, passed: bool) {
    page.gauge(
        "holdfast_drill_age_seconds",
        "Time since the latest drill ended; absent before the first.",
    )
    .add(route, age.as_secs_f64());
    page.gauge("holdfast_drill_passed", "Whether it passed.")
        .add(route, u8::from(passed));
}

fn counters(page: &mut Families, route: &[(&str, &str)], figures: &Figures) {
    let Figures {
        released,
        rejected,
        returned,
        dropped,
        uncertain,
    } = *figures;
    for (name, help, count) in [
        (
            "holdfast_released_total",
            "Held messages that the primary took later.",
            released,
        ),
        (
            "holdfast_rejected_total",
            "Held messages that the primary refused for good.",
            rejected,
        ),
        (
            "holdfast_returned_total",
            "Held messages that were given up: returned, or dead letters.",
            returned,
        ),
        (
            "holdfast_dropped_total",
            "Held messages that a person ended.",
            dropped,
        ),
        (
            "holdfast_uncertain_total",
            "Of all these, those that somebody may have twice: a reply was lost.",
            uncertain,
        ),
    ] {
        page.counter(name, help).add(route, count as f64);
    }
}

#[cfg(test)]
pub(crate) mod tests;
