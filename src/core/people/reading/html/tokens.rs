//! HTML cut into tags and texts, roughly as browsers do (WHATWG HTML, 13.2.5).
//!
//! It need not agree with them in every corner: what comes out of here is written anew, tag by
//! tag, and then parsed by ammonia. What it must do is end, in time that grows with the text, and
//! swallow what is never shown: comments, scripts, styles, drawings.

/// A piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub enum Token<'h> {
    /// Text with its character references as they stand.
    Text(&'h str),
    /// A start tag.
    Open(String, Vec<(String, &'h str)>),
    /// An end tag.
    Close(String),
}

/// The pieces of an HTML text.
pub struct Tokens<'h> {
    rest: &'h str,
    /// Elements of [`SWALLOWED`] that end nowhere in what is left.
    endless: Vec<&'static str>,
}

impl<'h> Tokens<'h> {
    /// Cuts a text.
    pub fn new(html: &'h str) -> Self {
        Self {
            rest: html,
            endless: Vec::new(),
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }

    fn skip_past(&mut self, end: &str) {
        let at = self.rest.find(end).map(|at| at + end.len());
        self.skip(at.unwrap_or(self.rest.len()));
    }

    /// Behind `<` stands a name.
    fn tag(&mut self, is_end: bool) -> Option<Token<'h>> {
        self.skip(if is_end { 2 } else { 1 });
        let length = self
            .rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
            .unwrap_or(self.rest.len());
        let name = self.rest.get(..length)?.to_ascii_lowercase();
        self.skip(length);
        let attributes = self.attributes()?;
        if is_end {
            return Some(Token::Close(name));
        }
        if let Some(known) = SWALLOWED.into_iter().find(|known| *known == name) {
            self.swallow(known);
        }
        Some(Token::Open(name, attributes))
    }

    /// Up to and with the `>`; none where the text ends before it, as browsers then drop the tag.
    fn attributes(&mut self) -> Option<Vec<(String, &'h str)>> {
        let mut attributes = Vec::new();
        loop {
            let at = self
                .rest
                .find(|c: char| !c.is_ascii_whitespace() && c != '/')?;
            self.skip(at);
            if self.rest.starts_with('>') {
                self.skip(1);
                return Some(attributes);
            }
            let length = self
                .rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '='))
                .map_or(self.rest.len(), |(at, _)| at);
            let name = self.rest.get(..length)?;
            self.skip(length);
            let value = self.value()?;
            if attributes.len() < crate::limits::HTML_ATTRIBUTES {
                attributes.push((name.to_ascii_lowercase(), value));
            }
        }
    }

    fn value(&mut self) -> Option<&'h str> {
        let trimmed = self.rest.trim_ascii_start();
        let Some(value) = trimmed.strip_prefix('=') else {
            return Some("");
        };
        let value = value.trim_ascii_start();
        for quote in ['"', '\''] {
            if let Some(inner) = value.strip_prefix(quote) {
                let (value, rest) = inner.split_once(quote)?;
                self.rest = rest;
                return Some(value);
            }
        }
        let end = value
            .find(|c: char| c.is_ascii_whitespace() || c == '>')
            .unwrap_or(value.len());
        let (value, rest) = value.split_at(end);
        self.rest = rest;
        Some(value)
    }

    /// Drops an element's content. What never ends is dropped to the end where browsers do so,
    /// too, and else only its tag is.
    fn swallow(&mut self, name: &'static str) {
        if self.endless.contains(&name) {
            return;
        }
        let mut at = 0;
        let end = loop {
            let Some(found) = self.rest.get(at..).and_then(|rest| rest.find("</")) else {
                break None;
            };
            at += found + 2;
            let after = self.rest.get(at..).unwrap_or_default();
            let is_it = after
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name));
            let ends = after
                .get(name.len()..)
                .and_then(|rest| rest.chars().next())
                .is_none_or(|c| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
            if is_it && ends {
                break Some(at - 2);
            }
        };
        match end {
            Some(end) => self.skip(end),
            None if matches!(
                name,
                "script" | "style" | "title" | "textarea" | "xmp" | "iframe"
            ) =>
            {
                self.rest = "";
            }
            None => self.endless.push(name),
        }
    }
}

impl<'h> Iterator for Tokens<'h> {
    type Item = Token<'h>;

    fn next(&mut self) -> Option<Token<'h>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            if !self.rest.starts_with('<') {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Token::Text(text));
            }
            let mut after = self.rest.bytes().skip(1);
            let token = match (after.next(), after.next()) {
                (Some(b'!'), _) if self.rest.starts_with("<!--") => {
                    // `<!-->` and `<!--->` are whole comments.
                    self.skip(2);
                    self.skip_past("-->");
                    continue;
                }
                (Some(b'!' | b'?'), _) => {
                    self.skip_past(">");
                    continue;
                }
                (Some(b'/'), Some(c)) if c.is_ascii_alphabetic() => self.tag(true),
                (Some(b'/'), Some(_)) => {
                    self.skip_past(">");
                    continue;
                }
                (Some(c), _) if c.is_ascii_alphabetic() => self.tag(false),
                _ => {
                    let (text, rest) = self.rest.split_at(1);
                    self.rest = rest;
                    return Some(Token::Text(text));
                }
            };
            if token.is_none() {
                self.rest = "";
            }
            return token;
        }
    }
}

/// Elements whose content nobody is to see, or that a parser reads otherwise than HTML.
const SWALLOWED: [&str; 19] = [
    "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript",
    "template", "svg", "math", "object", "applet", "audio", "video", "select", "canvas",
    "datalist",
];
