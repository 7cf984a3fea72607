//! Progress on a terminal, after 300 ms, gone when done; and the signals that stop work.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use consign::files::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::prompt;

/// How long work is silent.
const SILENT: Duration = Duration::from_millis(300);
/// How long work may take to stop.
const GRACE: Duration = Duration::from_secs(3);

/// The signal that asked this run to stop; 0 for none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicUsize>);

impl Stop {
    /// Listens for INT, TERM and HUP. Work then ends by itself and leaves nothing; if it can't within three seconds,
    /// the process ends all the same.
    pub(crate) fn listen() -> Stop {
        let stop = Stop::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
            for signal in [SIGHUP, SIGINT, SIGTERM] {
                let number = usize::try_from(signal).unwrap_or(0);
                // Without the handler the signal ends the process at once, which is safe too.
                let _unused = signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), number);
            }
            if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) {
                let stop = stop.clone();
                std::thread::spawn(move || {
                    if signals.forever().next().is_some() {
                        stop.end();
                    }
                });
            }
        }
        stop
    }

    /// The signal, if one came.
    pub(crate) fn signal(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|n| *n != 0)
    }

    /// Ends the process if it is still there after a while; sooner when it only waits for an answer.
    #[cfg(unix)]
    fn end(&self) {
        let began = Instant::now();
        let mut asked_for = Duration::ZERO;
        let step = Duration::from_millis(50);
        while began.elapsed() < GRACE && asked_for < 4 * step {
            std::thread::sleep(step);
            asked_for = if prompt::is_asking() { asked_for + step } else { Duration::ZERO };
        }
        if prompt::is_asking() {
            restore_terminal();
        }
        crate::output::whisper("\nstopped\n");
        std::process::exit(128 + i32::from(self.signal().unwrap_or(15)));
    }
}

/// Puts back what asking for a passphrase took from the terminal.
#[cfg(unix)]
fn restore_terminal() {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return };
    let mut stty = std::process::Command::new("stty");
    // If there is no stty, the person types `reset`.
    let _unused = stty.args(["echo", "icanon", "isig"]).stdin(terminal).status();
}

/// Progress of the work at hand.
pub(crate) struct Bar {
    draws: bool,
    stop: Stop,
    began: Instant,
    shown: AtomicBool,
    total: AtomicU64,
    done: AtomicU64,
    phase: Mutex<(&'static str, Option<ProgressBar>)>,
}

impl Bar {
    /// Draws on standard error if `draws`; stops when `stop` says so.
    pub(crate) fn new(draws: bool, stop: Stop) -> Bar {
        let (total, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let (shown, phase) = (AtomicBool::new(false), Mutex::new(("", None)));
        Bar { draws, stop, began: Instant::now(), shown, total, done, phase }
    }

    /// The signal that asked to stop, if one came.
    pub(crate) fn signal(&self) -> Option<u8> {
        self.stop.signal()
    }

    /// Takes the bar off the terminal.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.with(|(_, bar)| bar.take()) {
            bar.finish_and_clear();
        }
        self.shown.store(false, Ordering::Relaxed);
    }

    fn with<T>(&self, work: impl FnOnce(&mut (&'static str, Option<ProgressBar>)) -> T) -> T {
        work(&mut self.phase.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn draw(&self) {
        let (total, done) = (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        self.with(|(phase, bar)| {
            let bar = bar.get_or_insert_with(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
            let counts = if phase.contains("files") || phase.contains("entries") {
                "{msg:8} {bar:26} {human_pos} of {human_len}"
            } else {
                "{msg:8} {bar:26} {bytes} of {total_bytes}, {eta} left"
            };
            let template = if total == 0 { "{msg:8} {bytes}" } else { counts };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(*phase);
            bar.set_length(total);
            bar.set_position(done);
            // What was done before the bar was drawn says nothing about how long the rest takes.
            bar.reset_eta();
        });
    }
}

impl Progress for Bar {
    fn begin(&self, phase: &'static str, total: u64) {
        self.total.store(total, Ordering::Relaxed);
        self.done.store(0, Ordering::Relaxed);
        self.with(|(name, _)| *name = phase);
        if self.shown.load(Ordering::Relaxed) {
            self.draw();
        }
    }

    fn advance(&self, n: u64) {
        self.done.fetch_add(n, Ordering::Relaxed);
        if !self.draws {
            return;
        }
        if self.shown.load(Ordering::Relaxed) {
            self.with(|(_, bar)| bar.iter().for_each(|bar| bar.inc(n)));
        } else if self.began.elapsed() > SILENT {
            self.shown.store(true, Ordering::Relaxed);
            self.draw();
        }
    }

    fn stopped(&self) -> bool {
        self.stop.signal().is_some()
    }
}

/// A number of bytes for people, in powers of 1000.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::DecimalBytes(n).to_string()
}
