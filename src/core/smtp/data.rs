//! How a message's bytes travel. This header is the policy the product promises.
//!
//! **Regular** messages have only CRLF line ends and end with one. They go by `DATA`, with the
//! dots of RFC 5321 section 4.5.2, which the server takes away again: it receives exactly what
//! was submitted.
//!
//! **Irregular** ones have a bare CR or a bare LF somewhere, or do not end in CRLF. SMTP's `DATA`
//! has no way to carry them: section 2.3.8 forbids both characters outside CRLF, and a bare LF is
//! how commands are smuggled past servers that disagree on what ends a line. So:
//!
//! - where the server offers CHUNKING, `BDAT n LAST` with the exact bytes. The end is given by
//!   the length, no content can move it, and nothing is changed. `BODY=BINARYMIME` goes along
//!   where it is offered and needed (bare CR or LF, or NUL), else `BODY=8BITMIME` where it
//!   applies.
//!   A server that offers CHUNKING and still refuses such bytes (Postfix with
//!   `smtpd_forbid_bare_newline = reject`) answers 5xx: that is its policy, and not worked around.
//! - otherwise `DATA` with each bare CR and each bare LF turned into CRLF, and a final CRLF added
//!   when it is missing. **This is the only change ever made to submitted bytes**, and it is made
//!   on the wire only: what is stored keeps its bytes.
//!
//! **Dots.** A line whose first octet other than NUL is a dot gets a dot put in front of the
//! line. For ordinary lines that is the rule of section 4.5.2, which lets a client put a dot
//! before any line; counting NULs out means that a server which drops NULs cannot meet a lone dot
//! either.
//!
//! **Relayed as they are**: NUL, lines over 998 octets, and octets above 127 even where the
//! server does not offer 8BITMIME. RFC 6152 section 3 would have us convert the body or give up;
//! converting breaks signatures and the promise above, and every server of today takes them.
//! `BODY=8BITMIME` is said only where it is offered.
//!
//! Together: no content ends its message early, for servers that end lines at CRLF, at bare LF,
//! at bare CR, with or without dropping NULs. The exception that is left is a server that clears
//! the eighth bit, as RFC 821 allowed: no client can be safe there and keep the bytes.

use bytes::Bytes;

use super::capabilities::Capabilities;

mod blocks;
mod edited;
mod facts;
mod pieces;
mod scan;

pub use blocks::Blocks;
pub use facts::{Ending, Facts};

/// A message in parts that follow one another (the trace lines, then what was submitted), and
/// its facts. Cheap to clone: the bytes are shared.
#[derive(Debug, Clone)]
pub struct Content {
    parts: Vec<Bytes>,
    facts: Facts,
}

impl Content {
    /// Looks through the parts, once.
    pub fn new(parts: impl IntoIterator<Item = Bytes>) -> Content {
        let parts: Vec<Bytes> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let facts = Facts::of(&parts);
        Content { parts, facts }
    }

    /// What was found.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The bytes to write, prepared as `plan` says.
    pub fn blocks(&self, plan: Plan) -> Blocks {
        Blocks::new(self, plan)
    }
}

/// How one message goes to one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The command that carries it.
    pub transfer: Transfer,
    /// The BODY parameter of MAIL.
    pub body: Body,
    /// Its size in octets as SIZE counts them: after a change of line ends, before dot-stuffing
    /// (RFC 1870 section 5).
    pub size: u64,
}

/// How the bytes are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// DATA, the exact message; dots put in front of lines where needed.
    Data,
    /// DATA, every line end made CRLF.
    DataCanonical,
    /// `BDAT n LAST`, the exact bytes.
    Bdat,
}

/// The BODY parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Not given: seven bits, or the server offers nothing that would say otherwise.
    Unstated,
    /// `BODY=8BITMIME` (RFC 6152).
    EightBit,
    /// `BODY=BINARYMIME` (RFC 3030 section 3), only with BDAT.
    Binary,
}

impl Plan {
    /// The policy of this module's header.
    pub fn choose(facts: &Facts, offered: &Capabilities) -> Plan {
        let transfer = match (facts.regular(), offered.chunking) {
            (true, _) => Transfer::Data,
            (false, true) => Transfer::Bdat,
            (false, false) => Transfer::DataCanonical,
        };
        let size = match transfer {
            Transfer::DataCanonical => facts.canonical_octets(),
            Transfer::Data | Transfer::Bdat => facts.octets,
        };
        Plan {
            transfer,
            body: Body::choose(transfer, facts, offered),
            size,
        }
    }
}

impl Body {
    fn choose(transfer: Transfer, facts: &Facts, offered: &Capabilities) -> Body {
        let binary = facts.nul || facts.bare_cr > 0 || facts.bare_lf > 0;
        if transfer == Transfer::Bdat && offered.binarymime && binary {
            Body::Binary
        } else if facts.eight_bit && offered.eight_bit_mime {
            Body::EightBit
        } else {
            Body::Unstated
        }
    }
}

#[cfg(test)]
mod tests;
