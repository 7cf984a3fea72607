//! A change of several key files of the home that happens to all of them or to none, whenever it is killed
//! (FORMAT §8.3). New files are staged as `NAME.next`, then renamed; the rename of `identity.age` is the moment at
//! which the change has happened. So every change stages an `identity.age.next`, be it a copy of the present one:
//!
//! | staged, and | the change | [`settle`] |
//! |---|---|---|
//! | `identity.age.next` is there | has not happened | removes what is staged, that file last |
//! | `identity.age.next` is gone | has happened | puts the others in place |
//!
//! An empty `NAME.next` stands for a file that goes away: no key file is empty.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::home::read_if_there;
use super::{Error, Home, Result};
use crate::crypto::Secret;
use crate::files::{self, Lock, Names, io_at};

/// The file whose rename is the change.
pub const IDENTITY: &str = "identity.age";
/// The folders of the home that key files lie in; the first is the home itself.
const FOLDERS: [&str; 2] = ["", "ssh"];
/// How staged files end.
const NEXT: &str = ".next";
/// The largest key file, in bytes.
const KEY_MAX: u64 = 64 << 10;

/// A change that is being put together. It holds the lock on the key files, so what was read since it began is what
/// it changes.
pub struct Rekey<'a> {
    home: &'a Home,
    files: BTreeMap<String, Secret>,
    _lock: Lock,
}

/// One thing that is done to the home. Killed between any two of them, the home is as before or as after.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// Write `NAME.next`.
    Stage(String),
    /// Make all that was done survive a power cut, before anything that follows.
    Sync,
    /// Put `NAME.next` in place.
    Publish(String),
    /// Remove `NAME.next`.
    Discard(String),
}

impl<'a> Rekey<'a> {
    /// Begins a change: waits for others, and settles what a killed run left.
    ///
    /// # Errors
    /// [`Error::HomeReadOnly`]; what the system says.
    pub fn begin(home: &'a Home) -> Result<Rekey<'a>> {
        home.ensure_writable()?;
        let lock = lock(home)?;
        settle_locked(home)?;
        Ok(Rekey { home, files: BTreeMap::new(), _lock: lock })
    }

    /// `name`, relative to the home, will hold `bytes`. It lies in the home itself or in `ssh/`.
    pub fn put(&mut self, name: &str, bytes: Secret) {
        self.files.insert(name.to_owned(), bytes);
    }

    /// `name` will be gone. (`identity.age` never goes: it stays as it is.)
    pub fn remove(&mut self, name: &str) {
        self.put(name, Secret::new(Vec::new()));
    }

    /// Makes the change.
    ///
    /// # Errors
    /// What the system says, when nothing was changed; [`Error::KeysUnsettled`] when the change has happened, and the
    /// next run that reads the keys has to finish it.
    pub fn commit(mut self) -> Result<()> {
        if self.files.is_empty() {
            return Ok(());
        }
        self.make_folders()?;
        self.stage_identity()?;
        let (before, after) = self.steps();
        if let Err(e) = before.iter().try_for_each(|step| self.take(step)) {
            // What is left of it, the next run removes.
            let _unused = settle_locked(self.home);
            return Err(e);
        }
        let unsettled = |e: Error| Error::KeysUnsettled { why: e.to_string() };
        after.iter().try_for_each(|step| self.take(step)).map_err(unsettled)
    }

    fn make_folders(&self) -> Result<()> {
        let folders = self.files.keys().filter_map(|name| name.split_once('/'));
        folders.map(|(folder, _)| self.home.make_folder(folder)).try_for_each(|made| made.map(drop))
    }

    /// A change without a new `identity.age` stages the present one, so that the rule stays one.
    fn stage_identity(&mut self) -> Result<()> {
        if self.files.get(IDENTITY).is_none_or(|bytes| bytes.expose().is_empty()) {
            let present = read_if_there(&self.home.path().join(IDENTITY), KEY_MAX)?.unwrap_or_default();
            self.put(IDENTITY, Secret::new(present));
        }
        Ok(())
    }

    /// The steps up to the one that is the change, and those after it.
    fn steps(&self) -> (Vec<Step>, Vec<Step>) {
        let names = || self.files.keys().filter(|name| *name != IDENTITY).cloned();
        // The sign that nothing has happened yet is on the disk before anything that it speaks for, and its end is
        // there before anything that follows.
        let mut before = vec![Step::Stage(IDENTITY.to_owned()), Step::Sync];
        before.extend(names().map(Step::Stage));
        before.extend([Step::Sync, Step::Publish(IDENTITY.to_owned())]);
        let mut after = vec![Step::Sync];
        after.extend(names().map(Step::Publish));
        after.push(Step::Sync);
        (before, after)
    }

    fn take(&self, step: &Step) -> Result<()> {
        match step {
            Step::Stage(name) => {
                let bytes = self.files.get(name).map(Secret::expose).unwrap_or_default();
                Ok(files::write_private_over(&staged(self.home, name), bytes)?)
            }
            other => take(self.home, other),
        }
    }
}

/// Finishes or undoes a change that was killed; to be called before keys are read. In a home that can't be written
/// nothing is done: [`read`] reads past what is left.
///
/// # Errors
/// What the system says.
pub fn settle(home: &Home) -> Result<()> {
    if left(home)?.is_empty() {
        return Ok(());
    }
    match lock(home).and_then(|_lock| settle_locked(home)) {
        Err(e) if is_read_only(&e) => Ok(()),
        other => other,
    }
}

/// A key file as it is now, whatever a killed run left; `None` if there is none.
///
/// # Errors
/// What the system says.
pub fn read(home: &Home, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    settle(home)?;
    read_past(home, name, limit)
}

/// Reads as if the home were settled. The staged file is read before the sign is looked for that it counts: the other
/// way round, a change could be staged in between.
fn read_past(home: &Home, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
    match read_if_there(&staged(home, name), limit)? {
        Some(bytes) if !is_file(&staged(home, IDENTITY)) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
        _ => read_if_there(&home.path().join(name), limit),
    }
}

fn lock(home: &Home) -> Result<Lock> {
    Ok(Lock::wait(&home.path().join("keys.lock"))?)
}

fn staged(home: &Home, name: &str) -> PathBuf {
    home.path().join(format!("{name}{NEXT}"))
}

fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// The names of which a staged file is there.
fn left(home: &Home) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for folder in FOLDERS {
        let path = home.path().join(folder);
        let names = match Names::of(&path) {
            Ok(names) => names,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(e) => return Err(io_at("read", &path)(e).into()),
        };
        for name in names {
            let name = name.map_err(io_at("read", &path))?;
            let Some(name) = name.to_str().and_then(|n| n.strip_suffix(NEXT)) else { continue };
            let name = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if is_file(&staged(home, &name)) {
                left.push(name);
            }
        }
    }
    left.sort();
    Ok(left)
}

fn settle_locked(home: &Home) -> Result<()> {
    settling(left(home)?).iter().try_for_each(|step| take(home, step))
}

/// The steps that settle what is left.
fn settling(left: Vec<String>) -> Vec<Step> {
    if left.is_empty() {
        return Vec::new();
    }
    let undo = left.iter().any(|name| name == IDENTITY);
    let mut steps: Vec<Step> = left.into_iter().filter(|name| name != IDENTITY).map(Step::Publish).collect();
    if undo {
        steps.iter_mut().for_each(|step| {
            if let Step::Publish(name) = step {
                *step = Step::Discard(std::mem::take(name));
            }
        });
        // Last: without it what is left would look like a change that has happened.
        steps.extend([Step::Sync, Step::Discard(IDENTITY.to_owned())]);
    }
    steps.push(Step::Sync);
    steps
}

fn take(home: &Home, step: &Step) -> Result<()> {
    match step {
        Step::Publish(name) => publish(home, name),
        Step::Discard(name) => gone(&staged(home, name)),
        Step::Sync => {
            let folders = FOLDERS.iter().map(|folder| home.path().join(folder)).filter(|folder| folder.is_dir());
            folders.map(|folder| files::sync_folder(&folder)).try_for_each(|synced| Ok(synced?))
        }
        Step::Stage(_) => Ok(()),
    }
}

fn publish(home: &Home, name: &str) -> Result<()> {
    let (next, path) = (staged(home, name), home.path().join(name));
    if next.symlink_metadata().map_err(io_at("read", &next))?.len() == 0 {
        gone(&path)?;
        return gone(&next);
    }
    Ok(fs::rename(&next, &path).map_err(io_at("write", &path))?)
}

fn gone(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io_at("remove", path)(e).into()),
        _ => Ok(()),
    }
}

fn is_read_only(error: &Error) -> bool {
    let Error::Files(files::Error::Io { source, .. }) = error else { return false };
    let read_only = |e: &io::Error| matches!(e.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem);
    read_only(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [IDENTITY, "own.card", "signing", "ssh/work", "unlock.age"];

    fn home(with_identity: bool) -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        home.make_folder("ssh").unwrap();
        for name in NAMES.iter().filter(|name| with_identity || **name != IDENTITY) {
            fs::write(home.path().join(name), format!("old {name}")).unwrap();
        }
        (dir, home)
    }

    /// Every file changes, `unlock.age` goes away, and one comes.
    fn change(home: &Home, with_identity: bool) -> Rekey<'_> {
        let mut change = Rekey::begin(home).unwrap();
        for name in ["own.card", "signing", "ssh/work", "ssh/fresh"] {
            change.put(name, Secret::new(format!("new {name}").into_bytes()));
        }
        if with_identity {
            change.put(IDENTITY, Secret::new(format!("new {IDENTITY}").into_bytes()));
        }
        change.remove("unlock.age");
        change.stage_identity().unwrap();
        change
    }

    type Reader = fn(&Home, &str, u64) -> Result<Option<Vec<u8>>>;

    fn text_by(read: Reader, home: &Home, name: &str) -> String {
        read(home, name, 99).unwrap().map(|b| String::from_utf8(b).unwrap()).unwrap_or_default()
    }

    fn text(home: &Home, name: &str) -> String {
        text_by(read, home, name)
    }

    /// "old" or "new", if everything agrees.
    fn state(home: &Home, with_identity: bool, read: Reader) -> &'static str {
        let all = ["own.card", "signing", "ssh/work", "unlock.age", "ssh/fresh"].map(|name| text_by(read, home, name));
        let identity = text_by(read, home, IDENTITY);
        let is = |age: &str| if with_identity { identity == format!("{age} {IDENTITY}") } else { identity.is_empty() };
        if all == ["old own.card", "old signing", "old ssh/work", "old unlock.age", ""] && is("old") {
            "old"
        } else if all == ["new own.card", "new signing", "new ssh/work", "", "new ssh/fresh"] && is("new") {
            "new"
        } else {
            unreachable!("neither old nor new: {all:?}, {identity}")
        }
    }

    #[test]
    fn killed_after_any_step_all_files_are_old_or_all_are_new() {
        for with_identity in [true, false] {
            let (_dir, probe) = home(with_identity);
            let (before, after) = change(&probe, with_identity).steps();
            let steps: Vec<Step> = [before.clone(), after].concat();
            assert_eq!(steps.len(), 16);
            for killed in 0..=steps.len() {
                // The run that settles is killed as well, and the one after that.
                for settled in 0..8 {
                    let (_dir, home) = home(with_identity);
                    let change = change(&home, with_identity);
                    steps.iter().take(killed).for_each(|step| change.take(step).unwrap());
                    drop(change);
                    settling(left(&home).unwrap()).iter().take(settled).for_each(|step| take(&home, step).unwrap());
                    let expected = if killed < before.len() { "old" } else { "new" };
                    // A home that can't be written is read past what is left.
                    assert_eq!(state(&home, with_identity, read_past), expected, "{killed}, {settled}");
                    assert_eq!(state(&home, with_identity, read), expected, "{killed}, {settled}");
                    assert!(left(&home).unwrap().is_empty());
                }
            }
        }
    }

    #[test]
    fn a_change_without_a_new_identity_keeps_the_present_one() {
        let (_dir, home) = home(true);
        let mut change = Rekey::begin(&home).unwrap();
        change.put("own.card", Secret::new(b"new own.card".to_vec()));
        change.commit().unwrap();
        assert_eq!(text(&home, IDENTITY), "old identity.age");
        assert_eq!(text(&home, "own.card"), "new own.card");
        assert!(left(&home).unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn staged_and_changed_files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, home) = home(true);
        let change = change(&home, true);
        change.take(&Step::Stage("signing".to_owned())).unwrap();
        let mode = |name: &str| fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("signing.next"), 0o600);
        change.commit().unwrap();
        assert_eq!((mode("signing"), mode(IDENTITY), mode("ssh/fresh")), (0o600, 0o600, 0o600));
    }

    #[test]
    fn a_change_that_can_not_be_staged_leaves_all_as_it_was() {
        let (_dir, home) = home(true);
        // A folder stands where a file has to be staged.
        fs::create_dir(home.path().join("signing.next")).unwrap();
        fs::write(home.path().join("signing.next/x"), "").unwrap();
        let mut change = Rekey { home: &home, files: BTreeMap::new(), _lock: lock(&home).unwrap() };
        change.put(IDENTITY, Secret::new(b"new".to_vec()));
        change.put("signing", Secret::new(b"new".to_vec()));
        assert!(change.commit().is_err());
        fs::remove_dir_all(home.path().join("signing.next")).unwrap();
        settle(&home).unwrap();
        assert_eq!(text(&home, IDENTITY), "old identity.age");
        assert!(left(&home).unwrap().is_empty());
    }

    #[test]
    fn changes_at_the_same_time_wait_for_each_other() {
        let (_dir, home) = home(true);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let home = &home;
                scope.spawn(move || {
                    let mut change = Rekey::begin(home).unwrap();
                    for name in [IDENTITY, "signing", "own.card"] {
                        change.put(name, Secret::new(n.to_string().into_bytes()));
                    }
                    change.commit().unwrap();
                });
            }
        });
        let all = [IDENTITY, "signing", "own.card"].map(|name| text(&home, name));
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    }
}
