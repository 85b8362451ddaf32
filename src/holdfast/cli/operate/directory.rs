//! `holdfast directory import FILE`: brings the directory of a running installation in line with an
//! export of another one.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`export`] | what a file says, whatever its format |
//! | [`table`] | reads CSV |
//! | [`ldif`], [`ldap`] | read LDIF, and what Active Directory and OpenLDAP write in it |
//! | [`compare`], [`plan`] | what would change |
//! | [`scim`] | the running installation's side |
//! | [`preview`] | the plan in lines for people |
//!
//! Only what the file says is changed; what it does not say stays. Nobody is ever deleted.

mod compare;
mod export;
mod ldap;
mod ldif;
mod plan;
mod preview;
mod scim;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use self::export::Export;
use self::plan::Plan;
use super::client::Client;
use super::{Installation, tell};
use crate::cli::texts;

/// What `holdfast directory` can be told.
#[derive(Args)]
pub struct Directory {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Shows what an export would change, and changes it with --apply.
    Import(Import),
}

#[derive(Args)]
struct Import {
    /// A CSV or LDIF file, in UTF-8 or UTF-16.
    file: PathBuf,
    /// Do it; without this it is only shown.
    #[arg(long)]
    apply: bool,
    /// Make those inactive whom the file does not have.
    #[arg(long)]
    deactivate_missing: bool,
    /// Show all changes, not only the first of each kind.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    installation: Installation,
}

/// Does it.
pub async fn run(arguments: Directory) -> Result<ExitCode> {
    match arguments.action {
        Action::Import(import) => self::import(import).await,
    }
}

/// Shows the plan, or carries it out. Fails where a line cannot be used or a change was not made.
async fn import(arguments: Import) -> Result<ExitCode> {
    let installation = &arguments.installation;
    let client = Client::new(installation)?;
    let export = read(&arguments.file)?;
    let known = scim::read(&client, !export.groups.is_empty(), !installation.json).await?;
    let plan = Plan::new(export, &known, arguments.deactivate_missing);
    if !arguments.apply {
        tell(installation, &plan.json(), || {
            preview::lines(&plan, arguments.all)
        });
        return Ok(code(plan.bad.is_empty()));
    }
    if arguments.deactivate_missing && !plan.bad.is_empty() {
        texts::say(&preview::bad(&plan.bad));
        bail!(
            "nothing was changed: whoever these lines are about would be taken for missing; mend \
             them, or leave out --deactivate-missing"
        );
    }
    let (unchanged, bad) = (plan.unchanged, plan.bad.clone());
    let applied = scim::apply(&client, plan, !installation.json).await;
    let answer = json!({
        "created": applied.created, "changed": applied.changed, "deactivated": applied.deactivated,
        "unchanged": unchanged, "failed": applied.failed, "unusable": bad,
    });
    tell(installation, &answer, || {
        preview::applied(&applied, unchanged, &bad)
    });
    Ok(code(applied.failed.is_empty() && bad.is_empty()))
}

/// Reads the file, whatever its format.
fn read(file: &Path) -> Result<Export> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("{shown} cannot be read"))?;
    if size.len() > holdfast_core::limits::IMPORT_BYTES {
        bail!(
            "{shown} is longer than {} bytes",
            holdfast_core::limits::IMPORT_BYTES
        );
    }
    let bytes = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    let text = export::decoded(bytes).with_context(|| shown.to_string())?;
    let export = match export::is_ldif(file, &text) {
        true => ldap::read(&text),
        false => table::read(&text),
    };
    export.with_context(|| shown.to_string())
}

fn code(well: bool) -> ExitCode {
    match well {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
