//! What an export says of people and groups, whatever its format.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail};
use holdfast_core::limits;
use holdfast_core::mail::EmailAddress;
use serde::Serialize;

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub struct Export {
    /// Its people.
    pub people: Vec<Person>,
    /// Its groups; a table has none.
    pub groups: Vec<Group>,
    /// What of it cannot be used.
    pub bad: Vec<Bad>,
    /// What else its reader should know.
    pub notes: Vec<String>,
}

/// One user. What is none, or empty, the file does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// Where it stands.
    pub line: u64,
    /// The name to log in with.
    pub user_name: Option<String>,
    /// The source's own name for the user.
    pub external_id: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// First names.
    pub given_name: Option<String>,
    /// Last names.
    pub family_name: Option<String>,
    /// The language to speak in.
    pub language: Option<String>,
    /// The primary address.
    pub mail: Option<String>,
    /// The other own addresses; some and empty where the file says that there are none.
    pub aliases: Option<Vec<String>>,
    /// Addresses elsewhere.
    pub alternates: Vec<String>,
    /// Telephone numbers, and what they are for.
    pub phones: Vec<(&'static str, String)>,
    /// Whether the user gets mail and may get in.
    pub active: Option<bool>,
    /// What group members are called by: a DN, and a uid.
    pub handles: Vec<String>,
}

impl Person {
    /// The name to log in with: the address where the file says no other.
    pub fn name(&self) -> Option<&str> {
        self.user_name.as_deref().or(self.mail.as_deref())
    }
}

/// One group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Where it stands.
    pub line: u64,
    /// Its name.
    pub name: String,
    /// The source's own name for it.
    pub external_id: Option<String>,
    /// The addresses it is a list of.
    pub addresses: Vec<String>,
    /// Its members, by their handles.
    pub members: Vec<String>,
    /// What it is itself called by where it is a member.
    pub handles: Vec<String>,
}

/// A line that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Bad {
    /// Which.
    pub line: u64,
    /// Why.
    pub reason: String,
}

impl Bad {
    /// One at this line.
    pub fn new(line: u64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { line, reason }
    }
}

impl Export {
    /// Takes a person, if it can be used and no other line has its name.
    pub fn add(&mut self, seen: &mut BTreeMap<String, u64>, person: Result<Person, Bad>) {
        let person = match person {
            Ok(person) => person,
            Err(bad) => return self.bad.push(bad),
        };
        let Some(name) = person.name().map(str::to_lowercase) else {
            let reason = "it has neither a userName nor an address";
            return self.bad.push(Bad::new(person.line, reason));
        };
        if let Some(other) = seen.get(&name) {
            let reason = format!("{name} stands on line {other} already");
            return self.bad.push(Bad::new(person.line, reason));
        }
        seen.insert(name, person.line);
        self.people.push(person);
    }
}

/// An address, checked.
pub fn address(text: &str, line: u64) -> Result<String, Bad> {
    let text = text.trim();
    match text.parse::<EmailAddress>() {
        Ok(address) => Ok(address.as_str().to_owned()),
        Err(error) => Err(Bad::new(
            line,
            format!("{text:?} is not an address: {error}"),
        )),
    }
}

/// `SMTP:a@b` and `smtp:a@b`, as Active Directory writes them: the address, and whether it is the
/// primary one. What is for another protocol (`x500:`, `sip:`) is none.
pub fn proxy(text: &str) -> Option<(bool, &str)> {
    let text = text.trim();
    match text.split_once(':') {
        None => Some((false, text)).filter(|(_, text)| !text.is_empty()),
        Some(("SMTP", address)) => Some((true, address.trim())),
        Some((kind, address)) if kind.eq_ignore_ascii_case("smtp") => Some((false, address.trim())),
        Some(_) => None,
    }
}

/// The text of a file in UTF-8, or UTF-16 with its mark.
pub fn decoded(bytes: Vec<u8>) -> Result<String> {
    let wide = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2);
        let units: Vec<u16> = units
            .filter_map(|two| Some(of(two.try_into().ok()?)))
            .collect();
        String::from_utf16(&units)
    };
    let decoded = match bytes.get(..2) {
        Some([0xff, 0xfe]) => wide(&bytes, u16::from_le_bytes),
        Some([0xfe, 0xff]) => wide(&bytes, u16::from_be_bytes),
        _ => {
            return match String::from_utf8(bytes) {
                Ok(text) => Ok(without_mark(text)),
                Err(error) => {
                    let good = error.utf8_error().valid_up_to();
                    let before = error.as_bytes().get(..good).unwrap_or_default();
                    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
                    bail!("line {line} is not UTF-8; save the file as UTF-8")
                }
            };
        }
    };
    match decoded {
        Ok(text) => Ok(without_mark(text)),
        Err(_) => bail!("it begins like UTF-16 and is not; save it as UTF-8"),
    }
}

fn without_mark(text: String) -> String {
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// Whether it is LDIF: by its name, or by how it begins.
pub fn is_ldif(file: &Path, text: &str) -> bool {
    let named = |wanted: &str| {
        let extension = file.extension().and_then(|name| name.to_str());
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
    };
    if named("ldif") || named("csv") {
        return named("ldif");
    }
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let first = first.unwrap_or_default().to_ascii_lowercase();
    first.starts_with("version:") || first.starts_with("dn:")
}

/// Whether there is room for another.
pub fn has_room(export: &Export) -> bool {
    export.people.len() < limits::IMPORT_PEOPLE && export.groups.len() < limits::IMPORT_GROUPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_windows_and_of_others_are_read() {
        let text = "dn: cn=Zoë\r\n";
        let mut wide = vec![0xff, 0xfe];
        wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(decoded(wide).unwrap(), text);
        let mut wide = vec![0xfe, 0xff];
        wide.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
        assert_eq!(decoded(wide).unwrap(), text);
        assert_eq!(
            decoded(format!("\u{feff}{text}").into_bytes()).unwrap(),
            text
        );
        let error = decoded(b"a\nb\nZo\xeb\n".to_vec()).unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        assert!(decoded(vec![0xff, 0xfe, 0x00, 0xd8]).is_err());
        assert_eq!(decoded(Vec::new()).unwrap(), "");
    }

    #[test]
    fn ldif_is_told_by_name_or_beginning() {
        assert!(is_ldif(Path::new("a.LDIF"), "mail,uid"));
        assert!(!is_ldif(Path::new("a.csv"), "dn: x"));
        assert!(is_ldif(
            Path::new("export.txt"),
            "\n# extended\nversion: 1\n"
        ));
        assert!(is_ldif(Path::new("export"), "dn:: Y249\n"));
        assert!(!is_ldif(Path::new("export"), "dn,mail\n"));
    }
}
