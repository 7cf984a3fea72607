//! The man pages in `man/` are what the program writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::desk::{Desk, have};

#[test]
fn man_pages_are_fresh_and_clean() {
    let desk = Desk::new();
    desk.run("nobody", "man pages").ok();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let mut names = desk.names("pages");
    let here: Vec<String> =
        fs::read_dir(&kept).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    for name in &names {
        let (made, kept) =
            (fs::read(desk.path("pages").join(name)).unwrap(), fs::read(kept.join(name)).unwrap_or_default());
        assert!(made == kept, "man/{name} is not what `consign man man` writes now");
    }
    names.extend(["consign-handoff.7".into(), "consign.toml.5".into()]);
    assert!(here.iter().all(|n| names.contains(n)), "man/ holds a page that nothing writes: {here:?}");
    if have(&["mandoc"]) {
        for name in desk.names("pages") {
            let lint = Command::new("mandoc")
                .args(["-T", "lint", "-W", "warning"])
                .arg(desk.path("pages").join(&name))
                .output();
            let lint = lint.unwrap();
            assert!(lint.status.success(), "{name}: {}", String::from_utf8_lossy(&lint.stdout));
        }
    }
}
