//! What somebody who is in changes about the own login, and what an operator ends.
//!
//! The password is asked for once more, and slowed down as at the login: a browser that was left open
//! must not be enough to take an account over.

use super::act::{Act, What};
use super::activation;
use super::credential::{self, Credential, Enrolled};
use super::keys::Keys;
use super::password::{self, PasswordHash, Unfit, Verified};
use super::recovery::{self, RecoveryCode};
use super::session::{Half, Session};
use super::throttle::{self, Client, Of};
use super::{Account, LoginError, enter, known, offered, refused, slowed, unavailable};
use crate::custody::store::StoreError;
use crate::people::UserId;
use crate::ports::{Event, Ports, nonce};

/// Why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The new one is not taken.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The old one is not right, or there is more in the way.
    #[error(transparent)]
    Login(#[from] LoginError),
}

/// Changes the password of who is in. All sessions end, and a link that is out is void; the answer is
/// a session to go on with.
pub async fn change_password<P: Ports>(
    ports: &P,
    keys: &Keys,
    session: &Session,
    old: &str,
    new: &str,
    own: &[&str],
) -> Result<(Session, Act), ChangeError> {
    password::check_new(new, own)?;
    let (user, now) = (session.user(), ports.now());
    let proved = prove(ports, keys, session, old).await?;
    let hash = PasswordHash::new(ports, new).map_err(|_| LoginError::Unavailable)?;
    let epoch = nonce(ports);
    let changed = credential::change(ports, user, |credential| {
        is_still(&proved, credential).then(|| {
            credential.password = hash.clone();
            credential.epoch = epoch.clone();
            credential.changed = now;
        })
    });
    done(ports, changed.await)?;
    if activation::void(ports, user).await.is_err() {
        ports.write(Event::new("login.link_not_voided").with("user", user.to_string()));
    }
    ports.write(Event::new("login.password_changed").with("user", user.to_string()));
    let session = enter(ports, user, &epoch, "changed password");
    Ok((session, Act::new(now, user, What::PasswordChanged)))
}

/// Makes new recovery codes for who is in; the old ones are void. They are shown once.
pub async fn renew_recovery<P: Ports>(
    ports: &P,
    keys: &Keys,
    session: &Session,
    password: &str,
) -> Result<(Vec<RecoveryCode>, Act), LoginError> {
    let (user, now) = (session.user(), ports.now());
    let proved = prove(ports, keys, session, password).await?;
    let (codes, hashes) = recovery::codes(ports, user);
    let changed = credential::change(ports, user, |credential| {
        is_still(&proved, credential).then(|| {
            credential.recovery = hashes.clone();
            credential.changed = now;
        })
    });
    done(ports, changed.await)?;
    ports.write(Event::new("login.recovery_renewed").with("user", user.to_string()));
    Ok((codes, Act::new(now, user, What::RecoveryRenewed)))
}

/// Enrols the second factor that [`offered`] showed to a half session, and lets its user in.
pub async fn enrol<P: Ports>(
    ports: &P,
    keys: &Keys,
    half: &Half,
    account: &Account,
    code: &str,
    client: &Client,
) -> Result<(Session, Vec<RecoveryCode>, Act), LoginError> {
    let (user, now) = (half.user(), ports.now());
    slowed(
        ports,
        throttle::begin(ports, keys, Of::SecondFactor(user)).await,
    )?;
    let secret = offered(keys, half);
    let may = account.user == user && account.active && account.access;
    let last = secret.accepts(code, now, None).filter(|_| may);
    let Some(last) = last else {
        return Err(refused(ports, keys, client, Some(account), "enrolment").await);
    };
    let (codes, hashes) = recovery::codes(ports, user);
    let changed = credential::change(ports, user, |credential| {
        (half.is_of(credential) && !credential.has_second_factor()).then(|| {
            let secret = secret.clone();
            credential.totp = Some(Enrolled { secret, last });
            credential.recovery = hashes.clone();
            credential.changed = now;
            credential.epoch.clone()
        })
    });
    let epoch = done(ports, changed.await)?;
    throttle::succeeded(ports, keys, Of::SecondFactor(user)).await;
    let session = enter(ports, user, &epoch, "enrolment");
    Ok((session, codes, Act::new(now, user, What::Enrolled)))
}

/// Ends all sessions of a user. Who has no login has no sessions.
pub async fn revoke_all<P: Ports>(ports: &P, user: UserId) -> Result<Act, StoreError> {
    let epoch = nonce(ports);
    credential::change(ports, user, |credential| {
        credential.epoch = epoch.clone();
        Some(())
    })
    .await?;
    ports.write(Event::new("login.revoked").with("user", user.to_string()));
    Ok(Act::new(ports.now(), user, What::SessionsRevoked))
}

/// The credential of who is in, if the password is right.
async fn prove<P: Ports>(
    ports: &P,
    keys: &Keys,
    session: &Session,
    password: &str,
) -> Result<Credential, LoginError> {
    let user = session.user();
    slowed(
        ports,
        throttle::begin(ports, keys, Of::Password(user)).await,
    )?;
    let account = Account {
        user,
        active: true,
        access: true,
        second_factor: super::SecondFactor::Required,
    };
    let known = known(ports, Some(&account)).await?;
    let hash = known.as_ref().map(|credential| &credential.password);
    let verified = password::verify(password, hash);
    let proved = known.filter(|credential| verified != Verified::No && session.is_of(credential));
    let Some(credential) = proved else {
        let event = Event::new("login.refused").with("reason", "password asked for once more");
        ports.write(event.with("user", user.to_string()));
        return Err(LoginError::Refused);
    };
    throttle::succeeded(ports, keys, Of::Password(user)).await;
    Ok(credential)
}

/// Whether nobody changed the password or ended the sessions since it was proved.
fn is_still(proved: &Credential, credential: &Credential) -> bool {
    proved.password == credential.password && proved.epoch == credential.epoch
}

fn done<T>(ports: &impl Ports, changed: Result<Option<T>, StoreError>) -> Result<T, LoginError> {
    match changed {
        Ok(Some(came)) => Ok(came),
        // Somebody else was faster, and it is no longer what was proved.
        Ok(None) => Err(LoginError::Refused),
        Err(error) => Err(unavailable(ports, &error)),
    }
}
