//! What a user logs in with: `people/logins/USERID.json`.
//!
//! The TOTP secret lies in it as it is, for it must be computed with; the rest are hashes. Whoever can
//! read this object can read the mail beside it, so sealing it under a key of the deployment would
//! protect nothing and cost every second factor when that key is changed.
//!
//! Every change is a compare-and-set on what was read, so that a code is accepted once and a change of
//! password is never undone by a login at the same moment. Where the store has no conditional writes
//! two at the same moment may both pass, and the later one stands.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::password::PasswordHash;
use super::recovery::RecoveryHash;
use super::totp::{Step, TotpSecret};
use crate::custody::record;
use crate::custody::store::{Condition, Put, Store as _, StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;
use crate::ports::Ports;
use crate::time::Timestamp;

/// What a user logs in with. Its secrets are not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// The record's shape: 1.
    pub version: u32,
    /// Whose it is.
    pub user: UserId,
    /// The password.
    pub(super) password: PasswordHash,
    /// The second factor, where one is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) totp: Option<Enrolled>,
    /// The recovery codes that are left.
    #[serde(default)]
    pub(super) recovery: Vec<RecoveryHash>,
    /// The epoch of the sessions that stand: a random name. Those of any other are void. A name and
    /// not a moment, so that no clock that went wrong can end, or save, a session.
    pub(super) epoch: String,
    /// The activation link that was used up to write this, so that it is used up whatever became of
    /// the link's own record.
    pub(super) link: String,
    /// When the user first had one.
    pub created: Timestamp,
    /// When the password, the second factor or the recovery codes were last changed.
    pub changed: Timestamp,
}

/// A second factor.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Enrolled {
    pub secret: TotpSecret,
    /// The last step whose code was accepted.
    pub last: Step,
}

impl Credential {
    /// Whether a second factor is enrolled.
    pub fn has_second_factor(&self) -> bool {
        self.totp.is_some()
    }

    /// Recovery codes that are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("user", &self.user)
            .field("second_factor", &self.has_second_factor())
            .field("recovery_left", &self.recovery_left())
            .field("created", &self.created)
            .field("changed", &self.changed)
            .finish_non_exhaustive()
    }
}

/// Reads a user's; none where the user has never set one up.
pub async fn read<P: Ports>(ports: &P, user: UserId) -> Result<Option<Credential>, StoreError> {
    let found = record::read(ports.store(), &key(user)).await?;
    Ok(found.map(|(credential, _)| credential))
}

/// Changes a user's: `change` is applied to what is stored, again if somebody was faster, and gives
/// what came of it, or nothing where nothing is to be written. None: nothing was written, or the user
/// has none.
pub(super) async fn change<P: Ports, T>(
    ports: &P,
    user: UserId,
    mut change: impl FnMut(&mut Credential) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let key = key(user);
    for _ in 0..limits::STATE_TRIES {
        let Some((mut credential, version)) = record::read(ports.store(), &key).await? else {
            return Ok(None);
        };
        let Some(came) = change(&mut credential) else {
            return Ok(None);
        };
        let condition = Condition::Unchanged(version);
        if let Put::Written(_) = record::write(ports.store(), &key, &credential, condition).await? {
            return Ok(Some(came));
        }
    }
    Err(contended())
}

/// Everybody who has ever set one up.
pub async fn owners<P: Ports>(ports: &P) -> Result<BTreeSet<UserId>, StoreError> {
    let mut owners = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let page = ports
            .store()
            .list(LOGINS, after.as_deref(), limits::LIST_PAGE)
            .await?;
        let names = page.keys.iter().filter_map(|key| {
            let id = key.strip_prefix(LOGINS)?.strip_suffix(".json")?;
            id.parse::<UserId>().ok()
        });
        owners.extend(names);
        after = page.keys.last().filter(|_| page.more).cloned();
        if after.is_none() {
            return Ok(owners);
        }
    }
}

/// Takes a user's away, and any activation link with it: for a user who is no more.
pub async fn forget<P: Ports>(ports: &P, user: UserId) -> Result<(), StoreError> {
    super::activation::void(ports, user).await?;
    ports.store().delete(&key(user)).await
}

pub(super) fn key(user: UserId) -> String {
    format!("{LOGINS}{user}.json")
}

pub(super) fn contended() -> StoreError {
    let detail = "others change the same record all the time";
    StoreError::new(StoreErrorKind::Unavailable, detail)
}

const LOGINS: &str = "people/logins/";
