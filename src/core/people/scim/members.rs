//! A group's members while they are changed: by id alone, because that is all that clients send.
//! Whether a new one is a user or a group is looked up when all is done.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::filter::{Filter, as_value};
use super::problem::ScimError;
use super::schema;
use crate::custody::store::Store;
use crate::limits;
use crate::people::directory::{Member, Owner, book, group, user};
use crate::people::{GroupId, UserId};

/// The members of one group.
#[derive(Debug, Default)]
pub struct Roll {
    /// Those of whom we know what they are. Users' and groups' ids have one form: the key is either.
    known: BTreeMap<UserId, Owner>,
    /// The ids in their order.
    order: Vec<UserId>,
    present: BTreeSet<UserId>,
}

impl Roll {
    /// With these in it.
    pub fn of(members: &[Member]) -> Self {
        let mut roll = Self::default();
        for member in members {
            if let Some(id) = neutral(member.0) {
                roll.known.insert(id, member.0);
                roll.enter(id);
            }
        }
        roll
    }

    /// Adds these; who is in it already stays.
    pub fn add(&mut self, value: &Value) -> Result<(), ScimError> {
        for id in ids(value)? {
            self.enter(id);
        }
        Ok(())
    }

    /// These and nobody else.
    pub fn replace(&mut self, value: &Value) -> Result<(), ScimError> {
        self.clear();
        self.add(value)
    }

    /// Removes these; who is not in it is no error.
    pub fn remove(&mut self, value: &Value) -> Result<(), ScimError> {
        let gone: BTreeSet<UserId> = ids(value)?.into_iter().collect();
        self.order.retain(|id| !gone.contains(id));
        self.present.retain(|id| !gone.contains(id));
        Ok(())
    }

    /// Removes those of whom the filter is true.
    pub fn remove_where(&mut self, filter: &Filter) {
        let known = &self.known;
        let stays = |id: &UserId| {
            let owner = known.get(id).copied().unwrap_or(Owner::User(*id));
            !filter.matches_value(&as_value(Member(owner)))
        };
        self.order.retain(stays);
        self.present = self.order.iter().copied().collect();
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.order.clear();
        self.present.clear();
    }

    fn enter(&mut self, id: UserId) {
        if self.present.insert(id) {
            self.order.push(id);
        }
    }

    /// The members, each known for what it is; 400 for an id that is nobody's.
    pub async fn members<S: Store>(mut self, store: &S) -> Result<Vec<Member>, ScimError> {
        let new = self.order.iter().filter(|id| !self.known.contains_key(id));
        let mut new: BTreeSet<UserId> = new.copied().collect();
        if new.len() > limits::EXPAND_READS {
            let known = &mut self.known;
            book::each(store, |summary| {
                if let Some(id) = neutral(summary.owner).filter(|id| new.remove(id)) {
                    known.insert(id, summary.owner);
                }
            })
            .await?;
        }
        for id in new {
            let owner = owner(store, id).await?.ok_or_else(|| {
                ScimError::value(format!("there is no user and no group {id} to be a member"))
            })?;
            self.known.insert(id, owner);
        }
        let members = self.order.iter().filter_map(|id| self.known.get(id));
        Ok(members.map(|owner| Member(*owner)).collect())
    }
}

async fn owner<S: Store>(store: &S, id: UserId) -> Result<Option<Owner>, ScimError> {
    if user(store, id).await?.is_some() {
        return Ok(Some(Owner::User(id)));
    }
    let Ok(id) = id.to_string().parse::<GroupId>() else {
        return Ok(None);
    };
    Ok(group(store, id).await?.map(|_| Owner::Group(id)))
}

fn neutral(owner: Owner) -> Option<UserId> {
    match owner {
        Owner::User(id) => Some(id),
        Owner::Group(id) => id.to_string().parse().ok(),
    }
}

/// The ids of a list of members, of one, or of ids alone.
fn ids(value: &Value) -> Result<Vec<UserId>, ScimError> {
    let id = |text: &str| {
        let id = text.trim().to_ascii_lowercase().parse::<UserId>();
        id.map_err(|_| ScimError::value(format!("{text:?} is no member: it is no id of ours")))
    };
    let one = |value: &Value| match value {
        Value::String(text) => id(text),
        Value::Object(parts) => id(named(parts)?),
        _ => Err(ScimError::value("a member is an object with a value")),
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// A member's id: its `value`, or the end of its URI.
fn named(parts: &Map<String, Value>) -> Result<&str, ScimError> {
    let value = schema::get(parts, "value").and_then(Value::as_str);
    let uri = schema::get(parts, "$ref").and_then(Value::as_str);
    let last = uri.and_then(|uri| uri.rsplit('/').next());
    value
        .or(last)
        .ok_or_else(|| ScimError::value("a member has its id as its value"))
}
