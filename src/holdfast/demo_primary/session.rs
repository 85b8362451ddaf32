//! One SMTP session (RFC 5321), the server's side, without I/O: bytes in, replies and messages out.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::Received;

/// The state of one connection.
pub struct Session {
    input: BytesMut,
    replies: Vec<u8>,
    begun: u64,
    from: Option<String>,
    to: Vec<String>,
    expect: Expect,
    /// The chunks of a BDAT transfer so far.
    chunks: BytesMut,
}

/// What the next bytes are.
enum Expect {
    Command,
    /// The message after DATA; how far it was searched for its end.
    Data {
        searched: usize,
    },
    /// A BDAT chunk: its length, whether it is the last, whether anybody wants it.
    Chunk {
        length: usize,
        last: bool,
        wanted: bool,
    },
    Nothing,
}

impl Session {
    pub fn new() -> Self {
        Self {
            input: BytesMut::with_capacity(READ),
            replies: b"220 demo.holdfast.example ESMTP, accepts everything\r\n".to_vec(),
            begun: 0,
            from: None,
            to: Vec::new(),
            expect: Expect::Command,
            chunks: BytesMut::new(),
        }
    }

    /// Where to read to.
    pub fn input(&mut self) -> &mut BytesMut {
        self.input.reserve(READ);
        &mut self.input
    }

    /// The replies since the last call, to be written at once.
    pub fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }

    /// How many messages were begun since the last call.
    pub fn take_begun(&mut self) -> u64 {
        std::mem::take(&mut self.begun)
    }

    /// Whether the connection is to be closed after the replies.
    pub fn is_over(&self) -> bool {
        matches!(self.expect, Expect::Nothing)
    }

    /// Works through the input. Returns at a complete message, which must be confirmed; `None`
    /// means that there is more to read first.
    pub fn advance(&mut self) -> Option<Received> {
        loop {
            let (progress, message) = match self.expect {
                Expect::Command => (self.command(), None),
                Expect::Data { searched } => self.data(searched),
                Expect::Chunk {
                    length,
                    last,
                    wanted,
                } => self.chunk(length, last, wanted),
                Expect::Nothing => (false, None),
            };
            if message.is_some() || !progress {
                return message;
            }
        }
    }

    /// Replies to the message that `advance` returned.
    pub fn confirm(&mut self, number: u64) {
        self.reply(&format!("250 2.0.0 accepted as {number}"));
    }

    fn command(&mut self) -> bool {
        let Some(end) = memchr::memchr(b'\n', &self.input) else {
            if self.input.len() > LINE_LIMIT {
                self.end("500 5.5.2 the line is too long");
            }
            return false;
        };
        let line = self.input.split_to(end + 1).freeze();
        let line = line.trim_ascii_end();
        let (verb, rest) = match memchr::memchr(b' ', line) {
            Some(space) => (&line[..space], &line[space + 1..]),
            None => (line, &b""[..]),
        };
        match verb.to_ascii_uppercase().as_slice() {
            b"EHLO" => {
                self.reset();
                self.replies.extend_from_slice(EHLO);
            }
            b"HELO" => {
                self.reset();
                self.reply("250 demo.holdfast.example");
            }
            b"MAIL" => self.mail(rest),
            b"RCPT" => self.rcpt(rest),
            b"DATA" if self.to.is_empty() => self.reply(NO_RECIPIENTS),
            b"DATA" => {
                self.reply("354 go ahead");
                self.expect = Expect::Data { searched: 0 };
            }
            b"BDAT" => self.bdat(rest),
            b"RSET" => {
                self.reset();
                self.reply("250 2.0.0 forgotten");
            }
            b"NOOP" => self.reply("250 2.0.0 fine"),
            b"VRFY" => self.reply("252 2.1.5 send and see"),
            b"QUIT" => self.end("221 2.0.0 bye"),
            _ => self.reply("500 5.5.2 not a command of this server"),
        }
        true
    }

    fn mail(&mut self, rest: &[u8]) {
        match address(rest, b"FROM:") {
            Some(_) if self.from.is_some() => self.reply("503 5.5.1 there is a sender already"),
            Some(from) => {
                self.from = Some(from);
                self.begun += 1;
                self.reply("250 2.1.0 ok");
            }
            None => self.reply("501 5.5.4 MAIL FROM:<address>"),
        }
    }

    fn rcpt(&mut self, rest: &[u8]) {
        match address(rest, b"TO:") {
            Some(_) if self.from.is_none() => self.reply("503 5.5.1 MAIL comes first"),
            Some(to) => {
                self.to.push(to);
                self.reply("250 2.1.5 ok");
            }
            None => self.reply("501 5.5.4 RCPT TO:<address>"),
        }
    }

    /// RFC 3030: `BDAT length [LAST]`, and the chunk follows whatever the reply will be.
    fn bdat(&mut self, rest: &[u8]) {
        let text = String::from_utf8_lossy(rest).to_ascii_uppercase();
        let (length, last) = match text.split_once(' ') {
            Some((length, "LAST")) => (length.to_owned(), true),
            _ => (text, false),
        };
        match length.parse() {
            Ok(length) if length <= SIZE_LIMIT => {
                let wanted = !self.to.is_empty();
                self.expect = Expect::Chunk {
                    length,
                    last,
                    wanted,
                };
            }
            _ => self.end("501 5.5.4 BDAT length [LAST]"),
        }
    }

    fn data(&mut self, searched: usize) -> (bool, Option<Received>) {
        if self.input.starts_with(b".\r\n") {
            drop(self.input.split_to(3));
            return (true, Some(self.message(Bytes::new())));
        }
        let Some(end) = memmem::find(&self.input[searched..], END_OF_DATA) else {
            if self.input.len() > SIZE_LIMIT {
                self.end("552 5.3.4 the message is too large");
            } else {
                let searched = self.input.len().saturating_sub(END_OF_DATA.len() - 1);
                self.expect = Expect::Data { searched };
            }
            return (false, None);
        };
        let mut data = self.input.split_to(searched + end + END_OF_DATA.len());
        data.truncate(data.len() - 3);
        (true, Some(self.message(unstuffed(data))))
    }

    fn chunk(&mut self, length: usize, last: bool, wanted: bool) -> (bool, Option<Received>) {
        if self.input.len() < length {
            return (false, None);
        }
        let chunk = self.input.split_to(length);
        self.expect = Expect::Command;
        if !wanted {
            self.reply(NO_RECIPIENTS);
        } else if self.chunks.len() + length > SIZE_LIMIT {
            self.end("552 5.3.4 the message is too large");
        } else {
            self.chunks.unsplit(chunk);
            if last {
                let bytes = std::mem::take(&mut self.chunks).freeze();
                return (true, Some(self.message(bytes)));
            }
            self.reply("250 2.0.0 go on");
        }
        (true, None)
    }

    fn message(&mut self, bytes: Bytes) -> Received {
        self.expect = Expect::Command;
        Received {
            from: self.from.take().unwrap_or_default(),
            to: std::mem::take(&mut self.to),
            bytes,
        }
    }

    fn reset(&mut self) {
        self.from = None;
        self.to.clear();
        self.chunks.clear();
    }

    fn reply(&mut self, line: &str) {
        self.replies.extend_from_slice(line.as_bytes());
        self.replies.extend_from_slice(b"\r\n");
    }

    fn end(&mut self, line: &str) {
        self.reply(line);
        self.expect = Expect::Nothing;
    }
}

/// The address in `KEYWORD:<address> PARAMETERS`; the parameters are accepted as they are.
fn address(rest: &[u8], keyword: &[u8]) -> Option<String> {
    let (start, after) = rest.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let after = after.trim_ascii_start().strip_prefix(b"<")?;
    // A quoted local part may contain '>', so the last one before the parameters counts.
    let end = memmem::find(after, b"> ").or_else(|| memchr::memrchr(b'>', after))?;
    Some(String::from_utf8_lossy(&after[..end]).into_owned())
}

/// RFC 5321, 4.5.2: of a line that starts with a dot, that dot is dropped.
fn unstuffed(data: BytesMut) -> Bytes {
    if !data.starts_with(b".") && memmem::find(&data, b"\n.").is_none() {
        return data.freeze();
    }
    let mut plain = Vec::with_capacity(data.len());
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        plain.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    plain.into()
}

const EHLO: &[u8] = b"250-demo.holdfast.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n\
    250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n";
const NO_RECIPIENTS: &str = "503 5.5.1 RCPT comes first";
const END_OF_DATA: &[u8] = b"\r\n.\r\n";
const SIZE_LIMIT: usize = 104_857_600;
const LINE_LIMIT: usize = 16 * 1024;
const READ: usize = 64 * 1024;
