//! A reply as it is recorded: code, enhanced code, and one line of text (RFC 5321 section 4.2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::limits::REPLY_TEXT_OCTETS;

/// What a server said to one command, fit for records, pages and log lines.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced status code (RFC 3463), where the server gave one of the code's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<EnhancedCode>,
    /// The words, the lines joined with a space: no control characters, at most
    /// [`REPLY_TEXT_OCTETS`].
    pub text: String,
    /// Not the server's words but ours: it announced that it cannot take this (SIZE, SMTPUTF8),
    /// so it was not asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ours: bool,
}

/// What the first digit of a code says (RFC 5321 section 4.2.1). Clients act on it, and not on
/// the text (section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 2yz: done.
    Positive,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz, and whatever is not a code: no.
    Permanent,
}

impl Reply {
    /// The server's `code` and the text of its lines, cleaned and cut to the limit.
    pub fn new<'a>(code: u16, lines: impl IntoIterator<Item = &'a str>) -> Reply {
        let mut enhanced = None;
        let mut text = String::new();
        for line in lines {
            // RFC 2034 section 4: the class is the code's own, and every line repeats it.
            let (found, words) = split_enhanced(line);
            let words = match found.filter(|found| u16::from(found.class) == code / 100) {
                Some(found) if *enhanced.get_or_insert(found) == found => words,
                _ => line,
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(words.trim());
            if text.len() > REPLY_TEXT_OCTETS {
                break;
            }
        }
        Reply {
            code,
            enhanced,
            text: one_line(&text),
            ours: false,
        }
    }

    /// A judgement of our own, in the form of a reply.
    pub fn ours(code: u16, enhanced: EnhancedCode, text: &str) -> Reply {
        Reply {
            code,
            enhanced: Some(enhanced),
            text: one_line(text),
            ours: true,
        }
    }

    /// What its first digit says.
    pub fn class(&self) -> Class {
        Class::of(self.code)
    }
}

impl Class {
    /// The class of `code`.
    pub fn of(code: u16) -> Class {
        match code / 100 {
            2 => Class::Positive,
            3 => Class::Intermediate,
            4 => Class::Transient,
            _ => Class::Permanent,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// An enhanced status code such as `5.1.1` (RFC 3463 section 2). In JSON it is that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnhancedCode {
    /// 2 success, 4 not now, 5 never.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content,
    /// 7 security.
    pub subject: u16,
    /// The exact condition.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code `class.subject.detail`.
    pub const fn new(class: u8, subject: u16, detail: u16) -> EnhancedCode {
        EnhancedCode {
            class,
            subject,
            detail,
        }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for EnhancedCode {
    type Err = NotEnhanced;

    fn from_str(text: &str) -> Result<EnhancedCode, NotEnhanced> {
        let mut parts = text.split('.');
        let mut next = || parts.next().and_then(number).ok_or(NotEnhanced);
        let (class, subject, detail) = (next()?, next()?, next()?);
        match (class, parts.next()) {
            (2 | 4 | 5, None) => Ok(EnhancedCode {
                class: class as u8,
                subject,
                detail,
            }),
            _ => Err(NotEnhanced),
        }
    }
}

impl TryFrom<String> for EnhancedCode {
    type Error = NotEnhanced;

    fn try_from(text: String) -> Result<EnhancedCode, NotEnhanced> {
        text.parse()
    }
}

impl From<EnhancedCode> for String {
    fn from(code: EnhancedCode) -> String {
        code.to_string()
    }
}

/// The text is not an enhanced status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code such as 5.1.1")]
pub struct NotEnhanced;

/// The text without control characters and cut to the limit at a character's border.
pub(super) fn one_line(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut end = clean.len().min(REPLY_TEXT_OCTETS);
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    clean[..end].trim().to_owned()
}

/// A leading enhanced code and what follows it.
fn split_enhanced(line: &str) -> (Option<EnhancedCode>, &str) {
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    (first.parse().ok(), rest)
}

/// One to three digits (RFC 3463 section 2).
fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enhanced_code_is_taken_from_every_line() {
        let reply = Reply::new(550, ["5.1.1 No such", "5.1.1 mailbox here"]);
        assert_eq!(reply.enhanced, Some(EnhancedCode::new(5, 1, 1)));
        assert_eq!(reply.text, "No such mailbox here");
        assert_eq!(reply.to_string(), "550 5.1.1 No such mailbox here");
    }

    #[test]
    fn what_only_looks_like_an_enhanced_code_stays_text() {
        for text in [
            "2.1.0 Ok",
            "5.1 x",
            "5.1.1.1 x",
            "5.1.1234 x",
            "3.0.0 x",
            "+5.1.1 x",
            "5..1",
        ] {
            let reply = Reply::new(550, [text]);
            assert_eq!(
                (reply.enhanced, reply.text.as_str()),
                (None, text),
                "{text}"
            );
        }
    }

    #[test]
    fn text_is_one_bounded_line() {
        let reply = Reply::new(250, ["a\r\nb\u{9b}c\0"]);
        assert_eq!(reply.text, "abc");
        let long = "ä".repeat(REPLY_TEXT_OCTETS);
        let reply = Reply::new(250, [long.as_str()]);
        assert!(
            reply.text.len() <= REPLY_TEXT_OCTETS,
            "cut at a character's border"
        );
    }

    #[test]
    fn json_is_what_the_api_says() {
        let reply = Reply::new(250, ["2.0.0 Ok"]);
        let json = serde_json::to_string(&reply).unwrap();
        assert_eq!(json, r#"{"code":250,"enhanced":"2.0.0","text":"Ok"}"#);
        assert_eq!(serde_json::from_str::<Reply>(&json).unwrap(), reply);
        let ours = Reply::ours(552, EnhancedCode::new(5, 3, 4), "too large");
        assert!(
            serde_json::to_string(&ours)
                .unwrap()
                .contains(r#""ours":true"#)
        );
    }
}
