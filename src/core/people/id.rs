//! The names of users and groups: UUIDs (RFC 9562) that we make and nobody changes. They stand in
//! object keys, in paths and in SCIM as `id` (RFC 7643, 3.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::Clock;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A new one that nobody can guess (version 4).
            pub fn new(clock: &impl Clock) -> Self {
                let mut random = [0; 16];
                clock.random(&mut random);
                Self(uuid::Builder::from_random_bytes(random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Only the one spelling we write ourselves: lower case, with hyphens.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let uuid = Uuid::try_parse(text).map_err(|_| NotAnId)?;
                Some(Self(uuid))
                    .filter(|id| id.to_string() == text)
                    .ok_or(NotAnId)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

name! {
    /// A user's name.
    UserId
}

name! {
    /// A group's name.
    GroupId
}

/// The text is not an id of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an id: it is a UUID in lower case with hyphens")]
pub struct NotAnId;
