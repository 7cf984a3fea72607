//! Claims about the outbound gate as a user meets it: `check`, its formats, entries that allow, and `pack` behind it.

use std::fs;
use std::process::Command;

use crate::desk::{Desk, Ran, exists};

/// Secrets that nobody has; put together here, so that this file holds none.
fn secrets() -> [String; 2] {
    [["AKIA", "Q3EGR5T7Y2ZW7QF2"].concat(), ["hq8Zk2vL", "w9Xr4TnB7s"].concat()]
}

/// A project with an AWS key and a password in it.
fn leaky(desk: &Desk) {
    let [key, password] = secrets();
    desk.write("tree/README.md", "hello\n");
    desk.write("tree/api/src/s3.rs", format!("// one\nlet key = \"{key}\";\n"));
    desk.write("tree/api/.env", format!("A=1\nB=2\nPASSWORD={password}\n"));
}

/// No secret stands in a text.
#[track_caller]
fn silent(text: &str) {
    for secret in secrets() {
        assert!(!text.contains(&secret), "a secret is told: {text}");
    }
}

fn told(ran: &Ran) -> String {
    format!("{}{}", ran.out, ran.err)
}

/// Every file under a folder, with its bytes.
fn files(folder: &std::path::Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push((path.display().to_string(), fs::read(&path).unwrap())) }
    }
}

#[test]
fn a_secret_stops_a_pack_and_nothing_that_can_be_opened_is_left() {
    let desk = Desk::with_firms();
    leaky(&desk);
    let before = desk.names(".");
    let ran = desk.run("north", "pack tree --to acme").fails(7, "secret");
    let text = told(&ran);
    for part in [
        "2 secrets in the files to send",
        "tree/api/.env:3:10",
        "tree/api/src/s3.rs:2:12",
        "AWS access key",
        "AKIA..7QF2",
        "18 characters",
        "take them out, and replace them",
        "consign check --allow tree/api/.env:3 --why \"sample\"",
        "nothing was packed [7]",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    silent(&text);
    assert_eq!(desk.names("."), before);
    let dry = desk.run("north", "pack tree --to acme --dry-run").fails(7, "secret");
    silent(&told(&dry));
    let json = desk.run("north", "pack tree --to acme --json").fails_with(7);
    assert!(json.out.contains("\"code\":\"secret\"") && json.out.contains("\"line\":3"), "{}", json.out);
    silent(&told(&json));
    // Into a pipe comes what nobody can open: the tail is missing.
    let piped = desk.command("north").args(["pack", "tree", "--to", "acme", "-o", "-"]).output().unwrap();
    assert_eq!(piped.status.code(), Some(7));
    assert!(!piped.stdout.windows(14).any(|w| w == b"envelope.json\0"));
    desk.run("north", "pack tree --to acme --await acme").fails(7, "secret");
    assert_eq!(desk.names("."), before);
    let mut left = Vec::new();
    files(&desk.home("north"), &mut left);
    for (name, bytes) in left {
        silent(&format!("{name}: {}", String::from_utf8_lossy(&bytes)));
        assert!(!name.contains("/private/"), "{name} is left");
    }
    desk.run("north", "log").ok();
}

#[test]
fn every_format_tells_the_same_and_none_tells_the_secret() {
    let desk = Desk::new();
    leaky(&desk);
    let clean = desk.write("clean/a.txt", "hello\n");
    desk.run("nobody", "check clean").ok().says("1 file (6 B) checked: nothing that must not leave");
    desk.args("nobody", &["check", clean.to_str().unwrap()]).ok();
    let text = desk.run("nobody", "check tree").fails_with(7);
    assert!(text.out.contains("tree/api/.env:3:10") && text.out.contains("3 files"), "{}", text.out);
    let json = desk.run("nobody", "check tree --format json").fails_with(7);
    let object: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&object["code"], &object["errors"], &object["files"]), (&"secret".into(), &2.into(), &3.into()));
    assert_eq!(object["findings"][1]["rule"], "aws-access-key");
    let sarif = desk.run("nobody", "check tree --format sarif").fails_with(7);
    let log: serde_sarif::sarif::Sarif = serde_json::from_str(&sarif.out).unwrap();
    let results = log.runs[0].results.as_ref().unwrap();
    assert!(results.len() == 2 && results.iter().all(|r| r.rule_id.as_deref() == Some("secret")));
    let place = results[0].locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
    let region = place.region.as_ref().unwrap();
    assert_eq!((region.start_line, region.start_column), (Some(3), Some(10)));
    assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("tree/api/.env"));
    let junit = desk.run("nobody", "check tree --format junit").fails_with(7);
    assert!(junit.out.contains("failures=\"2\"") && junit.out.contains("tree/api/.env:3:10"), "{}", junit.out);
    let github = desk.run("nobody", "check tree --format github").fails_with(7);
    assert!(github.out.starts_with("::error file=tree/api/.env,line=3,col=10,title=secret::"), "{}", github.out);
    for ran in [&text, &json, &sarif, &junit, &github] {
        silent(&told(ran));
    }
    assert!(!exists(&desk.home("nobody")), "check made a home");
}

#[test]
fn what_was_never_looked_at_is_not_ok() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).unwrap();
    desk.run("nobody", "check empty").fails(2, "nothing-checked").says("not checked [2]");
    desk.run("nobody", "check nowhere").fails(1, "io").says("nowhere");
    desk.run("nobody", "check empty --json --format sarif").fails_with(2);
    desk.tree();
    desk.run("nobody", "check tree empty").fails(2, "usage");
    Command::new("mkfifo").arg(desk.path("tree/pipe")).status().unwrap();
    desk.run("nobody", "check tree").fails(10, "special-file");
    desk.run("nobody", "check tree/pipe").fails(10, "special-file");
}

#[test]
fn an_entry_allows_what_it_is_pinned_to_wherever_it_moves_and_nothing_else() {
    let desk = Desk::with_firms();
    leaky(&desk);
    let [key, password] = secrets();
    desk.run("north", "check --allow tree/api/.env:3").fails(2, "usage");
    desk.args("north", &["check", "--allow", "tree/api/.env:3", "--why", " "]).fails(2, "usage");
    desk.run("north", "check --allow tree/api/.env:2 --why sample").fails(2, "no-finding");
    desk.run("north", "check --allow tree/api/.env:3 --why sample").ok().says("18 characters");
    desk.run("north", "check --allow tree/api/src/s3.rs:2 --why sample").ok();
    let kept = fs::read_to_string(desk.home("north").join("allow.toml")).unwrap();
    assert!(kept.contains("why = \"sample\"") && kept.matches("[[allow]]").count() == 2, "{kept}");
    silent(&kept);
    desk.run("north", "check tree").ok().says("2 allowed");
    desk.run("north", "pack tree --to acme --dry-run").ok().says("secrets 0, 2 allowed");
    desk.run("north", "pack tree --to acme").ok().says("2 allowed");
    let mut ledger = Vec::new();
    files(&desk.home("north").join("ledger"), &mut ledger);
    assert!(ledger.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"allowed\":2")));
    // It moved.
    desk.write("tree/api/.env", format!("A=1\n\n\n\nPASSWORD={password}\n"));
    desk.run("north", "check tree").ok();
    // Another one in its place; the same one elsewhere.
    desk.write("tree/api/.env", format!("A=1\n\n\n\nPASSWORD={password}x\n"));
    desk.run("north", "check tree").fails_with(7).says("nothing is found any more");
    desk.write("tree/api/.env", "A=1\n");
    desk.write("tree/other.rs", format!("let key = \"{key}\";\n"));
    desk.run("north", "check tree").fails_with(7).says("tree/other.rs:1:12");
}

#[test]
fn a_workspace_says_what_else_must_not_leave() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.write("tree/src/hosts.c", "// connect to git.corp.example\n// Project Falcon\n");
    desk.write("tree/src/gpl.c", "// SPDX-License-Identifier: GPL-3.0-only\n");
    desk.write("tree/src/made.c", "// SPDX-License-Identifier: MIT\n// @generated by a tool\n");
    desk.write("tree/aux.c", "x\n");
    desk.write("tree/model.bin", format!("version https://git-lfs.github.com/spec/v1\noid sha256:{:064}\nsize 9\n", 1));
    desk.write(
        "tree/.consign/project.toml",
        "owner = 'N'\n[gate]\nforbidden-words = ['project falcon']\nforbidden-hosts = ['corp.example']\nhuge = 90\n\
         [gate.severity]\nlicence-missing = 'warning'\n[[gate.licence]]\nfiles = ['src/**']\nexpression = 'MIT'\n",
    );
    let ran = desk.run("north", "check tree --json").fails_with(7);
    let object: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let seen: Vec<String> = object["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            format!(
                "{} {} {}",
                f["file"].as_str().unwrap(),
                f["code"].as_str().unwrap(),
                f["severity"].as_str().unwrap()
            )
        })
        .collect();
    for wanted in [
        "tree/aux.c unportable-name error",
        "tree/model.bin huge-file warning",
        "tree/model.bin lfs-pointer error",
        "tree/src/gpl.c licence-foreign error",
        "tree/src/hosts.c forbidden-host error",
        "tree/src/hosts.c forbidden-word error",
        "tree/src/lib.c licence-missing warning",
        "tree/src/made.c generated-file warning",
    ] {
        assert!(seen.iter().any(|line| line == wanted), "no {wanted} in {seen:#?}");
    }
    desk.write("tree/.consign/project.toml", "owner = 'N'\n[gate.severity]\nsecret = 'off'\n");
    desk.run("north", "check tree").fails(1, "config-broken").says("secret");
    desk.write("tree/.consign/project.toml", "owner = 'N'\n");
    desk.write("tree/.consign/allow.toml", "<<<<<<< HEAD\n=======\n>>>>>>> theirs\n");
    desk.run("north", "check tree").fails(1, "config-broken").says("unresolved merge");
    desk.write("tree/.consign/allow.toml", "[[allow]]\nfile='a'\nregex='.*'\n");
    desk.run("north", "check tree").fails(1, "config-broken");
}

#[test]
fn lines_are_right_in_large_wide_and_minified_files() {
    let desk = Desk::new();
    let [key, _] = secrets();
    let line = format!("  {key}\n");
    desk.write("t/large", ["x\n".repeat(6 << 20), line.clone()].concat());
    desk.write("t/minified.js", format!("{} k=\"{key}\"", "x".repeat(5_000_000)));
    let wide: Vec<u8> = format!("\u{feff}one\nkey {key}\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    desk.write("t/wide.txt", wide);
    // Across the border of two volumes.
    let at = (4 << 20) - 7;
    desk.write("t/border", [" ".repeat(at), key].concat());
    let ran = desk.run("nobody", "check t").fails_with(7);
    for place in ["t/large:6291457:3", "t/minified.js:1:5000005", "t/wide.txt:2:5", "t/border:1:4194298"] {
        assert!(ran.out.contains(place), "no {place} in {}", ran.out);
    }
    silent(&ran.out);
}

#[test]
fn no_name_of_a_file_forges_a_line_or_another_finding() {
    let desk = Desk::new();
    let [key, _] = secrets();
    let name = "t/a\n::error file=x::\u{1b}[2J\u{202e}b,c.txt";
    desk.write(name, format!("{key}\n"));
    for format in ["text", "json", "sarif", "junit", "github"] {
        let ran = desk.args("nobody", &["check", "t", "--format", format]).fails_with(7);
        assert!(!ran.out.contains('\u{1b}') && !ran.out.contains('\u{202e}'), "{format}: {}", ran.out);
        assert!(!ran.out.contains("\n::error file=x"), "{format}: {}", ran.out);
        silent(&told(&ran));
    }
}

#[test]
fn the_hook_before_a_commit_runs_what_its_manifest_says() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.pre-commit-hooks.yaml")).unwrap();
    let field = |name: &str| {
        let line = manifest.lines().find_map(|line| line.trim().trim_start_matches("- ").strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(field("id:"), "consign-check");
    let entry = field("entry:");
    let words: Vec<&str> = entry.split(' ').skip(1).chain(["--"]).collect();
    assert!(entry.starts_with("consign ") && field("args:") == "[--]", "{entry}");
    let desk = Desk::new();
    leaky(&desk);
    desk.write("-q", "hello\n");
    desk.args("nobody", &[&words[..], &["tree/api/.env", "-q"]].concat()).fails_with(7).says("2 files");
    desk.args("nobody", &[&words[..], &["tree/README.md", "-q"]].concat()).ok();
}

#[test]
fn a_revision_is_checked_as_it_was_committed() {
    let desk = Desk::new();
    leaky(&desk);
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=n", "-c", "user.email=n@x"];
        let mut command = desk.wrap("nobody", "git");
        assert!(command.arg("-C").arg(desk.path("tree")).args(identity).args(args).output().unwrap().status.success());
    };
    git(&["init", "-q"]);
    git(&["add", "-f", "."]);
    git(&["commit", "-qm", "x"]);
    fs::remove_dir_all(desk.path("tree/api")).unwrap();
    desk.run("nobody", "check tree").ok();
    desk.run("nobody", "check tree --rev HEAD").fails_with(7).says("tree/api/.env:3:10");
}
