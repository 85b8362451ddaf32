//! A route: the recipient domains that share one primary, and how that primary is treated.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::health::Thresholds;
use super::primary::{Credentials, PrimaryAddress, Target, TlsPolicy, Trust, pin};
use crate::config::{ConfigError, duration, lifetime, name};
use crate::limits;
use crate::mail::{Domain, EmailAddress};
use crate::people::access::Access;

/// A route's name: it stands in object keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteName(String);

impl RouteName {
    /// A checked name.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        name("route.name", text).map(Self)
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: RouteName,
    /// The domains it serves.
    pub domains: Vec<DomainPattern>,
    /// Its primaries, the preferred one first.
    pub primaries: Vec<PrimaryAddress>,
    /// Whether SMTP must be encrypted.
    pub tls: TlsPolicy,
    /// Whom TLS must find.
    pub trust: Trust,
    /// What the primaries ask of us.
    pub credentials: Option<Credentials>,
    /// When a primary is down, and when it is back.
    pub health: Thresholds,
    /// How long each step may take.
    pub timeouts: Timeouts,
    /// How fast a backlog is released.
    pub pace: Pace,
    /// How long a message is held at most; none = for ever.
    pub queue_lifetime: Option<Duration>,
    /// What is done with a message whose reply was lost.
    pub uncertain: Uncertain,
    /// How its failover is rehearsed.
    pub drill: DrillSettings,
    /// How long copies of what was delivered are kept for the mailboxes; none = none are made.
    pub copies: Option<Duration>,
    /// What is done with mail to recipients that the directory does not know.
    pub unknown: Unknown,
    /// When its users may read their mail here, where nobody ordered otherwise.
    pub access: Access,
}

impl Route {
    /// Whether this domain's mail goes here.
    pub fn serves(&self, domain: &Domain) -> bool {
        self.domains.iter().any(|pattern| pattern.matches(domain))
    }
}

/// What is done with mail to recipients that the directory does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// Nothing: the primary decides, now or later.
    #[default]
    Hold,
    /// It is refused (422), so that nobody has to be sent a bounce. Only while the directory can be
    /// read, and knows anybody on the route.
    Refuse,
    /// Operators can read it while it is held.
    Dropbox,
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// It is.
    On,
    /// It is not.
    #[default]
    Off,
}

/// What is done with a message that the primary may have already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uncertain {
    /// It is released again, under the same Message-ID: rather twice than never.
    #[default]
    Release,
    /// It is kept until a person says retry, return or drop: rather late than twice.
    Hold,
}

/// A domain, or `*.domain` for all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainPattern {
    /// Just this one.
    Exactly(Domain),
    /// All below this one.
    Below(Domain),
}

impl DomainPattern {
    fn parse(key: &str, text: &str) -> Result<Self, ConfigError> {
        let (rest, make): (&str, fn(Domain) -> Self) = match text.strip_prefix("*.") {
            Some(rest) => (rest, Self::Below),
            None => (text, Self::Exactly),
        };
        let domain = rest
            .parse()
            .map_err(|error| ConfigError::at(key, format!("{text:?}: {error}")))?;
        Ok(make(domain))
    }

    fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Exactly(own) => own == domain,
            Self::Below(own) => domain
                .as_str()
                .strip_suffix(own.as_str())
                .is_some_and(|head| head.ends_with('.')),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(domain) => write!(f, "{domain}"),
            Self::Below(domain) => write!(f, "*.{domain}"),
        }
    }
}

/// How fast a backlog is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Messages at once, at most.
    pub max_concurrency: usize,
    /// Messages that are claimed and settled together, where at least so many are held.
    pub batch: usize,
}

/// How a route's failover is rehearsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DrillSettings {
    /// Who gets a drill's messages; none = nobody, the primary is only probed.
    pub recipient: Option<EmailAddress>,
    /// When ticks run drills; none = only by hand.
    pub when: Option<DrillTimes>,
}

/// When drills run by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrillTimes {
    /// When the latest is older than this.
    Every(Duration),
    /// At these times. The keeper reads them, because only it has the time zones.
    At(DrillSchedule),
}

/// Times as the start of a maintenance window is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillSchedule {
    /// The first: `2026-12-06T03:00:00` with a time zone, or with an offset.
    pub start: String,
    /// The time zone of a start without an offset: `Europe/Rome`.
    pub time_zone: Option<String>,
    /// How it recurs (RFC 5545): `FREQ=MONTHLY;BYDAY=1SU`.
    pub rrule: Option<String>,
}

/// How long each step with a primary may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Opening the connection.
    pub connect: Duration,
    /// The answer to a command.
    pub reply: Duration,
    /// The answer to the end of the message.
    pub data_end: Duration,
}

/// A route as the document writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    name: String,
    domains: Vec<String>,
    primary: OneOrMany,
    #[serde(default)]
    tls: TlsPolicy,
    tls_name: Option<String>,
    tls_ca: Option<String>,
    #[serde(default)]
    tls_pins: Vec<String>,
    queue_lifetime: Option<String>,
    #[serde(default)]
    uncertain: Uncertain,
    #[serde(default)]
    health: HealthTable,
    #[serde(default)]
    timeouts: TimeoutsTable,
    max_concurrency: Option<usize>,
    drill_recipient: Option<String>,
    drill_every: Option<String>,
    drill_at: Option<DrillSchedule>,
    #[serde(default)]
    copies: Switch,
    copy_days: Option<u32>,
    #[serde(default)]
    unknown_recipients: Unknown,
    #[serde(default)]
    access: Access,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct HealthTable {
    consecutive_failures: Option<u32>,
    healthy_threshold: Option<u32>,
    base_ejection_time: Option<String>,
    max_ejection_time: Option<String>,
    health_max_age: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TimeoutsTable {
    connect: Option<String>,
    reply: Option<String>,
    data_end: Option<String>,
}

impl RouteTable {
    /// The name as it is written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checked into a route. Only one that carries reports, or users' mail to others, may serve no domain.
    pub fn check(
        self,
        credentials: Option<Credentials>,
        leads_out: bool,
    ) -> Result<Route, ConfigError> {
        let name = RouteName::parse(&self.name)?;
        let key = |field: &str| format!("route.{name}.{field}");
        if self.domains.is_empty() && !leads_out {
            let reason = "there is none; only the routes that `returns` and `outbound` name may serve no domain";
            return Err(ConfigError::at(key("domains"), reason));
        }
        let domains = self
            .domains
            .iter()
            .map(|text| DomainPattern::parse(&key("domains"), text));
        let domains = domains.collect::<Result<Vec<_>, _>>()?;
        let texts = match self.primary {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        };
        if texts.is_empty() {
            return Err(ConfigError::at(key("primary"), "there is none"));
        }
        let primaries = texts
            .iter()
            .map(|text| PrimaryAddress::parse(&key("primary"), text));
        let primaries = primaries.collect::<Result<Vec<_>, _>>()?;

        let pins = self
            .tls_pins
            .iter()
            .map(|text| pin(&key("tls_pins"), text))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(name) = &self.tls_name {
            name.parse::<Domain>()
                .map_err(|error| ConfigError::at(key("tls_name"), error.to_string()))?;
        }
        if self
            .tls_ca
            .as_ref()
            .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(ConfigError::at(
                key("tls_ca"),
                "not a PEM certificate (-----BEGIN CERTIFICATE-----)",
            ));
        }
        let smtp_tls = |p: &PrimaryAddress| match p.target {
            Target::Smtp { implicit_tls, .. } => implicit_tls || self.tls == TlsPolicy::Required,
            Target::Http(_) => false,
        };
        if primaries.iter().any(smtp_tls)
            && self.tls_name.is_none()
            && pins.is_empty()
            && self.tls_ca.is_none()
        {
            let reason = "TLS is required and nothing says who must be there; set tls_name (the certificate's \
                          name), tls_ca or tls_pins, or tls = \"opportunistic\" or \"off\"";
            return Err(ConfigError::at(key("tls_name"), reason));
        }
        if matches!(credentials, Some(Credentials::Bearer { .. }))
            && primaries.iter().any(PrimaryAddress::is_smtp)
        {
            return Err(ConfigError::at(
                key("primary"),
                "SMTP takes a username and a password, not a bearer token",
            ));
        }
        let trust = Trust {
            name: self.tls_name,
            authorities: self.tls_ca,
            pins,
        };
        let health = self.health.check(&name)?;
        let timeouts = self.timeouts.check(&name)?;
        let pace = pace(&key("max_concurrency"), self.max_concurrency)?;
        let queue_lifetime = lifetime(
            &key("queue_lifetime"),
            self.queue_lifetime.as_deref(),
            Some(limits::QUEUE_LIFETIME),
        )?;
        let drill = DrillSettings {
            recipient: drill_recipient(&key("drill_recipient"), self.drill_recipient, &domains)?,
            when: drill_times(&key, self.drill_every, self.drill_at)?,
        };
        let copies = copies(&key("copy_days"), self.copies, self.copy_days)?;
        Ok(Route {
            name,
            domains,
            primaries,
            tls: self.tls,
            trust,
            credentials,
            health,
            timeouts,
            pace,
            queue_lifetime,
            uncertain: self.uncertain,
            drill,
            copies,
            unknown: self.unknown_recipients,
            access: self.access,
        })
    }
}

fn pace(key: &str, max_concurrency: Option<usize>) -> Result<Pace, ConfigError> {
    let max_concurrency = max_concurrency.unwrap_or(limits::RELEASE_CONCURRENCY);
    let most = limits::RELEASE_CONCURRENCY_CEILING;
    if !(1..=most).contains(&max_concurrency) {
        let reason = format!("{max_concurrency} is not between 1 and {most}");
        return Err(ConfigError::at(key, reason));
    }
    Ok(Pace {
        max_concurrency,
        batch: limits::RELEASE_BATCH,
    })
}

fn copies(key: &str, kept: Switch, days: Option<u32>) -> Result<Option<Duration>, ConfigError> {
    let days = days.unwrap_or(limits::COPY_DAYS);
    if !(1..=limits::COPY_DAYS_CEILING).contains(&days) {
        let most = limits::COPY_DAYS_CEILING;
        return Err(ConfigError::at(
            key,
            format!("{days} is not between 1 and {most}"),
        ));
    }
    let time = Duration::from_secs(86_400 * u64::from(days));
    Ok((kept == Switch::On).then_some(time))
}

fn drill_recipient(
    key: &str,
    text: Option<String>,
    domains: &[DomainPattern],
) -> Result<Option<EmailAddress>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    let address: EmailAddress = text
        .parse()
        .map_err(|error| ConfigError::at(key, format!("{text:?}: {error}")))?;
    let domain = address.domain();
    if !domains.iter().any(|pattern| pattern.matches(&domain)) {
        let reason = format!("{text:?} is not in one of the route's domains");
        return Err(ConfigError::at(key, reason));
    }
    Ok(Some(address))
}

fn drill_times(
    key: &impl Fn(&str) -> String,
    every: Option<String>,
    at: Option<DrillSchedule>,
) -> Result<Option<DrillTimes>, ConfigError> {
    let Some(text) = every else {
        return Ok(at.map(DrillTimes::At));
    };
    if at.is_some() {
        let reason = "give either drill_every or drill_at";
        return Err(ConfigError::at(key("drill_at"), reason));
    }
    let every = duration(&key("drill_every"), &text)?;
    if every < limits::DRILL_EVERY_LEAST {
        let least = limits::DRILL_EVERY_LEAST.as_secs() / 3_600;
        let reason = format!("shorter than {least} h");
        return Err(ConfigError::at(key("drill_every"), reason));
    }
    Ok(Some(DrillTimes::Every(every)))
}

impl HealthTable {
    fn check(self, route: &RouteName) -> Result<Thresholds, ConfigError> {
        let key = |field: &str| format!("route.{route}.health.{field}");
        let default = Thresholds::default();
        let count = |field: &str, value: Option<u32>, default: u32| match value {
            Some(value) if (1..=1_000).contains(&value) => Ok(value),
            Some(value) => Err(ConfigError::at(
                key(field),
                format!("{value} is not between 1 and 1000"),
            )),
            None => Ok(default),
        };
        let time = |field: &str, value: Option<String>, default: Duration| {
            value.map_or(Ok(default), |text| duration(&key(field), &text))
        };
        let thresholds = Thresholds {
            consecutive_failures: count(
                "consecutive_failures",
                self.consecutive_failures,
                default.consecutive_failures,
            )?,
            healthy_threshold: count(
                "healthy_threshold",
                self.healthy_threshold,
                default.healthy_threshold,
            )?,
            base_ejection_time: time(
                "base_ejection_time",
                self.base_ejection_time,
                default.base_ejection_time,
            )?,
            max_ejection_time: time(
                "max_ejection_time",
                self.max_ejection_time,
                default.max_ejection_time,
            )?,
            max_age: time("health_max_age", self.health_max_age, default.max_age)?,
        };
        if thresholds.base_ejection_time > thresholds.max_ejection_time {
            return Err(ConfigError::at(
                key("base_ejection_time"),
                "it is longer than max_ejection_time",
            ));
        }
        Ok(thresholds)
    }
}

impl TimeoutsTable {
    fn check(self, route: &RouteName) -> Result<Timeouts, ConfigError> {
        let time = |field: &str, value: Option<String>, default: Duration, most: Duration| {
            let key = format!("route.{route}.timeouts.{field}");
            let value = value.map_or(Ok(default), |text| duration(&key, &text))?;
            if value <= most {
                return Ok(value);
            }
            Err(ConfigError::at(
                key,
                format!("longer than {} s, and a sender is waiting", most.as_secs()),
            ))
        };
        Ok(Timeouts {
            connect: time(
                "connect",
                self.connect,
                limits::CONNECT,
                limits::FORWARD_BUDGET,
            )?,
            reply: time("reply", self.reply, limits::REPLY, limits::FORWARD_BUDGET)?,
            data_end: time(
                "data_end",
                self.data_end,
                limits::DATA_END,
                limits::DATA_END,
            )?,
        })
    }
}
