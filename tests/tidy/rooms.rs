//! What each room of the house may use, and what has no place in it.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::repository::{files, members, read};
use super::source::{self, contains_word, lines_with};

#[test]
fn each_room_depends_on_the_rooms_below_it_only() {
    let members = members();
    for (name, (folder, manifest)) in &members {
        let allowed: &[&str] = match folder.as_str() {
            "src/core" => &[],
            "src/edge" | "tests/simulation" => &["holdfast-core"],
            // The program plays the simulator for its users; no component has it inside.
            "src/holdfast" => &["holdfast-core", "holdfast-simulation"],
            folder
                if folder.starts_with("src/components/")
                    || folder.starts_with("tests/components/") =>
            {
                &["holdfast-core", "holdfast-edge"]
            }
            // Tests may look at everything native; the components they meet as built files.
            folder if folder.starts_with("tests") => &["holdfast", "holdfast-core"],
            other => panic!("{other} is a room that the import rule does not know"),
        };
        for dependency in dependencies(manifest) {
            let ours = members.contains_key(&dependency);
            let may = allowed.contains(&dependency.as_str());
            assert!(!ours || may, "{name} may not depend on {dependency}");
        }
        let inner = |file: &str| {
            let deeper = members.values().map(|(other, _)| format!("{other}/"));
            deeper
                .filter(|other| other.len() > folder.len() + 1)
                .any(|other| file.starts_with(&other))
        };
        for file in files(folder)
            .iter()
            .filter(|file| file.ends_with(".rs") && !inner(file))
        {
            let code = source::code(&read(file));
            let libraries = members.keys().filter(|other| other.starts_with("holdfast"));
            for other in
                libraries.filter(|other| *other != name && !allowed.contains(&other.as_str()))
            {
                let path = format!("{}::", other.replace('-', "_"));
                let lines = lines_with(&code, &path);
                assert!(
                    lines.is_empty(),
                    "{file}:{lines:?} uses {path}, which {name} may not"
                );
            }
            let elsewhere = file.starts_with("src/") && contains_word(&code, "#[path");
            assert!(
                !elsewhere,
                "{file} takes a module from where nobody would look for it"
            );
        }
    }
}

#[test]
fn core_is_pure() {
    // Time, chance and I/O come in through ports. Addresses (std::net::IpAddr) are only data.
    const IMPURE: [&str; 24] = [
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "std::io",
        "std::os",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "SystemTime",
        "Instant",
        "RandomState",
        "Zoned::now",
        "Timestamp::now",
        "Uuid::now_v7",
        "Uuid::new_v4",
        "getrandom",
        "rand",
        "tokio",
        "wasip3",
        "spin_sdk",
        "static mut",
        "thread_local!",
    ];
    for file in shipped_files("src/core/") {
        let code = source::code(&read(&file));
        for word in IMPURE {
            let lines = lines_with(&code, word);
            assert!(lines.is_empty(), "{file}:{lines:?}: {word} is not pure");
        }
    }
}

#[test]
fn what_stops_or_prints_or_reads_a_clock_stands_only_in_its_place() {
    let places: &[(&str, &[&str])] = &[
        (".unwrap()", &[]),
        (".expect(", &[]),
        ("panic!", &[]),
        ("unreachable!", &[]),
        ("todo!", &[]),
        ("unimplemented!", &[]),
        ("dbg!", &[]),
        ("print!", &[]),
        // What the program says to its user, and what a component writes into the host's log.
        ("println!", &["src/holdfast/cli/"]),
        (
            "eprintln!",
            &[
                "src/holdfast/cli/",
                "src/holdfast/host/log.rs",
                "src/edge/world.rs",
            ],
        ),
        ("process::exit", &[]),
        ("SystemTime::now", &["src/holdfast/"]),
        ("Instant::now", &["src/holdfast/", "src/edge/"]),
    ];
    for file in shipped_files("src/") {
        let code = source::code(&read(&file));
        for (word, allowed) in places {
            if !allowed.iter().any(|place| file.starts_with(place)) {
                let lines = lines_with(&code, word);
                assert!(
                    lines.is_empty(),
                    "{file}:{lines:?}: {word} has no place there"
                );
            }
        }
    }
}

#[test]
fn each_file_says_what_it_is() {
    for file in rust_files("src/").chain(rust_files("tests/")) {
        assert!(
            read(&file).starts_with("//! "),
            "{file} does not begin with //!"
        );
        assert!(
            !file.ends_with("/mod.rs"),
            "{file}: write foo.rs beside foo/"
        );
    }
}

/// The Rust files below `place`, tests left out.
fn shipped_files(place: &str) -> impl Iterator<Item = String> {
    rust_files(place).filter(|file| !file.ends_with("/tests.rs") && !file.contains("/tests/"))
}

fn rust_files(place: &str) -> impl Iterator<Item = String> {
    files(place)
        .into_iter()
        .filter(|file| file.ends_with(".rs"))
}

/// The packages a crate depends on in any way, for tests and builds too.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut tables = vec![manifest];
    let targets = manifest.get("target").and_then(Value::as_table);
    tables.extend(
        targets
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table),
    );
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let of_kind = tables
        .iter()
        .flat_map(|table| kinds.map(|kind| table.get(kind).and_then(Value::as_table)));
    let entries = of_kind.flatten().flatten();
    let package = |(name, entry): (&String, &Value)| {
        let renamed = entry.get("package").and_then(Value::as_str);
        assert!(
            entry.get("path").is_none(),
            "{name}: paths stand in the workspace's Cargo.toml"
        );
        renamed.unwrap_or(name).to_owned()
    };
    entries.map(package).collect()
}
