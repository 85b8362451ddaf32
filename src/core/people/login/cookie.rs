//! The cookies: one for the session, half or full, and one for the login form (RFC 6265bis).
//!
//! `__Host-` makes browsers hold us to `Secure`, `Path=/` and no `Domain`, so that no neighbour under
//! the same domain can set ours; `SameSite=Strict` sends them with our own pages' requests only. They
//! carry no `Max-Age`: they end with the browser, or before it when what is signed in them expires.
//! Plain HTTP is served on loopback only, where browsers take neither the prefix nor `Secure`.

/// How the browser reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By TLS.
    Tls,
    /// By plain HTTP on the machine itself.
    Loopback,
}

/// One of our cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cookie {
    /// A [`Session`](super::session::Session) or a [`Half`](super::session::Half): each replaces the other.
    Session,
    /// A [`FormTicket`](super::session::FormTicket).
    Form,
}

impl Cookie {
    /// The value of a `Set-Cookie` field that sets it.
    pub fn set(self, value: &str, transport: Transport) -> String {
        let name = self.name(transport);
        let secure = match transport {
            Transport::Tls => "; Secure",
            Transport::Loopback => "",
        };
        format!("{name}={value}; Path=/{secure}; HttpOnly; SameSite=Strict")
    }

    /// The value of a `Set-Cookie` field that takes it away.
    pub fn clear(self, transport: Transport) -> String {
        format!("{}; Max-Age=0", self.set("", transport))
    }

    /// Its value in a `Cookie` field. Two of one name are none: one of them is not ours.
    pub fn find(self, field: &str, transport: Transport) -> Option<&str> {
        let name = self.name(transport);
        let pairs = field
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value);
        let value = values.next()?;
        values.next().is_none().then_some(value)
    }

    fn name(self, transport: Transport) -> &'static str {
        match (self, transport) {
            (Self::Session, Transport::Tls) => "__Host-holdfast",
            (Self::Session, Transport::Loopback) => "holdfast",
            (Self::Form, Transport::Tls) => "__Host-holdfast-form",
            (Self::Form, Transport::Loopback) => "holdfast-form",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_as_strict_as_its_transport_allows() {
        assert_eq!(
            Cookie::Session.set("v", Transport::Tls),
            "__Host-holdfast=v; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            Cookie::Session.set("v", Transport::Loopback),
            "holdfast=v; Path=/; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            Cookie::Form.clear(Transport::Tls),
            "__Host-holdfast-form=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name_and_only_when_there_is_one() {
        let find = |field| Cookie::Session.find(field, Transport::Tls);
        assert_eq!(find("a=b; __Host-holdfast=v.w=; c=d"), Some("v.w="));
        assert_eq!(
            find("holdfast=v; x__Host-holdfast=v; __Host-holdfast-form=v"),
            None
        );
        assert_eq!(find("__Host-holdfast=one; __Host-holdfast=two"), None);
        assert_eq!(find(""), None);
        assert_eq!(
            Cookie::Form.find("holdfast-form=f", Transport::Loopback),
            Some("f")
        );
    }
}
