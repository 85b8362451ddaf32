//! The schemas (RFC 7643): which attributes there are, what may stand in them, and how `/Schemas`
//! tells it. Everything that reads or writes an attribute finds it here by its name, whatever the
//! name's case, and goes on with the definition and never with the name.
//!
//! `password` and a user's `groups` are not in them. Passwords are our own login's and never come
//! from elsewhere; what a client sends is dropped unread. Groups say who is in them, and turning
//! that round would make each reading of a user a reading of all groups.

pub mod group;
pub mod service;
pub mod user;

use serde_json::{Map, Value, json};

/// A schema.
#[derive(Debug)]
pub struct Schema {
    /// Its URN.
    pub urn: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
}

/// An attribute's definition (RFC 7643, 2.2 and 7).
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name as we write it.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
    /// Whether it is a list.
    pub multi: bool,
    /// Whether it must be there.
    pub required: bool,
    /// Whether its text has a case.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Whether no two resources have the same.
    pub unique: bool,
    /// The values that are usual.
    pub usual: &'static [&'static str],
    /// What a reference may lead to.
    pub references: &'static [&'static str],
    /// The parts of a complex attribute.
    pub parts: &'static [Attribute],
    /// What it is.
    pub description: &'static str,
}

/// What stands in an attribute (RFC 7643, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// Yes or no.
    Boolean,
    /// A whole number.
    Integer,
    /// A moment.
    DateTime,
    /// Bytes as base64.
    Binary,
    /// A URI.
    Reference,
    /// Parts.
    Complex,
}

/// Who may write an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Clients, at any time.
    ReadWrite,
    /// Nobody but us.
    ReadOnly,
    /// Clients, when they make it.
    Immutable,
}

/// When an attribute is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Whatever is asked for.
    Always,
    /// Unless something else is asked for.
    Default,
}

/// Text that clients write.
pub const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::String,
        multi: false,
        required: false,
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        unique: false,
        usual: &[],
        references: &[],
        parts: &[],
        description,
    }
}

/// An attribute with parts.
pub const fn complex(
    name: &'static str,
    description: &'static str,
    parts: &'static [Attribute],
) -> Attribute {
    Attribute {
        parts,
        ..text(name, description).of(Kind::Complex)
    }
}

impl Attribute {
    /// Of another kind.
    pub const fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// A list.
    pub const fn list(mut self) -> Self {
        self.multi = true;
        self
    }

    /// That must be there.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Whose text has a case.
    pub const fn exact(mut self) -> Self {
        self.case_exact = true;
        self
    }

    /// That nobody but us writes.
    pub const fn read_only(mut self) -> Self {
        self.mutability = Mutability::ReadOnly;
        self
    }

    /// That clients write once.
    pub const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    /// That is shown whatever is asked for.
    pub const fn always(mut self) -> Self {
        self.returned = Returned::Always;
        self
    }

    /// That no two resources share.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// With these usual values.
    pub const fn usual(mut self, usual: &'static [&'static str]) -> Self {
        self.usual = usual;
        self
    }

    /// A reference to one of these.
    pub const fn to(mut self, references: &'static [&'static str]) -> Self {
        self.references = references;
        self.kind = Kind::Reference;
        self.case_exact = true;
        self
    }

    /// The part of this name, whatever its case.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        find(self.parts, name)
    }

    fn json(&self) -> Value {
        let kind = match self.kind {
            Kind::String => "string",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::DateTime => "dateTime",
            Kind::Binary => "binary",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        };
        let mut json = json!({
            "name": self.name,
            "type": kind,
            "multiValued": self.multi,
            "description": self.description,
            "required": self.required,
            "mutability": match self.mutability {
                Mutability::ReadWrite => "readWrite",
                Mutability::ReadOnly => "readOnly",
                Mutability::Immutable => "immutable",
            },
            "returned": match self.returned {
                Returned::Always => "always",
                Returned::Default => "default",
            },
        });
        let more = json.as_object_mut();
        let Some(more) = more else { return json };
        if self.kind == Kind::Complex {
            let parts = self.parts.iter().map(Self::json).collect();
            more.insert("subAttributes".into(), Value::Array(parts));
        } else {
            more.insert("caseExact".into(), self.case_exact.into());
        }
        let unique = if self.unique { "server" } else { "none" };
        more.insert("uniqueness".into(), unique.into());
        if !self.usual.is_empty() {
            more.insert("canonicalValues".into(), json!(self.usual));
        }
        if self.kind == Kind::Reference {
            more.insert("referenceTypes".into(), json!(self.references));
        }
        json
    }
}

/// A kind of resource: its own schema and those that extend it.
#[derive(Debug)]
pub struct Resource {
    /// Its name, such as `User`.
    pub name: &'static str,
    /// Where it is, such as `/Users`.
    pub endpoint: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its own schema.
    pub schema: &'static Schema,
    /// What extends it.
    pub extensions: &'static [&'static Schema],
}

impl Resource {
    /// The attribute of this name: a common one, or one of its own schema.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(COMMON, name).or_else(|| find(self.schema.attributes, name))
    }

    /// The extension of this URN, whatever its case.
    pub fn extension(&self, urn: &str) -> Option<&'static Schema> {
        let mut all = self.extensions.iter().copied();
        all.find(|schema| schema.urn.eq_ignore_ascii_case(urn))
    }

    /// As `/ResourceTypes` tells it.
    pub fn json(&self, base: &str) -> Value {
        let extension = |schema: &&Schema| json!({"schema": schema.urn, "required": false});
        let extensions: Vec<Value> = self.extensions.iter().map(extension).collect();
        json!({
            "schemas": [service::RESOURCE_TYPE.urn],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema.urn,
            "schemaExtensions": extensions,
            "meta": {
                "resourceType": "ResourceType",
                "location": format!("{base}/ResourceTypes/{}", self.name),
            },
        })
    }
}

impl Schema {
    /// The attribute of this name, whatever its case.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.attributes, name)
    }

    /// As `/Schemas` tells it.
    pub fn json(&self, base: &str) -> Value {
        let attributes: Vec<Value> = self.attributes.iter().map(Attribute::json).collect();
        json!({
            "schemas": [service::SCHEMA.urn],
            "id": self.urn,
            "name": self.name,
            "description": self.description,
            "attributes": attributes,
            "meta": {
                "resourceType": "Schema",
                "location": format!("{base}/Schemas/{}", self.urn),
            },
        })
    }
}

fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The value under a name, whatever the name's case.
pub fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| {
        let mut all = object.iter();
        all.find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

/// The attributes that all resources have (RFC 7643, 3.1), and `schemas`.
pub const COMMON: &[Attribute] = &[
    text("schemas", "The URNs of the schemas that are used")
        .to(&["uri"])
        .list()
        .required()
        .read_only()
        .always(),
    text("id", "Our id for it")
        .exact()
        .read_only()
        .always()
        .unique(),
    text("externalId", "The client's id for it").exact(),
    complex("meta", "About the record", META).read_only(),
];

const META: &[Attribute] = &[
    text("resourceType", "The kind of resource")
        .exact()
        .read_only(),
    text("created", "When it came to be")
        .of(Kind::DateTime)
        .read_only(),
    text("lastModified", "When it was last changed")
        .of(Kind::DateTime)
        .read_only(),
    text("location", "Its URI").to(&["uri"]).read_only(),
    text("version", "Its entity tag").exact().read_only(),
];

/// The kinds of resources that there are.
pub const RESOURCES: &[&Resource] = &[&user::USER, &group::GROUP];

/// All schemas.
pub const SCHEMAS: &[&Schema] = &[
    &user::CORE,
    &user::ENTERPRISE,
    &group::CORE,
    &group::OWN,
    &service::RESOURCE_TYPE,
    &service::SCHEMA,
    &service::CONFIG,
];
