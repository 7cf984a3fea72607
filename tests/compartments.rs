//! Laws about one bundle for two partners with different scopes: each opens and lists its own part, and nothing of the
//! other's can be read, whatever the two scopes have in common.

mod support;

use std::collections::BTreeSet;
use std::fs;

use consign::bundle::select::{From, Order as Choose, Selection};
use consign::bundle::{Clear, Order, Parcel, TermsText, pack};
use consign::files::{AllowList, Entry, Limits, Ruling, Silent, Within};
use consign::format::envelope::Kind;
use consign::policy::{Assurance, Candidate, clear};
use proptest::prelude::*;
use support::*;

/// Folders and files of every generated project; each name holds this, so that none can be met by chance.
const MARK: &str = "qzxmark";
const PATTERNS: [&str; 8] =
    ["d0qzxmark/", "d1qzxmark/", "d2qzxmark/*", "**/f0qzxmark.rs", "**/*.c", "**", "d1*/f*.rs", "d?qzxmark/f1*"];

fn project() -> Vec<String> {
    let files = ["f0qzxmark.rs", "f1qzxmark.c", "f2qzxmark.rs"];
    let in_folder = |folder: usize| files.iter().map(move |file| format!("d{folder}qzxmark/{file}"));
    (0..4).flat_map(in_folder).chain(["f0qzxmark.rs".to_owned()]).collect()
}

fn list() -> impl Strategy<Value = AllowList> {
    let some = |n: std::ops::Range<usize>| prop::collection::vec(prop::sample::select(&PATTERNS[..]), n);
    (some(1..4), some(0..2)).prop_map(|(include, exclude)| {
        let entries =
            |list: Vec<&str>| list.into_iter().map(|text| Entry { text: text.into(), line: 1 }).collect::<Vec<_>>();
        let exclude: Vec<&str> = exclude.into_iter().filter(|text| *text != "**").collect();
        AllowList::new(&entries(include), &entries(exclude), Limits::default()).unwrap()
    })
}

fn let_out(list: &AllowList) -> BTreeSet<String> {
    project().into_iter().filter(|path| matches!(list.judge(path, false, None), Ruling::In { .. })).collect()
}

fn firms() -> &'static [Firm; 3] {
    static FIRMS: std::sync::OnceLock<[Firm; 3]> = std::sync::OnceLock::new();
    FIRMS.get_or_init(|| [Firm::new(), Firm::new(), Firm::new()])
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_of_two_partners_opens_and_lists_only_its_own_part(first in list(), second in list()) {
        let want = [let_out(&first), let_out(&second)];
        prop_assume!(want.iter().all(|files| !files.is_empty()));
        let dir = tempfile::tempdir().unwrap();
        for path in project() {
            let at = dir.path().join(&path);
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            fs::write(at, format!("contents of {path}")).unwrap();
        }
        let [north, acme, birch] = firms();
        let select = |list| {
            let scope = Some(Within { list, place: "" });
            let choose = Choose { from: From::Folder(dir.path()), globs: &[], scope, allow_unportable: true,
                latest: None, keep_out: &[], survey: false };
            Selection::of(&choose, &Silent).unwrap()
        };
        let selections = [select(&first), select(&second)];
        let lock = |firm: &Firm, name: &str| {
            let to = [Candidate { name: name.into(), ..candidates(&[firm]).remove(0) }];
            clear(&Assurance::default().assure(&to).unwrap(), now()).unwrap()
        };
        let clearances = [lock(acme, "acme"), lock(birch, "birchqzxmark")];
        let terms = TermsText::default();
        let parcels: Vec<Parcel> = [("scope-a-qzxmark", 0), ("scope-b-qzxmark", 1)].map(|(scope, n)| Parcel {
            selection: &selections[n], clearance: &clearances[n], terms: &terms, scope, purpose: "",
        }).into();
        let order = Order { name: "drop-0001", kind: Kind::Drop, in_reply_to: None, created: now(), expires: None,
            sender: "Northwind", tool: "test", readme: "", card: None, signers: &[&north.signing],
            parcels: &parcels, ledger: None, level: 3, workers: 1 };
        let mut bundle = Vec::new();
        let sealed = pack(&order, &mut bundle, &Clear, &Silent).unwrap();
        bundle.extend_from_slice(&sealed.tail);

        // Neither a name, nor a scope, nor who gets it, nor contents stand anywhere in the open.
        prop_assert!(!holds(&bundle, MARK) && !holds(&bundle, "contents of"));
        for (n, firm) in [(0, acme), (1, birch)] {
            let revealed = reveal(&bundle, firm, &north.trusts()).unwrap();
            prop_assert_eq!((revealed.open.len(), &revealed.closed), (1, &vec![1 - n]));
            let mut listed = BTreeSet::new();
            let mut told = String::new();
            revealed.list(&mut |part, entry| {
                told += &format!("{part} {entry:?}");
                if matches!(entry.kind, consign::format::entry::Kind::File { .. }) {
                    listed.insert(entry.path.as_str().to_owned());
                }
                Ok(())
            }).unwrap();
            prop_assert_eq!(&listed, &want[n]);
            for other in want[1 - n].difference(&want[n]) {
                prop_assert!(!told.contains(&format!("{other:?}")), "{} tells {other}", told);
            }
            let to = dir.path().join(format!("out-{n}"));
            unpack(&bundle, firm, &north.trusts(), &to).unwrap();
            let files: BTreeSet<String> = tree_of(&to).into_iter().map(|(name, _)| name).filter(|name| to.join(name).is_file()).collect();
            prop_assert_eq!(&files, &want[n]);
            prop_assert!(tree_of(&to).iter().all(|(name, _)| want[n].iter().any(|file| file.starts_with(name))));
        }
        // Somebody else opens nothing.
        prop_assert!(reveal(&bundle, &Firm::new(), &north.trusts()).is_err());
    }
}
