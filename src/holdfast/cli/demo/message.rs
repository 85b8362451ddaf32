//! The messages of the demonstration: of several senders, and with what relays like to change.

use bytes::Bytes;

/// What a message is like, and whose it is.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Lines that begin with dots and with `From `, letters beyond ASCII, trailing spaces, and an
    /// empty line at its end.
    Text,
    /// Lines that end as Unix ends them.
    BareLf,
    /// Every byte there is, NUL and bare CR among them, and no line end at its end.
    Binary,
    /// About a megabyte.
    Large,
    /// Of the null sender.
    Automatic,
}

impl Kind {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Text => "plain text",
            Self::BareLf => "bare LF as line ends",
            Self::Binary => "every byte from 0 to 255",
            Self::Large => "a large attachment",
            Self::Automatic => "an automatic reply",
        }
    }

    /// The envelope sender; empty for the null sender.
    pub fn sender(self) -> &'static str {
        match self {
            Self::Text => "ben@example.net",
            Self::BareLf => "clara@example.com",
            Self::Binary => "scanner@example.net",
            Self::Large => "dora@example.com",
            Self::Automatic => "",
        }
    }

    /// The message of this kind with this number.
    pub fn message(self, number: usize) -> Bytes {
        let from = match self.sender() {
            "" => "postmaster@example.com",
            sender => sender,
        };
        let header = format!(
            "From: <{from}>\r\n\
             To: Anna <{TO}>\r\n\
             Subject: Message {number} of the demonstration\r\n\
             Message-ID: <demo-{number}@example.net>\r\n\
             MIME-Version: 1.0\r\n"
        );
        let mut message = header.into_bytes();
        match self {
            Self::Text | Self::Automatic => message.extend_from_slice(TEXT.as_bytes()),
            Self::BareLf => {
                message.extend_from_slice(TEXT.as_bytes());
                message.retain(|byte| *byte != b'\r');
            }
            Self::Binary => {
                message.extend_from_slice(BINARY.as_bytes());
                message.extend(0..=u8::MAX);
            }
            Self::Large => {
                message.extend_from_slice(ATTACHMENT.as_bytes());
                message.extend_from_slice(&BASE64_LINE.as_bytes().repeat(LINES));
            }
        }
        message.into()
    }
}

/// The envelope recipient.
pub const TO: &str = "anna@example.org";

const TEXT: &str = "Content-Type: text/plain; charset=utf-8\r\n\
    Content-Transfer-Encoding: 8bit\r\n\
    \r\n\
    Grüße, Anna!\r\n\
    .\r\n\
    ..two dots\r\n\
    From here on nothing may change:   \r\n\
    \r\n";
const BINARY: &str = "Content-Type: application/octet-stream\r\n\
    Content-Transfer-Encoding: binary\r\n\
    \r\n";
const ATTACHMENT: &str = "Content-Type: application/octet-stream\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n";
const BASE64_LINE: &str =
    "SG9sZGZhc3Qga2VlcHMgbWFpbCBtb3Zpbmcgd2hlbiB0aGUgbWFpbCBzZXJ2ZXIgZG9lcyBub3Qu\r\n";
/// Of 78 bytes each: a million bytes.
const LINES: usize = 12_821;
