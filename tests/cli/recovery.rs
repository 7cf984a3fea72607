//! Claims about lost keys: copies as files and on paper, keys that people bring, what both sides do when the only key is
//! gone, and what `doctor` says of all that.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::desk::{Desk, Ran, binary, have};

/// Firms, and a bundle for Acme from before the loss.
fn firms() -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o before.consign").ok();
    desk.write("pass2", "other words\n");
    desk
}

/// The digits of a page, by line.
fn lines(page: &str) -> Vec<String> {
    let numbered = |line: &&str| line.len() > 40 && line.starts_with(|c: char| c.is_ascii_digit());
    page.lines().filter(numbered).map(str::to_owned).collect()
}

fn text(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(name)).unwrap()
}

#[test]
fn a_copy_puts_everything_back_and_partners_have_to_do_nothing() {
    let desk = firms();
    let made = desk.run("acme", "key export -o acme.copy --copy-passphrase-file pass2").ok();
    made.says("locked by its passphrase");
    let copy = text(&desk, "acme.copy");
    assert!(copy.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") && !copy.contains("AGE-SECRET"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(desk.path("acme.copy")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    desk.run("acme", "key export -o acme.copy").fails(1, "exists").says("no copy was made");
    assert_eq!(text(&desk, "acme.copy"), copy);

    let json: serde_json::Value = serde_json::from_str(&desk.run("acme", "key export -o - --json").ok().out).unwrap();
    assert!(json["copy"].as_str().unwrap().starts_with("-----BEGIN AGE"));

    desk.run("new", "key import acme.copy").fails(4, "wrong-passphrase").says("no key was imported");
    desk.run("new", "key import acme.copy --copy-passphrase-file pass2").ok().says("partners have to do nothing");
    let card = |firm: &str| fs::read(desk.home(firm).join("own.card")).unwrap();
    assert_eq!(card("acme"), card("new"));
    desk.run("new", "partner add north.card --as northwind --unchecked").ok();
    desk.run("new", "unpack before.consign -o out").ok();
    desk.run("new", "pack tree -r age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm -o back.consign").ok();
    desk.run("north", "verify back.consign").ok().says("acme");
    desk.run("new", "key list").ok().says("made here");
    // Once more is once too often, and says so.
    desk.run("new", "key import acme.copy --copy-passphrase-file pass2").ok().says("here already");
}

#[test]
fn a_paper_that_was_typed_back_makes_the_next_card_which_partners_take_without_a_call() {
    let desk = firms();
    desk.run("acme", "key export --paper -o page.txt --copy-passphrase-file pass2").ok();
    let typed: Vec<String> = lines(&text(&desk, "page.txt"))
        .iter()
        .map(|line| line.to_lowercase().replace('0', "o").replace('1', "l").replace("  ", " "))
        .collect();
    assert!((16..=20).contains(&typed.len()), "{}", typed.len());
    desk.write("typed", typed.join("\r\n"));
    desk.run("new", "key import typed --copy-passphrase-file pass2").ok().says("number 2, new");
    desk.run("new", "card -o acme2.card").ok();
    desk.run("north", "partner add acme2.card").ok();
    desk.run("north", "pack tree --to acme -o after.consign").ok();
    desk.run("new", "partner add north.card --as northwind --unchecked").ok();
    desk.run("new", "unpack before.consign -o out1").ok();
    desk.run("new", "unpack after.consign -o out2").ok();
    desk.run("new", "doctor").ok().says("older than your keys or your card");

    // With the card that somebody still has, no new one is made.
    desk.run("other", "key import typed --copy-passphrase-file pass2 --card acme.card").ok().says("as it was");
    assert_eq!(fs::read(desk.home("other").join("own.card")).unwrap(), fs::read(desk.path("acme.card")).unwrap());
    desk.run("third", "key import typed --copy-passphrase-file pass2 --card north.card").fails(3, "changed");
}

#[test]
fn a_mistake_on_a_typed_paper_is_named_by_its_line() {
    let desk = firms();
    desk.run("acme", "key export --paper -o page.txt").ok();
    let whole = lines(&text(&desk, "page.txt"));
    let last = whole.len();
    let typed = |lines: &[String]| {
        desk.write("typed", lines.join("\n"));
        desk.run("new", "key import typed")
    };
    let mut wrong = whole.clone();
    let letter = if wrong[2].ends_with('7') { "8" } else { "7" };
    wrong[2].pop();
    wrong[2].push_str(letter);
    typed(&wrong).fails(3, "mistyped").says("line 3").says("no key was imported");
    let mut wrong = whole.clone();
    wrong.remove(6);
    typed(&wrong).fails(3, "mistyped").says("line 7 is mistyped: it is missing");
    typed(&whole[..last - 1]).fails(3, "mistyped").says(&format!("line {last}"));
    let mut wrong = whole.clone();
    let swapped: String = wrong[4].chars().rev().take(3).collect();
    wrong[4].truncate(whole[4].len() - 3);
    wrong[4].push_str(&swapped);
    if wrong != whole {
        typed(&wrong).fails(3, "mistyped").says("line 5");
    }
    assert!(!desk.home("new").join("own.card").exists());
}

/// The code of a page as a picture that any reader takes.
fn picture(html: &str) -> Vec<u8> {
    let svg = html.split("<svg").nth(1).unwrap();
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().unwrap();
    let width = number(svg.split("width=\"").nth(1).unwrap());
    let mut grey = vec![255; width * width];
    for square in svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap().split('M').skip(1) {
        let (x, rest) = square.split_once(' ').unwrap();
        let (y, rest) = rest.split_once('h').unwrap();
        let (w, h) = rest.split_once('v').unwrap();
        let (x, y, w, h) = (number(x), number(y), number(w), number(h));
        (y..y + h).for_each(|row| grey[row * width + x..][..w].fill(0));
    }
    [format!("P5 {width} {width} 255\n").into_bytes(), grey].concat()
}

#[test]
fn a_scanner_reads_the_copy_from_the_page() {
    if !have(&["zbarimg"]) {
        return;
    }
    let desk = firms();
    desk.run("acme", "key export --paper -o page.html --copy-passphrase-file pass2").ok();
    desk.write("code.pgm", picture(&text(&desk, "page.html")));
    let scanned = Ran::of(desk.wrap("acme", "zbarimg").args(["--raw", "-q", "code.pgm"]).output().unwrap()).ok();
    desk.write("scanned", &scanned.out);
    desk.run("new", "key import scanned --copy-passphrase-file pass2").ok().says("number 2, new");
    desk.run("again", "key import page.html --copy-passphrase-file pass2").ok().says("number 2, new");
}

#[test]
fn a_person_types_the_paper_on_a_terminal_and_is_asked_again_for_a_wrong_line() {
    if !have(&["script"]) {
        return;
    }
    let desk = firms();
    desk.run("acme", "key export --paper -o page.txt").ok();
    let whole = lines(&text(&desk, "page.txt"));
    let mut typed = whole.clone();
    typed.insert(1, whole[1].replace(&whole[1][4..8], "0000"));
    let typed: Vec<&str> = typed.iter().map(|line| &line[4..]).collect();
    let mut script = desk.wrap("new", "script");
    let line = format!("'{}' key import --paper", binary());
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", typed.join("\n")).as_bytes()).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    let ran = ran.ok().says("line 2 is mistyped").says("once more").says("keys saved");
    assert_eq!(ran.out.matches("mistyped").count(), 1, "{}", ran.out);
}

#[test]
fn what_is_no_key_or_damaged_is_refused_with_its_class() {
    let desk = firms();
    desk.run("acme", "key export -o acme.copy").ok();
    desk.run("north", "key export -o north.copy").ok();
    let copy = text(&desk, "acme.copy");
    let middle = copy.len() / 2;
    let flipped = if copy.as_bytes()[middle] == b'A' { "B" } else { "A" };
    desk.write("damaged", format!("{}{flipped}{}", &copy[..middle], &copy[middle + 1..]));
    desk.write("cut", &copy[..middle]);
    desk.write("empty", "");
    desk.write("binary", [0, 159, 146, 150]);
    desk.write("public", "age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm\n");
    desk.write("large", vec![b'A'; 10 << 20]);
    desk.write("powershell", b"\xff\xfeA\0G\0E\0");
    fs::copy(desk.home("acme").join("signing.pub"), desk.path("signing.pub")).unwrap();
    for (file, code, word, says) in [
        ("damaged", 3, "changed", "bytes were changed"),
        ("cut", 3, "changed", "bytes were changed"),
        ("empty", 2, "bad-key", "no key in it"),
        ("binary", 2, "bad-key", "not a key file"),
        ("public", 2, "bad-key", "public key"),
        ("signing.pub", 2, "bad-key", "public key"),
        ("acme.card", 2, "bad-key", "partner add"),
        ("before.consign", 2, "bad-key", "consign unpack"),
        ("powershell", 2, "bad-key", "UTF-16"),
        ("large", 10, "too-large", ""),
        ("nowhere", 1, "io", ""),
    ] {
        desk.run("new", &format!("key import {file}")).fails(code, word).says(says).says("no key was imported");
    }
    desk.run("new", "key import").fails(2, "usage");
    desk.run("new", "key import acme.copy north.copy").fails(2, "two-firms");
    desk.run("acme", "key import north.copy").fails(1, "key-exists").says("--add");
    assert!(!desk.home("new").join("own.card").exists());
    // A stream is read once, as one.
    if have(&["bash"]) {
        let mut bash = desk.wrap("new", "bash");
        let ran = bash.args(["-c", &format!("'{}' key import <(cat acme.copy)", binary())]).output().unwrap();
        Ran::of(ran).ok();
    }
}

#[test]
fn keys_that_people_have_open_bundles_from_then_on() {
    if !have(&["ssh-keygen", "age-keygen"]) {
        return;
    }
    let desk = firms();
    let keygen = |name: &str, more: &[&str]| {
        let mut ssh = desk.wrap("acme", "ssh-keygen");
        Ran::of(ssh.args(["-q", "-f", name, "-C", "old laptop"]).args(more).output().unwrap()).ok();
        text(&desk, &format!("{name}.pub"))
    };
    let ed25519 = keygen("id_ed25519", &["-t", "ed25519", "-N", "correct horse"]);
    let rsa = keygen("id_rsa", &["-t", "rsa", "-b", "2048", "-N", ""]);
    keygen("id_ecdsa", &["-t", "ecdsa", "-N", ""]);
    Ran::of(desk.wrap("acme", "age-keygen").args(["-o", "age.txt"]).output().unwrap()).ok();
    let made = text(&desk, "age.txt");
    let public = made.lines().find_map(|l| l.strip_prefix("# public key: ")).unwrap().to_owned();
    desk.write("age.txt", format!("\u{feff}{}", made.replace('\n', "\r\n")));

    let ran = desk.run("acme", "key import age.txt id_ed25519 id_rsa id_ecdsa").ok();
    ran.says("signs only").says("age.txt is not locked").says("id_rsa is not locked");
    desk.run("acme", "key import age.txt id_rsa").ok().says("here already");
    assert_eq!(desk.names("home-acme/ssh"), ["id_ecdsa", "id_ed25519", "id_rsa"]);
    for name in ["id_ecdsa", "id_ed25519", "id_rsa"] {
        let locked = desk
            .wrap("acme", "ssh-keygen")
            .args(["-y", "-P", "", "-f"])
            .arg(desk.home("acme").join("ssh").join(name))
            .output();
        assert!(!locked.unwrap().status.success(), "{name} lies there unlocked");
    }
    for (n, recipient) in [public.as_str(), ed25519.trim(), rsa.trim()].into_iter().enumerate() {
        let recipient = recipient.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let out = format!("to{n}.consign");
        desk.args("north", &["pack", "tree", "-r", &recipient, "--no-self", "-o", &out]).ok();
        desk.run("acme", &format!("unpack {out} -o out{n}")).ok();
    }
    desk.run("acme", "key list").ok().says("age.txt").says("id_rsa").says("none yet");
}

#[test]
fn a_key_of_a_plugin_is_kept_with_its_recipient_and_a_paper_names_it_as_left_out() {
    let desk = firms();
    let (identity, recipient) = (
        "AGE-PLUGIN-YUBIKEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNK08YXA",
        "age1yubikey1qgqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p7wlqp0l",
    );
    desk.write("plug.txt", format!("#       Serial: 1\n#    Recipient: {recipient}\n{identity}\n"));
    desk.run("acme", "key import plug.txt").ok().says(&recipient[..40]);
    desk.run("acme", "key import plug.txt").ok().says("here already");
    desk.run("acme", "key list").ok().says("plug.txt");
    desk.run("acme", "key export --paper -o page.txt").ok().says("not on the paper: a key of an age plugin");
    desk.run("acme", "key export -o acme.copy").ok();
    desk.run("new", "key import acme.copy").ok();
    desk.run("new", "key import plug.txt").ok().says("here already");
    // It hides none of the others.
    desk.run("new", "partner add north.card --unchecked").ok();
    desk.run("new", "unpack before.consign -o out").ok();
}

#[test]
fn a_firm_can_be_made_of_an_ssh_key() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = firms();
    let mut ssh = desk.wrap("new", "ssh-keygen");
    Ran::of(ssh.args(["-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", "id"]).output().unwrap()).ok();
    desk.run("new", "key import id").fails(2, "usage").says("--name");
    desk.args("new", &["key", "import", "id", "--name", "Birch <b@birch.example>"]).ok().says("id is not locked");
    desk.run("new", "card -o birch.card").ok();
    let public = text(&desk, "id.pub");
    assert!(text(&desk, "birch.card").contains(public.split(' ').nth(1).unwrap()));
    desk.run("north", "partner add birch.card --unchecked").ok();
    desk.run("north", "pack tree --to birch -o birch.consign").ok();
    desk.run("new", "partner add north.card --unchecked").ok();
    desk.run("new", "unpack birch.consign").ok();
}

#[test]
fn another_firms_copy_opens_what_was_locked_to_it_when_that_is_asked_for() {
    let desk = firms();
    desk.run("acme", "key export -o acme.copy").ok();
    desk.new_firm("birch", "Birch");
    desk.run("birch", "key import acme.copy --add").ok().says("opens bundles from now on");
    desk.run("birch", "partner add north.card --unchecked").ok();
    desk.run("birch", "unpack before.consign -o out").ok();
    let card = text(&desk, "birch.card");
    assert_eq!(fs::read_to_string(desk.home("birch").join("own.card")).unwrap(), card);
}

#[test]
fn without_a_copy_the_receiver_begins_anew_and_the_sender_sends_again() {
    let desk = firms();
    fs::rename(desk.home("acme"), desk.path("lost")).unwrap();
    fs::remove_file(desk.path("acme.card")).unwrap();
    desk.new_firm("acme", "Acme Dev Oy <ops@acme.example>");
    desk.run("acme", "partner add north.card --as northwind --unchecked").ok();
    desk.run("acme", "unpack before.consign").fails(4, "wrong-key");
    // Anybody could say so: the name is taken until somebody removes it on purpose.
    desk.run("north", "partner add acme.card --unchecked").fails(1, "partner-exists");
    desk.run("north", "partner remove acme").ok();
    desk.run("north", "partner add acme.card --unchecked").ok();
    desk.run("north", "pack tree --to acme -o again.consign").ok();
    desk.run("acme", "unpack again.consign").ok();
    desk.run("north", "log").ok().says("partner acme removed");
}

#[test]
fn without_a_copy_the_sender_begins_anew_and_the_receiver_compares_words_again() {
    let desk = firms();
    fs::rename(desk.home("north"), desk.path("lost")).unwrap();
    fs::rename(desk.path("north.card"), desk.path("old.card")).unwrap();
    desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
    desk.run("north", "partner add acme.card --unchecked").ok();
    desk.run("north", "pack tree --to acme -o again.consign").ok();
    desk.run("acme", "unpack again.consign").fails(5, "untrusted");
    desk.run("acme", "partner add again.consign --as northwind --unchecked").fails(1, "partner-exists");
    // What was signed before stays trusted until then.
    desk.run("acme", "unpack before.consign -o out").ok();
    desk.run("acme", "partner remove northwind").ok();
    desk.run("acme", "partner add again.consign --as northwind --unchecked").ok();
    desk.run("acme", "unpack again.consign").ok();
    desk.run("acme", "unpack before.consign -o out2").fails(5, "untrusted");
    desk.run("acme", "unpack before.consign -o out2 --signer old.card").ok();
}

#[test]
fn doctor_says_what_is_missing_and_what_to_do() {
    let desk = Desk::new();
    desk.run("acme", "doctor").says("FAIL  keys").says("consign key new").fails_with(1);
    assert!(!desk.home("acme").exists(), "it looks only");
    desk.new_firm("acme", "Acme");
    desk.run("acme", "doctor").ok().says("ok    keys").says("warn  copy").says("none was ever made");
    desk.run("acme", "key export -o copy").ok();
    desk.run("acme", "doctor").ok().says("ok    copy");
    desk.run("acme", "key list").ok().says(", file");
    desk.run("acme", "key rotate").ok();
    desk.run("acme", "doctor").ok().says("warn  copy").says("older than your keys or your card");
    let json = desk.run("acme", "doctor --json").ok();
    let told: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let state = |what: &str| {
        let all = told["checks"].as_array().unwrap();
        all.iter().find(|c| c["check"] == what).map(|c| c["state"].as_str().unwrap().to_owned())
    };
    assert_eq!((state("keys").as_deref(), state("copy").as_deref()), (Some("ok"), Some("warn")));

    fs::remove_file(desk.home("acme").join("signing")).unwrap();
    desk.run("acme", "doctor").says("FAIL  keys").says("signing is not there").fails_with(1);
}

#[cfg(unix)]
#[test]
fn doctor_sees_modes_and_a_broken_ledger() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with_firms();
    let open = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(&desk.home("acme"), 0o755);
    open(&desk.home("acme").join("signing"), 0o644);
    let ran = desk.run("acme", "doctor").ok();
    ran.says("chmod 700").says("chmod 600").says("nobody compared the check words of northwind");
    let folder = desk.home("acme").join("ledger");
    let ledger =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let ledger = ledger.unwrap();
    let text = fs::read_to_string(&ledger).unwrap().replacen("key-made", "key-mode", 1);
    fs::write(&ledger, text).unwrap();
    desk.run("acme", "doctor").says("FAIL  ledger").fails_with(1);
}
