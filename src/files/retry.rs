//! Calls that a signal interrupted are made again (P8): the standard library does that for reads, writes and opens, but
//! neither for locks nor behind `cap-std`.

use std::io;

/// Makes a call until something else than a signal ends it.
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
