//! Every call that can fail, failing at its N-th time with every error that fits, or being the last (P7, P8).

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::desk::{Desk, Ran, exists, have};
use crate::firms::{Verdict, ledger, litter, new_firm, quick, strays};
use crate::tracer::{Case, Counts, count, run};

/// Calls that change nothing by themselves, and what they may end with.
const LOOKS: [(&str, &[&str]); 16] = [
    ("openat", &["EMFILE", "EACCES", "EIO", "ENOSPC", "EINTR"]),
    ("openat2", &["EMFILE", "EACCES", "EIO", "EINTR"]),
    ("read", &["EIO", "EINTR"]),
    ("pread64", &["EIO", "EINTR"]),
    ("readv", &["EIO", "EINTR"]),
    ("statx", &["EIO", "EACCES"]),
    ("newfstatat", &["EIO", "EACCES"]),
    ("fstat", &["EIO"]),
    ("statfs", &["EIO", "ENOSYS"]),
    ("getdents64", &["EIO"]),
    ("lseek", &["EIO"]),
    ("fcntl", &["EMFILE"]),
    ("flock", &["EINTR", "ENOLCK"]),
    ("close", &["EIO", "EINTR"]),
    ("readlink", &["EIO", "EACCES"]),
    ("readlinkat", &["EIO", "EACCES"]),
];

/// Calls that change the disk, or make a thread.
const CHANGES: [(&str, &[&str]); 22] = [
    ("write", &["ENOSPC", "EIO", "EDQUOT", "EINTR", "EFBIG"]),
    ("pwrite64", &["ENOSPC", "EIO", "EDQUOT", "EINTR"]),
    ("fsync", &["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
    ("fdatasync", &["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
    ("syncfs", &["EIO", "ENOSPC", "EDQUOT", "EINTR"]),
    ("rename", &["EIO", "ENOSPC", "EDQUOT", "EACCES"]),
    ("renameat", &["EIO", "ENOSPC", "EDQUOT", "EACCES"]),
    ("renameat2", &["EIO", "ENOSPC", "EDQUOT", "EACCES"]),
    ("mkdir", &["ENOSPC", "EACCES", "EDQUOT"]),
    ("mkdirat", &["ENOSPC", "EACCES", "EDQUOT"]),
    ("symlink", &["ENOSPC", "EACCES"]),
    ("symlinkat", &["ENOSPC", "EACCES"]),
    ("unlink", &["EIO", "EACCES"]),
    ("unlinkat", &["EIO", "EACCES"]),
    ("rmdir", &["EIO", "EACCES"]),
    ("ftruncate", &["EIO", "EINTR"]),
    ("utimensat", &["EIO", "EACCES"]),
    ("fchmod", &["EIO", "EACCES"]),
    ("clone3", &["EAGAIN"]),
    ("clone", &["EAGAIN"]),
    ("getrandom", &["EINTR"]),
    ("getcwd", &["EACCES"]),
];

/// Calls that POSIX lets end with EINTR: they are made again.
const RETRIED: [&str; 11] =
    ["openat", "openat2", "read", "pread64", "write", "pwrite64", "fsync", "fdatasync", "syncfs", "flock", "ftruncate"];

static RAN: AtomicUsize = AtomicUsize::new(0);

/// Whether every case is tried, which takes long, or a sample of them.
fn long() -> bool {
    std::env::var_os("CONSIGN_LONG").is_some_and(|v| !v.is_empty())
}

/// All cases, in a fixed order: kills and errors at each call after the program's start.
fn cases(counts: &Counts) -> Vec<Case> {
    let mut all = Vec::new();
    for (call, errors) in LOOKS.into_iter().chain(CHANGES) {
        let Some((before, most)) = counts.get(call) else { continue };
        let kills = if LOOKS.iter().any(|(look, _)| *look == call && call != "openat") { &[][..] } else { &["KILL"] };
        for n in before + 1..=*most {
            all.extend(errors.iter().chain(kills).map(|&fault| Case { call, fault, n }));
        }
    }
    all
}

/// In the short run every `step`-th case that only looks and every `step / 4`-th that changes something.
fn sample(all: Vec<Case>, step: usize) -> Vec<Case> {
    if long() {
        return all;
    }
    let looks = |case: &Case| LOOKS.iter().any(|(call, _)| *call == case.call);
    let (looks, changes): (Vec<_>, Vec<_>) = all.into_iter().partition(looks);
    let step = step.max(1);
    looks.into_iter().step_by(step).chain(changes.into_iter().step_by(step.div_ceil(4))).collect()
}

/// What a scenario runs and what must hold after it.
struct Scenario<'a> {
    desk: &'a Desk,
    firm: &'a str,
    args: &'a [&'a str],
    /// Brings the desk into the state before; runs before each case.
    reset: &'a dyn Fn(),
    /// More that must hold; knows the case and how it ended.
    check: &'a dyn Fn(&mut Verdict, &Case, &Ran),
}

impl Scenario<'_> {
    fn run(&self, name: &str, step: usize) {
        if !have(&["strace"]) {
            return;
        }
        (self.reset)();
        // Once, so that all folders are there.
        Ran::of(self.desk.command(self.firm).args(self.args).output().unwrap()).ok();
        (self.reset)();
        let counts = count(self.desk, self.firm, self.args);
        let cases = sample(cases(&counts), step);
        let (began, mut bad, mut total) = (Instant::now(), Vec::new(), 0);
        for case in cases {
            (self.reset)();
            let (verdict, fired) = self.one(&case);
            total += usize::from(fired > 0);
            if !verdict.0.is_empty() {
                bad.push(format!("{case}: {}", verdict.0.join("; ")));
            }
        }
        (self.reset)();
        Ran::of(self.desk.command(self.firm).args(self.args).output().unwrap()).ok();
        let left = litter(self.desk, self.firm);
        assert!(left.is_empty(), "{name}: the next run left {left:?}");
        let all = RAN.fetch_add(total, Ordering::Relaxed) + total;
        println!("{name}: {total} cases in {:.0?}; {all} so far", began.elapsed());
        assert!(bad.is_empty(), "{name}: {} bad of {total}:\n{}", bad.len(), bad.join("\n"));
    }

    fn one(&self, case: &Case) -> (Verdict, usize) {
        let before = ledger(self.desk, self.firm);
        let (were, alone) = (litter(self.desk, self.firm), strays(self.desk, self.firm));
        let (ran, fired) = run(self.desk, self.firm, self.args, case);
        let mut verdict = Verdict::default();
        verdict.ledger(self.desk, self.firm, &before);
        if case.fault == "KILL" {
            verdict.must(matches!(ran.code, 0 | -9), format!("killed, and exit code {}", ran.code));
            let left = litter(self.desk, self.firm);
            let known = |name: &String| name.ends_with(".consign-part") || name.ends_with(".consign-staging");
            verdict.must(left.iter().all(known), format!("left {left:?}"));
        } else {
            // Where two threads fail at once, one of them may be the one that tells or tidies up.
            let once = fired < 2;
            verdict.told(&ran, case.call == "symlinkat");
            verdict.must(ran.code == 0 || !once || ran.is_told(), "it failed without a word");
            let left: Vec<_> = litter(self.desk, self.firm).into_iter().filter(|l| !were.contains(l)).collect();
            // What can't be removed stays for the next run.
            let may_stay = !once || ["unlink", "unlinkat", "rmdir"].contains(&case.call);
            verdict.private(self.desk, self.firm, alone);
            verdict.must(left.is_empty() || may_stay, format!("left {left:?}"));
            let harmless = case.fault == "EINTR" && RETRIED.contains(&case.call);
            verdict.must(!harmless || ran.code == 0, "EINTR was not harmless");
            let lost = case.call.contains("sync") && case.fault != "EINTR";
            verdict.must(!lost || fired == 0 || ran.code != 0, "a failing sync was taken for done");
        }
        (self.check)(&mut verdict, case, &ran);
        if !verdict.0.is_empty() {
            verdict.0.push(format!("[{}] {}", ran.code, ran.err.trim().replace('\n', " / ")));
        }
        (verdict, fired)
    }
}

/// A tree whose files and folders are more than the loader opens.
fn tree(desk: &Desk) {
    desk.tree();
    for n in 0..12 {
        desk.write(&format!("tree/deep/{}/f{n}", n % 3), format!("{n}\n").repeat(n));
    }
    std::os::unix::fs::symlink("README.md", desk.path("tree/link")).unwrap();
}

#[test]
fn pack_is_done_or_undone_whatever_call_fails_or_is_the_last() {
    let desk = quick();
    tree(&desk);
    let reset = || {
        for name in ["out.consign", "out.txt"] {
            fs::remove_file(desk.path(name)).unwrap_or_default();
        }
    };
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let (bundle, note) = (exists(&desk.path("out.consign")), exists(&desk.path("out.txt")));
        let lines = ledger(&desk, "north").matches("\"event\":\"drop\"").count();
        verdict.must(!bundle || lines > 0, "a bundle without its line");
        if bundle {
            let checked = desk.run("north", "verify out.consign");
            verdict.must(checked.code == 0, format!("not whole: {}", checked.err));
        }
        verdict.must(ran.code != 0 || (bundle && note), "ok without a bundle or a note");
        verdict.must(bundle || !note, "a note without its bundle");
        let undone = ran.err.contains("nothing was packed");
        verdict.must(!(bundle && undone), "a bundle that was told as not packed");
    };
    let args = ["pack", "tree", "--to", "acme", "-o", "out.consign"];
    Scenario { desk: &desk, firm: "north", args: &args, reset: &reset, check: &check }.run("pack", 12);
}

#[test]
fn a_replaced_bundle_is_the_old_or_the_new_one_whatever_fails() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o old.consign").ok();
    let old = fs::read(desk.path("old.consign")).unwrap();
    let note = fs::read_to_string(desk.path("old.txt")).unwrap().replace("old.consign", "out.consign");
    let reset = || {
        fs::write(desk.path("out.consign"), &old).unwrap();
        fs::write(desk.path("out.txt"), &note).unwrap();
    };
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let now = fs::read(desk.path("out.consign")).unwrap_or_default();
        let same = now == old;
        verdict.must(ran.code != 0 || !same, "ok, and the old one is still there");
        verdict.must(desk.run("north", "verify out.consign").code == 0, "what is there is not whole");
        verdict.must(same || !ran.err.contains("nothing was packed"), "the new one was told as not packed");
    };
    let args = ["pack", "tree", "--to", "acme", "-o", "out.consign", "--force"];
    Scenario { desk: &desk, firm: "north", args: &args, reset: &reset, check: &check }.run("pack --force", 40);
}

/// What `tree` makes, as text, to compare with.
fn contents(desk: &Desk, folder: &str) -> Vec<(String, String)> {
    fn walk(at: &std::path::Path, out: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                walk(&path, out);
            } else if meta.is_symlink() {
                out.push((path.display().to_string(), fs::read_link(&path).unwrap().display().to_string()));
            } else {
                out.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    if exists(&desk.path(folder)) {
        walk(&desk.path(folder), &mut found);
    }
    let root = desk.path(folder).display().to_string();
    let mut found: Vec<_> = found.into_iter().map(|(path, text)| (path.replace(&root, ""), text)).collect();
    found.sort();
    found
}

#[test]
fn unpack_is_done_or_undone_whatever_call_fails_or_is_the_last() {
    let desk = quick();
    tree(&desk);
    desk.write("terms", "Keep it.\n");
    desk.run("north", "pack tree --to acme --terms terms -o in.consign").ok();
    let whole = contents(&desk, "tree");
    let reset = || {
        fs::remove_dir_all(desk.path("out")).unwrap_or_default();
        fs::remove_file(desk.path("out.terms.txt")).unwrap_or_default();
    };
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let there = exists(&desk.path("out"));
        verdict.must(!there || contents(&desk, "out") == whole, "what is there is not whole");
        verdict.must(ran.code != 0 || there, "ok without a folder");
        verdict.must(!(there && ran.err.contains("nothing was unpacked")), "a folder that was told as not unpacked");
    };
    let args = ["unpack", "in.consign", "-o", "out", "--accept-terms"];
    Scenario { desk: &desk, firm: "acme", args: &args, reset: &reset, check: &check }.run("unpack", 6);
}

#[test]
fn a_replaced_folder_is_the_old_or_the_new_one_and_the_old_one_is_never_lost() {
    let desk = quick();
    tree(&desk);
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let whole = contents(&desk, "tree");
    let aside = || desk.names(".").into_iter().filter(|n| n.starts_with("out.2")).collect::<Vec<_>>();
    let reset = || {
        for name in aside() {
            fs::remove_dir_all(desk.path(&name)).unwrap();
        }
        fs::remove_dir_all(desk.path("out")).unwrap_or_default();
        desk.write("out/mine", "mine\n");
    };
    let check = |verdict: &mut Verdict, case: &Case, ran: &Ran| {
        let now = contents(&desk, "out");
        let old = now.len() == 1 && now[0].0 == "/mine";
        let kept = old || aside().iter().any(|name| exists(&desk.path(name).join("mine")));
        verdict.must(kept, "the old folder is lost");
        // Between two renames a kill, or a disk that fails at both, leaves the old one under its name with a date.
        verdict
            .must(old || now == whole || (now.is_empty() && case.fault == "KILL"), "neither the old nor the new one");
        verdict.must(ran.code != 0 || now == whole, "ok without the new one");
    };
    let args = ["unpack", "in.consign", "-o", "out", "--force"];
    Scenario { desk: &desk, firm: "acme", args: &args, reset: &reset, check: &check }.run("unpack --force", 12);
}

#[test]
fn verify_never_says_ok_wrongly_and_changes_nothing() {
    let desk = quick();
    tree(&desk);
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let ok = ran.out.contains("ok  ");
        verdict.must(ran.code == 0 || ran.code == -9 || !ok || ran.err.contains("standard output"), "ok and an error");
        verdict.must(ran.code != 0 || ok, "exit 0 without ok");
    };
    let args = ["verify", "--deep", "in.consign"];
    Scenario { desk: &desk, firm: "acme", args: &args, reset: &|| {}, check: &check }.run("verify", 6);
}

#[test]
fn a_key_is_made_whole_or_not_at_all() {
    let desk = quick();
    let reset = || fs::remove_dir_all(desk.home("new")).unwrap_or_default();
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let home = desk.home("new");
        let files = ["identity.age", "signing", "signing.pub", "own.card", "keys.json"];
        let count = || files.iter().filter(|name| exists(&home.join(name))).count();
        verdict.must(ran.code != 0 || count() == files.len(), "ok without all files");
        // The next command that reads the keys settles what a killed one left.
        let shown = desk.run("new", "key show");
        let there = count();
        verdict.must(there == 0 || there == files.len(), format!("{there} of the files are there: {}", shown.err));
        verdict.must((shown.code == 0) == (there > 0), format!("keys that are not shown: {}", shown.err));
        verdict.must(there == 0 || !ran.err.contains("no key was made"), "a key that was told as not made");
    };
    let args = ["key", "new", "--name", "New Firm"];
    Scenario { desk: &desk, firm: "new", args: &args, reset: &reset, check: &check }.run("key new", 80);
}

#[test]
fn a_partner_is_on_record_with_its_line_or_not_at_all() {
    let desk = quick();
    new_firm(&desk, "birch", "Birch");
    let file = desk.home("north").join("partners/birch.json");
    let reset = || fs::remove_file(&file).unwrap_or_default();
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let there = exists(&file);
        verdict.must(ran.code != 0 || there, "ok without the partner");
        verdict.must(!there || desk.run("north", "partner show birch").code == 0, "a partner that can't be read");
        verdict.must(!there || ledger(&desk, "north").contains("\"partner\":\"birch\""), "a partner without its line");
        verdict.must(!(there && ran.err.contains("nothing was put")), "a partner that was told as not on record");
    };
    let args = ["partner", "add", "birch.card", "--unchecked"];
    Scenario { desk: &desk, firm: "north", args: &args, reset: &reset, check: &check }.run("partner add", 24);
}

#[test]
fn a_partner_is_gone_with_its_line_or_still_there() {
    let desk = quick();
    let file = desk.home("north").join("partners/acme.json");
    let kept = fs::read(&file).unwrap();
    let reset = || fs::write(&file, &kept).unwrap();
    let check = |verdict: &mut Verdict, _: &Case, ran: &Ran| {
        let there = exists(&file);
        verdict.must(ran.code != 0 || !there, "ok with the partner still there");
        verdict.must(there || ledger(&desk, "north").contains("partner-removed"), "gone without a line");
        verdict.must(there || !ran.err.contains("nothing was removed"), "gone, and told as not removed");
    };
    let args = ["partner", "remove", "acme"];
    Scenario { desk: &desk, firm: "north", args: &args, reset: &reset, check: &check }.run("partner remove", 8);
}
