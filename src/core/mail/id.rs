//! The name of one accepted submission: a UUIDv7 (RFC 9562, 5.7), so that names sort by time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// A submission's name, in the log, the answer and the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new name for what came in at `now`.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// When it came in.
    pub fn at(&self) -> Timestamp {
        let bytes = self.0.as_bytes();
        let millis = bytes[..6]
            .iter()
            .fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
        Timestamp::from_millis(millis)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = NotAnId;

    /// Only the one spelling we write ourselves: lower case, with hyphens.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
        let same = uuid.hyphenated().to_string() == text;
        // A time that no clock of ours shows could not be written into a record either.
        Some(Self(uuid))
            .filter(|id| same && uuid.get_version_num() == 7 && id.at().is_of_four_digits())
            .ok_or(NotAnId)
    }
}

impl TryFrom<String> for MessageId {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        text.parse()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.to_string()
    }
}

/// The text is not a message id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message id: it is a UUIDv7 in lower case with hyphens")]
pub struct NotAnId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_as_their_messages_came() {
        let early = MessageId::new(Timestamp::from_millis(1_700_000_000_000), [255; 10]);
        let late = MessageId::new(Timestamp::from_millis(1_700_000_000_001), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.at(), Timestamp::from_millis(1_700_000_000_001));
    }

    #[test]
    fn only_our_own_spelling_is_an_id() {
        let id = MessageId::new(Timestamp::from_millis(1_700_000_000_000), [7; 10]).to_string();
        assert!(id.parse::<MessageId>().is_ok());
        assert!(id.to_uppercase().parse::<MessageId>().is_err());
        assert!(format!("{{{id}}}").parse::<MessageId>().is_err());
        assert!(
            "550e8400-e29b-41d4-a716-446655440000"
                .parse::<MessageId>()
                .is_err()
        );
    }

    #[test]
    fn an_id_from_a_time_that_cannot_be_written_is_not_ours() {
        let last = "e677d21f-dbff-7000-8000-000000000000";
        let at = last.parse::<MessageId>().unwrap().at().to_string();
        assert_eq!(at, "9999-12-31T23:59:59.999Z");
        assert!(
            "e677d21f-dc00-7000-8000-000000000000"
                .parse::<MessageId>()
                .is_err()
        );
    }
}
