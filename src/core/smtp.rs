//! Handing mail to a primary that speaks SMTP: the client's side, without any I/O.
//!
//! [`Session`] is the client of one connection. It decides what to write and what the server's
//! bytes mean; a driver owns the socket, the TLS library and the clock, and asks it what to do:
//!
//! ```text
//! let mut session = Session::new(settings);         // once the socket is connected
//! session.submit(transaction)?;                     // at once, or when `Want::Ready`
//! loop {
//!     match session.want() {
//!         Want::Write { bytes, step } => write all, in the time of `step`   or closed()/timed_out()
//!         Want::Read(step) => read some, in the time of `step`: received(&buffer)
//!                             nothing read: closed(); too late: timed_out()
//!         Want::StartTls => the handshake: tls_started() or tls_failed(why)
//!         Want::Ready | Want::Done => break,
//!     }
//! }
//! session.take_outcome()                            // what became of each recipient
//! ```
//!
//! `Ready` means the connection can carry another [`Transaction`], or be ended with
//! [`Session::quit`]; `Done` means it can only be dropped. [`Session::probe`] goes as far as
//! `Ready` would be, then quits: its outcome is an [`Attempt`] without recipients.
//!
//! | file | idea |
//! | --- | --- |
//! | `outcome` | what an attempt to deliver has come to; shared with HTTP primaries |
//! | `envelope` | addresses that cannot smuggle a command |
//! | `settings` | how to speak to this primary: TLS, credentials, our name |
//! | `reply`, `reply_reader` | what the server said, read in any split, within limits |
//! | `capabilities` | what it offers |
//! | `data` | how a message's bytes travel, and the one change that may be made to them |
//! | `dialogue` | the states of the conversation |
//! | `limits` | every bound named here |
//!
//! Why not a library: the ones that exist need sockets or tokio, do not pipeline, and do not
//! tell "not delivered" from "cannot know". That difference is what this product is for.
//!
//! Follows RFC 5321, 1870, 2034, 2920, 3030, 3207, 3461, 3463, 4954, 6152 and 6531.

mod capabilities;
mod data;
mod dialogue;
mod envelope;
pub mod limits;
mod outcome;
mod reply;
mod reply_reader;
mod settings;

pub use capabilities::{Capabilities, SizeLimit};
pub use data::{Blocks, Body, Content, Ending, Facts, Plan, Transfer};
pub use dialogue::{Session, SubmitError, Transaction, Want};
pub use envelope::{AddressError, Envelope, EnvelopeError};
pub use outcome::{Attempt, Failure, FailureKind, Step, Verdict};
pub use reply::{Class, EnhancedCode, Reply};
pub use reply_reader::{ReplyError, ReplyReader, WireReply};
pub use settings::{Credentials, HelloName, Settings, SettingsError, TlsPolicy};
