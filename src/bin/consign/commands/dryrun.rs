//! What `consign pack --dry-run` tells: what would go in, for whom, what stays out, and why.

use consign::exchange::Error;
use consign::exchange::scan::Scan;
use consign::exchange::screen::Screen;
use consign::exchange::send::{Draft, Part};
use consign::format::tar::HeadKind;
use serde_json::{Value, json};

use super::gate;
use super::opening::count;
use super::pack::{checks as told_checks, strength, to_whom};
use crate::cli::Pack;
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// All of it. Every file is read and screened, as when it is packed.
pub(super) fn report(args: &Pack, draft: &Draft<'_>, screen: &Screen, world: &World) -> Result<Report, Failure> {
    for part in &draft.parts {
        part.selection.precheck()?;
    }
    let selections: Vec<_> = draft.parts.iter().map(|part| &part.selection).collect();
    let scan = Scan { screen, selections: &selections, all: false, workers: world.workers() };
    let findings = scan.run(&world.progress)?;
    world.progress.clear();
    if findings.worst().is_some() {
        return Err(gate::refused(Error::Findings(Box::new(findings)), &args.path));
    }
    Ok(every_path(totals(args, draft, gate::told(&findings, screen)), draft, world))
}

/// All of it, but for single paths.
fn totals(args: &Pack, draft: &Draft<'_>, screened: Report) -> Report {
    let from = match (&args.rev, draft.revision()) {
        (Some(rev), Some(commit)) => format!(", from {rev} ({})", commit.get(..7).unwrap_or(commit)),
        _ => String::new(),
    };
    let partners = draft.partners();
    let shared = draft.parts.len() > 1;
    let total = format!("{}, {}", count(draft.files(), "file"), bytes(draft.bytes()));
    let mut report = Report::new().line(format!("would send {total}{from} to {}", to_whom(&partners)));
    report = strength(report, draft);
    for part in &draft.parts {
        if shared {
            report = report.fact("part", format!("{}   {}", to_whom(&part.partners()), holds(part)));
        }
        report = one(report, part);
    }
    let parts: Vec<_> = draft.parts.iter().map(part).collect();
    let all = |key: &str| -> Vec<Value> {
        parts.iter().filter_map(|part| part.get(key)?.as_array().cloned()).flatten().collect()
    };
    report
        .append(told_checks(draft))
        .append(screened)
        .line("nothing written")
        .set("dry_run", true)
        .set("files", draft.files())
        .set("bytes", draft.bytes())
        .set("revision", draft.revision())
        .set("to", partners)
        .set("in", all("in"))
        .set("out", all("out"))
        .set("differences", all("differences"))
        .set("parts", &parts)
}

/// What goes into one compartment, and what stays out of it.
fn one(mut report: Report, part: &Part) -> Report {
    let selection = &part.selection;
    for row in in_columns(&selection.included_by_folder()) {
        report = report.fact("in", row);
    }
    let links = (0..selection.len()).filter(|i| matches!(selection.item(*i).kind, HeadKind::Link(_))).count() as u64;
    if links > 0 {
        report = report.fact("in", count(links, "link"));
    }
    for group in selection.left_out() {
        let mut what = Vec::new();
        if group.files > 0 {
            what.push(count(group.files, "file"));
        }
        if group.folders > 0 {
            what.push(count(group.folders, "folder"));
        }
        let seen = what.join(", ");
        report = report.fact("out", format!("{seen}: {}{}", group.reason.words(), examples(&group.examples)));
    }
    for note in selection.notes() {
        report = report.fact("note", format!("{} {}{}", note.count, note.kind.words(), examples(&note.examples)));
    }
    report
}

/// How much is in it, and by which scope.
pub(super) fn holds(part: &Part) -> String {
    let how = match &part.scope {
        Some(scope) => format!("by scope \"{scope}\""),
        None => "the whole folder".to_owned(),
    };
    format!("{}, {}, {how}", count(part.selection.files(), "file"), bytes(part.selection.bytes()))
}

/// One compartment, as JSON.
pub(super) fn part(part: &Part) -> Value {
    let selection = &part.selection;
    let folders: Vec<_> = selection
        .included_by_folder()
        .into_iter()
        .map(|(folder, files, bytes)| json!({ "folder": folder, "files": files, "bytes": bytes }))
        .collect();
    let left_out: Vec<_> = selection.left_out().iter().map(|g| {
        json!({ "reason": g.reason.words(), "files": g.files, "folders": g.folders, "bytes": g.bytes, "examples": g.examples })
    }).collect();
    let notes = selection.notes().iter();
    let notes: Vec<_> =
        notes.map(|n| json!({ "note": n.kind.words(), "count": n.count, "examples": n.examples })).collect();
    json!({ "scope": part.scope, "to": part.partners(), "files": selection.files(), "bytes": selection.bytes(),
        "in": folders, "out": left_out, "differences": notes })
}

/// Which rules were looked at, in a few words.
pub(super) fn checks(draft: &Draft<'_>) -> String {
    if !draft.in_workspace() {
        return "every recipient ok; no workspace here, so no agreement is checked".to_owned();
    }
    let mut all = Vec::new();
    let several = draft.proofs.len() > 1;
    for proof in draft.proofs.values().filter(|proof| proof.overridden().is_none()) {
        for one in proof.counted() {
            let whose = if several { format!(" of {}", proof.partner()) } else { String::new() };
            all.push(format!("{}{whose} until {} ok", one.kind, one.until));
        }
    }
    let scoped = draft.parts.iter().all(|part| part.scope.is_some());
    let aside = draft.waiver.used().iter().any(|waived| waived.word.starts_with("scope-"));
    let scope = match (scoped, aside) {
        (false, _) => "no scope",
        (true, true) => "scope set aside",
        (true, false) => "scope ok",
    };
    all.push(scope.to_owned());
    all.join(", ")
}

/// With --verbose or --json, every path that would go.
fn every_path(mut report: Report, draft: &Draft<'_>, world: &World) -> Report {
    if !world.voice.verbose && !world.voice.json {
        return report.next("the same without --dry-run; with -v it names every file");
    }
    let mut paths = Vec::new();
    for (n, part) in draft.parts.iter().enumerate() {
        let selection = &part.selection;
        for i in 0..selection.len() {
            let mut path = String::new();
            selection.path_into(i, &mut path);
            if selection.item(i).kind == HeadKind::Dir {
                path.push('/');
            }
            match world.voice.json {
                true if draft.parts.len() > 1 => paths.push(json!({ "compartment": n, "path": path })),
                true => paths.push(path.into()),
                false => report = report.line(format!("  {path}")),
            }
        }
    }
    report.set("entries", paths)
}

/// Folder, files, bytes, in three columns.
pub(super) fn in_columns(folders: &[(String, u64, u64)]) -> Vec<String> {
    let name = |folder: &str| if folder == "." { ".".to_owned() } else { format!("{folder}/") };
    let rows: Vec<[String; 3]> =
        folders.iter().map(|(folder, files, size)| [name(folder), count(*files, "file"), bytes(*size)]).collect();
    let width = |i: usize| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0).min(40);
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter().map(|[a, b, c]| format!("{a:first$}  {b:>second$}  {c:>third$}")).collect()
}

pub(super) fn examples(paths: &[String]) -> String {
    if paths.is_empty() { String::new() } else { format!(" ({})", paths.join(", ")) }
}
