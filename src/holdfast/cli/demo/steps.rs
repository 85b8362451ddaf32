//! The steps, each observed, and what they have in common.

pub mod outage;
pub mod passing;
pub mod release;
pub mod window;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::timeout;

use super::DEADLINE;
use super::handed::Handed;
use super::message::Kind;
use super::scene::Scene;

/// Hands in the next message. Fails unless it is answered so.
async fn hand_in(scene: &mut Scene, kind: Kind, expected: u16) -> Result<Handed> {
    scene.submitted += 1;
    let number = scene.submitted;
    let bytes = kind.message(number);
    let (status, answer) = scene.api.submit(kind.sender(), bytes.clone()).await?;
    ensure!(
        status == expected,
        "POST /v1/messages was answered with {status}, not {expected}: {answer}"
    );
    Ok(Handed {
        number,
        kind,
        id: word(&answer, "id").to_owned(),
        bytes,
        answer,
    })
}

/// Asks again and again until it is so, or the deadline passed.
async fn until<T>(
    scene: &Scene,
    what: &str,
    mut ask: impl AsyncFnMut(&Scene) -> Result<Option<T>>,
) -> Result<T> {
    let asking = async {
        loop {
            if let Some(seen) = ask(scene).await? {
                return Ok(seen);
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    let seen = timeout(DEADLINE, asking).await;
    seen.with_context(|| format!("it was not {what} within {} s", DEADLINE.as_secs()))?
}

/// The state of the mail system, as a health says it.
fn state(health: &Value) -> &str {
    let state = health.pointer("/primaries/0/health/state");
    state.and_then(Value::as_str).unwrap_or("unknown")
}

/// What would become of a message now, and why, as a health says it.
fn decision(health: &Value) -> String {
    let why = health.pointer("/hold/reason").and_then(Value::as_str);
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{}{why}", word(health, "decision"))
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

const AGAIN: Duration = Duration::from_millis(100);
