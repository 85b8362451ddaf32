//! Mailboxes: what a user finds here, in objects that point to messages and never are the message.
//!
//! ```text
//!   queue/ROUTE/COPY.eml                what is held; release alone decides about it
//!   messages/DAY/COPY.eml               a copy of what was delivered, where the route keeps copies
//!   filed/SOURCE/COPY.json              it is filed, and for whom
//!   mailboxes/USER/mail/NAME.json       one entry: newest first, because names run backwards
//!   mailboxes/USER/packed/NAME.json     some hundred older entries in one object
//!   mailboxes/USER/marks/MONTH.json     read, answered, binned: by the user, of the messages of a month
//!   mailboxes/USER/sent/NAME.json .eml  what the user sent
//!   mailboxes/USER/drafts/ID.json       what the user has not sent yet
//! ```
//!
//! Filing never touches the queue: reading, moving or deleting here does not change what is released.
//!
//! | file | what it says |
//! | --- | --- |
//! | [`entry`] | an entry, its name, and where its message lies |
//! | [`filing`] | who files what, and how nothing is left out |
//! | [`folder`] | lists, pages, search |
//! | [`marks`] | what a user did with a message here |
//! | [`bin`] | what was thrown away, until it is deleted |
//! | [`sending`] | what users write: the outbox, the way of each copy, the copy for their own primary |
//! | [`drafts`] | what is not sent yet |

pub mod bin;
pub mod drafts;
pub mod entry;
pub mod filing;
pub mod folder;
pub mod marks;
pub mod sending;

#[cfg(test)]
mod tests;

pub use entry::Entry;
