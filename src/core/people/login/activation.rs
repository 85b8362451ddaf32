//! Activation links: how somebody who has no password yet, or has it no more, gets one.
//!
//! A link carries 256 random bits. Of them the storage keeps the SHA-256 only, as the name of
//! `people/activations/HASH.json`: random bits need no slow hash, and who reads the storage cannot use
//! the links. `people/links/USERID.json` names the link of a user that counts, so that a new one makes
//! the older ones void: it is written after the link's own record and before the link is given out.
//!
//! Opening a link changes nothing, because mail scanners open every link before people do. It is used
//! up by the one write that also makes its owner's [`Credential`](super::credential::Credential), which
//! names the link: two at the same moment write against the same version, and one of them loses. The
//! link's own record is marked after that. An instance that dies before that write leaves the link good;
//! one that dies after it leaves somebody who can log in.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::act::{Act, What};
use super::credential;
use crate::custody::record;
use crate::custody::store::{Condition, Store as _, StoreError, StoreErrorKind, Version};
use crate::limits;
use crate::people::UserId;
use crate::ports::{Event, Ports};
use crate::time::Timestamp;

/// What stands in a link, in base64url. It is a secret, and not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkToken(String);

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Purpose {
    /// The first password.
    Activate,
    /// Another, for somebody who lost the password or the second factor.
    Reset,
}

/// A link's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whose it is.
    pub user: UserId,
    /// When it was made.
    pub made: Timestamp,
    /// When it is over.
    pub expires: Timestamp,
    /// What it is for.
    pub purpose: Purpose,
    /// The operator who made it.
    pub by: String,
    /// When it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Timestamp>,
}

/// A link that is good, looked at and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What it says.
    pub link: Link,
    /// The name of its record.
    pub(super) name: String,
    version: Version,
}

/// Why a link opens nothing. Telling which is no leak: only its owner has it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is none of ours, or was cut.
    #[error("this link is not known here; was all of it copied?")]
    Unknown,
    /// It was used: its owner can log in.
    #[error("this link was used already")]
    Used,
    /// A newer one was made, or the password was changed since.
    #[error("this link is void: a newer one was made, or the password was changed since")]
    Void,
    /// Its time is over.
    #[error("this link is over; ask for a new one")]
    Expired,
    /// The storage cannot say; trying again may help.
    #[error("whether this link is good cannot be known now")]
    Unavailable,
}

/// Makes a link for a user, good for `life` ([`limits::ACTIVATION`] where the operator says nothing;
/// [`limits::ACTIVATION_LONGEST`] at most), and makes the user's older ones void.
pub async fn make<P: Ports>(
    ports: &P,
    user: UserId,
    purpose: Purpose,
    by: &str,
    life: Duration,
) -> Result<(LinkToken, Act), StoreError> {
    let mut random = [0; 32];
    ports.random(&mut random);
    let token = LinkToken(URL_SAFE_NO_PAD.encode(random));
    let name = name(&token.0);
    let made = ports.now();
    let link = Link {
        user,
        made,
        expires: made.after(life.min(limits::ACTIVATION_LONGEST)),
        purpose,
        by: by.to_owned(),
        used: None,
    };
    record::write(ports.store(), &key(&name), &link, Condition::Always).await?;
    let counts = Counts { link: name };
    record::write(ports.store(), &counts_key(user), &counts, Condition::Always).await?;
    ports.write(Event::new("login.link_made").with("user", user.to_string()));
    let what = What::LinkMade {
        purpose,
        expires: link.expires,
    };
    Ok((token, Act::new(made, user, what)))
}

/// Looks at a link without using it.
pub async fn open<P: Ports>(ports: &P, token: &str) -> Result<Open, LinkError> {
    if !is_token(token) {
        return Err(LinkError::Unknown);
    }
    let name = name(token);
    let found = record::read::<Link>(ports.store(), &key(&name)).await;
    let (link, version) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Err(LinkError::Unknown),
        Err(error) => return Err(unavailable(&error)),
    };
    if link.used.is_some() || is_used_up(ports, &link, &name).await? {
        return Err(LinkError::Used);
    }
    let counts = record::read::<Counts>(ports.store(), &counts_key(link.user)).await;
    match counts {
        Ok(Some((counts, _))) if counts.link == name => {}
        Ok(_) => return Err(LinkError::Void),
        Err(error) => return Err(unavailable(&error)),
    }
    let now = ports.now();
    // One that reaches further than any does was made by a clock that went wrong.
    if link.expires <= now || link.expires > now.after(limits::ACTIVATION_LONGEST) {
        return Err(LinkError::Expired);
    }
    Ok(Open {
        link,
        name,
        version,
    })
}

/// The link of a user that is out and good, as an operator may know of it: its record, which opens
/// nothing. Records that cannot be read are as none, because they open nothing either.
pub async fn standing<P: Ports>(ports: &P, user: UserId) -> Result<Option<Link>, StoreError> {
    let counts = readable(record::read::<Counts>(ports.store(), &counts_key(user)).await)?;
    let Some((Counts { link: name }, _)) = counts else {
        return Ok(None);
    };
    let link = readable(record::read::<Link>(ports.store(), &key(&name)).await)?;
    let now = ports.now();
    let good = |link: &Link| link.used.is_none() && link.user == user && now < link.expires;
    let Some((link, _)) = link.filter(|(link, _)| good(link)) else {
        return Ok(None);
    };
    match is_used_up(ports, &link, &name).await {
        Ok(false) => Ok(Some(link)),
        Ok(true) => Ok(None),
        Err(_) => {
            let detail = "whether an activation link was used cannot be known now";
            Err(StoreError::new(StoreErrorKind::Unavailable, detail))
        }
    }
}

fn readable<T>(read: Result<Option<T>, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(None),
        read => read,
    }
}

/// Whether the owner's credential was made with it, whatever its own record says.
async fn is_used_up<P: Ports>(ports: &P, link: &Link, name: &str) -> Result<bool, LinkError> {
    match credential::read(ports, link.user).await {
        Ok(credential) => Ok(credential.is_some_and(|credential| credential.link == name)),
        // It can be made anew with this link.
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok(false),
        Err(_) => Err(LinkError::Unavailable),
    }
}

/// Marks a link as used, after the write that used it up. What somebody else wrote meanwhile stands.
pub(super) async fn use_up<P: Ports>(ports: &P, open: &Open) -> Result<(), StoreError> {
    let link = Link {
        used: Some(ports.now()),
        ..open.link.clone()
    };
    let condition = Condition::Unchanged(open.version.clone());
    record::write(ports.store(), &key(&open.name), &link, condition)
        .await
        .map(drop)
}

/// Makes all links of a user void.
pub async fn void<P: Ports>(ports: &P, user: UserId) -> Result<(), StoreError> {
    ports.store().delete(&counts_key(user)).await
}

impl LinkToken {
    /// The text to put into the link, and to show once.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkToken(..)")
    }
}

/// `people/links/USERID.json`: the link of a user that counts.
#[derive(Debug, Serialize, Deserialize)]
struct Counts {
    link: String,
}

fn unavailable(error: &StoreError) -> LinkError {
    match error.kind {
        StoreErrorKind::Damaged => LinkError::Void,
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => LinkError::Unavailable,
    }
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && URL_SAFE_NO_PAD.decode(text).is_ok()
}

fn name(token: &str) -> String {
    let digest = Sha256::digest(token);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(name: &str) -> String {
    format!("{ACTIVATIONS}{name}.json")
}

fn counts_key(user: UserId) -> String {
    format!("people/links/{user}.json")
}

pub(super) const ACTIVATIONS: &str = "people/activations/";
/// Thirty-two bytes in base64url without padding.
const TOKEN_CHARS: usize = 43;

#[cfg(test)]
mod tests;
