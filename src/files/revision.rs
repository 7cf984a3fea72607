//! Lists a revision of a git repository: what `git archive` would take, under the rules, with the contents that git
//! stores. It reads neither work tree nor index, and everything has the commit's time.

use std::ffi::{OsStr, OsString};
use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::allowlist::{Ruling, Stand, Within};
use super::attributes::{Attributes, of_tree};
use super::blobs::{Blobs, CatFile, Ids, Streams};
use super::faults::{Faults, lossy};
use super::git::{Git, next_item, os};
use super::leftout::{LeftOut, Note, NoteKind, Reason, Tallies};
use super::listing::{Listing, What};
use super::notebook::{Notebook, sorted};
use super::reading::clamp;
use super::rules::{RULES_FILE, RULES_MAX, Rules, Verdict};
use super::{Error, Progress, Result};

/// The longest target of a link that is read (FORMAT §3, links).
const TARGET_MAX: u64 = 4095;
/// How deep a tree may be (FORMAT §6.3).
const DEPTH_MAX: usize = 256;
/// How many entries are listed between two looks at the progress.
const STEP: u64 = 4096;

/// A revision, or a folder in it.
#[derive(Debug)]
pub struct Revision {
    git: Git,
    commit: String,
    tree: String,
    /// The folder, with a final `/`; empty for all of it.
    prefix: OsString,
    time: u64,
}

/// What was found.
#[derive(Debug)]
pub struct Listed {
    /// The entries.
    pub listing: Listing,
    /// Where their contents come from.
    pub blobs: Blobs,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
    /// What travels differently than a checkout or an archive has it.
    pub notes: Vec<Note>,
}

fn refused(why: String) -> Error {
    Error::Git { why }
}

/// An object id in hex.
fn id_of(line: &OsStr) -> Option<String> {
    let id = line.to_str()?;
    let is_id = (id.len() == 40 || id.len() == 64) && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then(|| id.to_owned())
}

impl Revision {
    /// Finds `rev` in the repository at `repo`, or that it is in.
    ///
    /// # Errors
    /// [`Error::Git`] if there is no repository, no such revision, or `repo` is not in it.
    pub fn resolve(repo: &Path, rev: &str) -> Result<Revision> {
        let here = Git::in_folder(repo);
        let git = Git::repository(&PathBuf::from(here.line(&["rev-parse", "--absolute-git-dir"])?));
        let prefix = here.line(&["rev-parse", "--show-prefix"])?;
        let unknown = || refused(format!("unknown revision `{rev}`"));
        let commit = here.line_if_any(&["rev-parse", "--verify", "--end-of-options", &format!("{rev}^{{commit}}")])?;
        let commit = commit.and_then(|line| id_of(&line)).ok_or_else(unknown)?;
        let text = git.ask(&["cat-file", "commit", &commit])?;
        let time = committed(&text).ok_or_else(|| refused(format!("commit {commit} is damaged")))?;
        let tree = tree_of(&git, &commit, &prefix)?;
        Ok(Revision { git, commit, tree, prefix, time })
    }

    /// The full id of the commit.
    #[must_use]
    pub fn commit(&self) -> &str {
        &self.commit
    }

    /// The bytes of its `.consignignore`; none if there is none.
    ///
    /// # Errors
    /// If it is too large, or no file; [`Error::Git`] if git fails.
    pub fn rules(&self) -> Result<Vec<u8>> {
        let line = self.git.ask(&["ls-tree", "-z", "-l", "--full-tree", &self.tree, RULES_FILE])?;
        let Some(item) = Item::parse(line.strip_suffix(b"\0").unwrap_or(&line)) else { return Ok(Vec::new()) };
        if item.kind != b"blob" || item.mode == LINK || item.size > RULES_MAX {
            return Err(refused(format!("{RULES_FILE} in {} is no file, or has more than 1 MiB", self.commit)));
        }
        let mut bytes = Vec::new();
        let id = String::from_utf8_lossy(item.id);
        CatFile::start(&self.git)?.blob(&id, item.size, &mut bytes)?;
        Ok(bytes)
    }

    /// Lists it.
    ///
    /// # Errors
    /// What can't be sent, by name; [`Error::Git`] if git fails.
    pub fn list(
        self,
        rules: &Rules,
        scope: Option<Within<'_>>,
        latest: Option<u64>,
        progress: &dyn Progress,
    ) -> Result<Listed> {
        let prefix = self.prefix.as_encoded_bytes();
        let attributes = of_tree(&self.git, &self.commit, &self.tree, prefix)?;
        let mut lister = Lister::new(&self, rules, &attributes, latest);
        lister.under(scope);
        let args = ["ls-tree", "-r", "-t", "-z", "-l", "--full-tree", &self.tree];
        let (running, mut output) = self.git.start(&args)?;
        lister.all(&mut output, progress)?;
        running.finish()?;
        let Lister { mut book, ids, left_out, notes, faults, .. } = lister;
        faults.check()?;
        book.group();
        let blobs = Blobs { git: self.git, ids, streams: Streams::default() };
        let (left_out, notes) = (left_out.left_out(), notes.notes());
        Ok(Listed { listing: sorted(vec![book]), blobs, left_out, notes })
    }
}

/// The tree of a folder of a commit.
fn tree_of(git: &Git, commit: &str, prefix: &OsStr) -> Result<String> {
    let missing = || refused(format!("`{}` is not a folder in {commit}", lossy(prefix)));
    let mut name = OsString::from(commit);
    if prefix.is_empty() {
        name.push("^{tree}");
    } else {
        name.push(":");
        name.push(prefix);
    }
    let args: [&OsStr; 4] = ["rev-parse".as_ref(), "--verify".as_ref(), "--end-of-options".as_ref(), &name];
    git.line_if_any(&args)?.and_then(|line| id_of(&line)).ok_or_else(missing)
}

/// The time in a commit's `committer` line.
fn committed(commit: &[u8]) -> Option<u64> {
    let mut headers = commit.split(|b| *b == b'\n').take_while(|line| !line.is_empty());
    let line = headers.find(|line| line.starts_with(b"committer "))?;
    let after = line.rsplit(|b| *b == b'>').next()?;
    let time = std::str::from_utf8(after).ok()?.split_whitespace().next()?;
    // One from before 1970 is clamped, as for a file.
    time.parse::<i128>().ok().map(|time| u64::try_from(time.max(0)).unwrap_or(u64::MAX))
}

const LINK: u32 = 0o120_000;
const SUBMODULE: u32 = 0o160_000;

/// One record of `git ls-tree -l -z`.
struct Item<'a> {
    mode: u32,
    kind: &'a [u8],
    id: &'a [u8],
    size: u64,
    path: &'a [u8],
}

impl<'a> Item<'a> {
    fn parse(record: &'a [u8]) -> Option<Item<'a>> {
        let tab = record.iter().position(|b| *b == b'\t')?;
        let (head, path) = record.split_at(tab);
        let mut words = head.split(|b| *b == b' ').filter(|word| !word.is_empty());
        let mode = u32::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 8).ok()?;
        let (kind, id, size) = (words.next()?, words.next()?, std::str::from_utf8(words.next()?).ok()?);
        let size = if size == "-" { 0 } else { size.parse().ok()? };
        Some(Item { mode, kind, id, size, path: path.get(1..)? })
    }
}

/// A folder on the way to the entry at hand.
struct Level {
    /// Its path, with a final `/`; empty for the root.
    path: Vec<u8>,
    folder: u32,
    verdict: Verdict,
    /// What the scope says of it.
    stand: Stand,
}

/// Turns records into rows.
struct Lister<'a> {
    git: &'a Git,
    rules: &'a Rules,
    scope: Option<Within<'a>>,
    attributes: &'a [Attributes],
    time: u64,
    book: Notebook,
    ids: Ids,
    left_out: Tallies<Reason>,
    notes: Tallies<NoteKind>,
    faults: Faults,
    levels: Vec<Level>,
    next_folder: u32,
    links: Option<CatFile>,
}

impl<'a> Lister<'a> {
    fn new(from: &'a Revision, rules: &'a Rules, attributes: &'a [Attributes], latest: Option<u64>) -> Self {
        let mut book = Notebook::default();
        book.begin(0, true);
        let root = Level { path: Vec::new(), folder: 0, verdict: Verdict::default(), stand: Stand::everything() };
        Lister {
            git: &from.git,
            rules,
            scope: None,
            attributes,
            time: clamp(from.time, latest),
            book,
            ids: Ids::default(),
            left_out: Tallies::default(),
            notes: Tallies::default(),
            faults: Faults::default(),
            levels: vec![root],
            next_folder: 1,
            links: None,
        }
    }

    /// Lets out only what this lets out.
    fn under(&mut self, scope: Option<Within<'a>>) {
        self.scope = scope;
        if let (Some(scope), Some(root)) = (scope, self.levels.first_mut()) {
            root.stand = scope.start();
        }
    }

    fn all(&mut self, output: &mut impl BufRead, progress: &dyn Progress) -> Result<()> {
        let mut record = Vec::new();
        let mut count = 0;
        while next_item(output, &mut record)? {
            let damaged = || refused(format!("can't read what ls-tree says: {}", record.escape_ascii()));
            let item = Item::parse(&record).ok_or_else(damaged)?;
            self.item(&item, usize::try_from(count).unwrap_or(usize::MAX))?;
            count += 1;
            if count % STEP == 0 {
                progress.advance(STEP);
                if progress.stopped() {
                    return Err(Error::Stopped);
                }
            }
        }
        progress.advance(count % STEP);
        if usize::try_from(count) != Ok(self.attributes.len()) {
            return Err(refused("it gave attributes of other files than it listed".to_owned()));
        }
        Ok(())
    }

    fn item(&mut self, item: &Item<'_>, number: usize) -> Result<()> {
        while self.levels.len() > 1 && self.levels.last().is_some_and(|level| !item.path.starts_with(&level.path)) {
            self.levels.pop();
        }
        let Some(level) = self.levels.last() else { return Ok(()) };
        let (parent, above, depth) = (level.folder, level.verdict, self.levels.len());
        let above_out = above.out.or(level.stand.reason());
        let name = item.path.get(level.path.len()..).unwrap_or_default().to_vec();
        let is_dir = item.kind == b"tree";
        let attributes = self.attributes.get(number).copied().unwrap_or_default();
        let path = os(item.path);
        let stand = self.scope.map_or_else(Stand::everything, |s| s.list.step(&level.stand, &os(&name), is_dir));
        let always = self.always_out(item, &name, depth);
        let verdict = match always {
            Some(reason) => Verdict::never(reason),
            None => {
                let zero = attributes.export_ignore().then_some(Reason::ExportIgnore);
                self.rules.judge(&path, is_dir, above, zero)
            }
        };
        let out = verdict.out.or(stand.reason());
        if let Some(reason) = out.filter(|_| out != above_out) {
            self.left_out.example(reason, lossy(&path) + if is_dir { "/" } else { "" });
        }
        match out {
            // Nothing in it can be written down, and what of it is sent is refused below.
            _ if is_dir && depth > DEPTH_MAX => self.descend(item.path, parent, (verdict, stand)),
            _ if is_dir => self.folder(item.path, &name, parent, (verdict, stand)),
            None if depth > DEPTH_MAX => self.bad_name(item.path, "it is more than 256 folders deep"),
            Some(Reason::Submodule) => self.left_out.folder(Reason::Submodule),
            Some(reason) => self.left_out.file(reason, Some(item.size)),
            None => self.take(item, &name, parent, attributes)?,
        }
        Ok(())
    }

    /// What no rule lets in.
    fn always_out(&self, item: &Item<'_>, name: &[u8], depth: usize) -> Option<Reason> {
        match name {
            b".git" => Some(Reason::Git),
            b".consign" => Some(Reason::Consign),
            _ if depth == 1 && name == RULES_FILE.as_bytes() => Some(Reason::RulesFile),
            _ => (item.mode == SUBMODULE).then_some(Reason::Submodule),
        }
    }

    /// A folder: it stays only if something in it does.
    fn folder(&mut self, path: &[u8], name: &[u8], parent: u32, judged: (Verdict, Stand)) {
        let folder = self.next_folder;
        self.next_folder += 1;
        self.book.begin(folder, false);
        self.check_name(path, name);
        if !self.book.add(parent, &lossy(&os(name)), What::Dir { folder }, self.time) {
            self.bad_name(path, "it is too long");
        }
        self.descend(path, folder, judged);
    }

    fn descend(&mut self, path: &[u8], folder: u32, (verdict, stand): (Verdict, Stand)) {
        self.levels.push(Level { path: [path, b"/"].concat(), folder, verdict, stand });
    }

    fn bad_name(&mut self, path: &[u8], why: &str) {
        let path = lossy(&os(path));
        self.faults.add(path.clone(), Error::BadName { path, why: why.to_owned() });
    }

    /// Only a damaged or a forged tree has names that are none.
    fn check_name(&mut self, path: &[u8], name: &[u8]) {
        if name.is_empty() || name.contains(&b'/') {
            self.bad_name(path, "it is not a name");
        }
    }

    /// A file or a link that is sent.
    fn take(&mut self, item: &Item<'_>, name: &[u8], parent: u32, attributes: Attributes) -> Result<()> {
        if std::str::from_utf8(item.path).is_err() {
            self.bad_name(item.path, "it is not UTF-8");
            return Ok(());
        }
        self.check_name(item.path, name);
        let name = lossy(&os(name));
        let large = self.scope.filter(|_| item.mode != LINK).and_then(|scope| scope.list.too_large(item.size));
        if let Some(reason) = large.and_then(Ruling::reason) {
            self.limited(reason, item);
            return Ok(());
        }
        let written = if item.mode == LINK {
            self.link(item, &name, parent)?
        } else {
            self.file(item, &name, parent, attributes)
        };
        if !written {
            self.bad_name(item.path, "it is too long, or there are more names than a bundle can hold");
        }
        Ok(())
    }

    fn file(&mut self, item: &Item<'_>, name: &str, parent: u32, attributes: Attributes) -> bool {
        let bundle = name.ends_with(".bundle").then_some(NoteKind::GitBundle);
        for kind in attributes.changes().chain(bundle) {
            self.notes.file(kind, None);
            self.notes.example(kind, lossy(&os(item.path)));
        }
        let Some(mark) = self.ids.add(item.id) else { return false };
        let what = What::File { size: item.size, exec: item.mode & 0o100 != 0, mark };
        self.book.add(parent, name, what, self.time)
    }

    fn link(&mut self, item: &Item<'_>, name: &str, parent: u32) -> Result<bool> {
        if item.size > TARGET_MAX {
            self.bad_name(item.path, "it is a link whose target is longer than 4,095 bytes");
            return Ok(true);
        }
        let mut git = match self.links.take() {
            Some(git) => git,
            None => CatFile::start(self.git)?,
        };
        let mut target = Vec::new();
        git.blob(&String::from_utf8_lossy(item.id), item.size, &mut target)?;
        self.links = Some(git);
        let Ok(target) = String::from_utf8(target) else {
            self.bad_name(item.path, "it is a link whose target is not UTF-8");
            return Ok(true);
        };
        let path = lossy(&os(item.path));
        if self.scope.is_some_and(|scope| !scope.lets_out_link(&path, &target)) {
            self.limited(Reason::ScopeLink, item);
            return Ok(true);
        }
        Ok(self.book.add_link(parent, name, &target, self.time))
    }

    /// Leaves out a file for what it is, beside its place.
    fn limited(&mut self, reason: Reason, item: &Item<'_>) {
        self.left_out.example(reason, lossy(&os(item.path)));
        self.left_out.file(reason, Some(item.size));
    }
}
