//! Replies out of bytes that arrive in any split, within limits (RFC 5321 section 4.2).
//!
//! Lenient where it cannot hurt: a bare LF ends a line, a code may stand alone. Strict where
//! leniency would let a reply be taken for the answer to another command: the code must be three
//! digits from 200 to 599, and the same on every line. The reader takes exactly one reply out of
//! its input and leaves the rest, so that bytes nobody asked for are seen by the caller.

use super::limits::{REPLY_LINE_OCTETS, REPLY_LINES, REPLY_OCTETS};
use super::reply::{Class, Reply};

/// A reply with its lines still apart, as EHLO needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireReply {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The text of each line, without code and control characters. At least one.
    pub lines: Vec<String>,
}

impl WireReply {
    /// What its first digit says.
    pub fn class(&self) -> Class {
        Class::of(self.code)
    }

    /// As it is recorded.
    pub fn to_reply(&self) -> Reply {
        Reply::new(self.code, self.lines.iter().map(String::as_str))
    }
}

/// What is wrong with what should have been a reply. Nothing after it can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line did not end in time.
    #[error("reply line longer than {REPLY_LINE_OCTETS} octets")]
    LineTooLong,
    /// A multi-line reply did not end in time.
    #[error("reply longer than {REPLY_LINES} lines or {REPLY_OCTETS} octets")]
    TooLong,
    /// No three digits, or something else than space, hyphen or the line's end after them.
    #[error("not an SMTP reply: {0:?}")]
    Malformed(String),
    /// The lines of one reply have different codes.
    #[error("reply changes its code from {0} to {1}")]
    CodeChanged(u16, u16),
}

/// Reads replies. It holds at most one line and the lines before it of the same reply.
#[derive(Debug, Default)]
pub struct ReplyReader {
    line: Vec<u8>,
    lines: Vec<String>,
    code: Option<u16>,
    octets: usize,
}

impl ReplyReader {
    /// A reader at the start of a reply.
    pub fn new() -> ReplyReader {
        ReplyReader::default()
    }

    /// Takes from the front of `input` as far as the end of one reply, or all of it when the
    /// reply is not complete yet. After an error the reader is of no use any more.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<WireReply>, ReplyError> {
        while let Some(line) = self.next_line(input)? {
            if let Some(reply) = self.add(&line)? {
                return Ok(Some(reply));
            }
        }
        Ok(None)
    }

    /// Whether nothing of a next reply has been read.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty() && self.lines.is_empty()
    }

    fn next_line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, ReplyError> {
        let end = input.iter().position(|&b| b == b'\n');
        let (head, rest) = input.split_at(end.unwrap_or(input.len()));
        // One more is let in, for the CR of the line's end.
        if self.line.len() + head.len() > REPLY_LINE_OCTETS + 1 {
            return Err(ReplyError::LineTooLong);
        }
        self.line.extend_from_slice(head);
        if end.is_none() {
            *input = rest;
            return Ok(None);
        }
        *input = &rest[1..];
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    /// `250-text`, `250 text` or `250` (RFC 5321 section 4.2: `Reply-line`).
    fn add(&mut self, line: &[u8]) -> Result<Option<WireReply>, ReplyError> {
        self.octets += line.len();
        if self.lines.len() == REPLY_LINES || self.octets > REPLY_OCTETS {
            return Err(ReplyError::TooLong);
        }
        let (code, more, text) = split(line).ok_or_else(|| malformed(line))?;
        match self.code {
            Some(first) if first != code => return Err(ReplyError::CodeChanged(first, code)),
            _ => self.code = Some(code),
        }
        self.lines.push(readable(text));
        if more {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(WireReply {
            code,
            lines: done.lines,
        }))
    }
}

/// The code, whether another line follows, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (&[a @ b'2'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'], rest) = line.split_first_chunk()?
    else {
        return None;
    };
    let code = [a, b, c]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest {
        [] => Some((code, false, rest)),
        [b' ', text @ ..] => Some((code, false, text)),
        [b'-', text @ ..] => Some((code, true, text)),
        _ => None,
    }
}

fn readable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace('\t', " ");
    text.chars().filter(|c| !c.is_control()).collect()
}

fn malformed(line: &[u8]) -> ReplyError {
    const SHOWN: usize = 80;
    ReplyError::Malformed(readable(&line[..line.len().min(SHOWN)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every reply in `input`, and the error that ended it; fed in pieces of `split` octets.
    fn read_all(input: &[u8], split: usize) -> (Vec<WireReply>, Option<ReplyError>) {
        let (mut reader, mut replies) = (ReplyReader::new(), Vec::new());
        for mut piece in input.chunks(split.max(1)) {
            while !piece.is_empty() {
                match reader.read(&mut piece) {
                    Ok(Some(reply)) => replies.push(reply),
                    Ok(None) => {}
                    Err(error) => return (replies, Some(error)),
                }
                assert!(
                    reader.line.len() <= REPLY_LINE_OCTETS + 1,
                    "memory is bounded"
                );
            }
        }
        (replies, None)
    }

    fn one(input: &str) -> WireReply {
        let (mut replies, error) = read_all(input.as_bytes(), usize::MAX);
        assert_eq!((replies.len(), error), (1, None), "{input:?} is one reply");
        replies.remove(0)
    }

    #[test]
    fn lines_end_with_crlf_or_bare_lf() {
        assert_eq!(one("250-a\r\n250-b\n250 c\r\n").lines, ["a", "b", "c"]);
    }

    #[test]
    fn a_code_may_stand_alone() {
        assert_eq!(
            one("354\r\n"),
            WireReply {
                code: 354,
                lines: vec![String::new()]
            }
        );
    }

    #[test]
    fn controls_and_broken_utf8_do_not_get_through() {
        assert_eq!(one("250 a\x1b[31m\tb\r\n").lines, ["a[31m b"]);
        let (replies, _) = read_all(b"250 \xff\xfe\r\n", 3);
        assert_eq!(replies[0].lines, ["\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn what_is_not_a_reply_is_refused() {
        for input in [
            "", "ok", "25", "2x0 ok", "150 x", "650 x", "050 x", "2500 x", "250_x", "250\tx",
            " 250 x",
        ] {
            let (replies, error) = read_all(format!("{input}\r\n").as_bytes(), 7);
            assert!(replies.is_empty(), "{input:?}");
            assert!(
                matches!(error, Some(ReplyError::Malformed(_))),
                "{input:?}: {error:?}"
            );
        }
    }

    #[test]
    fn all_lines_have_one_code() {
        let (_, error) = read_all(b"250-a\r\n550 b\r\n", 5);
        assert_eq!(error, Some(ReplyError::CodeChanged(250, 550)));
    }

    #[test]
    fn a_line_without_end_uses_no_memory() {
        let line = [b"250 ".as_slice(), &vec![b'x'; 10 * 1024 * 1024]].concat();
        for split in [1500, usize::MAX] {
            assert_eq!(read_all(&line, split).1, Some(ReplyError::LineTooLong));
        }
        let longest = format!("250 {}\r\n", "x".repeat(REPLY_LINE_OCTETS - 4));
        assert_eq!(one(&longest).code, 250, "the limit itself is allowed");
    }

    #[test]
    fn a_reply_without_end_uses_no_memory() {
        let short = b"250-x\r\n".repeat(REPLY_LINES + 1);
        assert_eq!(read_all(&short, 100).1, Some(ReplyError::TooLong));
        let line = format!("250-{}\r\n", "x".repeat(4000));
        let long = line.repeat(17);
        assert_eq!(read_all(long.as_bytes(), 1000).1, Some(ReplyError::TooLong));
    }

    #[test]
    fn bytes_after_a_reply_are_left_to_the_caller() {
        let mut reader = ReplyReader::new();
        let mut input = b"220 go\r\n250 injected\r\n".as_slice();
        assert_eq!(reader.read(&mut input).unwrap().unwrap().code, 220);
        assert_eq!(input, b"250 injected\r\n");
        assert!(reader.is_empty());
    }

    proptest! {
        #[test]
        fn any_split_reads_the_same(
            input in proptest::collection::vec(
                prop_oneof![
                    Just(b'2'), Just(b'5'), Just(b'0'), Just(b'-'), Just(b' '),
                    Just(b'\r'), Just(b'\n'), Just(b'x'), any::<u8>(),
                ],
                0..200,
            ),
            split in 1usize..40,
        ) {
            prop_assert_eq!(read_all(&input, split), read_all(&input, usize::MAX));
        }

        #[test]
        fn replies_come_back_in_any_split(
            replies in proptest::collection::vec(
                (200u16..600, proptest::collection::vec("[ -~]{0,20}", 1..5)), 0..6),
            split in 1usize..40,
        ) {
            let mut input = String::new();
            for (code, lines) in &replies {
                for (i, line) in lines.iter().enumerate() {
                    let mark = if i + 1 == lines.len() { ' ' } else { '-' };
                    input += &format!("{code}{mark}{line}\r\n");
                }
            }
            let (read, error) = read_all(input.as_bytes(), split);
            prop_assert_eq!(error, None);
            let expected: Vec<WireReply> =
                replies.into_iter().map(|(code, lines)| WireReply { code, lines }).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
