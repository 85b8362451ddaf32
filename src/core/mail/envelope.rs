//! Who a message is from and for, as the transport knows it; not the header fields.

use serde::{Deserialize, Serialize};

use super::{DsnRequest, EmailAddress};

/// The envelope of one message (RFC 5321, 2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The reverse path; none is the null sender `<>`, which bounces carry.
    pub sender: Option<EmailAddress>,
    /// The forward paths, each mailbox once, in the order they were given.
    pub recipients: Vec<EmailAddress>,
    /// What the sender wants to be told.
    #[serde(default)]
    pub dsn: DsnRequest,
}

impl Envelope {
    /// An envelope with each recipient once: naming a mailbox twice asks for one copy.
    pub fn new(sender: Option<EmailAddress>, recipients: Vec<EmailAddress>) -> Self {
        let mut once: Vec<EmailAddress> = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            if !once.iter().any(|known| known.same_mailbox(&recipient)) {
                once.push(recipient);
            }
        }
        Self {
            sender,
            recipients: once,
            dsn: DsnRequest::default(),
        }
    }

    /// The same, and what its sender wants to be told.
    pub fn with_dsn(self, dsn: DsnRequest) -> Self {
        Self { dsn, ..self }
    }

    /// The same for these recipients alone.
    pub fn only(&self, recipients: Vec<EmailAddress>) -> Self {
        Self {
            sender: self.sender.clone(),
            recipients,
            dsn: self.dsn.clone(),
        }
    }

    /// The sender as it stands between `<` and `>`.
    pub fn sender_path(&self) -> &str {
        self.sender.as_ref().map_or("", EmailAddress::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_named_twice_gets_one_copy() {
        let to = ["a@x.org", "A@x.org", "a@X.org"].map(|a| a.parse().unwrap());
        let envelope = Envelope::new(None, to.to_vec());
        assert_eq!(
            envelope.recipients.len(),
            2,
            "the domain has no case, the local part may"
        );
        assert_eq!(envelope.sender_path(), "");
    }
}
