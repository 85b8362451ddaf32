//! The parts of a report, each in a transfer encoding that its content fits (RFC 2045, 6).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits;
use crate::mail::facts;

/// One part: its header fields, each with its line end, and its body as it is transferred.
pub struct Part {
    pub head: String,
    pub body: Vec<u8>,
}

impl Part {
    /// Whether it has bytes that only an 8-bit path carries.
    pub fn is_eight_bit(&self) -> bool {
        !self.body.is_ascii()
    }

    /// Whether it is a whole message.
    pub fn is_whole(&self) -> bool {
        self.head.contains(WHOLE)
    }
}

/// Words for people.
pub fn text(words: &str) -> Part {
    if words.is_ascii() {
        let head = "Content-Type: text/plain; charset=us-ascii\r\n".to_owned();
        return Part {
            head,
            body: words.as_bytes().to_vec(),
        };
    }
    let mut body = Vec::new();
    for line in STANDARD.encode(words).as_bytes().chunks(76) {
        body.extend_from_slice(line);
        body.extend_from_slice(b"\r\n");
    }
    let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n";
    Part {
        head: head.to_owned(),
        body,
    }
}

/// Fields for machines.
pub fn status(fields: String) -> Part {
    Part {
        head: "Content-Type: message/delivery-status\r\n".to_owned(),
        body: fields.into_bytes(),
    }
}

/// The whole message, where it is made of lines: a `message/rfc822` may not be encoded
/// (RFC 2046, 5.2.1), and SMTP has no line end but CRLF, so bare LF become that.
pub fn whole(message: &[u8]) -> Option<Part> {
    let mut body = Vec::with_capacity(message.len());
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let ended = line.ends_with(b"\n");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").filter(|_| ended).unwrap_or(line);
        if line.len() > LINE_BYTES || line.contains(&b'\r') || line.contains(&0) {
            return None;
        }
        body.extend_from_slice(line);
        if ended {
            body.extend_from_slice(b"\r\n");
        }
    }
    let encoding = if body.is_ascii() { "7bit" } else { "8bit" };
    Some(Part {
        head: format!("{WHOLE}Content-Transfer-Encoding: {encoding}\r\n"),
        body,
    })
}

/// The message's header alone, in quoted-printable where its lines are not what they should be
/// (RFC 6522, 4).
pub fn header(message: &[u8]) -> Part {
    let mut lines = Vec::new();
    let mut left = limits::DSN_HEADER_BYTES;
    for line in facts::header_lines(message) {
        let Some(rest) = left.checked_sub(line.len() + 2) else {
            break;
        };
        left = rest;
        lines.push(line);
    }
    let plain = |line: &&[u8]| {
        line.len() <= LINE_BYTES && line.iter().all(|b| matches!(b, b'\t' | b' '..=b'~'))
    };
    let plain = lines.iter().all(plain);
    let mut body = Vec::new();
    for line in lines {
        match plain {
            true => body.extend_from_slice(line),
            false => quoted_printable(line, &mut body),
        }
        body.extend_from_slice(b"\r\n");
    }
    let encoding = if plain { "7bit" } else { "quoted-printable" };
    Part {
        head: format!(
            "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: {encoding}\r\n"
        ),
        body,
    }
}

/// One line in quoted-printable (RFC 2045, 6.7), broken where it is longer than 76.
fn quoted_printable(line: &[u8], to: &mut Vec<u8>) {
    let mut column = 0;
    for (at, byte) in line.iter().enumerate() {
        let last = at + 1 == line.len();
        let plain =
            matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
        let width = if plain { 1 } else { 3 };
        if column + width > 75 {
            to.extend_from_slice(b"=\r\n");
            column = 0;
        }
        match plain {
            true => to.push(*byte),
            false => to.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        column += width;
    }
}

const WHOLE: &str = "Content-Type: message/rfc822\r\n";

/// RFC 5322, 2.1.1.
const LINE_BYTES: usize = 998;
