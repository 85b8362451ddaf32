//! What can be seen of a message without understanding it: its header lines' names, its line end.
//!
//! One pass over the header block, which ends at the first empty line or at the message's end.
//! Any line end counts, because partners send all of them; nothing here can fail.

/// How often the message says it was received: each relay adds a line (RFC 5321, 4.4).
pub fn received_lines(message: &[u8]) -> usize {
    header_lines(message)
        .filter(|line| starts_with_field(line, b"received"))
        .count()
}

/// The line end the message itself uses first, for the lines we put on top.
pub fn line_end(message: &[u8]) -> &'static str {
    match message.iter().position(|byte| *byte == b'\n') {
        Some(at) if at == 0 || message[at - 1] != b'\r' => "\n",
        _ => "\r\n",
    }
}

/// The message's own name, where it has one that can be quoted (RFC 5322, 3.6.4).
pub fn message_id(message: &[u8]) -> Option<&str> {
    let mut lines =
        header_lines(message).skip_while(|line| !starts_with_field(line, b"message-id"));
    let first = lines.next()?;
    let value = &first[first.iter().position(|byte| *byte == b':')? + 1..];
    // The field may be folded before its value.
    let folded = lines
        .next()
        .filter(|line| line.starts_with(b" ") || line.starts_with(b"\t"));
    [Some(value), folded]
        .into_iter()
        .flatten()
        .find_map(|line| {
            let id = line.trim_ascii();
            let inside = id.strip_prefix(b"<")?.strip_suffix(b">")?;
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"<>".contains(byte);
            let good = (1..=MESSAGE_ID_BYTES).contains(&inside.len()) && inside.iter().all(plain);
            good.then(|| std::str::from_utf8(id).ok())?
        })
}

/// The lines of the header block, without their ends.
pub fn header_lines(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let end = rest
            .iter()
            .position(|b| matches!(b, b'\r' | b'\n'))
            .unwrap_or(rest.len());
        let line = &rest[..end];
        let skip = if rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        rest = rest.get(end + skip..).unwrap_or_default();
        (!line.is_empty()).then_some(line)
    })
}

fn starts_with_field(line: &[u8], name: &[u8]) -> bool {
    let Some(head) = line.get(..name.len()) else {
        return false;
    };
    let colon = line[name.len()..]
        .iter()
        .find(|b| !matches!(b, b' ' | b'\t'));
    head.eq_ignore_ascii_case(name) && colon == Some(&b':')
}

/// A longer one is nobody's.
const MESSAGE_ID_BYTES: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_header_counts_and_any_line_end_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [
                "Received: a",
                "\tfolded",
                "RECEIVED : b",
                "Received-SPF: no",
                "",
                "Received: body",
            ];
            assert_eq!(received_lines(text.join(end).as_bytes()), 2, "{end:?}");
        }
        assert_eq!(received_lines(b""), 0);
        assert_eq!(received_lines(b"Received:"), 1);
        assert_eq!(received_lines(b"Received"), 0);
    }

    #[test]
    fn a_message_s_own_name_is_found_where_it_can_be_quoted() {
        let found = |message: &'static str| message_id(message.as_bytes());
        assert_eq!(found("A: b\r\nMessage-Id: <a@b>\r\n\r\n"), Some("<a@b>"));
        assert_eq!(found("MESSAGE-ID:\n <a@b>\n\n"), Some("<a@b>"));
        for none in [
            "",
            "Message-ID: a@b\n",
            "Message-ID: <a b>\n",
            "Message-ID: <>\n",
            "A: b\n\nMessage-ID: <a@b>\n",
            "Message-ID: <a\u{e9}@b>\n",
        ] {
            assert_eq!(found(none), None, "{none:?}");
        }
    }

    #[test]
    fn our_lines_end_as_the_messages_own() {
        assert_eq!(line_end(b"A: b\nC: d\r\n"), "\n");
        assert_eq!(line_end(b"A: b\r\nC: d\n"), "\r\n");
        assert_eq!(line_end(b"no line end"), "\r\n");
        assert_eq!(line_end(b"\n"), "\n");
    }
}
