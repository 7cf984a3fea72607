//! Reading a file of any size from its beginning to its end, in pieces, and noticing if it was not one file while that
//! lasted: what was read then is no statement about it.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use super::progress::Progress;
use super::retry::retry;
use super::source::open_file;
use super::{Error, Result, io_at};

const PIECE: usize = 1 << 20;

/// Gives every piece of a file to `take`, and returns how many bytes there were. A FIFO is not waited for.
///
/// # Errors
/// What the system says; what is no file; [`Error::ChangedWhileRead`]; [`Error::Stopped`].
pub fn read_through(path: &Path, progress: &dyn Progress, take: &mut dyn FnMut(&[u8])) -> Result<u64> {
    let mut file = open_file(path).map_err(io_at("read", path))?;
    let before = file.metadata().map_err(io_at("read", path))?;
    progress.begin("reading", before.len());
    let mut buffer = vec![0; PIECE];
    let mut len = 0_u64;
    loop {
        if progress.stopped() {
            return Err(Error::Stopped);
        }
        let n = retry(|| file.read(&mut buffer)).map_err(io_at("read", path))?;
        if n == 0 {
            break;
        }
        take(buffer.get(..n).unwrap_or_default());
        len += n as u64;
        progress.advance(n as u64);
    }
    match changed(path, &file, &before, len).map_err(io_at("read", path))? {
        Some(how) => Err(Error::ChangedWhileRead { path: path.display().to_string(), how }),
        None => Ok(len),
    }
}

/// How a file differs from what it was.
fn changed(path: &Path, file: &File, before: &Metadata, len: u64) -> io::Result<Option<&'static str>> {
    let now = file.metadata()?;
    Ok(match path.metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Some("it is gone"),
        Err(e) => return Err(e),
        _ if len < before.len() || now.len() < before.len() => Some("it shrank"),
        _ if len > before.len() || now.len() > before.len() => Some("it grew"),
        Ok(there) => {
            (mark(&now) != mark(before) || mark(&there) != mark(before)).then_some("it was written or replaced")
        }
    })
}

#[cfg(unix)]
fn mark(meta: &Metadata) -> [i64; 6] {
    use std::os::unix::fs::MetadataExt;
    let bits = |n: u64| n.cast_signed();
    [bits(meta.dev()), bits(meta.ino()), meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()]
}

#[cfg(not(unix))]
fn mark(meta: &Metadata) -> Option<std::time::SystemTime> {
    meta.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::files::Silent;

    /// Does something to the file when the first piece has been read.
    fn read(path: &Path, mut meanwhile: impl FnMut()) -> std::result::Result<(u64, usize), String> {
        let (mut seen, mut first) = (0, true);
        let read = read_through(path, &Silent, &mut |piece| {
            seen += piece.len();
            if std::mem::take(&mut first) {
                meanwhile();
            }
        });
        read.map(|len| (len, seen)).map_err(|e| format!("{} {e}", e.word()))
    }

    #[test]
    fn a_file_is_read_whole_and_what_happens_to_it_meanwhile_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nda.pdf");
        let write = |n: usize| std::fs::write(&path, vec![7; n]).unwrap();
        write(3 << 20);
        assert_eq!(read(&path, || {}), Ok((3 << 20, 3 << 20)));
        for (how, meanwhile) in [
            ("it grew", &(|| write(4 << 20)) as &dyn Fn()),
            ("it shrank", &|| write(1 << 20)),
            ("written or replaced", &|| {
                std::fs::remove_file(&path).unwrap();
                write(3 << 20);
            }),
            ("it is gone", &|| std::fs::remove_file(&path).unwrap()),
        ] {
            write(3 << 20);
            let told = read(&path, meanwhile).unwrap_err();
            assert!(told.starts_with("changed-while-read") && told.contains(how), "{how}: {told}");
        }
        assert!(read(&path, || {}).unwrap_err().starts_with("io "));
        #[cfg(unix)]
        {
            // Nobody writes to it: it is not waited for.
            assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
            assert!(read(&path, || {}).unwrap_err().contains("not a file"));
        }
        assert!(read(dir.path(), || {}).unwrap_err().contains("not a file"));
    }
}
