//! One message in one user's list: a summary, and where the message itself lies.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::custody::held::{Copy, Held};
use crate::custody::kept;
use crate::custody::store::{Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::MessageId;
use crate::people::UserId;
use crate::people::reading::Summary;
use crate::routing::RouteName;
use crate::time::Timestamp;

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The message.
    #[serde(with = "named")]
    pub copy: Copy,
    /// The route it came by.
    pub route: RouteName,
    /// What a list shows of it.
    pub summary: Summary,
}

impl Entry {
    /// When it came in, or was sent.
    pub fn at(&self) -> Timestamp {
        self.copy.id.at()
    }
}

/// The name of an entry: the message's id with all its bits turned, so that the newest is the first
/// of a listing.
pub fn name(copy: &Copy) -> String {
    let id = copy.id.to_string().replace('-', "");
    let turned: String = id
        .chars()
        .filter_map(|digit| char::from_digit(15 - digit.to_digit(16)?, 16))
        .collect();
    match copy.attempt {
        1 => turned,
        attempt => format!("{turned}.{attempt}"),
    }
}

/// The message that an entry of this name stands for.
pub fn copy_of(name: &str) -> Option<Copy> {
    let (digits, attempt) = match name.split_once('.') {
        None => (name, None),
        Some((digits, attempt)) => (digits, Some(attempt)),
    };
    let turned: Option<String> = digits
        .chars()
        .map(|digit| char::from_digit(15 - digit.to_digit(16)?, 16))
        .collect();
    let turned = turned.filter(|turned| turned.len() == 32 && turned.is_ascii())?;
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| turned.get(part).unwrap_or(""));
    let id: MessageId = parts.join("-").parse().ok()?;
    match attempt {
        None => Some(Copy::first(id)),
        Some(attempt) => Copy::named(&format!("{id}.{attempt}")),
    }
}

/// Whose list an entry is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A user's.
    User(UserId),
    /// That of a route's unknown recipients, which operators read.
    Dropbox(RouteName),
}

impl Place {
    /// The prefix of its loose entries.
    pub fn loose(&self) -> String {
        match self {
            Self::User(user) => format!("mailboxes/{user}/mail/"),
            Self::Dropbox(route) => format!("dropbox/{route}/"),
        }
    }

    /// The object of an entry.
    pub fn key(&self, copy: &Copy) -> String {
        format!("{}{}.json", self.loose(), name(copy))
    }
}

/// The message's bytes as they were submitted: from the queue while it is held, from the copies where
/// the route keeps them; where it was for recipients of several routes, from whichever has it still.
/// None where it went home and nothing is kept here.
pub async fn message(
    store: &impl Store,
    config: &Config,
    entry: &Entry,
) -> Result<Option<Bytes>, StoreError> {
    let most = limits::MESSAGE_BYTES_CEILING + limits::HELD_PREFIX_BYTES;
    let Entry { route, copy, .. } = entry;
    let others = config.routes.iter().map(|route| &route.name);
    let others = others.filter(|other| *other != route);
    let places = std::iter::once(route).chain(others);
    for key in places.flat_map(|route| [Held::key(route, copy), kept::key(route, copy)]) {
        let Some(object) = store.get(&key, most).await? else {
            continue;
        };
        return Held::read(&key, &object.bytes)
            .map(|(_, message)| Some(message))
            .map_err(|damaged| StoreError::new(StoreErrorKind::Damaged, damaged.to_string()));
    }
    Ok(None)
}

mod named {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::custody::held::Copy;

    pub fn serialize<S: Serializer>(copy: &Copy, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(copy)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Copy, D::Error> {
        let text = String::deserialize(from)?;
        Copy::named(&text).ok_or_else(|| D::Error::custom("not the name of a message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(millis: i64, attempt: u32) -> Copy {
        let id = MessageId::new(Timestamp::from_millis(millis), [7; 10]);
        Copy { id, attempt }
    }

    #[test]
    fn the_newest_entry_is_the_first_of_a_listing_and_names_are_read_back() {
        let (old, new) = (copy(1_795_392_000_000, 1), copy(1_795_392_000_001, 1));
        assert!(name(&new) < name(&old));
        for copy in [old, new, copy(5, 3)] {
            assert_eq!(copy_of(&name(&copy)), Some(copy));
        }
        for bad in ["", "00", "zz", "../x", &"f".repeat(33), &"é".repeat(32)] {
            assert_eq!(copy_of(bad), None, "{bad:?}");
        }
    }
}
