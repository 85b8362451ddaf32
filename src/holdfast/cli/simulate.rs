//! `holdfast simulate`: worlds in which everything fails, one for each seed, on all cores.
//!
//! The simulator plays core's own use cases and holds every promise at each step. The first broken
//! one ends it: its seed, the end of its trace and how to play it again are told, and the exit code
//! is 1.

use std::cell::Cell;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;
use holdfast_simulation::{Counts, SAVED_SEEDS, Sabotage, run as play, run_traced};
use serde_json::json;

use super::{progress, texts};

/// What `holdfast simulate` can be told.
#[derive(Args)]
pub struct Arguments {
    /// How many seeds to play.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them.
    #[arg(long, value_name = "S", default_value_t = 0)]
    from: u64,
    /// Play this one alone and print everything that happens in it.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Threads; all cores if absent.
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// Plays, and tells what came of it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    name_the_seed_of_a_panic();
    if let Some(seed) = arguments.seed {
        return Ok(one(seed));
    }
    if cfg!(debug_assertions) && arguments.seeds > 20_000 {
        texts::remark("So many are played faster by `cargo run --release -- simulate`");
    }
    let began = Instant::now();
    let total = play_all(arguments)?;
    Ok(tell(arguments, &total, began.elapsed()))
}

/// What all threads found together.
#[derive(Default)]
struct Total {
    played: u64,
    counts: Counts,
    broken: Option<(u64, String)>,
}

impl Total {
    /// Of two broken seeds the lower one is told, whichever thread was faster.
    fn add(&mut self, seed: u64, counts: &Counts, broken: Option<String>) {
        self.played += 1;
        self.counts.add(counts);
        let first = self.broken.as_ref().is_none_or(|(known, _)| seed < *known);
        if let Some(broken) = broken.filter(|_| first) {
            self.broken = Some((seed, broken));
        }
    }
}

fn play_all(arguments: &Arguments) -> Result<Total> {
    let bar = progress::bar(true, arguments.seeds, "playing");
    let (next, total) = (AtomicU64::new(0), Mutex::new(Total::default()));
    let end = arguments.from.saturating_add(arguments.seeds);
    let saved = SAVED_SEEDS.iter().map(|(seed, _)| *seed);
    let saved: Vec<u64> = saved.collect();
    let threads = arguments.threads.map_or_else(
        || thread::available_parallelism().map_or(1, NonZero::get),
        NonZero::get,
    );
    let seed_of = |number: u64| match usize::try_from(number).ok().and_then(|n| saved.get(n)) {
        Some(seed) => Some(*seed),
        None => Some(arguments.from + number - saved.len() as u64).filter(|seed| *seed < end),
    };
    let worker = || {
        while let Some(seed) = seed_of(next.fetch_add(1, Ordering::Relaxed)) {
            PLAYED.set(Some(seed));
            let outcome = play(seed, Sabotage::None);
            let Ok(mut total) = total.lock() else { return };
            total.add(seed, &outcome.counts, outcome.broken);
            bar.inc(1);
            if total.broken.is_some() {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let all = workers.into_iter().map(thread::ScopedJoinHandle::join);
        all.collect::<Result<Vec<()>, _>>()
            .map_err(|_| anyhow!("a seed made the program panic; it is named above"))
    })?;
    bar.finish_and_clear();
    total
        .into_inner()
        .map_err(|_| anyhow!("a seed made the program panic; it is named above"))
}

fn tell(arguments: &Arguments, total: &Total, took: Duration) -> ExitCode {
    let rate = total.played as f64 / took.as_secs_f64().max(0.001);
    let counts = total.counts.named();
    if arguments.json {
        let counts: serde_json::Map<_, _> = counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count)))
            .collect();
        let broken = total
            .broken
            .as_ref()
            .map(|(seed, rule)| json!({ "seed": seed, "rule": rule, "trace": last_lines(*seed) }));
        let result = json!({
            "from": arguments.from,
            "seeds": total.played,
            "seconds": took.as_secs_f64(),
            "seeds_per_second": rate,
            "counts": counts,
            "broken": broken,
        });
        texts::say(&format!("{result:#}"));
    } else {
        let (played, seconds) = (total.played, took.as_secs_f64());
        texts::say(&format!(
            "{played} seeds in {seconds:.1} s: {rate:.0} a second"
        ));
        for (name, count) in counts {
            texts::say(&format!("  {count:>14}  {}", name.replace('_', " ")));
        }
        match &total.broken {
            None => texts::say("No promise was broken."),
            Some((seed, rule)) => texts::say(&format!(
                "{}\n\nSeed {seed} breaks a promise: {rule}\nAll of it: holdfast simulate --seed {seed}",
                last_lines(*seed).join("\n")
            )),
        }
    }
    match total.broken {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    }
}

/// One seed with all its lines.
fn one(seed: u64) -> ExitCode {
    PLAYED.set(Some(seed));
    let outcome = run_traced(seed, Sabotage::None);
    texts::say(&outcome.trace.join("\n"));
    match outcome.broken {
        None => {
            texts::say(&format!("Seed {seed}: no promise was broken."));
            ExitCode::SUCCESS
        }
        Some(rule) => {
            texts::say(&format!("Seed {seed} breaks a promise: {rule}"));
            ExitCode::FAILURE
        }
    }
}

fn last_lines(seed: u64) -> Vec<String> {
    let mut trace = run_traced(seed, Sabotage::None).trace;
    let first = trace.len().saturating_sub(LINES);
    trace.split_off(first)
}

thread_local! {
    /// The seed that this thread plays.
    static PLAYED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// An optimised program ends where it panics, so the seed is told before.
fn name_the_seed_of_a_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if let Some(seed) = PLAYED.get() {
            texts::remark(&format!(
                "seed {seed} panics: holdfast simulate --seed {seed}"
            ));
        }
        usual(info);
    }));
}

/// Lines of a trace that are told of a broken promise.
const LINES: usize = 60;
