//! `holdfast up`: builds and runs the application on this machine, with what a first try needs
//! around it unless told otherwise.

mod demo;
mod keys;
pub mod people;
mod tick;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::{assignment, release, texts};
use crate::components;
use crate::host::{HostOptions, KeyValueBackend, RunningHost};
use crate::manifest::Document;
use demo::Demo;
use tick::Ticker;

/// What `holdfast up` can be told.
#[derive(Args)]
pub struct Arguments {
    /// Where to serve the application.
    #[arg(long, default_value = LISTEN)]
    listen: SocketAddr,
    /// A value for one of the application's variables; @FILE takes the file's text.
    #[arg(long = "variable", value_name = "NAME=VALUE|NAME=@FILE")]
    variables: Vec<String>,
    /// The application's manifest.
    #[arg(long, default_value = MANIFEST)]
    from: PathBuf,
    /// Build this program in cargo's release profile first, and run that.
    #[arg(long)]
    release_build: bool,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            listen: LISTEN
                .parse()
                .unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 3000))),
            variables: Vec::new(),
            from: MANIFEST.into(),
            release_build: false,
        }
    }
}

/// Runs until it is told to stop.
pub async fn run(arguments: Arguments) -> Result<()> {
    let document = Document::read(&arguments.from)?;
    if arguments.release_build {
        return release::become_release(&document.root);
    }
    let mut wishes = Wishes::listen()?;
    texts::building();
    let manifest = arguments.from.clone();
    tokio::task::spawn_blocking(move || components::build(&manifest)).await??;

    let folder = document.root.join(".holdfast");
    let mut variables = assignment::read(&arguments.variables)?;
    let mut demo = match is_configured(&document, &variables) {
        true => None,
        false => Some(Demo::start(&folder, &mut variables).await?),
    };
    let tick_token = value(&variables, "tick_token");
    let operator_token = value(&variables, "operator_token");
    let host = start(&arguments, &folder, variables).await?;
    texts::serving(&host.url(), host.routes());
    if let Some(demo) = &demo {
        texts::demo(&host.url(), demo.primary_address(), &folder);
        let token = operator_token.unwrap_or_default();
        match people::invite(&host.url(), &token).await {
            Ok(links) => texts::people(&host.url(), &links),
            Err(error) => texts::failed(&error),
        }
        texts::ends();
    }
    let _ticker = tick_token.map(|token| Ticker::start(&host.url(), &token));

    while let Wish::TogglePrimary = wishes.next().await {
        if let Some(demo) = &mut demo {
            demo.toggle_primary().await;
        }
    }
    texts::stopping();
    host.stop().await;
    if let Some(demo) = demo {
        demo.stop().await;
    }
    Ok(())
}

async fn start(
    arguments: &Arguments,
    folder: &Path,
    variables: BTreeMap<String, String>,
) -> Result<RunningHost> {
    let mut options = HostOptions::new(&arguments.from);
    options.listen = arguments.listen;
    options.variables = variables;
    options.key_value = KeyValueBackend::File(folder.join("key_value.redb"));
    RunningHost::start(options).await
}

/// Whether somebody said where mail and storage are, by hand or in the environment. An application
/// that does not know these variables is not Holdfast and needs no demonstration either.
fn is_configured(document: &Document, given: &BTreeMap<String, String>) -> bool {
    ["config", "storage_url"]
        .iter()
        .any(|name| !document.declares(name) || value(given, name).is_some())
}

fn value(given: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let environment = || std::env::var(format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).ok();
    given.get(name).cloned().or_else(environment)
}

/// What the person at the terminal may want.
enum Wish {
    TogglePrimary,
    Stop,
}

struct Wishes {
    lines: mpsc::UnboundedReceiver<String>,
    interrupt: Signal,
    terminate: Signal,
    toggle: Signal,
}

impl Wishes {
    fn listen() -> Result<Self> {
        let (sender, lines) = mpsc::unbounded_channel();
        // A thread of its own, left alone at the end: a read of the terminal cannot be cancelled.
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            lines,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            toggle: signal(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Wish {
        loop {
            tokio::select! {
                Some(line) = self.lines.recv() => if line.trim() == "p" {
                    return Wish::TogglePrimary;
                },
                _ = self.toggle.recv() => return Wish::TogglePrimary,
                _ = self.interrupt.recv() => return Wish::Stop,
                _ = self.terminate.recv() => return Wish::Stop,
            }
        }
    }
}

const LISTEN: &str = "127.0.0.1:3000";
const MANIFEST: &str = "spin.toml";
