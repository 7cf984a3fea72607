//! A conversation with another program, line by line over its standard input and output: without a shell, without the
//! variables that lead to secrets, and never for ever. Whoever waits can be stopped, and then the program is ended too.
//! What the program says is hostile: a line has a limit, and no more lines are taken in than somebody reads.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::child::child;

/// The longest line that is read, in bytes.
const LINE_MAX: usize = 64 << 10;
/// How many lines may wait to be read.
const AHEAD: usize = 64;
/// How much of what it complains about is kept, in bytes.
const COMPLAINT_MAX: usize = 4 << 10;
/// How often the one who waits looks around.
const STEP: Duration = Duration::from_millis(50);
/// How long a program may take to end once nothing more is said to it.
const FAREWELL: Duration = Duration::from_secs(1);
/// After how long the one who waits is told so.
const SILENCE: Duration = Duration::from_secs(5);

/// What is said to the program: bytes that may wipe themselves when they were sent.
pub type Message = Box<dyn AsRef<[u8]> + Send>;

/// The one who waits for an answer.
pub trait Watch {
    /// Whether to give up now.
    fn stopped(&self) -> bool;
    /// The program has been silent for some seconds.
    fn waiting(&self);
    /// For how long silence is borne; `None` for as long as the person at the terminal likes.
    fn patience(&self) -> Option<Duration>;
}

/// Why there is no next line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The program has ended.
    Ended {
        /// How, such as `exit status: 1`.
        how: String,
        /// The end of what it wrote to standard error, as it came.
        complaint: String,
    },
    /// A line that is no text, or too long.
    NoLine,
    /// It said nothing for as long as silence is borne.
    Late,
    /// The one who waits was stopped.
    Stopped,
}

/// A program that is talked to. Dropped, it is told that nothing more comes, and is ended if it stays.
pub struct Dialogue {
    child: Child,
    /// Whether it has a process group of its own, which ends as one.
    alone: bool,
    to: Option<Sender<Message>>,
    from: Receiver<io::Result<Vec<u8>>>,
    complaint: Arc<Mutex<Vec<u8>>>,
    /// Closes when its error output has come to its end.
    complained: Receiver<()>,
    failed: bool,
    /// Whether it was waited for: its number may be somebody else's then.
    gone: bool,
}

impl Dialogue {
    /// Starts `program` with one argument. With `alone` it and whatever it starts can be ended together, but it can't
    /// use the terminal.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(program: &Path, argument: &str, alone: bool) -> io::Result<Dialogue> {
        let mut command = child(program);
        command.arg(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // It is named by an absolute path, and nothing of where the user stands is its business.
        #[cfg(unix)]
        command.current_dir("/");
        #[cfg(unix)]
        if alone {
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
        }
        let mut child = command.spawn()?;
        let (to, messages) = mpsc::channel();
        let (lines, from) = mpsc::sync_channel(AHEAD);
        let complaint = Arc::new(Mutex::new(Vec::new()));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (complains, complained) = mpsc::channel();
        let (failed, gone) = (true, false);
        let mut dialogue = Dialogue { child, alone, to: Some(to), from, complaint, complained, failed, gone };
        live().push(dialogue.child.id());
        let (Some(input), Some(output), Some(errors)) = pipes else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let complaint = Arc::clone(&dialogue.complaint);
        thread::Builder::new().spawn(move || tell(input, &messages))?;
        thread::Builder::new().spawn(move || hear(output, &lines))?;
        thread::Builder::new().spawn(move || keep_end(errors, &complaint, &complains))?;
        dialogue.failed = false;
        Ok(dialogue)
    }

    /// Says something. Whether it was heard shows in what comes back.
    pub fn say(&mut self, message: Message) {
        if let Some(to) = &self.to {
            // A program that has ended shows itself when its answer is waited for.
            let _unused = to.send(message);
        }
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// Why there is none. The program is ended then.
    pub fn line(&mut self, watch: &dyn Watch) -> Result<Vec<u8>, Silence> {
        let line = self.wait(watch);
        self.failed |= line.is_err();
        line
    }

    fn wait(&mut self, watch: &dyn Watch) -> Result<Vec<u8>, Silence> {
        let mut waited = Duration::ZERO;
        loop {
            match self.from.recv_timeout(STEP) {
                Ok(Ok(line)) => return Ok(line),
                Ok(Err(_)) => return Err(Silence::NoLine),
                Err(RecvTimeoutError::Disconnected) if watch.stopped() => return Err(Silence::Stopped),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if watch.stopped() {
                return Err(Silence::Stopped);
            }
            waited += STEP;
            if watch.patience().is_some_and(|most| waited >= most) {
                return Err(Silence::Late);
            }
            if waited == SILENCE {
                watch.waiting();
            }
        }
    }

    fn ended(&mut self) -> Silence {
        self.to = None;
        let how = match self.leave() {
            Some(status) => status.to_string(),
            None => "it closed its output".to_owned(),
        };
        // Its last words may still be on their way; something it started may hold the pipe open for ever.
        let _unused = self.complained.recv_timeout(FAREWELL);
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        Silence::Ended { how, complaint: String::from_utf8_lossy(&complaint).into_owned() }
    }

    /// Waits a little for the program to end by itself.
    fn leave(&mut self) -> Option<ExitStatus> {
        let mut waited = Duration::ZERO;
        while waited < FAREWELL {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(STEP / 10),
                Ok(status) => {
                    self.gone = true;
                    live().retain(|id| *id != self.child.id());
                    return status;
                }
                Err(_) => return None,
            }
            waited += STEP / 10;
        }
        None
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.to = None;
        if self.gone || (!self.failed && self.leave().is_some()) {
            return;
        }
        end(self.child.id(), self.alone);
        // Nothing is left to do about a child that can't be ended.
        let _unused = self.child.kill();
        let _unused = self.child.wait();
        live().retain(|id| *id != self.child.id());
    }
}

/// The programs that are talked to right now.
static LIVE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<u32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all programs that are talked to, right before this one ends without unwinding.
pub fn end_dialogues() {
    live().drain(..).for_each(|id| end(id, false));
}

/// Ends a child that was not waited for yet, so that its number can't belong to anybody else.
#[cfg(unix)]
fn end(id: u32, group: bool) {
    use rustix::process::{Pid, Signal, kill_process, kill_process_group};
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    // It may have ended by itself.
    let _unused = if group { kill_process_group(pid, Signal::KILL) } else { kill_process(pid, Signal::KILL) };
}

#[cfg(not(unix))]
fn end(_: u32, _: bool) {}

fn tell(mut input: ChildStdin, messages: &Receiver<Message>) {
    for message in messages {
        if input.write_all((*message).as_ref()).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

fn hear(mut output: ChildStdout, lines: &SyncSender<io::Result<Vec<u8>>>) {
    let (mut chunk, mut line) = ([0_u8; 4096], Vec::with_capacity(256));
    loop {
        let read = match output.read(&mut chunk) {
            Ok(0) => return,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        for byte in chunk.get(..read).unwrap_or_default() {
            let heard = match *byte {
                b'\n' => Ok(std::mem::replace(&mut line, Vec::with_capacity(256))),
                _ if line.len() == LINE_MAX => Err(io::ErrorKind::InvalidData.into()),
                byte => {
                    line.push(byte);
                    continue;
                }
            };
            let last = heard.is_err();
            if lines.send(heard).is_err() || last {
                return;
            }
        }
        chunk.fill(0);
    }
}

/// Keeps the last that it says; `_done` closes with it.
fn keep_end(mut errors: ChildStderr, kept: &Mutex<Vec<u8>>, _done: &Sender<()>) {
    let mut chunk = [0_u8; 1024];
    while let Ok(read @ 1..) = errors.read(&mut chunk) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let beyond = kept.len().saturating_sub(COMPLAINT_MAX);
        kept.drain(..beyond);
    }
}
