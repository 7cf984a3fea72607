//! What is left out and why, and what travels differently than it is on disk: counted, with a few examples, so that a
//! dry run can say so (FORMAT §3). Which examples are kept doesn't depend on the order in which they were found.

use std::collections::BTreeMap;

/// Why something is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// `.git`: history and settings of git.
    Git,
    /// `.consign`: the workspace's own records.
    Consign,
    /// Ignored by git, and not tracked.
    IgnoredByGit,
    /// A line of `.consignignore`.
    ConsignIgnore,
    /// `--exclude`.
    Excluded,
    /// The attribute `export-ignore` in a revision.
    ExportIgnore,
    /// A submodule of a revision, whose files are in another repository.
    Submodule,
    /// What this very run writes.
    OwnOutput,
    /// `.consignignore` itself.
    RulesFile,
    /// No line of the scope lets it out.
    OutsideScope,
    /// A line of the scope keeps it in.
    ScopeExcludes,
    /// Of a type that the scope does not let out.
    ScopeType,
    /// Larger than what the scope lets out.
    ScopeSize,
    /// A link that would tell the name of something the scope does not let out.
    ScopeLink,
}

impl Reason {
    /// Whether somebody may have expected to get it: it lies within the scope, and a limit keeps it in.
    #[must_use]
    pub fn is_a_limit(self) -> bool {
        matches!(self, Reason::ScopeType | Reason::ScopeSize | Reason::ScopeLink)
    }

    /// In words, after "left out: ".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Reason::Git => "git's own files",
            Reason::Consign => "consign's own files",
            Reason::IgnoredByGit => "ignored by git",
            Reason::ConsignIgnore => "ruled out by .consignignore",
            Reason::Excluded => "ruled out by --exclude",
            Reason::ExportIgnore => "marked export-ignore",
            Reason::Submodule => "submodules",
            Reason::OwnOutput => "consign's own: its home, bundles sent from here, this run's output",
            Reason::RulesFile => ".consignignore itself",
            Reason::OutsideScope => "outside the scope",
            Reason::ScopeExcludes => "the scope leaves out",
            Reason::ScopeType => "of types the scope leaves out",
            Reason::ScopeSize => "larger than the scope lets out",
            Reason::ScopeLink => "links to what the scope does not let out",
        }
    }
}

/// All that is left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The reason.
    pub reason: Reason,
    /// Files (and links, and special files) that were seen.
    pub files: u64,
    /// Folders that were left out whole and not looked into.
    pub folders: u64,
    /// Bytes of the files; `None` if they were not looked at.
    pub bytes: Option<u64>,
    /// At most five, folders with a final `/`.
    pub examples: Vec<String>,
}

/// What travels differently than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoteKind {
    /// Setuid and setgid bits are dropped.
    Setuid,
    /// Hard links become copies.
    HardLink,
    /// Extended attributes and access lists are dropped (counted in a survey only).
    Attached,
    /// Fractions of a second are dropped from times.
    SubSecond,
    /// A repository inside the folder: what it ignores is sent.
    NestedRepository,
    /// A file of git history: no scope or rule reaches into it.
    GitBundle,
    /// `export-subst`: `git archive` would have filled in commit data.
    ExportSubst,
    /// `ident`: git would have filled in object ids.
    Ident,
    /// Line ends that a checkout would have changed.
    LineEnds,
    /// A filter that a checkout would have run.
    Filter,
    /// An encoding that a checkout would have made.
    Encoding,
    /// A pattern of the command line that decided about nothing.
    UnusedPattern,
}

impl NoteKind {
    /// In words, after a count of files.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            NoteKind::Setuid => "lose their setuid or setgid bit",
            NoteKind::HardLink => "are hard links and become copies",
            NoteKind::Attached => "lose their extended attributes or access lists",
            NoteKind::SubSecond => "lose the fraction of a second in their time",
            NoteKind::NestedRepository => "are git repositories of their own; what they ignore is sent",
            NoteKind::GitBundle => "are git history, which no scope or rule reaches into",
            NoteKind::ExportSubst => "are sent without the commit data that git archive fills in",
            NoteKind::Ident => "are sent without the ids that git fills in",
            NoteKind::LineEnds => "are sent with the line ends that git stores",
            NoteKind::Filter => "are sent as git stores them, before its filter",
            NoteKind::UnusedPattern => "of the patterns given match nothing",
            NoteKind::Encoding => "are sent in the encoding that git stores",
        }
    }
}

/// One thing that travels differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub kind: NoteKind,
    /// How often.
    pub count: u64,
    /// At most five.
    pub examples: Vec<String>,
}

/// How many examples are kept.
const EXAMPLES: usize = 5;

#[derive(Debug, Default)]
struct Tally {
    files: u64,
    folders: u64,
    bytes: u64,
    blind: bool,
    /// The smallest ones, sorted.
    examples: Vec<String>,
}

/// Counts by kind.
#[derive(Debug)]
pub(super) struct Tallies<K>(BTreeMap<K, Tally>);

impl<K> Default for Tallies<K> {
    fn default() -> Self {
        Tallies(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Tallies<K> {
    fn of(&mut self, kind: K) -> &mut Tally {
        self.0.entry(kind).or_default()
    }

    /// Counts a file, with its size if that is known.
    pub(super) fn file(&mut self, kind: K, bytes: Option<u64>) {
        let tally = self.of(kind);
        tally.files += 1;
        tally.bytes = tally.bytes.saturating_add(bytes.unwrap_or(0));
        tally.blind |= bytes.is_none();
    }

    /// Counts a folder that nobody looks into.
    pub(super) fn folder(&mut self, kind: K) {
        let tally = self.of(kind);
        tally.folders += 1;
        tally.blind = true;
    }

    /// Keeps an example if it is among the smallest.
    pub(super) fn example(&mut self, kind: K, path: String) {
        let examples = &mut self.of(kind).examples;
        if let Err(place) = examples.binary_search(&path) {
            examples.insert(place, path);
            examples.truncate(EXAMPLES);
        }
    }

    /// Adds what another thread counted.
    pub(super) fn merge(&mut self, other: Tallies<K>) {
        for (kind, from) in other.0 {
            let to = self.of(kind);
            to.files += from.files;
            to.folders += from.folders;
            to.bytes = to.bytes.saturating_add(from.bytes);
            to.blind |= from.blind;
            for path in from.examples {
                self.example(kind, path);
            }
        }
    }
}

impl Tallies<Reason> {
    /// Grouped by reason.
    pub(super) fn left_out(self) -> Vec<LeftOut> {
        let group = |(reason, t): (Reason, Tally)| LeftOut {
            reason,
            files: t.files,
            folders: t.folders,
            bytes: (!t.blind).then_some(t.bytes),
            examples: t.examples,
        };
        self.0.into_iter().map(group).collect()
    }
}

impl Tallies<NoteKind> {
    /// Grouped by kind.
    pub(super) fn notes(self) -> Vec<Note> {
        let group = |(kind, t): (NoteKind, Tally)| Note { kind, count: t.files, examples: t.examples };
        self.0.into_iter().map(group).collect()
    }
}
