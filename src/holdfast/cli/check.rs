//! `holdfast check`: says what is wrong with the configuration, the storage and the primaries,
//! before mail does.
//!
//! What the components would read is read by the same code, and the bucket is tried with the very
//! client they use. Only the way into the network is another: this machine's, so a finding about
//! reaching something holds for where the program runs.

mod findings;
mod grants;
mod primaries;
mod secrets;
mod settings;
mod storage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use holdfast_core::deployment::{self, Configured};

use super::{assignment, progress, texts};
use crate::manifest::Manifest;
use crate::native::Native;
use findings::Findings;
use settings::Settings;

/// What `holdfast check` can be told.
#[derive(Args)]
pub struct Arguments {
    /// A value for one of the application's variables; @FILE takes the file's text.
    #[arg(long = "variable", value_name = "NAME=VALUE|NAME=@FILE")]
    variables: Vec<String>,
    /// The application's manifest.
    #[arg(long, default_value = "spin.toml")]
    from: PathBuf,
    /// Print one JSON object with all findings.
    #[arg(long)]
    json: bool,
}

/// Checks everything and prints it. Fails if there is a problem.
pub async fn run(arguments: Arguments) -> Result<ExitCode> {
    let variables = assignment::read(&arguments.variables)?;
    let spinner = progress::spinner(!arguments.json);
    let mut findings = Findings::default();
    match Manifest::load(&arguments.from, &variables) {
        Ok(manifest) => {
            let file = arguments.from.display();
            findings.ok(
                "manifest",
                &format!("{file} is valid, and so are its variables"),
            );
            spinner.set_message("asking the storage and the primaries");
            everything(&manifest, &mut findings).await?;
        }
        Err(error) => findings.problem(
            "manifest",
            &format!("{error:#}"),
            "correct the manifest or the --variable",
        ),
    }
    spinner.finish_and_clear();
    texts::say(&match arguments.json {
        true => findings.json().to_string(),
        false => findings.lines(),
    });
    Ok(match findings.problems() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

async fn everything(manifest: &Manifest, findings: &mut Findings) -> Result<()> {
    let Some(settings) = Settings::of(manifest, findings) else {
        return Ok(());
    };
    let get = async |name: &str| Ok(settings.get(name).to_owned());
    let configured = deployment::config(get).await;
    let unconfigured = configured.as_ref().is_ok_and(|c| c.unconfigured);
    if unconfigured {
        findings.note(
            "config",
            "nothing is configured: this is the local-only demonstration, which takes mail for \
             example.org from this machine alone",
            "for your own mail set the variable config (README.md, Configuration)",
        );
    }
    let document = configured.as_ref().ok().map(|known| &known.config);
    secrets::check(&settings, document.filter(|_| !unconfigured), findings);
    let native = Native::new()?;
    match deployment::storage(get).await {
        Ok(storage) => {
            grants::check_storage(manifest, &storage, findings);
            storage::check(&storage, native.clone(), unconfigured, findings).await;
        }
        Err(reason) => findings.problem("storage", &reason, MEND_VALUE),
    }
    match configured {
        Ok(Configured { config, .. }) => {
            if !unconfigured {
                settings::check_config(&config, findings);
            }
            grants::check_primaries(manifest, &config, findings);
            primaries::check(&config, &native, unconfigured, findings).await;
        }
        Err(reason) => findings.problem("config", &reason, MEND_VALUE),
    }
    Ok(())
}

const MEND_VALUE: &str = "correct its value";
