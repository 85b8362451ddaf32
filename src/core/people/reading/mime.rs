//! The parts of a message (RFC 2045, 2046), walked without ever failing.
//!
//! One walk over the bytes, nothing copied and nothing decoded before somebody wants it: filing a
//! message of 25 MB decodes some kilobytes of it. Depth and number of parts are bounded; what
//! lies behind a bound is one part more, as it is. A message in a message is an attachment, and
//! is not looked into.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{ContentType, HeaderValue, MessageParser};

use super::fields::{self, Head};
use super::html::{self, InlineImages};
use super::{shown, text};
use crate::limits;

/// A message with its parts told apart.
#[derive(Debug)]
pub struct Message<'x> {
    /// Its header.
    pub head: Head<'x>,
    /// Its leaves, in their order: what is not multipart.
    pub leaves: Vec<Leaf<'x>>,
    /// Bytes of all of it.
    pub size: usize,
    /// It had more parts than are told apart.
    pub shortened: bool,
    shown: Vec<Shown>,
}

/// A part that has no parts.
#[derive(Debug)]
pub struct Leaf<'x> {
    /// `type/subtype` in lower case.
    pub media_type: String,
    /// The file name it gives itself, as it is written there.
    pub name: Option<String>,
    /// It wants to be a file, not to be shown.
    pub is_attachment: bool,
    /// Its `Content-ID`, without brackets.
    pub content_id: Option<String>,
    /// It stands in a multipart/related: it belongs to an HTML text.
    pub is_related: bool,
    charset: Option<String>,
    encoding: Encoding,
    raw: &'x [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

/// One piece of what is shown as the message's text: the leaves that say it.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    text: Option<usize>,
    html: Option<usize>,
}

/// What is shown as the text of a message.
#[derive(Debug, Default)]
pub struct BodyTexts {
    /// As plain text.
    pub text: Option<String>,
    /// As the sender's HTML, not made safe yet.
    pub html: Option<String>,
    /// Something was longer than what is shown.
    pub shortened: bool,
}

impl<'x> Message<'x> {
    /// Tells the parts of a message apart.
    pub fn parse(bytes: &'x [u8]) -> Self {
        let parser = fields::parser();
        let mut walk = Walk {
            parser: &parser,
            leaves: Vec::new(),
            shortened: false,
        };
        let (head, raw) = split(bytes, limits::SHOWN_HEADER_BYTES);
        let head = Head::parse(&parser, head);
        let shown = walk.part(&head, raw, Place::default());
        Self {
            head,
            leaves: walk.leaves,
            size: bytes.len(),
            shortened: walk.shortened,
            shown,
        }
    }

    /// Its text, plain and as HTML, as far as it has them.
    pub fn body(&self) -> BodyTexts {
        let mut body = BodyTexts::default();
        let has_html = self.shown.iter().any(|piece| piece.html.is_some());
        let (mut plain, mut rich) = (String::new(), String::new());
        let mut left = limits::SHOWN_TEXT_BYTES;
        for piece in &self.shown {
            let mut decode = |index: Option<usize>| {
                let leaf = self.leaves.get(index?)?;
                let (text, whole) = leaf.text(left);
                left = left.saturating_sub(text.len() / 2);
                body.shortened |= !whole;
                Some(text)
            };
            let html = decode(piece.html);
            let text = decode(piece.text)
                .map(|text| shown::lines(&text))
                .or_else(|| html.as_deref().map(html::to_text));
            let text = text.unwrap_or_default();
            if !plain.is_empty() && !text.is_empty() {
                plain.push('\n');
            }
            plain.push_str(&text);
            if has_html {
                match html {
                    Some(html) => rich.push_str(&html),
                    None => rich.push_str(&text::as_html_source(&text)),
                }
            }
        }
        body.text = (!self.shown.is_empty()).then_some(plain);
        body.html = has_html.then_some(rich);
        body
    }

    /// The first words of its text, from the first bytes of it.
    pub fn opening(&self, bytes: usize) -> String {
        for piece in &self.shown {
            let (text, html) = (piece.text, piece.html);
            let leaf = |index: Option<usize>| self.leaves.get(index?);
            let plain = leaf(text).map(|leaf| shown::lines(&leaf.text(bytes).0));
            let plain = plain.filter(|text| !text.trim().is_empty());
            let opening =
                plain.or_else(|| leaf(html).map(|leaf| html::to_text(&leaf.text(bytes).0)));
            if let Some(opening) = opening.filter(|text| !text.trim().is_empty()) {
                return opening;
            }
        }
        String::new()
    }

    /// Whether the leaf with that index is shown as the text.
    pub fn is_shown(&self, index: usize) -> bool {
        let this = Some(index);
        self.shown
            .iter()
            .any(|piece| piece.text == this || piece.html == this)
    }

    /// Whether it carries a calendar that asks something of the reader.
    pub fn has_calendar(&self) -> bool {
        self.leaves.iter().any(Leaf::is_calendar)
    }

    /// The calendar it carries.
    pub fn calendar(&self) -> Option<String> {
        let leaf = self.leaves.iter().find(|leaf| leaf.is_calendar())?;
        Some(leaf.text(limits::CALENDAR_BYTES).0.into_owned())
    }

    /// The images that an HTML text can name by `cid:` (RFC 2392).
    pub fn inline_images(&self) -> InlineImages {
        let mut images = InlineImages::default();
        for leaf in &self.leaves {
            if let Some(id) = &leaf.content_id {
                images.add(id, &leaf.media_type, leaf.decoded_size(), || leaf.bytes());
            }
        }
        images
    }
}

impl Leaf<'_> {
    /// Its bytes, decoded; as they are where they cannot be decoded.
    pub fn bytes(&self) -> Vec<u8> {
        decode(self.encoding, self.raw)
    }

    /// About how many bytes it has, decoded, without decoding it.
    pub fn decoded_size(&self) -> u64 {
        let size = match self.encoding {
            Encoding::Base64 => {
                let ends = |bytes: &[u8]| {
                    bytes
                        .iter()
                        .filter(|b| matches!(b, b'\r' | b'\n' | b'=' | b' '))
                        .count()
                };
                (self.raw.len() - ends(self.raw)) / 4 * 3
                    + (self.raw.len() - ends(self.raw)) % 4 * 3 / 4
            }
            Encoding::Identity | Encoding::QuotedPrintable => self.raw.len(),
        };
        u64::try_from(size).unwrap_or(u64::MAX)
    }

    /// Its text in Unicode, of the first bytes of it, and whether that was all.
    pub fn text(&self, most: usize) -> (Cow<'_, str>, bool) {
        let (raw, whole) = match self.raw.get(..most) {
            Some(first) if first.len() < self.raw.len() => (at_line_end(first), false),
            _ => (self.raw, true),
        };
        let bytes = decode(self.encoding, raw);
        let decoder = self
            .charset
            .as_deref()
            .and_then(|charset| charset_decoder(charset.as_bytes()));
        let text = match decoder {
            Some(decode) => decode(&bytes),
            None => match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(other) => {
                    // Nearly all that is neither said to be UTF-8 nor is it is this.
                    let is_utf8 = |charset: &str| charset.to_ascii_lowercase().starts_with("utf");
                    match charset_decoder(b"windows-1252") {
                        Some(decode) if !self.charset.as_deref().is_some_and(is_utf8) => {
                            decode(other.as_bytes())
                        }
                        _ => String::from_utf8_lossy(other.as_bytes()).into_owned(),
                    }
                }
            },
        };
        (Cow::Owned(text), whole)
    }

    fn is_calendar(&self) -> bool {
        self.media_type == "text/calendar" || self.media_type == "application/ics"
    }
}

/// What is known of a part from those it stands in.
#[derive(Clone, Copy, Default)]
struct Place {
    depth: usize,
    is_related: bool,
    in_digest: bool,
}

struct Walk<'p, 'x> {
    parser: &'p MessageParser,
    leaves: Vec<Leaf<'x>>,
    shortened: bool,
}

impl<'x> Walk<'_, 'x> {
    /// Adds the leaves of a part and answers which of them are its text.
    fn part(&mut self, head: &Head<'x>, raw: &'x [u8], place: Place) -> Vec<Shown> {
        let content_type = head
            .first("Content-Type")
            .and_then(HeaderValue::as_content_type);
        let boundary = content_type
            .filter(|content| content.c_type.eq_ignore_ascii_case("multipart"))
            .and_then(|content| content.attribute("boundary"))
            .filter(|boundary| !boundary.is_empty());
        let subtype = content_type
            .and_then(ContentType::subtype)
            .unwrap_or_default()
            .to_ascii_lowercase();
        match boundary {
            Some(boundary) if place.depth < limits::PART_DEPTH => {
                let parts = parts(raw, boundary.as_bytes());
                if parts.is_empty() {
                    return self.leaf(head, raw, place, true);
                }
                self.multipart(&subtype, parts, place)
            }
            _ => self.leaf(head, raw, place, false),
        }
    }

    fn multipart(&mut self, subtype: &str, parts: Vec<&'x [u8]>, place: Place) -> Vec<Shown> {
        let inner = Place {
            depth: place.depth + 1,
            is_related: subtype == "related" || place.is_related && subtype != "mixed",
            in_digest: subtype == "digest",
        };
        let mut pieces = Vec::new();
        for part in parts {
            if self.leaves.len() >= limits::SHOWN_PARTS {
                self.shortened = true;
                break;
            }
            let (head, raw) = split(part, limits::PART_HEADER_BYTES);
            let head = Head::parse(self.parser, head);
            let of_part = self.part(&head, raw, inner);
            match subtype {
                // RFC 2046, 5.1.4: the same in several forms, the best last.
                "alternative" => pieces = alternative(pieces, of_part),
                // RFC 2387: the first is the text, the others belong to it.
                "related" if !pieces.is_empty() => {}
                _ => pieces.extend(of_part),
            }
        }
        pieces
    }

    fn leaf(&mut self, head: &Head<'x>, raw: &'x [u8], place: Place, broken: bool) -> Vec<Shown> {
        let content_type = head
            .first("Content-Type")
            .and_then(HeaderValue::as_content_type);
        let disposition = head
            .first("Content-Disposition")
            .and_then(HeaderValue::as_content_type);
        let media_type = match content_type {
            // What says that it has parts, and has none, is shown as it is.
            Some(content) if content.c_type.eq_ignore_ascii_case("multipart") => {
                "text/plain".into()
            }
            Some(content) => match content.subtype() {
                Some(subtype) => format!("{}/{subtype}", content.ctype()).to_ascii_lowercase(),
                None => "text/plain".into(),
            },
            None if place.in_digest => "message/rfc822".into(),
            None => "text/plain".to_owned(),
        };
        let attribute = |content: Option<&ContentType<'_>>, name: &str| {
            content
                .and_then(|content| content.attribute(name))
                .map(str::to_owned)
        };
        let name = attribute(disposition, "filename").or_else(|| attribute(content_type, "name"));
        let is_attachment = disposition.is_some_and(ContentType::is_attachment);
        let kind = media_type.as_str();
        let is_text = !is_attachment && (name.is_none() || self.leaves.is_empty());
        let index = Some(self.leaves.len());
        let shown = match kind {
            "text/plain" if is_text || broken => vec![Shown {
                text: index,
                html: None,
            }],
            "text/html" if is_text => vec![Shown {
                text: None,
                html: index,
            }],
            // Texts that only look different: format=flowed, enriched, markdown.
            "text/enriched" | "text/richtext" | "text/markdown" if is_text => {
                vec![Shown {
                    text: index,
                    html: None,
                }]
            }
            _ => Vec::new(),
        };
        let content_id = head
            .first("Content-ID")
            .and_then(|id| id.as_text())
            .map(|id| id.trim().trim_matches(['<', '>']).to_owned());
        let encoding = head
            .first("Content-Transfer-Encoding")
            .and_then(|encoding| encoding.as_text())
            .map(|encoding| encoding.trim().to_ascii_lowercase());
        self.leaves.push(Leaf {
            charset: attribute(content_type, "charset"),
            media_type,
            name,
            is_attachment,
            content_id: content_id.filter(|id| !id.is_empty()),
            is_related: place.is_related,
            encoding: match encoding.as_deref() {
                _ if broken => Encoding::Identity,
                Some("base64") => Encoding::Base64,
                Some("quoted-printable") => Encoding::QuotedPrintable,
                _ => Encoding::Identity,
            },
            raw,
        });
        shown
    }
}

/// Of several forms of the same, the last of each kind.
fn alternative(before: Vec<Shown>, mut next: Vec<Shown>) -> Vec<Shown> {
    let Some(earlier) = before.into_iter().next() else {
        return next;
    };
    match next.first_mut() {
        Some(first) => {
            first.text = first.text.or(earlier.text);
            first.html = first.html.or(earlier.html);
            next
        }
        None => vec![earlier],
    }
}

/// The header block, of at most so many bytes and with its empty line, and what follows it.
fn split(bytes: &[u8], most: usize) -> (&[u8], &[u8]) {
    let mut at = 0;
    let end = loop {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            break at;
        }
        let line = rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest.len(), |end| end + 1);
        at += line;
        let is_empty = rest
            .get(..line)
            .is_some_and(|line| matches!(line, b"\n" | b"\r\n"));
        if is_empty {
            break at;
        }
    };
    let (head, body) = bytes.split_at_checked(end).unwrap_or((bytes, b""));
    let head = head.get(..most).map_or(head, at_line_end);
    (head, body)
}

/// The pieces between the lines of a boundary (RFC 2046, 5.1.1); the line end before such a line
/// belongs to it. Without an end the last piece reaches to the end of all.
fn parts<'x>(raw: &'x [u8], boundary: &[u8]) -> Vec<&'x [u8]> {
    let mut parts = Vec::new();
    let mut start: Option<usize> = None;
    let mut at = 0;
    while at < raw.len() {
        let rest = raw.get(at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default().trim_ascii_end();
        let after = line
            .strip_prefix(b"--")
            .and_then(|line| line.strip_prefix(boundary));
        if let Some(after) = after.filter(|after| after.is_empty() || *after == b"--") {
            if let Some(start) = start {
                parts.push(without_line_end(raw.get(start..at).unwrap_or_default()));
            }
            start = after.is_empty().then_some(at + length);
            if start.is_none() || parts.len() > limits::SHOWN_PARTS {
                return parts;
            }
        }
        at += length;
    }
    if let Some(start) = start {
        parts.push(raw.get(start..).unwrap_or_default());
    }
    parts
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// All whole lines of it, or all of it where it has no line end.
fn at_line_end(bytes: &[u8]) -> &[u8] {
    match bytes.iter().rposition(|b| *b == b'\n') {
        Some(end) => bytes.get(..=end).unwrap_or(bytes),
        None => bytes,
    }
}

fn decode(encoding: Encoding, raw: &[u8]) -> Vec<u8> {
    let decoded = match encoding {
        Encoding::Identity => None,
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
    };
    decoded.unwrap_or_else(|| raw.to_vec())
}
