//! What should be packed: everything the packer must be told.

use super::select::Selection;
use crate::crypto::{Digest, Signer};
use crate::format::envelope;
use crate::format::time::Time;
use crate::policy::Clearance;

/// What should be packed.
pub struct Order<'a> {
    /// The name of the bundle.
    pub name: &'a str,
    /// Drop, or the drop that a return answers.
    pub kind: envelope::Kind,
    /// What a return answers.
    pub in_reply_to: Option<envelope::BundleRef>,
    /// Now.
    pub created: Time,
    /// When it ends.
    pub expires: Option<Time>,
    /// The sender, as it calls itself.
    pub sender: &'a str,
    /// This program and its version.
    pub tool: &'a str,
    /// The text of `README.txt` after its first line.
    pub readme: &'a str,
    /// The sender's card, if its first signer is the first of `signers`.
    pub card: Option<&'a [u8]>,
    /// Who signs, in this order; at least one.
    pub signers: &'a [&'a dyn Signer],
    /// The parts of the bundle; at least one.
    pub parcels: &'a [Parcel<'a>],
    /// The head of the sender's ledger.
    pub ledger: Option<Digest>,
    /// The zstd level.
    pub level: i32,
    /// How many threads may work; fewer do if volumes are large.
    pub workers: usize,
}

/// One compartment to be.
pub struct Parcel<'a> {
    /// Its files.
    pub selection: &'a Selection,
    /// Who may open it.
    pub clearance: &'a Clearance,
    /// Under which terms.
    pub terms: &'a TermsText,
    /// The scope it was selected by.
    pub scope: &'a str,
    /// What it is for.
    pub purpose: &'a str,
}

/// The terms as the sender states them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TermsText {
    /// A title.
    pub title: String,
    /// Who owns the files.
    pub owner: String,
    /// Their licence.
    pub licence: String,
    /// The class of confidentiality.
    pub class: String,
    /// The agreement they are sent under.
    pub agreement: Option<String>,
    /// The full text.
    pub text: String,
}
