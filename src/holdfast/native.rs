//! Core's ports on this machine, natively: the clock, chance, and HTTP. With them the program runs
//! core's own code where it has no host around it: `check` and `demo` read a bucket with the very
//! client the components use.

mod http;
pub mod smtp;
mod tls;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdfast_core::ports::Clock;
use holdfast_core::time::Timestamp;
use rustls::crypto::SecureRandom;

pub use http::Native;

impl Clock for Native {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is as good as none.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let millis = now.map_or(0, |now| now.as_millis());
        Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) {
        let source: &dyn SecureRandom = rustls::crypto::ring::default_provider().secure_random;
        // Only waits and names of trial objects are drawn here; where there is no chance, they do.
        source.fill(bytes).ok();
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
