//! What Spin changes in a request before the component sees it.
//!
//! Its own `spin-*` headers are *appended*: a client's header of the same name stays in front, and
//! a component must use the last value. Kept as it is, so that a component that reads the first one
//! is found out here.

use std::fmt;
use std::net::SocketAddr;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};

use crate::manifest::routes::Matched;

/// Why a request does not reach its component.
#[derive(Debug, PartialEq)]
pub enum Fault {
    /// Neither a `Host` header nor an authority, or two that differ: the client's mistake.
    Authority,
    /// A header that is not UTF-8; Spin answers 500 to it.
    NotText,
}

impl Fault {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Authority => StatusCode::BAD_REQUEST,
            Self::NotText => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "its Host header is missing, malformed or not the URL's",
            Self::NotText => "one of its headers is not UTF-8",
        })
    }
}

/// The URI and the headers as the component will see them.
pub fn prepare<B>(
    request: &Request<B>,
    found: &Matched<'_>,
    client: SocketAddr,
) -> Result<(Uri, HeaderMap), Fault> {
    let mut headers = request.headers().clone();
    headers.remove(header::CONNECTION);
    if headers
        .values()
        .any(|value| std::str::from_utf8(value.as_bytes()).is_err())
    {
        return Err(Fault::NotText);
    }
    let uri = absolute(request)?;
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let full_url = format!("http://{}{path}", host.unwrap_or("localhost"));

    let mut append = |name: HeaderName, value: &str| {
        // A value that is no header value (a capture with a control character) is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.append(name, value);
        }
    };
    append(HeaderName::from_static("spin-path-info"), &found.path_info);
    append(HeaderName::from_static("spin-full-url"), &full_url);
    append(
        HeaderName::from_static("spin-matched-route"),
        &found.route.based,
    );
    append(HeaderName::from_static("spin-base-path"), "/");
    append(
        HeaderName::from_static("spin-raw-component-route"),
        &found.route.raw,
    );
    append(
        HeaderName::from_static("spin-component-route"),
        found.route.without_wildcard(),
    );
    append(
        HeaderName::from_static("spin-client-addr"),
        &client.to_string(),
    );
    for (name, value) in &found.captures {
        let name = format!(
            "spin-path-match-{}",
            name.to_ascii_lowercase().replace('_', "-")
        );
        if let Ok(name) = name.parse() {
            append(name, value);
        }
    }
    Ok((uri, headers))
}

/// The request's URI with scheme and authority; the `Host` header and the URI must agree.
fn absolute<B>(request: &Request<B>) -> Result<Uri, Fault> {
    let mut parts = request.uri().clone().into_parts();
    let host = request.headers().get(header::HOST);
    let host: Option<Authority> = host
        .map(|host| Authority::try_from(host.as_bytes()).map_err(|_| Fault::Authority))
        .transpose()?;
    parts.authority = match (host, parts.authority) {
        (Some(host), Some(authority)) if host != authority => return Err(Fault::Authority),
        (host, authority) => Some(host.or(authority).ok_or(Fault::Authority)?),
    };
    parts.scheme = Some(Scheme::HTTP);
    Uri::from_parts(parts).map_err(|_| Fault::Authority)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::routes::Route;

    fn route() -> Route {
        Route {
            raw: "/v1/:id/...".to_owned(),
            based: "/v1/:id/...".to_owned(),
            component: "api".to_owned(),
        }
    }

    fn prepared(request: http::request::Builder) -> Result<(Uri, HeaderMap), Fault> {
        let route = route();
        let found = Matched {
            route: &route,
            path_info: "/rest".to_owned(),
            captures: vec![("id".to_owned(), "42".to_owned())],
        };
        let client = "192.0.2.9:4711".parse().unwrap();
        prepare(&request.body(()).unwrap(), &found, client)
    }

    #[test]
    fn the_hosts_headers_come_last() {
        let request = Request::get("/v1/42/rest?q=1")
            .header("host", "mail.example.org")
            .header("connection", "close")
            .header("spin-client-addr", "203.0.113.1:1");
        let (uri, headers) = prepared(request).unwrap();
        assert_eq!(uri, "http://mail.example.org/v1/42/rest?q=1");
        let last = |name: &str| headers.get_all(name).iter().next_back().unwrap().clone();
        assert_eq!(last("spin-client-addr"), "192.0.2.9:4711");
        assert_eq!(
            headers["spin-client-addr"], "203.0.113.1:1",
            "Spin appends, it does not replace"
        );
        assert_eq!(
            last("spin-full-url"),
            "http://mail.example.org/v1/42/rest?q=1"
        );
        assert_eq!(last("spin-path-info"), "/rest");
        assert_eq!(last("spin-matched-route"), "/v1/:id/...");
        assert_eq!(last("spin-raw-component-route"), "/v1/:id/...");
        assert_eq!(last("spin-component-route"), "/v1/:id");
        assert_eq!(last("spin-base-path"), "/");
        assert_eq!(last("spin-path-match-id"), "42");
        assert!(!headers.contains_key("connection"));
    }

    #[test]
    fn the_authority_must_be_there_and_unambiguous() {
        let fault = |request| prepared(request).unwrap_err();
        assert_eq!(fault(Request::get("/")), Fault::Authority);
        let two = Request::get("http://a.example/").header("host", "b.example");
        assert_eq!(fault(two), Fault::Authority);
        assert!(prepared(Request::get("http://a.example/")).is_ok());
    }

    #[test]
    fn a_header_that_is_not_text_is_refused() {
        let request = Request::get("/")
            .header("host", "a")
            .header("x", &b"\xff"[..]);
        assert_eq!(prepared(request).unwrap_err(), Fault::NotText);
    }
}
