//! Key files, keys in a real agent, certificates, and several signers at once.

use crate::desk::{Desk, Ran, have};
use crate::{Agent, judged, key, pack_with, read, stock};

const KINDS: [(&str, &str, &str); 6] = [
    ("ed", "ed25519", ""),
    ("p256", "ecdsa", "256"),
    ("p384", "ecdsa", "384"),
    ("p521", "ecdsa", "521"),
    ("rsa2", "rsa", "2048"),
    ("rsa3", "rsa", "3072"),
];

fn desk() -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    desk
}

#[test]
fn every_kind_of_key_signs_from_its_file_locked_or_not_and_ssh_keygen_verifies() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let desk = desk();
    for (name, kind, bits) in KINDS {
        key(&desk, name, kind, bits, "");
        let locked = format!("{name}-locked");
        // The passphrase of `pass`, which answers for everything.
        key(&desk, &locked, kind, bits, "correct horse");
        for name in [name, &locked] {
            let bundle = format!("{name}.consign");
            pack_with(&desk, &["-o", &bundle, "--sign-with", name]).ok();
            assert!(judged(&desk, &bundle, 0, &read(&desk, &format!("{name}.pub"))), "{name}");
            desk.run("acme", &format!("verify --signer {name}.pub {bundle}")).ok().says("1 ok");
            desk.run("acme", &format!("unpack --signer {name}.pub {bundle} -o out-{name}")).ok();
        }
    }
}

#[test]
fn every_kind_of_key_in_a_real_agent_signs_by_public_key_and_by_fingerprint() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    let _agent = Agent::start(&desk);
    for (name, kind, bits) in KINDS {
        key(&desk, name, kind, bits, "");
        stock(&desk, "ssh-add", &["-q", name]);
        // From here on only the agent has it.
        std::fs::remove_file(desk.path(name)).unwrap();
        let public = format!("{name}.pub");
        let fingerprint = stock(&desk, "ssh-keygen", &["-lf", &public]);
        let fingerprint = fingerprint.split(' ').nth(1).unwrap();
        for (n, which) in [public.as_str(), fingerprint].into_iter().enumerate() {
            let bundle = format!("{name}-{n}.consign");
            pack_with(&desk, &["-o", &bundle, "--sign-with", which]).ok();
            assert!(judged(&desk, &bundle, 0, &read(&desk, &public)), "{which}");
            desk.run("acme", &format!("verify --signer {public} {bundle}")).ok();
        }
    }
}

#[test]
fn a_certificate_stands_in_the_place_of_its_key_from_a_file_and_from_an_agent() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    key(&desk, "ca", "ed25519", "", "");
    let _agent = Agent::start(&desk);
    for (name, kind, bits) in KINDS {
        key(&desk, name, kind, bits, "");
        let public = format!("{name}.pub");
        stock(&desk, "ssh-keygen", &["-q", "-s", "ca", "-I", "it", "-n", "x", "-V", "20200101Z:20990101Z", &public]);
        let certificate = format!("{name}-cert.pub");
        let authority = format!("cert-authority {}", read(&desk, "ca.pub"));
        for bundle in [format!("{name}-file.consign"), format!("{name}-agent.consign")] {
            pack_with(&desk, &["-o", &bundle, "--sign-with", &certificate]).ok();
            assert!(judged(&desk, &bundle, 0, &authority), "{bundle}");
            // Its own key doesn't count, for ssh-keygen as for us.
            assert!(!judged(&desk, &bundle, 0, &read(&desk, &public)), "{bundle}");
            desk.run("acme", &format!("verify --signer {public} {bundle}")).fails(5, "untrusted");
            desk.run("acme", &format!("inspect {bundle}")).ok().says("certificate");
            stock(&desk, "ssh-add", &["-q", name]);
        }
    }
    pack_with(&desk, &["--sign-with", "ca-cert.pub"]).fails(1, "io");
}

#[test]
fn four_eyes_on_one_machine_are_all_named_and_all_shown() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    let _agent = Agent::start(&desk);
    key(&desk, "one", "ed25519", "", "");
    key(&desk, "two", "ecdsa", "256", "");
    stock(&desk, "ssh-add", &["-q", "two"]);
    pack_with(&desk, &["-o", "b.consign", "--sign-with", "own", "--sign-with", "one", "--sign-with", "two.pub"]).ok();
    for (k, public) in [(1, "one.pub"), (2, "two.pub")] {
        assert!(judged(&desk, "b.consign", k, &read(&desk, public)), "{public}");
    }
    desk.run("acme", "verify b.consign").ok().says("and by").says("not known here");
    desk.run("acme", "verify --signer one.pub --signer two.pub b.consign").ok().says("and by one.pub");
    let json = desk.run("acme", "verify --json b.consign").ok().out;
    assert_eq!(json.matches("\"fingerprint\"").count(), 3, "{json}");
    // Own first, or not at all.
    pack_with(&desk, &["-o", "c.consign", "--sign-with", "one"]).ok();
    desk.run("acme", "verify c.consign").fails(5, "untrusted");
    let twice = pack_with(&desk, &["-o", "d.consign", "--sign-with", "one", "--sign-with", "one.pub"]);
    assert_eq!(twice.code, 2, "{}", twice.err);
    let nine: Vec<&str> = std::iter::repeat_n(["--sign-with", "one"], 9).flatten().collect();
    pack_with(&desk, &nine).fails(2, "usage").says("8 signers");
}

#[test]
fn what_can_not_sign_is_told_with_a_way_on_and_leaves_nothing() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    key(&desk, "ed", "ed25519", "", "");
    key(&desk, "short", "rsa", "1024", "");
    key(&desk, "locked", "ed25519", "", "another horse");
    desk.write("nothing", "nothing");
    let before = (desk.names("."), desk.run("north", "log").out);
    let named = |which: &str| pack_with(&desk, &["--sign-with", which]);
    named("ed.pub").fails(1, "no-agent").says("name the private key's file");
    named("SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA").fails(1, "no-agent");
    desk.args("north", &["pack", "tree", "--to", "acme", "--sign-with", "ed.pub"]).fails(1, "no-agent").says("not set");
    named("short").fails(2, "bad-key").says("2048");
    named("nothing").fails(2, "bad-key");
    named("not-there").fails(1, "io");
    named("locked").fails(4, "wrong-passphrase");
    {
        let _agent = Agent::start(&desk);
        stock(&desk, "ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "held"]);
        stock(&desk, "ssh-add", &["-q", "held"]);
        named("ed.pub").fails(2, "not-in-agent").says("it holds");
        ["held", "held.pub"].iter().for_each(|name| std::fs::remove_file(desk.path(name)).unwrap());
    }
    let _gone = std::fs::remove_file(desk.path("agent"));
    assert_eq!((desk.names("."), desk.run("north", "log").out), before);
}

#[test]
fn the_cover_note_of_a_key_in_an_agent_costs_no_second_signature() {
    if !have(&["ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let desk = desk();
    let _agent = Agent::start(&desk);
    key(&desk, "ed", "ed25519", "", "");
    stock(&desk, "ssh-add", &["-q", "ed"]);
    for n in ["1", "2"] {
        pack_with(&desk, &["-o", &format!("{n}.consign"), "--sign-with", "ed.pub"]).ok();
    }
    assert!(!desk.home("north").join("check-words").exists());
    let words = Ran::of(desk.command("north").args(["inspect", "--signer", "ed.pub", "1.consign"]).output().unwrap());
    words.ok();
    let line = read(&desk, "1.txt").lines().find(|l| l.starts_with("     ")).unwrap().trim().to_owned();
    assert_eq!(line.split(' ').count(), 6, "{line}");
}
