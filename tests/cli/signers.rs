//! Partners without a card: SSH keys and lists of signers put on record, exported, asked for and revoked.

use std::fs;
use std::process::{Command, Stdio};

use crate::desk::*;

/// A key pair in the desk's folder, `name` and `name.pub`; returns the fingerprint.
fn ssh_key(desk: &Desk, name: &str, kind: &str, bits: &str) -> String {
    let path = desk.path(name);
    let bits: &[&str] = if bits.is_empty() { &[] } else { &["-b", bits] };
    let mut make = Command::new("ssh-keygen");
    make.args(["-q", "-t", kind, "-N", "", "-C", "a comment"]).args(bits).arg("-f").arg(&path);
    assert!(make.status().unwrap().success());
    let shown = Command::new("ssh-keygen").arg("-lf").arg(&path).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

fn public(desk: &Desk, name: &str) -> String {
    fs::read_to_string(desk.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
}

/// Northwind, who has keys, and Bob, who has SSH keys only.
fn northwind() -> Desk {
    let desk = Desk::new();
    desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
    desk.tree();
    desk
}

/// A bundle that an SSH key signs.
fn signed_by(desk: &Desk, key: &str, bundle: &str) {
    let north = desk.home("north").join("signing.pub");
    desk.write("north.pub", fs::read(north).unwrap());
    desk.run("bob", &format!("pack tree -R north.pub --no-self --sign-with {key} -i bob -o {bundle}")).ok();
}

#[test]
fn only_ssh_keys_that_somebody_compared_go_on_record() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = northwind();
    let print = ssh_key(&desk, "bob", "ed25519", "");
    let ecdsa = ssh_key(&desk, "ecdsa", "ecdsa", "");
    ssh_key(&desk, "short", "rsa", "1024");
    let [bob, second, short] = ["bob", "ecdsa", "short"].map(|name| public(&desk, name));
    desk.write("bob.keys", format!("{bob}\r\n{second}\r\n{short}\r\nno-pty {bob}\r\n\u{1b}[2Jx\r\n{bob}\r\n"));
    let add = "partner add --ssh-keys bob.keys";
    let refused = desk.run("north", add).fails(9, "needs-a-person").says(&print).says(&ecdsa);
    for why in ["line 2, ecdsa-sha2-nistp256: it signs", "line 3, ssh-rsa: an RSA key of less", "options stand before"]
    {
        assert!(refused.err.replace("\n      ", " ").contains(why), "{why}: {}", refused.err);
    }
    assert!(!refused.err.contains('\u{1b}') && refused.err.contains("as in line 1"), "{}", refused.err);
    desk.run("north", &format!("{add} --fingerprint {}", print.replace("SHA256:", "SHA256:x")))
        .fails(5, "words-differ");
    assert!(!exists(&desk.home("north").join("partners/bob.json")));
    desk.run("north", &format!("{add} --fingerprint {print}")).ok().says("1 SSH key, no card").says(&ecdsa);
    desk.run("north", "partner list").ok().says("fingerprints given, and they match");
    desk.run("north", "log").ok().says("partner bob added (fingerprints)");
    // It is locked to, and it signs; the key that nobody compared does not.
    desk.run("north", "pack tree --to bob").ok().says("to bob (1 key) and to you");
    desk.run("bob", "unpack bob-0001.consign -i bob --signer north.card -o out").ok();
    signed_by(&desk, "bob", "back.consign");
    desk.run("north", "verify back.consign").ok().says("signed by bob");
    signed_by(&desk, "ecdsa", "other.consign");
    desk.run("north", "verify other.consign").fails(5, "untrusted");
    // Words are as good as a fingerprint.
    let shown = desk.run("north", "--json partner show bob").ok();
    assert!(shown.out.contains("\"card\":null") && shown.out.contains(&print), "{}", shown.out);
    desk.run("north", "partner remove bob").ok();
    desk.run("north", "verify back.consign").fails(5, "untrusted");
    let refused = desk.run("north", "verify back.consign");
    let words = refused.out.split("check words  ").nth(1).unwrap().lines().next().unwrap().to_owned();
    desk.args("north", &["partner", "add", "--ssh-keys", "bob.keys", "--as", "robert", "--words", &words]).ok();
    desk.run("north", "verify back.consign").ok().says("signed by robert");
}

#[test]
fn a_list_of_signers_goes_on_record_with_its_limits_and_is_locked_to_nothing() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = northwind();
    ssh_key(&desk, "bob", "ed25519", "");
    let key = public(&desk, "bob");
    signed_by(&desk, "bob", "back.consign");
    for (options, code) in [
        ("", 0),
        ("namespaces=\"git,consign-*\",valid-before=\"99990101Z\"", 0),
        ("valid-before=\"20200101Z\"", 5),
        ("valid-after=\"99990101\"", 5),
        ("cert-authority", 5),
    ] {
        desk.write(
            "list",
            format!("carol bogus {key}\n*@acme.example {options} {key}\neve namespaces=\"git\" {key}\n"),
        );
        let add = "partner add --signers list --principal bob@acme.example --as bob --unchecked";
        desk.run("north", add).ok().says("UNCHECKED").says("the option `bogus`");
        assert_eq!(desk.run("north", "verify back.consign").code, code, "{options}");
        desk.run("north", "pack tree --to bob").fails(2, "signs-only").says("nothing was packed");
        desk.run("north", "inspect back.consign").ok();
        desk.run("north", "partner show bob").ok().says("as *@acme.example");
        desk.run("north", "partner remove bob").ok();
    }
    desk.run("north", "partner add --signers list --principal eve --as eve --unchecked").fails(2, "no-usable-key");
}

#[test]
fn a_card_takes_the_place_of_keys_if_one_of_them_signed_it_and_keys_never_that_of_a_card() {
    let desk = northwind();
    for firm in ["acme", "birch"] {
        desk.new_firm(firm, firm);
        desk.write(&format!("{firm}.keys"), fs::read(desk.home(firm).join("signing.pub")).unwrap());
    }
    desk.run("north", "partner add --ssh-keys acme.keys --unchecked").ok();
    desk.run("north", "partner add acme.card --as other --unchecked").fails(1, "partner-known");
    desk.run("north", "partner add birch.card --as acme --unchecked").fails(1, "partner-exists");
    desk.run("north", "partner add acme.card").fails(9, "needs-a-person");
    desk.run("north", "partner add acme.card --unchecked").ok().says("new card");
    desk.run("north", "partner show acme").ok().says("number 1");
    desk.run("north", "partner add --ssh-keys acme.keys --unchecked").fails(6, "has-card");
    desk.run("acme", "partner add --ssh-keys acme.keys --unchecked").fails(2, "own-card");
}

#[test]
fn keys_that_were_compared_are_replaced_only_by_such() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = northwind();
    let prints = ["one", "two", "three"].map(|name| ssh_key(&desk, name, "ed25519", ""));
    let [one, two, three] = ["one", "two", "three"].map(|name| public(&desk, name));
    let keys = |lines: &[&str]| desk.write("bob.keys", lines.join("\n"));
    keys(&[&one]);
    desk.run("north", "partner add --ssh-keys bob.keys --unchecked").ok();
    desk.run("north", "partner add --ssh-keys bob.keys --unchecked").ok().says("on record");
    keys(&[&one, &two]);
    desk.run("north", "partner add --ssh-keys bob.keys --unchecked").ok().says("other keys");
    let both = format!("--fingerprint {} --fingerprint {}", prints[0], prints[1]);
    desk.run("north", &format!("partner add --ssh-keys bob.keys {both}")).ok().says("now checked");
    keys(&[&one, &three]);
    desk.run("north", "partner add --ssh-keys bob.keys --unchecked").fails(6, "keys-differ");
    let both = format!("--fingerprint {} --fingerprint {}", prints[0], prints[2]);
    desk.run("north", &format!("partner add --ssh-keys bob.keys {both}")).ok().says("other keys");
    keys(&[&two]);
    desk.run("north", &format!("partner add --ssh-keys bob.keys --fingerprint {}", prints[1]))
        .fails(1, "partner-exists");
}

#[test]
fn an_exported_list_lets_ssh_keygen_accept_what_is_accepted_here() {
    if !have(&["ssh-keygen", "tar"]) {
        return;
    }
    let desk = northwind();
    ssh_key(&desk, "bob", "ed25519", "");
    ssh_key(&desk, "late", "ecdsa", "");
    desk.new_firm("acme", "Acme \"x\" # Oy <north@northwind.example>");
    desk.run("north", "partner add acme.card --as acme --unchecked").ok();
    desk.run("acme", "key renew --expires 2035-01-01").ok();
    desk.run("acme", "card -o acme.card --force").ok();
    desk.run("north", "partner add acme.card").ok();
    // Bob's list would have the name of others for his key.
    desk.write("list", format!("acme,*,bob {}\n", public(&desk, "bob")));
    desk.run("north", "partner add --signers list --as bob --unchecked").ok();
    desk.write("list", format!("late valid-before=\"20200101Z\" {}\n", public(&desk, "late")));
    desk.run("north", "partner add --signers list --as late --unchecked").ok();
    desk.run("north", "partner export -o allowed").ok().says("4 lines");
    desk.run("north", "partner export -o allowed").fails(1, "exists").says("no list was written");
    let list = fs::read_to_string(desk.path("allowed")).unwrap();
    assert_eq!(desk.run("north", "partner export").ok().out, list);
    assert_eq!(desk.run("north", "partner export bob").ok().out.lines().count(), 1);
    desk.run("north", "partner export nobody").fails(2, "no-partner");
    desk.run("bob", "partner export").fails(2, "nobody");
    assert!(list.contains("valid-before=\"20350101235958Z\""), "{list}");
    assert!(list.lines().all(|l| l.contains("namespaces=\"consign-*\"")) && !list.contains("northwind"), "{list}");
    desk.run("acme", "partner add north.card --unchecked").ok();
    desk.run("acme", "pack tree --to northwind -o acme.consign").ok();
    desk.run("north", "pack tree --to acme -o you.consign").ok();
    signed_by(&desk, "bob", "bob.consign");
    signed_by(&desk, "late", "late.consign");
    for by in ["acme", "you", "bob", "late"] {
        let here = desk.run("north", &format!("verify {by}.consign")).code == 0;
        assert_eq!(here, by != "late");
        let folder = desk.path(&format!("{by}-parts"));
        fs::create_dir(&folder).unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xf").arg(desk.path(&format!("{by}.consign"))).args(["envelope.json", "envelope.json.sig"]);
        assert!(tar.current_dir(&folder).status().unwrap().success());
        for asked in ["acme", "you", "bob", "late", "north@northwind.example"] {
            let mut judge = Command::new("ssh-keygen");
            judge.args(["-Y", "verify", "-f", "../allowed", "-I", asked, "-n", "consign-bundle-v1"]);
            judge.args(["-s", "envelope.json.sig"]).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
            let message = fs::File::open(folder.join("envelope.json")).unwrap();
            assert_eq!(judge.stdin(message).status().unwrap().success(), here && asked == by, "{by} as {asked}");
            let ours = desk.run("north", &format!("verify {by}.consign --principal {asked}")).code;
            assert_eq!(ours == 0, here && asked == by, "{by} as {asked}");
        }
    }
}

#[test]
fn whoever_is_asked_for_must_have_signed_and_a_revoked_key_is_trusted_nowhere() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = northwind();
    ssh_key(&desk, "bob", "ed25519", "");
    let key = public(&desk, "bob");
    signed_by(&desk, "bob", "back.consign");
    desk.write("list", format!("bob,*@acme.example {key}\n"));
    let verify = "verify back.consign --signer list";
    desk.run("ci", verify).ok();
    for asked in ["bob", "x@acme.example"] {
        desk.run("ci", &format!("{verify} --principal eve --principal {asked}")).ok().says(asked);
    }
    desk.run("ci", &format!("{verify} --principal eve")).fails(5, "untrusted").says("not signed by eve");
    desk.run("ci", "verify back.consign --signer bob.pub --principal bob").fails(5, "untrusted");
    desk.run("north", "partner add --ssh-keys bob.pub --as bob --unchecked").ok();
    assert!(
        Command::new("ssh-keygen")
            .args(["-q", "-k", "-f"])
            .arg(desk.path("krl"))
            .arg(desk.path("bob.pub"))
            .status()
            .unwrap()
            .success()
    );
    for list in ["bob.pub", "krl"] {
        desk.run("north", &format!("verify back.consign --revoked {list}")).fails(5, "revoked");
        desk.run("north", &format!("unpack back.consign --revoked {list}")).fails(5, "revoked");
        desk.run("north", &format!("inspect back.consign --revoked {list}")).ok().says("REVOKED");
        desk.run("ci", &format!("{verify} --revoked {list}")).fails(5, "revoked");
    }
    desk.write("bad", format!("{key}\nbogus\n"));
    desk.run("north", "verify back.consign --revoked bad").fails(2, "bad-revoked-file").says("not a public key");
    desk.run("north", "verify back.consign --revoked north.pub").ok();
}

#[test]
fn files_of_keys_may_hold_anything_at_all() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = northwind();
    ssh_key(&desk, "bob", "ed25519", "");
    ssh_key(&desk, "ecdsa", "ecdsa", "");
    let key = public(&desk, "bob");
    signed_by(&desk, "bob", "back.consign");
    let long = "x".repeat(1 << 20);
    let junk = format!("\u{feff}{key}\r\n{long}\n\0\n\u{1b}[2J\u{202e}\n{key} \0\n");
    let hostile: [(&str, Vec<u8>); 4] = [
        ("junk", [junk.as_bytes(), b"\xff\xfe\n", key.as_bytes()].concat()),
        ("many", format!("{key}\n").repeat(10_000).into()),
        ("none", vec![0; 100_000]),
        ("lines", "ssh-rsa AAAA\n".repeat(10_000).into()),
    ];
    for (name, bytes) in hostile {
        desk.write(name, bytes);
        let usable = matches!(name, "junk" | "many");
        let runs = [
            desk.run("north", &format!("partner add --ssh-keys {name} --as a{name} --unchecked")),
            desk.run("ci", &format!("verify back.consign --signer {name}")),
            desk.run("north", &format!("pack tree -R {name} -o {name}.consign")),
            desk.run("ci", &format!("partner add --signers {name} --as b{name} --unchecked")),
        ];
        for (n, ran) in runs.into_iter().enumerate() {
            // A recipient that is no SSH key at all may be a slip, so nothing is packed.
            let packs = n == 2 && name != "many";
            assert_eq!(ran.code == 0, usable && !packs, "{name} {n}: {}{}", ran.out, ran.err);
            let told = format!("{}{}", ran.out, ran.err);
            assert!(!told.contains(['\u{1b}', '\u{202e}', '\0']) && told.len() < 6000, "{name} {n}: {told}");
            assert!(!told.contains("panicked"), "{name} {n}");
        }
        if usable {
            desk.run("north", &format!("partner remove a{name}")).ok();
            desk.run("ci", &format!("partner remove b{name}")).ok();
        }
    }
    // What age can't lock to is passed over by name, unless there is nothing else.
    desk.write("to", format!("{}\n{key}\n", public(&desk, "ecdsa")));
    desk.run("north", "pack tree -R to -o to.consign").ok().says("to, line 1, ecdsa-sha2-nistp256");
    desk.run("north", "pack tree -R ecdsa.pub -o x.consign").fails(2, "bad-recipient").says("line 1, ecdsa");
}
