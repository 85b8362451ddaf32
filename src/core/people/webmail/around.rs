//! Address book, settings, errors.

use maud::html;

use super::entrance::{PasswordProblem, new_password};
use super::form::Field;
use super::layout::{csrf, languages, page};
use super::list::person;
use super::texts::fill;
use super::{Frame, encoded};
use crate::people::reading::Party;

/// Somebody, or a list, in the address book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Name and address.
    pub party: Party,
    /// It is a distribution list.
    pub is_group: bool,
}

/// A page of the address book.
#[derive(Clone, Copy, Debug)]
pub struct People<'a> {
    /// What is looked for.
    pub query: &'a str,
    /// Who was found.
    pub people: &'a [Person],
    /// There are more.
    pub more: bool,
    /// The draft that recipients are chosen for.
    pub draft: Option<&'a str>,
}

/// The address book.
pub fn people(frame: &Frame<'_>, view: &People<'_>) -> String {
    let (t, a) = (frame.texts().all, frame.texts().around);
    let content = html! {
        h1 { (t.people) }
        @if let Some(draft) = view.draft {
            p { a class="button" href=(frame.path(&format!("/compose?draft={}", encoded(draft)))) { "← " (a.back_to_draft) } }
        }
        form class="row-of" method="get" action=(frame.path("/people")) {
            @if let Some(draft) = view.draft { input type="hidden" name="draft" value=(draft); }
            (Field { name: "q", label: a.search_people, kind: "search", value: view.query, hint: Some(a.people_hint), optional: true, ..Field::default() }.markup())
            button type="submit" { (t.search) }
        }
        @if view.people.is_empty() {
            p class="card empty" role="status" { (a.people_none) }
        } @else {
            ul class="people" {
                @for one in view.people {
                    li {
                        p { (person(&one.party)) @if one.is_group { " " span class="mark" { (a.group) } } }
                        (choice(frame, view, one))
                    }
                }
            }
            @if view.more { p class="soft" { (a.people_more) } }
        }
    };
    page(frame, t.people, &content)
}

/// The person's settings.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// The addresses they may write from, the main one first.
    pub addresses: &'a [String],
    /// The fewest characters of a password.
    pub least: u64,
    /// What is wrong with the new password.
    pub problem: Option<PasswordProblem>,
    /// The current password was not right.
    pub wrong_password: bool,
}

/// Settings.
pub fn settings(frame: &Frame<'_>, view: &Settings<'_>) -> String {
    let (t, a) = (frame.texts().all, frame.texts().around);
    let here = frame.path("/settings");
    let content = html! {
        h1 { (t.settings) }
        section class="card" aria-labelledby="access" {
            h2 id="access" { (a.your_access) }
            dl class="facts" {
                dt { (a.your_addresses) }
                dd { ul { @for address in view.addresses { li { bdi { (address) } } } } }
            }
        }
        section class="card" aria-labelledby="tongue" {
            h2 id="tongue" { (t.language) }
            form class="inline-choice" method="post" action=(here) {
                (csrf(frame))
                div {
                    label class="unseen" for="language" { (t.language) }
                    (languages(frame, "language"))
                }
                button type="submit" name="do" value="language" { (t.change) }
            }
        }
        section class="card" aria-labelledby="secret" {
            h2 id="secret" { (a.change_password) }
            form method="post" action=(here) {
                (csrf(frame))
                @if let Some(user) = frame.user { input type="hidden" name="username" autocomplete="username" value=(user.address); }
                (Field { name: "current", label: a.current_password, kind: "password", error: view.wrong_password.then_some(a.wrong_password), autocomplete: "current-password", ..Field::default() }.markup())
                (new_password(frame, view.least, view.problem))
                button type="submit" name="do" value="password" { (a.change_password) }
            }
        }
        section class="card" aria-labelledby="everywhere" {
            h2 id="everywhere" { (a.everywhere) }
            p { (a.everywhere_more) }
            form method="post" action=(here) {
                (csrf(frame))
                button type="submit" name="do" value="everywhere" { (a.everywhere) }
            }
        }
    };
    page(frame, t.settings, &content)
}

/// What went wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400.
    BadRequest,
    /// 403.
    Forbidden,
    /// 404: not there, or somebody else's.
    NotFound,
    /// 413.
    TooLarge,
    /// 503: the storage cannot be read.
    Unavailable,
}

impl Problem {
    /// The status it is answered with.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::Unavailable => 503,
        }
    }
}

/// An error's page: what it means, and where to go on.
pub fn problem(frame: &Frame<'_>, problem: Problem) -> String {
    let (a, e) = (frame.texts().around, frame.texts().entrance);
    let (title, more) = match problem {
        Problem::BadRequest => (a.bad_request, a.bad_request_more),
        Problem::Forbidden => (a.forbidden, a.forbidden_more),
        Problem::NotFound => (a.not_found, a.not_found_more),
        Problem::TooLarge => (a.too_large, a.too_large_more),
        Problem::Unavailable => (a.unavailable, a.unavailable_more),
    };
    let content = html! {
        h1 { (title) }
        p { (more) }
        p {
            @if frame.user.is_some() { a class="button" href=(frame.path("/")) { (a.to_inbox) } }
            @else { a class="button" href=(frame.path("/login")) { (e.login) } }
        }
    };
    page(frame, title, &content)
}

/// A form's token was too old (403). Nothing was done; what was typed is shown to be copied, and
/// never sent again by itself, because a form of somebody else's would look the same. `kept` holds
/// the fields' labels and texts, without passwords and codes.
pub fn expired(frame: &Frame<'_>, back: &str, kept: &[(&str, &str)]) -> String {
    let a = frame.texts().around;
    let content = html! {
        h1 { (a.expired) }
        p { (a.expired_more) }
        p { a class="button main" href=(frame.path(back)) { (a.back) } }
        @if kept.iter().any(|(_, text)| !text.trim().is_empty()) {
            section class="card" aria-labelledby="kept" {
                h2 id="kept" { (a.kept) }
                @for (index, (label, text)) in kept.iter().enumerate() {
                    @if !text.trim().is_empty() {
                        div class="field" {
                            label for={ "kept-" (index) } { (label) }
                            textarea id={ "kept-" (index) } readonly dir="auto" rows=(text.lines().count().clamp(1, 12)) { "\n" (text) }
                        }
                    }
                }
            }
        }
    };
    page(frame, a.expired, &content)
}

fn choice(frame: &Frame<'_>, view: &People<'_>, one: &Person) -> maud::Markup {
    let a = frame.texts().around;
    let name = if one.party.name.is_empty() {
        &one.party.address
    } else {
        &one.party.name
    };
    html! {
        @match view.draft {
            Some(draft) => form method="post" action=(frame.path("/compose/add")) {
                (csrf(frame))
                input type="hidden" name="draft" value=(draft);
                input type="hidden" name="address" value=(one.party.address);
                input type="hidden" name="q" value=(view.query);
                button type="submit" { bdi { (fill(a.add, &[("name", name)])) } }
            },
            None => a class="button" href=(frame.path(&format!("/compose?to={}", encoded(&one.party.address)))) { bdi { (fill(a.write_to, &[("name", name)])) } },
        }
    }
}
