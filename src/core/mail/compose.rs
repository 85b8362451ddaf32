//! A message built from fields, for partners who have none of their own.
//!
//! The building is `mail-builder`'s; what stands here is what must not be left to it: no field's
//! value may carry a line end (that is how header fields are smuggled), `Bcc` never becomes a
//! header field, and everything that differs from call to call (id, date, boundaries) comes from
//! the message's id, so that core stays pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use serde::Deserialize;

use super::{DsnRequest, EmailAddress, Envelope, MessageId};
use crate::limits;
use crate::problem::{Kind, Problem};

/// The fields of a message as `application/json` carries them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fields {
    /// The author: `ada@acme.example` or `Ada <ada@acme.example>`; also the envelope's sender.
    pub from: String,
    /// The recipients that the message names.
    #[serde(default)]
    pub to: OneOrMany,
    /// The recipients of copies.
    #[serde(default)]
    pub cc: OneOrMany,
    /// Recipients that the message does not name.
    #[serde(default)]
    pub bcc: OneOrMany,
    /// Where answers should go.
    #[serde(default)]
    pub reply_to: OneOrMany,
    /// The subject.
    #[serde(default)]
    pub subject: String,
    /// The text as plain text.
    #[serde(default)]
    pub text: Option<String>,
    /// The text as HTML.
    #[serde(default)]
    pub html: Option<String>,
    /// Further header fields by name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, String>))]
    pub headers: serde_json::Map<String, serde_json::Value>,
    /// What the sender wants to be told when it cannot be delivered.
    #[serde(default)]
    pub dsn: DsnRequest,
    /// Files.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// One text or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Any number.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One file of a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Its name.
    pub filename: String,
    /// Its media type, such as `application/pdf`.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Its bytes in base64.
    pub content: String,
    /// The id by which HTML refers to it (`cid:`); makes it inline.
    #[serde(default)]
    pub content_id: Option<String>,
}

/// The envelope and the message that the fields ask for.
pub fn compose(fields: Fields, id: MessageId) -> Result<(Envelope, Bytes), Problem> {
    let from = mailbox("from", &fields.from)?;
    let [to, cc, bcc, reply_to] = [
        ("to", &fields.to),
        ("cc", &fields.cc),
        ("bcc", &fields.bcc),
        ("reply_to", &fields.reply_to),
    ]
    .map(|(name, list)| {
        list.as_slice()
            .iter()
            .map(|text| mailbox(name, text))
            .collect::<Result<Vec<_>, _>>()
    });
    let (to, cc, bcc, reply_to) = (to?, cc?, bcc?, reply_to?);

    let domain = from.address.domain();
    let mut builder = MessageBuilder::new()
        .header("From", one(&from))
        .header("Subject", Text::new(line("subject", &fields.subject)?))
        .header("Date", Raw::new(id.at().rfc5322()))
        .header("Message-ID", Raw::new(format!("<{id}@{domain}>")))
        .header("MIME-Version", Raw::new("1.0"));
    for (name, list) in [("To", &to), ("Cc", &cc), ("Reply-To", &reply_to)] {
        if !list.is_empty() {
            builder = builder.header(name, many(list));
        }
    }
    for (name, value) in extra_headers(&fields.headers)? {
        builder = builder.header(name, value);
    }
    let message = builder.body(body(fields.text, fields.html, fields.attachments, id)?);
    let bytes = message.write_to_vec().map_err(|error| {
        Problem::new(
            Kind::BadRequest,
            format!("the message cannot be built: {error}"),
        )
    })?;

    let recipients = [to, cc, bcc]
        .into_iter()
        .flatten()
        .map(|mailbox| mailbox.address)
        .collect();
    let envelope = Envelope::new(Some(from.address), recipients).with_dsn(fields.dsn);
    Ok((envelope, bytes.into()))
}

struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

/// `ada@acme.example` or `Ada <ada@acme.example>`.
fn mailbox(field: &str, text: &str) -> Result<Mailbox, Problem> {
    let text = line(field, text)?.trim().to_owned();
    let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"').to_owned(), address.to_owned()),
        None => (String::new(), text),
    };
    let parsed = address.parse().map_err(|error| {
        Problem::new(
            Kind::BadAddress,
            format!("`{field}`: {address:?} is not an address: {error}"),
        )
    })?;
    Ok(Mailbox {
        name: (!name.is_empty()).then_some(name),
        address: parsed,
    })
}

fn one(mailbox: &Mailbox) -> HeaderType<'static> {
    Address::new_address(mailbox.name.clone(), mailbox.address.to_string()).into()
}

fn many(list: &[Mailbox]) -> HeaderType<'static> {
    Address::new_list(
        list.iter()
            .map(|m| Address::new_address(m.name.clone(), m.address.to_string()))
            .collect(),
    )
    .into()
}

/// A text that must stay within its header field.
fn line<'t>(field: &str, text: &'t str) -> Result<&'t str, Problem> {
    let bad = |what: &str| Problem::new(Kind::BadRequest, format!("`{field}` {what}"));
    if text.chars().count() > limits::HEADER_VALUE_CHARS {
        return Err(bad(&format!(
            "is longer than {} characters",
            limits::HEADER_VALUE_CHARS
        )));
    }
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(bad(
            "has a line end or another control character; leave it out",
        ));
    }
    Ok(text)
}

fn extra_headers(
    headers: &serde_json::Map<String, serde_json::Value>,
) -> Result<Vec<(String, HeaderType<'static>)>, Problem> {
    if headers.len() > limits::EXTRA_HEADERS {
        let detail = format!("`headers` has more than {} fields", limits::EXTRA_HEADERS);
        return Err(Problem::new(Kind::BadRequest, detail));
    }
    let mut fields = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let bad =
            |what: String| Problem::new(Kind::BadRequest, format!("`headers`: {name:?} {what}"));
        // RFC 5322, 3.6.8: printable ASCII but the colon.
        let well_formed = !name.is_empty()
            && name.len() <= 76
            && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        if !well_formed {
            return Err(bad("is not a header field's name".into()));
        }
        let ours = |own: &&str| own.eq_ignore_ascii_case(name);
        if OWN_FIELDS.iter().any(ours) || name.to_ascii_lowercase().starts_with("content-") {
            return Err(bad("is made from the other members; leave it out".into()));
        }
        let Some(text) = value.as_str() else {
            return Err(bad("must be a text".into()));
        };
        let text = line(&format!("headers.{name}"), text)?.to_owned();
        let value = if text.is_ascii() {
            Raw::new(text).into()
        } else {
            Text::new(text).into()
        };
        fields.push((name.clone(), value));
    }
    Ok(fields)
}

/// The MIME tree: mixed(alternative(text, html), files), as much of it as there is.
fn body(
    text: Option<String>,
    html: Option<String>,
    attachments: Vec<Attachment>,
    id: MessageId,
) -> Result<MimePart<'static>, Problem> {
    if attachments.len() > limits::ATTACHMENTS {
        let detail = format!("more than {} attachments", limits::ATTACHMENTS);
        return Err(Problem::new(Kind::TooLarge, detail));
    }
    let text = text.map(|text| MimePart::new("text/plain", text));
    let html = html.map(|html| MimePart::new("text/html", html));
    let content = match (text, html) {
        (Some(text), Some(html)) => multipart("alternative", vec![text, html], id),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => MimePart::new("text/plain", "\r\n"),
    };
    if attachments.is_empty() {
        return Ok(content);
    }
    let mut parts = vec![content];
    for attachment in attachments {
        parts.push(file(attachment)?);
    }
    Ok(multipart("mixed", parts, id))
}

pub(crate) fn multipart(
    subtype: &str,
    parts: Vec<MimePart<'static>>,
    id: MessageId,
) -> MimePart<'static> {
    let content_type = ContentType::new(format!("multipart/{subtype}"))
        .attribute("boundary", format!("{subtype}-{id}"));
    MimePart::new(content_type, BodyPart::Multipart(parts))
}

fn file(attachment: Attachment) -> Result<MimePart<'static>, Problem> {
    let name = line("attachments.filename", &attachment.filename)?.to_owned();
    let bad = |what: String| Problem::new(Kind::BadRequest, format!("attachment {name:?}: {what}"));
    let media_type = attachment
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    let token = |t: &str| {
        !t.is_empty()
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    if !media_type
        .split_once('/')
        .is_some_and(|(kind, subtype)| token(kind) && token(subtype))
    {
        return Err(bad(format!(
            "{media_type:?} is not a media type without parameters (RFC 6838, 4.2)"
        )));
    }
    let bytes = STANDARD
        .decode(attachment.content.as_bytes())
        .map_err(|error| bad(format!("its content is not base64: {error}")))?;
    let part = MimePart::new(
        ContentType::new(media_type.to_owned()),
        BodyPart::Binary(bytes.into()),
    );
    let part = match attachment.content_id {
        None => part.attachment(name),
        Some(cid) => {
            let cid = line("attachments.content_id", &cid)?
                .trim_matches(['<', '>'])
                .to_owned();
            if cid.is_empty() || cid.contains(['<', '>', ' ', '\t']) {
                return Err(bad("its content_id has a space or an angle bracket".into()));
            }
            let inline = ContentType::new("inline").attribute("filename", name);
            part.header("Content-Disposition", inline).cid(cid)
        }
    };
    Ok(part)
}

/// Header fields that the other members stand for, or that only transports write.
const OWN_FIELDS: [&str; 12] = [
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "received",
    "return-path",
    "sender",
];
