//! Orders about who may be in. It is written down who gave one before it stands, and two at the same
//! moment both stand: the switch is changed by compare-and-set.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Access, Entry, KEY, Switch, read_to_change};
use crate::custody::record;
use crate::custody::store::{Put, StoreError, StoreErrorKind};
use crate::limits;
use crate::operate::audit::{self, Audit};
use crate::operate::{Operator, check_reason};
use crate::people::{GroupId, UserId};
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::RouteName;
use crate::time::Timestamp;

/// What an order is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Scope {
    /// Everybody whose mailbox is on this route.
    Route {
        /// The route.
        name: String,
    },
    /// Everybody in this group.
    Group {
        /// The group.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        id: GroupId,
        /// What it is called, for people who read the list.
        #[serde(default)]
        name: String,
    },
    /// One user.
    User {
        /// The user.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        id: UserId,
        /// What the user is called.
        #[serde(default)]
        name: String,
    },
}

/// What an operator can order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Ordered {
    /// They may be in at any time.
    Always,
    /// They may be in during an outage.
    Outage,
    /// They may not be in.
    Off,
    /// What was said is taken back.
    Default,
}

/// An order as an operator sends it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessOrder {
    /// About whom.
    pub scope: Scope,
    /// What.
    pub mode: Ordered,
    /// Why; it stands in the switch and in the audit log.
    pub reason: String,
    /// When it ends by itself; absent = when it is taken back.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires: Option<Timestamp>,
}

/// What an order came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessAnswer {
    /// About whom.
    pub scope: Scope,
    /// What now stands; absent where it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The users it is about, as the directory counts them.
    pub affected: u64,
}

/// Gives an order about a route, a group or a user that exist (the caller knows, for it counts the users
/// that are `affected`). It is written down who gave it before it stands.
pub async fn order<P: Ports>(
    ports: &P,
    operator: &Operator,
    order: AccessOrder,
    affected: u64,
) -> Result<AccessAnswer, Problem> {
    let now = ports.now();
    check_reason(&order.reason)?;
    let scope = checked(order.scope)?;
    if order.expires.is_some_and(|end| end <= now) {
        return Err(Problem::new(Kind::BadRequest, "`expires` is over already"));
    }
    let entry = entry(
        &scope,
        order.mode,
        &order.reason,
        order.expires,
        operator,
        now,
    );
    // What cannot be written is refused before anything is said in the audit log.
    let (mut switch, _) = read_to_change(ports).await.map_err(no_order)?;
    change(&mut switch, &scope, entry.clone(), now)?;
    let facts = json!({ "mode": order.mode, "expires": order.expires, "affected": affected });
    let subject = scope.subject();
    let audit = Audit::new(now, operator, "access", &subject, &order.reason).with(facts);
    audit::write(ports, &audit).await.map_err(no_order)?;
    for _ in 0..limits::STATE_TRIES {
        let (mut switch, condition) = read_to_change(ports).await.map_err(no_order)?;
        change(&mut switch, &scope, entry.clone(), now)?;
        let put = record::write(ports.store(), KEY, &switch, condition).await;
        if let Put::Written(_) = put.map_err(no_order)? {
            return Ok(AccessAnswer {
                scope,
                entry,
                affected,
            });
        }
    }
    let detail = "the order does not stand: others change the access switch all the time";
    Err(Problem::new(Kind::Conflict, detail))
}

/// The entry that is to stand; none where what was said is taken back.
fn entry(
    scope: &Scope,
    mode: Ordered,
    reason: &str,
    expires: Option<Timestamp>,
    operator: &Operator,
    at: Timestamp,
) -> Option<Entry> {
    let mode = match mode {
        Ordered::Always => Access::Always,
        Ordered::Outage => Access::Outage,
        Ordered::Off => Access::Off,
        Ordered::Default => return None,
    };
    let name = match scope {
        Scope::Route { .. } => String::new(),
        Scope::Group { name, .. } | Scope::User { name, .. } => name.clone(),
    };
    Some(Entry {
        mode,
        name,
        reason: reason.to_owned(),
        by: operator.name.clone(),
        at,
        expires,
    })
}

/// Puts the entry in its place, within the limits.
fn change(
    switch: &mut Switch,
    scope: &Scope,
    entry: Option<Entry>,
    now: Timestamp,
) -> Result<(), Problem> {
    switch.drop_expired(now);
    switch.set(scope, entry);
    let entries = switch.entries();
    let bytes = serde_json::to_vec(switch).map_or(usize::MAX, |json| json.len());
    if entries > limits::ACCESS_ENTRIES || bytes > limits::RECORD_BYTES {
        let most = limits::ACCESS_ENTRIES;
        let detail = format!(
            "the access switch holds at most {most} entries and {} bytes; say it about a group or a \
             route, or take something back",
            limits::RECORD_BYTES
        );
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    Ok(())
}

impl Switch {
    fn entries(&self) -> usize {
        self.routes.len() + self.groups.len() + self.users.len()
    }

    /// What is over is as absent, so it goes with the next write.
    fn drop_expired(&mut self, now: Timestamp) {
        self.routes.retain(|_, entry| entry.is_live(now));
        self.groups.retain(|_, entry| entry.is_live(now));
        self.users.retain(|_, entry| entry.is_live(now));
    }

    fn set(&mut self, scope: &Scope, entry: Option<Entry>) {
        match (scope, entry) {
            (Scope::Route { name }, Some(entry)) => drop(self.routes.insert(name.clone(), entry)),
            (Scope::Route { name }, None) => drop(self.routes.remove(name)),
            (Scope::Group { id, .. }, Some(entry)) => drop(self.groups.insert(*id, entry)),
            (Scope::Group { id, .. }, None) => drop(self.groups.remove(id)),
            (Scope::User { id, .. }, Some(entry)) => drop(self.users.insert(*id, entry)),
            (Scope::User { id, .. }, None) => drop(self.users.remove(id)),
        }
    }
}

impl Scope {
    /// As the audit log names it.
    fn subject(&self) -> String {
        match self {
            Self::Route { name } => format!("route/{name}"),
            Self::Group { id, .. } => format!("group/{id}"),
            Self::User { id, .. } => format!("user/{id}"),
        }
    }
}

fn checked(scope: Scope) -> Result<Scope, Problem> {
    let clean = |name: String| {
        let shown = name.chars().filter(|c| !c.is_control());
        shown.take(limits::ACCESS_NAME_CHARS).collect()
    };
    Ok(match scope {
        Scope::Route { name } => {
            let detail = |error| Problem::new(Kind::BadRequest, format!("`scope.name`: {error}"));
            let name = RouteName::parse(&name).map_err(detail)?.to_string();
            Scope::Route { name }
        }
        Scope::Group { id, name } => Scope::Group {
            id,
            name: clean(name),
        },
        Scope::User { id, name } => Scope::User {
            id,
            name: clean(name),
        },
    })
}

fn no_order(error: StoreError) -> Problem {
    let detail = match error.kind {
        StoreErrorKind::Damaged => {
            format!("the order does not stand: {error}; mend {KEY}, or remove it to begin anew")
        }
        StoreErrorKind::Unavailable | StoreErrorKind::Denied => {
            format!("the order does not stand: {error}")
        }
    };
    Problem::new(Kind::Unavailable, detail)
}
