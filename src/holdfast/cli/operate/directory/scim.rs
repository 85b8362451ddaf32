//! The running installation's side of an import: its users and groups are read page by page, and
//! changes are made some at a time, over SCIM (RFC 7644).

use anyhow::{Result, bail};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use holdfast_core::limits;
use serde_json::{Value, json};

use super::plan::{GroupStep, Ids, Known, Plan, UserChange, UserStep, patch};
use crate::cli::operate::client::{Client, encoded};
use crate::cli::progress;

/// Reads all users, and all groups where they are `wanted`.
pub async fn read(client: &Client, wanted: bool, shown: bool) -> Result<Known> {
    let attributes =
        "userName,externalId,displayName,name,emails,phoneNumbers,active,preferredLanguage";
    let users = all(client, "/scim/v2/Users", attributes, shown).await?;
    let attributes = format!(
        "displayName,externalId,members.value,{}:addresses",
        holdfast_core::people::directory::group::EXTENSION
    );
    let groups = match wanted {
        true => all(client, "/scim/v2/Groups", &attributes, shown).await?,
        false => Vec::new(),
    };
    Ok(Known { users, groups })
}

async fn all(client: &Client, path: &str, attributes: &str, shown: bool) -> Result<Vec<Value>> {
    let bar = progress::bar(shown, 0, "reading the directory");
    let mut resources = Vec::new();
    loop {
        // A page can be shorter than asked for, where its groups are large.
        let start = resources.len() + 1;
        let page = format!(
            "{path}?startIndex={start}&count={}&attributes={}",
            limits::SCIM_PAGE,
            encoded(attributes)
        );
        let mut page = client.get(&page).await?;
        let total = page["totalResults"].as_u64().unwrap_or(0);
        let Some(Value::Array(more)) = page.get_mut("Resources").map(Value::take) else {
            bail!("the answer to {path} is no list of SCIM");
        };
        let got = more.len();
        resources.extend(more);
        bar.set_length(total);
        bar.set_position(u64::try_from(resources.len()).unwrap_or(total));
        // One that cannot be read is left out of its page, and must not make this go on for ever.
        if got == 0 || u64::try_from(resources.len()).unwrap_or(u64::MAX) >= total {
            bar.finish_and_clear();
            return Ok(resources);
        }
    }
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// Users that were made.
    pub created: u64,
    /// Users that were changed.
    pub changed: u64,
    /// Users that were made inactive.
    pub deactivated: u64,
    /// Groups that were made or changed.
    pub groups: u64,
    /// What was not done, and why.
    pub failed: Vec<String>,
}

/// Carries a plan out: users, then groups, then who is in them. A change that fails stops no other.
/// One that fails is tried once more at the end, because an address may be given up by another line
/// of the same file.
pub async fn apply(client: &Client, plan: Plan, shown: bool) -> Applied {
    let steps = u64::try_from(plan.steps()).unwrap_or(u64::MAX);
    let bar = progress::bar(shown, steps, "changing the directory");
    let mut applied = Applied::default();
    let mut ids = plan.ids;
    let mut left = plan.users;
    for last in [false, true] {
        let tries = left.into_iter().map(|step| async {
            let done = user(client, &step).await;
            (step, done)
        });
        let mut tries = stream::iter(tries).buffer_unordered(AT_ONCE);
        let mut failed = Vec::new();
        while let Some((step, done)) = tries.next().await {
            match done {
                Ok(id) => {
                    bar.inc(1);
                    applied.count(&step, id, &mut ids);
                }
                Err(_) if !last => failed.push(step),
                Err(error) => {
                    bar.inc(1);
                    applied.failed.push(told(step.line, &step.name, &error));
                }
            }
        }
        drop(tries);
        left = failed;
    }
    // All of them are there before one of them is the member of another.
    let mut made = Vec::new();
    for step in plan.groups {
        match group(client, &step).await {
            Ok(id) => {
                if let (Some(id), Some(slot)) = (id, ids.groups.get_mut(step.at)) {
                    *slot = Some(id);
                }
                made.push(step);
            }
            Err(error) => {
                bar.inc(1);
                applied.failed.push(told(step.line, &step.name, &error));
            }
        }
    }
    for step in made {
        match members(client, &step, &ids).await {
            Ok(()) => applied.groups += 1,
            Err(error) => applied.failed.push(told(step.line, &step.name, &error)),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    applied
}

impl Applied {
    fn count(&mut self, step: &UserStep, id: Option<String>, ids: &mut Ids) {
        match &step.what {
            UserChange::Create(at, _) => {
                self.created += 1;
                if let Some(slot) = ids.people.get_mut(*at) {
                    *slot = id;
                }
            }
            UserChange::Change(..) => self.changed += 1,
            UserChange::Deactivate(..) => self.deactivated += 1,
        }
    }
}

async fn user(client: &Client, step: &UserStep) -> Result<Option<String>> {
    let (method, path, body) = match &step.what {
        UserChange::Create(_, body) => ("POST", "/scim/v2/Users?attributes=id".to_owned(), body),
        UserChange::Change(id, _, body) | UserChange::Deactivate(id, body) => {
            let path = format!("/scim/v2/Users/{}?attributes=id", encoded(id));
            ("PATCH", path, body)
        }
    };
    let answer = client.send(method, &path, body).await?;
    Ok(answer["id"].as_str().map(str::to_owned))
}

/// Makes a group, or changes its attributes; gives the id of a new one.
async fn group(client: &Client, step: &GroupStep) -> Result<Option<String>> {
    if let Some(body) = &step.create {
        let answer = client
            .send("POST", "/scim/v2/Groups?attributes=id", body)
            .await?;
        return Ok(answer["id"].as_str().map(str::to_owned));
    }
    Ok(None)
}

/// Changes an existing group's attributes and who is in it.
async fn members(client: &Client, step: &GroupStep, ids: &Ids) -> Result<()> {
    let Some(id) = ids.groups.get(step.at).and_then(Option::as_deref) else {
        bail!("the installation gave it no id");
    };
    let (add, remove) = step.differences(ids);
    let of = |op: &'static str, ids: &[String]| -> Vec<Value> {
        let pieces = ids.chunks(MEMBERS);
        let piece = |ids: &[String]| {
            let members: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
            json!({ "op": op, "path": "members", "value": members })
        };
        pieces.map(piece).collect()
    };
    let mut operations = of("add", &add);
    operations.extend(of("remove", &remove));
    let attributes = step.attributes.clone();
    let attributes = Some(attributes).filter(|attributes| !attributes.is_empty());
    let bodies = attributes
        .into_iter()
        .chain(operations.into_iter().map(|one| vec![one]));
    let path = format!("/scim/v2/Groups/{}", encoded(id));
    let sends = bodies.map(|operations| Ok::<_, anyhow::Error>(patch(operations)));
    stream::iter(sends)
        .try_for_each(|body| async {
            let body = body;
            client.send("PATCH", &path, &body).await.map(drop)
        })
        .await
}

fn told(line: u64, name: &str, error: &anyhow::Error) -> String {
    match line {
        0 => format!("{name}: {error:#}"),
        line => format!("line {line}, {name}: {error:#}"),
    }
}

/// Changes that are under way together.
const AT_ONCE: usize = 8;
/// Members of one request: each takes some 50 of the bytes that a request may have.
const MEMBERS: usize = 10_000;
const _: () = assert!(MEMBERS * 100 < limits::SCIM_BODY_BYTES);
