//! Attribute paths (RFC 7644, 3.10 and figure 7): `userName`, `name.familyName`,
//! `urn:...:User:manager.value`, `emails[type eq "work"].value`, whatever the case.

use super::filter::{self, Filter};
use super::problem::ScimError;
use super::schema::{Attribute, Kind, Resource, Schema};

/// An attribute, or a part of it, or a whole extension.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// The extension it is in; none for the resource's own.
    pub extension: Option<&'static Schema>,
    /// The attribute; none for the whole extension.
    pub attribute: Option<&'static Attribute>,
    /// The part.
    pub part: Option<&'static Attribute>,
}

impl Path {
    /// Reads one; none where the resource has no such attribute.
    pub fn parse(resource: &Resource, text: &str) -> Option<Self> {
        if let Some(extension) = resource.extension(text) {
            return Some(Self {
                extension: Some(extension),
                attribute: None,
                part: None,
            });
        }
        let mut extensions = resource.extensions.iter();
        let of_extension = extensions.find_map(|schema| Some((schema, below(schema.urn, text)?)));
        let (extension, rest) = match of_extension {
            Some((schema, rest)) => (Some(*schema), rest),
            None => (None, below(resource.schema.urn, text).unwrap_or(text)),
        };
        let (name, part) = match rest.split_once('.') {
            Some((name, part)) => (name, Some(part)),
            None => (rest, None),
        };
        let attribute = match extension {
            Some(schema) => schema.attribute(name)?,
            None => resource.attribute(name)?,
        };
        let part = match part {
            // A list of texts is asked for as one of objects with a value (RFC 7643, 2.4).
            Some(part) if attribute.kind != Kind::Complex => {
                let value = attribute.multi && part.eq_ignore_ascii_case("value");
                return value.then_some(Self {
                    extension,
                    attribute: Some(attribute),
                    part: None,
                });
            }
            Some(part) => Some(attribute.part(part)?),
            None => None,
        };
        Some(Self {
            extension,
            attribute: Some(attribute),
            part,
        })
    }

    /// Whether it leads to this attribute of the resource itself, or to a part of it.
    pub fn is(&self, name: &str) -> bool {
        let own = self.attribute.filter(|_| self.extension.is_none());
        own.is_some_and(|attribute| attribute.name == name)
    }
}

/// What stands behind `urn:`.
fn below<'t>(urn: &str, text: &'t str) -> Option<&'t str> {
    let head = text.get(..urn.len())?;
    let rest = text.get(urn.len()..)?.strip_prefix(':')?;
    head.eq_ignore_ascii_case(urn).then_some(rest)
}

/// What a PATCH operation is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// The attribute, and the part of it.
    pub path: Path,
    /// Which of its values.
    pub filter: Option<Filter>,
}

impl Target {
    /// Reads one; 400 `invalidPath` where there is no such attribute, `invalidFilter` where the
    /// filter in it cannot be read.
    pub fn parse(resource: &'static Resource, text: &str) -> Result<Self, ScimError> {
        let unknown = || {
            let detail = format!("a {} has no attribute {text:?}", resource.name);
            ScimError::bad("invalidPath", detail)
        };
        let text = text.trim();
        let Some((head, rest)) = text.split_once('[') else {
            let path = Path::parse(resource, text).ok_or_else(unknown)?;
            return Ok(Self { path, filter: None });
        };
        let (inside, tail) = rest.rsplit_once(']').ok_or_else(unknown)?;
        let path = Path::parse(resource, head).ok_or_else(unknown)?;
        let attribute = path.attribute.filter(|_| path.part.is_none());
        let attribute = attribute
            .filter(|attribute| attribute.multi)
            .ok_or_else(unknown)?;
        let filter = filter::parse::inside(resource, attribute, inside)?;
        let part = match tail.strip_prefix('.') {
            Some(part) if attribute.kind == Kind::Complex => {
                Some(attribute.part(part).ok_or_else(unknown)?)
            }
            Some(part) if part.eq_ignore_ascii_case("value") => None,
            None if tail.is_empty() => None,
            _ => return Err(unknown()),
        };
        Ok(Self {
            path: Path { part, ..path },
            filter: Some(filter),
        })
    }
}
