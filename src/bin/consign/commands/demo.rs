//! `consign demo`: the whole story in a temporary folder, every step checked.

use std::time::Instant;

use consign::class::Class;

use crate::cli::Demo;
use crate::fault::Failure;
use crate::output::{Report, whisper};
use crate::story::{Story, names};
use crate::world::World;

/// Tells the story; any step that is not as it should be makes it fail.
pub(crate) fn run(args: &Demo, world: &World) -> Result<Report, Failure> {
    if let Some(step) = args.spoil.as_deref().filter(|step| !names().any(|n| n == *step)) {
        return Err(Failure::usage(format!("the demo has no step `{step}`")));
    }
    let failed = |e: std::io::Error| Failure::new("io", Class::Failed, format!("can't make a temporary folder: {e}"));
    let folder = tempfile::Builder::new().prefix("consign-demo-").tempdir().map_err(failed)?;
    let start = Instant::now();
    let steps = Story::tell(folder.path(), world.now, args.spoil.clone(), |_, _| {});
    let total = steps.len();
    let good = steps.iter().filter(|s| s.seen.is_ok()).count();
    let mut report = Report::new().line("a made-up firm sends code to two made-up vendors, in a temporary folder");
    for (n, step) in steps.iter().enumerate() {
        let (seen, mark) = match &step.seen {
            Ok(seen) => (seen, ""),
            Err(seen) => (seen, "NOT AS IT SHOULD BE: "),
        };
        report = report.line(format!("{:>2} {:<11}{mark}{seen}", n + 1, step.name));
    }
    let seconds = start.elapsed().as_secs_f32();
    let list: Vec<_> = steps
        .iter()
        .map(|s| {
            let (ok, seen) = match &s.seen {
                Ok(seen) => (true, seen),
                Err(seen) => (false, seen),
            };
            serde_json::json!({ "step": s.name, "ok": ok, "seen": seen })
        })
        .collect();
    report = report.line(format!("{good} of {total} as they should be ({seconds:.1} s)"));
    report = report.set("steps", list).set("good", good).set("total", total);
    if args.keep {
        let kept = folder.keep();
        if !world.voice.json {
            let kept = consign::files::printable(&kept.display().to_string());
            whisper(&format!("the folder is {kept}\n"));
        }
        report = report.set("folder", kept);
    }
    Ok(if good == total { report } else { report.outcome(Class::Failed) })
}
