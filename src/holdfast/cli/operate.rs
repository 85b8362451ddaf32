//! Operating a running installation over its API: what it thinks, what it holds, and orders.

pub mod access;
mod client;
pub mod directory;
pub mod drill;
pub mod people;
mod show;
pub mod window;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use url::Url;

use super::{progress, texts};
use client::Client;

/// Where the installation is and who speaks to it.
#[derive(Args)]
pub struct Installation {
    /// Where Holdfast serves.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: Url,
    /// The operator_token. For a Holdfast that `holdfast up` serves from this folder it is found.
    #[arg(long, env = "HOLDFAST_OPERATOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Who you are, for the audit log.
    #[arg(long, env = "USER", value_name = "NAME")]
    operator: Option<String>,
    /// Print the API's own JSON.
    #[arg(long)]
    json: bool,
}

/// What `holdfast status` can be told.
#[derive(Args)]
pub struct Status {
    #[command(flatten)]
    installation: Installation,
}

/// What `holdfast queue` can be told.
#[derive(Args)]
pub struct Queue {
    #[command(subcommand)]
    action: Option<QueueAction>,
    /// Only this route.
    #[arg(long)]
    route: Option<String>,
    /// Only what stands so: held, deferred, releasing, uncertain or damaged.
    #[arg(long)]
    state: Option<String>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Subcommand)]
enum QueueAction {
    /// Tries a message at the next tick, whatever its wait.
    Retry(OneMessage),
    /// Gives a message back: its sender is told, whatever its time.
    Return(OneMessage),
    /// Ends a message: nobody gets it.
    Drop(OneMessage),
}

#[derive(Args)]
struct OneMessage {
    /// Its name, as `holdfast queue` shows it.
    id: String,
    /// Why; it stands in the audit log, and a sender whose message is returned reads it.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

/// What `holdfast release` can be told.
#[derive(Args)]
pub struct Release {
    /// The route.
    route: String,
    /// Try so many messages at most.
    #[arg(long)]
    limit: Option<u32>,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
    /// Why; it stands in the audit log.
    #[arg(long, default_value = "released by hand")]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

/// What `holdfast override` can be told.
#[derive(Args)]
pub struct Override {
    /// The route.
    route: String,
    /// What it shall do.
    mode: Mode,
    /// Why; it stands in the audit log and in the senders' answers.
    #[arg(long)]
    reason: String,
    /// When the order ends by itself, such as 2026-11-23T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// Hold all mail.
    Hold,
    /// Give mail to the primary whatever the health says.
    Deliver,
    /// Go by the health: takes an order back.
    Auto,
}

/// What `holdfast audit` can be told.
#[derive(Args)]
pub struct Audit {
    /// The day, such as 2026-11-23, in UTC; today if absent.
    #[arg(long)]
    day: Option<String>,
    /// Print CSV.
    #[arg(long)]
    csv: bool,
    #[command(flatten)]
    installation: Installation,
}

/// Says how every route stands. Fails unless all of them deliver.
pub async fn status(arguments: Status) -> Result<ExitCode> {
    let client = Client::new(&arguments.installation)?;
    let health = client.get("/v1/health").await?;
    let releases = client.get("/v1/release").await?;
    let well = show::rows(&health, "routes").all(|route| route["decision"] == "deliver");
    let both = json!({ "health": health, "releases": releases });
    tell(&arguments.installation, &both, || {
        show::status(&health, &releases)
    });
    Ok(match well {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Shows the queue page by page, or orders something for one message.
pub async fn queue(arguments: Queue) -> Result<ExitCode> {
    match arguments.action {
        Some(QueueAction::Retry(one)) => act(one, "retry").await,
        Some(QueueAction::Return(one)) => act(one, "return").await,
        Some(QueueAction::Drop(one)) => act(one, "drop").await,
        None => list(arguments).await,
    }
}

async fn act(one: OneMessage, action: &str) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let path = format!("/v1/queue/{}/{action}", client::encoded(&one.id));
    let because = json!({ "reason": one.reason });
    let done = client.send("POST", &path, &because).await?;
    tell(&one.installation, &done, || show::done(&done));
    Ok(ExitCode::SUCCESS)
}

async fn list(arguments: Queue) -> Result<ExitCode> {
    let client = Client::new(&arguments.installation)?;
    let mut path = String::from("/v1/queue?");
    for (name, value) in [("route", &arguments.route), ("state", &arguments.state)] {
        if let Some(value) = value {
            path.push_str(&format!("{name}={}&", client::encoded(value)));
        }
    }
    let mut after = String::new();
    loop {
        let page = client.get(&format!("{path}{after}")).await?;
        tell(&arguments.installation, &page, || show::queue(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("after={}", client::encoded(next)),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Releases a route's queue to its end, with a bar. Fails if it stopped before.
pub async fn release(arguments: Release) -> Result<ExitCode> {
    let client = Client::new(&arguments.installation)?;
    let order = |dry_run| {
        json!({
            "route": arguments.route, "limit": arguments.limit, "dry_run": dry_run,
            "reason": arguments.reason,
        })
    };
    let forecast = client.send("POST", "/v1/release", &order(true)).await?;
    if arguments.dry_run || forecast["hold"].is_object() {
        tell(&arguments.installation, &forecast, || {
            show::forecast(&forecast)
        });
        return Ok(match arguments.dry_run {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        });
    }
    let queued = forecast["queued"]["messages"].as_u64().unwrap_or(0);
    let bar = progress::bar(!arguments.installation.json, queued, "releasing");
    let last = loop {
        let answer = watched(&client, &arguments.route, &order(false), &bar).await?;
        let more = answer["released"]["more"] == true;
        if !more || arguments.limit.is_some() {
            break answer;
        }
    };
    bar.finish_and_clear();
    tell(&arguments.installation, &last, || show::released(&last));
    Ok(
        match last["released"]["stopped"].is_null() || arguments.limit.is_some() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        },
    )
}

/// One call, and what the installation reports while it lasts.
async fn watched(client: &Client, route: &str, order: &Value, bar: &ProgressBar) -> Result<Value> {
    let mut releasing = std::pin::pin!(client.send("POST", "/v1/release", order));
    loop {
        tokio::select! {
            answer = &mut releasing => return answer,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        // The bar is a comfort; the call itself says what went wrong.
        let Ok(releases) = client.get("/v1/release").await else {
            continue;
        };
        if let Some(one) = show::rows(&releases, "routes").find(|one| one["route"] == route) {
            let left = one["queued"]["messages"].as_u64().unwrap_or(0);
            bar.set_position(bar.length().unwrap_or(0).saturating_sub(left));
            bar.set_message(show::rate(&one["latest"]));
        }
    }
}

/// Orders a route to hold, to deliver, or to go by the health again.
pub async fn order(arguments: Override) -> Result<ExitCode> {
    let client = Client::new(&arguments.installation)?;
    let mode = match arguments.mode {
        Mode::Hold => "hold",
        Mode::Deliver => "deliver",
        Mode::Auto => "auto",
    };
    let path = format!("/v1/routes/{}/override", client::encoded(&arguments.route));
    let order = json!({ "mode": mode, "reason": arguments.reason, "expires": arguments.expires });
    let route = client.send("PUT", &path, &order).await?;
    tell(&arguments.installation, &route, || show::route(&route));
    Ok(ExitCode::SUCCESS)
}

/// Shows a day of the audit log.
pub async fn audit(arguments: Audit) -> Result<ExitCode> {
    let client = Client::new(&arguments.installation)?;
    let mut path = String::from("/v1/audit?");
    if let Some(day) = &arguments.day {
        path.push_str(&format!("day={}&", client::encoded(day)));
    }
    if arguments.csv {
        texts::say(client.text(&format!("{path}format=csv")).await?.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let mut after = String::new();
    loop {
        let page = client.get(&format!("{path}{after}")).await?;
        tell(&arguments.installation, &page, || show::audit(&page));
        match page["next"].as_str() {
            Some(next) => after = format!("after={}", client::encoded(next)),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// For machines as it came, for people in lines.
fn tell(installation: &Installation, answer: &Value, lines: impl FnOnce() -> String) {
    match installation.json {
        true => texts::say(&answer.to_string()),
        false => texts::say(lines().trim_end()),
    }
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
