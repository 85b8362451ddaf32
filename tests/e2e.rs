//! End to end: the real components in the real host, with real storage and mail systems that do
//! as they are told. Each file is a promise.
//!
//! | file | promise |
//! | --- | --- |
//! | `delivery` | bytes are kept, by every way |
//! | `primary_faults` | a failing primary loses nothing and holds nobody up |
//! | `storage_faults` | what is not accepted stays with the sender |
//! | `idempotency` | the same key never makes two messages |
//! | `inbound` | what mail gateways post arrives, once, and forged posts do not |
//! | `refusals` | what must not pass is refused by name, and leaves nothing behind |
//! | `operators` | readiness, health, orders and their tokens |
//! | `release` | what was held goes home, oldest first, byte for byte |
//! | `returns` | what cannot be delivered goes back, once, or is put aside |
//! | `queue` | single messages in an operator's hands, audited |
//! | `windows` | in a window mail is held on purpose, and goes home at its end |
//! | `drills` | a failover is rehearsed without touching real mail |
//! | `people` | users read and answer mail while their mail server is down |
//! | `logs` | the log has ids and no content; a trace goes through |
//! | `metrics` | figures are durable, and what was not read is not told |
//! | `costs` | the storage is asked for no more than it must be |
//! | `chaos` | a thousand messages while the primary is killed ten times |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot set up has failed"
)]

#[path = "e2e/chaos.rs"]
mod chaos;
#[path = "e2e/costs.rs"]
mod costs;
#[path = "e2e/delivery.rs"]
mod delivery;
#[path = "e2e/drills.rs"]
mod drills;
#[path = "e2e/idempotency.rs"]
mod idempotency;
#[path = "e2e/inbound.rs"]
mod inbound;
#[path = "e2e/logs.rs"]
mod logs;
#[path = "e2e/metrics.rs"]
mod metrics;
#[path = "e2e/operators.rs"]
mod operators;
#[path = "e2e/people.rs"]
mod people;
#[path = "e2e/primary_faults.rs"]
mod primary_faults;
#[path = "e2e/queue.rs"]
mod queue;
#[path = "e2e/refusals.rs"]
mod refusals;
#[path = "e2e/release.rs"]
mod release;
#[path = "e2e/returns.rs"]
mod returns;
#[path = "e2e/storage_faults.rs"]
mod storage_faults;
#[path = "e2e/windows.rs"]
mod windows;
