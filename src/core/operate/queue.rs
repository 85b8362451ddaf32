//! Single messages of the queue: seen by operators, tried again now, returned, or dropped.
//!
//! Dropping is the one way in which an accepted message ends without the primary's word. A person
//! with a name orders it, the audit log has it before it happens, and the outcome says who and why.

use futures::future::join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::audit::{self, Audit};
use super::{Operator, check_reason};
use crate::config::Config;
use crate::custody::attempts::{self, Attempts, Claim, Claimed};
use crate::custody::held::{Copy, Held};
use crate::custody::life::held_copy;
use crate::custody::release::{self, Dropped, Released};
use crate::custody::returns::waits_for_a_person;
use crate::custody::route_state::{self, StateCache};
use crate::custody::store::{Store, StoreError, StoreErrorKind};
use crate::limits;
use crate::mail::EmailAddress;
use crate::ports::Ports;
use crate::problem::{Kind, Problem};
use crate::routing::route::Uncertain;
use crate::routing::{HoldReason, Route, RouteName};
use crate::time::Timestamp;

/// A page of the queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueuePage {
    /// When it was read.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// The held messages, route by route, oldest first.
    pub messages: Vec<Queued>,
    /// Give it as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One held message.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queued {
    /// Its name in the queue: the message's id, with `.2` and so on for a later try of its key.
    pub id: String,
    /// The route it waits for.
    pub route: RouteName,
    /// How it stands.
    pub state: QueuedState,
    /// Who submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// The envelope sender; absent = the null sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Email))]
    pub sender: Option<EmailAddress>,
    /// Whom it is still to reach.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub recipients: Vec<EmailAddress>,
    /// Since when it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub since: Option<Timestamp>,
    /// Why it was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
    /// Why it is still here, in words.
    pub detail: String,
    /// Attempts to release it.
    pub attempts: u32,
    /// Whether the primary may have it already: a reply was lost.
    pub uncertain: bool,
    /// When it is tried again, if not as soon as possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_attempt: Option<Timestamp>,
}

/// How a held message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum QueuedState {
    /// It waits for its first attempt.
    Held,
    /// It was tried, and is tried again later.
    Deferred,
    /// Somebody is releasing it, or died while doing so.
    Releasing,
    /// The primary may have it already, and the route's policy is that a person decides.
    Uncertain,
    /// It is not what was stored; a person must look at it.
    Damaged,
}

/// What an operator asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this route.
    pub route: Option<String>,
    /// Only what stands so.
    pub state: Option<QueuedState>,
    /// What the page before this one said is next.
    pub after: Option<String>,
    /// Messages looked at for one page.
    pub limit: Option<usize>,
}

/// Reads a page of the queue. What cannot be listed is an error, never an empty queue.
pub async fn list<P: Ports>(
    ports: &P,
    config: &Config,
    query: &Query,
) -> Result<QueuePage, Problem> {
    let mut routes: Vec<&Route> = config.routes.iter().collect();
    if let Some(wanted) = &query.route {
        routes.retain(|route| route.name.as_str() == wanted);
        if routes.is_empty() {
            return Err(no_route(wanted));
        }
    }
    let mut after = match &query.after {
        None => None,
        Some(after) => {
            let (route, copy) = after.split_once('/').ok_or_else(bad_after)?;
            let at = routes.iter().position(|known| known.name.as_str() == route);
            routes.drain(..at.ok_or_else(bad_after)?);
            Some(format!("queue/{route}/{copy}.eml"))
        }
    };
    let limit = query.limit.unwrap_or(limits::OPERATOR_PAGE);
    let mut left = limit.clamp(1, limits::OPERATOR_PAGE);
    let (mut messages, mut next) = (Vec::new(), None);
    for route in routes {
        let prefix = Held::prefix(&route.name);
        let start = after.take();
        let page = ports.store().list(&prefix, start.as_deref(), left);
        let page = page.await.map_err(unreadable)?;
        let looks = page.keys.iter().map(|key| look(ports, route, key.clone()));
        let looks = stream::iter(looks).buffered(limits::OPERATOR_CONCURRENCY);
        messages.extend(looks.try_collect::<Vec<_>>().await.map_err(unreadable)?);
        left -= page.keys.len().min(left);
        if let Some(last) = page.keys.last().filter(|_| page.more || left == 0) {
            next = last
                .strip_prefix("queue/")
                .and_then(|key| key.strip_suffix(".eml"))
                .map(str::to_owned);
            break;
        }
    }
    let mut messages: Vec<Queued> = messages.into_iter().flatten().collect();
    messages.retain(|one| query.state.is_none_or(|state| one.state == state));
    Ok(QueuePage {
        at: ports.now(),
        messages,
        next,
    })
}

/// What is known of one key; none if it went meanwhile.
async fn look<P: Ports>(
    ports: &P,
    route: &Route,
    key: String,
) -> Result<Option<Queued>, StoreError> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".eml").unwrap_or(name).to_owned();
    let damaged = |detail: String| Queued {
        id: name.clone(),
        route: route.name.clone(),
        state: QueuedState::Damaged,
        partner: None,
        sender: None,
        recipients: Vec::new(),
        since: None,
        reason: None,
        detail,
        attempts: 0,
        uncertain: false,
        next_attempt: None,
    };
    let Some(copy) = Copy::of(&key) else {
        return Ok(Some(damaged("its name is not an id".into())));
    };
    let held = match held_copy(ports.store(), &route.name, &copy).await {
        Ok(Some(held)) => held,
        Ok(None) => return Ok(None),
        Err(error) if error.kind == StoreErrorKind::Damaged => {
            return Ok(Some(damaged(error.detail)));
        }
        Err(error) => return Err(error),
    };
    let attempts = attempts::read(ports.store(), &route.name, &copy).await?;
    Ok(Some(queued(route, &name, held, attempts, ports.now())))
}

fn queued(
    route: &Route,
    name: &str,
    held: Held,
    attempts: Option<Attempts>,
    now: Timestamp,
) -> Queued {
    let tried = attempts.as_ref();
    let state = match tried {
        Some(tried) if tried.claimed_by.is_some() => QueuedState::Releasing,
        _ if waits_for_a_person(route.uncertain, &held, tried) => QueuedState::Uncertain,
        Some(tried) if tried.attempts > 0 => QueuedState::Deferred,
        _ => QueuedState::Held,
    };
    let settled = |address: &EmailAddress| {
        tried.is_some_and(|tried| {
            let mut settled = tried.settled.iter();
            settled.any(|one| one.address.same_mailbox(address))
        })
    };
    let mut recipients = held.envelope.recipients;
    recipients.retain(|address| !settled(address));
    let detail = tried.map(|tried| tried.detail.clone());
    Queued {
        id: name.to_owned(),
        route: held.route,
        state,
        partner: Some(held.partner),
        sender: held.envelope.sender,
        recipients,
        since: Some(held.at),
        reason: Some(held.reason),
        detail: detail
            .filter(|detail| !detail.is_empty())
            .unwrap_or(held.detail),
        attempts: tried.map_or(0, |tried| tried.attempts),
        uncertain: !held.uncertain.is_empty() || tried.is_some_and(|tried| tried.lost > 0),
        next_attempt: tried.map(|tried| tried.next_attempt).filter(|at| *at > now),
    }
}

/// What is ordered for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Try it at the next tick, whatever its wait.
    Retry,
    /// Give it back to its sender, whatever its time.
    Return,
    /// End it here: nobody gets it.
    Drop,
}

impl Action {
    /// The word of the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Return => "return",
            Self::Drop => "drop",
        }
    }

    /// The word read back.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Retry, Self::Return, Self::Drop]
            .into_iter()
            .find(|action| action.word() == word)
    }
}

/// Why, as the operator says it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Because {
    /// Why; it stands in the audit log, in the outcome of what is dropped or returned, and in what
    /// the sender of a returned message is told.
    pub reason: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Done {
    /// The message's name in the queue.
    pub id: String,
    /// `retry`, `return` or `drop`.
    pub action: &'static str,
    /// The routes on which it was done.
    pub routes: Vec<RouteName>,
}

/// Does it, on every route on which the message is held.
pub async fn act<P: Ports>(
    ports: &P,
    config: &Config,
    id: &str,
    action: Action,
    operator: &Operator,
    because: &Because,
) -> Result<Done, Problem> {
    check_reason(&because.reason)?;
    if action != Action::Retry && !operator.named {
        let detail = "say who you are in the header Holdfast-Operator: a message is dropped or returned by a \
                      person with a name";
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let copy = Copy::of(&format!("{id}.eml")).ok_or_else(|| not_held(id))?;
    let looks = config.routes.iter().map(|route| async move {
        let key = Held::key(&route.name, &copy);
        // A byte is enough to know that it is there, and what is damaged is there too.
        let found = ports.store().peek(&key, 1).await;
        found.map(|found| found.map(|_| route))
    });
    let found: Result<Vec<_>, _> = join_all(looks).await.into_iter().collect();
    let routes: Vec<&Route> = found.map_err(unreadable)?.into_iter().flatten().collect();
    if routes.is_empty() {
        return Err(not_held(id));
    }
    for route in &routes {
        let subject = format!("{}/{copy}", route.name);
        let entry = Audit::new(
            ports.now(),
            operator,
            action.word(),
            &subject,
            &because.reason,
        );
        audit::write(ports, &entry).await.map_err(not_done)?;
        match action {
            Action::Retry => {
                let approve = route.uncertain == Uncertain::Hold;
                let due = attempts::make_due(ports, &route.name, &copy, approve);
                due.await.map_err(not_done)?;
                let_go(ports, &route.name, &copy).await?;
            }
            Action::Return | Action::Drop => {
                let mut claimed = match attempts::claim_now(ports, &route.name, &copy).await {
                    Ok(Claim::Mine(claimed)) => *claimed,
                    Ok(Claim::NotDue(_)) => return Err(under_way(id)),
                    Err(error) => return Err(not_done(error)),
                };
                let named = release::is_in_batch(ports, &route.name, &copy, None, &mut claimed);
                if named.await.map_err(not_done)? {
                    return Err(under_way(id));
                }
                let word = Dropped {
                    by: operator.name.clone(),
                    reason: because.reason.clone(),
                };
                end(ports, config, route, &copy, action, claimed, word).await?;
            }
        }
    }
    Ok(Done {
        id: copy.to_string(),
        action: action.word(),
        routes: routes.into_iter().map(|route| route.name.clone()).collect(),
    })
}

/// A message that waits for a person since a window is one that a person now wants to be tried.
async fn let_go<P: Ports>(ports: &P, route: &RouteName, copy: &Copy) -> Result<(), Problem> {
    let (name, now) = (copy.to_string(), ports.now());
    let mut many = false;
    let cache = StateCache::default();
    route_state::change(ports, &cache, route, |state| {
        let windows = &mut state.windows;
        let waits = windows.waits(now).until(copy.id.at()).is_some();
        if !waits || windows.retried.contains(&name) {
            return false;
        }
        many = windows.retried.len() >= limits::WAITING_RETRIES;
        if !many {
            windows.retried.push(name.clone());
        }
        !many
    })
    .await
    .map_err(not_done)?;
    if many {
        let detail = "too many single messages of a window are tried already; release the route";
        return Err(Problem::new(Kind::Conflict, detail));
    }
    Ok(())
}

async fn end<P: Ports>(
    ports: &P,
    config: &Config,
    route: &Route,
    copy: &Copy,
    action: Action,
    claimed: Claimed,
    word: Dropped,
) -> Result<(), Problem> {
    if action == Action::Drop {
        let dropping = release::drop(ports, config, &route.name, copy, claimed, word);
        return dropping.await.map_err(not_done);
    }
    let returning = release::give_back(ports, config, route, copy, claimed, word);
    match returning.await.map_err(not_done)? {
        Released::Returned { .. } => Ok(()),
        Released::Gone => Err(not_held(&copy.to_string())),
        Released::Damaged(detail) => {
            let detail = format!("it cannot be given back, only dropped: {detail}");
            Err(Problem::new(Kind::Conflict, detail))
        }
        _ => Err(under_way(&copy.to_string())),
    }
}

fn no_route(route: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no route {route:?}"))
}

fn not_held(id: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("no route holds a message {id:?}"))
}

fn bad_after() -> Problem {
    Problem::new(
        Kind::BadRequest,
        "`after` is the `next` of the page before, unchanged",
    )
}

fn under_way(id: &str) -> Problem {
    let detail = format!("{id} is being released at this moment; look again in a minute");
    Problem::new(Kind::Conflict, detail)
}

fn unreadable(error: StoreError) -> Problem {
    Problem::new(
        Kind::Unavailable,
        format!("the queue cannot be read: {error}"),
    )
}

fn not_done(error: StoreError) -> Problem {
    Problem::new(Kind::Unavailable, format!("it was not done: {error}"))
}
