//! The commands of the program.

mod assignment;
mod release;
mod texts;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
}

/// Reads the command line and does what it says.
pub async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        None => up::run(up::Arguments::default()).await,
        Some(Command::Up(arguments)) => up::run(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            texts::failed(&error);
            ExitCode::FAILURE
        }
    }
}
