//! Progress on a terminal, after 300 ms, gone when done; and the signals that stop work.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use consign::files::Progress;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output;

/// How long work is silent.
const SILENT: Duration = Duration::from_millis(300);
/// How long work may take to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Whether a question is open: no bar is drawn then, and a signal need not wait for its answer.
static ASKING: AtomicBool = AtomicBool::new(false);
/// The one bar of this process.
static SHARED: LazyLock<Shared> = LazyLock::new(Shared::default);

/// Held while a question is open.
pub(crate) struct Asking;

impl Asking {
    /// Takes the bar off the terminal until the question is answered.
    pub(crate) fn begin() -> Asking {
        ASKING.store(true, Ordering::SeqCst);
        SHARED.hide();
        Asking
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.store(false, Ordering::SeqCst);
    }
}

fn is_asking() -> bool {
    ASKING.load(Ordering::SeqCst)
}

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
            use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
            // A file that may not grow any more is an error of that write, told like others, and no reason to die.
            let _unused = signal_hook::flag::register(SIGXFSZ, Arc::default());
            for signal in [SIGHUP, SIGINT, SIGTERM] {
                let number = usize::try_from(signal).unwrap_or(0);
                // Without the handler the signal ends the process at once, which is safe too.
                let _unused = signal_hook::flag::register_usize(signal, Arc::clone(&stop.0), number);
            }
            if let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGHUP, SIGINT, SIGTERM]) {
                let stop = stop.clone();
                // Without this thread work still stops by itself.
                let _unused = std::thread::Builder::new().spawn(move || {
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
            asked_for = if is_asking() { asked_for + step } else { Duration::ZERO };
        }
        if is_asking() {
            restore_terminal();
        }
        output::whisper("\nstopped\n");
        consign::files::remove_litter();
        consign::files::end_dialogues();
        std::process::exit(128 + i32::from(self.signal().unwrap_or(15)));
    }
}

/// Puts back what asking for a passphrase took from the terminal.
#[cfg(unix)]
fn restore_terminal() {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return };
    let mut stty = consign::files::child("stty");
    // If there is no stty, the person types `reset`.
    let _unused = stty.args(["echo", "icanon", "isig"]).stdin(terminal).status();
}

/// Progress of the work at hand.
pub(crate) struct Bar {
    draws: bool,
    stop: Stop,
}

/// What the workers and the clock that first shows the bar see.
#[derive(Default)]
struct Shared {
    began: AtomicBool,
    due: AtomicBool,
    shown: AtomicBool,
    total: AtomicU64,
    done: AtomicU64,
    phase: Mutex<Phase>,
}

#[derive(Default)]
struct Phase {
    name: &'static str,
    bar: Option<ProgressBar>,
    over: bool,
}

impl Bar {
    /// Draws on standard error if `draws`; stops when `stop` says so.
    pub(crate) fn new(draws: bool, stop: Stop) -> Bar {
        Bar { draws, stop }
    }

    /// The signal that asked to stop, if one came.
    pub(crate) fn signal(&self) -> Option<u8> {
        self.stop.signal()
    }

    /// What else listens for that signal.
    pub(crate) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Takes the bar off the terminal, for good.
    pub(crate) fn clear(&self) {
        SHARED.with(|phase| phase.over = true);
        SHARED.hide();
    }
}

impl Shared {
    fn with<T>(&self, work: impl FnOnce(&mut Phase) -> T) -> T {
        work(&mut self.phase.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn hide(&self) {
        self.shown.store(false, Ordering::Relaxed);
        self.with(|phase| phase.bar.take().iter().for_each(ProgressBar::finish_and_clear));
    }

    fn draw(&self) {
        let (total, done) = (self.total.load(Ordering::Relaxed), self.done.load(Ordering::Relaxed));
        self.with(|Phase { name, bar, over }| {
            if *over || is_asking() {
                return;
            }
            let bar = bar.get_or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                bar.enable_steady_tick(SILENT);
                bar
            });
            bar.set_style(style(name, total));
            bar.set_message(*name);
            bar.set_length(total);
            bar.set_position(done);
            // What was done before the bar was drawn says nothing about how long the rest takes.
            bar.reset_eta();
            self.shown.store(true, Ordering::Relaxed);
        });
    }
}

fn style(phase: &str, total: u64) -> ProgressStyle {
    let template = match total {
        0 => "{msg:8} {decimal_bytes}",
        _ if phase.contains("files") || phase.contains("entries") => {
            "{msg:8} {bar:26} {human_pos} of {human_len}{left}"
        }
        _ => "{msg:8} {bar:26} {decimal_bytes} of {decimal_total_bytes}{left}",
    };
    let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let eta = state.eta();
        if eta > Duration::from_secs(1) {
            // A terminal that can't be written to shows no bar.
            let _unused = write!(out, ", {} left", HumanDuration(eta));
        }
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ").with_key("left", left)
}

impl Progress for Bar {
    fn begin(&self, phase: &'static str, total: u64) {
        SHARED.total.store(total, Ordering::Relaxed);
        SHARED.done.store(0, Ordering::Relaxed);
        SHARED.with(|at| at.name = phase);
        if SHARED.due.load(Ordering::Relaxed) {
            SHARED.draw();
        } else if self.draws && !SHARED.began.swap(true, Ordering::Relaxed) {
            // Without this thread there is no bar.
            let _unused = std::thread::Builder::new().spawn(|| {
                std::thread::sleep(SILENT);
                SHARED.due.store(true, Ordering::Relaxed);
                SHARED.draw();
            });
        }
    }

    fn advance(&self, n: u64) {
        SHARED.done.fetch_add(n, Ordering::Relaxed);
        if SHARED.shown.load(Ordering::Relaxed) {
            SHARED.with(|phase| phase.bar.iter().for_each(|bar| bar.inc(n)));
        } else if SHARED.due.load(Ordering::Relaxed) {
            SHARED.draw();
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
