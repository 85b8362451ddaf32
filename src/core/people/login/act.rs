//! What was done to a login, for the audit log: the caller knows who did it and from where.

use serde_json::{Value, json};

use super::activation::Purpose;
use crate::operate::Operator;
use crate::operate::audit::Audit;
use crate::people::UserId;
use crate::time::Timestamp;

/// Something that was done. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "write it into the audit log"]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// To whose login.
    pub user: UserId,
    /// What.
    pub what: What,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An activation link was made.
    LinkMade {
        /// What it is for.
        purpose: Purpose,
        /// When it is over.
        expires: Timestamp,
    },
    /// An activation link was used: there is a new password and a new second factor.
    LinkUsed {
        /// What it was for.
        purpose: Purpose,
    },
    /// A second factor was enrolled.
    Enrolled,
    /// The password was changed.
    PasswordChanged,
    /// A recovery code was used.
    RecoveryUsed {
        /// How many are left.
        left: usize,
    },
    /// New recovery codes were made; the old ones are void.
    RecoveryRenewed,
    /// All sessions were ended.
    SessionsRevoked,
}

impl Act {
    pub(super) fn new(at: Timestamp, user: UserId, what: What) -> Self {
        Self { at, user, what }
    }

    /// As an entry of the audit log, by whoever did it: an operator, or the user.
    pub fn audit(&self, by: &Operator, reason: &str) -> Audit {
        let (action, facts) = self.what.told();
        Audit::new(self.at, by, action, &format!("user/{}", self.user), reason).with(facts)
    }
}

impl What {
    fn told(self) -> (&'static str, Value) {
        match self {
            Self::LinkMade { purpose, expires } => (
                "login-link",
                json!({ "purpose": purpose, "expires": expires }),
            ),
            Self::LinkUsed { purpose } => ("login-link-used", json!({ "purpose": purpose })),
            Self::Enrolled => ("login-enrolled", Value::Null),
            Self::PasswordChanged => ("login-password", Value::Null),
            Self::RecoveryUsed { left } => ("login-recovery-used", json!({ "left": left })),
            Self::RecoveryRenewed => ("login-recovery-renewed", Value::Null),
            Self::SessionsRevoked => ("login-revoked", Value::Null),
        }
    }
}
