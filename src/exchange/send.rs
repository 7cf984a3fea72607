//! Sending, the first half: order → clearance → selection, for each compartment. Everything is checked and listed,
//! nothing is read yet; the second half is `ship`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::chosen::{Chosen, chosen};
pub use super::draft::{Draft, Part};
use super::ledger::Claimed;
pub use super::order::{Output, Send, To};
use super::output::{check_output, keep_out};
pub use super::parties::own_locks;
use super::parties::{Group, Lockers, groups, name_of};
pub use super::ship::Shipment;
use super::{Config, Error, Home, Ledger, Result, keys, partners, standing};
use crate::bundle;
use crate::bundle::select::{self, Selection};
use crate::files::{self, Progress};
use crate::format::envelope::valid_name;
use crate::policy::agreement::InForce;
use crate::policy::{Refusal, Waiver};

/// Checks everybody, then lists the files. Nothing is read and nothing written yet, but for a claim on the name.
///
/// # Errors
/// Refusals, a home that can't record, an output that is there, names and files that can't be sent.
pub fn draft<'a>(home: &'a Home, order: &'a Send<'a>, progress: &dyn Progress) -> Result<Draft<'a>> {
    let assurance = Config::of(home)?.assurance;
    let mut waiver = Waiver::new(order.override_why.cloned());
    if order.workspace.is_some() {
        for key in order.recipients {
            waiver.set_aside("", Refusal::NotAPartner { name: name_of(key) })?;
        }
    }
    let groups = groups(order)?;
    let (proofs, doubts) = proofs(home, order, &groups, &mut waiver)?;
    let lockers: Vec<Lockers> =
        groups.iter().map(|group| Lockers::of(home, order, group, &proofs, &assurance)).collect::<Result<_>>()?;
    if order.own.is_empty() {
        return Err(Error::NoKeyHere { path: home.path().to_owned() });
    }
    let card = keys::own_card(home)?;
    let own_end = card.as_ref().and_then(|card| card.card.expires).map(|end| (partners::YOU.to_owned(), end));
    let mut cards_end: Vec<_> = lockers.iter().flat_map(|l| l.cards_end.iter().cloned()).chain(own_end).collect();
    cards_end.sort();
    cards_end.dedup();
    let mut classical_because: Vec<_> = lockers.iter().flat_map(|l| l.classical_because.iter().cloned()).collect();
    classical_because.sort();
    classical_because.dedup();
    let (name, claim) = if order.dry_run { (String::new(), None) } else { name(home, order, groups.len())? };
    let target = target(order, &name);
    if let Some(target) = target.as_deref().filter(|_| !order.dry_run) {
        check_output(order, target)?;
    }
    let keep_out = keep_out(home, order, target.as_deref())?;
    let mut parts = Vec::with_capacity(groups.len());
    for (group, Lockers { clearance, .. }) in groups.into_iter().zip(lockers) {
        let chosen = chosen(home, order, &group, &mut waiver)?;
        let selection = select(order, chosen.as_ref(), &keep_out, progress)?;
        let purpose = purpose(order, chosen.as_ref());
        let grown = match &chosen {
            Some(chosen) => chosen.judge(order, &selection, &mut waiver)?,
            None => None,
        };
        parts.push(Part { scope: group.scope, purpose, selection, clearance, grown });
    }
    let _claim = claim;
    Ok(Draft {
        order,
        home,
        parts,
        classical_because,
        cards_end,
        proofs,
        doubts,
        waiver,
        assurance,
        card,
        name,
        _claim,
        target,
    })
}

/// For each partner the proof that it may get something today, and what on record can't be relied on.
fn proofs(
    home: &Home,
    order: &Send<'_>,
    groups: &[Group],
    waiver: &mut Waiver,
) -> Result<(BTreeMap<String, InForce>, Vec<String>)> {
    let (mut proofs, mut doubts) = (BTreeMap::new(), Vec::new());
    for partner in groups.iter().flat_map(|group| &group.partners) {
        if !proofs.contains_key(partner) {
            let standing = standing::stand(home, order.workspace, partner, order.now)?;
            doubts.extend(standing.doubts.iter().cloned());
            proofs.insert(partner.clone(), standing.demand(waiver)?);
        }
    }
    Ok((proofs, doubts))
}

/// What the sender says it is for, else what the scope does.
fn purpose(order: &Send<'_>, chosen: Option<&Chosen>) -> String {
    let said = Some(order.purpose).filter(|said| !said.is_empty());
    said.or_else(|| chosen.map(Chosen::purpose)).unwrap_or_default().to_owned()
}

/// Lists what one compartment will hold.
fn select(
    order: &Send<'_>,
    chosen: Option<&Chosen>,
    keep_out: &[PathBuf],
    progress: &dyn Progress,
) -> Result<Selection> {
    let from = match order.rev {
        Some(rev) => select::From::Revision { repo: order.path, rev },
        None => select::From::Folder(order.path),
    };
    let scope = chosen.map(Chosen::within).transpose()?;
    let order = select::Order {
        from,
        globs: order.globs,
        scope,
        allow_unportable: order.allow_unportable,
        latest: order.latest,
        keep_out,
        survey: order.dry_run,
    };
    let selection = Selection::of(&order, progress)?;
    // An empty scope has a word of its own.
    if selection.is_empty() && scope.is_none() { Err(bundle::Error::NothingToSend.into()) } else { Ok(selection) }
}

fn target(order: &Send<'_>, name: &str) -> Option<PathBuf> {
    match order.out {
        Output::Folder(folder) => Some(folder.join(format!("{name}.consign"))),
        Output::File(file) => Some(Path::to_owned(file)),
        Output::Stream => None,
    }
}

fn name(home: &Home, order: &Send<'_>, parts: usize) -> Result<(String, Option<Claimed>)> {
    home.ensure_writable()?;
    if let Some(name) = order.name {
        if !valid_name(name) {
            return Err(Error::BadBundleName { name: name.to_owned() });
        }
        return Ok((name.to_owned(), None));
    }
    let prefix = match order.to.first() {
        // A bundle of several parts is not called by one of its receivers: the others need not know.
        Some(_) if parts > 1 => "drop".to_owned(),
        Some(to) => to.partner.clone(),
        None => {
            let path = order.path.canonicalize().map_err(files::io_at("read", order.path))?;
            path.file_name().map_or_else(|| "bundle".to_owned(), |n| n.to_string_lossy().into_owned())
        }
    };
    let claim = Ledger::open(home).claim_name(&prefix)?;
    Ok((claim.name.clone(), Some(claim)))
}
