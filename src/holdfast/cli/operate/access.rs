//! `holdfast access`: who may be in, and when.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{Client, encoded};
use super::show::{rows, word};
use super::{Installation, tell};

/// What `holdfast access` can be told.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Access {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    show: Show,
}

#[derive(Subcommand)]
enum Action {
    /// Shows what is said about routes, groups and users (the default).
    Show(Show),
    /// Says when a route's, a group's or one user may be in.
    Set(Set),
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
struct Set {
    /// When they may be in.
    mode: Mode,
    #[command(flatten)]
    scope: Scope,
    /// When it ends by itself, such as 2026-11-23T09:00:00Z.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// At any time.
    Always,
    /// While the primary is out.
    Outage,
    /// Never.
    Off,
    /// As the configuration says: takes back what was said.
    Default,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// Everybody of this route.
    #[arg(long)]
    route: Option<String>,
    /// Everybody in this group: its name, or its id.
    #[arg(long)]
    group: Option<String>,
    /// One user: the name, address or id.
    #[arg(long)]
    user: Option<String>,
}

/// Does it.
pub async fn run(arguments: Access) -> Result<ExitCode> {
    match arguments.action {
        None => show(arguments.show).await,
        Some(Action::Show(one)) => show(one).await,
        Some(Action::Set(one)) => set(one).await,
    }
}

async fn show(one: Show) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let switch = client.get("/v1/access").await?;
    tell(&one.installation, &switch, || lines(&switch));
    Ok(ExitCode::SUCCESS)
}

async fn set(one: Set) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let mode = match one.mode {
        Mode::Always => "always",
        Mode::Outage => "outage",
        Mode::Off => "off",
        Mode::Default => "default",
    };
    let scope = scope(&client, &one.scope).await?;
    let order =
        json!({ "scope": scope, "mode": mode, "reason": one.reason, "expires": one.expires });
    let answer = client.send("PUT", "/v1/access", &order).await?;
    tell(&one.installation, &answer, || {
        let affected = answer["affected"].as_u64().unwrap_or(0);
        let users = if affected == 1 { "user" } else { "users" };
        format!(
            "{}: {mode}, for {affected} {users}",
            named(&answer["scope"])
        )
    });
    Ok(ExitCode::SUCCESS)
}

/// The scope by the ids that the API knows.
async fn scope(client: &Client, scope: &Scope) -> Result<Value> {
    if let Some(route) = &scope.route {
        return Ok(json!({ "kind": "route", "name": route }));
    }
    if let Some(user) = &scope.user {
        let path = format!("/v1/people/{}", encoded(user));
        let id = client.get(&path).await?["id"].clone();
        return Ok(json!({ "kind": "user", "id": id }));
    }
    let group = scope
        .group
        .as_deref()
        .context("which route, group or user?")?;
    let text = group.replace('\\', "\\\\").replace('"', "\\\"");
    let filter = format!("displayName eq \"{text}\"");
    let path = format!("/scim/v2/Groups?attributes=id&filter={}", encoded(&filter));
    let found = client.get(&path).await?;
    let ids: Vec<&str> = rows(&found, "Resources")
        .filter_map(|one| one["id"].as_str())
        .collect();
    match ids.as_slice() {
        // The API says whether there is a group of this id.
        [] => Ok(json!({ "kind": "group", "id": group })),
        [only] => Ok(json!({ "kind": "group", "id": only })),
        several => bail!(
            "{} groups are called {group:?}; say which by its id: {}",
            several.len(),
            several.join(", ")
        ),
    }
}

fn named(scope: &Value) -> String {
    match scope["name"].as_str() {
        Some(name) if !name.is_empty() => {
            format!("{} {}", word(scope, "kind"), word(scope, "name"))
        }
        _ => format!("{} {}", word(scope, "kind"), word(scope, "id")),
    }
}

fn lines(switch: &Value) -> String {
    let mut lines = String::new();
    for one in rows(switch, "routes") {
        let affected = one["affected"].as_u64().unwrap_or(0);
        let entry = &one["entry"];
        let said = match entry.is_object() {
            true => said(entry),
            false => format!("{} (the configuration)", word(one, "default")),
        };
        lines.push_str(&format!(
            "route {} ({affected} users): {said}\n",
            word(one, "route")
        ));
    }
    for one in rows(switch, "groups") {
        let affected = one["affected"].as_u64().unwrap_or(0);
        lines.push_str(&format!(
            "group {} ({affected} users): {}\n",
            word(&one["entry"], "name"),
            said(&one["entry"])
        ));
    }
    for one in rows(switch, "users") {
        let entry = &one["entry"];
        lines.push_str(&format!("user {}: {}\n", word(entry, "name"), said(entry)));
    }
    lines
}

fn said(entry: &Value) -> String {
    let until = match entry["expires"].is_string() {
        true => format!(" until {}", word(entry, "expires")),
        false => String::new(),
    };
    format!(
        "{}{until}, said by {} at {}: {}",
        word(entry, "mode"),
        word(entry, "by"),
        word(entry, "at"),
        word(entry, "reason")
    )
}
