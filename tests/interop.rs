//! Stock tools as independent judges: the by-hand recipe of FORMAT §7 runs exactly as it is printed.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::tools::have;
use support::*;

const TOOLS: [&str; 7] = ["bash", "tar", "ssh-keygen", "b3sum", "age", "zstd", "jq"];

fn recipe() -> String {
    let page = include_str!("../docs/FORMAT.md");
    page.split("```bash\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// Lays out what the recipe expects, and runs it.
fn by_hand(bundle: &[u8], from: &Firm, key: &[u8], dir: &Path) -> Output {
    let _gone = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("acme-0007.consign"), bundle).unwrap();
    let line = from.signing.public().line().unwrap();
    fs::write(dir.join("allowed_signers"), format!("northwind namespaces=\"consign-bundle-v1\" {line}\n")).unwrap();
    fs::write(dir.join("my.key"), key).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(dir.join("my.key"), mode).unwrap();
    Command::new("bash").arg("-c").arg(recipe()).current_dir(dir).output().unwrap()
}

fn small_tree(dir: &Path) {
    fs::create_dir_all(dir.join("src")).unwrap();
    fs::write(dir.join("src/main.c"), "int main(void) { return 0; }\n").unwrap();
    fs::write(dir.join("ü.txt"), "umlaut").unwrap();
    fs::write(dir.join("big"), (0..9_000_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect::<Vec<_>>()).unwrap();
    std::os::unix::fs::symlink("src/main.c", dir.join("link")).unwrap();
}

#[test]
fn the_recipe_opens_a_bundle_as_it_is_printed() {
    if !have(&TOOLS) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    small_tree(&tree);
    let (northwind, acme) = (Firm::new(), Firm::new());
    let (bundle, _) = bundle_of(&tree, &northwind, &[&acme], 2);
    let work = dir.path().join("work");
    let out = by_hand(&bundle, &northwind, acme.identity.expose(), &work);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(tree_of(&tree), tree_of(&work.join("out")));
    let shown = String::from_utf8_lossy(&out.stdout);
    assert!(shown.contains("\"consign\":\"terms/1\""), "{shown}");
}

#[test]
fn the_recipe_stops_on_a_changed_bundle_and_on_another_signer() {
    if !have(&TOOLS) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    small_tree(&tree);
    let (northwind, acme, birch) = (Firm::new(), Firm::new(), Firm::new());
    let (bundle, _) = bundle_of(&tree, &northwind, &[&acme], 2);
    let work = dir.path().join("work");
    for (member, at) in data_of_members(&bundle) {
        // The final line of the tar is not data that the recipe reads.
        if member == "end" {
            continue;
        }
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        let out = by_hand(&changed, &northwind, acme.identity.expose(), &work);
        assert!(!out.status.success(), "a byte of {member} was changed and the recipe went on");
    }
    assert!(!by_hand(&bundle, &birch, acme.identity.expose(), &work).status.success());
    assert!(!by_hand(&bundle, &northwind, birch.identity.expose(), &work).status.success());
}

#[test]
fn an_ssh_ed25519_key_made_by_ssh_keygen_opens_and_signs() {
    if !have(&TOOLS) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("id");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let private = fs::read(&key).unwrap();
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    let tree = dir.path().join("tree");
    small_tree(&tree);
    let secret = || consign::crypto::Secret::new(private.clone());
    let ssh = Firm {
        identity: secret(),
        recipient: public.trim().to_owned(),
        signing: consign::crypto::SigningKey::read(&secret(), "id", &NoPassphrase).unwrap(),
    };
    let (bundle, _) = bundle_of(&tree, &ssh, &[&ssh], 2);
    unpack(&bundle, &ssh, &ssh.trusts(), &dir.path().join("unpacked")).unwrap();
    assert_eq!(tree_of(&tree), tree_of(&dir.path().join("unpacked")));
    let out = by_hand(&bundle, &ssh, &private, &dir.path().join("work"));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
