//! Signals, pipes and standard streams that are closed or full: the code of the signal, no litter, and no word of a
//! message in a bundle.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::desk::{Desk, Ran, binary, exists, have};
use crate::firms::{Verdict, ledger, litter, quick};

/// Waits until something holds, for ten seconds at most.
fn wait_for(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(10), "{what} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success(), "it was done before it could be stopped");
}

#[test]
fn signals_end_pack_unpack_and_verify_with_their_code_and_no_litter() {
    if !have(&["kill", "mkfifo"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    // A bundle that comes through a FIFO and never ends, so that each is in the middle of its work.
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let bundle = fs::read(desk.path("in.consign")).unwrap();
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        for (firm, line) in [("acme", "unpack - -o out"), ("acme", "verify -"), ("acme", "list -")] {
            let mut command = desk.command(firm);
            command.args(line.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut pipe = child.stdin.take().unwrap();
            std::io::Write::write_all(&mut pipe, &bundle[..bundle.len() / 2]).unwrap();
            std::thread::sleep(Duration::from_millis(150));
            send(signal, &child);
            std::thread::sleep(Duration::from_millis(50));
            drop(pipe);
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert_eq!(ran.code, code, "{line} {signal}: {}{}", ran.out, ran.err);
            assert!(ran.err.contains("stopped"), "{line}: {}", ran.err);
            assert!(litter(&desk, firm).is_empty() && !exists(&desk.path("out")), "{line}: {:?}", desk.names("."));
        }
    }
}

#[test]
fn a_signal_while_the_ledger_is_locked_by_another_run_ends_the_wait() {
    if !have(&["kill", "flock"]) {
        return;
    }
    let desk = quick();
    desk.tree();
    let lock = desk.home("north").join("ledger/lock");
    let mut holder = Command::new("flock").arg(&lock).args(["sleep", "20"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let before = ledger(&desk, "north");
    let mut command = desk.command("north");
    command.args(["pack", "tree", "--to", "acme", "-o", "out.consign"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for("the payload", || exists(&desk.path(".out.consign.consign-part")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!exists(&desk.path("out.consign")), "published while another run held the ledger");
    send("-TERM", &child);
    let ran = Ran::of(child.wait_with_output().unwrap());
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert_eq!(ran.code, 143, "{}{}", ran.out, ran.err);
    assert!(litter(&desk, "north").is_empty(), "{:?}", litter(&desk, "north"));
    assert_eq!(ledger(&desk, "north"), before);
}

/// Runs with streams closed by a shell: `0<&-`, `1>&-`, `2>&-`.
fn closed(desk: &Desk, firm: &str, line: &str, closed: &str) -> Ran {
    let mut command = desk.wrap(firm, "sh");
    Ran::of(command.args(["-c", &format!("exec {} {line} {closed}", binary())]).output().unwrap())
}

#[test]
fn closed_streams_lose_nothing_and_no_message_goes_into_a_file() {
    let desk = quick();
    desk.tree();
    for (n, streams) in ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"].into_iter().enumerate() {
        let name = format!("b{n}.consign");
        let before = ledger(&desk, "north");
        let ran = closed(&desk, "north", &format!("pack tree --to acme -o {name}"), streams);
        let mut verdict = Verdict::default();
        verdict.ledger(&desk, "north", &before);
        assert!(verdict.0.is_empty(), "{streams}: {:?}", verdict.0);
        assert_eq!(ran.code, 0, "{streams}: {}", ran.err);
        desk.run("acme", &format!("verify --deep {name}")).ok();
        let ran = closed(&desk, "acme", &format!("unpack {name} -o out{n}"), streams);
        assert_eq!(ran.code, 0, "{streams}: {}", ran.err);
        assert_eq!(fs::read_to_string(desk.path(&format!("out{n}/README.md"))).unwrap(), "hello\n");
        // An error is an error, heard or not.
        assert_eq!(closed(&desk, "acme", "verify nowhere", streams).code, 1, "{streams}");
    }
}

#[test]
fn data_for_a_closed_standard_output_is_an_error_before_any_work() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let before = ledger(&desk, "north");
    closed(&desk, "north", "pack tree --to acme -o -", "1>&-").fails(1, "io").says("standard output is closed");
    assert_eq!(ledger(&desk, "north"), before, "a line for a bundle that nobody got");
    closed(&desk, "acme", "cat in.consign README.md", "1>&-").fails(1, "io").says("standard output is closed");
    // What a shell opens is what was asked for.
    assert_eq!(closed(&desk, "acme", "cat in.consign README.md", ">/dev/null").code, 0);
    assert_eq!(closed(&desk, "north", "pack tree --to acme -o -", ">/dev/null").code, 0);
}

#[test]
fn a_full_or_closed_output_is_told_and_what_was_done_is_not_told_as_undone() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for (firm, line, made) in [
        ("north", "pack tree --to acme -o out.consign", "out.consign"),
        ("acme", "unpack in.consign -o out", "out"),
        ("north", "card -o my.card", "my.card"),
    ] {
        let ran = closed(&desk, firm, line, ">/dev/full");
        let done = exists(&desk.path(made));
        assert!(done, "{line}: {}", ran.err);
        let quiet = line.starts_with("card") && ran.code == 0;
        if !quiet {
            ran.fails(1, "report-lost").says("no space left on device").says("the command itself is done");
        }
    }
    for line in ["list in.consign", "cat in.consign README.md", "verify in.consign", "log", "inspect in.consign"] {
        closed(&desk, "acme", line, ">/dev/full").fails(1, "io").says("no space left on device");
    }
    // Nobody hears a message, and the work is done.
    desk.run("acme", "verify in.consign").ok();
    assert_eq!(closed(&desk, "acme", "verify in.consign", "2>/dev/full").code, 0);
    assert_eq!(closed(&desk, "acme", "verify nowhere", "2>/dev/full").code, 1);
}

#[test]
fn a_reader_that_leaves_gets_no_ledger_line_unless_it_had_the_bundle() {
    let desk = quick();
    desk.write("tree/a", "0123456789abcdef".repeat(1 << 16));
    for take in [0, 1, 600, 5000] {
        let before = ledger(&desk, "north");
        let script = format!("{} pack tree --to acme -o - --name left | head -c {take} > got; exit 0", binary());
        let mut command = desk.wrap("north", "bash");
        command.args(["-c", &script.replace("; exit 0", "; exit ${PIPESTATUS[0]}")]);
        let ran = Ran::of(command.output().unwrap());
        assert!(matches!(ran.code, 0 | 141), "{take}: {} {}", ran.code, ran.err);
        assert!(!ran.err.contains("error"), "{}", ran.err);
        let got = fs::read(desk.path("got")).unwrap();
        let recorded = ledger(&desk, "north") != before;
        desk.write("got.consign", &got);
        let opens = desk.run("acme", "verify got.consign").code == 0;
        assert!(recorded || !opens, "{take}: a bundle that opens without its line");
    }
}
