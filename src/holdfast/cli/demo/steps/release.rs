//! What was held goes home: probes, one message as the canary, then the rest in order.

use anyhow::{Context, Result, ensure};
use holdfast_core::custody::store::Store;
use holdfast_core::limits;
use serde_json::{Value, json};

use super::{decision, state, until, word};
use crate::cli::demo::handed::Handed;
use crate::cli::demo::observation::Told;
use crate::cli::demo::scene::Scene;
use crate::demo_primary::{Received, Visits};

/// Time passes in ticks: probes, then the oldest held message as the canary, then health is up.
pub async fn recovered(
    scene: &Scene,
    told: &mut Told,
    held: &[Handed],
    before: usize,
) -> Result<()> {
    told.step("Time passes after the window (POST /v1/tick)");
    let (mut probes, mut canary) = (0, Value::Null);
    let ticks = until(scene, "up", async |scene| {
        let ticked = scene.api.tick().await?;
        let made = ticked.get("probes").and_then(Value::as_array);
        let good = |probe: &&Value| probe.get("good") == Some(&Value::Bool(true));
        probes += made.into_iter().flatten().filter(good).count();
        if let Some(tried) = ticked.get("canary").filter(|tried| !tried.is_null()) {
            canary = tried.clone();
        }
        let health = scene.api.health().await?;
        Ok(Some(health).filter(|health| state(health) == "up"))
    });
    let health = ticks.await?;
    let oldest = held.first().context("nothing was held")?;
    ensure!(
        word(&canary, "id") == oldest.id,
        "the oldest held message was not the canary: {canary}"
    );
    let arrived = scene.arrived_after(before);
    oldest.compare(arrived.first().context("nothing arrived")?)?;
    let words = [
        format!("Good probes: {probes}"),
        format!("The canary, the oldest held message: No. {}", oldest.number),
        "  It was the first to arrive, byte for byte".to_owned(),
        format!("state: {}, decision: {}", state(&health), decision(&health)),
    ];
    let facts = json!({
        "good_probes": probes, "canary": canary, "first_to_arrive": true, "bytes_equal": true,
        "state": state(&health), "decision": health["decision"],
    });
    told.seen("canary", &words, facts);
    Ok(())
}

/// All of it has arrived in order, one at a time and unchanged, and has left the queue.
pub async fn released(
    scene: &Scene,
    told: &mut Told,
    held: &[Handed],
    visits: Visits,
    before: usize,
) -> Result<()> {
    told.step("The held messages are looked for");
    let empty = until(scene, "empty", async |scene| {
        scene.api.tick().await?;
        let page = scene
            .bucket()?
            .list("queue/", None, limits::LIST_PAGE)
            .await?;
        Ok(page.keys.is_empty().then_some(()))
    });
    empty.await?;
    let queue = scene.api.queue().await?;
    ensure!(
        queue.is_empty(),
        "GET /v1/queue still has {} messages",
        queue.len()
    );
    let arrived = scene.arrived_after(before);
    let order = order(held, &arrived);
    ensure!(
        order
            .iter()
            .copied()
            .eq(held.iter().map(|handed| Some(handed.number))),
        "they arrived in another order: {order:?}"
    );
    let overlapped = scene.inbox.visits().overlapped - visits.overlapped;
    ensure!(
        overlapped == 0,
        "{overlapped} came while another was under way"
    );
    for (handed, received) in held.iter().zip(&arrived) {
        handed.compare(received)?;
        let life = scene.api.life(&handed.id).await?;
        let outcome = word(&life, "outcome");
        ensure!(
            outcome == "delivered",
            "GET /v1/messages/{}: {life}",
            handed.id
        );
    }
    let bytes: usize = held.iter().map(|handed| handed.bytes.len()).sum();
    let numbers: Vec<_> = held.iter().map(|h| format!("No. {}", h.number)).collect();
    let words = [
        format!("They arrived oldest first: {}", numbers.join(", ")),
        "  One after the other: this route has max_concurrency = 1. The default is up to 16 at once."
            .to_owned(),
        format!("All {bytes} bytes compared: each message as it was handed in, one line on top"),
        "The queue is empty, in the bucket and in GET /v1/queue".to_owned(),
        "GET /v1/messages/{id} says of each: delivered".to_owned(),
    ];
    let facts = json!({
        "numbers": order, "ids": held.iter().map(|h| &h.id).collect::<Vec<_>>(),
        "overlapped": overlapped, "bytes": bytes, "bytes_equal": true,
        "left_in_bucket": 0, "left_in_queue": queue.len(), "outcome": "delivered",
    });
    told.seen("released", &words, facts);
    Ok(())
}

/// The numbers of what arrived; none = nothing that was held.
fn order(held: &[Handed], arrived: &[Received]) -> Vec<Option<usize>> {
    let number = |received| {
        let handed = held.iter().find(|handed| handed.is(received));
        handed.map(|handed| handed.number)
    };
    arrived.iter().map(number).collect()
}
