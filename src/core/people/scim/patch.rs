//! PATCH (RFC 7644, 3.5.2): operations in their order on a copy; one that fails fails all.
//!
//! Clients differ from the RFC and from each other, and all of them must get through:
//!
//! | who | what | here |
//! | --- | --- | --- |
//! | Entra ID | `Add`, `Replace`, `Remove` | no case |
//! | Entra ID | `replace` of `emails[type eq "work"].value` where there is no such email | it is made |
//! | Entra ID | no path, keys such as `name.givenName` or a URN with an attribute | keys are paths |
//! | Entra ID | `remove` of `members` with a list of values | only these go |
//! | Okta | no path, and the `id` among the values | what is read-only is passed over |
//! | both | a member that is in already, or not in any more | no error |

use serde_json::{Map, Value};

use super::canonical::{canonical, extension, is_primary, only_primary, single};
use super::filter::{Filter, Operator};
use super::members::Roll;
use super::path::{Path, Target};
use super::problem::ScimError;
use super::schema::{Attribute, Kind, Mutability, Resource, Schema, get};
use crate::limits;
use crate::people::directory::Attributes;

/// A resource while it is changed.
#[derive(Debug)]
pub struct Draft {
    /// Its attributes, without members.
    pub attributes: Attributes,
    /// A group's members.
    pub members: Option<Roll>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

/// Does what the body of a PATCH says.
pub fn patch(
    kind: &'static Resource,
    draft: &mut Draft,
    body: &Map<String, Value>,
) -> Result<(), ScimError> {
    let operations = get(body, "Operations").and_then(Value::as_array);
    let Some(operations) = operations else {
        return Err(syntax("a PATCH has a list of Operations"));
    };
    if operations.len() > limits::SCIM_OPERATIONS {
        let most = limits::SCIM_OPERATIONS;
        return Err(ScimError::new(
            413,
            format!("a PATCH has {most} operations at most"),
        ));
    }
    for operation in operations {
        let Some(operation) = operation.as_object() else {
            return Err(syntax("an operation is an object"));
        };
        apply(kind, draft, operation)?;
    }
    Ok(())
}

fn apply(
    kind: &'static Resource,
    draft: &mut Draft,
    operation: &Map<String, Value>,
) -> Result<(), ScimError> {
    let op = get(operation, "op")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let op = match op.to_ascii_lowercase().as_str() {
        "add" => Op::Add,
        "replace" => Op::Replace,
        "remove" => Op::Remove,
        _ => return Err(syntax("an operation's op is add, replace or remove")),
    };
    let value = get(operation, "value").cloned().unwrap_or(Value::Null);
    match get(operation, "path") {
        Some(Value::String(path)) if !path.trim().is_empty() => {
            let target = Target::parse(kind, path)?;
            let written = target.path.part.or(target.path.attribute);
            let read_only = written.is_some_and(is_read_only);
            let outer = target.path.attribute.is_some_and(is_read_only);
            if read_only || outer {
                return Err(ScimError::bad("mutability", format!("{path} is read-only")));
            }
            change(draft, op, &target, value)
        }
        Some(Value::Null | Value::String(_)) | None => match (op, value) {
            (Op::Remove, _) => Err(ScimError::bad(
                "noTarget",
                "a remove operation must have a path",
            )),
            (op, Value::Object(values)) => each(kind, draft, op, values),
            _ => Err(ScimError::value("without a path the value is an object")),
        },
        Some(_) => Err(ScimError::bad("invalidPath", "a path is a text")),
    }
}

fn is_read_only(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::ReadOnly
}

/// An operation without a path: each key is one. What we do not know is passed over, as in a POST.
fn each(
    kind: &'static Resource,
    draft: &mut Draft,
    op: Op,
    values: Map<String, Value>,
) -> Result<(), ScimError> {
    for (key, value) in values {
        let target = match Target::parse(kind, &key) {
            Ok(target) => target,
            Err(error) if error.kind == Some("invalidPath") => continue,
            Err(error) => return Err(error),
        };
        let written = [target.path.attribute, target.path.part];
        if !written.into_iter().flatten().any(is_read_only) {
            change(draft, op, &target, value)?;
        }
    }
    Ok(())
}

fn change(draft: &mut Draft, op: Op, target: &Target, value: Value) -> Result<(), ScimError> {
    let path = target.path;
    if let Some(roll) = &mut draft.members
        && path.is("members")
    {
        return members(roll, op, target, &value);
    }
    let Some(schema) = path.extension else {
        return attribute(&mut draft.attributes, op, target, value);
    };
    let known = draft.attributes.remove(schema.urn);
    let mut own = match known {
        Some(Value::Object(own)) => own,
        _ => Map::new(),
    };
    let done = match path.attribute {
        Some(_) => attribute(&mut own, op, target, value),
        None => whole(&mut own, op, schema, value),
    };
    if !own.is_empty() {
        draft
            .attributes
            .insert(schema.urn.to_owned(), Value::Object(own));
    }
    done
}

/// A whole extension: what is said of its attributes, each by itself.
fn whole(
    own: &mut Map<String, Value>,
    op: Op,
    schema: &'static Schema,
    value: Value,
) -> Result<(), ScimError> {
    if op == Op::Remove || value.is_null() {
        own.clear();
        return Ok(());
    }
    let Some(Value::Object(values)) = extension(schema, value)? else {
        return Ok(());
    };
    for (name, value) in values {
        let target = Target {
            path: Path {
                extension: Some(schema),
                attribute: schema.attribute(&name),
                part: None,
            },
            filter: None,
        };
        attribute(own, op, &target, value)?;
    }
    Ok(())
}

fn members(roll: &mut Roll, op: Op, target: &Target, value: &Value) -> Result<(), ScimError> {
    match (op, &target.filter) {
        (Op::Remove, Some(filter)) => roll.remove_where(filter),
        (Op::Remove, None) if value.is_null() => roll.clear(),
        (Op::Remove, None) => roll.remove(value)?,
        // A member has nothing that could change but who it is.
        (Op::Add | Op::Replace, Some(_)) => {
            return Err(ScimError::bad(
                "mutability",
                "a member cannot be changed, only added or removed",
            ));
        }
        (Op::Add, None) => roll.add(value)?,
        (Op::Replace, None) => roll.replace(value)?,
    }
    Ok(())
}

/// One attribute of a container.
fn attribute(
    container: &mut Map<String, Value>,
    op: Op,
    target: &Target,
    value: Value,
) -> Result<(), ScimError> {
    let Some(attribute) = target.path.attribute else {
        return Ok(());
    };
    let op = if value.is_null() { Op::Remove } else { op };
    if attribute.multi {
        return plural(container, op, attribute, target, value);
    }
    let name = attribute.name;
    let Some(part) = target.path.part else {
        let value = match op {
            Op::Remove => None,
            Op::Add | Op::Replace => canonical(attribute, value)?,
        };
        match (value, container.get_mut(name)) {
            (None, _) => drop(container.remove(name)),
            // The parts that are named change, the others stay; but parts that belong to a value go
            // with it.
            (Some(Value::Object(new)), Some(Value::Object(old))) => {
                if op == Op::Replace && new.contains_key("value") {
                    old.clear();
                }
                old.extend(new);
            }
            (Some(value), _) => drop(container.insert(name.to_owned(), value)),
        }
        return Ok(());
    };
    let mut parts = match container.remove(name) {
        Some(Value::Object(parts)) => parts,
        _ => Map::new(),
    };
    let done = set(&mut parts, op, part, value);
    if !parts.is_empty() {
        container.insert(name.to_owned(), Value::Object(parts));
    }
    done
}

fn set(
    parts: &mut Map<String, Value>,
    op: Op,
    part: &'static Attribute,
    value: Value,
) -> Result<(), ScimError> {
    let value = match op {
        Op::Remove => None,
        Op::Add | Op::Replace => canonical(part, value)?,
    };
    match value {
        Some(value) => drop(parts.insert(part.name.to_owned(), value)),
        None => drop(parts.remove(part.name)),
    }
    Ok(())
}

/// A multi-valued attribute, some of its values, or a part of them.
fn plural(
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

fn syntax(detail: &str) -> ScimError {
    ScimError::bad("invalidSyntax", detail)
}

#[cfg(test)]
mod tests;
