//! The tidy test: it holds what a reader of this repository may rely on, so that nobody has to
//! watch for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot read its repository has failed"
)]

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/grants.rs"]
mod grants;
#[path = "tidy/readme.rs"]
mod readme;
#[path = "tidy/repository.rs"]
mod repository;
#[path = "tidy/rooms.rs"]
mod rooms;
#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;

use repository::{files, git, members, read};
use toml::Value;

#[test]
fn the_root_shows_only_what_to_read() {
    const ALLOWED: [&str; 9] = [
        "CHANGELOG.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "spin.toml",
        "src",
        "tests",
        "wit",
    ];
    for file in git(&["ls-files"]) {
        let entry = file.split('/').next().unwrap();
        let known = entry.starts_with('.') || ALLOWED.contains(&entry);
        assert!(known, "{entry} does not belong into the root");
    }
}

#[test]
fn every_crate_keeps_the_lints() {
    for (name, (_, manifest)) in members() {
        let lints = manifest
            .get("lints")
            .and_then(|lints| lints.get("workspace"));
        assert_eq!(
            lints,
            Some(&Value::Boolean(true)),
            "{name} has no `[lints] workspace = true`"
        );
    }
}

#[test]
fn every_test_is_run() {
    let (_, manifest) = &members()["holdfast-tests"];
    let targets = manifest["test"].as_array().unwrap().iter();
    let targets: BTreeSet<&str> = targets.map(|test| test["path"].as_str().unwrap()).collect();
    let part_of_another = |file: &str| {
        let mut roots = targets.iter().chain(&["lib.rs"]);
        roots.any(|root| read(&format!("tests/{root}")).contains(&module(file)))
    };
    for file in files("tests")
        .iter()
        .filter_map(|file| file.strip_prefix("tests/"))
    {
        let alone = file.ends_with(".rs") && !file.contains('/') && file != "lib.rs";
        let run = !alone || targets.contains(file) || part_of_another(file);
        assert!(
            run,
            "tests/{file} stands in no [[test]] of tests/Cargo.toml, so it never runs"
        );
    }
    for target in targets {
        let text = read(&format!("tests/{target}"));
        let mut ignored = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("#[ignore"));
        // "for ..." is a tool that a person calls by its name; "needs ..." is a test.
        if ignored.any(|reason| !reason.starts_with(" = \"for ")) {
            let command = format!("--test {} -- --ignored", target.trim_end_matches(".rs"));
            let run = read(".ci/run").contains(&command);
            assert!(run, "{target} has ignored tests that .ci/run does not run");
        }
    }
}

#[test]
fn every_command_of_the_readme_is_tried() {
    let script = read(".ci/run");
    for block in docs::blocks(&read("README.md"), "console") {
        for command in block.lines().flat_map(|line| line.split(" && ")) {
            let Some((_, rest)) = command.split_once("cargo ") else {
                continue;
            };
            assert!(
                script.contains(&format!("cargo {rest}")),
                ".ci/run does not try `cargo {rest}`"
            );
        }
    }
}

/// How a test says that a file beside it is a part of it.
fn module(file: &str) -> String {
    format!("mod {};", file.trim_end_matches(".rs"))
}
