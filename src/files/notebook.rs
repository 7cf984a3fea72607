//! What the threads of a walk write down, and how that becomes one sorted [`Listing`]: deterministic, whoever
//! listed what first.

use std::cmp::Ordering;

use super::listing::{Listing, ROOT, Row, What, slice};

/// What one thread wrote down: folders, the rows in them, and the text of their names.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    text: String,
    rows: Vec<Row>,
    folders: Vec<Folder>,
}

/// A folder: its rows are a range of one notebook.
#[derive(Debug, Clone, Copy, Default)]
struct Folder {
    id: u32,
    kept: bool,
    start: usize,
    end: usize,
    book: u8,
}

impl Notebook {
    /// Begins a folder, whose rows follow. One that is not `kept` stays only if something in it does.
    pub(super) fn begin(&mut self, id: u32, kept: bool) {
        let start = self.rows.len();
        self.folders.push(Folder { id, kept, start, end: start, book: 0 });
    }

    /// Makes the folder begun last stay only if something in it does.
    pub(super) fn only_if_needed(&mut self) {
        if let Some(folder) = self.folders.last_mut() {
            folder.kept = false;
        }
    }

    /// Writes down an entry of folder `parent`; `false` if there is no room for its name.
    #[must_use]
    pub(super) fn add(&mut self, parent: u32, name: &str, what: What, mtime: u64) -> bool {
        let Some((at, len)) = self.write(name) else { return false };
        self.rows.push(Row { what, mtime, parent, at, len, text: 0 });
        if let Some(folder) = self.folders.last_mut() {
            folder.end = self.rows.len();
        }
        true
    }

    /// Writes down a link; `false` if there is no room for its name and target.
    #[must_use]
    pub(super) fn add_link(&mut self, parent: u32, name: &str, target: &str, mtime: u64) -> bool {
        let Some((at, len)) = self.write(target) else { return false };
        self.add(parent, name, What::Link { at, len }, mtime)
    }

    fn write(&mut self, text: &str) -> Option<(u32, u16)> {
        let place = (u32::try_from(self.text.len()).ok()?, u16::try_from(text.len()).ok()?);
        self.text.push_str(text);
        Some(place)
    }

    /// Brings the rows of each folder together, where they were not written folder by folder.
    pub(super) fn group(&mut self) {
        self.rows.sort_by_key(|row| row.parent);
        self.folders.sort_by_key(|folder| folder.id);
        let mut start = 0;
        for folder in &mut self.folders {
            let rest = self.rows.get(start..).unwrap_or_default();
            let end = start + rest.partition_point(|row| row.parent == folder.id);
            (folder.start, folder.end) = (start, end);
            start = end;
        }
    }
}

/// Makes one sorted table of all notebooks. Folder 0 is the root; a folder's number is above its parent's.
pub(super) fn sorted(mut books: Vec<Notebook>) -> Listing {
    let folders = folders_of(&mut books);
    let kept = kept(&folders, &books);
    let total = books.iter().map(|book| book.rows.len()).sum();
    let mut merge = Merge { books: &books, folders: &folders, kept: &kept, rows: Vec::with_capacity(total) };
    merge.run();
    let rows = merge.rows;
    Listing { rows, texts: books.into_iter().map(|book| book.text).collect() }
}

fn folders_of(books: &mut [Notebook]) -> Vec<Folder> {
    let mut all = vec![Folder::default(); books.iter().map(|b| b.folders.len()).sum()];
    for (book, number) in books.iter_mut().zip(0_u8..) {
        for folder in std::mem::take(&mut book.folders) {
            if let Some(place) = all.get_mut(folder.id as usize) {
                *place = Folder { book: number, ..folder };
            }
        }
    }
    all
}

impl Folder {
    fn rows<'a>(&self, books: &'a [Notebook]) -> &'a [Row] {
        books.get(usize::from(self.book)).and_then(|b| b.rows.get(self.start..self.end)).unwrap_or_default()
    }
}

/// Which folders are sent: those that are in, and those that something in them needs.
fn kept(folders: &[Folder], books: &[Notebook]) -> Vec<bool> {
    let mut kept: Vec<bool> = folders.iter().map(|f| f.kept).collect();
    for (id, folder) in folders.iter().enumerate().rev() {
        // A folder goes with what is in it; an empty one goes by itself, one of hollow folders does not.
        let stays = |row: &Row| match row.what {
            What::Dir { folder } => kept.get(folder as usize).is_some_and(|k| *k),
            _ => true,
        };
        let rows = folder.rows(books);
        let needed = if rows.is_empty() { folder.kept } else { rows.iter().any(stays) };
        if let Some(kept) = kept.get_mut(id) {
            *kept = needed;
        }
    }
    kept
}

struct Merge<'a> {
    books: &'a [Notebook],
    folders: &'a [Folder],
    kept: &'a [bool],
    rows: Vec<Row>,
}

/// A folder whose rows are being emitted: each row's own place, then, for a folder, that of what is in it.
struct Visit<'a> {
    book: u8,
    parent: u32,
    rows: &'a [Row],
    steps: std::vec::IntoIter<(u32, bool)>,
}

impl<'a> Merge<'a> {
    fn run(&mut self) {
        let mut places = vec![ROOT; self.folders.len()];
        let mut open = vec![self.visit(0, ROOT)];
        while let Some(visit) = open.last_mut() {
            let Some((step, inside)) = visit.steps.next() else {
                open.pop();
                continue;
            };
            let Some(row) = visit.rows.get(step as usize) else { continue };
            let folder = if let What::Dir { folder } = row.what { folder } else { ROOT };
            if inside {
                let place = places.get(folder as usize).copied().unwrap_or(ROOT);
                open.push(self.visit(folder, place));
                continue;
            }
            if let Some(place) = places.get_mut(folder as usize) {
                *place = u32::try_from(self.rows.len()).unwrap_or(ROOT);
            }
            self.rows.push(Row { parent: visit.parent, text: visit.book, ..*row });
        }
    }

    fn visit(&self, folder: u32, parent: u32) -> Visit<'a> {
        let folder = self.folders.get(folder as usize).copied().unwrap_or_default();
        let rows = folder.rows(self.books);
        let text = self.books.get(usize::from(folder.book)).map(|b| std::slice::from_ref(&b.text)).unwrap_or_default();
        let name = |step: u32| rows.get(step as usize).map_or("", |row| slice(text, 0, row.at, row.len));
        let mut steps = Vec::with_capacity(rows.len());
        for (row, step) in rows.iter().zip(0_u32..) {
            match row.what {
                What::Dir { folder } if !self.kept.get(folder as usize).is_some_and(|k| *k) => {}
                What::Dir { .. } => steps.extend([(step, false), (step, true)]),
                _ => steps.push((step, false)),
            }
        }
        steps.sort_unstable_by(|a, b| order((name(a.0), a.1), (name(b.0), b.1)));
        Visit { book: folder.book, parent, rows, steps: steps.into_iter() }
    }
}

/// The order of names in a folder that, followed depth first, gives the byte order of whole paths: a folder counts
/// as `name` for itself, and as `name/` for what is in it.
fn order(a: (&str, bool), b: (&str, bool)) -> Ordering {
    let common = a.0.len().min(b.0.len());
    let (head_a, tail_a) = a.0.as_bytes().split_at(common);
    let (head_b, tail_b) = b.0.as_bytes().split_at(common);
    let next = |tail: &[u8], inside: bool| tail.first().copied().or(inside.then_some(b'/'));
    head_a.cmp(head_b).then_with(|| next(tail_a, a.1).cmp(&next(tail_b, b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(folder: u32) -> What {
        What::Dir { folder }
    }

    const FILE: What = What::File { size: 1, exec: false, mark: 0 };

    fn paths(listing: &Listing) -> Vec<String> {
        (0..listing.len()).map(|i| listing.path(i)).collect()
    }

    #[test]
    fn depth_first_emission_is_the_byte_order_of_paths() {
        let mut one = Notebook::default();
        one.begin(0, true);
        let names =
            [("a0", FILE), ("a", dir(1)), ("a.c", FILE), ("a-b", dir(2)), ("é", FILE), ("A", FILE), ("a.", FILE)];
        for (name, what) in names {
            assert!(one.add(0, name, what, 0));
        }
        let mut two = Notebook::default();
        two.begin(2, true);
        assert!(two.add(2, "z", FILE, 0));
        two.begin(1, true);
        assert!(two.add(1, "x", FILE, 0) && two.add(1, "b", dir(3), 0) && two.add(1, "b!", FILE, 0));
        two.begin(3, true);
        assert!(two.add_link(3, "y", "../x", 0));
        let listing = sorted(vec![one, two]);
        let got = paths(&listing);
        let mut want = got.clone();
        want.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        assert_eq!(got, want);
        assert_eq!(got, ["A", "a", "a-b", "a-b/z", "a.", "a.c", "a/b", "a/b!", "a/b/y", "a/x", "a0", "é"]);
        assert_eq!(listing.target(8), "../x");
        assert!((0..listing.len()).all(|i| listing.parent(i).is_none_or(|p| p < i)));
    }

    #[test]
    fn folders_that_are_out_stay_only_if_something_in_them_does() {
        let mut book = Notebook::default();
        for id in 0..4 {
            book.begin(id, id == 0);
        }
        for (parent, name, what) in [(2, "f", FILE), (0, "empty", dir(3)), (1, "b", dir(2)), (0, "a", dir(1))] {
            assert!(book.add(parent, name, what, 0));
        }
        book.group();
        assert_eq!(paths(&sorted(vec![book])), ["a", "a/b", "a/b/f"]);
        assert!(paths(&sorted(vec![Notebook::default()])).is_empty());
    }
}
