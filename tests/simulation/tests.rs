//! The promises, seed after seed: `HOLDFAST_SEEDS=n` plays more, `holdfast simulate` any number.

#![allow(clippy::expect_used, missing_docs, reason = "a test")]

use std::collections::BTreeMap;
use std::time::Instant;

use holdfast_simulation::{Counts, SAVED_SEEDS, Sabotage, run, run_traced};

#[test]
fn no_seed_breaks_a_promise() {
    let saved = SAVED_SEEDS.iter().map(|(seed, _)| *seed);
    for seed in saved.chain(0..seeds()) {
        let outcome = run(seed, Sabotage::None);
        if let Some(broken) = outcome.broken {
            panic!("seed {seed}: {broken}\n{}", last_of(seed, Sabotage::None));
        }
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        let (once, again) = (run(seed, Sabotage::None), run(seed, Sabotage::None));
        assert_eq!(once, again, "seed {seed}");
        let traced = run_traced(seed, Sabotage::None);
        assert_eq!(traced, run_traced(seed, Sabotage::None), "seed {seed}");
        assert_eq!(
            traced.counts, once.counts,
            "seed {seed}: looking changes it"
        );
    }
}

#[test]
fn a_broken_promise_is_found() {
    for sabotage in Sabotage::ALL {
        let by_its_rule = |broken: &String| {
            let mut rules = sabotage.rules().iter();
            rules.any(|rule| broken.starts_with(rule))
        };
        let mut found = (0..2_000).filter_map(|seed| Some((seed, run(seed, sabotage).broken?)));
        let found = found.find(|(_, broken)| by_its_rule(broken));
        let (seed, broken) = found.unwrap_or_else(|| panic!("{sabotage:?} was not found"));
        eprintln!("{sabotage:?}: seed {seed}: {broken}");
    }
}

#[test]
#[ignore = "for looking at one seed: HOLDFAST_SEED=n"]
fn one_seed() {
    let seed = number("HOLDFAST_SEED").unwrap_or(0);
    let outcome = run_traced(seed, Sabotage::None);
    panic!(
        "seed {seed}: {:?}\n{}",
        outcome.broken,
        outcome.trace.join("\n")
    );
}

#[test]
#[ignore = "for counting which rules are broken how often: HOLDFAST_SEEDS=n"]
fn survey() {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let begun = Instant::now();
    let from = number("HOLDFAST_FROM").unwrap_or(0);
    let mut counts = Counts::default();
    for seed in from..from + seeds() {
        let outcome = run(seed, Sabotage::None);
        counts.add(&outcome.counts);
        if let Some(broken) = outcome.broken {
            let rule = broken.split(':').next().unwrap_or_default();
            found.entry(rule.to_owned()).or_default().push(seed);
        }
    }
    let rate = seeds() as f64 / begun.elapsed().as_secs_f64();
    eprintln!("{rate:.0} seeds a second, {:?}", counts.named());
    for (rule, seeds) in found {
        let first = &seeds[..seeds.len().min(10)];
        eprintln!("{:6} {rule} {first:?}", seeds.len());
    }
}

fn last_of(seed: u64, sabotage: Sabotage) -> String {
    let trace = run_traced(seed, sabotage).trace;
    trace[trace.len().saturating_sub(60)..].join("\n")
}

fn seeds() -> u64 {
    number("HOLDFAST_SEEDS").unwrap_or(2_000)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
