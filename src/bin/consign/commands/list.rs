//! `consign list`: the files in a bundle, from its manifest alone.

use std::io::{BufWriter, Write};

use consign::bundle;
use consign::files::{Globs, printable};
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
    let several = revealed.open.len() > 1;
    let mut entries = Vec::new();
    let mut out = BufWriter::new(Sink::any(&world.voice));
    let mut shown = 0_u64;
    revealed.list(&mut |n, entry| {
        if !args.globs.is_empty() && !globs.fit(entry.path.as_str()) {
            return Ok(());
        }
        shown += 1;
        if world.voice.json {
            entries.push(as_json(n, entry));
            return Ok(());
        }
        let part = if several { format!("c{n} ") } else { String::new() };
        writeln!(out, "{part}{}", as_text(entry)).map_err(bundle::Error::Output)
    })?;
    out.flush().map_err(bundle::Error::Output)?;
    if shown == 0 && !args.globs.is_empty() {
        return Err(bundle::Error::NothingMatched { patterns: args.globs.join(", ") }.into());
    }
    let mut report = Report::new();
    for n in &revealed.closed {
        report = report.note(format!("compartment {n} is closed to your keys"));
    }
    if !world.voice.json {
        return Ok(report);
    }
    Ok(report.set("entries", entries).set("closed", &revealed.closed).set("ref", revealed.trusted().signed().reference))
}

/// Mode, size, time, path: escaped always, since a name may hold anything.
fn as_text(entry: &Entry) -> String {
    let (mode, size) = match &entry.kind {
        Kind::File { size, exec: true, .. } => ("-rwx", size.to_string()),
        Kind::File { size, .. } => ("-rw-", size.to_string()),
        Kind::Dir => ("drwx", "-".to_owned()),
        Kind::Link { .. } => ("lrwx", "-".to_owned()),
    };
    let time = Time::from_unix(i64::try_from(entry.mtime).unwrap_or(i64::MAX)).for_people();
    let path = printable(entry.path.as_str());
    let tail = match &entry.kind {
        Kind::Dir => "/".to_owned(),
        Kind::Link { to } => format!(" -> {}", printable(to)),
        Kind::File { unchanged: true, .. } => "   (unchanged)".to_owned(),
        Kind::File { .. } => String::new(),
    };
    format!("{mode} {size:>12}  {}  {path}{tail}", time.get(..16).unwrap_or(&time))
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
