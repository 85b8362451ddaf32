//! The files of this repository, as git and the manifests list them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use holdfast_tests::workspace;
use toml::{Table, Value};

/// The workspace's crates: name, folder, Cargo.toml.
pub fn members() -> BTreeMap<String, (String, Table)> {
    let root = toml_of("Cargo.toml");
    let folders = strings(&root["workspace"]["members"]);
    let members = folders.into_iter().map(|folder| {
        let manifest = toml_of(&format!("{folder}/Cargo.toml"));
        let name = manifest["package"]["name"].as_str().unwrap().to_owned();
        (name, (folder.to_owned(), manifest))
    });
    members.collect()
}

/// The files below `place`, new ones too, without those of the crates below it.
pub fn files(place: &str) -> Vec<String> {
    let listed = git(&[
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        place,
    ]);
    listed
        .into_iter()
        .filter(|file| workspace().join(file).is_file())
        .collect()
}

pub fn git(arguments: &[&str]) -> Vec<String> {
    let mut git = Command::new("git");
    git.arg("-c")
        .arg("safe.directory=*")
        .args(arguments)
        .current_dir(workspace());
    let output = git.output().expect("git starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(!lines.is_empty(), "git {arguments:?} lists nothing");
    lines.lines().map(str::to_owned).collect()
}

pub fn read(file: &str) -> String {
    let text = std::fs::read_to_string(workspace().join(file));
    text.unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub fn toml_of(file: &str) -> Table {
    toml::from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub fn names(table: &Table) -> BTreeSet<&str> {
    table.keys().map(String::as_str).collect()
}

pub fn strings(array: &Value) -> Vec<&str> {
    array
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_str().unwrap())
        .collect()
}
