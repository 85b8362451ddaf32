//! The end of a message's life here: `outcomes/DAY/ID.json`, the day being that of its id.
//!
//! It is written before the message goes, so that whoever finds the message afterwards (its
//! releaser died before the delete, or the write that held it came late) knows that it is over.

use serde::{Deserialize, Serialize};

use super::held::Copy;
use super::record;
use super::store::{Store, StoreError};
use crate::mail::MessageId;
use crate::routing::RouteName;
use crate::submit::answer::{Outcome, Settled};
use crate::time::Timestamp;

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ended {
    /// The message.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = "uuid"))]
    pub id: MessageId,
    /// Its route.
    pub route: RouteName,
    /// Who submitted it.
    pub partner: String,
    /// Since when it was held.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub held: Timestamp,
    /// When it ended.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Each recipient's outcome.
    pub recipients: Vec<Settled>,
    /// Attempts that it took.
    pub attempts: u32,
    /// Whether a recipient may have it twice: a reply was lost on the way.
    pub uncertain: bool,
    /// Who dropped it and why, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Dropped>,
    /// Who returned it and why, where a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Dropped>,
    /// The reports that told its sender, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub dsn: Vec<MessageId>,
    /// Where it lies, where its sender could not be told or did not want to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<String>,
}

/// A person's word that ended a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dropped {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Ended {
    /// The object's key. A message that was split over several routes ends on each of them.
    pub fn key(copy: &Copy, split: Option<&RouteName>) -> String {
        let day = copy.id.at().day();
        match split {
            None => format!("outcomes/{day}/{copy}.json"),
            Some(route) => format!("outcomes/{day}/{copy}.{route}.json"),
        }
    }

    /// How this copy ended, if it did.
    pub async fn read(
        store: &impl Store,
        copy: &Copy,
        split: Option<&RouteName>,
    ) -> Result<Option<Self>, StoreError> {
        let found = record::read(store, &Self::key(copy, split)).await?;
        Ok(found.map(|(ended, _)| ended))
    }

    /// The one word for it: the best that any recipient got.
    pub fn outcome(&self) -> Outcome {
        let any = |outcome| self.recipients.iter().any(|one| one.outcome == outcome);
        [Outcome::Delivered, Outcome::Dropped, Outcome::Returned]
            .into_iter()
            .find(|outcome| any(*outcome))
            .unwrap_or(Outcome::Rejected)
    }
}
