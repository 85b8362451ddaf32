//! Plain text bodies: shown with their links and quotes, shortened to a preview.

use maud::{Markup, PreEscaped, html};

use super::shown;
use crate::limits;

/// The beginning of a text in one line: what was quoted, and who was quoted, is left out.
pub fn preview(text: &str) -> String {
    let own = text.lines().filter(|line| {
        let line = line.trim();
        !line.starts_with('>') && !line.trim_matches(['-', '_', '=', '*', '~']).is_empty()
    });
    let mut opening = String::new();
    for part in own {
        opening.push_str(part);
        opening.push(' ');
        // Twice, because what nobody sees is taken out below.
        if opening.len() > limits::PREVIEW_CHARS * 16 {
            break;
        }
    }
    // Newsletters fill their preview with joiners that join nothing.
    let opening = opening.replace(['\u{200c}', '\u{a0}', '\u{2007}'], " ");
    shown::line(&opening, limits::PREVIEW_CHARS)
}

/// A text as markup: links can be followed, quotes are marked, and the long quote at the end that
/// everybody has read is folded away under `fold`, a text such as "Show what was quoted".
pub fn markup(text: &str, fold: &str) -> Markup {
    let blocks = blocks(text);
    let last = blocks.len().saturating_sub(1);
    html! {
        @for (index, block) in blocks.iter().enumerate() {
            @if block.depth == 0 {
                div dir="auto" { (linked(&block.lines)) }
            } @else if index == last && block.lines.len() >= FOLDED_LINES {
                details { summary { (fold) } (quote(block)) }
            } @else {
                (quote(block))
            }
        }
    }
}

/// A text as HTML source, for where it stands beside HTML.
pub fn as_html_source(text: &str) -> String {
    let block = html! { pre { (text) } };
    block.into_string()
}

fn quote(block: &Block<'_>) -> Markup {
    // Quotes in quotes are marked by depth and not nested: a hundred `>` are one element.
    html! { blockquote dir="auto" class={ "depth-" (block.depth.min(3)) } { (linked(&block.lines)) } }
}

struct Block<'t> {
    depth: usize,
    lines: Vec<&'t str>,
}

/// Runs of lines that are quoted equally deep; empty lines belong to what is around them.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    for (number, line) in text.trim_end().split('\n').enumerate() {
        let (depth, rest) = quoted(line);
        let more = number >= limits::SHOWN_LINES;
        match blocks.last_mut() {
            Some(block) if block.depth == depth || more => block.lines.push(rest),
            _ => blocks.push(Block {
                depth,
                lines: vec![rest],
            }),
        }
    }
    blocks
}

fn quoted(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix('>') {
        depth += 1;
        rest = inner
            .strip_prefix(' ')
            .filter(|r| r.starts_with('>'))
            .unwrap_or(inner);
    }
    (
        depth,
        if depth > 0 {
            rest.strip_prefix(' ').unwrap_or(rest)
        } else {
            rest
        },
    )
}

fn linked(lines: &[&str]) -> Markup {
    html! {
        @for (index, line) in lines.iter().enumerate() {
            @if index > 0 { "\n" }
            @for piece in pieces(line) {
                @match piece {
                    Piece::Text(text) => (text),
                    Piece::Link { shown, target } => {
                        a href=(target) rel="noopener noreferrer nofollow" target="_blank" { (shown) }
                    },
                }
            }
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    Link { shown: &'t str, target: String },
}

/// A line's texts and its web addresses. Only `http`, `https` and what begins with `www.` counts.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut plain = line;
    while let Some((start, length)) = next_link(plain) {
        let (before, rest) = plain.split_at(start);
        let (link, after) = rest.split_at(length);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(match target(link) {
            Some(target) => Piece::Link {
                shown: link,
                target,
            },
            None => Piece::Text(link),
        });
        plain = after;
        if pieces.len() > LINKS_IN_LINE {
            break;
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

fn next_link(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = ["https://", "http://", "www."]
            .iter()
            .filter_map(|start| rest.find(start))
            .min()?;
        let begins_word = rest
            .get(..at)
            .and_then(|before| before.chars().next_back())
            .or_else(|| text.get(..from).and_then(|t| t.chars().next_back()))
            .is_none_or(|c| !c.is_alphanumeric());
        let link = rest.get(at..)?;
        let end = link
            .find(|c: char| c.is_whitespace() || "<>\"`{}|\\^«»“”".contains(c))
            .unwrap_or(link.len());
        let link = link
            .get(..end)?
            .trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
        // The bracket that closes what was opened before the link is not the link's.
        let link = match link.strip_suffix([')', ']']) {
            Some(inner) if !inner.contains(['(', '[']) => inner,
            _ => link,
        };
        if begins_word && link.len() > "http://".len() {
            return Some((from + at, link.len()));
        }
        from += at + link.len().max(4);
    }
}

fn target(link: &str) -> Option<String> {
    let full = if link.starts_with("www.") {
        format!("https://{link}")
    } else {
        link.to_owned()
    };
    let url = url::Url::parse(&full).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then(|| url.into())
}

/// Markup that was made here, for callers that hold it as a text.
pub fn trusted(markup: &Markup) -> PreEscaped<&str> {
    PreEscaped(markup.0.as_str())
}

/// A quote at the end of so many lines or more is folded.
const FOLDED_LINES: usize = 4;
const LINKS_IN_LINE: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_can_be_followed_and_end_where_a_reader_would_end_them() {
        let shown = |text: &str| markup(text, "more").into_string();
        let page = shown("see https://a.example/x?y=1&z=2, or (www.b.example).");
        assert!(
            page.contains("href=\"https://a.example/x?y=1&amp;z=2\""),
            "{page}"
        );
        assert!(page.contains(">www.b.example</a>)."), "{page}");
        assert!(shown("https://en.example/a_(b)").contains(">https://en.example/a_(b)</a>"));
        for plain in [
            "javascript:alert(1)",
            "https://",
            "xhttps://a.example",
            "http://[",
            "data:text/html,x",
        ] {
            assert!(!shown(plain).contains("<a "), "{plain}");
        }
        assert!(shown("<script>\"'&").contains("&lt;script&gt;&quot;'&amp;"));
    }

    #[test]
    fn quotes_are_marked_and_the_long_one_at_the_end_is_folded() {
        let page = markup("Yes.\n\n> a\n> b\n> c\n> > d\n", "more").into_string();
        assert!(
            page.contains("<blockquote dir=\"auto\" class=\"depth-1\">a\nb\nc</blockquote>"),
            "{page}"
        );
        assert!(page.contains("depth-2"), "{page}");
        assert!(!page.contains("<details>"), "{page}");
        let page = markup("Yes.\n> a\n> b\n> c\n> d", "more").into_string();
        assert!(
            page.contains("<details><summary>more</summary><blockquote"),
            "{page}"
        );
        let deep = format!("{} x", ">".repeat(100_000));
        assert!(markup(&deep, "").into_string().len() < 200);
    }

    #[test]
    fn a_preview_is_what_the_author_wrote_in_one_line() {
        assert_eq!(preview("> old\n\nNew\r\n text\n-----\n"), "New text");
        let long = preview(&"word ".repeat(100));
        assert!(long.ends_with("word…") && (130..=141).contains(&long.chars().count()));
    }
}
