//! Waiting for a key that takes its time: what the person is told meanwhile, and that a signal ends it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use consign::exchange::patience::Waiting;

use crate::output::whisper;
use crate::progress::{Asking, Stop};

/// How long nothing is said.
const SILENT: Duration = Duration::from_secs(1);

/// Waits as long as nobody asks this run to stop.
pub(crate) struct Patience {
    stop: Stop,
    quiet: bool,
    told: AtomicBool,
    asking: Mutex<Option<Asking>>,
}

impl Patience {
    pub(crate) fn new(stop: Stop, quiet: bool) -> Patience {
        Patience { stop, quiet, told: AtomicBool::new(false), asking: Mutex::new(None) }
    }

    fn keep(&self, asking: Option<Asking>) {
        *self.asking.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = asking;
    }
}

impl Waiting for Patience {
    fn go_on(&self, whom: &str, so_far: Duration) -> bool {
        // ssh-keygen may ask on the terminal itself.
        if whom == "ssh-keygen" && so_far == Duration::ZERO {
            self.keep(Some(Asking::begin()));
        }
        if so_far >= SILENT && !self.quiet && !self.told.swap(true, Ordering::Relaxed) {
            whisper(&format!("waiting for {whom}: touch the key, or answer what it asks\n"));
        }
        self.stop.signal().is_none()
    }

    fn over(&self) {
        self.told.store(false, Ordering::Relaxed);
        self.keep(None);
    }
}
