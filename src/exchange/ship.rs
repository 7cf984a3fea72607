//! The second half of sending: payload, synced → private part and ledger line, synced → tail, sync, rename (FORMAT
//! §1.3, P9). Nothing that anybody could open exists before its ledger line is safe.

use std::io::Write;
use std::path::PathBuf;

use super::draft::{Draft, Part};
use super::note::Note;
use super::output::note_of;
use super::privatepart::{PrivateCompartment, PrivatePart, secret_json};
use super::{Error, Ledger, Result, mirror, partners, scan, standing, words};
use crate::bundle::{self, Parcel, Sealed, TermsText};
use crate::class::Fault;
use crate::crypto::{self, Digest, Signer, digest, encrypt_to};
use crate::files::{self, Pending, Progress};
use crate::format::envelope::{BundleRef, Kind};
use crate::format::record::{Event, Overridden, Sent};
use crate::policy;

/// What was sent.
#[derive(Debug)]
pub struct Shipment {
    /// The name of the bundle.
    pub name: String,
    /// Its file; none for a stream.
    pub file: Option<PathBuf>,
    /// Its cover note.
    pub note: Option<PathBuf>,
    /// H(envelope.json).
    pub reference: BundleRef,
    /// Its length in bytes.
    pub size: u64,
    /// Files in it.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The content id of each compartment.
    pub contents: Vec<Digest>,
    /// The number of the ledger entry, from 1.
    pub entry: u64,
    /// Who signed first.
    pub signer: crypto::Fingerprint,
    /// All who signed, in order.
    pub signers: Vec<crypto::Fingerprint>,
    /// Why the workspace's copy of the ledger is not up to it, if it is not.
    pub copy_behind: Option<String>,
}

impl Draft<'_> {
    /// Packs, records and publishes. The first of `signers` is the sender. `stream` is where a bundle without a file goes.
    ///
    /// # Errors
    /// Anything that fails before the tail leaves nothing that can be opened; after it, the ledger has a line.
    pub fn ship(
        self,
        signers: &[&dyn Signer],
        stream: Option<&mut dyn Write>,
        progress: &dyn Progress,
    ) -> Result<Shipment> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        self.check_signers(signers.iter().map(|signer| signer.public()))?;
        match (&self.target, stream) {
            (Some(target), None) => {
                let mut pending = Pending::create(target, self.order.force)?;
                let sealed = self.payload(signers, &[], &mut pending, progress)?;
                pending.sync()?;
                let entry = self.record(&sealed, signer)?;
                let mut note = Pending::create(&note_of(target), self.order.force)?;
                let text = self.note_text(signer)?;
                note.write_all(text.as_bytes()).map_err(files::io_at("write", note.target()))?;
                pending.write_all(&sealed.tail).map_err(files::io_at("write", target))?;
                pending.publish()?;
                note.publish().map_err(|e| Error::after(target, e))?;
                self.shipment(&sealed, signers, entry, Some(note_of(target)))
            }
            (None, Some(stream)) => {
                let sealed = self.payload(signers, &[], stream, progress)?;
                stream.flush().map_err(bundle::Error::Output)?;
                let entry = self.record(&sealed, signer)?;
                stream.write_all(&sealed.tail).and_then(|()| stream.flush()).map_err(bundle::Error::Output)?;
                self.shipment(&sealed, signers, entry, None)
            }
            _ => Err(bundle::Error::Bug.into()),
        }
    }

    /// Every signature of a bundle is by a key that is demanded of it.
    pub(super) fn check_signers(&self, signers: impl Iterator<Item = crypto::PublicKey>) -> Result<()> {
        for signer in signers {
            let checked = self.assurance.ensure_signer(
                &signer,
                partners::YOU,
                self.order.to.iter().map(|to| to.partner.as_str()),
            );
            checked.map_err(policy::Refusal::from)?;
        }
        Ok(())
    }

    pub(super) fn payload(
        &self,
        signers: &[&dyn Signer],
        awaited: &[crypto::Fingerprint],
        out: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<Sealed> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        let sender = self.sender(signer);
        let terms: Vec<TermsText> = self.parts.iter().map(|part| self.terms(part)).collect();
        let parcels: Vec<Parcel<'_>> =
            self.parts.iter().zip(&terms).map(|(part, terms)| self.parcel(part, terms)).collect();
        let card = self.card_bytes(signer);
        let public = signer.public();
        let (file, files) = (self.file_name(), self.files_told());
        let (parts, card_is_in) = (self.parts.len(), card.is_some());
        let note = Note { file: &file, sender: &sender, signer: &public, files, parts, card: card_is_in };
        let head = Ledger::open(self.home).head()?;
        let order = bundle::Order {
            name: &self.name,
            kind: Kind::Drop,
            in_reply_to: None,
            created: self.order.now,
            expires: self.order.expires,
            sender: &sender,
            tool: self.order.tool,
            readme: &note.readme()?,
            card: card.as_deref(),
            signers,
            parcels: &parcels,
            ledger: (head.entries > 0).then_some(head.head),
            level: self.order.level,
            workers: self.order.workers,
        };
        match bundle::pack_awaiting(&order, awaited, out, self.order.screen, progress) {
            Err(bundle::Error::Screened) => Err(self.refusal(progress)),
            packed => Ok(packed?),
        }
    }

    /// Everything that the screen has to say of the files, since it stopped them.
    fn refusal(&self, progress: &dyn Progress) -> Error {
        let selections: Vec<_> = self.parts.iter().map(|part| &part.selection).collect();
        scan::refusal(self.order.screen, &selections, self.order.workers, progress)
    }

    fn parcel<'p>(&'p self, part: &'p Part, terms: &'p TermsText) -> Parcel<'p> {
        Parcel {
            selection: &part.selection,
            clearance: &part.clearance,
            terms,
            scope: part.scope_name(),
            purpose: &part.purpose,
        }
    }

    /// What one compartment says about its owner, its licence and its terms. Without a workspace the owner is the sender.
    fn terms(&self, part: &Part) -> TermsText {
        let firm = || self.card.as_ref().map_or_else(String::new, |c| c.card.name.clone());
        let project = self.order.workspace.map(|workspace| &workspace.project);
        TermsText {
            owner: project.map_or_else(firm, |project| project.owner.clone()),
            licence: project.map(|project| project.licence.clone()).unwrap_or_default(),
            class: project.map(|project| project.terms.class.clone()).unwrap_or_default(),
            title: project.map(|project| project.terms.title.clone()).unwrap_or_default(),
            agreement: part.agreement(),
            text: self.order.terms.map(str::to_owned).or_else(|| Some(project?.terms.text.clone())).unwrap_or_default(),
        }
    }

    /// The text of the cover note.
    pub(super) fn note_text(&self, signer: &dyn Signer) -> Result<String> {
        self.note(signer).cover(&words::of(self.home, signer)?)
    }

    fn note<'n>(&'n self, signer: &'n dyn Signer) -> OwnedNote {
        let files = self.files_told();
        let card = self.card_bytes(signer).is_some();
        OwnedNote {
            file: self.file_name(),
            sender: self.sender(signer),
            signer: signer.public(),
            files,
            parts: self.parts.len(),
            card,
        }
    }

    /// The private part and the line, both synced.
    fn record(&self, sealed: &Sealed, signer: &dyn Signer) -> Result<u64> {
        let ledger = Ledger::open(self.home);
        let sent = self.sent(sealed)?;
        let signer = signer.public().fingerprint();
        let entry = ledger.append(&Event::Drop(sent), self.order.now, Some(&signer));
        entry.inspect_err(|_| ledger.remove_private(&sealed.reference.to_string()))
    }

    /// What was set aside, for the record.
    fn overridden(&self) -> Vec<Overridden> {
        // Only a person who was asked lets a scope grow without a reason.
        let grown = self.parts.iter().filter_map(|part| part.grown.as_ref());
        let asked = grown.map(|grown| Overridden {
            partner: String::new(),
            rules: vec![grown.word().to_owned()],
            why: "asked on the terminal, and answered yes".to_owned(),
        });
        let mut all: Vec<Overridden> = asked.collect();
        let Some(why) = self.waiver.reason() else { return all };
        for waived in self.waiver.used() {
            match all.iter_mut().find(|one| one.partner == waived.partner) {
                Some(one) => one.rules.push(waived.word.to_owned()),
                None => all.push(Overridden {
                    partner: waived.partner.clone(),
                    rules: vec![waived.word.to_owned()],
                    why: why.as_str().to_owned(),
                }),
            }
        }
        all
    }

    /// Brings the workspace's copy of the ledger up. The chain in the home is safe by then, so this fails nothing.
    pub(super) fn copy_behind(&self) -> Option<String> {
        let workspace = self.order.workspace?;
        mirror::bring_up(&Ledger::open(self.home), workspace).err().map(|e| e.to_string())
    }

    /// Writes the private part, and says what the line will say.
    pub(super) fn sent(&self, sealed: &Sealed) -> Result<Sent> {
        let private = self.private(sealed)?;
        let private = Ledger::open(self.home).write_private(&sealed.reference.to_string(), &private)?;
        Ok(Sent {
            reference: sealed.reference,
            name: self.name.clone(),
            partners: self.partners(),
            scope: self.parts.iter().map(Part::scope_name).filter(|s| !s.is_empty()).collect::<Vec<_>>().join(","),
            revision: self.revision().map(str::to_owned),
            contents: sealed.compartments.iter().map(|c| c.head.content).collect(),
            terms: sealed.compartments.iter().map(|c| digest(&c.terms_line)).collect(),
            private,
            parts: self.parts.iter().map(Part::sent).collect(),
            agreements: self.proofs.values().flat_map(standing::under).collect(),
            overridden: self.overridden(),
            allowed: self.order.screen.seen().allowed.len() as u64,
        })
    }

    /// What only the sender may know: FORMAT §5.10.
    fn private(&self, sealed: &Sealed) -> Result<Vec<u8>> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let compartments =
            sealed.compartments.iter().zip(&self.parts).enumerate().map(|(n, (c, part))| PrivateCompartment {
                n: n as u64,
                identity: &c.identity,
                x: c.possession,
                recipients: c.head.recipients.clone(),
                agreement: part.agreement(),
                scope: c.head.scope.clone(),
                revision: self.revision().map(str::to_owned),
                terms: text(&c.terms_line),
            });
        let part = PrivatePart { bundle: sealed.reference, compartments: compartments.collect() };
        let plain = secret_json(&part).map_err(|_| bundle::Error::Bug)?;
        let mut own: Vec<crypto::Recipient> =
            self.order.own.strongest().iter().map(|r| r.parse()).collect::<crypto::Result<_>>()?;
        if let Some(plugins) = self.order.plugins {
            own = own.into_iter().map(|r| r.with_plugins(plugins)).collect();
        }
        Ok(encrypt_to(&own, plain.expose())?)
    }

    fn shipment(
        &self,
        sealed: &Sealed,
        signers: &[&dyn Signer],
        entry: u64,
        note: Option<PathBuf>,
    ) -> Result<Shipment> {
        let signer = *signers.first().ok_or(bundle::Error::Bug)?;
        Ok(Shipment {
            name: self.name.clone(),
            file: self.target.clone(),
            note,
            reference: sealed.reference,
            size: sealed.size,
            files: self.files(),
            bytes: self.bytes(),
            contents: sealed.compartments.iter().map(|c| c.head.content).collect(),
            entry,
            signer: signer.public().fingerprint(),
            signers: signers.iter().map(|signer| signer.public().fingerprint()).collect(),
            copy_behind: self.copy_behind(),
        })
    }
}

struct OwnedNote {
    file: String,
    sender: String,
    signer: crypto::PublicKey,
    files: Option<u64>,
    parts: usize,
    card: bool,
}

impl OwnedNote {
    fn cover(&self, words: &str) -> Result<String> {
        let (file, sender, signer) = (self.file.as_str(), self.sender.as_str(), &self.signer);
        Note { file, sender, signer, files: self.files, parts: self.parts, card: self.card }.cover(words)
    }
}
