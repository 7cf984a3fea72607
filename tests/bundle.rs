//! Claims about one parcel, through the library: what was packed comes back, and nothing else is taken.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use consign::bundle::{self, Lens, Slice};
use consign::class::{Class, Fault};
use support::*;

fn sample() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let at = |p: &str| dir.path().join(p);
    fs::create_dir_all(at("src/deep/er")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::write(at("a.txt"), "hello").unwrap();
    fs::write(at("none"), "").unwrap();
    fs::write(at("src/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(at("src/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("src/deep/er/é\u{301}ü.txt"), "names").unwrap();
    fs::write(at(&format!("src/{}", "n".repeat(200))), "long name").unwrap();
    for (name, len) in [("big", 13_000_001_usize), ("slices", 12 << 20), ("edge", (4 << 20) + 1), ("just", 4 << 20)] {
        let mut x = 1_u32;
        let data: Vec<u8> = (0..len)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (x >> 24) as u8
            })
            .collect();
        fs::write(at(name), data).unwrap();
    }
    symlink("../a.txt", at("src/link")).unwrap();
    dir
}

#[test]
fn what_was_packed_comes_back_equal() {
    let (tree, out) = (sample(), tempfile::tempdir().unwrap());
    let (northwind, acme) = (Firm::new(), Firm::new());
    for workers in [1, 2, 5] {
        let (bundle, sealed) = bundle_of(tree.path(), &northwind, &[&acme], workers);
        assert_eq!(bundle.len() as u64, sealed.size);
        let to = out.path().join(workers.to_string());
        unpack(&bundle, &acme, &northwind.trusts(), &to).unwrap();
        assert_eq!(tree_of(tree.path()), tree_of(&to));
    }
}

#[test]
fn a_stranger_opens_nothing_and_a_strangers_bundle_is_not_opened() {
    let tree = sample();
    let (northwind, acme, birch) = (Firm::new(), Firm::new(), Firm::new());
    let (bundle, _) = bundle_of(tree.path(), &northwind, &[&acme], 2);
    let e = reveal(&bundle, &birch, &northwind.trusts()).err().unwrap();
    assert_eq!(e.class(), Class::WrongKey);
    let e = reveal(&bundle, &acme, &birch.trusts()).err().unwrap();
    assert_eq!(e.class(), Class::Untrusted);
}

/// Path, offset, what stands before, bytes.
type Shown = (String, u64, Vec<u8>, Vec<u8>);

/// Keeps what it was shown.
#[derive(Default)]
struct Witness {
    names: std::sync::Mutex<Vec<String>>,
    slices: std::sync::Mutex<Vec<Shown>>,
}

impl Lens for Witness {
    fn overlap(&self) -> usize {
        5000
    }
    fn name(&self, path: &str, target: Option<&str>) -> bundle::Result<()> {
        self.names.lock().unwrap().push(format!("{path} {}", target.unwrap_or_default()));
        Ok(())
    }
    fn look(&self, slice: &Slice<'_>) -> bundle::Result<()> {
        let Slice { path, offset, before, bytes, .. } = *slice;
        self.slices.lock().unwrap().push((path.to_owned(), offset, before.to_vec(), bytes.to_vec()));
        Ok(())
    }
}

#[test]
fn the_lens_sees_every_name_and_every_byte_and_what_lies_before_a_slice() {
    let tree = sample();
    let (northwind, acme) = (Firm::new(), Firm::new());
    for workers in [1, 3] {
        let witness = Witness::default();
        bundle_through(tree.path(), &northwind, &[&acme], workers, &witness).ok().unwrap();
        let (mut names, mut slices) = (witness.names.into_inner().unwrap(), witness.slices.into_inner().unwrap());
        names.sort();
        assert_eq!(names.len(), tree_of(tree.path()).len());
        assert!(names.contains(&"src/link ../a.txt".to_owned()) && names.contains(&"empty ".to_owned()), "{names:?}");
        slices.sort();
        let mut seen = std::collections::BTreeMap::<String, Vec<u8>>::new();
        for (path, offset, before, bytes) in slices {
            let so_far = seen.entry(path.clone()).or_default();
            assert_eq!(so_far.len() as u64, offset, "{path}");
            assert!(before == so_far[so_far.len().saturating_sub(5000)..], "{path} at {offset}");
            so_far.extend(bytes);
        }
        assert_eq!(seen["big"].len(), 13_000_001);
        for (path, bytes) in &seen {
            assert!(*bytes == fs::read(tree.path().join(path)).unwrap(), "{path}");
        }
    }
}

#[test]
fn a_lens_that_objects_stops_the_bundle_before_its_tail() {
    struct No;
    impl Lens for No {
        fn look(&self, slice: &Slice<'_>) -> bundle::Result<()> {
            if slice.path == "slices" && slice.offset > 0 { Err(bundle::Error::Screened) } else { Ok(()) }
        }
    }
    let tree = sample();
    let (northwind, acme) = (Firm::new(), Firm::new());
    let (written, error) = *bundle_through(tree.path(), &northwind, &[&acme], 2, &No).err().unwrap();
    assert_eq!(error.class(), Class::Findings);
    assert!(!written.windows(13).any(|w| w == b"envelope.json"), "the tail is there");
}
