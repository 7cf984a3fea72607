//! The fuzzer's functions over its seeds, and over every input that once broke one of them (`testdata/fuzz`).
//! How to fuzz: `docs/SECURITY.md`.

#[path = "fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::{Path, PathBuf};

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn no_seed_breaks_a_law() {
    for (name, run) in fuzz::TARGETS {
        let seeds = fuzz::seeds::of(name);
        assert!(!seeds.is_empty(), "{name}");
        seeds.iter().for_each(|seed| run(seed));
    }
}

#[test]
fn what_once_broke_a_law_breaks_none_now() {
    for file in fs::read_dir(at("testdata/fuzz")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let target = name.split_once('-').map(|(target, _)| target);
        let run = fuzz::TARGETS.iter().find(|(t, _)| Some(*t) == target);
        let (_, run) = run.unwrap_or_else(|| panic!("{name} does not begin with the name of a target"));
        run(&fs::read(&path).unwrap());
    }
}

/// Otherwise the fuzzer would only ever see refusals.
#[test]
fn the_seeds_reach_a_tree_and_what_only_a_tree_needs() {
    let seeds = fuzz::seeds::of("resigned");
    let ends: Vec<_> = seeds[..6].iter().map(|seed| fuzz::resigned::made(seed)).collect();
    assert!(ends[1..].iter().all(|o| o.verify.is_ok() && o.deep.is_ok()), "{ends:?}");
    let unpacked: Vec<_> = ends.iter().map(|o| o.unpack).collect();
    let (good, differ, base) = (Ok(()), Err("compartments-differ"), Err("needs-base"));
    assert_eq!(unpacked[1..], [good, good, differ, base, good]);
    assert!(unpacked[0].is_err(), "folders are missing in it");
}

#[test]
#[ignore = "writes the seeds for a fuzzer to tests/fuzz/corpus"]
fn write_the_seeds() {
    for (name, _) in fuzz::TARGETS {
        let folder = at("tests/fuzz/corpus").join(name);
        fs::create_dir_all(&folder).unwrap();
        for seed in fuzz::seeds::of(name) {
            let id = consign::crypto::digest(&seed).to_string();
            fs::write(folder.join(format!("seed-{}", &id[..16])), seed).unwrap();
        }
    }
}
