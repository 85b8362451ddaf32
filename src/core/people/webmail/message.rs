//! A message, and a conversation.
//!
//! The text comes as the page's own where it is plain, and in a frame of its own where it is
//! HTML: see [`crate::people::reading::html`].

use maud::{Markup, html};

use super::layout::{csrf, moment, page};
use super::list::{person, subject};
use super::texts::fill;
use super::{Frame, Here, encoded};
use crate::people::reading::calendar::{Method, When};
use crate::people::reading::{
    Answer, Invitation, Party, Reading, Summary, Warning, html as safe, text,
};
use crate::time::Timestamp;

/// A message as a page shows it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Its name in paths.
    pub id: &'a str,
    /// Where it lies.
    pub folder: Here,
    /// What is in it.
    pub reading: &'a Reading,
    /// Show plain text although there is HTML.
    pub plain: bool,
    /// Remote images were asked for.
    pub images: bool,
    /// How many messages its conversation has here, and the conversation's name in paths.
    pub thread: Option<(&'a str, u64)>,
    /// Attachments may be opened.
    pub attachments_open: bool,
    /// What this person answered to the invitation.
    pub answered: Option<Answer>,
}

/// A message.
pub fn message(frame: &Frame<'_>, view: &View<'_>) -> String {
    let r = frame.texts().reading;
    let reading = view.reading;
    let title = subject(frame, &reading.summary);
    let content = html! {
        (back(frame, view.folder))
        article aria-labelledby="subject" {
            h1 id="subject" { bdi { (title) } }
            (actions(frame, view))
            (head(frame, reading))
            (warnings(frame, reading))
            @if let Some(invitation) = &reading.invitation { (invited(frame, view, invitation)) }
            (body(frame, view))
            (files(frame, view))
        }
        @if let Some((thread, count)) = view.thread {
            @if count > 1 {
                p {
                    a href=(frame.path(&format!("/t/{}", encoded(thread)))) { (r.conversation) }
                    " (" (frame.language.plural(count, r.conversation_one, r.conversation_many, &[])) ")"
                }
            }
        }
    };
    page(frame, title, &content)
}

/// One message of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Its name in paths.
    pub id: &'a str,
    /// What a list says of it.
    pub summary: &'a Summary,
    /// When it came.
    pub at: Timestamp,
    /// Its text; where only a list's line is known, the preview is shown.
    pub text: Option<&'a str>,
    /// Nobody has read it.
    pub unread: bool,
}

/// The messages of a conversation, oldest first.
pub fn conversation(frame: &Frame<'_>, turns: &[Turn<'_>]) -> String {
    let r = frame.texts().reading;
    let count = u64::try_from(turns.len()).unwrap_or(u64::MAX);
    let title = turns
        .first()
        .map_or(r.no_subject, |turn| subject(frame, turn.summary));
    let content = html! {
        (back(frame, Here::Inbox))
        h1 { bdi { (title) } }
        p class="soft" { (frame.language.plural(count, r.conversation_one, r.conversation_many, &[])) }
        div class="conversation" {
            @for turn in turns {
                article class="card" {
                    h2 {
                        @if turn.unread { span class="mark" { (r.unread) } }
                        @match &turn.summary.from { Some(party) => (person(party)), None => (r.no_sender) }
                    }
                    p class="soft number" { (moment(Some(turn.at), &frame.language.long_date(turn.at, frame.offset))) }
                    div class="text" { (text::markup(turn.text.unwrap_or(&turn.summary.preview), r.quoted)) }
                    div class="row-of" {
                        a class="button" href=(frame.path(&format!("/compose?all={}", encoded(turn.id)))) { (r.reply_all) }
                        a href=(frame.path(&format!("/m/{}", encoded(turn.id)))) {
                            (r.open)
                            @if turn.summary.attachments > 0 { " (" (r.has_attachment) ")" }
                        }
                    }
                }
            }
        }
    };
    page(frame, title, &content)
}

fn back(frame: &Frame<'_>, folder: Here) -> Markup {
    let t = frame.texts().all;
    let name = match folder {
        Here::Sent => t.sent,
        Here::Drafts => t.drafts,
        Here::Bin => t.bin,
        _ => t.inbox,
    };
    let said = fill(frame.texts().reading.back, &[("folder", name)]);
    html! { p { a href=(frame.folder_path(folder)) { "← " (said) } } }
}

fn actions(frame: &Frame<'_>, view: &View<'_>) -> Markup {
    let r = frame.texts().reading;
    let write = |kind: &str| frame.path(&format!("/compose?{kind}={}", encoded(view.id)));
    let others = view.reading.to.len() + view.reading.cc.len() > 1;
    html! {
        div class="actions" role="group" aria-label=(r.actions) {
            a class="button main" href=(write("reply")) { (r.reply) }
            @if others { a class="button" href=(write("all")) { (r.reply_all) } }
            a class="button" href=(write("forward")) { (r.forward) }
            form method="post" action=(frame.path(&format!("/m/{}", encoded(view.id)))) {
                (csrf(frame))
                @if view.folder == Here::Bin {
                    button type="submit" name="do" value="restore" { (r.restore) }
                    button type="submit" name="do" value="delete" { (r.delete) }
                } @else {
                    @if view.folder == Here::Inbox { button type="submit" name="do" value="unread" { (r.mark_unread) } }
                    button type="submit" name="do" value="bin" { (r.to_bin) }
                }
            }
        }
    }
}

fn head(frame: &Frame<'_>, reading: &Reading) -> Markup {
    let r = frame.texts().reading;
    let summary = &reading.summary;
    let date = match summary.date {
        Some(date) => frame.language.long_date(date, frame.offset),
        None => r.no_date.to_owned(),
    };
    let first = reading.to.first().map(|party| {
        if party.name.is_empty() {
            &party.address
        } else {
            &party.name
        }
    });
    let more = (reading.to.len() + reading.cc.len()).saturating_sub(1);
    html! {
        div class="head" {
            p { @match &summary.from { Some(party) => (person(party)), None => (r.no_sender) } }
            p class="soft number" { (moment(summary.date, &date)) }
            details {
                summary {
                    @match first {
                        Some(who) => {
                            bdi { (fill(r.to_shown, &[("who", who)])) }
                            @if more > 0 { " " (fill(r.and_more, &[("n", &more.to_string())])) }
                        },
                        None => (r.details),
                    }
                }
                dl class="facts" {
                    @if let Some(from) = &summary.from { dt { (r.from) } dd { (person(from)) } }
                    @for (name, list) in [(r.to, &reading.to), (r.cc, &reading.cc), (r.reply_to, &reading.reply_to)] {
                        @if !list.is_empty() { dt { (name) } dd { (persons(list)) } }
                    }
                    dt { (r.date) } dd { (date) }
                }
            }
        }
    }
}

fn persons(list: &[Party]) -> Markup {
    html! { ul { @for party in list { li { (person(party)) } } } }
}

fn warnings(frame: &Frame<'_>, reading: &Reading) -> Markup {
    let r = frame.texts().reading;
    let address = |party: Option<&Party>| party.map(|p| p.address.clone()).unwrap_or_default();
    let author = address(reading.summary.from.as_ref());
    let answers = address(reading.reply_to.first());
    html! {
        @if !reading.warnings.is_empty() {
            div class="warning" role="note" aria-label=(r.warning) {
                @for warning in &reading.warnings {
                    p {
                        (match warning {
                            Warning::SeveralAuthors => r.warn_authors.to_owned(),
                            Warning::NameLooksLikeAnotherAddress => fill(r.warn_name, &[("address", &author)]),
                            Warning::AnswersGoElsewhere => fill(r.warn_reply, &[("address", &answers)]),
                            Warning::Shortened => r.warn_short.to_owned(),
                        })
                    }
                }
            }
        }
    }
}

fn body(frame: &Frame<'_>, view: &View<'_>) -> Markup {
    let r = frame.texts().reading;
    let reading = view.reading;
    let here = format!("/m/{}", encoded(view.id));
    let plain = reading.body.text.as_deref().unwrap_or_default();
    let rich = reading.body.html.is_some();
    let framed = rich && !view.plain;
    html! {
        section aria-label=(r.body) {
            @if framed {
                @if reading.had_remote_images && !view.images {
                    form class="warning row-of" method="post" action=(frame.path(&format!("{here}/images"))) {
                        (csrf(frame))
                        span { (r.images_blocked) }
                        button type="submit" { (r.show_images) }
                    }
                }
                iframe title=(r.body) sandbox=(safe::SANDBOX) referrerpolicy="no-referrer"
                    src=(frame.path(&format!("{here}/body{}", if view.images { "?images=1" } else { "" }))) {}
                p { a href=(frame.path(&format!("{here}?plain=1"))) { (r.as_text) } }
            } @else {
                @if plain.trim().is_empty() { p class="soft" { (r.no_text) } }
                @else { div class="card text" { (text::markup(plain, r.quoted)) } }
                @if rich { p { a href=(frame.path(&here)) { (r.as_sent) } } }
            }
        }
    }
}

fn files(frame: &Frame<'_>, view: &View<'_>) -> Markup {
    let r = frame.texts().reading;
    let shown: Vec<_> = view
        .reading
        .attachments
        .iter()
        .filter(|file| !file.inline)
        .collect();
    html! {
        @if !shown.is_empty() {
            section aria-labelledby="files" {
                h2 id="files" { (r.attachments) }
                @if !view.attachments_open { p class="soft" { (r.attachments_closed) } }
                ul class="files" {
                    @for file in shown {
                        li {
                            @if view.attachments_open {
                                a href=(frame.path(&format!("/m/{}/a/{}", encoded(view.id), file.index))) download=(file.name)
                                    aria-label=(fill(r.download, &[("name", &file.name)])) { bdi { (file.name) } }
                            } @else { bdi { (file.name) } }
                            span class="soft number" { (frame.language.size(file.size)) }
                        }
                    }
                }
            }
        }
    }
}

fn invited(frame: &Frame<'_>, view: &View<'_>, invitation: &Invitation) -> Markup {
    let r = frame.texts().reading;
    let answer_text = |answer: Answer| match answer {
        Answer::Accepted => r.accepted,
        Answer::Tentative => r.tentative,
        Answer::Declined => r.declined,
    };
    let choices = [
        (Answer::Accepted, r.accept),
        (Answer::Tentative, r.maybe),
        (Answer::Declined, r.decline),
    ];
    html! {
        section class="card" aria-labelledby="meeting" {
            h2 id="meeting" { (r.has_invitation) " · " bdi { (if invitation.summary.is_empty() { r.no_subject } else { &invitation.summary }) } }
            dl class="facts" {
                @if let Some(start) = &invitation.start {
                    dt { (r.when) }
                    dd {
                        (when(frame, start, invitation.end.as_ref()))
                        @if invitation.recurring { br; (r.recurring) }
                    }
                }
                @if !invitation.location.is_empty() { dt { (r.place) } dd { bdi { (invitation.location) } } }
                @if let Some(organizer) = &invitation.organizer { dt { (r.organizer) } dd { (person(organizer)) } }
                @if !invitation.attendees.is_empty() {
                    dt { (r.attendees) }
                    dd {
                        ul {
                            @for attendee in &invitation.attendees {
                                li {
                                    (person(&attendee.party))
                                    @if let Some(answer) = attendee.answer { " (" (answer_text(answer)) ")" }
                                }
                            }
                        }
                    }
                }
            }
            @match invitation.method {
                Method::Cancel => p class="warning" { (r.cancelled) },
                Method::Request if invitation.organizer.is_some() => {
                    @if let Some(answer) = view.answered { p { (fill(r.your_answer, &[("answer", answer_text(answer))])) } }
                    form method="post" action=(frame.path(&format!("/m/{}/answer", encoded(view.id)))) {
                        (csrf(frame))
                        fieldset class="bulk" {
                            legend { (r.will_you) }
                            @for (answer, said) in choices {
                                button type="submit" name="answer" value=(answer.as_str()) aria-pressed=[(view.answered == Some(answer)).then_some("true")] { (said) }
                            }
                        }
                    }
                },
                _ => {},
            }
        }
    }
}

/// When a meeting is: as its organiser wrote it, and on the reader's clock where that differs.
fn when(frame: &Frame<'_>, start: &When, end: Option<&When>) -> Markup {
    let (language, r) = (frame.language, frame.texts().reading);
    let Some(time) = start.time else {
        // The last day is the one before the end (RFC 5545, 3.6.1).
        let last = end
            .and_then(|end| end.date.yesterday().ok())
            .filter(|last| *last > start.date);
        return html! {
            (language.day(start.date))
            @if let Some(last) = last { " – " (language.day(last)) }
            " · " (r.all_day)
        };
    };
    let begins = start.date.to_datetime(time);
    let ends = end.and_then(|end| Some(end.date.to_datetime(end.time?)));
    let same_zone = end.is_some_and(|end| end.zone == start.zone);
    let until = ends.filter(|_| same_zone).map(|ends| {
        if ends.date() == begins.date() {
            language.clock(ends)
        } else {
            language.day_and_time(ends)
        }
    });
    let own = start
        .moment()
        .filter(|at| frame.offset.civil(*at) != begins)
        .map(|at| language.long_date(at, frame.offset));
    let is_utc = start.zone.as_deref() == Some("UTC");
    html! {
        @if !is_utc || own.is_none() {
            (language.day_and_time(begins))
            @if let Some(until) = &until { " – " (until) }
            @if let Some(zone) = &start.zone { " (" bdi { (zone) } ")" }
        }
        @if let Some(own) = own {
            @if !is_utc { br; }
            span class=[(!is_utc).then_some("soft")] { (own) }
        }
    }
}
