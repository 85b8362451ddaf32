//! The request, as much of it as pages need, and the fields of its form.

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use crate::limits;
use crate::people::login::cookie::Transport;
use crate::submit::multipart;

/// A request below `/mail`.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The method, in capitals.
    pub method: String,
    /// The path below the base: it begins with a slash.
    pub path: String,
    /// The query, without the `?`.
    pub query: String,
    /// All of `Cookie`.
    pub cookies: String,
    /// `Accept-Language`.
    pub accept_language: Option<String>,
    /// `Sec-Fetch-Site`: where the browser says the request comes from.
    pub fetch_site: Option<String>,
    /// `Content-Type`.
    pub content_type: String,
    /// The body, read within [`body_limit`](super::body_limit).
    pub body: Bytes,
    /// The client's address as the host saw it.
    pub client: Option<String>,
    /// How the request came; none = in the clear, from elsewhere.
    pub transport: Option<Transport>,
}

/// A file that was sent with a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name, as the browser gave it.
    pub name: String,
    /// Its media type, as the browser gave it.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A form's fields.
#[derive(Clone, Debug, Default)]
pub struct Form {
    fields: Vec<(String, String)>,
    /// Its files.
    pub files: Vec<File>,
}

impl Form {
    /// The first value of a field; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let mut fields = self.fields.iter();
        let found = fields.find(|(field, _)| field == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a field.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let fields = self.fields.iter().filter(move |(field, _)| field == name);
        fields.map(|(_, value)| value.as_str())
    }
}

impl Asked {
    /// The fields of the query.
    pub fn query(&self) -> Form {
        Form {
            fields: urlencoded(&self.query),
            files: Vec::new(),
        }
    }

    /// The fields of the body; what is no form has none.
    pub fn form(&self) -> Form {
        let (kind, parameters) = match self.content_type.split_once(';') {
            Some((kind, parameters)) => (kind.trim(), parameters),
            None => (self.content_type.trim(), ""),
        };
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let fields = std::str::from_utf8(&self.body).map(urlencoded);
            return Form {
                fields: fields.unwrap_or_default(),
                files: Vec::new(),
            };
        }
        if !kind.eq_ignore_ascii_case("multipart/form-data") {
            return Form::default();
        }
        let parts = multipart::boundary(parameters)
            .and_then(|boundary| multipart::parts(&self.body, &boundary).ok());
        let mut form = Form::default();
        for part in parts.unwrap_or_default() {
            match part.file {
                Some(file) if !file.name.is_empty() || !part.body.is_empty() => {
                    form.files.push(File {
                        name: file.name,
                        content_type: file.content_type,
                        bytes: part.body,
                    });
                }
                // A field for files into which nothing was put.
                Some(_) => {}
                None => {
                    let value = String::from_utf8_lossy(&part.body).into_owned();
                    form.fields.push((part.name, value));
                }
            }
        }
        form
    }
}

/// `application/x-www-form-urlencoded` (URL Standard, 5.1).
fn urlencoded(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .take(limits::FORM_FIELDS)
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) => (decoded(name), decoded(value)),
            None => (decoded(pair), String::new()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn posted(content_type: &str, body: &[u8]) -> Form {
        let asked = Asked {
            content_type: content_type.into(),
            body: Bytes::copy_from_slice(body),
            ..Asked::default()
        };
        asked.form()
    }

    #[test]
    fn both_kinds_of_forms_are_read() {
        let form = posted(
            "application/x-www-form-urlencoded; charset=utf-8",
            b"name=Ann+B%C3%A9&id=1&id=2&empty",
        );
        assert_eq!(form.get("name"), "Ann B\u{e9}");
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((form.get("empty"), form.get("none")), ("", ""));
        let body = "--x\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\nHi\r\n\
             --x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a b.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nabc\r\n\
             --x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n\r\n--x--\r\n";
        let form = posted("multipart/form-data; boundary=x", body.as_bytes());
        assert_eq!(form.get("subject"), "Hi");
        let expected = File {
            name: "a b.txt".into(),
            content_type: "text/plain".into(),
            bytes: Bytes::from_static(b"abc"),
        };
        assert_eq!(form.files, [expected]);
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(kind in "multipart/form-data; boundary=x|application/x-www-form-urlencoded", body: Vec<u8>) {
            posted(&kind, &body);
        }
    }
}
