//! `consign list`: the files in a bundle, from its manifest alone.

use std::io::{BufWriter, Write};

use consign::bundle::{self, Revealed};
use consign::files::{Globs, push_printable};
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
            line.push_str(&format!("c{n} "));
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
        Kind::File { size, exec: true, .. } => ("-rwx ", size.to_string()),
        Kind::File { size, .. } => ("-rw- ", size.to_string()),
        Kind::Dir => ("drwx ", "-".to_owned()),
        Kind::Link { .. } => ("lrwx ", "-".to_owned()),
    };
    out.push_str(mode);
    out.extend(std::iter::repeat_n(' ', 12_usize.saturating_sub(size.len())));
    out.push_str(&size);
    out.push_str("  ");
    Time::from_unix(i64::try_from(entry.mtime).unwrap_or(i64::MAX)).push_minute(out);
    out.push_str("  ");
    push_printable(out, entry.path.as_str());
    match &entry.kind {
        Kind::Dir => out.push('/'),
        Kind::Link { to } => {
            out.push_str(" -> ");
            push_printable(out, to);
        }
        Kind::File { unchanged: true, .. } => out.push_str("   (unchanged)"),
        Kind::File { .. } => {}
    }
    out.push('\n');
}

pub(super) fn as_json(n: usize, entry: &Entry) -> serde_json::Value {
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
