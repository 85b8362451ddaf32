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

mod plural;

use serde_json::{Map, Value};

use self::plural::plural;
use super::canonical::{canonical, extension};
use super::members::Roll;
use super::path::{Path, Target};
use super::problem::ScimError;
use super::schema::{Attribute, Mutability, Resource, Schema, get};
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

fn syntax(detail: &str) -> ScimError {
    ScimError::bad("invalidSyntax", detail)
}

#[cfg(test)]
mod tests;
