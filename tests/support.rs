//! A whole Holdfast for one test: the real components in the real host, with real storage behind
//! a proxy that can misbehave, and mail systems that do as they are told.
//!
//! | file | idea |
//! | --- | --- |
//! | `installation` | all parts together: settings, posting, reading bucket and log |
//! | `submission` | one request to it, and its answer |
//! | `peer` | a mail system that speaks SMTP, well or as badly as a test wants |
//! | `http_peer` | one that takes HTTP and answers as a test wants |
//! | `storage` | the bucket: embedded S3 behind the proxy, or one without conditional writes |
//! | `fault_proxy` | what stands between Holdfast and its storage |
//! | `careless_s3` | storage that ignores conditions, as s3rver does |
//! | `corpus` | the test messages of others, and odd ones of our own |
//! | `raw_http` | HTTP written by hand, for clients that do not behave |
//! | `program` | the program, to be run as a process of its own |
//! | `wait` | waiting for conditions, with a deadline |

pub mod careless_s3;
pub mod corpus;
pub mod fault_proxy;
pub mod http_peer;
pub mod installation;
pub mod peer;
pub mod program;
pub mod raw_http;
pub mod storage;
pub mod submission;
pub mod wait;

pub use fault_proxy::{Fault, Seen};
pub use installation::{Installation, Setup};
pub use peer::{Act, Peer, Stage};
pub use program::program;
pub use submission::Answer;
pub use wait::until;
