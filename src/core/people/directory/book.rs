//! The book: short summaries of all users and groups in 256 shards at most, so that a search or a
//! count reads some hundred objects and not 50,000.
//!
//! A shard is named by the last two digits of the ids, because the first of a UUID of another
//! version would be a time and all of an import would fall on one.

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};

use super::{Owner, index, keys};
use crate::custody::record::{self, Known};
use crate::custody::store::{Put, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::EmailAddress;
use crate::ports::{Event, Ports};
use crate::time::Timestamp;

/// What the book says of a user or a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Line", into = "Line")]
pub struct Summary {
    /// Who.
    pub owner: Owner,
    /// A user's unique name; empty for a group.
    pub user_name: String,
    /// The name to show.
    pub name: String,
    /// Its own addresses, the primary one first.
    pub addresses: Vec<EmailAddress>,
    /// Whether it gets mail.
    pub active: bool,
    /// The provisioning client's name for it.
    pub external_id: Option<String>,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// The same as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    id: String,
    kind: Kind,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    user_name: String,
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<EmailAddress>,
    active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    modified: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    User,
    Group,
}

/// An entry of the address book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Whose.
    pub owner: Owner,
    /// The name to show.
    pub name: String,
    /// The address to write to.
    pub address: EmailAddress,
}

/// One object of it.
#[derive(Default, Serialize, Deserialize)]
struct Shard {
    people: Vec<Summary>,
}

/// Looks up the address book: who is active, has an address, and has for every word of the query a
/// word in the name or an address that begins so, whatever its case. By name, `most` at most; a
/// query without a word finds everybody.
pub async fn search<S: Store>(
    store: &S,
    query: &str,
    most: usize,
) -> Result<Vec<Card>, StoreError> {
    let mut found = search_all(store, &[query], most).await?;
    Ok(found.pop().unwrap_or_default())
}

/// The same for several queries, in one walk through the book.
pub async fn search_all<S: Store>(
    store: &S,
    queries: &[&str],
    most: usize,
) -> Result<Vec<Vec<Card>>, StoreError> {
    let room = most.saturating_mul(2).max(limits::LIST_PAGE);
    let wanted = queries.iter().map(|query| (Wanted::new(query), Vec::new()));
    let mut wanted: Vec<(Wanted, Vec<(String, Card)>)> = wanted.collect();
    each(store, |summary| {
        let Some(address) = summary.addresses.first().filter(|_| summary.active) else {
            return;
        };
        for (wanted, cards) in &mut wanted {
            if !wanted.is_in(&summary) {
                continue;
            }
            let card = Card {
                owner: summary.owner,
                name: summary.name.clone(),
                address: address.clone(),
            };
            cards.push((summary.name.to_lowercase(), card));
            if cards.len() > room {
                in_order(cards);
                cards.truncate(most);
            }
        }
    })
    .await?;
    let found = wanted.into_iter().map(|(_, mut cards)| {
        in_order(&mut cards);
        let cards = cards.into_iter().take(most);
        cards.map(|(_, card)| card).collect()
    });
    Ok(found.collect())
}

fn in_order(cards: &mut [(String, Card)]) {
    cards.sort_by(|(one, a), (two, b)| (one, a.owner).cmp(&(two, b.owner)));
}

/// What a query asks for: each of its words begins a word of the name, the userName or an address,
/// whatever its case. One without a word asks for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted(Vec<String>);

impl Wanted {
    /// Of a query; words behind the first [`limits::SEARCH_WORDS`] are passed over.
    pub fn new(query: &str) -> Self {
        Self(words(query).take(limits::SEARCH_WORDS).collect())
    }

    /// Whether it finds this one.
    pub fn is_in(&self, summary: &Summary) -> bool {
        if self.0.is_empty() {
            return true;
        }
        let addresses = summary.addresses.iter().map(EmailAddress::as_str);
        let own: Vec<String> = words(&summary.name)
            .chain(words(&summary.user_name))
            .chain(addresses.flat_map(words))
            .collect();
        let begins = |word: &String| own.iter().any(|own| own.starts_with(word.as_str()));
        self.0.iter().all(begins)
    }
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Gives every summary to `look`, in no order; some may be behind their records by a moment.
pub async fn each<S: Store>(store: &S, mut look: impl FnMut(Summary)) -> Result<(), StoreError> {
    let shards = store.list(keys::BOOK, None, limits::LIST_PAGE).await?;
    let reads = shards.keys.iter().map(|key| shard(store, key));
    let mut reads = stream::iter(reads).buffer_unordered(limits::PEOPLE_READS);
    while let Some(shard) = reads.next().await {
        shard?.people.into_iter().for_each(&mut look);
    }
    Ok(())
}

/// One that cannot be read is being made anew by [`repair`](super::repair()), as soon as anybody in
/// it changes.
async fn shard<S: Store>(store: &S, key: &str) -> Result<Shard, StoreError> {
    let shard = record::read::<Shard>(store, key).await?;
    Ok(shard.map(|(shard, _)| shard).unwrap_or_default())
}

/// Writes one summary, or removes it.
pub(super) async fn set<P: Ports>(
    ports: &P,
    owner: Owner,
    summary: Option<Summary>,
) -> Result<(), StoreError> {
    let (store, key) = (ports.store(), owner.shard());
    for _ in 0..limits::BOOK_TRIES {
        let (known, condition) = record::read_to_change::<Shard>(store, &key).await?;
        let mut shard = match known {
            Known::Some(shard) => shard,
            Known::None => Shard::default(),
            Known::Unreadable => {
                // The others of this shard come back when all records are gone through.
                ports.write(Event::new("directory.book_damaged").with("key", key.as_str()));
                store.delete(keys::INDEXED).await?;
                Shard::default()
            }
        };
        let at = shard.people.iter().position(|known| known.owner == owner);
        match (at, &summary) {
            (None, None) => return Ok(()),
            (Some(at), Some(summary)) if shard.people.get(at) == Some(summary) => return Ok(()),
            (Some(at), _) => drop(shard.people.swap_remove(at)),
            (None, Some(_)) => {}
        }
        shard.people.extend(summary.clone());
        if let Put::Written(_) = record::write(store, &key, &shard, condition).await? {
            return Ok(());
        }
        index::pause(ports).await;
    }
    let detail = format!("{key} is written by too many at once");
    Err(StoreError::new(StoreErrorKind::Unavailable, detail))
}

impl From<Summary> for Line {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.owner.to_string(),
            kind: match summary.owner {
                Owner::User(_) => Kind::User,
                Owner::Group(_) => Kind::Group,
            },
            user_name: summary.user_name,
            name: summary.name,
            addresses: summary.addresses,
            active: summary.active,
            external_id: summary.external_id,
            modified: summary.modified,
        }
    }
}

impl TryFrom<Line> for Summary {
    type Error = crate::people::id::NotAnId;
    fn try_from(line: Line) -> Result<Self, Self::Error> {
        Ok(Self {
            owner: match line.kind {
                Kind::User => Owner::User(line.id.parse()?),
                Kind::Group => Owner::Group(line.id.parse()?),
            },
            user_name: line.user_name,
            name: line.name,
            addresses: line.addresses,
            active: line.active,
            external_id: line.external_id,
            modified: line.modified,
        })
    }
}
