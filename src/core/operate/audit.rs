//! The audit log: `audit/DAY/UUIDv7.json`, one object for each thing that a person did.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Operator;
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError};
use crate::limits;
use crate::ports::{Ports, new_id};
use crate::problem::{Kind, Problem};
use crate::time::Timestamp;

/// One entry: who, from where, when, what, why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Audit {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// From which address.
    pub from: String,
    /// What was done: `override`, `retry`, `return`, `drop`.
    pub action: String,
    /// To what: a route, or a message of the queue.
    pub subject: String,
    /// The particulars.
    pub facts: Value,
    /// Why.
    pub reason: String,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditPage {
    /// The day, in UTC.
    pub day: String,
    /// Its entries, oldest first.
    pub entries: Vec<Audit>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Audit {
    /// An entry without particulars.
    pub fn new(
        at: Timestamp,
        operator: &Operator,
        action: &str,
        subject: &str,
        reason: &str,
    ) -> Self {
        Self {
            at,
            by: operator.name.clone(),
            from: operator.from.clone(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            facts: Value::Null,
            reason: reason.to_owned(),
        }
    }

    /// With these particulars.
    pub fn with(self, facts: Value) -> Self {
        Self { facts, ..self }
    }
}

/// Writes an entry. What cannot be written down is not done.
pub async fn write<P: Ports>(ports: &P, entry: &Audit) -> Result<(), StoreError> {
    let key = format!("{}{}.json", prefix(&entry.at.day()), new_id(ports));
    record::write(ports.store(), &key, entry, Condition::Always)
        .await
        .map(drop)
}

/// Reads a page of a day's entries, today's if none is named.
pub async fn read<P: Ports>(
    ports: &P,
    day: Option<&str>,
    after: Option<&str>,
) -> Result<AuditPage, Problem> {
    let day = day.map_or_else(|| ports.now().day(), str::to_owned);
    if Timestamp::parse(&format!("{day}T00:00:00Z")).is_none() {
        let detail = "`day` is a day such as 2026-11-23, in UTC";
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let unavailable = |error: StoreError| {
        let detail = format!("the audit log cannot be read: {error}");
        Problem::new(Kind::Unavailable, detail)
    };
    let prefix = prefix(&day);
    let after = after.map(|after| format!("{prefix}{after}.json"));
    let page = ports
        .store()
        .list(&prefix, after.as_deref(), limits::OPERATOR_PAGE)
        .await
        .map_err(unavailable)?;
    let reads = page
        .keys
        .iter()
        .map(|key| record::read::<Audit>(ports.store(), key));
    let entries: Vec<_> = stream::iter(reads)
        .buffered(limits::OPERATOR_CONCURRENCY)
        .try_collect()
        .await
        .map_err(unavailable)?;
    let last = page.keys.last().filter(|_| page.more);
    let next = last
        .and_then(|key| key.strip_prefix(&prefix)?.strip_suffix(".json"))
        .map(str::to_owned);
    Ok(AuditPage {
        day,
        entries: entries
            .into_iter()
            .flatten()
            .map(|(entry, _)| entry)
            .collect(),
        next,
    })
}

/// The page as CSV (RFC 4180), with a line of names on top.
pub fn csv(page: &AuditPage) -> String {
    let mut text = String::from("at,by,from,action,subject,facts,reason\r\n");
    for entry in &page.entries {
        let facts = match &entry.facts {
            Value::Null => String::new(),
            facts => facts.to_string(),
        };
        let at = entry.at.to_string();
        let Audit {
            by,
            from,
            action,
            subject,
            reason,
            ..
        } = entry;
        let fields = [&at, by, from, action, subject, &facts, reason].map(|field| quoted(field));
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    }
    text
}

/// Always quoted; a first character that a spreadsheet would take for a formula gets an apostrophe.
fn quoted(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

fn prefix(day: &str) -> String {
    format!("audit/{day}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_is_read_back_by_anything_and_runs_nowhere() {
        let operator = Operator {
            name: "Olga \"O\" Orlova".into(),
            named: true,
            from: "192.0.2.1:4711".into(),
        };
        let at = Timestamp::from_millis(1_795_392_000_000);
        let entry = Audit::new(
            at,
            &operator,
            "drop",
            "hq/1",
            "=cmd()\nsecond line, with comma",
        );
        let page = AuditPage {
            day: at.day(),
            entries: vec![entry],
            next: None,
        };
        assert_eq!(
            csv(&page),
            "at,by,from,action,subject,facts,reason\r\n\
             \"2026-11-23T00:00:00.000Z\",\"Olga \"\"O\"\" Orlova\",\"192.0.2.1:4711\",\"drop\",\"hq/1\",\"\",\
             \"'=cmd()\nsecond line, with comma\"\r\n"
        );
    }
}
