//! `holdfast drill`: a rehearsed failover, step by step, and the results of earlier ones.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, encoded};
use super::{Installation, show, tell};

/// What `holdfast drill` can be told.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Drill {
    #[command(subcommand)]
    action: Option<Action>,
    /// The route whose failover is rehearsed now.
    route: Option<String>,
    /// Why; it stands in the audit log and in the result.
    #[arg(long, default_value = "rehearsed by hand")]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Subcommand)]
enum Action {
    /// Shows the results, oldest first.
    List(List),
}

#[derive(Args)]
struct List {
    /// Only this route.
    #[arg(long)]
    route: Option<String>,
    #[command(flatten)]
    installation: Installation,
}

/// Runs a drill, and fails unless it passed; or shows the results.
pub async fn drill(arguments: Drill) -> Result<ExitCode> {
    match arguments.action {
        Some(Action::List(list)) => results(list).await,
        None => run(arguments).await,
    }
}

async fn run(one: Drill) -> Result<ExitCode> {
    let route = one
        .route
        .context("which route? `holdfast drill ROUTE`, or `holdfast drill list`")?;
    let client = Client::new(&one.installation)?;
    let order = json!({ "route": route, "reason": one.reason });
    let drill = client.send("POST", "/v1/drills", &order).await?;
    tell(&one.installation, &drill, || lines(&drill));
    Ok(match drill["passed"] == true {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn results(list: List) -> Result<ExitCode> {
    let client = Client::new(&list.installation)?;
    let route = list
        .route
        .map(|route| format!("route={}&", encoded(&route)));
    let path = format!("/v1/drills?{}", route.unwrap_or_default());
    let (mut after, mut shown) = (String::new(), 0);
    loop {
        let page = client.get(&format!("{path}{after}")).await?;
        let drills: Vec<String> = show::rows(&page, "drills").map(line).collect();
        shown += drills.len();
        let next = page["next"].as_str();
        // A page without any of this route is not the last.
        if !drills.is_empty() || list.installation.json {
            tell(&list.installation, &page, || drills.join("\n"));
        } else if next.is_none() && shown == 0 {
            tell(&list.installation, &page, || "no drill was run".into());
        }
        match next {
            Some(next) => after = format!("after={}", encoded(next)),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// One drill in one line.
fn line(drill: &Value) -> String {
    let passed = match drill["passed"] == true {
        true => "passed",
        false => "FAILED",
    };
    let number = |name: &str, unit: &str| {
        drill[name]
            .as_u64()
            .map_or("unknown".to_owned(), |number| format!("{number}{unit}"))
    };
    format!(
        "{} {} {passed}: recovery time {}, messages lost {} ({}: {})",
        show::word(drill, "at"),
        show::word(drill, "route"),
        number("rto_ms", " ms"),
        number("rpo_messages", ""),
        show::word(drill, "by"),
        show::word(drill, "reason"),
    )
}

/// The same with its steps.
fn lines(drill: &Value) -> String {
    let mut lines = line(drill);
    for name in ["primary", "hold", "readable", "release", "removed"] {
        let step = &drill[name];
        let time = step["ms"].as_u64().map(|ms| format!(" in {ms} ms"));
        lines.push_str(&format!(
            "\n  {name}: {}{}: {}",
            show::word(step, "outcome"),
            time.unwrap_or_default(),
            show::word(step, "detail"),
        ));
    }
    lines
}
