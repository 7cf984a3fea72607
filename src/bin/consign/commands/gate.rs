//! What the gate found, as people and scripts are told.

use std::path::Path;

use consign::exchange::finding::{Finding, Findings, Severity, Word};
use consign::exchange::screen::Screen;
use consign::exchange::{self, Error};
use consign::files::printable;
use serde_json::{Value, json};

use super::opening::count;
use crate::fault::Failure;
use crate::output::Report;

/// So many are told as text.
const SHOWN: usize = 50;

/// Where a finding is, from the folder that the user is in: `FILE:LINE:COLUMN`.
pub(super) fn place(finding: &Finding, tree: &Path) -> String {
    let file = file(finding, tree);
    match finding.place {
        Some(place) => format!("{file}:{}:{}", place.line, place.column),
        None => file,
    }
}

/// The file of a finding, from the folder that the user is in.
pub(super) fn file(finding: &Finding, tree: &Path) -> String {
    let tree = tree.to_string_lossy();
    match tree.trim_end_matches('/').trim_start_matches("./") {
        "" if tree.starts_with('/') => format!("/{}", finding.path),
        "" | "." => finding.path.clone(),
        tree => format!("{tree}/{}", finding.path),
    }
}

/// Findings in two columns: place, and what it is; those that stop a pack first. Of many the first are told.
pub(super) fn rows(findings: &Findings, tree: &Path, warnings: bool) -> Vec<(String, String)> {
    let what = |finding: &Finding| match finding.severity {
        Severity::Error => finding.title.clone(),
        Severity::Warning => format!("{} (warning)", finding.title),
    };
    let mut shown: Vec<&Finding> = told_of(findings, warnings).collect();
    shown.sort_by_key(|finding| finding.severity == Severity::Warning);
    shown.truncate(SHOWN);
    let width = shown.iter().map(|finding| what(finding).chars().count()).max().unwrap_or(0).min(40);
    let row = |finding: &&Finding| (place(finding, tree), format!("{:width$}   {}", what(finding), finding.shown));
    shown.iter().map(row).collect()
}

/// How many are not told as text.
pub(super) fn untold(findings: &Findings, warnings: bool) -> u64 {
    findings.more() + (told_of(findings, warnings).count().saturating_sub(SHOWN)) as u64
}

fn told_of(findings: &Findings, warnings: bool) -> impl Iterator<Item = &Finding> {
    findings.list().filter(move |finding| warnings || finding.severity == Severity::Error)
}

/// A finding, for a machine. Not what it is pinned to: a short password could be guessed from that.
pub(super) fn value(finding: &Finding, tree: &Path) -> Value {
    json!({
        "file": file(finding, tree),
        "line": finding.place.map(|place| place.line),
        "column": finding.place.map(|place| place.column),
        "code": finding.word.word(),
        "rule": finding.rule,
        "severity": level(finding.severity),
        "title": finding.title,
        "shown": finding.shown,
    })
}

pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// All findings, for a machine.
pub(super) fn values(findings: &Findings, tree: &Path) -> Vec<Value> {
    findings.list().map(|finding| value(finding, tree)).collect()
}

/// The way on.
pub(super) fn fixes(findings: &Findings, tree: &Path) -> Vec<String> {
    let secret = findings.errors().any(|(word, _)| matches!(word, Word::Secret | Word::PrivateKey));
    let first = match secret {
        true => "take them out, and replace them: they are in your git history",
        false => "take them out",
    };
    let error = findings.list().find(|finding| finding.severity == Severity::Error);
    let example = error.map(|finding| {
        let file = file(finding, tree);
        let line = finding.place.map_or_else(String::new, |place| format!(":{}", place.line));
        let spelled = printable(&file);
        let plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b)) && !file.starts_with('-');
        // What a shell would take apart is not offered to be copied.
        let what = if plain && spelled == file { format!("{file}{line}") } else { "FILE:LINE".to_owned() };
        format!("false alarm? consign check --allow {what} --why \"sample\"")
    });
    std::iter::once(first.to_owned()).chain(example).collect()
}

/// A pack that was stopped, told with where it was packed from.
pub(super) fn refused(error: exchange::Error, tree: &Path) -> Failure {
    let Error::Findings(findings) = &error else { return error.into() };
    let mut failure = Failure::of(&error);
    failure.facts = rows(findings, tree, false);
    let more = untold(findings, false);
    if more > 0 {
        failure.facts.push((format!("and {more} more"), "consign check --json tells them".to_owned()));
    }
    failure.fix = fixes(findings, tree);
    failure.paths = told_of(findings, false).take(SHOWN).map(|finding| file(finding, tree).into()).collect();
    failure.set("findings", values(findings, tree).into()).set("allowed", findings.allowed.into())
}

/// What a dry run says of files that may leave.
pub(super) fn told(findings: &Findings, screen: &Screen) -> Report {
    let warnings = findings.count(Severity::Warning);
    said(findings.allowed, warnings, screen.off()).set("allowed", findings.allowed).set("warnings", warnings)
}

/// What is said of files that left.
pub(super) fn passed(screen: &Screen) -> Report {
    let seen = screen.seen();
    let (allowed, warnings) = (seen.allowed.len() as u64, seen.warnings.len() as u64);
    said(allowed, warnings, screen.off()).set("allowed", allowed).set("warnings", warnings)
}

fn said(allowed: u64, warnings: u64, off: &[String]) -> Report {
    let mut text = "secrets 0".to_owned();
    if allowed > 0 {
        text.push_str(&format!(", {allowed} allowed"));
    }
    if warnings > 0 {
        text.push_str(&format!(", {}: consign check tells them", count(warnings, "warning")));
    }
    off_note(Report::new().fact("screened", text), off)
}

/// That rules are turned off: a file in the tree may do that, and nobody should think that all were followed.
pub(super) fn off_note(report: Report, off: &[String]) -> Report {
    if off.is_empty() { report } else { report.note(format!("turned off by a file of rules: {}", off.join(", "))) }
}
