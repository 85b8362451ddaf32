//! A message with dots in front of lines and CRLF for every line end, followed by the final dot.
//!
//! For a regular message that leaves, once the server has taken the dots away, its exact bytes;
//! for an irregular one its canonical form. Either way what is written has CR and LF only as
//! CRLF, and no line of it is a lone dot, NULs counted or not.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::scan::find_line_end;

/// Yields what is to be written, piece by piece.
#[derive(Debug)]
pub(super) struct Edited {
    /// What is left of the message. No part is empty.
    parts: VecDeque<Bytes>,
    /// The next octet begins a line.
    line_start: bool,
    /// To be put in before anything else.
    insert: Option<&'static [u8]>,
    /// The final dot has been given out.
    ended: bool,
}

/// Why a stretch of unchanged bytes ends.
enum Stop {
    /// The part does, within a line.
    Part,
    /// A line has ended, and the next one needs a look.
    LineStart,
    /// A line end of so many octets is to be written as CRLF: a bare CR or LF, or a CRLF whose
    /// halves are in two parts.
    LineEnd(usize),
}

impl Iterator for Edited {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(octets) = self.insert.take() {
                return Some(Bytes::from_static(octets));
            }
            if self.parts.is_empty() {
                return self.end();
            }
            if std::mem::take(&mut self.line_start) && self.dot_leads(0) {
                return Some(Bytes::from_static(b"."));
            }
            let unchanged = self.unchanged();
            if !unchanged.is_empty() {
                return Some(unchanged);
            }
        }
    }
}

impl Edited {
    /// Of a message in non-empty parts.
    pub(super) fn new(parts: &[Bytes]) -> Edited {
        let parts = parts.iter().cloned().collect();
        Edited {
            parts,
            line_start: true,
            insert: None,
            ended: false,
        }
    }

    /// Takes the unchanged bytes from the front, maybe none, and prepares for what follows.
    fn unchanged(&mut self) -> Bytes {
        let (length, stop) = self.stretch();
        let bytes = self.take(length);
        match stop {
            Stop::Part => {}
            Stop::LineStart => self.line_start = true,
            Stop::LineEnd(octets) => {
                for _ in 0..octets {
                    self.take(1);
                }
                self.insert = Some(b"\r\n");
                self.line_start = true;
            }
        }
        bytes
    }

    /// How far the first part goes on unchanged, and why not further.
    fn stretch(&self) -> (usize, Stop) {
        let part = self.parts.front().map_or(&[][..], |part| part);
        let mut at = 0;
        while let Some(found) = find_line_end(&part[at..]) {
            let end = at + found;
            let crlf = part[end] == b'\r' && self.octets(end + 1).next() == Some(&b'\n');
            if !crlf {
                return (end, Stop::LineEnd(1));
            }
            at = end + 2;
            if at > part.len() {
                return (end, Stop::LineEnd(2));
            }
            if at == part.len() || self.dot_leads(at) {
                return (at, Stop::LineStart);
            }
        }
        (part.len(), Stop::Part)
    }

    /// Whether the line that begins at `at` of the first part has a dot as its first octet other
    /// than NUL.
    fn dot_leads(&self, at: usize) -> bool {
        self.octets(at).find(|octet| **octet != 0) == Some(&b'.')
    }

    /// The octets from `at` of the first part on, over all parts.
    fn octets(&self, at: usize) -> impl Iterator<Item = &u8> {
        let mut parts = self.parts.iter();
        let first = parts
            .next()
            .and_then(|part| part.get(at..))
            .unwrap_or_default();
        first.iter().chain(parts.flatten())
    }

    fn take(&mut self, length: usize) -> Bytes {
        let Some(part) = self.parts.front_mut() else {
            return Bytes::new();
        };
        let bytes = part.split_to(length);
        if !part.has_remaining() {
            self.parts.pop_front();
        }
        bytes
    }

    /// The final dot, on a line of its own (RFC 5321 section 4.1.1.4), once.
    fn end(&mut self) -> Option<Bytes> {
        let line_ended = self.line_start;
        let first_time = !std::mem::replace(&mut self.ended, true);
        first_time.then(|| Bytes::from_static(if line_ended { b".\r\n" } else { b"\r\n.\r\n" }))
    }
}
