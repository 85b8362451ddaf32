//! The queries of operators as they are read.

use holdfast_core::operate::queue::{Action, Query, QueuedState};
use holdfast_core::problem::{Kind, Problem};
use holdfast_core::submit::request::query_pairs;
use holdfast_edge::operators::{bad, unknown};
use serde::de::value::{Error, StrDeserializer};

/// What is to be done with a message.
pub fn action(word: &str) -> Result<Action, Problem> {
    Action::parse(word).ok_or_else(|| {
        let detail = "one can `retry`, `return` or `drop` a message of the queue";
        Problem::new(Kind::NotFound, detail)
    })
}

/// The query of `GET /v1/queue`.
pub fn queue_query(query: &str) -> Result<Query, Problem> {
    let mut read = Query::default();
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "route" => read.route = Some(value.into_owned()),
            "after" => read.after = Some(value.into_owned()),
            "limit" => {
                let limit = value.parse().ok().filter(|limit| *limit > 0);
                read.limit = Some(limit.ok_or_else(|| bad("`limit` is a number from 1 to 100"))?);
            }
            "state" => read.state = Some(state(&value)?),
            other => return Err(unknown(other, "route, state, after and limit")),
        }
    }
    Ok(read)
}

fn state(word: &str) -> Result<QueuedState, Problem> {
    let word = StrDeserializer::<Error>::new(word);
    serde::Deserialize::deserialize(word)
        .map_err(|_| bad("`state` is held, deferred, releasing, uncertain or damaged"))
}

/// The query of `GET /v1/audit`.
#[derive(Default)]
pub struct AuditQuery {
    pub day: Option<String>,
    pub after: Option<String>,
    pub csv: bool,
}

/// Reads it.
pub fn audit_query(query: &str) -> Result<AuditQuery, Problem> {
    let mut read = AuditQuery::default();
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match (name, &*value) {
            ("day", _) => read.day = Some(value.into_owned()),
            ("after", _) => read.after = Some(value.into_owned()),
            ("format", "csv") => read.csv = true,
            ("format", "json") => read.csv = false,
            ("format", _) => return Err(bad("`format` is json or csv")),
            (other, _) => return Err(unknown(other, "day, after and format")),
        }
    }
    Ok(read)
}

/// The query of `GET /v1/drills`.
#[derive(Default)]
pub struct DrillQuery {
    pub route: Option<String>,
    pub after: Option<String>,
}

/// Reads it.
pub fn drill_query(query: &str) -> Result<DrillQuery, Problem> {
    let mut read = DrillQuery::default();
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "route" => read.route = Some(value.into_owned()),
            "after" => read.after = Some(value.into_owned()),
            other => return Err(unknown(other, "route and after")),
        }
    }
    Ok(read)
}
