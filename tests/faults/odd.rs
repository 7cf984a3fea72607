//! Odd surroundings: a clock far off, no home, no locale, a dumb or narrow terminal, umask 0, modes 0000, and inputs that
//! are no files or have no end.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ran, binary, exists, have};
use crate::firms::{litter, quick};

/// A library that answers with another time, made by the C compiler that the build needs anyway.
fn clock(desk: &Desk) -> Option<PathBuf> {
    if !have(&["cc"]) {
        return None;
    }
    let source = "#define _GNU_SOURCE\n#include <time.h>\n#include <stdlib.h>\n\
        int clock_gettime(clockid_t id, struct timespec *t) {\n\
        t->tv_nsec = 0; t->tv_sec = atoll(getenv(\"TEST_CLOCK\")); return 0; }\n";
    let (from, to) = (desk.write("clock.c", source), desk.path("clock.so"));
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&to).arg(&from).status().unwrap();
    made.success().then_some(to)
}

#[test]
fn a_clock_that_is_far_off_or_goes_backwards_stops_nothing_and_breaks_no_chain() {
    let desk = quick();
    desk.tree();
    let Some(library) = clock(&desk) else { return };
    let at = |time: i64, firm: &str, line: &str| {
        let mut command = desk.command(firm);
        command.env("LD_PRELOAD", &library).env("TEST_CLOCK", time.to_string()).args(line.split(' '));
        Ran::of(command.output().unwrap())
    };
    // 1970, 2105, today, an hour before that, before 1970, the year 9000.
    for (n, time) in [1, 4_260_000_000, 1_795_000_000, 1_794_996_400, -5, 221_845_392_000].into_iter().enumerate() {
        let ran = at(time, "north", &format!("pack tree --to acme -o b{n}.consign"));
        assert_eq!(ran.code, 0, "{time}: {}", ran.err);
        let ran = at(time, "acme", &format!("unpack b{n}.consign -o out{n}"));
        assert_eq!(ran.code, 0, "{time}: {}", ran.err);
        desk.run("north", "log verify").ok();
        desk.run("acme", "log verify").ok();
    }
    let lines = desk.run("north", "log").ok().out;
    assert!(lines.matches("drop").count().max(lines.matches("sent").count()) > 0, "{lines}");
    // An end is judged by the clock at hand, whichever way it is off.
    at(1_795_000_000, "north", "pack tree --to acme --expires 2027-01-01 -o ends.consign").ok();
    at(1_795_000_000, "acme", "verify ends.consign").ok();
    at(4_260_000_000, "acme", "verify ends.consign").fails(6, "expired");
    at(1, "acme", "verify ends.consign").ok();
}

#[test]
fn without_a_home_it_says_what_it_needs() {
    let desk = quick();
    let mut command = Command::new(binary());
    command.env_clear().args(["key", "list"]).current_dir(desk.dir.path());
    let ran = Ran::of(command.output().unwrap());
    // A user whose home the system knows has one all the same.
    assert!(ran.code == 0 || (ran.code == 1 && ran.err.contains("[no-home]")), "{} {}", ran.code, ran.err);
    let mut command = Command::new(binary());
    command.env_clear().env("CONSIGN_HOME", desk.home("acme")).args(["key", "list"]);
    assert_eq!(Ran::of(command.current_dir(desk.dir.path()).output().unwrap()).code, 0);
    let mut command = Command::new(binary());
    command.env_clear().env("HOME", "/nonexistent/there").args(["key", "list"]).current_dir(desk.dir.path());
    assert_eq!(Ran::of(command.output().unwrap()).code, 0, "a home that is not there reads as an empty one");
}

#[test]
fn locale_and_terminal_change_no_byte_of_what_is_told() {
    let desk = quick();
    desk.write("tree/größe.txt", "x");
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for line in ["list in.consign", "verify in.consign", "log", "inspect in.consign", "--help", "pack --help"] {
        let plain = desk.run("acme", line).out;
        for (name, value) in
            [("LC_ALL", "C"), ("LC_ALL", "tr_TR.UTF-8"), ("TERM", "dumb"), ("COLUMNS", "40"), ("TERM", "")]
        {
            let ran = Ran::of(desk.command("acme").env(name, value).args(line.split(' ')).output().unwrap());
            assert_eq!(ran.code, 0, "{name}={value} {line}: {}", ran.err);
            assert!(!ran.out.contains('\u{1b}'), "{name}={value} {line}: escapes where there is no terminal");
            if !line.contains("help") {
                assert_eq!(ran.out, plain, "{name}={value} {line}");
            }
        }
    }
}

#[test]
fn on_a_terminal_that_is_dumb_or_narrow_it_works_and_draws_nothing_odd() {
    if !have(&["script", "stty"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for (n, term) in ["dumb", "xterm"].into_iter().enumerate() {
        let line = format!("stty cols 40 rows 10; {} unpack in.consign -o out{n}", binary());
        let mut command = desk.wrap("acme", "script");
        command.env("TERM", term).args(["-qec", &line, "/dev/null"]);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{term}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("match what the sender signed") && !ran.out.contains("panicked"), "{}", ran.out);
        assert!(term != "dumb" || !ran.out.contains('\u{1b}'), "escapes on a dumb terminal: {:?}", ran.out);
        assert!(exists(&desk.path(&format!("out{n}/README.md"))));
    }
}

#[test]
fn under_umask_0_keys_stay_private_and_nothing_is_writable_by_all() {
    let desk = quick();
    desk.tree();
    fs::set_permissions(desk.path("tree/README.md"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(desk.path("tree/src"), fs::Permissions::from_mode(0o777)).unwrap();
    let loose = |firm: &str, line: &str| {
        let mut command = desk.wrap(firm, "sh");
        Ran::of(command.args(["-c", &format!("umask 0; exec {} {line}", binary())]).output().unwrap()).ok()
    };
    loose("fresh", "key new --name Fresh");
    loose("fresh", "partner add acme.card --unchecked");
    loose("fresh", "pack tree --to acme");
    loose("north", "pack tree --to acme -o in.consign");
    loose("acme", "unpack in.consign -o out");
    let mode = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    let mut seen = 0;
    let mut stack = vec![desk.home("fresh"), desk.path("out")];
    while let Some(path) = stack.pop() {
        let at = mode(&path);
        assert_eq!(at & 0o022, 0, "{} has mode {at:o}", path.display());
        assert_eq!(at & 0o7000, 0, "{} has mode {at:o}", path.display());
        seen += 1;
        if path.is_dir() {
            stack.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
    }
    for name in ["identity.age", "signing", "writer"] {
        assert_eq!(mode(&desk.home("fresh").join(name)), 0o600, "{name}");
    }
    for name in ["", "ledger", "private", "partners", "claims"] {
        assert_eq!(mode(&desk.home("fresh").join(name)), 0o700, "{name}");
    }
    assert!(mode(&desk.path("in.consign")) & 0o002 == 0 && seen > 10);
}

#[test]
fn files_of_mode_0_are_packed_by_who_may_and_come_out_usable() {
    let desk = quick();
    desk.tree();
    fs::set_permissions(desk.path("tree/README.md"), fs::Permissions::from_mode(0o000)).unwrap();
    let ran = desk.run("north", "pack tree --to acme -o in.consign");
    if ran.code == 1 {
        ran.fails(1, "io").says("README.md").says("permission denied");
        return;
    }
    desk.run("acme", "unpack in.consign -o out").ok();
    let mode = fs::metadata(desk.path("out/README.md")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o444, 0o444, "{mode:o}");
}

#[test]
fn an_output_that_is_there_a_link_or_the_input_is_refused_and_untouched() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    desk.write("there.consign", "theirs");
    symlink("nowhere", desk.path("dangling.consign")).unwrap();
    symlink("there.consign", desk.path("link.consign")).unwrap();
    for name in ["there.consign", "dangling.consign", "link.consign"] {
        desk.run("north", &format!("pack tree --to acme -o {name}")).fails(1, "exists");
        desk.run("acme", &format!("unpack in.consign -o {name}")).fails(1, "exists");
    }
    for name in ["dangling.consign", "link.consign"] {
        desk.run("north", &format!("pack tree --to acme -o {name} --force")).fails(1, "exists");
    }
    assert_eq!(fs::read(desk.path("there.consign")).unwrap(), b"theirs");
    assert!(!exists(&desk.path("nowhere")));
    desk.run("north", "pack tree --to acme -o tree").fails(1, "exists");
    desk.run("north", "pack tree --to acme -o tree/new.consign").fails(1, "output-in-tree");
    desk.run("acme", "unpack in.consign -o in.consign").fails(1, "exists");
    desk.run("acme", "unpack in.consign -o tree").fails(1, "exists");
    desk.run("acme", "verify --deep in.consign").ok();
    assert!(litter(&desk, "north").is_empty());
}

/// Runs something that might wait or read for ever, for ten seconds at most.
fn bounded(desk: &Desk, firm: &str, line: &str) -> Ran {
    let began = Instant::now();
    let mut command = desk.wrap(firm, "timeout");
    let ran = Ran::of(command.args(["-s", "KILL", "10", binary()]).args(line.split(' ')).output().unwrap());
    assert!(began.elapsed() < Duration::from_secs(9), "{line}: it waits or reads for ever");
    ran
}

#[test]
fn an_endless_input_is_refused_in_words_wherever_a_file_is_read() {
    if !have(&["timeout"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for line in [
        "partner add /dev/zero --unchecked",
        "verify /dev/zero",
        "inspect /dev/zero",
        "list /dev/zero",
        "unpack /dev/zero -o out",
        "verify in.consign --signer /dev/zero",
        "list in.consign -i /dev/zero",
        "list in.consign --key-file /dev/zero",
        "pack tree --to northwind -R /dev/zero",
        "pack tree --to northwind --terms /dev/zero",
        "pack tree --to northwind --sign-with /dev/zero",
    ] {
        let ran = bounded(&desk, "acme", line);
        assert!(ran.code > 0 && ran.code < 11, "{line}: {} {}", ran.code, ran.err);
        assert!(ran.err.contains("error[") || ran.out.contains('['), "{line}: no words: {}{}", ran.out, ran.err);
        assert!(!ran.err.contains("[bug]"), "{line}: {}", ran.err);
    }
    let endless = |line: &str| {
        let mut command = desk.wrap("acme", "sh");
        let script = format!("yes | timeout -s KILL 10 {} {line}", binary());
        Ran::of(command.args(["-c", &script]).output().unwrap())
    };
    for line in ["verify -", "unpack - -o out", "partner add - --unchecked", "list in.consign -i -"] {
        let ran = endless(line);
        assert!(ran.code > 0 && ran.code < 11, "{line}: {} {}", ran.code, ran.err);
    }
}

#[test]
fn a_fifo_in_place_of_a_file_of_the_home_or_of_an_earlier_bundle_is_not_waited_for() {
    if !have(&["mkfifo", "timeout"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    let fifo = |path: PathBuf| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    desk.run("north", "pack tree --to acme").ok();
    for name in ["acme-0001.consign", "acme-0001.txt"] {
        fs::remove_file(desk.path(name)).unwrap();
        fifo(desk.path(name));
    }
    // They lie in the folder that is packed, and are looked at, since they might be what an earlier run wrote.
    bounded(&desk, "north", "pack . --to acme").fails(10, "special-file").says("FIFO");
    for name in ["own.card", "writer", "signing", "partners/acme.json", "ledger/lock"] {
        let path = desk.home("north").join(name);
        let kept = desk.path("kept");
        fs::rename(&path, &kept).unwrap();
        fifo(path.clone());
        let ran = bounded(&desk, "north", "pack tree --to acme -o out.consign");
        assert!(ran.code > 0 && ran.code < 11 || name == "ledger/lock", "{name}: {} {}", ran.code, ran.err);
        fs::rename(&kept, &path).unwrap();
        fs::remove_file(desk.path("out.consign")).unwrap_or_default();
        fs::remove_file(desk.path("out.txt")).unwrap_or_default();
    }
    // Hidden names of this program's own, too.
    fifo(desk.path(".out.consign.consign-part"));
    let ran = bounded(&desk, "north", "pack tree --to acme -o out.consign");
    assert!(matches!(ran.code, 0 | 1), "{}", ran.err);
    desk.run("north", "log verify").ok();
}
