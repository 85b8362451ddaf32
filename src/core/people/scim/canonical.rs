//! What a client sends, as we keep it: names in our spelling, values of the right type, nothing
//! that the schemas do not know, nothing that only we may write.
//!
//! Clients are taken as they are where nobody can misunderstand them: `"True"` is true, one value
//! is a list of one, a text is the `value` of what has one.

use serde_json::{Map, Value};

use super::filter::as_bool;
use super::path::Path;
use super::problem::ScimError;
use super::schema::{Attribute, Kind, Mutability, RESOURCES, Resource, Schema, user::USER};
use crate::people::directory::Attributes;

/// The attributes of a user, for [`create_user`](crate::people::directory::create_user).
pub fn user(body: Attributes) -> Result<Attributes, ScimError> {
    resource(&USER, body)
}

/// The attributes of a resource as a whole: those of a POST or a PUT. Members stay in it.
pub fn resource(kind: &'static Resource, body: Attributes) -> Result<Attributes, ScimError> {
    let mut kept = Attributes::new();
    for (key, value) in body {
        if let Some(schema) = kind.extension(&key) {
            if let Some(value) = extension(schema, value)? {
                kept.insert(schema.urn.to_owned(), value);
            }
            continue;
        }
        let Some(path) = Path::parse(kind, &key) else {
            continue;
        };
        let (Some(attribute), None, None) = (path.attribute, path.part, path.extension) else {
            continue;
        };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = canonical(attribute, value)? {
            kept.insert(attribute.name.to_owned(), value);
        }
    }
    if kind.name == USER.name {
        kept.entry("active").or_insert(Value::Bool(true));
    }
    Ok(kept)
}

/// The attributes of an extension.
pub fn extension(schema: &'static Schema, value: Value) -> Result<Option<Value>, ScimError> {
    let parts = match value {
        Value::Null => return Ok(None),
        Value::Object(parts) => parts,
        _ => return Err(ScimError::value(format!("{} is an object", schema.urn))),
    };
    object(schema.attributes, parts)
}

/// The value of an attribute; none where it is as good as none (RFC 7643, 2.5).
pub fn canonical(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    if !attribute.multi {
        return match value {
            // Some clients send a list of one.
            Value::Array(values) if values.len() <= 1 => {
                let only = values.into_iter().next();
                only.map_or(Ok(None), |only| single(attribute, only))
            }
            value => single(attribute, value),
        };
    }
    let values = match value {
        Value::Array(values) => values,
        Value::Null => return Ok(None),
        value => vec![value],
    };
    let mut kept = Vec::with_capacity(values.len());
    for value in values {
        kept.extend(single(attribute, value)?);
    }
    if let Some(first) = kept.iter().position(is_primary) {
        only_primary(&mut kept, first);
    }
    Ok(
        Some(Value::Array(kept))
            .filter(|list| list.as_array().is_some_and(|list| !list.is_empty())),
    )
}

/// One value, also one of a list.
pub fn single(attribute: &'static Attribute, value: Value) -> Result<Option<Value>, ScimError> {
    let wrong = |what: &str| ScimError::value(format!("{} is {what}", attribute.name));
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, Value::Object(parts)) => object(attribute.parts, parts),
        (Kind::Complex, text @ Value::String(_)) if attribute.part("value").is_some() => Ok(Some(
            Value::Object(Map::from_iter([("value".to_owned(), text)])),
        )),
        (Kind::Complex, _) => Err(wrong("an object")),
        (Kind::Boolean, value) => match as_bool(&value) {
            Some(yes) => Ok(Some(Value::Bool(yes))),
            None => Err(wrong("true or false")),
        },
        (Kind::Integer, value @ Value::Number(_)) => Ok(Some(value)),
        (Kind::Integer, _) => Err(wrong("a number")),
        (_, value @ Value::String(_)) => Ok(Some(value)),
        // Employee numbers come so.
        (Kind::String, Value::Number(number)) => Ok(Some(Value::String(number.to_string()))),
        (_, _) => Err(wrong("a text")),
    }
}

fn object(
    parts: &'static [Attribute],
    sent: Map<String, Value>,
) -> Result<Option<Value>, ScimError> {
    let mut kept = Map::new();
    for (key, value) in sent {
        let part = parts
            .iter()
            .find(|part| part.name.eq_ignore_ascii_case(&key));
        let part = part.filter(|part| part.mutability != Mutability::ReadOnly);
        if let Some(part) = part
            && let Some(value) = canonical(part, value)?
        {
            kept.insert(part.name.to_owned(), value);
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// Whether a value is the one to prefer.
pub fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

/// Of all values only this one is the one to prefer (RFC 7643, 2.4).
pub fn only_primary(values: &mut [Value], only: usize) {
    for (at, value) in values.iter_mut().enumerate() {
        if at != only
            && is_primary(value)
            && let Some(parts) = value.as_object_mut()
        {
            parts.insert("primary".to_owned(), Value::Bool(false));
        }
    }
}

/// The URNs of the schemas that a resource with these attributes uses.
pub fn schemas(kind: &'static Resource, attributes: &Attributes) -> Vec<&'static str> {
    let extensions = kind.extensions.iter().map(|schema| schema.urn);
    let used = extensions.filter(|urn| attributes.contains_key(*urn));
    [kind.schema.urn].into_iter().chain(used).collect()
}

/// The kind of resource that lies below this path.
pub fn kind(endpoint: &str) -> Option<&'static Resource> {
    let mut all = RESOURCES.iter().copied();
    all.find(|kind| kind.endpoint.strip_prefix('/') == Some(endpoint))
}
