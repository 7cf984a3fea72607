//! Claims about damage: no bit of a bundle is free, and each kind of damage has its class.

mod support;

use std::fs;

use consign::bundle::{Error, Opened, Signed};
use consign::class::{Class, Fault};
use consign::files::Silent;
use support::*;

fn verify(bytes: &[u8], trust: &Trust) -> Result<(), Error> {
    Signed::check(Opened::read(source_of(bytes))?, trust)?.trust()?.check_all(2, &Silent)
}

fn class(bytes: &[u8], trust: &Trust) -> (Class, &'static str) {
    let e = verify(bytes, trust).expect_err("damage was not noticed");
    (e.class(), e.word())
}

struct Scene {
    from: Firm,
    to: Firm,
    bundle: Vec<u8>,
    dir: tempfile::TempDir,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("a.txt"), "hello\n").unwrap();
    fs::write(tree.join("b.txt"), "world\n").unwrap();
    let (from, to) = (Firm::new(), Firm::new());
    let (bundle, _) = bundle_of(&tree, &from, &[&to], 1);
    Scene { from, to, bundle, dir }
}

#[test]
fn a_whole_bundle_is_good() {
    let s = scene();
    verify(&s.bundle, &s.from.trusts()).unwrap();
}

#[test]
fn one_bit_of_every_byte_is_noticed_by_verify_and_by_unpack() {
    let s = scene();
    let trust = s.from.trusts();
    for at in 0..s.bundle.len() {
        let mut changed = s.bundle.clone();
        changed[at] ^= 1 << (at % 8);
        let e = verify(&changed, &trust).expect_err(&format!("byte {at} is free for verify"));
        assert!(matches!(e.class(), Class::Changed | Class::Unsafe), "byte {at}: {e}");
        if at % 7 == 0 {
            let to = s.dir.path().join("out");
            assert!(unpack(&changed, &s.to, &trust, &to).is_err(), "byte {at} is free for unpack");
            fs::remove_dir_all(&to).unwrap_or_default();
        }
    }
}

#[test]
fn every_cut_is_cut_short() {
    let s = scene();
    let trust = s.from.trusts();
    for len in
        (1024..s.bundle.len()).step_by(97).chain([s.bundle.len() - 1, s.bundle.len() - 512, s.bundle.len() - 1024])
    {
        assert_eq!(class(&s.bundle[..len], &trust), (Class::Changed, "cut-short"), "cut at {len}");
    }
    let mut longer = s.bundle.clone();
    longer.extend_from_slice(&[0; 512]);
    assert_eq!(class(&longer, &trust), (Class::Changed, "changed"));
}

/// The bundle with its members as `edit` leaves them: whole blocks of header, data and padding.
fn rebuilt(bundle: &[u8], edit: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut blocks: Vec<Vec<u8>> = members(bundle)
        .iter()
        .map(|(_, data, size)| bundle[data - 512..data + size.div_ceil(512) * 512].to_vec())
        .collect();
    edit(&mut blocks);
    let mut out = blocks.concat();
    out.extend_from_slice(&[0; 1024]);
    out
}

#[test]
fn members_removed_added_doubled_or_swapped_are_noticed() {
    let s = scene();
    let trust = s.from.trusts();
    let count = members(&s.bundle).len();
    assert_eq!(rebuilt(&s.bundle, |_| {}), s.bundle);
    for i in 0..count {
        let removed = rebuilt(&s.bundle, |b| drop(b.remove(i)));
        let e = verify(&removed, &trust).expect_err("removed");
        assert_eq!(e.class(), Class::Changed, "member {i} removed: {e}");
        let doubled = rebuilt(&s.bundle, |b| b.insert(i, b[i].clone()));
        let e = verify(&doubled, &trust).expect_err("doubled");
        assert_eq!(e.class(), Class::Changed, "member {i} doubled: {e}");
        if i + 1 < count {
            let swapped = rebuilt(&s.bundle, |b| b.swap(i, i + 1));
            let e = verify(&swapped, &trust).expect_err("swapped");
            assert_eq!(e.class(), Class::Changed, "members {i} and next swapped: {e}");
        }
    }
    let mut extra = Vec::new();
    consign::format::container::push_member(&mut extra, consign::format::container::Member::Volume(0, 1), b"x");
    let added = rebuilt(&s.bundle, |b| b.insert(2, extra.clone()));
    assert_eq!(class(&added, &trust).0, Class::Changed);
}

#[test]
fn a_splice_of_two_bundles_of_one_sender_is_noticed() {
    let s = scene();
    let (other, _) = bundle_of(&s.dir.path().join("tree"), &s.from, &[&s.to], 1);
    for (i, (name, data, size)) in members(&other).iter().enumerate() {
        if name == "README.txt" || name == "end" {
            continue;
        }
        let block = other[data - 512..data + size.div_ceil(512) * 512].to_vec();
        let spliced = rebuilt(&s.bundle, |b| b[i] = block.clone());
        assert_eq!(class(&spliced, &s.from.trusts()).0, Class::Changed, "{name} of another bundle");
    }
}

#[test]
fn each_kind_of_stranger_is_told_apart() {
    let s = scene();
    let nobody = Trust(Vec::new());
    assert_eq!(class(&s.bundle, &nobody), (Class::Untrusted, "untrusted"));
    let trust = s.from.trusts();
    assert_eq!(class(b"", &trust).1, "not-a-bundle");
    assert_eq!(class(b"PK\x03\x04 a zip", &trust).1, "not-a-bundle");
    assert_eq!(class(&vec![0; 100_000], &trust).1, "not-a-bundle");
    let mut newer = s.bundle.clone();
    newer[512 + 23] = b'2';
    assert_eq!(class(&newer, &trust), (Class::Unsafe, "newer-format"));
}

#[test]
fn a_forwarder_cannot_add_a_recipient() {
    let s = scene();
    let victim = Firm::new();
    // A receiver who opened the bundle locks its compartment key to somebody else, and mends B3SUMS.
    let members = members(&s.bundle);
    let (_, data, size) = members.iter().find(|(n, ..)| n == "c0/key.age").unwrap();
    let opened = s.to.identities().open(&s.bundle[*data..data + size], "key.age", 4096).unwrap();
    let to: consign::crypto::Recipient = victim.recipient.parse().unwrap();
    let key_age = consign::crypto::encrypt_to(&[to], opened.plain.expose()).unwrap();
    let mut block = Vec::new();
    consign::format::container::push_member(&mut block, consign::format::container::Member::Key(0), &key_age);
    let i = members.iter().position(|(n, ..)| n == "c0/key.age").unwrap();
    let forwarded = rebuilt(&s.bundle, |b| b[i] = block.clone());
    let e = reveal(&forwarded, &victim, &s.from.trusts()).err().unwrap();
    assert_eq!(e.class(), Class::Changed);
}
