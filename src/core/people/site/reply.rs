//! The answer, with the header fields that every page has.

use crate::custody::store::StoreError;
use crate::people::login::cookie::{Cookie, Transport};
use crate::people::webmail::around::Problem;
use crate::people::webmail::entrance::LoginProblem;
use crate::people::webmail::style::{PAGE_HEADERS, PAGE_POLICY};

/// An answer, ready to be sent.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The media type.
    pub content_type: String,
    /// Further header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no page.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nobody is logged in, or may be; why, where the login page should say so.
    Login(Option<LoginProblem>),
    /// A page that says what is wrong.
    Problem(Problem),
    /// There is no such page, or it is another's.
    NotFound,
    /// The path is right, the method is not.
    Method,
    /// The form is not one of this session; what was typed, to be kept, and where to go back to.
    Expired(String, Vec<(String, String)>),
    /// Storage cannot say.
    Storage(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

impl Reply {
    /// A page.
    pub fn page(status: u16, page: String) -> Self {
        let mut headers: Vec<_> = PAGE_HEADERS
            .map(|(name, value)| (name, value.to_owned()))
            .into();
        headers.push(("content-security-policy", PAGE_POLICY.to_owned()));
        Self {
            status,
            content_type: "text/html; charset=utf-8".into(),
            headers,
            body: page.into_bytes(),
        }
    }

    /// On to another page, which is asked for with GET (RFC 9110, 15.4.4).
    pub fn to(path: String) -> Self {
        let mut reply = Self::page(303, String::new());
        reply.headers.push(("location", path));
        reply
    }

    /// A body with a policy of its own.
    pub fn content(content_type: &str, policy: &str, body: Vec<u8>) -> Self {
        let mut reply = Self::page(200, String::new());
        reply
            .headers
            .retain(|(name, _)| *name != "content-security-policy");
        reply
            .headers
            .push(("content-security-policy", policy.to_owned()));
        Self {
            content_type: content_type.into(),
            body,
            ..reply
        }
    }

    /// The stylesheet: its name changes with it.
    pub fn style(style: &str) -> Self {
        let headers = [
            ("cache-control", "public, max-age=31536000, immutable"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
        ];
        Self {
            status: 200,
            content_type: "text/css; charset=utf-8".into(),
            headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
            body: style.as_bytes().to_vec(),
        }
    }

    /// With one more header field.
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a cookie.
    pub fn set(self, cookie: Cookie, value: &str, transport: Transport) -> Self {
        self.with("set-cookie", cookie.set(value, transport))
    }

    /// Without that cookie from now on.
    pub fn clear(self, cookie: Cookie, transport: Transport) -> Self {
        self.with("set-cookie", cookie.clear(transport))
    }
}
