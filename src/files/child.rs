//! The one door through which children are started: none of them gets the variables that hold a key, or say where its
//! passphrase is.

use std::ffi::OsStr;
use std::process::Command;

/// What a child has no business with.
const SECRETS: [&str; 4] =
    ["CONSIGN_IDENTITY_DATA", "CONSIGN_PASSPHRASE_FILE", "CONSIGN_PASSPHRASE_FD", "CONSIGN_PASSPHRASE_COMMAND"];

/// A command that runs `program`, without those variables.
#[must_use]
pub fn child(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    SECRETS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command
}
