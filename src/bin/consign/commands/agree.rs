//! `consign agree`: the agreement that a partner offers, shown from the very bytes that are signed, and signed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use consign::class::Class;
use consign::exchange::agreements::Document;
use consign::exchange::countersigned::Offer;
use consign::exchange::disagreement::Disagreement;
use consign::exchange::{self, keys};
use consign::format::date::Date;
use consign::format::version::DOCUMENT_MAX;

use super::opening::explain;
use crate::cli::Agree;
use crate::fault::Failure;
use crate::output::Report;
use crate::prompt;
use crate::world::World;

/// Shows what would be signed, asks, and signs.
pub(crate) fn run(args: &Agree, world: &World) -> Result<Report, Failure> {
    let bytes = world.read(&args.file, DOCUMENT_MAX)?;
    let offer = Offer::read(&world.home, &bytes, world.now).map_err(|e| explain(e, &args.file))?;
    if args.sign_with.is_none()
        && let Some(own) = keys::own_public(&world.home)?
    {
        // Nobody is asked about what is refused anyway.
        offer.ensure_asked(&own.fingerprint())?;
    }
    let compared = compare(args, &offer, world)?;
    let shown = shown(&offer, compared, world);
    if args.dry_run {
        return Ok(shown.line("nothing was signed"));
    }
    if !args.yes {
        let agreed = prompt::yes(world, &shown.text(), "sign this?").map_err(|e| match world.can_ask() {
            true => e,
            false => e.fix("to see it: --dry-run; to sign it without a question: --yes"),
        })?;
        if !agreed {
            return Err(Failure::new("declined", Class::Refused, "you did not say yes"));
        }
    }
    let named: Vec<OsString> = args.sign_with.iter().cloned().collect();
    let signers = world.signers(&named)?;
    let Some(signer) = signers.first() else { return Err(Failure::usage("no key was named")) };
    let out = args.out.clone().unwrap_or_else(|| signed_name(&args.file));
    let entry = offer.accept(&world.home, &**signer, &out, args.force, world.now)?;
    let report = if args.yes { shown } else { fields(Report::new(), &offer) };
    Ok(report
        .fact("signed", format!("{}   send it back to {}", out.display(), offer.partner))
        .fact("ledger", format!("entry {entry}"))
        .next(format!("there: consign partner agree YOU --signed {}", out.display()))
        .set("path", &out)
        .set("entry", entry))
}

/// Whether the document at hand is the one that is agreed to.
fn compare(args: &Agree, offer: &Offer, world: &World) -> Result<bool, Failure> {
    let Some(path) = &args.document else { return Ok(false) };
    let document = Document::read(path, &world.progress).map_err(|e| Failure::from(e).at(path));
    world.progress.clear();
    if document?.digest == offer.signed.agreement.document {
        return Ok(true);
    }
    Err(Failure::from(exchange::Error::from(Disagreement::OtherDocument { path: path.clone() })).at(path))
}

fn shown(offer: &Offer, compared: bool, world: &World) -> Report {
    let says = &offer.signed.agreement;
    let names: Vec<&str> = says.parties.iter().map(|party| party.name.as_str()).collect();
    let ended = if says.until < Date::of(world.now) { "   (it has ended)" } else { "" };
    let hash = match compared {
        true => "the document given with --document",
        false => "not compared with any file: --document FILE does that",
    };
    let report = Report::new()
        .line(format!("{} {}, offered by {}", says.kind, says.reference, offer.partner))
        .fact("between", names.join(" and "))
        .fact("from", says.from.to_string())
        .fact("until", format!("{}{ended}", says.until))
        .fact("document", says.file.as_str())
        .fact("hash", says.document.to_string())
        .fact("", hash)
        .fact("offered", says.at.for_people())
        .fact("signed", format!("by {}   {}", offer.partner, offer.signed.first.fingerprint()))
        .fact("your key", offer.asked.to_string());
    fields(report.set("compared", compared), offer)
}

fn fields(report: Report, offer: &Offer) -> Report {
    report.set("id", offer.signed.id()).set("agreement", &offer.signed.agreement).set("partner", &offer.partner)
}

/// `NAME-signed.agreement`, here, for `NAME.agreement`.
fn signed_name(file: &Path) -> PathBuf {
    let stem = file.file_stem().filter(|stem| *stem != "-").unwrap_or("the".as_ref());
    let mut name = stem.to_owned();
    name.push("-signed.agreement");
    name.into()
}
