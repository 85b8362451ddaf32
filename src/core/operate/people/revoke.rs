//! `POST /v1/people/{user}/revoke`: ends all sessions of a user. The password stays good, so whoever
//! is to stay out is made inactive in the directory or `off` in the access switch, too.

use serde::{Deserialize, Serialize};

use super::{named, not_done};
use crate::config::Config;
use crate::operate::{Operator, audit, check_reason};
use crate::people::UserId;
use crate::people::login::act::{Act, What};
use crate::people::login::change;
use crate::ports::Ports;
use crate::problem::Problem;
use crate::time::Timestamp;

/// An order as an operator sends it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeOrder {
    /// Why; it stands in the audit log.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revoked {
    /// Whose sessions.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: UserId,
    /// The user's unique name.
    pub user_name: String,
    /// Sessions from before this moment are over.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// Ends them. It is written down who ordered it before it is done.
pub async fn revoke<P: Ports>(
    ports: &P,
    config: &Config,
    name: &str,
    operator: &Operator,
    order: &RevokeOrder,
) -> Result<Revoked, Problem> {
    check_reason(&order.reason)?;
    let user = named(ports, config, name).await?;
    let ordered = Act {
        at: ports.now(),
        user: user.id(),
        what: What::SessionsRevoked,
    };
    let entry = ordered.audit(operator, &order.reason);
    audit::write(ports, &entry).await.map_err(not_done)?;
    let done = change::revoke_all(ports, user.id()).await;
    let done = done.map_err(not_done)?;
    Ok(Revoked {
        id: user.id(),
        user_name: user.user_name().to_owned(),
        at: done.at,
    })
}
