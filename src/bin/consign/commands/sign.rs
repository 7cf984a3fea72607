//! `consign sign` and `consign finish`: the second signature of a bundle that waits for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use consign::bundle::Requested;
use consign::exchange::cosign::{self, Holders, REQUEST_MAX, Rules};
use consign::exchange::partners::YOU;
use consign::exchange::waiting::{self, Finish as Order};
use consign::files::printable;
use consign::format::entry::{Entry, Kind};
use consign::format::version::README_MAX;
use serde_json::json;

use super::list::as_json;
use super::opening::{count, explain, how, how_json, trust, who};
use crate::cli::{Finish, Sign};
use crate::fault::Failure;
use crate::output::Report;
use crate::progress::bytes;
use crate::prompt;
use crate::world::World;

/// How many files are shown before the question; --dry-run shows all.
const SHOWN: usize = 40;

/// Shows what would be signed, asks, and signs.
pub(crate) fn run(args: &Sign, world: &World) -> Result<Report, Failure> {
    let trust = trust(world, &args.signers)?;
    let bytes = world.read(&args.request, REQUEST_MAX)?;
    let requested =
        cosign::open(&bytes, &world.identities()?, &trust, world.now).map_err(|e| explain(e, &args.request))?;
    let files = entries(&requested)?;
    let holders = Holders::of(&world.home)?;
    let shown = shown(&requested, &holders, &files, if args.dry_run { usize::MAX } else { SHOWN })?;
    if args.dry_run {
        return Ok(shown.line("nothing was signed"));
    }
    // Nobody is asked about what is refused anyway.
    let rules = Rules::of(&world.home, &requested, &trust)?;
    rules.admit_recipients(&requested)?;
    if !args.yes {
        let question = "sign this? [y/N] ";
        let answer = prompt::line(world, &shown.text(), question).map_err(|e| match world.can_ask() {
            true => e,
            false => e.fix("to see it: --dry-run; to sign it without a question: --yes"),
        })?;
        if !matches!(answer.to_lowercase().as_str(), "y" | "yes") {
            return Err(Failure::new("declined", consign::class::Class::Refused, "you did not say yes"));
        }
    }
    let named: Vec<OsString> = args.sign_with.iter().cloned().collect();
    let signers = world.signers(&named)?;
    let Some(signer) = signers.first() else { return Err(Failure::usage("no key was named")) };
    let out = args.out.clone().unwrap_or_else(|| signature_of(&args.request));
    let entry = cosign::sign(&world.home, &requested, &rules, &**signer, &out, args.force, world.now)
        .map_err(|e| asked(e.into(), &requested))?;
    let says = requested.says();
    let report = if args.yes { shown } else { fields(Report::new(), &requested, &holders, &files)? };
    Ok(report
        .fact("signature", format!("{}   send it back to {}", out.display(), says.sender.name))
        .fact("ledger", format!("entry {entry}"))
        .next(format!("there: consign finish {}.consign.waiting {}", says.name, out.display()))
        .set("signature", &out)
        .set("signer", signer.public().fingerprint())
        .set("entry", entry))
}

/// Names the keys that are asked, if this one isn't.
fn asked(failure: Failure, requested: &Requested) -> Failure {
    if failure.word != "not-asked" {
        return failure;
    }
    requested.awaited().iter().fold(failure, |failure, key| failure.fact("it asks", key.to_string()))
}

/// `NAME.signature`, here, for `NAME.sign-request`.
fn signature_of(request: &Path) -> PathBuf {
    let name = request.file_name().map(PathBuf::from).filter(|name| name.as_os_str() != "-");
    name.unwrap_or_else(|| "request".into()).with_extension("signature")
}

fn entries(requested: &Requested) -> Result<Vec<(usize, Entry)>, Failure> {
    let mut all = Vec::new();
    requested.list(&mut |n, entry| {
        all.push((n, entry.clone()));
        Ok(())
    })?;
    Ok(all)
}

fn shown(requested: &Requested, holders: &Holders, files: &[(usize, Entry)], most: usize) -> Result<Report, Failure> {
    let says = requested.says();
    let mut report = Report::new().line(format!("{}, asked for by {}", says.name, says.sender.name));
    for signer in &requested.signers {
        let known = signer.known_as.clone().unwrap_or_else(|| format!("{}, not known here", signer.fingerprint));
        report = report.fact("signed", format!("by {}{}", who(&known, &says.sender.name), how(signer)));
    }
    report = report.fact("made", format!("{}, by {}", says.created.for_people(), says.tool));
    if let Some(expires) = says.expires {
        report = report.fact("ends", expires.for_people());
    }
    for front in &requested.fronts {
        let head = &front.head;
        for recipient in &head.recipients {
            // The packer calls its own firm so.
            let name = if recipient.name == YOU { &says.sender.name } else { &recipient.name };
            // Anybody can call a key what they like; whose it is only a card here can tell.
            let name = match holders.name(&recipient.key) {
                Some(known) => known.to_owned(),
                None => format!("\"{name}\", not known here"),
            };
            report = report.fact("opens it", format!("{name}   {}", short(&recipient.key)));
        }
        if !head.purpose.is_empty() {
            report = report.fact("purpose", head.purpose.as_str());
        }
        for line in front.terms.text.lines() {
            report = report.fact("terms", line);
        }
        report = report.fact("files", format!("{}, {}", count(head.files, "file"), bytes(head.bytes)));
    }
    for (_, entry) in files.iter().take(most) {
        report = report.line(format!("  {}", line(entry)));
    }
    if let Some(more) = files.len().checked_sub(most).filter(|more| *more > 0) {
        report = report.line(format!("  and {more} more; all of them: --dry-run"));
    }
    fields(report, requested, holders, files)
}

fn fields(
    report: Report,
    requested: &Requested,
    holders: &Holders,
    files: &[(usize, Entry)],
) -> Result<Report, Failure> {
    let says = requested.says();
    let recipients = requested.fronts.iter().flat_map(|front| &front.head.recipients);
    let recipients: Vec<_> =
        recipients.map(|r| json!({ "name": r.name, "key": r.key, "known_as": holders.name(&r.key) })).collect();
    let terms: Vec<&str> = requested.fronts.iter().map(|front| front.terms.text.as_str()).collect();
    Ok(report
        .set("ref", requested.reference)
        .set("name", &says.name)
        .set("sender", &says.sender.name)
        .set("created", says.created)
        .set("expires", says.expires)
        .set("signed", requested.signers.iter().map(how_json).collect::<Vec<_>>())
        .set("awaited", requested.awaited())
        .set("recipients", recipients)
        .set("terms", terms)
        .set("files", files.iter().map(|(n, entry)| as_json(*n, entry)).collect::<Vec<_>>()))
}

fn short(key: &str) -> String {
    if key.len() <= 40 { key.to_owned() } else { format!("{}..", key.chars().take(38).collect::<String>()) }
}

/// Hash, size and path.
fn line(entry: &Entry) -> String {
    let path = printable(entry.path.as_str());
    match &entry.kind {
        Kind::File { size, b3, .. } => {
            let hash = b3.to_string();
            format!("{}..  {:>10}  {path}", hash.get(..16).unwrap_or(&hash), bytes(*size))
        }
        Kind::Dir => format!("{:18}  {:>10}  {path}/", "folder", ""),
        Kind::Link { to } => format!("{:18}  {:>10}  {path} -> {}", "link", "", printable(to)),
    }
}

/// Puts the signatures to a bundle that waits for them.
pub(crate) fn finish(args: &Finish, world: &World) -> Result<Report, Failure> {
    let mut signatures = Vec::new();
    for file in &args.signatures {
        signatures.push(world.read(file, README_MAX)?);
    }
    let order = Order { file: &args.waiting, signatures: &signatures, now: world.now };
    let done = waiting::finish(&world.home, &order, &world.progress).map_err(|e| match &e {
        consign::exchange::Error::StillWaiting { missing } => {
            let missing = missing.clone();
            missing.iter().fold(Failure::from(e), |failure, key| failure.fact("by", key))
        }
        _ => e.into(),
    })?;
    world.progress.clear();
    let entry = done.entry.map_or_else(|| "recorded by an earlier run".to_owned(), |n| format!("entry {n}"));
    Ok(Report::new()
        .fact("packed", format!("{}   {}", done.file.display(), bytes(done.size)))
        .fact("signed", format!("by {}", count(done.signers.len() as u64, "key")))
        .fact(
            "locked",
            format!("to {}", if done.partners.is_empty() { "you".to_owned() } else { done.partners.join(", ") }),
        )
        .fact("note", format!("{} tells the vendor what to do", done.note.display()))
        .fact("ledger", entry)
        .set("bundle", &done.file)
        .set("note", &done.note)
        .set("name", &done.name)
        .set("ref", done.reference)
        .set("size", done.size)
        .set("to", &done.partners)
        .set("signers", &done.signers)
        .set("entry", done.entry))
}
