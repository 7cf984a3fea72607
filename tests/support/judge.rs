//! The second implementation as a process: Python with `blake3`, and tests/second.

use std::ffi::OsString;
use std::io::Write;
use std::process::Command;

use super::tools::have;

pub fn python() -> OsString {
    std::env::var_os("CONSIGN_PYTHON").unwrap_or_else(|| "python3".into())
}

/// Whether the judge can sit. It needs Python 3.11 with `blake3` (tests/second/requirements.txt), and stock tools.
pub fn judge() -> bool {
    if !have(&["age", "zstd", "ssh-keygen"]) {
        return false;
    }
    let test = "import sys, blake3; sys.exit(sys.version_info < (3, 11))";
    let there = Command::new(python()).args(["-c", test]).output().is_ok_and(|out| out.status.success());
    if !there {
        let what = "Python 3.11 with `blake3` (CONSIGN_PYTHON names it; tests/second/README.md)";
        assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "{what} is not there");
        let _unused = writeln!(std::io::stderr(), "SKIPPED: a test needs {what}");
    }
    there
}

/// A module of tests/second, to be run.
pub fn module(name: &str) -> Command {
    let mut command = Command::new(python());
    command.args(["-m", name]).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests"));
    command
}
