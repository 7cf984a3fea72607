//! Key files of one's own, and the texts of public keys. The first byte says which. Nobody gives a passphrase, so that
//! no time goes into scrypt or bcrypt.

use std::sync::Arc;

use consign::class::Fault;
use consign::crypto::{CompartmentKey, Identities, PublicKey, Recipient, Secret, SigningKey, encrypt_to};
use consign::exchange::held::Held;
use consign::exchange::material;
use consign::format::copytext::CopyText;
use consign::format::paper::Paper;
use consign::format::time::Time;
use consign::format::typed::{read_lines, spell};

use super::support::NoPassphrase;

pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 8 {
        0 => identities(rest),
        1 => signing(rest),
        2 => std::str::from_utf8(rest).map_or((), recipient),
        3 => std::str::from_utf8(rest).map_or((), public),
        4 => compartment(rest),
        5 => imported(rest),
        6 => copied(&Secret::new(rest.to_vec())),
        _ => typed(&String::from_utf8_lossy(rest)),
    }
}

/// What is read as an identity opens what is locked to the recipient that it says it has.
fn identities(bytes: &[u8]) {
    let mut identities = Identities::new(Arc::new(NoPassphrase));
    if let Err(e) = identities.add(&Secret::new(bytes.to_vec()), "x") {
        let words = ["bad-key", "needs-passphrase", "too-large", "changed"];
        return assert!(words.contains(&e.word()), "{e}");
    }
    assert!(!identities.is_empty());
    for text in identities.recipients() {
        let Ok(recipient) = text.parse::<Recipient>() else { continue };
        assert_eq!(recipient.canonical(), text);
        let locked = encrypt_to(&[recipient], b"hello").unwrap();
        match identities.open(&locked, "x", 16) {
            Ok(opened) => assert_eq!(opened.plain.expose(), b"hello"),
            // A locked SSH key, or one whose halves are not of one pair.
            Err(e) => assert!(matches!(e.word(), "wrong-passphrase" | "wrong-key" | "changed"), "{e}"),
        }
    }
}

/// What is read as a signing key signs, and its public half says so; or its halves are not of one pair.
fn signing(bytes: &[u8]) {
    let Ok(key) = SigningKey::read(&Secret::new(bytes.to_vec()), "x", &NoPassphrase) else { return };
    let Ok(armour) = key.sign("consign-bundle-v1", b"hello") else { return };
    if let Ok(by) = PublicKey::verify(armour.as_bytes(), "consign-bundle-v1", b"hello", "x") {
        assert_eq!(by, key.public());
    }
}

fn recipient(text: &str) {
    let Ok(recipient) = text.parse::<Recipient>() else { return };
    let canonical = recipient.canonical();
    assert_eq!(canonical.parse::<Recipient>().unwrap().canonical(), canonical);
}

fn public(text: &str) {
    let Ok(key) = text.parse::<PublicKey>() else { return };
    let line = key.line().unwrap();
    let again: PublicKey = line.parse().unwrap();
    assert_eq!((&again, again.fingerprint(), again.line().unwrap()), (&key, key.fingerprint(), line));
    assert!(!key.blob().unwrap().is_empty());
}

fn compartment(bytes: &[u8]) {
    let Ok(key) = CompartmentKey::parse(&Secret::new(bytes.to_vec()), "x") else { return };
    let (mut locked, mut plain) = (Vec::new(), Vec::new());
    CompartmentKey::parse(&key.file(), "x").unwrap().encrypt_into(b"hello", &mut locked).unwrap();
    key.decrypt_into(&locked, "x", &mut plain).unwrap();
    assert_eq!(plain, b"hello");
}

/// Whatever is given to `key import` is keys, or is refused by a word of its own.
fn imported(bytes: &[u8]) {
    if let Err(e) = material::read(&Secret::new(bytes.to_vec()), "x", &NoPassphrase) {
        let words = ["bad-key", "needs-passphrase", "too-large", "changed", "mistyped", "bad-recipient", "failed"];
        assert!(words.contains(&e.word()), "{}: {e}", e.word());
    }
}

/// What a passphrase has unlocked is a copy that can be spelled again, or is refused.
fn copied(plain: &Secret) {
    if let Ok(copy) = CopyText::read(plain) {
        let _unused = Held::of_copy(&copy);
    }
    let Ok(paper) = Paper::read(plain) else { return };
    let again = Paper::read(&paper.to_bytes(0).unwrap()).unwrap();
    assert_eq!((again.number, again.card, &again.name), (paper.number, paper.card, &paper.name));
    let _unused = Held::of_paper(&paper, None, Time::from_unix(0));
}

/// Lines that are read spell themselves.
fn typed(text: &str) {
    if let Ok(bytes) = read_lines(text) {
        assert_eq!(read_lines(&spell(&bytes).unwrap().join("\n")).unwrap(), bytes);
    }
}
