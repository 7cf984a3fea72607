//! Bundles of released versions, never made again: what was sent once can be opened for ever.

mod support;

use std::fs;
use std::path::Path;

use consign::bundle::{Ask, Opened, Signed};
use consign::crypto::{Identities, Secret};
use consign::files::{Root, Silent};
use consign::policy::admit;
use support::*;

#[test]
fn the_bundle_of_format_1_opens_for_ever() {
    let at = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/golden/format-1").join(name);
    let bundle = fs::read(at("golden-1.consign")).unwrap();
    let key = fs::read_to_string(at("sender.pub")).unwrap().parse().unwrap();
    let trusted = Signed::check(Opened::read(source_of(&bundle)).unwrap(), &Trust(vec![key])).unwrap().trust().unwrap();
    trusted.check_all(2, &Silent).unwrap();
    let mut identities = Identities::new(std::sync::Arc::new(NoPassphrase));
    identities.add(&Secret::new(fs::read(at("vendor.key")).unwrap()), "vendor.key").unwrap();
    let ask = Ask { identities: &identities, key_files: &[], compartment: None };
    let revealed = trusted.reveal(admit(None, now()).unwrap(), &ask).unwrap();
    assert_eq!(revealed.open[0].front.terms.text, "Not yours to share.\n");
    let dir = tempfile::tempdir().unwrap();
    revealed.unpack_into(&Root::open(dir.path()).unwrap(), &plainly(), &Silent).unwrap();
    let tree: Vec<String> = tree_of(dir.path()).into_iter().map(|(path, what)| format!("{path} {what}")).collect();
    let want = fs::read_to_string(at("tree.txt")).unwrap();
    assert_eq!(tree.join("\n"), want.trim_end());
}
