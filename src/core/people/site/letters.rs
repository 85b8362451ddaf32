//! One message: its page, its body in a frame, its files, its conversation, answers to invitations.
//!
//! A name in a path is looked for in the mailbox of whoever asks. One that is not there is not found,
//! whoever else may have it.

use bytes::Bytes;

use super::folders::{back, named};
use super::reply::{Failure, Reply};
use super::visit::{BASE, Visit};
use super::writing;
use crate::custody::held::Copy;
use crate::custody::store::Store as _;
use crate::limits;
use crate::people::mailbox::bin;
use crate::people::mailbox::entry::{self, Entry};
use crate::people::mailbox::folder::{self, Listed};
use crate::people::mailbox::marks::{self, Marks};
use crate::people::mailbox::sending::sent_body;
use crate::people::reading::{self, Answer, Reading, html};
use crate::people::webmail::message::{self, Turn, View};
use crate::people::webmail::{Frame, Here, Notice, compose};
use crate::ports::{Ports, new_id};

/// A message of this user.
pub struct Letter {
    /// Its entry.
    pub entry: Entry,
    /// What the user did with it.
    pub marks: Marks,
    /// Where it lies.
    pub folder: Here,
    /// Its bytes; none where it went home and nothing is kept here.
    pub message: Option<Bytes>,
}

/// Looks a message up by its name: what came, then what was sent.
pub async fn find<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Letter, Failure> {
    let copy = named(id).ok_or(Failure::NotFound)?;
    let (store, user) = (visit.store(), visit.user());
    if let Some(listed) = folder::find(store, user, &copy).await? {
        let message = entry::message(store, visit.site().config, &listed.entry).await?;
        let folder = if listed.marks.binned {
            Here::Bin
        } else {
            Here::Inbox
        };
        return Ok(Letter {
            entry: listed.entry,
            marks: listed.marks,
            folder,
            message,
        });
    }
    let found = folder::find_sent(store, user, &copy).await?;
    let Listed { entry, marks } = found.ok_or(Failure::NotFound)?;
    let object = store
        .get(&sent_body(user, &copy), limits::MESSAGE_BYTES_CEILING)
        .await?;
    Ok(Letter {
        entry,
        marks,
        folder: if marks.binned { Here::Bin } else { Here::Sent },
        message: object.map(|object| object.bytes),
    })
}

/// The message's page; opening it marks it as read.
pub async fn show<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Reply, Failure> {
    let letter = find(visit, id).await?;
    let images = visit.asked().query().get("images") == "1";
    page(visit, id, &letter, images).await
}

/// The same with images of other hosts, which tell those hosts that it was read.
pub async fn with_images<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Reply, Failure> {
    let letter = find(visit, id).await?;
    page(visit, id, &letter, true).await
}

async fn page<P: Ports>(
    visit: &Visit<'_, P>,
    id: &str,
    letter: &Letter,
    images: bool,
) -> Result<Reply, Failure> {
    let message = letter.message.as_ref().ok_or(Failure::NotFound)?;
    if !letter.marks.seen {
        mark(visit, &letter.entry.copy, |marks| marks.seen = true).await?;
    }
    let mut reading = reading::read(message, images);
    let date = reading.summary.date.unwrap_or_else(|| letter.entry.at());
    reading.summary.date = Some(date);
    let thread = reading.summary.thread.clone();
    let turns = match &thread {
        Some(thread) => turns(visit, thread).await?.len(),
        None => 1,
    };
    let view = View {
        id,
        folder: letter.folder,
        reading: &reading,
        plain: visit.asked().query().get("plain") == "1",
        images,
        thread: thread.as_deref().map(|thread| (thread, turns as u64)),
        attachments_open: visit.site().config.webmail.attachments,
        answered: letter.marks.coming,
    };
    let draw = |frame: &Frame<'_>| message::message(frame, &view);
    Ok(visit.page(200, letter.folder, draw).await)
}

/// The HTML body, a document of its own that may do nothing.
pub async fn body<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Reply, Failure> {
    let letter = find(visit, id).await?;
    let message = letter.message.ok_or(Failure::NotFound)?;
    let images = visit.asked().query().get("images") == "1";
    let reading = reading::read(&message, images);
    let body = reading.body.html.as_ref().ok_or(Failure::NotFound)?;
    let document = html::document(body, visit.language().tag(), &reading.summary.subject);
    let policy = html::frame_policy(images);
    Ok(Reply::content(
        "text/html; charset=utf-8",
        &policy,
        document.into_bytes(),
    ))
}

/// One file, always to be saved and never to be shown by the browser.
pub async fn attachment<P: Ports>(
    visit: &Visit<'_, P>,
    id: &str,
    index: &str,
) -> Result<Reply, Failure> {
    if !visit.site().config.webmail.attachments {
        return Err(Failure::NotFound);
    }
    let letter = find(visit, id).await?;
    let message = letter.message.ok_or(Failure::NotFound)?;
    let index = index.parse().map_err(|_| Failure::NotFound)?;
    let (info, bytes) = reading::attachment(&message, index).ok_or(Failure::NotFound)?;
    let served = reading::files::served_type(&info.content_type);
    let reply = Reply::content(served, "default-src 'none'; sandbox", bytes);
    Ok(reply.with("content-disposition", info.disposition()))
}

/// What is done with one message; then its folder is shown.
pub async fn act<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Reply, Failure> {
    let letter = find(visit, id).await?;
    let copy = letter.entry.copy;
    if visit.form().get("do") == "delete" {
        bin::delete(visit.store(), visit.user(), &[copy]).await?;
        return Ok(back(letter.folder, Notice::Deleted));
    }
    let (change, notice): (fn(&mut Marks), Notice) = match visit.form().get("do") {
        "unread" => (|marks| marks.seen = false, Notice::Unread),
        "bin" => (|marks| marks.binned = true, Notice::Binned),
        "restore" => (|marks| marks.binned = false, Notice::Restored),
        _ => return Err(Failure::NotFound),
    };
    mark(visit, &copy, change).await?;
    Ok(back(letter.folder, notice))
}

/// Answers an invitation.
pub async fn answer<P: Ports>(visit: &Visit<'_, P>, id: &str) -> Result<Reply, Failure> {
    let letter = find(visit, id).await?;
    let reading = letter
        .message
        .as_ref()
        .map(|message| reading::read(message, false));
    let invitation = reading
        .and_then(|reading| reading.invitation)
        .ok_or(Failure::NotFound)?;
    let answer = Answer::parse(visit.form().get("answer")).ok_or(Failure::NotFound)?;
    let from = visit.person.addresses.first().ok_or(Failure::NotFound)?;
    let (name, now) = (visit.person.user.shown_name(), visit.site().ports.now());
    let (from, language) = ((name.as_str(), from), visit.language());
    let draft = compose::answer_to_invitation(&invitation, from, answer, language, now);
    let draft = draft.ok_or(Failure::NotFound)?;
    let id = new_id(visit.site().ports);
    writing::send_off(visit, id, draft)
        .await?
        .map_err(Failure::Problem)?;
    let said = |marks: &mut Marks| {
        marks.answered = true;
        marks.coming = Some(answer);
    };
    mark(visit, &letter.entry.copy, said).await?;
    let path = format!(
        "{BASE}/m/{}?done={}",
        letter.entry.copy,
        Notice::Answered.as_str()
    );
    Ok(Reply::to(path))
}

/// A conversation, oldest first.
pub async fn thread<P: Ports>(visit: &Visit<'_, P>, thread: &str) -> Result<Reply, Failure> {
    let found = turns(visit, thread).await?;
    if found.is_empty() {
        return Err(Failure::NotFound);
    }
    let mut texts = Vec::with_capacity(found.len());
    for (entry, _) in &found {
        let letter = find(visit, &entry.copy.to_string()).await?;
        let reading: Option<Reading> = letter.message.map(|message| reading::read(&message, false));
        texts.push(reading.and_then(|reading| reading.body.text));
    }
    let ids: Vec<String> = found
        .iter()
        .map(|(entry, _)| entry.copy.to_string())
        .collect();
    let shown: Vec<Turn<'_>> = found
        .iter()
        .zip(ids.iter().zip(&texts))
        .map(|((entry, unread), (id, text))| Turn {
            id,
            summary: &entry.summary,
            at: entry.at(),
            text: text.as_deref(),
            unread: *unread,
        })
        .collect();
    let draw = |frame: &Frame<'_>| message::conversation(frame, &shown);
    Ok(visit.page(200, Here::Inbox, draw).await)
}

/// The messages of a conversation among the newest, with whether each is new.
async fn turns<P: Ports>(
    visit: &Visit<'_, P>,
    thread: &str,
) -> Result<Vec<(Entry, bool)>, Failure> {
    let of_it = |entry: &Entry| entry.summary.thread.as_deref() == Some(thread);
    let (store, user) = (visit.store(), visit.user());
    let wanted = |listed: &Listed| !listed.marks.binned && of_it(&listed.entry);
    let came = folder::among_newest(store, user, limits::THREAD_LOOKS, wanted).await?;
    let sent = folder::sent(store, user, None, limits::THREAD_TURNS, wanted).await?;
    let came = came
        .into_iter()
        .map(|listed| (listed.entry, !listed.marks.seen));
    let sent = sent.listed.into_iter().map(|listed| (listed.entry, false));
    let mut turns: Vec<(Entry, bool)> = came.chain(sent).collect();
    turns.sort_by_key(|(entry, _)| entry.at());
    let many = turns.len().saturating_sub(limits::THREAD_TURNS);
    Ok(turns.split_off(many))
}

async fn mark<P: Ports>(
    visit: &Visit<'_, P>,
    copy: &Copy,
    change: impl Fn(&mut Marks),
) -> Result<(), Failure> {
    Ok(marks::change(
        visit.store(),
        visit.user(),
        std::slice::from_ref(copy),
        change,
    )
    .await?)
}
