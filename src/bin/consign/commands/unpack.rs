//! `consign unpack`: verify, open, check every byte, publish by one rename.

use std::path::{Path, PathBuf};

use consign::bundle::{self, Damage, Only, Revealed};
use consign::class::Class;
use consign::exchange::receive::{self, Delivery, Order};
use consign::files::{Globs, folder_of};

use super::consent;
use super::damage;
use super::opening::{self, count, number};
use crate::cli::Unpack;
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// Unpacks one bundle.
pub(crate) fn run(args: &Unpack, world: &World) -> Result<Report, Failure> {
    let globs = if args.only.is_empty() { None } else { Some(Globs::new(&args.only)?) };
    let trust = opening::trust(world, &args.signers)?;
    let source = world.open_in(&args.bundle, args.out.as_deref().map_or(Path::new("."), folder_of))?;
    let (trusted, damage) = match args.salvage {
        true => opening::mended(world, source, &trust)?,
        false => (opening::trusted(world, source, &trust).map_err(|f| hint(f, args))?, Vec::new()),
    };
    let target = match &args.out {
        Some(out) => out.clone(),
        None => PathBuf::from(&trusted.signed().says().name),
    };
    let revealed = opening::reveal(world, trusted, &trust, &args.opening)?;
    receive::ensure_free(&revealed, &target, args.force).map_err(|e| hint(Failure::from(e), args))?;
    let consent = consent::obtain(&args.accepting, &revealed, Some(&target), world)?;
    let only = globs.as_ref().map(|globs| |path: &str| globs.fit(path));
    let order = Order {
        target: &target,
        only: only.as_ref().map(|f| f as &(dyn Fn(&str) -> bool + Sync)),
        no_links: args.no_links,
        force: args.force,
        base: args.base.as_deref(),
        salvage: args.salvage,
        accepted: &consent.accepted,
        workers: world.workers(),
        now: world.now,
    };
    let got = receive::unpack(&world.home, &revealed, &order, &world.progress);
    let got = got.map_err(|e| hint(Failure::from(e), args))?;
    world.progress.clear();
    let signed = revealed.trusted().signed();
    let report = opening::from(Report::new(), signed, revealed.trusted().sender())?;
    let purposes = revealed.open.iter().map(|p| p.front.head.purpose.as_str()).filter(|p| !p.is_empty());
    let report = purposes.fold(report, |report, purpose| report.fact("for", purpose).set("purpose", purpose));
    let report = told(consent.tell(report), &got, args)
        .set("ref", signed.reference)
        .set("name", &signed.says().name)
        .set("known_as", revealed.trusted().sender())
        .set("closed", &revealed.closed);
    if args.salvage { salvaged(report, &revealed, &got, &damage, order.only, world) } else { Ok(report) }
}

/// What was damaged, and which files are not there.
fn salvaged(
    report: Report,
    revealed: &Revealed,
    got: &Delivery,
    damage: &[Damage],
    only: Option<Only<'_>>,
    world: &World,
) -> Result<Report, Failure> {
    let mut report = report
        .set("salvaged", got.counts.files)
        .set("missing_count", got.counts.missing)
        .set("damaged", damage::as_json(damage))
        .set("damaged_count", damage.len());
    if !damage.is_empty() {
        report = report.outcome(Class::Changed);
    }
    if !world.voice.json {
        let report = damage::missing(report, revealed, only, got.counts.missing)?;
        return Ok(damage::damaged(report, damage));
    }
    report.stream("missing", "unpack", &world.voice, &mut |item| {
        revealed.missing(only, &mut |m| {
            item(&damage::missing_json(m.path, m.size, &m.volume)).map_err(bundle::Error::Output)
        })?;
        Ok(())
    })
}

/// A damaged bundle is looked at by verify, which names what is damaged and the ways on.
fn hint(failure: Failure, args: &Unpack) -> Failure {
    if failure.word != "changed" || !failure.fix.is_empty() || args.salvage {
        return failure;
    }
    failure.fix(format!("what is damaged, and what can be done: consign verify {}", args.bundle.display()))
}

fn told(mut report: Report, got: &Delivery, args: &Unpack) -> Report {
    let counts = &got.counts;
    let picked = if args.only.is_empty() { "" } else { " (of those that --only picks)" };
    let total = count(counts.files + counts.missing, "file");
    let files = format!("{} of {total} match what the sender signed{picked}", number(counts.files));
    report = report.fact("files", format!("{files}, {}", bytes(counts.bytes)));
    if counts.links_left_out > 0 {
        report = report.fact("links", format!("{} left out", count(counts.links_left_out, "link")));
    }
    let beside = got.terms.as_ref().map(|t| format!(" and {} (the sender's terms)", t.display())).unwrap_or_default();
    report = report.fact("wrote", format!("{}/{beside}", got.folder.display()));
    if let Some(aside) = &got.aside {
        report = report.fact("moved", format!("what was there is now {}", aside.display()));
    }
    report = match &got.entry {
        Ok(entry) => report.fact("ledger", format!("entry {entry}")).set("entry", entry),
        Err(why) => report.note(format!("not recorded: {why}")).set("entry", serde_json::Value::Null),
    };
    report
        .set("folder", &got.folder)
        .set("terms", &got.terms)
        .set("moved_aside", &got.aside)
        .set("files", counts.files)
        .set("bytes", counts.bytes)
        .set("links", counts.links)
        .set("links_left_out", counts.links_left_out)
}
