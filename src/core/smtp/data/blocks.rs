//! A message as blocks to write: few, large, and copied only where they must be.
//!
//! Each write is one call into the host, and a small write may wait for the acknowledgement of
//! the one before it. So a message below [`BLOCK_OCTETS`] leaves as one block, final dot
//! included. Of a large one each block that is a stretch of the message is a shared slice of it;
//! only the first (with the trace lines in front), the last, and those with something put in are
//! copied.

use bytes::{Bytes, BytesMut};

use super::pieces::Pieces;
use super::{Content, Plan, Transfer};
use crate::smtp::limits::BLOCK_OCTETS;

/// The blocks of one message, in order.
#[derive(Debug)]
pub struct Blocks {
    pieces: Pieces,
    /// The piece that is next, looked at ahead to know which block is the last.
    next: Option<Bytes>,
}

impl Blocks {
    pub(super) fn new(content: &Content, plan: Plan) -> Blocks {
        let parts = &content.parts;
        let mut pieces = match plan.transfer {
            Transfer::Bdat => Pieces::after(bdat(plan.size), parts),
            Transfer::Data if !content.facts.dots => Pieces::plain(parts),
            Transfer::Data | Transfer::DataCanonical => Pieces::edited(parts),
        };
        let next = pieces.next();
        Blocks { pieces, next }
    }

    /// Whether all blocks have been given out: the one before was the last.
    pub fn is_done(&self) -> bool {
        self.next.is_none()
    }

    /// Up to `room` octets of the next piece.
    fn take(&mut self, room: usize) -> Option<Bytes> {
        let next = self.next.as_mut()?;
        if next.len() > room {
            return Some(next.split_to(room));
        }
        std::mem::replace(&mut self.next, self.pieces.next())
    }
}

impl Iterator for Blocks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let first = self.take(BLOCK_OCTETS)?;
        if first.len() == BLOCK_OCTETS || self.is_done() {
            return Some(first);
        }
        let mut block = BytesMut::with_capacity(BLOCK_OCTETS);
        block.extend_from_slice(&first);
        while block.len() < BLOCK_OCTETS
            && let Some(piece) = self.take(BLOCK_OCTETS - block.len())
        {
            block.extend_from_slice(&piece);
        }
        Some(block.freeze())
    }
}

/// The one chunk of the message (RFC 3030 section 2).
fn bdat(octets: u64) -> Bytes {
    Bytes::from(format!("BDAT {octets} LAST\r\n"))
}
