//! OpenSSH private key files. `ssh-key` reads them; but 0.6.7 takes no ECDSA key whose secret number begins with a zero
//! byte, as every second one of P-521 does and one in 256 of the others. Such a file is put into the form that it takes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh_key::{Cipher, Kdf, PrivateKey};
use zeroize::Zeroizing;

use super::Secret;
use super::wire::{Wire, put};

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8; 15] = b"openssh-key-v1\0";

/// The curves, and how long their secret numbers are.
const CURVES: [(&str, usize); 3] = [("nistp256", 32), ("nistp384", 48), ("nistp521", 66)];

/// The key in a file; still locked, if it is.
pub(super) fn read(pem: &Secret) -> Option<PrivateKey> {
    // As editors on Windows may have left it.
    let pem = pem.expose().strip_prefix("\u{feff}".as_bytes()).unwrap_or(pem.expose()).trim_ascii();
    PrivateKey::from_openssh(pem).ok().or_else(|| {
        let blob = dearmour(pem)?;
        let mut wire = Wire(&blob);
        if wire.take(MAGIC.len())? != MAGIC || [wire.string()?, wire.string()?] != [b"none", b"none"] {
            return None;
        }
        let (_options, 1) = (wire.string()?, wire.u32()?) else { return None };
        let public = wire.string()?;
        filled(public, wire.string()?)
    })
}

/// The key of a locked file.
pub(super) fn unlocked(locked: &PrivateKey, passphrase: &Secret) -> Option<PrivateKey> {
    locked.decrypt(passphrase.expose()).ok().or_else(|| {
        let plain = decrypted(locked, passphrase)?;
        filled(&locked.public_key().to_bytes().ok()?, &plain)
    })
}

fn dearmour(pem: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(pem).ok()?.trim();
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let bare: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(bare.as_bytes()).ok().map(Zeroizing::new)
}

/// What a locked key holds. With a tag at its end it can't be had here: such ciphers are nobody's default.
fn decrypted(locked: &PrivateKey, passphrase: &Secret) -> Option<Zeroizing<Vec<u8>>> {
    let (cipher, kdf): (Cipher, &Kdf) = (locked.cipher(), locked.kdf());
    let (key, iv) = kdf.derive_key_and_iv(cipher, passphrase.expose()).ok()?;
    let mut plain = Zeroizing::new(locked.key_data().encrypted()?.to_vec());
    cipher.decrypt(&key, &iv, &mut plain[..], None).ok()?;
    Some(plain)
}

/// The ECDSA key that a private part holds, its secret number filled up with zero bytes in front.
fn filled(public: &[u8], private: &[u8]) -> Option<PrivateKey> {
    let mut wire = Wire(private);
    let check = wire.u32()?;
    if check != wire.u32()? {
        return None;
    }
    let (kind, curve, point, number) = (wire.text()?, wire.text()?, wire.string()?, wire.string()?);
    let comment = wire.string()?;
    let (_, size) = CURVES.iter().find(|(name, _)| *name == curve && kind == format!("ecdsa-sha2-{name}"))?;
    let mut whole = Zeroizing::new(vec![0; size.checked_sub(number.len())?]);
    whole.extend_from_slice(number);
    let mut part = Zeroizing::new([check.to_be_bytes(), check.to_be_bytes()].concat());
    part.reserve(private.len() + 2 * size);
    for field in [kind.as_bytes(), curve.as_bytes(), point, &whole, comment] {
        put(&mut part, field);
    }
    let padding = 1..=u8::try_from((8 - part.len() % 8) % 8).ok()?;
    part.extend(padding);
    let mut blob = Zeroizing::new(Vec::with_capacity(public.len() + part.len() + 64));
    blob.extend_from_slice(MAGIC);
    [&b"none"[..], b"none", b""].iter().for_each(|field| put(&mut blob, field));
    blob.extend_from_slice(&1_u32.to_be_bytes());
    put(&mut blob, public);
    put(&mut blob, &part);
    PrivateKey::from_bytes(&blob).ok()
}
