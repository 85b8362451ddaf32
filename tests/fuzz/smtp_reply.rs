//! A primary's replies: the same whatever pieces they come in, bounded, and fit for a record.

use holdfast_core::smtp::limits::REPLY_TEXT_OCTETS;
use holdfast_core::smtp::{Capabilities, EnhancedCode, Reply, ReplyError, ReplyReader, WireReply};

/// The input is what the server says; its first octet cuts it into pieces.
pub fn check(input: &[u8]) {
    let Some((&first, said)) = input.split_first() else {
        return;
    };
    let whole = read(said, usize::MAX);
    for size in [1, 2, usize::from(first).max(1)] {
        assert_eq!(read(said, size), whole, "in pieces of {size}");
    }
    for reply in &whole.0 {
        assert!((200..600).contains(&reply.code));
        let _ = Capabilities::parse(&reply.lines);
        it_is_fit_for_a_record(&reply.to_reply());
    }
    // What an HTTP primary says is made a reply without the reader.
    if let Ok(text) = std::str::from_utf8(said) {
        it_is_fit_for_a_record(&Reply::new(u16::from(first) + 400, text.lines()));
        if let Ok(code) = text.parse::<EnhancedCode>() {
            assert_eq!(code.to_string().parse(), Ok(code));
        }
    }
}

/// Each reply, and the error that ended it.
fn read(said: &[u8], size: usize) -> (Vec<WireReply>, Option<ReplyError>) {
    let (mut reader, mut replies) = (ReplyReader::new(), Vec::new());
    for mut piece in said.chunks(size.min(said.len()).max(1)) {
        while !piece.is_empty() {
            let before = piece.len();
            match reader.read(&mut piece) {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => assert!(piece.is_empty(), "all of it is taken"),
                Err(error) => return (replies, Some(error)),
            }
            assert!(piece.len() < before, "it comes to an end");
        }
    }
    (replies, None)
}

fn it_is_fit_for_a_record(reply: &Reply) {
    assert!(reply.text.len() <= REPLY_TEXT_OCTETS);
    assert!(!reply.to_string().contains(char::is_control));
    if let Some(enhanced) = reply.enhanced {
        assert_eq!(u16::from(enhanced.class), reply.code / 100);
    }
    let json = serde_json::to_string(reply).unwrap();
    assert_eq!(&serde_json::from_str::<Reply>(&json).unwrap(), reply);
}
