//! The home: one folder for the keys, the partners and the ledger of one firm on one machine. It is made by the
//! first write; a home that is not there reads as an empty one. Its keys are described in FORMAT §8.3.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Error, Result};
use crate::crypto::{self, Hex};
use crate::files::{self, io_at};
use crate::format::record::Writer;

/// A home, there or not.
#[derive(Debug, Clone)]
pub struct Home {
    path: PathBuf,
}

/// The folders in it.
const FOLDERS: [&str; 5] = ["partners", "ledger", "private", "claims", "waiting"];

impl Home {
    /// The home at `path`. Touches nothing.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Home {
        Home { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The age identity file, locked.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.path.join("identity.age")
    }

    /// The OpenSSH signing key, locked.
    #[must_use]
    pub fn signing(&self) -> PathBuf {
        self.path.join("signing")
    }

    /// The public half of the signing key.
    #[must_use]
    pub fn signing_pub(&self) -> PathBuf {
        self.path.join("signing.pub")
    }

    /// The firm's own card.
    #[must_use]
    pub fn card(&self) -> PathBuf {
        self.path.join("own.card")
    }

    /// What the user configured.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The check words of the key that signed last.
    #[must_use]
    pub fn words(&self) -> PathBuf {
        self.path.join("check-words")
    }

    /// The private part of a bundle's ledger line (FORMAT §5.10).
    #[must_use]
    pub fn private(&self, reference: &str) -> PathBuf {
        self.path.join("private").join(format!("{reference}.age"))
    }

    /// One of the folders in the home, for reading.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes the home if it is not there, for its owner only.
    pub(crate) fn make(&self) -> Result<()> {
        make_private(&self.path)
    }

    /// Makes one of the folders in the home, and the home.
    pub(crate) fn make_folder(&self, name: &str) -> Result<PathBuf> {
        self.make()?;
        let folder = self.folder(name);
        make_private(&folder)?;
        Ok(folder)
    }

    /// Checks that everything in the home that a record needs can be written, so that a refusal comes before
    /// the work. Makes the home.
    ///
    /// # Errors
    /// [`Error::HomeReadOnly`].
    pub fn ensure_writable(&self) -> Result<()> {
        let refuse = |path: &Path, why: String| Error::HomeReadOnly { path: path.to_owned(), why };
        self.make().map_err(|e| refuse(&self.path, root_cause(&e)))?;
        let inside = FOLDERS.iter().map(|name| self.folder(name)).filter(|f| f.is_dir());
        for folder in std::iter::once(self.path.clone()).chain(inside) {
            match files::Pending::create(&folder.join("probe"), true) {
                Ok(_) | Err(files::Error::Busy { .. }) => {}
                Err(e) => return Err(refuse(&folder, root_cause(&e.into()))),
            }
        }
        let ledger = self.writer().ok().flatten().map(|w| self.folder("ledger").join(format!("{w}.jsonl")));
        match ledger.filter(|l| l.exists()) {
            Some(ledger) => {
                let opened = fs::OpenOptions::new().append(true).open(&ledger);
                opened.map(drop).map_err(|e| refuse(&ledger, said(&e)))
            }
            None => Ok(()),
        }
    }

    /// The name of this home's ledger writer, if it has one yet (FORMAT §5.9).
    ///
    /// # Errors
    /// [`Error::HomeBroken`] when the file holds anything but 16 hex digits.
    pub fn writer(&self) -> Result<Option<Writer>> {
        let path = self.path.join("writer");
        let Some(bytes) = read_if_there(&path, 64)? else { return Ok(None) };
        let writer = Writer::parse(bytes.trim_ascii());
        let why = || "it should hold 16 hex digits".to_owned();
        writer.map(Some).ok_or_else(|| Error::HomeBroken { path: path.clone(), why: why() })
    }

    /// The writer's name; a fresh one if there is none. The caller holds the ledger's lock.
    pub(crate) fn writer_or_new(&self) -> Result<Writer> {
        if let Some(writer) = self.writer()? {
            return Ok(writer);
        }
        let writer: Writer = Hex(crypto::random::<8>()?);
        self.make()?;
        files::write_private(&self.path.join("writer"), format!("{writer}\n").as_bytes())?;
        Ok(writer)
    }
}

/// The bytes of a small file; `None` if it is not there.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    match files::read_file(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(files::Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn make_private(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(io_at("make", folder))?;
    // So that what is synced in it later is found again after a power cut.
    Ok(files::sync_folder(files::folder_of(folder))?)
}

fn root_cause(error: &Error) -> String {
    match error {
        Error::Files(files::Error::Io { source, .. }) => said(source),
        other => other.to_string(),
    }
}

/// What the system said, without the error number that Rust appends.
fn said(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    #[test]
    fn reading_a_home_that_is_not_there_makes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("deep/home"));
        assert_eq!(home.writer().unwrap(), None);
        assert!(!home.path().exists());
        home.ensure_writable().unwrap();
        assert!(home.path().is_dir());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn the_home_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let folder = home.make_folder("ledger").unwrap();
        for path in [home.path(), &folder] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
        }
    }

    #[test]
    fn a_home_that_can_not_be_written_says_so_before_any_work() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let e = Home::at(dir.path().join("file/home")).ensure_writable().unwrap_err();
        assert_eq!(e.word(), "home-read-only");
    }

    #[test]
    fn a_damaged_writer_name_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("writer"), "xyz").unwrap();
        assert_eq!(Home::at(dir.path()).writer().unwrap_err().word(), "home-broken");
    }
}
