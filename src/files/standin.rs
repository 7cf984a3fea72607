//! What Rust puts in place of a standard stream that was closed: `/dev/null`, open for reading and writing. A shell's
//! `> /dev/null` is open for writing only, so the two can be told apart.

/// Whether a stream stands in for one that was closed: what is written to it is lost, and nobody meant that.
#[cfg(unix)]
#[must_use]
pub fn is_stand_in(stream: impl std::os::fd::AsFd) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let (Ok(flags), Ok(open), Ok(null)) = (fcntl_getfl(&stream), fstat(&stream), stat("/dev/null")) else {
        return false;
    };
    flags.contains(OFlags::RDWR) && (open.st_dev, open.st_ino) == (null.st_dev, null.st_ino)
}

/// Whether a stream stands in for one that was closed; that can't be told here.
#[cfg(not(unix))]
#[must_use]
pub fn is_stand_in<T>(_: T) -> bool {
    false
}
