//! Waiting with the user for a key that takes its time: a touch, a PIN, an answer in a window.

use std::time::Duration;

/// How long a key is waited for in all: a touch, a PIN, an answer in a window.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How often whoever waits is asked whether to go on.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Who waits with the user for a key that takes its time.
pub trait Waiting: Send + Sync {
    /// Called several times a second; false ends the waiting.
    fn go_on(&self, whom: &str, so_far: Duration) -> bool;

    /// The answer is there, or is not waited for any more.
    fn over(&self) {}
}
