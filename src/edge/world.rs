//! Time, chance and the log, as the host gives them.

use std::time::Duration;

use holdfast_core::ports::{self, Clock, Event, Log};
use holdfast_core::time::Timestamp;
use serde_json::Value;
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::random::random;

/// The host's clock, its randomness, and its standard error.
#[derive(Clone, Copy, Debug, Default)]
pub struct World;

impl Clock for World {
    fn now(&self) -> Timestamp {
        let now = system_clock::now();
        let millis = now
            .seconds
            .saturating_mul(1_000)
            .saturating_add(i64::from(now.nanoseconds / 1_000_000));
        Timestamp::from_millis(millis)
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while filled < bytes.len() {
            let more = random::get_random_bytes((bytes.len() - filled) as u64);
            for byte in more {
                if let Some(slot) = bytes.get_mut(filled) {
                    *slot = byte;
                    filled += 1;
                }
            }
        }
    }

    async fn sleep(&self, duration: Duration) {
        sleep(duration).await;
    }
}

impl Log for World {
    /// One JSON line on standard error.
    fn write(&self, event: Event) {
        let mut line = serde_json::Map::new();
        line.insert("at".into(), Value::String(self.now().to_string()));
        line.insert("event".into(), Value::String(event.name.into()));
        line.extend(event.facts);
        // Put together first: standard error is not buffered, and each piece would be a call to the
        // host, some forty for a line.
        let line = format!("{}\n", Value::Object(line));
        eprint!("{line}");
    }
}

/// Waits.
pub async fn sleep(duration: Duration) {
    monotonic_clock::wait_for(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)).await;
}

/// What `future` gives, unless time is up first.
pub async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    ports::within(&World, time, future).await
}
