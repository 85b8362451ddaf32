//! Attributes with many values: all of them, those that a filter chooses, or a part of each.

use serde_json::{Map, Value};

use super::{Op, set};
use crate::people::scim::canonical::{canonical, is_primary, only_primary, single};
use crate::people::scim::filter::{Filter, Operator};
use crate::people::scim::path::Target;
use crate::people::scim::problem::ScimError;
use crate::people::scim::schema::{Attribute, Kind};

/// Does an operation on one of them.
pub(super) fn plural(
    container: &mut Map<String, Value>,
    op: Op,
    attribute: &'static Attribute,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    let mut values = match container.get(attribute.name) {
        Some(Value::Array(values)) => values.clone(),
        _ => Vec::new(),
    };
    let mut changed = Vec::new();
    let whole = target.filter.is_none() && target.path.part.is_none();
    match op {
        Op::Remove if whole && value.is_null() => values.clear(),
        Op::Remove if whole => {
            let gone = list(attribute, value)?;
            values.retain(|known| !gone.iter().any(|gone| is_same(known, gone)));
        }
        Op::Replace if whole => values = list(attribute, value)?,
        Op::Add if whole => {
            for new in list(attribute, value)? {
                let at = values.iter().position(|known| is_same(known, &new));
                match at.and_then(|at| Some((at, values.get_mut(at)?))) {
                    Some((at, known)) => {
                        merge(known, new);
                        changed.push(at);
                    }
                    None => {
                        changed.push(values.len());
                        values.push(new);
                    }
                }
            }
        }
        op => changed = some(&mut values, op, attribute, target, value)?,
    }
    let prefer = changed.into_iter().rev();
    let prefer = prefer.filter(|at| values.get(*at).is_some_and(is_primary));
    if let Some(at) = prefer.take(1).next() {
        only_primary(&mut values, at);
    }
    values.retain(|value| !is_bare(attribute, value));
    match values.is_empty() {
        true => drop(container.remove(attribute.name)),
        false => drop(container.insert(attribute.name.to_owned(), Value::Array(values))),
    }
    Ok(())
}

/// The values that the filter chooses, or all; says which it changed.
fn some(
    values: &mut Vec<Value>,
    op: Op,
    attribute: &'static Attribute,
    target: &Target,
    value: Value,
) -> Result<Vec<usize>, ScimError> {
    let filter = target.filter.as_ref();
    let chosen = |value: &Value| filter.is_none_or(|filter| filter.matches_value(value));
    if op == Op::Remove && target.path.part.is_none() {
        values.retain(|value| !chosen(value));
        return Ok(Vec::new());
    }
    let mut at: Vec<usize> = (0..values.len())
        .filter(|at| values.get(*at).is_some_and(chosen))
        .collect();
    if at.is_empty() && op != Op::Remove {
        let made = filter.map_or(Some(Map::new()), made_of);
        let made = made.ok_or_else(|| {
            let detail = format!("no value of {} is so", attribute.name);
            ScimError::bad("noTarget", detail)
        })?;
        at.push(values.len());
        values.push(match attribute.kind {
            Kind::Complex => Value::Object(made),
            _ => Value::Null,
        });
    }
    for index in &at {
        let Some(known) = values.get_mut(*index) else {
            continue;
        };
        match (target.path.part, known.as_object_mut()) {
            (Some(part), Some(parts)) => set(parts, op, part, value.clone())?,
            _ => {
                let new = match value.clone() {
                    Value::Array(mut list) if list.len() == 1 => list.pop().unwrap_or_default(),
                    value => value,
                };
                if let Some(new) = single(attribute, new)? {
                    if op == Op::Replace && known.is_object() {
                        let made = filter.and_then(made_of).unwrap_or_default();
                        *known = Value::Object(made);
                    }
                    merge(known, new);
                }
            }
        }
    }
    Ok(at)
}

/// The value that a filter describes, if it says no more than what is equal to what.
fn made_of(filter: &Filter) -> Option<Map<String, Value>> {
    match filter {
        Filter::Is(path, Operator::Eq, value) => {
            let part = path.attribute?;
            let value = canonical(part, value.clone()).ok()??;
            Some(Map::from_iter([(part.name.to_owned(), value)]))
        }
        Filter::All(filters) => {
            let mut all = Map::new();
            for filter in filters {
                all.extend(made_of(filter)?);
            }
            Some(all)
        }
        _ => None,
    }
}

fn list(attribute: &'static Attribute, value: Value) -> Result<Vec<Value>, ScimError> {
    Ok(match canonical(attribute, value)? {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    })
}

/// Whether two values are one: of one kind and value, or all alike where they have no value.
fn is_same(known: &Value, new: &Value) -> bool {
    if known == new {
        return true;
    }
    let same = |part: &str| known.get(part) == new.get(part);
    new.get("value").is_some() && same("value") && same("type")
}

fn merge(known: &mut Value, new: Value) {
    match (known, new) {
        (Value::Object(known), Value::Object(new)) => known.extend(new),
        (known, new) => *known = new,
    }
}

/// What is left when the value of an email was removed is no email.
fn is_bare(attribute: &Attribute, value: &Value) -> bool {
    let has_value = attribute.part("value").is_some();
    match value {
        Value::Null => true,
        Value::Object(parts) if has_value => !parts.contains_key("value"),
        Value::Object(parts) => parts.keys().all(|part| part == "type" || part == "primary"),
        _ => false,
    }
}
