//! How it stands with a partner today: whether what is on record lets something leave. That is a proof, which whoever
//! packs has to show, or a refusal; a reason that somebody gives turns the one into the other, once, and goes on record.

use super::agreements::told;
use super::dossier::{Dossier, Shelf};
use super::partners::{self, Partner};
use super::{Error, Home, Result, Workspace, countersigned};
use crate::format::record::Under;
use crate::format::time::Time;
use crate::policy::agreement::{Evidence, InForce, Lapsed, Required};
use crate::policy::{Refusal, Waiver};

/// How it stands with a partner today.
#[derive(Debug)]
pub struct Standing {
    /// Whether rules were looked at: there are none without a workspace, but for a suspension.
    pub checked: bool,
    /// What lets it have something, or what does not.
    pub outcome: std::result::Result<InForce, Lapsed>,
    /// What on record can't be relied on.
    pub doubts: Vec<String>,
}

/// Looks whether a partner may get something today.
///
/// # Errors
/// No such partner; [`Error::PartnerDiffers`]; a dossier that can't be read. None of these can be overridden.
pub fn stand(home: &Home, workspace: Option<&Workspace>, partner: &str, now: Time) -> Result<Standing> {
    let partner = partners::find(home, partner)?;
    let shelf = Shelf::of(home, workspace);
    let mut dossier = shelf.dossier(&partner)?;
    let required = required(workspace);
    if workspace.is_some() {
        dossier.suspended = dossier.suspended.or(at_home(home, &partner)?.and_then(|dossier| dossier.suspended));
    }
    let doubts = countersigned::review(&shelf, &partner, &mut dossier);
    let outcome = dossier.record(&partner.name).stand(&required, now);
    Ok(Standing { checked: workspace.is_some(), outcome, doubts })
}

/// What a workspace demands; nothing is demanded where there is none.
#[must_use]
pub fn required(workspace: Option<&Workspace>) -> Required {
    let demands = workspace.map(|workspace| &workspace.project.require);
    demands.map_or_else(Required::default, |demands| Required {
        kinds: demands.evidence.clone(),
        countersigned: demands.countersigned,
    })
}

/// The dossier in the home, which a workspace does not replace as far as suspensions go. One about another firm says
/// nothing.
pub(super) fn at_home(home: &Home, partner: &Partner) -> Result<Option<Dossier>> {
    match Shelf::of(home, None).dossier(partner) {
        Ok(dossier) => Ok(Some(dossier)),
        Err(Error::PartnerDiffers { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

impl Standing {
    /// The proof that the partner may get something, if need be by setting aside what says no.
    ///
    /// # Errors
    /// [`Refusal::Lapsed`], if nobody gave a reason to set it aside.
    pub fn demand(self, waiver: &mut Waiver) -> Result<InForce> {
        let lapsed = match self.outcome {
            Ok(proof) => return Ok(proof),
            Err(lapsed) => lapsed,
        };
        let mut proof = None;
        for lapse in lapsed.lapses() {
            let reason = waiver.set_aside(lapsed.partner(), lapse.clone());
            proof = reason.ok().map(|why| lapsed.overridden(why));
        }
        proof.ok_or_else(|| Refusal::from(lapsed).into())
    }
}

/// What the ledger says of a proof: what was in force for whom. What was set aside the waiver knows.
#[must_use]
pub fn under(proof: &InForce) -> Vec<Under> {
    let under = |one: &Evidence| Under { partner: proof.partner().to_owned(), evidence: told(one) };
    proof.counted().iter().map(under).collect()
}
