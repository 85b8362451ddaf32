//! The messages of the demonstration: with what relays like to change.

use bytes::Bytes;

/// A message with lines that begin with dots and with `From `, letters beyond ASCII, trailing
/// spaces, and an empty line at its end.
pub fn message(number: usize) -> Bytes {
    Bytes::from(format!(
        "From: Ben <{FROM}>\r\n\
         To: Anna <{TO}>\r\n\
         Subject: Message {number} of the demonstration\r\n\
         Message-ID: <demo-{number}@example.net>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\
         \r\n\
         Grüße, Anna! This is message {number}.\r\n\
         .\r\n\
         ..two dots\r\n\
         From here on nothing may change:   \r\n\
         \r\n"
    ))
}

pub const FROM: &str = "ben@example.net";
pub const TO: &str = "anna@example.org";
