//! A resource as it is shown: with its schemas, meta, and the attributes that were asked for
//! (RFC 7644, 3.9).

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::canonical::schemas;
use super::path::Path;
use super::schema::{Resource, Returned, group::GROUP, user::USER};
use crate::custody::store::Version;
use crate::people::directory::{Group, Member, Owner, User, keys};

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
    fn members(&self) -> Option<Parts> {
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
    fn prune(&self, kind: &Resource, attributes: &mut Map<String, Value>) {
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
struct Parts {
    value: bool,
    uri: bool,
    kind: bool,
}

/// A resource, ready to be written. Members are written from their short form one by one.
#[derive(Clone, Debug)]
pub struct Shown {
    /// All attributes but the members, until [`Shown::only`] took some away.
    pub attributes: Map<String, Value>,
    /// A group's members.
    pub members: Vec<Member>,
    kind: &'static Resource,
    parts: Option<Parts>,
    base: String,
}

impl Shown {
    /// A user.
    pub fn user(user: &User, version: &Version, base: &str) -> Self {
        let id = user.id().to_string();
        let moments = [user.created(), user.modified()].map(|moment| moment.to_string());
        Self::new(&USER, user.attributes(), &id, moments, version, base)
    }

    /// A group.
    pub fn group(group: Group, version: &Version, base: &str) -> Self {
        let id = group.id().to_string();
        let moments = [group.created(), group.modified()].map(|moment| moment.to_string());
        let mut shown = Self::new(&GROUP, group.attributes(), &id, moments, version, base);
        shown.members = group.members().to_vec();
        shown
    }

    fn new(
        kind: &'static Resource,
        attributes: &Map<String, Value>,
        id: &str,
        [created, modified]: [String; 2],
        version: &Version,
        base: &str,
    ) -> Self {
        let mut attributes = attributes.clone();
        attributes.insert("schemas".into(), json!(schemas(kind, &attributes)));
        attributes.insert("id".into(), id.into());
        let meta = json!({
            "resourceType": kind.name,
            "created": created,
            "lastModified": modified,
            "location": location(kind, id, base),
            "version": etag(version),
        });
        attributes.insert("meta".into(), meta);
        complete_managers(&mut attributes, base);
        Self {
            attributes,
            members: Vec::new(),
            kind,
            parts: Wanted::default().members(),
            base: base.to_owned(),
        }
    }

    /// Its URI.
    pub fn location(&self) -> String {
        let id = self.attributes.get("id").and_then(Value::as_str);
        location(self.kind, id.unwrap_or_default(), &self.base)
    }

    /// With what is wanted only.
    pub fn only(mut self, wanted: &Wanted) -> Self {
        wanted.prune(self.kind, &mut self.attributes);
        self.parts = wanted.members();
        if self.parts.is_none() {
            self.members = Vec::new();
        }
        self
    }
}

/// A manager that was named by an id alone gets its URI.
fn complete_managers(attributes: &mut Map<String, Value>, base: &str) {
    let enterprise = attributes.get_mut(super::schema::user::ENTERPRISE.urn);
    let manager = enterprise.and_then(|enterprise| enterprise.get_mut("manager")?.as_object_mut());
    let Some(manager) = manager else { return };
    let id = manager.get("value").and_then(Value::as_str);
    let id = id.filter(|id| id.parse::<crate::people::UserId>().is_ok());
    if let Some(uri) = id.map(|id| location(&USER, id, base)) {
        manager.entry("$ref").or_insert(Value::String(uri));
    }
}

fn location(kind: &Resource, id: &str, base: &str) -> String {
    format!("{base}{}/{id}", kind.endpoint)
}

/// The entity tag of a version: weak, because what is shown depends on what was asked for.
pub fn etag(version: &Version) -> String {
    let hash = keys::hash(&version.0);
    format!("W/\"{}\"", hash.get(..16).unwrap_or_default())
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (name, value) in &self.attributes {
            map.serialize_entry(name, value)?;
        }
        if let Some(parts) = self.parts.filter(|_| !self.members.is_empty()) {
            let (members, base) = (&self.members, self.base.as_str());
            map.serialize_entry(
                "members",
                &Members {
                    members,
                    parts,
                    base,
                },
            )?;
        }
        map.end()
    }
}

struct Members<'a> {
    members: &'a [Member],
    parts: Parts,
    base: &'a str,
}

#[derive(Serialize)]
struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.members.iter().map(|member| {
            let kind = match member.0 {
                Owner::User(_) => &USER,
                Owner::Group(_) => &GROUP,
            };
            let id = member.0.to_string();
            Line {
                uri: self.parts.uri.then(|| location(kind, &id, self.base)),
                kind: self.parts.kind.then_some(kind.name),
                value: self.parts.value.then_some(id),
            }
        }))
    }
}
