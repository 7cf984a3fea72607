//! What was found in a folder or a revision, as a compact sorted table: a row an entry, its name in a shared text, its
//! folder by number. It never holds a path for each entry, so that a million of them stay small (PERFORMANCE §2).
//! Rows are sorted by the bytes of their paths, and a folder comes before what is in it (FORMAT §3).

/// The parent of what lies at the root.
pub(super) const ROOT: u32 = u32::MAX;

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A file.
    File {
        /// Bytes of contents.
        size: u64,
        /// Whether its owner may execute it.
        exec: bool,
        /// On disk: a fingerprint that tells whether it is still the same file. In a revision: the number of its
        /// object id.
        mark: u64,
    },
    /// A folder.
    Dir {
        /// Its number while the tree was being listed.
        folder: u32,
    },
    /// A symbolic link.
    Link {
        /// Where its target is in the text.
        at: u32,
        /// How long that is.
        len: u16,
    },
}

/// One entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) what: What,
    /// Seconds since 1970.
    pub(super) mtime: u64,
    /// The row of the folder it is in; while the tree is being listed, that folder's number.
    pub(super) parent: u32,
    /// Where its name is in the text.
    pub(super) at: u32,
    /// How long that is.
    pub(super) len: u16,
    /// Which text.
    pub(super) text: u8,
}

/// A sorted table of entries.
#[derive(Debug, Default)]
pub struct Listing {
    pub(super) texts: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// The part of a text that a row points at.
pub(super) fn slice(texts: &[String], text: u8, at: u32, len: u16) -> &str {
    let at = at as usize;
    texts.get(usize::from(text)).and_then(|t| t.get(at..at + usize::from(len))).unwrap_or_default()
}

impl Listing {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What entry `i` is; beyond the end, a folder.
    #[must_use]
    pub fn what(&self, i: usize) -> What {
        self.rows.get(i).map_or(What::Dir { folder: 0 }, |row| row.what)
    }

    /// Its time, in seconds since 1970.
    #[must_use]
    pub fn mtime(&self, i: usize) -> u64 {
        self.rows.get(i).map_or(0, |row| row.mtime)
    }

    /// Its last component.
    #[must_use]
    pub fn name(&self, i: usize) -> &str {
        self.rows.get(i).map_or("", |row| slice(&self.texts, row.text, row.at, row.len))
    }

    /// Where a link points; empty for anything else.
    #[must_use]
    pub fn target(&self, i: usize) -> &str {
        match self.rows.get(i) {
            Some(Row { what: What::Link { at, len }, text, .. }) => slice(&self.texts, *text, *at, *len),
            _ => "",
        }
    }

    /// The folder it is in; `None` at the root.
    #[must_use]
    pub fn parent(&self, i: usize) -> Option<usize> {
        self.rows.get(i).filter(|row| row.parent != ROOT).map(|row| row.parent as usize)
    }

    /// Puts the path of entry `i` into `out`.
    pub fn path_into(&self, i: usize, out: &mut String) {
        out.clear();
        self.push_path(i, out);
    }

    fn push_path(&self, i: usize, out: &mut String) {
        // As deep as the tree is: FORMAT §6.3 ends that at 256.
        if let Some(parent) = self.parent(i) {
            self.push_path(parent, out);
            out.push('/');
        }
        out.push_str(self.name(i));
    }

    /// The path of entry `i`, for messages.
    #[must_use]
    pub fn path(&self, i: usize) -> String {
        let mut path = String::new();
        self.path_into(i, &mut path);
        path
    }
}
