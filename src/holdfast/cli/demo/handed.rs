//! A message as it was handed in, and whether what arrived is that.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use serde_json::{Value, json};

use super::message::{Kind, TO};
use crate::demo_primary::Received;

/// A message that Holdfast has answered for.
pub struct Handed {
    pub number: usize,
    pub kind: Kind,
    pub id: String,
    pub bytes: Bytes,
    pub answer: Value,
}

impl Handed {
    /// Which it is, for people.
    pub fn words(&self) -> String {
        let Self {
            number,
            kind,
            bytes,
            ..
        } = self;
        format!(
            "No. {number}, {} from <{}>, {} bytes",
            kind.words(),
            kind.sender(),
            bytes.len()
        )
    }

    /// Which it is and what it was answered, for machines.
    pub fn facts(&self) -> Value {
        json!({
            "number": self.number, "kind": self.kind.words(), "from": self.kind.sender(),
            "id": self.id, "bytes": self.bytes.len(), "outcome": self.answer["outcome"],
            "reason": self.answer["reason"], "detail": self.answer["detail"],
            "until": self.answer["until"],
        })
    }

    /// Whether this is what arrived, by the id that is in the line on top.
    pub fn is(&self, received: &Received) -> bool {
        let line = received.bytes.split(|byte| *byte == b'\n').next();
        let line = String::from_utf8_lossy(line.unwrap_or_default());
        line.starts_with("Received: ") && line.contains(&format!(" id {};", self.id))
    }

    /// The one line that was added on top; an error if anything else is not as it was handed in.
    pub fn compare(&self, received: &Received) -> Result<String> {
        let Self { number, kind, .. } = self;
        ensure!(
            received.from == kind.sender() && received.to == [TO],
            "No. {number} came from <{}> to {:?}",
            received.from,
            received.to
        );
        let added = received.bytes.strip_suffix(&self.bytes[..]);
        let added = added.with_context(|| format!("No. {number} arrived with other bytes"))?;
        let line = String::from_utf8_lossy(added);
        let line = line.trim_end();
        ensure!(
            self.is(received) && !line.contains('\n'),
            "what was added on top of No. {number} is not one Received line: {line}"
        );
        Ok(line.to_owned())
    }
}
