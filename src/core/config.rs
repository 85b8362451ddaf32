//! The configuration document: parsed once into types with units, refused with the key's name.
//!
//! What changes while Holdfast runs (overrides, later windows and people) is not here but in
//! storage. An unknown key is an error: a misspelt limit that silently does nothing would be
//! found on the worst day.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::limits;
use crate::mail::Domain;
use crate::partner::{Partner, PartnerTable};
use crate::routing::RouteName;
use crate::routing::primary::Credentials;
use crate::routing::route::{Route, RouteTable, Switch};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name Holdfast gives itself in `Received:` and `EHLO`.
    pub hostname: String,
    /// The routes, no domain in two of them.
    pub routes: Vec<Route>,
    /// Who may submit.
    pub partners: Vec<Partner>,
    /// Bounds of one submission.
    pub limits: Limits,
    /// What a submission with an `Idempotency-Key` gets while receipts cannot be kept.
    pub without_receipts: WithoutReceipts,
    /// The route that carries reports to senders whose domain has no route.
    pub returns: Option<RouteName>,
    /// The route that carries users' mail to everybody who has no route here.
    pub outbound: Option<RouteName>,
    /// The webmail.
    pub webmail: Webmail,
    /// The signature on what users write.
    pub dkim: Option<Dkim>,
    /// How long what is over is kept.
    pub retention: Retention,
}

/// What users write is signed (DKIM, RFC 6376); the key is a secret beside the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dkim {
    /// Under which name the key's public half is in the DNS: `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
    /// The domains that have it there; all of the routes where it is not said.
    pub domains: Option<Vec<Domain>>,
}

impl Dkim {
    /// Whether mail from this domain is signed.
    pub fn signs(&self, domain: &Domain) -> bool {
        let mut domains = self.domains.iter().flatten();
        self.domains.is_none() || domains.any(|known| known == domain)
    }
}

/// The webmail's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webmail {
    /// Where users reach it: `https://mail.example.org`. Links that are sent or printed begin with it.
    pub url: Option<String>,
    /// What it calls the organisation.
    pub name: String,
    /// The time zone of users of whom the directory says none: `Europe/Rome`. UTC where there is none.
    pub time_zone: Option<String>,
    /// Whether attachments may be opened.
    pub attachments: bool,
    /// Whether a copy of what a user sends goes to the user's own primary too.
    pub sent_copies: bool,
}

/// Bounds of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message.
    pub message_bytes: usize,
    /// Recipients of one message.
    pub recipients: usize,
}

/// How long what is over is kept; none = for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How messages ended.
    pub outcomes: Option<Duration>,
    /// What people did.
    pub audit: Option<Duration>,
    /// Messages that nobody could be told of.
    pub dead_letters: Option<Duration>,
}

/// What a submission with an `Idempotency-Key` gets while the storage is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutReceipts {
    /// 503: a repeat could not be told from a first try, and the same key never makes two messages.
    #[default]
    Refuse,
    /// Deliver it: mail goes on, and a repeat after a lost answer may make a second message.
    Deliver,
}

/// Why a configuration cannot be used: the key, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("config: {key}: {reason}")]
pub struct ConfigError {
    /// The key, such as `route.hq.domains`.
    pub key: String,
    /// What is wrong and how to mend it.
    pub reason: String,
}

impl ConfigError {
    /// An error at this key.
    pub fn at(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            reason: reason.into(),
        }
    }
}

impl Config {
    /// Reads the document; `credentials` is the secret beside it, which may be empty.
    pub fn parse(document: &str, credentials: &str) -> Result<Self, ConfigError> {
        if document.len() > limits::CONFIG_BYTES {
            return Err(ConfigError::at("config", "longer than 1 MiB"));
        }
        let table: Document = read(document).map_err(|reason| ConfigError::at("config", reason))?;
        let mut secrets = parse_credentials(credentials)?;

        let hostname = table
            .hostname
            .unwrap_or_else(|| DEFAULT_HOSTNAME.to_owned());
        hostname
            .parse::<Domain>()
            .map_err(|error| ConfigError::at("hostname", error.to_string()))?;
        let ways_out = [table.returns.as_deref(), table.outbound.as_deref()];
        let routes = read_routes(table.route, ways_out, &mut secrets)?;
        if let Some(unused) = secrets.keys().next() {
            let reason = format!("there is no route {unused:?}");
            return Err(ConfigError::at("primary_credentials", reason));
        }
        let partners = read_partners(table.partner)?;
        let named = |key: &str, name: Option<String>| {
            let found = |name: String| {
                let found = routes.iter().find(|route| route.name.as_str() == name);
                found
                    .map(|route| route.name.clone())
                    .ok_or_else(|| ConfigError::at(key, format!("there is no route {name:?}")))
            };
            name.map(found).transpose()
        };
        let returns = named("returns", table.returns)?;
        let outbound = named("outbound", table.outbound)?;
        let retention = table.retention.check(&routes)?;
        Ok(Self {
            hostname,
            routes,
            partners,
            limits: table.limits.check()?,
            without_receipts: table.without_receipts,
            returns,
            outbound,
            webmail: table.webmail.check()?,
            dkim: table.dkim.map(DkimTable::check).transpose()?,
            retention,
        })
    }

    /// The route that a domain's mail takes.
    pub fn route_for(&self, domain: &Domain) -> Option<&Route> {
        self.routes.iter().find(|route| route.serves(domain))
    }

    /// The route of this name.
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name.as_str() == name)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    hostname: Option<String>,
    #[serde(default)]
    route: Vec<RouteTable>,
    #[serde(default)]
    partner: Vec<PartnerTable>,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    without_receipts: WithoutReceipts,
    returns: Option<String>,
    outbound: Option<String>,
    #[serde(default)]
    webmail: WebmailTable,
    dkim: Option<DkimTable>,
    #[serde(default)]
    retention: RetentionTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct LimitsTable {
    message_bytes: Option<usize>,
    recipients: Option<usize>,
}

impl LimitsTable {
    fn check(self) -> Result<Limits, ConfigError> {
        let message_bytes = self.message_bytes.unwrap_or(limits::MESSAGE_BYTES);
        let recipients = self.recipients.unwrap_or(limits::RECIPIENTS);
        bounded(
            "limits.message_bytes",
            message_bytes,
            limits::MESSAGE_BYTES_CEILING,
        )?;
        bounded("limits.recipients", recipients, limits::RECIPIENTS_CEILING)?;
        Ok(Limits {
            message_bytes,
            recipients,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DkimTable {
    selector: String,
    domains: Option<Vec<String>>,
}

impl DkimTable {
    fn check(self) -> Result<Dkim, ConfigError> {
        // A selector is one or more labels of a domain name (RFC 6376, 3.1).
        let selector = self.selector.parse::<Domain>();
        selector.map_err(|_| {
            let reason = format!("{:?} is no selector such as \"holdfast1\"", self.selector);
            ConfigError::at("dkim.selector", reason)
        })?;
        let domain = |text: String| {
            let parsed = text.parse::<Domain>();
            parsed.map_err(|error| ConfigError::at("dkim.domains", error.to_string()))
        };
        let domains = self
            .domains
            .map(|all| all.into_iter().map(domain).collect());
        Ok(Dkim {
            selector: self.selector,
            domains: domains.transpose()?,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct WebmailTable {
    url: Option<String>,
    name: Option<String>,
    time_zone: Option<String>,
    attachments: Option<Switch>,
    #[serde(default)]
    sent_copies: Switch,
}

impl WebmailTable {
    fn check(self) -> Result<Webmail, ConfigError> {
        let url = self.url.map(|url| url.trim_end_matches('/').to_owned());
        if let Some(url) = &url {
            let parsed = url::Url::parse(url).ok();
            let good = parsed.is_some_and(|url| {
                matches!(url.scheme(), "https" | "http") && url.has_host() && url.path() == "/"
            });
            if !good {
                let reason = format!("{url:?} is not an address such as https://mail.example.org");
                return Err(ConfigError::at("webmail.url", reason));
            }
        }
        let name = self.name.unwrap_or_else(|| WEBMAIL_NAME.to_owned());
        if name.is_empty() || name.len() > 100 || name.contains(char::is_control) {
            return Err(ConfigError::at(
                "webmail.name",
                "not a name of 1 to 100 characters",
            ));
        }
        Ok(Webmail {
            url,
            name,
            time_zone: self.time_zone,
            attachments: self.attachments.unwrap_or(Switch::On) == Switch::On,
            sent_copies: self.sent_copies == Switch::On,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RetentionTable {
    outcomes: Option<String>,
    audit: Option<String>,
    dead_letters: Option<String>,
}

impl RetentionTable {
    fn check(self, routes: &[Route]) -> Result<Retention, ConfigError> {
        let outcomes_key = "retention.outcomes";
        let default = Some(limits::OUTCOMES_KEPT);
        let outcomes = lifetime(outcomes_key, self.outcomes.as_deref(), default)?;
        let audit_default = Some(limits::AUDIT_KEPT);
        let audit = lifetime("retention.audit", self.audit.as_deref(), audit_default)?;
        let dead_key = "retention.dead_letters";
        let dead_letters = lifetime(dead_key, self.dead_letters.as_deref(), None)?;
        // A message can end as late as its lifetime says, and its outcome is what its sender asks
        // for, what a repeat is told, and what ends a copy that was left in the queue.
        let queue = routes.iter().filter_map(|route| route.queue_lifetime).max();
        if outcomes
            .zip(queue)
            .is_some_and(|(kept, queue)| kept < queue)
        {
            let reason = "shorter than a route's queue_lifetime: outcomes would go before their messages end";
            return Err(ConfigError::at(outcomes_key, reason));
        }
        if outcomes
            .zip(dead_letters)
            .is_some_and(|(kept, dead)| dead > kept)
        {
            let reason = "longer than retention.outcomes: a dead letter goes only while its outcome \
                          tells of it; say \"none\" to keep dead letters for ever";
            return Err(ConfigError::at(dead_key, reason));
        }
        Ok(Retention {
            outcomes,
            audit,
            dead_letters,
        })
    }
}

fn bounded(key: &str, value: usize, ceiling: usize) -> Result<(), ConfigError> {
    if (1..=ceiling).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::at(
        key,
        format!("{value} is not between 1 and {ceiling}"),
    ))
}

fn read_routes(
    tables: Vec<RouteTable>,
    ways_out: [Option<&str>; 2],
    secrets: &mut BTreeMap<String, Credentials>,
) -> Result<Vec<Route>, ConfigError> {
    if tables.is_empty() {
        return Err(ConfigError::at(
            "route",
            "there is none; add a [[route]] with name, domains and primary",
        ));
    }
    let mut routes: Vec<Route> = Vec::with_capacity(tables.len());
    for table in tables {
        let secret = secrets.remove(table.name());
        let leads_out = ways_out.contains(&Some(table.name()));
        let route = table.check(secret, leads_out)?;
        for known in &routes {
            if known.name == route.name {
                return Err(ConfigError::at(
                    "route.name",
                    format!("{} stands twice", route.name),
                ));
            }
            if let Some(twice) = route
                .domains
                .iter()
                .find(|domain| known.domains.contains(domain))
            {
                let reason = format!("{twice} is also in route {}", known.name);
                return Err(ConfigError::at(
                    format!("route.{}.domains", route.name),
                    reason,
                ));
            }
        }
        routes.push(route);
    }
    Ok(routes)
}

fn read_partners(tables: Vec<PartnerTable>) -> Result<Vec<Partner>, ConfigError> {
    let mut partners: Vec<Partner> = Vec::with_capacity(tables.len());
    for table in tables {
        let partner = table.check()?;
        if [OWN_NAME, WEBMAIL, OWN_COPY].contains(&partner.name.as_str()) {
            let reason = "it is a name under which Holdfast itself holds mail; take another";
            return Err(ConfigError::at("partner.name", reason));
        }
        if partners.iter().any(|known| known.name == partner.name) {
            return Err(ConfigError::at(
                "partner.name",
                format!("{} stands twice", partner.name),
            ));
        }
        partners.push(partner);
    }
    Ok(partners)
}

/// The secret document: a table for each route that needs one.
fn parse_credentials(document: &str) -> Result<BTreeMap<String, Credentials>, ConfigError> {
    // The readers' own messages quote what they stumbled over, which here is a secret.
    read(document).map_err(|_| {
        let reason =
            "not TOML with a table [ROUTE] for each route, with username and password, or bearer";
        ConfigError::at("primary_credentials", reason)
    })
}

/// Reads TOML by way of JSON's reader, which the API needs anyway: a second reader for every
/// table costs the component 50 KB.
fn read<T: for<'de> Deserialize<'de>>(document: &str) -> Result<T, String> {
    let value: serde_json::Value = toml::from_str(document).map_err(|error| {
        let line = error.span().map(|span| {
            document[..span.start.min(document.len())]
                .matches('\n')
                .count()
                + 1
        });
        let message = error.message().to_owned();
        line.map_or(message.clone(), |line| format!("line {line}: {message}"))
    })?;
    let json = value.to_string();
    serde_json::from_str(&json).map_err(|error| {
        let message = error.to_string();
        message
            .rsplit_once(" at line ")
            .map_or(message.clone(), |(message, _)| message.to_owned())
    })
}

/// A length of time as people write it: `500ms`, `2s`, `5m`, `12h`, `30d`.
pub fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let millis = match &text[digits..] {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    let count: Option<u64> = text[..digits].parse().ok();
    let total = millis
        .zip(count)
        .and_then(|(unit, count)| count.checked_mul(unit));
    match total.filter(|total| (1..=MAX_DURATION_MILLIS).contains(total)) {
        Some(total) => Ok(Duration::from_millis(total)),
        None => Err(ConfigError::at(
            key,
            format!("{text:?} is not a time such as 500ms, 5s, 10m, 12h or 30d"),
        )),
    }
}

/// A length of time, or `none` for no end.
pub fn lifetime(
    key: &str,
    text: Option<&str>,
    default: Option<Duration>,
) -> Result<Option<Duration>, ConfigError> {
    match text {
        None => Ok(default),
        Some("none") => Ok(None),
        Some(text) => duration(key, text)
            .map(Some)
            .map_err(|error| ConfigError::at(error.key, format!("{}, or none", error.reason))),
    }
}

/// A name that stands in object keys, headers and paths.
pub fn name(key: &str, text: &str) -> Result<String, ConfigError> {
    let good = !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-');
    if good {
        return Ok(text.to_owned());
    }
    Err(ConfigError::at(
        key,
        format!("{text:?} is not a name: a-z, 0-9 and -, up to 64 of them"),
    ))
}

/// Who submits the reports that Holdfast makes itself.
pub const OWN_NAME: &str = "holdfast";

/// Who submits what users write.
pub const WEBMAIL: &str = "webmail";
/// Who submits the copies of it for their own primaries; they are not filed again.
pub const OWN_COPY: &str = "webmail-copy";

/// What the webmail calls the organisation where nobody gave it a name.
const WEBMAIL_NAME: &str = "Holdfast";

/// What Holdfast calls itself where nobody gave it a name.
pub const DEFAULT_HOSTNAME: &str = "holdfast.local";

/// Ten years.
const MAX_DURATION_MILLIS: u64 = 315_360_000_000;

#[cfg(test)]
mod tests;
