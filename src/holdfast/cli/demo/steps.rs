//! The steps, each observed.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use holdfast_core::custody::held::Held;
use holdfast_core::custody::store::Store;
use holdfast_core::limits;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;
use super::message::{TO, message};
use super::observation::Told;
use super::scene::Scene;
use crate::cli::stage::ROUTE;
use crate::demo_primary::Received;

/// A held message, as it was submitted and answered.
pub struct Submitted {
    id: String,
    bytes: Bytes,
}

/// A message goes through: 200, and it is in the primary's inbox.
pub async fn delivered(scene: &mut Scene, told: &mut Told, title: &str) -> Result<()> {
    told.step(title);
    let before = scene.inbox.count();
    let (status, answer, submitted) = submit(scene).await?;
    expect("POST /v1/messages", status, 200, &answer)?;
    ensure!(
        scene.inbox.count() == before + 1,
        "the mail system has not got it"
    );
    let received = scene.newest().context("the inbox is empty")?;
    let line = trace_line(&received, &submitted.bytes)?;
    let words = [
        format!("200 {}: {}", word(&answer, "outcome"), submitted.id),
        format!(
            "The mail system has it: {} bytes, byte for byte, and one line on top: {line}",
            submitted.bytes.len()
        ),
    ];
    let facts = json!({
        "status": status, "id": submitted.id, "outcome": answer["outcome"],
        "bytes": submitted.bytes.len(), "bytes_equal": true, "inbox": scene.inbox.count(),
    });
    told.seen("delivered", &words, facts);
    Ok(())
}

/// The mail system is killed; its port refuses.
pub async fn primary_killed(scene: &mut Scene, told: &mut Told) -> Result<()> {
    told.step("The mail system is killed");
    scene.kill_primary().await;
    let Err(error) = TcpStream::connect(scene.primary_address()).await else {
        bail!("somebody still answers on {}", scene.primary_address());
    };
    let words = format!("{}: {error}", scene.primary_address());
    told.seen(
        "primary_killed",
        &[words],
        json!({ "connect": error.to_string() }),
    );
    Ok(())
}

/// A message meets it: 202 in the same request, with the reason.
pub async fn held(scene: &mut Scene, told: &mut Told) -> Result<Submitted> {
    told.step("A message is handed in all the same");
    let (status, answer, submitted) = submit(scene).await?;
    expect("POST /v1/messages", status, 202, &answer)?;
    let (reason, detail) = (word(&answer, "reason"), word(&answer, "detail"));
    ensure!(!reason.is_empty(), "the answer gives no reason: {answer}");
    let words = [
        format!("202 {}: {}", word(&answer, "outcome"), submitted.id),
        format!("The reason: {reason}: {detail}"),
    ];
    let facts = json!({
        "status": status, "id": submitted.id, "outcome": answer["outcome"],
        "reason": reason, "detail": detail,
    });
    told.seen("held", &words, facts);
    Ok(submitted)
}

/// Holdfast has understood: the next message would be held without trying.
pub async fn known_to_be_down(scene: &mut Scene, told: &mut Told) -> Result<()> {
    told.step("Holdfast is asked what it thinks (GET /v1/health)");
    let health = until(scene, "down", async |scene| {
        let health = scene.health().await?;
        Ok(Some(health).filter(|health| state(health) == "down"))
    });
    let health = health.await?;
    let evidence = health.pointer("/primaries/0/health/evidence/0/what");
    let evidence = evidence.and_then(Value::as_str).unwrap_or_default();
    let words = [
        format!(
            "state: {}, decision: {}",
            state(&health),
            word(&health, "decision")
        ),
        format!("The evidence: {evidence}"),
    ];
    let facts = json!({
        "state": state(&health), "decision": health["decision"], "evidence": evidence,
    });
    told.seen("down", &words, facts);
    Ok(())
}

/// The bucket is listed and the object read, as any S3 client can.
pub async fn in_the_bucket(scene: &Scene, told: &mut Told, held: &Submitted) -> Result<()> {
    told.step("The bucket is listed and read, with S3 alone");
    let bucket = scene.bucket()?;
    let page = bucket.list("queue/", None, limits::LIST_PAGE).await?;
    let expected = format!("queue/{ROUTE}/{}.eml", held.id);
    ensure!(page.keys == [expected.clone()], "it has {:?}", page.keys);
    let object = bucket.get(&expected, OBJECT_BYTES).await?;
    let object = object.with_context(|| format!("{expected} is not there"))?;
    let (read, bytes) = Held::read(&expected, &object.bytes)?;
    ensure!(bytes == held.bytes, "its bytes are not those submitted");
    let to: Vec<_> = read
        .envelope
        .recipients
        .iter()
        .map(|to| to.as_str())
        .collect();
    ensure!(to == [TO], "its recipients are {to:?}");
    let ours = object.bytes.len() - bytes.len();
    let ours = String::from_utf8_lossy(&object.bytes[..ours]).into_owned();
    let ours: Vec<&str> = ours.lines().collect();
    let mut words = vec![expected.clone()];
    words.extend(ours.iter().map(|line| format!("  {line}")));
    words.push(format!(
        "  and then the message: {} bytes, the very ones submitted",
        bytes.len()
    ));
    let facts = json!({
        "key": expected, "lines": ours, "bytes": bytes.len(), "bytes_equal": true,
    });
    told.seen("stored", &words, facts);
    Ok(())
}

/// The mail system answers again.
pub async fn primary_back(scene: &mut Scene, told: &mut Told) -> Result<()> {
    told.step("The mail system is started again");
    scene.start_primary().await?;
    let greeting = timeout(DEADLINE, greeting(scene))
        .await
        .context("it says nothing")?;
    let greeting = greeting.context("it does not greet")?;
    ensure!(greeting.starts_with("220 "), "it greets with {greeting:?}");
    let words = format!("{}: {}", scene.primary_address(), greeting.trim());
    told.seen(
        "primary_back",
        &[words],
        json!({ "greeting": greeting.trim() }),
    );
    Ok(())
}

async fn greeting(scene: &Scene) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(scene.primary_address()).await?;
    let mut buffer = [0; 512];
    let read = stream.read(&mut buffer).await?;
    Ok(String::from_utf8_lossy(&buffer[..read]).into_owned())
}

/// Time passes in ticks: probes, then the oldest held message as a canary, then health is up.
pub async fn recovered(scene: &mut Scene, told: &mut Told) -> Result<()> {
    told.step("Time passes (POST /v1/tick, as cron would)");
    let (mut probes, mut canary) = (0, Value::Null);
    let ticks = until(scene, "up", async |scene| {
        let ticked = scene.tick().await?;
        let route = ticked.pointer("/routes/0").cloned().unwrap_or_default();
        let made = route.get("probes").and_then(Value::as_array);
        let good = |probe: &&Value| probe.get("good") == Some(&Value::Bool(true));
        probes += made.into_iter().flatten().filter(good).count();
        if let Some(tried) = route.get("canary").filter(|tried| !tried.is_null()) {
            canary = tried.clone();
        }
        let health = scene.health().await?;
        Ok(Some(health).filter(|health| state(health) == "up"))
    });
    let health = ticks.await?;
    ensure!(!canary.is_null(), "it is up, and no held message was tried");
    let words = [
        format!("Good probes: {probes}"),
        format!(
            "The canary, the oldest held message: {}",
            word(&canary, "id")
        ),
        format!(
            "state: {}, decision: {}",
            state(&health),
            word(&health, "decision")
        ),
    ];
    let facts = json!({
        "good_probes": probes, "canary": canary, "state": state(&health),
        "decision": health["decision"],
    });
    told.seen("up", &words, facts);
    Ok(())
}

/// The held message has arrived, unchanged, and has left the queue.
pub async fn canary_delivered(scene: &mut Scene, told: &mut Told, held: &Submitted) -> Result<()> {
    told.step("The held message is looked for");
    let received = until(scene, "there", async |scene| {
        let mut all = scene.inbox.messages().into_iter();
        Ok(all.find(|received| received.bytes.ends_with(&held.bytes)))
    });
    let received = received.await?;
    let line = trace_line(&received, &held.bytes)?;
    let left = until(scene, "empty", async |scene| {
        let page = scene
            .bucket()?
            .list("queue/", None, limits::LIST_PAGE)
            .await?;
        Ok(Some(page.keys.len()).filter(|left| *left == 0))
    });
    let left = left.await?;
    let life = scene.life(&held.id).await?;
    let words = [
        format!(
            "The mail system has it: {} bytes, byte for byte, and one line on top: {line}",
            held.bytes.len()
        ),
        format!(
            "Left in the queue: {left}; GET /v1/messages/{}: {}",
            held.id,
            word(&life, "outcome")
        ),
    ];
    let facts = json!({
        "id": held.id, "bytes_equal": true, "left_in_queue": left, "life": life,
    });
    told.seen("released", &words, facts);
    Ok(())
}

async fn submit(scene: &mut Scene) -> Result<(u16, Value, Submitted)> {
    scene.submitted += 1;
    let bytes = message(scene.submitted);
    let (status, answer) = scene.submit(bytes.clone()).await?;
    let id = word(&answer, "id").to_owned();
    Ok((status, answer, Submitted { id, bytes }))
}

fn expect(what: &str, status: u16, expected: u16, answer: &Value) -> Result<()> {
    ensure!(
        status == expected,
        "{what} was answered with {status}, not {expected}: {answer}"
    );
    Ok(())
}

/// The one line that relaying adds; an error if anything else was changed.
fn trace_line(received: &Received, submitted: &Bytes) -> Result<String> {
    let added = received.bytes.strip_suffix(&submitted[..]);
    let added = added.context("the bytes that arrived are not those that were submitted")?;
    let added = String::from_utf8_lossy(added).replace("\r\n", " ");
    let folded: Vec<&str> = added.split_whitespace().collect();
    let line = folded.join(" ");
    ensure!(
        line.starts_with("Received: ") && line.matches("Received: ").count() == 1,
        "what was added on top is not one Received line: {line}"
    );
    Ok(line)
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

fn state(health: &Value) -> &str {
    let state = health.pointer("/primaries/0/health/state");
    state.and_then(Value::as_str).unwrap_or("unknown")
}

fn word<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

const AGAIN: Duration = Duration::from_millis(100);
const OBJECT_BYTES: usize = 1 << 20;
