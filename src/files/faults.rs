//! What is wrong with a tree, found by several threads: all of it is found before anything is read, and the error
//! names the first by path.

use std::ffi::OsStr;

use super::{Error, Result};

/// The first fault by path, and how many there are.
#[derive(Debug, Default)]
pub struct Faults {
    first: Option<(String, Error)>,
    count: u64,
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, path: String, error: Error) {
        self.count += 1;
        self.keep(path, error);
    }

    fn keep(&mut self, path: String, error: Error) {
        if self.first.as_ref().is_none_or(|(first, _)| path < *first) {
            self.first = Some((path, error));
        }
    }

    /// Adds those that another thread found.
    pub fn merge(&mut self, other: Faults) {
        self.count += other.count;
        if let Some((path, error)) = other.first {
            self.keep(path, error);
        }
    }

    /// The error, if there is any.
    ///
    /// # Errors
    /// The first fault by path.
    pub fn check(self) -> Result<()> {
        let more = self.count.saturating_sub(1);
        match self.first {
            None => Ok(()),
            Some((_, Error::BadName { path, why })) if more > 0 => {
                Err(Error::BadName { path, why: format!("{why}; {more} more can't be sent either") })
            }
            Some((_, error)) => Err(error),
        }
    }
}

/// A name that may not be UTF-8, with the bytes that are not as `\xff`.
pub(super) fn lossy(name: &OsStr) -> String {
    let mut out = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}
