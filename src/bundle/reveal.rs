//! Revealing: the compartment keys that this reader's identities open, and the manifests behind them, checked
//! against the envelope in both directions (FORMAT §1.4, §2.5, §4.3).

use std::collections::BTreeSet;

use super::lines::{KEPT_MAX, Lines};
use super::verify::{Trusted, volume_member_max};
use super::{Error, Result};
use crate::crypto::{self, CompartmentKey, Digest, Fingerprint, Identities, Recipient, Tag, digest};
use crate::format::card::CardError;
use crate::format::container::Member;
use crate::format::entries::Entries;
use crate::format::envelope::{Compartment, Predicate};
use crate::format::keyfile::KeyFile;
use crate::format::manifest::{Front, Head, Parent};
use crate::format::version::{KEY_PLAIN_MAX, TERMS_LINE_MAX};
use crate::format::{self, changed, too_large};
use crate::policy::Admission;

/// What a reader opens with.
pub struct Ask<'a> {
    /// The reader's keys.
    pub identities: &'a Identities,
    /// Key files, as they came.
    pub key_files: &'a [Vec<u8>],
    /// One compartment only.
    pub compartment: Option<usize>,
}

/// A bundle of which at least one compartment is open.
pub struct Revealed {
    pub(super) trusted: Trusted,
    /// The compartments that are open, in order.
    pub open: Vec<Part>,
    /// The compartments that no key here opens.
    pub closed: Vec<usize>,
}

/// An open compartment.
pub struct Part {
    /// Its number.
    pub n: usize,
    /// The front of its manifest.
    pub front: Front,
    pub(super) lines: Lines,
    /// Bytes of lines that follow the front.
    entry_lines: u64,
}

/// Why a compartment stays closed.
enum Closed {
    NoKey,
    Held,
}

impl Trusted {
    /// Opens what the identities open. An [`Admission`] shows that the bundle may be opened today.
    ///
    /// # Errors
    /// [`Error::NoKey`] and its kin when nothing opens; a bad key file; a manifest that differs from what was signed.
    pub fn reveal(self, _admitted: Admission, ask: &Ask<'_>) -> Result<Revealed> {
        let files = self.key_files(ask.key_files)?;
        let (mut open, mut closed, mut why) = (Vec::new(), Vec::new(), Vec::new());
        for n in 0..self.signed.compartments().len() {
            if ask.compartment.is_some_and(|only| only != n) {
                continue;
            }
            match self.key_of(n, &files, ask.identities)? {
                Ok((key, recipient, tags)) => open.push(self.part(n, key, recipient.as_deref(), tags)?),
                Err(reason) => {
                    closed.push(n);
                    why.push(reason);
                }
            }
        }
        if !open.is_empty() {
            return Ok(Revealed { trusted: self, open, closed });
        }
        Err(match (ask.compartment, why) {
            (Some(n), why) if why.is_empty() => Error::NoCompartment { n },
            (_, why) if why.iter().any(|w| matches!(w, Closed::Held)) => Error::Held,
            _ if ask.identities.is_empty() => Error::NoIdentity,
            _ => Error::NoKey { tried: ask.identities.described().collect() },
        })
    }

    /// Key files that are for this bundle and signed by its first signer. A bad one is an error, not ignored.
    fn key_files(&self, files: &[Vec<u8>]) -> Result<Vec<KeyFile>> {
        let mut all = Vec::new();
        for bytes in files {
            let (file, by) = KeyFile::read(bytes).map_err(|e| match e {
                CardError::Format(e @ (format::Error::TooLarge { .. } | format::Error::Newer { .. })) => Error::from(e),
                CardError::Format(e) => e.into(),
                CardError::Crypto(e) => e.into(),
            })?;
            if file.bundle != self.signed.reference || Some(&by) != self.signed.signers.first().map(|s| &s.key) {
                return Err(changed("key file", "it is for another bundle, or signed by somebody else").into());
            }
            if file.compartment >= self.signed.compartments().len() as u64 {
                return Err(changed("key file", "it is for a compartment that is not there").into());
            }
            all.push(file);
        }
        Ok(all)
    }

    /// The key of compartment `n`, the recipient string that opened it as far as it is known, and the tags of the key
    /// file it came from.
    #[expect(clippy::type_complexity, reason = "the inner result is a plain answer, used once")]
    fn key_of(
        &self,
        n: usize,
        files: &[KeyFile],
        identities: &Identities,
    ) -> Result<std::result::Result<(CompartmentKey, Option<String>, Option<Vec<Tag>>), Closed>> {
        let held = self.signed.compartments().get(n).is_some_and(|c| c.held);
        let (_, member) = self.signed.opened.keys.get(n).ok_or(Error::Bug)?;
        let mut sources: Vec<(Vec<u8>, Option<Vec<Tag>>)> = Vec::new();
        if !held {
            sources.push((member.clone(), None));
        }
        for file in files.iter().filter(|f| f.compartment == n as u64) {
            sources.push((file.key_age()?, Some(file.tags.clone())));
        }
        for (age, tags) in sources {
            let what = if tags.is_some() { "key file".to_owned() } else { Member::Key(n).name() };
            match identities.open(&age, &what, KEY_PLAIN_MAX) {
                Ok(opened) => {
                    let key = CompartmentKey::parse(&opened.plain, &what)?;
                    return Ok(Ok((key, opened.recipient, tags)));
                }
                Err(crypto::Error::NoKey) => {}
                Err(e) => return Err(e.into()),
            }
        }
        if held {
            return self.held(n, member, identities).map(Err);
        }
        Ok(Err(Closed::NoKey))
    }

    /// A held compartment: its terms can be read and are checked, its key is not there.
    fn held(&self, n: usize, member: &[u8], identities: &Identities) -> Result<Closed> {
        let what = Member::Terms(n).name();
        match identities.open(member, &what, TERMS_LINE_MAX) {
            Ok(opened) => {
                let stated = self.signed.compartments().get(n).map(|c| c.terms);
                if stated != Some(digest(opened.plain.expose())) {
                    return Err(changed(what, "its terms differ from what was signed").into());
                }
                crate::format::terms::Terms::parse(opened.plain.expose())?;
                Ok(Closed::Held)
            }
            Err(crypto::Error::NoKey) => Ok(Closed::NoKey),
            Err(e) => Err(e.into()),
        }
    }

    fn part(
        &self,
        n: usize,
        key: CompartmentKey,
        recipient: Option<&str>,
        file_tags: Option<Vec<Tag>>,
    ) -> Result<Part> {
        let public = self.signed.compartments().get(n).ok_or(Error::Bug)?;
        let member = Member::Manifest(n);
        let (_, hash) = self.signed.listed().find(|(m, _)| *m == member).ok_or(Error::Bug)?;
        let quantum = key.is_post_quantum();
        let (front, lines) = Lines::read(&self.signed.opened.source, n, &public.manifest, &hash, key, KEPT_MAX)?;
        let first = self.signed.signers.first().map(|s| &s.fingerprint);
        check_front(self.signed.says(), first, n, &front)?;
        if quantum != front.head.recipients.iter().all(|r| crypto::is_post_quantum(&r.key)) {
            let why = "its key is stronger or weaker than those of its recipients";
            return Err(changed(Member::Key(n).name(), why).into());
        }
        // FORMAT §2.5: a bare plugin identity doesn't tell its recipient string, and rule 3 can't be applied.
        if let Some(recipient) = recipient {
            self.check_named(n, recipient, &front, file_tags.as_deref())?;
        }
        let entry_lines = public.manifest.lines.saturating_sub(lines.front().lines);
        Ok(Part { n, front, lines, entry_lines })
    }

    /// Mutual naming, rule 3: who opens it was named by the sender.
    fn check_named(&self, n: usize, recipient: &str, front: &Front, file_tags: Option<&[Tag]>) -> Result<()> {
        let bundle = self.signed.says().bundle;
        let mine = Recipient::tag(recipient, bundle.bytes(), n as u64);
        let tagged = file_tags.map(|tags| tags.contains(&mine));
        if tagged == Some(false) {
            return Err(changed("key file", "your key opens it, but its tags don't name you").into());
        }
        let named = front.head.recipients.iter().any(|r| r.key == recipient);
        if !named && tagged.is_none() {
            let why = "your key opens it, but the sender did not name you: somebody else locked it to you";
            return Err(changed("manifest", why).into());
        }
        Ok(())
    }
}

/// Mutual naming: what the manifest says of the bundle is what the envelope says of it.
pub(super) fn check_front(says: &Predicate, first: Option<&Fingerprint>, n: usize, front: &Front) -> Result<()> {
    let public = says.compartments.get(n).ok_or(Error::Bug)?;
    let (head, terms) = (&front.head, &front.terms);
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed(Member::Manifest(n).name(), why)) };
    ensure(head.bundle == says.bundle && terms.bundle == says.bundle, "it belongs to another bundle")?;
    ensure(head.compartment == n as u64 && terms.compartment == n as u64, "it belongs to another compartment")?;
    ensure(Some(&head.sender) == first && Some(&terms.sender) == first, "it was made by another sender")?;
    ensure(digest(&front.terms_line) == public.terms, "its terms differ from what was signed")?;
    let tag = |key: &str| Recipient::tag(key, says.bundle.bytes(), n as u64);
    let tags: BTreeSet<Tag> = head.recipients.iter().map(|r| tag(&r.key)).collect();
    let same = tags.len() == head.recipients.len() && tags.iter().eq(public.tags.iter());
    ensure(same, "it names other recipients than the envelope")?;
    ensure(Parent::agrees(head.parent.as_ref(), says.parent), "it names another parent than the envelope")?;
    let oversized = front.volumes.iter().any(|v| v.member > volume_member_max(u64::from(v.plain)));
    if oversized {
        return Err(too_large(Member::Manifest(n).name(), "a volume far larger than its contents").into());
    }
    let plains = || front.volumes.iter().map(|v| u64::from(v.plain));
    ensure(front.volumes.len() as u64 == public.volumes, "it lists another number of volumes")?;
    ensure(plains().all(|p| p > 0 && p.is_multiple_of(512)), "it cuts the stream where it can't be cut")?;
    ensure(plains().sum::<u64>() == public.stream, "its volumes don't add up to the stream")?;
    ensure(plains().max() == Some(public.volume), "it lists a longer or shorter volume than the envelope")?;
    // Known before room is asked for: without a base every byte of every file is in the stream.
    let held = head.bytes.checked_add(1024).is_some_and(|least| least <= public.stream);
    ensure(held || head.parent.is_some(), "its files are larger than the stream")?;
    Ok(())
}

/// Checks the sums over all entries against the manifest's first line and the envelope.
///
/// # Errors
/// What differs.
pub(super) fn check_sums(n: usize, head: &Head, entries: &Entries<'_>, public: &Compartment) -> Result<()> {
    let tally = &entries.tally;
    let ensure = |ok: bool, why: &str| if ok { Ok(()) } else { Err(changed(Member::Manifest(n).name(), why)) };
    ensure(tally.files == head.files && tally.bytes == head.bytes, "its counts differ from its entries")?;
    ensure(tally.content() == head.content, "its content id differs from its entries")?;
    ensure(tally.root() == public.entries_root, "its entries differ from what was signed")?;
    ensure(tally.offset.checked_add(1024) == Some(public.stream), "its entries don't fill the stream")?;
    ensure(tally.refs == 0 || head.parent.is_some(), "it takes files from a parent that it does not name")?;
    Ok(())
}

impl Part {
    /// Reads the entries; with `full`, so that [`Part::check_sums`] can be asked afterwards.
    ///
    /// # Errors
    /// What the system says.
    pub fn entries(&self, full: bool) -> Result<Entries<'_>> {
        let from = self.lines.entries()?;
        Ok(Entries::new(from, self.front.head.nonce.bytes(), full).bounded(self.entry_lines))
    }

    pub(super) fn check_sums(&self, entries: &Entries<'_>, public: &Compartment) -> Result<()> {
        check_sums(self.n, &self.front.head, entries, public)
    }

    /// The content id of its tree.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.front.head.content
    }
}

impl Revealed {
    /// What was checked before.
    #[must_use]
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    pub(super) fn public(&self, part: &Part) -> Result<&Compartment> {
        self.trusted.signed.compartments().get(part.n).ok_or(Error::Bug)
    }
}
