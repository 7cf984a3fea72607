//! Claims about terminals: whatever names, texts, arguments and files from outside hold, no character that moves,
//! turns, hides or joins reaches standard output or standard error raw; neither in a pipe nor on a terminal, nor in
//! JSON. The contents of a file are contents: `cat` gives them as they are into a pipe, and shows safe text only on a
//! terminal.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use consign::crypto::Secret;
use consign::exchange::{Home, keys};
use consign::format::time::Time;

use crate::desk::{Desk, Ran, binary, have};

/// One of each kind at least: C0, DEL and C1, bidi controls, zero-width characters, fillers and blanks, separators,
/// variation selectors, annotations, other format characters, private use, no characters, tags.
const ODD: &str = "\
    \u{1}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{e}\u{1a}\u{1b}\u{1f}\u{7f}\u{80}\u{85}\u{8d}\u{90}\u{9b}\u{9c}\u{9d}\u{9f}\
    \u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200b}\
    \u{200c}\u{200d}\u{2060}\u{2061}\u{2062}\u{2063}\u{2064}\u{feff}\u{ad}\u{34f}\u{180e}\u{115f}\u{1160}\u{17b4}\
    \u{17b5}\u{180b}\u{3164}\u{ffa0}\u{2800}\u{a0}\u{2003}\u{3000}\u{2028}\u{2029}\u{fe00}\u{fe0f}\u{fff9}\u{fffa}\
    \u{fffb}\u{206a}\u{206f}\u{600}\u{6dd}\u{70f}\u{13430}\u{1bca0}\u{1d173}\u{e000}\u{f8ff}\u{fdd0}\u{ffff}\
    \u{1fffe}\u{e0001}\u{e0041}\u{e007f}\u{e0100}\u{f0000}\u{10ffff}";

/// What a terminal would obey: a title, a clear screen, red, a fake line, text turned round.
const SPELL: &str = "a\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nok  all\u{202e}txt.exe\u{200b}\u{2066}\u{e0041}z";

/// What the progress bar sends, and what a terminal adds: line ends, the echo of an end of input.
const OF_THE_TERMINAL: [&str; 6] = ["\u{1b}[2K", "\u{1b}[1A", "\u{1b}[1B", "\r", "^D\u{8}\u{8}", "\u{1b}[0m"];

/// The characters of a text that must not reach a terminal.
fn odd_in(text: &str) -> Vec<char> {
    text.chars().filter(|c| *c != '\n' && (c.is_control() || ODD.contains(*c))).collect()
}

#[track_caller]
fn assert_plain(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        let odd = odd_in(text);
        assert!(odd.is_empty(), "{what}: {odd:?} reached the outside raw in {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("ok  all")), "{what}: a forged line in {text:?}");
    }
    assert!(!format!("{}{}", ran.out, ran.err).contains("panicked"), "{what}: {}{}", ran.out, ran.err);
}

/// The program on a terminal of its own, on which `typed` is typed. What it shows, without what the bar and the
/// terminal themselves send.
pub fn on_terminal(desk: &Desk, firm: &str, args: &[&str], typed: &str, more: &[(&str, &str)]) -> (i32, String) {
    let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
    let line: Vec<String> = std::iter::once(binary()).chain(args.iter().copied()).map(quoted).collect();
    let mut script = desk.wrap(firm, "script");
    script.args(["-q", "-e", "-c", &line.join(" "), "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm");
    script.envs(more.iter().copied());
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // A program that asks nothing is gone before it is typed at.
    let _unused = child.stdin.take().unwrap().write_all(typed.as_bytes());
    let ran = Ran::of(child.wait_with_output().unwrap());
    (ran.code, ran.out)
}

fn without_the_terminals(shown: &str) -> String {
    OF_THE_TERMINAL.iter().fold(shown.to_owned(), |text, sent| text.replace(sent, ""))
}

/// Runs a line in pipes, in pipes as JSON, and on a terminal, and looks at what came out.
fn everywhere(desk: &Desk, firm: &str, args: &[&str]) {
    let what = format!("consign {args:?}");
    assert_plain(&desk.args(firm, &[args, &["-v"]].concat()), &what);
    assert_plain(&desk.args(firm, &[args, &["--json"]].concat()), &format!("{what} as JSON"));
    if have(&["script"]) {
        let (code, shown) = on_terminal(desk, firm, &[args, &["-v"]].concat(), "", &[]);
        assert_plain(
            &Ran { code, out: without_the_terminals(&shown), err: String::new() },
            &format!("{what} on a terminal"),
        );
    }
}

/// ODD in names that a file can have, and SPELL.
fn hostile_names() -> Vec<String> {
    let odd: Vec<char> = ODD.chars().collect();
    let mut names: Vec<String> = odd.chunks(40).map(|part| format!("n{}n", part.iter().collect::<String>())).collect();
    names.push(SPELL.to_owned());
    names
}

/// A tree with hostile names of files and folders, targets of links, and nothing else.
fn hostile_tree(desk: &Desk, tree: &str) {
    for name in hostile_names() {
        desk.write(&format!("{tree}/{name}"), "x");
        desk.write(&format!("{tree}/folder {name}/{name}"), "y");
        std::os::unix::fs::symlink(&name, desk.path(&format!("{tree}/link {name}"))).unwrap();
    }
}

/// North, whose own name is hostile, has packed hostile names for Acme into a bundle of a hostile name.
fn hostile_firms() -> Desk {
    let desk = Desk::new();
    // The program refuses to make such a card; another one need not.
    let (name, lock) = (format!("North {ODD}"), Secret::new(b"correct horse".to_vec()));
    let new = keys::New { name: &name, contact: SPELL, ..keys::New::default() };
    keys::make(&Home::at(desk.home("north")), &new, &lock, 10, Time::from_unix(1_795_000_000)).unwrap();
    desk.run("north", "card -o north.card").ok();
    desk.new_firm("acme", "Acme");
    desk.run("north", "partner add acme.card --unchecked").ok();
    desk.run("acme", "partner add north.card --as north --unchecked").ok();
    hostile_tree(&desk, "tree");
    desk.args("north", &["pack", "tree", "--to", "acme", "--allow-unportable", "-o", "b.consign", "--purpose", SPELL])
        .ok();
    fs::copy(desk.path("b.consign"), desk.path(&format!("{SPELL}.consign"))).unwrap();
    desk
}

#[test]
fn the_judge_knows_every_kind_and_lets_text_through() {
    assert_eq!(odd_in("Ärger 東京 עברית ok\n"), []);
    assert_eq!(odd_in(ODD).len(), ODD.chars().count() - 1, "all but LF");
    assert!(!odd_in(&without_the_terminals(SPELL)).is_empty());
    for name in hostile_names() {
        assert!(name.len() < 230, "{name:?}");
    }
}

#[test]
fn hostile_names_in_a_tree_and_a_bundle_are_shown_escaped_by_every_verb() {
    let desk = hostile_firms();
    let bundle = format!("{SPELL}.consign");
    let bundle = bundle.as_str();
    for args in [
        vec!["pack", "tree", "--to", "acme"],
        vec!["pack", "tree", "--to", "acme", "--dry-run"],
        vec!["pack", "tree", "--to", "acme", "--dry-run", "--allow-unportable"],
        vec!["pack", "tree", "--to", "acme", "--dry-run", "--allow-unportable", "--exclude", SPELL, "--include", ODD],
        vec!["pack", "tree", "--to", "acme", "--allow-unportable", "--name", SPELL],
        vec!["pack", "tree", "--to", "acme", "--allow-unportable", "--force", "-o", SPELL],
        vec!["inspect", bundle],
        vec!["verify", bundle, SPELL, "b.consign"],
        vec!["log"],
        vec!["log", "verify"],
    ] {
        everywhere(&desk, "north", &args);
    }
    let path = format!("folder {SPELL}/{SPELL}");
    for args in [
        vec!["inspect", bundle],
        vec!["verify", bundle],
        vec!["verify", "--deep", bundle],
        vec!["list", bundle],
        vec!["list", bundle, SPELL],
        vec!["list", bundle, "*txt.exe*"],
        vec!["cat", bundle, SPELL],
        vec!["cat", bundle, &path],
        vec!["cat", bundle, "not there \u{1b}[2J"],
        vec!["unpack", bundle, "--force"],
        vec!["unpack", bundle, "--force", "-o", SPELL],
        vec!["unpack", bundle, "-o", SPELL],
        vec!["unpack", bundle, "-o", SPELL, "--only", ODD],
        vec!["log"],
        vec!["partner", "list"],
        vec!["partner", "show", "north"],
    ] {
        everywhere(&desk, "acme", &args);
    }
    for args in [vec!["inspect", bundle], vec!["verify", bundle], vec!["verify", "--signer", "north.card", bundle]] {
        everywhere(&desk, "stranger", &args);
    }
}

#[test]
fn hostile_arguments_are_told_escaped_by_every_verb() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o b.consign").ok();
    let flag = format!("--{SPELL}");
    let verbs: [&[&str]; 15] = [
        &["demo"],
        &["key", "new"],
        &["key", "list"],
        &["key", "show"],
        &["card", "-o"],
        &["partner", "add"],
        &["partner", "show"],
        &["partner", "remove"],
        &["pack"],
        &["inspect"],
        &["list"],
        &["cat"],
        &["verify"],
        &["unpack"],
        &["log"],
    ];
    for verb in verbs {
        for bad in [SPELL, ODD, &flag] {
            assert_plain(&desk.args("north", &[verb, &[bad]].concat()), &format!("{verb:?} {bad:?}"));
        }
        assert_plain(
            &desk.args("north", &[verb, &[SPELL, ODD, SPELL, "--json"]].concat()),
            &format!("{verb:?} as JSON"),
        );
    }
    for args in [
        vec![SPELL],
        vec![ODD],
        vec![flag.as_str()],
        vec!["--json", SPELL],
        vec!["pakc", SPELL],
        vec!["pack", "tree", "--to", SPELL],
        vec!["pack", "tree", "--to", "acme", "--level", SPELL],
        vec!["pack", "tree", "--to", "acme", "--expires", SPELL],
        vec!["pack", "tree", "-r", SPELL],
        vec!["pack", "tree", "-R", SPELL],
        vec!["pack", "tree", "--to", "acme", "--rev", SPELL],
        vec!["pack", "tree", "--to", "acme", "--terms", SPELL],
        vec!["pack", "tree", "--to", "acme", "--sign-with", SPELL],
        vec!["pack", "tree", "--to", "acme", "--exclude", "[\u{1b}"],
        vec!["log", "--limit", SPELL],
        vec!["unpack", "b.consign", "--compartment", SPELL],
        vec!["unpack", "b.consign", "--key-file", SPELL],
        vec!["list", "b.consign", "-i", SPELL],
        vec!["verify", "b.consign", "--signer", SPELL],
        vec!["partner", "add", "acme.card", "--as", SPELL],
        vec!["partner", "add", "acme.card", "--words", SPELL],
        vec!["man", SPELL],
    ] {
        everywhere(&desk, "north", &args);
    }
}

#[test]
fn the_name_that_the_process_was_given_is_not_shown() {
    use std::os::unix::process::CommandExt;
    let desk = Desk::new();
    for args in [&["--help"][..], &[], &["pack", "--help"], &["pack"], &["--version"], &["cat"], &["nonsense"]] {
        let ran = Ran::of(desk.command("nobody").arg0(SPELL).args(args).output().unwrap());
        assert_plain(&ran, &format!("{args:?}"));
        assert!(!format!("{}{}", ran.out, ran.err).contains("owned"), "{}{}", ran.out, ran.err);
    }
}

#[test]
fn hostile_files_that_are_read_are_told_escaped() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o b.consign").ok();
    let key = desk.path("id");
    if have(&["ssh-keygen"]) {
        let made = desk
            .wrap("north", "ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", ODD, "-f"])
            .arg(&key)
            .status();
        assert!(made.unwrap().success());
        everywhere(&desk, "north", &["pack", "tree", "-R", "id.pub", "--dry-run"]);
        everywhere(&desk, "north", &["verify", "b.consign", "--signer", "id.pub"]);
        everywhere(&desk, "north", &["list", "b.consign", "-i", "id"]);
    }
    let json = format!("{{\"consign\":\"card/1\",\"{SPELL}\":\"{ODD}\"");
    let escaped = json_escaped(ODD);
    let unknown = format!("{{\"consign\":\"card/1\",\"name\":\"{escaped}\",\"{escaped}\":\"{escaped}\"}}\n");
    let kind =
        format!("{{\"consign\":\"{escaped}\"}}\n-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n");
    let texts = [ODD, SPELL, &json, &unknown, &kind, &format!("{ODD} namespaces=\"{SPELL}\" ssh-ed25519 {ODD}\n")];
    for (n, text) in texts.into_iter().enumerate() {
        let name = format!("{n}{SPELL}");
        desk.write(&name, text);
        for args in [
            &["partner", "add", &name][..],
            &["inspect", &name],
            &["verify", &name],
            &["verify", "b.consign", "--signer", &name],
            &["verify", "b.consign", "--revoked", &name],
            &["partner", "add", "--ssh-keys", &name, "--unchecked"],
            &["partner", "add", "--signers", &name, "--unchecked"],
            &["list", "b.consign", "-i", &name],
            &["unpack", "b.consign", "-o", "x", "--key-file", &name],
            &["pack", "tree", "-R", &name],
            &["pack", "tree", "--to", "acme", "--sign-with", &name],
        ] {
            everywhere(&desk, "north", args);
        }
    }
}

/// A text as JSON has it, with everything escaped.
fn json_escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[test]
fn a_hostile_ledger_is_told_escaped() {
    let desk = Desk::with_firms();
    let ledger = fs::read_dir(desk.home("north").join("ledger")).unwrap().map(|e| e.unwrap().path());
    let ledger = ledger.into_iter().find(|p| fs::read(p).is_ok_and(|b| b.starts_with(b"{"))).unwrap();
    let sound = fs::read_to_string(&ledger).unwrap();
    let escaped = json_escaped(SPELL);
    let replaced = |what: &str| {
        let at = sound.rfind(what).unwrap() + what.len();
        let end = at + sound[at..].find('"').unwrap();
        format!("{}{escaped}{}", &sound[..at], &sound[end..])
    };
    let (event, partner) = (replaced("\"event\":\""), replaced("\"partner\":\""));
    for text in [format!("{sound}{ODD}\n"), format!("{sound}{{\"{escaped}\":1}}\n"), event, partner] {
        fs::write(&ledger, text).unwrap();
        everywhere(&desk, "north", &["log"]);
        everywhere(&desk, "north", &["log", "verify"]);
    }
}

#[test]
fn a_hostile_surrounding_is_told_escaped() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o b.consign").ok();
    let odd_home = desk.path(SPELL);
    fs::create_dir(&odd_home).unwrap();
    let with = |name: &str, value: &std::ffi::OsStr, args: &[&str]| {
        let ran = Ran::of(desk.command("north").env(name, value).args(args).output().unwrap());
        assert_plain(&ran, &format!("{name} {args:?}"));
        ran
    };
    let empty: [&[&str]; 7] = [
        &["key", "list"],
        &["key", "show"],
        &["card"],
        &["partner", "list"],
        &["log"],
        &["verify", "b.consign"],
        &["pack", "tree"],
    ];
    for args in empty {
        with("CONSIGN_HOME", odd_home.as_os_str(), args);
    }
    with("CONSIGN_HOME", odd_home.as_os_str(), &["key", "new", "--name", "x"]).ok();
    with("CONSIGN_HOME", odd_home.as_os_str(), &["key", "new", "--name", "x"]).fails(1, "key-exists");
    for args in empty {
        with("CONSIGN_HOME", odd_home.as_os_str(), args);
    }
    for (name, value) in [("CONSIGN_PASSPHRASE_FILE", SPELL), ("SOURCE_DATE_EPOCH", ODD), ("CONSIGN_IDENTITY", SPELL)] {
        with(name, value.as_ref(), &["pack", "tree", "--to", "acme"]);
        with(name, value.as_ref(), &["list", "b.consign"]);
    }
    let mut by_descriptor = desk.command("north");
    by_descriptor
        .env_remove("CONSIGN_PASSPHRASE_FILE")
        .env("CONSIGN_PASSPHRASE_FD", ODD)
        .args(["pack", "tree", "--to", "acme"]);
    assert_plain(&Ran::of(by_descriptor.output().unwrap()), "CONSIGN_PASSPHRASE_FD");
    with("CONSIGN_IDENTITY_DATA", ODD.as_ref(), &["list", "b.consign"]);
    with("TMPDIR", odd_home.as_os_str(), &["demo", "--keep"]).ok();
    with("TMPDIR", odd_home.as_os_str(), &["demo", "--keep", "--json"]).ok();
}

#[test]
fn hostile_revisions_are_told_escaped() {
    if !have(&["git"]) {
        return;
    }
    let desk = Desk::with_firms();
    let git = |args: &[&str]| {
        let mut git = desk.wrap("north", "git");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.org", "-C", "tree"]).args(args);
        let ran = Ran::of(git.env("HOME", desk.dir.path()).output().unwrap());
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    };
    hostile_tree(&desk, "tree");
    // Git lets no control character into a branch, but all the others.
    let branch: String = ODD.chars().filter(|c| !c.is_control()).collect();
    git(&["init", "-q", "-b", &branch]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", SPELL]);
    desk.write("tree/.gitignore", "n*\n");
    for args in [
        &["pack", "tree", "--to", "acme", "--dry-run"][..],
        &["pack", "tree", "--to", "acme", "--dry-run", "--rev", &branch],
        &["pack", "tree", "--to", "acme", "--dry-run", "--rev", &branch, "--allow-unportable"],
        &["pack", "tree", "--to", "acme", "--rev", SPELL],
        &["pack", "tree", "--to", "acme", "--rev", ODD],
    ] {
        everywhere(&desk, "north", args);
    }
}

#[test]
fn questions_and_the_bar_show_hostile_names_escaped() {
    if !have(&["script"]) {
        return;
    }
    let desk = hostile_firms();
    let plain = |shown: &str, says: &str| {
        assert!(shown.contains(says), "no `{says}` in {shown:?}");
        let out = without_the_terminals(shown);
        assert_plain(&Ran { code: 0, out, err: String::new() }, says);
    };
    for (typed, says) in [("n\n", "error[not-compared]"), ("y\n", "heard on a call")] {
        let (_, shown) = on_terminal(&desk, "stranger", &["partner", "add", "north.card", "--as", "n"], typed, &[]);
        plain(&shown, "did you hear these six words");
        plain(&shown, says);
    }
    let locked = format!("key {SPELL}");
    fs::copy(desk.home("acme").join("identity.age"), desk.path(&locked)).unwrap();
    let asked = [("CONSIGN_PASSPHRASE_FILE", "")];
    let (code, shown) = on_terminal(&desk, "acme", &["list", "b.consign", "-i", &locked], "correct horse\n", &asked);
    plain(&shown, "passphrase for key a\\u{1b}]0;owned");
    assert_eq!(code, 0, "{shown:?}");
    // Enough work for a bar, in a file of a hostile name.
    let noise: Vec<u8> = (0..120_000_000_u32).map(|i| (i.wrapping_mul(i) >> 9) as u8).collect();
    desk.write(&format!("long/{SPELL}"), noise);
    let (code, shown) =
        on_terminal(&desk, "north", &["pack", "long", "--to", "acme", "--allow-unportable", "--level", "19"], "", &[]);
    assert!(shown.contains("\u{1b}[2K") || shown.contains("=>"), "there was no bar: {shown:?}");
    plain(&shown, "packed");
    assert_eq!(code, 0, "{shown:?}");
}

#[test]
fn contents_go_into_a_pipe_as_they_are_and_onto_a_terminal_as_safe_text_only() {
    let desk = Desk::with_firms();
    let text = format!("one\n{SPELL}\n\ttwo {ODD}");
    desk.write("tree/text", &text);
    desk.write("tree/binary", b"\x7fELF\xff\xfe\n\x1b[2J");
    desk.run("north", "pack tree --to acme -o b.consign").ok();
    assert_eq!(desk.run("acme", "cat b.consign text").ok().out, text);
    let raw = desk.command("acme").args(["cat", "b.consign", "binary"]).output().unwrap().stdout;
    assert_eq!(raw, b"\x7fELF\xff\xfe\n\x1b[2J");
    if !have(&["script"]) {
        return;
    }
    let (code, shown) = on_terminal(&desk, "acme", &["cat", "b.consign", "text"], "", &[]);
    let shown = without_the_terminals(&shown);
    assert!(shown.contains("\n\ttwo "), "a tab is a tab: {shown:?}");
    assert_eq!((code, odd_in(&shown.replace('\t', ""))), (0, vec![]), "{shown:?}");
    assert!(shown.starts_with("one\na\\u{1b}]0;owned"), "{shown:?}");
    let (code, shown) = on_terminal(&desk, "acme", &["cat", "b.consign", "binary"], "", &[]);
    let shown = without_the_terminals(&shown);
    assert_eq!((code, odd_in(&shown)), (1, vec![]), "{shown:?}");
    assert!(shown.contains("not text"), "{shown:?}");
    let (code, shown) = on_terminal(&desk, "north", &["pack", "tree", "--to", "acme", "-o", "-"], "", &[]);
    let shown = without_the_terminals(&shown);
    assert_eq!((code, odd_in(&shown)), (2, vec![]), "{shown:?}");
}

#[test]
fn a_person_is_shown_every_key_and_asked_about_all_of_them() {
    if !have(&["script"]) {
        return;
    }
    let desk = Desk::with_firms();
    let public = |firm: &str| fs::read_to_string(desk.home(firm).join("signing.pub")).unwrap();
    desk.new_firm("bob", "Bob");
    desk.write("bob.keys", public("bob"));
    let spell: String = ODD.chars().filter(|c| !matches!(c, '\n' | '\r' | '\t' | '\0' | '"')).collect();
    let signers = format!("\"x{spell}\" namespaces=\"*,{spell}\" {}", public("bob").trim());
    desk.write("list", signers);
    let add = ["partner", "add", "--ssh-keys", "bob.keys"];
    let (code, shown) = on_terminal(&desk, "north", &add, "n\n", &[]);
    assert!(code == 5 && shown.contains("SHA256:") && shown.contains("were not compared"), "{shown}");
    assert!(!desk.home("north").join("partners/bob.json").exists());
    let (code, shown) = on_terminal(&desk, "north", &add, "y\n", &[]);
    assert!(code == 0 && shown.contains("did bob confirm it"), "{shown}");
    desk.run("north", "partner list").ok().says("confirmed on a call");
    // Once compared, nobody is asked again.
    desk.run("north", "partner add --ssh-keys bob.keys").ok().says("on record");
    desk.run("north", "partner remove bob").ok();
    desk.run("north", "partner add --signers list --as bob --unchecked").ok();
    for args in [&["partner", "show", "bob"][..], &["partner", "list"], &["partner", "export", "--json"]] {
        everywhere(&desk, "north", args);
    }
    // In a pipe a list is data, as a card is.
    let (code, shown) = on_terminal(&desk, "north", &["partner", "export"], "", &[]);
    let ran = Ran { code, out: without_the_terminals(&shown), err: String::new() };
    assert_plain(&ran, "an exported list on a terminal");
}
