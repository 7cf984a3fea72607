//! How long work says how far it is, and is told to stop. The library draws nothing.

/// Told of progress, asked whether to go on.
pub trait Progress: Sync {
    /// A phase of `total` bytes (or entries, where the phase's name says so) begins.
    fn begin(&self, phase: &'static str, total: u64);
    /// `n` more are done.
    fn advance(&self, n: u64);
    /// Whether the work should stop now; it then ends with [`super::Error::Stopped`] and leaves nothing.
    fn stopped(&self) -> bool;
}

/// Says nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: u64) {}
    fn advance(&self, _: u64) {}
    fn stopped(&self) -> bool {
        false
    }
}
