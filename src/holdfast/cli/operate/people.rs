//! `holdfast people`: who can get in, activation links, ended sessions.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::client::{Client, encoded};
use super::show::{rows, word};
use super::{Installation, tell};
use crate::cli::texts::printable;

/// What `holdfast people` can be told.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct People {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Action {
    /// Shows users, and who can get in now (the default).
    List(List),
    /// Shows one user, with addresses and phones elsewhere.
    Show(Show),
    /// Makes a link with which a user chooses a password, and prints it or sends it.
    Activate(Activate),
    /// Ends all sessions of a user.
    Revoke(Revoke),
}

#[derive(Args)]
struct List {
    /// Only users with words in the name or an address that begin so.
    query: Option<String>,
    /// Only users of this route.
    #[arg(long)]
    route: Option<String>,
    /// Only who can get in now.
    #[arg(long)]
    can_get_in: bool,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
struct Show {
    /// The user's name, address or id.
    user: String,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Args)]
struct Activate {
    /// The user's name, address or id.
    user: String,
    /// What the link is for.
    #[arg(long, default_value = "activate")]
    purpose: Purpose,
    /// When it is over, such as 2026-11-30T09:00:00Z; in 7 days if absent, in 30 at most.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Send it to the user's address elsewhere, too.
    #[arg(long)]
    send: bool,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

#[derive(Clone, Copy, ValueEnum)]
enum Purpose {
    /// The first password.
    Activate,
    /// Another one, for somebody who lost the password or the second factor.
    Reset,
}

#[derive(Args)]
struct Revoke {
    /// The user's name, address or id.
    user: String,
    /// Why; it stands in the audit log.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    installation: Installation,
}

/// Does it.
pub async fn run(arguments: People) -> Result<ExitCode> {
    match arguments.action {
        None => list(arguments.list).await,
        Some(Action::List(wanted)) => list(wanted).await,
        Some(Action::Show(one)) => show(one).await,
        Some(Action::Activate(one)) => activate(one).await,
        Some(Action::Revoke(one)) => revoke(one).await,
    }
}

async fn list(wanted: List) -> Result<ExitCode> {
    let client = Client::new(&wanted.installation)?;
    let mut path = String::from("/v1/people?");
    for (name, value) in [("q", &wanted.query), ("route", &wanted.route)] {
        if let Some(value) = value {
            path.push_str(&format!("{name}={}&", encoded(value)));
        }
    }
    if wanted.can_get_in {
        path.push_str("can=in&");
    }
    let mut after = String::new();
    loop {
        let page = client.get(&format!("{path}{after}")).await?;
        let next = page["next"].as_str();
        tell(&wanted.installation, &page, || lines(&page));
        match next {
            Some(next) => after = format!("after={}", encoded(next)),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

async fn show(one: Show) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let path = format!("/v1/people/{}", encoded(&one.user));
    let person = client.get(&path).await?;
    tell(&one.installation, &person, || all(&person));
    Ok(ExitCode::SUCCESS)
}

async fn activate(one: Activate) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let purpose = match one.purpose {
        Purpose::Activate => "activate",
        Purpose::Reset => "reset",
    };
    let order = json!({
        "reason": one.reason, "purpose": purpose, "expires": one.expires, "send": one.send,
    });
    let path = format!("/v1/people/{}/activation", encoded(&one.user));
    let link = client.send("POST", &path, &order).await?;
    tell(&one.installation, &link, || made(&link));
    Ok(ExitCode::SUCCESS)
}

async fn revoke(one: Revoke) -> Result<ExitCode> {
    let client = Client::new(&one.installation)?;
    let path = format!("/v1/people/{}/revoke", encoded(&one.user));
    let order = json!({ "reason": one.reason });
    let revoked = client.send("POST", &path, &order).await?;
    tell(&one.installation, &revoked, || {
        format!("{}: all sessions are over", word(&revoked, "user_name"))
    });
    Ok(ExitCode::SUCCESS)
}

/// A page of users; on the last one what all of them come to.
fn lines(page: &Value) -> String {
    let mut lines: String = rows(page, "people").map(|one| line(one) + "\n").collect();
    if page["next"].is_null() {
        let number = |name: &str| page[name].as_u64().unwrap_or(0);
        lines.push_str(&format!(
            "{} users; the access switch lets {} in now, and {} of them have a login",
            number("total"),
            number("allowed"),
            number("can_get_in")
        ));
    }
    lines
}

fn line(one: &Value) -> String {
    let address = one["addresses"][0].as_str();
    let mut line = word(one, "user_name");
    if let Some(address) = address.filter(|address| one["user_name"] != **address) {
        line.push_str(&format!(" <{}>", printable(address)));
    }
    format!("{line} {}: {}", word(one, "name"), standing(one))
}

/// Whether somebody can get in, and what stands in the way.
fn standing(one: &Value) -> String {
    let mut ways = Vec::new();
    if one["active"] == false {
        ways.push("not active".to_owned());
    }
    if one["activated"] == false {
        ways.push("no login yet".to_owned());
    }
    let access = &one["access"];
    let why = match access["why"].as_str() {
        None => "no address here",
        Some("always") => "access at any time",
        Some("outage") => "there is an outage",
        Some("outage-unknown") => "whether there is an outage is not known",
        Some("no-outage") => "access in an outage only",
        Some("off") => "access is off",
        Some(_) => "access",
    };
    let by = match access["by"]["kind"].as_str() {
        Some("user") => ", said of the user",
        Some("group") => ", said of a group",
        Some("route") => ", said of the route",
        _ => "",
    };
    ways.push(format!("{why}{by}"));
    let can = match one["can_get_in"] == true {
        true => "can get in",
        false => "cannot get in",
    };
    format!("{can} ({})", ways.join(", "))
}

fn all(person: &Value) -> String {
    let mut lines = format!("{}\n  id: {}\n", line(person), word(person, "id"));
    for (name, what) in [
        ("addresses", "addresses"),
        ("alternates", "elsewhere"),
        ("phones", "phones"),
    ] {
        let values: Vec<&str> = rows(person, name).filter_map(Value::as_str).collect();
        if !values.is_empty() {
            let values = printable(&values.join(", "));
            lines.push_str(&format!("  {what}: {values}\n"));
        }
    }
    if person["second_factor"] == true {
        lines.push_str("  a second factor is enrolled\n");
    }
    let link = &person["link"];
    if link.is_object() {
        lines.push_str(&format!(
            "  a link to {} is out until {} (made by {})\n",
            word(link, "purpose"),
            word(link, "expires"),
            word(link, "by")
        ));
    }
    lines
}

fn made(link: &Value) -> String {
    let sent = match link["sent_to"].as_str() {
        Some(to) => format!("\nIt is on its way to {}.", printable(to)),
        None => String::new(),
    };
    format!(
        "{}\nIt works once, until {}, and is not shown again. Give it to {} and nobody else.{sent}",
        word(link, "url"),
        word(link, "expires"),
        word(link, "user_name")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_can_get_in_and_why_not() {
        let one = json!({
            "user_name": "ada", "name": "Ada\u{1b}[2J", "addresses": ["ada@example.org"],
            "active": true, "activated": true, "can_get_in": true,
            "access": {"allowed": true, "why": "always", "by": {"kind": "group", "id": "x"}},
        });
        assert_eq!(
            line(&one),
            "ada <ada@example.org> Ada[2J: can get in (access at any time, said of a group)"
        );
        let one = json!({
            "user_name": "bob@example.org", "name": "Bob", "addresses": ["bob@example.org"],
            "active": false, "activated": false, "can_get_in": false,
            "access": {"allowed": false, "why": "no-outage", "by": {"kind": "default"}},
        });
        assert_eq!(
            line(&one),
            "bob@example.org Bob: cannot get in (not active, no login yet, access in an outage only)"
        );
    }
}
