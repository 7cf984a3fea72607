//! Agreements with partners, as people type them: on record, offered and countersigned, suspended, taken back.

use std::fs;

use crate::desk::Desk;

/// Two firms, a workspace of Northwind's in the folder, and a document.
fn desk() -> Desk {
    let desk = Desk::with_firms();
    desk.args("north", &["init", "--owner", "Northwind Ltd"]).ok();
    desk.write("nda.pdf", "what was agreed\n");
    desk
}

#[test]
fn an_agreement_goes_on_record_once_and_is_told_everywhere() {
    let desk = desk();
    let agree = "partner agree acme --nda nda.pdf --until 2999-03-31";
    desk.run("north", agree).ok().says("the NDA with acme").says("its hash is kept, not the document").says("ledger");
    desk.run("north", agree).ok().says("already there");
    let shown = desk.run("north", "partner show acme --json").ok();
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(shown["evidence"][0]["until"], "2999-03-31");
    assert_eq!(shown["evidence"].as_array().unwrap().len(), 1);
    desk.run("north", "log").ok().says("of acme on record, until 2999-03-31");
    assert_eq!(desk.names(".consign/partners"), ["acme.card", "acme.toml"]);
    // A colleague gets the partner from there, and the agreement with it.
    desk.new_firm("second", "Northwind Ltd");
    desk.run("second", "partner add .consign/partners/acme.card --unchecked").ok();
    desk.run("second", "partner show acme").ok().says("to 2999-03-31");
}

#[test]
fn what_can_not_be_on_record_is_refused_with_a_reason() {
    let desk = desk();
    desk.write("empty", "");
    fs::create_dir(desk.path("folder")).unwrap();
    for (line, code, word) in [
        ("--nda nda.pdf --until 2027-02-29", 2, "usage"),
        ("--nda nda.pdf --until 0000", 2, "usage"),
        ("--nda nda.pdf", 2, "usage"),
        ("--until 2999-01-01", 2, "usage"),
        ("--audit nda.pdf --until 2999-01-01", 2, "usage"),
        ("--nda nda.pdf --until 2020-01-01", 2, "bad-dates"),
        ("--nda nda.pdf --from 2998-01-01 --until 2997-12-31", 2, "bad-dates"),
        ("--nda empty --until 2999-01-01", 2, "empty-document"),
        ("--nda folder --until 2999-01-01", 1, "io"),
        ("--nda gone --until 2999-01-01", 1, "io"),
        ("--withdraw N --why w", 2, "not-on-record"),
        ("--signed nda.pdf", 3, "changed"),
    ] {
        let ran = desk.run("north", &format!("partner agree acme {line}")).fails(code, word);
        ran.says("nothing was put on record");
    }
    desk.run("north", "partner agree birch --nda nda.pdf --until 2999-01-01").fails(2, "no-partner");
    desk.args("north", &["partner", "suspend", "acme", "--why", " "]).fails(2, "no-reason").says("nothing was changed");
    desk.run("north", "partner resume acme").fails(2, "not-suspended");
    assert!(desk.names(".consign/partners").is_empty());
}

#[test]
fn a_suspension_and_a_withdrawal_are_recorded_and_shown() {
    let desk = desk();
    desk.run("north", "partner agree acme --nda nda.pdf --until 2999-03-31 --ref N-1").ok();
    desk.args("north", &["partner", "suspend", "acme", "--why", "late payment"]).ok().says("suspended since");
    desk.run("north", "partner list").ok().says("late payment");
    desk.run("north", "partner resume acme").ok();
    let list = desk.run("north", "partner list").ok();
    assert!(!list.out.contains("late payment"), "{}", list.out);
    desk.args("north", &["partner", "agree", "acme", "--withdraw", "N-1", "--why", "wrong file"])
        .ok()
        .says("withdrawn");
    desk.run("north", "partner list").ok().says("there is no NDA with acme on record");
    desk.run("north", "partner show acme").ok().says("wrong file");
    let log = desk.run("north", "log").ok();
    for told in ["suspended: late payment", "acme resumed", "N-1 of acme withdrawn: wrong file"] {
        assert!(log.out.contains(told), "no `{told}` in: {}", log.out);
    }
    desk.run("north", "log verify").ok();
}

#[test]
fn both_firms_sign_and_the_result_goes_on_record() {
    let desk = desk();
    desk.write("other.pdf", "something else\n");
    let sign = "partner agree acme --nda nda.pdf --until 2999-03-31 --ref N-1 --sign";
    desk.run("north", sign).ok().says("acme-N-1.agreement").says("not in force before acme has signed it too");
    desk.run("north", sign).fails(1, "exists");
    desk.run("acme", "agree acme-N-1.agreement").fails(9, "needs-a-person").says("nothing was signed");
    desk.run("acme", "agree acme-N-1.agreement --dry-run").ok().says("2999-03-31").says("not compared with any file");
    desk.run("acme", "agree acme-N-1.agreement --document other.pdf --yes").fails(3, "other-document");
    desk.run("north", "partner agree acme --signed acme-N-1.agreement").fails(6, "not-accepted");
    desk.run("north", "agree acme-N-1.agreement --yes").fails(2, "not-asked");
    desk.new_firm("birch", "Birch <b@birch.example>");
    desk.run("birch", "agree acme-N-1.agreement --yes").fails(5, "untrusted").says("nothing was signed");
    assert!(!desk.path("acme-N-1-signed.agreement").exists());
    desk.run("acme", "agree acme-N-1.agreement --document nda.pdf --yes").ok().says("acme-N-1-signed.agreement");
    let text = fs::read_to_string(desk.path("acme-N-1-signed.agreement")).unwrap();
    desk.write("longer", text.replacen("2999-03-31", "3999-03-31", 1));
    desk.run("north", "partner agree acme --signed longer").fails(3, "bad-signature");
    desk.run("north", "partner add birch.card --unchecked").ok();
    desk.run("north", "partner agree birch --signed acme-N-1-signed.agreement").fails(6, "other-parties");
    desk.write("mailed", text.replace('\n', "\r\n"));
    desk.run("north", "partner agree acme --signed mailed").ok().says("by you and by acme");
    desk.run("north", "partner agree acme --signed acme-N-1-signed.agreement").ok().says("already there");
    desk.run("north", "partner show acme").ok().says("signed by both");
    desk.run("acme", "log").ok().says("N-1 of northwind accepted, signed here");
    assert_eq!(desk.names(".consign/partners/acme.agreements").len(), 1);
}

#[test]
fn what_others_wrote_into_a_partners_file_is_shown_safely_or_refused() {
    let desk = desk();
    desk.run("north", "partner agree acme --nda nda.pdf --until 2999-03-31 --ref N-1").ok();
    let path = desk.path(".consign/partners/acme.toml");
    let sound = fs::read_to_string(&path).unwrap();
    fs::write(&path, sound.replace("\"N-1\"", "\"N\\u001b[2J\\u202e1\"")).unwrap();
    let shown = desk.run("north", "partner show acme").ok();
    assert!(!shown.out.contains(['\u{1b}', '\u{202e}']) && shown.out.contains("\\u{202e}"), "{}", shown.out);
    let conflict = format!("<<<<<<< HEAD\n{sound}=======\n>>>>>>> other\n");
    for (text, said) in [(conflict, "merge conflict"), (format!("bogus = 1\n{sound}"), "unknown field")] {
        fs::write(&path, text).unwrap();
        let ran = desk.run("north", "partner agree acme --nda nda.pdf --until 2999-04-30").fails(1, "config-broken");
        ran.says(said).says("line 1");
    }
}
