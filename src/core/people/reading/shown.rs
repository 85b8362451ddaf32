//! Texts of strangers made safe to show in one line: names, subjects, file names, places.
//!
//! Markup is escaped where pages are made. What is done here is what escaping does not do: line
//! ends and other control characters go, and so do the characters that turn the direction of what
//! stands around them (Unicode UAX #9) or that nobody sees: no name may read
//! as another, and no program as a PDF. What is truly written from right to left stays as it
//! is, and pages isolate it with `<bdi>`.

/// One line of at most `chars` characters: no control characters, no direction overrides, spaces
/// joined; an ellipsis says that something was cut off.
pub fn line(text: &str, chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(chars.saturating_mul(4)));
    let mut count = 0;
    let mut space = false;
    let mut marks = 0;
    for c in text.chars() {
        if is_hidden(c) {
            continue;
        }
        if c.is_whitespace() || c.is_control() {
            space = !shown.is_empty();
            continue;
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > STACKED_MARKS {
            continue;
        }
        if count + usize::from(space) >= chars {
            shown.push('…');
            return shown;
        }
        if space {
            shown.push(' ');
            count += 1;
            space = false;
        }
        shown.push(c);
        count += 1;
    }
    shown
}

/// A text of many lines without what [`line`] takes out, with `\n` as its line end.
pub fn lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut marks = 0;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        marks = if is_mark(c) { marks + 1 } else { 0 };
        match c {
            '\r' => {
                rest.next_if_eq(&'\n');
                shown.push('\n');
            }
            '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{c}' => shown.push('\n'),
            '\t' => shown.push('\t'),
            c if c.is_control() || is_hidden(c) || marks > STACKED_MARKS => {}
            c => shown.push(c),
        }
    }
    shown
}

/// Turns direction, or is not seen at all. The joiners (U+200C, U+200D) stay: whole scripts and
/// many emoji need them.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// More marks on one letter than any language writes only cover the lines around it.
const STACKED_MARKS: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_reads_as_it_was_written() {
        assert_eq!(line(" a\r\n\tb\0c ", 9), "a b c");
        assert_eq!(line("photo_\u{202e}gpj.exe", 99), "photo_gpj.exe");
        assert_eq!(line("\u{2066}\u{200f}x\u{2069}\u{200b}\u{e0041}", 9), "x");
        assert_eq!(line("שלום עולם", 99), "שלום עולם");
        assert_eq!(line("a👩\u{200d}💻", 9), "a👩\u{200d}💻");
    }

    #[test]
    fn what_was_cut_off_is_marked_and_what_fits_is_not() {
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abcdef…");
        assert_eq!(line("abc def", 3), "abc…");
        assert_eq!(line(&"e\u{301}".repeat(2), 9), "e\u{301}e\u{301}");
        assert_eq!(
            line(&format!("e{}", "\u{301}".repeat(99)), 50)
                .chars()
                .count(),
            5
        );
    }

    #[test]
    fn lines_keep_their_ends_and_lose_the_rest() {
        assert_eq!(lines("a\r\nb\rc\nd\u{2028}e\u{202e}\u{7}"), "a\nb\nc\nd\ne");
    }
}
