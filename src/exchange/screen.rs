//! The screen: the lens through which everything goes that is packed. It puts together the rules of the gate, what the
//! project forbids and asks, and what is allowed. The first finding ends the packing; what else there is, `scan` finds.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::allowlist::{self, AllowList};
use super::finding::{Finding, Raw, Severity, Spelled, Word};
use super::gatetable::GateTable;
use super::licences::{self, Fault, HEADER, Licences};
use super::{Home, Result, Workspace, project};
use crate::bundle::{self, Lens, Slice};
use crate::crypto::{Digest, digest};
use crate::gate::{Gate, Gitleaks, OVERLAP, Piece, Rules, Wide};

/// How far into a file it says that a program made it, in bytes.
const MARKED: usize = 2 << 10;
/// What such files say.
const MARKS: [&str; 2] = ["@generated", "DO NOT EDIT"];
/// The largest file of further rules, in bytes.
pub const RULES_MAX: u64 = 4 << 20;
/// The most pins that are kept of what is told of or allowed.
const PINS_MAX: usize = 10_000;

/// All rules of a tree, ready.
#[derive(Debug)]
pub struct Screen {
    gate: Gate,
    table: GateTable,
    licences: Licences,
    /// What is allowed.
    pub allowed: AllowList,
    seen: Mutex<Seen>,
}

/// What was let through.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The pins of what is allowed.
    pub allowed: BTreeSet<Digest>,
    /// The pins of what is only told.
    pub warnings: BTreeSet<Digest>,
    /// What stopped it.
    first: Option<Finding>,
}

impl Screen {
    /// The rules for the tree at `root`: those of its workspace, if it has one.
    ///
    /// # Errors
    /// [`super::Error::Mistake`]; what the system says.
    pub fn of(home: &Home, workspace: Option<&Workspace>, root: &Path) -> Result<Screen> {
        Screen::with(home, workspace, root, None)
    }

    /// As [`Screen::of`], with further rules in the form of gitleaks in place of those that the project names.
    ///
    /// # Errors
    /// As [`Screen::of`].
    pub fn with(home: &Home, workspace: Option<&Workspace>, root: &Path, rules: Option<Gitleaks>) -> Result<Screen> {
        let table = workspace.map(|workspace| workspace.project.gate.clone()).unwrap_or_default();
        let (words, hosts) = (table.forbidden_words.clone(), table.forbidden_hosts.clone());
        let gitleaks = match (rules, &table.rules, workspace) {
            (None, Some(name), Some(workspace)) => {
                let text = project::beside(&workspace.folder(), name, "`rules` under [gate]", RULES_MAX)?;
                Some(Gitleaks::read(&text, name)?)
            }
            (rules, ..) => rules,
        };
        let gate = Gate::new(Rules { words, hosts, gitleaks, ..Rules::default() });
        let licences = Licences::new(&table.licence)?;
        let allowed = AllowList::of(home, workspace, root)?;
        Ok(Screen { gate, table, licences, allowed, seen: Mutex::default() })
    }

    /// The rules of our own that are turned off, by a file of further rules.
    #[must_use]
    pub fn off(&self) -> &[String] {
        self.gate.off()
    }

    /// What was let through so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What stopped the packing, though nothing else is known of it.
    pub(super) fn first(&self) -> Option<Finding> {
        self.seen().first
    }

    /// What is found, without its line; and whether it is allowed. None if it is not looked for.
    pub(super) fn judge(&self, path: &str, raw: Raw<'_>) -> Option<(Finding, bool)> {
        let severity = self.table.severity(raw.word)?;
        let pin = allowlist::pin(raw.rule, &self.allowed.name(path), &raw.content);
        let finding = Finding {
            path: path.to_owned(),
            place: None,
            word: raw.word,
            rule: raw.rule.to_owned(),
            title: raw.title.to_owned(),
            shown: raw.shown,
            severity,
            pin,
            at: raw.at,
            wide: Spelled::of(raw.wide),
        };
        let allowed = self.allowed.has(&pin);
        Some((finding, allowed))
    }

    /// Everything in a slice of a file; gives how many secrets are not told one by one.
    pub(super) fn slice(&self, slice: &Slice<'_>, found: &mut dyn FnMut(Raw<'_>)) -> u64 {
        let Slice { path, size, offset, before, bytes } = *slice;
        let mut hits = Vec::new();
        let last = offset + bytes.len() as u64 == size;
        let beyond = self.gate.screen(&Piece { path, offset, before, bytes, last }, &mut hits);
        for hit in hits {
            let (word, at, content) = (Word::of(hit.kind), Some(hit.offset), hit.digest);
            found(Raw { word, rule: &hit.rule, title: &hit.title, shown: hit.shown, at, wide: hit.wide, content });
        }
        if offset == 0 {
            self.head(path, bytes, found);
        }
        beyond
    }

    /// What the beginning of a file tells.
    fn head(&self, path: &str, bytes: &[u8], found: &mut dyn FnMut(Raw<'_>)) {
        let say = |word: Word, at, shown: String| {
            let content = digest(shown.as_bytes());
            Raw { word, rule: word.word(), title: word.noun(), shown, at, wide: Wide::No, content }
        };
        match self.licences.look(&self.allowed.name(path), bytes.get(..HEADER).unwrap_or(bytes)) {
            Some(Fault::Missing { wants }) => found(say(Word::LicenceMissing, None, format!("{wants} is asked"))),
            Some(licences::Fault::Foreign { at, says }) => {
                found(say(Word::LicenceForeign, Some(at as u64), says.chars().take(60).collect()));
            }
            None => {}
        }
        let marked = bytes.get(..MARKED).unwrap_or(bytes);
        let place = |mark: &'static str| Some((marked.windows(mark.len()).position(|w| w == mark.as_bytes())?, mark));
        if let Some((at, mark)) = MARKS.into_iter().find_map(place) {
            found(say(Word::GeneratedFile, Some(at as u64), mark.to_owned()));
        }
    }

    /// What the size of a file tells.
    pub(super) fn size(&self, size: u64, found: &mut dyn FnMut(Raw<'_>)) {
        if size > self.table.huge {
            let (word, shown) = (Word::HugeFile, format!("{size} bytes"));
            let content = digest(b"");
            found(Raw { word, rule: word.word(), title: word.noun(), shown, at: None, wide: Wide::No, content });
        }
    }

    /// Everything in a name.
    pub(super) fn names(&self, path: &str, target: Option<&str>, found: &mut dyn FnMut(Raw<'_>)) {
        let mut hits = Vec::new();
        self.gate.screen_name(path, &mut hits);
        if let Some(target) = target {
            self.gate.screen_name(target, &mut hits);
        }
        for hit in hits {
            let (word, shown) = (Word::of(hit.kind), format!("{}, in its name", hit.shown));
            found(Raw {
                word,
                rule: &hit.rule,
                title: &hit.title,
                shown,
                at: None,
                wide: Wide::No,
                content: hit.digest,
            });
        }
    }

    /// Lets something through, or not.
    fn decide(&self, path: &str, raw: Raw<'_>) -> bundle::Result<()> {
        let Some((finding, allowed)) = self.judge(path, raw) else { return Ok(()) };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let pins = match (allowed, finding.severity) {
            (true, _) => &mut seen.allowed,
            (false, Severity::Warning) => &mut seen.warnings,
            (false, Severity::Error) => {
                seen.first.get_or_insert(finding);
                return Err(bundle::Error::Screened);
            }
        };
        if pins.len() < PINS_MAX {
            pins.insert(finding.pin);
        }
        Ok(())
    }
}

impl Lens for Screen {
    fn overlap(&self) -> usize {
        OVERLAP
    }

    fn name(&self, path: &str, target: Option<&str>) -> bundle::Result<()> {
        let mut all = Ok(());
        self.names(path, target, &mut |raw| {
            if all.is_ok() {
                all = self.decide(path, raw);
            }
        });
        all
    }

    fn look(&self, slice: &Slice<'_>) -> bundle::Result<()> {
        let mut all = Ok(());
        let mut found = |raw: Raw<'_>| {
            if all.is_ok() {
                all = self.decide(slice.path, raw);
            }
        };
        if slice.offset == 0 {
            self.size(slice.size, &mut found);
        }
        let beyond = self.slice(slice, &mut found);
        // So many in one slice are not told one by one, and so none of the others can be allowed.
        all.and(if beyond > 0 { Err(bundle::Error::Screened) } else { Ok(()) })
    }
}
