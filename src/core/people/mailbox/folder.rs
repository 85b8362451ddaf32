//! Lists of entries: newest first, in pages, with search.
//!
//! Entries are filed one by one, and looking at some thousand objects takes long. So the older ones of a
//! mailbox are packed, [`limits::PACKED_ENTRIES`] in one object named after its newest and its oldest;
//! a list walks the loose ones and the packs side by side, and reads no pack before it is reached. Who
//! dies while packing leaves entries in both, and the walk shows them once.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::entry::{self, Entry, Place};
use super::marks::{Marks, Months};
use super::sending::{sent_key, sent_prefix};
use crate::custody::held::Copy;
use crate::custody::record;
use crate::custody::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;

/// An entry with what its user did with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// The entry.
    pub entry: Entry,
    /// The marks.
    pub marks: Marks,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPage {
    /// Newest first.
    pub listed: Vec<Listed>,
    /// The message behind which the next page begins; none on the last.
    pub next: Option<Copy>,
}

/// The messages that `wanted` wants, at most `most`, older than `after`.
pub async fn page<S: Store>(
    store: &S,
    user: UserId,
    after: Option<&Copy>,
    most: usize,
    wanted: impl Fn(&Listed) -> bool,
) -> Result<ListPage, StoreError> {
    let mut walk = Walk::new(store, user, after).await?;
    let mut page = ListPage::default();
    while let Some(listed) = walk.next().await? {
        if listed.marks.gone || !wanted(&listed) {
            continue;
        }
        if page.listed.len() == most {
            page.next = page.listed.last().map(|last| last.entry.copy);
            break;
        }
        page.listed.push(listed);
    }
    Ok(page)
}

/// The page before this message: those that are newer, as many as fit.
pub async fn page_before<S: Store>(
    store: &S,
    user: UserId,
    before: &Copy,
    most: usize,
    wanted: impl Fn(&Listed) -> bool,
) -> Result<ListPage, StoreError> {
    let mut walk = Walk::new(store, user, None).await?;
    let (mut listed, end) = (VecDeque::new(), entry::name(before));
    while let Some(next) = walk.next().await? {
        if entry::name(&next.entry.copy) >= end {
            break;
        }
        if !next.marks.gone && wanted(&next) {
            listed.push_back(next);
        }
        if listed.len() > most {
            listed.pop_front();
        }
    }
    let next = listed.back().map(|last: &Listed| last.entry.copy);
    Ok(ListPage {
        listed: listed.into(),
        next,
    })
}

/// Of the newest messages, so many, those that are wanted.
pub async fn among_newest<S: Store>(
    store: &S,
    user: UserId,
    looks: usize,
    wanted: impl Fn(&Listed) -> bool,
) -> Result<Vec<Listed>, StoreError> {
    let mut walk = Walk::new(store, user, None).await?;
    let mut found = Vec::new();
    for _ in 0..looks {
        let Some(listed) = walk.next().await? else {
            break;
        };
        if !listed.marks.gone && wanted(&listed) {
            found.push(listed);
        }
    }
    Ok(found)
}

/// What a user sent, newest first; whatever was thrown away is not among it unless it is asked for.
pub async fn sent<S: Store>(
    store: &S,
    user: UserId,
    after: Option<&Copy>,
    most: usize,
    wanted: impl Fn(&Listed) -> bool,
) -> Result<ListPage, StoreError> {
    let (prefix, mut months) = (sent_prefix(user), Months::new(store, user));
    let mut behind = after.map(|copy| sent_key(user, copy));
    let mut page = ListPage::default();
    loop {
        let keys = store.list(&prefix, behind.as_deref(), most + 1).await?;
        for entry in read_loose(store, &keys.keys).await? {
            let marks = months.of(&entry.copy).await?;
            let listed = Listed { entry, marks };
            if listed.marks.gone || !wanted(&listed) {
                continue;
            }
            if page.listed.len() == most {
                page.next = page.listed.last().map(|last| last.entry.copy);
                return Ok(page);
            }
            page.listed.push(listed);
        }
        behind = keys.keys.last().cloned();
        if !keys.more || behind.is_none() {
            return Ok(page);
        }
    }
}

/// One message that a user sent.
pub async fn find_sent<S: Store>(
    store: &S,
    user: UserId,
    copy: &Copy,
) -> Result<Option<Listed>, StoreError> {
    let found = record::read::<Entry>(store, &sent_key(user, copy)).await?;
    let Some((entry, _)) = found else {
        return Ok(None);
    };
    let marks = Months::new(store, user).of(copy).await?;
    let marks = Marks {
        seen: true,
        ..marks
    };
    Ok(Some(Listed { entry, marks }).filter(|listed| !listed.marks.gone))
}

/// What a search looks for: every word, wherever it stands, in whatever case.
pub struct Words(Vec<String>);

impl Words {
    /// The words of this text; none where it has none.
    pub fn of(text: &str) -> Option<Self> {
        let words: Vec<String> = text
            .split_whitespace()
            .take(limits::FOLDER_WORDS)
            .map(str::to_lowercase)
            .collect();
        Some(Self(words)).filter(|words| !words.0.is_empty())
    }

    /// Whether a message's summary has them all: its sender, recipients, subject, first lines.
    pub fn are_in(&self, entry: &Entry) -> bool {
        let summary = &entry.summary;
        let mut text = format!("{}\n{}", summary.subject, summary.preview);
        for party in summary.from.iter().chain(&summary.to) {
            text.push('\n');
            text.push_str(&party.name);
            text.push('\n');
            text.push_str(&party.address);
        }
        let text = text.to_lowercase();
        self.0.iter().all(|word| text.contains(word))
    }
}

/// The entry of one message that came into a user's mailbox.
pub async fn find<S: Store>(
    store: &S,
    user: UserId,
    copy: &Copy,
) -> Result<Option<Listed>, StoreError> {
    let loose = record::read::<Entry>(store, &Place::User(user).key(copy)).await?;
    let entry = match loose {
        Some((entry, _)) => entry,
        None => match find_packed(store, user, copy).await? {
            Some(entry) => entry,
            None => return Ok(None),
        },
    };
    let marks = Months::new(store, user).of(copy).await?;
    Ok(Some(Listed { entry, marks }).filter(|listed| !listed.marks.gone))
}

async fn find_packed<S: Store>(
    store: &S,
    user: UserId,
    copy: &Copy,
) -> Result<Option<Entry>, StoreError> {
    let name = entry::name(copy);
    for pack in packs(store, user).await? {
        if !pack.spans(&name) {
            continue;
        }
        let entries = pack.read(store).await?;
        let found = entries.into_iter().find(|entry| entry.copy == *copy);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// How many of the newest messages are new to the user, and not in the bin.
pub async fn unread<S: Store>(store: &S, user: UserId) -> Result<usize, StoreError> {
    let mut walk = Walk::new(store, user, None).await?;
    let mut unread = 0;
    for _ in 0..limits::UNREAD_LOOKS {
        let Some(Listed { marks, .. }) = walk.next().await? else {
            break;
        };
        unread += usize::from(!marks.seen && marks.is_in_folder());
    }
    Ok(unread)
}

/// Whether some of a user's entries are packed.
pub async fn is_packed(store: &impl Store, user: UserId) -> Result<bool, StoreError> {
    let page = store.list(&packed(user), None, 1).await?;
    Ok(!page.keys.is_empty())
}

/// Packs the older entries where many are loose, into so many packs at most.
pub async fn pack<S: Store>(store: &S, user: UserId, most: usize) -> Result<(), StoreError> {
    let prefix = Place::User(user).loose();
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().map(|name| format!("{prefix}{name}.json"));
        let page = store
            .list(&prefix, after.as_deref(), limits::FILING_PAGE)
            .await?;
        let found = page.keys.iter().filter_map(|key| loose_name(key, &prefix));
        let before = names.len();
        names.extend(found);
        if !page.more || names.len() == before {
            break;
        }
    }
    for _ in 0..most {
        if names.len() <= limits::LOOSE_ENTRIES {
            return Ok(());
        }
        let oldest = names.split_off(names.len() - limits::PACKED_ENTRIES.min(names.len() / 2));
        let keys: Vec<String> = oldest
            .iter()
            .map(|name| format!("{prefix}{name}.json"))
            .collect();
        let entries = read_loose(store, &keys).await?;
        let (Some(newest), Some(last)) = (oldest.first(), oldest.last()) else {
            return Ok(());
        };
        let key = format!("{}{newest}_{last}.json", packed(user));
        let body = serde_json::to_vec(&entries)
            .map_err(|error| StoreError::new(StoreErrorKind::Damaged, error.to_string()))?;
        store
            .put(&key, &[Bytes::from(body)], Condition::Always)
            .await?;
        store.delete_all(&keys).await?;
    }
    Ok(())
}

fn loose_name(key: &str, prefix: &str) -> Option<String> {
    let name = key.strip_prefix(prefix)?.strip_suffix(".json")?;
    entry::copy_of(name).map(|_| name.to_owned())
}

async fn read_loose<S: Store>(store: &S, keys: &[String]) -> Result<Vec<Entry>, StoreError> {
    // One that nobody can read must not hide all others.
    let reads = keys.iter().map(|key| async move {
        match record::read::<Entry>(store, key).await {
            Err(error) if error.kind == StoreErrorKind::Damaged => Ok(None),
            read => read,
        }
    });
    let read: Vec<_> = stream::iter(reads)
        .buffered(limits::FILING_CONCURRENCY)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().map(|(entry, _)| entry).collect())
}

/// One object of packed entries.
#[derive(Clone, Debug)]
struct Pack {
    key: String,
    newest: String,
    oldest: String,
}

impl Pack {
    fn spans(&self, name: &str) -> bool {
        self.newest.as_str() <= name && name <= self.oldest.as_str()
    }

    async fn read(&self, store: &impl Store) -> Result<Vec<Entry>, StoreError> {
        let object = store.get(&self.key, limits::PACK_BYTES).await?;
        let Some(object) = object else {
            return Ok(Vec::new());
        };
        serde_json::from_slice(&object.bytes).map_err(|error| {
            StoreError::new(StoreErrorKind::Damaged, format!("{}: {error}", self.key))
        })
    }
}

async fn packs(store: &impl Store, user: UserId) -> Result<VecDeque<Pack>, StoreError> {
    let prefix = packed(user);
    let mut packs = VecDeque::new();
    let mut after: Option<String> = None;
    loop {
        let page = store
            .list(&prefix, after.as_deref(), limits::FILING_PAGE)
            .await?;
        packs.extend(page.keys.iter().filter_map(|key| {
            let names = key.strip_prefix(&prefix)?.strip_suffix(".json")?;
            let (newest, oldest) = names.split_once('_')?;
            Some(Pack {
                key: key.clone(),
                newest: newest.to_owned(),
                oldest: oldest.to_owned(),
            })
        }));
        after = page.keys.last().cloned();
        if !page.more {
            return Ok(packs);
        }
    }
}

fn packed(user: UserId) -> String {
    format!("mailboxes/{user}/packed/")
}

/// A way through a mailbox, newest first.
struct Walk<'w, S: Store> {
    store: &'w S,
    prefix: String,
    /// The last name that was given.
    after: Option<String>,
    /// Keys that were listed and not read yet.
    keys: VecDeque<String>,
    last: Option<String>,
    more: bool,
    loose: VecDeque<Entry>,
    packs: VecDeque<Pack>,
    packed: VecDeque<Entry>,
    months: Months<'w, S>,
}

impl<'w, S: Store> Walk<'w, S> {
    async fn new(store: &'w S, user: UserId, after: Option<&Copy>) -> Result<Self, StoreError> {
        let after = after.map(entry::name);
        let mut packs = packs(store, user).await?;
        if let Some(after) = &after {
            packs.retain(|pack| pack.oldest > *after);
        }
        let prefix = Place::User(user).loose();
        Ok(Self {
            store,
            last: after.as_ref().map(|name| format!("{prefix}{name}.json")),
            prefix,
            after,
            keys: VecDeque::new(),
            more: true,
            loose: VecDeque::new(),
            packs,
            packed: VecDeque::new(),
            months: Months::new(store, user),
        })
    }

    async fn next(&mut self) -> Result<Option<Listed>, StoreError> {
        loop {
            self.fill_loose().await?;
            let loose = self.loose.front().map(|entry| entry::name(&entry.copy));
            self.fill_packed(loose.as_deref()).await?;
            let packed = self.packed.front().map(|entry| entry::name(&entry.copy));
            let from_loose = match (&loose, &packed) {
                (None, None) => return Ok(None),
                (Some(loose), Some(packed)) => loose <= packed,
                (Some(_), None) => true,
                (None, Some(_)) => false,
            };
            let entry = match from_loose {
                true => self.loose.pop_front(),
                false => self.packed.pop_front(),
            };
            let (Some(entry), Some(name)) = (entry, if from_loose { loose } else { packed }) else {
                return Ok(None);
            };
            // An entry may lie in both, and a pack begins before the page does.
            if self.after.as_ref().is_some_and(|after| name <= *after) {
                continue;
            }
            self.after = Some(name);
            let marks = self.months.of(&entry.copy).await?;
            return Ok(Some(Listed { entry, marks }));
        }
    }

    async fn fill_loose(&mut self) -> Result<(), StoreError> {
        while self.loose.is_empty() {
            if self.keys.is_empty() {
                if !self.more {
                    return Ok(());
                }
                let page = self
                    .store
                    .list(&self.prefix, self.last.as_deref(), limits::FILING_PAGE)
                    .await?;
                self.last = page.keys.last().cloned().or(self.last.take());
                self.more = page.more && !page.keys.is_empty();
                let entries = page.keys.into_iter();
                self.keys = entries
                    .filter(|key| loose_name(key, &self.prefix).is_some())
                    .collect();
                continue;
            }
            let some = limits::FOLDER_PAGE.min(self.keys.len());
            let keys: Vec<String> = self.keys.drain(..some).collect();
            self.loose = read_loose(self.store, &keys).await?.into();
        }
        Ok(())
    }

    /// The next pack, once the walk has reached it.
    async fn fill_packed(&mut self, loose: Option<&str>) -> Result<(), StoreError> {
        while self.packed.is_empty() {
            let reached = |pack: &Pack| loose.is_none_or(|loose| pack.newest.as_str() <= loose);
            let Some(pack) = self.packs.front().filter(|pack| reached(pack)).cloned() else {
                return Ok(());
            };
            self.packs.pop_front();
            let mut entries = pack.read(self.store).await?;
            // Packs of two who packed at once may overlap.
            while let Some(next) = self
                .packs
                .front()
                .filter(|next| next.newest <= pack.oldest)
                .cloned()
            {
                self.packs.pop_front();
                entries.extend(next.read(self.store).await?);
            }
            entries.sort_by_key(|entry| entry::name(&entry.copy));
            self.packed = entries.into();
        }
        Ok(())
    }
}
