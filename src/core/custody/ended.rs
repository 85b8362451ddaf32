//! The end of a message's life here: `outcomes/DAY/ID.json`, the day being that of its id.
//!
//! The outcomes of a batch lie in one object, `outcomes/DAY/ROUTE/LAST_FIRST.json`: it begins with
//! its last id, so that a listing from any id on shows the batches that may have it.
//!
//! It is written before the message goes, so that whoever finds the message afterwards (its
//! releaser died before the delete, or the write that held it came late) knows that it is over.

pub mod batch;

use serde::{Deserialize, Serialize};

use super::held::Copy;
use super::record::{self, Known};
use super::store::{Condition, Put, Store, StoreError, StoreErrorKind};
use crate::limits;
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

    /// How this copy ended, if it did and its outcome is an object of its own.
    pub async fn read(
        store: &impl Store,
        copy: &Copy,
        split: Option<&RouteName>,
    ) -> Result<Option<Self>, StoreError> {
        let found = record::read(store, &Self::key(copy, split)).await?;
        Ok(found.map(|(ended, _)| ended))
    }

    /// How this copy ended in a batch of this route, if it did.
    pub async fn read_in_batch(
        store: &impl Store,
        route: &RouteName,
        copy: &Copy,
    ) -> Result<Option<Self>, StoreError> {
        let name = copy.to_string();
        for key in batch::batches(store, route, copy.id, copy.id).await? {
            let found: Option<(batch::Batch, _)> = record::read(store, &key).await?;
            let ended = found.and_then(|(mut batch, _)| batch.outcomes.remove(&name));
            if ended.is_some() {
                return Ok(ended);
            }
        }
        Ok(None)
    }

    /// Either of the two.
    pub async fn find(
        store: &impl Store,
        route: &RouteName,
        copy: &Copy,
        split: bool,
    ) -> Result<Option<Self>, StoreError> {
        match Self::read(store, copy, split.then_some(route)).await? {
            Some(ended) => Ok(Some(ended)),
            None => Self::read_in_batch(store, route, copy).await,
        }
    }

    /// Writes it down, together with what is there already: a releaser that was given up for lost
    /// may have ended the message too. Gives what now stands.
    pub async fn write(
        self,
        store: &impl Store,
        split: Option<&RouteName>,
        copy: &Copy,
    ) -> Result<Self, StoreError> {
        let key = Self::key(copy, split);
        let (mut wanted, mut condition) = (self.clone(), Condition::Absent);
        for _ in 0..limits::STATE_TRIES {
            if let Put::Written(_) = record::write(store, &key, &wanted, condition).await? {
                return Ok(wanted);
            }
            let (known, against) = record::read_to_change::<Self>(store, &key).await?;
            condition = against;
            wanted = match known {
                // Our own write, whose answer was lost.
                Known::Some(known) if known == wanted => return Ok(known),
                Known::Some(known) => self.clone().and(known),
                Known::None | Known::Unreadable => self.clone(),
            };
        }
        let detail = format!("{key}: others keep changing it");
        Err(StoreError::new(StoreErrorKind::Unavailable, detail))
    }

    /// Both ends of one message in one: what two gave to the primary it may have twice.
    fn and(mut self, other: Self) -> Self {
        let delivered = |one: &Settled| one.outcome == Outcome::Delivered;
        for theirs in other.recipients {
            let mut own = self.recipients.iter_mut();
            match own.find(|own| own.address.same_mailbox(&theirs.address)) {
                None => self.recipients.push(theirs),
                Some(own) if delivered(own) => self.uncertain |= delivered(&theirs),
                Some(own) if delivered(&theirs) => *own = theirs,
                Some(_) => {}
            }
        }
        self.uncertain |= other.uncertain;
        self.attempts = self.attempts.max(other.attempts);
        self.dropped = self.dropped.or(other.dropped);
        self.returned = self.returned.or(other.returned);
        let more = other.dsn.into_iter().filter(|id| !self.dsn.contains(id));
        let more: Vec<_> = more.collect();
        self.dsn.extend(more);
        self.dead_letter = self.dead_letter.or(other.dead_letter);
        self
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

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::custody::store::memory::MemoryStore;

    fn ended(outcome: Outcome, at: i64) -> Ended {
        Ended {
            id: MessageId::new(Timestamp::from_millis(1_795_392_000_000), [3; 10]),
            route: RouteName::parse("hq").unwrap(),
            partner: "acme".into(),
            held: Timestamp::from_millis(1_795_392_000_000),
            at: Timestamp::from_millis(at),
            recipients: vec![Settled {
                address: "ann@example.org".parse().unwrap(),
                outcome,
                route: RouteName::parse("hq").unwrap(),
                reason: None,
                reply: None,
            }],
            attempts: 1,
            uncertain: false,
            dropped: None,
            returned: None,
            dsn: Vec::new(),
            dead_letter: None,
        }
    }

    fn written(store: &MemoryStore, ended: &Ended) -> Ended {
        let copy = Copy::first(ended.id);
        block_on(ended.clone().write(store, None, &copy)).unwrap();
        block_on(Ended::read(store, &copy, None)).unwrap().unwrap()
    }

    /// A releaser that took longer than its claim wrote its outcome over that of the one who took
    /// over, and nobody knew any more that the message was delivered twice.
    #[test]
    fn a_second_outcome_does_not_wipe_out_the_doubt_of_the_first() {
        let store = MemoryStore::default();
        let first = ended(Outcome::Delivered, 1);
        assert_eq!(written(&store, &first), first);
        assert_eq!(written(&store, &first), first, "its own write is no doubt");
        let both = written(&store, &ended(Outcome::Delivered, 2));
        assert!(both.uncertain, "two that delivered it are a doubt");
        let again = written(&store, &ended(Outcome::Delivered, 3));
        assert!(again.uncertain, "a doubt stays");
    }

    #[test]
    fn what_was_delivered_is_not_told_to_be_dropped() {
        let store = MemoryStore::default();
        written(&store, &ended(Outcome::Delivered, 1));
        let both = written(&store, &ended(Outcome::Dropped, 2));
        assert_eq!(both.outcome(), Outcome::Delivered);
        assert!(!both.uncertain);
    }
}
