//! The allow list: findings that somebody looked at and let out, each with a reason. In a workspace it is
//! `.consign/allow.toml`, committed with the code, so that others review it. Without one it is `allow.toml` in the home:
//! not a file in the tree, since a tree that came from outside must not let out what is in it.
//!
//! An entry is pinned to the rule, the file and H of what was found, never to a line: what moves within its file stays
//! allowed; another secret in its place, or the same one in another file, does not.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;

use super::home::read_if_there;
use super::tomlfile::Text;
use super::{Error, Home, Result, Workspace};
use crate::crypto::{Digest, digest};
use crate::files::{self, Pending, io_at};
use crate::format::time::Time;

/// The name of the file.
pub const FILE: &str = "allow.toml";
/// The largest file that is read, in bytes.
const ALLOW_MAX: u64 = 4 << 20;
/// How often somebody who writes it too is waited for.
const TRIES: u32 = 20;
/// The longest reason, in bytes.
const WHY_MAX: usize = 1000;

/// What the gate found and may leave all the same: `.consign/allow.toml`; without a workspace `allow.toml` in the home.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowFile {
    /// One finding that may leave, and why.
    #[serde(default)]
    allow: Vec<Entry>,
}

/// One finding that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file, from the root of the workspace; without a workspace its absolute path.
    pub file: String,
    /// Where it was when it was allowed; only for whoever reads this.
    pub line: Option<u64>,
    /// The word of the rule.
    pub rule: String,
    /// What it is pinned to.
    pub hash: String,
    /// Why it may leave.
    pub why: String,
    /// Who said so.
    pub by: Option<String>,
    /// When.
    pub at: String,
}

/// What an entry is pinned to.
#[must_use]
pub fn pin(rule: &str, file: &str, content: &Digest) -> Digest {
    // JSON, so that no name can look like two fields.
    let text = serde_json::json!(["consign/allow/1", rule, file, content.to_string()]).to_string();
    digest(text.as_bytes())
}

/// The entries that hold for a tree.
#[derive(Debug, Default)]
pub struct AllowList {
    /// Where they stand, or would.
    pub path: PathBuf,
    /// What comes before the path of a file in the tree, in the entries.
    base: String,
    entries: HashMap<String, Entry>,
}

impl AllowList {
    /// Reads the entries for the tree at `root`.
    ///
    /// # Errors
    /// [`Error::Mistake`]; what the system says.
    pub fn of(home: &Home, workspace: Option<&Workspace>, root: &Path) -> Result<AllowList> {
        let path = workspace.map_or_else(|| home.path().join(FILE), |workspace| workspace.folder().join(FILE));
        let base = match workspace.and_then(|workspace| workspace.within(root)) {
            Some(within) => within,
            None => root.canonicalize().map_err(io_at("read", root))?.to_string_lossy().into_owned(),
        };
        let base = if base.is_empty() || base.ends_with('/') { base } else { base + "/" };
        let mut entries = HashMap::new();
        if let Some(bytes) = read_if_there(&path, ALLOW_MAX)? {
            for entry in parse(&bytes, &path)? {
                entries.insert(entry.hash.clone(), entry);
            }
        }
        Ok(AllowList { path, base, entries })
    }

    /// A file of the tree, as entries name it.
    #[must_use]
    pub fn name(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether a finding with this pin may leave.
    #[must_use]
    pub fn has(&self, pin: &Digest) -> bool {
        !self.entries.is_empty() && self.entries.contains_key(&pin.to_string())
    }

    /// Entries about files for which `looked` is true, of which no finding is left.
    #[must_use]
    pub fn stale(&self, used: &BTreeSet<Digest>, looked: impl Fn(&str) -> bool) -> Vec<&Entry> {
        let used: BTreeSet<String> = used.iter().map(ToString::to_string).collect();
        let here = |entry: &Entry| entry.file.strip_prefix(&self.base).is_some_and(&looked);
        let mut stale: Vec<&Entry> =
            self.entries.values().filter(|entry| here(entry) && !used.contains(&entry.hash)).collect();
        stale.sort_by(|a, b| (&a.file, a.line, &a.rule).cmp(&(&b.file, b.line, &b.rule)));
        stale
    }

    /// Adds entries; comments and what else stands there stay. Whoever adds some at the same time is waited for.
    ///
    /// # Errors
    /// [`Error::Mistake`] for a file that can't be read; what the system says.
    pub fn add(&self, entries: &[Entry]) -> Result<()> {
        // The hidden file is held while the other is read and changed, so nobody's entry is lost.
        let mut tries = 0;
        let mut pending = loop {
            match Pending::create(&self.path, true) {
                Err(files::Error::Busy { .. }) if tries < TRIES => tries += 1,
                other => break other?,
            }
        };
        let bytes = read_if_there(&self.path, ALLOW_MAX)?.unwrap_or_default();
        let known = parse(&bytes, &self.path)?;
        let text = String::from_utf8_lossy(&bytes);
        let failed = |why: String| Error::from(super::mistake::Mistake::whole(&self.path, why));
        let mut document: toml_edit::DocumentMut =
            text.parse().map_err(|e: toml_edit::TomlError| failed(e.to_string()))?;
        let none = || toml_edit::Item::ArrayOfTables(toml_edit::ArrayOfTables::new());
        let tables = document.entry("allow").or_insert_with(none);
        let tables = tables.as_array_of_tables_mut().ok_or_else(|| failed("`allow` is not [[allow]]".to_owned()))?;
        entries.iter().filter(|entry| known.iter().all(|k| k.hash != entry.hash)).for_each(|e| tables.push(table(e)));
        pending.write_all(document.to_string().as_bytes()).map_err(io_at("write", &self.path))?;
        Ok(pending.publish()?)
    }
}

fn table(entry: &Entry) -> toml_edit::Table {
    let mut table = toml_edit::Table::new();
    let mut put = |key: &str, value: toml_edit::Value| drop(table.insert(key, toml_edit::Item::Value(value)));
    put("file", entry.file.as_str().into());
    if let Some(line) = entry.line.and_then(|line| i64::try_from(line).ok()) {
        put("line", line.into());
    }
    put("rule", entry.rule.as_str().into());
    put("hash", entry.hash.as_str().into());
    put("why", entry.why.as_str().into());
    if let Some(by) = &entry.by {
        put("by", by.as_str().into());
    }
    put("at", entry.at.as_str().into());
    table
}

fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Entry>> {
    let text = Text::new(bytes, path)?;
    let file: AllowFile = text.parse()?;
    for entry in &file.allow {
        let wrong = |what: &str, why: &str| {
            let at = text.text().find(what).unwrap_or_default();
            Err(text.mistake(&(at..at + what.len()), why))
        };
        if entry.why.trim().is_empty() {
            return wrong(&entry.hash, "`why` is empty: an entry needs a reason");
        }
        if entry.why.len() > WHY_MAX {
            return wrong(&entry.hash, "`why` has more than 1000 bytes");
        }
        if entry.hash.parse::<Digest>().is_err() {
            return wrong(&entry.hash, "`hash` is not 64 hex digits");
        }
        if entry.at.parse::<Time>().is_err() {
            return wrong(&entry.at, "`at` is not a time, such as 2026-11-24T09:30:00Z");
        }
    }
    Ok(file.allow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    fn entry(n: usize) -> Entry {
        let hash = pin("r", "f", &digest(&n.to_le_bytes())).to_string();
        let (file, rule, why) = ("a/b".to_owned(), "r".to_owned(), "sample".to_owned());
        Entry { file, line: Some(3), rule, hash, why, by: None, at: "2026-11-24T09:30:00Z".to_owned() }
    }

    #[test]
    fn comments_stay_and_entries_that_come_at_once_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        std::fs::write(dir.path().join(FILE), "# looked at by Ann\n").unwrap();
        std::thread::scope(|scope| {
            for n in 0..4 {
                let home = &home;
                scope.spawn(move || AllowList::of(home, None, home.path()).unwrap().add(&[entry(n)]).unwrap());
            }
        });
        let text = std::fs::read_to_string(dir.path().join(FILE)).unwrap();
        assert!(text.starts_with("# looked at by Ann") || text.contains("# looked at by Ann"), "{text}");
        assert_eq!(parse(text.as_bytes(), Path::new("x")).unwrap().len(), 4, "{text}");
    }

    #[test]
    fn an_entry_without_reason_hash_or_time_is_a_mistake() {
        let good = "[[allow]]\nfile='f'\nrule='r'\nhash='HASH'\nwhy='w'\nat='2026-11-24T09:30:00Z'\n";
        let good = good.replace("HASH", &"a".repeat(64));
        assert_eq!(parse(good.as_bytes(), Path::new("x")).unwrap().len(), 1);
        for (from, to) in [("'w'", "' '"), ("why", "wy"), ("aaaa", "zz"), ("2026-11", "x"), ("[[allow]]", "<<<<<<< a")]
        {
            let e = parse(good.replace(from, to).as_bytes(), Path::new("x")).unwrap_err();
            assert_eq!(e.word(), "config-broken", "{from}");
        }
    }

    #[test]
    fn a_pin_tells_rules_files_and_contents_apart() {
        let (one, two) = (digest(b"1"), digest(b"2"));
        let pins = [
            pin("r", "f", &one),
            pin("r", "f", &two),
            pin("r", "g", &one),
            pin("s", "f", &one),
            pin("r\",\"f", "", &one),
        ];
        assert_eq!(pins.iter().collect::<BTreeSet<_>>().len(), 5);
    }
}
