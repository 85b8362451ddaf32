//! From an activation link to a login: a new password, and a second factor that is confirmed by its
//! first code.
//!
//! Everything is judged first and written once, at the end: the credential, against the version that
//! was read, with the link's name in it. Before that write the link is as good as before, after it the
//! user can log in; recovery codes that were never shown because the answer was lost can be made anew
//! ([`change::renew_recovery`](super::change::renew_recovery)).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::act::{Act, What};
use super::activation::{self, LinkError, Open};
use super::credential::{self, Credential, Enrolled};
use super::keys::Keys;
use super::password::{self, PasswordHash, Unfit};
use super::recovery::{self, RecoveryCode};
use super::session::Session;
use super::throttle::{self, Of};
use super::totp::TotpSecret;
use super::{Account, SecondFactor, enter};
use crate::custody::record::{self, Known};
use crate::custody::store::{Condition, Put, Store as _, StoreError};
use crate::limits;
use crate::ports::{Event, Ports, nonce};
use crate::time::Timestamp;

/// What the form of an activation link says. It is not printed.
#[derive(Clone, Copy)]
pub struct Form<'f> {
    /// What stands in the link.
    pub token: &'f str,
    /// The new password; none where it was [`choose`]n before.
    pub password: Option<&'f str>,
    /// The first code of the second factor; absent where none is wanted.
    pub code: Option<&'f str>,
    /// The user's names and addresses, which the password must not be.
    pub own: &'f [&'f str],
}

/// A login that was set up.
#[derive(Debug)]
pub struct Ready {
    /// The recovery codes, to be shown once; none without a second factor.
    pub codes: Vec<RecoveryCode>,
    /// A session, where the user has access now.
    pub session: Option<Session>,
    /// For the audit log.
    pub act: Act,
}

/// Why a login was not set up. The link is as good as before, unless the error is about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetUpError {
    /// The link opens nothing.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The password is not taken.
    #[error(transparent)]
    Password(#[from] Unfit),
    /// No password was chosen yet, or that was long ago.
    #[error("choose a password first")]
    NotChosen,
    /// The code does not belong to the secret that was shown, or its time is over.
    #[error("this code is not right; wait for the next one and check the device's clock")]
    Code,
    /// The link's user is not active, or another than `account`.
    #[error("this user may not log in")]
    Refused,
    /// The storage cannot be asked or no memory is left; trying again may help.
    #[error("setting up the login is not possible right now")]
    Unavailable,
}

/// The secret that is offered with a link: the same each time the link is opened.
pub fn offered(keys: &Keys, token: &str) -> TotpSecret {
    TotpSecret::offered(keys, &format!("activation link {token}"))
}

/// Keeps the hash of a password until the second factor is confirmed, so that no page has to carry the
/// password itself. It opens nothing yet.
pub async fn choose<P: Ports>(
    ports: &P,
    account: &Account,
    form: &Form<'_>,
) -> Result<(), SetUpError> {
    let open = opened(ports, account, form).await?;
    let hash = hash(ports, form)?.ok_or(SetUpError::NotChosen)?;
    let chosen = Chosen {
        hash,
        expires: ports.now().after(limits::CHOSEN_PASSWORD),
    };
    let key = chosen_key(&open.name);
    let written = record::write(ports.store(), &key, &chosen, Condition::Always).await;
    written
        .map(drop)
        .map_err(|error| unavailable(ports, &error))
}

/// A password that waits for its second factor: `people/chosen/LINK.json`.
#[derive(Serialize, Deserialize)]
struct Chosen {
    hash: PasswordHash,
    expires: Timestamp,
}

async fn chosen<P: Ports>(ports: &P, open: &Open) -> Result<PasswordHash, SetUpError> {
    let found = record::read::<Chosen>(ports.store(), &chosen_key(&open.name)).await;
    let found = found.map_err(|error| unavailable(ports, &error))?;
    let live = found.filter(|(chosen, _)| ports.now() < chosen.expires);
    live.map(|(chosen, _)| chosen.hash)
        .ok_or(SetUpError::NotChosen)
}

fn chosen_key(link: &str) -> String {
    format!("{CHOSEN}{link}.json")
}

async fn opened<P: Ports>(
    ports: &P,
    account: &Account,
    form: &Form<'_>,
) -> Result<Open, SetUpError> {
    let open = activation::open(ports, form.token).await?;
    match open.link.user == account.user && account.active {
        true => Ok(open),
        false => Err(SetUpError::Refused),
    }
}

fn hash<P: Ports>(ports: &P, form: &Form<'_>) -> Result<Option<PasswordHash>, SetUpError> {
    let Some(password) = form.password else {
        return Ok(None);
    };
    password::check_new(password, form.own)?;
    let hash = PasswordHash::new(ports, password);
    hash.map(Some).map_err(|_| SetUpError::Unavailable)
}

fn unavailable<P: Ports>(ports: &P, error: &StoreError) -> SetUpError {
    let _ = super::unavailable(ports, error);
    SetUpError::Unavailable
}

/// Sets up the login of `account`, the link's user as the directory knows them now.
pub async fn set_up<P: Ports>(
    ports: &P,
    keys: &Keys,
    account: &Account,
    form: &Form<'_>,
) -> Result<Ready, SetUpError> {
    let open = opened(ports, account, form).await?;
    let typed = hash(ports, form)?;
    let totp = second_factor(ports, keys, account, form)?;
    let hash = match typed {
        Some(hash) => hash,
        None => chosen(ports, &open).await?,
    };
    let (codes, recovery) = match totp {
        Some(_) => recovery::codes(ports, account.user),
        None => (Vec::new(), Vec::new()),
    };
    let now = ports.now();
    let credential = Credential {
        version: 1,
        user: account.user,
        password: hash,
        totp,
        recovery,
        epoch: nonce(ports),
        link: open.name.clone(),
        created: now,
        changed: now,
    };
    write(ports, &credential).await?;
    settle(ports, keys, &open).await;
    let purpose = open.link.purpose;
    Ok(Ready {
        codes,
        session: account
            .access
            .then(|| enter(ports, account.user, &credential.epoch, "activation link")),
        act: Act::new(now, account.user, What::LinkUsed { purpose }),
    })
}

fn second_factor<P: Ports>(
    ports: &P,
    keys: &Keys,
    account: &Account,
    form: &Form<'_>,
) -> Result<Option<Enrolled>, SetUpError> {
    let Some(code) = form.code else {
        return match account.second_factor {
            SecondFactor::Required => Err(SetUpError::Code),
            SecondFactor::Offered => Ok(None),
        };
    };
    let secret = offered(keys, form.token);
    let last = secret
        .accepts(code, ports.now(), None)
        .ok_or(SetUpError::Code)?;
    Ok(Some(Enrolled { secret, last }))
}

/// The one write that uses up the link and makes the credential.
async fn write<P: Ports>(ports: &P, credential: &Credential) -> Result<(), SetUpError> {
    let key = credential::key(credential.user);
    let unavailable = |error: StoreError| unavailable(ports, &error);
    for _ in 0..limits::STATE_TRIES {
        let known = record::read_to_change::<Credential>(ports.store(), &key).await;
        let (known, condition) = known.map_err(unavailable)?;
        let mut credential = credential.clone();
        match known {
            Known::Some(old) if old.link == credential.link => {
                return Err(SetUpError::Link(LinkError::Used));
            }
            Known::Some(old) => credential.created = old.created,
            Known::None | Known::Unreadable => {}
        }
        let put = record::write(ports.store(), &key, &credential, condition).await;
        if let Put::Written(_) = put.map_err(unavailable)? {
            return Ok(());
        }
    }
    Err(unavailable(credential::contended()))
}

/// What follows the write, and may be lost: the link's mark, and the failures that were counted against
/// whoever needed this link.
async fn settle<P: Ports>(ports: &P, keys: &Keys, open: &Open) {
    let user = open.link.user;
    if activation::use_up(ports, open).await.is_err() {
        ports.write(Event::new("login.link_unmarked").with("user", user.to_string()));
    }
    throttle::succeeded(ports, keys, Of::SecondFactor(user)).await;
    throttle::succeeded(ports, keys, Of::Password(user)).await;
    let _ = ports.store().delete(&chosen_key(&open.name)).await;
}

/// Where chosen passwords wait.
pub const CHOSEN: &str = "people/chosen/";

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}
