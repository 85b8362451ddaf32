//! A submission's request: its head first, judged before a byte of the body is read; then the
//! body, in the three types that carry a message.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::multipart;
use crate::config::{Config, Limits};
use crate::custody::held::Digest;
use crate::limits;
use crate::mail::compose::{Fields, compose};
use crate::mail::notify::NotAnEnvelopeId;
use crate::mail::{DsnRequest, EmailAddress, Envelope, EnvelopeId, MessageId, Notify, Ret};
use crate::partner::{Partner, authenticate};
use crate::problem::{Kind, Problem};
use crate::trace_context::TraceContext;

/// What the head of a request says, as it came.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// The query, without the `?`.
    pub query: String,
    /// `Authorization`.
    pub authorization: Option<Vec<u8>>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `Content-Digest`.
    pub content_digest: Option<String>,
    /// `traceparent`, where it stands once.
    pub traceparent: Option<String>,
    /// `tracestate`, its lines joined.
    pub tracestate: Option<String>,
}

/// A submission whose head has been judged.
#[derive(Debug)]
pub struct Request<'c> {
    /// Who submits.
    pub partner: &'c Partner,
    /// The key, if there is one.
    pub idempotency_key: Option<String>,
    /// The body may have so many bytes.
    pub body_limit: usize,
    /// The trace it belongs to.
    pub trace: Option<TraceContext>,
    form: Form,
    content_digest: Option<Digest>,
}

/// How the body carries the message.
#[derive(Debug)]
enum Form {
    /// The body is the message; the envelope was in the query.
    Raw(Envelope),
    /// Fields or base64 in JSON.
    Json,
    /// A form with this boundary.
    Multipart(String),
}

/// Judges the head. What is refused here costs nothing and keeps nothing.
pub fn begin<'c>(config: &'c Config, head: &Head) -> Result<Request<'c>, Problem> {
    let partner = authenticate(&config.partners, head.authorization.as_deref())?;
    let idempotency_key = head
        .idempotency_key
        .as_deref()
        .map(idempotency_key)
        .transpose()?;
    let content_digest = head
        .content_digest
        .as_deref()
        .map(content_digest)
        .transpose()?;
    let limit = config.limits.message_bytes;
    let (form, body_limit) = match media_type(head.content_type.as_deref()) {
        ("message/rfc822", _) => {
            let envelope = query_envelope(&head.query, &config.limits)?;
            partner.check(&envelope)?;
            (Form::Raw(envelope), limit)
        }
        ("application/json", _) => (Form::Json, limit / 3 * 4 + limits::BODY_OVERHEAD_BYTES),
        ("multipart/form-data", Some(boundary)) => (
            Form::Multipart(boundary),
            limit + limits::BODY_OVERHEAD_BYTES,
        ),
        ("multipart/form-data", None) => {
            return Err(Problem::new(
                Kind::BadRequest,
                "multipart/form-data without a boundary of 1 to 70 characters",
            ));
        }
        _ => {
            let detail =
                "send message/rfc822, application/json or multipart/form-data as Content-Type";
            return Err(Problem::new(Kind::UnsupportedMediaType, detail));
        }
    };
    if head
        .content_length
        .is_some_and(|length| length > body_limit as u64)
    {
        return Err(too_large(limit));
    }
    Ok(Request {
        partner,
        idempotency_key,
        body_limit,
        trace: TraceContext::read(head.traceparent.as_deref(), head.tracestate.as_deref()),
        form,
        content_digest,
    })
}

/// The refusal of a message that is too long; its limit is named in bytes.
pub fn too_large(message_bytes: usize) -> Problem {
    Problem::new(
        Kind::TooLarge,
        format!("a message may have {message_bytes} bytes"),
    )
    .with("limit", message_bytes)
}

impl<'c> Request<'c> {
    /// A message that came otherwise than by the submission API; its body is the message.
    pub fn carried(
        partner: &'c Partner,
        envelope: Envelope,
        idempotency_key: String,
        trace: Option<TraceContext>,
    ) -> Self {
        Self {
            partner,
            idempotency_key: Some(idempotency_key),
            body_limit: 0,
            trace,
            form: Form::Raw(envelope),
            content_digest: None,
        }
    }
}

impl Request<'_> {
    /// Whether the body's hash is needed whatever becomes of the message.
    pub fn needs_digest(&self) -> bool {
        self.idempotency_key.is_some() || self.content_digest.is_some()
    }

    /// Compares the body with its `Content-Digest`.
    pub fn check_digest(&self, body: Option<Digest>) -> Result<(), Problem> {
        match (self.content_digest, body) {
            (Some(said), Some(is)) if said != is => Err(Problem::new(
                Kind::DigestMismatch,
                format!("the body that arrived has {}", is.field()),
            )),
            _ => Ok(()),
        }
    }

    /// What makes a repeat the same submission: the body's hash, and the envelope where it is not in it.
    pub fn fingerprint(&self, body: Digest) -> Digest {
        let mut hash = Sha256::new();
        hash.update(body.0);
        if let Form::Raw(envelope) = &self.form {
            hash.update(envelope.sender_path());
            for recipient in &envelope.recipients {
                hash.update([0]);
                hash.update(recipient.as_str());
            }
            // Not where nothing was said: keys of before this could be said keep their meaning.
            if !envelope.dsn.is_default() {
                hash.update([1]);
                hash.update(serde_json::to_string(&envelope.dsn).unwrap_or_default());
            }
        }
        Digest(hash.finalize().into())
    }

    /// The envelope and the message that the body carries. `id` names a message that is built here.
    pub fn read(
        &self,
        body: Bytes,
        id: MessageId,
        limits: &Limits,
    ) -> Result<(Envelope, Bytes), Problem> {
        let (envelope, message) = match &self.form {
            Form::Raw(envelope) => (envelope.clone(), body),
            Form::Json => read_json(&body, id)?,
            Form::Multipart(boundary) => read_form(&body, boundary, limits)?,
        };
        count(envelope.recipients.len(), limits)?;
        if message.len() > limits.message_bytes {
            return Err(too_large(limits.message_bytes));
        }
        if message.is_empty() {
            return Err(Problem::new(Kind::BadRequest, "the message is empty"));
        }
        Ok((envelope, message))
    }
}

fn count(recipients: usize, limits: &Limits) -> Result<(), Problem> {
    match recipients {
        0 => Err(Problem::new(
            Kind::BadRequest,
            "there is no recipient; name one in `to`",
        )),
        n if n > limits.recipients => {
            let detail = format!("{n} recipients; {} is the limit", limits.recipients);
            Err(Problem::new(Kind::TooLarge, detail).with("limit", limits.recipients))
        }
        _ => Ok(()),
    }
}

/// The names and the percent-decoded values of a query.
pub fn query_pairs(query: &str) -> impl Iterator<Item = Result<(&str, Cow<'_, str>), Problem>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match percent_decode_str(value).decode_utf8() {
            Ok(value) => Ok((name, value)),
            Err(_) => {
                let detail = format!("`{name}` is not UTF-8 when percent-decoded");
                Err(Problem::new(Kind::BadAddress, detail))
            }
        }
    })
}

fn query_envelope(query: &str, limits: &Limits) -> Result<Envelope, Problem> {
    let mut sender = None;
    let mut recipients = Vec::new();
    let mut dsn = DsnRequest::default();
    for pair in query_pairs(query) {
        let (name, value) = pair?;
        match name {
            "from" if sender.is_none() => sender = Some(null_or("from", &value)?),
            "from" => {
                return Err(Problem::new(
                    Kind::BadRequest,
                    "`from` stands twice in the query",
                ));
            }
            "to" => {
                count(recipients.len() + 1, limits)?;
                recipients.push(address("to", &value)?);
            }
            name if ask(&mut dsn, name, &value)? => {}
            _ => {
                let detail = format!(
                    "`{name}` is not known in the query; it takes one `from`, each `to`, and `notify`, `ret` \
                     and `envid`"
                );
                return Err(Problem::new(Kind::BadRequest, detail));
            }
        }
    }
    let Some(sender) = sender else {
        let detail =
            "there is no `from` in the query; `from=` alone is the null sender of a bounce";
        return Err(Problem::new(Kind::BadRequest, detail));
    };
    count(recipients.len(), limits)?;
    Ok(Envelope::new(sender, recipients).with_dsn(dsn))
}

/// Takes one thing that the sender asks for; false where it is no such thing.
fn ask(dsn: &mut DsnRequest, name: &str, value: &str) -> Result<bool, Problem> {
    let bad = |rule: String| {
        let detail = format!("`{name}`: {value:?} is not {rule}");
        Problem::new(Kind::BadRequest, detail)
    };
    let twice = match name {
        "notify" => {
            let read = Notify::parse(value).ok_or_else(|| bad("`never` or `failure`".into()));
            dsn.notify.replace(read?).is_some()
        }
        "ret" => {
            let read = Ret::parse(value).ok_or_else(|| bad("`full` or `hdrs`".into()));
            dsn.ret.replace(read?).is_some()
        }
        "envid" => {
            let read = EnvelopeId::parse(value).ok_or_else(|| bad(NotAnEnvelopeId.to_string()));
            dsn.envid.replace(read?).is_some()
        }
        _ => return Ok(false),
    };
    match twice {
        true => Err(Problem::new(
            Kind::BadRequest,
            format!("`{name}` stands twice"),
        )),
        false => Ok(true),
    }
}

/// An address, or nothing for the null sender.
fn null_or(field: &str, text: &str) -> Result<Option<EmailAddress>, Problem> {
    match text {
        "" | "<>" => Ok(None),
        text => address(field, text).map(Some),
    }
}

fn address(field: &str, text: &str) -> Result<EmailAddress, Problem> {
    text.parse().map_err(|error| {
        let shown: String = text.chars().take(80).collect();
        let plus = if text.contains(' ') {
            " (a + in a query is percent-encoded as %2B)"
        } else {
            ""
        };
        Problem::new(
            Kind::BadAddress,
            format!("`{field}`: {shown:?} is not an address: {error}{plus}"),
        )
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
/// A whole message in JSON.
pub struct RawMessage {
    /// The message in base64.
    pub raw: String,
    /// Its envelope.
    pub envelope: RawEnvelope,
    /// What the sender wants to be told when it cannot be delivered.
    #[serde(default)]
    pub dsn: DsnRequest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
/// The envelope of a whole message in JSON.
pub struct RawEnvelope {
    /// The sender; empty for the null sender.
    #[serde(default)]
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
}

fn read_json(body: &Bytes, id: MessageId) -> Result<(Envelope, Bytes), Problem> {
    let bad = |error: serde_json::Error| {
        Problem::new(Kind::BadRequest, format!("the JSON body: {error}"))
    };
    #[derive(Deserialize)]
    struct Peek {
        #[serde(default)]
        raw: Option<serde::de::IgnoredAny>,
    }
    let peek: Peek = serde_json::from_slice(body).map_err(bad)?;
    if peek.raw.is_none() {
        let fields: Fields = serde_json::from_slice(body).map_err(bad)?;
        return compose(fields, id);
    }
    let RawMessage { raw, envelope, dsn } = serde_json::from_slice(body).map_err(bad)?;
    let message = STANDARD
        .decode(raw.as_bytes())
        .map_err(|error| Problem::new(Kind::BadRequest, format!("`raw` is not base64: {error}")))?;
    let sender = null_or("envelope.from", &envelope.from)?;
    let to = envelope
        .to
        .iter()
        .map(|text| address("envelope.to", text))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((Envelope::new(sender, to).with_dsn(dsn), message.into()))
}

fn read_form(body: &Bytes, boundary: &str, limits: &Limits) -> Result<(Envelope, Bytes), Problem> {
    let mut sender = None;
    let mut recipients = Vec::new();
    let mut dsn = DsnRequest::default();
    let mut message = None;
    for part in multipart::parts(body, boundary)? {
        let text = || {
            std::str::from_utf8(&part.body).map(str::trim).map_err(|_| {
                Problem::new(
                    Kind::BadAddress,
                    format!("part `{}` is not UTF-8", part.name),
                )
            })
        };
        let twice = || {
            Problem::new(
                Kind::BadRequest,
                format!("part `{}` stands twice", part.name),
            )
        };
        match part.name.as_str() {
            "message" if message.is_some() => return Err(twice()),
            "message" => message = Some(part.body.clone()),
            "from" if sender.is_some() => return Err(twice()),
            "from" => sender = Some(null_or("from", text()?)?),
            "to" => {
                count(recipients.len() + 1, limits)?;
                recipients.push(address("to", text()?)?);
            }
            name if ask(&mut dsn, name, text()?)? => {}
            name => {
                let detail = format!(
                    "part `{name}` is not known; a form has message, from, each to, and notify, ret and envid"
                );
                return Err(Problem::new(Kind::BadRequest, detail));
            }
        }
    }
    let missing =
        |name: &str| Problem::new(Kind::BadRequest, format!("the form has no part `{name}`"));
    let sender = sender.ok_or_else(|| missing("from"))?;
    let message = message.ok_or_else(|| missing("message"))?;
    Ok((Envelope::new(sender, recipients).with_dsn(dsn), message))
}

/// The key as it is kept: quoted (a structured field's string) or bare, which are the same key.
fn idempotency_key(field: &str) -> Result<String, Problem> {
    let key = field.trim();
    let key = key
        .strip_prefix('"')
        .and_then(|k| k.strip_suffix('"'))
        .unwrap_or(key);
    let well_formed = !key.is_empty() && key.len() <= limits::IDEMPOTENCY_KEY_CHARS;
    if well_formed && key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(key.to_owned());
    }
    let detail = format!(
        "Idempotency-Key: 1 to {} printable ASCII characters",
        limits::IDEMPOTENCY_KEY_CHARS
    );
    Err(Problem::new(Kind::BadRequest, detail))
}

fn content_digest(field: &str) -> Result<Digest, Problem> {
    Digest::parse(field).ok_or_else(|| {
        Problem::new(
            Kind::BadRequest,
            "Content-Digest: no sha-256=:BASE64: in it (RFC 9530)",
        )
    })
}

/// The media type in lower case, and the boundary where there is one.
fn media_type(field: Option<&str>) -> (&'static str, Option<String>) {
    let field = field.unwrap_or_default();
    let (kind, parameters) = field.split_once(';').unwrap_or((field, ""));
    let known = ["message/rfc822", "application/json", "multipart/form-data"];
    let kind = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(kind.trim()))
        .unwrap_or("");
    (kind, multipart::boundary(parameters))
}

#[cfg(test)]
mod tests;
