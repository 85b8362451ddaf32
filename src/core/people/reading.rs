//! What a person sees of a message: a line in a list, or all of it.
//!
//! Nothing here can fail, because a message was accepted before anybody looked at it: what cannot
//! be understood is left out and a [`Warning`] says so. Everything is bounded, because whoever
//! sends mail chooses its bytes. The MIME tree is walked by our own few lines ([`mime`]) and not
//! by mail-parser's: that one nests as deep as a sender likes, decodes all of a message, and its
//! debug builds stop at some malformed ones. It reads the header fields and knows the character
//! sets, which is the hard part.
//!
//! | part | what it does |
//! | --- | --- |
//! | [`mime`] | the parts of a message |
//! | [`fields`] | its header fields |
//! | [`shown`] | texts made safe to show in one line |
//! | [`text`] | plain bodies: links, quotes, previews |
//! | [`html`] | HTML bodies: made safe, and as a document of their own |
//! | [`files`] | attachments: their names and how they may be served |
//! | [`calendar`] | invitations (RFC 5545, RFC 5546) and the answers to them |

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Timestamp;

pub mod calendar;
pub mod fields;
pub mod files;
pub mod html;
pub mod mime;
pub mod shown;
pub mod text;

#[cfg(test)]
mod tests;

pub use calendar::{Answer, Invitation, reply_to_invitation};
pub use files::{AttachmentInfo, attachment};
pub use html::SafeHtml;

/// Somebody as a message names them. Both texts are safe to show in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The name the sender chose; says nothing about who it is.
    #[serde(rename = "n", default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The address, as it was written.
    #[serde(rename = "a", default, skip_serializing_if = "String::is_empty")]
    pub address: String,
}

/// What a list shows of a message. Small enough to be kept in an index: every text is bounded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// The author, the first where there are several.
    #[serde(rename = "f", skip_serializing_if = "Option::is_none")]
    pub from: Option<Party>,
    /// The first few recipients.
    #[serde(rename = "t", skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<Party>,
    /// The subject; empty where there is none.
    #[serde(rename = "s", skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The beginning of the text, about 140 characters in one line, without quotes.
    #[serde(rename = "p", skip_serializing_if = "String::is_empty")]
    pub preview: String,
    /// When it was written, as its sender says.
    #[serde(rename = "d", skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
    /// How many files it carries, without images that belong to its text.
    #[serde(rename = "n", skip_serializing_if = "is_zero")]
    pub attachments: u32,
    /// Bytes of the whole message.
    #[serde(rename = "z")]
    pub size: u64,
    /// Its `Message-ID`, without angle brackets.
    #[serde(rename = "m", skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The first message of its conversation: the first of `References`, else `In-Reply-To`, else
    /// its own name (RFC 5322, 3.6.4).
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// A machine wrote it (RFC 3834): nothing answers it by itself.
    #[serde(rename = "u", skip_serializing_if = "is_false")]
    pub auto: bool,
    /// It asks to a meeting.
    #[serde(rename = "i", skip_serializing_if = "is_false")]
    pub invitation: bool,
}

/// All that is shown of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// What the list says, too.
    pub summary: Summary,
    /// All of `To`.
    pub to: Vec<Party>,
    /// All of `Cc`.
    pub cc: Vec<Party>,
    /// Where answers should go; empty = to the author.
    pub reply_to: Vec<Party>,
    /// `References` and the message's own name, for an answer (RFC 5322, 3.6.4).
    pub references: Vec<String>,
    /// The text.
    pub body: Body,
    /// Its files, in the message's order.
    pub attachments: Vec<AttachmentInfo>,
    /// The meeting it is about.
    pub invitation: Option<Invitation>,
    /// It refers to images elsewhere; they are in the HTML only where they were asked for.
    pub had_remote_images: bool,
    /// What the reader should know.
    pub warnings: Vec<Warning>,
}

/// A message's text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// As plain text: the sender's, or else what the HTML says.
    pub text: Option<String>,
    /// As HTML, made safe.
    pub html: Option<SafeHtml>,
}

/// What the reader of a message should know about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// More than one author or several `From` fields: a trick more often than not.
    SeveralAuthors,
    /// The author's name has an address in it that is not the author's.
    NameLooksLikeAnotherAddress,
    /// Answers go to another domain than the author's.
    AnswersGoElsewhere,
    /// The text was longer than what is shown, or had more parts.
    Shortened,
}

/// What a list says of a message, whatever its bytes.
pub fn summary(message: &[u8]) -> Summary {
    let tree = mime::Message::parse(message);
    summarise(&tree, limits::PREVIEW_BYTES)
}

/// All that is shown of a message. `images` says where the images of the message itself are
/// found, and `remote_images` whether images elsewhere may be loaded, over HTTPS only.
pub fn read(message: &[u8], remote_images: bool) -> Reading {
    let tree = mime::Message::parse(message);
    let summary = summarise(&tree, limits::PREVIEW_BYTES);
    let head = &tree.head;
    let body = tree.body();
    let mut warnings = fields::warnings(head);
    if tree.shortened || body.shortened {
        warnings.push(Warning::Shortened);
    }
    let cleaned = body
        .html
        .as_deref()
        .map(|html| html::clean(html, &tree.inline_images(), remote_images));
    let (html, had_remote_images) = match cleaned {
        Some(cleaned) => (Some(cleaned.html), cleaned.had_remote_images),
        None => (None, false),
    };
    Reading {
        to: fields::parties(head, "To"),
        cc: fields::parties(head, "Cc"),
        reply_to: fields::parties(head, "Reply-To"),
        references: fields::references(head),
        body: Body {
            text: body.text,
            html,
        },
        attachments: files::list(&tree),
        invitation: tree.calendar().as_deref().and_then(calendar::read),
        summary,
        had_remote_images,
        warnings,
    }
}

fn summarise(tree: &mime::Message<'_>, preview_bytes: usize) -> Summary {
    let head = &tree.head;
    let message_id = fields::message_id(head);
    let mut to = fields::parties(head, "To");
    to.truncate(limits::SUMMARY_RECIPIENTS);
    Summary {
        from: fields::author(head),
        to,
        subject: fields::subject(head),
        preview: text::preview(&tree.opening(preview_bytes)),
        date: fields::date(head),
        attachments: files::count(tree),
        size: u64::try_from(tree.size).unwrap_or(u64::MAX),
        thread: fields::references(head)
            .into_iter()
            .next()
            .or_else(|| message_id.clone()),
        message_id,
        auto: fields::is_automatic(head),
        invitation: tree.has_calendar(),
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}
