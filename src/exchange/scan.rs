//! The scan: everything that is selected goes through the screen, and nothing is written. It tells all findings with
//! their lines. `check` and a dry run scan; a pack that was stopped scans to say what else there is.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::finding::{Finding, Findings, KEPT, Raw, Word};
use super::screen::Screen;
use super::{Error, Result};
use crate::bundle::select::{ContentReader, Selection};
use crate::bundle::{self, Slice};
use crate::crypto::digest;
use crate::files::{self, Progress};
use crate::format::tar::HeadKind;
use crate::gate::{Lines, OVERLAP, Place, Wide};

/// How much of a file is looked at in one go, in bytes.
const STEP: usize = 4 << 20;

/// What is scanned.
pub struct Scan<'a> {
    /// The rules.
    pub screen: &'a Screen,
    /// What is selected; a file that is in several is looked at once.
    pub selections: &'a [&'a Selection],
    /// Whether a pointer of Git LFS, or a name that some system can't hold, is a finding, not an error.
    pub all: bool,
    /// How many threads may work.
    pub workers: usize,
}

impl Scan<'_> {
    /// Looks at everything.
    ///
    /// # Errors
    /// What reading meets; a pointer of Git LFS unless `all`.
    pub fn run(&self, progress: &dyn Progress) -> Result<Findings> {
        let mut findings = Findings::default();
        let mut done = std::collections::HashSet::new();
        let shared = self.selections.len() > 1;
        progress.begin("check", self.selections.iter().map(|s| s.bytes()).sum());
        for selection in self.selections {
            let todo: Vec<usize> = (0..selection.len())
                .filter(|i| {
                    let mut path = String::new();
                    selection.path_into(*i, &mut path);
                    !shared || done.insert(path)
                })
                .collect();
            self.selection(selection, &todo, progress, &mut findings)?;
            if self.all {
                self.odd_names(selection, &mut findings);
            }
        }
        Ok(findings)
    }

    fn selection(
        &self,
        selection: &Selection,
        todo: &[usize],
        progress: &dyn Progress,
        findings: &mut Findings,
    ) -> Result<()> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let job = Job { scan: self, selection, todo, next: &next, stop: &stop, progress };
        let parts: Vec<Result<Findings>> = std::thread::scope(|scope| {
            // This thread works as well; those that can't be made are not missed.
            let make = |_| std::thread::Builder::new().spawn_scoped(scope, || job.run()).ok();
            let others: Vec<_> = (1..self.workers.clamp(1, 8)).filter_map(make).collect();
            let mine = job.run();
            let others = others.into_iter().map(|thread| thread.join().unwrap_or(Err(bundle::Error::Bug.into())));
            std::iter::once(mine).chain(others).collect()
        });
        for part in parts {
            findings.merge(part?);
        }
        if progress.stopped() { Err(files::Error::Stopped.into()) } else { Ok(()) }
    }

    /// Names that some system can't hold, or can't keep apart.
    fn odd_names(&self, selection: &Selection, findings: &mut Findings) {
        let mut path = String::new();
        let mut say = |i: usize, shown: String| {
            selection.path_into(i, &mut path);
            self.note(&path, about(Word::UnportableName, shown), findings);
        };
        for (i, why) in selection.unportable() {
            say(i, why.to_owned());
        }
        for (first, second) in selection.collisions() {
            let mut other = String::new();
            selection.path_into(first, &mut other);
            say(second, format!("is one name with {other} on some systems"));
        }
    }

    fn note(&self, path: &str, raw: Raw<'_>, findings: &mut Findings) {
        match self.screen.judge(path, raw) {
            Some((finding, true)) => {
                findings.allowed += 1;
                findings.pins.insert(finding.pin);
            }
            Some((finding, false)) => findings.add(finding),
            None => {}
        }
    }
}

/// A finding about all of a file.
fn about(word: Word, shown: String) -> Raw<'static> {
    Raw { word, rule: word.word(), title: word.noun(), content: digest(b""), shown, at: None, wide: Wide::No }
}

/// What the threads share.
struct Job<'a> {
    scan: &'a Scan<'a>,
    selection: &'a Selection,
    todo: &'a [usize],
    next: &'a AtomicUsize,
    stop: &'a AtomicBool,
    progress: &'a dyn Progress,
}

impl Job<'_> {
    fn run(&self) -> Result<Findings> {
        let mut one = Looker { job: self, reader: self.selection.reader()?, path: String::new(), bytes: Vec::new() };
        let mut findings = Findings::default();
        while let Some(&i) = self.todo.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if self.stop.load(Ordering::Relaxed) || self.progress.stopped() {
                break;
            }
            one.entry(i, &mut findings).inspect_err(|_| self.stop.store(true, Ordering::Relaxed))?;
        }
        Ok(findings)
    }
}

/// One thread.
struct Looker<'a> {
    job: &'a Job<'a>,
    reader: ContentReader<'a>,
    path: String,
    bytes: Vec<u8>,
}

impl Looker<'_> {
    fn entry(&mut self, i: usize, findings: &mut Findings) -> Result<()> {
        let (scan, selection) = (self.job.scan, self.job.selection);
        selection.path_into(i, &mut self.path);
        let path = std::mem::take(&mut self.path);
        let kind = selection.item(i).kind;
        let target = if let HeadKind::Link(to) = kind { Some(to) } else { None };
        scan.screen.names(&path, target, &mut |raw| scan.note(&path, raw, findings));
        if let HeadKind::File { size, .. } = kind {
            scan.screen.size(size, &mut |raw| scan.note(&path, raw, findings));
            self.file(i, &path, size, findings)?;
            findings.files += 1;
            findings.bytes += size;
        }
        self.path = path;
        Ok(())
    }

    fn file(&mut self, i: usize, path: &str, size: u64, findings: &mut Findings) -> Result<()> {
        let scan = self.job.scan;
        let (mut offset, mut before, mut found) = (0, Vec::new(), Vec::<Finding>::new());
        loop {
            let len = usize::try_from(size - offset).unwrap_or(STEP).min(STEP);
            self.bytes.clear();
            before.clear();
            match self.reader.read_on(i, offset, len, OVERLAP, &mut before, &mut self.bytes) {
                Err(files::Error::LfsPointer { .. }) if scan.all => {
                    scan.note(path, about(Word::LfsPointer, "not the file itself".to_owned()), findings);
                    return Ok(());
                }
                read => read?,
            }
            let slice = Slice { path, size, offset, before: &before, bytes: &self.bytes };
            let beyond = scan.screen.slice(&slice, &mut |raw| match scan.screen.judge(path, raw) {
                Some((finding, true)) => {
                    findings.allowed += 1;
                    findings.pins.insert(finding.pin);
                }
                Some((finding, false)) if found.len() < KEPT => found.push(finding),
                Some((finding, false)) => findings.beyond(finding.word, finding.severity, 1),
                None => {}
            });
            findings.beyond(Word::Secret, super::finding::Severity::Error, beyond);
            offset += len as u64;
            self.job.progress.advance(len as u64);
            if offset >= size || self.job.progress.stopped() {
                break;
            }
        }
        self.place(i, size, &mut found)?;
        found.into_iter().for_each(|finding| findings.add(finding));
        Ok(())
    }

    /// Finds the lines. A file of one slice is at hand; a larger one is read again, only when there is a finding.
    fn place(&mut self, i: usize, size: u64, found: &mut [Finding]) -> Result<()> {
        found.sort_by_key(|finding| finding.at);
        for wide in [Wide::No, Wide::Little, Wide::Big] {
            let of_wide = found.iter_mut().filter(|f| f.wide.wide() == wide && f.at.is_some());
            let mut rest = of_wide.peekable();
            let (mut lines, mut offset) = (Lines::new(wide), 0_u64);
            while let Some(at) = rest.peek().and_then(|f| f.at) {
                if size > STEP as u64 {
                    let len = usize::try_from(size - offset).unwrap_or(STEP).min(STEP);
                    self.bytes.clear();
                    self.reader.read(i, offset, len, &mut self.bytes)?;
                }
                let end = offset + self.bytes.len() as u64;
                if self.bytes.is_empty() || at >= size {
                    break;
                }
                let mut done = 0;
                while let Some(finding) = rest.next_if(|f| f.at.is_some_and(|at| at < end)) {
                    let to = usize::try_from(finding.at.unwrap_or_default() - offset).unwrap_or(done);
                    lines.pass(self.bytes.get(done..to).unwrap_or_default());
                    done = to.max(done);
                    finding.place = Some(lines.place());
                }
                lines.pass(self.bytes.get(done..).unwrap_or_default());
                offset = end;
                if self.job.progress.stopped() {
                    return Err(files::Error::Stopped.into());
                }
            }
        }
        Ok(())
    }
}

/// What a pack that the screen stopped has to say: everything that is wrong, or at least what stopped it.
pub(super) fn refusal(screen: &Screen, selections: &[&Selection], workers: usize, progress: &dyn Progress) -> Error {
    let scan = Scan { screen, selections, all: false, workers };
    let mut findings = match scan.run(progress) {
        Ok(findings) => findings,
        Err(e @ Error::Files(files::Error::Stopped)) => return e,
        // The tree changes meanwhile; what was found at first is told all the same.
        Err(_) => Findings::default(),
    };
    if findings.worst().is_none() {
        match screen.first() {
            Some(first) => findings.add(Finding { place: None::<Place>, ..first }),
            None => findings.beyond(Word::Secret, super::finding::Severity::Error, 1),
        }
    }
    Error::Findings(Box::new(findings))
}
