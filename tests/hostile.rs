//! Hostile input: every lie of `tests/second/hostile` is refused with its word and code, in time, within memory, and
//! nothing appears at the destination or beside it. The lies are signed by a partner, by a stranger, and by nobody.

mod support;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::judge::{judge, module};

/// What FORMAT and the issue allow a hostile bundle to cost.
const TIME: Duration = Duration::from_secs(5);
const MEMORY: i64 = 256 << 10;

/// A bundle of the catalogue, and what must be said of it. See `tests/second/hostile/__main__.py`.
struct Attack {
    file: PathBuf,
    mode: String,
    word: String,
    knows: String,
    deep: String,
    cat: String,
    class: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reader {
    Inspect,
    Verify,
    Deep,
    List,
    Cat,
    Unpack,
}

/// What every reader looks at is shown to three of them. What is seen later is nothing to `inspect`, which takes a tenth
/// of a second to work out check words.
const EARLY: [Reader; 3] = [Reader::Inspect, Reader::Verify, Reader::Unpack];
const LATE: [Reader; 5] = [Reader::Verify, Reader::Deep, Reader::List, Reader::Cat, Reader::Unpack];

impl Attack {
    fn all(folder: &Path) -> Vec<Attack> {
        let index = fs::read_to_string(folder.join("index")).unwrap();
        let read = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().unwrap();
            let file = folder.join(format!("{}.consign", next()));
            let (mode, word, knows, deep, cat, class) = (next(), next(), next(), next(), next(), next());
            Attack { file, mode, word, knows, deep, cat, class }
        };
        index.lines().map(read).collect()
    }

    /// The word that a reader must say.
    fn wants(&self, reader: Reader) -> &str {
        let noticed = |letter| if self.knows.contains(letter) { self.word.as_str() } else { "ok" };
        match reader {
            _ if self.mode != "partner" => &self.word,
            Reader::Inspect => noticed('i'),
            Reader::Verify => noticed('v'),
            Reader::List => noticed('l'),
            Reader::Deep => &self.deep,
            Reader::Cat => &self.cat,
            Reader::Unpack => &self.word,
        }
    }

    /// Who reads it. What isn't a partner's is shown to the one that would write.
    fn readers(&self) -> &'static [Reader] {
        match (self.mode.as_str(), self.knows.contains('i')) {
            ("partner", true) => &EARLY,
            ("partner", false) => &LATE,
            _ => &LATE[4..],
        }
    }
}

fn code_of(word: &str) -> i32 {
    match word {
        "ok" => 0,
        "needs-base" | "compartments-differ" | "not-there" => 2,
        "changed" | "cut-short" | "not-a-bundle" | "bad-signature" | "bad-recipient" => 3,
        "wrong-key" | "held" => 4,
        "untrusted" => 5,
        "expired" => 6,
        "newer-format" | "too-large" | "unsafe-path" | "unsafe-link" => 10,
        other => panic!("the catalogue has a word `{other}` that no code is known of"),
    }
}

/// A place to unpack to, with things around it that must stay as they are.
struct Yard {
    dir: tempfile::TempDir,
    keys: PathBuf,
}

struct Ran {
    word: String,
    code: i32,
    took: Duration,
    told: String,
}

impl Yard {
    fn new(keys: &Path) -> Yard {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("yard/in")).unwrap();
        for canary in ["evil", "a.txt", "yard/x", "yard/in/y"] {
            fs::write(dir.path().join(canary), "canary").unwrap();
        }
        Yard { dir, keys: keys.to_owned() }
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("yard/in/out")
    }

    fn command(&self, reader: Reader, bundle: &Path) -> Command {
        let verb: &[&str] = match reader {
            Reader::Inspect => &["inspect"],
            Reader::Verify => &["verify"],
            Reader::Deep => &["verify", "--deep"],
            Reader::List => &["list"],
            Reader::Cat => &["cat"],
            Reader::Unpack => &["unpack"],
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
        command.env_clear().env("CONSIGN_HOME", self.dir.path().join("home")).env("CONSIGN_NO_INPUT", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.dir.path().join("yard"));
        command.arg("--json").args(verb).arg(bundle).arg("--signer").arg(self.keys.join("partner.signers"));
        if !matches!(reader, Reader::Inspect | Reader::Verify) {
            command.arg("-i").arg(self.keys.join("victim.key"));
            let key_file = bundle.with_extension("key");
            if key_file.exists() {
                command.arg("--key-file").arg(key_file);
            }
        }
        match reader {
            Reader::Cat => command.arg("a.txt"),
            Reader::Unpack => command.arg("-o").arg(self.out()),
            _ => &mut command,
        };
        command
    }

    /// Runs a reader, and ends it if it takes far too long.
    fn run(&self, reader: Reader, bundle: &Path) -> Ran {
        let said = self.dir.path().join("said");
        let (out, err) = (File::create(&said).unwrap(), File::options().append(true).open(&said).unwrap());
        let start = Instant::now();
        let mut command = self.command(reader, bundle);
        let mut child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > TIME * 4 {
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let took = start.elapsed();
        let told = String::from_utf8_lossy(&fs::read(&said).unwrap()).into_owned();
        fs::remove_file(&said).unwrap();
        let code = status.code().unwrap_or(-1);
        // `verify` can have several results; its own code is the class of the worst of them.
        let result = told.split("\"results\":").last().unwrap_or_default();
        let word = result.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("?");
        Ran { word: if code == 0 { "ok".into() } else { word.into() }, code, took, told }
    }

    /// Everything in the yard, but for what the reader keeps in its home.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if fs::symlink_metadata(&path).unwrap().is_dir() {
                    found.insert(path.clone(), Vec::new());
                    walk(&path, found);
                } else {
                    found.insert(path.clone(), fs::read(&path).unwrap_or_default());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(self.dir.path(), &mut found);
        found.retain(|path, _| !path.starts_with(self.dir.path().join("home")));
        found
    }
}

/// The greatest memory of any process so far, in KiB.
fn greatest_memory() -> i64 {
    use nix::sys::resource::{UsageWho, getrusage};
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss()
}

/// What is wrong with how one reader took one attack.
fn complaint(yard: &Yard, attack: &Attack, reader: Reader) -> Option<String> {
    let (before, wanted) = (yard.contents(), attack.wants(reader));
    let memory = greatest_memory();
    let ran = yard.run(reader, &attack.file);
    let name = format!("{} ({}), {reader:?}", attack.class, attack.mode);
    if ran.word != wanted || ran.code != code_of(wanted) {
        return Some(format!("{name}: {} {} in place of {wanted}: {}", ran.code, ran.word, ran.told));
    }
    if ran.took > TIME {
        return Some(format!("{name}: took {:?}", ran.took));
    }
    if greatest_memory() > MEMORY.max(memory) {
        return Some(format!("{name}, or what ran beside it, took {} KiB", greatest_memory()));
    }
    if reader == Reader::Unpack && wanted == "ok" {
        fs::remove_dir_all(yard.out()).unwrap();
    }
    if yard.contents() == before { None } else { Some(format!("{name}: something appeared or changed")) }
}

/// Shows every attack to its readers, on two threads. Returns how many runs there were.
fn show_all(folder: &Path) -> usize {
    let attacks = Attack::all(folder);
    let (next, runs, complaints) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let yard = Yard::new(folder);
        while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
            for reader in attack.readers() {
                complaints.lock().unwrap().extend(complaint(&yard, attack, *reader));
                runs.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let complaints = complaints.into_inner().unwrap();
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
    let classes: std::collections::BTreeSet<_> = attacks.iter().map(|a| &a.class).collect();
    println!("{} kinds of attack, {} bundles, {} runs", classes.len(), attacks.len(), runs.load(Ordering::Relaxed));
    runs.into_inner()
}

#[test]
fn every_lie_of_the_second_writer_is_refused_with_its_word() {
    if !judge() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("bundles");
    let wrote = module("second.hostile").arg(&folder).output().unwrap();
    assert!(wrote.status.success(), "{}", String::from_utf8_lossy(&wrote.stderr));
    assert!(show_all(&folder) > 4000);
}

#[test]
fn the_hostile_bundles_that_are_kept_are_refused_with_their_words() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hostile");
    assert!(show_all(&folder) > 300);
}

/// 500 bits, evenly spread over a good bundle, each flipped in a copy that the binary gets.
#[test]
fn single_bit_flips_are_refused_by_the_binary() {
    const FLIPS: usize = 500;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hostile");
    let good = fs::read(folder.join("replay.consign")).unwrap();
    let yard = Yard::new(&folder);
    let file = yard.dir.path().join("flipped.consign");
    for n in 0..FLIPS {
        let bit = n * (good.len() * 8 - 1) / (FLIPS - 1);
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, flipped).unwrap();
        let before = yard.contents();
        for reader in [Reader::Verify, Reader::Unpack] {
            let ran = yard.run(reader, &file);
            assert!(matches!(ran.code, 3 | 10), "{reader:?}, bit {bit}: {} {}", ran.code, ran.told);
        }
        assert!(yard.contents() == before, "bit {bit}: something appeared or changed");
    }
    println!("{FLIPS} single-bit flips, each by verify and by unpack");
}
