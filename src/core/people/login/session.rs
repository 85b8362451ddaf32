//! Sessions: signed cookies, so that nothing is written when somebody logs in and nothing but the
//! user's own record is read when a page is shown.
//!
//! A cookie says for whom, which session, of which epoch, when it was made and until when it is good,
//! with an HMAC over all of it. It ends after an hour without a request (each answer may renew it) and
//! after twelve hours in any case. It is void before that when the user's epoch is another
//! (of the credential: changed with the password and by logging out everywhere) or when
//! `people/revoked/SESSION.json` says that this one was logged out.
//!
//! Between the password and the second factor there is a half session: the same, signed with another
//! key, good for five minutes and for nothing else. Each step makes a session of a new name, so that a
//! cookie somebody planted before the login is worth nothing after it.

use futures::future::join;
use serde::{Deserialize, Serialize};

use super::credential::{self, Credential};
use super::keys::{Key, Keys};
use crate::custody::record;
use crate::custody::store::{Condition, Store as _, StoreError, StoreErrorKind};
use crate::limits;
use crate::people::UserId;
use crate::ports::{Clock, Ports, nonce};
use crate::time::Timestamp;

/// Somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session(Claim);

/// Somebody whose password was right, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half(Claim);

/// What a cookie says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claim {
    user: UserId,
    /// The session's name: 128 random bits in hex.
    id: String,
    /// The epoch of the user's sessions that it belongs to.
    epoch: String,
    made: Timestamp,
    expires: Timestamp,
}

/// Why a cookie opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIn {
    /// It is none of ours, or was changed.
    #[error("this is no session")]
    Forged,
    /// It was good once.
    #[error("the session is over")]
    Expired,
    /// It was logged out, here or everywhere, or the password was changed.
    #[error("the session was ended")]
    Revoked,
    /// The storage cannot say. Not the user's fault; trying again may help.
    #[error("whether the session stands cannot be known now")]
    Unavailable,
}

impl Session {
    pub(super) fn new(clock: &impl Clock, user: UserId, epoch: &str) -> Self {
        Self(Claim::new(clock, user, epoch, limits::SIGNED_IN_IDLE))
    }

    /// The user.
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// Its name, for the log.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// When the user logged in.
    pub fn made(&self) -> Timestamp {
        self.0.made
    }

    /// The value of its cookie. It is a secret: it goes into `Set-Cookie` and nowhere else.
    pub fn cookie(&self, keys: &Keys) -> String {
        self.0.sign(FULL, &keys.session)
    }

    /// Reads a cookie's value; whether it was revoked only [`check`] knows.
    pub fn read(keys: &Keys, value: &str, now: Timestamp) -> Result<Self, NotIn> {
        let claim = Claim::read(FULL, &keys.session, value)?;
        claim.at(now, limits::SIGNED_IN, limits::SIGNED_IN_IDLE)?;
        Ok(Self(claim))
    }

    /// The same session, good for longer, where its cookie should be set anew with the answer.
    pub fn renewed(&self, now: Timestamp) -> Option<Self> {
        let end = self.0.made.after(limits::SIGNED_IN);
        let expires = now.after(limits::SIGNED_IN_IDLE).min(end);
        let gained = expires.since(self.0.expires);
        (gained >= limits::SIGNED_IN_RENEWED).then(|| {
            Self(Claim {
                expires,
                ..self.0.clone()
            })
        })
    }

    /// The token that each form of this session carries against forged requests.
    pub fn csrf(&self, keys: &Keys) -> String {
        keys.csrf.sign(&self.0.id)
    }

    /// Whether a form's token is this session's, in constant time.
    pub fn csrf_is(&self, keys: &Keys, token: &str) -> bool {
        keys.csrf.signed(&self.0.id, token)
    }

    pub(super) fn is_of(&self, credential: &Credential) -> bool {
        self.0.is_of(credential)
    }
}

impl Half {
    pub(super) fn new(clock: &impl Clock, user: UserId, epoch: &str) -> Self {
        Self(Claim::new(clock, user, epoch, limits::HALF_SIGNED_IN))
    }

    /// The user, to find the account by.
    pub fn user(&self) -> UserId {
        self.0.user
    }

    /// Its name, for the log.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The value of its cookie, a secret.
    pub fn cookie(&self, keys: &Keys) -> String {
        self.0.sign(HALF, &keys.half)
    }

    /// Reads a cookie's value.
    pub fn read(keys: &Keys, value: &str, now: Timestamp) -> Result<Self, NotIn> {
        let claim = Claim::read(HALF, &keys.half, value)?;
        claim.at(now, limits::HALF_SIGNED_IN, limits::HALF_SIGNED_IN)?;
        Ok(Self(claim))
    }

    /// The token of the form that asks for the second factor.
    pub fn csrf(&self, keys: &Keys) -> String {
        keys.csrf.sign(&self.0.id)
    }

    /// Whether a form's token is this half session's, in constant time.
    pub fn csrf_is(&self, keys: &Keys, token: &str) -> bool {
        keys.csrf.signed(&self.0.id, token)
    }

    pub(super) fn is_of(&self, credential: &Credential) -> bool {
        self.0.is_of(credential)
    }
}

/// Reads a cookie's value and asks the storage whether the session still stands. Whether the user is
/// active and has access is the caller's to ask, with each request too.
pub async fn check<P: Ports>(ports: &P, keys: &Keys, value: &str) -> Result<Session, NotIn> {
    let session = Session::read(keys, value, ports.now())?;
    let credential = credential::read(ports, session.user());
    let key = revoked_key(session.id());
    let revoked = ports.store().peek(&key, 1);
    let (credential, revoked) = join(credential, revoked).await;
    match (credential, revoked) {
        (_, Ok(Some(_))) => Err(NotIn::Revoked),
        (Ok(Some(credential)), Ok(None)) if session.is_of(&credential) => Ok(session),
        (Ok(_), Ok(None)) => Err(NotIn::Revoked),
        (Err(error), _) if error.kind == StoreErrorKind::Damaged => Err(NotIn::Revoked),
        (Err(_), _) | (_, Err(_)) => Err(NotIn::Unavailable),
    }
}

/// Ends this session: the object is there until the cookie would have ended by itself.
pub async fn log_out<P: Ports>(ports: &P, session: &Session) -> Result<(), StoreError> {
    let revoked = Revoked {
        user: session.user(),
        expires: session.0.made.after(limits::SIGNED_IN),
    };
    let key = revoked_key(session.id());
    let put = record::write(ports.store(), &key, &revoked, Condition::Always).await;
    put.map(drop)
}

/// `people/revoked/SESSION.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Revoked {
    user: UserId,
    expires: Timestamp,
}

/// What guards the login form, before there is a session: a random cookie, and in the form what only
/// we can compute from it.
#[derive(Clone, PartialEq, Eq)]
pub struct FormTicket(String);

impl FormTicket {
    /// A new one.
    pub fn new(clock: &impl Clock) -> Self {
        Self(nonce(clock))
    }

    /// The one in a cookie; none where the value is none of ours.
    pub fn read(value: &str) -> Option<Self> {
        is_name(value).then(|| Self(value.to_owned()))
    }

    /// The value of its cookie.
    pub fn cookie(&self) -> &str {
        &self.0
    }

    /// The token that the form carries.
    pub fn token(&self, keys: &Keys) -> String {
        keys.form.sign(&self.0)
    }

    /// Whether a form's token belongs to this cookie, in constant time.
    pub fn token_is(&self, keys: &Keys, token: &str) -> bool {
        keys.form.signed(&self.0, token)
    }
}

impl std::fmt::Debug for FormTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormTicket(..)")
    }
}

impl Claim {
    fn new(clock: &impl Clock, user: UserId, epoch: &str, life: std::time::Duration) -> Self {
        let made = clock.now();
        Self {
            user,
            id: nonce(clock),
            epoch: epoch.to_owned(),
            made,
            expires: made.after(life),
        }
    }

    fn sign(&self, version: &str, key: &Key) -> String {
        let (made, expires) = (self.made.millis(), self.expires.millis());
        let body = format!(
            "{version}.{}.{}.{}.{made}.{expires}",
            self.user, self.id, self.epoch
        );
        let signature = key.sign(&body);
        format!("{body}.{signature}")
    }

    /// The signature is looked at first; what it covers is read only where it is ours.
    fn read(version: &str, key: &Key, value: &str) -> Result<Self, NotIn> {
        let bounded = value.len() <= limits::COOKIE_CHARS;
        let parts = value.rsplit_once('.').filter(|_| bounded);
        let (body, signature) = parts.ok_or(NotIn::Forged)?;
        if !key.signed(body, signature) {
            return Err(NotIn::Forged);
        }
        Self::parse(version, body).ok_or(NotIn::Forged)
    }

    fn parse(version: &str, body: &str) -> Option<Self> {
        let mut fields = body.split('.');
        fields.next().filter(|first| *first == version)?;
        let claim = Self {
            user: fields.next()?.parse().ok()?,
            id: fields.next().filter(|id| is_name(id))?.to_owned(),
            epoch: fields.next()?.to_owned(),
            made: Timestamp::from_millis(fields.next()?.parse().ok()?),
            expires: Timestamp::from_millis(fields.next()?.parse().ok()?),
        };
        fields.next().is_none().then_some(claim)
    }

    /// Whether it is good at this moment. One that was made in the future, or reaches further than it
    /// could, was made by a clock that went wrong.
    fn at(
        &self,
        now: Timestamp,
        life: std::time::Duration,
        idle: std::time::Duration,
    ) -> Result<(), NotIn> {
        let soon = now.after(limits::CLOCKS_APART);
        let over = self.expires <= now || self.made.after(life) <= now;
        let wrong = self.made > soon || self.expires > soon.after(idle);
        if over || wrong {
            return Err(NotIn::Expired);
        }
        Ok(())
    }

    fn is_of(&self, credential: &Credential) -> bool {
        self.user == credential.user && self.epoch == credential.epoch
    }
}

/// A name as [`nonce`] makes them.
fn is_name(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn revoked_key(session: &str) -> String {
    format!("{REVOKED}{session}.json")
}

pub(super) const REVOKED: &str = "people/revoked/";
const FULL: &str = "1";
const HALF: &str = "half1";

#[cfg(test)]
mod tests;
