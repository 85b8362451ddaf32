//! The lines of a calendar (RFC 5545, 3.1): unfolded, taken apart, and folded again.

use crate::limits;

/// `NAME;PARAMETER=value:value`.
#[derive(Debug)]
pub struct Line {
    /// The property's name in upper case.
    pub name: String,
    /// Its value as it is written.
    pub value: String,
    parameters: Vec<(String, String)>,
}

impl Line {
    /// Takes an unfolded line apart.
    pub fn parse(line: &str) -> Option<Self> {
        let colon = outside_quotes(line, ':')?;
        let (head, value) = line.split_at_checked(colon)?;
        let mut pieces = Vec::new();
        let mut rest = head;
        while let Some(at) = outside_quotes(rest, ';') {
            let (piece, after) = rest.split_at_checked(at)?;
            pieces.push(piece);
            rest = after.get(1..)?;
        }
        pieces.push(rest);
        let mut pieces = pieces.into_iter();
        let name = pieces.next()?.trim().to_ascii_uppercase();
        let parameters = pieces
            .filter_map(|piece| {
                let (name, value) = piece.split_once('=')?;
                let name = name.trim().to_ascii_uppercase();
                Some((name, value.trim().trim_matches('"').to_owned()))
            })
            .take(PARAMETERS)
            .collect();
        Some(Self {
            name,
            value: value.get(1..)?.to_owned(),
            parameters,
        })
    }

    /// A parameter's value without quotes.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The line with its time zone and its value's kind, to be repeated in an answer.
    pub fn written(&self) -> String {
        let mut line = self.name.clone();
        for name in ["TZID", "VALUE"] {
            if let Some(value) = self.parameter(name) {
                let value: String = value
                    .chars()
                    .filter(|c| !c.is_control() && *c != '"')
                    .collect();
                line.push_str(&format!(";{name}=\"{value}\""));
            }
        }
        let value: String = self
            .value
            .trim()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        line + ":" + &value
    }
}

/// The lines of a calendar, each whole: a line that begins with a space goes on with the one
/// before it.
pub fn unfold(calendar: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in calendar.lines() {
        let line = line.trim_end_matches('\r');
        match line.strip_prefix([' ', '\t']) {
            Some(more) if !lines.is_empty() => {
                if let Some(last) = lines.last_mut() {
                    last.push_str(more);
                }
            }
            _ if lines.len() >= limits::CALENDAR_LINES => break,
            _ => lines.push(line.trim_start_matches('\u{feff}').to_owned()),
        }
    }
    lines
}

/// The definitions of time zones, as they stand, while they are not too long.
pub fn zones(calendar: &str) -> String {
    let mut zones = String::new();
    let mut within = false;
    for line in unfold(calendar) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let word = line.trim().to_ascii_uppercase();
        within |= word == "BEGIN:VTIMEZONE";
        if within {
            zones.push_str(&line);
            zones.push('\n');
        }
        within &= word != "END:VTIMEZONE";
        if zones.len() > limits::CALENDAR_ZONE_BYTES {
            return String::new();
        }
    }
    if within { String::new() } else { zones }
}

/// Adds a line, in pieces of at most 75 bytes, with its line end.
pub fn fold(out: &mut String, line: &str) {
    let mut length = 0;
    for c in line.chars().filter(|c| !c.is_control()) {
        if length + c.len_utf8() > 75 {
            out.push_str("\r\n ");
            length = 1;
        }
        out.push(c);
        length += c.len_utf8();
    }
    out.push_str("\r\n");
}

/// A text value as it was meant (RFC 5545, 3.3.11).
pub fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            c => text.push(c),
        }
    }
    text
}

/// A text as a value.
pub fn escape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => value.push_str("\\n"),
            '\\' | ';' | ',' => {
                value.push('\\');
                value.push(c);
            }
            c => value.push(c),
        }
    }
    value
}

fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == wanted && !quoted).then_some(at)
    })
}

const PARAMETERS: usize = 30;
