//! Claims about faults: what an excellent tool does when the machine or the user's surroundings don't help.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::desk::{Desk, Ran, binary, exists, have};

#[test]
fn a_read_only_home_stops_packing_but_not_opening() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    if !have(&["setpriv"]) {
        return;
    }
    // Root may write anywhere, so the test becomes somebody else where it is root.
    let as_nobody = |firm: &str, line: &str| {
        let mut command = desk.wrap(firm, "setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", binary()]).args(line.split(' '));
        Ran::of(command.output().unwrap())
    };
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for firm in ["north", "acme"] {
        for entry in walk(&desk.home(firm)) {
            let mode = if entry.is_dir() { 0o555 } else { 0o444 };
            fs::set_permissions(&entry, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
    if as_nobody("north", "log").code != 0 {
        println!("SKIPPED: setpriv can't drop privileges here");
        return;
    }
    as_nobody("north", "pack tree --to acme").fails(1, "home-read-only").says("nothing was packed");
    as_nobody("acme", "verify acme-0001.consign").ok();
    as_nobody("acme", "list acme-0001.consign").ok();
    as_nobody("acme", "unpack acme-0001.consign -o out").ok().says("not recorded");
    assert!(exists(&desk.path("out/README.md")));
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = vec![dir.to_owned()];
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(walk(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn keys_and_homes_are_for_their_owner_only() {
    let desk = Desk::with_firms();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&desk.home("north")), 0o700);
    for name in ["identity.age", "signing"] {
        assert_eq!(mode(&desk.home("north").join(name)), 0o600, "{name}");
    }
    let text = fs::read(desk.home("north").join("identity.age")).unwrap();
    assert!(text.starts_with(b"age-encryption.org/v1\n-> scrypt"));
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let desk = Desk::with_firms();
    for i in 0..3000 {
        desk.write(&format!("tree/file-with-a-long-name-{i}"), "x");
    }
    desk.run("north", "pack tree --to acme").ok();
    let mut child = desk
        .command("acme")
        .args(["list", "acme-0001.consign"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (141, ""));
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = desk.command("acme").args(["list", "acme-0001.consign"]).stdout(full).output().unwrap();
    Ran::of(ran).fails(1, "io");
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let desk = Desk::with_firms();
    desk.write("tree/big", vec![7; 100_000]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = desk.command("north").args(["pack", "tree", "--to", "acme", "-o", "-"]).stdout(full).output().unwrap();
    Ran::of(ran).fails(1, "io");
    let lines = desk.run("north", "log").ok().out;
    assert!(!lines.contains("acme-0001"), "{lines}");
}

#[test]
fn two_at_once_never_claim_one_name() {
    let desk = Desk::with_firms();
    desk.tree();
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = desk.command("north");
            command.args(["pack", "tree", "--to", "acme"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        Ran::of(child.wait_with_output().unwrap()).ok();
    }
    let bundles = desk.names(".").into_iter().filter(|n| n.ends_with(".consign")).count();
    assert_eq!(bundles, 8);
    desk.run("north", "log verify").ok();
}

#[test]
fn an_interrupt_ends_it_with_130_and_no_litter() {
    if !have(&["kill"]) {
        return;
    }
    let desk = Desk::with_firms();
    let mut x = 1_u32;
    let mut text = Vec::with_capacity(120_000_000);
    while text.len() < 120_000_000 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(format!("{} ", x >> 20).as_bytes());
    }
    desk.write("tree/long", text);
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut command = desk.command("north");
        command.args(["pack", "tree", "--to", "acme", "--level", "19", "-o", "slow.consign"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(700));
        let sent = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "the packer was done before it could be stopped");
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!(!desk.names(".").iter().any(|n| n.contains("slow")), "{:?}", desk.names("."));
    }
}

#[test]
fn names_from_outside_never_reach_a_terminal_raw() {
    let desk = Desk::with_firms();
    desk.write("tree/\u{1b}[31mred\n\u{202e}x", "x");
    desk.run("north", "pack tree --to acme --allow-unportable").ok();
    let listed = desk.run("acme", "list acme-0001.consign").ok().out;
    assert!(!listed.contains('\u{1b}') && !listed.contains('\u{202e}'), "{listed:?}");
    assert!(listed.contains("\\u{1b}[31mred\\n\\u{202e}x"), "{listed}");
    desk.run("acme", "unpack acme-0001.consign").ok();
    assert!(exists(&desk.path("acme-0001/\u{1b}[31mred\n\u{202e}x")));
}

#[test]
fn a_file_that_can_not_be_read_is_named_and_never_skipped() {
    let desk = Desk::with_firms();
    desk.tree();
    let dangling = desk.path("tree/dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).unwrap();
    desk.run("north", "pack tree --to acme").ok();
    if !have(&["setpriv"]) {
        return;
    }
    fs::set_permissions(desk.path("tree/src/main.c"), fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for entry in walk(&desk.home("north")) {
        let mode = if entry.is_dir() { 0o777 } else { 0o666 };
        fs::set_permissions(&entry, fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = desk.wrap("north", "setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", binary(), "pack", "tree", "--to", "acme"]);
    Ran::of(command.output().unwrap()).fails(1, "io").says("main.c");
}
