//! `consign pack`: check, list, pack, record, publish.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

use consign::class::Class;
use consign::crypto::Signer;
use consign::exchange::locks::Locks;
use consign::exchange::screen::Screen;
use consign::exchange::send::{self, Draft, Output, Part, Send, Shipment, To};
use consign::exchange::waiting::{Awaited, Held};
use consign::exchange::{Error, Workspace};
use consign::files::{NoteKind, read_small};
use consign::format::sshkeys;
use consign::format::time::Time;
use consign::format::version::{SIGNERS_MAX, TERMS_LINE_MAX};
use consign::policy::agreement::{Evidence, InForce};
use consign::policy::{Reason, Refusal, ScopeRefusal};

use super::opening::{count, noted};
use super::{dryrun, gate};
use crate::cli::Pack;
use crate::fault::Failure;
use crate::output::{Report, Sink};
use crate::progress::bytes;
use crate::prompt;
use crate::world::World;

/// This program, as bundles name it.
const TOOL: &str = concat!("consign ", env!("CARGO_PKG_VERSION"));
/// The largest file of recipients that is read, in bytes.
const RECIPIENTS_MAX: u64 = 1 << 20;

/// Packs, or with --dry-run shows what would be packed.
pub(crate) fn run(args: &Pack, world: &World) -> Result<Report, Failure> {
    let own = own_locks(world)?;
    let recipients = recipients(args, world)?;
    let terms = terms(args)?;
    let expires = args.expires.as_deref().map(|text| Time::parse_end(text, world.now)).transpose()?;
    let out = output(args)?;
    let plugins = world.plugins()?;
    let workspace = Workspace::find(&args.path, &world.home)?;
    let override_why = args.override_why.as_deref().map(Reason::parse).transpose()?;
    let to: Vec<To> = args.to.iter().map(|text| To::from(text.as_str())).collect();
    let screen = Screen::of(&world.home, workspace.as_ref(), &args.path)?;
    let order = Send {
        screen: &screen,
        plugins: Some(&plugins),
        path: &args.path,
        rev: args.rev.as_deref(),
        globs: &args.rules,
        allow_unportable: args.allow_unportable,
        latest: world.latest,
        workspace: workspace.as_ref(),
        to: &to,
        scope: args.scope.as_deref(),
        all: args.all,
        grown_is_meant: false,
        override_why: override_why.as_ref(),
        recipients: &recipients,
        own: &own,
        no_self: args.no_self,
        name: args.name.as_deref(),
        out,
        force: args.force,
        terms: terms.as_deref(),
        expires,
        purpose: args.purpose.as_deref().unwrap_or_default(),
        level: args.level,
        dry_run: args.dry_run,
        now: world.now,
        tool: TOOL,
        workers: world.workers(),
    };
    let stream = stream(out, args, world)?;
    let meant = Send { grown_is_meant: true, ..order };
    let draft = drafted(world, &order, &meant)?;
    let ending = ending_cards(&draft, world);
    if args.dry_run {
        return Ok(dryrun::report(args, &draft, &screen, world)?.append(ending));
    }
    let report = packed(&draft).append(ending).append(checks(&draft));
    let signers = world.signers(&args.sign_with)?;
    let signers: Vec<&dyn Signer> = signers.iter().map(|signer| &**signer).collect();
    let partners = draft.partners();
    if !args.awaits.is_empty() {
        let awaited = awaited(args, world, &signers)?;
        let held = draft.hold(&signers, &awaited, &world.progress).map_err(|e| gate::refused(e, &args.path))?;
        world.progress.clear();
        return Ok(waits(report.append(gate::passed(&screen)), args, &held, &partners));
    }
    ship(draft, args, &screen, (&signers, stream), report, world)
}

/// Packs, and tells what was sent.
fn ship(
    draft: Draft<'_>,
    args: &Pack,
    screen: &Screen,
    (signers, mut stream): (&[&dyn Signer], Option<Sink>),
    report: Report,
    world: &World,
) -> Result<Report, Failure> {
    let partners = draft.partners();
    let stream = stream.as_mut().map(|s| s as &mut dyn Write);
    let shipment = draft.ship(signers, stream, &world.progress).map_err(|e| gate::refused(e, &args.path))?;
    world.progress.clear();
    Ok(sent(report.append(gate::passed(screen)), args, &shipment, &partners))
}

/// Standard output, if the bundle goes there.
fn stream(out: Output<'_>, args: &Pack, world: &World) -> Result<Option<Sink>, Failure> {
    match out {
        Output::Stream if !args.dry_run => Ok(Some(Sink::binary(&world.voice)?)),
        _ => Ok(None),
    }
}

/// The draft; if a scope lets out far more than last time, that of `meant`, once somebody said that it is.
fn drafted<'a>(world: &'a World, order: &'a Send<'a>, meant: &'a Send<'a>) -> Result<Draft<'a>, Failure> {
    match send::draft(&world.home, order, &world.progress) {
        Err(Error::Refused(Refusal::Scope(grown @ ScopeRefusal::Grown { .. }))) if world.can_ask() => {
            world.progress.clear();
            let said = consign::files::printable(&format!("{grown}")).to_string();
            if prompt::yes(world, &format!("{said}\n"), "send it all the same?")? {
                return Ok(send::draft(&world.home, meant, &world.progress)?);
            }
            Err(Error::Refused(Refusal::Scope(grown)).into())
        }
        other => Ok(other?),
    }
}

/// Where the bundle goes.
fn output(args: &Pack) -> Result<Output<'_>, Failure> {
    match &args.out {
        None => Ok(Output::Folder(Path::new(""))),
        Some(out) if out.as_os_str() == "-" && args.awaits.is_empty() => Ok(Output::Stream),
        Some(out) if out.as_os_str() == "-" => {
            Err(Failure::usage("a bundle that waits for a signature needs a file, not standard output"))
        }
        Some(out) => Ok(Output::File(out)),
    }
}

fn own_locks(world: &World) -> Result<Locks, Failure> {
    let none = consign::crypto::Identities::default();
    let own = send::own_locks(&world.home, &none)?;
    if !own.is_empty() {
        return Ok(own);
    }
    Ok(send::own_locks(&world.home, &world.identities()?)?)
}

fn recipients(args: &Pack, world: &World) -> Result<Vec<String>, Failure> {
    let mut all = args.recipients.clone();
    for file in &args.recipient_files {
        let (found, unusable) = sshkeys::recipients(&world.read(file, RECIPIENTS_MAX)?);
        if found.is_empty() && !unusable.is_empty() {
            let message = format!("nothing can be locked to any key in {}", file.display());
            let failure = Failure::new("bad-recipient", Class::Usage, message).at(file);
            return Err(unusable.iter().take(8).fold(failure, |f, one| f.fact("not used", one.to_string())));
        }
        noted(world, file, &unusable);
        all.extend(found);
    }
    Ok(all)
}

fn terms(args: &Pack) -> Result<Option<String>, Failure> {
    let Some(file) = &args.terms else { return Ok(None) };
    let bytes = read_small(file, TERMS_LINE_MAX as u64)?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Failure::new("usage", Class::Usage, "the terms are not UTF-8 text").at(file))
}

pub(super) fn to_whom(partners: &[String]) -> String {
    if partners.is_empty() { "you only".to_owned() } else { partners.join(", ") }
}

/// A note for each card that ends within a month: whoever is told early can still ask for a new one.
fn ending_cards(draft: &Draft<'_>, world: &World) -> Report {
    let soon = |end| super::keylife::soon(Some(end), world.now);
    draft.cards_end.iter().fold(Report::new(), |report, (name, end)| match (soon(*end), name.as_str()) {
        (None, _) => report,
        (Some(ending), consign::exchange::partners::YOU) => {
            report.note(format!("your own card {ending}; a new one: consign key renew"))
        }
        (Some(ending), _) => report.note(format!("the card of {name} {ending}; ask for a new one")),
    })
}

/// Whether a quantum computer could open it, and who is the reason.
pub(super) fn strength(report: Report, draft: &Draft<'_>) -> Report {
    let quantum = draft.is_post_quantum();
    let because = &draft.classical_because;
    let words = match (quantum, because.as_slice()) {
        (true, _) => "post-quantum: a quantum computer does not open it".to_owned(),
        (false, [one]) if one == consign::exchange::partners::YOU => {
            "classical: you have no post-quantum key".to_owned()
        }
        (false, many) => format!("classical, not post-quantum: no such key from {}", many.join(", ")),
    };
    report.fact("strength", words).set("post_quantum", quantum).set("classical_because", because)
}

/// What is known before the draft is used up.
fn packed(draft: &Draft<'_>) -> Report {
    let mut report = Report::new();
    let shared = draft.parts.len() > 1;
    for part in &draft.parts {
        let recipients = part.clearance.recipients();
        let own = recipients.iter().any(|r| r.own);
        let keys = recipients.iter().filter(|r| !r.own).count() as u64;
        let (to, locked) = (to_whom(&part.partners()), count(keys, "key"));
        let locked = match (own, keys) {
            (true, 0) => "to you only".to_owned(),
            (true, _) => format!("to {to} ({locked}) and to you"),
            (false, _) => format!("to {to} ({locked}), not to you"),
        };
        let what = if shared { format!("   {}", dryrun::holds(part)) } else { String::new() };
        report = report.fact("locked", locked + &what);
        // Every tree has times with fractions; the dry run says that they are dropped.
        for note in part.selection.notes().iter().filter(|n| n.kind != NoteKind::SubSecond) {
            report = report.note(format!("{} {}{}", note.count, note.kind.words(), dryrun::examples(&note.examples)));
        }
    }
    let told = |(n, part): (usize, &Part)| -> Vec<_> {
        let all = part.clearance.recipients().iter();
        all.map(|r| serde_json::json!({ "name": r.name, "key": r.key, "own": r.own, "compartment": n, "agreement": r.agreement }))
            .collect()
    };
    let recipients: Vec<_> = draft.parts.iter().enumerate().flat_map(told).collect();
    let parts: Vec<_> = draft.parts.iter().map(dryrun::part).collect();
    strength(report, draft).set("recipients", recipients).set("parts", parts)
}

/// Which rules were looked at, and what they said.
pub(super) fn checks(draft: &Draft<'_>) -> Report {
    let mut report = Report::new().fact("checks", dryrun::checks(draft));
    let warnings = draft.proofs.values().flat_map(|proof| proof.warnings());
    for warning in warnings.map(ToString::to_string).chain(draft.doubts.iter().cloned()) {
        report = report.note(warning);
    }
    for grown in draft.parts.iter().filter_map(|part| part.grown.as_ref()) {
        report = report.note(format!("look twice: {grown}"));
    }
    for waived in draft.waiver.used() {
        report = report.note(format!("set aside, and on record: {} ({})", waived.said, waived.word));
    }
    if draft.waiver.was_needless() {
        report = report.note("--override was not needed: no rule said no");
    }
    let words: Vec<_> = draft.waiver.used().iter().map(|waived| waived.word).collect();
    let agreements: Vec<_> = draft.proofs.values().map(agreements).collect();
    report.set("overridden", words).set("workspace", draft.in_workspace()).set("agreements", agreements)
}

/// What is in force for a partner, as JSON.
fn agreements(proof: &InForce) -> serde_json::Value {
    let one = |one: &Evidence| serde_json::json!({ "kind": one.kind.as_str(), "ref": one.reference, "until": one.until.to_string() });
    let all: Vec<_> = proof.counted().iter().map(one).collect();
    serde_json::json!({ "partner": proof.partner(), "in_force": all })
}

/// Whose signatures are awaited, each once.
fn awaited(args: &Pack, world: &World, signers: &[&dyn Signer]) -> Result<Vec<Awaited>, Failure> {
    let mut all: Vec<Awaited> = Vec::new();
    for who in &args.awaits {
        let found = Awaited::find(&world.home, who)?;
        let signs = signers.iter().any(|signer| signer.public() == found.key);
        if signs || all.iter().any(|other| other.key == found.key) {
            return Err(Failure::usage(format!("{who} would sign twice")));
        }
        all.push(found);
    }
    if all.len() + signers.len() > SIGNERS_MAX {
        return Err(Failure::usage("a bundle has at most 8 signers"));
    }
    Ok(all)
}

/// What was made for others to sign.
fn waits(report: Report, args: &Pack, held: &Held, partners: &[String]) -> Report {
    let size = format!("{} ({} before), {}", bytes(held.size), bytes(held.bytes), count(held.files, "file"));
    let id = held.reference.to_string();
    let signed = format!("{}; id b3:{}..", by_whom(args), id.get(..8).unwrap_or(&id));
    let mut report =
        Report::new().fact("packed", format!("{}   {size}", held.file.display())).append(report).fact("signed", signed);
    for (who, request) in &held.requests {
        report = report.fact("waits", format!("for {who}: send {}", request.display()));
    }
    let requests: Vec<_> =
        held.requests.iter().map(|(who, file)| serde_json::json!({ "who": who, "file": file })).collect();
    report
        .fact("ledger", format!("entry {}", held.entry))
        .next(format!("when the signature is back: consign finish {} {}.signature", held.file.display(), held.name))
        .set("waiting", &held.file)
        .set("requests", requests)
        .set("name", &held.name)
        .set("ref", held.reference)
        .set("size", held.size)
        .set("files", held.files)
        .set("bytes", held.bytes)
        .set("entry", held.entry)
        .set("signers", &held.signers)
        .set("to", partners)
}

/// Which keys signed, as they were named.
fn by_whom(args: &Pack) -> String {
    if args.sign_with.is_empty() {
        return "by you".to_owned();
    }
    let own = |key: &OsString| if key == "own" { "your own key".to_owned() } else { key.display().to_string() };
    format!("with {}", args.sign_with.iter().map(own).collect::<Vec<_>>().join(" and "))
}

fn sent(report: Report, args: &Pack, sent: &Shipment, partners: &[String]) -> Report {
    let file = sent.file.as_deref().map_or_else(|| "standard output".to_owned(), |f| f.display().to_string());
    let size = format!("{} ({} before), {}", bytes(sent.size), bytes(sent.bytes), count(sent.files, "file"));
    let id = sent.reference.to_string();
    let signed = format!("{}; id b3:{}..", by_whom(args), id.get(..8).unwrap_or(&id));
    let mut report = Report::new().fact("packed", format!("{file}   {size}")).append(report).fact("signed", signed);
    if let Some(note) = &sent.note {
        report = report.fact("note", format!("{} tells the vendor what to do", note.display()));
    }
    if let Some(why) = &sent.copy_behind {
        report = report.note(format!("the workspace's copy of the ledger is not up to it: {why}"));
    }
    report
        .fact("ledger", format!("entry {}", sent.entry))
        .set("bundle", &sent.file)
        .set("note", &sent.note)
        .set("name", &sent.name)
        .set("ref", sent.reference)
        .set("size", sent.size)
        .set("files", sent.files)
        .set("bytes", sent.bytes)
        .set("content", sent.contents.first())
        .set("contents", &sent.contents)
        .set("entry", sent.entry)
        .set("signer", &sent.signer)
        .set("signers", &sent.signers)
        .set("to", partners)
}
