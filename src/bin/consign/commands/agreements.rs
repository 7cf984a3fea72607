//! `consign partner agree`, `suspend` and `resume`: what was agreed with a partner, and whether it gets anything.

use std::path::{Path, PathBuf};

use consign::exchange::agreements::{self, Context, Document, New};
use consign::exchange::dossier::{Dossier, Shelf};
use consign::exchange::partners::Partner;
use consign::exchange::suspension::{self, Suspended};
use consign::exchange::{Ledger, Workspace, countersigned, mirror, standing};
use consign::format::agreement::{Agreement, EvidenceKind};
use consign::format::version::DOCUMENT_MAX;
use consign::policy::Reason;
use consign::policy::agreement::Evidence;
use serde_json::{Value, json};

use crate::cli::{PartnerAgree, PartnerResume, PartnerSuspend};
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Puts evidence on record, offers an agreement, or takes evidence back.
pub(crate) fn agree(args: &PartnerAgree, world: &World) -> Result<Report, Failure> {
    let place = Place::here(world)?;
    world.home.ensure_writable()?;
    let report = match (&args.signed, &args.withdraw) {
        (Some(file), _) => signed(args, file, &place, world),
        (_, Some(reference)) => withdraw(args, reference, &place, world),
        _ if args.sign => offer(args, &new(args, world)?, &place, world),
        _ => record(args, &new(args, world)?, &place, world),
    }?;
    Ok(place.mirrored(report, world))
}

/// Where something is put on record: the workspace that lies around this folder, or the home.
struct Place {
    workspace: Option<Workspace>,
    signer: Option<consign::crypto::Fingerprint>,
}

impl Place {
    fn here(world: &World) -> Result<Place, Failure> {
        Ok(Place { workspace: Workspace::find(Path::new("."), &world.home)?, signer: world.signer()? })
    }

    fn context<'a>(&'a self, world: &'a World) -> Context<'a> {
        let workspace = self.workspace.as_ref();
        Context { home: &world.home, workspace, now: world.now, signer: self.signer.as_ref() }
    }

    /// Where a partner's file is.
    fn file(&self, partner: &str, world: &World) -> PathBuf {
        Shelf::of(&world.home, self.workspace.as_ref()).file(partner)
    }

    /// Brings the workspace's copy of the ledger up to what was recorded.
    fn mirrored(&self, report: Report, world: &World) -> Report {
        let Some(workspace) = &self.workspace else { return report };
        match mirror::bring_up(&Ledger::open(&world.home), workspace) {
            Ok(_) => report,
            Err(e) => report.note(format!("the workspace's copy of the ledger is not up to it: {e}")),
        }
    }
}

/// What the arguments say.
fn new(args: &PartnerAgree, world: &World) -> Result<New, Failure> {
    let (kind, path) = match (&args.nda, &args.audit, args.evidence.as_deref()) {
        (Some(path), ..) => (EvidenceKind::nda(), path.clone()),
        (_, Some(path), _) => (EvidenceKind::audit(), path.clone()),
        (_, _, Some([kind, path])) => (kind.to_string_lossy().parse::<EvidenceKind>()?, PathBuf::from(path)),
        _ => return Err(Failure::usage("which document? --nda FILE, --audit FILE or --evidence KIND FILE")),
    };
    let until = args.until.ok_or_else(|| Failure::usage("until when? --until DATE"))?;
    let document = Document::read(&path, &world.progress).map_err(|e| Failure::from(e).at(&path));
    world.progress.clear();
    Ok(New {
        kind,
        document: document?,
        from: args.from,
        until,
        reference: args.reference.clone(),
        by: args.by.clone(),
    })
}

fn record(args: &PartnerAgree, new: &New, place: &Place, world: &World) -> Result<Report, Failure> {
    let done = agreements::record(&place.context(world), &args.name, new)?;
    let verb = if done.entry.is_some() { "on record" } else { "already there" };
    let report = described(Report::new(), verb, &args.name, &done.evidence)
        .fact("document", format!("{}; its hash is kept, not the document: keep it", done.evidence.file));
    Ok(closed(report, args, &done.dossier, done.entry, place, world))
}

fn signed(args: &PartnerAgree, file: &Path, place: &Place, world: &World) -> Result<Report, Failure> {
    let bytes = world.read(file, DOCUMENT_MAX)?;
    let done = countersigned::take(&place.context(world), &args.name, &bytes).map_err(|e| Failure::from(e).at(file))?;
    let verb = if done.entry.is_some() { "on record" } else { "already there" };
    let report = described(Report::new(), verb, &args.name, &done.evidence)
        .fact("signed", format!("by you and by {}", args.name));
    Ok(closed(report, args, &done.dossier, done.entry, place, world))
}

fn withdraw(args: &PartnerAgree, reference: &str, place: &Place, world: &World) -> Result<Report, Failure> {
    let why = Reason::parse(args.why.as_deref().unwrap_or_default())?;
    let done = agreements::withdraw(&place.context(world), &args.name, reference, &why)?;
    let verb = if done.entry.is_some() { "withdrawn" } else { "withdrawn already" };
    let report = described(Report::new(), verb, &args.name, &done.evidence);
    Ok(closed(report, args, &done.dossier, done.entry, place, world))
}

/// What all three end with: where it is, and what counts now.
fn closed(
    report: Report,
    args: &PartnerAgree,
    dossier: &Dossier,
    entry: Option<u64>,
    place: &Place,
    world: &World,
) -> Report {
    let path = place.file(&args.name, world);
    let mut report = entered(report, entry).fact("file", path.display().to_string()).set("path", &path);
    for line in state(&args.name, dossier, place.workspace.as_ref(), world) {
        report = report.note(line);
    }
    report
}

fn entered(report: Report, entry: Option<u64>) -> Report {
    match entry {
        Some(entry) => report.set("entry", entry).fact("ledger", format!("entry {entry}")),
        None => report.set("entry", Value::Null),
    }
}

fn described(report: Report, verb: &str, partner: &str, one: &Evidence) -> Report {
    report
        .fact(verb, format!("the {}, {}", one.kind.with(partner), one.reference))
        .fact("days", format!("{} to {}", one.from, one.until))
        .set("partner", partner)
        .set("evidence", as_json(one))
}

/// What is wrong or due with a partner, in sentences.
fn state(partner: &str, dossier: &Dossier, workspace: Option<&Workspace>, world: &World) -> Vec<String> {
    let required = standing::required(workspace);
    let record = dossier.record(partner);
    let mut all: Vec<String> = match record.stand(&required, world.now) {
        Ok(_) => Vec::new(),
        Err(lapsed) => lapsed.lapses().map(ToString::to_string).collect(),
    };
    all.extend(record.due(world.now).iter().map(ToString::to_string));
    all
}

fn offer(args: &PartnerAgree, new: &New, place: &Place, world: &World) -> Result<Report, Failure> {
    let signer = world.signing_key()?;
    let out = |agreement: &Agreement| args.out.clone().unwrap_or_else(|| file_name(&args.name, &agreement.reference));
    let (signed, out, entry) = countersigned::offer(&place.context(world), &args.name, new, &signer, out, args.force)?;
    let says = &signed.agreement;
    let report = Report::new()
        .fact("offered", format!("the {}, {}", says.kind.with(&args.name), says.reference))
        .fact("days", format!("{} to {}", says.from, says.until))
        .fact("document", format!("{}; send it along", says.file))
        .fact("signed", format!("by you; not in force before {} has signed it too", args.name))
        .fact("written", out.display().to_string());
    Ok(entered(report, Some(entry))
        .next(format!("send it to {}, who types: consign agree {}", args.name, out.display()))
        .set("partner", &args.name)
        .set("id", signed.id())
        .set("agreement", says)
        .set("path", &out))
}

/// `PARTNER-REF.agreement`, of characters that every system takes.
fn file_name(partner: &str, reference: &str) -> PathBuf {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain: String = reference.chars().map(|c| if fits(c) { c } else { '-' }).take(60).collect();
    format!("{partner}-{plain}.agreement").into()
}

/// Suspends a partner.
pub(crate) fn suspend(args: &PartnerSuspend, world: &World) -> Result<Report, Failure> {
    let (why, place) = (Reason::parse(&args.why)?, Place::here(world)?);
    world.home.ensure_writable()?;
    let done = suspension::suspend(&place.context(world), &args.name, &why)?;
    let report = suspended("suspended", &args.name, &done).fact("why", done.suspension.why.as_str());
    Ok(place.mirrored(report, world).next(format!("to end it: consign partner resume {}", args.name)))
}

/// Ends a suspension.
pub(crate) fn resume(args: &PartnerResume, world: &World) -> Result<Report, Failure> {
    let place = Place::here(world)?;
    world.home.ensure_writable()?;
    let done = suspension::resume(&place.context(world), &args.name)?;
    Ok(place.mirrored(suspended("resumed", &args.name, &done), world))
}

fn suspended(verb: &str, partner: &str, done: &Suspended) -> Report {
    let since = done.suspension.since;
    let report = Report::new()
        .fact(verb, format!("{partner}; suspended since {}", since.for_people()))
        .set("partner", partner)
        .set("since", since)
        .set("why", &done.suspension.why);
    entered(report, done.entry)
}

/// What is on record for a partner: for `partner show`, all of it; for `partner list`, what is wrong or due.
pub(crate) fn evidence(mut report: Report, partner: &Partner, all: bool, world: &World) -> Result<Report, Failure> {
    let workspace = match Workspace::find(Path::new("."), &world.home) {
        Ok(workspace) => workspace,
        Err(e) => return Ok(report.fact(if all { "evidence" } else { "" }, e.to_string())),
    };
    let shelf = Shelf::of(&world.home, workspace.as_ref());
    let dossier = match shelf.dossier(partner) {
        Ok(dossier) => dossier,
        // One that can't be relied on keeps nobody from looking at partners.
        Err(e) => return Ok(report.fact(if all { "evidence" } else { "" }, e.to_string())),
    };
    if all {
        for one in &dossier.evidence {
            report = report.fact(one.kind.to_string(), line(one));
        }
        report = report
            .set("evidence", dossier.evidence.iter().map(as_json).collect::<Vec<_>>())
            .set("scopes", &dossier.scopes)
            .set("suspended", dossier.suspended.as_ref().map(|s| json!({ "since": s.since, "why": s.why })));
    }
    let standing = match standing::stand(&world.home, workspace.as_ref(), &partner.name, world.now) {
        Ok(standing) => standing,
        Err(e) => return Ok(report.fact("", e.to_string())),
    };
    for doubt in standing.doubts {
        report = report.fact("", doubt);
    }
    let mut told: Vec<String> = match standing.outcome {
        Ok(_) => Vec::new(),
        Err(lapsed) => lapsed.lapses().map(ToString::to_string).collect(),
    };
    told.extend(dossier.record(&partner.name).due(world.now).iter().map(ToString::to_string));
    for line in told {
        report = report.fact("", line);
    }
    Ok(report)
}

fn line(one: &Evidence) -> String {
    let by = one.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    let signed = if one.countersigned.is_some() { ", signed by both" } else { "" };
    let gone = one.withdrawn.as_ref().map(|w| format!("; withdrawn {}: {}", w.at.date(), w.why)).unwrap_or_default();
    format!("{}, {} to {} ({}{by}{signed}){gone}", one.reference, one.from, one.until, one.file)
}

fn as_json(one: &Evidence) -> Value {
    json!({ "kind": one.kind, "reference": one.reference, "digest": one.document, "file": one.file, "from": one.from,
        "until": one.until, "by": one.by, "recorded": one.recorded, "countersigned": one.countersigned,
        "withdrawn": one.withdrawn.as_ref().map(|w| json!({ "at": w.at, "why": w.why })) })
}
