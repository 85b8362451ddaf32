//! Finding the few octets that matter, eight at a time.
//!
//! Almost all of a message is ordinary text between line ends some 70 octets apart. Looking at a
//! word of eight octets at once finds them several times faster than looking at each.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
const CRS: u64 = u64::from_ne_bytes([b'\r'; 8]);
const LFS: u64 = u64::from_ne_bytes([b'\n'; 8]);

/// The place of the first CR, LF or NUL, and whether any octet up to there, or a few beyond, is
/// above 127.
pub(super) fn find_special(bytes: &[u8]) -> (Option<usize>, bool) {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut high = 0;
    for (index, octets) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*octets);
        high |= word;
        let found = zeros(word ^ CRS) | zeros(word ^ LFS) | zeros(word);
        if found != 0 {
            return (Some(index * 8 + first(found)), high & HIGHS != 0);
        }
    }
    let found = rest
        .iter()
        .position(|octet| matches!(octet, b'\r' | b'\n' | 0));
    (
        found.map(|found| words.len() * 8 + found),
        high & HIGHS != 0 || !rest.is_ascii(),
    )
}

/// The place of the first CR or LF.
pub(super) fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, octets) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*octets);
        let found = zeros(word ^ CRS) | zeros(word ^ LFS);
        if found != 0 {
            return Some(index * 8 + first(found));
        }
    }
    let found = rest.iter().position(|octet| matches!(octet, b'\r' | b'\n'));
    found.map(|found| words.len() * 8 + found)
}

/// The high bit set in each octet that is zero. A carry can set it in octets after the first
/// such one, too; only the first is asked for.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(bytes in proptest::collection::vec(
            prop_oneof![6 => any::<u8>(), 1 => Just(b'\r'), 1 => Just(b'\n'), 1 => Just(0), 1 => Just(0x0b)],
            0..64,
        )) {
            let special = bytes.iter().position(|b| matches!(b, b'\r' | b'\n' | 0));
            let (found, high) = find_special(&bytes);
            prop_assert_eq!(found, special);
            let seen = &bytes[..found.unwrap_or(bytes.len())];
            prop_assert!(high || seen.is_ascii());
            prop_assert!(!high || !bytes.is_ascii());
            let end = bytes.iter().position(|b| matches!(b, b'\r' | b'\n'));
            prop_assert_eq!(find_line_end(&bytes), end);
        }
    }
}
