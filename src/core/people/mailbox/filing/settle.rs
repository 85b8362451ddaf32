//! One stretch of a source is brought in line: what has no record is filed, what has no message goes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::begun::Begun;
use super::{AT_ONCE, Filed, Look, RECORDS, Source, Stretch};
use crate::config::{Config, OWN_COPY};
use crate::custody::held::{Copy, Held};
use crate::custody::kept;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::EmailAddress;
use crate::people::directory::{self, Owner};
use crate::people::mailbox::entry::{Entry, Place};
use crate::people::mailbox::folder;
use crate::people::mailbox::marks::{self, Marks};
use crate::people::{UserId, reading};
use crate::ports::{Event as LogEvent, Ports};
use crate::routing::route::Unknown;

/// For whom a message is filed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub places: BTreeSet<Place>,
    /// Other routes have the same message for others of its recipients; somebody may be behind both.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub split: bool,
}

/// A message that is to be filed.
struct Waiting<'n> {
    name: &'n str,
    entry: Entry,
    record: Record,
}

/// A message that is not here any more, and was filed.
struct Leaving<'n> {
    name: &'n str,
    copy: Copy,
    record: Record,
}

impl<P: Ports> Look<'_, P> {
    /// Files what has no record, and removes what has no message.
    pub(super) async fn settle(&self, stretch: &Stretch) -> Result<Filed, StoreError> {
        let mut filed = Filed::default();
        let owners = Owners::default();
        let new: Vec<_> = stretch.objects.difference(&stretch.records).collect();
        for names in new.chunks(AT_ONCE) {
            if self.is_over() {
                filed.more = true;
                return Ok(filed);
            }
            filed.messages += self.file_some(names, &owners).await?;
        }
        let gone: Vec<_> = stretch.records.difference(&stretch.objects).collect();
        for names in gone.chunks(AT_ONCE) {
            if self.is_over() {
                filed.more = true;
                return Ok(filed);
            }
            filed.removed += self.remove_some(names).await?;
        }
        Ok(filed)
    }

    fn is_over(&self) -> bool {
        self.ports.now() >= self.deadline
    }

    /// Files a few messages: the journal, the entries, the records, and the journal goes.
    pub(super) async fn file_some(
        &self,
        names: &[&String],
        owners: &Owners,
    ) -> Result<u32, StoreError> {
        let reads = names.iter().map(|name| self.waiting(name, owners));
        let waiting: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let mut waiting: VecDeque<Waiting<'_>> = waiting.into_iter().flatten().collect();
        let count = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        while !waiting.is_empty() {
            // A journal is no larger than what it is about may be for one message.
            let mut places = 0;
            let fits = waiting.iter().take_while(|one| {
                places += one.record.places.len();
                places <= limits::FILED_FOR
            });
            let fit = fits.count().max(1);
            self.file_these(waiting.drain(..fit).collect()).await?;
        }
        Ok(count)
    }

    async fn file_these(&self, waiting: Vec<Waiting<'_>>) -> Result<(), StoreError> {
        let store = self.ports.store();
        let listed = waiting.iter().filter(|one| !one.record.places.is_empty());
        let listed = listed.map(|one| (one.name, &one.record));
        let begun = Begun::write(self.ports, self.source, listed).await?;
        let entries = waiting
            .iter()
            .flat_map(|one| one.record.places.iter().map(|place| (place, &one.entry)));
        let writes = entries.map(|(place, entry)| async move {
            let key = place.key(&entry.copy);
            record::write(store, &key, entry, Condition::Always).await
        });
        all(writes).await?;
        let writes = waiting.iter().map(|one| async move {
            let key = self.source.record(one.name);
            record::write(store, &key, &one.record, Condition::Always).await
        });
        all(writes).await?;
        match begun {
            Some(begun) => store.delete(&begun).await,
            None => Ok(()),
        }
    }

    /// What is to be filed of this message; none where it is not here, or damaged: that is the drain's to
    /// report.
    async fn waiting<'n>(
        &self,
        name: &'n str,
        owners: &Owners,
    ) -> Result<Option<Waiting<'n>>, StoreError> {
        let key = self.source.object(name);
        let Some(first) = self.ports.store().peek(&key, limits::FILING_BYTES).await? else {
            return Ok(None);
        };
        let read = Held::read_start(&key, &first).ok();
        let Some(((held, message), copy)) = read.zip(self.source.copy(name)) else {
            return Ok(None);
        };
        let places = match held.partner.as_str() {
            // The sender has it among what was sent.
            OWN_COPY => Ok(BTreeSet::new()),
            _ => self.places(&held, owners).await,
        };
        let places = match places {
            Ok(places) => places,
            // A record of a user or a list that nobody can read keeps no other message back.
            Err(error) if error.kind == StoreErrorKind::Damaged => {
                let event = LogEvent::new("filing.failed")
                    .with("name", name)
                    .with("error", error.to_string());
                self.ports.write(event);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let record = Record {
            places,
            split: held.split,
        };
        let entry = Entry {
            copy,
            route: held.route,
            summary: reading::summary(&message),
        };
        Ok(Some(Waiting {
            name,
            entry,
            record,
        }))
    }

    async fn places(&self, held: &Held, owners: &Owners) -> Result<BTreeSet<Place>, StoreError> {
        let mut places = BTreeSet::new();
        let route = self.config.route(held.route.as_str());
        let unknown = route.map_or(Unknown::Hold, |route| route.unknown);
        for recipient in &held.envelope.recipients {
            let users = owners.of(self.ports, self.config, recipient).await?;
            match users {
                Some(users) => places.extend(users.into_iter().map(Place::User)),
                None if unknown == Unknown::Dropbox => {
                    places.insert(Place::Dropbox(held.route.clone()));
                }
                None => {}
            }
        }
        if places.len() > limits::FILED_FOR {
            let event = LogEvent::new("filing.too-many")
                .with("id", held.id.to_string())
                .with("mailboxes", places.len());
            self.ports.write(event);
            places = places.into_iter().take(limits::FILED_FOR).collect();
        }
        Ok(places)
    }

    /// Removes the entries of messages that went home, unless a copy is kept; then the record moves to
    /// the copies. The records go last, so that who dies leaves something to find.
    async fn remove_some(&self, names: &[&String]) -> Result<u32, StoreError> {
        let store = self.ports.store();
        let reads = names.iter().map(|name| self.leaving(name));
        let leaving: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let leaving: Vec<Leaving<'_>> = leaving.into_iter().flatten().collect();
        let mut elsewhere = BTreeMap::new();
        for one in leaving.iter().filter(|one| one.record.split) {
            elsewhere.insert(one.name, self.elsewhere(one.name, &one.copy).await?);
        }
        let mut begun = Vec::new();
        for one in leaving.iter().filter(|one| one.record.split) {
            let one = std::iter::once((one.name, &one.record));
            begun.extend(Begun::write(self.ports, self.source, one).await?);
        }
        let none = BTreeSet::new();
        let gone = leaving.iter().map(|one| {
            let stays = elsewhere.get(one.name).unwrap_or(&none);
            let places = one.record.places.difference(stays);
            (one.copy, places.cloned().collect())
        });
        self.take_out(gone.collect()).await?;
        let records = leaving.iter().map(|one| self.source.record(one.name));
        store.delete_all(&records.collect::<Vec<_>>()).await?;
        // Two routes may let go of it at once, each for the sake of the other: one of them sees it here.
        for one in leaving.iter().filter(|one| one.record.split) {
            self.forget(one.name, &one.copy, &one.record).await?;
        }
        store.delete_all(&begun).await?;
        Ok(u32::try_from(leaving.len()).unwrap_or(u32::MAX))
    }

    /// The record of a message that is not here any more; none where it only seemed so.
    async fn leaving<'n>(&self, name: &'n str) -> Result<Option<Leaving<'n>>, StoreError> {
        let store = self.ports.store();
        if store.peek(&self.source.object(name), 1).await?.is_some() {
            return Ok(None);
        }
        let Some(copy) = self.source.copy(name) else {
            return Ok(None);
        };
        let found = record::read_to_change::<Record>(store, &self.source.record(name)).await?;
        let record = match found.0 {
            Known::Some(record) => record,
            Known::None => return Ok(None),
            Known::Unreadable => Record::default(),
        };
        if let Source::Queue(route) = self.source {
            let kept = kept::key(route, &copy);
            if store.peek(&kept, 1).await?.is_some() {
                let moved = record_of(&kept);
                record::write(store, &moved, &record, Condition::Always).await?;
                store.delete(&self.source.record(name)).await?;
                return Ok(None);
            }
        }
        Ok(Some(Leaving { name, copy, record }))
    }

    /// Takes entries out of lists.
    async fn take_out(&self, gone: Vec<(Copy, BTreeSet<Place>)>) -> Result<(), StoreError> {
        let store = self.ports.store();
        let (mut keys, mut marked) = (Vec::new(), BTreeMap::<UserId, Vec<Copy>>::new());
        for (copy, places) in &gone {
            for place in places {
                keys.push(place.key(copy));
                if let Place::User(user) = place {
                    marked.entry(*user).or_default().push(*copy);
                }
            }
        }
        // First what keeps it out of the lists, wherever the entry is packed.
        let unpacked = self.mark_gone(marked).await?;
        for keys in keys.chunks(limits::FILING_PAGE) {
            store.delete_all(keys).await?;
        }
        // Who packs at this moment has read the entries before they went.
        self.mark_gone(unpacked).await.map(drop)
    }

    /// Marks the messages of those whose entries are packed; gives all others.
    async fn mark_gone(
        &self,
        marked: BTreeMap<UserId, Vec<Copy>>,
    ) -> Result<BTreeMap<UserId, Vec<Copy>>, StoreError> {
        let (store, mut unpacked) = (self.ports.store(), BTreeMap::new());
        for (user, copies) in marked {
            if folder::is_packed(store, user).await? {
                let gone = |marks: &mut Marks| marks.gone = true;
                marks::change(store, user, &copies, gone).await?;
            } else {
                unpacked.insert(user, copies);
            }
        }
        Ok(unpacked)
    }

    /// Takes a message out of all places that no other route has it for.
    pub(super) async fn forget(
        &self,
        name: &str,
        copy: &Copy,
        record: &Record,
    ) -> Result<(), StoreError> {
        let stays = match record.split {
            true => self.elsewhere(name, copy).await?,
            false => BTreeSet::new(),
        };
        let places = record.places.difference(&stays).cloned().collect();
        self.take_out(vec![(*copy, places)]).await
    }

    /// Where other routes have the same message filed; who has not filed it yet does so now.
    async fn elsewhere(&self, name: &str, copy: &Copy) -> Result<BTreeSet<Place>, StoreError> {
        let own = self.source.object(name);
        let mut places = BTreeSet::new();
        for route in &self.config.routes {
            for (source, name) in Source::both(&route.name, copy) {
                if source.object(&name) == own {
                    continue;
                }
                let look = Look::new(self.ports, self.config, &source, self.deadline);
                if look.is_filed(&name).await? {
                    let key = source.record(&name);
                    let record = record::read::<Record>(self.ports.store(), &key).await?;
                    places.extend(record.into_iter().flat_map(|(record, _)| record.places));
                }
            }
        }
        Ok(places)
    }
}

/// Whose address it is, as this look has learnt it: lists and users come again and again.
#[derive(Default)]
pub(super) struct Owners(RefCell<BTreeMap<String, Option<BTreeSet<UserId>>>>);

impl Owners {
    /// The users behind an address; none where nobody has it.
    async fn of<P: Ports>(
        &self,
        ports: &P,
        config: &Config,
        address: &EmailAddress,
    ) -> Result<Option<BTreeSet<UserId>>, StoreError> {
        let name = address.as_str().to_lowercase();
        let known = self.0.borrow().get(&name).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let owner = directory::owner_of(ports.store(), config, address).await?;
        let users = match owner {
            None => None,
            // Also one who may not log in now: access is another question.
            Some(Owner::User(user)) => Some(BTreeSet::from([user])),
            Some(group) => Some(directory::expand(ports.store(), group).await?),
        };
        self.0.borrow_mut().insert(name, users.clone());
        Ok(users)
    }
}

/// The record of the message in this object.
fn record_of(object: &str) -> String {
    format!("{RECORDS}{}.json", object.trim_end_matches(".eml"))
}

/// Until all of it is done, or something failed.
async fn all<T>(
    work: impl Iterator<Item = impl Future<Output = Result<T, StoreError>>>,
) -> Result<(), StoreError> {
    let work = stream::iter(work).buffer_unordered(AT_ONCE);
    work.try_for_each(|_| async { Ok(()) }).await
}
