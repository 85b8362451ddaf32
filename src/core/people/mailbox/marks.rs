//! What a user did with messages here: read, answered, binned. One object for the messages of a
//! month, changed by compare-and-set; what it does not name is new and in the inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::custody::held::Copy;
use crate::custody::record::{self, Known};
use crate::custody::store::{Put, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;

/// The marks of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// It was opened.
    #[serde(default, skip_serializing_if = "is_no")]
    pub seen: bool,
    /// It was answered.
    #[serde(default, skip_serializing_if = "is_no")]
    pub answered: bool,
    /// It is in the bin.
    #[serde(default, skip_serializing_if = "is_no")]
    pub binned: bool,
    /// It is listed no more: deleted from the bin, or its message went home and nothing is kept here.
    #[serde(default, skip_serializing_if = "is_no")]
    pub gone: bool,
}

/// The marks of a month's messages, by their names.
pub type Month = BTreeMap<String, Marks>;

/// The marks of the messages of the month in which this one came.
pub async fn of_month(store: &impl Store, user: UserId, month: &str) -> Result<Month, StoreError> {
    match record::read(store, &key(user, month)).await {
        Ok(found) => Ok(found.map(|(month, _)| month).unwrap_or_default()),
        // Nothing is lost with them but what was read already.
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(Month::new()),
        Err(error) => Err(error),
    }
}

/// Changes the marks of these messages.
pub async fn change(
    store: &impl Store,
    user: UserId,
    copies: &[Copy],
    change: impl Fn(&mut Marks),
) -> Result<(), StoreError> {
    let mut months: BTreeMap<String, Vec<&Copy>> = BTreeMap::new();
    for copy in copies {
        months.entry(month(copy)).or_default().push(copy);
    }
    for (month, copies) in months {
        change_month(store, &key(user, &month), &copies, &change).await?;
    }
    Ok(())
}

async fn change_month(
    store: &impl Store,
    key: &str,
    copies: &[&Copy],
    change: &impl Fn(&mut Marks),
) -> Result<(), StoreError> {
    for _ in 0..limits::STATE_TRIES {
        let (known, condition) = record::read_to_change::<Month>(store, key).await?;
        let before = match known {
            Known::Some(month) => month,
            Known::None | Known::Unreadable => Month::new(),
        };
        let mut after = before.clone();
        for copy in copies {
            let name = copy.to_string();
            let mut marks = after.get(&name).copied().unwrap_or_default();
            change(&mut marks);
            match marks == Marks::default() {
                true => after.remove(&name),
                false => after.insert(name, marks),
            };
        }
        if after == before {
            return Ok(());
        }
        if let Put::Written(_) = record::write(store, key, &after, condition).await? {
            return Ok(());
        }
    }
    let detail = format!("{key}: others keep changing it");
    Err(StoreError::new(StoreErrorKind::Unavailable, detail))
}

/// The month of a message, in UTC: `2026-11`.
pub fn month(copy: &Copy) -> String {
    let day = copy.id.at().day();
    day.get(..7).unwrap_or(&day).to_owned()
}

fn key(user: UserId, month: &str) -> String {
    format!("mailboxes/{user}/marks/{month}.json")
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_no(value: &bool) -> bool {
    !value
}
