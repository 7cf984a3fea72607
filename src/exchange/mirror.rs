//! The workspace's copy of the ledger. The chain itself lives in the home and is appended to first; the copy, which is
//! committed with the code, is brought up to it afterwards. So branches that part and merge never fork a chain.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use super::chain::read_line;
use super::{Error, Ledger, Result, Workspace};
use crate::crypto::{Digest, digest};
use crate::files::{self, Lock, io_at};

/// How a copy stands to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy {
    /// It is the chain.
    Same,
    /// It was brought up to it.
    BroughtUp,
}

/// Brings the copy of this home's chain in the workspace up to it.
///
/// # Errors
/// [`Error::CopyDiffers`] when the copy has lines that the chain has not: it is left as it is, since it may be the
/// one that is right. What the system says.
pub fn bring_up(ledger: &Ledger, workspace: &Workspace) -> Result<Copy> {
    let Some((writer, chain)) = ledger.chain()? else { return Ok(Copy::Same) };
    let folder = workspace.folder().join("ledger");
    if !folder.is_dir() {
        fs::create_dir(&folder).map_err(io_at("make", &folder))?;
    }
    let copy = folder.join(format!("{writer}.jsonl"));
    let _lock = Lock::wait(&chain.with_file_name("lock"))?;
    if let Ok(found) = fs::symlink_metadata(&copy) {
        if !found.is_file() {
            return Err(files::Error::Exists { path: copy }.into());
        }
        if same(&copy, &chain)? {
            return Ok(Copy::Same);
        }
        check_lines(&copy, &chain)?;
    }
    let mut pending = files::Pending::create(&copy, true)?;
    let mut from = File::open(&chain).map_err(io_at("read", &chain))?;
    std::io::copy(&mut from, &mut pending).map_err(io_at("write", &copy))?;
    pending.publish()?;
    Ok(Copy::BroughtUp)
}

/// Whether the copy of this home's chain in the workspace is up to it.
///
/// # Errors
/// As [`bring_up`].
pub fn is_up(ledger: &Ledger, workspace: &Workspace) -> Result<bool> {
    let Some((writer, chain)) = ledger.chain()? else { return Ok(true) };
    let copy = workspace.folder().join("ledger").join(format!("{writer}.jsonl"));
    match fs::symlink_metadata(&copy) {
        Err(_) => Ok(false),
        Ok(_) if same(&copy, &chain)? => Ok(true),
        Ok(_) => check_lines(&copy, &chain).map(|()| false),
    }
}

fn same(copy: &Path, chain: &Path) -> Result<bool> {
    let open = |path: &Path| File::open(path).map_err(io_at("read", path));
    let (a, b) = (open(copy)?, open(chain)?);
    let length = |file: &File, path: &Path| file.metadata().map(|m| m.len()).map_err(io_at("read", path));
    if length(&a, copy)? != length(&b, chain)? {
        return Ok(false);
    }
    let (mut a, mut b) = (BufReader::new(a), BufReader::new(b));
    let (mut left, mut right) = ([0_u8; 1 << 14], [0_u8; 1 << 14]);
    loop {
        let (n, m) = (read_full(&mut a, &mut left), read_full(&mut b, &mut right));
        let (n, m) = (n.map_err(io_at("read", copy))?, m.map_err(io_at("read", chain))?);
        if n != m || left.get(..n) != right.get(..m) {
            return Ok(false);
        }
        if n == 0 {
            return Ok(true);
        }
    }
}

fn read_full(from: &mut impl Read, into: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(into.get_mut(filled..).unwrap_or_default())? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// Every line of the copy is one of the chain's, in any order: git's union merge keeps lines of both branches.
fn check_lines(copy: &Path, chain: &Path) -> Result<()> {
    let known: std::collections::HashSet<Digest> = hashes(chain)?.into_iter().collect();
    match hashes(copy)?.iter().position(|line| !known.contains(line)) {
        None => Ok(()),
        Some(at) => Err(Error::CopyDiffers { path: copy.to_owned(), line: at as u64 + 1 }),
    }
}

fn hashes(path: &Path) -> Result<Vec<Digest>> {
    let mut reader = BufReader::new(File::open(path).map_err(io_at("read", path))?);
    let (mut line, mut all) = (Vec::new(), Vec::new());
    while read_line(&mut reader, &mut line).map_err(io_at("read", path))? {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        all.push(digest(text.strip_suffix(b"\r").unwrap_or(text)));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::exchange::Home;
    use crate::exchange::founding::{Founding, found};
    use crate::format::record::Event;
    use crate::format::time::Time;

    #[test]
    fn the_copy_follows_the_chain_and_foreign_lines_stay() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        found(dir.path(), &Founding { owner: "N", ..Founding::default() }).unwrap();
        let workspace = Workspace::find(dir.path(), &home).unwrap().unwrap();
        let ledger = Ledger::open(&home);
        assert_eq!(bring_up(&ledger, &workspace).unwrap(), Copy::Same);
        let append = |n: usize| {
            let event = Event::PartnerRemoved { partner: format!("p{n}") };
            ledger.append(&event, Time::from_unix(1), None).unwrap();
        };
        append(1);
        assert_eq!(bring_up(&ledger, &workspace).unwrap(), Copy::BroughtUp);
        assert_eq!(bring_up(&ledger, &workspace).unwrap(), Copy::Same);
        let (_, chain) = ledger.chain().unwrap().unwrap();
        let copy = workspace.folder().join("ledger").join(chain.file_name().unwrap());
        append(2);
        // As a merge of two branches leaves it: a line twice.
        let once = fs::read_to_string(&copy).unwrap();
        fs::write(&copy, format!("{once}{once}")).unwrap();
        assert_eq!(bring_up(&ledger, &workspace).unwrap(), Copy::BroughtUp);
        assert_eq!(fs::read(&copy).unwrap(), fs::read(&chain).unwrap());
        fs::write(&copy, once.replace("p1", "p9")).unwrap();
        assert_eq!(bring_up(&ledger, &workspace).unwrap_err().word(), "ledger-copy-differs");
        assert!(fs::read_to_string(&copy).unwrap().contains("p9"));
    }
}
