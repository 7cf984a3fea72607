//! What is attached to a file besides its bits: extended attributes and access lists. None of it is sent; a dry run
//! counts the files that have some.

use std::path::Path;

/// Attributes that the system gives to every file, so that nobody misses them.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
const USUAL: [&[u8]; 4] = [b"security.selinux", b"security.ima", b"security.evm", b"com.apple.provenance"];

/// Whether a file has an attribute of its own. What can't be told counts as none.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(super) fn has_more(path: &Path) -> bool {
    let mut names = [0_u8; 4096];
    match rustix::fs::llistxattr(path, &mut names[..]) {
        Ok(len) => {
            let names = names.get(..len).unwrap_or_default();
            names.split(|b| *b == 0).any(|name| !name.is_empty() && !USUAL.contains(&name))
        }
        // More than fits.
        Err(error) => error == rustix::io::Errno::RANGE,
    }
}

/// Nothing is known here.
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(super) fn has_more(_: &Path) -> bool {
    false
}
