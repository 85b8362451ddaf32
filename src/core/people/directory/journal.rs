//! `people/repairs/ID.json`: a change of this record is on its way, and these are the index objects
//! that it may write.
//!
//! Several writers of one record share it: each adds its keys and becomes its last writer. Only the
//! last may close it; who finds that it was not the last brings the indexes in line once more,
//! because what it wrote may have been older than what the other wrote.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Owner, index};
use crate::config::Config;
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store as _, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::ports::{Ports, nonce};
use crate::time::Timestamp;

/// The object's content.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Page {
    #[serde(flatten)]
    owner: Owner,
    at: Timestamp,
    /// Who wrote it: two writers never write the same bytes.
    by: String,
    keys: BTreeSet<String>,
}

/// A journal whose last writer we are, unless another came after.
#[derive(Debug)]
pub(super) struct Journal {
    owner: Owner,
    version: Version,
    /// All keys that may have been written.
    pub(super) keys: BTreeSet<String>,
}

impl Journal {
    /// Opens the record's journal, or takes over the one that is open.
    pub(super) async fn open<P: Ports>(
        ports: &P,
        owner: Owner,
        keys: &BTreeSet<String>,
    ) -> Result<Self, StoreError> {
        let key = owner.journal();
        for _ in 0..limits::STATE_TRIES {
            let (known, condition) = record::read_to_change::<Page>(ports.store(), &key).await?;
            let mut keys = keys.clone();
            if let Known::Some(page) = known {
                keys.extend(page.keys);
            }
            // What nobody ends is ended by `repair`; so many are never left otherwise.
            keys = keys.into_iter().take(limits::JOURNAL_KEYS).collect();
            if let Some(version) = write(ports, owner, &keys, condition).await? {
                return Ok(Self {
                    owner,
                    version,
                    keys,
                });
            }
            index::pause(ports).await;
        }
        let detail = format!("{key} is written by too many at once");
        Err(StoreError::new(StoreErrorKind::Unavailable, detail))
    }

    /// Closes it. False when another has written it meanwhile.
    pub(super) async fn close<P: Ports>(self, ports: &P) -> Result<bool, StoreError> {
        let nothing = BTreeSet::new();
        let condition = Condition::Unchanged(self.version);
        let written = write(ports, self.owner, &nothing, condition).await?;
        if written.is_some() {
            ports.store().delete(&self.owner.journal()).await?;
        }
        Ok(written.is_some())
    }

    /// Brings the indexes in line and closes it; again while others come in between.
    pub(super) async fn settle<P: Ports>(
        mut self,
        ports: &P,
        config: &Config,
    ) -> Result<(), StoreError> {
        let (owner, keys) = (self.owner, self.keys.clone());
        for _ in 0..limits::STATE_TRIES {
            index::settle(ports, config, owner, &self.keys).await?;
            if self.close(ports).await? {
                return Ok(());
            }
            index::pause(ports).await;
            self = Self::open(ports, owner, &keys).await?;
        }
        // It stays open: `repair` closes it.
        Ok(())
    }
}

/// Whose journal this is, and whether it has been open for so long that nobody will close it.
pub(super) async fn left<P: Ports>(
    ports: &P,
    key: &str,
) -> Result<Option<(Owner, bool)>, StoreError> {
    let Some((page, _)) = record::read::<Page>(ports.store(), key).await? else {
        return Ok(None);
    };
    let now = ports.now();
    // One from the future was written by a clock that went back.
    let young =
        now < page.at.after(limits::JOURNAL_OPEN) && page.at <= now.after(limits::JOURNAL_OPEN);
    Ok(Some((page.owner, !young)))
}

async fn write<P: Ports>(
    ports: &P,
    owner: Owner,
    keys: &BTreeSet<String>,
    condition: Condition,
) -> Result<Option<Version>, StoreError> {
    let page = Page {
        owner,
        at: ports.now(),
        by: nonce(ports),
        keys: keys.clone(),
    };
    let put = record::write(ports.store(), &owner.journal(), &page, condition).await?;
    Ok(match put {
        Put::Written(version) => Some(version),
        Put::Conflict => None,
    })
}
