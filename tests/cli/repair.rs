//! Damage and broken downloads, through the program: verify names what is damaged, salvage writes what is whole, repair
//! puts copies together.

use std::fs;

use crate::desk::{Desk, exists, members};

/// Bytes that don't compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_le_bytes()
    };
    (0..len.div_ceil(8)).flat_map(|_| next()).take(len).collect()
}

/// Two firms, and a bundle of several volumes: `movie` has some of its own.
fn desk() -> (Desk, Vec<u8>) {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("tree/a.bin", noise(1, 3 << 20));
    desk.write("tree/b.bin", noise(2, 3 << 20));
    desk.write("tree/movie.bin", noise(3, 9 << 20));
    desk.write("tree/z.txt", "the last one\n");
    std::os::unix::fs::symlink("z.txt", desk.path("tree/latest")).unwrap();
    desk.run("north", "pack tree --to acme").ok();
    let whole = fs::read(desk.path("acme-0001.consign")).unwrap();
    (desk, whole)
}

/// A copy with some members damaged in their middle.
fn damaged(whole: &[u8], names: &[&str]) -> Vec<u8> {
    let mut copy = whole.to_vec();
    for name in names {
        let (_, data, size) = place(whole, name);
        copy[data + size / 2] ^= 1;
    }
    copy
}

fn place(whole: &[u8], name: &str) -> (String, usize, usize) {
    members(whole).into_iter().find(|(n, ..)| n == name).unwrap()
}

fn nothing_at(desk: &Desk, name: &str) {
    let left: Vec<String> = desk.names(".").into_iter().filter(|n| n.contains(name)).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_download_that_broke_off_is_completed_from_a_damaged_second() {
    let (desk, whole) = desk();
    desk.write("first.consign", &whole[..whole.len() * 6 / 10]);
    desk.write("second.consign", damaged(&whole, &["c0/v000000.age", "c0/v000001.age"]));
    desk.run("acme", "verify first.consign").fails(3, "cut-short").says("consign repair first.consign");
    desk.run("acme", "repair first.consign --from second.consign -o whole.consign")
        .ok()
        .says("from     northwind (\"Northwind Ltd\")")
        .says("members from second.consign")
        .says("wrote");
    assert!(fs::read(desk.path("whole.consign")).unwrap() == whole);
    desk.run("acme", "verify --deep whole.consign").ok();
    // No key is needed, and the signer may come by --signer.
    desk.run("ci", "repair first.consign --from second.consign -o ci.consign").fails(5, "untrusted");
    nothing_at(&desk, "ci.consign");
    desk.run("ci", "repair --signer north.card first.consign --from second.consign -o ci.consign").ok();
    assert!(fs::read(desk.path("ci.consign")).unwrap() == whole);
}

#[test]
fn two_damaged_disks_give_a_whole_bundle_and_each_alone_does_not() {
    let (desk, whole) = desk();
    let mut one = damaged(&whole, &["c0/v000000.age", "c0/manifest.age", "envelope.json.sig"]);
    let mut two = damaged(&whole, &["c0/v000002.age", "c0/key.age", "B3SUMS", "envelope.json"]);
    // A header that is gone in both, and the end of one.
    let (_, data, _) = place(&whole, "c0/v000001.age");
    one[data - 512..data].fill(0xff);
    two[data - 512..data].fill(0);
    let len = one.len();
    one[len - 2048..].fill(7);
    desk.write("one.consign", &one);
    desk.write("two.consign", &two);
    desk.run("acme", "repair one.consign -o x.consign").fails(3, "no-statement").says("nothing was written");
    desk.run("acme", "repair two.consign -o x.consign").fails(3, "no-statement");
    let ran = desk.run("acme", "repair one.consign --from two.consign -o x.consign --json").ok();
    assert!(fs::read(desk.path("x.consign")).unwrap() == whole);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["taken"][1]["copy"], "two.consign");
    assert!(
        told["damaged"].as_array().unwrap().iter().any(|d| d["member"] == "c0/v000001.age" && d["what"] == "header")
    );
    nothing_at(&desk, ".x.consign");
}

#[test]
fn what_no_copy_has_is_named_and_nothing_is_written() {
    let (desk, whole) = desk();
    desk.write("one.consign", damaged(&whole, &["c0/v000000.age", "c0/v000002.age"]));
    desk.write("two.consign", damaged(&whole, &["c0/v000001.age", "c0/v000002.age"]));
    desk.run("acme", "repair one.consign --from two.consign -o x.consign")
        .fails(3, "beyond-repair")
        .says("c0/v000002.age (volume 3 of ")
        .says("nothing was written");
    nothing_at(&desk, "x.consign");
    desk.write("three.consign", damaged(&whole, &["c0/v000000.age"]));
    desk.run("acme", "repair one.consign --from two.consign three.consign -o x.consign").ok();
    assert!(fs::read(desk.path("x.consign")).unwrap() == whole);
}

#[test]
fn repair_refuses_what_makes_no_sense_and_replaces_nothing() {
    let (desk, whole) = desk();
    desk.write("one.consign", damaged(&whole, &["c0/v000000.age"]));
    desk.run("north", "pack tree --to acme").ok();
    desk.run("acme", "repair one.consign --from acme-0002.consign -o x.consign")
        .fails(2, "other-bundle")
        .says("`acme-0002.consign` is a copy of another bundle");
    fs::hard_link(desk.path("one.consign"), desk.path("link.consign")).unwrap();
    desk.run("acme", "repair one.consign --from link.consign -o x.consign").fails(2, "usage").says("given twice");
    desk.run("acme", "repair - --from one.consign -o x.consign").fails(2, "usage");
    desk.run("acme", "repair one.consign --from acme-0001.consign -o -").fails(2, "usage");
    nothing_at(&desk, "x.consign");
    for out in ["one.consign", "acme-0001.consign", "tree"] {
        let before = fs::read(desk.path(out)).ok();
        desk.run("acme", &format!("repair one.consign --from acme-0001.consign -o {out}")).fails(1, "exists");
        assert!(fs::read(desk.path(out)).ok() == before);
    }
    desk.run("acme", "repair acme-0001.consign -o x.consign").ok().says("was whole already");
    assert!(fs::read(desk.path("x.consign")).unwrap() == whole);
    desk.run("acme", "fix x.consign").fails(2, "usage").says("consign repair");
}

#[test]
fn verify_names_every_damaged_volume_and_with_a_key_the_files_in_them() {
    let (desk, whole) = desk();
    let (_, data, size) = place(&whole, "c0/v000000.age");
    desk.write("x.consign", damaged(&whole, &["c0/v000000.age", "c0/v000002.age"]));
    let range = format!("bytes {} to {}: changed", data - 512, data + size.next_multiple_of(512) - 1);
    let ran = desk.run("acme", "verify x.consign acme-0001.consign");
    let ran = ran.fails(3, "changed").says("c0/v000000.age (volume 1 of ").says(&range).says("1 ok, 1 failed");
    let ran =
        ran.says("c0/v000002.age (volume 3 of ").says("consign repair x.consign").says("unpack --salvage x.consign");
    assert!(!ran.out.contains("movie.bin"), "{}", ran.out);
    desk.run("acme", "verify --deep x.consign")
        .fails(3, "changed")
        .says("movie.bin (c0/v")
        .says("a.bin (c0/v000000.age)");
    let told = desk.run("acme", "verify --deep --json x.consign").out;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let result = &told["results"][0];
    assert_eq!((&result["code"], &result["damaged_count"]), (&"changed".into(), &2.into()));
    assert_eq!(result["damaged"][0]["from"], data - 512);
    assert!(result["touched_count"].as_u64().unwrap() >= 2);
    // Only what is around a member is damaged, or something was added.
    let mut around = whole.clone();
    around[data - 300] ^= 1;
    around.extend_from_slice(b"more");
    desk.write("around.consign", &around);
    desk.run("acme", "verify around.consign")
        .fails(3, "changed")
        .says("header or padding")
        .says("does not belong there");
    // Nothing can be trusted without a statement.
    desk.write("blind.consign", damaged(&whole, &["envelope.json", "c0/v000000.age"]));
    desk.run("acme", "verify blind.consign").fails(3, "bad-signature").says("nothing in it can be trusted");
    desk.run("acme", "unpack --salvage blind.consign").fails(3, "no-statement").says("nothing was unpacked");
}

#[test]
fn salvage_writes_what_is_whole_names_what_is_missing_and_says_so_in_the_ledger() {
    let (desk, whole) = desk();
    let last = members(&whole).iter().filter(|(name, ..)| name.starts_with("c0/v")).count() - 2;
    let movie = format!("c0/v{last:06}.age");
    desk.write("x.consign", damaged(&whole, &[&movie]));
    desk.run("acme", "unpack x.consign -o out").fails(3, "changed").says("consign verify x.consign");
    nothing_at(&desk, "out");
    desk.run("ci", "unpack --salvage x.consign -o out").fails(5, "untrusted");
    nothing_at(&desk, "out");
    let ran = desk.run("acme", "unpack --salvage x.consign -o out");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let ran = ran.says("files    6 of 7 files match").says("missing  movie.bin, 9,437,184 bytes").says(&movie);
    assert!(ran.out.contains("wrote    out/"), "{}", ran.out);
    assert!(!exists(&desk.path("out/movie.bin")));
    for name in ["README.md", "src/main.c", "src/lib.c", "a.bin", "b.bin", "z.txt"] {
        assert!(fs::read(desk.path("out").join(name)).unwrap() == fs::read(desk.path("tree").join(name)).unwrap());
    }
    assert_eq!(fs::read_link(desk.path("out/latest")).unwrap().to_str(), Some("z.txt"));
    desk.run("acme", "log").ok().says("salvaged acme-0001 from northwind, without 1 file");
    desk.run("acme", "log verify").ok();
    let told = desk.run("acme", "unpack --salvage x.consign -o json --json");
    let told: serde_json::Value = serde_json::from_str(&told.out).unwrap_or_else(|e| panic!("{e}: {}", told.out));
    assert_eq!((&told["exit"], &told["salvaged"], &told["missing_count"]), (&3.into(), &6.into(), &1.into()));
    assert_eq!(
        (&told["missing"][0]["path"], &told["missing"][0]["volume"]),
        (&"movie.bin".into(), &movie.as_str().into())
    );
    // A part that is whole is no failure of the rest; a bundle that is whole is unpacked as ever.
    desk.run("acme", "unpack --salvage acme-0001.consign -o all").ok().says("7 of 7 files match");
    let ran = desk.run("acme", "unpack --salvage x.consign -o part --only src/**");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    ran.says("2 of 2 files match");
    nothing_at(&desk, ".consign-staging");
}

#[test]
fn where_no_file_is_whole_nothing_is_written() {
    let (desk, whole) = desk();
    let names = members(&whole);
    let volumes: Vec<&str> = names.iter().map(|(n, ..)| n.as_str()).filter(|n| n.starts_with("c0/v")).collect();
    desk.write("x.consign", damaged(&whole, &volumes));
    desk.run("acme", "unpack --salvage x.consign -o out").fails(3, "nothing-salvaged").says("nothing was unpacked");
    desk.write("y.consign", damaged(&whole, &["c0/manifest.age"]));
    desk.run("acme", "unpack --salvage y.consign -o out").fails(3, "changed");
    nothing_at(&desk, "out");
    desk.run("acme", "log").ok();
}

#[test]
fn who_has_no_key_is_told_of_damage_first_and_of_no_salvage_that_can_not_work() {
    let (desk, whole) = desk();
    desk.write("one.consign", damaged(&whole, &["c0/v000002.age"]));
    desk.run("ci", "verify --deep --signer north.card one.consign")
        .fails(3, "changed")
        .says("c0/v000002.age")
        .says("--salvage");
    desk.run("ci", "verify --deep --signer north.card acme-0001.consign").fails(4, "wrong-key");
    for member in ["c0/key.age", "c0/manifest.age"] {
        desk.write("closed.consign", damaged(&whole, &[member]));
        let ran = desk.run("acme", "verify closed.consign");
        assert!(ran.code == 3 && ran.out.contains("consign repair") && !ran.out.contains("--salvage"), "{}", ran.out);
    }
}

#[test]
fn a_repair_whose_report_is_lost_is_not_told_as_undone() {
    let (desk, whole) = desk();
    desk.write("one.consign", damaged(&whole, &["c0/v000002.age"]));
    let full = std::process::Stdio::from(fs::File::options().write(true).open("/dev/full").unwrap());
    let mut command = desk.command("acme");
    command.args(["repair", "one.consign", "--from", "acme-0001.consign", "-o", "two.consign"]);
    let ran = command.stdout(full).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.code() == Some(1) && told.contains("[report-lost]") && told.contains("is done"), "{told}");
    assert!(fs::read(desk.path("two.consign")).unwrap() == whole);
}
