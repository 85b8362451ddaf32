//! `POST /v1/people/{user}/activation`: an activation link, to be handed out or sent to the user's
//! address elsewhere.
//!
//! The link is a secret that is shown once: here, or in the letter that carries it. An instance that
//! dies before its answer leaves a link that nobody knows; the next one makes it void.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::letter::Letter;
use super::{named, not_done};
use crate::config::Config;
use crate::limits;
use crate::mail::EmailAddress;
use crate::operate::{Operator, audit, check_reason};
use crate::people::UserId;
use crate::people::directory::User;
use crate::people::login::activation::{self, Purpose};
use crate::people::mailbox::sending;
use crate::ports::{Ports, new_id};
use crate::problem::{Kind, Problem};
use crate::routing::Route;
use crate::time::Timestamp;

/// An order as an operator sends it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivationOrder {
    /// Why; it stands in the audit log.
    pub reason: String,
    /// What the link is for: the first password, or another one.
    pub purpose: Purpose,
    /// When it is over, 30 days from now at most; absent = in 7 days.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
    /// Send it to the user's alternate address.
    #[serde(default)]
    pub send: bool,
}

/// The link, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ActivationLink {
    /// Whose it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The user's unique name.
    pub user_name: String,
    /// What it is for.
    pub purpose: Purpose,
    /// When it is over.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires: Timestamp,
    /// The link. Whoever has it sets the user's password: hand it to nobody else.
    pub url: String,
    /// Where it is being sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Email))]
    pub sent_to: Option<EmailAddress>,
}

/// Makes a link, and makes older ones of the user void. `base` is the address that this request came
/// to, such as `https://mail.example.org`; links begin with it where `webmail.url` says nothing.
pub async fn activate<P: Ports>(
    ports: &P,
    config: &Config,
    base: Option<&str>,
    name: &str,
    operator: &Operator,
    order: &ActivationOrder,
) -> Result<ActivationLink, Problem> {
    check_reason(&order.reason)?;
    let now = ports.now();
    let expires = order.expires.unwrap_or(now.after(limits::ACTIVATION));
    if expires <= now || expires > now.after(limits::ACTIVATION_LONGEST) {
        let days = limits::ACTIVATION_LONGEST.as_secs() / 86_400;
        let detail = format!("`expires` is a moment in the next {days} days");
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let base = config.webmail.url.as_deref().or(base).ok_or_else(|| {
        let detail = "where users reach the webmail is not known; set `webmail.url`";
        Problem::new(Kind::Misconfigured, detail)
    })?;
    let user = named(ports, config, name).await?;
    let own = mailbox(config, &user)?;
    // Whatever is in the way of the letter is said before anything changes.
    let way = order.send.then(|| way(config, &user)).transpose()?;
    let life = expires.since(now);
    let made = activation::make(ports, user.id(), order.purpose, &operator.name, life).await;
    let (token, act) = made.map_err(not_done)?;
    // A link that is not written down is not given out.
    let entry = act.audit(operator, &order.reason);
    audit::write(ports, &entry).await.map_err(not_done)?;
    let base = base.trim_end_matches('/');
    let url = format!("{base}/mail/activate?token={}", token.as_str());
    let sent_to = match way {
        None => None,
        Some((route, to)) => {
            let letter = Letter {
                organisation: &config.webmail.name,
                from: &own,
                to: &to,
                name: &user.shown_name(),
                user_name: user.user_name(),
                purpose: order.purpose,
                url: &url,
                expires,
            };
            let id = new_id(ports);
            let (envelope, message) = letter.compose(user.language(), id)?;
            let sent = sending::post(ports, route, id, envelope, &message).await;
            sent.map_err(not_done)?;
            Some(to)
        }
    };
    Ok(ActivationLink {
        id: user.id(),
        user_name: user.user_name().to_owned(),
        purpose: order.purpose,
        expires,
        url,
        sent_to,
    })
}

/// The address that the user's mail comes to here: without one, or inactive, there is nothing to
/// get into.
fn mailbox(config: &Config, user: &User) -> Result<EmailAddress, Problem> {
    if !user.is_active() {
        let detail = format!("{} is not active in the directory", user.user_name());
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let first = user.own_addresses(config).into_iter().next();
    first.ok_or_else(|| {
        let detail = format!(
            "{} has no address in a domain that has a route here, and so no mailbox",
            user.user_name()
        );
        Problem::new(Kind::BadRequest, detail)
    })
}

/// The way to the user's address elsewhere.
fn way<'c>(config: &'c Config, user: &User) -> Result<(&'c Route, EmailAddress), Problem> {
    let route = sending::way_out(config).ok_or_else(|| {
        let detail =
            "`send`: there is no way out; name a route in `outbound`, or hand the link out";
        Problem::new(Kind::NoRoute, detail)
    })?;
    let to = user.alternates(config).into_iter().next().ok_or_else(|| {
        let detail = format!(
            "`send`: the directory has no address of {} outside; hand the link out",
            user.user_name()
        );
        Problem::new(Kind::BadAddress, detail)
    })?;
    Ok((route, to))
}

/// The link is a secret, and not printed.
impl fmt::Debug for ActivationLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivationLink")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("expires", &self.expires)
            .field("sent_to", &self.sent_to)
            .finish_non_exhaustive()
    }
}
