//! Claims about reading: what changed since it was listed is refused, whatever it became.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::bundle::select::{From, Order, Selection};
use crate::files::Silent;
use crate::format::tar::HeadKind;

fn select(path: &Path) -> Selection {
    let order = Order {
        from: From::Folder(path),
        globs: &[],
        scope: None,
        allow_unportable: true,
        latest: None,
        keep_out: &[],
        survey: false,
    };
    Selection::of(&order, &Silent).unwrap()
}

fn setup() -> (tempfile::TempDir, Selection) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("d/e")).unwrap();
    fs::write(dir.path().join("d/e/f"), b"hello").unwrap();
    let selection = select(dir.path());
    (dir, selection)
}

fn read(selection: &Selection, i: usize, offset: u64, len: usize) -> Result<Vec<u8>> {
    let mut out = b"before".to_vec();
    let read = selection.reader()?.read(i, offset, len, &mut out);
    assert_eq!(&out[..6], b"before");
    if read.is_err() {
        assert_eq!(out.len(), 6, "a failed read leaves nothing");
    }
    read.map(|()| out.split_off(6))
}

fn change(selection: &Selection) -> &'static str {
    let error = read(selection, 2, 0, 5).unwrap_err();
    assert!(error.to_string().contains("`d/e/f` changed while it was read"), "{error}");
    if let Error::ChangedWhileRead { how, .. } = error { how } else { "" }
}

#[test]
fn files_are_read_whole_and_in_slices() {
    let dir = tempfile::tempdir().unwrap();
    let big: Vec<u8> = (0..9_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    fs::write(dir.path().join("big"), &big).unwrap();
    fs::write(dir.path().join("empty"), b"").unwrap();
    let selection = select(dir.path());
    assert_eq!(read(&selection, 0, 0, big.len()).unwrap(), big);
    assert_eq!(read(&selection, 0, 4 << 20, 4 << 20).unwrap(), &big[4 << 20..8 << 20]);
    assert_eq!(read(&selection, 0, 8 << 20, big.len() - (8 << 20)).unwrap(), &big[8 << 20..]);
    assert_eq!(read(&selection, 1, 0, 0).unwrap(), b"");
    assert!(read(&selection, 0, 8 << 20, big.len()).is_err());
}

#[test]
fn many_folders_are_read_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..40 {
        let folder = dir.path().join("x".to_owned() + &"/y".repeat(i));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("f"), i.to_string()).unwrap();
    }
    let selection = select(dir.path());
    let mut reader = selection.reader().unwrap();
    let files: Vec<usize> =
        (0..selection.len()).filter(|i| matches!(selection.item(*i).kind, HeadKind::File { .. })).collect();
    let mut path = String::new();
    for i in files.iter().chain(files.iter().rev()).chain(files.iter().step_by(7)) {
        selection.path_into(*i, &mut path);
        let want = path.matches("/y").count().to_string();
        let mut out = Vec::new();
        reader.read(*i, 0, want.len(), &mut out).unwrap();
        assert_eq!(out, want.as_bytes());
    }
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_refused() {
    let (dir, selection) = setup();
    let file = dir.path().join("d/e/f");
    assert_eq!(read(&selection, 2, 0, 5).unwrap(), b"hello");
    let time = file.metadata().unwrap().modified().unwrap();
    let restore = || File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    fs::write(&file, b"hell").unwrap();
    restore();
    assert_eq!(change(&selection), "it shrank");
    fs::write(&file, b"hello!").unwrap();
    restore();
    assert_eq!(change(&selection), "it grew");
    fs::write(&file, b"hellO").unwrap();
    let later = time + Duration::from_secs(5);
    File::options().write(true).open(&file).unwrap().set_modified(later).unwrap();
    assert_eq!(change(&selection), "it was written or replaced");
    fs::remove_file(&file).unwrap();
    assert_eq!(change(&selection), "it is gone");
    fs::create_dir(&file).unwrap();
    assert_eq!(change(&selection), "it is no longer a file");
}

#[test]
fn a_file_that_grows_while_it_is_read_is_refused() {
    let (dir, selection) = setup();
    let mut out = Vec::with_capacity(1 << 16);
    let mut file = File::options().append(true).open(dir.path().join("d/e/f")).unwrap();
    file.write_all(b"!").unwrap();
    let error = selection.reader().unwrap().read(2, 0, 5, &mut out).unwrap_err();
    assert!(matches!(error, Error::ChangedWhileRead { how: "it grew", .. }));
    assert!(out.is_empty());
}

#[cfg(unix)]
#[test]
fn a_file_or_folder_that_became_something_else_is_refused() {
    use std::os::unix::fs::symlink;
    let (dir, selection) = setup();
    let at = |path: &str| dir.path().join(path);
    let time = at("d/e/f").metadata().unwrap().modified().unwrap();
    // The same bytes and time under another inode.
    fs::write(at("d/e/g"), b"hello").unwrap();
    File::options().write(true).open(at("d/e/g")).unwrap().set_modified(time).unwrap();
    fs::rename(at("d/e/g"), at("d/e/f")).unwrap();
    assert_eq!(change(&selection), "it was written or replaced");
    // A link, also to the very file.
    fs::rename(at("d/e/f"), at("real")).unwrap();
    symlink("../../real", at("d/e/f")).unwrap();
    assert_eq!(change(&selection), "it became a link");
    // A FIFO: nobody waits.
    fs::remove_file(at("d/e/f")).unwrap();
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, at("d/e/f"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(change(&selection), "it is no longer a file");
    fs::remove_file(at("d/e/f")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("d/e/f")).unwrap();
    assert_eq!(change(&selection), "it became a special file");
    drop(socket);
    // A folder on the way.
    fs::rename(at("d"), at("d2")).unwrap();
    symlink("d2", at("d")).unwrap();
    assert!(matches!(change(&selection), "it became a link" | "its folder became something else"));
    fs::remove_file(at("d")).unwrap();
    fs::write(at("d"), b"").unwrap();
    assert_eq!(change(&selection), "its folder became something else");
}

#[cfg(unix)]
#[test]
fn nothing_outside_is_ever_read_while_links_are_swapped() {
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("outside")).unwrap();
    fs::create_dir_all(at("tree/d")).unwrap();
    fs::write(at("outside/f"), b"stolen").unwrap();
    fs::write(at("tree/d/f"), b"wanted").unwrap();
    symlink("../outside", at("tree/l")).unwrap();
    fs::remove_file(at("tree/l")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = fs::rename(at("tree/d"), at("kept"));
                let _ = symlink("../outside", at("tree/d"));
                let _ = fs::remove_file(at("tree/d"));
                let _ = fs::rename(at("kept"), at("tree/d"));
            }
        });
        let globs = [crate::files::Glob::Exclude("d".to_owned()), crate::files::Glob::Include("d/".to_owned())];
        let mut got = 0;
        for _ in 0..2000 {
            let tree = at("tree");
            let order = Order {
                from: From::Folder(&tree),
                globs: &globs,
                scope: None,
                allow_unportable: true,
                latest: None,
                keep_out: &[],
                survey: false,
            };
            let Ok(selection) = Selection::of(&order, &Silent) else { continue };
            for i in 0..selection.len() {
                if let HeadKind::File { .. } = selection.item(i).kind
                    && let Ok(bytes) = read(&selection, i, 0, 6)
                {
                    assert_eq!(bytes, b"wanted");
                    got += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert!(got > 0);
    });
}
