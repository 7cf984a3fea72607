//! `consign check`: the outbound gate alone, and entries for what it may let out.

use std::path::{Path, PathBuf};

use consign::bundle::select::{From, Order, Selection};
use consign::class::Class;
use consign::exchange::allowlist::Entry;
use consign::exchange::finding::{Finding, Findings, Severity};
use consign::exchange::scan::Scan;
use consign::exchange::scopes::{self, ScopeFile};
use consign::exchange::screen::{RULES_MAX, Screen};
use consign::exchange::{self, Workspace, keys};
use consign::files::{Within, read_small};
use consign::gate::Gitleaks;

use super::opening::count;
use super::{gate, github, junit, sarif};
use crate::cli::{Check, Format};
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// Looks, and tells; or puts an entry on record.
pub(crate) fn run(args: &Check, world: &World) -> Result<Report, Failure> {
    if let (Some(place), Some(why)) = (&args.allow, &args.why) {
        return allow(place, why, world);
    }
    if world.voice.json && !matches!(args.format, Format::Text | Format::Json) {
        return Err(Failure::usage("--json and --format name two formats"));
    }
    let tree = Tree::of(&args.paths)?;
    if args.rev.is_some() && tree.files.is_some() {
        return Err(Failure::usage("--rev takes a folder in the git repository, not files"));
    }
    if args.scope.is_some() && tree.files.is_some() {
        return Err(Failure::usage("--scope takes a folder of the workspace, not files"));
    }
    let workspace = Workspace::find(&tree.root, &world.home)?;
    let screen = Screen::with(&world.home, workspace.as_ref(), &tree.root, rules(args, world)?)?;
    let scope = args.scope.as_deref().map(|name| scope(name, workspace.as_ref(), &tree)).transpose()?;
    let within = scope.as_ref().map(|(file, place)| file.preview(place));
    let selection = tree.select(args.rev.as_deref(), within, world)?;
    let findings = scan(&screen, &selection, world)?;
    if findings.files == 0 {
        let nothing =
            Failure::new("nothing-checked", Class::Usage, "there is nothing to check: every file is left out");
        return Err(nothing.fix("consign pack FOLDER --dry-run shows what stays out, and why"));
    }
    let report = told(args.format, &findings, &tree)?;
    Ok(gate::off_note(report.append(stale(&screen, &selection, &findings)), screen.off()))
}

/// Further rules, in the form of gitleaks.
fn rules(args: &Check, world: &World) -> Result<Option<Gitleaks>, Failure> {
    let Some(file) = &args.rules else { return Ok(None) };
    let not_text = || Failure::new("rules-broken", Class::Usage, "the rules are not UTF-8 text").at(file);
    let text = String::from_utf8(read_small(file, RULES_MAX)?).map_err(|_| not_text())?;
    let rules = Gitleaks::read(&text, &file.display().to_string()).map_err(exchange::Error::from)?;
    rules.notes().iter().for_each(|note| world.note(note.clone()));
    Ok(Some(rules))
}

/// The scope of this name, and where the tree lies in its workspace.
fn scope(name: &str, workspace: Option<&Workspace>, tree: &Tree) -> Result<(ScopeFile, String), Failure> {
    let none = || exchange::Error::NoWorkspace { wanted: format!("scope `{name}`") };
    let workspace = workspace.ok_or_else(none)?;
    let (path, root) = (tree.root.clone(), workspace.root().to_owned());
    let place = workspace.within(&tree.root).ok_or(exchange::Error::OutsideWorkspace { path, root })?;
    Ok((scopes::find(workspace, name)?, place))
}

fn scan(screen: &Screen, selection: &Selection, world: &World) -> Result<Findings, Failure> {
    let scan = Scan { screen, selections: &[selection], all: true, workers: world.workers() };
    let findings = scan.run(&world.progress)?;
    world.progress.clear();
    Ok(findings)
}

/// What is looked at.
struct Tree {
    /// The folder.
    root: PathBuf,
    /// The folder as the user sees it.
    shown: PathBuf,
    /// Files in it; none for all of it.
    files: Option<Vec<PathBuf>>,
}

impl Tree {
    fn of(paths: &[PathBuf]) -> Result<Tree, Failure> {
        if let [one] = paths
            && !std::fs::symlink_metadata(one).is_ok_and(|found| !found.is_dir() && !one.is_dir())
        {
            return Ok(Tree { root: one.clone(), shown: one.clone(), files: None });
        }
        if let Some(folder) = paths.iter().find(|path| path.is_dir() && !path.is_symlink()) {
            let message = format!("{} is a folder; give one folder, or files", folder.display());
            return Err(Failure::usage(message).at(folder));
        }
        let here = Path::new(".").canonicalize().map_err(|e| unreadable(Path::new("."), &e))?;
        let mut files = Vec::new();
        for path in paths {
            let folder = consign::files::folder_of(path);
            let folder = folder.canonicalize().map_err(|e| unreadable(path, &e))?;
            let name = path.file_name().ok_or_else(|| Failure::usage("that is no file").at(path))?;
            files.push(folder.join(name));
        }
        let inside = files.iter().all(|file| file.starts_with(&here));
        let root = if inside { here } else { common(&files) };
        let shown = if inside { PathBuf::new() } else { root.clone() };
        let files = files.iter().filter_map(|file| file.strip_prefix(&root).ok()).map(Path::to_owned).collect();
        Ok(Tree { root, shown, files: Some(files) })
    }

    fn select(&self, rev: Option<&str>, scope: Option<Within<'_>>, world: &World) -> Result<Selection, Failure> {
        let files: Vec<&Path> = self.files.iter().flatten().map(PathBuf::as_path).collect();
        let from = match (rev, &self.files) {
            (Some(rev), _) => From::Revision { repo: &self.root, rev },
            (None, Some(_)) => From::Named { root: &self.root, files: &files },
            (None, None) => From::Folder(&self.root),
        };
        let keep_out = [world.home.path().to_owned()];
        let (latest, allow_unportable, survey) = (None, true, false);
        let order = Order { from, globs: &[], scope, allow_unportable, latest, keep_out: &keep_out, survey };
        Ok(Selection::of(&order, &world.progress)?)
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new("io", Class::Failed, format!("can't read {}: {error}", path.display())).at(path)
}

/// The deepest folder that all files lie in.
fn common(files: &[PathBuf]) -> PathBuf {
    let mut root = files.first().and_then(|file| file.parent()).unwrap_or(Path::new("/")).to_owned();
    while !files.iter().all(|file| file.starts_with(&root)) {
        if !root.pop() {
            break;
        }
    }
    root
}

fn told(format: Format, findings: &Findings, tree: &Tree) -> Result<Report, Failure> {
    let shown = &tree.shown;
    let report = match format {
        Format::Text | Format::Json => text(findings, shown),
        Format::Sarif => {
            let mut out = serde_json::to_vec_pretty(&sarif::of(findings, shown)).map_err(|_| crate::fault::bug())?;
            out.push(b'\n');
            Report::new().raw(out)
        }
        Format::Junit => Report::new().raw(junit::of(findings, shown).map_err(|_| crate::fault::bug())?.into_bytes()),
        Format::Github => Report::new().raw(github::of(findings, shown).into_bytes()),
    };
    let report = report
        .set("files", findings.files)
        .set("bytes", findings.bytes)
        .set("allowed", findings.allowed)
        .set("errors", findings.count(Severity::Error))
        .set("warnings", findings.count(Severity::Warning))
        .set("more", findings.more())
        .set("findings", gate::values(findings, shown));
    Ok(match findings.worst() {
        Some(word) => report.outcome(Class::Findings).set("code", word.word()),
        None => report,
    })
}

fn text(findings: &Findings, shown: &Path) -> Report {
    let mut report = Report::new();
    for (place, what) in gate::rows(findings, shown, true) {
        report = report.fact(place, what);
    }
    let more = gate::untold(findings, true);
    if more > 0 {
        report = report.line(format!("and {more} more: --json tells up to 1000"));
    }
    let mut counts = Vec::new();
    if findings.worst().is_some() {
        counts.push(findings.summary());
    }
    let warnings = findings.count(Severity::Warning);
    if warnings > 0 {
        counts.push(count(warnings, "warning"));
    }
    if counts.is_empty() {
        counts.push("nothing that must not leave".to_owned());
    }
    if findings.allowed > 0 {
        counts.push(format!("{} allowed", findings.allowed));
    }
    let looked = format!("{} ({}) checked", count(findings.files, "file"), bytes(findings.bytes));
    report = report.line(format!("{looked}: {}", counts.join(", ")));
    if findings.worst().is_some() { report.next(gate::fixes(findings, shown).join("; ")) } else { report }
}

/// Entries that nothing needs any more, among those for files that were looked at.
fn stale(screen: &Screen, selection: &Selection, findings: &Findings) -> Report {
    let mut paths = std::collections::HashSet::new();
    for i in 0..selection.len() {
        let mut path = String::new();
        selection.path_into(i, &mut path);
        paths.insert(path);
    }
    let mut report = Report::new();
    let stale = screen.allowed.stale(&findings.pins, |path| paths.contains(path));
    for entry in &stale {
        let line = entry.line.map_or_else(String::new, |line| format!(":{line}"));
        report = report.note(format!(
            "{}: nothing is found any more that the entry for {}{line} ({}) allows",
            screen.allowed.path.display(),
            entry.file,
            entry.rule
        ));
    }
    report.set("stale", stale.len())
}

/// Puts entries on record for what is found at a place.
fn allow(place: &str, why: &str, world: &World) -> Result<Report, Failure> {
    let why = why.trim();
    if why.is_empty() || why.len() > 1000 {
        return Err(Failure::usage("--why needs a reason, of at most 1000 bytes"));
    }
    let (file, line) = parsed(place);
    let tree = Tree::of(std::slice::from_ref(&file))?;
    if tree.files.is_none() {
        let what = if file.is_dir() { "is a folder; name a file and a line" } else { "is not there" };
        return Err(Failure::usage(format!("{} {what}", file.display())).at(file));
    }
    let workspace = Workspace::find(&tree.root, &world.home)?;
    let screen = Screen::of(&world.home, workspace.as_ref(), &tree.root)?;
    let findings = scan(&screen, &tree.select(None, None, world)?, world)?;
    let there: Vec<&Finding> = findings.list().filter(|f| f.place.map(|place| place.line) == line).collect();
    if there.is_empty() {
        let message = format!("nothing that must not leave is found at {place}");
        return Err(Failure::new("no-finding", Class::Usage, message).fix("consign check tells where it is"));
    }
    let by = keys::own_card(&world.home).ok().flatten().map(|card| card.card.name);
    let entry = |finding: &&Finding| Entry {
        file: screen.allowed.name(&finding.path),
        line,
        rule: finding.rule.clone(),
        hash: finding.pin.to_string(),
        why: why.to_owned(),
        by: by.clone(),
        at: world.now.to_string(),
    };
    let entries: Vec<Entry> = there.iter().map(entry).collect();
    if workspace.is_none() {
        world.home.ensure_writable()?;
    }
    screen.allowed.add(&entries)?;
    let mut report = Report::new();
    for finding in &there {
        report = report
            .fact("allowed", format!("{}   {}   {}", gate::place(finding, &tree.shown), finding.title, finding.shown));
    }
    Ok(report
        .fact("in", screen.allowed.path.display().to_string())
        .set("path", &screen.allowed.path)
        .set("allowed", there.iter().map(|f| gate::value(f, &tree.shown)).collect::<Vec<_>>()))
}

/// `FILE:LINE`, also with a column behind it; a file of that very name wins.
fn parsed(place: &str) -> (PathBuf, Option<u64>) {
    let whole = (PathBuf::from(place), None);
    let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0);
    let Some((file, last)) = place.rsplit_once(':').and_then(|(file, n)| Some((file, number(n)?))) else {
        return whole;
    };
    if Path::new(place).exists() {
        return whole;
    }
    match file.rsplit_once(':').and_then(|(file, n)| Some((file, number(n)?))) {
        Some((shorter, line)) if !Path::new(file).exists() => (shorter.into(), Some(line)),
        _ => (file.into(), Some(last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_line_and_perhaps_a_column() {
        assert_eq!(parsed("a/.env:3"), ("a/.env".into(), Some(3)));
        assert_eq!(parsed("a/.env:3:17"), ("a/.env".into(), Some(3)));
        assert_eq!(parsed("a/.env"), ("a/.env".into(), None));
        assert_eq!(parsed("a:b:0"), ("a:b:0".into(), None));
    }
}
