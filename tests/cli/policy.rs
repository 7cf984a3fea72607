//! Claims about `verify --policy`: what is demanded is met, or told with its word; what can't be looked at never passes.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::desk::{Desk, Ran};

/// Two firms, and `acme-0001.consign` from north to acme, which ends in 30 days.
fn desk() -> Desk {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme --expires 30d").ok();
    fs::rename(desk.path("north.card"), desk.path("northwind.card")).unwrap();
    desk
}

fn verify(desk: &Desk, policy: &str, more: &str) -> Ran {
    desk.write("p.toml", policy);
    desk.run("ci", &format!("verify acme-0001.consign --signer northwind.card --policy p.toml{more}"))
}

fn codes(ran: &Ran) -> Vec<String> {
    let told: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    let refusals = told["results"][0]["refusals"].as_array().cloned().unwrap_or_default();
    refusals.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_example_is_met_without_a_key_and_not_by_another_bundle() {
    let desk = desk();
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/rules/policy.toml")).unwrap();
    verify(&desk, &example, "").ok().says("ok means: also as the policy demands");
    desk.new_firm("birch", "Birch");
    desk.run("north", "partner add birch.card --unchecked").ok();
    desk.run("north", "pack tree --to acme --to birch -o other.consign --name other").ok();
    let line = "verify acme-0001.consign other.consign --signer northwind.card --policy p.toml --json";
    let ran = desk.run("ci", line).fails_with(6);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["results"][0]["ok"], true);
    let all = told["results"][1]["refusals"].as_array().unwrap();
    let all: Vec<&str> = all.iter().map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(all, ["policy-name", "policy-expires", "policy-recipients"]);
}

#[test]
fn each_demand_that_is_not_met_has_its_word() {
    let desk = desk();
    let stranger = Desk::new();
    stranger.new_firm("x", "X");
    fs::copy(stranger.path("x.card"), desk.path("x.card")).unwrap();
    for (policy, word) in [
        ("kind = 'return'", "policy-kind"),
        ("name = 'birch-*'", "policy-name"),
        ("name = '*,!acme-*'", "policy-name"),
        ("tool = 'other *'", "policy-tool"),
        ("answers = true", "policy-answers"),
        ("held = true", "policy-held"),
        ("expires = false", "policy-expires"),
        ("expires-within = '29d'", "policy-expires"),
        ("max-size = 100", "policy-size"),
        ("[signers]\nmin = 2", "policy-signers"),
        ("[signers]\nall-of = ['northwind.card', 'x.card']", "policy-signers"),
        ("[signers]\nany-of = ['x.card', 'acme.card']", "policy-signers"),
        ("[signers]\nonly = ['acme.card']", "policy-signers"),
        ("[signers]\nall-of = ['SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA']", "policy-signers"),
        ("[recipients]\nall-of = ['x.card']", "policy-recipients"),
        ("[recipients]\nany-of = ['x.card']", "policy-recipients"),
        ("[recipients]\nonly = ['acme.card']", "policy-recipients"),
        ("[recipients]\nmax = 1", "policy-recipients"),
        (
            "[recipients]\nall-of = ['age155fvreeezgmxlzxjzndnpx6dgy5ne46p93cf06c2wefl8tq6n5yq05v5z3']",
            "policy-recipients",
        ),
    ] {
        verify(&desk, policy, "").fails(6, word);
        assert_eq!(codes(&verify(&desk, policy, " --json")), [word], "{policy}");
    }
    for met in [
        "[signers]\nany-of = ['x.card', 'northwind.card']",
        "[recipients]\nonly = ['northwind.card', 'acme.card', 'x.card']",
        "[recipients]\nmax = 2",
        "max-age = '1d'",
        "expires-within = '1mo'\nexpires = true",
    ] {
        verify(&desk, met, "").ok();
    }
    let own = desk.run("north", "key show --json").ok().out;
    let fingerprint = own.split('"').find(|text| text.starts_with("SHA256:")).unwrap().to_owned();
    verify(&desk, &format!("[signers]\nonly = ['{fingerprint}']"), "").ok();
    // By the names of partners, where there are some.
    desk.write("p.toml", "[signers]\nonly = ['northwind']\n[recipients]\nonly = ['northwind', 'you']");
    desk.run("acme", "verify acme-0001.consign --policy p.toml").ok();
    desk.write("p.toml", "[signers]\nonly = ['you']\n[recipients]\nonly = ['you', 'acme']");
    desk.run("north", "verify acme-0001.consign --policy p.toml").ok();
}

#[test]
fn what_only_a_key_shows_never_passes_without_one() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("terms", "Keep it.\n");
    desk.run("north", "pack tree --to acme --terms terms").ok();
    fs::rename(desk.path("north.card"), desk.path("northwind.card")).unwrap();
    for key in ["owner = ['Northwind Ltd']", "max-files = 9", "scope = ['']"] {
        verify(&desk, &format!("[contents]\n{key}"), "").fails(2, "policy-needs-key");
        // Not by a key alone, either: without --deep nothing is opened.
        desk.run("acme", "verify acme-0001.consign --policy p.toml").fails(2, "policy-needs-key");
        desk.run("acme", "verify acme-0001.consign --policy p.toml --deep").ok();
        desk.run("ci", "verify acme-0001.consign --signer northwind.card --policy p.toml --deep").fails(4, "wrong-key");
    }
    let told = desk.run("acme", "unpack acme-0001.consign --json").out;
    let id = serde_json::from_str::<Value>(&told).unwrap()["stated"][0]["id"].as_str().unwrap().to_owned();
    for (key, word) in [
        ("owner = ['Acme']".to_owned(), "policy-owner"),
        ("licence = ['MIT', 'Apache-2.0']".to_owned(), "policy-licence"),
        ("class = ['secret']".to_owned(), "policy-class"),
        ("agreement = ['NDA-1']".to_owned(), "policy-agreement"),
        (format!("terms = ['{}']", "0".repeat(64)), "policy-terms"),
        ("scope = ['api']".to_owned(), "policy-scope"),
        ("max-files = 1".to_owned(), "policy-files"),
        ("max-bytes = 1".to_owned(), "policy-bytes"),
    ] {
        desk.write("p.toml", format!("[contents]\n{key}\n"));
        desk.run("acme", "verify acme-0001.consign --policy p.toml --deep").fails(6, word);
    }
    desk.write("p.toml", format!("[contents]\nterms = ['{id}']\n"));
    desk.run("acme", "verify acme-0001.consign --policy p.toml --deep").ok();
    desk.write("p.toml", "name = 'x'\n[contents]\nowner = ['Acme']\nmax-files = 1\n");
    let ran = desk.run("acme", "verify acme-0001.consign --policy p.toml --deep --json").fails_with(6);
    assert_eq!(codes(&ran), ["policy-name", "policy-owner", "policy-files"]);
}

#[test]
fn a_policy_with_a_mistake_in_it_is_pointed_at_and_lets_nothing_pass() {
    let desk = desk();
    for (policy, said) in [
        ("", "it demands nothing"),
        ("# nothing\n[signers]\n", "it demands nothing"),
        ("post-quantum = false\n", "it demands nothing"),
        ("kind = 'drop'\nmax-aeg = '3d'\n", "unknown field `max-aeg`"),
        ("<<<<<<< HEAD\nkind = 'drop'\n=======\n>>>>>>> x\n", "merge conflict"),
        ("max-age = 'soon'", "is no span"),
        ("max-age = '-3d'", "is no span"),
        ("max-age = '0d'", "is no span"),
        ("[signers]\nmin = 9", "at most 8"),
        ("[signers]\nmin = 0", "1 at least"),
        ("[signers]\nall-of = []", "empty list"),
        ("kind = 'drop'\nanswers = true", "never answers"),
        ("expires = false\nexpires-within = '3d'", "contradict"),
        ("[signers]\nall-of = ['nobody']", "no partner `nobody`"),
        ("[signers]\nall-of = ['SHA256:abc']", "SHA256:abc"),
        ("[signers]\nall-of = ['../northwind.card']", "without a folder"),
        ("[signers]\nall-of = ['link.card']", "it is not a file"),
        ("[signers]\nall-of = ['pipe.card']", "it is not a file"),
        ("[signers]\nall-of = ['gone.card']", "can't be used"),
        ("[signers]\nall-of = ['pass.card']", "can't be used"),
        ("[recipients]\nonly = ['age1xyz']", "age1xyz"),
        ("[contents]\nterms = ['abcdef']", "exactly 64"),
    ] {
        std::os::unix::fs::symlink("northwind.card", desk.path("link.card")).unwrap_or_default();
        std::process::Command::new("mkfifo").arg(desk.path("pipe.card")).output().unwrap();
        desk.write("pass.card", "correct horse");
        let ran = verify(&desk, policy, "").fails(1, "config-broken").says("not verified");
        let told = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(said), "no `{said}` in: {told}");
    }
    fs::write(desk.path("p.toml"), vec![b'#'; 1 << 20]).unwrap();
    let line = "verify acme-0001.consign --signer northwind.card --policy";
    desk.run("ci", &format!("{line} p.toml")).fails(10, "too-large");
    desk.run("ci", &format!("{line} pipe.card")).fails(1, "io").says("it is not a file");
    desk.run("ci", &format!("{line} pass/none")).fails(1, "io");
}
