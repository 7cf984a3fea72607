//! The attributes of a revision that decide what `git archive` would leave out, and what it or a checkout would change:
//! from the revision's own `.gitattributes` and the repository's `info/attributes`, through an index in a temp folder.

use std::io::{BufRead, BufWriter, Write};

use super::git::{Git, broken, next_item};
use super::leftout::NoteKind;
use super::{Error, Result, io_at};

/// What is asked for, in this order.
const NAMES: [&str; 7] = ["export-ignore", "export-subst", "ident", "text", "eol", "filter", "working-tree-encoding"];

/// What the attributes of one path say, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attributes(u8);

const EXPORT_IGNORE: u8 = 1;
/// The bits of what would have been changed.
const CHANGES: [(u8, NoteKind); 5] = [
    (2, NoteKind::ExportSubst),
    (4, NoteKind::Ident),
    (8, NoteKind::LineEnds),
    (16, NoteKind::Filter),
    (32, NoteKind::Encoding),
];

impl Attributes {
    /// Whether `git archive` leaves the path out.
    pub(super) fn export_ignore(self) -> bool {
        self.0 & EXPORT_IGNORE != 0
    }

    /// What it or a checkout would have changed.
    pub(super) fn changes(self) -> impl Iterator<Item = NoteKind> {
        CHANGES.into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, kind)| kind)
    }
}

/// What the settings of line ends say.
#[derive(Debug, Clone, Copy, Default)]
struct LineEnds {
    /// `core.autocrlf` is `true`: every text file gets CRLF.
    auto: bool,
    /// `core.eol` is `crlf`: files marked as text get CRLF.
    marked: bool,
}

impl LineEnds {
    fn of(git: &Git) -> Result<LineEnds> {
        let is = |name: &str, value: &str| {
            let set = git.line_if_any(&["config", "--get", name])?;
            Ok(set.is_some_and(|set| set.eq_ignore_ascii_case(value)))
        };
        Ok(LineEnds { auto: is("core.autocrlf", "true")?, marked: is("core.eol", "crlf")? })
    }

    /// Whether a checkout would write CRLF into a text file with these attributes.
    fn change(self, text: &[u8], eol: &[u8]) -> bool {
        match eol {
            _ if text == b"unset" => false,
            b"crlf" => true,
            b"lf" => false,
            _ => self.auto || (self.marked && text != b"unspecified"),
        }
    }
}

/// Whether a value is none, or none that counts.
fn idle(value: &[u8], idle: &[&[u8]]) -> bool {
    value == b"unspecified" || value == b"unset" || idle.iter().any(|i| value.eq_ignore_ascii_case(i))
}

fn bits(values: &[Vec<u8>], ends: LineEnds) -> Option<Attributes> {
    let [ignore, subst, ident, text, eol, filter, encoding] = values else { return None };
    let mut bits = 0;
    let mut set = |bit: u8, on: bool| bits |= if on { bit } else { 0 };
    set(EXPORT_IGNORE, ignore == b"set");
    set(2, subst == b"set");
    set(4, ident == b"set");
    set(8, ends.change(text, eol));
    // A file of Git LFS is refused by what it holds.
    set(16, !idle(filter, &[b"lfs", b"set"]));
    set(32, !idle(encoding, &[b"set", b"utf-8", b"utf8"]));
    Some(Attributes(bits))
}

/// The attributes of everything in `tree`, which is the folder `prefix` of `commit`, in the order of `git ls-tree -r -t`.
///
/// # Errors
/// [`Error::Git`] if git fails; what the system says about temp files.
pub(super) fn of_tree(git: &Git, commit: &str, tree: &str, prefix: &[u8]) -> Result<Vec<Attributes>> {
    let temp = std::env::temp_dir();
    let folder = tempfile::tempdir_in(&temp).map_err(io_at("write to", &temp))?;
    let git = git.with_index(folder.path());
    git.ask(&["read-tree", commit])?;
    let ends = LineEnds::of(&git)?;
    let args: Vec<&str> = ["check-attr", "--cached", "-z", "--stdin"].into_iter().chain(NAMES).collect();
    let (mut checking, input, mut output) = git.converse(&args)?;
    let all = std::thread::scope(|scope| {
        // Fed from a thread of its own, since git answers before it has read all.
        let feeder = std::thread::Builder::new().spawn_scoped(scope, || feed(&git, tree, prefix, input));
        let feeding = feeder.map_err(broken)?;
        let all = collect(&mut output, ends);
        drop(output);
        let fed = feeding.join().map_err(|_| Error::Stopped)?;
        // One that ended early is what broke the other's pipe, and says why.
        fed.map_err(|_| checking.complaint()).and(all)
    })?;
    checking.finish()?;
    Ok(all)
}

/// Writes every path of the tree, folders with a final `/`, as `git archive` asks for them.
fn feed(git: &Git, tree: &str, prefix: &[u8], input: impl Write) -> Result<()> {
    let mut input = BufWriter::with_capacity(64 << 10, input);
    let (listing, mut output) = git.start(&["ls-tree", "-r", "-t", "-z", "--full-tree", tree])?;
    let mut item = Vec::new();
    while next_item(&mut output, &mut item)? {
        let Some(tab) = item.iter().position(|b| *b == b'\t') else { continue };
        let (head, path) = item.split_at(tab);
        let slash: &[u8] = if head.starts_with(b"040000") { b"/\0" } else { b"\0" };
        for part in [prefix, path.get(1..).unwrap_or_default(), slash] {
            input.write_all(part).map_err(broken)?;
        }
    }
    input.flush().map_err(broken)?;
    drop(input);
    listing.finish()
}

fn collect(output: &mut impl BufRead, ends: LineEnds) -> Result<Vec<Attributes>> {
    let mut all = Vec::new();
    let (mut path, mut name) = (Vec::new(), Vec::new());
    let mut values = vec![Vec::new(); NAMES.len()];
    loop {
        for value in &mut values {
            let at_end = !next_item(output, &mut path)?;
            if at_end {
                return Ok(all);
            }
            next_item(output, &mut name)?;
            next_item(output, value)?;
        }
        all.extend(bits(&values, ends));
    }
}
