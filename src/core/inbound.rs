//! Doors: what mail gateways post, taken as it comes. `POST /v1/inbound/{gateway}/{partner}`.
//!
//! ```text
//!   head -> begin: which gateway, which partner, Basic credentials, limits   (nothing read yet)
//!   body -> submit: its signature -> envelope, raw message, the gateway's name for it
//!                   the same submission as any other, with that name as its Idempotency-Key
//!                   the answer in the codes that make this gateway do the right thing
//! ```
//!
//! A gateway keeps a message until somebody says that it need not. So whatever may be otherwise a little
//! later, also a body that cannot be read because the gateway was changed, is 503 and never 429; only a
//! message that nobody here will ever take is refused, in the gateway's own code for it.
//!
//! | file | what it reads |
//! | --- | --- |
//! | [`mailgun`] | Mailgun Routes, raw MIME |
//! | [`sendgrid`] | SendGrid Inbound Parse, raw |
//! | [`postmark`] | Postmark inbound with the raw message |
//! | [`cloudmailin`] | CloudMailin, raw |
//! | [`postal`] | Postal's HTTP endpoint, raw |
//! | [`action_mailbox`] | whatever posts as Rails' relays do |
//! | [`fields`], [`trace`] | forms, and what the first lines of a message say of its envelope |
//! | [`secrets`] | the keys that signatures are verified with |

pub mod action_mailbox;
pub mod cloudmailin;
pub mod fields;
pub mod mailgun;
pub mod postal;
pub mod postmark;
pub mod secrets;
pub mod sendgrid;
pub mod trace;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::config::Config;
use crate::custody::route_state::StateCache;
use crate::limits;
use crate::mail::{EmailAddress, Envelope};
use crate::partner::Partner;
use crate::ports::Ports;
use crate::problem::{Kind, Problem, TYPE_BASE};
use crate::submit::answer::Response;
use crate::submit::request::{Head, Request, too_large};
use crate::submit::{self, Submitted};
use crate::time::Timestamp;
use crate::trace_context::TraceContext;
use fields::MediaType;
use secrets::{GatewaySecrets, Signed};

/// Who posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// Mailgun Routes: `forward()` to a URL that ends in `mime`.
    Mailgun,
    /// SendGrid Inbound Parse with "POST the raw, full MIME message".
    SendGrid,
    /// Postmark inbound with "Include raw email content in JSON payload".
    Postmark,
    /// CloudMailin in its raw format.
    CloudMailin,
    /// Postal's HTTP endpoint with the raw message.
    Postal,
    /// The relays of Rails' Action Mailbox, and whatever else posts `message/rfc822` with Basic credentials.
    ActionMailbox,
}

impl Gateway {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Mailgun,
        Self::SendGrid,
        Self::Postmark,
        Self::CloudMailin,
        Self::Postal,
        Self::ActionMailbox,
    ];

    /// Its name in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mailgun => "mailgun",
            Self::SendGrid => "sendgrid",
            Self::Postmark => "postmark",
            Self::CloudMailin => "cloudmailin",
            Self::Postal => "postal",
            Self::ActionMailbox => "action-mailbox",
        }
    }

    /// The gateway that a path behind `/v1/inbound/` names.
    pub fn of(words: &str) -> Option<Self> {
        let name = words.trim_matches('/').split('/').next();
        Self::ALL.into_iter().find(|one| Some(one.as_str()) == name)
    }

    /// The status with which it gives a message up, and tells the sender where it can.
    pub const fn refusal(self) -> u16 {
        match self {
            Self::Mailgun => 406,
            Self::Postmark => 403,
            Self::SendGrid | Self::CloudMailin | Self::Postal | Self::ActionMailbox => 422,
        }
    }

    /// Whether it signs what it posts; the others send Basic credentials.
    const fn signs(self) -> bool {
        matches!(self, Self::Mailgun | Self::Postal)
    }
}

/// The header fields of a request that doors look at beside those of every submission.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    /// `X-Postal-Signature`: over the body, with SHA-1.
    pub postal_sha1: Option<String>,
    /// `X-Postal-Signature-256`: the same with SHA-256.
    pub postal_sha256: Option<String>,
}

/// A request whose head has been judged.
#[derive(Debug)]
pub struct Door<'c> {
    /// Which gateway's.
    pub gateway: Gateway,
    /// Whose mail it is.
    pub partner: &'c Partner,
    /// The body may have so many bytes.
    pub body_limit: usize,
    media_type: MediaType,
    query: String,
    trace: Option<TraceContext>,
}

/// What a gateway posted.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// The envelope.
    pub envelope: Envelope,
    /// The message, as the gateway had it.
    pub message: Bytes,
    /// The gateway's own name for it, the same whenever it posts it again.
    pub name: Option<String>,
}

/// Judges the head: `words` are those of the path behind `/v1/inbound/`.
pub fn begin<'c>(config: &'c Config, words: &str, head: &Head) -> Result<Door<'c>, Problem> {
    let Some(gateway) = Gateway::of(words) else {
        let known = Gateway::ALL.map(Gateway::as_str).join(", ");
        let detail = format!("gateways post to /v1/inbound/GATEWAY/PARTNER; known are {known}");
        return Err(Problem::new(Kind::NotFound, detail));
    };
    let mut parts = words.trim_matches('/').split('/').skip(1);
    let partner = parts.next();
    // Mailgun wants its URL to end in "mime".
    let rest = parts.next().filter(|rest| *rest != "mime");
    let found = config
        .partners
        .iter()
        .find(|one| Some(one.name.as_str()) == partner);
    if rest.is_some() || parts.next().is_some() {
        let detail = format!("gateways post to /v1/inbound/{}/PARTNER", gateway.as_str());
        return Err(Problem::new(Kind::NotFound, detail));
    }
    let partner = match gateway.signs() {
        // The signature is over what is in the body.
        true => found.ok_or_else(|| {
            Problem::new(
                Kind::Unauthorized,
                "no partner of this name signs anything here",
            )
        })?,
        false => crate::partner::holds_key(found, head.authorization.as_deref())?,
    };
    let media_type = MediaType::read(head.content_type.as_deref().unwrap_or_default());
    let most = config.limits.message_bytes;
    let body_limit = limits::BODY_OVERHEAD_BYTES
        + match &media_type {
            // Each byte may be written as three.
            MediaType::Urlencoded => most.saturating_mul(3),
            MediaType::Json => most.saturating_mul(2),
            _ => most,
        };
    if head
        .content_length
        .is_some_and(|length| length > body_limit as u64)
    {
        return Err(too_large(most));
    }
    Ok(Door {
        gateway,
        partner,
        body_limit,
        media_type,
        query: head.query.clone(),
        trace: TraceContext::read(head.traceparent.as_deref(), head.tracestate.as_deref()),
    })
}

impl Door<'_> {
    /// Verifies the body where the gateway signs it, and reads what is in it. `verify` is the host's
    /// RSA.
    pub fn read(
        &self,
        secrets: &GatewaySecrets,
        signatures: &Signatures,
        body: &Bytes,
        now: Timestamp,
        verify: &dyn Fn(&Signed<'_>) -> bool,
    ) -> Result<Posted, Problem> {
        let keys = secrets.of(&self.partner.name);
        let posted = match self.gateway {
            Gateway::Mailgun => mailgun::read(&self.media_type, body, keys, now)?,
            Gateway::SendGrid => sendgrid::read(&self.media_type, body)?,
            Gateway::Postmark => postmark::read(&self.media_type, body)?,
            Gateway::CloudMailin => cloudmailin::read(&self.media_type, body)?,
            Gateway::Postal => postal::read(&self.media_type, body, keys, signatures, verify)?,
            Gateway::ActionMailbox => action_mailbox::read(&self.media_type, &self.query, body)?,
        };
        match posted.message.is_empty() {
            true => Err(Problem::new(Kind::BadRequest, "the message is empty")),
            false => Ok(posted),
        }
    }

    /// Submits it as any message is submitted. What was posted before under its name makes no second one.
    pub async fn submit<P: Ports>(
        &self,
        ports: &P,
        config: &Config,
        cache: &StateCache,
        posted: Posted,
    ) -> Submitted {
        let (content, message) = (content(&posted), posted.message);
        let submit = async |key: String| {
            let envelope = posted.envelope.clone();
            let request = Request::carried(self.partner, envelope, key, self.trace.clone());
            submit::submit(ports, config, cache, &request, message.clone()).await
        };
        let gateway = self.gateway.as_str();
        let name = posted.name.filter(|name| {
            name.len() <= limits::GATEWAY_NAME_CHARS
                && name.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let Some(name) = name else {
            return submit(format!("{gateway}:{content}")).await;
        };
        let submitted = submit(format!("{gateway}:{name}")).await;
        // A gateway that uses a name twice must not cost us the second message.
        match is_of(&submitted.response, Kind::KeyReused) {
            true => submit(format!("{gateway}:{name}:{content}")).await,
            false => submitted,
        }
    }
}

/// The answer that makes the gateway do the right thing that a path behind `/v1/inbound/` names.
pub fn answer(words: &str, response: Response) -> Response {
    match Gateway::of(words) {
        Some(gateway) => answer_to(gateway, response),
        None => response,
    }
}

/// Done: 200. Never to be taken: the gateway's refusal. All else: it keeps the message and tries again.
fn answer_to(gateway: Gateway, response: Response) -> Response {
    let refused = [
        Kind::BadAddress,
        Kind::SenderNotGranted,
        Kind::DomainNotGranted,
        Kind::TooLarge,
        Kind::NoRoute,
        Kind::MailLoop,
        Kind::Refused,
    ];
    let stands = [Kind::Unauthorized, Kind::NotFound, Kind::MethodNotAllowed];
    let is_one_of = |kinds: &[Kind]| kinds.iter().any(|kind| is_of(&response, *kind));
    let status = match response.status {
        200..=299 => 200,
        status if is_one_of(&stands) => status,
        _ if is_one_of(&refused) => gateway.refusal(),
        _ => 503,
    };
    let mut answered = Response {
        status,
        retry_after: (status == 503).then_some(limits::RETRY_AFTER.as_secs()),
        ..response
    };
    if answered.is_problem()
        && let Some(said) = answered.body.get_mut("status")
    {
        *said = status.into();
    }
    answered
}

fn is_of(response: &Response, kind: Kind) -> bool {
    let said = response.body.get("type").and_then(|said| said.as_str());
    let slug = serde_json::to_value(kind).unwrap_or_default();
    let slug = slug.as_str().unwrap_or_default();
    said.and_then(|said| said.strip_prefix(TYPE_BASE)) == Some(slug)
}

/// What was posted, in one word: what is posted again is the same.
fn content(posted: &Posted) -> String {
    let mut hash = Sha256::new();
    hash.update(posted.envelope.sender_path());
    for recipient in &posted.envelope.recipients {
        hash.update([0]);
        hash.update(recipient.as_str());
    }
    hash.update([1]);
    hash.update(&posted.message);
    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An envelope of addresses as gateways write them, with or without angle brackets.
fn envelope<'t>(
    sender: &str,
    recipients: impl IntoIterator<Item = &'t str>,
) -> Result<Envelope, Problem> {
    let sender = match bare(sender) {
        "" => None,
        sender => Some(address("sender", sender)?),
    };
    let recipients = recipients.into_iter().map(bare);
    let recipients = recipients.filter(|text| !text.is_empty());
    let recipients: Result<Vec<EmailAddress>, Problem> =
        recipients.map(|text| address("recipient", text)).collect();
    let recipients = recipients?;
    match recipients.is_empty() {
        true => Err(unreadable("it names no recipient")),
        false => Ok(Envelope::new(sender, recipients)),
    }
}

fn bare(text: &str) -> &str {
    let text = text.trim();
    let inside = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    inside.unwrap_or(text).trim()
}

fn address(what: &str, text: &str) -> Result<EmailAddress, Problem> {
    text.parse().map_err(|error| {
        let shown: String = text.chars().take(80).collect();
        Problem::new(
            Kind::BadAddress,
            format!("the {what} {shown:?} is not an address: {error}"),
        )
    })
}

/// The body is not what this gateway posts; somebody should look, and the gateway keeps it until then.
fn unreadable(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}

/// The body is of another type than this gateway posts.
fn other_type(wanted: &str) -> Problem {
    Problem::new(
        Kind::UnsupportedMediaType,
        format!("this gateway posts {wanted}"),
    )
}
