//! Disks that are full, small, read-only or out of descriptors, and files that may not grow (PROMISES, second table).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, Ran, binary, exists, have};
use crate::firms::{Verdict, ledger, litter, quick};

/// A file system of its own, unmounted in the end.
struct Mount(std::path::PathBuf);

impl Mount {
    /// `None` where nothing can be mounted, which is said by name.
    fn tmpfs(at: &Path, options: &str) -> Option<Mount> {
        if !have(&["mount", "umount"]) {
            return None;
        }
        fs::create_dir_all(at).unwrap();
        let ran = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().unwrap();
        if !ran.status.success() {
            println!("SKIPPED: a small disk needs root, which may mount a tmpfs");
            return None;
        }
        Some(Mount(at.to_owned()))
    }

    fn again(&self, options: &str) {
        let ran = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(ran.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _unused = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Text that does not compress to nothing.
fn noise(bytes: usize) -> String {
    let mut x = 7_u32;
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(&format!("{x:08x}"));
    }
    text
}

#[test]
fn a_disk_of_any_small_size_is_told_as_full_and_left_clean() {
    let desk = quick();
    desk.write("tree/a", noise(300_000));
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let Some(disk) = Mount::tmpfs(&desk.path("disk"), "size=64k") else { return };
    let (mut full, mut done) = (0, 0);
    // Sizes from too small for anything to large enough for all: the disk fills at another write each time.
    for kilobytes in (8..=440).step_by(16) {
        disk.again(&format!("size={}k", kilobytes.max(4)));
        for (firm, line) in [
            ("north", "pack tree --to acme -o disk/out.consign"),
            ("acme", "unpack in.consign -o disk/out"),
            ("acme", "card -o disk/card"),
        ] {
            let before = ledger(&desk, firm);
            let ran = desk.run(firm, line);
            let mut verdict = Verdict::default();
            verdict.ledger(&desk, firm, &before);
            verdict.told(&ran, false);
            verdict.must(ran.code == 0 || ran.is_told(), "it failed without a word");
            let left = desk.names("disk");
            if ran.code == 0 {
                done += 1;
                verdict.must(!left.is_empty(), "ok and nothing there");
            } else {
                full += 1;
                verdict.must(left.is_empty(), format!("left {left:?}"));
                let words = ["no space left on device", "has room for"].iter().any(|w| ran.err.contains(w));
                verdict.must(words, format!("no words: {}", ran.err));
            }
            assert!(verdict.0.is_empty(), "{kilobytes} KiB, {line}: {}", verdict.0.join("; "));
            for name in left {
                let path = desk.path("disk").join(name);
                if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
            }
        }
    }
    println!("{full} runs on a full disk, {done} done");
    assert!(full > 20 && done > 5, "{full} {done}");
}

#[test]
fn a_home_on_a_full_disk_publishes_nothing() {
    let desk = quick();
    desk.tree();
    let Some(_disk) = Mount::tmpfs(&desk.path("home-small"), "size=64k,mode=700") else { return };
    for name in ["identity.age", "signing", "signing.pub", "own.card"] {
        fs::copy(desk.home("north").join(name), desk.home("small").join(name)).unwrap();
    }
    desk.run("small", "partner add acme.card --unchecked").ok();
    let filler = desk.home("small").join("filler");
    for free in 0..8 {
        fs::write(&filler, "").unwrap();
        let mut all = Vec::new();
        while fs::write(&filler, &all).is_ok() {
            all.resize(all.len() + 4096, 7_u8);
        }
        fs::write(&filler, &all[..all.len().saturating_sub(4096 * (free + 1))]).unwrap();
        let before = ledger(&desk, "small");
        let ran = desk.run("small", "pack tree --to acme -o out.consign");
        let mut verdict = Verdict::default();
        verdict.ledger(&desk, "small", &before);
        verdict.told(&ran, false);
        verdict.must(ran.code == 0 || ran.is_told(), "it failed without a word");
        let there = exists(&desk.path("out.consign"));
        verdict.must(there == (ran.code == 0), format!("exit {} and a bundle: {there}", ran.code));
        verdict.must(!there || ledger(&desk, "small") != before, "a bundle without its line");
        verdict.private(&desk, "small", 0);
        verdict.must(litter(&desk, "small").is_empty(), format!("left {:?}", litter(&desk, "small")));
        assert!(verdict.0.is_empty(), "{free} pages free: {}: {}", verdict.0.join("; "), ran.err);
        for name in ["out.consign", "out.txt"] {
            fs::remove_file(desk.path(name)).unwrap_or_default();
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_in_words() {
    if !have(&["prlimit"]) {
        return;
    }
    let desk = quick();
    desk.write("tree/a", noise(300_000));
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for limit in (0..=320_000).step_by(20_000) {
        for (firm, line, target) in [
            ("north", "pack tree --to acme -o out.consign", "out.consign"),
            ("acme", "unpack in.consign -o out", "out"),
        ] {
            let before = ledger(&desk, firm);
            let mut command = desk.wrap(firm, "prlimit");
            command.arg(format!("--fsize={limit}")).arg(binary()).args(line.split(' '));
            let ran = Ran::of(command.output().unwrap());
            let mut verdict = Verdict::default();
            verdict.ledger(&desk, firm, &before);
            verdict.told(&ran, false);
            verdict.must(ran.code == 0 || ran.is_told(), "it failed without a word");
            let there = exists(&desk.path(target));
            verdict.must(there == (ran.code == 0), format!("exit {} and a target: {there}", ran.code));
            verdict.must(litter(&desk, firm).is_empty(), format!("left {:?}", litter(&desk, firm)));
            assert!(verdict.0.is_empty(), "{limit} bytes, {line}: {}: {}", verdict.0.join("; "), ran.err);
            fs::remove_dir_all(desk.path("out")).unwrap_or_default();
            for name in ["out.consign", "out.txt"] {
                fs::remove_file(desk.path(name)).unwrap_or_default();
            }
        }
    }
}

#[test]
fn few_descriptors_are_enough_or_told() {
    if !have(&["prlimit"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    let deep: String = (0..60).map(|n| format!("d{n}/")).collect();
    desk.write(&format!("tree/{deep}x"), "x\n");
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let mut done = 0;
    for limit in 4..40 {
        for (firm, line, target) in [
            ("north", "pack tree --to acme -o out.consign", "out.consign"),
            ("acme", "unpack in.consign -o out", "out"),
            ("acme", "verify --deep in.consign", ""),
        ] {
            let before = ledger(&desk, firm);
            let mut command = desk.wrap(firm, "prlimit");
            command.arg(format!("--nofile={limit}")).arg(binary()).args(line.split(' '));
            let ran = Ran::of(command.output().unwrap());
            if ran.err.contains("error while loading shared libraries") {
                continue;
            }
            let mut verdict = Verdict::default();
            verdict.ledger(&desk, firm, &before);
            verdict.told(&ran, false);
            verdict.must(ran.code == 0 || ran.is_told(), "it failed without a word");
            done += usize::from(ran.code == 0);
            let there = !target.is_empty() && exists(&desk.path(target));
            verdict.must(target.is_empty() || there == (ran.code == 0), format!("exit {}, target: {there}", ran.code));
            verdict.must(litter(&desk, firm).is_empty(), format!("left {:?}", litter(&desk, firm)));
            assert!(verdict.0.is_empty(), "{limit} descriptors, {line}: {}: {}", verdict.0.join("; "), ran.err);
            fs::remove_dir_all(desk.path("out")).unwrap_or_default();
            for name in ["out.consign", "out.txt"] {
                fs::remove_file(desk.path(name)).unwrap_or_default();
            }
        }
    }
    assert!(done > 20, "with 39 descriptors hardly anything was done: {done}");
}

#[test]
fn a_read_only_disk_is_told_and_a_read_only_home_only_stops_what_must_record() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let Some(disk) = Mount::tmpfs(&desk.path("home-fixed"), "mode=700") else { return };
    for folder in [".", "partners", "ledger", "private"] {
        fs::create_dir_all(desk.home("fixed").join(folder)).unwrap();
        for entry in fs::read_dir(desk.home("acme").join(folder)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, desk.home("fixed").join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
    disk.again("ro");
    desk.run("fixed", "verify --deep in.consign").ok();
    desk.run("fixed", "list in.consign").ok();
    desk.run("fixed", "cat in.consign README.md").ok();
    desk.run("fixed", "log verify").ok();
    desk.run("fixed", "unpack in.consign -o out").ok().says("not recorded");
    let told = desk.run("fixed", "unpack in.consign -o again --json").ok().out;
    assert!(told.contains("\"entry\":null") && told.contains("not recorded"), "{told}");
    desk.run("fixed", "pack tree -r age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm -o no.consign")
        .fails(1, "home-read-only");
    desk.run("fixed", "partner remove northwind").fails(1, "home-read-only");
    assert!(!exists(&desk.path("no.consign")));

    let Some(place) = Mount::tmpfs(&desk.path("place"), "mode=755") else { return };
    place.again("ro");
    desk.run("acme", "unpack in.consign -o place/out").fails(1, "io").says("read-only file system");
    desk.run("north", "pack tree --to acme -o place/out.consign").fails(1, "io").says("read-only file system");
    desk.run("north", "log verify").ok();
}

#[test]
fn a_folder_that_can_not_be_read_stops_a_pack_before_it_begins() {
    if !have(&["setpriv"]) {
        return;
    }
    // A drop box may be written into and not be read: its folder can't be synced, and that is found in time.
    let desk = quick();
    desk.tree();
    for path in [desk.dir.path().to_owned(), desk.home("north")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    for name in ["partners", "ledger", "private", "claims", "identity.age", "signing"] {
        let path = desk.home("north").join(name);
        if exists(&path) {
            open_up(&path);
        }
    }
    fs::create_dir(desk.path("box")).unwrap();
    fs::set_permissions(desk.path("box"), fs::Permissions::from_mode(0o733)).unwrap();
    let mut command = desk.wrap("north", "setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", binary()]);
    let ran = Ran::of(command.args(["pack", "tree", "--to", "acme", "-o", "box/out.consign"]).output().unwrap());
    if ran.err.contains("setpriv") {
        println!("SKIPPED: setpriv can't drop privileges here");
        return;
    }
    ran.fails(1, "io").says("permission denied").says("nothing was packed");
    assert!(desk.names("box").is_empty());
    assert!(!ledger(&desk, "north").contains("\"event\":\"drop\""));
}

fn open_up(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| open_up(&entry.unwrap().path()));
    }
}

#[test]
fn what_can_not_be_read_is_named_in_the_middle_of_a_walk() {
    if !have(&["setpriv"]) {
        return;
    }
    for (made, named) in [("tree/z/secret", "secret"), ("tree/z", "z")] {
        let desk: Desk = quick();
        desk.tree();
        desk.write("tree/z/secret", "x");
        open_up(desk.dir.path());
        fs::set_permissions(desk.path(made), fs::Permissions::from_mode(0o000)).unwrap();
        let mut command = desk.wrap("north", "setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", binary(), "pack", "tree", "--to", "acme"]);
        let ran = Ran::of(command.output().unwrap());
        if ran.err.contains("setpriv") {
            println!("SKIPPED: setpriv can't drop privileges here");
            return;
        }
        ran.fails(1, "io").says(named).says("permission denied");
        assert!(!desk.names(".").iter().any(|n| n.contains("acme-0001")), "{:?}", desk.names("."));
    }
}
