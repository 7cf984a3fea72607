//! Ledger lines and their chain (FORMAT §5.9).

use serde::{Deserialize, Serialize};

use super::agreement::EvidenceKind;
use super::date::Date;
use super::envelope::BundleRef;
use super::error::{changed, too_large};
use super::terms::TermsId;
use super::time::Time;
use super::version::LINE_MAX;
use super::{Result, json};
use crate::crypto::{Digest, Fingerprint, Hex, digest};

/// Names one signing key on one machine.
pub type Writer = Hex<8>;

/// What every line holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 0.
    pub n: u64,
    /// Who writes.
    pub writer: Writer,
    /// H(line before); zeros first.
    pub prev: Digest,
    /// When, by the writer's clock.
    pub at: Time,
    /// The signing key in use; none for a writer that has none.
    #[serde(deserialize_with = "json::nullable")]
    pub signer: Option<Fingerprint>,
    /// What happened. Words that a reader does not know are kept.
    pub event: String,
    /// The fields of the event.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A drop went out.
    Drop(Sent),
    /// A return went out.
    Return(Sent),
    /// A drop was packed that awaits signatures; nobody can open it yet.
    Waiting {
        /// The bundle.
        #[serde(rename = "ref")]
        reference: BundleRef,
        /// Its name.
        name: String,
        /// To whom it will go.
        partners: Vec<String>,
        /// Whose signatures are awaited.
        awaited: Vec<Fingerprint>,
    },
    /// Somebody else's bundle was signed here as well.
    Signed {
        /// The bundle.
        #[serde(rename = "ref")]
        reference: BundleRef,
        /// Its name.
        name: String,
        /// Who asked for it, by the name here.
        partner: String,
        /// To whom it goes, as the sender calls them.
        partners: Vec<String>,
        /// The key that signed.
        by: Fingerprint,
        /// Content ids of the compartments.
        contents: Vec<Digest>,
    },
    /// A bundle was unpacked here.
    Received {
        /// The bundle.
        #[serde(rename = "ref")]
        reference: BundleRef,
        /// Its name.
        name: String,
        /// The partner it came from.
        partner: String,
        /// The key that signed it.
        by: Fingerprint,
        /// Content ids of the compartments unpacked.
        contents: Vec<Digest>,
        /// Hashes of their terms lines.
        terms: Vec<Digest>,
        /// The ids of the terms that were accepted, if it states any.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        accepted: Vec<TermsId>,
        /// How they were accepted: `flag`, `id`, `asked`, `before`.
        #[serde(skip_serializing_if = "Option::is_none")]
        how: Option<String>,
        /// How many files were left out, if it was salvaged from a damaged copy.
        #[serde(skip_serializing_if = "Option::is_none")]
        missing: Option<u64>,
    },
    /// The terms of a bundle were accepted here, before a part of it was shown.
    Accepted {
        /// The bundle.
        #[serde(rename = "ref")]
        reference: BundleRef,
        /// Its name.
        name: String,
        /// The partner it came from.
        partner: String,
        /// The key that signed it.
        by: Fingerprint,
        /// Hashes of the terms lines.
        terms: Vec<Digest>,
        /// The ids of the terms.
        accepted: Vec<TermsId>,
        /// How they were accepted.
        how: String,
    },
    /// A partner's card, or its SSH keys, were put on record.
    PartnerAdded {
        /// Its name here.
        partner: String,
        /// The card's id.
        #[serde(skip_serializing_if = "Option::is_none")]
        card: Option<Digest>,
        /// The keys that may sign, if there is no card.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        keys: Vec<Fingerprint>,
        /// How it was checked.
        checked: String,
    },
    /// A partner was taken off.
    PartnerRemoved {
        /// Its name here.
        partner: String,
    },
    /// An agreement with a partner, or other evidence on it, was put on record.
    AgreementRecorded {
        /// Its name here.
        partner: String,
        /// What it is.
        #[serde(flatten)]
        evidence: Evidence,
        /// Its days.
        #[serde(flatten)]
        days: Days,
        /// Who made it, if it says so.
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        /// The document that both signed.
        #[serde(skip_serializing_if = "Option::is_none")]
        countersigned: Option<Digest>,
    },
    /// Evidence on record counts no more.
    AgreementWithdrawn {
        /// Its name here.
        partner: String,
        /// What it is.
        #[serde(flatten)]
        evidence: Evidence,
        /// Why.
        why: String,
    },
    /// An agreement was signed here first, for a partner to accept.
    AgreementOffered {
        /// Its name here.
        partner: String,
        /// The document to sign.
        id: Digest,
        /// What it is.
        #[serde(flatten)]
        evidence: Evidence,
        /// Its days.
        #[serde(flatten)]
        days: Days,
    },
    /// An agreement that a partner offered was signed here too.
    AgreementAccepted {
        /// Its name here.
        partner: String,
        /// The document that was signed.
        id: Digest,
        /// What it is.
        #[serde(flatten)]
        evidence: Evidence,
        /// Its days.
        #[serde(flatten)]
        days: Days,
        /// The key that signed.
        by: Fingerprint,
    },
    /// An agreement on record has both signatures now.
    AgreementCountersigned {
        /// Its name here.
        partner: String,
        /// The document that both signed.
        id: Digest,
        /// What it is.
        #[serde(flatten)]
        evidence: Evidence,
    },
    /// A partner gets nothing until it is resumed.
    PartnerSuspended {
        /// Its name here.
        partner: String,
        /// Since when.
        since: Time,
        /// Why.
        why: String,
    },
    /// A suspension ended.
    PartnerResumed {
        /// Its name here.
        partner: String,
        /// Since when it was suspended.
        since: Time,
    },
    /// Keys were made.
    KeyMade {
        /// The card's id.
        card: Digest,
    },
    /// The firm's own card was replaced.
    CardChanged {
        /// The new card's id.
        card: Digest,
        /// Its number.
        number: u64,
        /// Why: `rotated`, `renewed`, `key-added`, `key-removed`, `joined`.
        why: String,
    },
    /// A copy of the keys was made.
    KeyCopied {
        /// The card's id at that time.
        card: Digest,
        /// `file` or `paper`.
        form: String,
    },
    /// Keys were put back from a copy.
    KeyRestored {
        /// The card's id now.
        card: Digest,
        /// The id of the card that the copy is of.
        from: Digest,
        /// `file` or `paper`.
        form: String,
    },
    /// Further keys came into this home.
    KeyImported {
        /// Hashes of their public halves.
        keys: Vec<Digest>,
    },
}

/// Evidence on a partner: what it is, what it is called, and the hash of its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is.
    pub kind: EvidenceKind,
    /// What it is called.
    pub reference: String,
    /// H(the document).
    pub document: Digest,
}

/// The first and the last day of an agreement, or of other evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub until: Date,
}

/// Evidence that was in force for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Under {
    /// The partner.
    pub partner: String,
    /// What it is.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// Rules that were set aside for one bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overridden {
    /// The partner that they are about; empty for all of the bundle.
    pub partner: String,
    /// The words of those that said no.
    pub rules: Vec<String>,
    /// The reason that was given.
    pub why: String,
}

/// The line of a drop or a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The bundle.
    #[serde(rename = "ref")]
    pub reference: BundleRef,
    /// Its name.
    pub name: String,
    /// To whom, by their names here; recipients without a name by their recipient string.
    pub partners: Vec<String>,
    /// The scope.
    pub scope: String,
    /// The git revision, if it was made from one.
    #[serde(deserialize_with = "json::nullable")]
    pub revision: Option<String>,
    /// Content ids of the compartments.
    pub contents: Vec<Digest>,
    /// Hashes of their terms lines.
    pub terms: Vec<Digest>,
    /// H of the private part's file.
    pub private: Digest,
    /// What each compartment holds and who gets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<SentPart>,
    /// What was in force for whom.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreements: Vec<Under>,
    /// The rules that were set aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<Overridden>,
    /// How many entries of the allow list let something out that the gate found.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub allowed: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One compartment of a drop or a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentPart {
    /// The scope that chose its files; empty for none.
    pub scope: String,
    /// To whom, as in [`Sent`].
    pub partners: Vec<String>,
    /// How many files.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Lines so far.
    pub entries: u64,
    /// H(last line); zeros when there is none.
    pub head: Digest,
}

impl Default for Head {
    fn default() -> Self {
        Head { entries: 0, head: Hex([0; 32]) }
    }
}

impl Head {
    /// Spells the next line (without LF).
    ///
    /// # Errors
    /// [`super::Error::TooLarge`] beyond 64 KiB.
    pub fn next_line(&self, writer: Writer, at: Time, signer: Option<&Fingerprint>, event: &Event) -> Result<Vec<u8>> {
        let bad = |e: serde_json::Error| changed("ledger line", e.to_string());
        let mut fields = serde_json::to_value(event).map_err(bad)?;
        let fields = fields.as_object_mut().map(std::mem::take).unwrap_or_default();
        let mut rest = fields;
        let event = rest.remove("event").and_then(|w| w.as_str().map(str::to_owned)).unwrap_or_default();
        let line = Line { n: self.entries, writer, prev: self.head, at, signer: signer.cloned(), event, fields: rest };
        let line = serde_json::to_vec(&line).map_err(bad)?;
        if line.len() > LINE_MAX { Err(too_large("ledger line", "64 KiB at most")) } else { Ok(line) }
    }

    /// Checks that `line` (without LF) follows, and moves on.
    ///
    /// # Errors
    /// [`super::Error::Changed`] naming the line.
    pub fn follow(&mut self, line: &[u8]) -> Result<Line> {
        let part = format!("ledger line {}", self.entries + 1);
        if line.len() > LINE_MAX {
            return Err(too_large(part, "64 KiB at most"));
        }
        let parsed: Line = json::parse(line, &part)?;
        if parsed.n != self.entries || parsed.prev != self.head {
            return Err(changed(part, "it does not follow the line before"));
        }
        *self = Head { entries: self.entries + 1, head: digest(line) };
        Ok(parsed)
    }
}
