//! Claims about damage: no bit of a bundle is free, and each kind of damage has its class.

mod support;

use std::fs;

use consign::bundle::{Error, Opened, Signed, Unpack};
use consign::class::{Class, Fault};
use consign::files::{Root, Silent, Source};
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
    let (from, to) = (Firm::new(), Firm::new());
    let (bundle, _) = bundle_of(&tree, &from, &[&to], 1);
    Scene { from, to, bundle, dir }
}

#[test]
fn a_whole_bundle_is_good() {
    let s = scene();
    verify(&s.bundle, &s.from.trusts()).unwrap();
}

/// Flips bits of a bundle in a file of its own: those of every second byte, from `first` on. Returns how many.
fn flip_each(s: &Scene, first: usize) -> usize {
    let (file, to) = (s.dir.path().join(format!("flipped-{first}")), s.dir.path().join(format!("out-{first}")));
    let trust = s.from.trusts();
    fs::write(&file, &s.bundle).unwrap();
    let open = || Source::open(&file, &Silent).unwrap();
    let verify = || Signed::check(Opened::read(open())?, &trust)?.trust()?.check_all(1, &Silent);
    let unpack = || {
        let revealed = reveal_from(open(), &s.to, &trust)?;
        fs::create_dir(&to).unwrap();
        let counts = revealed.unpack_into(&Root::open(&to)?, &Unpack { workers: 1, ..plainly() }, &Silent);
        fs::remove_dir_all(&to).unwrap();
        counts.map(drop)
    };
    verify().unwrap();
    unpack().unwrap();
    let writer = fs::File::options().write(true).open(&file).unwrap();
    let mut count = 0;
    for (at, byte) in s.bundle.iter().enumerate().skip(first).step_by(2) {
        for bit in 0..8 {
            std::os::unix::fs::FileExt::write_all_at(&writer, &[byte ^ (1 << bit)], at as u64).unwrap();
            let e = verify().expect_err(&format!("bit {bit} of byte {at} is free for verify"));
            assert!(matches!(e.class(), Class::Changed | Class::Unsafe), "byte {at}: {e}");
            let e = unpack().expect_err(&format!("bit {bit} of byte {at} is free for unpack"));
            assert!(matches!(e.class(), Class::Changed | Class::Unsafe), "byte {at}: {e}");
            count += 1;
        }
        std::os::unix::fs::FileExt::write_all_at(&writer, &[*byte], at as u64).unwrap();
    }
    count
}

#[test]
fn every_bit_of_a_bundle_is_noticed_by_verify_and_by_unpack() {
    let s = scene();
    let flipped: usize = std::thread::scope(|scope| {
        let halves = [0, 1].map(|first| {
            scope.spawn({
                let s = &s;
                move || flip_each(s, first)
            })
        });
        halves.into_iter().map(|half| half.join().unwrap()).sum()
    });
    assert_eq!(flipped, s.bundle.len() * 8);
    println!("{flipped} single-bit flips, each by verify and by unpack");
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

/// What a receiver can make of a bundle it opened: its own name on it, or somebody else let in. Everything outside the
/// manifest is made anew and signed soundly; only the inside can't be changed.
fn made_over(s: &Scene, signer: &Firm, to: &Firm) -> Vec<u8> {
    use consign::format::container::{End, Member, Sums, push_member};
    use consign::format::envelope::{Envelope, NAMESPACE};
    let members = members(&s.bundle);
    let place = |name: &str| members.iter().find(|(n, ..)| n == name).map(|(_, data, size)| (*data, *size)).unwrap();
    let data = |name: &str| place(name).0..place(name).0 + place(name).1;
    let opened = s.to.identities().open(&s.bundle[data("c0/key.age")], "key.age", 4096).unwrap();
    let recipient: consign::crypto::Recipient = to.recipient.parse().unwrap();
    let key_age = consign::crypto::encrypt_to(&[recipient], opened.plain.expose()).unwrap();
    let tail = place("c0/key.age").0 - 512;
    let mut out = s.bundle[..tail].to_vec();
    let sums = String::from_utf8(s.bundle[data("B3SUMS")].to_vec()).unwrap();
    let mut sums: Vec<u8> =
        sums.lines().filter(|l| !l.ends_with("key.age")).flat_map(|l| format!("{l}\n").into_bytes()).collect();
    Sums::push_line(&mut sums, Member::Key(0), &consign::crypto::digest(&key_age));
    push_member(&mut out, Member::Key(0), &key_age);
    let sums_at = out.len() as u64;
    push_member(&mut out, Member::Sums, &sums);
    let mut says = Envelope::parse(&s.bundle[data("envelope.json")]).unwrap().predicate;
    says.signers = vec![signer.signing.public().fingerprint()];
    says.compartments[0].tags = vec![consign::crypto::Recipient::tag(&to.recipient, says.bundle.bytes(), 0)];
    let envelope = Envelope::new(&sums, says).to_bytes().unwrap();
    let envelope_at = out.len() as u64;
    push_member(&mut out, Member::Envelope, &envelope);
    push_member(&mut out, Member::Signature(0), signer.signing.sign(NAMESPACE, &envelope).unwrap().as_bytes());
    out.extend_from_slice(&End { tail: tail as u64, sums: sums_at, envelope: envelope_at }.closing());
    out
}

#[test]
fn a_receiver_cannot_pass_a_bundle_off_as_its_own() {
    let s = scene();
    let victim = Firm::new();
    let forged = made_over(&s, &s.to, &victim);
    // From outside it is a sound bundle of the receiver's; inside, the manifest names the first sender.
    verify(&forged, &s.to.trusts()).unwrap();
    let e = reveal(&forged, &victim, &s.to.trusts()).err().unwrap();
    assert_eq!(e.class(), Class::Changed);
    assert!(e.to_string().contains("another sender"), "{e}");
}

#[test]
fn a_receiver_cannot_forward_a_bundle_under_its_senders_name() {
    let s = scene();
    let victim = Firm::new();
    // Only the sender could sign this; even then the manifest does not name the victim.
    let forged = made_over(&s, &s.from, &victim);
    let e = reveal(&forged, &victim, &s.from.trusts()).err().unwrap();
    assert_eq!(e.class(), Class::Changed);
    assert!(e.to_string().contains("other recipients"), "{e}");
    // Without the sender's key, the victim's key.age can only be put in its place, which the signature does not cover.
    let i = members(&s.bundle).iter().position(|(n, ..)| n == "c0/key.age").unwrap();
    let (_, data, size) = members(&forged)[i].clone();
    let block = forged[data - 512..data + size.div_ceil(512) * 512].to_vec();
    let swapped = rebuilt(&s.bundle, |b| b[i] = block.clone());
    assert_eq!(reveal(&swapped, &victim, &s.from.trusts()).err().unwrap().class(), Class::Changed);
}
