//! The webmail's pages: functions from what there is to show to whole HTML documents.
//!
//! Pages work without any script, on a telephone, with a keyboard, with a screen reader, in five
//! languages, light and dark. They ask nothing of any other host. All that is written by
//! strangers is escaped (maud does that) and isolated in its direction (`<bdi>`), and an address
//! always stands beside the name that somebody chose for it.
//!
//! Paths below [`Frame::base_path`], such as `/mail`. Every POST carries the field `csrf`, and
//! is answered with a redirect (303) where it did what it was asked, with `?done=` for a
//! [`Notice`]; else with the same page and its errors.
//!
//! | path | GET | POST: fields |
//! | --- | --- | --- |
//! | `/` | inbox; `?after=`, `?before=` page through it | |
//! | `/sent` `/drafts` `/bin` | the other folders, the same way | |
//! | `/search?q=` | what was found | |
//! | `/bulk` | | `folder`, `id` (many), `do` = `read`, `unread`, `bin`, `restore` |
//! | `/m/{id}` | a message; `?plain=1` as plain text | `do` = `unread`, `bin`, `restore` |
//! | `/m/{id}/images` | | the message with its remote images |
//! | `/m/{id}/body` | the frame's document; `?images=1` with remote images | |
//! | `/m/{id}/a/{n}` | an attachment | |
//! | `/m/{id}/answer` | | `answer` = `ACCEPTED`, `TENTATIVE`, `DECLINED` |
//! | `/t/{thread}` | a conversation | |
//! | `/compose` | `?reply=ID`, `?all=ID`, `?forward=ID`, `?draft=ID`, `?to=ADDRESS` | multipart: `draft`, `reply`, `forward`, `to`, `cc`, `subject`, `body`, `files`, `drop` (many), `do` = `send`, `save`, `people`, `discard` |
//! | `/compose/add` | | `draft`, `address`, `q`: puts a recipient into a draft |
//! | `/people?q=` | the address book; `&draft=ID` to choose recipients for it | |
//! | `/settings` | settings | `do` = `password` (`current`, `new`, `again`), `language` (`language`), `everywhere` |
//! | `/login` | log in | `name`, `password` |
//! | `/login/code` | the second factor | `code` |
//! | `/activate?token=` | the first visit, step by step | `token`, `step` = `password` (`new`, `again`), `code` (`code`), `done` |
//! | `/language` | | `language`, `back`: for who is not logged in |
//! | `/logout` | | logs out |
//! | `/style-HASH.css` | the stylesheet, for ever | |
//!
//! | part | what it holds |
//! | --- | --- |
//! | [`texts`] | every text, in every language |
//! | [`language`] | choosing one; numbers, dates and sizes in it |
//! | [`layout`] | what stands on every page, the banner first |
//! | [`style`] | the stylesheet and the pages' policy |
//! | [`entrance`] | log in, second factor, first visit |
//! | [`list`] | folders and search results |
//! | [`message`] | a message, a conversation |
//! | [`form`] | fields with their labels, hints and errors |
//! | [`write`] | the form in which messages are written |
//! | [`compose`] | from that form to a message |
//! | [`around`] | address book, settings, errors |

use crate::time::Timestamp;

pub mod around;
pub mod compose;
pub mod entrance;
pub mod form;
pub mod language;
pub mod layout;
pub mod list;
pub mod message;
pub mod style;
pub mod texts;
pub mod write;

#[cfg(test)]
mod tests;

pub use language::{Language, UtcOffset};
pub use layout::{Banner, Notice};
pub use texts::Texts;

/// What every page needs to know.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// In which language it speaks.
    pub language: Language,
    /// How the mail system is.
    pub banner: &'a Banner,
    /// Who is logged in.
    pub user: Option<&'a Viewer>,
    /// The token that every form carries.
    pub csrf: &'a str,
    /// Where the webmail lies, such as `/mail`, without a slash at its end.
    pub base_path: &'a str,
    /// Which page it is.
    pub here: Here,
    /// Unread messages of the inbox; none = unknown, and nothing is said.
    pub unread: Option<u64>,
    /// The time.
    pub now: Timestamp,
    /// The clock by which times are shown.
    pub offset: UtcOffset,
    /// What was just done.
    pub notice: Option<Notice>,
}

/// Who is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The name; may be empty.
    pub name: String,
    /// The address they write from.
    pub address: String,
}

/// Where a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Here {
    /// Messages that came.
    Inbox,
    /// Messages that were written here.
    Sent,
    /// Messages that are not finished.
    Drafts,
    /// Messages that were thrown away.
    Bin,
    /// Search results.
    Search,
    /// A message is written.
    Compose,
    /// The address book.
    People,
    /// Settings.
    Settings,
    /// Outside of all of them.
    Elsewhere,
}

impl Here {
    /// The name in paths and in the field `folder`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Sent => "sent",
            Self::Drafts => "drafts",
            Self::Bin => "bin",
            Self::Search => "search",
            Self::Compose => "compose",
            Self::People => "people",
            Self::Settings => "settings",
            Self::Elsewhere => "",
        }
    }

    /// A folder by the field `folder`.
    pub fn folder(text: &str) -> Option<Self> {
        [Self::Inbox, Self::Sent, Self::Drafts, Self::Bin]
            .into_iter()
            .find(|here| here.as_str() == text)
    }
}

impl Frame<'_> {
    /// The texts of its language.
    pub fn texts(&self) -> Texts {
        self.language.texts()
    }

    /// A path of the webmail; `path` begins with a slash.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The path of a folder.
    pub fn folder_path(&self, folder: Here) -> String {
        match folder {
            Here::Inbox | Here::Elsewhere => self.path("/"),
            other => self.path(&format!("/{}", other.as_str())),
        }
    }
}

/// A text as it may stand in a path or a query.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
