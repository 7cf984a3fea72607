//! The age plaintext of a manifest: kept while it is small, read again from the bundle for each pass when it is large.
//! Its ciphertext is hashed before a byte of it is decrypted, and whatever is decrypted is compared with the signed
//! hash at its end, on every pass.

use std::io::{self, Read};
use std::sync::Arc;

use super::Result;
use super::open::{Found, member_at};
use crate::crypto::{CompartmentKey, Digest, Hasher};
use crate::files::Source;
use crate::format::changed;
use crate::format::container::Member;
use crate::format::envelope::ManifestPlace;
use crate::format::manifest::{Extent, Front};
use crate::format::tar::pad;
use crate::format::too_large;
use crate::format::version::MANIFEST_MAX;

use super::verify::check_padding;

/// Up to this many bytes are kept; that is some 300,000 entries.
pub(super) const KEPT_MAX: u64 = 16 << 20;
/// How much is read at once, and at least all of an age header.
const STEP: u64 = 64 << 10;

/// The manifest of one compartment, checked against what was signed.
pub(super) struct Lines {
    at: ManifestAt,
    key: CompartmentKey,
    /// Where the entry frames begin.
    front: Extent,
    kept: Option<Vec<u8>>,
}

/// Where a manifest is, and what was signed of it.
struct ManifestAt {
    source: Arc<Source>,
    name: String,
    data: u64,
    size: u64,
    plain: u64,
    hash: Digest,
}

impl Lines {
    /// Checks a manifest and reads its front. A plaintext of more than `kept_max` bytes is not kept.
    ///
    /// # Errors
    /// What differs from what was signed, or breaks the format.
    pub(super) fn read(
        source: &Arc<Source>,
        n: usize,
        place: &ManifestPlace,
        hash: &Digest,
        key: CompartmentKey,
        kept_max: u64,
    ) -> Result<(Front, Lines)> {
        let name = Member::Manifest(n).name();
        if place.offset >= source.len() {
            return Err(changed(name, "it is not where the bundle says it is").into());
        }
        let found = member_at(source, place.offset)?;
        if found.name != name.as_bytes() || found.size != place.size {
            return Err(changed(name, "it is not where the bundle says it is").into());
        }
        let most = MANIFEST_MAX.min(place.bytes + place.bytes / 64 + 65_536);
        if found.size > most {
            return Err(too_large(name, format!("{} bytes, {most} at most", found.size)).into());
        }
        check_ciphertext(source, &found, &name, hash)?;
        let Found { data, size, .. } = found;
        let source = Arc::clone(source);
        let at = ManifestAt { source, name, data, size, plain: place.bytes, hash: place.blake3 };
        let mut whole = at.plain(&key)?;
        let (front, extent, kept) = if at.plain <= kept_max {
            let mut kept = Vec::with_capacity(usize::try_from(at.plain).unwrap_or(0));
            whole.read_to_end(&mut kept).map_err(|e| at.failed(e))?;
            let (front, extent) = Front::read(kept.as_slice(), place.lines)?;
            (front, extent, Some(kept))
        } else {
            let front = Front::read(&mut whole, place.lines);
            // Nothing that it says counts before its end was compared.
            io::copy(&mut whole, &mut io::sink()).map_err(|e| at.failed(e))?;
            let (front, extent) = front?;
            (front, extent, None)
        };
        drop(whole);
        Ok((front, Lines { at, key, front: extent, kept }))
    }

    /// The key of the compartment.
    pub(super) fn key(&self) -> &CompartmentKey {
        &self.key
    }

    /// How many bytes of lines the front takes.
    pub(super) fn front(&self) -> Extent {
        self.front
    }

    /// The entry frames, from the first one on. An end that differs from what was signed is an error of reading.
    pub(super) fn entries(&self) -> Result<Box<dyn Read + '_>> {
        match &self.kept {
            Some(kept) => {
                let skip = usize::try_from(self.front.plain).unwrap_or(usize::MAX);
                Ok(Box::new(kept.get(skip..).unwrap_or_default()))
            }
            None => {
                let mut whole = self.at.plain(&self.key)?;
                let skipped = io::copy(&mut whole.by_ref().take(self.front.plain), &mut io::sink());
                skipped.map_err(|e| self.at.failed(e))?;
                Ok(Box::new(whole))
            }
        }
    }
}

fn check_ciphertext(source: &Source, found: &Found, name: &str, hash: &Digest) -> Result<()> {
    check_padding(source, name, found.data + found.size, pad(found.size))?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 << 10];
    let mut at = 0;
    while at < found.size {
        let len = usize::try_from(found.size - at).unwrap_or(usize::MAX).min(buffer.len());
        let some = buffer.get_mut(..len).unwrap_or_default();
        source.read_at(found.data + at, some)?;
        hasher.update(some);
        at += len as u64;
    }
    if hasher.finish() == *hash { Ok(()) } else { Err(changed(name, "it differs from what was signed").into()) }
}

impl ManifestAt {
    /// Decrypts from the beginning.
    fn plain<'a>(&'a self, key: &CompartmentKey) -> Result<Plain<'a>> {
        let mut head = vec![0; usize::try_from(self.size.min(STEP)).unwrap_or(0)];
        self.source.read_at(self.data, &mut head)?;
        let rest = Region { source: &self.source, at: self.data + head.len() as u64, end: self.data + self.size };
        let from = key.decrypt_stream(head, rest, &self.name)?;
        Ok(Plain { from, hasher: Hasher::default(), left: self.plain, hash: self.hash, ended: false })
    }

    fn failed(&self, error: io::Error) -> super::Error {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                changed(self.name.clone(), "its contents differ from what was signed").into()
            }
            _ => crate::files::io_at("read", self.source.name())(error).into(),
        }
    }
}

/// A stretch of a bundle.
struct Region<'a> {
    source: &'a Source,
    at: u64,
    end: u64,
}

impl Read for Region<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let some = buffer.get_mut(..len).unwrap_or_default();
        self.source.read_at(self.at, some).map_err(io::Error::other)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// A plaintext that must have the signed length and hash when it ends.
struct Plain<'a> {
    from: Box<dyn Read + 'a>,
    hasher: Hasher,
    left: u64,
    hash: Digest,
    ended: bool,
}

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.ended {
            return Ok(0);
        }
        let read = self.from.read(buffer)?;
        let differs = || io::Error::from(io::ErrorKind::InvalidData);
        self.left = self.left.checked_sub(read as u64).ok_or_else(differs)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.ended = read == 0;
        if self.ended && (self.left > 0 || self.hasher.finish() != self.hash) {
            return Err(differs());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::crypto::digest;
    use crate::files::Silent;
    use crate::format::entries::Entries;
    use crate::format::entry::Entry;
    use crate::format::manifest::{Head, VolumeSize};
    use crate::format::tar::outer;
    use std::io::{Seek, SeekFrom, Write};
    use std::path::Path;

    const ENTRIES: u64 = 40_000;

    /// A file that holds one manifest of several frames, and what would be signed of it.
    fn manifest(key: &CompartmentKey) -> (tempfile::NamedTempFile, ManifestPlace, Digest) {
        let (hash, fp) = ("00".repeat(32), format!("SHA256:{}", "A".repeat(43)));
        let head: Head = serde_json::from_value(serde_json::json!({
            "consign": "manifest/1", "bundle": "00".repeat(16), "compartment": 0, "nonce": hash, "challenge": hash,
            "sender": fp, "recipients": [{"name": "a", "key": "age1x1a", "agreement": null}], "content": hash,
            "parent": null, "ledger": null, "scope": "", "purpose": "", "files": 0, "bytes": 0,
        }))
        .unwrap();
        let terms = serde_json::json!({
            "consign": "terms/1", "bundle": "00".repeat(16), "compartment": 0, "sender": fp, "nonce": hash,
            "title": "", "owner": "", "licence": "", "agreement": null, "text": "",
        });
        let mut writer =
            Front::write(&head, terms.to_string().as_bytes(), &[VolumeSize { member: 1, plain: 1024 }]).unwrap();
        let mut line = Vec::new();
        for i in 0..ENTRIES {
            let entry = format!(r#"{{"p":"folder {i:06}","t":"d","m":{i}}}"#);
            writer.add_entry(&Entry::parse(entry.as_bytes()).unwrap(), i * 512, &mut line).unwrap();
        }
        writer.flush().unwrap();
        let mut member = Vec::new();
        key.encrypt_into(&writer.frames, &mut member).unwrap();
        let size = member.len() as u64;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&outer(&Member::Manifest(0).name(), size)).unwrap();
        file.write_all(&member).unwrap();
        file.write_all(&[0; 512][..usize::try_from(pad(size)).unwrap()]).unwrap();
        let bytes = writer.frames.len() as u64;
        let place = ManifestPlace { offset: 0, size, bytes, lines: writer.total, blake3: digest(&writer.frames) };
        (file, place, digest(&member))
    }

    fn read(key: &CompartmentKey, file: &Path, place: &ManifestPlace, hash: &Digest, kept: u64) -> Result<Lines> {
        let source = Arc::new(Source::open(file, &Silent)?);
        Lines::read(&source, 0, place, hash, CompartmentKey::parse(&key.file(), "key")?, kept).map(|(_, lines)| lines)
    }

    fn count(lines: &Lines) -> Result<u64> {
        let mut entries = Entries::new(lines.entries()?, &[0; 32], false);
        while entries.next()?.is_some() {}
        Ok(entries.tally.entries)
    }

    #[test]
    fn a_large_manifest_reads_like_one_that_is_kept() {
        let key = CompartmentKey::generate(false).unwrap();
        let (file, place, hash) = manifest(&key);
        for kept in [0, KEPT_MAX] {
            let lines = read(&key, file.path(), &place, &hash, kept).unwrap();
            assert_eq!(lines.kept.is_some(), kept > 0);
            assert_eq!((count(&lines).unwrap(), count(&lines).unwrap()), (ENTRIES, ENTRIES));
        }
    }

    #[test]
    fn what_differs_from_what_was_signed_is_refused_kept_or_not() {
        let key = CompartmentKey::generate(false).unwrap();
        let (file, place, hash) = manifest(&key);
        for kept in [0, KEPT_MAX] {
            assert_eq!(read(&key, file.path(), &place, &digest(b""), kept).err().unwrap().word(), "changed");
            for wrong in [
                ManifestPlace { blake3: digest(b""), ..place },
                ManifestPlace { bytes: place.bytes + 1, ..place },
                ManifestPlace { bytes: place.bytes - 1, ..place },
                ManifestPlace { size: place.size - 1, ..place },
                ManifestPlace { lines: 100, ..place },
            ] {
                assert_eq!(read(&key, file.path(), &wrong, &hash, kept).err().unwrap().word(), "changed");
            }
        }
    }

    #[test]
    fn a_file_that_changes_between_two_passes_is_noticed_by_the_second() {
        let key = CompartmentKey::generate(false).unwrap();
        let (mut file, place, hash) = manifest(&key);
        let lines = read(&key, file.path(), &place, &hash, 0).unwrap();
        assert_eq!(count(&lines).unwrap(), ENTRIES);
        // Other contents of the same length, well encrypted to the same key: age finds nothing wrong with them.
        let mut other = Vec::new();
        lines.at.plain(&key).unwrap().read_to_end(&mut other).unwrap();
        *other.last_mut().unwrap() ^= 1;
        let mut member = Vec::new();
        while member.len() as u64 != place.size {
            member.clear();
            key.encrypt_into(&other, &mut member).unwrap();
        }
        file.seek(SeekFrom::Start(512)).unwrap();
        file.write_all(&member).unwrap();
        let end = lines.entries().unwrap().read_to_end(&mut Vec::new());
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
        file.seek(SeekFrom::Start(512 + place.size - 40)).unwrap();
        file.write_all(&[7; 8]).unwrap();
        assert_eq!(count(&lines).unwrap_err().word(), "changed");
    }
}
