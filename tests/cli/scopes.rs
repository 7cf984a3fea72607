//! Stories about scopes: who may get what, and why.

use std::fs;

use crate::desk::Desk;

const API: &str = "description = 'What builds the API'\npartners = ['acme']\ninclude = [\n  'services/api/',\n  \
    'proto/**',\n]\nexclude = ['secrets/', '*.pem']\nexpires = '2199-02-28'\n";

/// Northwind in a workspace with a scope, and files in and out of it.
fn desk() -> Desk {
    let desk = Desk::with_firms();
    for path in
        ["services/api/main.rs", "services/api/secrets/key", "services/web/index.js", "proto/a.proto", "dev.pem"]
    {
        desk.write(&format!("tree/{path}"), path);
    }
    let init = desk.command("north").args(["init", "tree", "--owner", "Northwind Ltd"]).output().unwrap();
    assert!(init.status.success());
    desk.write("tree/.consign/scopes/api.toml", API);
    desk.write("nda.txt", "What is shown stays between us.\n");
    run(&desk, "tree", "partner agree acme --nda ../nda.txt --until 2199-01-01").ok();
    desk
}

fn run(desk: &Desk, folder: &str, line: &str) -> crate::desk::Ran {
    let mut command = desk.command("north");
    command.args(line.split(' ')).current_dir(desk.path(folder));
    crate::desk::Ran::of(command.output().unwrap())
}

#[test]
fn scopes_are_listed_with_what_they_let_out_and_what_is_odd() {
    let desk = desk();
    run(&desk, "tree", "scope list")
        .ok()
        .says("api      2 files, 33 B; for acme; until 2199-02-28")
        .says("scopes/api.toml:7: exclude \"*.pem\" matches nothing");
    desk.write("tree/.consign/scopes/none.toml", "partners = ['nobody']\ninclude = ['nix/']\n");
    desk.write("tree/.consign/scopes/old.toml", "partners = []\ninclude = ['proto/']\nexpires = '2024-02-29'\n");
    run(&desk, "tree/services", "scope list")
        .ok()
        .says("nothing; for nobody")
        .says("nobody is no partner on record here")
        .says("lets out nothing of what is packed")
        .says("for nobody yet; ended 2024-02-29");
    desk.write("tree/.consign/scopes/bad.toml", "partners = ['acme']\ninclude = ['a/', '!b']\n");
    let told = run(&desk, "tree", "scope list --json").fails_with(1);
    let object: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(object["scopes"][0]["files"], 2);
    assert_eq!(object["scopes"][1]["code"], "config-broken");
    run(&desk, "tree", "scope list").fails(1, "config-broken").says("line 2").says("^^^^");
}

#[test]
fn a_scope_is_shown_with_its_lines_and_folders() {
    let desk = desk();
    run(&desk, "tree", "scope show api")
        .ok()
        .says("about    What builds the API")
        .says("services/api/   line 4")
        .says("in       proto/")
        .says("the scope leaves out (services/api/secrets/)")
        .says("outside the scope");
    run(&desk, "tree", "scope show API").fails(2, "no-scope").says("there is no scope `API`").says("nothing was shown");
    run(&desk, ".", "scope list").fails(2, "no-workspace");
}

#[test]
fn a_path_is_explained_for_each_scope_by_its_line() {
    let desk = desk();
    desk.write("tree/.consign/scopes/all.toml", "partners = ['acme', 'birch']\ninclude = ['**']\ntypes = ['js']\n");
    desk.write("tree/.consignignore", "*.log\n");
    let explain = |folder: &str, path: &str| run(&desk, folder, &format!("scope explain {path}")).ok();
    explain("tree", "services/api/secrets/key")
        .says("out   scopes/api.toml:7: exclude \"secrets/\"; for acme")
        .says("out   scopes/all.toml:3: types \"js\"; for acme, birch");
    explain("tree/services", "web/index.js")
        .says("in   scopes/all.toml:2: include \"**\"")
        .says("no include lets it out");
    explain("tree/services", "../proto/new.proto").says("not there").says("scopes/api.toml:5: include \"proto/**\"");
    explain("tree", "proto/x.log").says(".consignignore:1: *.log").says("in by the scope, but left out");
    explain("tree", ".git/config").says("never");
}

#[test]
fn hostile_scope_files_are_told_and_never_obeyed() {
    let desk = desk();
    let deep = format!("partners = []\ninclude = ['{}x']\n", "a/".repeat(100));
    let bombs: [(&str, &[u8]); 6] = [
        ("alternatives", "partners = []\ninclude = ['{{{{{{{{a,b},c},d},e},f},g},h},i}']\n".as_bytes()),
        ("stars", b"partners = []\ninclude = ['**/a/**/b/**/c/**/d/**/e']\n"),
        ("deep", deep.as_bytes()),
        ("bytes", b"partners = []\ninclude = ['\xff']\n"),
        ("escape", b"partners = []\ninclude = ['\\u001b[2J', \"\\u001b[2J\"]\n"),
        ("command", b"partners = []\ninclude = ['a']\nrun = 'touch pwned'\n"),
    ];
    for (name, text) in bombs {
        desk.write(&format!("tree/.consign/scopes/{name}.toml"), text);
    }
    let told = run(&desk, "tree", "scope list").fails(1, "config-broken");
    assert!(!told.out.contains('\u{1b}') && !desk.path("tree/pwned").exists(), "{}", told.out);
    for name in ["stars", "deep", "bytes", "escape", "command"] {
        run(&desk, "tree", &format!("scope show {name}")).fails(1, "config-broken").says("line");
    }
    fs::remove_dir_all(desk.path("tree/.consign/scopes")).unwrap();
    run(&desk, "tree", "scope list").ok().says("no scopes");
}

#[test]
fn each_refusal_of_a_scope_has_its_word_and_leaves_nothing() {
    let desk = desk();
    let pack = |rest: &str| run(&desk, "tree", &format!("pack . {rest} -o ../out.consign"));
    pack("--to acme --scope nix").fails(2, "no-scope");
    pack("--to acme").fails(6, "scope-needed");
    desk.write("tree/.consign/scopes/other.toml", "partners = ['birch']\ninclude = ['proto/']\n");
    pack("--to acme --scope other").fails(6, "scope-not-bound").says("it is for birch");
    desk.write("tree/.consign/scopes/old.toml", "partners = ['acme']\ninclude = ['proto/']\nexpires = '2024-02-29'\n");
    pack("--to acme:old").fails(6, "scope-ended").says("ended 2024-02-29");
    desk.write("tree/.consign/scopes/small.toml", "partners = ['acme']\ninclude = ['**']\nmax-files = 2\n");
    pack("--to acme:small").fails(6, "scope-too-large");
    desk.write("tree/.consign/scopes/none.toml", "partners = ['acme']\ninclude = ['nix/']\n");
    pack("--to acme:none").fails(2, "scope-empty");
    assert!(!desk.path("out.consign").exists());
}
