//! Logging in, the second factor, the first visit, and the way out.
//!
//! No page here says whether a name exists. The second factor and the activation show nothing of
//! a mailbox.

use maud::{Markup, html};
use qrcode::{Color, QrCode};

use super::Frame;
use super::form::Field;
use super::layout::{csrf, page};
use super::texts::fill;

/// Why somebody was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginProblem {
    /// Name or password; which of them is not said.
    Wrong,
    /// The second factor.
    WrongCode,
    /// Too many tries.
    Slow {
        /// Minutes to wait.
        minutes: u64,
    },
    /// Access is switched off for now.
    Closed,
    /// The session has ended.
    SessionOver,
}

/// What is wrong with a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordProblem {
    /// It has too few characters.
    TooShort,
    /// It has too many.
    TooLong,
    /// Everybody would guess it.
    TooCommon,
    /// It was typed differently the second time.
    NotSame,
}

impl PasswordProblem {
    /// In words, and whether they belong to the second field.
    pub fn text(self, frame: &Frame<'_>) -> (&'static str, bool) {
        let t = frame.texts().entrance;
        match self {
            Self::TooShort => (t.too_short, false),
            Self::TooLong => (t.too_long, false),
            Self::TooCommon => (t.too_common, false),
            Self::NotSame => (t.not_same, true),
        }
    }
}

/// Name and password.
pub fn login(frame: &Frame<'_>, name: &str, problem: Option<LoginProblem>) -> String {
    let t = frame.texts().entrance;
    let content = html! {
        div class="card narrow" {
            h1 { (t.login) }
            (problem_shown(frame, problem))
            p { (t.login_intro) }
            form method="post" action=(frame.path("/login")) {
                (csrf(frame))
                (Field { name: "name", label: t.name, value: name, autocomplete: "username", ..Field::default() }.markup())
                (Field { name: "password", label: t.password, kind: "password", hint: Some(t.password_hint), autocomplete: "current-password", ..Field::default() }.markup())
                button class="main" type="submit" { (t.login) }
            }
            p class="hint" { (t.no_account) }
        }
    };
    page(frame, t.login, &content)
}

/// A code of the app, or a recovery code.
pub fn second_factor(frame: &Frame<'_>, problem: Option<LoginProblem>) -> String {
    let t = frame.texts().entrance;
    let content = html! {
        div class="card narrow" {
            h1 { (t.code_title) }
            (problem_shown(frame, problem))
            form method="post" action=(frame.path("/login/code")) {
                (csrf(frame))
                (Field { name: "code", label: t.code, hint: Some(t.code_hint), autocomplete: "one-time-code", ..Field::default() }.markup())
                button class="main" type="submit" { (t.go_on) }
            }
            p class="hint" { a href=(frame.path("/login")) { (t.start_again) } }
        }
    };
    page(frame, t.code_title, &content)
}

/// A step of the first visit.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Choose a password.
    Password {
        /// Whose access it is.
        address: &'a str,
        /// The fewest characters.
        least: u64,
        /// What is wrong with the one that was sent.
        problem: Option<PasswordProblem>,
    },
    /// Connect an app for codes.
    Scan {
        /// The `otpauth:` URI that the picture holds.
        uri: &'a str,
        /// The same secret to be typed.
        secret: &'a str,
        /// The code that was sent is not right.
        wrong: bool,
    },
    /// Keep the recovery codes, shown this once.
    Recovery {
        /// The codes.
        codes: &'a [String],
    },
}

/// The first visit.
pub fn activate(frame: &Frame<'_>, token: &str, step: &Step<'_>) -> String {
    let t = frame.texts().entrance;
    let (number, title, inner) = match step {
        Step::Password {
            address,
            least,
            problem,
        } => (
            "1",
            t.choose_password,
            choose_password(frame, address, *least, *problem),
        ),
        Step::Scan { uri, secret, wrong } => ("2", t.scan, scan(frame, uri, secret, *wrong)),
        Step::Recovery { codes } => ("3", t.recovery, recovery(frame, codes)),
    };
    let name = match step {
        Step::Password { .. } => "password",
        Step::Scan { .. } => "code",
        Step::Recovery { .. } => "done",
    };
    let button = match step {
        Step::Recovery { .. } => t.recovery_kept,
        _ => t.go_on,
    };
    let content = html! {
        div class="card narrow" {
            p class="step" { (t.activate) " · " (fill(t.step, &[("n", number), ("all", "3")])) }
            h1 { (title) }
            form method="post" action=(frame.path("/activate")) {
                (csrf(frame))
                input type="hidden" name="token" value=(token);
                input type="hidden" name="step" value=(name);
                (inner)
                button class="main" type="submit" { (button) }
            }
        }
    };
    page(frame, title, &content)
}

/// The link was used, or is too old.
pub fn bad_link(frame: &Frame<'_>) -> String {
    let t = frame.texts().entrance;
    simple(frame, t.bad_link, t.bad_link_more, t.login)
}

/// Logged out.
pub fn logged_out(frame: &Frame<'_>) -> String {
    let t = frame.texts().entrance;
    simple(frame, t.bye, t.bye_more, t.login_again)
}

/// A picture that holds a text, for cameras; none where the text is too long for one.
pub fn qr(text: &str, label: &str) -> Option<Markup> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    let width = code.width();
    let mut path = String::new();
    for (index, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            // A quiet zone of four modules (ISO/IEC 18004, 6.3.8).
            let (x, y) = (index % width + 4, index / width + 4);
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    let size = width + 8;
    Some(html! {
        svg class="qr" role="img" aria-label=(label) viewBox={ "0 0 " (size) " " (size) } shape-rendering="crispEdges" {
            path d=(path) fill="#000" {}
        }
    })
}

fn simple(frame: &Frame<'_>, title: &str, more: &str, link: &str) -> String {
    let content = html! {
        div class="card narrow" {
            h1 { (title) }
            p { (more) }
            p { a class="button" href=(frame.path("/login")) { (link) } }
        }
    };
    page(frame, title, &content)
}

fn problem_shown(frame: &Frame<'_>, problem: Option<LoginProblem>) -> Markup {
    let t = frame.texts().entrance;
    let text = problem.map(|problem| match problem {
        LoginProblem::Wrong => t.wrong.to_owned(),
        LoginProblem::WrongCode => t.wrong_code.to_owned(),
        LoginProblem::Slow { minutes } => {
            frame.language.plural(minutes, t.slow_one, t.slow_many, &[])
        }
        LoginProblem::Closed => t.closed.to_owned(),
        LoginProblem::SessionOver => t.session_over.to_owned(),
    });
    html! { @if let Some(text) = text { div class="errors" role="alert" { p { (text) } } } }
}

fn choose_password(
    frame: &Frame<'_>,
    address: &str,
    least: u64,
    problem: Option<PasswordProblem>,
) -> Markup {
    let t = frame.texts().entrance;
    html! {
        p { (fill(t.welcome, &[("address", address)])) }
        // Tells password managers whose password it is.
        input type="hidden" name="username" autocomplete="username" value=(address);
        (new_password(frame, least, problem))
    }
}

/// The two fields for a new password.
pub fn new_password(frame: &Frame<'_>, least: u64, problem: Option<PasswordProblem>) -> Markup {
    let t = frame.texts().entrance;
    let hint = frame
        .language
        .plural(least, t.new_password_hint, t.new_password_hint, &[]);
    let (first, second) = match problem.map(|problem| problem.text(frame)) {
        Some((text, false)) => (Some(text), None),
        Some((text, true)) => (None, Some(text)),
        None => (None, None),
    };
    html! {
        (Field { name: "new", label: t.new_password, kind: "password", hint: Some(&hint), error: first, autocomplete: "new-password", ..Field::default() }.markup())
        (Field { name: "again", label: t.again, kind: "password", error: second, autocomplete: "new-password", ..Field::default() }.markup())
    }
}

fn scan(frame: &Frame<'_>, uri: &str, secret: &str, wrong: bool) -> Markup {
    let t = frame.texts().entrance;
    html! {
        p { (t.scan_more) }
        @if let Some(picture) = qr(uri, t.scan_picture) { (picture) }
        p class="hint" { (t.scan_by_hand) }
        p class="key" translate="no" { (secret) }
        (Field { name: "code", label: t.code, error: wrong.then_some(t.wrong_code), autocomplete: "one-time-code", digits: true, ..Field::default() }.markup())
    }
}

fn recovery(frame: &Frame<'_>, codes: &[String]) -> Markup {
    let t = frame.texts().entrance;
    html! {
        p { (t.recovery_more) }
        ul class="codes" aria-label=(t.recovery_list) translate="no" {
            @for code in codes { li { (code) } }
        }
    }
}
