//! `consign unpack`: verify, open, check every byte, publish by one rename.

use std::path::{Path, PathBuf};

use consign::exchange::receive::{self, Delivery, Order};
use consign::files::{Globs, folder_of};

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
    let trusted = opening::trusted(world, source, &trust)?;
    let target = match &args.out {
        Some(out) => out.clone(),
        None => PathBuf::from(&trusted.signed().says().name),
    };
    let revealed = opening::reveal(world, trusted, &trust, &args.opening)?;
    let only = globs.as_ref().map(|globs| |path: &str| globs.fit(path));
    let order = Order {
        target: &target,
        only: only.as_ref().map(|f| f as &(dyn Fn(&str) -> bool + Sync)),
        no_links: args.no_links,
        force: args.force,
        base: args.base.as_deref(),
        workers: world.workers(),
        now: world.now,
    };
    let got = receive::unpack(&world.home, &revealed, &order, &world.progress)?;
    world.progress.clear();
    let signed = revealed.trusted().signed();
    let report = opening::from(Report::new(), signed, revealed.trusted().sender())?;
    let purposes = revealed.open.iter().map(|p| p.front.head.purpose.as_str()).filter(|p| !p.is_empty());
    let report = purposes.fold(report, |report, purpose| report.fact("for", purpose).set("purpose", purpose));
    Ok(told(report, &got, args)
        .set("ref", signed.reference)
        .set("name", &signed.says().name)
        .set("known_as", revealed.trusted().sender())
        .set("closed", &revealed.closed))
}

fn told(mut report: Report, got: &Delivery, args: &Unpack) -> Report {
    let counts = &got.counts;
    let picked = if args.only.is_empty() { "" } else { " (of those that --only picks)" };
    let total = count(counts.files, "file");
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
