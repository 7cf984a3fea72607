//! `consign verify`: whole, and signed by whom; for each bundle whether the outside only or the contents were checked.

use std::path::Path;

use consign::bundle::Unpack;
use consign::class::Class;
use consign::exchange::trust::Trust;
use serde_json::{Value, json};

use super::opening::{count, reveal, trust, trusted};
use crate::cli::Verify;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// What was found out about one bundle.
struct Good {
    sender: String,
    text: String,
    fields: Value,
}

/// Checks every bundle, and fails with the worst outcome.
pub(crate) fn run(args: &Verify, world: &World) -> Result<Report, Failure> {
    let trust = trust(world, &args.signers)?;
    let (mut report, mut results) = (Report::new(), Vec::new());
    let (mut good, mut bad) = (0_u64, 0_u64);
    for path in &args.bundles {
        let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
        let checked = one(args, world, &trust, path);
        if world.progress.signal().is_some() {
            return Err(checked.err().unwrap_or_else(|| consign::files::Error::Stopped.into()));
        }
        world.progress.clear();
        match checked {
            Ok(found) => {
                good += 1;
                report = report.line(format!("ok    {name}   {}; signed by {}", found.text, found.sender));
                let mut fields = found.fields;
                fields["bundle"] = json!(path);
                results.push(fields);
            }
            Err(failure) => {
                bad += 1;
                report = report.line(format!("FAIL  {name}   [{}] {}", failure.word, failure.message));
                for (label, value) in &failure.facts {
                    report = report.fact(label.as_str(), value.as_str());
                }
                for fix in &failure.fix {
                    report = report.fact("fix", fix.as_str());
                }
                report = report.outcome(failure.class);
                results.push(json!({ "bundle": path, "ok": false, "code": failure.word, "class": failure.class.word(),
                    "exit": failure.class.code(), "message": failure.message, "fix": failure.fix,
                    "facts": failure.facts.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                    "paths": failure.paths }));
            }
        }
    }
    let depth = match (args.deep, good) {
        (false, _) => "outside only: contents need a key and --deep",
        (true, 0) => "no contents could be checked",
        (true, _) => "contents of the ok ones checked, file by file",
    };
    let total = format!("{} checked: {good} ok, {bad} failed. {depth}", good + bad);
    if good == 0 && bad == 0 {
        return Err(Failure::new("usage", Class::Usage, "no bundle was checked"));
    }
    Ok(report.line(total).set("results", results).set("checked", good + bad).set("failed", bad).set("deep", args.deep))
}

fn one(args: &Verify, world: &World, trust: &Trust, path: &Path) -> Result<Good, Failure> {
    let trusted = trusted(world, world.open(path)?, trust)?;
    let says = trusted.signed().says();
    let sender = format!("{} {}", trusted.sender(), says.created.date());
    let mut fields = json!({ "ok": true, "ref": trusted.signed().reference, "name": says.name, "sender": says.sender.name,
        "known_as": trusted.sender(), "created": says.created, "depth": if args.deep { "contents" } else { "outside" } });
    if !args.deep {
        trusted.check_all(world.workers(), &world.progress)?;
        return Ok(Good { sender, text: "whole".to_owned(), fields });
    }
    let revealed = reveal(world, trusted, trust, &args.opening)?;
    let order =
        Unpack { only: None, no_links: false, links_work: true, base: args.base.as_deref(), workers: world.workers() };
    let counts = revealed.check_deep(&order, &world.progress)?;
    fields["files"] = json!(counts.files);
    fields["refs"] = json!(counts.refs);
    fields["closed"] = json!(revealed.closed);
    let mut text = format!("whole, {} match", count(counts.files, "file"));
    if counts.refs > 0 {
        text.push_str(&format!("; {} only named, since no --base was given", count(counts.refs, "unchanged file")));
    }
    if !revealed.closed.is_empty() {
        let closed: Vec<String> = revealed.closed.iter().map(usize::to_string).collect();
        text.push_str(&format!("; compartment {} is closed to your keys", closed.join(", ")));
    }
    Ok(Good { sender, text, fields })
}
