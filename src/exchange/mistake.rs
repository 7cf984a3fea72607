//! Mistakes in files of rules: where, and what is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

/// A mistake in a file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 for all of it.
    pub line: usize,
    /// The first character that is meant, from 1; 0 for all of the line.
    pub column: usize,
    /// What is wrong.
    pub why: String,
    /// The line, as far as it is shown, and carets under what is meant.
    pub shown: Option<(String, String)>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is a mistake in {}", self.path.display())?;
        if self.line > 0 {
            write!(f, ", line {}", self.line)?;
        }
        write!(f, ": {}", self.why)
    }
}

impl Mistake {
    /// About all of a file.
    #[must_use]
    pub fn whole(path: &Path, why: impl Into<String>) -> Mistake {
        Mistake { path: path.to_owned(), line: 0, column: 0, why: why.into(), shown: None }
    }
}
