//! The policy, held against servers that read the wire in every way servers have been seen to.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::smtp::limits::BLOCK_OCTETS;

fn offering(chunking: bool, binarymime: bool, eight_bit_mime: bool) -> Capabilities {
    Capabilities {
        chunking,
        binarymime,
        eight_bit_mime,
        ..Capabilities::default()
    }
}

fn content(parts: &[&[u8]]) -> Content {
    Content::new(parts.iter().map(|part| Bytes::copy_from_slice(part)))
}

fn plan(message: &[u8], offered: &Capabilities) -> Plan {
    Plan::choose(content(&[message]).facts(), offered)
}

fn wire(parts: &[&[u8]], offered: &Capabilities) -> Vec<u8> {
    let content = content(parts);
    content
        .blocks(Plan::choose(content.facts(), offered))
        .flatten()
        .collect()
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

/// Each line end CRLF, and one at the end: written as simply as can be.
fn canonical(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut octets = message.iter().copied().peekable();
    while let Some(octet) = octets.next() {
        match octet {
            b'\r' => {
                octets.next_if_eq(&b'\n');
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            octet => out.push(octet),
        }
    }
    if !(out.is_empty() || out.ends_with(b"\r\n")) {
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn naive_facts(message: &[u8]) -> Facts {
    let at = |i: usize| message.get(i).copied();
    let before = |i: usize| i.checked_sub(1).and_then(at);
    let canonical = canonical(message);
    let ends = |i: usize| match message[i] {
        b'\r' => at(i + 1) != Some(b'\n'),
        octet => octet == b'\n' && before(i) != Some(b'\r'),
    };
    let count = |octet: u8| {
        (0..message.len())
            .filter(|&i| message[i] == octet && ends(i))
            .count()
    };
    let lines: Vec<&[u8]> = lines(&canonical);
    Facts {
        octets: message.len() as u64,
        bare_cr: count(b'\r') as u64,
        bare_lf: count(b'\n') as u64,
        nul: message.contains(&0),
        eight_bit: !message.is_ascii(),
        longest_line: lines.iter().map(|line| line.len()).max().unwrap_or(0) as u64,
        ending: match message {
            [] | [.., b'\r', b'\n'] => Ending::Crlf,
            [.., b'\r' | b'\n'] => Ending::Bare,
            _ => Ending::Open,
        },
        dots: lines
            .iter()
            .any(|line| line.iter().find(|octet| **octet != 0) == Some(&b'.')),
    }
}

fn lines(canonical: &[u8]) -> Vec<&[u8]> {
    let (mut lines, mut rest) = (Vec::new(), canonical);
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines
}

/// Messages made of what matters, in parts.
fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let octets = prop_oneof![
        4 => Just(b"\r\n".to_vec()),
        3 => Just(b".".to_vec()),
        2 => Just(b"\r".to_vec()),
        2 => Just(b"\n".to_vec()),
        2 => Just(b"\0".to_vec()),
        2 => Just(b"text".to_vec()),
        1 => Just(b"\xe4".to_vec()),
    ];
    let part = proptest::collection::vec(octets, 0..12).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(part, 0..5)
}

/// The same with nothing but CRLF for line ends.
fn regular_parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (parts(), any::<prop::sample::Index>()).prop_map(|(parts, cut)| {
        let message = canonical(&parts.concat());
        let cut = cut.index(message.len() + 1);
        vec![message[..cut].to_vec(), message[cut..].to_vec()]
    })
}

fn slices(parts: &[Vec<u8>]) -> Vec<&[u8]> {
    parts.iter().map(Vec::as_slice).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_regular_message_arrives_exactly(parts in regular_parts(), chunking: bool) {
        let message = parts.concat();
        let wire = wire(&slices(&parts), &offering(chunking, true, true));
        prop_assert_eq!(strict(&wire), Some((message, &b""[..])));
    }

    #[test]
    fn any_message_without_chunking_arrives_in_canonical_form(parts in parts()) {
        let message = parts.concat();
        let wire = wire(&slices(&parts), &offering(false, false, false));
        prop_assert_eq!(strict(&wire), Some((canonical(&message), &b""[..])));
        let plan = plan(&message, &offering(false, false, false));
        prop_assert_eq!(plan.size, canonical(&message).len() as u64, "SIZE is the size on arrival");
    }

    #[test]
    fn no_server_sees_an_early_end(parts in parts()) {
        let wire = wire(&slices(&parts), &offering(false, false, false));
        prop_assert_eq!(lenient_end(&wire), Some(wire.len()), "any line end ends a line");
        let without_nul: Vec<u8> = wire.into_iter().filter(|octet| *octet != 0).collect();
        prop_assert_eq!(lenient_end(&without_nul), Some(without_nul.len()), "NULs dropped");
    }

    #[test]
    fn an_irregular_message_arrives_exactly_by_bdat(parts in parts()) {
        let message = parts.concat();
        if content(&slices(&parts)).facts().regular() {
            return Ok(());
        }
        let wire = wire(&slices(&parts), &offering(true, false, false));
        let command = format!("BDAT {} LAST\r\n", message.len());
        prop_assert_eq!(wire, [command.as_bytes(), &message].concat());
    }

    #[test]
    fn facts_are_those_of_a_simple_reading(parts in parts()) {
        let found = *content(&slices(&parts)).facts();
        prop_assert_eq!(found, naive_facts(&parts.concat()));
    }
}

#[test]
fn the_policy_as_a_table() {
    use Body::*;
    use Transfer::*;
    let everything = offering(true, true, true);
    let chunking = offering(true, false, true);
    let eight_bit = offering(false, false, true);
    let nothing = offering(false, false, false);
    for (message, offered, transfer, body) in [
        (&b"a\r\n"[..], &everything, Data, Unstated),
        (b"\xe4\r\n", &everything, Data, EightBit),
        (b"\xe4\r\n", &nothing, Data, Unstated),
        (b"a\0\r\n", &everything, Data, Unstated),
        (b"a\n", &everything, Bdat, Binary),
        (b"a\r", &everything, Bdat, Binary),
        (b"\xe4\n", &chunking, Bdat, EightBit),
        (b"a\n", &chunking, Bdat, Unstated),
        (b"a", &everything, Bdat, Unstated),
        (b"\xe4", &everything, Bdat, EightBit),
        (b"\xe4\0", &everything, Bdat, Binary),
        (b"a\n", &eight_bit, DataCanonical, Unstated),
        (b"\xe4", &eight_bit, DataCanonical, EightBit),
        (b"a", &nothing, DataCanonical, Unstated),
        (b"", &everything, Data, Unstated),
    ] {
        let plan = plan(message, offered);
        assert_eq!(
            (plan.transfer, plan.body),
            (transfer, body),
            "{message:?} {offered:?}"
        );
    }
}

#[test]
fn dots_and_nuls_by_example() {
    let nothing = offering(false, false, false);
    for (message, expected) in [
        (&b".\r\n"[..], &b"..\r\n.\r\n"[..]),
        (b"..a\r\n", b"...a\r\n.\r\n"),
        (b"\0.\r\n", b".\0.\r\n.\r\n"),
        (b".\0\r\n", b"..\0\r\n.\r\n"),
        (b"\0\0\r\n", b"\0\0\r\n.\r\n"),
        (b"a\n.\nQUIT\n", b"a\r\n..\r\nQUIT\r\n.\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\r\nb", b"a\r\n\r\nb\r\n.\r\n"),
        (b"", b".\r\n"),
    ] {
        assert_eq!(wire(&[message], &nothing), expected, "{message:?}");
    }
}

#[test]
fn a_small_message_is_one_block_and_a_large_one_is_not_copied() {
    let nothing = offering(false, false, false);
    let trace = Bytes::from_static(b"Received: by us\r\n");
    let line = [&[b'x'; 70][..], b"\r\n"].concat();

    let small = Content::new([trace.clone(), Bytes::from(line.repeat(500))]);
    assert_eq!(
        small.blocks(Plan::choose(small.facts(), &nothing)).count(),
        1
    );

    let message = Bytes::from(line.repeat(14_564));
    let inside = |block: &Bytes| message.as_ptr_range().contains(&block.as_ptr());
    let large = Content::new([trace.clone(), message.clone()]);
    let blocks: Vec<Bytes> = large
        .blocks(Plan::choose(large.facts(), &nothing))
        .collect();
    assert_eq!(blocks.len(), message.len() / BLOCK_OCTETS + 1);
    assert!(blocks.iter().all(|block| block.len() <= BLOCK_OCTETS));
    let copied = blocks.iter().filter(|block| !inside(block)).count();
    assert_eq!(
        copied, 2,
        "only the first block and the last one are copied"
    );

    let mut dotted = message.to_vec();
    dotted[72 * 7000] = b'.';
    let message = Bytes::from(dotted);
    let inside = |block: &Bytes| message.as_ptr_range().contains(&block.as_ptr());
    let large = Content::new([trace, message.clone()]);
    let blocks: Vec<Bytes> = large
        .blocks(Plan::choose(large.facts(), &nothing))
        .collect();
    let copied = blocks.iter().filter(|block| !inside(block)).count();
    assert_eq!(copied, 3, "and the one with the dot");
}
