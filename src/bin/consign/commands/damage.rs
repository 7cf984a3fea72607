//! What the verbs say of damage: which members, where, which files they touch, and the ways on.

use std::path::Path;

use consign::bundle::{self, Damage, Mended, Opened, Revealed};
use consign::class::Class;
use consign::exchange::repair;
use consign::exchange::trust::Trust;
use consign::files::Source;
use serde_json::{Value, json};

use super::opening::{count, number};
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// How many members or files a text names; JSON names up to [`NAMED_MAX`].
const SHOWN: usize = 12;
/// How many a JSON object names, where they are not written as they come.
const NAMED_MAX: usize = 10_000;

/// What is damaged in one bundle.
pub(crate) struct Located {
    damage: Vec<Damage>,
    /// Why nothing can be said, or nothing of the files.
    unknown: Option<String>,
    files: Option<Files>,
}

/// The files that lie in lost volumes.
#[derive(Default)]
struct Files {
    named: Vec<(String, u64, String)>,
    total: u64,
}

/// Looks for all damage of a bundle that was found to be changed or cut short; `open` opens it with the reader's keys.
pub(crate) fn locate(
    world: &World,
    trust: &Trust,
    source: Source,
    failure: &Failure,
    open: Option<&mut dyn FnMut(Mended) -> Result<Revealed, Failure>>,
) -> Option<Located> {
    if failure.class != Class::Changed || (failure.word == "not-a-bundle" && !Opened::ends_well(&source)) {
        return None;
    }
    let mended = match repair::mend(vec![source], trust, world.now, &world.progress) {
        Ok(mended) => mended,
        Err(e) => {
            let nothing = Located { damage: Vec::new(), unknown: Some(e.to_string()), files: None };
            let lost = matches!(e, consign::exchange::Error::Bundle(bundle::Error::NoStatement { .. }));
            return lost.then_some(nothing);
        }
    };
    let mut located = Located { damage: mended.damage.clone(), unknown: None, files: None };
    if let Some(open) = open.filter(|_| !mended.lost.is_empty()) {
        match open(mended).and_then(|revealed| Files::of(&revealed)) {
            Ok(files) => located.files = Some(files),
            Err(e) => located.unknown = Some(format!("the files they touch can't be told: {}", e.message)),
        }
    }
    Some(located)
}

impl Files {
    fn of(revealed: &Revealed) -> Result<Files, Failure> {
        let mut files = Files::default();
        revealed.missing(None, &mut |missing| {
            files.total += 1;
            if files.named.len() < NAMED_MAX {
                files.named.push((missing.path.to_owned(), missing.size, missing.volume.clone()));
            }
            Ok(())
        })?;
        Ok(files)
    }
}

impl Located {
    /// As facts under a line.
    pub(crate) fn tell(&self, mut report: Report, path: &Path) -> Report {
        report = self.unknown.iter().fold(report, |report, why| report.fact("note", why.as_str()));
        report = damaged(report, &self.damage);
        if let Some(files) = self.files.as_ref().filter(|files| files.total > 0) {
            let lines = files.named.iter().take(SHOWN).map(|(path, _, volume)| format!("{path} ({volume})"));
            report = listed(report, "files", lines, files.total);
        }
        let labels = std::iter::once("fix").chain(std::iter::repeat(""));
        labels.zip(self.fixes(path)).fold(report, |report, (label, fix)| report.fact(label, fix))
    }

    /// What to do, in order.
    fn fixes(&self, path: &Path) -> Vec<String> {
        let name = if path.as_os_str() == "-" { "BUNDLE".to_owned() } else { path.display().to_string() };
        let mut fixes = vec![format!("with another copy: consign repair {name} --from COPY -o WHOLE.consign")];
        // Without its key and its manifest nothing of a compartment can be told from damage.
        let lost = || self.damage.iter().filter(|d| d.what.is_loss());
        let is_opening = |d: &Damage| d.volume.is_none() && d.member.starts_with('c');
        if lost().next().is_some() && !lost().any(is_opening) {
            fixes.push(format!("for its whole files: consign unpack --salvage {name}"));
        }
        fixes.push("or ask the sender to send it again".to_owned());
        fixes
    }

    /// As fields of a JSON object.
    pub(crate) fn fields(&self, path: &Path, into: &mut Value) {
        into["fix"] = json!(self.fixes(path));
        into["damaged"] = as_json(&self.damage);
        into["damaged_count"] = json!(self.damage.len());
        into["unknown"] = json!(self.unknown);
        if let Some(files) = &self.files {
            let named = files.named.iter();
            into["touched"] = named.map(|(path, size, volume)| missing_json(path, *size, volume)).collect();
            into["touched_count"] = json!(files.total);
        }
    }
}

/// Damage as facts.
pub(crate) fn damaged(report: Report, damage: &[Damage]) -> Report {
    listed(report, "damaged", damage.iter().take(SHOWN).map(ToString::to_string), damage.len() as u64)
}

/// Damage as lines: the first ones, and how many more there are.
pub(crate) fn lines(damage: &[Damage]) -> Vec<String> {
    let mut lines: Vec<String> = damage.iter().take(SHOWN).map(ToString::to_string).collect();
    lines.extend(more(damage.len() as u64, lines.len() as u64));
    lines
}

fn more(total: u64, shown: u64) -> Option<String> {
    (total > shown).then(|| format!("and {} more, which --json names", number(total - shown)))
}

/// Damage as JSON, up to a bound.
pub(crate) fn as_json(damage: &[Damage]) -> Value {
    let one = |d: &Damage| {
        json!({ "member": d.member, "volume": d.volume.map(|(k, _)| k), "volumes": d.volume.map(|(_, n)| n),
            "from": d.from, "to": d.to, "what": d.what.word() })
    };
    damage.iter().take(NAMED_MAX).map(one).collect()
}

/// A file that is missing, as JSON.
pub(crate) fn missing_json(path: &str, size: u64, volume: &str) -> Value {
    json!({ "path": path, "size": size, "volume": volume })
}

/// The files that salvage left out, as facts.
pub(crate) fn missing(
    report: Report,
    revealed: &Revealed,
    only: Option<bundle::Only<'_>>,
    total: u64,
) -> Result<Report, Failure> {
    let mut lines = Vec::new();
    revealed.missing(only, &mut |missing| {
        if lines.len() < SHOWN {
            let size = count(missing.size, "byte");
            lines.push(format!("{}, {size} (in {})", missing.path, missing.volume));
        }
        Ok(())
    })?;
    Ok(listed(report, "missing", lines.into_iter(), total))
}

/// The first lines under one label, and how many there are in all.
fn listed(report: Report, label: &str, lines: impl Iterator<Item = String>, total: u64) -> Report {
    let mut shown = 0;
    let report = lines.fold(report, |report, line| {
        shown += 1;
        report.fact(if shown == 1 { label } else { "" }, line)
    });
    more(total, shown).into_iter().fold(report, |report, line| report.fact("", line))
}
