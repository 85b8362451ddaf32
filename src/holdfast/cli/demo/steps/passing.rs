//! While all is well: a message goes through, and nothing is missing or double.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{hand_in, word};
use crate::cli::demo::handed::Handed;
use crate::cli::demo::message::Kind;
use crate::cli::demo::observation::Told;
use crate::cli::demo::scene::Scene;

/// 200, and it is in the primary's inbox.
pub async fn delivered(scene: &mut Scene, told: &mut Told, title: &str) -> Result<()> {
    told.step(title);
    let before = scene.inbox.messages().len();
    let handed = hand_in(scene, Kind::Text, 200).await?;
    let arrived = scene.arrived_after(before);
    ensure!(
        arrived.len() == 1,
        "{} messages arrived, not one",
        arrived.len()
    );
    let received = arrived.first().context("nothing arrived")?;
    let line = handed.compare(received)?;
    let words = [
        format!(
            "{}: 200 {}",
            handed.words(),
            word(&handed.answer, "outcome")
        ),
        "The mail system has it, byte for byte, with one line on top:".to_owned(),
        format!("  {line}"),
    ];
    let facts = json!({
        "message": handed.facts(), "bytes_equal": true, "inbox": scene.inbox.count(),
    });
    told.seen("delivered", &words, facts);
    Ok(())
}

/// In short: as many arrived as were handed in.
pub fn all_is_there(scene: &Scene, told: &mut Told, held: &[Handed]) -> Result<()> {
    told.step("In short");
    let (handed_in, arrived) = (scene.submitted, scene.inbox.count());
    ensure!(
        arrived == handed_in as u64,
        "{handed_in} messages were handed in, and {arrived} arrived"
    );
    let at_once = handed_in - held.len();
    let words = [
        format!(
            "{handed_in} messages handed in: {at_once} delivered at once, {} held and released",
            held.len()
        ),
        format!("{arrived} arrived: none lost, none doubled, none changed"),
    ];
    let facts = json!({
        "handed_in": handed_in, "delivered_at_once": at_once, "held": held.len(),
        "arrived": arrived,
    });
    told.seen("all_there", &words, facts);
    Ok(())
}
