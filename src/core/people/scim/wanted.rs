//! Which attributes a client wants to see: `attributes` and `excludedAttributes` (RFC 7644, 3.9).

use serde_json::{Map, Value, json};

use super::path::Path;
use super::schema::{Resource, Returned, group::GROUP};

/// What a client wants to see: the `attributes` and `excludedAttributes` of its request.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    only: Vec<String>,
    without: Vec<String>,
}

impl Wanted {
    /// Of lists of paths with commas; where both are given the first counts.
    pub fn new(only: &str, without: &str) -> Self {
        let list = |text: &str| {
            let paths = text.split(',').map(str::trim);
            paths
                .filter(|path| !path.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Self {
            only: list(only),
            without: list(without),
        }
    }

    /// Whether anything was asked for.
    pub fn is_any(&self) -> bool {
        !self.only.is_empty() || !self.without.is_empty()
    }

    /// The parts of members to show; none where they are not wanted.
    pub(super) fn members(&self) -> Option<Parts> {
        let of = |paths: &[String]| -> Vec<Path> {
            let paths = paths.iter().filter_map(|path| Path::parse(&GROUP, path));
            paths.filter(|path| path.is("members")).collect()
        };
        let named = |paths: &[Path], name: &str| {
            let mut parts = paths.iter().filter_map(|path| path.part);
            parts.any(|part| part.name == name)
        };
        let parts = |show: &dyn Fn(&str) -> bool| Parts {
            value: show("value"),
            uri: show("$ref"),
            kind: show("type"),
        };
        let all = Some(parts(&|_| true));
        let (paths, only) = match self.only.is_empty() {
            false => (of(&self.only), true),
            true => (of(&self.without), false),
        };
        let whole = paths.iter().any(|path| path.part.is_none());
        match (only, paths.is_empty(), whole) {
            (true, true, _) | (false, false, true) => None,
            (true, false, true) | (false, true, _) => all,
            (true, false, false) => Some(parts(&|name| named(&paths, name))),
            (false, false, false) => Some(parts(&|name| !named(&paths, name))),
        }
    }

    /// Leaves in the attributes what is wanted.
    pub(super) fn prune(&self, kind: &Resource, attributes: &mut Map<String, Value>) {
        let paths = |list: &[String]| -> Vec<Path> {
            let paths = list.iter().filter_map(|path| Path::parse(kind, path));
            paths.collect()
        };
        if !self.only.is_empty() {
            let mut kept = Map::new();
            attributes.retain(|name, value| {
                if is_always(kind, name) {
                    kept.insert(name.clone(), value.take());
                }
                true
            });
            for path in paths(&self.only) {
                copy(&path, attributes, &mut kept);
            }
            *attributes = kept;
            return;
        }
        for path in paths(&self.without) {
            remove(&path, attributes);
        }
    }
}

fn is_always(kind: &Resource, name: &str) -> bool {
    let attribute = kind.attribute(name);
    attribute.is_some_and(|attribute| attribute.returned == Returned::Always)
}

fn copy(path: &Path, from: &Map<String, Value>, to: &mut Map<String, Value>) {
    let (from, to) = match path.extension {
        None => (Some(from), to),
        Some(schema) => {
            let from = from.get(schema.urn).and_then(Value::as_object);
            if from.is_none() {
                return;
            }
            let own = to.entry(schema.urn).or_insert_with(|| json!({}));
            let Some(own) = own.as_object_mut() else {
                return;
            };
            (from, own)
        }
    };
    let Some(from) = from else { return };
    let Some(attribute) = path.attribute else {
        to.extend(from.clone());
        return;
    };
    let Some(value) = from.get(attribute.name) else {
        return;
    };
    let Some(part) = path.part else {
        // What is always shown was moved already.
        if attribute.returned != Returned::Always {
            to.insert(attribute.name.to_owned(), value.clone());
        }
        return;
    };
    let pick = |value: &Value, into: &mut Value| {
        if let (Some(value), Some(into)) = (value.get(part.name), into.as_object_mut()) {
            into.insert(part.name.to_owned(), value.clone());
        }
    };
    match value {
        Value::Array(values) => {
            let known = to.entry(attribute.name);
            let known = known.or_insert_with(|| values.iter().map(|_| json!({})).collect());
            let known = known.as_array_mut().into_iter().flatten();
            values
                .iter()
                .zip(known)
                .for_each(|(value, into)| pick(value, into));
        }
        value => pick(value, to.entry(attribute.name).or_insert_with(|| json!({}))),
    }
}

fn remove(path: &Path, attributes: &mut Map<String, Value>) {
    let container = match path.extension {
        None => Some(attributes),
        Some(schema) if path.attribute.is_none() => {
            attributes.remove(schema.urn);
            None
        }
        Some(schema) => attributes
            .get_mut(schema.urn)
            .and_then(Value::as_object_mut),
    };
    let (Some(container), Some(attribute)) = (container, path.attribute) else {
        return;
    };
    if attribute.returned == Returned::Always {
        return;
    }
    let Some(part) = path.part else {
        container.remove(attribute.name);
        return;
    };
    let cut = |value: &mut Value| {
        if let Some(parts) = value.as_object_mut() {
            parts.remove(part.name);
        }
    };
    match container.get_mut(attribute.name) {
        Some(Value::Array(values)) => values.iter_mut().for_each(cut),
        Some(value) => cut(value),
        None => {}
    }
}

/// Which parts of a member are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub value: bool,
    pub uri: bool,
    pub kind: bool,
}
