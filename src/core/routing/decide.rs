//! The decision on one message and one route: deliver, or hold, and why.
//!
//! A pure function of what is configured, what is known and what time it is. It never sees the
//! message: one sender cannot talk it into anything about the mail of others.

use serde::{Deserialize, Serialize};

use super::health::HealthState;
use super::route::Route;
use super::state::{Mode, RouteState};
use super::window::WindowRelease;
use crate::time::Timestamp;

/// What to do with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Give it to the first of these addresses that takes it (indexes into the route's list).
    Deliver(Vec<usize>),
    /// The address is recovering and this message may be the canary; whoever cannot claim that holds.
    Canary(usize),
    /// Keep it.
    Hold(Hold),
}

/// Why a message is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Hold {
    /// The word of the API.
    pub reason: HoldReason,
    /// The evidence, or the operator's words.
    pub detail: String,
    /// When it will be over, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

/// The word for why a message is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HoldReason {
    /// The primary is known to be down.
    Down,
    /// A maintenance window is open.
    Window,
    /// An operator ordered it.
    Override,
    /// The primary was tried for this message and failed.
    Failed,
    /// The primary asked for it to be tried later.
    Deferred,
    /// It was sent, and the reply was lost.
    Uncertain,
    /// Holdfast made it itself, to tell a sender that its message comes back.
    Returned,
    /// A user wrote it in the webmail.
    Sent,
    /// It was delivered; this is the copy for the mailboxes.
    Kept,
}

impl HoldReason {
    /// The word itself.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Window => "window",
            Self::Override => "override",
            Self::Failed => "failed",
            Self::Deferred => "deferred",
            Self::Uncertain => "uncertain",
            Self::Returned => "returned",
            Self::Sent => "sent",
            Self::Kept => "kept",
        }
    }

    /// The word read back.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Down,
            Self::Window,
            Self::Override,
            Self::Failed,
            Self::Deferred,
            Self::Uncertain,
            Self::Returned,
            Self::Sent,
            Self::Kept,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == word)
    }
}

/// Decides: an operator's order first, then a window, then the health of each address in order of
/// preference.
pub fn decide(route: &Route, state: &RouteState, now: Timestamp) -> Decision {
    match state.order_at(now) {
        Some(order) if order.mode == Mode::Hold => Decision::Hold(Hold {
            reason: HoldReason::Override,
            detail: format!("{} ordered it: {}", order.by, order.reason),
            until: order.expires,
        }),
        Some(order) if order.mode == Mode::Deliver => {
            Decision::Deliver((0..route.primaries.len()).collect())
        }
        _ => by_window(state, now).map_or_else(|| by_health(route, state, now), Decision::Hold),
    }
}

fn by_window(state: &RouteState, now: Timestamp) -> Option<Hold> {
    let (open, until) = state.windows.open_at(now)?;
    let after = match open.release {
        WindowRelease::Automatic => "",
        WindowRelease::Manual => "; a person releases it afterwards",
    };
    Some(Hold {
        reason: HoldReason::Window,
        detail: format!("{} planned a window: {}{after}", open.by, open.reason),
        until: Some(until),
    })
}

fn by_health(route: &Route, state: &RouteState, now: Timestamp) -> Decision {
    let healths: Vec<_> = route
        .primaries
        .iter()
        .map(|primary| state.health(&primary.text))
        .collect();
    let up: Vec<usize> = (0..healths.len())
        .filter(|i| healths[*i].state == HealthState::Up)
        .collect();
    if !up.is_empty() {
        return Decision::Deliver(up);
    }
    if let Some(index) = healths.iter().position(|health| health.canary_due(now)) {
        return Decision::Canary(index);
    }
    // The preferred address speaks for the route.
    let preferred = healths.first().cloned().unwrap_or_default();
    let word = match preferred.state {
        HealthState::Recovering => "it is recovering and another message is tried first",
        _ => "it is down",
    };
    let since = preferred
        .since
        .map(|since| format!(" since {since}"))
        .unwrap_or_default();
    let evidence = match preferred.newest() {
        "" => String::new(),
        what => format!(": {what}"),
    };
    Decision::Hold(Hold {
        reason: HoldReason::Down,
        detail: format!("{word}{since}{evidence}"),
        until: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::mail::MessageId;
    use crate::routing::health::{Event, Health, Thresholds};
    use crate::routing::state::Override;
    use crate::routing::window::Planned;

    fn route() -> Route {
        let text = "[[route]]\nname='hq'\ndomains=['x.org']\nprimary=['smtp://192.0.2.1:25','smtp://192.0.2.2:25']\ntls='off'";
        Config::parse(text, "").unwrap().routes.remove(0)
    }

    fn state(first: HealthState, second: HealthState) -> RouteState {
        let health = |state| Health {
            state,
            ..Health::default()
        };
        let mut known = RouteState::default();
        known
            .primaries
            .insert("smtp://192.0.2.1:25".into(), health(first));
        known
            .primaries
            .insert("smtp://192.0.2.2:25".into(), health(second));
        known
    }

    fn order(mode: Mode, expires: Option<i64>) -> Option<Override> {
        let (by, reason) = ("ann".to_owned(), "drill".to_owned());
        let expires = expires.map(Timestamp::from_millis);
        Some(Override {
            mode,
            reason,
            by,
            at: Timestamp::default(),
            expires,
        })
    }

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    #[test]
    fn what_is_up_is_used_in_order_of_preference() {
        use HealthState::{Down, Recovering, Up};
        let decided = |a, b| decide(&route(), &state(a, b), NOW);
        assert_eq!(
            decide(&route(), &RouteState::default(), NOW),
            Decision::Deliver(vec![0, 1])
        );
        assert_eq!(decided(Down, Up), Decision::Deliver(vec![1]));
        assert_eq!(decided(Recovering, Up), Decision::Deliver(vec![1]));
        assert_eq!(decided(Down, Recovering), Decision::Canary(1));
        assert!(matches!(
            decided(Down, Down),
            Decision::Hold(Hold {
                reason: HoldReason::Down,
                ..
            })
        ));
    }

    #[test]
    fn an_order_stands_above_the_health_until_it_expires() {
        let mut known = state(HealthState::Down, HealthState::Down);
        known.order = order(Mode::Deliver, None);
        assert_eq!(decide(&route(), &known, NOW), Decision::Deliver(vec![0, 1]));
        known = RouteState {
            order: order(Mode::Hold, Some(1_001)),
            ..RouteState::default()
        };
        let Decision::Hold(hold) = decide(&route(), &known, NOW) else {
            panic!("an order to hold holds")
        };
        assert_eq!(
            (hold.reason, hold.until),
            (HoldReason::Override, Some(Timestamp::from_millis(1_001)))
        );
        assert_eq!(
            decide(&route(), &known, Timestamp::from_millis(1_001)),
            Decision::Deliver(vec![0, 1])
        );
    }

    #[test]
    fn a_window_stands_below_an_order_and_above_the_health() {
        let at = Timestamp::from_millis;
        let planned = |start, end| Planned {
            window: MessageId::new(at(1), [1; 10]),
            start: at(start),
            end: at(end),
            release: WindowRelease::Automatic,
            reason: "new disks".into(),
            by: "Olga".into(),
        };
        let mut known = state(HealthState::Up, HealthState::Recovering);
        known.windows.planned = vec![planned(1_000, 2_000), planned(1_500, 3_000)];
        assert_eq!(
            decide(&route(), &known, at(999)),
            Decision::Deliver(vec![0])
        );
        let Decision::Hold(hold) = decide(&route(), &known, NOW) else {
            panic!("a window holds")
        };
        assert_eq!(
            (hold.reason, hold.until, hold.detail.as_str()),
            (
                HoldReason::Window,
                Some(at(3_000)),
                "Olga planned a window: new disks"
            )
        );
        assert!(known.rests(NOW) && !known.rests(at(3_000)));
        assert_eq!(
            decide(&route(), &known, at(3_000)),
            Decision::Deliver(vec![0])
        );
        known.order = order(Mode::Deliver, None);
        assert_eq!(decide(&route(), &known, NOW), Decision::Deliver(vec![0, 1]));
        assert!(!known.rests(NOW), "an order to deliver stands above it");
        known.order = order(Mode::Hold, None);
        assert!(matches!(
            decide(&route(), &known, NOW),
            Decision::Hold(Hold {
                reason: HoldReason::Override,
                ..
            })
        ));
        assert!(known.rests(NOW));
    }

    #[test]
    fn a_state_that_was_written_before_there_were_windows_still_reads() {
        let old: RouteState = serde_json::from_str(r#"{"primaries":{},"override":null}"#).unwrap();
        assert_eq!(old, RouteState::default());
        let new = serde_json::to_string(&RouteState::default()).unwrap();
        assert_eq!(new, r#"{"primaries":{},"override":null}"#);
    }

    #[test]
    fn the_reason_carries_the_evidence() {
        let mut known = RouteState::default();
        for address in ["smtp://192.0.2.1:25", "smtp://192.0.2.2:25"] {
            let health = known.primaries.entry(address.into()).or_default();
            for n in 0..5 {
                let event = Event::Failed {
                    subject: n.to_string(),
                    what: "connection refused".into(),
                };
                health.on(event, &Thresholds::default(), NOW, 0);
            }
        }
        let Decision::Hold(hold) = decide(&route(), &known, NOW) else {
            panic!("all down holds")
        };
        assert_eq!(
            hold.detail,
            "it is down since 1970-01-01T00:00:01.000Z: connection refused"
        );
    }
}
