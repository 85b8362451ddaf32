//! How to speak to one primary: who we say we are, TLS, credentials.

use std::fmt;

use super::limits::CREDENTIAL_OCTETS;

/// The settings of a session. They hold no time limits: the driver has those, by
/// [`Step`](super::Step).
#[derive(Debug, Clone)]
pub struct Settings {
    /// What follows EHLO.
    pub hello: HelloName,
    /// Whether STARTTLS is used. Without meaning when `tls_active`.
    pub tls: TlsPolicy,
    /// The connection is TLS from its first byte (implicit TLS, RFC 8314 section 3): the driver
    /// made the handshake before the session.
    pub tls_active: bool,
    /// Whom to authenticate as, if at all.
    pub credentials: Option<Credentials>,
    /// Whether credentials may be sent without TLS. Only for tests and for links that are secure
    /// by other means.
    pub plaintext_auth: bool,
}

/// What to do about STARTTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsPolicy {
    /// No mail without TLS. Not offered, refused or failed is a failure of kind `Tls`.
    Required,
    /// TLS where it is offered. A refused STARTTLS leaves the conversation in plain text. A
    /// failed handshake ends the connection: the driver may make another with `Off`.
    Opportunistic,
    /// Never.
    Off,
}

/// The name after EHLO: a domain or an address literal (RFC 5321 section 4.1.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloName(String);

impl HelloName {
    /// Takes `name` when it cannot be anything but one word of a command line.
    pub fn new(name: &str) -> Result<HelloName, SettingsError> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b);
        if (1..=255).contains(&name.len()) && name.bytes().all(fits) {
            Ok(HelloName(name.to_owned()))
        } else {
            Err(SettingsError::HelloName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user name and a password. Its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Takes what SASL PLAIN can carry: no NUL (RFC 4616 section 2), no empty user name, each at
    /// most [`CREDENTIAL_OCTETS`].
    pub fn new(user: &str, password: &str) -> Result<Credentials, SettingsError> {
        let fits = |text: &str| text.len() <= CREDENTIAL_OCTETS && !text.contains('\0');
        if user.is_empty() || !fits(user) || !fits(password) {
            return Err(SettingsError::Credentials);
        }
        Ok(Credentials {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

/// A setting that cannot be used. The operator's mistake; no retry helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not a domain nor an address literal.
    #[error("the EHLO name must be a host name or an address literal of 1 to 255 octets")]
    HelloName,
    /// Not usable with AUTH PLAIN.
    #[error(
        "user name and password must have no NUL, at most {CREDENTIAL_OCTETS} octets each, \
         and the user name must not be empty"
    )]
    Credentials,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_do_not_show_in_debug() {
        let credentials = Credentials::new("ann", "s3cret").unwrap();
        let shown = format!("{credentials:?}");
        assert!(
            !shown.contains("ann") && !shown.contains("s3cret"),
            "{shown}"
        );
    }

    #[test]
    fn settings_cannot_carry_a_command() {
        for name in ["", "a b", "a\r\nQUIT", "a>b", "höst"] {
            assert!(HelloName::new(name).is_err(), "{name:?}");
        }
        for name in [
            "mx.example.org",
            "[192.0.2.1]",
            "[IPv6:2001:db8::1]",
            "host_1",
        ] {
            assert_eq!(HelloName::new(name).unwrap().as_str(), name);
        }
        assert!(Credentials::new("a\0b", "c").is_err() && Credentials::new("", "c").is_err());
    }
}
