//! Where a bundle goes, what lies beside it there, and that neither is ever part of what is sent.

use std::path::{Path, PathBuf};

use super::order::{Output, Send};
use super::{Error, Home, Ledger, Result};
use crate::files::{self, folder_of};

/// An output that is named may not lie inside the tree that is packed; the default one may, and is never sent.
pub(super) fn check_output(order: &Send<'_>, target: &Path) -> Result<()> {
    let inside = matches!(order.out, Output::File(_)) && order.rev.is_none() && is_inside(target, order.path);
    if inside {
        return Err(Error::OutputInTree { path: target.to_owned() });
    }
    let note = note_of(target);
    for path in [target.to_owned(), note.clone()] {
        let there = std::fs::symlink_metadata(&path).is_ok_and(|m| !order.force || !m.is_file());
        if there || (path == note && path.exists() && !is_note_of(&note, target)) {
            return Err(files::Error::Exists { path }.into());
        }
    }
    Ok(())
}

fn is_inside(target: &Path, tree: &Path) -> bool {
    match (folder_of(target).canonicalize(), tree.canonicalize()) {
        (Ok(folder), Ok(tree)) => folder.starts_with(tree),
        _ => false,
    }
}

/// `NAME.txt` beside `NAME.consign`; for any other name, `.txt` behind it, so it is never the bundle itself.
pub(super) fn note_of(target: &Path) -> PathBuf {
    if target.extension().is_some_and(|e| e == "consign") {
        return target.with_extension("txt");
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".txt");
    target.with_file_name(name)
}

/// The payload of a bundle that awaits a signature, if it is there, and the request beside it.
fn waiting_files_of(bundle: &Path) -> Vec<PathBuf> {
    let [waiting, request] = ["consign.waiting", "sign-request"].map(|end| bundle.with_extension(end));
    if is_bundle(&waiting) { vec![waiting, request] } else { Vec::new() }
}

/// Whether a file begins as a bundle begins.
fn is_bundle(path: &Path) -> bool {
    files::starts_with(path, b"README.txt\0")
}

/// Whether a file may be replaced by this run's cover note: only an earlier note of the same bundle may.
pub(super) fn is_note_of(note: &Path, target: &Path) -> bool {
    let begins = target.file_name().map(|n| format!("{}: ", n.to_string_lossy())).unwrap_or_default();
    files::read_file(note, 1 << 20).is_ok_and(|text| text.starts_with(begins.as_bytes()))
}

/// What this run writes, and what earlier runs wrote beside it, is not part of the project.
pub(super) fn keep_out(home: &Home, order: &Send<'_>, target: Option<&Path>) -> Result<Vec<PathBuf>> {
    // The home holds keys and records: it never leaves, wherever it is.
    let mut paths = vec![home.path().to_owned()];
    if let Some(target) = target {
        paths.extend([target.to_owned(), note_of(target)]);
    }
    if let Output::Folder(folder) = order.out
        && order.rev.is_none()
        && is_inside(&folder.join("x"), order.path)
    {
        for name in Ledger::open(home).sent_names()? {
            let bundle = folder.join(format!("{name}.consign"));
            let note = note_of(&bundle);
            // Only what really is one: a file of the user's may have such a name.
            paths.extend(is_note_of(&note, &bundle).then_some(note));
            paths.extend(waiting_files_of(&bundle));
            paths.extend(is_bundle(&bundle).then_some(bundle));
        }
    }
    Ok(paths)
}
