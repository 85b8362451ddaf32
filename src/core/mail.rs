//! A message and its envelope, as far as Holdfast needs to know them.
//!
//! Accepting a message never depends on parsing its body: what is here looks at the envelope, at
//! the header lines' first words, and adds one line on top.

pub mod address;
pub mod compose;
pub mod dkim;
pub mod dsn;
pub mod envelope;
pub mod facts;
pub mod id;
pub mod notify;
pub mod trace;

pub use address::{AddressError, Domain, EmailAddress};
pub use envelope::Envelope;
pub use id::MessageId;
pub use notify::{DsnRequest, EnvelopeId, Notify, Ret};
