//! `holdfast bench`: what Holdfast does on this machine, beside what limits it: a component that
//! only forwards, a native S3 client, and Postfix where it is installed.
//!
//! Machines are noisy. So every scenario handles the same messages in short rounds that take turns,
//! each number is the median of its rounds, and what counts are the ratios within a round. Each
//! server is a process of its own; they and the load generator share the machine's cores in every
//! scenario alike. What was counted is compared with what arrived: a number that cannot be trusted
//! is an error.

mod backlog;
mod child;
mod directory;
mod large;
mod load;
mod mailbox;
mod memory;
mod native_put;
pub mod part;
mod postfix;
mod report;
mod scale;
mod scenario;
mod visitor;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::{progress, release, texts};
use crate::components;
use crate::manifest::Document;
use load::Plan;
use report::Report;
use scenario::Stage;

/// What `holdfast bench` can be told.
#[derive(Args)]
pub struct Arguments {
    /// Seconds of each scenario in each round.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Rounds; each number is the median of them.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Connections at a time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1000))]
    connections: u32,
    /// Bytes of a message.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(200..=25_000_000))]
    size: u32,
    /// Only these scenarios, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,
    /// Held messages that fill the bucket for `--only scale`.
    #[arg(long, default_value_t = 1_000_000)]
    held: u64,
    /// Messages that fill a mailbox for `--only mailbox`.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    mailbox: u64,
    /// Users of the directory for `--only directory`; it has a tenth as many groups.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000))]
    users: u64,
    /// Also write everything that was measured to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only see that everything runs: no optimised program is built, and no figure counts.
    #[arg(long)]
    rehearse: bool,
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml")]
    from: PathBuf,
}

/// Measures and tells. Fails if something could not be measured; a missed target is told.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let document = Document::read(&arguments.from)?;
    if cfg!(debug_assertions) && !arguments.rehearse {
        texts::remark("Measuring needs an optimised program: building it (several minutes)");
        return release::become_release(&document.root).map(|()| ExitCode::FAILURE);
    }
    texts::remark("Building the components (the first time takes a few minutes)");
    let (manifest, root) = (arguments.from.clone(), document.root.clone());
    let built = tokio::task::spawn_blocking(move || {
        components::build(&manifest)?;
        components::build_packages_once(&root, &["forward"])
    });
    built.await??;

    let plan = Plan {
        connections: arguments.connections as usize,
        size: arguments.size as usize,
        time: Duration::from_secs(arguments.seconds),
    };
    let mut stage = Stage::set(&arguments.from, &document.root, &plan).await?;
    let mut scenarios = stage.scenarios();
    let wanted = |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|n| n == name);
    scenarios.retain(|scenario| wanted(scenario.name()));
    let mut report = Report::new(&plan, &document.root)?;
    let steps = u64::from(arguments.rounds) * scenarios.len() as u64;
    let bar = progress::bar(true, steps, "measuring");
    for _ in 0..arguments.rounds {
        for scenario in &scenarios {
            bar.set_message(scenario.name());
            let measured = stage.measure(*scenario, &plan).await;
            report.add(*scenario, measured.context(scenario.name())?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    stage.end().await;
    if wanted("large") {
        report.large = Some(large::measure(&arguments.from).await.context("large")?);
    }
    // Filling the bucket takes minutes: only where it was asked for by its name.
    if arguments.only.iter().any(|name| name == "scale") {
        let measured = scale::measure(&arguments.from, &plan, arguments.rounds, arguments.held);
        report.scale = Some(measured.await.context("scale")?);
    }
    if arguments.only.iter().any(|name| name == "mailbox") {
        let measured = mailbox::measure(&arguments.from, arguments.mailbox).await;
        report.mailbox = measured.context("mailbox")?;
    }
    if arguments.only.iter().any(|name| name == "directory") {
        let measured = directory::measure(&arguments.from, arguments.users).await;
        report.directory = measured.context("directory")?;
    }
    texts::say(&report.text());
    if arguments.rehearse {
        texts::remark("This was a rehearsal: none of these figures counts");
    }
    if let Some(file) = &arguments.json {
        let json = serde_json::to_vec_pretty(&report.json())?;
        std::fs::write(file, json)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
