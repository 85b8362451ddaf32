//! The commands of the program.

mod assignment;
mod bench;
mod check;
mod demo;
mod manifest;
mod operate;
mod progress;
mod release;
mod send;
mod simulate;
mod stage;
mod texts;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use operate::drill;

/// Keeps mail moving when the mail server does not.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the application on this machine (the default command).
    Up(up::Arguments),
    /// Says what is wrong with the configuration, the storage and the primaries.
    Check(check::Arguments),
    /// Submits message files.
    Send(send::Arguments),
    /// Says how every route of a running installation stands.
    Status(operate::Status),
    /// Shows what is held, tries one message again, or drops it.
    Queue(operate::Queue),
    /// Releases a route's queue now.
    Release(operate::Release),
    /// Orders a route to hold or to deliver, or takes the order back.
    Override(operate::Override),
    /// Shows, plans, ends, extends or deletes maintenance windows.
    Window(operate::window::Window),
    /// Shows users and who can get in, makes activation links, ends sessions.
    People(operate::people::People),
    /// Shows or says who may be in the webmail, and when.
    Access(operate::access::Access),
    /// Compares an export of a directory with the installation's, and brings that in line.
    Directory(operate::directory::Directory),
    /// Shows who did what and why.
    Audit(operate::Audit),
    /// Rehearses a route's failover, or shows the results of earlier drills.
    Drill(drill::Drill),
    /// Prints what makes ticks come: for Kubernetes, systemd, cron, or Spin's cron plug-in.
    Manifest(manifest::Arguments),
    /// Shows a whole outage in under a minute, and fails unless every step was observed.
    Demo(demo::Arguments),
    /// Measures on this machine, beside what limits it.
    Bench(bench::Arguments),
    /// Plays simulated worlds in which everything fails, and checks that no mail is lost.
    Simulate(simulate::Arguments),
    /// Plays one server of the benchmark.
    #[command(hide = true)]
    BenchPart,
}

/// Reads the command line and does what it says.
pub async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        None => up::run(up::Arguments::default()).await.map(success),
        Some(Command::Up(arguments)) => up::run(arguments).await.map(success),
        Some(Command::Check(arguments)) => check::run(arguments).await,
        Some(Command::Send(arguments)) => send::run(arguments).await,
        Some(Command::Status(arguments)) => operate::status(arguments).await,
        Some(Command::Queue(arguments)) => operate::queue(arguments).await,
        Some(Command::Release(arguments)) => operate::release(arguments).await,
        Some(Command::Override(arguments)) => operate::order(arguments).await,
        Some(Command::Window(arguments)) => operate::window::run(arguments).await,
        Some(Command::People(arguments)) => operate::people::run(arguments).await,
        Some(Command::Access(arguments)) => operate::access::run(arguments).await,
        Some(Command::Directory(arguments)) => operate::directory::run(arguments).await,
        Some(Command::Audit(arguments)) => operate::audit(arguments).await,
        Some(Command::Drill(arguments)) => drill::drill(arguments).await,
        Some(Command::Manifest(arguments)) => manifest::run(&arguments),
        Some(Command::Demo(arguments)) => demo::run(arguments).await,
        Some(Command::Bench(arguments)) => bench::run(arguments).await,
        Some(Command::Simulate(arguments)) => simulate::run(&arguments),
        Some(Command::BenchPart) => bench::part::run().await,
    };
    done.unwrap_or_else(|error| {
        texts::failed(&error);
        ExitCode::FAILURE
    })
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}
