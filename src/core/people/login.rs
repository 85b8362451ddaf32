//! Login, independent of every other system: who has a password and a second factor here gets in,
//! whatever else is down.
//!
//! | part | what it says |
//! | --- | --- |
//! | [`activation`] | links that lead to a first password |
//! | [`set_up`] | from a link to a password and a second factor |
//! | [`password`], [`totp`], [`recovery`] | what a user knows, has, and keeps for bad days |
//! | [`credential`] | what is kept of them |
//! | [`session`], [`cookie`], [`keys`] | what a browser holds, and how it is signed |
//! | [`throttle`] | slowing down whoever guesses |
//! | [`change`] | changing a password, ending sessions |
//! | [`act`] | what goes into the audit log |
//! | [`sweep`] | what is left over |
//!
//! An answer does not tell whether a user exists: a name nobody has, a wrong password, a user who is
//! not active and one who has no access now get the same error, after the same reads of storage and
//! one hash each. The log knows which it was.

pub mod act;
pub mod activation;
pub mod change;
pub mod cookie;
pub mod credential;
pub mod keys;
pub mod password;
pub mod recovery;
pub mod session;
pub mod set_up;
pub mod sweep;
pub mod throttle;
pub mod totp;

use std::time::Duration;

use crate::custody::store::{StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;
use crate::ports::{Event, Ports};

use act::{Act, What};
use credential::Credential;
use keys::Keys;
use password::{PasswordHash, Verified};
use session::{Half, Session};
use throttle::{Client, Of, Slowed};
use totp::TotpSecret;

/// A user as the directory and the access switch know them at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// Whether the directory has them active.
    pub active: bool,
    /// Whether the access switch lets them in now.
    pub access: bool,
    /// Whether a password alone will do.
    pub second_factor: SecondFactor,
}

/// Whether a password alone will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SecondFactor {
    /// It will not: who has no second factor enrols one.
    #[default]
    Required,
    /// It will for who has no second factor.
    Offered,
}

/// What follows a password that was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The second factor is asked for: [`second_factor`].
    SecondFactor(Half),
    /// A second factor is to be enrolled: [`change::enrol`].
    Enrol(Half),
    /// Nothing: the user is in.
    In(Session),
}

/// Why somebody is not in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The name or the password or the code is wrong, or this user may not log in now: which, only the
    /// log knows. 401.
    #[error("this name, password or code is not right, or there is no access at the moment")]
    Refused,
    /// There were too many failures; try again after so long. 429.
    #[error("too many attempts; try again in {} s", .wait.as_millis().div_ceil(1_000))]
    Slow {
        /// How long.
        wait: Duration,
    },
    /// The storage cannot be asked; trying again may help. 503.
    #[error("logging in is not possible right now")]
    Unavailable,
}

/// Judges a name and a password. `account` is who has this name, if anybody has.
pub async fn log_in<P: Ports>(
    ports: &P,
    keys: &Keys,
    account: Option<&Account>,
    name: &str,
    password: &str,
    client: &Client,
) -> Result<Next, LoginError> {
    let name = Of::Name(bounded(name));
    slowed(
        ports,
        throttle::check(ports, keys, Of::Address(client)).await,
    )?;
    slowed(ports, throttle::begin(ports, keys, name).await)?;
    let known = known(ports, account).await?;
    let hash = known.as_ref().map(|credential| &credential.password);
    let verified = password::verify(password, hash);
    let (account, credential) = match admitted(account, known, verified) {
        Ok(admitted) => admitted,
        Err(reason) => return Err(refused(ports, keys, client, account, reason).await),
    };
    throttle::succeeded(ports, keys, name).await;
    if verified == Verified::YesAgedHash {
        rehash(ports, &credential, password).await;
    }
    let (user, epoch) = (account.user, credential.epoch.as_str());
    Ok(
        match (credential.has_second_factor(), account.second_factor) {
            (true, _) => Next::SecondFactor(Half::new(ports, user, epoch)),
            (false, SecondFactor::Required) => Next::Enrol(Half::new(ports, user, epoch)),
            (false, SecondFactor::Offered) => Next::In(enter(ports, user, epoch, "password")),
        },
    )
}

/// Judges the second factor: a code of the app, or a recovery code, which is then used up. `account` is
/// the half session's user as they are known now.
pub async fn second_factor<P: Ports>(
    ports: &P,
    keys: &Keys,
    half: &Half,
    account: Option<&Account>,
    answer: &str,
    client: &Client,
) -> Result<(Session, Option<Act>), LoginError> {
    let (user, now) = (half.user(), ports.now());
    let of = Of::SecondFactor(user);
    slowed(
        ports,
        throttle::check(ports, keys, Of::Address(client)).await,
    )?;
    slowed(ports, throttle::begin(ports, keys, of).await)?;
    let account = account.filter(|account| account.user == user);
    if !account.is_some_and(|account| account.active && account.access) {
        return Err(refused(ports, keys, client, account, "inactive or without access").await);
    }
    let changed = credential::change(ports, user, |credential| {
        if !half.is_of(credential) {
            return None;
        }
        let used = accept(credential, answer, now)?;
        Some((used, credential.epoch.clone()))
    });
    let (used, epoch) = match changed.await {
        Ok(Some(accepted)) => accepted,
        Ok(None) => return Err(refused(ports, keys, client, account, "second factor").await),
        Err(error) => return Err(unavailable(ports, &error)),
    };
    throttle::succeeded(ports, keys, of).await;
    let act = |left| Act::new(now, user, What::RecoveryUsed { left });
    let (factor, act) = match used {
        Used::Code => ("code", None),
        Used::Recovery { left } => ("recovery code", Some(act(left))),
    };
    Ok((enter(ports, user, &epoch, factor), act))
}

/// The secret that is offered to a half session whose user has no second factor yet.
pub fn offered(keys: &Keys, half: &Half) -> TotpSecret {
    TotpSecret::offered(keys, &format!("half session {}", half.id()))
}

/// What proved the second factor.
enum Used {
    Code,
    Recovery { left: usize },
}

/// Takes the answer, so that it is accepted once.
fn accept(credential: &mut Credential, answer: &str, now: crate::time::Timestamp) -> Option<Used> {
    if totp::looks_like_a_code(answer) {
        let enrolled = credential.totp.as_mut()?;
        enrolled.last = enrolled.secret.accepts(answer, now, Some(enrolled.last))?;
        return Some(Used::Code);
    }
    let user = credential.user;
    let used = recovery::use_up(&mut credential.recovery, user, answer);
    let left = credential.recovery.len();
    used.then_some(Used::Recovery { left })
}

/// What is kept of the account. A name that nobody has costs the same read; a record that cannot be
/// read is as none, so that damage does not tell who exists.
async fn known<P: Ports>(
    ports: &P,
    account: Option<&Account>,
) -> Result<Option<Credential>, LoginError> {
    let user = account.map_or_else(|| UserId::new(ports), |account| account.user);
    match credential::read(ports, user).await {
        Ok(known) => Ok(known),
        Err(error) if error.kind == StoreErrorKind::Damaged => {
            ports.write(Event::new("login.record_damaged").with("user", user.to_string()));
            Ok(None)
        }
        Err(error) => Err(unavailable(ports, &error)),
    }
}

/// Everything that must be so, or for the log the first thing that is not.
fn admitted(
    account: Option<&Account>,
    known: Option<Credential>,
    verified: Verified,
) -> Result<(&Account, Credential), &'static str> {
    let account = account.ok_or("unknown")?;
    let credential = known.ok_or("not activated")?;
    if verified == Verified::No {
        return Err("password");
    }
    if !account.active {
        return Err("inactive");
    }
    if !account.access {
        return Err("no access");
    }
    Ok((account, credential))
}

async fn refused<P: Ports>(
    ports: &P,
    keys: &Keys,
    client: &Client,
    account: Option<&Account>,
    reason: &'static str,
) -> LoginError {
    throttle::failed(ports, keys, Of::Address(client)).await;
    let mut event = Event::new("login.refused").with("reason", reason);
    if let Some(account) = account {
        event = event.with("user", account.user.to_string());
    }
    ports.write(event);
    LoginError::Refused
}

/// A password that was right is hashed with today's costs. Where that cannot be written, the next login
/// does it.
async fn rehash<P: Ports>(ports: &P, old: &Credential, password: &str) {
    let Ok(hash) = PasswordHash::new(ports, password) else {
        return;
    };
    let _ = credential::change(ports, old.user, |credential| {
        let same = credential.password == old.password;
        same.then(|| credential.password = hash.clone())
    })
    .await;
}

fn enter<P: Ports>(ports: &P, user: UserId, epoch: &str, factor: &'static str) -> Session {
    let session = Session::new(ports, user, epoch);
    let event = Event::new("login.in").with("user", user.to_string());
    ports.write(event.with("session", session.id()).with("factor", factor));
    session
}

fn slowed(ports: &impl Ports, judged: Result<(), Slowed>) -> Result<(), LoginError> {
    match judged {
        Ok(()) => Ok(()),
        Err(Slowed::Wait(wait)) => {
            let seconds = u64::try_from(wait.as_millis())
                .unwrap_or(u64::MAX)
                .div_ceil(1_000);
            ports.write(Event::new("login.slowed").with("seconds", seconds));
            Err(LoginError::Slow { wait })
        }
        Err(Slowed::Unavailable(error)) => Err(unavailable(ports, &error)),
    }
}

/// The words of the storage go to the log: they name objects. Those about a record that cannot be read
/// may repeat a piece of it, and go nowhere.
fn unavailable(ports: &impl Ports, error: &StoreError) -> LoginError {
    let detail = match error.kind {
        StoreErrorKind::Damaged => "a record cannot be read",
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => error.detail.as_str(),
    };
    ports.write(Event::new("login.unavailable").with("error", detail));
    LoginError::Unavailable
}

/// The name, or so much of it as a name can have.
fn bounded(name: &str) -> &str {
    let end = (0..=limits::LOGIN_NAME_BYTES.min(name.len())).rev();
    let fits = end.filter_map(|end| name.get(..end)).next();
    fits.unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
