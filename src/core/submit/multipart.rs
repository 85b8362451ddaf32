//! A `multipart/form-data` body that is in memory (RFC 7578, RFC 2046 5.1), cut into its parts.
//!
//! The libraries for this stream from a socket and bring an async runtime; the message's bytes
//! here are a slice of the body that was read within its limit, without a copy.

use bytes::Bytes;

use crate::limits;
use crate::problem::{Kind, Problem};

/// One part.
#[derive(Debug)]
pub struct Part {
    /// The `name` of its `Content-Disposition`.
    pub name: String,
    /// Its bytes.
    pub body: Bytes,
    /// What it says of the file that it is, where it is one.
    pub file: Option<File>,
}

/// What a part says of its file.
#[derive(Debug)]
pub struct File {
    /// The `filename` of its `Content-Disposition`.
    pub name: String,
    /// Its `Content-Type`.
    pub content_type: String,
}

/// The parts of `body`.
pub fn parts(body: &Bytes, boundary: &str) -> Result<Vec<Part>, Problem> {
    let bad = |what: &str| Problem::new(Kind::BadRequest, format!("the multipart body {what}"));
    let delimiter = format!("--{boundary}");
    let mut at = if body.starts_with(delimiter.as_bytes()) {
        delimiter.len()
    } else {
        let line = format!("\r\n{delimiter}");
        find(body, line.as_bytes(), 0).ok_or_else(|| bad("does not contain its boundary"))?
            + line.len()
    };
    let end_line = format!("\r\n{delimiter}");
    let mut parts = Vec::new();
    loop {
        if body[at..].starts_with(b"--") {
            return Ok(parts);
        }
        // Transport padding may stand behind a boundary.
        let padding = body[at..]
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t'))
            .count();
        if !body[at + padding..].starts_with(b"\r\n") {
            return Err(bad("has a boundary that does not end its line"));
        }
        at += padding + 2;
        let end = find(body, end_line.as_bytes(), at.saturating_sub(2))
            .ok_or_else(|| bad("ends within a part"))?;
        if parts.len() == limits::BODY_PARTS {
            return Err(bad(&format!("has more than {} parts", limits::BODY_PARTS)));
        }
        parts.push(
            part(&body.slice(at..end.max(at))).ok_or_else(|| bad("has a part without a name"))?,
        );
        at = end + end_line.len();
    }
}

/// The boundary among a `Content-Type`'s parameters.
pub fn boundary(parameters: &str) -> Option<String> {
    let value = parameter(parameters, "boundary")?;
    // RFC 2046, 5.1.1.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    let good =
        (1..=70).contains(&value.len()) && value.bytes().all(allowed) && !value.ends_with(' ');
    good.then_some(value)
}

fn part(bytes: &Bytes) -> Option<Part> {
    let (head, start) = match bytes.starts_with(b"\r\n") {
        true => (&bytes[..0], 2),
        false => {
            let end = find(bytes, b"\r\n\r\n", 0)?;
            (&bytes[..end], end + 4)
        }
    };
    let head = std::str::from_utf8(head).ok()?;
    let field = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(value)
        })
    };
    let disposition = field("content-disposition")?;
    let (kind, parameters) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    Some(Part {
        name: parameter(parameters, "name")?,
        body: bytes.slice(start..),
        file: parameter(parameters, "filename").map(|name| File {
            name,
            content_type: field("content-type").unwrap_or_default().trim().to_owned(),
        }),
    })
}

/// The value of `name=token` or `name="text"` among parameters.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters.trim_start();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let (value, after) = match value.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after.trim_start().trim_start_matches(';').trim_start();
    }
    None
}

/// A quoted text up to its closing quote, and what follows it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// Where `needle` stands in `bytes`, from `from` on.
fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(step) = bytes.get(at..)?.iter().position(|byte| *byte == needle[0]) {
        at += step;
        if bytes[at..].starts_with(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form(parts: &[(&str, &[u8])], boundary: &str) -> Bytes {
        let mut body = Vec::new();
        for (name, bytes) in parts {
            body.extend(
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n")
                    .bytes(),
            );
            body.extend(*bytes);
            body.extend(b"\r\n");
        }
        body.extend(format!("--{boundary}--\r\n").bytes());
        body.into()
    }

    #[test]
    fn curl_s_form_is_read() {
        let body = b"--------------------------d74496d66958873e\r\nContent-Disposition: form-data; name=\"message\"; \
                     filename=\"a;b.eml\"\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\n\ny\r\n\r\n\
                     --------------------------d74496d66958873e\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\n\
                     a@b.c\r\n--------------------------d74496d66958873e--\r\n";
        let read = parts(
            &Bytes::from_static(body),
            "------------------------d74496d66958873e",
        )
        .unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].name.as_str(), &read[0].body[..]),
            ("message", &b"Subject: x\n\ny\r\n"[..])
        );
        assert_eq!(
            (read[1].name.as_str(), &read[1].body[..]),
            ("to", &b"a@b.c"[..])
        );
    }

    #[test]
    fn an_empty_part_and_no_part_are_read() {
        assert_eq!(
            parts(&form(&[("from", b"")], "x"), "x").unwrap()[0]
                .body
                .len(),
            0
        );
        assert!(
            parts(&Bytes::from_static(b"--x--\r\n"), "x")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn boundaries_are_found_among_parameters() {
        assert_eq!(
            boundary(" charset=utf-8; Boundary=\"a b\\\"c\"").as_deref(),
            None
        );
        assert_eq!(
            boundary(" charset=utf-8; Boundary=\"a b\"; x=y").as_deref(),
            Some("a b")
        );
        assert_eq!(boundary("boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("boundary="), None);
    }

    proptest! {
        #[test]
        fn what_is_put_into_a_form_comes_out(bodies in proptest::collection::vec(any::<Vec<u8>>(), 0..5)) {
            let made: Vec<_> = bodies.iter().map(|body| ("to", &body[..])).collect();
            let read = parts(&form(&made, "uncommon boundary 7f3a"), "uncommon boundary 7f3a").unwrap();
            prop_assert_eq!(read.iter().map(|p| p.body.to_vec()).collect::<Vec<_>>(), bodies);
        }

        #[test]
        fn no_body_makes_it_panic(body: Vec<u8>, cut in 0..200_usize) {
            let _ = parts(&body.into(), "x");
            let whole = form(&[("a", b"b"), ("c", b"--x--\r\n--x")], "x");
            let _ = parts(&whole.slice(..cut.min(whole.len())), "x");
        }
    }
}
