//! The one line Holdfast adds when it relays (RFC 5321, 4.4): who gave it to us, under which id.
//!
//! It stands on one line, so that taking it off again is cutting at the first line end.

use super::MessageId;

/// `Received: from PARTNER by HOSTNAME with HTTP id ID; DATE`, with `line_end` behind it.
///
/// The partner's name and the host's name are configuration words without spaces; the date is
/// when the message came in, which is also the date in its id.
pub fn received_line(partner: &str, hostname: &str, id: MessageId, line_end: &str) -> String {
    let date = id.at().rfc5322();
    format!("Received: from {partner} by {hostname} with HTTP id {id}; {date}{line_end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_line_is_one_line() {
        let id = MessageId::new(Timestamp::from_millis(1_795_392_000_000), [1; 10]);
        let line = received_line("acme", "mx.example.org", id, "\r\n");
        assert_eq!(
            line,
            format!(
                "Received: from acme by mx.example.org with HTTP id {id}; Mon, 23 Nov 2026 00:00:00 +0000\r\n"
            )
        );
    }
}
