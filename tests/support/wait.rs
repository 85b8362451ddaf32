//! Waiting for a condition, with a deadline: no test depends on how fast a machine is.

use std::time::{Duration, Instant};

/// Waits until `condition` holds; past the deadline the test fails with `what` did not happen.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(
            began.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        tokio::time::sleep(STEP).await;
    }
}

/// Longer than anything takes on a busy machine; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(5);
