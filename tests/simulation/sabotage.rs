//! Promises broken on purpose: the checks must find each of them, or they check nothing.

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
    /// A lost reply leaves no doubt in the records.
    ForgetsDoubt,
    /// What cannot be read is taken for empty, so the status says that all is well.
    StatusLies,
    /// A message is dropped and the audit log does not know.
    DropsWithoutAudit,
    /// A byte of what is held is not what was submitted.
    ChangesByte,
    /// The instances' clocks stand still, and are believed.
    ClockStands,
    /// A time that a clock far ahead wrote down is waited for.
    WaitsForClock,
    /// Entries of mailboxes are not stored.
    FilesNothing,
    /// A user is told that a message is sent though the outbox has not got it.
    SentBeforePut,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::AnswerBeforePut,
        Self::DeleteBeforeOutcome,
        Self::NoClaim,
        Self::RetryTimeAfterAttempt,
        Self::AnswerBeforeReceipt,
        Self::RejectionTripsHealth,
        Self::ForgetsDoubt,
        Self::StatusLies,
        Self::DropsWithoutAudit,
        Self::ChangesByte,
        Self::ClockStands,
        Self::WaitsForClock,
        Self::FilesNothing,
        Self::SentBeforePut,
    ];

    /// How the rules begin that find it: to be found by another is not to be found.
    pub const fn rules(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::AnswerBeforePut => &["an answer of 202 is true"],
            Self::DeleteBeforeOutcome => &["the outcome is written before the message goes"],
            Self::NoClaim | Self::RetryTimeAfterAttempt => &["twice only where"],
            Self::AnswerBeforeReceipt => &["one key, one message", "the same key never makes two"],
            Self::RejectionTripsHealth => {
                &["in a calm world no primary failed", "one sender cannot"]
            }
            Self::ForgetsDoubt => &["twice only where doubt is on record"],
            Self::StatusLies => &["what cannot be", "the count is true", "the health is true"],
            Self::DropsWithoutAudit => &["the audit log has a"],
            Self::ChangesByte => &["bytes are kept"],
            Self::ClockStands => &["no sender waits longer", "a healed world"],
            Self::WaitsForClock => &["a healed world"],
            Self::FilesNothing => &["what is held is filed"],
            Self::SentBeforePut => &["what a user was told is sent"],
        }
    }

    /// Whether a write of this key is only pretended.
    pub fn forgets(self, key: &str) -> bool {
        match self {
            Self::AnswerBeforePut => key.starts_with("queue/"),
            Self::DeleteBeforeOutcome => key.starts_with("outcomes/"),
            Self::RetryTimeAfterAttempt => key.starts_with("attempts/"),
            Self::AnswerBeforeReceipt => key.starts_with("receipts/"),
            Self::DropsWithoutAudit => key.starts_with("audit/"),
            Self::FilesNothing => key.starts_with("mailboxes/"),
            Self::SentBeforePut => key.starts_with("people/outbox/"),
            _ => false,
        }
    }
}
