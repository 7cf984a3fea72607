//! Lists of revoked keys, as `ssh-keygen -Y verify -r` takes them: public keys, one a line, or a binary key revocation
//! list (KRL; PROTOCOL.krl of OpenSSH). Read here and not by a child process, so that it needs no program and a list
//! that can't be understood in full is never half obeyed.

use std::collections::BTreeSet;

use base64::Engine;

use super::error::changed;
use super::signerlist::Certified;
use super::sshline;
use super::{Error, Result};
use crate::crypto::{self, Digest, PublicKey, sha256};

const MAGIC: &[u8] = b"SSHKRL\n\0";

/// What a file revokes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Keys, in the wire encoding of SSH.
    blobs: BTreeSet<Vec<u8>>,
    /// SHA-256 of such keys.
    hashes: BTreeSet<Digest>,
    /// Certificates.
    certificates: Vec<Certificates>,
}

/// Certificates of one authority, or of any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Certificates {
    /// Its key; empty for any.
    authority: Vec<u8>,
    /// Serial numbers, from and to, both included.
    serials: Vec<(u64, u64)>,
    /// Serial numbers as bits: bit n of a number stands for the first of the pair plus n.
    bitmaps: Vec<(u64, Vec<u8>)>,
    /// Names.
    ids: BTreeSet<Vec<u8>>,
}

impl Revoked {
    /// Reads a list.
    ///
    /// # Errors
    /// [`Error::Changed`] for a line or a section that can't be understood: a list is obeyed in full or not at all.
    pub fn parse(bytes: &[u8]) -> Result<Revoked> {
        if bytes.starts_with(MAGIC) { Revoked::binary(bytes) } else { Revoked::text(bytes) }
    }

    /// Adds what another list revokes.
    pub fn add(&mut self, other: Revoked) {
        self.blobs.extend(other.blobs);
        self.hashes.extend(other.hashes);
        self.certificates.extend(other.certificates);
    }

    /// Whether a key is revoked.
    ///
    /// # Errors
    /// A key that can't be encoded.
    pub fn has(&self, key: &PublicKey) -> crypto::Result<bool> {
        if self.blobs.is_empty() && self.hashes.is_empty() {
            return Ok(false);
        }
        let blob = key.blob()?;
        Ok(self.hashes.contains(&sha256(&blob)) || self.blobs.contains(&blob))
    }

    /// Whether a certificate is revoked: it, its key, or its authority.
    ///
    /// # Errors
    /// A key that can't be encoded.
    pub fn has_certificate(&self, certified: &Certified) -> crypto::Result<bool> {
        if self.has(&certified.key)? || self.has(&certified.authority)? {
            return Ok(true);
        }
        let authority = certified.authority.blob()?;
        let of = |c: &&Certificates| c.authority.is_empty() || c.authority == authority;
        let names = |c: &Certificates| {
            // OpenSSH gives 0 to certificates without a number.
            let numbered = certified.serial != 0;
            numbered && c.has_serial(certified.serial) || c.ids.contains(certified.id.as_bytes())
        };
        Ok(self.certificates.iter().filter(of).any(names))
    }

    fn text(bytes: &[u8]) -> Result<Revoked> {
        let mut all = Revoked::default();
        for (number, line) in sshline::lines(bytes) {
            let wrong = |why: &str| changed(format!("revocation list, line {number}"), why);
            let text = line.map_err(|unusable| wrong(&unusable.why))?;
            // A type that signs nothing here is still a key that somebody revoked.
            let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
            let (kind, data) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let blob = base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| wrong("not a public key"))?;
            if kind.is_empty() || Wire(&blob).string() != Some(kind.as_bytes()) {
                return Err(wrong("not a public key"));
            }
            all.blobs.insert(blob);
        }
        Ok(all)
    }

    fn binary(bytes: &[u8]) -> Result<Revoked> {
        let mut all = Revoked::default();
        let mut wire = Wire(bytes.get(MAGIC.len()..).unwrap_or_default());
        let head = wire.u32().zip(wire.take(24)).zip(wire.string()).zip(wire.string());
        match head {
            Some((((1, _), _), _)) => {}
            Some(_) => return Err(Error::Newer { what: "a key revocation list of another version".into() }),
            None => return Err(cut()),
        }
        while !wire.0.is_empty() {
            let (kind, section) = wire.u8().zip(wire.string()).ok_or_else(cut)?;
            all.section(kind, Wire(section))?;
        }
        Ok(all)
    }

    fn section(&mut self, kind: u8, mut section: Wire<'_>) -> Result<()> {
        match kind {
            1 => self.certificates.push(Certificates::read(section)?),
            2 => {
                while !section.0.is_empty() {
                    self.blobs.insert(section.string().ok_or_else(cut)?.to_vec());
                }
            }
            5 => {
                while !section.0.is_empty() {
                    let hash = section.string().and_then(|hash| hash.try_into().ok()).ok_or_else(cut)?;
                    self.hashes.insert(crypto::Hex(hash));
                }
            }
            3 => return Err(not("it names keys by SHA-1, which is not computed here; name them by SHA-256")),
            4 => return Err(not("it is signed, and nobody here is known to sign such a list")),
            _ => return Err(not(&format!("it has a section of a kind ({kind}) that is not known here"))),
        }
        Ok(())
    }
}

impl Certificates {
    fn read(mut section: Wire<'_>) -> Result<Certificates> {
        let (authority, _) = section.string().zip(section.string()).ok_or_else(cut)?;
        let mut all = Certificates { authority: authority.to_vec(), ..Certificates::default() };
        while !section.0.is_empty() {
            let (kind, mut list) = section.u8().zip(section.string().map(Wire)).ok_or_else(cut)?;
            match kind {
                0x20 => {
                    while !list.0.is_empty() {
                        let serial = list.u64().ok_or_else(cut)?;
                        all.serials.push((serial, serial));
                    }
                }
                0x21 => all.serials.push(list.u64().zip(list.u64()).ok_or_else(cut)?),
                0x22 => {
                    let (first, bits) = list.u64().zip(list.string()).ok_or_else(cut)?;
                    all.bitmaps.push((first, bits.to_vec()));
                }
                0x23 => {
                    while !list.0.is_empty() {
                        all.ids.insert(list.string().ok_or_else(cut)?.to_vec());
                    }
                }
                _ => return Err(not(&format!("it names certificates in a way ({kind}) that is not known here"))),
            }
        }
        Ok(all)
    }

    fn has_serial(&self, serial: u64) -> bool {
        let bit = |(first, bits): &(u64, Vec<u8>)| {
            let n = serial.checked_sub(*first)?;
            let byte = bits.iter().rev().nth(usize::try_from(n / 8).ok()?)?;
            Some(byte >> (n % 8) & 1 == 1)
        };
        self.serials.iter().any(|(from, to)| (*from..=*to).contains(&serial))
            || self.bitmaps.iter().any(|bitmap| bit(bitmap) == Some(true))
    }
}

fn cut() -> Error {
    changed("key revocation list", "its bytes are damaged or cut short")
}

fn not(why: &str) -> Error {
    changed("key revocation list", why)
}

/// Bytes in the encoding of SSH.
struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(usize::try_from(len).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn key() -> PublicKey {
        SigningKey::generate().unwrap().public()
    }

    fn string(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn krl(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let head = [MAGIC, &1_u32.to_be_bytes(), &[0; 24], &string(b""), &string(b"a comment")].concat();
        let body: Vec<u8> = sections.iter().flat_map(|(kind, s)| [vec![*kind], string(s)].concat()).collect();
        [head, body].concat()
    }

    #[test]
    fn keys_are_revoked_by_line_by_blob_and_by_hash() {
        let (key, other) = (key(), key());
        let blob = key.blob().unwrap();
        let lists = [
            format!("# gone\r\n\n  {} laptop\r\n", key.line().unwrap()).into_bytes(),
            krl(&[(2, string(&blob))]),
            krl(&[(2, string(b"other")), (5, string(sha256(&blob).bytes()))]),
        ];
        for list in lists {
            let revoked = Revoked::parse(&list).unwrap();
            assert!(revoked.has(&key).unwrap() && !revoked.has(&other).unwrap());
        }
        assert!(!Revoked::parse(b"").unwrap().has(&key).unwrap());
    }

    #[test]
    fn certificates_are_revoked_by_number_name_key_and_authority() {
        let certified = Certified {
            key: key(),
            authority: key(),
            serial: 7,
            id: "bob".into(),
            principals: Vec::new(),
            from: 0,
            until: 1,
        };
        let has = |list: &[u8]| Revoked::parse(list).unwrap().has_certificate(&certified).unwrap();
        let line = |key: &PublicKey| key.line().unwrap().into_bytes();
        assert!(has(&line(&certified.key)) && has(&line(&certified.authority)) && !has(&line(&key())));
        let of = |authority: &[u8], kind: u8, list: Vec<u8>| {
            krl(&[(1, [string(authority), string(b""), vec![kind], string(&list)].concat())])
        };
        let authority = certified.authority.blob().unwrap();
        let number = |n: u64| n.to_be_bytes().to_vec();
        let bits = |n: u64, bits: &[u8]| [number(n), string(bits)].concat();
        for ca in [&b""[..], &authority] {
            assert!(has(&of(ca, 0x20, [number(3), number(7)].concat())));
            assert!(has(&of(ca, 0x21, [number(5), number(9)].concat())));
            assert!(has(&of(ca, 0x22, bits(0, &[0x80]))) && has(&of(ca, 0x22, bits(6, &[1, 2]))));
            assert!(has(&of(ca, 0x23, string(b"bob"))));
            assert!(!has(&of(ca, 0x20, number(8))) && !has(&of(ca, 0x22, bits(0, &[0x7f]))));
            assert!(!has(&of(ca, 0x23, string(b"eve"))));
        }
        assert!(!has(&of(&key().blob().unwrap(), 0x20, number(7))));
    }

    #[test]
    fn a_list_that_is_not_understood_in_full_is_refused() {
        let sound = krl(&[(2, string(b"x"))]);
        let newer = [MAGIC, &2_u32.to_be_bytes(), &sound[12..]].concat();
        let certificates = [string(b""), string(b""), vec![0x39], string(b"")].concat();
        for list in [
            krl(&[(3, string(&[0; 20]))]),
            krl(&[(4, string(b""))]),
            krl(&[(255, string(b""))]),
            krl(&[(1, certificates)]),
            krl(&[(5, string(&[0; 31]))]),
            newer,
            b"no-pty ssh-ed25519 AAAA".to_vec(),
            b"ssh-ed25519".to_vec(),
            b"\xff".to_vec(),
            format!("ssh-rsa {}", key().line().unwrap().split(' ').nth(1).unwrap()).into_bytes(),
        ] {
            assert!(Revoked::parse(&list).is_err(), "{list:?}");
        }
        (MAGIC.len()..sound.len()).filter(|n| *n != sound.len() - 10).for_each(|n| {
            assert!(Revoked::parse(&sound[..n]).is_err(), "{n}");
        });
    }
}
