//! What a submission with an `Idempotency-Key` answered, kept under the key.
//!
//! ```text
//!   (none) --claim--> Running --complete--> Done: the same answer again, for ever
//!                       |  ^
//!            reopen     |  | claim again
//!      (not accepted)   v  |
//!                      Open: what was settled stays settled, the rest may be tried again
//! ```
//!
//! The claim comes before the delivery, so that two submissions with one key never run at once.
//! A claim that is older than any submission was left by an instance that died: it is taken over
//! under the same message id, so that a copy it may have held is written over, not doubled.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::held::Digest;
use super::record;
use super::store::{Condition, Put, StoreError, Version};
use crate::limits;
use crate::mail::MessageId;
use crate::ports::{Ports, nonce};
use crate::problem::{Kind, Problem};
use crate::submit::answer::{Response, Settled};
use crate::time::Timestamp;

/// The object's content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The id the message has, in every try.
    pub id: MessageId,
    /// What was submitted: another content under the same key is refused.
    pub payload: String,
    /// How far it came.
    pub state: State,
    /// Tries that were begun, this one included.
    #[serde(default = "one")]
    pub tries: u32,
    /// Attempts that ended without a word: an earlier one may have delivered the message.
    #[serde(default)]
    pub lost: u32,
}

/// How far a submission with a key came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Somebody works on it.
    Running {
        /// Who: told apart by chance.
        nonce: String,
        /// Since when.
        since: Timestamp,
    },
    /// It was not accepted; these recipients were settled all the same.
    Open {
        /// The settled ones.
        settled: Vec<Settled>,
    },
    /// It was answered.
    Done {
        /// The answer.
        response: Response,
    },
}

/// A key that the caller works on alone.
#[derive(Debug)]
pub struct Claimed {
    /// The receipt as it stands.
    pub receipt: Receipt,
    /// Recipients that an earlier try settled.
    pub settled: Vec<Settled>,
    key: String,
    version: Version,
}

/// What a claim came to.
#[derive(Debug)]
pub enum Claim {
    /// Go on.
    Mine(Box<Claimed>),
    /// It was answered before.
    Answered(Response),
}

/// Why there is no claim.
#[derive(Debug)]
pub enum ClaimError {
    /// The sender's mistake, or another submission is running.
    Problem(Problem),
    /// Receipts cannot be kept now.
    Storage(StoreError),
}

impl From<StoreError> for ClaimError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// The key of the object: partner and key are told apart from all others, and neither is shown.
pub fn object_key(partner: &str, key: &str) -> String {
    let hash: String = Sha256::digest(key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("receipts/{partner}/{hash}.json")
}

/// Claims the key for a submission of `payload`, under `id` if no earlier try gave it another.
pub async fn claim<P: Ports>(
    ports: &P,
    partner: &str,
    key: &str,
    payload: &Digest,
    id: MessageId,
) -> Result<Claim, ClaimError> {
    let key = object_key(partner, key);
    let store = ports.store();
    let nonce = nonce(ports);
    let running = |since| State::Running {
        nonce: nonce.clone(),
        since,
    };
    let fresh = Receipt {
        id,
        payload: payload.field(),
        state: running(ports.now()),
        tries: 1,
        lost: 0,
    };
    if let Put::Written(version) = record::write(store, &key, &fresh, Condition::Absent).await? {
        return Ok(mine(key, fresh, version, Vec::new()));
    }
    for _ in 0..limits::STATE_TRIES {
        let Some((found, version)) = record::read::<Receipt>(store, &key).await? else {
            return Err(still_running());
        };
        if found.payload != payload.field() {
            let detail = "use a new Idempotency-Key for another message, or send the same one again unchanged";
            return Err(ClaimError::Problem(Problem::new(Kind::KeyReused, detail)));
        }
        let (settled, lost) = match &found.state {
            State::Done { response } => return Ok(Claim::Answered(response.clone())),
            State::Open { settled } => (settled.clone(), found.lost),
            // Our own first write, whose answer was lost.
            State::Running { nonce: own, .. } if *own == nonce => {
                return Ok(mine(key, found, version, Vec::new()));
            }
            State::Running { since, .. } if fresh_claim(*since, ports.now()) => {
                return Err(still_running());
            }
            State::Running { .. } => (Vec::new(), found.lost.saturating_add(1)),
        };
        let tries = found.tries.saturating_add(1);
        let taken = Receipt {
            state: running(ports.now()),
            tries,
            lost,
            ..found
        };
        if let Put::Written(version) =
            record::write(store, &key, &taken, Condition::Unchanged(version)).await?
        {
            return Ok(mine(key, taken, version, settled));
        }
    }
    Err(still_running())
}

/// Writes the answer down. It is given to the sender only after this.
pub async fn complete<P: Ports>(
    ports: &P,
    claimed: Claimed,
    response: &Response,
) -> Result<(), StoreError> {
    finish(
        ports,
        claimed,
        State::Done {
            response: response.clone(),
        },
    )
    .await
}

/// Nothing more was accepted: the sender may try again with the same key. `doubt` says that a
/// write of this try may still have happened, or may happen yet.
pub async fn reopen<P: Ports>(
    ports: &P,
    mut claimed: Claimed,
    settled: Vec<Settled>,
    doubt: bool,
) -> Result<(), StoreError> {
    claimed.receipt.lost = claimed.receipt.lost.saturating_add(u32::from(doubt));
    finish(ports, claimed, State::Open { settled }).await
}

async fn finish<P: Ports>(ports: &P, claimed: Claimed, state: State) -> Result<(), StoreError> {
    let receipt = Receipt {
        state,
        ..claimed.receipt
    };
    // A conflict is either our own write whose answer was lost, or somebody took over what took
    // too long; in both cases there is nothing better to write.
    let condition = Condition::Unchanged(claimed.version);
    record::write(ports.store(), &claimed.key, &receipt, condition)
        .await
        .map(drop)
}

fn mine(key: String, receipt: Receipt, version: Version, settled: Vec<Settled>) -> Claim {
    Claim::Mine(Box::new(Claimed {
        receipt,
        settled,
        key,
        version,
    }))
}

fn one() -> u32 {
    1
}

fn fresh_claim(since: Timestamp, now: Timestamp) -> bool {
    now.since(since) < limits::RECEIPT_RUNNING && since <= now.after(limits::RECEIPT_RUNNING)
}

fn still_running() -> ClaimError {
    let detail = "wait for its answer, or ask again with the same key later";
    ClaimError::Problem(Problem::new(Kind::StillRunning, detail))
}
