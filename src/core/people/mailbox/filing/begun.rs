//! The journal of filing: which entries are on their way, so that who dies leaves none that nobody
//! takes out again when its message went home meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settle::{Owners, Record};
use super::{Filed, Look, Source};
use crate::config::Config;
use crate::custody::held::Copy;
use crate::custody::kept::KEPT;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Store as _, StoreError};
use crate::limits;
use crate::ports::{Event as LogEvent, Ports, nonce};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// What somebody began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    at: Timestamp,
    /// The source, by the prefix of its objects.
    objects: String,
    messages: BTreeMap<String, Record>,
}

impl Begun {
    /// Writes down what is about to be done; gives the object, which goes when it is done. None where
    /// there is nothing.
    pub async fn write<'r, P: Ports>(
        ports: &P,
        source: &Source,
        messages: impl Iterator<Item = (&'r str, &'r Record)>,
    ) -> Result<Option<String>, StoreError> {
        let messages = messages.map(|(name, record)| (name.to_owned(), record.clone()));
        let begun = Self {
            at: ports.now(),
            objects: source.objects(),
            messages: messages.collect(),
        };
        if begun.messages.is_empty() {
            return Ok(None);
        }
        let key = format!("{BEGUN}{}.json", nonce(ports));
        record::write(ports.store(), &key, &begun, Condition::Always).await?;
        Ok(Some(key))
    }

    /// Whether who began may still be at it.
    fn is_running(&self, now: Timestamp) -> bool {
        let begun = self.at;
        // A clock that was far ahead holds nothing up.
        now < begun.after(limits::FILING_CLAIM) && begun < now.after(limits::FILING_CLAIM)
    }
}

/// Ends what somebody began and did not end.
pub(super) async fn finish<P: Ports>(
    ports: &P,
    config: &Config,
    deadline: Timestamp,
) -> Result<Filed, StoreError> {
    let (store, mut filed) = (ports.store(), Filed::default());
    let page = store.list(BEGUN, None, limits::OPERATOR_PAGE).await?;
    for key in &page.keys {
        if ports.now() >= deadline {
            filed.more = true;
            break;
        }
        let begun = match record::read_to_change::<Begun>(store, key).await?.0 {
            Known::Some(begun) => begun,
            Known::None => continue,
            Known::Unreadable => {
                ports.write(LogEvent::new("filing.damaged").with("key", key.as_str()));
                continue;
            }
        };
        let Some(source) = Source::of(&begun.objects) else {
            continue;
        };
        if begun.is_running(ports.now()) {
            continue;
        }
        let look = Look::new(ports, config, &source, deadline);
        look.end(&begun).await?;
        store.delete(key).await?;
    }
    Ok(filed)
}

impl<P: Ports> Look<'_, P> {
    /// What is here is filed, what is not here is in no list.
    async fn end(&self, begun: &Begun) -> Result<(), StoreError> {
        for (name, record) in &begun.messages {
            let Some(copy) = self.source.copy(name) else {
                continue;
            };
            // What went home while it was filed may have left a copy, which has the entries now.
            let places = match self.source {
                Source::Queue(route) => Source::both(route, &copy).into(),
                Source::Kept(day) => vec![(Source::Kept(day.clone()), name.clone())],
            };
            let mut filed = false;
            for (source, name) in &places {
                let look = Look::new(self.ports, self.config, source, self.deadline);
                filed |= look.is_filed(name).await?;
            }
            if !filed {
                self.forget(name, &copy, record).await?;
            }
        }
        Ok(())
    }

    /// Whether the message is here and has its record, which it gets now if need be.
    pub(super) async fn is_filed(&self, name: &str) -> Result<bool, StoreError> {
        let record = self.source.record(name);
        if self.ports.store().peek(&record, 1).await?.is_some() {
            return Ok(true);
        }
        let (name, owners) = (name.to_owned(), Owners::default());
        Ok(self.file_some(&[&name], &owners).await? > 0)
    }
}

impl Source {
    /// Where a message of this route can lie, each with its name there.
    pub(super) fn both(route: &RouteName, copy: &Copy) -> [(Self, String); 2] {
        let kept = Self::Kept(copy.id.at().day());
        [
            (Self::Queue(route.clone()), copy.to_string()),
            (kept, format!("{copy}.{route}")),
        ]
    }

    fn of(objects: &str) -> Option<Self> {
        if let Some(day) = objects.strip_prefix(KEPT) {
            return Some(Self::Kept(day.strip_suffix('/')?.to_owned()));
        }
        let route = objects.strip_prefix("queue/")?.strip_suffix('/')?;
        RouteName::parse(route).ok().map(Self::Queue)
    }
}

/// Where the journal lies.
const BEGUN: &str = "filing/begun/";
