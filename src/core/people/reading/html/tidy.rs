//! HTML written anew with known elements only, each closed where it belongs, none too deep.
//!
//! It is here for the parser behind it. HTML's rules for elements that are closed in the wrong
//! place repeat them again and again: some hundred kilobytes of a clever message become gigabytes
//! of tree. What is closed in order, and not deep, is parsed in time that grows with the text.

use mail_parser::decoders::html::add_html_token;

use super::tokens::{Token, Tokens};
use crate::limits;

/// The HTML with only [`ELEMENTS`], well nested. Text is kept, whatever becomes of its elements.
pub fn tidy(html: &str) -> String {
    let mut out = Tidy::default();
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => out.text(text),
            Token::Open(name, attributes) => out.open(&name, &attributes),
            Token::Close(name) => out.close(&name),
        }
    }
    out.close_down_to(0);
    out.html
}

/// What the HTML says, as plain text with a line for each block.
pub fn to_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => push_text(&mut out, text),
            Token::Open(name, _) if name == "br" => out.push('\n'),
            Token::Open(name, _) if name == "li" => {
                end_line(&mut out);
                out.push_str("- ");
            }
            Token::Open(name, attributes) if name == "img" => {
                let alt = attributes.iter().find(|(name, _)| name == "alt");
                push_text(&mut out, alt.map_or("", |(_, value)| value));
            }
            Token::Open(name, _) | Token::Close(name) if name == "p" => {
                end_line(&mut out);
                if !out.is_empty() && !out.ends_with("\n\n") {
                    out.push('\n');
                }
            }
            Token::Open(name, _) | Token::Close(name) if BLOCKS.contains(&name.as_str()) => {
                end_line(&mut out);
            }
            Token::Close(name) if matches!(name.as_str(), "td" | "th") => out.push(' '),
            Token::Open(..) | Token::Close(_) => {}
        }
    }
    super::super::shown::lines(out.trim())
}

fn end_line(out: &mut String) {
    let kept = out.trim_end_matches([' ', '\t']).len();
    out.truncate(kept);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Text with its references resolved and its white space joined, as HTML shows it.
fn push_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let reference = (c == '&')
            .then(|| rest.find(';').filter(|end| *end <= 32))
            .flatten();
        if let Some(token) = reference.and_then(|end| rest.get(..=end)) {
            add_html_token(out, token.as_bytes(), false);
            rest = rest.get(token.len()..).unwrap_or_default();
            continue;
        }
        if !c.is_ascii_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with([' ', '\n']) {
            out.push(' ');
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
}

#[derive(Default)]
struct Tidy {
    html: String,
    open: Vec<&'static str>,
    elements: usize,
}

impl Tidy {
    fn text(&mut self, text: &str) {
        if text == "<" {
            self.html.push_str("&lt;");
        } else {
            self.html.push_str(text);
        }
    }

    fn open(&mut self, name: &str, attributes: &[(String, &str)]) {
        let Some(name) = known(name) else {
            return;
        };
        self.elements += 1;
        if self.elements > limits::HTML_ELEMENTS {
            return;
        }
        let structure = TABLE_PARTS.contains(&name);
        match name {
            "li" => self.end(&["li"], &["ul", "ol", "table", "td", "th"]),
            "dt" | "dd" => self.end(&["dt", "dd"], &["dl", "table", "td", "th"]),
            "td" | "th" => self.end(&["td", "th"], &["table", "tr"]),
            "tr" | "caption" | "colgroup" => self.end_rows(),
            "thead" | "tbody" | "tfoot" => {
                self.end_rows();
                self.end(&["thead", "tbody", "tfoot"], &["table"]);
            }
            "a" => self.end(&["a"], &CELLS),
            _ if BLOCKS.contains(&name) => self.end(&["p"], &CELLS),
            _ => {}
        }
        let top = self.open.last().copied().unwrap_or_default();
        let in_rows = matches!(
            top,
            "table" | "thead" | "tbody" | "tfoot" | "tr" | "colgroup"
        );
        if structure != in_rows {
            return;
        }
        let void = VOID.contains(&name);
        if !void && self.open.len() >= limits::HTML_DEPTH {
            return;
        }
        self.html.push('<');
        self.html.push_str(name);
        for (attribute, value) in attributes {
            let named = attribute.bytes().all(|b| b.is_ascii_lowercase());
            let fits =
                value.len() <= limits::HTML_ATTRIBUTE_BYTES || name == "img" && attribute == "src";
            if named && fits {
                self.html.push(' ');
                self.html.push_str(attribute);
                self.html.push_str("=\"");
                self.html.push_str(&value.replace('"', "&quot;"));
                self.html.push('"');
            }
        }
        self.html.push('>');
        if !void {
            self.open.push(name);
        }
    }

    fn close(&mut self, name: &str) {
        let Some(name) = known(name) else {
            return;
        };
        match name {
            "table" => self.end(&["table"], &[]),
            _ if TABLE_PARTS.contains(&name) => self.end(&[name], &["table"]),
            _ => self.end(&[name], &CELLS),
        }
    }

    /// Closes the innermost of `names` and all that is open in it, unless a wall stands before it.
    fn end(&mut self, names: &[&str], walls: &[&str]) {
        let found = self
            .open
            .iter()
            .rposition(|open| names.contains(open) || walls.contains(open));
        if let Some(at) = found
            && self.open.get(at).is_some_and(|open| names.contains(open))
        {
            self.close_down_to(at);
        }
    }

    /// Closes the cell and the row, or what else stands in a table's rows' place.
    fn end_rows(&mut self) {
        self.end(&["td", "th"], &["table"]);
        self.end(&["tr", "caption", "colgroup"], &["table"]);
    }

    fn close_down_to(&mut self, depth: usize) {
        while self.open.len() > depth {
            if let Some(name) = self.open.pop() {
                self.html.push_str("</");
                self.html.push_str(name);
                self.html.push('>');
            }
        }
    }
}

/// An element by the name under which it is kept.
fn known(name: &str) -> Option<&'static str> {
    let name = match name {
        "header" | "footer" | "main" | "nav" | "aside" | "section" | "article" | "address"
        | "fieldset" | "form" | "details" => "div",
        "legend" | "summary" | "label" => "span",
        other => other,
    };
    ELEMENTS.into_iter().find(|element| *element == name)
}

/// The elements that are shown.
pub const ELEMENTS: [&str; 62] = [
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
    "rt",
];

const VOID: [&str; 5] = ["br", "col", "hr", "img", "wbr"];
const CELLS: [&str; 4] = ["table", "td", "th", "caption"];
const TABLE_PARTS: [&str; 9] = [
    "caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr",
];
const BLOCKS: [&str; 20] = [
    "blockquote",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "ol",
    "p",
    "pre",
    "table",
    "ul",
];
