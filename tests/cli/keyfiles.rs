//! Claims about key files as people have them: from Windows, with more than one key, with something else between, for
//! all to read, through pipes; and about passphrases of every kind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::desk::{Desk, Ran, have};

fn run(program: &str, args: &[&str], desk: &Desk) {
    let status = Command::new(program).args(args).current_dir(desk.dir.path()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{program} {args:?}");
}

/// A bundle from north to the keys `age`, `ssh`, `locked` and `rsa`, which are files of those names. The passphrase of
/// `locked` is that of every key at the desk.
fn addressed() -> Desk {
    let desk = Desk::new();
    desk.new_firm("north", "Northwind");
    desk.run("nobody", "partner add north.card --unchecked").ok();
    desk.tree();
    for (name, kind, lock) in [("ssh", "ed25519", ""), ("locked", "ed25519", "correct horse"), ("rsa", "rsa", "")] {
        run("ssh-keygen", &["-q", "-t", kind, "-N", lock, "-C", name, "-f", name], &desk);
    }
    run("age-keygen", &["-o", "age"], &desk);
    let text = fs::read_to_string(desk.path("age")).unwrap();
    let recipient = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap();
    let line = format!("pack tree -r {recipient} -R ssh.pub -R locked.pub -R rsa.pub -o b.consign");
    desk.run("north", &line).ok();
    desk
}

/// The bundle is opened with a key file of these bytes.
fn opened_with(desk: &Desk, bytes: &[u8]) -> Ran {
    fs::write(desk.path("key"), bytes).unwrap();
    fs::set_permissions(desk.path("key"), fs::Permissions::from_mode(0o600)).unwrap();
    desk.run("nobody", "list b.consign -i key")
}

#[test]
fn key_files_from_windows_and_without_a_last_line_end_are_read() {
    if !have(&["age-keygen", "ssh-keygen"]) {
        return;
    }
    let desk = addressed();
    for name in ["age", "ssh", "locked", "rsa"] {
        let text = fs::read_to_string(desk.path(name)).unwrap();
        let crlf = text.replace('\n', "\r\n");
        let forms = [
            ("as it is", text.clone()),
            ("CRLF", crlf.clone()),
            ("a byte-order mark", format!("\u{feff}{text}")),
            ("both", format!("\u{feff}{crlf}")),
            ("no last line end", text.trim_end().to_owned()),
            ("empty lines around", format!("\n\n{text}\n\n")),
        ];
        for (form, text) in forms {
            let ran = opened_with(&desk, text.as_bytes());
            assert_eq!(ran.code, 0, "{name}, {form}: {}", ran.err);
            assert!(ran.out.contains("src/main.c") && ran.err.is_empty(), "{name}, {form}: {}", ran.err);
            if ["ssh", "locked"].contains(&name) {
                desk.run("north", "pack tree -R ssh.pub --sign-with key -o signed.consign --force").ok();
            }
        }
        let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        opened_with(&desk, &wide).fails(2, "bad-key").says("UTF-16");
    }
}

#[test]
fn two_keys_in_a_file_are_two_and_anything_else_in_it_is_named_with_its_line() {
    if !have(&["age-keygen", "ssh-keygen"]) {
        return;
    }
    let desk = addressed();
    run("age-keygen", &["-o", "other"], &desk);
    let read = |name: &str| fs::read_to_string(desk.path(name)).unwrap();
    let (age, other, ssh) = (read("age"), read("other"), read("ssh"));
    opened_with(&desk, format!("{other}{age}").as_bytes()).ok();
    opened_with(&desk, format!("{age}{other}").as_bytes()).ok();
    opened_with(&desk, format!("{age}\njunk\n{other}").as_bytes()).fails(2, "bad-key").says("line 5");
    opened_with(&desk, format!("{age}{ssh}").as_bytes()).fails(2, "bad-key").says("line 4");
    opened_with(&desk, format!("{ssh}{age}").as_bytes()).fails(2, "bad-key");
    opened_with(&desk, read("ssh.pub").as_bytes()).fails(2, "bad-key").says("public key");
    opened_with(&desk, b"").fails(2, "bad-key").says("no key");
    opened_with(&desk, b"# nothing\r\n").fails(2, "bad-key").says("no key");
    opened_with(&desk, &[b'A'; 70_000]).fails(10, "too-large");
    let cut = &ssh.as_bytes()[..ssh.len() / 2];
    opened_with(&desk, cut).fails(2, "bad-key");
    // No part of a key is ever repeated in what is said of it.
    let secret = age.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    let mistyped = opened_with(&desk, format!("{secret}X\n").as_bytes()).fails(2, "bad-key");
    assert!(!mistyped.err.contains(&secret[..30]), "{}", mistyped.err);
}

#[test]
fn a_key_comes_through_a_pipe_a_fifo_standard_input_or_a_variable_and_is_read_once() {
    if !have(&["age-keygen", "ssh-keygen", "bash", "mkfifo"]) {
        return;
    }
    let desk = addressed();
    let consign = crate::desk::binary();
    let piped = desk.wrap("nobody", "bash").args(["-c", &format!("{consign} list b.consign -i <(cat age)")]).output();
    Ran::of(piped.unwrap()).ok().says("src/main.c");
    run("mkfifo", &["fifo"], &desk);
    let writer = Command::new("sh").args(["-c", "cat age > fifo"]).current_dir(desk.dir.path()).spawn();
    desk.run("nobody", "unpack b.consign -i fifo -o got").ok();
    writer.unwrap().wait().unwrap();
    let stdin = fs::File::open(desk.path("age")).unwrap();
    Ran::of(desk.command("nobody").args(["list", "b.consign", "-i", "-"]).stdin(stdin).output().unwrap()).ok();
    for text in [fs::read_to_string(desk.path("age")).unwrap(), fs::read_to_string(desk.path("ssh")).unwrap()] {
        let given = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        let mut command = desk.command("nobody");
        Ran::of(command.args(["list", "b.consign"]).env("CONSIGN_IDENTITY_DATA", given).output().unwrap()).ok();
    }
}

#[test]
fn a_key_file_or_a_home_that_others_can_read_is_used_and_named() {
    if !have(&["age-keygen", "ssh-keygen"]) {
        return;
    }
    let desk = addressed();
    let open = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o666] {
        open(&desk.path("age"), mode);
        desk.run("nobody", "list b.consign -i age").ok().says("chmod 600 age");
    }
    assert!(!desk.run("nobody", "list b.consign -i age -q").ok().err.contains("chmod"));
    open(&desk.path("age"), 0o400);
    assert!(!desk.run("nobody", "list b.consign -i age").ok().err.contains("chmod"));

    let home = desk.home("north");
    let quiet = |what: &str| {
        let ran = desk.run("north", "list b.consign").ok();
        assert!(!ran.err.contains("chmod"), "{what}: {}", ran.err);
    };
    quiet("as it was made");
    open(&home.join("identity.age"), 0o644);
    desk.run("north", "list b.consign").ok().says("chmod 600").says("identity.age");
    // What nobody else can reach, nobody else can read; but others in the folder can put another key there.
    open(&home.join("identity.age"), 0o600);
    open(&home, 0o770);
    desk.run("north", "list b.consign").ok().says("chmod 700");
    open(&home, 0o700);
    quiet("mended");
}

/// A new firm whose passphrase is given as these bytes, and opens its own bundle with it.
fn firm_with(bytes: &[u8]) -> (Desk, Ran) {
    let desk = Desk::new();
    fs::write(desk.path("pass"), bytes).unwrap();
    let made = desk.args("north", &["key", "new", "--name", "Northwind"]);
    (desk, made)
}

#[test]
fn passphrases_of_every_kind_lock_and_unlock() {
    let long = "long pass ".repeat(1024);
    let all = ["with  two spaces", " ", "käse", "ka\u{308}se", "密码🔑", "tab\tin it", "\"quotes'$`\\", &long];
    for word in all {
        let (desk, made) = firm_with(word.as_bytes());
        made.ok();
        desk.tree();
        desk.run("north", "card -o north.card").ok();
        desk.run("north", "pack tree -R home-north/signing.pub -o b.consign").ok();
        desk.run("north", "list b.consign").ok();
        // With one line end, and a byte-order mark, it is the same one.
        fs::write(desk.path("pass"), format!("\u{feff}{word}\r\n")).unwrap();
        desk.run("north", "list b.consign").ok();
        for other in [word.trim_end().to_owned() + "x", format!(" {word}")] {
            fs::write(desk.path("pass"), other).unwrap();
            desk.run("north", "list b.consign").fails(4, "wrong-passphrase");
        }
        // The stock tool takes it as well. (age asks on a terminal only.)
        if have(&["ssh-keygen"]) && word.len() < 1000 {
            let mut stock = Command::new("ssh-keygen");
            stock.args(["-y", "-P", word, "-f"]).arg(desk.home("north").join("signing"));
            Ran::of(stock.stdin(Stdio::null()).output().unwrap()).ok().says("ssh-ed25519 ");
        }
    }
}

#[test]
fn two_spellings_of_an_accent_are_two_passphrases() {
    let (desk, made) = firm_with("käse".as_bytes());
    made.ok();
    fs::write(desk.path("pass"), "ka\u{308}se").unwrap();
    desk.tree();
    desk.run("north", "pack tree -R home-north/signing.pub -o b.consign").fails(4, "wrong-passphrase");
}

#[test]
fn a_passphrase_that_could_not_be_given_again_is_refused_for_a_new_key() {
    let cases: [(&[u8], i32, &str, &str); 7] = [
        (b"", 1, "failed", "empty"),
        (b"\n", 1, "failed", "empty"),
        (b"nul\0inside", 2, "usage", "NUL"),
        (b"two\nlines", 2, "usage", "line break"),
        (b"caf\xe9", 2, "usage", "UTF-8"),
        (b"\xff\xfep\0w\0", 1, "failed", "UTF-16"),
        (&[b'x'; 70_000], 1, "failed", "more than"),
    ];
    for (bytes, code, word, says) in cases {
        let (desk, made) = firm_with(bytes);
        made.fails(code, word).says(says);
        assert!(!desk.home("north").join("identity.age").exists());
    }
}

#[test]
fn a_machine_gets_a_passphrase_in_a_new_file_or_gives_one_and_is_never_asked() {
    let desk = Desk::new();
    let bare = |args: &[&str]| {
        let mut command = desk.command("ci");
        command.env_remove("CONSIGN_PASSPHRASE_FILE").env_remove("CONSIGN_NO_KEYRING");
        Ran::of(command.args(args).output().unwrap())
    };
    let new = ["key", "new", "--ci", "--name", "Acme CI"];
    bare(&new).fails(9, "needs-passphrase").says("--passphrase-file");
    bare(&["key", "new", "--ci"]).fails(2, "usage").says("--name");
    bare(&["key", "new", "--name", "Acme", "--passphrase-file", "x"]).fails(2, "usage");
    fs::write(desk.path("there"), "mine").unwrap();
    bare(&[&new[..], &["--passphrase-file", "there"]].concat()).fails(1, "exists");
    assert_eq!(fs::read(desk.path("there")).unwrap(), b"mine");
    assert!(!desk.home("ci").join("identity.age").exists());

    let made = bare(&[&new[..], &["--passphrase-file", "secret"]].concat()).ok().says("secret store");
    let secret = fs::read_to_string(desk.path("secret")).unwrap();
    assert_eq!((secret.len(), secret.trim_end().len()), (65, 64));
    assert!(!made.out.contains(secret.trim()) && !made.err.contains(secret.trim()));
    assert_eq!(fs::metadata(desk.path("secret")).unwrap().permissions().mode() & 0o777, 0o600);
    desk.tree();
    let mut pack = desk.command("ci");
    pack.env("CONSIGN_PASSPHRASE_FILE", desk.path("secret"));
    Ran::of(pack.args(["pack", "tree", "-R", "home-ci/signing.pub", "-o", "b.consign"]).output().unwrap()).ok();
    // A home that has keys leaves no passphrase behind that opens nothing.
    bare(&[&new[..], &["--passphrase-file", "again"]].concat()).fails(1, "key-exists");
    assert!(!desk.path("again").exists());
    desk.args("other", &[&new[..], &["--passphrase-file", "x"]].concat()).fails(2, "usage");
    desk.args("other", &new).ok();
}

#[test]
fn a_passphrase_is_changed_by_a_machine_in_all_files_or_in_none() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme -o b.consign").ok();
    desk.write("new", "another one\n");
    desk.run("acme", "key passphrase").fails(9, "needs-passphrase").says("--new-passphrase-file");
    desk.write("wrong", "wrong\n");
    let mut wrong = desk.command("acme");
    wrong.env("CONSIGN_PASSPHRASE_FILE", desk.path("wrong"));
    let wrong = Ran::of(wrong.args(["key", "passphrase", "--new-passphrase-file", "new"]).output().unwrap());
    wrong.fails(4, "wrong-passphrase");
    desk.run("acme", "key passphrase --new-passphrase-file pass").fails(2, "usage");
    desk.run("acme", "list b.consign").ok();

    let json = desk.run("acme", "key passphrase --new-passphrase-file new --json").ok().out;
    assert!(json.contains(r#""files":["identity.age","signing"]"#), "{json}");
    assert!(json.contains(r#""keyring":"not-kept""#), "{json}");
    desk.run("acme", "list b.consign").fails(4, "wrong-passphrase");
    fs::rename(desk.path("new"), desk.path("pass")).unwrap();
    desk.run("acme", "list b.consign").ok();
    desk.run("acme", "pack tree --to northwind -o c.consign").ok();
    let left: Vec<_> = desk.names("home-acme").into_iter().filter(|name| name.ends_with(".next")).collect();
    assert!(left.is_empty(), "{left:?}");
    desk.run("nobody", "key passphrase").fails(2, "no-key");
}

#[test]
fn a_change_that_was_killed_is_finished_or_undone_by_the_next_run() {
    let desk = Desk::with_firms();
    desk.tree();
    let home = desk.home("acme");
    let old = fs::read(home.join("identity.age")).unwrap();
    // Staged, and killed before it happened.
    fs::write(home.join("identity.age.next"), "half").unwrap();
    fs::write(home.join("signing.next"), "half").unwrap();
    desk.run("acme", "pack tree --to northwind -o a.consign").ok();
    assert_eq!(fs::read(home.join("identity.age")).unwrap(), old);
    // It happened, and was killed before the rest followed.
    let signing = fs::read(home.join("signing")).unwrap();
    fs::write(home.join("signing.next"), &signing).unwrap();
    fs::write(home.join("signing"), "old").unwrap();
    desk.run("acme", "pack tree --to northwind -o b.consign").ok();
    assert!(!desk.names("home-acme").iter().any(|name| name.ends_with(".next")));
}
