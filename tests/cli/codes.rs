//! Every exit code that can be reached has a case; every error has its word, says what was not done, and is the same in
//! JSON.

use std::fs;

use crate::desk::{Desk, Ran, members};

fn bundle(desk: &Desk) -> Vec<u8> {
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    fs::read(desk.path("acme-0001.consign")).unwrap()
}

#[test]
fn code_0_and_1_done_and_failed() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    desk.run("acme", "verify acme-0001.consign").ok();
    desk.run("acme", "verify nowhere.consign").fails(1, "io");
    desk.run("north", "pack tree --to acme -o acme-0001.consign").fails(1, "exists");
    desk.run("north", "pack nowhere --to acme").fails(1, "io").says("nothing was packed");
    desk.run("north", "key new --name X").fails(1, "key-exists");
}

#[test]
fn code_2_usage() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree").fails(2, "no-recipient");
    desk.run("north", "pack tree --to nobody").fails(2, "no-partner");
    desk.run("north", "pack tree -r age1nonsense").fails(2, "bad-recipient");
    desk.run("north", "pack tree --to acme --expires yesterday").fails(2, "bad-value");
    desk.run("north", "verify").fails(2, "usage");
    desk.run("north", "encrypt tree").fails(2, "usage").says("consign pack");
    desk.run("north", "--nonsense").fails(2, "usage");
    desk.run("fresh", "pack tree -r age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm").fails(2, "no-key");
}

#[test]
fn code_3_changed_for_every_kind_of_member_and_pad() {
    let desk = Desk::with_firms();
    let whole = bundle(&desk);
    let mut places: Vec<(String, usize)> = Vec::new();
    for (name, data, size) in members(&whole) {
        places.push((format!("{name} header"), data - 400));
        places.push((format!("{name} data"), data + size / 2));
        if size % 512 != 0 {
            places.push((format!("{name} padding"), data + size));
        }
    }
    places.push(("the end".into(), whole.len() - 1));
    for (what, at) in places {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        desk.write("changed.consign", &changed);
        let ran = desk.run("acme", "verify changed.consign");
        assert!(ran.code == 3 || (ran.code == 10 && what.contains("README")), "{what}: {} {}", ran.code, ran.out);
        let ran = desk.run("acme", "unpack changed.consign -o out");
        assert_ne!(ran.code, 0, "{what}");
        assert!(!crate::desk::exists(&desk.path("out")), "{what}");
    }
    for cut in [10, 600, 5000, whole.len() / 2, whole.len() - 2048, whole.len() - 1] {
        desk.write("cut.consign", &whole[..cut]);
        let ran = desk.run("acme", "verify cut.consign");
        assert_eq!(ran.code, 3, "cut at {cut}: {}", ran.out);
    }
    desk.write("cut.consign", &whole[..whole.len() - 1]);
    desk.run("acme", "verify cut.consign").fails(3, "cut-short");
    desk.write("text.consign", "hello");
    desk.run("acme", "verify text.consign").fails(3, "not-a-bundle");
    desk.run("acme", "verify acme-0001.txt").fails(3, "not-a-bundle");
    desk.write("mail.consign", [&b"\xff\xfe"[..], &whole[..100]].concat());
    desk.run("acme", "verify mail.consign").fails(3, "not-a-bundle").says("PowerShell");
}

#[test]
fn code_3_for_the_fields_of_an_sshsig() {
    use consign::format::envelope::NAMESPACE;
    let desk = Desk::with_firms();
    let whole = bundle(&desk);
    let (_, data, size) = members(&whole).into_iter().find(|(n, ..)| n == "envelope.json.sig").unwrap();
    let armour = String::from_utf8(whole[data..data + size].to_vec()).unwrap();
    let inner: String = armour.lines().filter(|l| !l.starts_with("-----")).collect();
    let raw = base64(&inner);
    assert!(armour.contains("BEGIN SSH SIGNATURE") && raw.starts_with(b"SSHSIG"));
    let reserved = raw.windows(NAMESPACE.len()).position(|w| w == NAMESPACE.as_bytes()).unwrap() + NAMESPACE.len();
    // Version 0, version 2, and one reserved byte, each with all lengths sound; the last is tampering by a re-encoder.
    let mut filled = raw.clone();
    filled.splice(reserved..reserved + 4, [0, 0, 0, 1, 7]);
    for (what, bytes) in [("version 0", with(&raw, 9, 0)), ("version 2", with(&raw, 9, 2)), ("reserved", filled)] {
        let forged = spell(&bytes);
        let mut changed = whole[..data - 512].to_vec();
        consign::format::container::push_member(
            &mut changed,
            consign::format::container::Member::Signature(0),
            forged.as_bytes(),
        );
        changed.extend_from_slice(&whole[data + size.div_ceil(512) * 512..]);
        desk.write("forged.consign", &changed);
        let ran = desk.run("acme", "verify forged.consign");
        assert_eq!(ran.code, 3, "{what}: {}", ran.out);
    }
}

fn with(bytes: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = value;
    bytes
}

fn base64(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).unwrap()
}

fn spell(bytes: &[u8]) -> String {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let lines: Vec<&str> = text.as_bytes().chunks(70).map(|c| std::str::from_utf8(c).unwrap()).collect();
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", lines.join("\n"))
}

#[test]
fn code_4_wrong_key() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    desk.new_firm("birch", "Birch");
    desk.run("birch", "partner add north.card --unchecked").ok();
    desk.run("birch", "unpack acme-0001.consign").fails(4, "wrong-key");
    desk.run("birch", "verify --deep acme-0001.consign").fails(4, "wrong-key");
    desk.write("pass", "another passphrase\n");
    desk.run("acme", "list acme-0001.consign").fails(4, "wrong-passphrase");
    desk.write("tree/x", "x");
    desk.run("north", "pack tree -r age1pq1abc").fails(2, "bad-recipient");
}

#[test]
fn code_5_untrusted() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    for verb in ["verify", "unpack", "list"] {
        desk.run("ci", &format!("{verb} acme-0001.consign")).fails(5, "untrusted");
    }
    desk.run("acme", "partner remove northwind").ok();
    desk.run("acme", "verify acme-0001.consign").fails(5, "untrusted");
    let key = std::fs::read_to_string(desk.home("north").join("signing.pub")).unwrap();
    let signers = |options: &str| desk.write("signers", format!("northwind {options} {key}"));
    for (options, code) in [
        ("valid-after=\"20200101Z\",valid-before=\"99990101Z\"", 0),
        ("valid-after=\"99990101Z\"", 5),
        ("valid-before=\"20200101Z\"", 5),
        ("valid-before=\"20200101\"", 5),
        ("valid-after=\"20200101\"", 0),
        ("valid-before=20200101Z", 2),
    ] {
        signers(options);
        assert_eq!(desk.run("ci", "verify --signer signers acme-0001.consign").code, code, "{options}");
    }
}

#[test]
fn code_6_refused() {
    let desk = Desk::with_firms();
    desk.tree();
    let oid = "0".repeat(64);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
    desk.write("tree/model.bin", pointer);
    desk.run("north", "pack tree --to acme").fails(6, "lfs-pointer").says("nothing was packed");
    desk.run("north", "pack tree --to acme -n").fails(6, "lfs-pointer");
    assert!(!desk.names(".").iter().any(|n| n.contains("acme-0001")));
}

#[test]
fn code_8_record() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    desk.run("north", "log verify").ok();
    let ledger = fs::read_dir(desk.home("north").join("ledger"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.extension().is_some_and(|e| e == "jsonl"))
        .unwrap();
    let text = fs::read_to_string(&ledger).unwrap();
    fs::write(&ledger, text.replacen("acme", "acne", 1)).unwrap();
    desk.run("north", "log verify").fails(8, "ledger-broken");
}

#[test]
fn code_9_needs_a_person() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    let ran = desk.command("acme").env_remove("CONSIGN_PASSPHRASE_FILE").args(["list", "acme-0001.consign"]).output();
    Ran::of(ran.unwrap()).fails(9, "needs-passphrase");
    let ran = desk.command("new").env_remove("CONSIGN_PASSPHRASE_FILE").args(["key", "new", "--name", "X"]).output();
    assert_eq!(Ran::of(ran.unwrap()).code, 9);
}

#[test]
fn code_10_unsafe() {
    let desk = Desk::with_firms();
    let mut newer = bundle(&desk);
    newer[512 + 23] = b'7';
    desk.write("newer.consign", &newer);
    desk.run("acme", "verify newer.consign").fails(10, "newer-format");
    for (name, word) in [("aux.txt", "unsafe-name"), ("a:b", "unsafe-name")] {
        desk.write(&format!("odd/{name}"), "x");
        desk.run("north", "pack odd --to acme").fails(10, word);
        desk.run("north", "pack odd --to acme --allow-unportable -n").ok();
        fs::remove_dir_all(desk.path("odd")).unwrap();
    }
    desk.write("odd/Readme", "x");
    desk.write("odd/README", "x");
    desk.run("north", "pack odd --to acme").fails(10, "name-collision");
    fs::remove_dir_all(desk.path("odd")).unwrap();
    desk.write("odd/a", "x");
    std::os::unix::fs::symlink("/etc/passwd", desk.path("odd/out")).unwrap();
    desk.run("north", "pack odd --to acme").fails(10, "unsafe-name").says("absolute");
    fs::remove_file(desk.path("odd/out")).unwrap();
    desk.write("odd/sub/.GIT/config", "x");
    desk.run("north", "pack odd --to acme").fails(10, "unsafe-name");
    fs::remove_dir_all(desk.path("odd/sub")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(desk.path("odd/pipe")).status().unwrap();
    assert!(fifo.success());
    desk.run("north", "pack odd --to acme").fails(10, "special-file");
    assert!(!desk.names(".").iter().any(|n| n.contains("acme-0002")));
}

#[test]
fn the_worst_of_several_bundles_decides() {
    let desk = Desk::with_firms();
    let whole = bundle(&desk);
    desk.write("cut.consign", &whole[..whole.len() - 600]);
    let ran = desk.run("acme", "verify acme-0001.consign nowhere.consign cut.consign");
    assert_eq!(ran.code, 3);
    ran.says("3 checked: 1 ok, 2 failed");
}

#[test]
fn json_has_one_shape_for_results_and_errors() {
    let desk = Desk::with_firms();
    let _bundle = bundle(&desk);
    for (line, code) in [
        ("verify acme-0001.consign --json", 0),
        ("verify nowhere --json", 1),
        ("unpack nowhere --json", 1),
        ("pack tree --json", 2),
        ("key list --json", 0),
        ("partner list --json", 0),
        ("log --json", 0),
        ("inspect acme-0001.consign --json", 0),
        ("list acme-0001.consign --json", 0),
        ("bogus --json", 2),
    ] {
        let ran = desk.run("acme", line);
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
        let value: serde_json::Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{line}: {e}: {}", ran.out));
        assert_eq!(value["schema"], "consign/1", "{line}");
        assert_eq!(value["exit"], code, "{line}");
        assert_eq!(value["ok"], code == 0, "{line}");
        if code != 0 {
            assert!(value["code"].is_string(), "{line}");
        }
        if code != 0 && !line.starts_with("verify") {
            for field in ["message", "fix", "paths"] {
                assert!(value.get(field).is_some(), "{line} lacks {field}");
            }
        }
    }
}
