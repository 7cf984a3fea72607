//! Making a workspace: `.consign` with its rules, written so that a person reads and changes them. `project.toml` comes
//! last, so a run that broke off leaves no workspace, and the next one completes it.

use std::fs;
use std::path::{Path, PathBuf};

use super::workspace::FOLDER;
use super::{Error, Result, project, tomlfile};
use crate::files::{self, io_at};

/// What a new project says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Founding<'a> {
    /// Who owns it.
    pub owner: &'a str,
    /// Its licence, an SPDX expression; empty for a licence of one's own.
    pub licence: &'a str,
    /// The text of the terms; none for a short one to begin with.
    pub terms: Option<&'a str>,
}

/// A licence of one's own.
const OWN_LICENCE: &str = "LicenseRef-Proprietary";

/// Ledger lines are hashed: git leaves their ends alone, and keeps the lines of both branches.
const ATTRIBUTES: &str = "*.jsonl -text merge=union\n";

const SCOPES: &str = "\
# Scopes: which files a partner may get

One file each, NAME.toml. Nothing leaves that no `include` names; `exclude` wins over `include`.

    partners = [\"acme\"]
    include = [\"services/api/\", \"proto/*.proto\"]
    exclude = [\"services/api/secrets/\"]
    expires = \"2027-03-31\"

`consign scope list` shows what each lets out, `consign scope explain PATH` why a file is in or out, and
`man consign.toml` every key.
";

/// Makes `.consign` in `root`.
///
/// # Errors
/// [`Error::WorkspaceExists`]; a licence that is no SPDX expression; what the system says.
pub fn found(root: &Path, founding: &Founding<'_>) -> Result<PathBuf> {
    let licence = if founding.licence.is_empty() { OWN_LICENCE } else { founding.licence };
    project::check_licence(licence).map_err(|why| Error::BadSetting { setting: "--licence", why })?;
    project::check_label(founding.owner).map_err(|why| Error::BadSetting { setting: "--owner", why })?;
    let folder = root.join(FOLDER);
    match fs::symlink_metadata(&folder) {
        Ok(found) if !found.is_dir() || folder.join("project.toml").symlink_metadata().is_ok() => {
            return Err(Error::WorkspaceExists { path: folder });
        }
        Ok(_) => {}
        Err(_) => fs::create_dir(&folder).map_err(io_at("make", &folder))?,
    }
    for name in ["scopes", "partners", "ledger"] {
        let path = folder.join(name);
        if !path.is_dir() {
            fs::create_dir(&path).map_err(io_at("make", &path))?;
        }
    }
    keep(&folder.join("ledger/.gitattributes"), ATTRIBUTES)?;
    keep(&folder.join("scopes/README.md"), SCOPES)?;
    let terms = founding.terms.map_or_else(|| terms_of(founding.owner), str::to_owned);
    keep(&folder.join("terms.txt"), &terms)?;
    files::write_new(&folder.join("project.toml"), project_of(founding.owner, licence).as_bytes(), false)?;
    files::sync_folder(root)?;
    Ok(folder)
}

/// Writes a file unless it is there: an earlier run may have written it, and somebody changed it since.
fn keep(path: &Path, text: &str) -> Result<()> {
    match files::write_new(path, text.as_bytes(), false) {
        Err(files::Error::Exists { .. }) => Ok(()),
        other => Ok(other?),
    }
}

fn project_of(owner: &str, licence: &str) -> String {
    let (owner, licence) = (tomlfile::quoted(owner), tomlfile::quoted(licence));
    format!(
        "\
# The rules of this project. consign follows them before anything leaves; man consign.toml has every key.
# There is no secret in this folder: commit it.

owner = {owner}
licence = {licence}

[terms]
# They travel in every bundle, are signed with it, and are accepted before it is unpacked.
title = \"Not yours to share\"
class = \"confidential\"
file = \"terms.txt\"

[require]
# What each partner must have in force: an agreement (nda), an audit.
evidence = [\"nda\"]
"
    )
}

/// Terms to begin with: what everybody agrees on, until a lawyer writes more.
fn terms_of(owner: &str) -> String {
    format!(
        "\
These files belong to {owner}.

You get them for the work that was agreed on, and for nothing else. Keep them
confidential: only the people who do this work may see them. Don't pass them
on, and don't keep copies when the work is done.

Where an agreement between us says more, or something else, it stands.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Class, Fault};
    use crate::exchange::{Home, Workspace};

    #[test]
    fn what_is_founded_is_found_and_says_what_it_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let owner = "Nørth \"& Söhne\" \\ Ltd";
        found(dir.path(), &Founding { owner, licence: "MIT OR Apache-2.0", terms: None }).unwrap();
        let workspace = Workspace::find(dir.path(), &home).unwrap().unwrap();
        assert_eq!(workspace.project.owner, owner);
        assert_eq!(workspace.project.licence, "MIT OR Apache-2.0");
        assert!(workspace.project.terms.text.contains(owner));
        let again = found(dir.path(), &Founding { owner: "x", ..Founding::default() }).unwrap_err();
        assert_eq!(again.word(), "workspace-exists");
        assert_eq!(Workspace::find(dir.path(), &home).unwrap().unwrap().project.owner, owner);
    }

    #[test]
    fn a_run_that_broke_off_is_completed_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("terms.txt"), "mine\n").unwrap();
        found(dir.path(), &Founding { owner: "N", terms: Some("theirs\n"), ..Founding::default() }).unwrap();
        assert_eq!(fs::read_to_string(folder.join("terms.txt")).unwrap(), "mine\n");
        assert!(folder.join("project.toml").is_file());
    }

    #[test]
    fn a_licence_that_is_none_founds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for (owner, licence) in [("N", "My own licence"), ("", "MIT"), ("\n", "MIT")] {
            assert_eq!(found(dir.path(), &Founding { owner, licence, terms: None }).unwrap_err().class(), Class::Usage);
        }
        assert!(!dir.path().join(FOLDER).exists());
    }
}
