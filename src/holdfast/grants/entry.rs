//! One entry of `allowed_outbound_hosts`: `SCHEME://HOST[:PORT]`.

use std::ops::Range;

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use url::Host;

/// A parsed entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    scheme: Scheme,
    host: Target,
    ports: Ports,
}

#[derive(Debug, Clone, PartialEq)]
enum Scheme {
    Any,
    Exactly(String),
}

#[derive(Debug, Clone, PartialEq)]
enum Target {
    Any,
    Itself,
    Exactly(Host),
    Below(String),
    Network(IpNet),
}

#[derive(Debug, Clone, PartialEq)]
enum Ports {
    Any,
    One(u16),
    Range(Range<u16>),
}

impl Entry {
    pub fn parse(text: &str) -> Result<Self> {
        let context = || format!("the grant {text:?} is not valid");
        let (scheme, rest) = text
            .trim()
            .split_once("://")
            .context("write it as SCHEME://HOST[:PORT], e.g. https://mail.example.org")
            .with_context(context)?;
        let (host, port) = split_port(rest).with_context(context)?;
        Ok(Self {
            scheme: Scheme::parse(scheme).with_context(context)?,
            host: Target::parse(host).with_context(context)?,
            ports: Ports::parse(port, scheme).with_context(context)?,
        })
    }

    pub fn allows(&self, scheme: &str, host: &Host, port: Option<u16>) -> bool {
        self.scheme.allows(scheme) && self.host.allows(host) && self.ports.allows(port, scheme)
    }

    pub fn allows_self(&self) -> bool {
        let http = self.scheme.allows("http") || self.scheme.allows("https");
        http && matches!(self.host, Target::Any | Target::Itself)
    }
}

/// The port is what follows the last colon, unless the colon belongs to an IPv6 address.
fn split_port(rest: &str) -> Result<(&str, &str)> {
    let Some((host, tail)) = rest.rsplit_once(':') else {
        return Ok((rest, ""));
    };
    if tail.is_empty() {
        return Ok((host, ""));
    }
    if Target::parse(rest).is_ok() {
        return Ok((rest, ""));
    }
    match tail.split_once('/') {
        Some((port, "")) => Ok((host, port)),
        Some(_) => bail!("a grant has no path"),
        None => Ok((host, tail)),
    }
}

impl Scheme {
    fn parse(text: &str) -> Result<Self> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if !text.chars().all(char::is_alphabetic) {
            bail!("the scheme {text:?} must consist of letters or be '*'");
        }
        Ok(Self::Exactly(text.to_owned()))
    }

    fn allows(&self, scheme: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => own == scheme,
        }
    }
}

impl Target {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        match text {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Itself),
            _ => {}
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains('/') {
            bail!("a grant has no path");
        }
        let target = match text.strip_prefix("*.") {
            Some(domain) => match parse_host(domain)? {
                Host::Domain(domain) => Self::Below(format!(".{domain}")),
                _ => bail!("'*.' needs a domain behind it, not an address"),
            },
            None => Self::Exactly(parse_host(text)?),
        };
        target.refuse_chaining()?;
        Ok(target)
    }

    fn refuse_chaining(&self) -> Result<()> {
        let (Self::Exactly(Host::Domain(name)) | Self::Below(name)) = self else {
            return Ok(());
        };
        if name.ends_with(".spin.internal") {
            bail!("service chaining (*.spin.internal) is not supported by this host");
        }
        Ok(())
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Exactly(own), host) => own == host,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Network(network), Host::Ipv4(ip)) => {
                network.contains(&std::net::IpAddr::V4(*ip))
            }
            (Self::Network(network), Host::Ipv6(ip)) => {
                network.contains(&std::net::IpAddr::V6(*ip))
            }
            (Self::Itself | Self::Below(_) | Self::Network(_), _) => false,
        }
    }
}

fn parse_host(text: &str) -> Result<Host> {
    if text.contains('*') {
        bail!("'*' stands for a whole host or, as '*.', for the start of one");
    }
    Host::parse(text).with_context(|| format!("the host {text:?} is not valid"))
}

impl Ports {
    fn parse(text: &str, scheme: &str) -> Result<Self> {
        match (text, text.split_once("..")) {
            ("", _) => usual_port(scheme)
                .map(Self::One)
                .with_context(|| format!("{scheme:?} has no default port, so name one")),
            ("*", _) => Ok(Self::Any),
            (_, Some((start, end))) => Ok(Self::Range(parse_port(start)?..parse_port(end)?)),
            _ => parse_port(text).map(Self::One),
        }
    }

    fn allows(&self, port: Option<u16>, scheme: &str) -> bool {
        match (self, port.or_else(|| usual_port(scheme))) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::One(own), Some(port)) => *own == port,
            (Self::Range(range), Some(port)) => range.contains(&port),
        }
    }
}

fn parse_port(text: &str) -> Result<u16> {
    text.parse()
        .with_context(|| format!("{text:?} is not a port"))
}

fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "mqtt" => 1883,
        "mysql" => 3306,
        "postgres" => 5432,
        "redis" => 6379,
        _ => return None,
    })
}
