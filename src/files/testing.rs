//! What tests need to make repositories with the real git, away from the settings of whoever runs them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether git is there; says so if it is not.
pub(crate) fn has_git() -> bool {
    let there = Command::new("git").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
    if !there {
        assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "git is not installed");
        writeln!(std::io::stderr(), "skipped: git is not installed").unwrap();
    }
    there
}

/// Runs git in a folder; gives its output.
pub(crate) fn git(folder: &Path, args: &[&str]) -> Vec<u8> {
    let settings = ["user.name=n", "user.email=m@example.com", "core.hooksPath=/dev/null", "commit.gpgSign=false"];
    let output = Command::new("git")
        .args(settings.iter().flat_map(|s| ["-c", s]))
        .arg("-C")
        .arg(folder)
        .args(args)
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_ATTR_NOSYSTEM", "1")])
        .envs([("GIT_COMMITTER_DATE", "1700000000 +0200"), ("GIT_AUTHOR_DATE", "1600000000 +0000")])
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
