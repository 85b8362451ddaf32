//! What a user did with messages here: read, answered, binned. One object for the messages of a
//! month, changed by compare-and-set; what it does not name is new and in the inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry;
use crate::custody::held::Copy;
use crate::custody::record::{self, Known};
use crate::custody::store::{Put, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;
use crate::people::reading::Answer;

/// The marks of one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// It was opened.
    #[serde(default, skip_serializing_if = "is_no")]
    pub seen: bool,
    /// It was answered.
    #[serde(default, skip_serializing_if = "is_no")]
    pub answered: bool,
    /// What was said to its invitation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coming: Option<Answer>,
    /// It is in the bin.
    #[serde(default, skip_serializing_if = "is_no")]
    pub binned: bool,
    /// It is listed no more: deleted from the bin, or its message went home and nothing is kept here.
    #[serde(default, skip_serializing_if = "is_no")]
    pub gone: bool,
}

impl Marks {
    /// Of what a user wrote, or has seen to the end.
    pub const SEEN: Self = Self {
        seen: true,
        answered: false,
        coming: None,
        binned: false,
        gone: false,
    };

    /// Whether it lies in the bin.
    pub fn is_in_bin(&self) -> bool {
        self.binned && !self.gone
    }

    /// Whether it lies in its folder.
    pub fn is_in_folder(&self) -> bool {
        !self.binned && !self.gone
    }
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

/// Marks that are asked for one by one: each month is read once.
#[derive(Clone, Debug)]
pub struct Months<'m, S: Store> {
    store: &'m S,
    user: UserId,
    read: BTreeMap<String, Month>,
}

impl<'m, S: Store> Months<'m, S> {
    /// Of this user's; nothing is read yet.
    pub fn new(store: &'m S, user: UserId) -> Self {
        let read = BTreeMap::new();
        Self { store, user, read }
    }

    /// The marks of one message.
    pub async fn of(&mut self, copy: &Copy) -> Result<Marks, StoreError> {
        let month = month(copy);
        if !self.read.contains_key(&month) {
            let read = of_month(self.store, self.user, &month).await?;
            self.read.insert(month.clone(), read);
        }
        let marks = self.read.get(&month);
        let marks = marks.and_then(|month| month.get(&copy.to_string()));
        Ok(marks.copied().unwrap_or_default())
    }
}

/// What is in the bin, the newest first.
pub async fn binned(store: &impl Store, user: UserId) -> Result<Vec<Copy>, StoreError> {
    let prefix = prefix(user);
    let (mut binned, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = store
            .list(&prefix, after.as_deref(), limits::FILING_PAGE)
            .await?;
        for key in &page.keys {
            let month = key.strip_prefix(&prefix);
            let Some(month) = month.and_then(|rest| rest.strip_suffix(".json")) else {
                continue;
            };
            let month = of_month(store, user, month).await?;
            let names = month.iter().filter(|(_, marks)| marks.is_in_bin());
            binned.extend(names.filter_map(|(name, _)| Copy::named(name)));
        }
        after = page.keys.last().cloned();
        if !page.more || after.is_none() {
            break;
        }
    }
    binned.sort_by_key(entry::name);
    Ok(binned)
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
    format!("{}{month}.json", prefix(user))
}

fn prefix(user: UserId) -> String {
    format!("mailboxes/{user}/marks/")
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_no(value: &bool) -> bool {
    !value
}
