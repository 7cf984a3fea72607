//! Four eyes on two machines: a bundle that nobody can open before the second person has signed.

use std::fs;
use std::process::Stdio;

use crate::desk::{Desk, Ran, have};
use crate::{Agent, judged, key, read, stock};

/// Northwind and Acme, and Bob, a colleague at Northwind with a home of his own. Acme knows Bob's card, too.
fn desk() -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    desk.new_firm("bob", "Bob at Northwind <bob@northwind.example>");
    desk.run("bob", "partner add north.card --as north --unchecked").ok();
    desk.run("acme", "partner add bob.card --as bob --unchecked").ok();
    desk
}

fn held(desk: &Desk) {
    desk.run("north", "pack tree --to acme --await bob.card").ok().says("waits");
}

fn waiting_files(desk: &Desk) -> Vec<String> {
    let folder = desk.home("north").join("waiting");
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const WAITING: &str = "acme-0001.consign.waiting";
const FINISH: &str = "finish acme-0001.consign.waiting acme-0001.signature";

#[test]
fn nobody_opens_it_before_the_second_signature_and_then_the_partner_does() {
    let desk = desk();
    held(&desk);
    assert!(!desk.path("acme-0001.consign").exists() && !desk.path("acme-0001.txt").exists());
    // No member that opens it is there, nor in the request.
    let payload = crate::tools::members(&fs::read(desk.path(WAITING)).unwrap());
    assert!(payload.iter().all(|(name, _, _)| !name.contains("key.age") && !name.contains("envelope")), "{payload:?}");
    for firm in ["acme", "bob", "north"] {
        assert_ne!(desk.run(firm, &format!("unpack {WAITING} -o out")).code, 0, "{firm}");
        assert_ne!(desk.run(firm, &format!("verify {WAITING}")).code, 0, "{firm}");
    }
    desk.run("acme", "sign acme-0001.sign-request -n --signer north.card").fails(4, "wrong-key");
    desk.run("bob", "sign acme-0001.sign-request -n").ok().says("src/main.c").says("acme").says("nothing was signed");
    desk.run("bob", "sign acme-0001.sign-request").fails(9, "needs-a-person").says("--yes");
    desk.run("bob", "sign acme-0001.sign-request --yes").ok().says("ledger");
    desk.run("north", FINISH).ok().says("acme-0001.consign").says("signed");
    assert!(waiting_files(&desk).is_empty() && !desk.path(WAITING).exists());
    desk.run("acme", "verify --deep acme-0001.consign").ok().says("and by bob");
    desk.run("acme", "unpack acme-0001.consign").ok();
    assert_eq!(desk.names("acme-0001"), desk.names("tree"));
    desk.run("bob", "unpack acme-0001.consign -o bobs").fails(4, "wrong-key");
    let log = desk.run("north", "log").ok().out;
    assert!(log.contains("waits for 1 signature") && log.contains("drop acme-0001 sent to acme"), "{log}");
    desk.run("bob", "log").ok().says("acme-0001 of north signed too, for");
    desk.run("north", "log verify").ok();
    assert!(read(&desk, "acme-0001.txt").contains("consign unpack acme-0001.consign"));
    // Once is enough, and the number is not given out again.
    desk.run("north", FINISH).fails(1, "io");
    desk.run("north", "pack tree --to acme").ok().says("acme-0002.consign");
}

#[test]
fn the_signature_may_come_from_a_real_agent_and_the_request_go_to_an_ssh_key() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    let _agent = Agent::start(&desk);
    key(&desk, "ed", "ed25519", "", "");
    key(&desk, "ecdsa", "ecdsa", "256", "");
    stock(&desk, "ssh-add", &["-q", "ed"]);
    desk.run("north", "pack tree --to acme --await ecdsa.pub").fails(2, "nothing-to-lock-to");
    desk.run("north", "pack tree --to acme --await ed.pub --await bob.card").ok();
    let args = ["sign", "acme-0001.sign-request", "--yes", "-i", "ed", "--sign-with", "ed.pub"];
    Ran::of(desk.command("bob").env("SSH_AUTH_SOCK", desk.path("agent")).args(args).output().unwrap()).ok();
    desk.run("north", FINISH).fails(2, "still-waiting").says("SHA256:");
    desk.run("bob", "sign acme-0001.2.sign-request --yes -o bobs.signature").ok();
    desk.run("north", "finish acme-0001.consign.waiting bobs.signature acme-0001.signature").ok();
    assert!(judged(&desk, "acme-0001.consign", 1, &read(&desk, "ed.pub")));
    desk.run("acme", "verify acme-0001.consign").ok().says("and by bob");
}

#[test]
fn a_signature_of_the_wrong_key_or_for_another_bundle_finishes_nothing() {
    let desk = desk();
    held(&desk);
    desk.run("north", "pack tree --to acme --await bob.card").ok().says("acme-0002");
    desk.run("bob", "sign acme-0002.sign-request --yes").ok();
    let wait = |desk: &Desk| (fs::read(desk.path(WAITING)).unwrap(), desk.run("north", "log").out);
    let before = wait(&desk);
    desk.run("north", "finish acme-0001.consign.waiting acme-0002.signature").fails(3, "bad-signature");
    desk.run("north", "finish acme-0001.consign.waiting acme-0001.sign-request").fails(3, "bad-signature");
    desk.run("north", "finish acme-0001.sign-request acme-0002.signature").fails(2, "not-waiting");
    desk.run("north", "finish acme-0001.consign.waiting not-there").fails(1, "io");
    desk.run("bob", "finish acme-0001.consign.waiting acme-0002.signature").fails(2, "not-waiting");
    assert_eq!(wait(&desk), before);
    // Who isn't asked can't sign, and is told who is.
    if have(&["ssh-keygen"]) {
        key(&desk, "ed", "ed25519", "", "");
        desk.run("bob", "sign acme-0001.sign-request --yes --sign-with ed").fails(2, "not-asked").says("it asks");
    }
    // A stranger's request is not shown.
    desk.new_firm("carl", "Carl <c@carl.example>");
    desk.run("carl", "partner add bob.card --as bob --unchecked").ok();
    desk.write("carls/x", "x");
    desk.run("carl", "pack carls --to bob --name c --await bob.card -o c.consign").ok();
    desk.run("bob", "sign c.sign-request --yes").fails(5, "untrusted");
    desk.run("north", "pack tree --to acme --await north.card").fails(2, "usage").says("twice");
    desk.run("north", "pack tree --to acme --await bob.card -o -").fails(2, "usage");
}

#[test]
fn what_changed_between_packing_and_finishing_is_refused() {
    let desk = desk();
    held(&desk);
    desk.run("bob", "sign acme-0001.sign-request --yes").ok();
    let sound = fs::read(desk.path(WAITING)).unwrap();
    let mut other = sound.clone();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    fs::write(desk.path(WAITING), &other).unwrap();
    desk.run("north", FINISH).fails(3, "changed").says("this run finished nothing");
    fs::write(desk.path(WAITING), &sound[..sound.len() - 512]).unwrap();
    desk.run("north", FINISH).fails(3, "changed");
    fs::write(desk.path(WAITING), &sound).unwrap();
    desk.write("acme-0001.consign", "something else");
    desk.run("north", FINISH).fails(1, "exists");
    fs::remove_file(desk.path("acme-0001.consign")).unwrap();
    desk.run("north", "partner remove acme").ok();
    desk.run("north", FINISH).fails(2, "no-partner");
    desk.run("north", "partner add acme.card --unchecked").ok();
    // Mail changes line ends.
    desk.write("acme-0001.signature", read(&desk, "acme-0001.signature").replace('\n', "\r\n"));
    desk.run("north", FINISH).ok();
    desk.run("acme", "verify --deep acme-0001.consign").ok();
}

#[test]
fn a_bundle_that_ended_while_it_waited_is_neither_signed_nor_finished() {
    let desk = desk();
    desk.run("north", "pack tree --to acme --await bob.card --expires 12s").ok();
    let signed = desk.run("bob", "sign acme-0001.sign-request --yes");
    assert_eq!(signed.code, 0, "{}", signed.err);
    std::thread::sleep(std::time::Duration::from_secs(13));
    desk.run("bob", "sign acme-0001.sign-request --yes --force").fails(6, "expired");
    desk.run("north", FINISH).fails(6, "expired");
    assert!(!desk.path("acme-0001.consign").exists());
}

#[test]
fn a_run_that_was_killed_while_finishing_is_finished_by_the_next_with_one_ledger_line() {
    let desk = desk();
    held(&desk);
    desk.run("bob", "sign acme-0001.sign-request --yes").ok();
    let sound = fs::read(desk.path(WAITING)).unwrap();
    let home = desk.home("north");
    let keep = desk.path("kept");
    stock(&desk, "cp", &["-r", home.join("waiting").to_str().unwrap(), keep.to_str().unwrap()]);
    desk.run("north", FINISH).ok();
    let whole = fs::read(desk.path("acme-0001.consign")).unwrap();
    // As if it had been killed at some point after the ledger line.
    for left in [sound.len(), sound.len() + 1, sound.len() + 700, whole.len() - 1, whole.len()] {
        ["acme-0001.consign", "acme-0001.txt"].iter().for_each(|name| drop(fs::remove_file(desk.path(name))));
        fs::write(desk.path(WAITING), &whole[..left]).unwrap();
        fs::remove_dir_all(home.join("waiting")).unwrap();
        stock(&desk, "cp", &["-r", keep.to_str().unwrap(), home.join("waiting").to_str().unwrap()]);
        desk.run("north", FINISH).ok().says("recorded by an earlier run");
        assert_eq!(fs::read(desk.path("acme-0001.consign")).unwrap(), whole, "{left}");
    }
    let log = desk.run("north", "log").ok().out;
    assert_eq!(log.matches("drop acme-0001").count(), 1, "{log}");
    // As if it had been killed after the bundle had its name, before the note.
    fs::remove_file(desk.path("acme-0001.txt")).unwrap();
    fs::remove_dir_all(home.join("waiting")).unwrap();
    stock(&desk, "cp", &["-r", keep.to_str().unwrap(), home.join("waiting").to_str().unwrap()]);
    desk.run("north", FINISH).ok().says("recorded by an earlier run");
    assert!(desk.path("acme-0001.txt").exists() && waiting_files(&desk).is_empty());
    // And a note that is the user's own is left alone, with the truth about the bundle.
    stock(&desk, "cp", &["-r", &format!("{}/.", keep.display()), home.join("waiting").to_str().unwrap()]);
    desk.write("acme-0001.txt", "mine");
    desk.run("north", FINISH).fails(1, "incomplete").says("may be opened").says("again completes it");
    assert_eq!(read(&desk, "acme-0001.txt"), "mine");
    desk.run("north", "log verify").ok();
}

#[cfg(unix)]
#[test]
fn a_folder_that_refuses_the_name_is_told_before_anything_is_changed() {
    use std::os::unix::fs::PermissionsExt;
    let desk = desk();
    desk.write("out/x", "");
    desk.run("north", "pack tree --to acme --await bob.card -o out/a.consign").ok();
    desk.run("bob", "sign out/a.sign-request --yes -o a.signature").ok();
    let (folder, file) = (desk.path("out"), desk.path("out/a.consign.waiting"));
    let before = (fs::read(&file).unwrap(), desk.run("north", "log").ok().out);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    // Root writes everywhere.
    let refused = fs::write(desk.path("out/y"), "").is_err();
    if refused {
        desk.run("north", "finish out/a.consign.waiting a.signature").fails(1, "io").says("this run finished nothing");
        assert_eq!((fs::read(&file).unwrap(), desk.run("north", "log").ok().out), before);
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    desk.run("north", "finish out/a.consign.waiting a.signature").ok();
}

#[test]
fn of_two_who_finish_at_once_one_does_and_the_other_is_told() {
    let desk = desk();
    held(&desk);
    desk.run("bob", "sign acme-0001.sign-request --yes").ok();
    let start = || {
        let mut command = desk.command("north");
        command.args(FINISH.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start(), start()];
    let codes: Vec<i32> = both.into_iter().map(|child| Ran::of(child.wait_with_output().unwrap()).code).collect();
    assert!(codes.contains(&0) && codes.iter().filter(|code| **code == 0).count() == 1, "{codes:?}");
    let log = desk.run("north", "log").ok().out;
    assert_eq!(log.matches("drop acme-0001").count(), 1, "{log}");
    desk.run("acme", "verify --deep acme-0001.consign").ok();
}

#[test]
fn a_request_is_refused_if_any_byte_of_it_differs() {
    let desk = desk();
    held(&desk);
    let sound = fs::read(desk.path("acme-0001.sign-request")).unwrap();
    let step = (sound.len() / 60).max(1);
    for at in (0..sound.len()).step_by(step) {
        let mut other = sound.clone();
        other[at] ^= 1;
        desk.write("bad.sign-request", other);
        let ran = desk.run("bob", "sign bad.sign-request --yes");
        assert!(matches!(ran.code, 3 | 4 | 10), "byte {at}: {} {}", ran.code, ran.err);
        assert!(!desk.path("bad.signature").exists() && !ran.err.contains("panicked"), "byte {at}");
    }
}

#[cfg(unix)]
#[test]
fn what_waits_in_the_home_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let desk = desk();
    held(&desk);
    let folder = desk.home("north").join("waiting");
    assert_eq!(waiting_files(&desk).len(), 2);
    for name in waiting_files(&desk) {
        let mode = fs::metadata(folder.join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_second_signer_is_told_whose_keys_they_are_here_and_not_what_the_packer_calls_them() {
    let desk = desk();
    held(&desk);
    let shown = desk.run("bob", "sign acme-0001.sign-request -n").ok();
    // Bob knows Northwind, and not yet Acme, whatever the packer calls that key.
    shown.says("\"acme\", not known here").says("opens it  north ");
    let json = desk.run("bob", "sign acme-0001.sign-request -n --json").ok().out;
    assert!(json.contains(r#""known_as":"north""#) && json.contains(r#""known_as":null"#), "{json}");
    desk.run("bob", "partner add acme.card --as the-vendor --unchecked").ok();
    let shown = desk.run("bob", "sign acme-0001.sign-request -n").ok();
    assert!(shown.says("opens it  the-vendor ").out.lines().all(|line| !line.contains("not known here")));
}

#[test]
fn the_second_signer_obeys_the_rules_of_its_own_configuration() {
    let desk = desk();
    held(&desk);
    let configure = |text: &str| fs::write(desk.home("bob").join("config.toml"), text).unwrap();
    for table in ["policy", "partners.north"] {
        configure(&format!("[{table}]\nrequire-hardware = true\n"));
        let refused = desk.run("bob", "sign acme-0001.sign-request --yes").fails(6, "not-hardware");
        refused.says(&format!("[{table}]")).says("nothing was signed");
    }
    configure("[policy]\nrequire-post-quantum = true\n");
    desk.run("bob", "sign acme-0001.sign-request --yes").ok();
    let card = read(&desk, "acme.card");
    let classical = card.split('"').find(|word| word.starts_with("age1") && !word.starts_with("age1pq1")).unwrap();
    desk.run("north", &format!("pack tree -r {classical} --name b --await bob.card -o b.consign")).ok();
    let refused = desk.run("bob", "sign b.sign-request --yes").fails(6, "not-post-quantum");
    refused.says("[policy]").says("nothing was signed");
    assert!(!desk.path("b.signature").exists());
}
