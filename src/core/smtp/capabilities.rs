//! What a server offers, read from its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! A server that only knows HELO offers nothing: [`Capabilities::default`]. What was learnt in
//! plain text is forgotten after STARTTLS (RFC 3207 section 4.2).

/// The extensions a server announced that matter to a client handing over mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// PIPELINING: commands need not wait for replies (RFC 2920).
    pub pipelining: bool,
    /// SIZE: how large a message may be (RFC 1870).
    pub size: SizeLimit,
    /// 8BITMIME: bodies with octets above 127 (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8: addresses with characters beyond ASCII (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// CHUNKING: BDAT, where length and not content ends the message (RFC 3030).
    pub chunking: bool,
    /// BINARYMIME: bodies that are not lines (RFC 3030). Only of use with CHUNKING.
    pub binarymime: bool,
    /// DSN: what the sender wants to be told (RFC 3461).
    pub dsn: bool,
    /// AUTH: the mechanisms, in capitals (RFC 4954).
    pub auth: Vec<String>,
}

/// What SIZE says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SizeLimit {
    /// SIZE was not announced: it may not be used with MAIL.
    #[default]
    NotOffered,
    /// It was, without a fixed limit: `SIZE` or `SIZE 0` (RFC 1870 section 4).
    Unlimited,
    /// The largest message taken, in octets as they are counted by RFC 1870 section 5: with
    /// CRLF line ends, without dot-stuffing.
    Octets(u64),
}

impl Capabilities {
    /// From the `lines` of a 250 to EHLO. The first is the server's name and greeting.
    pub fn parse(lines: &[String]) -> Capabilities {
        let mut found = Capabilities::default();
        for line in lines.iter().skip(1) {
            found.add(line);
        }
        found
    }

    /// Whether `mechanism` (in capitals) is among the AUTH mechanisms.
    pub fn offers_auth(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered == mechanism)
    }

    fn add(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "PIPELINING" => self.pipelining = true,
            "SIZE" => self.size = SizeLimit::parse(words.next()),
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "STARTTLS" => self.starttls = true,
            "ENHANCEDSTATUSCODES" => self.enhanced_status_codes = true,
            "CHUNKING" => self.chunking = true,
            "BINARYMIME" => self.binarymime = true,
            "DSN" => self.dsn = true,
            "AUTH" => self.add_mechanisms(words),
            // The form of drafts before RFC 2554, still sent beside the right one.
            old => {
                if let Some(first) = old.strip_prefix("AUTH=") {
                    self.add_mechanisms(std::iter::once(first).chain(words));
                }
            }
        }
    }

    fn add_mechanisms<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names
            .map(str::to_ascii_uppercase)
            .filter(|name| !name.is_empty())
        {
            if !self.auth.contains(&name) {
                self.auth.push(name);
            }
        }
    }
}

impl SizeLimit {
    /// A number that cannot be read is no limit: the server will judge for itself.
    fn parse(parameter: Option<&str>) -> SizeLimit {
        match parameter.and_then(|digits| digits.parse().ok()) {
            None | Some(0) => SizeLimit::Unlimited,
            Some(octets) => SizeLimit::Octets(octets),
        }
    }

    /// Whether a message of `octets` is larger than the server takes.
    pub fn refuses(self, octets: u64) -> bool {
        matches!(self, SizeLimit::Octets(limit) if octets > limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &[&str]) -> Capabilities {
        let lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        Capabilities::parse(&lines)
    }

    #[test]
    fn everything_a_large_server_says() {
        let found = parse(&[
            "mx.example.org greets you",
            "PIPELINING",
            "SIZE 26214400",
            "etrn",
            "starttls",
            "AUTH PLAIN LOGIN",
            "AUTH=PLAIN login xoauth2",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "DSN",
            "SMTPUTF8",
            "CHUNKING",
            "BINARYMIME",
        ]);
        assert!(found.pipelining && found.starttls && found.eight_bit_mime && found.smtputf8);
        assert!(found.enhanced_status_codes && found.chunking && found.binarymime && found.dsn);
        assert_eq!(found.size, SizeLimit::Octets(26_214_400));
        assert_eq!(found.auth, ["PLAIN", "LOGIN", "XOAUTH2"]);
    }

    #[test]
    fn the_greeting_line_is_no_extension() {
        assert_eq!(parse(&["PIPELINING"]), Capabilities::default());
    }

    #[test]
    fn size_in_all_its_forms() {
        for (line, size) in [
            ("SIZE", SizeLimit::Unlimited),
            ("SIZE 0", SizeLimit::Unlimited),
            ("SIZE many", SizeLimit::Unlimited),
            ("size 99", SizeLimit::Octets(99)),
            ("SIZES 99", SizeLimit::NotOffered),
        ] {
            assert_eq!(parse(&["mx", line]).size, size, "{line}");
        }
        assert!(SizeLimit::Octets(99).refuses(100) && !SizeLimit::Octets(99).refuses(99));
        assert!(!SizeLimit::Unlimited.refuses(u64::MAX));
    }
}
