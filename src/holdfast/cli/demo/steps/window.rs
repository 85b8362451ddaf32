//! A maintenance window: the mail system is back, and is left alone until a person says so.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{decision, hand_in, word};
use crate::cli::demo::DEADLINE;
use crate::cli::demo::handed::Handed;
use crate::cli::demo::message::Kind;
use crate::cli::demo::observation::Told;
use crate::cli::demo::scene::Scene;
use crate::demo_primary::Visits;

/// A window that is open.
pub struct Window {
    id: String,
    /// When it was to end.
    end: String,
}

/// It is planned, and open at once.
pub async fn opened(scene: &Scene, told: &mut Told) -> Result<Window> {
    told.step("A maintenance window is opened for the repair (POST /v1/windows)");
    let planned = scene.api.open_window("new disks").await?;
    ensure!(planned["open"] == true, "it is not open: {planned}");
    let end = planned.pointer("/next/0/end").and_then(Value::as_str);
    let window = Window {
        id: word(&planned, "id").to_owned(),
        end: end.context("it has no end")?.to_owned(),
    };
    tokio::time::sleep(KNOWN).await;
    let words = [
        format!("It is open, until {}", window.end),
        "Every instance knows of it as soon as the route's health_max_age (here 100 ms) is over"
            .to_owned(),
    ];
    let facts = json!({ "id": window.id, "open": true, "until": window.end });
    told.seen("window", &words, facts);
    Ok(window)
}

/// The mail system answers again; what was done at it so far.
pub async fn primary_back(scene: &mut Scene, told: &mut Told) -> Result<Visits> {
    told.step("The mail system is started again, within the window");
    scene.start_primary().await?;
    let greeting = timeout(DEADLINE, greeting(scene)).await;
    let greeting = greeting
        .context("it says nothing")?
        .context("it does not greet")?;
    ensure!(greeting.starts_with("220 "), "it greets with {greeting:?}");
    let greeting = greeting.trim();
    let words = format!("{}: {greeting}", scene.primary_address());
    told.seen("primary_back", &[words], json!({ "greeting": greeting }));
    Ok(scene.inbox.visits())
}

async fn greeting(scene: &Scene) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(scene.primary_address()).await?;
    let mut buffer = [0; 512];
    let read = stream.read(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

/// Mail is held because of it, and its senders are told until when.
pub async fn held(scene: &mut Scene, told: &mut Told, window: &Window) -> Result<Vec<Handed>> {
    told.step("Messages are handed in during the window");
    let mut all = Vec::new();
    for kind in [Kind::Text, Kind::Automatic] {
        let handed = hand_in(scene, kind, 202).await?;
        let answer = &handed.answer;
        ensure!(
            word(answer, "reason") == "window" && word(answer, "until") == window.end,
            "it is not held for the window until {}: {answer}",
            window.end
        );
        let words = [
            format!("{}: 202 {}", handed.words(), word(answer, "outcome")),
            format!("  window, until {}: {}", window.end, word(answer, "detail")),
        ];
        told.seen("held_in_window", &words, handed.facts());
        all.push(handed);
    }
    Ok(all)
}

/// Neither mail nor a tick goes to the mail system, although it would answer.
pub async fn left_alone(
    scene: &Scene,
    told: &mut Told,
    before: Visits,
    held: &[Handed],
) -> Result<()> {
    told.step("Time passes within the window (POST /v1/tick, as cron would)");
    let ticked = scene.api.tick().await?;
    ensure!(
        ticked["probes"] == json!([]) && ticked["canary"].is_null(),
        "the mail system was probed: {ticked}"
    );
    let health = scene.api.health().await?;
    ensure!(
        decision(&health) == "hold (window)",
        "it is not the window that holds: {health}"
    );
    let queue = scene.api.queue().await?;
    let queued: Vec<&str> = queue.iter().map(|queued| word(queued, "id")).collect();
    ensure!(
        held.iter().map(|handed| &handed.id).eq(&queued),
        "the queue is not what was held, oldest first: {queued:?}"
    );
    let now = scene.inbox.visits();
    ensure!(
        now.begun == before.begun,
        "mail was handed to the mail system"
    );
    let connections = now.connections - before.connections;
    let words = [
        format!("Connections to the mail system since it is back: {connections}"),
        format!("decision: {}; no probe was made", decision(&health)),
        format!(
            "GET /v1/queue has all {} held messages, oldest first",
            queue.len()
        ),
    ];
    let facts = json!({
        "connections": connections, "messages_begun": 0, "probes": 0,
        "decision": health["decision"], "reason": "window", "queued": queue.len(),
    });
    told.seen("left_alone", &words, facts);
    Ok(())
}

/// A person ends it before its time.
pub async fn ended(scene: &Scene, told: &mut Told, window: &Window) -> Result<()> {
    told.step("The repair is done sooner: the window is ended (POST /v1/windows/{id}/end)");
    let ended = scene.api.end_window(&window.id, "the disks are in").await?;
    ensure!(ended["open"] == false, "it is still open: {ended}");
    let health = scene.api.health().await?;
    ensure!(
        decision(&health) != "hold (window)",
        "it still holds: {health}"
    );
    let words = format!(
        "It is over. The mail system was last seen down, so decision: {}",
        decision(&health)
    );
    let facts = json!({ "open": false, "decision": health["decision"] });
    told.seen("window_ended", &[words], facts);
    Ok(())
}

/// Longer than the scene's `health_max_age`: until then an instance may go by what it read before.
const KNOWN: Duration = Duration::from_millis(200);
