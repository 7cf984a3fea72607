//! Secrets of a run are searched for everywhere outside its memory: in the arguments and the environment of every
//! process it starts, in every byte that it writes, be it to a file, a pipe, a terminal or the bus, in every file that
//! is left, and in a core.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use consign::crypto::{Identities, PassphraseSource, Secret, open_locked};

use crate::desk::{Ran, binary, have};
use crate::session::{Session, TOOLS};

const OLD: &str = "first-passphrase-Xq7";
const NEW: &str = "second passphr\u{e4}se Zw9";

/// What must be seen nowhere, by what it is.
type Secrets = Vec<(String, Vec<u8>)>;

/// Calls that start something or write something.
const CALLS: &str = "trace=execve,execveat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg";

/// A run under strace on a terminal, its trace in a file of its own.
fn traced(session: &Session, firm: &str, n: usize, line: &str, answers: &[&str]) -> (Ran, PathBuf) {
    let trace = session.desk.path(&format!("trace-{n}"));
    let strace = format!("strace -f -qq -v -xx -s 1000000 -e {CALLS} -o {} consign ", trace.display());
    let ran = session.typed(firm, &line.replacen("consign ", &strace, 1), answers);
    (ran, trace)
}

/// As strace spells bytes with `-xx`.
fn spelled(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("\\x{b:02x}")).collect()
}

struct Word(&'static str);

impl PassphraseSource for Word {
    fn passphrase(&self, _: &str) -> consign::crypto::Result<Secret> {
        Ok(Secret::new(self.0.as_bytes().to_vec()))
    }
}

/// Everything secret that a home has.
fn secrets_of(home: &Path, word: &'static str) -> Secrets {
    let mut all: Secrets = vec![("a passphrase".into(), word.into())];
    let lock = Secret::new(word.as_bytes().to_vec());
    let file = fs::read(home.join("identity.age")).unwrap();
    let plain = open_locked(&lock, &file, "identity.age", 1 << 16).unwrap();
    for line in plain.text().unwrap().lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("AGE-SECRET-KEY-"));
        all.push(("an identity".into(), line.as_bytes()[..50].to_vec()));
        all.push(("an identity in lower case".into(), line.to_lowercase().as_bytes()[..50].to_vec()));
    }
    let signing = ssh_key::PrivateKey::from_openssh(fs::read(home.join("signing")).unwrap()).unwrap();
    let signing = signing.decrypt(word).unwrap();
    all.push(("the seed of the signing key".into(), signing.key_data().ed25519().unwrap().private.to_bytes().to_vec()));
    let mut identities = Identities::new(Arc::new(Word(word)));
    identities.add(&Secret::new(file), "identity.age").unwrap();
    for entry in fs::read_dir(home.join("private")).into_iter().flatten() {
        let private = identities.open(&fs::read(entry.unwrap().path()).unwrap(), "private", 1 << 20).unwrap();
        let text = private.plain.text().unwrap();
        let identity = text.split('"').find(|word| word.starts_with("AGE-SECRET-KEY-")).unwrap();
        all.push(("the key of a bundle".into(), identity.as_bytes()[..50].to_vec()));
    }
    all
}

/// Every file below a folder, without those that hold secrets on purpose.
fn files_below(folder: &Path, but: &[&str]) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = path.symlink_metadata().unwrap();
        if kind.is_dir() {
            all.extend(files_below(&path, but));
        } else if kind.is_file() && !but.contains(&name.as_str()) && !name.starts_with("trace-") {
            all.push(path);
        }
    }
    all
}

fn holds(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// Nothing of `secrets` is in a trace; `but` are lines that the test itself brought in.
fn assert_unseen(trace: &Path, secrets: &Secrets, but: impl Fn(&str) -> bool) {
    let text = fs::read_to_string(trace).unwrap();
    assert!(text.contains("execve("), "strace saw nothing");
    for line in text.lines().filter(|line| !but(line)) {
        for (what, secret) in secrets {
            assert!(!line.contains(&spelled(secret)), "{what} is seen: {:.300}", line);
        }
    }
}

#[test]
fn no_secret_of_a_run_is_in_an_argument_a_variable_a_file_or_anything_written() {
    if !have(&TOOLS) || !have(&["strace", "git"]) {
        return;
    }
    let session = Session::with_keyring();
    let desk = &session.desk;
    desk.new_firm("north", "north");
    desk.tree();
    let made = "consign key new --name acme";
    let (ran, first) = traced(&session, "acme", 1, made, &[OLD, OLD]);
    ran.ok();
    let unlock = ("the unlock secret".to_owned(), session.held().remove(0).1.into_bytes());
    desk.run("acme", "card -o acme.card");
    session.alone("acme", "partner add north.card --unchecked").0.ok();
    desk.run("north", "partner add acme.card --unchecked").ok();
    let (ran, second) = traced(&session, "acme", 2, "consign pack tree --to north -o b.consign", &[]);
    ran.ok();
    let (ran, third) = traced(&session, "acme", 3, "CONSIGN_NO_KEYRING=1 consign unpack b.consign -o got", &[OLD]);
    ran.ok();
    let before = secrets_of(&desk.home("acme"), OLD);
    let (ran, fourth) = traced(&session, "acme", 4, "consign key passphrase", &[NEW, NEW]);
    ran.ok();
    let after = secrets_of(&desk.home("acme"), NEW);
    let (ran, fifth) = traced(&session, "acme", 5, "consign key passphrase --keep", &[]);
    ran.ok();
    let all: Secrets = [before, after, vec![unlock]].concat();
    assert_eq!(all.iter().filter(|(what, _)| what == "the key of a bundle").count(), 2);
    for trace in [first, second, third, fourth, fifth] {
        assert_unseen(&trace, &all, |_| false);
    }
    for file in files_below(desk.dir.path(), &[]) {
        let bytes = fs::read(&file).unwrap();
        for (what, secret) in &all {
            assert!(!holds(&bytes, secret), "{what} is in {}", file.display());
        }
    }
}

#[test]
fn the_search_finds_a_secret_where_there_is_one() {
    if !have(&TOOLS) || !have(&["strace"]) {
        return;
    }
    let session = Session::new();
    let (_, trace) = traced(&session, "acme", 1, "consign inspect first-passphrase-Xq7", &[]);
    let secrets: Secrets = vec![("a passphrase".into(), OLD.into())];
    let found = std::panic::catch_unwind(|| assert_unseen(&trace, &secrets, |_| false));
    assert!(found.is_err());
}

#[test]
fn children_get_neither_keys_nor_the_way_to_a_passphrase() {
    if !have(&TOOLS) || !have(&["strace", "git", "age-keygen"]) {
        return;
    }
    let session = Session::new();
    let desk = &session.desk;
    desk.new_firm("acme", "acme");
    desk.tree();
    for line in ["init -q", "add .", "-c user.name=x -c user.email=x commit -q -m x"] {
        let done = Command::new("git").args(line.split(' ')).current_dir(desk.path("tree")).status().unwrap();
        assert!(done.success());
    }
    let key = Command::new("age-keygen").stderr(Stdio::null()).output().unwrap().stdout;
    let key = String::from_utf8(key).unwrap();
    let identity = key.lines().find(|line| line.starts_with("AGE-SECRET")).unwrap();
    let trace = desk.path("trace");
    let mut strace = desk.wrap("acme", "strace");
    strace.args(["-f", "-qq", "-v", "-xx", "-s", "1000000", "-e", "trace=execve", "-o"]).arg(&trace).arg(binary());
    strace.args(["pack", "tree", "--rev", "HEAD", "-R", "home-acme/signing.pub", "-o", "b.consign"]);
    strace.env_remove("CONSIGN_PASSPHRASE_FILE").env("CONSIGN_PASSPHRASE_COMMAND", "cat pass");
    Ran::of(strace.env("CONSIGN_IDENTITY_DATA", &key).output().unwrap()).ok();

    let text = fs::read_to_string(&trace).unwrap();
    let own = spelled(binary().as_bytes());
    let children: Vec<&str> = text.lines().filter(|line| line.contains("execve(") && !line.contains(&own)).collect();
    for program in ["git", "cat"] {
        assert!(children.iter().any(|line| line.contains(&spelled(program.as_bytes()))), "{program} was not run");
    }
    for name in ["CONSIGN_IDENTITY_DATA", "CONSIGN_PASSPHRASE", identity, "correct horse"] {
        let seen = children.iter().find(|line| line.contains(&spelled(name.as_bytes())));
        assert!(seen.is_none(), "a child is given {name}");
    }
}

#[test]
fn a_run_leaves_no_core_and_lets_no_process_of_its_user_into_its_memory() {
    let desk = crate::desk::Desk::new();
    // Root may read everything, so somebody else runs it then.
    let somebody = if fs::metadata("/proc/self").unwrap().uid() == 0 { Some(65534) } else { None };
    let as_somebody = |command: &mut Command| {
        if let Some(uid) = somebody {
            command.uid(uid).gid(uid);
        }
    };
    fs::set_permissions(desk.dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let copy = desk.path("consign");
    fs::copy(binary(), &copy).unwrap();
    let mut command = desk.wrap("acme", copy.to_str().unwrap());
    command.env_remove("CONSIGN_PASSPHRASE_FILE").env("CONSIGN_PASSPHRASE_COMMAND", "sleep 30");
    command.args(["key", "new", "--name", "acme"]).stdout(Stdio::null()).stderr(Stdio::null());
    as_somebody(&mut command);
    let mut run = command.spawn().unwrap();
    let proc = |name: &str| PathBuf::from(format!("/proc/{}/{name}", run.id()));
    let begun = Instant::now();
    let limits = loop {
        // The limit is set right after the start.
        let limits = fs::read_to_string(proc("limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
        if core.split_whitespace().skip(4).take(2).eq(["0", "0"]) || begun.elapsed() > Duration::from_secs(5) {
            break core;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    std::thread::sleep(Duration::from_millis(100));
    let mut readable = Vec::new();
    for name in ["environ", "mem", "maps"] {
        let mut cat = Command::new("head");
        cat.args(["-c", "1"]).arg(proc(name)).stdout(Stdio::null()).stderr(Stdio::piped());
        as_somebody(&mut cat);
        let said = String::from_utf8(cat.output().unwrap().stderr).unwrap();
        if !said.contains("denied") {
            readable.push(name);
        }
    }
    let killed = Command::new("kill").args(["-ABRT", &run.id().to_string()]).status().unwrap();
    let status = run.wait().unwrap();
    assert!(killed.success() && limits.contains(" 0 "), "{limits}");
    assert!(readable.is_empty(), "others can read {readable:?}");
    assert!(format!("{status}").contains("ABRT") && !format!("{status}").contains("core dumped"), "{status}");
    let cores: Vec<_> = desk.names("").into_iter().filter(|name| name.starts_with("core")).collect();
    assert!(cores.is_empty(), "{cores:?}");
}
