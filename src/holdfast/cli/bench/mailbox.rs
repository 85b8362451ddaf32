//! A large mailbox: how long its pages and a search take, and what memory that needs, with a tenth of
//! the messages and with all of them, so that one sees how each grows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::memory::Grown;
use super::part::Part;
use super::report::median;
use super::scenario::{closed_port, message, storage};
use super::visitor::Visitor;
use super::{backlog, child::Server};
use crate::cli::stage::Secrets;
use crate::cli::up::people;
use crate::native::Native;

/// What was measured with so many messages. Times are medians, in seconds.
pub struct Mailbox {
    pub messages: u64,
    /// Filing them, by ticks.
    pub filing: f64,
    /// The first page of the inbox.
    pub first: f64,
    /// A page in the middle.
    pub later: f64,
    /// A search for a word that no message has.
    pub search: f64,
    /// The host's memory meanwhile.
    pub memory: Grown,
}

/// Fills the mailbox of one user, and measures.
pub async fn measure(manifest: &Path, messages: u64) -> Result<Vec<Mailbox>> {
    let native = Native::new()?;
    let secrets = Secrets::draw(&native);
    let folder = tempfile::tempdir()?;
    let storage = storage(&folder, &secrets, false).await?;
    let url = format!("http://{}", storage.address());
    let primary = format!("smtp://127.0.0.1:{}", closed_port()?);
    let mut variables = secrets.variables(&primary, &url, "access = \"always\"");
    let key = format!("{}{}", secrets.tick_token, secrets.operator_token);
    variables.insert("session_key".into(), key);
    let host = Server::start(Part::Host {
        manifest: manifest.to_owned(),
        variables,
        listen: None,
    });
    let host = host.await?;
    let idle = host.memory()?;
    let own = format!("http://{}", host.address());
    let links = people::invite(&own, &secrets.operator_token).await?;
    let (_, link) = links.first().context("there is no link")?;
    let mut visitor = Visitor::activated(host.address(), link).await?;

    let (bucket, mut measured, mut there) = (secrets.bucket(&url), Vec::new(), 0);
    for messages in [messages / 10, messages] {
        let more = messages - there;
        backlog::fill_since(&bucket, &message(SMALL), more, OUTAGE).await?;
        there = messages;
        let began = Instant::now();
        while backlog::count(&bucket, "filed/").await? < messages {
            ensure!(began.elapsed() < PATIENCE, "the messages are not filed");
            backlog::tick(&host, &secrets.tick_token).await?;
        }
        let filing = began.elapsed().as_secs_f64();
        // What is old is packed after the answers.
        while backlog::count(&bucket, "mailboxes/").await? > PACKED {
            ensure!(began.elapsed() < PATIENCE, "the mailbox is not packed");
            visitor.get("/mail/").await?;
        }
        host.forget_peak()?;
        let (first, page) = timed(&mut visitor, "/mail/").await?;
        let next = next_page(&page).context("the inbox has one page only")?;
        let (later, _) = timed(&mut visitor, &next).await?;
        let (search, _) = timed(&mut visitor, "/mail/search?q=xylophone").await?;
        measured.push(Mailbox {
            messages,
            filing,
            first,
            later,
            search,
            memory: host.grown(idle)?,
        });
    }
    host.stop().await;
    storage.stop().await;
    Ok(measured)
}

/// The page with older messages.
fn next_page(page: &str) -> Option<String> {
    let link = page
        .split("<a ")
        .find(|link| link.contains("rel=\"next\""))?;
    let path = link.split_once("href=\"")?.1.split('"').next()?;
    Some(path.replace("&amp;", "&"))
}

/// The median of a few looks, and the page.
async fn timed(visitor: &mut Visitor, path: &str) -> Result<(f64, String)> {
    let (mut times, mut page) = (Vec::new(), String::new());
    for _ in 0..LOOKS {
        let began = Instant::now();
        page = visitor.get(path).await?.to_owned();
        times.push(began.elapsed().as_secs_f64());
    }
    Ok((median(times.into_iter()).unwrap_or(f64::NAN), page))
}

/// Bytes of the messages.
const SMALL: usize = 1_000;
/// The messages came in during this time.
const OUTAGE: Duration = Duration::from_secs(3 * 86_400);
const LOOKS: u32 = 9;
/// Objects of a mailbox whose older entries are packed.
const PACKED: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(600);
