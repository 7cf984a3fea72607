//! Suspending a partner: it gets nothing, in this workspace or from this home, until it is resumed.

use super::agreements::{Context, complete, record_end};
use super::disagreement::Disagreement;
use super::dossier::Shelf;
use super::dossieredit::Edit;
use super::partners;
use super::standing::at_home;
use super::{Error, Ledger, Result};
use crate::format::record::Event;
use crate::policy::Reason;
use crate::policy::agreement::Suspension;

/// What came of it.
#[derive(Debug)]
pub struct Suspended {
    /// The suspension that holds, or that ended.
    pub suspension: Suspension,
    /// The number of the ledger's entry; none if all was there already.
    pub entry: Option<u64>,
}

/// Suspends a partner. That takes effect first, and is recorded then.
///
/// # Errors
/// No such partner, or another firm; what the system says.
pub fn suspend(context: &Context<'_>, partner: &str, why: &Reason) -> Result<Suspended> {
    let partner = partners::find(context.home, partner)?;
    let shelf = Shelf::of(context.home, context.workspace);
    let mut edit = Edit::begin(context.home, &shelf, &partner)?;
    let event = |suspension: &Suspension| {
        let Suspension { since, why } = suspension.clone();
        Event::PartnerSuspended { partner: partner.name.clone(), since, why }
    };
    if let Some(suspension) = edit.dossier.suspended.clone() {
        let entry = complete(context, &event(&suspension), &["since"])?;
        return Ok(Suspended { suspension, entry });
    }
    let suspension = Suspension { since: context.now, why: why.as_str().to_owned() };
    edit.suspend(Some(suspension.clone()));
    edit.prepare()?.publish()?;
    let entry = record_end(context, &event(&suspension))?;
    Ok(Suspended { suspension, entry: Some(entry) })
}

/// Ends the suspension of a partner, wherever it stands: in the workspace, in the home, or in both. It is recorded first.
///
/// # Errors
/// [`Disagreement::NotSuspended`]; no such partner, or another firm; what the system says.
pub fn resume(context: &Context<'_>, partner: &str) -> Result<Suspended> {
    let partner = partners::find(context.home, partner)?;
    let mut shelves = vec![Shelf::of(context.home, context.workspace)];
    if context.workspace.is_some() && at_home(context.home, &partner)?.is_some_and(|home| home.suspended.is_some()) {
        shelves.push(Shelf::of(context.home, None));
    }
    let (mut prepared, mut ended) = (Vec::new(), None);
    for shelf in &shelves {
        let mut edit = Edit::begin(context.home, shelf, &partner)?;
        if let Some(suspension) = edit.dossier.suspended.clone() {
            ended = ended.or(Some(suspension));
            edit.suspend(None);
            prepared.push(edit.prepare()?);
        }
    }
    let Some(suspension) = ended else {
        return Err(Disagreement::NotSuspended { partner: partner.name }.into());
    };
    let event = Event::PartnerResumed { partner: partner.name, since: suspension.since };
    let entry = Ledger::open(context.home).append(&event, context.now, context.signer)?;
    for one in prepared {
        one.publish().map_err(|e| Error::unfinished("it is in the ledger, but the partner is still suspended", e))?;
    }
    Ok(Suspended { suspension, entry: Some(entry) })
}
