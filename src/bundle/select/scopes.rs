//! Claims about what an allow-list lets out, of folders on disk and of git revisions alike.

use std::fs;
use std::path::Path;

use super::tests::{order, paths, tree};
use super::*;
use crate::files::testing::{git, has_git};
use crate::files::{AllowList, Entry, Limits, Reason, Ruling, Silent};

fn entries(lines: &[&str]) -> Vec<Entry> {
    lines.iter().zip(1..).map(|(text, line)| Entry { text: (*text).to_owned(), line }).collect()
}

fn list(include: &[&str], exclude: &[&str]) -> AllowList {
    AllowList::new(&entries(include), &entries(exclude), Limits::default()).unwrap()
}

fn within(list: &AllowList) -> Option<Within<'_>> {
    Some(Within { list, place: "" })
}

fn files(selection: &Selection) -> Vec<String> {
    let is_file = |i: &usize| selection.item(*i).kind != HeadKind::Dir;
    let mut path = String::new();
    let all = (0..selection.len()).filter(is_file).map(|i| {
        selection.path_into(i, &mut path);
        path.clone()
    });
    all.collect()
}

const PROJECT: [&str; 10] = [
    "README.md",
    "services/api/main.rs",
    "services/api/secrets/key",
    "services/api/target/out",
    "services/api/empty/",
    "services/web/index.js",
    "proto/v1/a.proto",
    "proto/v1/notes/",
    "other/deep/er/x",
    "dev.pem",
];

#[test]
fn only_what_the_list_lets_out_goes_with_the_folders_above_it() {
    let dir = tree(&PROJECT);
    let list = list(&["services/api/", "**/*.proto", "nothing/"], &["secrets/"]);
    let selection = Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent).unwrap();
    assert_eq!(
        paths(&selection),
        [
            "proto",
            "proto/v1",
            "proto/v1/a.proto",
            "services",
            "services/api",
            "services/api/empty",
            "services/api/main.rs",
            "services/api/target",
            "services/api/target/out"
        ]
    );
}

#[test]
fn what_a_list_keeps_in_is_counted_by_reason() {
    let dir = tree(&PROJECT);
    fs::write(dir.path().join(".consignignore"), "target/\n").unwrap();
    let list = list(&["services/"], &["secrets/"]);
    let survey = Order { scope: within(&list), survey: true, ..order(dir.path()) };
    let selection = Selection::of(&survey, &Silent).unwrap();
    let count = |reason| {
        let out = selection.left_out().iter().find(|out| out.reason == reason).unwrap();
        (out.files, out.examples.clone())
    };
    assert_eq!(count(Reason::OutsideScope).0, 4);
    assert_eq!(count(Reason::ScopeExcludes), (1, vec!["services/api/secrets/".to_owned()]));
    assert_eq!(count(Reason::ConsignIgnore), (1, vec!["services/api/target/".to_owned()]));
}

#[test]
fn the_command_line_narrows_a_list_and_never_widens_it() {
    let dir = tree(&PROJECT);
    fs::write(dir.path().join(".consignignore"), "target/\n").unwrap();
    let list = list(&["services/api/"], &["secrets/"]);
    let select = |globs: &[Glob]| {
        let order = Order { globs, scope: within(&list), ..order(dir.path()) };
        files(&Selection::of(&order, &Silent).unwrap())
    };
    let include = |text: &str| Glob::Include(text.to_owned());
    assert_eq!(select(&[]), ["services/api/main.rs"]);
    assert_eq!(select(&[include("target/")]), ["services/api/main.rs", "services/api/target/out"]);
    assert_eq!(select(&[include("secrets/"), include("*"), include("services/web/")]).len(), 2);
    assert!(select(&[Glob::Exclude("main.rs".to_owned())]).is_empty());
}

#[test]
fn a_list_is_about_the_project_also_where_a_folder_of_it_is_packed() {
    let dir = tree(&PROJECT);
    let list = list(&["services/api/"], &["services/api/secrets/"]);
    let select = |folder: &str| {
        let at = dir.path().join(folder);
        let scope = Some(Within { list: &list, place: folder });
        files(&Selection::of(&Order { scope, ..order(&at) }, &Silent).unwrap())
    };
    assert_eq!(select("services"), ["api/main.rs", "api/target/out"]);
    assert_eq!(select("services/api/target"), ["out"]);
    assert!(select("services/api/secrets").is_empty() && select("services/web").is_empty());
}

#[test]
fn limits_leave_out_files_and_say_so() {
    let dir = tree(&["a/x.rs", "a/x.c", "a/only/y.c"]);
    fs::write(dir.path().join("a/large.rs"), [0; 100]).unwrap();
    let types = vec![Entry { text: "rs".to_owned(), line: 2 }];
    let limits = Limits { types, not_types: Vec::new(), max_file_size: Some((99, 3)) };
    let list = AllowList::new(&entries(&["a/"]), &[], limits).unwrap();
    let selection = Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent).unwrap();
    assert_eq!(paths(&selection), ["a", "a/x.rs"]);
    let out: Vec<_> = selection.left_out().iter().map(|out| (out.reason, out.files)).collect();
    assert_eq!(out, [(Reason::ScopeType, 2), (Reason::ScopeSize, 1)]);
}

#[cfg(unix)]
#[test]
fn a_link_to_what_is_kept_in_does_not_tell_its_name() {
    use std::os::unix::fs::symlink;
    let dir = tree(&["api/x", "secret-plans/y"]);
    symlink("../secret-plans/y", dir.path().join("api/told")).unwrap();
    symlink("x", dir.path().join("api/fine")).unwrap();
    let list = list(&["api/"], &[]);
    let selection = Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent).unwrap();
    assert_eq!(files(&selection), ["api/fine", "api/x"]);
    assert_eq!(selection.left_out().iter().find(|o| o.reason == Reason::ScopeLink).unwrap().examples, ["api/told"]);
}

#[cfg(unix)]
#[test]
fn nobody_looks_into_a_folder_in_which_nothing_can_be_let_out() {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        // Root reads everything, so a name that can't be sent shows whether it was looked at.
        let dir = tree(&["api/x", "other/deep/x"]);
        let special = dir.path().join("other/deep/fifo");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &special,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let list = list(&["api/"], &[]);
        let selection = Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent).unwrap();
        let out: Vec<_> = selection.left_out().iter().map(|out| (out.files, out.folders)).collect();
        assert_eq!((files(&selection), out), (vec!["api/x".to_owned()], vec![(0, 1)]));
        return;
    }
    let dir = tree(&["api/x", "other/deep/x"]);
    let closed = dir.path().join("other/deep");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let list = list(&["api/"], &[]);
    let selection = Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(files(&selection.unwrap()), ["api/x"]);
}

#[cfg(unix)]
#[test]
fn a_name_that_can_not_be_sent_does_no_harm_outside_the_list() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tree(&["api/x.rs"]);
    let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"odd\xff"));
    fs::create_dir(&odd).unwrap();
    fs::write(odd.join("y.c"), "").unwrap();
    let list = list(&["**/*.rs"], &[]);
    let select = || Selection::of(&Order { scope: within(&list), ..order(dir.path()) }, &Silent);
    assert_eq!(files(&select().unwrap()), ["api/x.rs"]);
    fs::write(odd.join("y.rs"), "").unwrap();
    assert!(select().unwrap_err().to_string().contains("UTF-8"));
}

/// Folders on disk and the same in a revision, judged path by path by name.
fn agree(dir: &Path, all: &[&str], list: &AllowList) {
    let by_name = |path: &&str| matches!(list.judge(path, false, None), Ruling::In { .. });
    let mut want: Vec<&str> = all.iter().copied().filter(|path| !path.ends_with('/')).filter(by_name).collect();
    want.sort_unstable();
    let folder = Selection::of(&Order { scope: within(list), ..order(dir) }, &Silent).unwrap();
    assert_eq!(files(&folder), want);
    if has_git() {
        let from = From::Revision { repo: dir, rev: "HEAD" };
        let order = Order { from, scope: within(list), ..order(dir) };
        let revision = Selection::of(&order, &Silent).unwrap();
        assert_eq!(files(&revision), want);
    }
}

#[test]
fn a_folder_a_revision_and_the_names_alone_give_the_same_answer() {
    let dir = tree(&PROJECT);
    if has_git() {
        git(dir.path(), &["init", "-q"]);
        git(dir.path(), &["add", "-A", "-f"]);
        git(dir.path(), &["commit", "-q", "-m", "x"]);
    }
    for include in [&["services/api/"][..], &["**/*.rs", "proto/**"], &["*/*/*"], &["**"], &["serv*/{api,web}/*.??"]] {
        for exclude in [&[][..], &["secrets/"], &["v1/", "*.rs"], &["services/**/out"], &["*"]] {
            agree(dir.path(), &PROJECT, &list(include, exclude));
        }
    }
}
