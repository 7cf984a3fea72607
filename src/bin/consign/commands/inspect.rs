//! `consign inspect`: what a bundle tells without a key. Claims are marked as claims; no file name is shown.

use std::path::Path;

use consign::bundle::Signed;
use consign::crypto::{Recipient, Tag};
use consign::exchange::locks::Locks;
use consign::exchange::{keys, partners, receive};
use consign::format::envelope::Kind;
use serde_json::json;

use super::opening::{count, explain, how, how_json, trust, words};
use crate::cli::Inspect;
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::world::World;

/// Shows a bundle from outside.
pub(crate) fn run(args: &Inspect, world: &World) -> Result<Report, Failure> {
    let trust = trust(world, &args.signers)?;
    let source = world.open(&args.bundle)?;
    let name = source.name().display().to_string();
    let signed = receive::check(source, &trust).map_err(|e| explain(e, &args.bundle))?;
    signed.card().map_err(|e| explain(e.into(), &args.bundle))?;
    let says = signed.says();
    let known = signed.signers.first().and_then(|s| s.known_as.clone());
    let mark = if known.is_some() { "" } else { "   (it says so itself)" };
    let kind = match says.kind {
        Kind::Drop => "drop",
        Kind::Return => "return",
    };
    let mut report = Report::new()
        .line(format!("{name}   {kind} {}, {}", says.name, bytes(signed.size())))
        .fact("sender", format!("{}{mark}", says.sender.name))
        .fact("made", format!("{}, by {}{mark}", says.created.for_people(), says.tool));
    if let Some(expires) = says.expires {
        let over = if expires <= world.now { " (over)" } else { "" };
        report = report.fact("ends", format!("{}{over}{mark}", expires.for_people()));
    }
    for signer in &signed.signers {
        report = match &signer.known_as {
            Some(name) => report.fact("signed", format!("by {name}, {}{}", signer.fingerprint, how(signer))),
            None if signer.revoked => report.fact("signed", format!("by {}, which is REVOKED", signer.fingerprint)),
            None => report
                .fact("signed", format!("by {}, not known here{}", signer.fingerprint, how(signer)))
                .fact("words", format!("{}   (check words, to compare on a call)", words(&signer.key)?)),
        };
    }
    let report = compartments(report, &signed, world)?;
    let report = if known.is_some() { report } else { report.next(format!("consign partner add {name}")) };
    Ok(report
        .fact("checked", "signature and statement; for every bit of it: consign verify")
        .set("ref", signed.reference)
        .set("name", &says.name)
        .set("kind", says.kind)
        .set("sender", &says.sender.name)
        .set("known_as", known)
        .set("created", says.created)
        .set("expires", says.expires)
        .set("tool", &says.tool)
        .set("size", signed.size())
        .set("in_reply_to", says.in_reply_to)
        .set("parent", says.parent)
        .set("signers", signers(&signed)?))
}

fn signers(signed: &Signed) -> Result<Vec<serde_json::Value>, Failure> {
    let one = |s: &consign::bundle::SignedBy| {
        let mut one = how_json(s);
        one["check_words"] = json!(words(&s.key)?);
        one["revoked"] = json!(s.revoked);
        Ok(one)
    };
    signed.signers.iter().map(one).collect()
}

/// Which known partners each compartment is locked to: their tags are computed again and compared.
fn compartments(mut report: Report, signed: &Signed, world: &World) -> Result<Report, Failure> {
    let known = known_recipients(world)?;
    let says = signed.says();
    let mut list = Vec::new();
    for (n, compartment) in says.compartments.iter().enumerate() {
        let is = |key: &str, tag: &Tag| Recipient::tag(key, says.bundle.bytes(), n as u64) == *tag;
        let whose = |tag: &Tag| known.iter().find(|k| is(&k.key, tag)).map(|k| k.name.clone());
        let mut names: Vec<String> = compartment.tags.iter().filter_map(whose).collect();
        let others = (compartment.tags.len() - names.len()) as u64;
        names.dedup();
        let mut locked = names.clone();
        if others > 0 {
            locked.push(count(others, "key").replace(" key", " unknown key"));
        }
        let quantum = signed.is_post_quantum(n).map_err(|e| explain(e.into(), Path::new("")))?;
        let classical = |tag: &Tag| known.iter().find(|k| is(&k.key, tag)).filter(|k| k.classical_only);
        let mut because: Vec<&str> =
            compartment.tags.iter().filter_map(classical).map(|known| known.name.as_str()).collect();
        because.dedup();
        let held = if compartment.held { "; its key is held back" } else { "" };
        let stream = format!("{}, {} unpacked", count(compartment.volumes, "volume"), bytes(compartment.stream));
        let label = if says.compartments.len() == 1 { "locked".to_owned() } else { format!("part {n}") };
        report = report.fact(label, format!("to {}{held}; {stream}", locked.join(", ")));
        report = report.fact("strength", strength(quantum, &because));
        list.push(json!({ "compartment": n, "known_recipients": names, "unknown_recipients": others,
            "held": compartment.held, "volumes": compartment.volumes, "stream": compartment.stream,
            "terms": compartment.terms, "post_quantum": quantum, "classical_because": because }));
    }
    Ok(report.set("compartments", list))
}

/// Whether a quantum computer could open a compartment, and which known partners are the reason.
fn strength(quantum: bool, because: &[&str]) -> String {
    match (quantum, because) {
        (true, _) => "post-quantum".to_owned(),
        (false, []) => "classical, not post-quantum".to_owned(),
        (false, names) => format!("classical, not post-quantum: no such key from {}", names.join(", ")),
    }
}

/// A recipient string on record.
struct Known {
    name: String,
    key: String,
    /// Whose card has no post-quantum key.
    classical_only: bool,
}

fn known_recipients(world: &World) -> Result<Vec<Known>, Failure> {
    let mut known = Vec::new();
    let mut add = |name: &str, locks: Locks| {
        let classical_only = locks.post_quantum.is_empty();
        let keys = locks.classical.into_iter().chain(locks.post_quantum);
        known.extend(keys.map(|key| Known { name: name.to_owned(), key, classical_only }));
    };
    if let Some(card) = keys::own_card(&world.home)? {
        add(partners::YOU, Locks::of_card(&card));
    }
    for partner in partners::list(&world.home)? {
        // Nothing is locked to a partner of whom only signing keys are known.
        if let Ok(locks) = partners::locks_of(&partner) {
            add(&partner.name, locks);
        }
    }
    Ok(known)
}
