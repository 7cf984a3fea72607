//! `consign init`: a workspace, with the rules that are followed before anything leaves.

use consign::class::Class;
use consign::exchange::founding::{Founding, found};
use consign::exchange::{Workspace, keys};
use consign::files::read_small;
use consign::format::version::TERMS_LINE_MAX;

use crate::cli::Init;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Makes `.consign`.
pub(crate) fn run(args: &Init, world: &World) -> Result<Report, Failure> {
    let terms = match &args.terms {
        None => None,
        Some(file) => {
            let not_text = || Failure::new("usage", Class::Usage, "the terms are not UTF-8 text").at(file);
            Some(String::from_utf8(read_small(file, TERMS_LINE_MAX as u64)?).map_err(|_| not_text())?)
        }
    };
    let licence = args.licence.as_deref().unwrap_or_default();
    let owner = owner(args, world)?;
    let above = Workspace::find(&args.folder, &world.home).ok().flatten();
    let folder = found(&args.folder, &Founding { owner: &owner, licence, terms: terms.as_deref() })?;
    let mut report = Report::new()
        .line(format!("made {} (no secrets in it; commit it)", folder.display()))
        .fact("project.toml", "owner, licence and terms that travel with the code")
        .fact("terms.txt", if terms.is_some() { "the terms, as you gave them" } else { "the terms: read them first" })
        .fact("scopes/", "which files a partner may get")
        .fact("partners/", "each partner's scopes, agreements and audits")
        .fact("ledger/", "a copy of your ledger, all of it: what went out and came back")
        .next("write a scope, scopes/NAME.toml, then: consign scope list")
        .set("path", &folder)
        .set("owner", &owner);
    if let Some(above) = above {
        report = report.note(format!("it lies in another workspace, {}, whose rules end here", above.root().display()));
    }
    Ok(report)
}

fn owner(args: &Init, world: &World) -> Result<String, Failure> {
    if let Some(owner) = &args.owner {
        return Ok(owner.clone());
    }
    let card = keys::own_card(&world.home)?;
    let none = || Failure::usage("whose files are they?").fix("consign init --owner \"FIRM\"");
    card.map(|card| card.card.name).ok_or_else(none)
}
