//! Rust source as the rules see it: the code alone, without comments, text and tests.

/// The code of a file. What is left out is replaced by spaces, so that lines keep their numbers.
pub fn code(text: &str) -> String {
    without_tests(without_comments_and_text(text))
}

/// The lines, counted from 1, on which `word` stands as a whole word or path.
pub fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let lines = code.lines().enumerate();
    let with = lines.filter(|(_, line)| contains_word(line, word));
    with.map(|(at, _)| at + 1).collect()
}

/// Whether `word` stands in `code` and is not a part of a longer name.
pub fn contains_word(code: &str, word: &str) -> bool {
    let begins = word.starts_with(is_of_name);
    let ends = word.ends_with(is_of_name);
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let goes_on = |neighbour: Option<char>| neighbour.is_some_and(is_of_name);
        !(begins && goes_on(before) || ends && goes_on(after))
    })
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn without_comments_and_text(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let name_before = code.ends_with(is_of_name);
        let skipped = comment(rest)
            .or_else(|| raw_string(rest).filter(|_| !name_before))
            .or_else(|| string(rest))
            .or_else(|| character(rest));
        match skipped {
            Some(length) => {
                let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
                code.extend(rest[..length].chars().map(blank));
                rest = &rest[length..];
            }
            None => {
                code.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    code
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        let inside = &rest[at..];
        let open = inside.find("/*").unwrap_or(usize::MAX);
        let close = inside.find("*/")?;
        depth = if open < close { depth + 1 } else { depth - 1 };
        at += open.min(close) + 2;
    }
    Some(at)
}

fn raw_string(rest: &str) -> Option<usize> {
    let head = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = head.len() - head.trim_start_matches('#').len();
    let body = head[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = rest.len() - body.len();
    Some(opening + body.find(&end)? + end.len())
}

fn string(rest: &str) -> Option<usize> {
    let mut escaped = false;
    let body = rest.strip_prefix('"')?;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// A character, not the name of a lifetime.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    let mut inside = body.chars();
    match inside.next()? {
        '\\' => body[2..].find('\'').map(|at| at + 4),
        c => body[c.len_utf8()..]
            .starts_with('\'')
            .then(|| c.len_utf8() + 2),
    }
}

/// Blanks each item under `#[cfg(test)]`.
fn without_tests(mut code: String) -> String {
    while let Some(from) = code.find(TEST_ONLY) {
        let item = from + TEST_ONLY.len();
        let opens = code[item..]
            .find(['{', ';'])
            .map_or(code.len(), |at| item + at);
        let to = if code[opens..].starts_with('{') {
            closing(&code, opens)
        } else {
            code.len().min(opens + 1)
        };
        let blank: String = code[from..to]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        code.replace_range(from..to, &blank);
    }
    code
}

/// The place after the brace that closes the one at `opens`.
fn closing(code: &str, opens: usize) -> usize {
    let mut depth = 0;
    for (at, c) in code[opens..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return opens + at + 1;
        }
    }
    code.len()
}

const TEST_ONLY: &str = "#[cfg(test)]";

#[test]
fn comments_text_and_tests_are_no_code() {
    let text = r##"
        /* a /* b */ println!() */ fn a<'x>(c: &'x str) { one('"', '\'', b'\\', "println!()"); }
        // println!()
        let raw = r#"println!() " "#; two();
        #[cfg(test)]
        mod tests { fn x() { println!("}") } }
        #[cfg(test)]
        mod other;
        three();
    "##;
    let code = code(text);
    assert!(
        !code.contains("println") && !code.contains("other"),
        "{code}"
    );
    for kept in ["fn a<'x>(c: &'x str)", "one(", "two()", "three()"] {
        assert!(code.contains(kept), "{kept} is missing in {code}");
    }
    assert_eq!(lines_with(&code, "three"), [9]);
    assert!(
        !contains_word("the_three threes", "three"),
        "a part of a name is not the name"
    );
}
