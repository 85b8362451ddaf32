//! The mail system is killed; mail is held and lies in the bucket.

use anyhow::{Context, Result, bail, ensure};
use holdfast_core::custody::held::Held;
use holdfast_core::custody::store::Store;
use holdfast_core::limits;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{decision, hand_in, state, until, word};
use crate::cli::demo::handed::Handed;
use crate::cli::demo::message::{Kind, TO};
use crate::cli::demo::observation::Told;
use crate::cli::demo::scene::Scene;
use crate::cli::stage::ROUTE;

/// Its port refuses.
pub async fn primary_killed(scene: &mut Scene, told: &mut Told) -> Result<()> {
    told.step("The mail system is killed");
    scene.kill_primary().await;
    let Err(error) = TcpStream::connect(scene.primary_address()).await else {
        bail!("somebody still answers on {}", scene.primary_address());
    };
    let words = format!("{}: {error}", scene.primary_address());
    let facts = json!({ "connect": error.to_string() });
    told.seen("primary_killed", &[words], facts);
    Ok(())
}

/// Messages meet it: 202 in the same request, with the reason.
pub async fn held(scene: &mut Scene, told: &mut Told) -> Result<Vec<Handed>> {
    told.step("Messages are handed in all the same");
    let mut all = Vec::new();
    for kind in [Kind::Text, Kind::BareLf, Kind::Binary, Kind::Large] {
        let handed = hand_in(scene, kind, 202).await?;
        let answer = &handed.answer;
        let (reason, detail) = (word(answer, "reason"), word(answer, "detail"));
        ensure!(
            ["failed", "down"].contains(&reason),
            "the reason is neither that it failed nor that it is down: {answer}"
        );
        let words = [
            format!("{}: 202 {}", handed.words(), word(answer, "outcome")),
            format!("  {reason}: {detail}"),
        ];
        told.seen("held", &words, handed.facts());
        all.push(handed);
    }
    Ok(all)
}

/// Holdfast has understood: mail is held without trying.
pub async fn known_to_be_down(scene: &Scene, told: &mut Told) -> Result<()> {
    told.step("Holdfast is asked what it thinks (GET /v1/health)");
    let health = until(scene, "down", async |scene| {
        let health = scene.api.health().await?;
        Ok(Some(health).filter(|health| state(health) == "down"))
    });
    let health = health.await?;
    let evidence = health.pointer("/primaries/0/health/evidence/0/what");
    let evidence = evidence.and_then(Value::as_str).unwrap_or_default();
    let words = [
        format!("state: {}, decision: {}", state(&health), decision(&health)),
        format!("The evidence: {evidence}"),
    ];
    let facts = json!({
        "state": state(&health), "decision": health["decision"], "evidence": evidence,
    });
    told.seen("down", &words, facts);
    Ok(())
}

/// The bucket is listed and each object read, as any S3 client can.
pub async fn in_the_bucket(scene: &Scene, told: &mut Told, held: &[Handed]) -> Result<()> {
    told.step("The bucket is listed and read, with S3 alone");
    let bucket = scene.bucket()?;
    let page = bucket.list("queue/", None, limits::LIST_PAGE).await?;
    let key = |handed: &Handed| format!("queue/{ROUTE}/{}.eml", handed.id);
    let keys: Vec<_> = held.iter().map(key).collect();
    ensure!(page.keys == keys, "it has {:?}", page.keys);
    let (mut words, mut facts) = (Vec::new(), Vec::new());
    for (handed, key) in held.iter().zip(keys) {
        let object = bucket.get(&key, OBJECT_BYTES).await?;
        let object = object.with_context(|| format!("{key} is not there"))?;
        let (read, bytes) = Held::read(&key, &object.bytes)?;
        ensure!(bytes == handed.bytes, "{key}: other bytes than handed in");
        let recipients = read.envelope.recipients.iter().map(|to| to.as_str());
        ensure!(recipients.eq([TO]), "{key}: it is for others");
        let (ours, _) = object.bytes.split_at(object.bytes.len() - bytes.len());
        let ours = String::from_utf8_lossy(ours).into_owned();
        let ours: Vec<&str> = ours.lines().collect();
        let number = handed.number;
        if words.is_empty() {
            words.push(key.clone());
            words.extend(ours.iter().map(|line| format!("  {line}")));
            words.push(format!("  and then No. {number}, byte for byte"));
        } else {
            words.push(format!("{key}: No. {number}, byte for byte"));
        }
        facts.push(json!({
            "number": number, "key": key, "lines": ours, "bytes": bytes.len(),
            "bytes_equal": true,
        }));
    }
    told.seen("stored", &words, json!({ "objects": facts }));
    Ok(())
}

const OBJECT_BYTES: usize = 4 << 20;
