//! What stands on every page: the head, the banner, the folders, the foot.

use maud::{DOCTYPE, Markup, html};

use super::style::STYLE_PATH;
use super::{Frame, Here, Language};
use crate::time::Timestamp;

/// How the mail system is, for the banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Banner {
    /// It works.
    Well,
    /// It does not answer: mail is held.
    Down {
        /// Since when.
        since: Timestamp,
    },
    /// Mail is held on purpose.
    Window {
        /// Until when; none = until somebody ends it.
        until: Option<Timestamp>,
    },
    /// It answers again: what was held is on its way.
    Returning {
        /// How many messages are left, where that is known.
        left: Option<u64>,
    },
    /// It cannot be told; never shown as [`Banner::Well`].
    Unknown,
}

/// What was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A message was sent.
    Sent,
    /// A draft was saved.
    Saved,
    /// A draft was thrown away.
    Discarded,
    /// Messages went into the bin.
    Binned,
    /// Messages were deleted from it.
    Deleted,
    /// Messages came back from it.
    Restored,
    /// Messages were marked as read.
    Read,
    /// Messages were marked as unread.
    Unread,
    /// An invitation was answered.
    Answered,
    /// The password was changed.
    Password,
    /// Other sessions were closed.
    Everywhere,
    /// The language was changed.
    Language,
    /// A form that needs a selection had none.
    Nothing,
}

impl Notice {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Sent,
        Self::Saved,
        Self::Discarded,
        Self::Binned,
        Self::Deleted,
        Self::Restored,
        Self::Read,
        Self::Unread,
        Self::Answered,
        Self::Password,
        Self::Everywhere,
        Self::Language,
        Self::Nothing,
    ];

    /// The value of `?done=`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Saved => "saved",
            Self::Discarded => "discarded",
            Self::Binned => "binned",
            Self::Deleted => "deleted",
            Self::Restored => "restored",
            Self::Read => "read",
            Self::Unread => "unread",
            Self::Answered => "answered",
            Self::Password => "password",
            Self::Everywhere => "everywhere",
            Self::Language => "language",
            Self::Nothing => "nothing",
        }
    }

    /// From `?done=`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.as_str() == text)
    }

    fn text(self, language: Language) -> &'static str {
        let t = language.texts().all;
        match self {
            Self::Sent => t.done_sent,
            Self::Saved => t.done_saved,
            Self::Discarded => t.done_discarded,
            Self::Binned => t.done_binned,
            Self::Deleted => t.done_deleted,
            Self::Restored => t.done_restored,
            Self::Read => t.done_read,
            Self::Unread => t.done_unread,
            Self::Answered => t.done_answered,
            Self::Password => t.done_password,
            Self::Everywhere => t.done_everywhere,
            Self::Language => t.done_language,
            Self::Nothing => t.done_nothing,
        }
    }
}

/// A whole page: `title` for the window, `content` for the main part, which begins with the h1.
pub fn page(frame: &Frame<'_>, title: &str, content: &Markup) -> String {
    let t = frame.texts().all;
    let page = html! {
        (DOCTYPE)
        html lang=(frame.language.tag()) dir="ltr" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta name="robots" content="noindex";
                title { (title) " · " (t.product) }
                link rel="stylesheet" href=(frame.path(&STYLE_PATH));
            }
            body {
                a class="skip" href="#main" { (t.skip) }
                (top(frame))
                (banner(frame))
                div class={ "page" @if frame.user.is_some() { " with-folders" } } {
                    @if frame.user.is_some() { (folders(frame)) }
                    main id="main" tabindex="-1" {
                        @if let Some(notice) = frame.notice {
                            p class="notice" role="status" { (notice.text(frame.language)) }
                        }
                        (content)
                    }
                }
                footer class="foot" {
                    @if frame.user.is_some() { p { (t.filing) } } @else { (choose_language(frame)) }
                }
            }
        }
    };
    page.into_string()
}

/// The field that proves that a form is ours.
pub fn csrf(frame: &Frame<'_>) -> Markup {
    html! { input type="hidden" name="csrf" value=(frame.csrf); }
}

/// A moment, shown and for machines.
pub fn moment(at: Option<Timestamp>, shown: &str) -> Markup {
    html! {
        @if let Some(at) = at { time datetime=(at) { (shown) } } @else { (shown) }
    }
}

/// What the banner says: one line, and what it means for the reader.
pub fn banner_texts(frame: &Frame<'_>) -> (String, String) {
    let t = frame.texts().all;
    let (language, now, offset) = (frame.language, frame.now, frame.offset);
    let timed = |at: Timestamp, today: &str, other: &str| {
        let (time, is_today) = language.since(at, now, offset);
        super::texts::fill(if is_today { today } else { other }, &[("time", &time)])
    };
    match frame.banner {
        Banner::Well => (t.well.into(), t.well_more.into()),
        Banner::Down { since } => (timed(*since, t.down, t.down_day), t.down_more.into()),
        Banner::Window { until: Some(until) } => (
            timed(*until, t.window_until, t.window_until_day),
            t.window_more.into(),
        ),
        Banner::Window { until: None } => (t.window.into(), t.window_more.into()),
        Banner::Returning { left } => {
            let left = left.map(|n| language.plural(n, t.left_one, t.left_many, &[]));
            let said = match left {
                Some(left) => format!("{} {left}", t.returning),
                None => t.returning.into(),
            };
            (said, t.returning_more.into())
        }
        Banner::Unknown => (t.unknown.into(), t.unknown_more.into()),
    }
}

fn banner(frame: &Frame<'_>) -> Markup {
    let (class, sign) = match frame.banner {
        Banner::Well => ("well", "✓"),
        Banner::Down { .. } => ("down", "!"),
        Banner::Window { .. } => ("window", "◷"),
        Banner::Returning { .. } => ("returning", "↑"),
        Banner::Unknown => ("unknown", "?"),
    };
    let (said, more) = banner_texts(frame);
    html! {
        section class={ "banner " (class) } aria-label=(frame.texts().all.status) {
            span class="sign" aria-hidden="true" { (sign) }
            div {
                p { strong { (said) } }
                p class="more" { (more) }
            }
        }
    }
}

fn top(frame: &Frame<'_>) -> Markup {
    let t = frame.texts().all;
    html! {
        header class="top" {
            a class="brand" href=(frame.path(if frame.user.is_some() { "/" } else { "/login" })) { (t.product) }
            @if let Some(user) = frame.user {
                search {
                    form class="find" method="get" action=(frame.path("/search")) {
                        label class="unseen" for="find" { (t.search_mail) }
                        input id="find" type="search" name="q" maxlength="200" placeholder=(t.search_mail) autocomplete="off";
                        button type="submit" { (t.search) }
                    }
                }
                div class="who" {
                    bdi class="soft" { (if user.name.is_empty() { &user.address } else { &user.name }) }
                    form method="post" action=(frame.path("/logout")) {
                        (csrf(frame))
                        button class="link" type="submit" { (t.logout) }
                    }
                }
            }
        }
    }
}

fn folders(frame: &Frame<'_>) -> Markup {
    let t = frame.texts().all;
    let entries = [
        (Here::Inbox, t.inbox),
        (Here::Sent, t.sent),
        (Here::Drafts, t.drafts),
        (Here::Bin, t.bin),
        (Here::People, t.people),
        (Here::Settings, t.settings),
    ];
    let unread = frame.unread.filter(|n| *n > 0);
    html! {
        nav class="folders" aria-label=(t.folders) {
            p class="new" {
                a class="button main" href=(frame.path("/compose")) aria-current=[(frame.here == Here::Compose).then_some("page")] { (t.compose) }
            }
            ul {
                @for (here, name) in entries {
                    li {
                        a href=(frame.folder_path(here)) aria-current=[(frame.here == here).then_some("page")] {
                            (name)
                            @if let (Here::Inbox, Some(unread)) = (here, unread) {
                                " "
                                span class="count number" {
                                    span aria-hidden="true" { (frame.language.number(unread)) }
                                    span class="unseen" { (frame.language.plural(unread, t.unread_one, t.unread_many, &[])) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// For who is not logged in: the language, in each one's own name.
fn choose_language(frame: &Frame<'_>) -> Markup {
    let t = frame.texts().all;
    html! {
        form class="inline-choice" method="post" action=(frame.path("/language")) {
            (csrf(frame))
            div {
                label for="foot-language" { (t.language) }
                (languages(frame, "foot-language"))
            }
            button type="submit" { (t.change) }
        }
    }
}

/// The field `language`.
pub fn languages(frame: &Frame<'_>, id: &str) -> Markup {
    html! {
        select id=(id) name="language" {
            @for language in Language::ALL {
                option value=(language.tag()) lang=(language.tag()) selected[language == frame.language] { (language.own_name()) }
            }
        }
    }
}
