//! From an activation link to a login: a new password, and a second factor that is confirmed by its
//! first code.
//!
//! Everything is judged first and written once, at the end: the credential, against the version that
//! was read, with the link's name in it. Before that write the link is as good as before, after it the
//! user can log in; recovery codes that were never shown because the answer was lost can be made anew
//! ([`change::renew_recovery`](super::change::renew_recovery)).

use std::fmt;

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
use crate::custody::store::{Put, StoreError};
use crate::limits;
use crate::ports::{Event, Ports, nonce};

/// What the form of an activation link says. It is not printed.
#[derive(Clone, Copy)]
pub struct Form<'f> {
    /// What stands in the link.
    pub token: &'f str,
    /// The new password.
    pub password: &'f str,
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

/// Sets up the login of `account`, the link's user as the directory knows them now.
pub async fn set_up<P: Ports>(
    ports: &P,
    keys: &Keys,
    account: &Account,
    form: &Form<'_>,
) -> Result<Ready, SetUpError> {
    let open = activation::open(ports, form.token).await?;
    if open.link.user != account.user || !account.active {
        return Err(SetUpError::Refused);
    }
    password::check_new(form.password, form.own)?;
    let totp = second_factor(ports, keys, account, form)?;
    let hash = PasswordHash::new(ports, form.password).map_err(|_| SetUpError::Unavailable)?;
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
    let unavailable = |error: StoreError| {
        let _ = super::unavailable(ports, &error);
        SetUpError::Unavailable
    };
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
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(..)")
    }
}
