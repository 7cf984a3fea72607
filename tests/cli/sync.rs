//! What reaches the disk in which order, and what a kill in between leaves (P7, P9).

use std::fs;
use std::process::Command;

use crate::desk::{Desk, binary, have};

fn traced(desk: &Desk, extra: &[&str], line: &str) -> (Option<i32>, String) {
    let log = desk.path("trace.log");
    let mut command = desk.wrap("north", "strace");
    command.args(["-f", "-y", "-qq", "-o"]).arg(&log);
    command.args(extra).arg(binary()).args(line.split(' '));
    let status = command.output().unwrap().status;
    (status.code(), fs::read_to_string(&log).unwrap_or_default())
}

#[test]
fn payload_then_record_then_tail_then_rename_then_folder() {
    if !have(&["strace"]) {
        return;
    }
    let desk = Desk::with_firms();
    desk.tree();
    let (code, log) =
        traced(&desk, &["-e", "trace=fsync,fdatasync,rename,renameat,renameat2,write"], "pack tree --to acme");
    assert_eq!(code, Some(0), "{log}");
    let find = |from: usize, what: &dyn Fn(&str) -> bool| {
        log.lines()
            .enumerate()
            .skip(from)
            .find(|(_, l)| what(l))
            .map(|(n, _)| n)
            .unwrap_or_else(|| panic!("not found in {log}"))
    };
    let part = |l: &str| l.contains(".acme-0001.consign.consign-part");
    let payload = find(0, &|l| l.contains("fdatasync") && part(l));
    let private = find(payload, &|l| l.contains("sync(") && l.contains("/private/"));
    let ledger = find(private, &|l| l.contains("sync(") && l.contains(".jsonl"));
    let tail = find(ledger, &|l| l.contains("write(") && part(l));
    let synced = find(tail, &|l| l.contains("sync(") && part(l));
    let renamed = find(synced, &|l| l.contains("rename") && l.contains("acme-0001.consign"));
    let _folder = find(renamed, &|l| l.contains("fsync("));
    // Nothing of the tail was written before the line was safe.
    let writes = log.lines().take(ledger).skip(payload).filter(|l| l.contains("write(") && part(l)).count();
    assert_eq!(writes, 0, "{log}");
}

/// Kills the packer at its N-th call of each kind that changes a disk, until a run goes through.
#[test]
fn a_kill_anywhere_leaves_nothing_that_opens_without_its_line() {
    if !have(&["strace"]) {
        return;
    }
    let desk = Desk::with_firms();
    desk.tree();
    for call in ["fsync", "fdatasync", "renameat2,rename,renameat", "write", "openat"] {
        let step = if matches!(call, "write" | "openat") { 5 } else { 1 };
        for n in (1..400).step_by(step) {
            let inject = format!("inject={call}:signal=KILL:when={n}");
            let (code, log) = traced(&desk, &["-e", &inject], "pack tree --to acme");
            check(&desk, &format!("{call} {n}"));
            if code == Some(0) {
                break;
            }
            assert!(n < 380, "never got through: {log}");
        }
    }
}

/// No bundle without its ledger line; the ledger whole; at most hidden files are left.
fn check(desk: &Desk, when: &str) {
    desk.run("north", "log verify").ok();
    let said = desk.run("north", "log --json").ok().out;
    for name in desk.names(".") {
        if let Some(bundle) = name.strip_suffix(".consign").filter(|n| !n.starts_with('.')) {
            assert!(said.contains(&format!("\"{bundle}\"")), "{when}: {name} has no line");
            let ran = Command::new(binary())
                .env("CONSIGN_HOME", desk.home("north"))
                .args(["verify", &name])
                .current_dir(desk.dir.path())
                .output()
                .unwrap();
            assert!(ran.status.success(), "{when}: {name} is published but not whole");
        }
        let known = ["pass", "tree", "trace.log", "acme.card", "north.card", "home-north", "home-acme"]
            .contains(&name.as_str())
            || name.starts_with("acme-0")
            || name.ends_with(".consign-part");
        assert!(known, "{when}: {name} was left");
    }
}

/// Kills the unpacker at its N-th call, and looks whether the folder is absent or complete.
#[test]
fn a_kill_while_unpacking_leaves_no_half_made_folder() {
    if !have(&["strace"]) {
        return;
    }
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    let unpack = |inject: &str| {
        let mut command = desk.wrap("acme", "strace");
        command
            .args(["-f", "-qq", "-o", "/dev/null", "-e", inject])
            .arg(binary())
            .args(["unpack", "acme-0001.consign"]);
        command.output().unwrap().status.code()
    };
    for (call, step) in [("mkdir,mkdirat", 1), ("syncfs,fsync,fdatasync", 1), ("rename,renameat2", 1), ("write", 3)] {
        for n in (1..200).step_by(step) {
            let code = unpack(&format!("inject={call}:signal=KILL:when={n}"));
            let whole = desk.path("acme-0001/src/lib.c").exists() && desk.path("acme-0001/README.md").exists();
            assert!(whole || !crate::desk::exists(&desk.path("acme-0001")), "{call} {n}: half made");
            desk.run("acme", "log verify").ok();
            if code == Some(0) {
                assert!(!desk.names(".").iter().any(|n| n.contains("staging")), "{call}: {:?}", desk.names("."));
                break;
            }
            fs::remove_dir_all(desk.path("acme-0001")).unwrap_or_default();
            assert!(n < 190, "{call}: never got through");
        }
        fs::remove_dir_all(desk.path("acme-0001")).unwrap_or_default();
    }
}
