//! Whether what let a bundle go when it was packed still does when the last signature has come: days or weeks may lie
//! between, and until then nothing has left.

use std::path::Path;

use super::workspace::FOLDER;
use super::{Error, Home, Result, Workspace, partners, scopes, standing};
use crate::class::Fault;
use crate::format::record::Sent;
use crate::format::time::Time;
use crate::policy::{Refusal, Waiver};

/// Looks again at every partner's standing, and at every scope. What was set aside when it was packed stays so.
///
/// # Errors
/// The refusal of today; a workspace that is gone, or rules that can't be read.
pub(super) fn allowed(home: &Home, root: Option<&Path>, sent: &Sent, now: Time) -> Result<()> {
    let gone = |root: &Path| Error::WorkspaceBroken { path: root.join(FOLDER) };
    let workspace = match root {
        Some(root) => Some(Workspace::find(root, home)?.ok_or_else(|| gone(root))?),
        None => None,
    };
    let aside = |partner: &str, word: &str| {
        let about = |one: &&crate::format::record::Overridden| one.partner == partner || one.partner.is_empty();
        sent.overridden.iter().filter(about).any(|one| one.rules.iter().any(|rule| rule == word))
    };
    let known: Vec<String> = partners::list(home)?.into_iter().map(|partner| partner.name).collect();
    // A recipient without a partner has no standing; that was set aside, or there is no workspace.
    for partner in sent.partners.iter().filter(|name| known.contains(name)) {
        let standing = standing::stand(home, workspace.as_ref(), partner, now)?;
        if let Err(lapsed) = standing.outcome
            && lapsed.lapses().any(|lapse| !aside(partner, lapse.word()))
        {
            return Err(Refusal::from(lapsed).into());
        }
    }
    let Some(workspace) = workspace else { return Ok(()) };
    for part in sent.parts.iter().filter(|part| !part.scope.is_empty()) {
        let scope = scopes::find(&workspace, &part.scope)?;
        for partner in part.partners.iter().filter(|name| known.contains(name)) {
            match scope.rules().permit(partner, now, &mut Waiver::default()) {
                Err(refusal) if !aside(partner, refusal.word()) => return Err(Refusal::from(refusal).into()),
                _ => {}
            }
        }
    }
    Ok(())
}
