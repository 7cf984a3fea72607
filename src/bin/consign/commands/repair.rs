//! `consign repair`: one whole bundle from damaged copies, verified before it gets its name.

use std::path::{Path, PathBuf};

use consign::bundle;
use consign::exchange::repair::{self, Order};
use serde_json::json;

use super::damage;
use super::opening::{self, count, explain};
use crate::cli::Repair;
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// Repairs one bundle.
pub(crate) fn run(args: &Repair, world: &World) -> Result<Report, Failure> {
    let paths: Vec<&Path> = [&args.bundle].into_iter().chain(&args.from).map(PathBuf::as_path).collect();
    if paths.iter().chain([&args.out.as_path()]).any(|path| path.as_os_str() == "-") {
        let message = "repair reads each copy more than once and checks what it wrote, so it needs files, not `-`";
        return Err(Failure::usage(message));
    }
    for (n, path) in paths.iter().enumerate() {
        if paths.iter().take(n).any(|other| same_file(other, path)) {
            return Err(Failure::usage(format!("{} is given twice: it is no other copy", path.display())).at(*path));
        }
    }
    let trust = opening::trust(world, &args.signers)?;
    let mut copies = Vec::new();
    for path in &paths {
        copies.push(world.open(path)?);
    }
    let order = Order { out: &args.out, trust: &trust, workers: world.workers(), now: world.now };
    let mended = repair::repair(copies, &order, &world.progress).map_err(|e| told(e, &args.bundle))?;
    world.progress.clear();
    let (trusted, out) = (mended.trusted(), args.out.display());
    let report = opening::from(Report::new(), trusted.signed(), trusted.sender())?;
    let mut report = damage::damaged(report, &mended.damage);
    let mut taken = Vec::new();
    for (path, members) in paths.iter().zip(&mended.taken) {
        report = report.fact("took", format!("{} from {}", count(*members, "member"), path.display()));
        taken.push(json!({ "copy": path, "members": members }));
    }
    if mended.damage.is_empty() {
        report = report.note(format!("{} was whole already", args.bundle.display()));
    }
    Ok(report
        .fact("wrote", format!("{out}, {}, whole", bytes(mended.size())))
        .set("bundle", &args.out)
        .set("bytes", mended.size())
        .set("ref", trusted.signed().reference)
        .set("name", &trusted.signed().says().name)
        .set("known_as", trusted.sender())
        .set("members", mended.members)
        .set("taken", taken)
        .set("damaged", damage::as_json(&mended.damage))
        .set("damaged_count", mended.damage.len()))
}

/// Names what no copy has.
fn told(error: consign::exchange::Error, path: &Path) -> Failure {
    let lost = match &error {
        consign::exchange::Error::Bundle(bundle::Error::Beyond { lost, .. }) => lost.clone(),
        _ => Vec::new(),
    };
    let failure = match explain(error, path) {
        // Nothing is ever replaced here.
        failure if failure.word == "exists" => failure.fix("another place: -o OUT"),
        failure => failure,
    };
    if lost.is_empty() {
        return failure;
    }
    let failure = failure.set("lost", damage::as_json(&lost)).set("lost_count", json!(lost.len()));
    damage::lines(&lost).into_iter().fold(failure, |failure, line| failure.fact("in no copy", line))
}

/// Whether two names are one file; copies of a file are not.
fn same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let id = |path: &Path| std::fs::metadata(path).map(|meta| (meta.dev(), meta.ino())).ok();
        id(one).is_some() && id(one) == id(other)
    }
    #[cfg(not(unix))]
    {
        let full = |path: &Path| std::fs::canonicalize(path).ok();
        full(one).is_some() && full(one) == full(other)
    }
}
