//! What outsiders feed to Holdfast, and what must hold whatever they feed.
//!
//! Each module has one `check(input)`: it reads the input the way Holdfast does and panics where a
//! property is broken. libFuzzer runs them guided by coverage (`fuzz_targets/`, `run`), `cargo test`
//! runs them on the seeds and on what proptest makes of these. Inputs are text wherever they can be,
//! so that a seed and a finding can be read.
//!
//! | module | the outsider |
//! | --- | --- |
//! | [`submission`] | a partner's POST, from the head to the answer and the held object |
//! | [`tokens`] | its `Authorization`, `Idempotency-Key`, `Content-Digest` |
//! | [`address`] | who is in the envelope, down to the primary's command line |
//! | [`message`] | the message's bytes on their way through `DATA` and `BDAT` |
//! | [`smtp_reply`], [`smtp_dialogue`] | a primary |
//! | [`s3`] | a storage's answers |
//! | [`held`], [`records`] | whoever can write into the bucket |
//! | [`config`] | the one who writes the configuration |
//! | [`orders`], [`windows`] | an operator's requests, rules of recurrence among them |
//! | [`timestamp`] | moments, in requests and in records |
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken property is a panic: that is what the fuzzer looks for"
)]

pub mod address;
pub mod config;
pub mod held;
pub mod message;
pub mod orders;
pub mod records;
pub mod s3;
pub mod smtp_dialogue;
pub mod smtp_reply;
pub mod submission;
pub mod timestamp;
pub mod tokens;
pub mod windows;
mod world;

/// A check: it panics where a property is broken.
pub type Check = fn(&[u8]);

/// All of them by their names.
pub const CHECKS: [(&str, Check); 13] = [
    ("address", address::check),
    ("config", config::check),
    ("held", held::check),
    ("message", message::check),
    ("orders", orders::check),
    ("records", records::check),
    ("s3", s3::check),
    ("smtp_dialogue", smtp_dialogue::check),
    ("smtp_reply", smtp_reply::check),
    ("submission", submission::check),
    ("timestamp", timestamp::check),
    ("tokens", tokens::check),
    ("windows", windows::check),
];

/// What stands before the first `separator`, and what stands behind it.
fn cut<'i>(input: &'i [u8], separator: &[u8]) -> (&'i [u8], &'i [u8]) {
    let at = input
        .windows(separator.len())
        .position(|window| window == separator);
    match at {
        Some(at) => (&input[..at], &input[at + separator.len()..]),
        None => (input, &[]),
    }
}

#[cfg(test)]
mod tests;
