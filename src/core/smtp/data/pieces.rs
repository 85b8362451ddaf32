//! A message as pieces to write one after another: stretches of its own bytes, shared and not
//! copied, and between them the few octets that are put in.

use std::collections::VecDeque;

use bytes::Bytes;

use super::edited::Edited;

/// The pieces, in order. None is empty.
#[derive(Debug)]
pub(super) enum Pieces {
    /// Nothing is put in between.
    Exact(VecDeque<Bytes>),
    /// Dots are, and line ends.
    Edited(Edited),
}

impl Pieces {
    /// `parts` unchanged after `command`: for BDAT.
    pub(super) fn after(command: Bytes, parts: &[Bytes]) -> Pieces {
        Pieces::Exact(
            std::iter::once(command)
                .chain(parts.iter().cloned())
                .collect(),
        )
    }

    /// `parts` unchanged, then the final dot: for DATA, when no line needs a dot and the last one
    /// has ended (RFC 5321 section 4.1.1.4).
    pub(super) fn plain(parts: &[Bytes]) -> Pieces {
        let end = Bytes::from_static(b".\r\n");
        Pieces::Exact(parts.iter().cloned().chain([end]).collect())
    }

    /// `parts` with dots where needed and CRLF line ends, then the final dot: for any DATA.
    pub(super) fn edited(parts: &[Bytes]) -> Pieces {
        Pieces::Edited(Edited::new(parts))
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self {
            Pieces::Exact(parts) => parts.pop_front(),
            Pieces::Edited(edited) => edited.next(),
        }
    }
}
