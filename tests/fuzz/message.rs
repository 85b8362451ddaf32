//! A message's bytes on their way to a primary: what a server takes off again gives the very bytes, or
//! the same with CRLF for line ends where SMTP has no other; and no content ends its message early.

use bytes::Bytes;
use holdfast_core::mail::{MessageId, facts, trace};
use holdfast_core::smtp::{Capabilities, Content, Plan, Transfer};
use holdfast_core::time::Timestamp;

/// The first two octets say what the server offers and where the message is cut into parts.
pub fn check(input: &[u8]) {
    let [offers, cut, message @ ..] = input else {
        return;
    };
    let offered = Capabilities {
        chunking: offers & 1 != 0,
        binarymime: offers & 2 != 0,
        eight_bit_mime: offers & 4 != 0,
        ..Capabilities::default()
    };
    let (front, back) = message.split_at(usize::from(*cut).min(message.len()));
    let parts = [Bytes::copy_from_slice(front), Bytes::copy_from_slice(back)];
    let content = Content::new(parts.clone());
    let whole = Content::new([Bytes::copy_from_slice(message)]);
    assert_eq!(content.facts(), whole.facts(), "parts change nothing");
    assert_eq!(content.facts().octets, message.len() as u64);

    let plan = Plan::choose(content.facts(), &offered);
    let wire: Vec<u8> = content.blocks(plan).flatten().collect();
    match plan.transfer {
        Transfer::Bdat => {
            let command = format!("BDAT {} LAST\r\n", message.len());
            assert_eq!(wire, [command.as_bytes(), message].concat());
        }
        Transfer::Data => {
            assert_eq!(strict(&wire), Some((message.to_vec(), &b""[..])));
        }
        Transfer::DataCanonical => {
            let canonical = canonical(message);
            assert_eq!(plan.size, canonical.len() as u64);
            assert_eq!(strict(&wire), Some((canonical, &b""[..])));
        }
    }
    if plan.transfer != Transfer::Bdat {
        assert_eq!(lenient_end(&wire), Some(wire.len()));
        let without_nul: Vec<u8> = wire.into_iter().filter(|octet| *octet != 0).collect();
        assert_eq!(lenient_end(&without_nul), Some(without_nul.len()));
    }
    our_line_is_one_more(message);
}

/// The trace line on top of any message is one line, counted as one, and cut off again at its end.
fn our_line_is_one_more(message: &[u8]) {
    let end = facts::line_end(message);
    let id = MessageId::new(Timestamp::from_millis(1_795_392_000_000), [7; 10]);
    let line = trace::received_line("acme", "mx.example.org", id, end);
    let relayed = [line.as_bytes(), message].concat();
    let before = facts::received_lines(message);
    assert_eq!(facts::received_lines(&relayed), before + 1);
    assert!(before <= message.len() / 9, "each has a name and a colon");
    let cut = relayed.iter().position(|octet| *octet == b'\n').unwrap();
    assert_eq!(&relayed[cut + 1..], message);
    assert_eq!(facts::line_end(&relayed), end);
}

/// A server that follows RFC 5321: the message, and what follows its end.
fn strict(wire: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut message, mut rest) = (Vec::new(), wire);
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let (line, after) = (&rest[..end], &rest[end + 2..]);
        rest = after;
        match line {
            b"." => return Some((message, rest)),
            [b'.', line @ ..] => message.extend_from_slice(line),
            line => message.extend_from_slice(line),
        }
        message.extend_from_slice(b"\r\n");
    }
}

/// A server that ends lines at CRLF, CR or LF: where the first line that is a lone dot ends.
fn lenient_end(wire: &[u8]) -> Option<usize> {
    let (mut at, mut line) = (0, 0);
    while at < wire.len() {
        let end = match (wire[at], wire.get(at + 1)) {
            (b'\r', Some(b'\n')) => at + 2,
            (b'\r' | b'\n', _) => at + 1,
            _ => {
                at += 1;
                continue;
            }
        };
        if &wire[line..at] == b"." {
            return Some(end);
        }
        (at, line) = (end, end);
    }
    None
}

/// Each line end CRLF, and one at the end.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut octets = message.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        if octet == b'\r' {
            octets.next_if_eq(&b'\n');
        }
        match octet {
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            octet => out.push(octet),
        }
    }
    if !(out.is_empty() || out.ends_with(b"\r\n")) {
        out.extend_from_slice(b"\r\n");
    }
    out
}
