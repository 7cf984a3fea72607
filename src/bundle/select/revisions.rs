//! Claims about what is selected from a git revision; the judge is the real `git archive`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::*;
use crate::class::Fault;
use crate::files::testing::{git, has_git};
use crate::files::{Error, NoteKind, Reason, Silent};

fn from(from: From<'_>) -> Order<'_> {
    Order { from, globs: &[], scope: None, allow_unportable: true, latest: None, keep_out: &[], survey: false }
}

fn revision<'a>(repo: &'a Path, rev: &'a str) -> Order<'a> {
    from(From::Revision { repo, rev })
}

fn select(repo: &Path) -> Selection {
    Selection::of(&revision(repo, "HEAD"), &Silent).unwrap()
}

fn refusal(repo: &Path, rev: &str) -> Error {
    Selection::of(&revision(repo, rev), &Silent).unwrap_err()
}

/// Every entry: its path, its kind, its contents.
fn entries(selection: &Selection) -> Vec<(String, String, Vec<u8>)> {
    let mut reader = selection.reader().unwrap();
    let entry = |i: usize| {
        let (mut path, mut bytes) = (String::new(), Vec::new());
        selection.path_into(i, &mut path);
        let kind = selection.item(i).kind;
        if let HeadKind::File { size, .. } = kind {
            reader.read(i, 0, usize::try_from(size).unwrap(), &mut bytes).unwrap();
        }
        (path, format!("{kind:?}"), bytes)
    };
    (0..selection.len()).map(entry).collect()
}

fn paths(selection: &Selection) -> Vec<String> {
    entries(selection).into_iter().map(|(path, ..)| path).collect()
}

/// What `git archive` gives, unpacked by `tar`.
fn archive(repo: &Path, rev: &str) -> Vec<(String, String, Vec<u8>)> {
    let bytes = git(repo, &["archive", "--format=tar", rev]);
    let dir = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar").arg("-xC").arg(dir.path()).stdin(Stdio::piped()).spawn().unwrap();
    tar.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(tar.wait().unwrap().success());
    let mut all = entries(&Selection::of(&from(From::Plain(dir.path())), &Silent).unwrap());
    // It keeps a folder whose files are all left out; we don't.
    let names: Vec<String> = all.iter().map(|(path, ..)| path.clone()).collect();
    all.retain(|(path, kind, _)| kind != "Dir" || names.iter().any(|name| name.starts_with(&format!("{path}/"))));
    all
}

/// The part of it that is in a folder. (Asked for the folder alone, git 2.39 forgets the attributes above it.)
fn archive_of(repo: &Path, folder: &str) -> Vec<(String, String, Vec<u8>)> {
    let below = |(path, kind, bytes): (String, String, Vec<u8>)| {
        let path = path.strip_prefix(folder)?.strip_prefix('/')?.to_owned();
        Some((path, kind, bytes))
    };
    archive(repo, "HEAD").into_iter().filter_map(below).collect()
}

fn write(repo: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let at = repo.join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, text).unwrap();
    }
}

fn commit(repo: &Path) {
    git(repo, &["add", "-A", "-f"]);
    git(repo, &["commit", "-q", "--allow-empty", "-m", "x"]);
}

/// A repository with one commit of these files.
fn repo(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q"]);
    write(dir.path(), files);
    commit(dir.path());
    dir
}

const RICH: [(&str, &str); 16] = [
    (".gitattributes", "*.doc export-ignore\nkeep.doc -export-ignore\n/ci/ export-ignore\ndeep/*/out export-ignore\n"),
    ("a/x", "x"),
    ("a-b", "ab"),
    ("a.c", ""),
    ("a0", "a0"),
    ("é/ü\n\"", "odd"),
    ("notes.doc", "no"),
    ("sub/keep.doc", "yes"),
    ("sub/other.doc", "no"),
    ("ci/a/b", "no"),
    ("sub/ci/a", "yes: the rule is for the top"),
    ("deep/1/out/x", "no"),
    ("deep/2/out", "no"),
    ("deep/2/in", "yes"),
    ("nest/.gitattributes", "secret export-ignore\n*.doc !export-ignore\n"),
    ("nest/secret/only", "no"),
];

#[test]
fn a_revision_is_what_git_archive_takes() {
    if !has_git() {
        return;
    }
    let dir = repo(&RICH);
    write(dir.path(), &[("nest/back.doc", "yes"), ("gone/all.doc", "no")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        symlink("a/x", dir.path().join("link")).unwrap();
        fs::set_permissions(dir.path().join("a0"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(dir.path().join(".git/info/attributes"), "a.c export-ignore\n").unwrap();
    commit(dir.path());
    // What is in the work tree now doesn't matter.
    write(dir.path(), &[("a/x", "changed"), ("new", "new"), (".gitattributes", "* export-ignore\n")]);
    let selection = select(dir.path());
    let got = entries(&selection);
    assert_eq!(got, archive(dir.path(), "HEAD"));
    assert!(got.iter().any(|(path, ..)| path == "nest/back.doc") && !got.iter().any(|(path, ..)| path == "gone"));
    let id = String::from_utf8(git(dir.path(), &["rev-parse", "HEAD"])).unwrap();
    assert_eq!(selection.revision(), Some(id.trim()));
    assert!((0..selection.len()).all(|i| selection.item(i).mtime == 1_700_000_000));
    let out = selection.left_out().iter().find(|l| l.reason == Reason::ExportIgnore).unwrap();
    assert_eq!((out.files, &*out.examples[0]), (8, "a.c"));
    assert!(out.examples.contains(&"ci/".to_owned()));
    // A folder in it, and the same without a work tree.
    for folder in ["sub", "nest", "deep/2"] {
        assert_eq!(entries(&select(&dir.path().join(folder))), archive_of(dir.path(), folder), "{folder}");
    }
    let bare = tempfile::tempdir().unwrap();
    git(bare.path(), &["clone", "-q", "--bare", dir.path().to_str().unwrap(), "."]);
    assert_eq!(entries(&select(bare.path())), archive(bare.path(), "HEAD"));
}

#[test]
fn a_revision_of_no_files_is_empty_and_has_no_folders() {
    if !has_git() {
        return;
    }
    let dir = repo(&[]);
    assert!(select(dir.path()).is_empty());
    write(dir.path(), &[(".gitattributes", "* export-ignore\n"), ("a/b/c", "x")]);
    commit(dir.path());
    assert!(select(dir.path()).is_empty());
}

#[test]
fn trees_that_are_too_deep_are_refused_unless_they_are_left_out() {
    if !has_git() {
        return;
    }
    let dir = repo(&[("a", "a"), (&("d/".repeat(255) + "f"), "deep")]);
    assert_eq!(select(dir.path()).len(), 257);
    write(dir.path(), &[(&("d/".repeat(256) + "f"), "too deep")]);
    commit(dir.path());
    assert!(refusal(dir.path(), "HEAD").to_string().contains("256 folders deep"));
    let globs = [Glob::Exclude("d/".to_owned())];
    let selection = Selection::of(&Order { globs: &globs, ..revision(dir.path(), "HEAD") }, &Silent).unwrap();
    assert_eq!(paths(&selection), ["a"]);
}

#[test]
fn repositories_with_longer_ids_are_read() {
    if !has_git() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["init", "-q", "--object-format=sha256"]);
    write(dir.path(), &RICH);
    commit(dir.path());
    assert_eq!(entries(&select(dir.path())), archive(dir.path(), "HEAD"));
    assert_eq!(select(dir.path()).revision().unwrap().len(), 64);
}

#[test]
fn times_of_a_revision_are_clamped() {
    if !has_git() {
        return;
    }
    let dir = repo(&[("a", "a")]);
    let selection = Selection::of(&Order { latest: Some(7), ..revision(dir.path(), "HEAD") }, &Silent).unwrap();
    assert_eq!(selection.item(0).mtime, 7);
}

#[test]
fn rules_come_from_the_revision_and_may_let_in_what_export_ignore_leaves_out() {
    if !has_git() {
        return;
    }
    let dir = repo(&[(".consignignore", "*.o\n!keep.o\n"), ("a.o", ""), ("s/keep.o", ""), ("s/.consignignore", "")]);
    write(dir.path(), &[(".gitattributes", "doc export-ignore\n"), ("doc/a", ""), ("doc/b", "")]);
    commit(dir.path());
    write(dir.path(), &[(".consignignore", "*\n")]);
    assert_eq!(paths(&select(dir.path())), [".gitattributes", "s", "s/.consignignore", "s/keep.o"]);
    let globs = [Glob::Include("doc/a".to_owned()), Glob::Exclude("s/".to_owned())];
    let selection = Selection::of(&Order { globs: &globs, ..revision(dir.path(), "HEAD") }, &Silent).unwrap();
    assert_eq!(paths(&selection), [".gitattributes", "doc", "doc/a"]);
    // In a folder, that folder's rules.
    assert_eq!(paths(&select(&dir.path().join("s"))), ["keep.o"]);
}

#[test]
fn submodules_are_left_out_by_name() {
    if !has_git() {
        return;
    }
    let dir = repo(&[("a", "a")]);
    let id = String::from_utf8(git(dir.path(), &["rev-parse", "HEAD"])).unwrap();
    git(dir.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{},lib/mod", id.trim())]);
    git(dir.path(), &["commit", "-q", "-m", "x"]);
    let selection = select(dir.path());
    assert_eq!(paths(&selection), ["a"]);
    let out = selection.left_out().iter().find(|l| l.reason == Reason::Submodule).unwrap();
    assert_eq!((out.folders, &*out.examples), (1, &["lib/mod".to_owned()][..]));
}

#[test]
fn what_an_archive_or_a_checkout_would_change_is_noted() {
    if !has_git() {
        return;
    }
    let attributes = "v export-subst\ni ident\nc eol=crlf\nl eol=lf text\nf filter=mine\nb filter=lfs\n\
                      w working-tree-encoding=UTF-16\nu working-tree-encoding=UTF-8\nt text\nn -text eol=crlf\n";
    let files = ["v", "i", "c", "l", "f", "b", "w", "u", "t", "n", "x.bundle"].map(|name| (name, "$Id$\n"));
    let dir = repo(&files);
    write(dir.path(), &[(".gitattributes", attributes)]);
    git(dir.path(), &["add", ".gitattributes"]);
    git(dir.path(), &["commit", "-q", "-m", "x"]);
    let notes = |dir: &Path| {
        let selection = select(dir);
        let notes = selection.notes().iter().map(|n| (n.kind, n.count, n.examples.join(" ")));
        notes.collect::<Vec<_>>()
    };
    let want = |ends: (u64, &str)| {
        vec![
            (NoteKind::GitBundle, 1, "x.bundle".to_owned()),
            (NoteKind::ExportSubst, 1, "v".to_owned()),
            (NoteKind::Ident, 1, "i".to_owned()),
            (NoteKind::LineEnds, ends.0, ends.1.to_owned()),
            (NoteKind::Filter, 1, "f".to_owned()),
            (NoteKind::Encoding, 1, "w".to_owned()),
        ]
    };
    assert_eq!(notes(dir.path()), want((1, "c")));
    git(dir.path(), &["config", "core.eol", "crlf"]);
    assert_eq!(notes(dir.path()), want((2, "c t")));
    git(dir.path(), &["config", "core.autocrlf", "true"]);
    assert_eq!(notes(dir.path()), want((10, ".gitattributes b c f i")));
    assert!(entries(&select(dir.path())).iter().all(|(.., bytes)| bytes == b"$Id$\n" || bytes.starts_with(b"v ")));
}

#[test]
fn revisions_that_are_not_there_are_named() {
    if !has_git() {
        return;
    }
    let dir = repo(&[("a/b", "b")]);
    for rev in ["nope", "--help", "-n", "HEAD:a", "", "HEAD~5", "HEAD\n"] {
        let error = refusal(dir.path(), rev);
        assert_eq!(error.to_string(), format!("git: unknown revision `{rev}`"));
    }
    write(dir.path(), &[("later/x", "x")]);
    let error = refusal(&dir.path().join("later"), "HEAD");
    assert!(error.to_string().contains("`later/` is not a folder in"), "{error}");
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(empty.path(), "HEAD").to_string().contains("not a git repository"));
    assert!(refusal(&empty.path().join("none"), "HEAD").to_string().contains("none"));
}

#[test]
fn lfs_pointers_in_a_revision_are_refused() {
    if !has_git() {
        return;
    }
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "0".repeat(64));
    let dir = repo(&[("a", "a"), ("cad.bin", &pointer)]);
    let error = select(dir.path()).precheck().unwrap_err();
    assert!(matches!(error, Error::LfsPointer { path } if path == "cad.bin"));
}

/// A commit of a tree that git itself would not make.
fn forged(entries: &[(&str, &str, &str)]) -> tempfile::TempDir {
    let dir = repo(&[("a", "hello"), ("t/x", "x")]);
    let mut tree = Vec::new();
    for (mode, name, of) in entries {
        let id = git(dir.path(), &["rev-parse", of]);
        tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        let hex = std::str::from_utf8(id.trim_ascii()).unwrap().to_owned();
        tree.extend((0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()));
    }
    fs::write(dir.path().join("tree"), tree).unwrap();
    let id = git(dir.path(), &["hash-object", "-t", "tree", "-w", "--literally", "tree"]);
    let id = String::from_utf8(id).unwrap();
    let commit = String::from_utf8(git(dir.path(), &["commit-tree", "-m", "x", id.trim()])).unwrap();
    git(dir.path(), &["update-ref", "--no-deref", "HEAD", commit.trim()]);
    dir
}

#[test]
fn forged_trees_are_refused() {
    if !has_git() {
        return;
    }
    let (file, folder) = ("100644", "40000");
    for bad in [
        vec![(file, "..", "HEAD:a")],
        vec![(folder, "..", "HEAD:t")],
        vec![(file, "b/c", "HEAD:a")],
        vec![(file, "/b", "HEAD:a")],
        vec![(folder, "t/u", "HEAD:t")],
        vec![(file, "a", "HEAD:a"), (file, "a", "HEAD:a")],
        vec![(folder, "t", "HEAD:t"), (folder, "t", "HEAD:t")],
        vec![(file, "t", "HEAD:a"), (folder, "t", "HEAD:t")],
        vec![(folder, ".Git", "HEAD:t")],
        vec![("120000", "l", "HEAD:a"), (folder, "l", "HEAD:t")],
    ] {
        let dir = forged(&bad);
        let error = refusal(dir.path(), "HEAD");
        assert!(matches!(error, Error::BadName { .. } | Error::Git { .. }), "{bad:?}: {error:?}");
        assert!(["unsafe-name", "git"].contains(&error.word()), "{bad:?}");
    }
}

#[test]
fn slices_of_a_large_blob_are_read_by_several_threads() {
    if !has_git() {
        return;
    }
    let size = 21_000_001;
    let big: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let dir = repo(&[("a", "a")]);
    fs::write(dir.path().join("big"), &big).unwrap();
    commit(dir.path());
    let selection = select(dir.path());
    let slice = 4 << 20;
    let next = std::sync::atomic::AtomicUsize::new(0);
    let parts = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut reader = selection.reader().unwrap();
                loop {
                    let k = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let at = k * slice;
                    if at >= big.len() {
                        break;
                    }
                    let len = slice.min(big.len() - at);
                    let (mut out, mut before) = (Vec::with_capacity(slice), Vec::new());
                    reader.read_on(1, at as u64, len, 70_001, &mut before, &mut out).unwrap();
                    assert_eq!(out, &big[at..at + len]);
                    assert!(before == big[at.saturating_sub(70_001)..at], "slice {k}");
                    parts.lock().unwrap().push(k);
                }
            });
        }
    });
    assert_eq!(parts.lock().unwrap().len(), 6);
    let read = |at: usize, len: usize| {
        let mut out = Vec::new();
        let mut before = Vec::new();
        let read = selection.reader().unwrap().read_on(1, at as u64, len, 99, &mut before, &mut out);
        assert!(read.is_err() || before == big[at.saturating_sub(99)..at]);
        read.map(|()| out)
    };
    // Again, from the start, half way, then alone: nobody has the slices before.
    assert_eq!(read(0, slice).unwrap(), &big[..slice]);
    assert_eq!(read(0, slice).unwrap(), &big[..slice]);
    assert_eq!(read(slice, slice).unwrap(), &big[slice..2 * slice]);
    assert_eq!(read(slice, 5).unwrap(), &big[slice..slice + 5]);
    assert_eq!(read(3 * slice, 9).unwrap(), &big[3 * slice..3 * slice + 9]);
    assert_eq!(read(0, big.len()).unwrap(), big);
    assert!(read(slice, big.len()).is_err());
}

/// A repository whose settings name commands wherever git would run one: each would leave a file.
fn booby_trapped() -> (tempfile::TempDir, std::path::PathBuf) {
    let attributes = "*.c filter=trap diff=trap merge=trap export-subst text eol=crlf\n*.lfs filter=lfs\n";
    let dir =
        repo(&[("a.c", "$Id$"), ("b.lfs", "x"), ("sub/c", "c"), (".gitattributes", attributes), (".gitignore", "*.o")]);
    let sprung = dir.path().join("sprung");
    let trap = format!("touch '{}'; cat #", sprung.display());
    let hooks = dir.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in ["post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman", "reference-transaction"] {
        let at = hooks.join(hook);
        fs::write(&at, format!("#!/bin/sh\n{trap}\n")).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&at, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let more = dir.path().join("more.config");
    fs::write(&more, format!("[core]\n\tpager = \"{trap}\"\n\tfsmonitor = \"{trap}\"\n")).unwrap();
    for (name, value) in [
        ("core.fsmonitor", trap.as_str()),
        ("core.hooksPath", hooks.to_str().unwrap()),
        ("include.path", more.to_str().unwrap()),
        ("filter.trap.smudge", &trap),
        ("filter.trap.clean", &trap),
        ("filter.trap.process", &trap),
        ("filter.lfs.smudge", &trap),
        ("filter.lfs.process", &trap),
        ("filter.trap.required", "true"),
        ("diff.trap.textconv", &trap),
        ("diff.trap.command", &trap),
        ("diff.external", &trap),
        ("merge.trap.driver", &trap),
        ("core.editor", &trap),
        ("core.askPass", &trap),
        ("core.sshCommand", &trap),
        ("core.gitProxy", &trap),
        ("credential.helper", &trap),
        ("gpg.program", &trap),
        ("log.showSignature", "true"),
        ("uploadpack.packObjectsHook", &trap),
        ("tar.tar.command", &trap),
        ("alias.ls-files", &format!("!{trap}")),
        ("alias.cat-file", &format!("!{trap}")),
        ("core.splitIndex", "true"),
        ("core.untrackedCache", "true"),
        ("core.attributesFile", "/nonexistent"),
        ("protocol.ext.allow", "always"),
        ("protocol.file.allow", "always"),
        ("remote.origin.url", &format!("ext::sh -c {}", trap.replace(' ', "% "))),
        ("remote.origin.promisor", "true"),
        ("remote.origin.partialclonefilter", "blob:none"),
        ("remote.origin.uploadpack", &trap),
        ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"),
    ] {
        git(dir.path(), &["config", name, value]);
    }
    // Making it may have sprung some.
    let _ = fs::remove_file(&sprung);
    (dir, sprung)
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    if !has_git() {
        return;
    }
    let (dir, sprung) = booby_trapped();
    let before = git_files(dir.path());
    let selection = select(dir.path());
    assert!(entries(&selection).len() >= 5);
    Selection::of(&from(From::Folder(dir.path())), &Silent).unwrap();
    assert!(!sprung.exists());
    assert_eq!(git_files(dir.path()), before, "nothing is written into the repository");
    // A missing object would be fetched, by a command.
    let id = String::from_utf8(git(dir.path(), &["rev-parse", "HEAD:sub/c"])).unwrap();
    let _ = fs::remove_file(&sprung);
    let (head, tail) = id.trim().split_at(2);
    fs::remove_file(dir.path().join(".git/objects").join(head).join(tail)).unwrap();
    let missing = Selection::of(&revision(dir.path(), "HEAD"), &Silent).and_then(|selection| {
        let mut out = Vec::new();
        let i = paths_only(&selection).iter().position(|path| path == "sub/c").unwrap();
        selection.reader()?.read(i, 0, 1, &mut out)
    });
    assert!(matches!(missing, Err(Error::Git { .. })), "{missing:?}");
    assert!(!sprung.exists());
}

fn paths_only(selection: &Selection) -> Vec<String> {
    let mut path = String::new();
    (0..selection.len())
        .map(|i| {
            selection.path_into(i, &mut path);
            path.clone()
        })
        .collect()
}

/// All files of `.git`, with their times.
fn git_files(repo: &Path) -> Vec<(std::path::PathBuf, std::time::SystemTime)> {
    let mut folders = vec![repo.join(".git")];
    let mut all = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let meta = entry.metadata().unwrap();
            if meta.is_dir() { folders.push(entry.path()) } else { all.push((entry.path(), meta.modified().unwrap())) }
        }
    }
    all.sort();
    all
}

#[test]
fn repositories_may_lie_elsewhere() {
    if !has_git() {
        return;
    }
    let dir = repo(&RICH);
    let want = entries(&select(dir.path()));
    let more = tempfile::tempdir().unwrap();
    let at = |name: &str| more.path().join(name);
    let text = |name: &str| at(name).to_str().unwrap().to_owned();
    git(dir.path(), &["worktree", "add", "-q", "--detach", &text("linked")]);
    assert_eq!(entries(&select(&at("linked"))), want);
    git(more.path(), &["clone", "-q", "--separate-git-dir", &text("apart"), dir.path().to_str().unwrap(), "clone"]);
    assert_eq!(entries(&select(&at("clone"))), want);
    // As in a submodule: the repository says where its work tree is.
    git(&at("clone"), &["config", "core.worktree", &text("clone")]);
    assert_eq!(entries(&select(&at("clone"))), want);
    assert_eq!(entries(&select(&at("clone/sub"))), archive_of(dir.path(), "sub"));
    let folder = |path: &Path| paths(&Selection::of(&from(From::Folder(path)), &Silent).unwrap());
    write(&at("clone"), &[("ignored.o", ""), (".gitignore", "*.o\n")]);
    assert!(!folder(&at("clone")).contains(&"ignored.o".to_owned()));
}
