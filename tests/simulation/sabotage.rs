//! Promises broken on purpose: the checkers must find each of them, or they check nothing.

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    None,
    /// The sender is told 2xx though the message was not stored.
    AnswerBeforePut,
    /// The message goes though its outcome was not stored.
    DeleteBeforeOutcome,
    /// Everybody may release everything at once: neither the lease nor a claim keeps them apart.
    NoClaim,
    /// The next attempt is not written down before this one.
    RetryTimeAfterAttempt,
    /// The answer goes out though the receipt was not stored.
    AnswerBeforeReceipt,
    /// A primary's word about one message counts against the primary.
    RejectionTripsHealth,
}

impl Sabotage {
    /// Whether a write of this key is only pretended.
    pub fn forgets(self, key: &str) -> bool {
        match self {
            Self::AnswerBeforePut => key.starts_with("queue/"),
            Self::DeleteBeforeOutcome => key.starts_with("outcomes/"),
            Self::RetryTimeAfterAttempt => key.starts_with("attempts/"),
            Self::AnswerBeforeReceipt => key.starts_with("receipts/"),
            Self::None | Self::NoClaim | Self::RejectionTripsHealth => false,
        }
    }
}
