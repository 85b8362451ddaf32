//! Filters (RFC 7644, 3.4.2.2): read into a tree of definitions, then asked of one resource after
//! the other.
//!
//! `ne` is the opposite of `eq`: true where no value is equal, also where there is none. A complex
//! attribute without a part is compared by its `value`, as clients do with `members eq "..."`.

pub mod parse;

use serde_json::{Map, Value, json};

use super::path::Path;
use super::schema::{Attribute, Kind};
use crate::people::directory::{Member, Owner};
use crate::time::Timestamp;

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// One of these at least.
    Any(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A value that compares so with this one.
    Is(Path, Operator, Value),
    /// A value at all.
    Has(Path),
    /// One of the attribute's values for which all of this is true.
    Each(Path, Box<Filter>),
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater, later.
    Gt,
    /// The same or greater.
    Ge,
    /// Less, earlier.
    Lt,
    /// The same or less.
    Le,
}

/// What is asked: a resource as it is shown, its members apart.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Everything but the members.
    pub attributes: &'a Map<String, Value>,
    /// The members.
    pub members: &'a [Member],
}

impl Filter {
    /// Whether it is true of this resource.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.matches(subject)),
            Self::Any(filters) => filters.iter().any(|filter| filter.matches(subject)),
            Self::Not(filter) => !filter.matches(subject),
            Self::Has(path) => subject.any(path, &mut |value| is_there(path, value)),
            Self::Is(path, Operator::Eq, Value::Null) => {
                !subject.any(path, &mut |value| is_there(path, value))
            }
            Self::Is(path, Operator::Ne, Value::Null) => {
                subject.any(path, &mut |value| is_there(path, value))
            }
            Self::Is(path, Operator::Ne, wanted) => !subject.any(path, &mut |value| {
                compare(path, Operator::Eq, value, wanted)
            }),
            Self::Is(path, operator, wanted) => {
                subject.any(path, &mut |value| compare(path, *operator, value, wanted))
            }
            Self::Each(path, filter) => subject.any(path, &mut |value| filter.matches_value(value)),
        }
    }

    /// Whether it is true of one value of a multi-valued attribute.
    pub fn matches_value(&self, value: &Value) -> bool {
        let wrapped;
        let attributes = match value {
            Value::Object(attributes) => attributes,
            simple => {
                wrapped = Map::from_iter([("value".to_owned(), simple.clone())]);
                &wrapped
            }
        };
        self.matches(Subject {
            attributes,
            members: &[],
        })
    }
}

impl Subject<'_> {
    /// Whether `test` is true of one of the values at the path: of each element of a list, of the
    /// part where the path names one.
    fn any(&self, path: &Path, test: &mut dyn FnMut(&Value) -> bool) -> bool {
        let mut of_part = |value: &Value| match path.part {
            Some(part) => value.get(part.name).is_some_and(&mut *test),
            None => test(value),
        };
        if path.is("members") && !self.members.is_empty() {
            let mut members = self.members.iter();
            return members.any(|member| of_part(&as_value(*member)));
        }
        let container = match path.extension {
            Some(schema) => self.attributes.get(schema.urn).and_then(Value::as_object),
            None => Some(self.attributes),
        };
        let Some(attribute) = path.attribute else {
            return container.is_some_and(|container| !container.is_empty());
        };
        match container.and_then(|container| container.get(attribute.name)) {
            Some(Value::Array(values)) => values.iter().any(of_part),
            Some(value) => of_part(value),
            None => false,
        }
    }
}

/// A member as it is shown, without its URI.
pub fn as_value(member: Member) -> Value {
    let kind = match member.0 {
        Owner::User(_) => "User",
        Owner::Group(_) => "Group",
    };
    json!({"value": member.0.to_string(), "type": kind})
}

fn is_there(path: &Path, value: &Value) -> bool {
    let whole = path.part.is_none();
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(parts) => !whole || !parts.is_empty(),
        _ => true,
    }
}

fn compare(path: &Path, operator: Operator, value: &Value, wanted: &Value) -> bool {
    let Some(mut attribute) = path.part.or(path.attribute) else {
        return false;
    };
    let mut value = value;
    if let (Value::Object(parts), Some(part)) = (value, attribute.part("value")) {
        let Some(inner) = parts.get("value") else {
            return false;
        };
        (value, attribute) = (inner, part);
    }
    match attribute.kind {
        Kind::Boolean => {
            operator == Operator::Eq && value.is_boolean() && as_bool(value) == as_bool(wanted)
        }
        Kind::DateTime => {
            let moment = |value: &Value| value.as_str().and_then(Timestamp::parse);
            match (moment(value), moment(wanted)) {
                (Some(value), Some(wanted)) => ordered(operator, &value, &wanted),
                _ => false,
            }
        }
        _ => texts(attribute, operator, value, wanted),
    }
}

fn texts(attribute: &Attribute, operator: Operator, value: &Value, wanted: &Value) -> bool {
    let (Some(mut value), Some(mut wanted)) = (as_text(value), as_text(wanted)) else {
        return false;
    };
    if !attribute.case_exact {
        (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
    }
    match operator {
        Operator::Co => value.contains(&wanted),
        Operator::Sw => value.starts_with(&wanted),
        Operator::Ew => value.ends_with(&wanted),
        operator => ordered(operator, &value, &wanted),
    }
}

fn ordered<T: Ord>(operator: Operator, value: &T, wanted: &T) -> bool {
    match operator {
        Operator::Eq => value == wanted,
        Operator::Ne => value != wanted,
        Operator::Gt => value > wanted,
        Operator::Ge => value >= wanted,
        Operator::Lt => value < wanted,
        Operator::Le => value <= wanted,
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// Also what stands in quotes: `active eq "True"`.
pub fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
