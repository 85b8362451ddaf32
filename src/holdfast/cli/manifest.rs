//! `holdfast manifest`: what makes ticks come, for the place it shall come from, and what hands mail to
//! Holdfast where no gateway does, printed.
//!
//! Files rather than code, so that they can be read as what they are; only the address is put in.
//! All of them give the token to curl through a pipe or a file: an argument could be read by every user
//! of the machine.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::process::ExitCode;
use url::Url;

use super::texts;

/// What `holdfast manifest` can be told.
#[derive(Args)]
pub struct Arguments {
    /// Where ticks, or mail, shall come from.
    kind: Kind,
    /// Where Holdfast serves; its Service for kubernetes, else this machine if absent.
    #[arg(long, value_name = "URL")]
    host: Option<Url>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A SpinApp, its Secret, and a CronJob.
    Kubernetes,
    /// A service and its timer.
    Systemd,
    /// A line for crontab.
    Cron,
    /// What Spin's cron plug-in can and cannot do.
    SpinCron,
    /// A script that Postfix gives mail to.
    Postfix,
    /// A Cloudflare Email Worker.
    EmailWorker,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let host = match &arguments.host {
        Some(url) => origin(url)?,
        None => arguments.kind.host().to_owned(),
    };
    let manifest = arguments.kind.template().replace("{{host}}", &host);
    texts::say(manifest.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The address without what a shell, YAML or a unit file could take for its own.
fn origin(url: &Url) -> Result<String> {
    let origin = url.origin().ascii_serialization();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b":/.-_[]".contains(&b);
    if !matches!(url.scheme(), "http" | "https") || !origin.bytes().all(plain) {
        bail!("--host: {url} is not an address such as https://holdfast.example.org");
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        bail!("--host: {url}: leave the path out; the manifest has it");
    }
    Ok(origin)
}

impl Kind {
    const fn template(self) -> &'static str {
        match self {
            Self::Kubernetes => include_str!("manifest/kubernetes.yaml"),
            Self::Systemd => include_str!("manifest/systemd.ini"),
            Self::Cron => include_str!("manifest/cron.txt"),
            Self::SpinCron => include_str!("manifest/spin-cron.toml"),
            Self::Postfix => include_str!("manifest/postfix.sh"),
            Self::EmailWorker => include_str!("manifest/email-worker.mjs"),
        }
    }

    const fn host(self) -> &'static str {
        match self {
            // The Service that the Spin operator makes for the SpinApp.
            Self::Kubernetes => "http://holdfast",
            Self::EmailWorker => "https://holdfast.example.org",
            Self::Systemd | Self::Cron | Self::SpinCron | Self::Postfix => "http://127.0.0.1:3000",
        }
    }
}
