//! How one primary is reached: its address, and how far its transport is trusted.

use std::fmt;
use std::net::SocketAddr;

use serde::Deserialize;
use url::{Host, Url};

use crate::config::ConfigError;
use crate::partner::hex32;

/// One address of a primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryAddress {
    /// The address as it is configured; its name in health and log.
    pub text: String,
    /// How it is reached.
    pub target: Target,
}

/// The protocol and the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `smtp://IP:PORT`, or `smtps://` with TLS from the first byte.
    Smtp {
        /// Where to connect: sockets cannot look up names on this platform.
        at: SocketAddr,
        /// TLS from the first byte (RFC 8314).
        implicit_tls: bool,
    },
    /// `http(s)://...`: another Holdfast, or anything that takes `message/rfc822` as we do.
    Http(Url),
}

impl PrimaryAddress {
    /// Reads one address of `key`.
    pub fn parse(key: &str, text: &str) -> Result<Self, ConfigError> {
        // What stands before an @ may be a password that does not belong here.
        let shown = match text.rsplit_once('@') {
            Some((_, place)) => format!("***@{place}"),
            None => text.to_owned(),
        };
        let bad = |reason: &str| ConfigError::at(key, format!("{shown:?}: {reason}"));
        let url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad(
                "credentials do not belong here; put them into the secret primary_credentials",
            ));
        }
        let target = match url.scheme() {
            scheme @ ("smtp" | "smtps") => {
                let implicit_tls = scheme == "smtps";
                let ip = url
                    .host_str()
                    .map(|host| host.trim_matches(['[', ']']))
                    .and_then(|host| host.parse().ok());
                let Some(ip) = ip else {
                    return Err(bad(
                        "sockets cannot look up names here; write the IP address and set tls_name",
                    ));
                };
                if !matches!(url.path(), "" | "/") || url.query().is_some() {
                    return Err(bad("an SMTP address is smtp://IP:PORT and nothing more"));
                }
                let port = url.port().unwrap_or(if implicit_tls { 465 } else { 25 });
                Target::Smtp {
                    at: SocketAddr::new(ip, port),
                    implicit_tls,
                }
            }
            "http" | "https" => {
                if !matches!(
                    url.host(),
                    Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))
                ) {
                    return Err(bad("there is no host"));
                }
                if url.query().is_some() || url.fragment().is_some() {
                    return Err(bad("the envelope goes into the query; leave ? and # out"));
                }
                Target::Http(url)
            }
            _ => return Err(bad("begin it with smtp://, smtps://, http:// or https://")),
        };
        Ok(Self {
            text: text.to_owned(),
            target,
        })
    }

    /// Whether it is reached by SMTP.
    pub fn is_smtp(&self) -> bool {
        matches!(self.target, Target::Smtp { .. })
    }
}

impl fmt::Display for PrimaryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether STARTTLS must, may or must not be used (RFC 3207).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsPolicy {
    /// No mail without a verified TLS connection.
    #[default]
    Required,
    /// TLS where it is offered, without asking who is there; else in the clear.
    Opportunistic,
    /// Never.
    Off,
}

/// Whom TLS must find at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Trust {
    /// The name its certificate must carry; none = the IP address.
    pub name: Option<String>,
    /// PEM certificates of the only authorities to believe; none = the public ones.
    pub authorities: Option<String>,
    /// SHA-256 of the public keys (SubjectPublicKeyInfo) to believe instead of any authority.
    pub pins: Vec<[u8; 32]>,
}

/// What a primary asks of us. Never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Credentials {
    /// SMTP AUTH (RFC 4954), or HTTP Basic.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: String,
    },
    /// An HTTP bearer token, such as a partner key of another Holdfast.
    Bearer {
        /// The token.
        bearer: String,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(hidden)",
            Self::Bearer { .. } => "Bearer(hidden)",
        })
    }
}

/// A pin as it is configured: 64 hexadecimal digits.
pub fn pin(key: &str, text: &str) -> Result<[u8; 32], ConfigError> {
    hex32(text).ok_or_else(|| {
        ConfigError::at(
            key,
            "a pin is 64 hexadecimal digits: SHA-256 of the public key",
        )
    })
}
