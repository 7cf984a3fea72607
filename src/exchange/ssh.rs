//! SSH keys that were imported into a home: `ssh/NAME`, each an OpenSSH private key locked by the home's passphrase
//! (FORMAT §8.3).

use std::path::PathBuf;

use super::{Home, Result, rekey};
use crate::crypto::{Secret, SshKey, opens};
use crate::files::{Names, io_at};
use crate::format::copytext::is_key_name;

/// The folder.
pub const FOLDER: &str = "ssh";
/// The largest key file that is read, in bytes.
const KEY_MAX: u64 = 64 << 10;

/// The names of the SSH keys that were imported into a home.
///
/// # Errors
/// What the system says.
pub fn names(home: &Home) -> Result<Vec<String>> {
    let folder = home.folder(FOLDER);
    let listed = match Names::of(&folder) {
        Ok(listed) => listed,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(io_at("read", &folder)(e).into()),
    };
    let mut names = Vec::new();
    for name in listed {
        let name = name.map_err(io_at("read", &folder))?;
        names.extend(name.to_str().filter(|n| is_key_name(n) && !n.ends_with(".next")).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// The file of an imported SSH key, as it lies there.
///
/// # Errors
/// What the system says.
pub fn file(home: &Home, name: &str) -> Result<Option<Secret>> {
    Ok(rekey::read(home, &format!("{FOLDER}/{name}"), KEY_MAX)?.map(Secret::new))
}

/// Whether an SSH key can open what is locked to it, besides signing. Its passphrase is not needed to tell.
#[must_use]
pub fn opens_bundles(file: &Secret, name: &str) -> bool {
    SshKey::public_line(file, name).is_ok_and(|line| opens(&line))
}

/// The file of the imported key that has this public half, if there is one.
///
/// # Errors
/// What the system says.
pub fn of_public(home: &Home, line: &str) -> Result<Option<PathBuf>> {
    for name in names(home)? {
        let there = file(home, &name)?.and_then(|file| SshKey::public_line(&file, &name).ok());
        if there.is_some_and(|public| public == line) {
            return Ok(Some(home.folder(FOLDER).join(name)));
        }
    }
    Ok(None)
}
