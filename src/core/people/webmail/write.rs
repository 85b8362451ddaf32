//! The form in which messages are written. Nothing that was typed is ever lost: whatever goes
//! wrong, the same form comes back with it.

use maud::{Markup, html};

use super::Frame;
use super::compose::{FieldError, FieldErrors, Form};
use super::form::{Field, after, described_by};
use super::layout::{csrf, page};
use super::texts::fill;
use crate::limits;

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A new message.
    #[default]
    New,
    /// An answer.
    Reply,
    /// A message that is sent on.
    Forward,
    /// Something begun earlier.
    Draft,
}

/// Why the form is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its token was too old.
    Expired,
    /// Sending failed for now.
    NotNow,
}

/// A file that a draft has already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The value of the field `drop` that takes it out.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
}

/// The form and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What is written.
    pub kind: Kind,
    /// What is in the fields.
    pub form: &'a Form,
    /// What is wrong with them.
    pub errors: &'a FieldErrors,
    /// The draft it is kept in.
    pub draft: Option<&'a str>,
    /// The message it answers.
    pub reply: Option<&'a str>,
    /// The message it sends on.
    pub forward: Option<&'a str>,
    /// Files it has already.
    pub kept: &'a [Kept],
    /// Why it is shown again.
    pub trouble: Option<Trouble>,
    /// The address it is sent from.
    pub from: &'a str,
}

/// The form.
pub fn compose(frame: &Frame<'_>, view: &View<'_>) -> String {
    let (t, w) = (frame.texts().all, frame.texts().writing);
    let title = match view.kind {
        Kind::New => t.compose,
        Kind::Reply => w.title_reply,
        Kind::Forward => w.title_forward,
        Kind::Draft => w.title_draft,
    };
    let form = view.form;
    let errors = Shown::of(frame, view.errors);
    let content = html! {
        h1 { (title) }
        (trouble(frame, view.trouble))
        (errors.summary(frame))
        form class="card" method="post" enctype="multipart/form-data" action=(frame.path("/compose")) {
            (csrf(frame))
            @for (name, value) in [("draft", view.draft), ("reply", view.reply), ("forward", view.forward)] {
                @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
            }
            p class="soft" { (fill(w.from_shown, &[("address", view.from)])) }
            (Field { name: "to", label: w.to, value: &form.to, hint: Some(w.addresses_hint), error: errors.to.as_deref(), autocomplete: "email", optional: true, ..Field::default() }.markup())
            (Field { name: "cc", label: w.cc, value: &form.cc, error: errors.cc.as_deref(), autocomplete: "email", optional: true, ..Field::default() }.markup())
            p { button class="link" type="submit" name="do" value="people" { (w.choose_people) } }
            (Field { name: "subject", label: w.subject, value: &form.subject, error: errors.subject.as_deref(), optional: true, ..Field::default() }.markup())
            div class="field" {
                label for="body" { (w.body) }
                textarea id="body" name="body" rows="14" dir="auto" aria-describedby=[described_by("body", false, errors.body.is_some())] aria-invalid=[errors.body.as_ref().map(|_| "true")] { "\n" (form.body) }
                (after("body", None, errors.body.as_deref()))
            }
            (files(frame, view, errors.files.as_deref()))
            div class="row-of" {
                // The first button is what Enter does in a field: it must not send.
                button class="unseen" type="submit" name="do" value="save" tabindex="-1" aria-hidden="true" { (w.save) }
                button class="main" type="submit" name="do" value="send" { (w.send) }
                button type="submit" name="do" value="save" { (w.save) }
                button type="submit" name="do" value="discard" { (w.discard) }
            }
        }
    };
    page(frame, title, &content)
}

fn trouble(frame: &Frame<'_>, trouble: Option<Trouble>) -> Markup {
    let w = frame.texts().writing;
    let text = trouble.map(|trouble| match trouble {
        Trouble::Expired => w.expired,
        Trouble::NotNow => w.not_now,
    });
    html! { @if let Some(text) = text { div class="warning" role="alert" { p { (text) } } } }
}

fn files(frame: &Frame<'_>, view: &View<'_>, error: Option<&str>) -> Markup {
    let w = frame.texts().writing;
    let most = frame
        .language
        .size(u64::try_from(limits::WRITTEN_FILES_BYTES).unwrap_or(u64::MAX));
    html! {
        @if !view.kept.is_empty() {
            fieldset class="bulk" {
                legend { (w.files_kept) }
                ul class="files" {
                    @for file in view.kept {
                        li {
                            label class="row-of" {
                                input type="checkbox" name="drop" value=(file.key);
                                bdi { (fill(w.drop_file, &[("name", &file.name)])) }
                                span class="soft number" { (frame.language.size(file.size)) }
                            }
                        }
                    }
                }
            }
        }
        div class="field" {
            label for="files" { (w.files) }
            input id="files" type="file" name="files" multiple aria-describedby=[described_by("files", true, error.is_some())] aria-invalid=[error.map(|_| "true")];
            (after("files", Some(&fill(w.files_hint, &[("size", &most)])), error))
        }
    }
}

/// The errors of the fields in words.
struct Shown {
    to: Option<String>,
    cc: Option<String>,
    subject: Option<String>,
    body: Option<String>,
    files: Option<String>,
}

impl Shown {
    fn of(frame: &Frame<'_>, errors: &FieldErrors) -> Self {
        let text = |error: &Option<FieldError>| error.as_ref().map(|error| in_words(frame, error));
        Self {
            to: text(&errors.to),
            cc: text(&errors.cc),
            subject: text(&errors.subject),
            body: text(&errors.body),
            files: text(&errors.files),
        }
    }

    /// All of them above the form, each leading to its field.
    fn summary(&self, frame: &Frame<'_>) -> Markup {
        let w = frame.texts().writing;
        let all: Vec<(&str, &str, &str)> = [
            ("to", w.to, &self.to),
            ("cc", w.cc, &self.cc),
            ("subject", w.subject, &self.subject),
            ("body", w.body, &self.body),
            ("files", w.files, &self.files),
        ]
        .into_iter()
        .filter_map(|(id, label, text)| text.as_deref().map(|text| (id, label, text)))
        .collect();
        html! {
            @if !all.is_empty() {
                div class="errors" role="alert" {
                    p { (w.mend) }
                    ul { @for (id, label, text) in all { li { a href={ "#" (id) } { (label) " – " (text) } } } }
                }
            }
        }
    }
}

fn in_words(frame: &Frame<'_>, error: &FieldError) -> String {
    let w = frame.texts().writing;
    let number = |n: usize| n.to_string();
    let size = |n: usize| frame.language.size(u64::try_from(n).unwrap_or(u64::MAX));
    match error {
        FieldError::Missing => w.missing.to_owned(),
        FieldError::BadAddress(what) => fill(w.bad_address, &[("what", what)]),
        FieldError::Several { what, names } => {
            let names = names.join(", ");
            fill(w.several, &[("what", what), ("names", &names)])
        }
        FieldError::TooMany => fill(w.too_many, &[("n", &number(limits::WRITTEN_RECIPIENTS))]),
        FieldError::TooLong => w.too_long.to_owned(),
        FieldError::TooLarge => fill(w.too_large, &[("size", &size(limits::WRITTEN_FILES_BYTES))]),
        FieldError::TooManyFiles => {
            fill(w.too_many_files, &[("n", &number(limits::WRITTEN_FILES))])
        }
    }
}
