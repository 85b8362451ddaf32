//! The forms that gateways post: `multipart/form-data` (RFC 7578) and
//! `application/x-www-form-urlencoded` (URL Standard, 5.1), with values of any bytes.

use bytes::Bytes;
use percent_encoding::percent_decode;

use super::unreadable;
use crate::limits;
use crate::problem::Problem;
use crate::submit::multipart;

/// What a body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// A form in parts, with this boundary.
    Multipart(String),
    /// A form in one line.
    Urlencoded,
    /// JSON.
    Json,
    /// A message.
    Message,
    /// Something else.
    Other,
}

impl MediaType {
    /// From `Content-Type`.
    pub fn read(field: &str) -> Self {
        let (kind, parameters) = field.split_once(';').unwrap_or((field, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            "multipart/form-data" => {
                multipart::boundary(parameters).map_or(Self::Other, Self::Multipart)
            }
            "application/x-www-form-urlencoded" => Self::Urlencoded,
            "application/json" => Self::Json,
            "message/rfc822" => Self::Message,
            _ => Self::Other,
        }
    }
}

/// A form's fields, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<(String, Bytes)>);

impl Fields {
    /// Reads a form; none where the body is none.
    pub fn read(media_type: &MediaType, body: &Bytes) -> Result<Option<Self>, Problem> {
        match media_type {
            MediaType::Multipart(boundary) => {
                let parts = multipart::parts(body, boundary)?;
                let fields = parts.into_iter().map(|part| (part.name, part.body));
                Ok(Some(Self(fields.collect())))
            }
            MediaType::Urlencoded => urlencoded(body).map(Some),
            _ => Ok(None),
        }
    }

    /// The first value of a field.
    pub fn bytes(&self, name: &str) -> Option<&Bytes> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value)
    }

    /// The first value of a field, as text; empty where there is none.
    pub fn text(&self, name: &str) -> Result<&str, Problem> {
        let value = self.bytes(name).map(Bytes::as_ref).unwrap_or_default();
        text(name, value)
    }

    /// All values of the fields whose name is `name`, or begins so and goes on with `[`.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = Result<&'f str, Problem>> + 'f {
        let is_one = move |field: &str| {
            let rest = field.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        let fields = self.0.iter().filter(move |(field, _)| is_one(field));
        fields.map(|(field, value)| text(field, value))
    }
}

fn text<'v>(name: &str, value: &'v [u8]) -> Result<&'v str, Problem> {
    std::str::from_utf8(value).map_err(|_| unreadable(format!("the field `{name}` is not UTF-8")))
}

fn urlencoded(body: &Bytes) -> Result<Fields, Problem> {
    let mut fields = Vec::new();
    for pair in body
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
    {
        if fields.len() == limits::BODY_PARTS {
            let most = limits::BODY_PARTS;
            return Err(unreadable(format!("the form has more than {most} fields")));
        }
        let at = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = match at {
            Some(at) => (&pair[..at], pair.get(at + 1..).unwrap_or_default()),
            None => (pair, &[][..]),
        };
        let name = String::from_utf8_lossy(&decoded(name)).into_owned();
        fields.push((name, decoded(value).into()));
    }
    Ok(Fields(fields))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    match text.contains(&b'+') {
        false => percent_decode(text).collect(),
        true => {
            let spaces = text
                .iter()
                .map(|byte| if *byte == b'+' { b' ' } else { *byte });
            percent_decode(&spaces.collect::<Vec<u8>>()).collect()
        }
    }
}
