//! The trace that a submission belongs to (W3C Trace Context): taken from its sender, written into
//! the log beside the message's id, kept with a held message, and passed on to HTTP primaries.
//!
//! Holdfast makes no spans of its own, so what is passed on is the sender's own context. One that
//! cannot be read is as good as none (3.2.4): tracing never costs a message.

use std::fmt;

/// The caller's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: String,
    state: Option<String>,
}

impl TraceContext {
    /// Reads the two header fields; without a good `traceparent` the other says nothing.
    pub fn read(parent: Option<&str>, state: Option<&str>) -> Option<Self> {
        Some(Self {
            parent: traceparent(parent?.trim())?,
            state: state.map(str::trim).filter(good_state).map(str::to_owned),
        })
    }

    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            Some((parent, state)) => Self::read(Some(parent), Some(state)),
            None => Self::read(Some(text), None),
        }
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        self.parent.get(3..35).unwrap_or_default()
    }

    /// The header fields that carry it on.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let state = self.state.clone().map(|state| ("tracestate", state));
        [("traceparent", self.parent.clone())]
            .into_iter()
            .chain(state)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parent)?;
        match &self.state {
            Some(state) => write!(f, " {state}"),
            None => Ok(()),
        }
    }
}

/// `version-traceid-parentid-flags` (3.2.2), as version 00: what a later version adds behind the
/// flags is not ours to pass on (4.3), nor are flags we do not know.
fn traceparent(text: &str) -> Option<String> {
    let hex = |part: &str, length: usize| {
        let digits = part
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        part.len() == length && digits
    };
    let mut parts = text.splitn(5, '-');
    let [version, id, parent, flags] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let well_formed = hex(version, 2) && hex(id, 32) && hex(parent, 16) && hex(flags, 2);
    let zeros = |part: &str| part.bytes().all(|b| b == b'0');
    if !well_formed || version == "ff" || zeros(id) || zeros(parent) {
        return None;
    }
    match (version, parts.next()) {
        ("00", Some(_)) => None,
        ("00", None) => Some(text.to_owned()),
        _ => {
            let sampled = u8::from_str_radix(flags, 16).unwrap_or(0) & 1;
            Some(format!("00-{id}-{parent}-{sampled:02x}"))
        }
    }
}

/// 512 characters at most (3.3.1.5), and nothing that could end a line.
fn good_state(text: &&str) -> bool {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    (1..=STATE_CHARS).contains(&text.len()) && printable && text.contains('=')
}

const STATE_CHARS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_passed_on_as_it_came_and_read_back_as_it_was_written() {
        for state in [None, Some("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7")] {
            let context = TraceContext::read(Some(PARENT), state).unwrap();
            assert_eq!(context.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(
                TraceContext::parse(&context.to_string()),
                Some(context.clone())
            );
            let headers: Vec<_> = context.headers().collect();
            assert_eq!(headers[0], ("traceparent", PARENT.to_owned()));
            assert_eq!(headers.get(1).map(|(_, value)| value.as_str()), state);
        }
    }

    #[test]
    fn what_the_standard_forbids_is_no_context() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        ] {
            assert_eq!(TraceContext::read(Some(bad), Some("a=b")), None, "{bad:?}");
        }
        assert_eq!(TraceContext::read(None, Some("a=b")), None);
    }

    #[test]
    fn a_later_version_is_read_as_this_one() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what-comes";
        let context = TraceContext::read(Some(later), None).unwrap();
        assert_eq!(context.to_string(), PARENT);
    }

    #[test]
    fn a_state_that_could_end_a_line_or_is_too_long_is_left_out() {
        let long = format!("a={}", "x".repeat(STATE_CHARS));
        for bad in [
            "",
            "a=b\r\nHoldfast-Recipient: <x@y>",
            "a",
            "a=\u{e9}",
            &long,
        ] {
            let context = TraceContext::read(Some(PARENT), Some(bad)).unwrap();
            assert_eq!(context.to_string(), PARENT, "{bad:?}");
        }
    }
}
