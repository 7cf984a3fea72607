//! The second implementation as judge: `tests/second`, a reader and a writer in Python that were made from FORMAT.md
//! alone. What one makes the other opens, and what one refuses the other refuses with the same code.

#[path = "cli/desk.rs"]
mod desk;
mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use desk::{Desk, Ran, members};
use support::judge::{judge, python};
use support::{tools, tree_of};

/// A folder with keys that the second implementation made: `a` sends, `b` receives.
fn desk() -> Desk {
    let desk = Desk::new();
    for who in ["a", "b"] {
        second(&desk, &["keys", who, "--name", &format!("{who} Oy <{who}@example.org>")]).ok();
    }
    desk
}

fn second(desk: &Desk, args: &[&str]) -> Ran {
    let mut command = desk.wrap("a", python().to_str().unwrap());
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).env("PYTHONDONTWRITEBYTECODE", "1");
    Ran::of(command.args(["-m", "second"]).args(args).output().unwrap())
}

fn line(desk: &Desk, file: &str) -> String {
    fs::read_to_string(desk.path(file)).unwrap().trim().to_owned()
}

/// The second writer on `tree`, from a to b.
fn write(desk: &Desk, more: &[&str]) -> Ran {
    let to = line(desk, "b/recipient");
    let mut args = vec!["write", "tree", "--key", "a/signing", "--recipient", &to, "-o", "x.consign"];
    args.extend(more);
    second(desk, &args)
}

/// The second reader, as b. `more` can name a folder to write to.
fn read(desk: &Desk, more: &[&str]) -> Ran {
    let mut args = vec!["read", "x.consign", "--signers", "a/allowed_signers", "-i", "b/identity.txt"];
    args.extend(more);
    second(desk, &args)
}

/// The binary on `x.consign`, as b.
fn consign(desk: &Desk, verb: &[&str], more: &[&str]) -> Ran {
    let mut args = verb.to_vec();
    args.extend(["x.consign", "--signer", "a/allowed_signers", "-i", "b/identity.txt"]);
    args.extend(more);
    desk.args("b", &args)
}

/// The binary packs `tree`, from a to b.
fn pack(desk: &Desk, more: &[&str]) -> Ran {
    let to = line(desk, "b/recipient");
    let mut args = vec!["pack", "tree", "-r", &to, "--sign-with", "a/signing", "-i", "a/identity.txt", "--force"];
    args.extend(["--allow-unportable", "-o", "x.consign"]);
    args.extend(more);
    desk.args("a", &args)
}

/// Both readers unpack `x.consign` into what `tree` is.
#[track_caller]
fn both_open_it(desk: &Desk) {
    let wanted = tree_of(&desk.path("tree"));
    for out in ["by-first", "by-second"] {
        let _gone = fs::remove_dir_all(desk.path(out));
    }
    consign(desk, &["verify"], &[]).ok();
    consign(desk, &["verify", "--deep"], &[]).ok();
    consign(desk, &["unpack"], &["-o", "by-first"]).ok();
    read(desk, &["-o", "by-second"]).ok();
    assert_eq!(tree_of(&desk.path("by-first")), wanted);
    assert_eq!(tree_of(&desk.path("by-second")), wanted);
}

const NAMES: [&str; 20] = [
    "a",
    "a-b",
    "b.txt",
    "ü",
    "u\u{308}",
    "with space ",
    "q\"\\\u{e9}",
    "line\nend",
    "tab\t\u{1}",
    "c:d",
    "NUL",
    "-rf",
    "~",
    "日本語",
    "\u{1f980}",
    "\u{202e}right",
    ".hidden",
    "trailing.",
    "%41",
    "AB",
];

/// Pseudo-random numbers: the same tree for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.roll(256) as u8).collect()
    }

    fn name(&mut self) -> String {
        let name = NAMES[self.roll(NAMES.len() as u64) as usize];
        if self.roll(6) == 0 { format!("{name}{}", "x".repeat(90 + self.roll(100) as usize)) } else { name.to_owned() }
    }
}

/// A tree with odd names, empty files and folders, links, executable files, any times.
fn grow(dice: &mut Dice, at: &Path, depth: u32) {
    fs::create_dir_all(at).unwrap();
    for _ in 0..=dice.roll(7) {
        let path = at.join(dice.name());
        if desk::exists(&path) {
            continue;
        }
        match dice.roll(if depth < 4 { 8 } else { 5 }) {
            0 => symlink("../".repeat(dice.roll(u64::from(depth) + 1) as usize) + "ü/./x", &path).unwrap(),
            1 => fs::write(&path, "").unwrap(),
            2..5 => {
                let size = (1 << dice.roll(15)) + dice.roll(600);
                fs::write(&path, dice.bytes(size)).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode([0o644, 0o755][dice.roll(2) as usize])).unwrap();
            }
            5 => fs::create_dir(&path).unwrap(),
            _ => grow(dice, &path, depth + 1),
        }
        if !path.is_symlink() {
            let time = UNIX_EPOCH + Duration::from_secs(dice.roll(1 << 31));
            File::open(&path).unwrap().set_modified(time).unwrap();
        }
    }
}

fn regrow(desk: &Desk, seed: u64) {
    let _gone = fs::remove_dir_all(desk.path("tree"));
    grow(&mut Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1), &desk.path("tree"), 0);
}

#[test]
fn the_second_implementation_computes_the_examples_of_the_page() {
    if !judge() {
        return;
    }
    second(&Desk::new(), &["vectors", concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FORMAT.md")]).ok().says("values");
}

#[test]
fn what_consign_packs_both_readers_open() {
    if !judge() {
        return;
    }
    let desk = desk();
    for seed in 1..=6 {
        regrow(&desk, seed);
        pack(&desk, &["--level", ["1", "3", "19"][seed as usize % 3]]).ok();
        both_open_it(&desk);
    }
}

#[test]
fn what_the_second_writer_makes_both_readers_open() {
    if !judge() {
        return;
    }
    let desk = desk();
    for (seed, volume) in [(11, "512"), (12, "1536"), (13, "4096"), (14, "65536"), (15, "4194304")] {
        regrow(&desk, seed);
        if volume == "512" {
            let _gone = fs::remove_dir_all(desk.path("tree"));
            desk.tree();
        }
        write(&desk, &["--volume", volume, "--per-frame", "3"]).ok();
        both_open_it(&desk);
        let listed = consign(&desk, &["list"], &["--json"]).ok().out;
        assert!(tree_of(&desk.path("tree")).is_empty() || listed.contains("\"path\""), "{listed}");
    }
}

#[test]
fn a_file_over_several_volumes_goes_both_ways() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    desk.write("tree/big", Dice(7).bytes(9_000_001));
    pack(&desk, &[]).ok();
    assert!(members(&fs::read(desk.path("x.consign")).unwrap()).iter().any(|(name, ..)| name == "c0/v000002.age"));
    both_open_it(&desk);
    write(&desk, &["--volume", "1000000"]).ok();
    both_open_it(&desk);
}

#[test]
fn an_empty_tree_goes_both_ways() {
    if !judge() {
        return;
    }
    let desk = desk();
    fs::create_dir(desk.path("tree")).unwrap();
    write(&desk, &[]).ok();
    both_open_it(&desk);
}

#[test]
fn several_recipients_and_an_ssh_key_open_it() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    let ssh = line(&desk, "b/signing.pub");
    let more = line(&desk, "a/recipient");
    write(&desk, &["--recipient", &ssh, "--recipient", &more]).ok();
    for round in ["written", "packed"] {
        both_open_it(&desk);
        for key in ["b/signing", "a/identity.txt"] {
            let out = format!("{round}-{}", key.replace('/', "-"));
            let name = ["read", "x.consign", "--signers", "a/card", "-i", key, "-o"];
            second(&desk, &[&name[..], &[&format!("{out}-2")]].concat()).ok();
            let name = ["unpack", "x.consign", "--signer", "a/card", "-i", key, "-o"];
            desk.args("b", &[&name[..], &[&out]].concat()).ok();
            assert_eq!(tree_of(&desk.path(&out)), tree_of(&desk.path(&format!("{out}-2"))));
        }
        pack(&desk, &["-r", &ssh]).ok();
    }
    second(&desk, &["keys", "c"]).ok();
    let stranger = ["read", "x.consign", "--signers", "a/card", "-i", "c/identity.txt"];
    second(&desk, &stranger).fails(4, "wrong-key");
}

#[test]
fn every_signer_counts_and_the_first_must_be_known() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    second(&desk, &["keys", "c", "--type", "ecdsa"]).ok();
    write(&desk, &["--key", "b/signing", "--key", "c/signing"]).ok();
    both_open_it(&desk);
    desk.run("b", "verify x.consign --signer b/card").fails(5, "untrusted");
    second(&desk, &["read", "x.consign", "--signers", "b/card"]).fails(5, "untrusted");
    for (what, signatures) in [("stripped", "v[:2]"), ("swapped", "[v[0],v[2],v[1]]"), ("doubled", "v+v[:1]")] {
        write(&desk, &["--key", "b/signing", "--key", "c/signing", "--lie", &format!("signatures={signatures}")]).ok();
        assert_eq!((consign(&desk, &["verify"], &[]).code, read(&desk, &[]).code), (3, 3), "{what}");
    }
}

#[test]
fn the_card_of_the_second_implementation_makes_a_partner() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    desk.new_firm("north", "Northwind Ltd <sec@northwind.example>");
    desk.run("north", "partner add a/card --as alpha --unchecked").ok();
    let north = fs::read_to_string(desk.path("north.card")).unwrap();
    let at = north.find("age1").unwrap();
    let key = &north[at..at + north[at..].find('"').unwrap()];
    let args = ["write", "tree", "--key", "a/signing", "--recipient", key, "--card", "a/card", "-o", "x.consign"];
    second(&desk, &args).ok();
    desk.run("north", "unpack x.consign -o got").ok().says("alpha");
    assert_eq!(tree_of(&desk.path("tree")), tree_of(&desk.path("got")));
    desk.run("north", "pack tree --to alpha -o y.consign").ok();
    second(&desk, &["read", "y.consign", "--signers", "north.card", "-i", "a/identity.txt", "-o", "back"]).ok();
    assert_eq!(tree_of(&desk.path("tree")), tree_of(&desk.path("back")));
}

#[test]
fn a_held_bundle_opens_with_its_key_file_only() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    write(&desk, &["--held", "--key-file", "key", "--terms", "tree/README.md"]).ok();
    consign(&desk, &["verify"], &[]).ok();
    consign(&desk, &["unpack"], &["-o", "out"]).fails(4, "held");
    read(&desk, &[]).fails(4, "wrong-key");
    consign(&desk, &["unpack"], &["-o", "out", "--key-file", "key", "--accept-terms"]).ok();
    read(&desk, &["-o", "out2", "--key-file", "key"]).ok();
    assert_eq!(tree_of(&desk.path("out")), tree_of(&desk.path("out2")));
    let mut key = fs::read(desk.path("key")).unwrap();
    key[200] ^= 1;
    fs::write(desk.path("key"), key).unwrap();
    assert_eq!(consign(&desk, &["unpack"], &["-o", "no", "--key-file", "key"]).code, 3);
    assert_eq!(read(&desk, &["-o", "no", "--key-file", "key"]).code, 3);
}

#[test]
fn a_delta_goes_onto_its_base_only() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    desk.write("base/README.md", "hello\n");
    desk.write("base/src/gone.c", "was here\n");
    desk.write("other/README.md", "other\n");
    write(&desk, &["--base", "base", "--parent", &"5".repeat(64)]).ok();
    consign(&desk, &["verify", "--deep"], &[]).ok();
    read(&desk, &[]).ok();
    consign(&desk, &["unpack"], &["-o", "out"]).fails(2, "needs-base");
    read(&desk, &["-o", "out"]).fails(2, "needs-base");
    assert_eq!(consign(&desk, &["unpack"], &["-o", "out", "--base", "other"]).code, 6);
    read(&desk, &["-o", "out", "--base", "other"]).fails(6, "refused");
    consign(&desk, &["unpack"], &["-o", "out", "--base", "base"]).ok();
    read(&desk, &["-o", "out2", "--base", "base"]).ok();
    assert_eq!(tree_of(&desk.path("tree")), tree_of(&desk.path("out")));
    assert_eq!(tree_of(&desk.path("tree")), tree_of(&desk.path("out2")));
}

#[test]
fn compartments_unite_or_must_be_chosen() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    desk.write("more/extra.c", "more\n");
    desk.write("rival/README.md", "not hello\n");
    write(&desk, &["--and-tree", "more"]).ok();
    consign(&desk, &["unpack"], &["-o", "out"]).ok();
    read(&desk, &["-o", "out2"]).ok();
    assert_eq!(tree_of(&desk.path("out")), tree_of(&desk.path("out2")));
    assert!(desk.path("out/extra.c").is_file());
    write(&desk, &["--and-tree", "rival"]).ok();
    read(&desk, &[]).ok();
    consign(&desk, &["unpack"], &["-o", "no"]).fails(2, "compartments-differ");
    read(&desk, &["-o", "no"]).fails(2, "choose");
    consign(&desk, &["unpack"], &["-o", "one", "--compartment", "1"]).ok();
    read(&desk, &["-o", "one2", "--compartment", "1"]).ok();
    assert_eq!(tree_of(&desk.path("one")), tree_of(&desk.path("one2")));
}

#[test]
fn damage_has_one_code_for_both() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    write(&desk, &["--key", "b/signing", "--card", "a/card", "--volume", "2048"]).ok();
    let good = fs::read(desk.path("x.consign")).unwrap();
    let mut places = vec![("the final zeros".to_owned(), good.len() - 1)];
    for (name, data, size) in members(&good) {
        places.extend([(format!("{name}, header"), data - 400), (name.clone(), data), (name.clone(), data + size - 1)]);
        places.extend((size % 512 != 0).then(|| (format!("{name}, padding"), data + size)));
    }
    for (what, at) in places {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(desk.path("x.consign"), &bad).unwrap();
        let codes = [consign(&desk, &["verify"], &[]).code, consign(&desk, &["verify", "--deep"], &[]).code];
        assert_eq!(codes, [read(&desk, &[]).code; 2], "{what}");
        assert!(matches!(codes[0], 3 | 10), "{what}: {codes:?}");
    }
    for len in [0, 511, 1024, good.len() / 2, good.len() - 1024, good.len() - 1] {
        fs::write(desk.path("x.consign"), &good[..len]).unwrap();
        assert_eq!((consign(&desk, &["verify"], &[]).code, read(&desk, &[]).code), (3, 3), "cut at {len}");
    }
}

#[test]
fn a_size_that_cannot_be_true_is_refused_before_room_is_asked_for() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    write(&desk, &["--lie", "entries=[{**v[0],'s':1<<44},*v[1:]]"]).ok();
    consign(&desk, &["unpack"], &["-o", "out"]).fails(3, "changed");
    read(&desk, &["-o", "out"]).fails(3, "changed");
}

#[test]
fn a_recipient_that_is_spelled_otherwise_is_refused() {
    if !judge() {
        return;
    }
    let desk = desk();
    desk.tree();
    let to = line(&desk, "b/recipient");
    let named = |key: &str| {
        let more = format!("v['recipients']+[dict(name='z',key='{key}',agreement=None)]");
        write(&desk, &["--lie", &format!("line_1={{**v,'recipients':{more}}}")]).ok();
        (consign(&desk, &["verify", "--deep"], &[]).code, read(&desk, &[]).code)
    };
    assert_eq!(named("age1yubikey1qqq"), (0, 0));
    for bad in ["x", &to.to_uppercase(), &format!("{to} "), &to[..60], "ssh-ed25519 AAAA", "passphrase"] {
        assert_eq!(named(bad), (3, 3), "{bad}");
    }
}
