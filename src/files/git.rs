//! The only door to `git`, a child process: arguments only, no shell, an environment and settings under which nothing
//! that a repository configures is run: no monitor, hook, filter, text conversion, helper or fetch. It never writes into
//! a repository, and the user's global ignore and attributes files are not read.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use super::child::child;
use super::rules::Ignored;
use super::{Error, Progress, Result};

/// The most bytes of a short answer.
const ANSWER_MAX: u64 = 1 << 20;
/// The most bytes of complaints that are kept.
const COMPLAINT_MAX: u64 = 16 << 10;

/// Settings that win over those of any repository.
const SETTINGS: [&str; 12] = [
    // Commands that a repository could name.
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "protocol.allow=never",
    // The user's own files, and files that git would write.
    "core.excludesFile=",
    "core.attributesFile=",
    "core.splitIndex=false",
    "core.untrackedCache=false",
    // All of the tree, under the names it has; ours are the stricter checks.
    "core.sparseCheckout=false",
    "index.sparse=false",
    "core.precomposeUnicode=false",
    "core.protectNTFS=false",
    "core.protectHFS=false",
];

/// Variables that would point git elsewhere or have it run something.
const UNSET: [&str; 33] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_SYSTEM",
    "GIT_ATTR_SOURCE",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_EDITOR",
    "GIT_PAGER",
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
    "GIT_PROTOCOL",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_DEFAULT_HASH",
    "GIT_TEST_FSMONITOR",
];

/// Variables that git is given.
const SET: [(&str, &str); 7] = [
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    // A list of what is allowed wins over `protocol.NAME.allow` of a repository; nothing is called `none`.
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
];

/// A repository to ask.
#[derive(Debug, Clone)]
pub(super) struct Git {
    /// `-C FOLDER` or `--git-dir=FOLDER`.
    place: Vec<OsString>,
    /// An index of our own.
    index: Option<PathBuf>,
}

/// A running git.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    complaints: Option<JoinHandle<Vec<u8>>>,
}

fn refused(why: impl Into<String>) -> Error {
    Error::Git { why: why.into() }
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value);
    option
}

/// What git said, for people.
fn plain(complaints: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaints);
    let is_error = |line: &&str| line.starts_with("fatal: ") || line.starts_with("error: ");
    let line = text.lines().find(is_error).or(text.lines().next()).unwrap_or("it failed and did not say why");
    let line = line.trim_start_matches("fatal: ").trim_start_matches("error: ");
    if line.contains("dubious ownership") {
        return format!("{line}; if you trust it: git config --global --add safe.directory FOLDER");
    }
    line.strip_suffix(": .git").unwrap_or(line).to_owned()
}

impl Git {
    /// Asks as if started in `folder`: git looks for the repository, and checks whose it is.
    pub(super) fn in_folder(folder: &Path) -> Git {
        Git { place: vec!["-C".into(), folder.into()], index: None }
    }

    /// Asks a repository for objects.
    pub(super) fn repository(git_dir: &Path) -> Git {
        Git { place: vec![option("--git-dir=", git_dir)], index: None }
    }

    /// The same with an index of our own in `folder`, which is the work tree as well: so paths are relative to the top,
    /// wherever the repository says that its work tree is.
    pub(super) fn with_index(&self, folder: &Path) -> Git {
        let mut place = self.place.clone();
        place.push(option("--work-tree=", folder));
        Git { place, index: Some(folder.join("index")) }
    }

    fn command(&self, args: &[&OsStr]) -> Command {
        let mut command = child("git");
        UNSET.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(SET);
        if let Some(index) = &self.index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        command.args(["--no-replace-objects", "--no-pager"]).args(&self.place).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts git; the caller reads the output to its end and then calls [`Running::finish`].
    pub(super) fn start<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<(Running, BufReader<ChildStdout>)> {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let (running, _, output) = spawn(self.command(&args))?;
        Ok((running, output))
    }

    /// Starts git with an input.
    pub(super) fn converse<S: AsRef<OsStr>>(
        &self,
        args: &[S],
    ) -> Result<(Running, ChildStdin, BufReader<ChildStdout>)> {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        let mut command = self.command(&args);
        command.stdin(Stdio::piped());
        let (running, input, output) = spawn(command)?;
        Ok((running, input.ok_or_else(|| refused("it has no input"))?, output))
    }

    /// Runs git for a short answer.
    pub(super) fn ask<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>> {
        let (running, answer) = self.answer(args)?;
        running.finish().map(|()| answer)
    }

    /// Runs git for one line.
    pub(super) fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<OsString> {
        self.ask(args).map(|answer| line_of(&answer))
    }

    /// Runs git for one line that may not be there; `None` if git says no.
    pub(super) fn line_if_any<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Option<OsString>> {
        let (running, answer) = self.answer(args)?;
        Ok(running.succeeded()?.then(|| line_of(&answer)))
    }

    fn answer<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<(Running, Vec<u8>)> {
        let (running, output) = self.start(args)?;
        let mut answer = Vec::new();
        output.take(ANSWER_MAX).read_to_end(&mut answer).map_err(broken)?;
        Ok((running, answer))
    }
}

fn line_of(answer: &[u8]) -> OsString {
    os(answer.strip_suffix(b"\n").unwrap_or(answer))
}

/// A failing pipe.
pub(super) fn broken(error: io::Error) -> Error {
    refused(format!("its output can't be read: {error}"))
}

/// Bytes that git calls a path.
#[cfg(unix)]
pub(super) fn os(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

/// Bytes that git calls a path.
#[cfg(not(unix))]
pub(super) fn os(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn spawn(mut command: Command) -> Result<(Running, Option<ChildStdin>, BufReader<ChildStdout>)> {
    let mut child = command.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            refused("it is not installed, or not on the PATH, and only it knows what this repository ignores and holds")
        }
        _ => refused(format!("it can't be started: {e}")),
    })?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut running = Running { child, complaints: None };
    if let Some(errors) = errors {
        let listener = std::thread::Builder::new().spawn(move || listen(errors));
        running.complaints =
            Some(listener.map_err(|e| refused(format!("no thread can be made to listen to it: {e}")))?);
    }
    let output = output.ok_or_else(|| refused("it has no output"))?;
    Ok((running, input, BufReader::with_capacity(64 << 10, output)))
}

/// Keeps the first complaints and drains the others, so that git never waits for a reader.
fn listen(mut errors: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    // What can't be read is not told: git's exit status decides.
    let _ = errors.by_ref().take(COMPLAINT_MAX).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    kept
}

impl Running {
    /// Waits for its end, which must be a good one. Its output must have been read, or dropped, before.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.status()?.success() { Ok(()) } else { Err(self.complaint()) }
    }

    /// Waits for its end, of its own accord; false if it was not a good one.
    pub(super) fn succeeded(mut self) -> Result<bool> {
        let status = self.status()?;
        if status.code().is_some() { Ok(status.success()) } else { Err(self.complaint()) }
    }

    fn status(&mut self) -> Result<ExitStatus> {
        self.child.wait().map_err(|e| refused(format!("it can't be waited for: {e}")))
    }

    /// What it complained about, after it ended or was ended.
    pub(super) fn complaint(&mut self) -> Error {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        refused(plain(&complaints))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a folder is in a work tree: `.git` lies in it or above it, on the same file system as git wants it.
#[must_use]
pub(super) fn in_work_tree(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else { return false };
    let device = device_of(&folder);
    let on_same = |above: &&Path| device_of(above) == device;
    folder.ancestors().take_while(on_same).any(|above| above.join(".git").symlink_metadata().is_ok())
}

#[cfg(unix)]
fn device_of(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|meta| std::os::unix::fs::MetadataExt::dev(&meta))
}

#[cfg(not(unix))]
fn device_of(_: &Path) -> Option<u64> {
    None
}

/// What git ignores in a folder: nothing if it is in no work tree.
///
/// # Errors
/// [`Error::Git`] if there is a repository and git is missing, or refuses.
pub fn ignored(folder: &Path, progress: &dyn Progress) -> Result<Ignored> {
    let mut all = Ignored::default();
    if !in_work_tree(folder) {
        return Ok(all);
    }
    let args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
    let (running, mut output) = Git::in_folder(folder).start(&args)?;
    let mut path = Vec::new();
    while next_item(&mut output, &mut path)? {
        if progress.stopped() {
            return Err(Error::Stopped);
        }
        match path.strip_suffix(b"/") {
            // The folder itself is ignored; but the user named it.
            Some(b".") => {}
            Some(folder) => drop(all.folders.insert(folder.into())),
            None => drop(all.files.insert(path.as_slice().into())),
        }
    }
    running.finish()?;
    Ok(all)
}

/// Reads up to the next NUL, which it drops; false at the end.
pub(super) fn next_item(output: &mut impl BufRead, item: &mut Vec<u8>) -> Result<bool> {
    item.clear();
    output.read_until(0, item).map_err(broken)?;
    Ok(item.pop().is_some())
}
