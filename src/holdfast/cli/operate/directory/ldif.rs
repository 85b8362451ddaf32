//! LDIF (RFC 2849), as `ldapsearch`, `slapcat`, `ldifde` and `Export-...` write it: entries of names
//! and values. Of each entry only the values that are wanted are kept, because exports carry
//! pictures and certificates.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdfast_core::limits;

use super::export::Bad;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Where it begins.
    pub line: u64,
    /// Its name.
    pub dn: String,
    /// Whether values of an attribute were left out by the server (`;range=`).
    pub cut: bool,
    values: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// The values of an attribute as text; of those that are none, nothing.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let texts = self.bytes(name).map(|value| std::str::from_utf8(value));
        let texts = texts.filter_map(Result::ok).map(str::trim);
        texts.filter(|text| !text.is_empty())
    }

    /// The first of them.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// The values of an attribute.
    pub fn bytes(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let values = self.values.get(name).into_iter().flatten();
        values.map(Vec::as_slice)
    }
}

/// Gives each entry of the text to `take`, with the attributes that are `wanted` (in lower case,
/// without options); entries that cannot be read as bad ones.
pub fn each(text: &str, wanted: &[&str], mut take: impl FnMut(Result<Entry, Bad>)) {
    let mut lines = Unfolded::new(text);
    loop {
        let mut block = Vec::new();
        let mut ended = true;
        for (at, line) in lines.by_ref() {
            if line.is_empty() {
                ended = false;
                break;
            }
            block.push((at, line));
        }
        if let Some((at, _)) = block.first() {
            match entry(*at, &block, wanted) {
                Ok(Some(entry)) => take(Ok(entry)),
                Ok(None) => {}
                Err(bad) => take(Err(bad)),
            }
        }
        if ended {
            return;
        }
    }
}

/// The entry that some lines are; none where they are something else: the version, a referral, the
/// end of a search.
fn entry(at: u64, lines: &[(u64, String)], wanted: &[&str]) -> Result<Option<Entry>, Bad> {
    let mut entry = Entry {
        line: at,
        ..Entry::default()
    };
    let mut named = false;
    for (at, line) in lines {
        let Some((name, value)) = line.split_once(':') else {
            return Err(Bad::new(*at, "it has no colon: not a line of LDIF"));
        };
        let (name, option) = name.split_once(';').unwrap_or((name, ""));
        let name = name.trim().to_ascii_lowercase();
        match name.as_str() {
            "version" | "control" | "search" | "result" | "ref" if !named => continue,
            "dn" => {
                let value = self::value(*at, value)?;
                entry.dn =
                    String::from_utf8(value).map_err(|_| Bad::new(*at, "the dn is not UTF-8"))?;
                named = true;
                continue;
            }
            _ if !named => {
                return Err(Bad::new(*at, "an entry begins with its dn"));
            }
            "changetype" if !value.trim().eq_ignore_ascii_case("add") => {
                let reason = format!(
                    "{} of {}: an export has entries and no changes",
                    value.trim(),
                    entry.dn
                );
                return Err(Bad::new(*at, reason));
            }
            _ => {}
        }
        if !wanted.contains(&name.as_str()) {
            continue;
        }
        let option = option.to_ascii_lowercase();
        entry.cut |= option.contains("range=") && !option.ends_with("-*");
        let value = self::value(*at, value)?;
        if value.len() > limits::IMPORT_VALUE_CHARS {
            continue;
        }
        let values = entry.values.entry(name).or_default();
        if values.len() >= limits::IMPORT_VALUES {
            let most = limits::IMPORT_VALUES;
            return Err(Bad::new(
                *at,
                format!("{} has more than {most} values", entry.dn),
            ));
        }
        values.push(value);
    }
    Ok(named.then_some(entry))
}

/// What stands behind the first colon: text, or base64 behind another one.
fn value(at: u64, text: &str) -> Result<Vec<u8>, Bad> {
    if let Some(encoded) = text.strip_prefix(':') {
        let decoded = STANDARD.decode(encoded.trim());
        return decoded.map_err(|error| Bad::new(at, format!("not base64: {error}")));
    }
    if text.starts_with('<') {
        return Err(Bad::new(at, "a value that lies elsewhere is not fetched"));
    }
    Ok(text.trim().as_bytes().to_vec())
}

/// The lines of a text with those that were folded put together (RFC 2849, note 2), without comments.
struct Unfolded<'t> {
    lines: std::iter::Peekable<std::iter::Enumerate<std::str::Lines<'t>>>,
}

impl<'t> Unfolded<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            lines: text.lines().enumerate().peekable(),
        }
    }
}

impl Iterator for Unfolded<'_> {
    /// The number of the line, from 1, and the line; a blank one is empty.
    type Item = (u64, String);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, line) = self.lines.next()?;
            let mut whole = line.trim_end_matches('\r').to_owned();
            while let Some((_, more)) = self.lines.next_if(|(_, line)| line.starts_with(' ')) {
                let more = more.trim_end_matches('\r');
                whole.push_str(more.get(1..).unwrap_or_default());
            }
            if whole.starts_with('#') {
                continue;
            }
            if whole == "-" {
                // Between changes; changes are refused by their type.
                continue;
            }
            let at = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
            return Some((at, whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<Result<Entry, Bad>> {
        let mut entries = Vec::new();
        each(text, &["mail", "cn", "member"], |entry| entries.push(entry));
        entries
    }

    #[test]
    fn folded_lines_base64_comments_and_options_are_read() {
        let text = "version: 1\r\n\r\n# a comment\r\n  that goes on\r\ndn: cn=Ada Love\r\n lace,dc=example\r\ncn:: WsOz\r\n\
                    mail;x-work: ada@\r\n example.org\r\nMAIL: b@example.org\r\njpegPhoto:: AAAA\r\n\r\n\r\n\
                    dn:: Y249WsOz\r\nmember;range=0-1499: cn=a\r\n\r\nsearch: 2\r\nresult: 0 Success\r\n\r\nref: ldap://x\r\n";
        let entries: Vec<Entry> = all(text).into_iter().map(Result::unwrap).collect();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].dn, "cn=Ada Lovelace,dc=example");
        assert_eq!(entries[0].line, 5);
        assert_eq!(entries[0].text("cn"), Some("Zó"));
        let mails: Vec<&str> = entries[0].texts("mail").collect();
        assert_eq!(mails, ["ada@example.org", "b@example.org"]);
        assert!(entries[0].text("jpegphoto").is_none());
        assert_eq!((entries[1].dn.as_str(), entries[1].cut), ("cn=Zó", true));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named_and_stops_no_other() {
        let text = "dn: a\nmail: a@x\n\ndn: b\nchangetype: modify\nreplace: mail\n\ndn: c\nmail:: %%%\n\n\
                    mail: x\n\ndn: d\nno colon\n\ndn: e\nmail:< file:///etc/passwd\n\ndn: f\nmail: f@x";
        let lines: Vec<Result<String, u64>> = all(text)
            .into_iter()
            .map(|entry| entry.map(|entry| entry.dn).map_err(|bad| bad.line))
            .collect();
        assert_eq!(
            lines,
            [
                Ok("a".into()),
                Err(5),
                Err(9),
                Err(11),
                Err(14),
                Err(17),
                Ok("f".into())
            ]
        );
    }

    #[test]
    fn nothing_that_is_no_ldif_stops_it() {
        for text in [
            "",
            " ",
            "\n\n\n",
            ":",
            "::",
            "dn:",
            " folded first",
            "#",
            "dn::\nmail::",
            "é: é",
            "\u{0}",
        ] {
            all(text);
        }
        let long = format!(
            "dn: a\nmail: {}\n {}\n",
            "x".repeat(100_000),
            "é".repeat(100_000)
        );
        assert!(all(&long)[0].as_ref().unwrap().text("mail").is_none());
    }

    proptest! {
        #[test]
        fn what_a_program_writes_is_read_back(
            entries in proptest::collection::vec(
                ("[a-z]{1,30}", proptest::collection::vec("\\PC{1,60}", 0..4)), 0..10),
            width in 2_usize..90,
        ) {
            let mut text = String::from("version: 1\n");
            for (name, values) in &entries {
                let lines = values.iter().map(|value| format!("mail:: {}", STANDARD.encode(value)));
                let lines = std::iter::once(format!("dn: cn={name}")).chain(lines);
                for line in lines {
                    // Lines may be folded anywhere (RFC 2849, note 2).
                    let pieces: Vec<&str> = line
                        .as_bytes()
                        .chunks(width)
                        .map(|piece| std::str::from_utf8(piece).unwrap())
                        .collect();
                    text.push_str(&pieces.join("\n "));
                    text.push('\n');
                }
                text.push('\n');
            }
            let read: Vec<Entry> = all(&text).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), entries.len());
            for (read, (name, values)) in read.iter().zip(&entries) {
                prop_assert_eq!(&read.dn, &format!("cn={name}"));
                let mails: Vec<&[u8]> = read.bytes("mail").collect();
                let written: Vec<&[u8]> = values.iter().map(String::as_bytes).collect();
                prop_assert_eq!(mails, written);
            }
        }

        #[test]
        fn no_text_stops_it(text in "[a-zdn:< #=;\n\r\\t é%]{0,300}") {
            for entry in all(&text).into_iter().flatten() {
                prop_assert!(entry.line > 0);
            }
        }
    }
}
