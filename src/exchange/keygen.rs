//! Signing by `ssh-keygen -Y sign`, for keys that live in a device: it speaks to them, and asks for PIN and touch. The
//! message goes in on standard input, so no file is written; what comes out is checked like anybody's signature.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::patience::{PATIENCE, TICK, Waiting};
use crate::crypto::{self, Certificate, Error, PublicKey, Signer, checked_armour};
use crate::files::child;

/// The most bytes that are read of an answer.
const ANSWER_MAX: u64 = 64 << 10;

/// A key behind `ssh-keygen`.
pub(super) struct Keygen {
    /// What it takes for the key: the private key's file, or a certificate beside it.
    pub(super) file: PathBuf,
    pub(super) key: PublicKey,
    pub(super) certificate: Option<Certificate>,
    /// Whether it may ask on the terminal.
    pub(super) can_ask: bool,
    pub(super) waiting: Arc<dyn Waiting>,
}

impl Signer for Keygen {
    fn public(&self) -> PublicKey {
        self.key.clone()
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> crypto::Result<String> {
        let mut command = command(&self.file, namespace, self.can_ask);
        let mut child = command.spawn().map_err(|e| Error::NoKeygen { why: crate::files::plain(&e) })?;
        let (answer, complaint) = (reader(child.stdout.take()), reader(child.stderr.take()));
        feed(&mut child, message.to_vec());
        let ended = wait(&mut child, &*self.waiting);
        self.waiting.over();
        let (armour, complaint) = (collect(answer), collect(complaint));
        match ended {
            Some(true) => {
                let certificate = self.certificate.as_ref();
                checked_armour(&armour, &self.key, certificate, namespace, message, "ssh-keygen")
            }
            Some(false) => Err(Error::KeygenRefused { why: last_line(&complaint) }),
            None => Err(Error::KeygenRefused { why: "it was waited for long enough".to_owned() }),
        }
    }
}

fn command(file: &Path, namespace: &str, can_ask: bool) -> Command {
    let mut command = child("ssh-keygen");
    command.args([OsStr::new("-q"), "-Y".as_ref(), "sign".as_ref(), "-n".as_ref(), namespace.as_ref(), "-f".as_ref()]);
    // A name that begins with a dash is no option.
    command.arg(if file.is_absolute() { file.to_owned() } else { Path::new(".").join(file) });
    if !can_ask {
        // It would ask on the terminal, or in a window: here the one that it asks says nothing.
        command.env("SSH_ASKPASS", "/bin/false").env("SSH_ASKPASS_REQUIRE", "force");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Reads in a thread of its own, so that nobody waits for anybody.
fn reader<R: Read + Send + 'static>(from: Option<R>) -> Option<JoinHandle<Vec<u8>>> {
    let from = from?;
    std::thread::Builder::new()
        .spawn(move || {
            let mut bytes = Vec::new();
            // What breaks off is no signature.
            let _unused = from.take(ANSWER_MAX).read_to_end(&mut bytes);
            bytes
        })
        .ok()
}

fn collect(reader: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}

fn feed(child: &mut Child, message: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        // If it doesn't take all of it, its signature won't fit.
        let _unused = std::thread::Builder::new().spawn(move || stdin.write_all(&message));
    }
}

/// Whether it ended well; none if it was waited for in vain and was ended.
fn wait(child: &mut Child, waiting: &dyn Waiting) -> Option<bool> {
    let mut waited = std::time::Duration::ZERO;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) if waited < PATIENCE && waiting.go_on("ssh-keygen", waited) => {}
            _ => {
                end(child);
                return None;
            }
        }
        std::thread::sleep(TICK);
        waited += TICK;
    }
}

/// Asks it to end, so that it puts the terminal back as it was; then ends it.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _unused = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        for _ in 0..10 {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(TICK);
        }
    }
    let _unused = child.kill().and_then(|()| child.wait());
}

/// The last thing it said.
fn last_line(complaint: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaint);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
    last.chars().take(200).collect()
}
