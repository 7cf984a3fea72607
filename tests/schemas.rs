//! The schemas in `docs/schema/` are what the types say, and the example files fit them. With `CONSIGN_WRITE_SCHEMAS`
//! set, they are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use consign::exchange::schemas;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn the_schemas_are_fresh_and_none_is_left_over() {
    let folder = root().join("docs/schema");
    if std::env::var_os("CONSIGN_WRITE_SCHEMAS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        schemas::all()
            .iter()
            .for_each(|f| fs::write(folder.join(format!("{}.schema.json", f.name)), f.text()).unwrap());
    }
    let mut names: Vec<String> = schemas::all().iter().map(|file| format!("{}.schema.json", file.name)).collect();
    names.sort();
    let mut here: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    here.sort();
    assert_eq!(here, names);
    for file in schemas::all() {
        let kept = fs::read_to_string(folder.join(format!("{}.schema.json", file.name))).unwrap();
        assert!(kept == file.text(), "{}: CONSIGN_WRITE_SCHEMAS=1 cargo test --test schemas", file.name);
    }
}

/// The examples of a kind: `testdata/rules/KIND.toml` and `KIND-*.toml`.
fn examples(kind: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(root().join("testdata/rules")).unwrap().map(|entry| entry.unwrap().path());
    let is = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        name == kind || name.starts_with(&format!("{kind}-"))
    };
    let mut found: Vec<PathBuf> = all.filter(is).collect();
    found.sort();
    found
}

#[test]
fn every_kind_of_file_has_an_example() {
    for file in schemas::all() {
        assert!(!examples(file.name).is_empty(), "testdata/rules has no {}.toml", file.name);
    }
}

/// By a judge that knows nothing of consign: `check-jsonschema` beside the Python of `CONSIGN_PYTHON`.
#[test]
fn the_examples_fit_their_schemas_and_others_do_not() {
    let Some(python) = std::env::var_os("CONSIGN_PYTHON") else {
        return println!("skipped: CONSIGN_PYTHON names no Python");
    };
    let judge = Path::new(&python).with_file_name("check-jsonschema");
    if !judge.exists() {
        assert!(std::env::var_os("CONSIGN_ALL_TOOLS").is_none(), "check-jsonschema is not beside {}", python.display());
        return println!("skipped: check-jsonschema is not beside {}", python.display());
    }
    let fits = |schema: &Path, file: &Path| {
        let ran = Command::new(&judge).arg("--schemafile").arg(schema).arg(file).output().unwrap();
        let told = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(matches!(ran.status.code(), Some(0 | 1)), "{told}");
        (ran.status.success(), told)
    };
    let dir = tempfile::tempdir().unwrap();
    for file in schemas::all() {
        let schema = root().join("docs/schema").join(format!("{}.schema.json", file.name));
        for example in examples(file.name) {
            let (good, told) = fits(&schema, &example);
            assert!(good, "{}: {told}", example.display());
            let bad = dir.path().join("bad.toml");
            fs::write(&bad, format!("nobody-knows-this = 1\n{}", fs::read_to_string(&example).unwrap())).unwrap();
            assert!(!fits(&schema, &bad).0, "{}: an unknown key fits", example.display());
        }
        let meta = Command::new(&judge).arg("--check-metaschema").arg(&schema).output().unwrap();
        assert!(meta.status.success(), "{}", String::from_utf8_lossy(&meta.stdout));
    }
}
