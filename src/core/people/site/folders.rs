//! Lists: inbox, sent, drafts, bin, search; and what is done with many messages at once.

use super::reply::{Failure, Reply};
use super::visit::{BASE, Visit};
use super::writing::{self, Stored};
use crate::custody::held::Copy;
use crate::limits;
use crate::people::mailbox::folder::{self, ListPage, Listed, Words};
use crate::people::mailbox::marks::{self, Marks};
use crate::people::mailbox::{bin, drafts as kept, filing};
use crate::people::webmail::list::{self, Page, Row};
use crate::people::webmail::{Frame, Here, Notice};
use crate::ports::{Event as LogEvent, Ports};

/// What came, without what is in the bin.
pub async fn inbox<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    file(visit).await;
    let (store, user, query) = (visit.store(), visit.user(), visit.asked().query());
    let (after, before) = (named(query.get("after")), named(query.get("before")));
    let (most, wanted) = (limits::FOLDER_PAGE, |one: &Listed| !one.marks.binned);
    let page = match (&after, &before) {
        (None, Some(before)) => folder::page_before(store, user, before, most, wanted).await?,
        _ => folder::page(store, user, after.as_ref(), most, wanted).await?,
    };
    let is_paged = after.is_some() || before.is_some();
    Ok(listed(visit, Here::Inbox, &page, is_paged).await)
}

/// What was thrown away.
pub async fn bin<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let (store, user, query) = (visit.store(), visit.user(), visit.asked().query());
    let (after, before) = (named(query.get("after")), named(query.get("before")));
    let start = match (&after, &before) {
        (Some(after), _) => bin::Start::After(after),
        (None, Some(before)) => bin::Start::Before(before),
        (None, None) => bin::Start::Newest,
    };
    let page = bin::page(store, user, start, limits::FOLDER_PAGE).await?;
    Ok(listed(visit, Here::Bin, &page, after.is_some() || before.is_some()).await)
}

/// Asks whether the bin is to be emptied.
pub async fn ask_to_empty<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let count = bin::count(visit.store(), visit.user()).await?;
    if count == 0 {
        return Ok(back(Here::Bin, Notice::Nothing));
    }
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let draw = |frame: &Frame<'_>| list::ask_to_empty(frame, count);
    Ok(visit.page(200, Here::Bin, draw).await)
}

/// Empties the bin.
pub async fn empty<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    bin::empty(visit.store(), visit.user()).await?;
    Ok(back(Here::Bin, Notice::Deleted))
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

/// A page of a list. Where it is not the first, it says where the newer ones are.
async fn listed<P: Ports>(
    visit: &Visit<'_, P>,
    here: Here,
    page: &ListPage,
    is_paged: bool,
) -> Reply {
    let ids: Vec<String> = page
        .listed
        .iter()
        .map(|one| one.entry.copy.to_string())
        .collect();
    let rows: Vec<Row<'_>> = page
        .listed
        .iter()
        .zip(&ids)
        .map(|(listed, id)| row(listed, id, here))
        .collect();
    let older = page.next.map(|copy| copy.to_string());
    let page = Page {
        rows: &rows,
        newer: ids.first().map(String::as_str).filter(|_| is_paged),
        older: older.as_deref(),
    };
    visit
        .page(200, here, |frame| list::folder(frame, &page))
        .await
}

/// A line of a list.
fn row<'r>(listed: &'r Listed, id: &'r str, folder: Here) -> Row<'r> {
    Row {
        id,
        summary: &listed.entry.summary,
        at: listed.entry.at(),
        unread: !listed.marks.seen,
        answered: listed.marks.answered,
        folder,
    }
}

/// What the user sent.
pub async fn sent<P: Ports>(visit: &Visit<'_, P>) -> Result<Reply, Failure> {
    let after = named(visit.asked().query().get("after"));
    let (store, user, most) = (visit.store(), visit.user(), limits::FOLDER_PAGE);
    let kept = |listed: &Listed| !listed.marks.binned;
    let mut page = folder::sent(store, user, after.as_ref(), most, kept).await?;
    page.listed.iter_mut().for_each(|one| one.marks.seen = true);
    Ok(listed(visit, Here::Sent, &page, false).await)
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
            answered: false,
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
        let sent = folder::sent(store, user, None, most, |one| words.are_in(&one.entry)).await?;
        more |= sent.next.is_some();
        found = (page.listed.into_iter().map(|one| (one, Here::Inbox)))
            .chain(sent.listed.into_iter().map(|one| (one, Here::Sent)))
            .collect();
        for (listed, here) in &mut found {
            listed.marks.seen |= *here == Here::Sent;
            if listed.marks.binned {
                *here = Here::Bin;
            }
        }
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
    if copies.is_empty() {
        return Ok(back(folder, Notice::Nothing));
    }
    let (store, user) = (visit.store(), visit.user());
    let (change, notice): (fn(&mut Marks), Notice) = match form.get("do") {
        "read" => (|marks| marks.seen = true, Notice::Read),
        "unread" => (|marks| marks.seen = false, Notice::Unread),
        "bin" => (|marks| marks.binned = true, Notice::Binned),
        "restore" => (|marks| marks.binned = false, Notice::Restored),
        "delete" => {
            bin::delete(store, user, &copies).await?;
            return Ok(back(folder, Notice::Deleted));
        }
        "discard" => {
            for copy in &copies {
                writing::discard(visit, copy.id).await?;
            }
            return Ok(back(folder, Notice::Discarded));
        }
        _ => return Ok(back(folder, Notice::Nothing)),
    };
    // A name of another's message marks nothing of another's: the marks are this user's own.
    marks::change(store, user, &copies, change).await?;
    Ok(back(folder, notice))
}

/// On to a folder, which says what was done.
pub fn back(folder: Here, notice: Notice) -> Reply {
    let path = match folder {
        Here::Inbox => "",
        other => other.as_str(),
    };
    Reply::to(format!("{BASE}/{path}?done={}", notice.as_str()))
}

/// The message of this name.
pub fn named(name: &str) -> Option<Copy> {
    Copy::named(name)
}
