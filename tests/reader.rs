//! Claims about the reader: all of format 1 is read, whatever the packer makes so far.

mod support;

use std::fs;
use std::path::Path;

use consign::bundle::{Ask, Error, Opened, Revealed, Signed, Unpack};
use consign::class::{Class, Fault};
use consign::files::{Root, Silent};
use consign::format::entry::Entry;
use consign::format::manifest::Parent;
use consign::policy::admit;
use support::forge::{self, *};
use support::*;

fn open(
    bundle: &[u8],
    who: &Firm,
    trust: &Trust,
    key_files: &[Vec<u8>],
    only: Option<usize>,
) -> Result<Revealed, Error> {
    let trusted = Signed::check(Opened::read(source_of(bundle))?, trust)?.trust()?;
    let identities = who.identities();
    trusted.reveal(admit(None, now())?, &Ask { identities: &identities, key_files, compartment: only })
}

fn unpacked(revealed: &Revealed, base: Option<&Path>) -> Result<Vec<(String, String)>, Error> {
    let dir = tempfile::tempdir().unwrap();
    let order = Unpack { base, ..plainly() };
    revealed.unpack_into(&Root::open(dir.path())?, &order, &Silent)?;
    let mut tree = Vec::new();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            tree.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    tree.sort();
    Ok(tree)
}

fn honest(_: &mut consign::format::manifest::Head, _: &mut Vec<consign::format::manifest::VolumeSize>) {}

fn names(tree: &[(String, String)]) -> Vec<&str> {
    tree.iter().map(|(n, _)| n.as_str()).collect()
}

#[test]
fn each_partner_opens_its_own_compartment_and_both_give_a_union() {
    let (north, acme, birch) = (Firm::new(), Firm::new(), Firm::new());
    let ui = plain(vec![file("a", "both"), file("ui", "u")], &[&acme, &north]);
    let firmware = plain(vec![file("a", "both"), file("fw", "f")], &[&birch, &north]);
    let cast = forge(&[&north], &[ui, firmware], &honest);
    let trust = north.trusts();
    let mine = open(&cast.bundle, &acme, &trust, &[], None).unwrap();
    assert_eq!(mine.closed, [1]);
    assert_eq!(names(&unpacked(&mine, None).unwrap()), ["a", "ui"]);
    let theirs = open(&cast.bundle, &birch, &trust, &[], None).unwrap();
    assert_eq!(names(&unpacked(&theirs, None).unwrap()), ["a", "fw"]);
    let all = open(&cast.bundle, &north, &trust, &[], None).unwrap();
    assert_eq!(names(&unpacked(&all, None).unwrap()), ["a", "fw", "ui"]);
    // A check looks at each compartment alone: the file that both have is checked twice.
    assert_eq!(all.check_deep(&plainly(), &Silent).unwrap().files, 4);
    let e = open(&cast.bundle, &acme, &trust, &[], Some(1)).err().unwrap();
    assert_eq!(e.class(), Class::WrongKey);
}

#[test]
fn a_union_takes_only_what_is_asked_for_and_its_folders_from_the_lowest_that_has_them() {
    let north = Firm::new();
    let at = |path: &str, mtime: u64| {
        let (entry, data) = folder(path);
        (Entry { mtime, ..entry }, data)
    };
    // `a-b` sorts between `a` and what is in `a`.
    let one = plain(vec![at("a", 100), at("a-b", 101), file("a-b/x", "x"), file("a/one", "1")], &[&north]);
    let two = plain(vec![at("a", 200), at("a-b", 201), file("a/two", "2"), at("b", 202), file("b/y", "y")], &[&north]);
    let cast = forge(&[&north], &[one, two], &honest);
    let all = open(&cast.bundle, &north, &north.trusts(), &[], None).unwrap();
    let tree = |wanted: &'static [&'static str]| {
        let dir = tempfile::tempdir().unwrap();
        let only = |path: &str| wanted.contains(&path);
        let order = Unpack { only: (!wanted.is_empty()).then_some(&only as _), ..plainly() };
        all.unpack_into(&Root::open(dir.path()).unwrap(), &order, &Silent).unwrap();
        let time = |path: &str| {
            let at = dir.path().join(path);
            let since =
                |m: fs::Metadata| m.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
            fs::metadata(at).ok().map(|m| if m.is_dir() { since(m) } else { 0 })
        };
        ["a", "a-b", "a-b/x", "a/one", "a/two", "b", "b/y"].map(time)
    };
    assert_eq!(tree(&[]), [Some(100), Some(101), Some(0), Some(0), Some(0), Some(202), Some(0)]);
    assert_eq!(tree(&["a/two"]), [Some(100), None, None, None, Some(0), None, None]);
    assert_eq!(tree(&["a-b/x", "b/y"]), [None, Some(101), Some(0), None, None, Some(202), Some(0)]);
    assert_eq!(tree(&["a/one", "a/two"]), [Some(100), None, None, Some(0), Some(0), None, None]);
    assert_eq!(tree(&["a-b"]), [None, Some(101), None, None, None, None, None]);
}

#[test]
fn compartments_that_disagree_make_the_reader_choose() {
    let north = Firm::new();
    let one = plain(vec![file("a", "one")], &[&north]);
    let two = plain(vec![file("a", "two")], &[&north]);
    let cast = forge(&[&north], &[one, two], &honest);
    let trust = north.trusts();
    let both = open(&cast.bundle, &north, &trust, &[], None).unwrap();
    assert_eq!(unpacked(&both, None).unwrap_err().word(), "compartments-differ");
    both.check_deep(&plainly(), &Silent).unwrap();
    let second = open(&cast.bundle, &north, &trust, &[], Some(1)).unwrap();
    assert_eq!(unpacked(&second, None).unwrap(), [("a".to_owned(), "two".to_owned())]);
}

#[test]
fn every_listed_signer_signs_and_the_first_must_be_known() {
    let (north, second, acme) = (Firm::new(), Firm::new(), Firm::new());
    let cast = forge(&[&north, &second], &[plain(vec![file("a", "x")], &[&acme])], &honest);
    let revealed = open(&cast.bundle, &acme, &north.trusts(), &[], None).unwrap();
    let known: Vec<bool> = revealed.trusted().signed().signers.iter().map(|s| s.known_as.is_some()).collect();
    assert_eq!(known, [true, false]);
    let e = open(&cast.bundle, &acme, &second.trusts(), &[], None).err().unwrap();
    assert_eq!(e.class(), Class::Untrusted);
}

#[test]
fn a_held_bundle_opens_with_its_key_file_only() {
    let (north, acme, birch) = (Firm::new(), Firm::new(), Firm::new());
    let held = Forged { held: true, ..plain(vec![file("a", "x")], &[&acme]) };
    let cast = forge(&[&north], &[held], &honest);
    let trust = north.trusts();
    assert_eq!(open(&cast.bundle, &acme, &trust, &[], None).err().unwrap().word(), "held");
    assert_eq!(open(&cast.bundle, &birch, &trust, &[], None).err().unwrap().word(), "wrong-key");
    let good = key_file(&cast, 0, &[&acme], &north);
    let revealed = open(&cast.bundle, &acme, &trust, std::slice::from_ref(&good), None).unwrap();
    assert_eq!(names(&unpacked(&revealed, None).unwrap()), ["a"]);
    let crlf = String::from_utf8(good).unwrap().replace('\n', "\r\n").into_bytes();
    open(&cast.bundle, &acme, &trust, &[crlf], None).unwrap();
    let forged = key_file(&cast, 0, &[&acme], &birch);
    assert_eq!(open(&cast.bundle, &acme, &trust, &[forged], None).err().unwrap().class(), Class::Changed);
}

#[test]
fn a_key_file_lets_one_more_recipient_in() {
    let (north, acme, late) = (Firm::new(), Firm::new(), Firm::new());
    let cast = forge(&[&north], &[plain(vec![file("a", "x")], &[&acme])], &honest);
    let trust = north.trusts();
    assert_eq!(open(&cast.bundle, &late, &trust, &[], None).err().unwrap().class(), Class::WrongKey);
    let file = key_file(&cast, 0, &[&late], &north);
    open(&cast.bundle, &late, &trust, &[file], None).unwrap();
}

#[test]
fn a_delta_goes_onto_its_checked_base_only() {
    let (north, acme) = (Firm::new(), Firm::new());
    let trust = north.trusts();
    let first = forge(&[&north], &[plain(vec![file("a", "same"), file("b", "old")], &[&acme])], &honest);
    let parent = Parent { bundle: first.reference, compartment: 0, content: first.contents[0] };
    let delta = Forged { parent: Some(parent), ..plain(vec![unchanged("a", "same"), file("b", "new")], &[&acme]) };
    let second = forge(&[&north], &[delta], &honest);

    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("a"), "same").unwrap();
    fs::write(base.path().join("b"), "old").unwrap();
    let revealed = open(&second.bundle, &acme, &trust, &[], None).unwrap();
    assert_eq!(unpacked(&revealed, None).unwrap_err().word(), "needs-base");
    let tree = unpacked(&revealed, Some(base.path())).unwrap();
    assert_eq!(tree, [("a".into(), "same".into()), ("b".into(), "new".into())]);
    let counts = revealed.check_deep(&plainly(), &Silent).unwrap();
    assert_eq!((counts.files, counts.refs), (1, 1));

    fs::write(base.path().join("b"), "edited").unwrap();
    let e = unpacked(&revealed, Some(base.path())).unwrap_err();
    assert_eq!((e.word(), e.class()), ("wrong-base", Class::Refused));
}

#[test]
fn readers_take_any_tiling() {
    let (north, acme) = (Firm::new(), Firm::new());
    let long: String = (0..40_000).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    let entries = || vec![folder("d"), file("d/long", &long), file("d/none", ""), file("e", "x")];
    for cut in [512, 1024, 1536, 4096, 10_240, 1 << 20] {
        let forged = Forged { cut, ..plain(entries(), &[&acme]) };
        let cast = forge(&[&north], &[forged], &honest);
        let revealed = open(&cast.bundle, &acme, &north.trusts(), &[], None).unwrap();
        assert_eq!(revealed.check_deep(&plainly(), &Silent).unwrap().files, 3, "cut at {cut}");
        let mut out = Vec::new();
        revealed.cat("d/long", &mut out, 2, &Silent).unwrap();
        assert_eq!(out, long.as_bytes(), "cut at {cut}");
    }
}

#[test]
fn a_sender_who_lies_about_sums_sizes_or_order_is_caught() {
    let (north, acme) = (Firm::new(), Firm::new());
    let lies: [(&str, forge::LieFn); 6] = [
        ("files", |head, _| head.files += 1),
        ("bytes", |head, _| head.bytes += 1),
        ("content", |head, _| head.content.0[0] ^= 1),
        ("a volume's length", |_, v| v[0].plain += 512),
        ("a member's length", |_, v| v[0].member += 1),
        ("a recipient", |head, _| head.recipients[0].key = "age1some1body".into()),
    ];
    for (what, lie) in lies {
        let cast = forge(&[&north], &[plain(vec![file("a", "x")], &[&acme])], &lie);
        let checked = open(&cast.bundle, &acme, &north.trusts(), &[], None)
            .and_then(|revealed| revealed.check_deep(&plainly(), &Silent));
        assert_eq!(checked.err().map(|e| e.class()), Some(Class::Changed), "{what}");
    }
    for (what, entries, class) in [
        ("order", vec![file("b", "x"), file("a", "x")], Class::Changed),
        ("twice", vec![file("a", "x"), file("a", "x")], Class::Changed),
        ("no parent", vec![file("d/a", "x")], Class::Unsafe),
        ("parent is a file", vec![file("d", "x"), file("d/a", "x")], Class::Unsafe),
    ] {
        let cast = forge(&[&north], &[plain(entries, &[&acme])], &honest);
        let revealed = open(&cast.bundle, &acme, &north.trusts(), &[], None).unwrap();
        let e = revealed.check_deep(&plainly(), &Silent).unwrap_err();
        assert_eq!(e.class(), class, "{what}");
        assert!(unpacked(&revealed, None).is_err(), "{what}");
    }
}

#[test]
fn contents_that_differ_from_the_manifest_are_caught() {
    let (north, acme) = (Firm::new(), Firm::new());
    let (entry, _) = file("a", "xxxxx");
    let cast = forge(&[&north], &[plain(vec![(entry, b"yyyyy".to_vec())], &[&acme])], &honest);
    let revealed = open(&cast.bundle, &acme, &north.trusts(), &[], None).unwrap();
    assert_eq!(unpacked(&revealed, None).unwrap_err().class(), Class::Changed);
    let mut out = Vec::new();
    assert!(revealed.cat("a", &mut out, 1, &Silent).is_err());
    assert!(out.is_empty());
}

#[test]
fn a_post_quantum_bundle_opens_for_its_people_and_says_what_it_is() {
    let (north, acme) = (Firm::post_quantum(), Firm::post_quantum());
    let cast = forge(&[&north], &[plain(vec![file("a", "x")], &[&acme, &north])], &honest);
    for firm in [&north, &acme] {
        let revealed = open(&cast.bundle, firm, &north.trusts(), &[], None).unwrap();
        assert_eq!(unpacked(&revealed, None).unwrap().len(), 1);
        assert!(revealed.trusted().signed().is_post_quantum(0).unwrap());
    }
    let old = Firm::new();
    let e = open(&cast.bundle, &old, &north.trusts(), &[], None).err().unwrap();
    assert_eq!(e.class(), Class::WrongKey);
}

#[test]
fn the_key_of_a_compartment_is_as_strong_as_its_recipients_and_no_stronger() {
    let (north, new, old) = (Firm::new(), Firm::post_quantum(), Firm::new());
    for firm in [&new, &old] {
        let forged = Forged { other_kind: true, ..plain(vec![file("a", "x")], &[firm]) };
        let cast = forge(&[&north], &[forged], &honest);
        let e = open(&cast.bundle, firm, &north.trusts(), &[], None).err().unwrap();
        assert_eq!(e.class(), Class::Changed, "{e}");
        assert!(e.to_string().contains("stronger or weaker"), "{e}");
    }
}

#[test]
fn an_expired_bundle_is_refused_before_it_is_opened() {
    use consign::format::time::Time;
    let late = Time::from_unix(2_000_000_000);
    assert_eq!(admit(Some(late), late).unwrap_err().class(), Class::Refused);
}

#[test]
fn a_file_that_two_compartments_have_is_checked_in_both() {
    let north = Firm::new();
    let (entry, _) = file("a", "xxxxx");
    let one = plain(vec![file("a", "xxxxx")], &[&north]);
    let two = plain(vec![(entry, b"yyyyy".to_vec()), file("b", "z")], &[&north]);
    let cast = forge(&[&north], &[one, two], &honest);
    let both = open(&cast.bundle, &north, &north.trusts(), &[], None).unwrap();
    assert_eq!(both.check_deep(&plainly(), &Silent).unwrap_err().class(), Class::Changed);
    assert_eq!(unpacked(&both, None).unwrap_err().class(), Class::Changed);
}

#[test]
fn a_delta_takes_from_its_base_exactly_what_the_base_has() {
    let (north, acme) = (Firm::new(), Firm::new());
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("a"), "same").unwrap();
    fs::write(base.path().join(".consignignore"), "a\n").unwrap();
    let entries = || vec![file(".consignignore", "a\n"), file("a", "same")];
    let first = forge(&[&north], &[plain(entries(), &[&acme])], &honest);
    let parent = Parent { bundle: first.reference, compartment: 0, content: first.contents[0] };
    let delta = |entries| {
        let forged = Forged { parent: Some(parent), ..plain(entries, &[&acme]) };
        let cast = forge(&[&north], &[forged], &honest);
        unpacked(&open(&cast.bundle, &acme, &north.trusts(), &[], None).unwrap(), Some(base.path()))
    };
    let kept = || unchanged(".consignignore", "a\n");
    assert_eq!(delta(vec![kept(), unchanged("a", "same")]).unwrap().len(), 2);
    assert_eq!(
        delta(vec![kept(), file("a", "same")]).unwrap_err().class(),
        Class::Changed,
        "sent though the base has it"
    );
    assert_eq!(
        delta(vec![kept(), unchanged("a", "other")]).unwrap_err().class(),
        Class::Changed,
        "the base has another"
    );
}

#[test]
fn a_volume_far_larger_than_its_contents_is_refused_by_every_verb() {
    let (north, acme) = (Firm::new(), Firm::new());
    let lie: forge::LieFn = |_, volumes| volumes[0].member = 1 << 52;
    let cast = forge(&[&north], &[plain(vec![file("a", "x")], &[&acme])], &lie);
    let e = open(&cast.bundle, &acme, &north.trusts(), &[], None).err().unwrap();
    assert_eq!(e.class(), Class::Unsafe);
}
