//! What a built component asks of its host, and what the worlds in `wit/` let it ask.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use wasmparser::{Parser, Payload};

/// The interfaces of one component or world, as `wasi:http/types@0.3.0`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interfaces {
    /// What it takes from its host.
    pub imports: BTreeSet<String>,
    /// What it gives.
    pub exports: BTreeSet<String>,
}

/// What stands in a built file.
pub fn read(file: &Path) -> Interfaces {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut interfaces = Interfaces::default();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            // Components within it speak with each other, not with the host.
            Payload::ComponentImportSection(imports) if depth == 1 => {
                let names = imports
                    .into_iter()
                    .map(|import| import.unwrap().name.name.to_owned());
                interfaces.imports.extend(names);
            }
            Payload::ComponentExportSection(exports) if depth == 1 => {
                let names = exports
                    .into_iter()
                    .map(|export| export.unwrap().name.name.to_owned());
                interfaces.exports.extend(names);
            }
            _ => {}
        }
    }
    interfaces
}

/// The worlds of a WIT file by name; one that is included stands before. Each item must say why it
/// is there.
pub fn worlds(wit: &str) -> BTreeMap<String, Interfaces> {
    let mut worlds = BTreeMap::<String, Interfaces>::new();
    let (mut current, mut explained) = (String::new(), false);
    for line in wit.lines().map(str::trim) {
        let words: Vec<&str> = line
            .trim_end_matches(['{', ';'])
            .split_whitespace()
            .collect();
        match words[..] {
            [first, ..] if first.starts_with("///") => {
                explained = true;
                continue;
            }
            ["world", name] => {
                current = name.to_owned();
                worlds.insert(current.clone(), Interfaces::default());
            }
            ["include", name] => {
                let Interfaces { imports, exports } = worlds[name].clone();
                let world = worlds.get_mut(&current).unwrap();
                world.imports.extend(imports);
                world.exports.extend(exports);
            }
            ["import", name] => {
                worlds
                    .get_mut(&current)
                    .unwrap()
                    .imports
                    .insert(name.to_owned());
            }
            ["export", name] => {
                worlds
                    .get_mut(&current)
                    .unwrap()
                    .exports
                    .insert(name.to_owned());
            }
            ["package", _] | [] => continue,
            ["}"] => continue,
            [first, ..] if first.starts_with("//") => continue,
            _ => panic!("a line this test does not know: {line}"),
        }
        assert!(explained, "nothing says why: {line}");
        explained = false;
    }
    worlds
}

/// An interface with the part of its version that must be equal: 0.2.6 gives what 0.2.0 gives.
pub fn compatible(interface: &str) -> String {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let digits: Vec<&str> = version.split('.').take(2).collect();
    format!("{name}@{}", digits.join("."))
}
