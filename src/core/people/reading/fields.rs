//! The header fields that people see, read by mail-parser and made safe to show.
//!
//! A field that stands several times counts once, the first time; for `From` that is worth a
//! warning, because programs differ in which one they show and which one they check.

use mail_parser::{Address, Header, HeaderName, HeaderValue, MessageParser};

use super::shown::line;
use super::{Party, Warning};
use crate::limits;
use crate::time::Timestamp;

/// Header fields as mail-parser read them, bounded in size before.
#[derive(Debug, Default)]
pub struct Head<'x>(Vec<Header<'x>>);

impl<'x> Head<'x> {
    /// Reads a header block; `bytes` ends with it.
    pub fn parse(parser: &MessageParser, bytes: &'x [u8]) -> Self {
        if bytes.ends_with(b"\n") {
            return Self(headers(parser, bytes));
        }
        // mail-parser drops a last line that does not end.
        let ended = [bytes, b"\n\n"].concat();
        let read = headers(parser, &ended);
        Self(read.into_iter().map(Header::into_owned).collect())
    }

    /// All values of a field, in order.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h HeaderValue<'x>> {
        self.0
            .iter()
            .filter(move |header| header.name.as_str().eq_ignore_ascii_case(name))
            .map(|header| &header.value)
            .filter(|value| !matches!(value, HeaderValue::Empty))
    }

    /// The first value of a field.
    pub fn first(&self, name: &str) -> Option<&HeaderValue<'x>> {
        self.0
            .iter()
            .find(|header| {
                header.name.as_str().eq_ignore_ascii_case(name)
                    && !matches!(header.value, HeaderValue::Empty)
            })
            .map(|header| &header.value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.first(name)?.as_text()
    }
}

fn headers<'x>(parser: &MessageParser, bytes: &'x [u8]) -> Vec<Header<'x>> {
    let message = parser.parse_headers(bytes);
    let part = message.and_then(|message| message.parts.into_iter().next());
    part.map(|part| part.headers).unwrap_or_default()
}

/// A parser of the fields we look at; making one costs some allocations, so one serves a message.
pub fn parser() -> MessageParser {
    MessageParser::new()
        .with_mime_headers()
        .with_minimal_headers()
        .header_id(HeaderName::MessageId)
        .header_id(HeaderName::InReplyTo)
        .header_id(HeaderName::References)
        .header_id(HeaderName::ContentId)
        .header_raw(HeaderName::ReturnPath)
        .header_raw(HeaderName::AutoSubmitted)
        .header_raw(HeaderName::ListId)
        .header_raw(HeaderName::Other("Precedence".into()))
        .header_raw(HeaderName::Other("X-Auto-Response-Suppress".into()))
        .default_header_ignore()
}

/// The first author.
pub fn author(head: &Head<'_>) -> Option<Party> {
    parties_of(head.first("From")?.as_address()?, 1).pop()
}

/// The people of an address field; groups are unfolded.
pub fn parties(head: &Head<'_>, name: &str) -> Vec<Party> {
    let mut parties = Vec::new();
    for value in head.all(name) {
        if let Some(address) = value.as_address() {
            let left = limits::SHOWN_PARTIES.saturating_sub(parties.len());
            parties.extend(parties_of(address, left));
        }
    }
    parties
}

/// The subject in one line.
pub fn subject(head: &Head<'_>) -> String {
    line(
        head.text("Subject").unwrap_or_default(),
        limits::SHOWN_LINE_CHARS,
    )
}

/// When the sender says it was written.
pub fn date(head: &Head<'_>) -> Option<Timestamp> {
    let date = head.first("Date")?.as_datetime()?;
    if !date.is_valid() {
        return None;
    }
    let moment = Timestamp::from_millis(date.to_timestamp().checked_mul(1_000)?);
    Some(moment).filter(|moment| moment.is_of_four_digits())
}

/// The message's own name, without brackets.
pub fn message_id(head: &Head<'_>) -> Option<String> {
    ids(head.first("Message-ID")?).next()
}

/// The conversation so far, oldest first: `References`, and `In-Reply-To` where it is not there.
pub fn references(head: &Head<'_>) -> Vec<String> {
    let list = |name| head.first(name).into_iter().flat_map(ids);
    let mut all: Vec<String> = list("References").collect();
    if all.is_empty() {
        all = list("In-Reply-To").take(1).collect();
    }
    if all.len() > limits::REFERENCES {
        // The first is the conversation's, the last are what was answered.
        all.drain(1..all.len() - limits::REFERENCES + 1);
    }
    all
}

/// Whether a machine wrote it: RFC 3834 (section 5), and what was used before it.
pub fn is_automatic(head: &Head<'_>) -> bool {
    let is = |name: &str, values: &[&str]| {
        head.text(name).is_some_and(|text| {
            let word = text
                .trim()
                .split([';', ' ', '('])
                .next()
                .unwrap_or_default();
            values.iter().any(|value| value.eq_ignore_ascii_case(word))
        })
    };
    head.text("Auto-Submitted").is_some() && !is("Auto-Submitted", &["no"])
        || is("Precedence", &["bulk", "list", "junk", "auto_reply"])
        || head.first("List-ID").is_some()
        || is("Return-Path", &["<>"])
}

/// What the reader should know about who wrote it and who is answered.
pub fn warnings(head: &Head<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let authors = parties(head, "From");
    let Some(author) = authors.first() else {
        return warnings;
    };
    if authors.len() > 1 || head.all("From").count() > 1 {
        warnings.push(Warning::SeveralAuthors);
    }
    let other_address = author
        .name
        .split([' ', '<', '>', '(', ')', '"', '\'', ',', ';', '[', ']'])
        .any(|word| {
            let is_address = word
                .split_once('@')
                .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'));
            is_address && !word.eq_ignore_ascii_case(&author.address)
        });
    if other_address {
        warnings.push(Warning::NameLooksLikeAnotherAddress);
    }
    let elsewhere = parties(head, "Reply-To")
        .iter()
        .any(|party| !same_domain(&party.address, &author.address));
    if elsewhere && head.first("List-ID").is_none() {
        warnings.push(Warning::AnswersGoElsewhere);
    }
    warnings
}

/// The same domain, or one below it.
fn same_domain(one: &str, other: &str) -> bool {
    let domain = |address: &str| {
        address
            .rsplit_once('@')
            .map(|(_, domain)| domain.to_lowercase())
            .unwrap_or_default()
    };
    let (one, other) = (domain(one), domain(other));
    let below = |a: &str, b: &str| {
        a.strip_suffix(b)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !one.is_empty() && !other.is_empty() && (below(&one, &other) || below(&other, &one))
}

fn parties_of(address: &Address<'_>, most: usize) -> Vec<Party> {
    address
        .iter()
        .map(|addr| Party {
            name: line(
                addr.name.as_deref().unwrap_or_default(),
                limits::SHOWN_LINE_CHARS,
            ),
            address: line(
                addr.address.as_deref().unwrap_or_default(),
                limits::SHOWN_ADDRESS_CHARS,
            ),
        })
        .filter(|party| !party.name.is_empty() || !party.address.is_empty())
        .take(most)
        .collect()
}

/// Names of messages that are well formed enough to be quoted in an answer's header.
fn ids<'h>(value: &'h HeaderValue<'_>) -> impl Iterator<Item = String> + 'h {
    let one = value.as_text();
    let many = match value {
        HeaderValue::TextList(list) => list.as_slice(),
        _ => &[],
    };
    // `as_text` of a list is its last.
    one.filter(|_| many.is_empty())
        .into_iter()
        .chain(many.iter().map(|id| id.as_ref()))
        .map(|id| id.trim().trim_matches(['<', '>']))
        .filter(|id| {
            (1..=limits::KEPT_MESSAGE_ID_CHARS).contains(&id.len())
                && id
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !b"<>".contains(&b))
        })
        .map(str::to_owned)
}
