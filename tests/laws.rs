//! Laws over generated trees and generated damage.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use consign::class::{Class, Fault};
use consign::files::Silent;
use proptest::prelude::*;
use support::forge::{file, folder, forge};
use support::*;

/// What a tree can hold.
#[derive(Debug, Clone)]
enum Node {
    Folder,
    File(Vec<u8>, bool, u64),
    /// So many times up, at most out to the root; then a name.
    Link(usize, String),
}

/// A tree: paths and what is there.
type Tree = BTreeMap<String, Node>;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9_-]{1,8}",
        "[a-z][a-z .!~-]{0,10}[a-z]",
        "[äöüéß東京]{1,6}",
        "[a-z]{90,120}",
        Just("a\u{1}b".to_owned()),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(name(), 1..4);
    let contents = prop_oneof![
        20 => prop::collection::vec(any::<u8>(), 0..2000),
        20 => prop::collection::vec(Just(7), 0..20_000),
        20 => Just(Vec::new()),
        // Larger than a volume.
        1 => (4_194_304_usize..4_196_000).prop_map(|len| (0..len).map(|i| (i * i / 77) as u8).collect()),
    ];
    let node = prop_oneof![
        6 => (contents, any::<bool>(), 0_u64..4_000_000_000).prop_map(|(c, x, m)| Node::File(c, x, m)),
        1 => Just(Node::Folder),
        1 => (0_usize..4, name()).prop_map(|(ups, to)| Node::Link(ups, to)),
    ];
    prop::collection::btree_map(path, node, 1..24).prop_map(|nodes| {
        let mut tree = Tree::new();
        for (path, node) in nodes {
            let path = path.join("/");
            // Names that are one on some system are refused by pack, which is another law.
            let key = consign::format::names::collision_key(&path);
            let clash = tree.keys().any(|p| {
                let other = consign::format::names::collision_key(p);
                let inside = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}/"));
                inside(&other, &key) || inside(&key, &other)
            });
            if !clash && path.split('/').all(|c| consign::format::names::unportable(c).is_none() || c.contains('\u{1}'))
            {
                tree.insert(path, node);
            }
        }
        tree
    })
}

fn write(tree: &Tree, root: &Path) {
    for (path, node) in tree {
        let at = root.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        match node {
            Node::Folder => fs::create_dir_all(&at).unwrap(),
            Node::File(contents, exec, mtime) => write_file(&at, contents, *exec, *mtime),
            Node::Link(ups, to) => {
                let ups = "../".repeat((*ups).min(path.matches('/').count()));
                std::os::unix::fs::symlink(format!("{ups}{to}"), &at).unwrap();
            }
        }
    }
}

fn write_file(at: &Path, contents: &[u8], exec: bool, mtime: u64) {
    fs::write(at, contents).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(if exec { 0o755 } else { 0o644 });
    fs::set_permissions(at, mode).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(mtime);
    fs::File::options().write(true).open(at).unwrap().set_modified(time).unwrap();
}

/// Whether there is anything to send.
fn sendable(tree: &Tree) -> bool {
    tree.values().any(|node| matches!(node, Node::File(..)))
}

/// The firms of all cases: making keys is not what is tested.
fn firms() -> &'static (Firm, Firm) {
    static FIRMS: std::sync::OnceLock<(Firm, Firm)> = std::sync::OnceLock::new();
    FIRMS.get_or_init(|| (Firm::new(), Firm::new()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn unpack_after_pack_is_the_identity(tree in tree()) {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).unwrap();
        write(&tree, &from);
        prop_assume!(sendable(&tree));
        let (north, acme) = firms();
        let (bundle, _) = bundle_of(&from, north, &[acme], 2);
        unpack(&bundle, acme, &north.trusts(), &to).unwrap();
        prop_assert_eq!(tree_of(&from), tree_of(&to));
    }

    #[test]
    fn the_content_id_is_independent_of_keys_and_times(tree in tree(), mtime in 0_u64..4_000_000_000) {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1"), dir.path().join("2"));
        fs::create_dir(&one).unwrap();
        fs::create_dir(&two).unwrap();
        write(&tree, &one);
        prop_assume!(sendable(&tree));
        // The other way round, so that the disk has them in another order; a folder is there before what is in it.
        for (path, node) in tree.iter().rev() {
            let node = match node {
                Node::File(contents, exec, _) => Node::File(contents.clone(), *exec, mtime),
                other => other.clone(),
            };
            write(&Tree::from([(path.clone(), node)]), &two);
        }
        let (north, acme) = firms();
        let (_, a) = bundle_of(&one, north, &[acme], 2);
        let (_, b) = bundle_of(&two, acme, &[north], 1);
        prop_assert_eq!(a.compartments[0].head.content, b.compartments[0].head.content);
    }

    #[test]
    fn verify_deep_says_ok_exactly_when_unpack_succeeds(at in any::<prop::sample::Index>(), bit in 0_u8..8, how in 0..5, len in 1_usize..5000) {
        let (north, acme) = firms();
        let entries = vec![folder("d"), file("d/a", "some text"), file("e", &"x".repeat(3000))];
        let cast = forge(&[north], &[support::forge::plain(entries, &[acme])], &|_, _| {});
        let mut bundle = cast.bundle;
        let at = at.index(bundle.len());
        match how {
            0 => bundle[at] ^= 1 << bit,
            1 => bundle.truncate(at),
            2 => drop(bundle.splice(at..at, [0; 512])),
            // A run that is the other way round; one that is left out.
            3 => bundle[at..].chunks_mut(len).next().unwrap().iter_mut().for_each(|b| *b = !*b),
            _ => drop(bundle.drain(at..bundle.len().min(at + len))),
        }
        let deep = reveal(&bundle, acme, &north.trusts()).and_then(|r| r.check_deep(&plainly(), &Silent)).is_ok();
        let dir = tempfile::tempdir().unwrap();
        let unpacked = unpack(&bundle, acme, &north.trusts(), &dir.path().join("out"));
        prop_assert_eq!(deep, unpacked.is_ok());
        prop_assert!(!deep, "damage was accepted");
        let class = unpacked.unwrap_err().class();
        prop_assert!(matches!(class, Class::Changed | Class::Unsafe), "{class:?}");
    }

    #[test]
    fn volume_cuts_are_free(tree in tree(), blocks in 1_usize..40) {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir(&from).unwrap();
        write(&tree, &from);
        prop_assume!(sendable(&tree));
        let (north, acme) = firms();
        let (_, sealed) = bundle_of(&from, north, &[acme], 1);
        let mut entries = Vec::new();
        let revealed = {
            let (bundle, _) = bundle_of(&from, north, &[acme], 1);
            reveal(&bundle, acme, &north.trusts()).unwrap()
        };
        revealed.list(&mut |_, e| {
            let is_file = matches!(e.kind, consign::format::entry::Kind::File { .. });
            let contents = if is_file { fs::read(from.join(e.path.as_str())).unwrap() } else { Vec::new() };
            entries.push((e.clone(), contents));
            Ok(())
        }).unwrap();
        // Many small volumes, but not thousands.
        let total: usize = entries.iter().map(|(_, contents)| contents.len()).sum();
        let cut = (blocks + total / 100 / 512) * 512;
        let cast = forge(&[north], &[support::forge::Forged { cut, ..support::forge::plain(entries, &[acme]) }], &|_, _| {});
        prop_assert_eq!(cast.contents[0], sealed.compartments[0].head.content);
        let to = dir.path().join("to");
        unpack(&cast.bundle, acme, &north.trusts(), &to).unwrap();
        prop_assert_eq!(tree_of(&from), tree_of(&to));
    }
}
