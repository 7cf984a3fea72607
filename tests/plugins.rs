//! Claims about age plugins, through the program and a plugin of our own that misbehaves as its key says
//! (`tests/plugin`): what is run and what never is, what a person is asked, and what is said of every way in which a
//! plugin can fail. And claims about what the configuration demands of keys.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, mpsc};
use std::time::{Duration, Instant};

use desk::{Desk, Ran, binary, have};

#[path = "cli/desk.rs"]
mod desk;
#[path = "support/tools.rs"]
mod tools;

const NAME: &str = "consigntest";

/// The test plugin. `cargo test` builds it; `cargo test --test plugins` alone does not, so that is made up for here.
static PLUGIN: LazyLock<PathBuf> = LazyLock::new(|| {
    let profile = Path::new(binary()).parent().unwrap();
    let plugin = profile.join("examples").join("age-plugin-consigntest");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plugin/age-plugin-consigntest.rs");
    let made = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
    if made(&plugin) < made(&source) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--example", "age-plugin-consigntest"]);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.arg("--target-dir").arg(profile.parent().unwrap()).status().unwrap().success());
    }
    plugin
});

/// A firm with keys, a tree, and a folder with the test plugin for its PATH.
struct Lab {
    desk: Desk,
}

/// A key of the test plugin: the file, and its recipient string.
struct Key {
    file: String,
    recipient: String,
}

impl Lab {
    fn new() -> Lab {
        let desk = Desk::new();
        desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
        desk.tree();
        fs::create_dir(desk.path("bin")).unwrap();
        fs::hard_link(&*PLUGIN, desk.path("bin/age-plugin-consigntest"))
            .or_else(|_| fs::copy(&*PLUGIN, desk.path("bin/age-plugin-consigntest")).map(drop))
            .unwrap();
        Lab { desk }
    }

    /// The same, where the configuration allows the plugin.
    fn allowing() -> Lab {
        let lab = Lab::new();
        lab.configure("[plugins.consigntest]\nwait = 2\n");
        lab
    }

    fn configure(&self, text: &str) {
        fs::write(self.desk.home("north").join("config.toml"), text).unwrap();
    }

    fn key(&self, file: &str, mode: &str, wrap: &str) -> Key {
        let made = Command::new(&*PLUGIN).args(["new", mode, wrap]).output().unwrap();
        assert!(made.status.success());
        let text = String::from_utf8(made.stdout).unwrap();
        let recipient = text.lines().find_map(|l| l.strip_prefix("# recipient: ")).unwrap().to_owned();
        self.desk.write(file, text);
        Key { file: file.to_owned(), recipient }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.desk.path("log")).unwrap_or_default()
    }

    /// The program, without a terminal.
    fn command(&self) -> Command {
        self.surround(self.desk.wrap("north", "setsid"))
    }

    fn surround(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.desk.path("bin")).chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).unwrap());
        command.env("CONSIGNTEST_LOG", self.desk.path("log"));
        command
    }

    fn run(&self, line: &str) -> Ran {
        Ran::of(self.command().args(["-w", binary()]).args(line.split(' ')).output().unwrap())
    }

    /// A bundle that is locked to this key only.
    fn bundle(&self, key: &Key) -> &'static str {
        self.run(&format!("pack tree -r {} --no-self -o b.consign", key.recipient)).ok();
        "b.consign"
    }

    /// How a key of this mode fails to open.
    fn fails(&self, mode: &str, code: i32, word: &str) -> Ran {
        let key = self.key("k.id", mode, "plain");
        let _unused = fs::remove_file(self.desk.path("b.consign"));
        let _unused = fs::remove_file(self.desk.path("b.txt"));
        self.bundle(&key);
        let ran = self.run("list b.consign -i k.id").fails(code, word).says("age-plugin-consigntest");
        assert!(!ran.err.contains('\u{1b}'), "{mode}: {:?}", ran.err);
        ran
    }
}

/// The program on a terminal of its own.
struct Terminal {
    child: Child,
    shown: mpsc::Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    fn of(lab: &Lab, line: &str) -> Terminal {
        let mut script = lab.surround(lab.desk.wrap("north", "script"));
        script.args(["-q", "-e", "-c", &format!("{} {line}", binary()), "/dev/null"]);
        script.env("SHELL", "/bin/sh").env("TERM", "xterm");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (to, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 1024];
            while let Ok(n @ 1..) = out.read(&mut chunk) {
                let _unused = to.send(chunk[..n].to_vec());
            }
        });
        Terminal { child, shown, seen: String::new() }
    }

    /// Waits until a text is shown.
    #[track_caller]
    fn until(&mut self, text: &str) -> &mut Terminal {
        let began = Instant::now();
        while !self.seen.contains(text) {
            assert!(began.elapsed() < Duration::from_secs(30), "no `{text}` in {:?}", self.seen);
            if let Ok(chunk) = self.shown.recv_timeout(Duration::from_millis(100)) {
                self.seen.push_str(&String::from_utf8_lossy(&chunk));
            }
        }
        self
    }

    fn types(&mut self, text: &str) -> &mut Terminal {
        // What is typed before the echo is off would be shown, and is not what this is about.
        std::thread::sleep(Duration::from_millis(200));
        let keys = self.child.stdin.as_mut().unwrap();
        keys.write_all(text.as_bytes()).and_then(|()| keys.flush()).unwrap();
        self
    }

    fn ends(mut self) -> Ran {
        let status = loop {
            if let Ok(chunk) = self.shown.recv_timeout(Duration::from_millis(50)) {
                self.seen.push_str(&String::from_utf8_lossy(&chunk));
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
        };
        while let Ok(chunk) = self.shown.recv_timeout(Duration::from_millis(200)) {
            self.seen.push_str(&String::from_utf8_lossy(&chunk));
        }
        Ran { code: status.code().unwrap_or(-1), out: std::mem::take(&mut self.seen), err: String::new() }
    }
}

/// Demands each of these texts, wherever lines were broken.
#[track_caller]
fn told(ran: Ran, parts: &[&str]) {
    let all = format!("{}{}", ran.out, ran.err);
    let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(flat.contains(part), "no `{part}` in {all}");
    }
}

/// Processes that were started for this lab and are still there.
fn left_running(lab: &Lab) -> Vec<u32> {
    let mine = format!("CONSIGNTEST_LOG={}", lab.desk.path("log").display());
    let processes = fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|id| {
            let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&mine)
        })
        .collect()
}

#[test]
fn a_bundle_locked_to_a_plugin_is_opened_by_every_verb_and_asks_nothing_it_need_not() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "plain", "plain");
    lab.bundle(&key);
    lab.run("list b.consign -i k.id").ok().says("src/main.c");
    lab.run("cat b.consign README.md -i k.id").ok().says("hello");
    lab.run("verify --deep b.consign -i k.id").ok();
    fs::remove_file(lab.desk.path("log")).unwrap();
    lab.run("unpack b.consign -i k.id -o out -v").ok().says("age-plugin-consigntest is /");
    assert_eq!(fs::read(lab.desk.path("out/README.md")).unwrap(), b"hello\n");
    assert_eq!(lab.log().matches("ran [").count(), 1, "once for one compartment: {}", lab.log());
    // From the environment, and in the home's own identity file.
    let text = fs::read_to_string(lab.desk.path("k.id")).unwrap();
    let listed = lab.command().env("CONSIGN_IDENTITY_DATA", &text).args(["-w", binary(), "list", "b.consign"]).output();
    Ran::of(listed.unwrap()).ok().says("src/main.c");
    fs::write(lab.desk.home("north").join("identity.age"), &text).unwrap();
    lab.run("list b.consign").ok().says("src/main.c");
}

#[test]
fn a_key_of_ones_own_that_needs_no_plugin_is_tried_first() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "pin", "plain");
    lab.run(&format!("pack tree -r {} -o b.consign", key.recipient)).ok();
    let packed = lab.log().matches("ran [").count();
    let home = lab.desk.home("north").join("identity.age");
    lab.run(&format!("list b.consign -i k.id -i {}", home.display())).ok();
    assert_eq!(lab.log().matches("ran [").count(), packed);
}

#[test]
fn a_plugin_that_the_configuration_does_not_name_is_never_run() {
    let lab = Lab::new();
    let key = lab.key("k.id", "plain", "plain");
    let refused = |line: &str| lab.run(line).fails(6, "plugin-not-allowed").says("age-plugin-consigntest");
    lab.desk.write("keys", format!("# a partner's\n{}\n", key.recipient));
    refused(&format!("pack tree -r {} -o b.consign", key.recipient)).says("nothing was packed");
    refused("pack tree -R keys -o b.consign").says("[plugins.consigntest]").says("config.toml");
    refused("pack tree -R keys -n");
    lab.configure("[plugins.other]\n");
    refused("pack tree -R keys -o b.consign");
    // A bundle that somebody else locked to it.
    lab.configure("[plugins.consigntest]\n");
    lab.bundle(&key);
    fs::remove_file(lab.desk.path("log")).unwrap();
    lab.configure("");
    refused("list b.consign -i k.id").says("nothing was shown");
    refused("unpack b.consign -i k.id").says("nothing was unpacked");
    refused("verify --deep b.consign -i k.id");
    // A partner's card that names it.
    let card = card_with(&lab, &[&key.recipient]);
    lab.run(&format!("partner add {card} --as acme --unchecked")).ok();
    refused("pack tree --to acme -o c.consign").says("nothing was packed");
    assert_eq!(lab.log(), "", "it was run");
    // The canary does sing when it is allowed.
    lab.configure("[plugins.consigntest]\n");
    lab.run("list b.consign -i k.id").ok();
    assert!(lab.log().contains("identity-v1"));
    lab.run("pack tree --to acme -o c.consign").ok();
}

/// A card of another firm with these recipients.
fn card_with(lab: &Lab, recipients: &[&str]) -> String {
    use consign::crypto::SigningKey;
    use consign::format::card::{Card, CardKey, SignedCard};
    let signing = SigningKey::generate().unwrap();
    let key = |key: &str| CardKey { key: key.to_owned(), label: "x".to_owned(), proof: None };
    let quantum = |key: &&&str| key.starts_with("age1pq1");
    let card = Card {
        consign: "card/1".to_owned(),
        name: "Acme Dev Oy".to_owned(),
        contact: String::new(),
        number: 1,
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires: None,
        recipients: recipients.iter().filter(|k| !quantum(k)).map(|k| key(k)).collect(),
        pq: recipients.iter().filter(quantum).map(|k| key(k)).collect(),
        signers: vec![key(&signing.public().line().unwrap())],
        previous: None,
    };
    lab.desk.write("other.card", SignedCard::sign(&card, &signing).unwrap().document.to_bytes());
    "other.card".to_owned()
}

#[test]
fn a_plugin_comes_from_where_the_configuration_says() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "plain", "plain");
    lab.bundle(&key);
    let gone = lab.desk.path("nowhere/age-plugin-consigntest");
    lab.configure(&format!("[plugins.consigntest]\npath = \"{}\"\n", gone.display()));
    let missing = lab.run("list b.consign -i k.id").fails(1, "plugin-missing");
    assert!(missing.err.replace("\n  ", "").contains("nowhere/age-plugin-consigntest"), "{}", missing.err);
    // A program of that name in PATH is not run in its place, nor one in the folder where the user stands.
    fs::remove_file(lab.desk.path("log")).unwrap();
    let elsewhere = lab.desk.path("elsewhere");
    fs::rename(lab.desk.path("bin"), &elsewhere).unwrap();
    lab.configure("[plugins.consigntest]\n");
    let mut here = lab.command();
    here.env("PATH", "/usr/bin:.:elsewhere:").args(["-w", binary(), "list", "b.consign", "-i", "k.id"]);
    let ran = Ran::of(here.output().unwrap()).fails(1, "plugin-missing").says("looked in /usr/bin");
    assert!(!ran.err.contains("elsewhere"), "{}", ran.err);
    assert_eq!(lab.log(), "");
    lab.configure(&format!("[plugins.consigntest]\npath = \"{}/age-plugin-consigntest\"\n", elsewhere.display()));
    lab.run("list b.consign -i k.id").ok();
    let no_program = lab.desk.write("no-program", "#!/nonexistent/interpreter\n");
    fs::set_permissions(&no_program, PermissionsExt::from_mode(0o755)).unwrap();
    lab.configure(&format!("[plugins.consigntest]\npath = \"{}\"\n", no_program.display()));
    lab.run("list b.consign -i k.id").fails(1, "plugin-broken").says("can't be started");
}

#[test]
fn every_way_in_which_a_plugin_fails_to_open_is_told_with_its_name() {
    let lab = Lab::allowing();
    for (mode, code, word, said) in [
        ("crash", 1, "plugin-broken", "(exit status: 3): \"reader: no smart card found"),
        ("quiet-crash", 1, "plugin-broken", "ended in the middle of its work (exit status: 0)"),
        ("abort", 1, "plugin-broken", "(signal: 6"),
        ("hang", 9, "plugin-timeout", "did not answer within 2 seconds"),
        ("nonsense", 1, "plugin-broken", "does not speak as an age plugin does: a line that is no command"),
        ("endless-line", 1, "plugin-broken", "a line without an end"),
        ("endless-talk", 1, "plugin-broken", "it never comes to an end"),
        ("long-words", 1, "plugin-broken", "a text that is too long"),
        ("wrong-key", 1, "plugin-broken", "its answer does not open the file"),
        ("unplugged", 4, "plugin-refused", "\"Could not find key 2f41: plug it in\""),
        ("pin", 9, "needs-pin", "asks for a PIN or a passphrase, and there is no terminal"),
        ("confirm", 9, "needs-pin", "asks for an answer"),
    ] {
        let ran = lab.fails(mode, code, word);
        assert!(ran.err.len() < 10_000, "{mode}: {}", ran.err.len());
        told(ran, &[said, "program", "bin/age-plugin-consigntest", "fix: ", "nothing was shown"]);
    }
    assert_eq!(left_running(&lab), Vec::<u32>::new());
}

#[test]
fn every_way_in_which_a_plugin_fails_to_lock_is_told_with_its_name_and_nothing_is_packed() {
    let lab = Lab::allowing();
    for (wrap, code, word) in [
        ("crash", 1, "plugin-broken"),
        ("hang", 9, "plugin-timeout"),
        ("nonsense", 1, "plugin-broken"),
        ("endless-line", 1, "plugin-broken"),
        ("endless-talk", 1, "plugin-broken"),
        ("refuse", 1, "plugin-refused"),
        ("passphrase", 1, "plugin-broken"),
        ("pin", 9, "needs-pin"),
    ] {
        let key = lab.key("k.id", "plain", wrap);
        let ran = lab.run(&format!("pack tree -r {} -o b.consign", key.recipient)).fails(code, word);
        ran.says("age-plugin-consigntest").says("nothing was packed");
    }
    let key = lab.key("k.id", "plain", "label");
    lab.run(&format!("pack tree -r {} -o b.consign", key.recipient)).fails(2, "incompatible-keys");
    assert!(!lab.desk.names("").iter().any(|name| name.contains("consign") && name.starts_with('.')));
    assert!(!lab.desk.path("b.consign").exists());
    assert_eq!(left_running(&lab), Vec::<u32>::new());
}

#[test]
fn a_plugin_that_hangs_where_nobody_can_touch_a_key_is_ended() {
    let lab = Lab::allowing();
    let began = Instant::now();
    lab.fails("hang", 9, "plugin-timeout").says("within 2 seconds");
    assert!(began.elapsed() < Duration::from_secs(20));
    // One that is a script, with a program of its own that hangs.
    let script = lab.desk.write("script/age-plugin-consigntest", "#!/bin/sh\nsleep 3600\n");
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    lab.configure(&format!("[plugins.consigntest]\nwait = 1\npath = \"{}\"\n", script.display()));
    lab.run("list b.consign -i k.id").fails(9, "plugin-timeout");
    assert_eq!(left_running(&lab), Vec::<u32>::new());
}

#[test]
fn a_plugin_that_hangs_ends_with_the_run_that_is_stopped() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "hang", "plain");
    lab.bundle(&key);
    lab.configure("[plugins.consigntest]\nwait = 600\n");
    let mut child = lab.surround(lab.desk.wrap("north", binary()));
    let mut child = child.args(["unpack", "b.consign", "-i", "k.id", "-o", "out", "--no-input"]).spawn().unwrap();
    // The program, and the plugin.
    while left_running(&lab).len() < 2 {
        std::thread::sleep(Duration::from_millis(50));
    }
    let began = Instant::now();
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(left_running(&lab), Vec::<u32>::new());
    assert!(!lab.desk.path("out").exists());
}

#[test]
fn a_pin_is_asked_for_on_the_terminal_with_the_plugins_name_and_not_shown() {
    if !have(&["script"]) {
        return;
    }
    let lab = Lab::allowing();
    let key = lab.key("k.id", "pin", "plain");
    lab.bundle(&key);
    let asked = "age-plugin-consigntest asks: Enter PIN for key 2f41: ";
    let mut terminal = Terminal::of(&lab, "unpack b.consign -i k.id -o out");
    terminal.until(asked).types("1234\n");
    let ran = terminal.ends();
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(!ran.out.contains("1234"), "{}", ran.out);
    assert_eq!(fs::read(lab.desk.path("out/README.md")).unwrap(), b"hello\n");
    let mut terminal = Terminal::of(&lab, "unpack b.consign -i k.id -o again");
    terminal.until(asked).types("9999\n");
    let ran = terminal.ends().fails(4, "plugin-refused");
    assert!(!ran.out.contains("9999"), "{}", ran.out);
    told(ran, &["age-plugin-consigntest does not open it", "Invalid PIN, 2 tries left", "nothing was unpacked"]);
    let mut terminal = Terminal::of(&lab, "unpack b.consign -i k.id -o again");
    terminal.until(asked).types("\u{3}");
    assert_eq!(terminal.ends().code, 130);
    assert!(!lab.desk.path("again").exists());
    assert_eq!(left_running(&lab), Vec::<u32>::new());
}

#[test]
fn a_touch_is_asked_for_in_the_plugins_own_words_escaped() {
    if !have(&["script"]) {
        return;
    }
    let lab = Lab::allowing();
    lab.bundle(&lab.key("k.id", "touch", "plain"));
    let ran = Terminal::of(&lab, "list b.consign -i k.id").ends().ok();
    assert!(ran.out.contains("age-plugin-consigntest: touch your YubiKey"), "{}", ran.out);
    assert!(!ran.out.contains("\u{1b}[2J"), "{:?}", ran.out);
    fs::remove_file(lab.desk.path("b.consign")).unwrap();
    fs::remove_file(lab.desk.path("b.txt")).unwrap();
    lab.bundle(&lab.key("c.id", "confirm", "plain"));
    let mut terminal = Terminal::of(&lab, "list b.consign -i c.id");
    terminal.until("Use key 2f41? (y: use it, n: leave it)").types("y\n");
    terminal.ends().ok().says("src/main.c");
}

#[test]
fn silence_on_a_terminal_is_told_and_borne() {
    if !have(&["script"]) {
        return;
    }
    let lab = Lab::allowing();
    let key = lab.key("k.id", "slow", "plain");
    lab.bundle(&key);
    let mut terminal = Terminal::of(&lab, "list b.consign -i k.id");
    terminal.until("waiting for age-plugin-consigntest: touch your key?");
    terminal.ends().ok().says("src/main.c");
    let hanging = lab.key("h.id", "hang", "plain");
    fs::remove_file(lab.desk.path("b.consign")).unwrap();
    fs::remove_file(lab.desk.path("b.txt")).unwrap();
    lab.bundle(&hanging);
    let mut terminal = Terminal::of(&lab, "list b.consign -i h.id");
    terminal.until("waiting for age-plugin-consigntest").types("\u{3}");
    let began = Instant::now();
    assert_eq!(terminal.ends().code, 130);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(left_running(&lab), Vec::<u32>::new());
}

#[test]
fn no_secret_is_in_the_arguments_or_the_environment_of_a_plugin() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "plain", "plain");
    let text = fs::read_to_string(lab.desk.path("k.id")).unwrap();
    let secret = text.lines().last().unwrap();
    let run = |line: &str| {
        let mut command = lab.command();
        command.env("CONSIGN_IDENTITY_DATA", &text).env("CONSIGN_PASSPHRASE_COMMAND", "echo correct horse");
        Ran::of(command.args(["-w", binary()]).args(line.split(' ')).output().unwrap())
    };
    run(&format!("pack tree -r {} -o b.consign", key.recipient)).ok();
    run("list b.consign").ok();
    let log = lab.log();
    assert!(log.contains("recipient-v1") && log.contains("identity-v1") && log.contains("PATH="), "{log}");
    for bad in [secret, "AGE-PLUGIN-", "correct horse", "CONSIGN_IDENTITY", "CONSIGN_PASSPHRASE"] {
        assert!(!log.contains(bad), "`{bad}` in: {log}");
    }
}

#[test]
fn who_opens_with_a_plugin_was_named_by_the_sender_as_far_as_the_key_tells() {
    let lab = Lab::allowing();
    let key = lab.key("k.id", "plain", "plain");
    lab.bundle(&key);
    let text = fs::read_to_string(lab.desk.path("k.id")).unwrap();
    // Another recipient string of the same key: its plugin opens the bundle, and nobody named it.
    let other = lab.key("o.id", "plain", "plain");
    lab.desk.write("other.id", text.replace(&key.recipient, &other.recipient));
    lab.run("list b.consign -i other.id").fails(3, "changed").says("did not name you");
    lab.desk.write("bare.id", text.lines().last().unwrap());
    lab.run("list b.consign -i bare.id").ok();
    // What was tried is told, a bare key by its plugin.
    lab.desk.write("bare.id", fs::read_to_string(lab.desk.path(&other.file)).unwrap().lines().last().unwrap());
    lab.run("list b.consign -i bare.id").fails(4, "wrong-key").says(&format!("a key of age-plugin-{NAME}"));
}

#[test]
fn a_mistake_in_the_configuration_is_told_with_its_line_by_whatever_needs_it() {
    let lab = Lab::new();
    lab.configure("[policy]\n\nrequire-hardwear = true\n");
    for line in ["pack tree --to x -o b.consign", "list b.consign", "verify b.consign"] {
        lab.run(line).fails(1, "config-broken").says("line 3").says("require-hardwear");
    }
}

#[test]
fn doctor_tells_of_plugins_that_are_missing_and_of_rules_that_nobody_is_under() {
    let lab = Lab::allowing();
    told(lab.run("doctor"), &["ok plugins age-plugin-consigntest is there"]);
    lab.configure("plugins.gone = {}\n[partners.acmee]\nrequire-hardware = true\n");
    told(lab.run("doctor"), &["warn plugins age-plugin-gone is not there", "has rules for acmee, and no partner"]);
    lab.configure("[policy]\nx = 1\n");
    told(lab.run("doctor"), &["FAIL", "config.toml, line 2"]);
    assert_eq!(lab.log(), "");
}

mod demands {
    use super::*;

    /// Northwind and Acme know each other. Northwind has packed for Acme, who has not opened it.
    fn firms() -> Lab {
        let lab = Lab::new();
        lab.desk.new_firm("acme", "Acme Dev Oy");
        lab.desk.run("north", "partner add acme.card --unchecked").ok();
        lab.desk.run("acme", "partner add north.card --as north --unchecked").ok();
        lab
    }

    fn configure(lab: &Lab, firm: &str, text: &str) {
        fs::write(lab.desk.home(firm).join("config.toml"), text).unwrap();
    }

    #[test]
    fn a_software_key_gets_nothing_where_hardware_is_demanded() {
        let lab = firms();
        configure(&lab, "north", "[partners.acme]\nrequire-hardware = true\n");
        let refused = lab.desk.run("north", "pack tree --to acme").fails(6, "not-hardware");
        told(
            refused,
            &["a key of acme", "age1", "`require-hardware = true` under [partners.acme]", "nothing was packed"],
        );
        configure(&lab, "north", "[policy]\nrequire-hardware = true\n");
        told(lab.desk.run("north", "pack tree --to acme").fails(6, "not-hardware"), &["[policy]"]);
        lab.desk.run("north", "pack tree --to acme -n").fails(6, "not-hardware");
        // An exception for one partner leaves one's own key.
        configure(&lab, "north", "[policy]\nrequire-hardware = true\n[partners.acme]\nrequire-hardware = false\n");
        told(lab.desk.run("north", "pack tree --to acme").fails(6, "not-hardware"), &["a key of you", "[policy]"]);
    }

    #[test]
    fn a_software_key_signs_nothing_where_hardware_is_demanded() {
        let lab = firms();
        let hardware = "[plugins.consigntest]\nhardware = true\n[partners.acme]\nrequire-hardware = true\n";
        let key = lab.key("k.id", "plain", "plain");
        let card = card_with(&lab, &[&key.recipient]);
        lab.desk.run("north", "partner remove acme").ok();
        lab.desk.run("north", &format!("partner add {card} --as acme --unchecked")).ok();
        configure(&lab, "north", hardware);
        let refused = lab.run("pack tree --to acme").fails(6, "not-hardware");
        told(
            refused,
            &["a key of you signs, and is not a hardware key", "SHA256:", "[partners.acme]", "nothing was packed"],
        );
        assert!(!lab.desk.names("").iter().any(|name| name.ends_with(".consign")));
        // The same plugin, which nobody calls hardware.
        configure(&lab, "north", &hardware.replace("hardware = true\n[p", "[p"));
        told(lab.run("pack tree --to acme").fails(6, "not-hardware"), &["age1consigntest1"]);
    }

    #[test]
    fn what_a_software_key_signed_is_not_taken_where_hardware_is_demanded() {
        let lab = firms();
        lab.desk.run("north", "pack tree --to acme -o b.consign").ok();
        configure(&lab, "acme", "[partners.north]\nrequire-hardware = true\n");
        for line in ["verify b.consign", "list b.consign", "cat b.consign README.md", "unpack b.consign"] {
            let refused = lab.desk.run("acme", line);
            assert_eq!(refused.code, 6, "{line}: {}{}", refused.out, refused.err);
            let flat = format!("{}{}", refused.out, refused.err).replace("\n  ", " ");
            assert!(flat.contains("not-hardware") && flat.contains("[partners.north]"), "{line}: {flat}");
        }
        assert!(!lab.desk.names("").iter().any(|name| name == "b"));
        lab.desk.run("acme", "inspect b.consign").ok();
        let exception = "[policy]\nrequire-hardware = true\n[partners.north]\nrequire-hardware = false\n";
        configure(&lab, "acme", exception);
        lab.desk.run("acme", "list b.consign").ok();
        // A stranger who calls itself by a partner's name has no exception.
        lab.desk.new_firm("other", "north");
        lab.desk.run("other", "partner add acme.card --unchecked").ok();
        lab.desk.run("other", "pack tree --to acme -o o.consign").ok();
        told(lab.desk.run("acme", "list o.consign --signer other.card").fails(6, "not-hardware"), &["[policy]"]);
    }

    /// The classical recipient string on a firm's card.
    fn classical(lab: &Lab, card: &str) -> String {
        let text = fs::read_to_string(lab.desk.path(card)).unwrap();
        let at = text.find("\"age1").unwrap() + 1;
        text[at..].split('"').next().unwrap().to_owned()
    }

    #[test]
    fn a_bundle_with_a_classical_key_is_neither_made_nor_taken_where_post_quantum_is_demanded() {
        let lab = firms();
        let key = classical(&lab, "acme.card");
        lab.desk.run("north", &format!("pack tree -r {key} -o b.consign")).ok();
        lab.desk.run("north", "pack tree --to acme -o quantum.consign").ok();
        let demand = "require-post-quantum = true\n";
        configure(&lab, "north", &format!("[partners.acme]\n{demand}"));
        lab.desk.run("north", "pack tree --to acme -o d.consign").ok();
        // Somebody else's classical key opens all of it.
        let refused = lab.desk.run("north", &format!("pack tree --to acme -r {key} -o c.consign"));
        let wanted = "is not a post-quantum key, as `require-post-quantum = true` under [partners.acme]";
        told(refused.fails(6, "not-post-quantum"), &["a key of", wanted, "nothing was packed"]);
        assert!(!lab.desk.path("c.consign").exists());
        configure(&lab, "acme", &format!("[policy]\n{demand}"));
        for line in ["list b.consign", "verify b.consign", "cat b.consign README.md", "unpack b.consign"] {
            let refused = lab.desk.run("acme", line);
            assert_eq!(refused.code, 6, "{line}: {}{}", refused.out, refused.err);
            told(refused, &["not-post-quantum", "[policy]"]);
        }
        for line in ["list quantum.consign", "verify quantum.consign", "unpack quantum.consign"] {
            lab.desk.run("acme", line).ok();
        }
    }

    #[test]
    fn a_post_quantum_key_in_software_does_not_stand_in_for_a_hardware_key() {
        let lab = firms();
        let key = lab.key("k.id", "plain", "plain");
        let quantum = fs::read_to_string(lab.desk.path("acme.card")).unwrap();
        let at = quantum.find("age1pq1").unwrap();
        let quantum = quantum[at..].split('"').next().unwrap();
        let card = card_with(&lab, &[&key.recipient, quantum]);
        lab.desk.run("north", &format!("partner add {card} --as birch --unchecked")).ok();
        configure(&lab, "north", "[plugins.consigntest]\nhardware = true\n[partners.birch]\nrequire-hardware = true\n");
        // Its keys pass, and then it is the signer's turn.
        told(lab.run("pack tree --to birch").fails(6, "not-hardware"), &["a key of you signs"]);
        configure(&lab, "north", "[partners.birch]\nrequire-hardware = true\n");
        told(lab.run("pack tree --to birch").fails(6, "not-hardware"), &["a key of birch is not"]);
    }
}
