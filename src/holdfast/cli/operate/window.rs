//! `holdfast window`: what is planned, and orders about it.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{self, Client};
use super::show::{rows, waiting, word};
use super::{Installation, tell};

/// What `holdfast window` can be told.
#[derive(Args)]
pub struct Window {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Subcommand)]
enum Action {
    /// Shows the windows (the default).
    List(List),
    /// Plans one.
    Add(Add),
    /// Ends the occurrence that is open.
    End(One),
    /// Lets the occurrence that is open end later.
    Extend(Extend),
    /// Removes one; if it is open it ends.
    Delete(One),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
struct Add {
    /// The route whose mail is held.
    #[arg(long)]
    route: String,
    /// Its start: 2026-11-29T02:00:00+01:00, or 2026-11-29T02:00:00 with --time-zone.
    #[arg(long, value_name = "TIME")]
    start: String,
    /// Its end, written as the start is.
    #[arg(long, value_name = "TIME", required_unless_present = "duration")]
    end: Option<String>,
    /// How long it lasts, such as 2h.
    #[arg(long, value_name = "TIME", conflicts_with = "end")]
    duration: Option<String>,
    /// The time zone of a start without an offset, such as Europe/Rome.
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// How it recurs (RFC 5545), such as 'FREQ=WEEKLY;BYDAY=SU'.
    #[arg(long, value_name = "RULE", requires = "time_zone")]
    rrule: Option<String>,
    /// Who releases what was held.
    #[arg(long, default_value = "automatic")]
    release: Release,
    /// Why; it stands in the audit log and in the senders' answers.
    #[arg(long)]
    reason: String,
    /// Only say when it would be open and what stands against it.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Release {
    /// Mail goes home by itself at its end.
    Automatic,
    /// Mail waits for `holdfast release`.
    Manual,
}

#[derive(Args)]
struct One {
    /// Its name, as `holdfast window` shows it.
    id: String,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
struct Extend {
    /// Its name, as `holdfast window` shows it.
    id: String,
    /// Its new end.
    #[arg(long, value_name = "TIME")]
    until: String,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

/// Does it.
pub async fn run(arguments: Window) -> Result<ExitCode> {
    match arguments.action {
        None => list(&arguments.installation).await,
        Some(Action::List(list_)) => list(&list_.installation).await,
        Some(Action::Add(one)) => add(one).await,
        Some(Action::End(one)) => order(&one.installation, &one.id, "end", one.order()).await,
        Some(Action::Extend(one)) => {
            let extend = json!({ "until": one.until, "reason": one.reason });
            order(&one.installation, &one.id, "extend", extend).await
        }
        Some(Action::Delete(one)) => {
            let client = Client::new(&one.installation)?;
            let path = format!("/v1/windows/{}", client::encoded(&one.id));
            let gone = client.send("DELETE", &path, &one.order()).await?;
            tell(&one.installation, &gone, || {
                format!("{}: deleted{}", word(&gone, "id"), left(&gone))
            });
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl One {
    fn order(&self) -> Value {
        json!({ "reason": self.reason })
    }
}

async fn list(installation: &Installation) -> Result<ExitCode> {
    let list = Client::new(installation)?.get("/v1/windows").await?;
    tell(installation, &list, || windows(&list));
    Ok(ExitCode::SUCCESS)
}

/// Plans a window. Fails where a dry run finds that it cannot be planned.
async fn add(one: Add) -> Result<ExitCode> {
    let mut order = json!({
        "route": one.route, "start": one.start, "reason": one.reason, "dry_run": one.dry_run,
        "release": match one.release {
            Release::Automatic => "automatic",
            Release::Manual => "manual",
        },
    });
    for (name, value) in [
        ("end", one.end),
        ("duration", one.duration),
        ("time_zone", one.time_zone),
        ("rrule", one.rrule),
    ] {
        if let Some(value) = value {
            order[name] = value.into();
        }
    }
    let client = Client::new(&one.installation)?;
    let planned = client.send("POST", "/v1/windows", &order).await?;
    tell(&one.installation, &planned, || window(&planned));
    Ok(match rows(&planned, "conflicts").next() {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

async fn order(
    installation: &Installation,
    id: &str,
    action: &str,
    order: Value,
) -> Result<ExitCode> {
    let client = Client::new(installation)?;
    let path = format!("/v1/windows/{}/{action}", client::encoded(id));
    let changed = client.send("POST", &path, &order).await?;
    tell(installation, &changed, || window(&changed));
    Ok(ExitCode::SUCCESS)
}

fn windows(list: &Value) -> String {
    let mut lines: String = rows(list, "windows").map(window).collect();
    for one in rows(list, "waiting") {
        lines.push_str(&format!("{}: {}\n", word(one, "route"), waiting(one)));
    }
    for key in rows(list, "damaged") {
        let key = key.as_str().unwrap_or_default();
        lines.push_str(&format!("{key}: cannot be read\n"));
    }
    match lines.is_empty() {
        true => "no windows are planned".into(),
        false => lines,
    }
}

fn window(window: &Value) -> String {
    let mut lines = match window["id"].as_str() {
        Some(_) => format!("{} ", word(window, "id")),
        None => String::new(),
    };
    lines.push_str(&format!(
        "{} {} release: {}",
        word(window, "route"),
        word(window, "release"),
        word(window, "reason")
    ));
    if window["rrule"].is_string() {
        lines.push_str(&format!(" ({})", word(window, "rrule")));
    }
    if window["open"] == true {
        lines.push_str("; it is open");
    }
    lines.push_str(left(window));
    lines.push('\n');
    for one in rows(window, "next") {
        let time = |local: &str, utc: &str| match one[local].is_string() {
            true => word(one, local),
            false => word(one, utc),
        };
        lines.push_str(&format!(
            "  {} to {}\n",
            time("local_start", "start"),
            time("local_end", "end")
        ));
    }
    for one in rows(window, "conflicts") {
        lines.push_str(&format!(
            "  it cannot be planned: {}\n",
            word(one, "detail")
        ));
    }
    lines
}

fn left(window: &Value) -> &'static str {
    match window["waiting"] == true {
        true => "; what it held waits for `holdfast release`",
        false => "",
    }
}
