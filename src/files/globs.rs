//! Globs that pick paths out of a bundle: `--only`, `list GLOB`; and globs for one name. The only door to `globset`.

use std::ffi::OsStr;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::{Error, Result};

/// A set of patterns. `*` stays within a folder, `**` does not; a pattern without `/` fits a name at any depth; what
/// fits a folder fits everything in it.
#[derive(Debug)]
pub struct Globs {
    set: GlobSet,
}

impl Globs {
    /// Reads the patterns.
    ///
    /// # Errors
    /// [`Error::Pattern`].
    pub fn new(patterns: &[String]) -> Result<Globs> {
        let bad = |pattern: &str, why: &globset::Error| Error::Pattern {
            pattern: pattern.to_owned(),
            why: why.kind().to_string(),
        };
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            if pattern.trim().is_empty() {
                return Err(Error::Pattern { pattern: pattern.clone(), why: "it is empty".to_owned() });
            }
            let trimmed = pattern.trim_start_matches("./").trim_end_matches('/');
            let anywhere = if trimmed.contains('/') { trimmed.to_owned() } else { format!("**/{trimmed}") };
            let glob = GlobBuilder::new(&anywhere).literal_separator(true).backslash_escape(true).build();
            set.add(glob.map_err(|e| bad(pattern, &e))?);
        }
        let set = set.build().map_err(|e| bad("", &e))?;
        Ok(Globs { set })
    }

    /// Whether a path, or a folder it is in, fits one of the patterns.
    #[must_use]
    pub fn fit(&self, path: &str) -> bool {
        let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        self.set.is_match(path) || folders.into_iter().any(|folder| self.set.is_match(folder))
    }
}

/// A glob for one name of a path, with no `/` in it.
#[derive(Debug)]
pub(super) struct NameGlob(GlobSet);

impl NameGlob {
    /// Reads it; upper and lower case differ.
    ///
    /// # Errors
    /// Why it can't be one.
    pub(super) fn new(text: &str) -> std::result::Result<NameGlob, String> {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
        // A set of one: the matcher of a single glob panics where a set gives an error.
        let set = glob.and_then(|glob| GlobSetBuilder::new().add(glob).build());
        set.map(NameGlob).map_err(|e| e.kind().to_string())
    }

    pub(super) fn fits(&self, name: &OsStr) -> bool {
        self.0.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_names_paths_and_what_is_in_folders() {
        let fit = |pattern: &str, path: &str| Globs::new(&[pattern.to_owned()]).unwrap().fit(path);
        assert!(fit("*.rs", "src/deep/a.rs"));
        assert!(fit("src", "src/deep/a.rs"));
        assert!(fit("src/", "src/a.rs"));
        assert!(fit("./src/*.rs", "src/a.rs"));
        assert!(!fit("src/*.rs", "src/deep/a.rs"));
        assert!(fit("src/**/a.rs", "src/deep/er/a.rs"));
        assert!(!fit("src", "lib/a.rs"));
        assert!(Globs::new(&["[".to_owned()]).is_err());
    }
}
