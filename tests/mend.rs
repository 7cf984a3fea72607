//! Laws of repair and salvage, over generated damage: flipped, erased, added and lost bytes, anywhere, and broken ends.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::sync::OnceLock;

use consign::bundle::{Ask, Error, Harm, Mended, Opened, Recovered, Result, Revealed, Signed};
use consign::class::{Class, Fault};
use consign::files::{Root, Silent};
use consign::policy::admit;
use proptest::prelude::*;
use support::forge::{Cast, Forged, file, folder, forge, plain};
use support::*;

/// What happens to a copy.
#[derive(Debug, Clone)]
enum Blow {
    /// A bit is flipped.
    Flip(prop::sample::Index, u8),
    /// A run of bytes reads as something else.
    Erase(prop::sample::Index, usize, u8),
    /// The header of a member, or what is around it.
    Header(prop::sample::Index, u8),
    /// The file ends here.
    Cut(prop::sample::Index),
}

fn blows(most: usize) -> impl Strategy<Value = Vec<Blow>> {
    let at = any::<prop::sample::Index>;
    let blow = prop_oneof![
        3 => (at(), 0_u8..8).prop_map(|(at, bit)| Blow::Flip(at, bit)),
        3 => (at(), 1_usize..3000, any::<u8>()).prop_map(|(at, len, with)| Blow::Erase(at, len, with)),
        3 => (at(), any::<u8>()).prop_map(|(at, with)| Blow::Header(at, with)),
        1 => at().prop_map(Blow::Cut),
    ];
    prop::collection::vec(blow, 0..most)
}

fn strike(bundle: &mut Vec<u8>, places: &[(String, usize, usize)], blows: &[Blow], within: Range<usize>) {
    for blow in blows {
        let len = within.end.min(bundle.len()).saturating_sub(within.start);
        if len == 0 {
            return;
        }
        match blow {
            Blow::Flip(at, bit) => bundle[within.start + at.index(len)] ^= 1 << bit,
            Blow::Erase(at, run, with) => {
                let from = within.start + at.index(len);
                let to = (from + run).min(within.start + len);
                bundle[from..to].fill(*with);
            }
            Blow::Header(at, with) => {
                let (_, data, _) = at.get(places);
                if within.contains(&(data - 512)) && *data <= bundle.len() {
                    bundle[data - 400..*data].fill(*with);
                }
            }
            Blow::Cut(at) => bundle.truncate(within.start + at.index(len)),
        }
    }
}

/// The firms of all cases, and a bundle in many small volumes: some hold several files, some files take several.
fn cast() -> &'static (Firm, Firm, Cast) {
    static CAST: OnceLock<(Firm, Firm, Cast)> = OnceLock::new();
    CAST.get_or_init(|| {
        let (north, acme) = (Firm::new(), Firm::new());
        let noise = |seed: u32, len: u32| -> String {
            (0..len).map(|i| char::from(33 + ((i ^ seed).wrapping_mul(2_654_435_761) >> 25) as u8 % 90)).collect()
        };
        let entries = vec![
            file("a", &noise(1, 100)),
            folder("d"),
            file("d/large", &noise(2, 9000)),
            file("d/none", ""),
            file("d/small", &noise(3, 700)),
            file("e", &noise(4, 5000)),
            file("f", &noise(5, 20)),
            file("g", &noise(6, 3000)),
        ];
        let compartment = support::forge::Forged { cut: 2048, ..plain(entries, &[&acme]) };
        let made = forge(&[&north, &acme], &[compartment], &|_, _| {});
        (north, acme, made)
    })
}

fn mend(copies: &[&[u8]], trust: &Trust) -> Result<Mended> {
    Recovered::of(copies.iter().map(|bytes| source_of(bytes)).collect(), trust, &Silent)?.mend(&Silent)
}

fn repair(copies: &[&[u8]]) -> Result<Vec<u8>> {
    let (north, ..) = cast();
    let (mut out, mended) = (Vec::new(), mend(copies, &north.trusts())?);
    mended.write(&mut out, &Silent)?;
    Ok(out)
}

/// The members whose data is as it was; the end follows from the others.
fn whole(damaged: &[u8]) -> BTreeSet<String> {
    let bundle = &cast().2.bundle;
    let same =
        |(_, data, size): &&(String, usize, usize)| damaged.get(*data..data + size) == bundle.get(*data..data + size);
    members(bundle).iter().filter(same).map(|(name, ..)| name.clone()).collect()
}

fn names(bundle: &[u8]) -> BTreeSet<String> {
    members(bundle).into_iter().map(|(name, ..)| name).filter(|name| name != "end").collect()
}

fn open(mended: Mended) -> Result<Revealed> {
    let (_, acme, _) = cast();
    let trusted = mended.into_trusted();
    let admission = admit(trusted.signed().says().expires, now())?;
    let identities = acme.identities();
    trusted.reveal(admission, &Ask { identities: &identities, key_files: &[], compartment: None })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn repair_succeeds_exactly_when_each_member_is_whole_in_some_copy(first in blows(5), second in blows(5)) {
        let bundle = &cast().2.bundle;
        let places = members(bundle);
        let (mut a, mut b) = (bundle.clone(), bundle.clone());
        strike(&mut a, &places, &first, 0..bundle.len());
        strike(&mut b, &places, &second, 0..bundle.len());
        let have: BTreeSet<String> = whole(&a).union(&whole(&b)).cloned().collect();
        let lost: BTreeSet<String> = names(bundle).difference(&have).cloned().collect();
        match repair(&[&a, &b]) {
            Ok(out) => {
                prop_assert!(out == *bundle, "the result is not the bundle");
                prop_assert!(lost.is_empty(), "repaired without {:?}", lost);
            }
            Err(Error::Beyond { lost: named, members: _ }) => {
                let named: BTreeSet<String> = named.into_iter().map(|d| d.member).collect();
                prop_assert_eq!(named, lost);
            }
            Err(Error::NoStatement { .. }) => {
                let statement = |name: &String| name.starts_with("envelope.json") || name == "B3SUMS";
                prop_assert!(lost.iter().any(statement), "the statement was not found; lost: {:?}", lost);
            }
            Err(e) => prop_assert!(false, "{e}"),
        }
    }

    #[test]
    fn damage_is_named_member_by_member(blows in blows(4)) {
        let bundle = &cast().2.bundle;
        let mut copy = bundle.clone();
        strike(&mut copy, &members(bundle), &blows, 0..bundle.len());
        if let Ok(mended) = mend(&[&copy], &cast().0.trusts()) {
            let losses = mended.damage.iter().filter(|d| d.what.is_loss() && d.member != "end");
            let named: BTreeSet<String> = losses.map(|d| d.member.clone()).collect();
            let lost: BTreeSet<String> = names(bundle).difference(&whole(&copy)).cloned().collect();
            prop_assert_eq!(named, lost);
            prop_assert_eq!(mended.damage.is_empty(), copy == *bundle);
            for damage in mended.damage.iter().filter(|d| d.volume.is_some() && d.what == Harm::Changed) {
                let (_, data, size) = members(bundle).into_iter().find(|(name, ..)| *name == damage.member).unwrap();
                let range = (data as u64 - 512, (data + size.next_multiple_of(512)) as u64);
                // Where neighbours lost their headers as well, their sizes are not known.
                let beside = mended.damage.iter().filter(|d| d.what.is_loss()).count() > 1;
                prop_assert!(beside || (damage.from, damage.to) == range, "{:?} is not at {:?}", damage, range);
            }
        }
    }

    #[test]
    fn salvage_writes_exactly_the_files_whose_volumes_are_whole(blows in blows(6)) {
        let (_, acme, made) = cast();
        let places = members(&made.bundle);
        let from = places.iter().find(|(name, ..)| name == "c0/v000000.age").unwrap().1 - 512;
        let to = places.iter().find(|(name, ..)| name == "c0/manifest.age").unwrap().1 - 512;
        let blows: Vec<Blow> = blows.into_iter().filter(|blow| !matches!(blow, Blow::Cut(_))).collect();
        let mut copy = made.bundle.clone();
        strike(&mut copy, &places, &blows, from..to);
        let whole = whole(&copy);
        let mut expected = BTreeSet::new();
        let revealed = reveal(&made.bundle, acme, &cast().0.trusts()).unwrap();
        let mut offset = 0;
        revealed.list(&mut |_, entry| {
            let volumes = offset / 2048..=(offset + entry.span() - 1) / 2048;
            offset += entry.span();
            let kept = volumes.into_iter().all(|v| whole.contains(&format!("c0/v{v:06}.age")));
            if kept || entry.path.as_str() == "d" {
                expected.insert(entry.path.to_string());
            }
            Ok(())
        }).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (all, got) = (dir.path().join("all"), dir.path().join("got"));
        unpack(&made.bundle, acme, &cast().0.trusts(), &all).unwrap();
        fs::create_dir(&got).unwrap();
        let mended = open(mend(&[&copy], &cast().0.trusts()).unwrap()).unwrap();
        let counts = mended.salvage_into(&Root::open(&got).unwrap(), &plainly(), &Silent);
        let files = expected.len() as u64 - 1;
        match counts {
            Ok(counts) => prop_assert_eq!((counts.files, counts.missing), (files, 7 - files)),
            Err(Error::NothingSalvaged { files: lost }) => {
                prop_assert_eq!((files, lost), (0, 7));
                return Ok(());
            }
            Err(e) => prop_assert!(false, "{e}"),
        }
        let mut wanted = tree_of(&all);
        wanted.retain(|(path, _)| expected.contains(path));
        prop_assert_eq!(tree_of(&got), wanted);
        let mut missing = BTreeSet::new();
        mended.missing(None, &mut |m| { missing.insert(m.path.to_owned()); Ok(()) }).unwrap();
        prop_assert_eq!(missing.len() as u64, 7 - files);
        prop_assert!(missing.is_disjoint(&expected));
        // What is not salvage lets nothing pass.
        if missing.is_empty() { mended.check_deep(&plainly(), &Silent).unwrap(); }
        else { prop_assert_eq!(mended.check_deep(&plainly(), &Silent).unwrap_err().class(), Class::Changed); }
    }
}

#[test]
fn bytes_that_were_added_or_lost_move_what_follows_and_nothing_else_is_lost() {
    let bundle = &cast().2.bundle;
    let places = members(bundle);
    for (name, data, size) in &places[1..places.len() - 1] {
        for lost in [0, 100] {
            let mut copy = bundle.clone();
            let at = data + size / 2;
            if lost == 0 {
                drop(copy.splice(at..at, [9; 77]))
            } else {
                drop(copy.drain(at..at + lost.min(size / 4)))
            }
            let Ok(mended) = mend(&[&copy], &cast().0.trusts()) else {
                assert!(name.starts_with("envelope") || name == "B3SUMS", "{name}");
                continue;
            };
            let named: Vec<&str> = mended.lost.iter().map(|d| d.member.as_str()).collect();
            assert_eq!(named, [name.as_str()]);
            assert!(mended.damage.iter().any(|d| d.what == Harm::Moved), "{:?}", mended.damage);
            let mut elsewhere = bundle.clone();
            elsewhere[20_000] ^= 1;
            if whole(&elsewhere).contains(name) {
                assert!(repair(&[&copy, &elsewhere]).is_ok_and(|out| out == *bundle), "{name}");
            }
        }
    }
}

#[test]
fn a_copy_of_another_bundle_is_refused_by_name_and_one_without_statement_is_not() {
    let (north, acme, made) = cast();
    let other = forge(&[north], &[plain(vec![file("x", "y")], &[acme])], &|_, _| {}).bundle;
    let mut broken = made.bundle.clone();
    broken[1500] ^= 1;
    assert!(matches!(repair(&[&broken, &other]), Err(Error::OtherBundle { .. })));
    let places = members(&made.bundle);
    let tail = places.iter().find(|(name, ..)| name == "B3SUMS").unwrap().1;
    assert!(repair(&[&broken, &made.bundle[..tail]]).is_ok_and(|out| out == made.bundle));
    assert!(repair(&[&other[..other.len() / 2], &made.bundle]).is_ok_and(|out| out == made.bundle));
    assert!(matches!(mend(&[&broken, &made.bundle], &acme.trusts()), Err(Error::Untrusted { .. })));
}

#[test]
fn salvage_demands_the_manifest_and_the_key() {
    let (.., made) = cast();
    for name in ["c0/manifest.age", "c0/key.age"] {
        let mut copy = made.bundle.clone();
        let (_, data, size) = members(&copy).into_iter().find(|(n, ..)| n == name).unwrap();
        copy[data + size / 2] ^= 1;
        assert_eq!(open(mend(&[&copy], &cast().0.trusts()).unwrap()).err().unwrap().class(), Class::Changed);
    }
}

#[test]
fn what_is_mended_without_loss_is_the_bundle() {
    let (north, _, made) = cast();
    let mended = mend(&[&made.bundle], &north.trusts()).unwrap();
    assert!(mended.damage.is_empty() && mended.lost.is_empty());
    mended.into_trusted().check_all(2, &Silent).unwrap();
    assert!(
        Signed::check(Opened::read(source_of(&repair(&[&made.bundle]).unwrap())).unwrap(), &north.trusts()).is_ok()
    );
}

#[test]
fn members_with_sound_headers_are_never_lost_to_guesses() {
    let (north, acme) = (Firm::new(), Firm::new());
    let noise = |seed: u64| -> String {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(33 + u8::try_from(state >> 57).unwrap() % 90)
        };
        std::iter::repeat_with(next).take(3 << 20).collect()
    };
    let entries = (0..8).map(|n| file(&n.to_string(), &noise(n))).collect();
    let cast = forge(&[&north], &[Forged { cut: 4 << 20, ..plain(entries, &[&acme]) }], &|_, _| {});
    // One byte is lost, so that all members stand one byte off, and what looks like signatures makes guessing long.
    let mut copy = cast.bundle.clone();
    copy.splice(600..700, b"-----BEGIN SSH SIGNATURE-----".repeat(3));
    let mended = mend(&[&copy], &north.trusts()).unwrap();
    let named: Vec<&str> = mended.lost.iter().map(|d| d.member.as_str()).collect();
    assert!(named.iter().all(|name| *name == "README.txt"), "{named:?}");
}

#[test]
fn headers_without_end_do_not_make_work_without_end() {
    let mut hostile = Vec::new();
    let header = consign::format::tar::outer("c0/v000000.age", 1 << 30);
    (0..2000).for_each(|_| hostile.extend_from_slice(&header));
    (0..20_000).for_each(|_| hostile.extend_from_slice(b"-----BEGIN SSH SIGNATURE-----"));
    (0..20_000).for_each(|_| hostile.extend_from_slice(b"age-encryption.org/v1\n"));
    let begun = std::time::Instant::now();
    assert!(matches!(repair(&[&hostile]), Err(Error::NoStatement { .. })));
    assert!(repair(&[&hostile, &cast().2.bundle]).is_ok());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}
