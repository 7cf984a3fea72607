//! Claims about what is selected from a folder; those about revisions are in `files/revision.rs`.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::class::{Class, Fault};
use crate::files::{Error, NoteKind, Reason, Silent};

/// Makes a tree: a path that ends in `/` is a folder, any other a file that holds its own path.
pub(super) fn tree(paths: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for path in paths {
        let at = dir.path().join(path);
        fs::create_dir_all(if path.ends_with('/') { &at } else { at.parent().unwrap() }).unwrap();
        if !path.ends_with('/') {
            fs::write(at, path).unwrap();
        }
    }
    dir
}

pub(super) fn order(path: &Path) -> Order<'_> {
    Order {
        from: From::Folder(path),
        globs: &[],
        scope: None,
        allow_unportable: false,
        latest: None,
        keep_out: &[],
        survey: false,
    }
}

pub(super) fn paths(selection: &Selection) -> Vec<String> {
    let mut path = String::new();
    let mut all = Vec::new();
    for i in 0..selection.len() {
        selection.path_into(i, &mut path);
        all.push(path.clone());
    }
    all
}

fn select(path: &Path, globs: &[Glob]) -> Vec<String> {
    paths(&Selection::of(&Order { globs, ..order(path) }, &Silent).unwrap())
}

fn refusal(path: &Path) -> Error {
    Selection::of(&order(path), &Silent).unwrap_err()
}

fn exclude(text: &str) -> Glob {
    Glob::Exclude(text.to_owned())
}

fn include(text: &str) -> Glob {
    Glob::Include(text.to_owned())
}

fn left(selection: &Selection, reason: Reason) -> &LeftOut {
    selection.left_out().iter().find(|l| l.reason == reason).unwrap()
}

fn note(selection: &Selection, kind: NoteKind) -> u64 {
    selection.notes().iter().find(|n| n.kind == kind).map_or(0, |n| n.count)
}

#[test]
fn paths_come_in_byte_order_and_parents_first() {
    let dir = tree(&["a/x", "a/b/c", "a-b", "a.c", "a0", "a!/z", "B", "é", "empty/", "a/b.c", "a/b!/q"]);
    let got = select(dir.path(), &[]);
    let mut want = got.clone();
    want.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(got, want);
    assert_eq!(
        got,
        ["B", "a", "a!", "a!/z", "a-b", "a.c", "a/b", "a/b!", "a/b!/q", "a/b.c", "a/b/c", "a/x", "a0", "empty", "é"]
    );
}

#[test]
fn an_empty_folder_selects_nothing() {
    let dir = tree(&[]);
    let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
    assert!(selection.is_empty() && selection.files() == 0 && selection.revision().is_none());
    assert!(selection.included_by_folder().is_empty());
}

#[test]
fn many_folders_come_out_the_same_every_time() {
    let names: Vec<String> = (0..400).map(|i| format!("d{}/e{}/f{i}", i % 20, i % 7)).collect();
    let dir = tree(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let first = select(dir.path(), &[]);
    assert_eq!(first.len(), 400 + 20 + 140);
    for _ in 0..10 {
        assert_eq!(select(dir.path(), &[]), first);
    }
}

#[test]
fn the_root_may_be_a_link_and_must_be_a_folder() {
    let dir = tree(&["real/a", "file"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        assert_eq!(select(&dir.path().join("link"), &[]), ["a"]);
    }
    let error = refusal(&dir.path().join("file"));
    assert!(error.to_string().contains("it is a file; give the folder it is in"), "{error}");
    assert_eq!(error.class(), Class::Failed);
    assert_eq!(refusal(&dir.path().join("none")).class(), Class::Failed);
}

#[test]
fn rules_decide_with_the_last_that_matches() {
    let dir = tree(&[
        "src/a.c",
        "src/a.o",
        "secret/ok.txt",
        "secret/key",
        "deep/er/x.o",
        "deep/er/keep.o",
        "all/out.o",
        "sub/.consignignore",
    ]);
    fs::write(dir.path().join(".consignignore"), "*.o\nsecret/\n!secret/ok.txt\n!keep.o\n").unwrap();
    let got = select(dir.path(), &[]);
    let want =
        ["deep", "deep/er", "deep/er/keep.o", "secret", "secret/ok.txt", "src", "src/a.c", "sub", "sub/.consignignore"];
    assert_eq!(got, want);
    let got = select(dir.path(), &[exclude("secret/"), exclude("keep.o"), include("src/*.o")]);
    assert_eq!(got, ["src", "src/a.c", "src/a.o", "sub", "sub/.consignignore"]);
    let got = select(dir.path(), &[exclude("*"), include("er/"), exclude("x.o")]);
    assert_eq!(got, ["deep", "deep/er", "deep/er/keep.o"]);
}

#[test]
fn what_is_left_out_is_counted_by_reason() {
    let dir = tree(&["a", "out/1", "out/2/3", "out/.git/x", ".git/HEAD", ".consign/p", "sub/.git", "x.consign"]);
    let keep_out = [dir.path().join("x.consign"), dir.path().join("not/there")];
    let globs = [exclude("out/")];
    let plain = Order { globs: &globs, keep_out: &keep_out, ..order(dir.path()) };
    // A `.git` that is no repository would be an error of git's: not what this test is about.
    fs::remove_dir_all(dir.path().join(".git")).unwrap();
    let selection = Selection::of(&plain, &Silent).unwrap();
    assert_eq!(paths(&selection), ["a", "sub"]);
    let out = left(&selection, Reason::Excluded);
    assert_eq!((out.files, out.folders, out.bytes), (0, 1, None));
    assert_eq!(out.examples, ["out/"]);
    assert_eq!(left(&selection, Reason::OwnOutput).files, 1);
    assert_eq!(left(&selection, Reason::Git).examples, ["sub/.git"]);
    assert_eq!(left(&selection, Reason::Consign).examples, [".consign/"]);
    assert_eq!(note(&selection, NoteKind::NestedRepository), 1);

    let selection = Selection::of(&Order { survey: true, ..plain }, &Silent).unwrap();
    assert_eq!(paths(&selection), ["a"]);
    let out = left(&selection, Reason::Excluded);
    assert_eq!((out.files, out.folders, out.bytes), (2, 0, Some(5 + 7)));
    assert_eq!(out.examples, ["out/"]);
    assert_eq!(left(&selection, Reason::Git).folders, 1);
}

#[test]
fn names_in_disguise_are_refused_unless_they_are_left_out() {
    for bad in [".GIT/x", "a/.Consign", "a/git~1", ".git./x"] {
        let dir = tree(&[bad, "ok"]);
        let error = refusal(dir.path());
        assert!(matches!(&error, Error::BadName { path, .. } if bad.starts_with(path)), "{bad}: {error}");
        assert_eq!(error.class(), Class::Unsafe);
        let all_out = [exclude("*"), include("ok")];
        assert_eq!(select(dir.path(), &all_out), ["ok"]);
    }
}

#[test]
fn names_that_some_platform_cannot_hold_are_refused_unless_allowed() {
    let dir = tree(&["con", "sub/aux.c", "ok"]);
    let error = refusal(dir.path());
    assert!(error.to_string().contains("`con`") && error.to_string().contains("1 more"), "{error}");
    let allowed = Order { allow_unportable: true, ..order(dir.path()) };
    assert_eq!(paths(&Selection::of(&allowed, &Silent).unwrap()), ["con", "ok", "sub", "sub/aux.c"]);
}

#[test]
fn names_that_collide_are_refused_unless_allowed() {
    for (a, b) in [("Read", "read"), ("x/é", "x/e\u{301}"), ("d/f", "D/g"), ("straße", "STRASSE")] {
        let dir = tree(&[a, b, "other"]);
        if fs::read_dir(dir.path()).unwrap().count() < 2 {
            continue;
        }
        let error = refusal(dir.path());
        assert!(matches!(error, Error::Collision { .. }), "{a} {b}: {error}");
        let allowed = Order { allow_unportable: true, ..order(dir.path()) };
        assert!(Selection::of(&allowed, &Silent).is_ok());
    }
}

#[test]
fn folders_group_what_is_included() {
    let dir = tree(&["a/1", "a/b/2", "a-b", "z/3"]);
    let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
    let want = [(".".to_owned(), 1, 3), ("a".to_owned(), 2, 8), ("z".to_owned(), 1, 3)];
    assert_eq!(selection.included_by_folder(), want);
    assert_eq!((selection.files(), selection.bytes()), (4, 14));
}

#[test]
fn times_are_clamped() {
    let dir = tree(&["new", "old", "far"]);
    let set = |name: &str, seconds: i64| {
        let time = std::time::UNIX_EPOCH;
        let span = std::time::Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { time - span } else { time + span };
        fs::File::open(dir.path().join(name)).unwrap().set_modified(time).unwrap();
    };
    set("new", 2_000_000_000);
    set("old", -5);
    set("far", 10_000_000_000);
    let times = |latest| {
        let selection = Selection::of(&Order { latest, ..order(dir.path()) }, &Silent).unwrap();
        [0, 1, 2].map(|i| selection.item(i).mtime)
    };
    assert_eq!(times(None), [(1 << 33) - 1, 2_000_000_000, 0]);
    assert_eq!(times(Some(1_000)), [1_000, 1_000, 0]);
}

#[test]
fn a_plain_folder_knows_no_rules() {
    let dir = tree(&["a.o", ".git/HEAD", "sub/.consign/x", "sub/b"]);
    fs::write(dir.path().join(".consignignore"), "*").unwrap();
    let plain = Order { from: From::Plain(dir.path()), ..order(dir.path()) };
    assert_eq!(paths(&Selection::of(&plain, &Silent).unwrap()), [".consignignore", "a.o", "sub", "sub/b"]);
}

#[test]
fn rules_that_cannot_be_read_are_refused() {
    let dir = tree(&["a"]);
    let file = dir.path().join(".consignignore");
    fs::write(&file, "a{b\n").unwrap();
    assert!(matches!(refusal(dir.path()), Error::Pattern { .. }));
    fs::write(&file, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(refusal(dir.path()).to_string().contains("1 MiB"));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert!(refusal(dir.path()).to_string().contains("not a file"));
}

#[test]
fn a_stop_ends_the_listing() {
    struct Stop;
    impl Progress for Stop {
        fn begin(&self, _: &'static str, _: u64) {}
        fn advance(&self, _: u64) {}
        fn stopped(&self) -> bool {
            true
        }
    }
    let dir = tree(&["a/b/c"]);
    assert!(matches!(Selection::of(&order(dir.path()), &Stop), Err(Error::Stopped)));
}

#[test]
fn lfs_pointers_are_found_before_anything_is_sent() {
    let dir = tree(&["a"]);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 5\n", "0".repeat(64));
    fs::write(dir.path().join("cad.bin"), pointer).unwrap();
    let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
    let error = selection.precheck().unwrap_err();
    assert!(matches!(&error, Error::LfsPointer { path } if path == "cad.bin"));
    assert_eq!(error.class(), Class::Refused);
    fs::remove_file(dir.path().join("cad.bin")).unwrap();
    assert!(Selection::of(&order(dir.path()), &Silent).unwrap().precheck().is_ok());
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::ffi::OsStr;
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn fifo(path: &Path) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR, 0).unwrap();
    }

    #[test]
    fn special_files_are_refused_by_name_unless_they_are_left_out() {
        let dir = tree(&["a/b"]);
        fifo(&dir.path().join("a/pipe"));
        let error = refusal(dir.path());
        assert!(matches!(&error, Error::SpecialFile { path, kind: "FIFO" } if path == "a/pipe"), "{error}");
        assert_eq!(error.class(), Class::Unsafe);
        assert_eq!(select(dir.path(), &[exclude("pipe")]), ["a", "a/b"]);
        fs::remove_file(dir.path().join("a/pipe")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        assert!(matches!(refusal(dir.path()), Error::SpecialFile { kind: "socket", .. }));
    }

    #[test]
    fn names_that_are_not_utf8_are_refused_by_name_unless_they_are_left_out() {
        let dir = tree(&["ok"]);
        let bad = dir.path().join(OsStr::from_bytes(b"f\xff"));
        fs::create_dir(&bad).unwrap();
        fs::write(bad.join("x"), "x").unwrap();
        let error = refusal(dir.path());
        assert!(matches!(&error, Error::BadName { path, .. } if path == "f\\xff"), "{error}");
        assert_eq!(select(dir.path(), &[exclude("f*")]), ["ok"]);
        // Let in again below a folder that can't be named.
        let globs = [exclude("f*"), include("x")];
        let error = Selection::of(&Order { globs: &globs, ..order(dir.path()) }, &Silent).unwrap_err();
        assert!(matches!(&error, Error::BadName { path, .. } if path == "f\\xff/x"), "{error}");
    }

    #[test]
    fn links_are_kept_as_they_are_and_refused_if_they_lead_out() {
        let dir = tree(&["a/x"]);
        let link = |target: &str| {
            let _ = fs::remove_file(dir.path().join("a/l"));
            symlink(target, dir.path().join("a/l")).unwrap();
            Selection::of(&order(dir.path()), &Silent)
        };
        for good in ["x", "../a/x", "nowhere", "..", "./x"] {
            let selection = link(good).unwrap();
            assert_eq!(paths(&selection), ["a", "a/l", "a/x"]);
            assert_eq!(selection.item(1).kind, HeadKind::Link(good));
        }
        for bad in ["/etc/passwd", "../../x", "x/..", "a\\b"] {
            let error = link(bad).unwrap_err();
            assert!(matches!(&error, Error::BadName { path, .. } if path == "a/l"), "{bad}: {error}");
        }
        // A link to a folder is a link, and a rule for folders does not match it.
        link(".").unwrap();
        assert_eq!(select(dir.path(), &[exclude("l/")]), ["a", "a/l", "a/x"]);
        let target = Path::new(OsStr::from_bytes(b"\xff"));
        symlink(target, dir.path().join("b")).unwrap();
        assert!(matches!(refusal(dir.path()), Error::BadName { path, .. } if path == "b"));
    }

    #[test]
    fn bits_that_do_not_travel_are_noted() {
        let dir = tree(&["run", "suid", "one", "git.bundle"]);
        let at = |name: &str| dir.path().join(name);
        fs::set_permissions(at("run"), fs::Permissions::from_mode(0o744)).unwrap();
        fs::set_permissions(at("suid"), fs::Permissions::from_mode(0o4644)).unwrap();
        fs::set_permissions(at("git.bundle"), fs::Permissions::from_mode(0o677)).unwrap();
        fs::hard_link(at("one"), at("two")).unwrap();
        let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
        let execs: Vec<bool> =
            (0..selection.len()).map(|i| matches!(selection.item(i).kind, HeadKind::File { exec: true, .. })).collect();
        assert_eq!(paths(&selection), ["git.bundle", "one", "run", "suid", "two"]);
        assert_eq!(execs, [false, false, true, false, false]);
        assert_eq!(note(&selection, NoteKind::Setuid), 1);
        assert_eq!(note(&selection, NoteKind::HardLink), 2);
        assert_eq!(note(&selection, NoteKind::GitBundle), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn attributes_that_do_not_travel_are_counted_in_a_survey() {
        let dir = tree(&["a", "b"]);
        let flags = rustix::fs::XattrFlags::empty();
        if rustix::fs::setxattr(dir.path().join("a"), "user.origin", b"x", flags).is_err() {
            return; // Not on this file system.
        }
        let survey = |survey| Selection::of(&Order { survey, ..order(dir.path()) }, &Silent).unwrap();
        assert_eq!(note(&survey(true), NoteKind::Attached), 1);
        assert_eq!(note(&survey(false), NoteKind::Attached), 0);
    }

    #[test]
    fn trees_that_are_too_deep_or_long_are_refused_by_name() {
        let dir = tree(&[]);
        let deep = |levels: usize| fs::create_dir_all(dir.path().join("d/".repeat(levels))).unwrap();
        deep(256);
        assert_eq!(select(dir.path(), &[]).len(), 256);
        deep(260);
        let error = refusal(dir.path());
        assert!(error.to_string().contains("256 folders deep"), "{error}");
        assert_eq!(select(dir.path(), &[exclude("d/")]).len(), 0);
        let globs = [exclude("d/")];
        let survey = Order { globs: &globs, survey: true, ..order(dir.path()) };
        assert!(Selection::of(&survey, &Silent).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_an_error_unless_it_is_left_out() {
        if rustix::process::geteuid().is_root() {
            return writeln!(std::io::stderr(), "skipped: root can read everything").unwrap();
        }
        let dir = tree(&["ok", "shut/x"]);
        let shut = dir.path().join("shut");
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o000)).unwrap();
        let error = refusal(dir.path());
        assert!(error.to_string().contains("shut") && error.class() == Class::Failed, "{error}");
        assert_eq!(select(dir.path(), &[exclude("shut/")]), ["ok"]);
        assert_eq!(select(dir.path(), &[exclude("shut/"), include("y")]), ["ok"]);
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_link_in_place_of_the_rules_is_refused() {
        let dir = tree(&["a"]);
        symlink("a", dir.path().join(".consignignore")).unwrap();
        assert!(matches!(refusal(dir.path()), Error::Io { .. }));
    }
}

mod git {
    use super::*;
    use crate::files::testing::{git, has_git};

    #[test]
    fn what_git_ignores_stays_out_unless_a_rule_lets_it_in() {
        if !has_git() {
            return;
        }
        let dir =
            tree(&["a.c", "a.o", "tracked.o", "build/x", "build/keep", "new.c", "mixed/b.o", "mixed/b.c", "empty/"]);
        fs::write(dir.path().join(".gitignore"), "*.o\nbuild/\n").unwrap();
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "-f", "tracked.o", "a.c"]);
        let want = [".gitignore", "a.c", "empty", "mixed", "mixed/b.c", "new.c", "tracked.o"];
        assert_eq!(select(dir.path(), &[]), want);
        let got = select(dir.path(), &[include("build/keep"), exclude("empty"), exclude("mixed")]);
        assert_eq!(got, [".gitignore", "a.c", "build", "build/keep", "new.c", "tracked.o"]);
        // In a folder below the top the same rules hold; an ignored folder that the user names is sent.
        assert_eq!(select(&dir.path().join("mixed"), &[]), ["b.c"]);
        assert_eq!(select(&dir.path().join("build"), &[]), ["keep", "x"]);
        let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
        assert_eq!(left(&selection, Reason::IgnoredByGit).examples, ["a.o", "build/", "mixed/b.o"]);
    }

    #[test]
    fn a_broken_repository_is_an_error_and_not_a_folder_without_rules() {
        if !has_git() {
            return;
        }
        let dir = tree(&[".git/HEAD", "a"]);
        let error = refusal(dir.path());
        assert!(matches!(error, Error::Git { .. }), "{error}");
        assert!(error.to_string().contains("not a git repository"), "{error}");
    }

    #[test]
    fn nested_repositories_are_noted_and_their_files_sent() {
        if !has_git() {
            return;
        }
        let dir = tree(&["a", "nest/b", "nest/c.o"]);
        git(dir.path(), &["init", "-q"]);
        git(&dir.path().join("nest"), &["init", "-q"]);
        let selection = Selection::of(&order(dir.path()), &Silent).unwrap();
        assert_eq!(paths(&selection), ["a", "nest", "nest/b", "nest/c.o"]);
        assert_eq!(note(&selection, NoteKind::NestedRepository), 1);
    }
}

/// Outputs named in other ways are still known.
#[test]
fn outputs_are_kept_out_however_they_are_named() {
    let dir = tree(&["a", "sub/out.consign"]);
    let keep_out: Vec<PathBuf> = vec![dir.path().join("sub/../sub/out.consign")];
    let kept = Order { keep_out: &keep_out, ..order(dir.path()) };
    assert_eq!(paths(&Selection::of(&kept, &Silent).unwrap()), ["a", "sub"]);
}
