//! A draft: a bundle of which everybody and every name is checked, and no file is read yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Home;
use super::ledger::Claimed;
use super::order::Send;
use crate::bundle::select::Selection;
use crate::crypto::Signer;
use crate::format::card::SignedCard;
use crate::format::record::SentPart;
use crate::format::time::Time;
use crate::policy::agreement::InForce;
use crate::policy::{Assurance, Clearance, ScopeRefusal, Waiver};

/// Checked and listed: everything but reading the files.
pub struct Draft<'a> {
    pub(super) order: &'a Send<'a>,
    pub(super) home: &'a Home,
    /// The compartments to be: for each scope what goes in, and who may open it.
    pub parts: Vec<Part>,
    /// Whoever has no post-quantum key, so that the bundle has none.
    pub classical_because: Vec<String>,
    /// When the cards end that it is locked by, one's own among them.
    pub cards_end: Vec<(String, Time)>,
    /// For each partner, by name, that it may get something today.
    pub proofs: BTreeMap<String, InForce>,
    /// What on record about them can't be relied on.
    pub doubts: Vec<String>,
    /// Which rules were set aside, and why.
    pub waiver: Waiver,
    pub(super) assurance: Assurance,
    pub(super) card: Option<SignedCard>,
    pub(super) name: String,
    pub(super) _claim: Option<Claimed>,
    pub(super) target: Option<PathBuf>,
}

/// One compartment to be.
pub struct Part {
    /// The scope that chose its files; none for the whole folder.
    pub scope: Option<String>,
    /// What it is for.
    pub purpose: String,
    /// What goes in, and what stays out.
    pub selection: Selection,
    /// Who may open it.
    pub clearance: Clearance,
    /// That the scope lets out far more than last time, which somebody should look at.
    pub grown: Option<ScopeRefusal>,
}

impl Part {
    /// Who may open it besides the sender, by name, each once.
    #[must_use]
    pub fn partners(&self) -> Vec<String> {
        let others = self.clearance.recipients().iter().filter(|r| !r.own);
        let mut names: Vec<String> = others.map(|r| r.name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The agreement under which it goes out, if everybody who gets it has the same.
    pub(super) fn agreement(&self) -> Option<String> {
        let mut all = self.clearance.recipients().iter().filter(|r| !r.own).map(|r| r.agreement.as_ref());
        let first = all.next()??;
        all.all(|other| other == Some(first)).then(|| first.clone())
    }

    /// As the ledger keeps it.
    pub(super) fn sent(&self) -> SentPart {
        let (scope, partners) = (self.scope_name().to_owned(), self.partners());
        SentPart { scope, partners, files: self.selection.files(), bytes: self.selection.bytes() }
    }

    /// The scope's name; empty for none.
    #[must_use]
    pub fn scope_name(&self) -> &str {
        self.scope.as_deref().unwrap_or_default()
    }
}

impl Draft<'_> {
    /// Who may open any of it besides the sender, by name, each once.
    #[must_use]
    pub fn partners(&self) -> Vec<String> {
        let mut names: Vec<String> = self.parts.iter().flat_map(Part::partners).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether the rules of a workspace were followed.
    #[must_use]
    pub fn in_workspace(&self) -> bool {
        self.order.workspace.is_some()
    }

    /// How many files go in; one that several partners get counts for each compartment.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.parts.iter().map(|part| part.selection.files()).sum()
    }

    /// How many files the cover note tells of: none, if it would tell one partner about the part of another.
    pub(super) fn files_told(&self) -> Option<u64> {
        match self.parts.as_slice() {
            [one] => Some(one.selection.files()),
            _ => None,
        }
    }

    /// How many bytes they have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.selection.bytes()).sum()
    }

    /// The full id of the commit, for a revision.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.parts.first().and_then(|part| part.selection.revision())
    }

    /// Whether every key to it is a post-quantum one.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.parts.iter().all(|part| part.clearance.is_post_quantum())
    }

    /// What the receiver will see in a folder.
    pub(super) fn file_name(&self) -> String {
        let name = self.target.as_deref().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        name.unwrap_or_else(|| format!("{}.consign", self.name))
    }

    pub(super) fn sender(&self, signer: &dyn Signer) -> String {
        match &self.card {
            Some(card) => card.card.name.clone(),
            None => signer.public().fingerprint().to_string(),
        }
    }

    /// The own card, if its first key is the one that signs.
    pub(super) fn card_bytes(&self, signer: &dyn Signer) -> Option<Vec<u8>> {
        let card = self.card.as_ref()?;
        let fits = card.signers.first() == Some(&signer.public());
        fits.then(|| card.document.to_bytes())
    }
}
