//! What must be known of a message before it travels, found in one pass over its bytes.

use bytes::Bytes;

use super::scan::find_special;

/// The facts of one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its length in octets.
    pub octets: u64,
    /// How many CRs are not followed by LF.
    pub bare_cr: u64,
    /// How many LFs are not preceded by CR.
    pub bare_lf: u64,
    /// There is a NUL.
    pub nul: bool,
    /// There is an octet above 127.
    pub eight_bit: bool,
    /// The longest line in octets, without its line end. RFC 5321 section 4.5.3.1.6 allows 998.
    pub longest_line: u64,
    /// How it ends.
    pub ending: Ending,
    /// There is a line that needs a dot in front: its first octet other than NUL is a dot.
    pub dots: bool,
}

/// How a message ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ending {
    /// With CRLF, or it is empty.
    #[default]
    Crlf,
    /// With a CR or an LF alone.
    Bare,
    /// In the middle of a line.
    Open,
}

impl Facts {
    /// Of a message in parts.
    pub fn of(parts: &[Bytes]) -> Facts {
        let mut pass = Pass {
            facts: Facts::default(),
            start: true,
            length: 0,
            cr: false,
        };
        for part in parts {
            pass.part(part);
        }
        pass.end()
    }

    /// Only CRLF line ends, and one at the end.
    pub fn regular(&self) -> bool {
        self.bare_cr == 0 && self.bare_lf == 0 && self.ending == Ending::Crlf
    }

    /// The length in octets once every line end is CRLF and the last line has one.
    pub fn canonical_octets(&self) -> u64 {
        let added = if self.ending == Ending::Open { 2 } else { 0 };
        self.octets + self.bare_cr + self.bare_lf + added
    }
}

/// The pass, between two octets.
struct Pass {
    facts: Facts,
    /// Nothing but NULs in this line so far.
    start: bool,
    /// Octets of this line so far.
    length: u64,
    /// The last part ended with a CR: what it is, the next octet tells.
    cr: bool,
}

impl Pass {
    fn part(&mut self, bytes: &[u8]) {
        self.facts.octets += bytes.len() as u64;
        let mut at = 0;
        if self.cr && !bytes.is_empty() {
            self.cr = false;
            at += self.after_cr(bytes[0]);
        }
        loop {
            let rest = &bytes[at..];
            let (found, high) = find_special(rest);
            self.facts.eight_bit |= high;
            self.text(&rest[..found.unwrap_or(rest.len())]);
            let Some(found) = found else { return };
            at += found + 1;
            match (rest[found], bytes.get(at)) {
                (0, _) => self.nul(),
                (b'\n', _) => self.bare_lf(),
                (_, Some(&next)) => at += self.after_cr(next),
                (_, None) => self.cr = true,
            }
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Some(&first) = text.first() {
            self.facts.dots |= self.start && first == b'.';
            self.start = false;
            self.length += text.len() as u64;
            self.facts.ending = Ending::Open;
        }
    }

    fn nul(&mut self) {
        self.facts.nul = true;
        self.length += 1;
        self.facts.ending = Ending::Open;
    }

    fn bare_lf(&mut self) {
        self.facts.bare_lf += 1;
        self.line_end(Ending::Bare);
    }

    /// How many octets the line end takes beyond the CR.
    fn after_cr(&mut self, next: u8) -> usize {
        if next == b'\n' {
            self.line_end(Ending::Crlf);
            return 1;
        }
        self.facts.bare_cr += 1;
        self.line_end(Ending::Bare);
        0
    }

    fn line_end(&mut self, ending: Ending) {
        self.facts.longest_line = self.facts.longest_line.max(self.length);
        self.facts.ending = ending;
        self.length = 0;
        self.start = true;
    }

    fn end(mut self) -> Facts {
        if self.cr {
            self.facts.bare_cr += 1;
            self.line_end(Ending::Bare);
        }
        self.facts.longest_line = self.facts.longest_line.max(self.length);
        self.facts
    }
}
