//! Signed documents and lines of JSON: cards, key files, terms, files that name signers. The first byte says which;
//! from 4 on, the rest is a line that is signed correctly first, so that what is behind the signature is reached.

use consign::class::Fault;
use consign::format::card::{self, SignedCard};
use consign::format::document::Document;
use consign::format::signerlist::SignerList;
use consign::format::sshkeys::SshKeys;
use consign::format::terms::Terms;
use consign::format::{json, keyfile};

use super::firm;

pub fn run(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 8 {
        0 => split(rest),
        1 => json_is_json(rest),
        2 => terms(rest),
        3 => signers(rest),
        4 => card(&signed(rest, card::NAMESPACE)),
        5 => key_file(&signed(rest, keyfile::NAMESPACE)),
        6 => card(rest),
        _ => key_file(rest),
    }
}

fn signed(line: &[u8], namespace: &str) -> Vec<u8> {
    let armour = firm::sender().sign(namespace, line).unwrap();
    Document { line: line.to_vec(), armours: vec![armour] }.to_bytes()
}

fn split(bytes: &[u8]) {
    let Ok(document) = Document::split(bytes, "x") else { return };
    assert!(document.armours.len() <= 8);
    if document.armours.iter().any(|a| a.contains('\r')) {
        return assert!(document.verify(card::NAMESPACE, "x").is_err(), "a signature with a second spelling");
    }
    let again = document.to_bytes();
    assert_eq!(Document::split(&again, "x").unwrap(), document);
    // Only line ends can have been told otherwise.
    let unix = |bytes: &[u8]| bytes.iter().copied().filter(|b| *b != b'\r').collect::<Vec<u8>>();
    assert_eq!(unix(&again), unix(bytes));
}

/// What passes our scan is JSON to everybody, and an object.
fn json_is_json(bytes: &[u8]) {
    match json::check(bytes, "x") {
        Ok(()) => assert!(serde_json::from_slice::<serde_json::Value>(bytes).unwrap().is_object()),
        Err(e) => assert!(matches!(e.word(), "changed" | "too-large"), "{e}"),
    }
}

fn terms(line: &[u8]) {
    let Ok(terms) = Terms::parse(line) else { return };
    assert_eq!(Terms::parse(&terms.line().unwrap()).unwrap(), terms);
}

fn signers(bytes: &[u8]) {
    let list = SignerList::parse(bytes);
    assert!(list.unusable.iter().all(|unusable| unusable.to_string().len() < 400));
    let spelled: String = list.lines.iter().map(|listed| listed.to_line().unwrap() + "\n").collect();
    let again = SignerList::parse(spelled.as_bytes());
    assert_eq!((again.lines, again.unusable), (list.lines, Vec::new()));
    if let Ok((keys, _)) = SshKeys::of_keys(bytes) {
        assert!(keys.recipients.iter().all(|key| key.parse::<consign::crypto::Recipient>().is_ok()));
    }
    let _either = consign::format::revoked::Revoked::parse(bytes);
}

fn card(bytes: &[u8]) {
    let card = match SignedCard::read(bytes) {
        Ok(card) => card,
        Err(e) => return assert_ne!(e.word(), "bug", "{e}"),
    };
    assert_eq!(SignedCard::read(&card.document.to_bytes()).unwrap(), card);
    let line = serde_json::to_vec(&card.card).unwrap();
    assert_eq!(serde_json::from_slice::<card::Card>(&line).unwrap(), card.card);
    assert!(card.signers.iter().zip(&card.card.signers).all(|(key, text)| key.line().unwrap() == text.key));
}

fn key_file(bytes: &[u8]) {
    let Ok((file, _)) = keyfile::KeyFile::read(bytes) else { return };
    let line = serde_json::to_vec(&file).unwrap();
    assert_eq!(serde_json::from_slice::<keyfile::KeyFile>(&line).unwrap(), file);
    let _opened = firm::vendor().open(&file.key_age().unwrap(), "x", 4096);
}
