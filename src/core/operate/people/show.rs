//! `GET /v1/people/{user}`: one user, and how to reach them when their own address does not work.

use serde::Serialize;

use super::list::PersonLine;
use super::{named, route_of, unreadable};
use crate::config::Config;
use crate::custody::store::{StoreError, StoreErrorKind};
use crate::mail::EmailAddress;
use crate::people::account;
use crate::people::login::activation::{self, Purpose};
use crate::people::login::credential;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::time::Timestamp;

/// One user.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// What a list says, too.
    #[serde(flatten)]
    pub line: PersonLine,
    /// The provisioning client's name for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The language to speak to the user in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Addresses elsewhere.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub alternates: Vec<EmailAddress>,
    /// Telephone numbers, as they were written.
    pub phones: Vec<String>,
    /// Whether a second factor is enrolled; absent where that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<bool>,
    /// The activation link that is out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<OpenLink>,
    /// When the directory first had the user.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created: Timestamp,
    /// When the directory's record was last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub modified: Timestamp,
}

/// An activation link that is out. The link itself is known to its owner alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OpenLink {
    /// What it is for.
    pub purpose: Purpose,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub made: Timestamp,
    /// When it is over.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires: Timestamp,
    /// Who made it.
    pub by: String,
}

/// Reads one user, named by id, userName or address.
pub async fn show<P: Ports>(ports: &P, config: &Config, name: &str) -> Result<Person, Problem> {
    let user = named(ports, config, name).await?;
    let known = account::by_id(ports, config, user.id()).await;
    let access = known.map_err(unreadable)?.map(|known| known.decision);
    let (activated, second_factor) = login(credential::read(ports, user.id()).await)?;
    let link = activation::standing(ports, user.id()).await;
    let link = link.map_err(unreadable)?.map(|link| OpenLink {
        purpose: link.purpose,
        made: link.made,
        expires: link.expires,
        by: link.by,
    });
    let addresses = user.own_addresses(config);
    let line = PersonLine {
        id: user.id(),
        user_name: user.user_name().to_owned(),
        name: user.shown_name(),
        route: route_of(config, &addresses).map(|route| route.name.clone()),
        addresses,
        active: user.is_active(),
        activated,
        access,
        can_get_in: false,
    };
    Ok(Person {
        line: line.judged(),
        external_id: user.external_id().map(str::to_owned),
        language: user.language().map(str::to_owned),
        alternates: user.alternates(config),
        phones: user.phones(),
        second_factor,
        link,
        created: user.created(),
        modified: user.modified(),
    })
}

/// Whether there is a login, and whether it has a second factor. One that cannot be read is there: a
/// new activation link makes it anew.
fn login(
    read: Result<Option<credential::Credential>, StoreError>,
) -> Result<(bool, Option<bool>), Problem> {
    match read {
        Ok(Some(credential)) => Ok((true, Some(credential.has_second_factor()))),
        Ok(None) => Ok((false, Some(false))),
        Err(error) if error.kind == StoreErrorKind::Damaged => Ok((true, None)),
        Err(error) => Err(unreadable(error)),
    }
}
