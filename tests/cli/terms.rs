//! Claims about terms: they are shown and accepted before any contents are, and what was accepted is on record.

use std::fs;

use serde_json::Value;

use crate::desk::{Desk, Ran, exists, have};
use crate::terminal::on_terminal;

/// North sends under these terms; the bundle is `b.consign`.
fn under(text: impl AsRef<[u8]>) -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("terms", text);
    desk.run("north", "pack tree --to acme --terms terms -o b.consign").ok();
    desk
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(ran.out.lines().next().unwrap_or_default()).unwrap()
}

fn nothing_was_written(desk: &Desk, out: &str) {
    assert!(!exists(&desk.path(out)) && !exists(&desk.path(&format!("{out}.terms.txt"))));
    let ledger = desk.run("acme", "log").ok().out;
    assert!(!ledger.contains("unpacked") && !ledger.contains("accepted"), "{ledger}");
}

#[test]
fn nothing_is_unpacked_or_shown_before_the_terms_are_accepted() {
    let desk = under("Not yours to share.\nNor to keep.\n");
    let told =
        desk.run("acme", "unpack b.consign -o out").fails(9, "needs-acceptance").says("nothing was unpacked [9]");
    let id = told.err.lines().find_map(|l| l.trim().strip_prefix("terms id")).unwrap().trim().to_owned();
    assert_eq!(id.len(), 64, "{}", told.err);
    desk.run("acme", "cat b.consign README.md").fails(9, "needs-acceptance");
    nothing_was_written(&desk, "out");
    let told = desk.run("acme", "unpack b.consign -o out --json").fails_with(9);
    assert_eq!(json(&told)["stated"][0]["text"], "Not yours to share.\nNor to keep.\n");
    // What shows no contents asks nothing.
    desk.run("acme", "list b.consign").ok();
    desk.run("acme", "verify b.consign --deep").ok();
    let told = desk.args("acme", &["unpack", "b.consign", "-o", "out", "--json", &format!("--accept-terms={id}")]).ok();
    assert_eq!(json(&told)["accepted"]["how"], "id");
    assert_eq!(json(&told)["accepted"]["ids"][0], id.as_str());
    assert_eq!(fs::read_to_string(desk.path("out.terms.txt")).unwrap(), "Not yours to share.\nNor to keep.\n");
    let line = json(&desk.run("acme", "log --json"))["lines"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((line["event"].as_str(), line["how"].as_str()), (Some("received"), Some("id")));
    assert_eq!(line["accepted"][0], id.as_str());
}

#[test]
fn only_the_whole_id_of_exactly_these_terms_counts() {
    let desk = under("A\n");
    let told = desk.run("acme", "unpack b.consign --json");
    let id = json(&told)["stated"][0]["id"].as_str().unwrap().to_owned();
    let unpack = |answers: &[&str]| desk.args("acme", &[&["unpack", "b.consign", "-o", "out"], answers].concat());
    unpack(&[&format!("--accept-terms={}", &id[..63])]).fails(2, "usage");
    unpack(&[&format!("--accept-terms={}", &id[..12])]).fails(2, "usage");
    unpack(&[&format!("--accept-terms={}0", id)]).fails(2, "usage");
    unpack(&[&format!("--accept-terms={}", id.to_uppercase())]).fails(2, "usage");
    // A variable that is not set accepts nothing.
    unpack(&["--accept-terms="]).fails(2, "usage");
    unpack(&["--accept-terms", &format!("--accept-terms={id}")]).fails(2, "usage");
    let other = "0".repeat(64);
    unpack(&[&format!("--accept-terms={other}")]).fails(6, "terms-differ").says(&id).says("nothing was unpacked [6]");
    nothing_was_written(&desk, "out");
    unpack(&[&format!("--accept-terms={other}"), &format!("--accept-terms={id}")]).ok();
}

#[test]
fn terms_that_were_expected_and_are_not_there_differ() {
    let desk = under("");
    let expected = format!("--accept-terms={}", "0".repeat(64));
    desk.args("acme", &["unpack", "b.consign", "-o", "out", &expected]).fails(6, "terms-differ");
    nothing_was_written(&desk, "out");
    desk.run("acme", "unpack b.consign -o out --accept-terms").ok();
}

#[test]
fn the_same_terms_of_the_same_signer_are_accepted_once() {
    let desk = under("A\n");
    assert_eq!(desk.run("acme", "cat b.consign README.md --accept-terms").ok().out, "hello\n");
    desk.run("acme", "log").ok().says("terms of acme-0001 from northwind accepted (flag)");
    desk.run("acme", "cat b.consign README.md").ok();
    desk.run("north", "pack tree --to acme --terms terms -o again.consign").ok();
    desk.run("acme", "unpack again.consign -o again").ok().says("word for word");
    // Other terms are asked about, and so are the same ones when somebody else states them.
    desk.write("other", "B\n");
    desk.run("north", "pack tree --to acme --terms other -o other.consign").ok();
    desk.run("acme", "unpack other.consign").fails(9, "needs-acceptance");
    desk.new_firm("birch", "Birch");
    desk.run("acme", "partner add birch.card --unchecked").ok();
    desk.run("birch", "partner add acme.card --unchecked").ok();
    desk.run("birch", "pack tree --to acme --terms terms -o birch.consign").ok();
    desk.run("acme", "unpack birch.consign").fails(9, "needs-acceptance");
}

#[test]
fn a_target_that_is_taken_is_told_before_anything_is_asked() {
    let desk = under("A\n");
    desk.write("out.terms.txt", "mine");
    desk.run("acme", "unpack b.consign -o out").fails(1, "exists");
}

#[test]
fn a_person_is_shown_the_terms_and_answers() {
    if !have(&["script"]) {
        return;
    }
    let text: String = (1..=50).map(|n| format!("clause {n} \u{1b}[2J\u{202e}\u{9b}x\r\n")).collect();
    let desk = under(&text);
    let unpack = ["unpack", "b.consign", "-o", "out"];
    for no in ["n\n", "\n", "maybe\n", "show\n\n\nno\n", ""] {
        let (code, shown) = on_terminal(&desk, "acme", &unpack, no, &[]);
        assert_eq!(code, 6, "{no:?}: {shown}");
        assert!(shown.contains("terms-refused") && shown.contains("out.terms.txt, 1 page"), "{shown}");
    }
    nothing_was_written(&desk, "out");
    let (code, shown) = on_terminal(&desk, "acme", &unpack, "show\nq\nshow\n\n\ny\n", &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("clause 50 \\u{1b}[2J\\u{202e}\\u{9b}x"), "{shown}");
    assert!(shown.contains("1 of 3; Enter for more"), "{shown}");
    assert!(!shown.contains("\u{1b}[2J") && !shown.contains('\u{202e}') && !shown.contains('\u{9b}'));
    // As it was written, byte for byte.
    assert_eq!(fs::read_to_string(desk.path("out.terms.txt")).unwrap(), text);
    desk.run("acme", "log --json").ok().says("\"how\":\"asked\"");
}

#[test]
fn terms_at_the_edge_travel_whole_and_beyond_it_not_at_all() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("long", "x".repeat(195_900));
    desk.run("north", "pack tree --to acme --terms long -o b.consign").ok();
    desk.run("acme", "unpack b.consign -o out").fails(9, "needs-acceptance").says("1 line, 41 pages");
    desk.run("acme", "unpack b.consign -o out --accept-terms").ok();
    assert_eq!(fs::read(desk.path("out.terms.txt")).unwrap(), vec![b'x'; 195_900]);
    desk.write("odd", "a\0b\u{7f}\u{1}\u{2028}\rc\r\n\u{e0041}");
    desk.run("north", "pack tree --to acme --terms odd -o odd.consign").ok();
    desk.run("acme", "unpack odd.consign -o odd-out --accept-terms").ok();
    assert_eq!(fs::read(desk.path("odd-out.terms.txt")).unwrap(), fs::read(desk.path("odd")).unwrap());
    // Controls are six bytes each in JSON.
    for (name, text) in [("longer", "x".repeat(196_600)), ("nuls", "\0".repeat(40_000))] {
        desk.write(name, text);
        desk.run("north", &format!("pack tree --to acme --terms {name} -o {name}.consign")).fails(10, "too-large");
        assert!(!exists(&desk.path(&format!("{name}.consign"))), "{name}");
    }
}
