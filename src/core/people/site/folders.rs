//! Lists: inbox, sent, drafts, bin, search; and what is done with many messages at once.

use super::reply::{Failure, Reply};
use super::visit::{BASE, Visit};
use super::writing::Stored;
use crate::custody::held::Copy;
use crate::limits;
use crate::people::mailbox::folder::{self, ListPage, Listed, Words};
use crate::people::mailbox::marks::{self, Marks};
use crate::people::mailbox::{drafts as kept, filing};
use crate::people::webmail::list::{self, Page, Row};
use crate::people::webmail::{Frame, Here, Notice};
use crate::ports::{Event as LogEvent, Ports};

/// What came, without what is in the bin.
pub async fn inbox<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    file(visit).await;
    received(visit, Here::Inbox, |listed| !listed.marks.binned).await
}

/// What was thrown away.
pub async fn bin<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    received(visit, Here::Bin, |listed| listed.marks.binned).await
}

/// Files what came since the last tick, so that who looks sees it.
async fn file<P: Ports>(visit: &Visit<'_, P>) {
    let site = visit.site();
    let deadline = site.ports.now().after(limits::FILING_LOOK);
    if let Err(error) = filing::file(site.ports, site.config, deadline).await {
        let event = LogEvent::new("filing.failed").with("error", error.to_string());
        site.ports.write(event);
    }
}

async fn received<P: Ports>(
    visit: &Visit<'_, P>,
    here: Here,
    wanted: impl Fn(&Listed) -> bool,
) -> Result<Reply, Failure> {
    let (store, user, query) = (visit.store(), visit.user(), visit.asked().query());
    let (after, before) = (named(query.get("after")), named(query.get("before")));
    let most = limits::FOLDER_PAGE;
    let page = match (&after, &before) {
        (None, Some(before)) => folder::page_before(store, user, before, most, wanted).await?,
        _ => folder::page(store, user, after.as_ref(), most, wanted).await?,
    };
    let ListPage { listed, next } = page;
    let paged = after.is_some() || before.is_some();
    let newer = listed
        .first()
        .filter(|_| paged)
        .map(|first| first.entry.copy.to_string());
    let older = next.map(|copy| copy.to_string());
    let ids: Vec<String> = listed
        .iter()
        .map(|one| one.entry.copy.to_string())
        .collect();
    let rows: Vec<Row<'_>> = listed
        .iter()
        .zip(&ids)
        .map(|(listed, id)| row(listed, id, here))
        .collect();
    let page = Page {
        rows: &rows,
        newer: newer.as_deref(),
        older: older.as_deref(),
    };
    Ok(visit
        .page(200, here, |frame| list::folder(frame, &page))
        .await)
}

/// A line of a list.
fn row<'r>(listed: &'r Listed, id: &'r str, folder: Here) -> Row<'r> {
    Row {
        id,
        summary: &listed.entry.summary,
        at: listed.entry.at(),
        unread: !listed.marks.seen,
        folder,
    }
}

/// What the user sent.
pub async fn sent<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let after = named(visit.asked().query().get("after"));
    let most = limits::FOLDER_PAGE;
    let (entries, more) = folder::sent(visit.store(), visit.user(), after.as_ref(), most).await?;
    let ids: Vec<String> = entries.iter().map(|entry| entry.copy.to_string()).collect();
    let rows: Vec<Row<'_>> = entries
        .iter()
        .zip(&ids)
        .map(|(entry, id)| Row {
            id,
            summary: &entry.summary,
            at: entry.at(),
            unread: false,
            folder: Here::Sent,
        })
        .collect();
    let page = Page {
        rows: &rows,
        newer: None,
        older: ids.last().map(String::as_str).filter(|_| more),
    };
    Ok(visit
        .page(200, Here::Sent, |frame| list::folder(frame, &page))
        .await)
}

/// What the user has not sent yet.
pub async fn drafts<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let drafts = kept::list::<Stored>(visit.store(), visit.user()).await?;
    let drafts: Vec<_> = drafts
        .into_iter()
        .map(|(id, draft)| (id.to_string(), draft.summary(), draft.at))
        .collect();
    let rows: Vec<Row<'_>> = drafts
        .iter()
        .map(|(id, summary, at)| Row {
            id,
            summary,
            at: *at,
            unread: false,
            folder: Here::Drafts,
        })
        .collect();
    let page = Page {
        rows: &rows,
        ..Page::default()
    };
    Ok(visit
        .page(200, Here::Drafts, |frame| list::folder(frame, &page))
        .await)
}

/// What has all the words: in the inbox, the bin, and among what was sent.
pub async fn search<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let query = visit.asked().query();
    let text = query.get("q").trim();
    let (mut found, mut more) = (Vec::new(), false);
    if let Some(words) = Words::of(text) {
        let (store, user) = (visit.store(), visit.user());
        let most = limits::SEARCH_FOUND;
        let page = folder::page(store, user, None, most, |one| words.are_in(&one.entry)).await?;
        more = page.next.is_some();
        found = page
            .listed
            .into_iter()
            .map(|listed| {
                let here = if listed.marks.binned {
                    Here::Bin
                } else {
                    Here::Inbox
                };
                (listed, here)
            })
            .collect();
        let (sent, _) = folder::sent(store, user, None, limits::FILING_PAGE).await?;
        let sent = sent.into_iter().filter(|entry| words.are_in(entry));
        let seen = Marks {
            seen: true,
            ..Marks::default()
        };
        found.extend(sent.map(|entry| (Listed { entry, marks: seen }, Here::Sent)));
        found.sort_by_key(|(listed, _)| std::cmp::Reverse(listed.entry.at()));
        more |= found.len() > most;
        found.truncate(most);
    }
    let ids: Vec<String> = found
        .iter()
        .map(|(one, _)| one.entry.copy.to_string())
        .collect();
    let rows: Vec<Row<'_>> = found
        .iter()
        .zip(&ids)
        .map(|((listed, here), id)| row(listed, id, *here))
        .collect();
    let draw = |frame: &Frame<'_>| list::search(frame, text, &rows, more);
    Ok(visit.page(200, Here::Search, draw).await)
}

/// Does one thing with the messages that were chosen.
pub async fn bulk<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let form = visit.form();
    let folder = Here::folder(form.get("folder")).unwrap_or(Here::Inbox);
    let copies: Vec<Copy> = form
        .all("id")
        .filter_map(named)
        .take(limits::FOLDER_PAGE)
        .collect();
    let back = |notice: Notice| {
        let path = match folder {
            Here::Inbox => String::new(),
            other => other.as_str().to_owned(),
        };
        Ok(Reply::to(format!("{BASE}/{path}?done={}", notice.as_str())))
    };
    if copies.is_empty() {
        return back(Notice::Nothing);
    }
    let (change, notice): (fn(&mut Marks), Notice) = match form.get("do") {
        "read" => (|marks| marks.seen = true, Notice::Read),
        "unread" => (|marks| marks.seen = false, Notice::Unread),
        "bin" => (|marks| marks.binned = true, Notice::Binned),
        "restore" => (|marks| marks.binned = false, Notice::Restored),
        _ => return back(Notice::Nothing),
    };
    // A name of another's message marks nothing of another's: the marks are this user's own.
    marks::change(visit.store(), visit.user(), &copies, change).await?;
    back(notice)
}

/// The message of this name.
pub fn named(name: &str) -> Option<Copy> {
    Copy::named(name)
}
