//! What a component may reach: `allowed_outbound_hosts`, judged as Spin judges it.
//!
//! The traps are kept too, because a component that works here must work there: a socket is judged
//! by `IP:port`, so a grant with a host name never lets a socket through; the end of a port range
//! is exclusive; `tcp` has no default port. If one entry cannot be parsed, everything is denied.

mod entry;

use std::net::SocketAddr;

use anyhow::Result;
use entry::Entry;

/// The parsed grants of one component.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    entries: Vec<Entry>,
    broken: Option<String>,
}

impl Grants {
    /// Parses the entries; an error names the entry and what is wrong with it.
    pub fn parse<'e>(entries: impl IntoIterator<Item = &'e str>) -> Result<Self> {
        let entries = entries
            .into_iter()
            .map(Entry::parse)
            .collect::<Result<_>>()?;
        Ok(Self {
            entries,
            broken: None,
        })
    }

    /// Grants that deny everything, because of `error`.
    pub fn broken(error: anyhow::Error) -> Self {
        Self {
            entries: Vec::new(),
            broken: Some(format!("{error:#}")),
        }
    }

    /// Why everything is denied, if an entry could not be parsed.
    pub fn fault(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether a TCP socket may connect to `address`.
    pub fn allow_connect(&self, address: SocketAddr) -> bool {
        let host = match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        self.allow("tcp", &host, Some(address.port()))
    }

    /// Whether a request to `scheme://host:port` is allowed; IPv6 addresses come in brackets.
    pub fn allow(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Ok(host) = url::Host::parse(host) else {
            return false;
        };
        let granted = |entry: &Entry| entry.allows(scheme, &host, port);
        self.entries.iter().any(granted)
    }

    /// Whether the component may send requests to its own application.
    pub fn allow_self(&self) -> bool {
        self.entries.iter().any(Entry::allows_self)
    }
}

#[cfg(test)]
mod tests;
