//! A large directory: what it takes to fill it over SCIM, and how long questions about one of its users
//! take, with a tenth of the users and with all of them: reading one must not read all.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::child::Server;
use super::memory::Grown;
use super::part::Part;
use super::report::median;
use super::scenario::{closed_port, storage};
use crate::cli::progress;
use crate::cli::stage::Secrets;
use crate::cli::up::people::Operator;
use crate::native::Native;

/// What was measured with so many users. Times are medians, in seconds.
pub struct Directory {
    pub users: u64,
    pub groups: u64,
    /// Making the users that are more than before, per user, with as many at a time as an import has.
    pub user: f64,
    /// The same of a group of [`MEMBERS`] members.
    pub group: f64,
    /// What was asked, and how long the answer took.
    pub questions: Vec<(&'static str, f64)>,
    /// The host's memory during the questions.
    pub memory: Grown,
}

/// Fills a directory, a group for each ten users, and measures.
pub async fn measure(manifest: &Path, users: u64) -> Result<Vec<Directory>> {
    let secrets = Secrets::draw(&Native::new()?);
    let folder = tempfile::tempdir()?;
    let storage = storage(&folder, &secrets, false).await?;
    let url = format!("http://{}", storage.address());
    let primary = format!("smtp://127.0.0.1:{}", closed_port()?);
    let variables = secrets.variables(&primary, &url, "");
    let host = Server::start(Part::Host {
        manifest: manifest.to_owned(),
        variables,
        listen: None,
    });
    let host = host.await?;
    let idle = host.memory()?;
    let own = format!("http://{}", host.address());
    let operator = Operator::new(&own, &secrets.operator_token)?;
    let bar = progress::bar(true, users + users / 10, "filling the directory");
    let (mut measured, mut made): (Vec<Directory>, Vec<String>) = (Vec::new(), Vec::new());
    for all in [users / 10, users] {
        let there = made.len() as u64;
        let began = Instant::now();
        let more: Vec<String> = stream::iter(there..all)
            .map(|number| make(&operator, "/scim/v2/Users", user(number)))
            .buffered(AT_ONCE)
            .inspect_ok(|_| bar.inc(1))
            .try_collect()
            .await?;
        let per_user = began.elapsed().as_secs_f64() / (all - there) as f64;
        made.extend(more);
        let began = Instant::now();
        let groups: Vec<String> = stream::iter(there / 10..all / 10)
            .map(|number| make(&operator, "/scim/v2/Groups", group(number, &made)))
            .buffered(AT_ONCE)
            .inspect_ok(|_| bar.inc(1))
            .try_collect()
            .await?;
        let per_group = began.elapsed().as_secs_f64() / groups.len() as f64;
        host.forget_peak()?;
        let last = made.last().context("there is no user")?;
        let list = groups.last().context("there is no group")?;
        measured.push(Directory {
            users: all,
            groups: all / 10,
            user: per_user,
            group: per_group,
            questions: questions(&operator, all, last, list).await?,
            memory: host.grown(idle)?,
        });
    }
    bar.finish_and_clear();
    host.stop().await;
    storage.stop().await;
    Ok(measured)
}

async fn questions(
    operator: &Operator,
    users: u64,
    user: &str,
    group: &str,
) -> Result<Vec<(&'static str, f64)>> {
    let name = address(users - 1);
    let filter = |text: String| {
        let text = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
        format!("/scim/v2/Users?filter={text}")
    };
    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "title", "value": "Clerk" }],
    });
    let asked = [
        ("one user", "GET", format!("/scim/v2/Users/{user}")),
        ("by name", "GET", filter(format!("userName eq \"{name}\""))),
        (
            "by address",
            "GET",
            filter(format!("emails.value eq \"{name}\"")),
        ),
        ("a change", "PATCH", format!("/scim/v2/Users/{user}")),
        ("one group", "GET", format!("/scim/v2/Groups/{group}")),
        (
            "a page of 100 in the middle",
            "GET",
            format!("/scim/v2/Users?startIndex={}&count=100", users / 2),
        ),
        ("who can get in", "GET", "/v1/people".to_owned()),
    ];
    let mut answers = Vec::new();
    for (what, method, path) in asked {
        let body = if method == "PATCH" {
            &change
        } else {
            &Value::Null
        };
        let mut times = Vec::new();
        for _ in 0..LOOKS {
            let began = Instant::now();
            let (status, said) = operator.ask(method, &path, body).await?;
            ensure!(status == 200, "{what}: {status} {said}");
            let found = said["totalResults"].as_u64();
            ensure!(found != Some(0), "{what}: nothing was found");
            times.push(began.elapsed().as_secs_f64());
        }
        answers.push((what, median(times.into_iter()).unwrap_or(f64::NAN)));
    }
    Ok(answers)
}

async fn make(operator: &Operator, path: &str, body: Value) -> Result<String> {
    let (status, said) = operator.ask("POST", path, &body).await?;
    ensure!(status == 201, "{path}: {status} {said}");
    Ok(said["id"].as_str().context("it has no id")?.to_owned())
}

fn user(number: u64) -> Value {
    let address = address(number);
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": address,
        "externalId": format!("x-{number}"),
        "displayName": format!("User {number}"),
        "name": { "givenName": "User", "familyName": format!("{number:06}") },
        "emails": [
            { "value": address, "type": "work", "primary": true },
            { "value": format!("alias{number}@example.org"), "type": "work" },
            { "value": format!("private{number}@elsewhere.example"), "type": "home" },
        ],
        "active": true,
    })
}

fn group(number: u64, users: &[String]) -> Value {
    let first = usize::try_from(number).unwrap_or(0) * 7;
    let members = users.iter().cycle().skip(first % users.len()).take(MEMBERS);
    let members: Vec<Value> = members.map(|id| json!({ "value": id })).collect();
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": format!("list{number}@example.org"),
        "members": members,
    })
}

fn address(number: u64) -> String {
    format!("user{number}@example.org")
}

/// As many as `holdfast directory import` has under way.
const AT_ONCE: usize = 8;
const MEMBERS: usize = 20;
const LOOKS: u32 = 9;
