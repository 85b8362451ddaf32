//! Attachments: which parts are files, what they may be called, how they may be served.
//!
//! A browser must never run one as a page of ours. Its media type is served only where it is on a
//! short list of types that hold no script; everything else is bytes. And each is offered to be
//! saved, never shown (`Content-Disposition: attachment`, RFC 6266).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::mime::{Leaf, Message};
use super::{fields, shown};
use crate::limits;

/// A file that a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentInfo {
    /// Its number within the message, for [`attachment`].
    pub index: usize,
    /// A name that is safe to show and to save under.
    pub name: String,
    /// The media type under which it may be served.
    pub content_type: String,
    /// Bytes; before decoding an estimate.
    pub size: u64,
    /// An image that belongs to the text.
    pub inline: bool,
}

impl AttachmentInfo {
    /// The field `Content-Disposition` to serve it with: to be saved, always.
    pub fn disposition(&self) -> String {
        let plain: String = self
            .name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || " ._-()".contains(c) {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        let full = utf8_percent_encode(&self.name, &ATTR_CHAR);
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}")
    }
}

/// The files of a message.
pub fn list(message: &Message<'_>) -> Vec<AttachmentInfo> {
    files(message)
        .map(|(index, leaf)| info(index, leaf))
        .collect()
}

/// How many files a message carries, without images that belong to its text.
pub fn count(message: &Message<'_>) -> u32 {
    let number = files(message).filter(|(_, leaf)| !is_inline(leaf)).count();
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// One file of a message with its bytes.
pub fn attachment(message: &[u8], index: usize) -> Option<(AttachmentInfo, Vec<u8>)> {
    let message = Message::parse(message);
    let (index, leaf) = files(&message).find(|(at, _)| *at == index)?;
    let bytes = leaf.bytes();
    let mut info = info(index, leaf);
    info.size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Some((info, bytes))
}

fn files<'m, 'x>(message: &'m Message<'x>) -> impl Iterator<Item = (usize, &'m Leaf<'x>)> {
    message.leaves.iter().enumerate().filter(|(index, leaf)| {
        // The calendar that only a program is to see: a person sees the invitation.
        let for_programs =
            leaf.media_type == "text/calendar" && !leaf.is_attachment && leaf.name.is_none();
        !message.is_shown(*index) && !for_programs
    })
}

fn is_inline(leaf: &Leaf<'_>) -> bool {
    leaf.content_id.is_some()
        && !leaf.is_attachment
        && leaf.is_related
        && leaf.media_type.starts_with("image/")
}

fn info(index: usize, leaf: &Leaf<'_>) -> AttachmentInfo {
    AttachmentInfo {
        index,
        name: file_name(leaf.name.as_deref(), index, &leaf.media_type),
        content_type: served_type(&leaf.media_type).to_owned(),
        size: leaf.decoded_size(),
        inline: is_inline(leaf),
    }
}

/// The type as which a file may be served.
pub fn served_type(media_type: &str) -> &'static str {
    SERVED_TYPES
        .into_iter()
        .find(|served| *served == media_type)
        .unwrap_or("application/octet-stream")
}

/// A name without directories, without what file systems refuse, that shows its true ending.
pub fn file_name(given: Option<&str>, index: usize, media_type: &str) -> String {
    let given = given.unwrap_or_default();
    let decoded = if given.contains("=?") {
        decoded_words(given)
    } else {
        given.to_owned()
    };
    let last = decoded.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = shown::line(last, limits::SHOWN_LINE_CHARS);
    let name: String = name
        .chars()
        .map(|c| {
            if "<>:\"|?*\u{ffff}%".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    let name = name.trim_matches(['.', ' ', '~']);
    // The names of devices on Windows.
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (stem.starts_with("COM") || stem.starts_with("LPT")) && stem.len() == 4;
    if name.is_empty() || device {
        let ending = match media_type {
            "message/rfc822" => "eml",
            "text/plain" => "txt",
            "text/html" => "html",
            "text/calendar" => "ics",
            "image/png" => "png",
            "image/jpeg" => "jpg",
            "image/gif" => "gif",
            "application/pdf" => "pdf",
            _ => "bin",
        };
        return format!("file-{}.{ending}", index + 1);
    }
    name.to_owned()
}

/// Encoded words where RFC 2047 allows none, and many programs write them.
fn decoded_words(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).collect();
    let header = format!("Subject: {line}\n\n");
    let head = fields::Head::parse(&fields::parser(), header.as_bytes());
    fields::subject(&head)
}

/// RFC 5987, 3.2.1: what may stand as it is in `filename*`.
const ATTR_CHAR: AsciiSet = NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_');

/// What browsers, and the programs behind them, open without running anything in our name.
const SERVED_TYPES: [&str; 24] = [
    "application/pdf",
    "application/zip",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/heic",
    "text/calendar",
    "text/csv",
    "text/plain",
    "video/mp4",
    "video/webm",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_so_that_it_can_be_saved_and_not_mistaken() {
        for (given, name) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\a.exe", "a.exe"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\r\nb\".txt", "a b_.txt"),
            ("...", "file-3.bin"),
            ("", "file-3.bin"),
            ("con.txt", "file-3.bin"),
            ("=?utf-8?B?w6RyenRlLnBkZg==?=", "ärzte.pdf"),
        ] {
            assert_eq!(file_name(Some(given), 2, "x/y"), name);
        }
        assert_eq!(file_name(None, 0, "message/rfc822"), "file-1.eml");
    }

    #[test]
    fn what_a_browser_could_run_is_bytes_and_saved() {
        for media_type in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "text/xml",
            "application/javascript",
            "x/y",
            "",
        ] {
            assert_eq!(served_type(media_type), "application/octet-stream");
        }
        let info = AttachmentInfo {
            index: 0,
            name: "ä\";x.pdf".into(),
            content_type: String::new(),
            size: 0,
            inline: false,
        };
        assert_eq!(
            info.disposition(),
            "attachment; filename=\"___x.pdf\"; filename*=UTF-8''%C3%A4%22%3Bx.pdf"
        );
    }
}
