//! A resource as it is shown: with its schemas, its meta, and what was asked for.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Map, Value, json};

use super::canonical::schemas;
use super::schema::{Resource, group::GROUP, user::USER};
use super::wanted::{Parts, Wanted};
use crate::custody::store::Version;
use crate::people::directory::{Group, Member, Owner, User, keys};

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
