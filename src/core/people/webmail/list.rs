//! Folders and search results: one line for each message, on a phone three.

use maud::{Markup, html};

use super::layout::{csrf, moment, page};
use super::texts::fill;
use super::{Frame, Here, encoded};
use crate::people::reading::{Party, Summary};
use crate::time::Timestamp;

/// A message in a list.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The message's name in paths.
    pub id: &'a str,
    /// What is shown of it.
    pub summary: &'a Summary,
    /// When it came, or was last changed.
    pub at: Timestamp,
    /// Nobody has read it.
    pub unread: bool,
    /// It was answered from here.
    pub answered: bool,
    /// The folder it lies in: what was written here shows whom it is for.
    pub folder: Here,
}

/// A page of a folder.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    /// Newest first.
    pub rows: &'a [Row<'a>],
    /// `?before=` of the page with newer ones.
    pub newer: Option<&'a str>,
    /// `?after=` of the page with older ones.
    pub older: Option<&'a str>,
}

/// The folder that [`Frame::here`] says.
pub fn folder(frame: &Frame<'_>, list: &Page<'_>) -> String {
    let (t, r) = (frame.texts().all, frame.texts().reading);
    let (title, empty) = match frame.here {
        Here::Sent => (t.sent, r.empty_sent),
        Here::Drafts => (t.drafts, r.empty_drafts),
        Here::Bin => (t.bin, r.empty_bin),
        _ => (t.inbox, r.empty_inbox),
    };
    let here = frame.folder_path(frame.here);
    let link = |name: &str, cursor: &str| format!("{here}?{name}={}", encoded(cursor));
    let content = html! {
        h1 { (title) }
        @if list.rows.is_empty() { p class="card empty" { (empty) } } @else { (bulk(frame, list.rows)) }
        @if list.newer.is_some() || list.older.is_some() {
            nav class="pages" aria-label=(r.pages) {
                @if let Some(cursor) = list.newer { a class="button" rel="prev" href=(link("before", cursor)) { (r.newer) } } @else { span {} }
                @if let Some(cursor) = list.older { a class="button" rel="next" href=(link("after", cursor)) { (r.older) } }
            }
        }
    };
    let unread = frame.unread.filter(|n| *n > 0 && frame.here == Here::Inbox);
    let window = match unread {
        Some(n) => format!("{title} ({})", frame.language.number(n)),
        None => title.to_owned(),
    };
    page(frame, &window, &content)
}

/// The question before the bin is emptied: what will happen, and to how many.
pub fn ask_to_empty(frame: &Frame<'_>, count: u64) -> String {
    let (t, r) = (frame.texts().all, frame.texts().reading);
    let content = html! {
        h1 { (r.empty_it) }
        p { (frame.language.plural(count, r.empty_one, r.empty_many, &[])) }
        form class="row-of" method="post" action=(frame.path("/bin/empty")) {
            (csrf(frame))
            button class="main" type="submit" { (r.empty_it) }
            a class="button" href=(frame.folder_path(Here::Bin)) { (fill(r.back, &[("folder", t.bin)])) }
        }
    };
    page(frame, r.empty_it, &content)
}

/// What a search found; `more` = not all of it is shown.
pub fn search(frame: &Frame<'_>, query: &str, rows: &[Row<'_>], more: bool) -> String {
    let (t, r) = (frame.texts().all, frame.texts().reading);
    let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let gaps = [("q", query)];
    let content = html! {
        h1 { (t.search) }
        form class="row-of" method="get" action=(frame.path("/search")) {
            div class="field" {
                label for="q" { (t.search_mail) }
                input id="q" type="search" name="q" value=(query) maxlength="200" autocomplete="off" aria-describedby="q-hint";
                p class="hint" id="q-hint" { (r.search_hint) }
            }
            button type="submit" { (t.search) }
        }
        @if !query.is_empty() {
            @if rows.is_empty() {
                p class="card empty" role="status" { (fill(r.found_none, &gaps)) }
            } @else {
                p role="status" {
                    (frame.language.plural(count, r.found_one, r.found_many, &gaps))
                    @if more { " · " (r.found_more) }
                }
                (messages(frame, rows, false))
            }
        }
    };
    page(frame, t.search, &content)
}

/// The list with boxes to select from it, and what can be done with what was selected.
fn bulk(frame: &Frame<'_>, rows: &[Row<'_>]) -> Markup {
    let r = frame.texts().reading;
    html! {
        form method="post" action=(frame.path("/bulk")) {
            (csrf(frame))
            input type="hidden" name="folder" value=(frame.here.as_str());
            (messages(frame, rows, true))
            fieldset class="bulk" {
                legend class="hint" { (r.with_selected) }
                @match frame.here {
                    Here::Bin => {
                        button type="submit" name="do" value="restore" { (r.restore) }
                        button type="submit" name="do" value="delete" { (r.delete) }
                    },
                    Here::Drafts => button type="submit" name="do" value="discard" { (r.discard_drafts) },
                    Here::Sent => button type="submit" name="do" value="bin" { (r.to_bin) },
                    _ => {
                        button type="submit" name="do" value="read" { (r.mark_read) }
                        button type="submit" name="do" value="unread" { (r.mark_unread) }
                        button type="submit" name="do" value="bin" { (r.to_bin) }
                    },
                }
            }
        }
        @if frame.here == Here::Bin { p { a class="button" href=(frame.path("/bin/empty")) { (r.empty_it) } } }
    }
}

fn messages(frame: &Frame<'_>, rows: &[Row<'_>], select: bool) -> Markup {
    let r = frame.texts().reading;
    html! {
        ul class="messages" aria-label=(r.messages) {
            @for row in rows {
                li class=[row.unread.then_some("new")] {
                    @if select {
                        label class="pick" {
                            input type="checkbox" name="id" value=(row.id);
                            span class="unseen" { (fill(r.select, &[("subject", subject(frame, row.summary))])) }
                        }
                    }
                    a class=[(!select).then_some("whole")] href=(target(frame, row)) { (line(frame, row)) }
                }
            }
        }
    }
}

fn line(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    let r = frame.texts().reading;
    let summary = row.summary;
    let shown = frame.language.short_date(row.at, frame.now, frame.offset);
    html! {
        span class="sender" {
            @if row.unread { span class="unseen" { (r.unread) ": " } }
            @if row.answered { (picture(r.was_answered, ARROW)) }
            (people(frame, row))
        }
        span class="when number" { (moment(Some(row.at), &shown)) }
        span class="subject" {
            @if summary.invitation { span class="mark" { (r.has_invitation) } }
            @if summary.attachments > 0 { (picture(r.has_attachment, PAPERCLIP)) }
            bdi { (subject(frame, summary)) }
        }
        @if !summary.preview.is_empty() { span class="preview" { bdi { (summary.preview) } } }
    }
}

/// A small picture and what it says.
fn picture(label: &str, path: &str) -> Markup {
    html! {
        svg class="clip" role="img" aria-label=(label) viewBox="0 0 24 24" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" {}
        }
    }
}

/// Who wrote it; of what was written here, whom it is for.
fn people(frame: &Frame<'_>, row: &Row<'_>) -> Markup {
    let r = frame.texts().reading;
    if !matches!(row.folder, Here::Sent | Here::Drafts) {
        return match &row.summary.from {
            Some(party) => person(party),
            None => html! { (r.no_sender) },
        };
    }
    html! {
        @if row.summary.to.is_empty() { (r.no_recipient) }
        @for (index, party) in row.summary.to.iter().enumerate() {
            @if index > 0 { ", " }
            bdi { (if party.name.is_empty() { &party.address } else { &party.name }) }
        }
    }
}

/// A name with the address beside it.
pub fn person(party: &Party) -> Markup {
    html! {
        @if party.name.is_empty() || party.name == party.address { bdi { (party.address) } }
        @else { bdi class="sender-name" { (party.name) } " " bdi class="address soft" { "<" (party.address) ">" } }
    }
}

/// The subject, or that there is none.
pub fn subject<'s>(frame: &Frame<'_>, summary: &'s Summary) -> &'s str {
    if summary.subject.is_empty() {
        frame.texts().reading.no_subject
    } else {
        &summary.subject
    }
}

fn target(frame: &Frame<'_>, row: &Row<'_>) -> String {
    match row.folder {
        Here::Drafts => frame.path(&format!("/compose?draft={}", encoded(row.id))),
        _ => frame.path(&format!("/m/{}", encoded(row.id))),
    }
}

const PAPERCLIP: &str = "M20.5 11.5 12 20a5.5 5.5 0 0 1-7.8-7.8l9-9a3.7 3.7 0 0 1 5.2 5.2l-8.9 9a1.8 1.8 0 0 1-2.6-2.6l8.1-8.2";
const ARROW: &str = "M9 6 3 12l6 6M3 12h11a7 7 0 0 1 7 7";
