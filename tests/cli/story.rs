//! Stories: a handoff from first contact to the unpacked tree, through files, pipes, git and SSH keys.

use std::fs;
use std::process::{Command, Stdio};

use crate::desk::{Desk, Ran, exists, have};

fn same_tree(desk: &Desk, a: &str, b: &str) {
    let out =
        Command::new("diff").args(["-r", "--no-dereference"]).args([desk.path(a), desk.path(b)]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_vendor_makes_first_contact_with_nothing_but_the_bundle() {
    let desk = Desk::new();
    desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
    desk.new_firm("acme", "Acme Dev Oy");
    desk.run("north", "partner add acme.card --unchecked").ok();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok().says("acme-0001.consign").says("no agreement is checked");
    desk.run("acme", "unpack acme-0001.consign").fails(5, "untrusted").says("check words").says("nothing was unpacked");
    assert!(!exists(&desk.path("acme-0001")));
    desk.run("acme", "partner add acme-0001.consign").fails(9, "needs-a-person");
    let wrong = ["partner", "add", "acme-0001.consign", "--words", "one two three four five six"];
    desk.args("acme", &wrong).fails(5, "words-differ");
    let words = desk.run("north", "key show --json").ok().out;
    let words = words.split("\"check_words\":\"").nth(1).or_else(|| words.split("\"words\":\"").nth(1)).unwrap();
    let words = words.split('"').next().unwrap();
    desk.args("acme", &["partner", "add", "acme-0001.consign", "--words", words]).ok();
    desk.run("acme", "partner show northwind").ok().says("words");
    desk.run("acme", "unpack acme-0001.consign").ok().says("3 of 3 files match");
    same_tree(&desk, "tree", "acme-0001");
    let note = fs::read_to_string(desk.path("acme-0001.txt")).unwrap();
    assert!(
        note.contains(words)
            && note.contains("consign unpack acme-0001.consign")
            && note.contains("ssh-keygen -Y verify")
    );
    desk.run("acme", "log").ok().says("unpacked acme-0001 from northwind");
    desk.run("north", "log verify").ok().says("entries in order");
}

#[test]
fn ci_verifies_without_any_key() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    desk.run("ci", "verify acme-0001.consign").fails(5, "untrusted");
    desk.run("ci", "verify --signer north.card acme-0001.consign").ok().says("outside only");
    desk.run("ci", "partner add north.card --unchecked").ok();
    desk.run("ci", "verify acme-0001.consign").ok().says("1 ok, 0 failed");
    desk.run("ci", "verify --deep acme-0001.consign").fails(4, "wrong-key");
    desk.run("ci", "inspect acme-0001.consign").ok();
    desk.run("ci", "list acme-0001.consign").fails(4, "wrong-key");
    let seen = desk.run("ci", "inspect acme-0001.consign").ok().out;
    assert!(!seen.contains("main.c") && !seen.contains("README.md"), "a file name is shown: {seen}");
}

#[test]
fn a_bundle_goes_through_pipes() {
    let desk = Desk::with_firms();
    desk.tree();
    let mut pack =
        desk.command("north").args(["pack", "tree", "--to", "acme", "-o", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let from = pack.stdout.take().unwrap();
    let unpacked = desk.command("acme").args(["unpack", "-", "-o", "out"]).stdin(from).output().unwrap();
    Ran::of(unpacked).ok();
    assert!(pack.wait().unwrap().success());
    same_tree(&desk, "tree", "out");
    assert!(!desk.names(".").iter().any(|n| n.ends_with(".txt")), "a cover note was made for a stream");
    desk.run("north", "log verify").ok();
    for verb in ["verify -", "inspect -", "list -", "cat - src/main.c"] {
        desk.run("north", "pack tree --to acme -o piped.consign --force").ok();
        let file = fs::File::open(desk.path("piped.consign")).unwrap();
        let ran = desk.command("acme").args(verb.split(' ')).stdin(file).output().unwrap();
        Ran::of(ran).ok();
    }
}

#[test]
fn a_vendor_with_nothing_but_an_ssh_key_unpacks() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = Desk::with_firms();
    desk.tree();
    let key = desk.path("id");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "me@laptop", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    desk.run("north", "pack tree -R id.pub -o ssh.consign").ok();
    desk.run("vendor", "unpack ssh.consign -i id").fails(5, "untrusted");
    desk.run("vendor", "partner add ssh.consign --unchecked").ok();
    desk.run("vendor", "unpack ssh.consign").fails(4, "wrong-key");
    desk.run("vendor", "unpack ssh.consign -i id -o out").ok();
    same_tree(&desk, "tree", "out");
    // A locked SSH key asks for its passphrase, and signs as well.
    let locked = desk.path("locked");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "correct horse", "-f"]).arg(&locked).status();
    assert!(made.unwrap().success());
    desk.run("vendor", "pack tree -R id.pub --sign-with locked -i id -o back.consign").ok();
    desk.run("ci", "verify --signer locked.pub back.consign").ok();
}

#[test]
fn a_git_revision_equals_git_archive() {
    if !have(&["git", "tar"]) {
        return;
    }
    let desk = Desk::with_firms();
    desk.tree();
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(desk.path("tree")).args(["-c", "user.name=n", "-c", "user.email=e"]).args(args);
        assert!(command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap().status.success(), "git {args:?}");
    };
    desk.write("tree/.gitattributes", "secret export-ignore\n");
    desk.write("tree/secret", "x");
    desk.write("tree/.gitignore", "*.o\n");
    std::os::unix::fs::symlink("README.md", desk.path("tree/link")).unwrap();
    git(&["init", "-q"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    git(&["tag", "v1"]);
    desk.write("tree/later", "not in v1");
    desk.write("tree/main.o", "ignored");
    desk.run("north", "pack tree --rev v1 --to acme -o rev.consign").ok();
    desk.run("acme", "unpack rev.consign -o rev").ok();
    fs::create_dir(desk.path("archive")).unwrap();
    git(&["archive", "--format=tar", "-o", "../archive.tar", "v1"]);
    let tar = Command::new("tar").arg("-xf").arg(desk.path("archive.tar")).arg("-C").arg(desk.path("archive")).status();
    assert!(tar.unwrap().success());
    same_tree(&desk, "archive", "rev");
    // The folder itself: untracked in, ignored out, and the dry run says so.
    desk.run("north", "pack tree --to acme -n").ok().says("ignored by git");
    desk.run("north", "pack tree --to acme -o work.consign").ok();
    let listed = desk.run("acme", "list work.consign").ok().out;
    assert!(
        listed.contains(" later")
            && listed.contains(" secret")
            && !listed.contains("main.o")
            && !listed.contains(".git/"),
        "{listed}"
    );
}

#[test]
fn ignore_rules_and_globs_decide_in_their_order() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("tree/.consignignore", "*.c\nnotes/\n");
    desk.write("tree/notes/a.txt", "x");
    let listed = |desk: &Desk, flags: &str| {
        desk.run("north", format!("pack tree --to acme -o o.consign --force {flags}").trim_end()).ok();
        desk.run("acme", "list o.consign").ok().out
    };
    let plain = listed(&desk, "");
    assert!(plain.contains("README.md") && !plain.contains("main.c") && !plain.contains("notes"), "{plain}");
    assert!(!plain.contains(".consignignore"));
    let more = listed(&desk, "--include src/main.c");
    assert!(more.contains("main.c") && !more.contains("lib.c"), "{more}");
    let less = listed(&desk, "--include src/** --exclude src/lib.c --exclude README.md");
    assert!(less.contains("main.c") && !less.contains("lib.c") && !less.contains("README.md"), "{less}");
    desk.run("north", "pack tree --to acme --exclude **").fails(2, "nothing-to-send");
}

#[test]
fn the_default_output_is_never_sent_and_a_named_one_may_not_lie_inside() {
    let desk = Desk::with_firms();
    desk.tree();
    let inside = |line: &str| {
        Ran::of(desk.command("north").current_dir(desk.path("tree")).args(line.split(' ')).output().unwrap())
    };
    inside("pack . --to acme").ok();
    inside("pack . --to acme").ok();
    let listed = desk.run("acme", "list tree/acme-0002.consign").ok().out;
    assert!(!listed.contains("acme-000"), "{listed}");
    inside("pack . --to acme -o mine.consign").fails(1, "output-in-tree");
}

#[test]
fn one_tree_has_one_content_id() {
    let desk = Desk::with_firms();
    desk.tree();
    let id = |name: &str| {
        let out = desk.run("north", &format!("pack tree --to acme --json -o {name}")).ok().out;
        out.split("\"content\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let first = id("1.consign");
    Command::new("touch").args(["-d", "2001-01-01"]).arg(desk.path("tree/README.md")).status().unwrap();
    assert_eq!(first, id("2.consign"));
    desk.write("tree/README.md", "other");
    assert_ne!(first, id("3.consign"));
}

#[test]
fn only_some_files_and_old_folders_are_moved_aside() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    desk.run("acme", "unpack acme-0001.consign --only src/main.c -o some").ok();
    assert_eq!(desk.names("some"), ["src"]);
    assert_eq!(desk.names("some/src"), ["main.c"]);
    desk.run("acme", "unpack acme-0001.consign --only nothing.here").fails(2, "nothing-matched");
    desk.write("acme-0001/mine", "work");
    desk.run("acme", "unpack acme-0001.consign").fails(1, "exists");
    desk.run("acme", "unpack acme-0001.consign --force").ok().says("moved");
    assert!(!exists(&desk.path("acme-0001/mine")));
    let aside = desk.names(".").into_iter().find(|n| n.starts_with("acme-0001.20")).unwrap();
    assert_eq!(fs::read_to_string(desk.path(&aside).join("mine")).unwrap(), "work");
}

#[test]
fn terms_lie_beside_the_folder_and_never_in_it() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("terms.txt", "Not yours to share.\n");
    desk.run("north", "pack tree --to acme --terms terms.txt").ok();
    desk.run("acme", "unpack acme-0001.consign --accept-terms").ok();
    assert_eq!(fs::read_to_string(desk.path("acme-0001.terms.txt")).unwrap(), "Not yours to share.\n");
    same_tree(&desk, "tree", "acme-0001");
}

#[test]
fn cat_reads_its_own_volume_only() {
    let desk = Desk::with_firms();
    let noise = |seed: u64| {
        let mut x = seed;
        let next = move |_| {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (x >> 33) as u8
        };
        (0..5_000_000).map(next).collect::<Vec<u8>>()
    };
    for name in ["a", "b", "c"] {
        desk.write(&format!("tree/{name}"), noise(u64::from(name.as_bytes()[0])));
    }
    desk.run("north", "pack tree --to acme").ok();
    let mut bundle = fs::read(desk.path("acme-0001.consign")).unwrap();
    let volumes: Vec<_> = crate::desk::members(&bundle).into_iter().filter(|(n, ..)| n.starts_with("c0/v")).collect();
    assert!(volumes.len() >= 4, "{volumes:?}");
    let whole = desk.command("acme").args(["cat", "acme-0001.consign", "b"]).output().unwrap().stdout;
    assert_eq!(whole, noise(u64::from(b'b')));
    // b lies in the volumes that hold neither the first byte of a nor the last of c.
    let (_, first, size) = &volumes[0];
    bundle[*first..first + size].fill(0);
    let (_, last, size) = &volumes[volumes.len() - 1];
    bundle[*last..last + size].fill(0);
    desk.write("damaged.consign", &bundle);
    let again = desk.command("acme").args(["cat", "damaged.consign", "b"]).output().unwrap();
    assert_eq!(again.stdout, whole);
    desk.run("acme", "verify damaged.consign").fails(3, "changed");
    desk.run("acme", "cat damaged.consign a").fails(3, "changed");
    desk.run("acme", "cat acme-0001.consign nope").fails(2, "not-there");
}

#[test]
fn the_demo_succeeds_and_each_spoiled_step_makes_it_fail() {
    let desk = Desk::new();
    let told = desk.run("nobody", "demo").ok();
    let steps: Vec<String> = told
        .out
        .lines()
        .filter(|l| l.trim_start().starts_with(|c: char| c.is_ascii_digit()) && !l.contains("as they should be ("))
        .map(|l| l.get(3..14).unwrap().trim().to_owned())
        .collect();
    assert!(steps.len() >= 11, "{steps:?}");
    for step in steps {
        let ran = desk.args("nobody", &["demo", "--spoil", &step]);
        assert_eq!(ran.code, 1, "the demo did not notice that `{step}` was spoiled: {}", ran.out);
        let bad = ran.out.lines().find(|l| l.contains("NOT AS IT SHOULD BE")).unwrap();
        assert!(bad.contains(&step), "{step}: {bad}");
    }
    assert!(!exists(&desk.home("nobody")), "the demo touched the user's home");
}

#[test]
fn patterns_that_decide_nothing_are_told_and_unreadable_ones_refused() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o a.consign --exclude ./src/lib.c").ok();
    let listed = desk.run("acme", "list a.consign").ok().out;
    assert!(listed.contains("main.c") && !listed.contains("lib.c"), "{listed}");
    desk.run("north", "pack tree --to acme -n --exclude nothing.here").ok().says("match nothing (nothing.here)");
    desk.run("north", "pack tree --to acme -n --exclude [").fails(2, "bad-pattern");
    desk.run("north", "pack tree --to acme -n -v").ok().says("src/main.c");
}

#[test]
fn a_secret_key_given_by_mistake_is_not_repeated() {
    let desk = Desk::with_firms();
    desk.tree();
    let secret = "AGE-SECRET-KEY-1U7KFT0QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ";
    desk.write("key", secret);
    for line in [format!("pack tree -r {secret}"), "pack tree -R key".into(), format!("pack tree -r {secret} --json")] {
        let ran = desk.run("north", &line);
        assert_eq!(ran.code, 2, "{line}");
        assert!(!format!("{}{}", ran.out, ran.err).contains("U7KFT0"), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn what_is_the_users_is_neither_replaced_nor_left_out() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("terms.txt", "theirs\n");
    desk.run("north", "pack tree --to acme --terms terms.txt").ok();
    desk.write("out.terms.txt", "PRECIOUS");
    desk.run("acme", "unpack acme-0001.consign -o out --force --accept-terms").ok();
    let kept = desk.names(".").into_iter().find(|n| n.starts_with("out.terms.txt.20")).unwrap();
    assert_eq!(fs::read_to_string(desk.path(&kept)).unwrap(), "PRECIOUS");
    desk.write("README.txt", "mine");
    desk.run("north", "pack tree --to acme -o README.consign --force").fails(1, "exists");
    assert_eq!(fs::read_to_string(desk.path("README.txt")).unwrap(), "mine");
    // A text of the user's that is called as a note would be; and the home, which is never sent.
    desk.write("tree/acme-0001.txt", "mine too");
    let mut pack = desk.command("north");
    let home = desk.path("tree/home");
    Command::new("cp").arg("-r").args([desk.home("north"), home.clone()]).status().unwrap();
    pack.env("CONSIGN_HOME", &home).current_dir(desk.path("tree")).args(["pack", ".", "--to", "acme"]);
    Ran::of(pack.output().unwrap()).ok();
    let listed = desk.run("acme", "list tree/acme-0002.consign").ok().out;
    assert!(listed.contains("acme-0001.txt") && !listed.contains("home"), "{listed}");
}
