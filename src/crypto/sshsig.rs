//! SSHSIG: the blob inside a signature's armour, and the armour's one spelling (FORMAT §8.2). Certificates in the place
//! of keys go through here like keys: both are bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::agehead::is_base64;
use super::digest::sha512;
use super::wire::{Wire, put};

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
const MAGIC: &[u8; 6] = b"SSHSIG";
/// The one hash that is taken.
const HASH: &[u8] = b"sha512";

/// The fields of a blob.
pub(super) struct Blob<'a> {
    pub(super) version: u32,
    /// The key or the certificate.
    pub(super) key: &'a [u8],
    pub(super) namespace: &'a [u8],
    pub(super) reserved: &'a [u8],
    pub(super) hash: &'a [u8],
    /// The inner signature.
    pub(super) signature: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Takes a blob apart; nothing may follow it.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Blob<'a>> {
        let mut wire = Wire(bytes);
        if wire.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let version = wire.u32()?;
        let [key, namespace, reserved] = [wire.string()?, wire.string()?, wire.string()?];
        let [hash, signature] = [wire.string()?, wire.string()?];
        wire.is_empty().then_some(Blob { version, key, namespace, reserved, hash, signature })
    }

    /// Whether it is version 1 over SHA-512, with nothing in the reserved field.
    pub(super) fn is_of_our_kind(&self) -> bool {
        self.version == 1 && self.reserved.is_empty() && self.hash == HASH
    }
}

/// What a key really signs, for a message.
pub(super) fn signed_data(namespace: &str, message: &[u8]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    put(&mut data, namespace.as_bytes());
    put(&mut data, b"");
    put(&mut data, HASH);
    put(&mut data, &sha512(message));
    data
}

/// The armour of an inner signature by a key or a certificate, byte for byte what `ssh-keygen` writes.
pub(super) fn armour(key: &[u8], namespace: &str, signature: &[u8]) -> String {
    let mut blob = MAGIC.to_vec();
    blob.extend_from_slice(&1_u32.to_be_bytes());
    put(&mut blob, key);
    put(&mut blob, namespace.as_bytes());
    put(&mut blob, b"");
    put(&mut blob, HASH);
    put(&mut blob, signature);
    let mut text = BEGIN.to_owned();
    for line in STANDARD.encode(blob).as_bytes().chunks(70) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(END);
    text
}

/// The blob of an armour that is its one spelling: padded base64 in lines of 70.
pub(super) fn dearmour(armour: &[u8]) -> Option<Vec<u8>> {
    let body = armour.strip_prefix(BEGIN.as_bytes()).and_then(|rest| rest.strip_suffix(END.as_bytes()))?;
    let lines: Vec<&[u8]> = body.strip_suffix(b"\n")?.split(|b| *b == b'\n').collect();
    let (last, full) = lines.split_last()?;
    let text = lines.concat();
    let bare = text.strip_suffix(b"=").map_or(&text[..], |t| t.strip_suffix(b"=").unwrap_or(t));
    let well = full.iter().all(|line| line.len() == 70)
        && (1..=70).contains(&last.len())
        && text.len().is_multiple_of(4)
        && is_base64(bare)
        && text.len() == bare.len().next_multiple_of(4);
    if well { STANDARD.decode(text).ok() } else { None }
}

/// Splits the armours that follow each other in a document; `None` if there is anything else in between.
#[must_use]
pub fn split_armours(text: &str) -> Option<Vec<&str>> {
    let mut rest = text;
    let mut armours = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(END)? + END.len();
        let (one, more) = rest.split_at_checked(end)?;
        if !one.starts_with(BEGIN) || armours.len() == 8 {
            return None;
        }
        armours.push(one);
        rest = more;
    }
    Some(armours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_armour_has_one_spelling() {
        // Every length of the last line and every padding.
        for n in 1..160 {
            let armour = armour(&vec![7; n], "n", b"signature");
            let blob = dearmour(armour.as_bytes()).unwrap();
            assert_eq!(Blob::parse(&blob).unwrap().key, vec![7; n]);
            let (at, last) = (armour.find(END).unwrap() - 1, armour.len());
            let moved = armour.replacen('\n', "", 2).replacen("-----U", "-----\nU", 1);
            let others = [
                moved,
                armour.replace('\n', "\r\n"),
                armour.replacen("A", " A", 1),
                format!("{armour}\n"),
                format!("{}=\n{END}", &armour[..at]),
                format!("{}\n\n{END}", &armour[..at]),
                armour[..last - 1].to_owned(),
            ];
            for other in others.iter().filter(|other| **other != armour) {
                assert_eq!(dearmour(other.as_bytes()), None, "{other}");
            }
            let bare = armour.replace('=', "");
            assert_eq!(dearmour(bare.as_bytes()).is_some(), bare == armour, "{bare}");
        }
    }

    #[test]
    fn every_cut_of_a_blob_is_refused() {
        let blob = dearmour(armour(b"key", "namespace", b"signature").as_bytes()).unwrap();
        for cut in 0..blob.len() {
            assert!(Blob::parse(&blob[..cut]).is_none(), "{cut}");
        }
        assert!(Blob::parse(&[&blob[..], b"x"].concat()).is_none());
    }

    #[test]
    fn armours_are_split_and_nothing_may_stand_between() {
        let a = armour(b"key", "n", b"1");
        assert_eq!(split_armours(&format!("{a}{a}")).map(|v| v.len()), Some(2));
        assert_eq!(split_armours(&format!("{a} {a}")), None);
        assert_eq!(split_armours(&format!("{a}x")), None);
    }
}
