//! A scope that was chosen for somebody: it is read, those who get it may get it, and what it lets out is looked at.

use super::order::Send;
use super::parties::{Group, name_of};
use super::scopes::ScopeFile;
use super::{Error, Home, Ledger, Result, scopes};
use crate::bundle;
use crate::bundle::select::Selection;
use crate::files::Within;
use crate::policy::{Permit, Refusal, Scope, ScopeRefusal, Waiver};

/// A scope, and whom it is chosen for.
pub(super) struct Chosen {
    file: ScopeFile,
    permits: Vec<Permit>,
    /// Where the folder that is packed lies in the workspace.
    place: String,
    /// Files of its last drop.
    last: Option<u64>,
}

/// The scope of a group, if it has one.
///
/// # Errors
/// A scope that is not there or can't be read; [`ScopeRefusal`].
pub(super) fn chosen(home: &Home, order: &Send<'_>, group: &Group, waiver: &mut Waiver) -> Result<Option<Chosen>> {
    let (Some(name), Some(workspace)) = (&group.scope, order.workspace) else { return Ok(None) };
    let file = scopes::find(workspace, name)?;
    let others = group.recipients.iter().map(|key| name_of(key));
    let mut permits = Vec::new();
    for who in group.partners.iter().cloned().chain(others) {
        permits.push(file.rules().permit(&who, order.now, waiver).map_err(Refusal::from)?);
    }
    let outside = || Error::OutsideWorkspace { path: order.path.to_owned(), root: workspace.root().to_owned() };
    let place = workspace.within(order.path).ok_or_else(outside)?;
    let last = Ledger::open(home).last_files(name)?;
    Ok(Some(Chosen { file, permits, place, last }))
}

impl Chosen {
    /// Its list, for the folder that is packed.
    pub(super) fn within(&self) -> Result<Within<'_>> {
        Ok(self.file.within(&self.permits, &self.place).ok_or(bundle::Error::Bug)?)
    }

    /// What the scope says that the files are for.
    pub(super) fn purpose(&self) -> &str {
        self.file.purpose()
    }

    /// Looks at what it lets out: something, no more than it may, and not suddenly far more than last time. What is far
    /// more is given back, if it stops nothing: in a dry run, or where somebody said that it is meant.
    ///
    /// # Errors
    /// [`ScopeRefusal`].
    pub(super) fn judge(
        &self,
        order: &Send<'_>,
        selection: &Selection,
        waiver: &mut Waiver,
    ) -> Result<Option<ScopeRefusal>> {
        let (files, rules) = (selection.files(), self.file.rules());
        rules.holds(files, selection.bytes(), waiver).map_err(Refusal::from)?;
        let (Some(last), Some(permit)) = (self.last, self.permits.first()) else { return Ok(None) };
        match Scope::not_grown(permit, last, files, &mut Waiver::default()) {
            Err(grown) if order.dry_run || order.grown_is_meant => Ok(Some(grown)),
            Err(grown) => Ok(waiver.set_aside(permit.partner(), grown).map(|_| None).map_err(Refusal::from)?),
            Ok(()) => Ok(None),
        }
    }
}
