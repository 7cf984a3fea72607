//! Others who write at the same time: inputs that change, links swapped under a packer and an unpacker, two at once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::desk::{Desk, Ran, exists, have};
use crate::firms::{Verdict, ledger, litter, quick};

fn start(desk: &Desk, firm: &str, line: &str) -> Child {
    let mut command = desk.command(firm);
    command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// A file that takes a while to pack, and `z`, which comes after it.
fn slow_tree(desk: &Desk) {
    let mut x = 1_u32;
    let mut text = Vec::with_capacity(24 << 20);
    while text.len() < 24 << 20 {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(&(x >> 18).to_le_bytes());
    }
    desk.write("tree/large", text);
    desk.write("tree/z", "a".repeat(10_000));
}

#[test]
fn an_input_that_changes_while_it_is_read_is_an_error_by_name() {
    if !have(&["mkfifo"]) {
        return;
    }
    let desk = quick();
    slow_tree(&desk);
    let z = desk.path("tree/z");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let set_time = |path: &Path| fs::File::options().append(true).open(path).unwrap().set_modified(long_ago).unwrap();
    type Change<'a> = (&'a str, &'a dyn Fn());
    let gone = || fs::remove_file(&z).unwrap();
    let changes: [Change<'_>; 8] = [
        ("grows", &|| fs::write(&z, "a".repeat(20_000)).unwrap()),
        ("shrinks", &|| fs::write(&z, "a").unwrap()),
        ("is written and its time set back", &|| {
            fs::write(&z, "b".repeat(10_000)).unwrap();
            set_time(&z);
        }),
        ("is replaced", &|| {
            desk.write("other", "b".repeat(10_000));
            fs::rename(desk.path("other"), &z).unwrap();
        }),
        ("vanishes", &gone),
        ("becomes a link", &|| {
            gone();
            symlink("/etc/passwd", &z).unwrap();
        }),
        ("becomes a FIFO", &|| {
            gone();
            assert!(Command::new("mkfifo").arg(&z).status().unwrap().success());
        }),
        ("becomes a folder", &|| {
            gone();
            fs::create_dir(&z).unwrap();
        }),
    ];
    for (what, change) in changes {
        fs::remove_dir(&z).or_else(|_| fs::remove_file(&z)).unwrap_or_default();
        desk.write("tree/z", "a".repeat(10_000));
        set_time(&z);
        let child = start(&desk, "north", "pack tree --to acme --level 9 -o out.consign");
        let began = Instant::now();
        // The hidden file comes after the listing, and before anything is read.
        while !exists(&desk.path(".out.consign.consign-part")) {
            assert!(began.elapsed() < Duration::from_secs(10), "{what}: it never began");
            std::thread::sleep(Duration::from_millis(1));
        }
        change();
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert!(!exists(&desk.path("out.consign")), "{what}: it was packed all the same");
        ran.fails(1, "changed-while-read").says("`z` changed while it was read");
        assert!(litter(&desk, "north").is_empty(), "{what}: {:?}", litter(&desk, "north"));
    }
}

/// Swaps two names, again and again, until it is dropped.
struct Swapper<'a> {
    stop: &'a AtomicBool,
}

impl Drop for Swapper<'_> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn exchange(a: &Path, b: &Path) -> bool {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).is_ok()
}

/// How long each of the races is run.
fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("CONSIGN_LONG").is_some_and(|v| !v.is_empty()) { long } else { short }
}

#[test]
fn a_folder_swapped_for_a_link_while_packing_never_lets_anything_else_in() {
    let desk = quick();
    for n in 0..60 {
        desk.write(&format!("tree/d/f{n}"), "ours\n");
        desk.write(&format!("outside/f{n}"), "secret\n");
    }
    symlink(desk.path("outside"), desk.path("link")).unwrap();
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut packed, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let _swapper = Swapper { stop: &stop };
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                swaps.fetch_add(usize::from(exchange(&desk.path("tree/d"), &desk.path("link"))), Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(300));
            }
        });
        for n in 0..rounds(40, 400) {
            let name = format!("r{n}.consign");
            let ran = desk.run("north", &format!("pack tree --to acme -o {name}"));
            assert!(!format!("{}{}", ran.out, ran.err).contains("[bug]"), "{}", ran.err);
            if ran.code != 0 {
                refused += 1;
                assert!(!exists(&desk.path(&name)), "{}", ran.err);
                continue;
            }
            packed += 1;
            desk.run("acme", &format!("unpack {name} -o r{n}")).ok();
            let inside = desk.path(&format!("r{n}/d"));
            if !fs::symlink_metadata(&inside).unwrap().is_symlink() {
                for entry in fs::read_dir(&inside).unwrap() {
                    assert_eq!(fs::read_to_string(entry.unwrap().path()).unwrap(), "ours\n", "round {n}");
                }
            }
            fs::remove_dir_all(desk.path(&format!("r{n}"))).unwrap();
        }
    });
    let swaps = swaps.load(Ordering::Relaxed);
    println!("{swaps} swaps, {packed} packed, {refused} refused");
    assert!(swaps > 100 && packed + refused > 0);
}

#[test]
fn folders_swapped_for_links_while_unpacking_never_let_anything_out() {
    let desk = quick();
    for n in 0..60 {
        desk.write(&format!("tree/d{}/f{n}", n % 6), "ours\n");
    }
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    desk.write("outside/theirs", "theirs\n");
    for n in 0..6 {
        fs::create_dir(desk.path(&format!("outside/d{n}"))).unwrap();
    }
    symlink(desk.path("outside"), desk.path("link")).unwrap();
    fs::create_dir_all(desk.path("decoy/tree")).unwrap();
    desk.write("decoy/tree/planted", "planted\n");
    let (stop, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let _swapper = Swapper { stop: &stop };
        scope.spawn(|| {
            let staging = desk.path(".out.consign-staging");
            let mut n = 0;
            while !stop.load(Ordering::SeqCst) {
                n += 1;
                let (a, b) = match n % 4 {
                    0 => (staging.clone(), desk.path("link")),
                    1 => (staging.clone(), desk.path("decoy")),
                    2 => (staging.join("tree"), desk.path("link")),
                    _ => (staging.join(format!("tree/d{}", n % 6)), desk.path("link")),
                };
                if exchange(&a, &b) {
                    swaps.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_micros(200));
                    exchange(&a, &b);
                }
            }
        });
        for n in 0..rounds(60, 600) {
            let ran = desk.run("acme", "unpack in.consign -o out");
            assert!(!format!("{}{}", ran.out, ran.err).contains("[bug]"), "{}", ran.err);
            assert!(!exists(&desk.path("out/planted")), "round {n}: somebody else's tree was published");
            if ran.code == 0 {
                done += 1
            } else {
                refused += 1
            }
            let mut outside: Vec<_> = names(&desk.path("outside"));
            outside.retain(|name| name != "theirs");
            let inside: usize = outside.iter().map(|d| names(&desk.path("outside").join(d)).len()).sum();
            assert_eq!((outside.len(), inside), (6, 0), "round {n}: something came to lie outside");
            fs::remove_dir_all(desk.path("out")).or_else(|_| fs::remove_file(desk.path("out"))).unwrap_or_default();
        }
    });
    let swaps = swaps.load(Ordering::Relaxed);
    println!("{swaps} swaps, {done} done, {refused} refused");
    assert!(swaps > 10, "hardly anything was swapped: {swaps}");
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn of_several_at_once_on_one_output_one_wins_and_it_is_whole() {
    let desk = quick();
    desk.tree();
    desk.run("north", "pack tree --to acme -o in.consign").ok();
    for (firm, line, target) in
        [("north", "pack tree --to acme -o out.consign", "out.consign"), ("acme", "unpack in.consign -o out", "out")]
    {
        for _ in 0..rounds(4, 40) {
            let children: Vec<_> = (0..6).map(|_| start(&desk, firm, line)).collect();
            let rans: Vec<_> = children.into_iter().map(|c| Ran::of(c.wait_with_output().unwrap())).collect();
            let won = rans.iter().filter(|r| r.code == 0).count();
            assert_eq!(won, 1, "{line}: {:?}", rans.iter().map(|r| r.err.clone()).collect::<Vec<_>>());
            for ran in rans.into_iter().filter(|r| r.code != 0) {
                let told = ran.err.contains("[exists]") || ran.err.contains("[busy]");
                assert!(ran.code == 1 && told, "{line}: {} {}", ran.code, ran.err);
            }
            if target == "out" {
                assert_eq!(fs::read_to_string(desk.path("out/README.md")).unwrap(), "hello\n");
                fs::remove_dir_all(desk.path("out")).unwrap();
            } else {
                desk.run("acme", "verify --deep out.consign").ok();
                fs::remove_file(desk.path("out.consign")).unwrap();
                fs::remove_file(desk.path("out.txt")).unwrap();
            }
            assert!(litter(&desk, firm).is_empty(), "{:?}", litter(&desk, firm));
        }
    }
    desk.run("north", "log verify").ok();
}

#[test]
fn sixteen_writers_of_which_half_are_killed_lose_tear_and_fork_nothing() {
    let desk = quick();
    desk.tree();
    let mut recorded = ledger(&desk, "north");
    for round in 0..rounds(2, 20) {
        let mut children: Vec<_> = (0..16).map(|_| start(&desk, "north", "pack tree --to acme")).collect();
        for (n, child) in children.iter_mut().enumerate().filter(|(n, _)| n % 2 == 1) {
            std::thread::sleep(Duration::from_millis((n as u64 * 37 + round as u64 * 11) % 60));
            child.kill().unwrap();
        }
        let rans: Vec<_> = children.into_iter().map(|c| Ran::of(c.wait_with_output().unwrap())).collect();
        assert!(rans.iter().step_by(2).all(|r| r.code == 0), "a writer that was not killed failed");
        let mut verdict = Verdict::default();
        verdict.ledger(&desk, "north", &recorded);
        for file in desk.names(".").into_iter().filter(|n| n.ends_with(".consign") && !n.starts_with('.')) {
            verdict.bundle(&desk, "north", &file, file.trim_end_matches(".consign"));
        }
        assert!(verdict.0.is_empty(), "round {round}: {}", verdict.0.join("; "));
        recorded = ledger(&desk, "north");
        let done = rans.iter().filter(|r| r.code == 0).count();
        assert!(recorded.matches("\"event\":\"drop\"").count() >= done, "a run that ended well has no line");
    }
    desk.run("north", "pack tree --to acme").ok();
    assert!(litter(&desk, "north").is_empty(), "{:?}", litter(&desk, "north"));
}
