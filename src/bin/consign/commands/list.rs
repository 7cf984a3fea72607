//! `consign list`: the files in a bundle, from its manifest alone.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};

use consign::bundle::{self, Revealed};
use consign::files::{Globs, Printable};
use consign::format::entry::{Entry, Kind};
use consign::format::time::Time;
use serde_json::json;

use super::opening::open;
use crate::cli::List;
use crate::fault::Failure;
use crate::output::{Report, Sink};
use crate::world::World;

/// Lists the entries that match, as they come.
pub(crate) fn run(args: &List, world: &World) -> Result<Report, Failure> {
    let globs = Globs::new(&args.globs)?;
    let revealed = open(world, &args.bundle, &args.signers, &args.opening)?;
    let fits = |entry: &Entry| args.globs.is_empty() || globs.fit(entry.path.as_str());
    let mut report = Report::new();
    for n in &revealed.closed {
        report = report.note(format!("compartment {n} is closed to your keys"));
    }
    let nothing = || bundle::Error::NothingMatched { patterns: args.globs.join(", ") };
    if !world.voice.json {
        let shown = as_lines(&revealed, &fits, &mut Sink::any(&world.voice)?)?;
        return if shown == 0 && !args.globs.is_empty() { Err(nothing().into()) } else { Ok(report) };
    }
    // One object is begun only when all that goes into it was read once.
    let mut shown = 0_u64;
    revealed.list(&mut |_, entry| {
        shown += u64::from(fits(entry));
        Ok(())
    })?;
    if shown == 0 && !args.globs.is_empty() {
        return Err(nothing().into());
    }
    let report = report.set("closed", &revealed.closed).set("ref", revealed.trusted().signed().reference);
    report.stream("entries", "list", &world.voice, &mut |item| {
        revealed.list(&mut |n, entry| {
            if fits(entry) { item(&as_json(n, entry)).map_err(bundle::Error::Output) } else { Ok(()) }
        })?;
        Ok(())
    })
}

fn as_lines(revealed: &Revealed, fits: &dyn Fn(&Entry) -> bool, to: &mut dyn Write) -> Result<u64, Failure> {
    let several = revealed.open.len() > 1;
    let mut out = BufWriter::with_capacity(128 << 10, to);
    let (mut shown, mut line) = (0_u64, String::new());
    revealed.list(&mut |n, entry| {
        if !fits(entry) {
            return Ok(());
        }
        shown += 1;
        line.clear();
        if several {
            let _unused = write!(line, "c{n} ");
        }
        push_text(&mut line, entry);
        out.write_all(line.as_bytes()).map_err(bundle::Error::Output)
    })?;
    out.flush().map_err(bundle::Error::Output)?;
    Ok(shown)
}

/// Mode, size, time, path: escaped always, since a name may hold anything.
fn push_text(out: &mut String, entry: &Entry) {
    let (mode, size) = match &entry.kind {
        Kind::File { size, exec: true, .. } => ("-rwx", Some(*size)),
        Kind::File { size, .. } => ("-rw-", Some(*size)),
        Kind::Dir => ("drwx", None),
        Kind::Link { .. } => ("lrwx", None),
    };
    // A String can always be written to.
    let _unused = match size {
        Some(size) => write!(out, "{mode} {size:>12}  "),
        None => write!(out, "{mode} {:>12}  ", "-"),
    };
    let time = Time::from_unix(i64::try_from(entry.mtime).unwrap_or(i64::MAX));
    let _unused = write!(out, "{}  {}", time.to_the_minute(), Printable(entry.path.as_str()));
    let _unused = match &entry.kind {
        Kind::Dir => writeln!(out, "/"),
        Kind::Link { to } => writeln!(out, " -> {}", Printable(to)),
        Kind::File { unchanged: true, .. } => writeln!(out, "   (unchanged)"),
        Kind::File { .. } => writeln!(out),
    };
}

fn as_json(n: usize, entry: &Entry) -> serde_json::Value {
    let path = entry.path.as_str();
    match &entry.kind {
        Kind::File { size, b3, exec, unchanged } => {
            json!({ "compartment": n, "path": path, "type": "file", "size": size,
            "b3": b3, "mtime": entry.mtime, "exec": exec, "unchanged": unchanged })
        }
        Kind::Dir => json!({ "compartment": n, "path": path, "type": "folder", "mtime": entry.mtime }),
        Kind::Link { to } => {
            json!({ "compartment": n, "path": path, "type": "link", "to": to, "mtime": entry.mtime })
        }
    }
}
