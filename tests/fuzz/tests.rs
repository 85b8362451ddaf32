//! Every check on its seeds, and on what comes of them by chance: the fuzzers' targets cannot rot, and a
//! finding that became a seed stays mended.

use std::fmt;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use super::*;

#[test]
fn every_seed_holds() {
    for (name, check) in CHECKS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds");
        for (file, seed) in seeds {
            let held = std::panic::catch_unwind(|| check(&seed));
            assert!(held.is_ok(), "seeds/{name}/{file}");
        }
    }
}

#[test]
fn what_comes_of_seeds_by_chance_holds() {
    for (name, check) in CHECKS {
        let seeds: Vec<_> = seeds(name).into_iter().map(|(_, seed)| seed).collect();
        let config = Config {
            failure_persistence: None,
            ..Config::with_cases(400)
        };
        let result = TestRunner::new(config).run(&changed(seeds), |input| {
            check(&input.0);
            Ok(())
        });
        if let Err(error) = result {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn every_check_is_a_target() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for (name, _) in CHECKS {
        let target = format!("fuzz_targets/{name}.rs");
        assert!(manifest.contains(&format!("path = \"{target}\"")), "{name}");
        let code = fs::read_to_string(folder().join(target)).unwrap();
        assert!(code.contains(&format!("holdfast_fuzz::{name}::check")));
    }
}

/// A seed in which some pieces are cut out, doubled, or replaced by octets or by words that matter.
fn changed(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let words: Vec<Vec<u8>> = words();
    let piece = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..4),
        proptest::sample::select(words),
    ];
    let change = (any::<Index>(), 0..12_usize, piece);
    let changes = proptest::collection::vec(change, 0..6);
    (proptest::sample::select(seeds), changes).prop_map(|(mut input, changes)| {
        for (at, length, piece) in changes {
            let at = at.index(input.len() + 1);
            let end = input.len().min(at + length);
            input.splice(at..end, piece);
        }
        Input(input)
    })
}

/// Shown as text.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// The words that libFuzzer is given too.
fn words() -> Vec<Vec<u8>> {
    let text = fs::read_to_string(folder().join("words")).unwrap();
    let quoted = text.lines().filter(|line| line.starts_with('"'));
    quoted
        .map(|line| {
            let word = line.trim_matches('"').replace("\\\\", "\\");
            let word = word.replace("\\x0d", "\r").replace("\\x0a", "\n");
            word.replace("\\\"", "\"").into_bytes()
        })
        .collect()
}

fn seeds(name: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder().join("seeds").join(name)).unwrap();
    let seed = |file: fs::DirEntry| {
        let name = file.file_name().into_string().unwrap();
        (name, fs::read(file.path()).unwrap())
    };
    let mut seeds: Vec<_> = files.map(|file| seed(file.unwrap())).collect();
    seeds.sort();
    seeds
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
