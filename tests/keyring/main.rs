//! Claims about passphrases that a keyring unlocks, against a real Secret Service in a private session: one that is there,
//! locked, absent, silent, killed, emptied, or holds something else. And about where secrets are never seen.

#[path = "../cli/desk.rs"]
mod desk;
mod secrets;
mod session;
#[path = "../support/tools.rs"]
mod tools;

use std::fs;
use std::time::Duration;

use consign::crypto::Secret;
use consign::exchange::passphrase::{Unlock, keep};
use consign::exchange::{Home, unlock};

use crate::desk::{Ran, have};
use crate::session::{Session, TOOLS, WORD};

/// What a run costs that waits for nobody, on a busy machine.
const QUICK: Duration = Duration::from_millis(2500);

/// The next link after a keyring that does not help: code 9 where nobody can be asked, with a reason.
#[track_caller]
fn goes_on(session: &Session, why: &str) {
    let (ran, _) = session.alone("acme", "list b.consign");
    assert!(ran.err.contains("note: "), "{}", ran.err);
    ran.fails(9, "needs-passphrase").says(why);
    let typed = session.typed("acme", "consign list b.consign", &[WORD]).ok();
    assert!(typed.out.contains("src/main.c") && typed.out.contains(why), "{}", typed.out);
}

#[test]
fn a_key_unlocked_by_the_keyring_packs_and_opens_and_when_the_service_dies_the_chain_goes_on() {
    if !have(&TOOLS) {
        return;
    }
    let mut session = Session::with_keyring().with_bundle();
    session.alone("acme", "list b.consign").0.ok().says("src/main.c");
    session.alone("acme", "unpack b.consign -o got").0.ok();
    session.alone("acme", "pack got --to north -o back.consign").0.ok();
    session.desk.run("north", "list back.consign").ok();
    let held = session.held();
    assert_eq!(held.len(), 1, "{held:?}");
    let (name, secret) = &held[0];
    assert!(name.starts_with("unlock ") && secret.len() == 64, "{name} {secret}");
    assert!(secret.bytes().all(|b| b.is_ascii_hexdigit()), "{secret}");

    session.end_service();
    goes_on(&session, "there is no keyring here");
    session.desk.run("acme", "list b.consign").ok();
    // It comes back, and unlocks again.
    session.start_keyring();
    session.alone("acme", "list b.consign").0.ok();
}

#[test]
fn where_there_is_no_keyring_keys_are_locked_all_the_same_and_nothing_is_waited_for() {
    if !have(&TOOLS) {
        return;
    }
    let session = Session::new();
    session.new_firm("acme").says(r#""keyring":"absent""#);
    assert!(!session.desk.home("acme").join("unlock.age").exists());
    let show = session.desk.run("acme", "key list").ok();
    assert!(show.out.contains("locked by a passphrase") && !show.out.contains("NOT"), "{}", show.out);
    // A keyring that comes later is not used until it is told to.
    let (failed, took) = session.alone("acme", "key passphrase --keep");
    failed.fails(9, "needs-passphrase");
    assert!(took < QUICK, "{took:?}");
    session.typed("acme", "consign key passphrase --keep", &[WORD]).fails(1, "no-keyring").says("there is no keyring");
    let mut unreachable = session.command("acme");
    unreachable.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere").args(["key", "list"]);
    Ran::of(unreachable.output().unwrap()).ok();
}

#[test]
fn a_locked_keyring_is_not_waited_for_longer_than_three_seconds() {
    if !have(&TOOLS) {
        return;
    }
    let mut session = Session::with_keyring().with_bundle();
    session.alone("acme", "list b.consign").0.ok();
    // It locks between two runs; there is nothing that could ask for its password.
    session.lock_keyring();
    goes_on(&session, "the keyring is locked");
    let (_, took) = session.alone("acme", "list b.consign");
    assert!(took < QUICK, "{took:?}");
    // Its window opens, and nobody is there.
    session.silent_prompt();
    let (ran, took) = session.alone("acme", "list b.consign");
    ran.fails(9, "needs-passphrase").says("did not answer within 3 s");
    assert!((2900..6000).contains(&took.as_millis()), "{took:?}");
    session.end_service();
    session.start_keyring();
    session.alone("acme", "list b.consign").0.ok();
}

#[test]
fn a_service_that_never_answers_costs_three_seconds_once_and_then_the_next_link_follows() {
    if !have(&TOOLS) {
        return;
    }
    let mut session = Session::with_keyring().with_bundle();
    session.end_service();
    session.black_hole();
    for line in ["list b.consign", "pack tree --to north -o c.consign"] {
        let (ran, took) = session.alone("acme", line);
        ran.fails(9, "needs-passphrase").says("the keyring did not answer within 3 s");
        assert!((2900..6000).contains(&took.as_millis()), "{line}: {took:?}");
    }
    goes_on(&session, "did not answer within 3 s");
    // Asking for a new key's passphrase comes first, and then the keyring is not waited for twice.
    let made = session.typed("birch", "consign key new --name Birch --json", &[WORD, WORD]).ok();
    made.says(r#""keyring":"timed-out""#);
    assert!(!session.desk.home("birch").join("unlock.age").exists());
}

#[test]
fn whoever_gives_the_passphrase_or_wants_no_keyring_does_not_wait_for_it() {
    if !have(&TOOLS) {
        return;
    }
    let mut session = Session::with_keyring().with_bundle();
    session.end_service();
    session.black_hole();
    let quick = |variable: &str, value: &str, args: &[&str], code: i32| {
        let begun = std::time::Instant::now();
        let ran = Ran::of(session.command("acme").env(variable, value).args(args).arg("--no-input").output().unwrap());
        assert_eq!(ran.code, code, "{args:?}: {}", ran.err);
        assert!(begun.elapsed() < QUICK, "{variable}, {args:?}: {:?}", begun.elapsed());
        assert!(!ran.err.contains("3 s"), "{}", ran.err);
    };
    let pass = session.desk.path("pass");
    let list = ["list", "b.consign"];
    quick("CONSIGN_PASSPHRASE_FILE", pass.to_str().unwrap(), &list, 0);
    quick("CONSIGN_PASSPHRASE_COMMAND", "cat pass", &list, 0);
    quick("CONSIGN_NO_KEYRING", "1", &list, 9);
    quick("CONSIGN_HOME", "ci", &["key", "new", "--ci", "--name", "CI", "--passphrase-file", "ci-pass"], 0);
    // A home without anything for a keyring to unlock never asks one.
    let made = session.typed("birch", "consign key new --no-keyring --name Birch --json", &[WORD, WORD]).ok();
    made.says(r#""keyring":"off""#);
    quick("CONSIGN_HOME", session.desk.home("birch").to_str().unwrap(), &["pack", "tree", "-R", "acme.card"], 2);
    quick("CONSIGN_HOME", session.desk.home("birch").to_str().unwrap(), &list, 5);
}

#[test]
fn an_entry_that_was_deleted_or_is_not_the_right_one_leads_on() {
    if !have(&TOOLS) {
        return;
    }
    let session = Session::with_keyring().with_bundle();
    let (name, secret) = session.held().remove(0);
    for wrong in ["0123456789abcdef".repeat(4), "x".to_owned(), "y".repeat(5000)] {
        session.replace_secret(&name, &wrong);
        goes_on(&session, "what the keyring holds does not open unlock.age");
    }
    session.replace_secret(&name, &secret);
    session.alone("acme", "list b.consign").0.ok();
    session.clear();
    goes_on(&session, "the keyring holds nothing for these keys");
    // It is put back by name only, never by itself.
    assert_eq!(session.held(), []);
    session.typed("acme", "consign key passphrase --keep", &[WORD]).ok();
    session.alone("acme", "list b.consign").0.ok();
}

#[test]
fn an_unlock_file_that_is_damaged_stale_or_another_homes_leads_on() {
    if !have(&TOOLS) {
        return;
    }
    let session = Session::with_keyring().with_bundle();
    let (_, secret) = session.held().remove(0);
    let file = session.desk.home("acme").join("unlock.age");
    let sound = fs::read(&file).unwrap();
    let mut damaged = sound.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for (bytes, why) in
        [(&damaged[..], "unlock.age is of no use"), (b"junk", "unlock.age is of no use"), (&sound[..50], "no use")]
    {
        fs::write(&file, bytes).unwrap();
        goes_on(&session, why);
    }
    session.new_firm("birch").says(r#""keyring":"kept""#);
    fs::copy(session.desk.home("birch").join("unlock.age"), &file).unwrap();
    goes_on(&session, "what the keyring holds does not open unlock.age");
    // A copy of the folder from before the passphrase was changed: the keyring unlocks a passphrase of the past.
    let home = Home::at(session.desk.home("acme"));
    let secret = Secret::new(secret.into_bytes());
    keep(&home, &Secret::new(b"an old one".to_vec()), &Unlock::Keep(secret)).unwrap();
    goes_on(&session, "unlocks does not open");
    assert!(unlock::is_there(&home).unwrap());
}

#[test]
fn a_changed_passphrase_is_unlocked_by_the_same_keyring_and_forgotten_on_demand() {
    if !have(&TOOLS) {
        return;
    }
    let session = Session::with_keyring().with_bundle();
    let before = session.held();
    session.typed("acme", "consign key passphrase", &["new word", "new word"]).ok().says("unlocks them as before");
    assert_eq!(session.held(), before);
    session.alone("acme", "list b.consign").0.ok();
    session.desk.run("acme", "list b.consign").fails(4, "wrong-passphrase");

    // The old one is typed where there is no keyring, and mistyped; what the keyring unlocked is of no use after that.
    let line = "CONSIGN_NO_KEYRING=1 consign key passphrase";
    session.typed("acme", line, &["mistyped", "new word", "third", "thirt", "third", "third"]).ok().says("no longer");
    assert!(!session.desk.home("acme").join("unlock.age").exists());
    session.alone("acme", "list b.consign").0.fails(9, "needs-passphrase");
    let three = session.typed("acme", "consign list b.consign", &["a", "b", "c"]);
    three.fails(4, "wrong-passphrase");

    session.typed("acme", "consign key passphrase --keep", &["third"]).ok();
    assert_eq!(session.held(), before, "the same secret");
    session.alone("acme", "list b.consign").0.ok();
    session.alone("acme", "key passphrase --forget").0.ok();
    assert_eq!(session.held(), []);
    session.alone("acme", "list b.consign").0.fails(9, "needs-passphrase");
    session.alone("acme", "key passphrase --forget").0.ok();
}
