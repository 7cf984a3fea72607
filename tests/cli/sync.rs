//! What reaches the disk in which order (P9). What a kill in between leaves is in `tests/faults/inject.rs`.

use std::fs;

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
