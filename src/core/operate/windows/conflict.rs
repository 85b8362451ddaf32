//! What a window may not be: impossible, at odds with itself, or at odds with another of its route.
//!
//! Two windows that are released in the same way may overlap: mail is held from the first start to
//! the last end. Where one is released by itself and the other by a person, nobody could say what
//! happens to the mail of both, so the later one is refused.

use super::definition::{Interval, Schedule, Window, WindowOrder};
use super::view::Conflict;
use super::{bad, far, plan};
use crate::problem::{Kind, Problem};
use crate::time::Timestamp;

/// Refuses what could never be, or never again.
pub fn check(order: &WindowOrder, now: Timestamp) -> Result<(), Problem> {
    let schedule = Schedule::read(order).map_err(bad)?;
    if schedule.occurrences(now, far(now)).next().is_none() {
        return Err(bad(match order.rrule {
            Some(_) => "rrule: it has no occurrence in the next 30 years",
            None => "end: it is over already, or its time does not exist on that day",
        }));
    }
    let occurrences: Vec<_> = schedule.occurrences(now, plan::horizon(now)).collect();
    let overlap = occurrences.windows(2).find(|two| two[1].0 < two[0].1);
    match overlap.and_then(|two| two.first().zip(two.get(1))) {
        None => Ok(()),
        Some((one, next)) => Err(bad(format!(
            "rrule: the occurrence of {} is not over when the next begins at {}",
            one.0, next.0
        ))),
    }
}

/// What stands against a window: others that are released otherwise, and its exact twin.
pub fn conflicts(window: &Window, others: &[Window], now: Timestamp) -> Vec<Conflict> {
    let ours = window.occurrences(now, plan::horizon(now));
    let mut conflicts = disagreements(window, &ours, others, now);
    for other in rivals(window, others) {
        let known = conflicts.iter().any(|one| one.window == other.id);
        let theirs = other.occurrences(now, plan::horizon(now));
        if let Some((start, end)) = ours.first().copied().filter(|_| !known && ours == theirs) {
            conflicts.push(Conflict {
                window: other.id,
                start,
                end,
                detail: format!("it is planned already, as {}", other.id),
            });
        }
    }
    conflicts
}

/// Those of the others that are released otherwise and overlap these intervals.
pub fn disagreements(
    window: &Window,
    ours: &[Interval],
    others: &[Window],
    now: Timestamp,
) -> Vec<Conflict> {
    let rivals = rivals(window, others).filter(|one| one.order.release != window.order.release);
    rivals
        .filter_map(|other| {
            let theirs = other.occurrences(now, plan::horizon(now));
            let (start, end) = meet(ours, &theirs)?;
            Some(Conflict {
                window: other.id,
                start,
                end,
                detail: format!(
                    "from {start} to {end} it overlaps {}, which is not released in the same way",
                    other.id
                ),
            })
        })
        .collect()
}

fn rivals<'w>(window: &'w Window, others: &'w [Window]) -> impl Iterator<Item = &'w Window> {
    let same_route = |other: &&Window| other.order.route == window.order.route;
    others
        .iter()
        .filter(|other| other.id != window.id)
        .filter(same_route)
}

/// Refuses a window that something stands against.
pub fn refuse(conflicts: Vec<Conflict>) -> Result<(), Problem> {
    let Some(first) = conflicts.first() else {
        return Ok(());
    };
    let problem = Problem::new(Kind::Conflict, first.detail.clone());
    let all = serde_json::to_value(&conflicts).unwrap_or_default();
    Err(problem.with("conflicts", all))
}

/// The first of ours that meets one of theirs, and how long they share.
fn meet(ours: &[Interval], theirs: &[Interval]) -> Option<Interval> {
    let mut theirs = theirs.iter().peekable();
    for (start, end) in ours {
        while theirs
            .next_if(|(_, their_end)| their_end <= start)
            .is_some()
        {}
        if let Some((their_start, their_end)) = theirs.peek()
            && their_start < end
        {
            return Some((*start.max(their_start), *end.min(their_end)));
        }
    }
    None
}
