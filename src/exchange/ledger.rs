//! The ledger: the append-only record of what went out and what came in (FORMAT §5.9). One line per event, each
//! bound to the line before by its hash. Appending is one locked, synced write; a crash leaves the line whole or
//! a torn tail that the next append drops (P10).

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::chain::{Lines, Tail, chain_path, open_chain, read_line, write_line};
use super::{Home, Result};
use crate::crypto::{Digest, Fingerprint, digest};
use crate::files::{self, Lock, Names, io_at};
use crate::format::json;
use crate::format::record::{Event, Head, Line, SentPart, Writer};
use crate::format::time::Time;

/// This home's ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    home: Home,
}

/// A chain that was followed to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are; equal lines count once.
    pub entries: u64,
    /// H(last line); zeros when there is none.
    pub head: Digest,
    /// Whose chain it is; none when nothing was recorded yet.
    pub writer: Option<Writer>,
    /// Whether a torn last line, left by a crash, is still there; the next append drops it.
    pub torn: bool,
}

/// A name for a bundle that no other run takes while this is held.
#[derive(Debug)]
pub struct Claimed {
    /// The name, such as `acme-0007`.
    pub name: String,
    _lock: Lock,
}

impl Ledger {
    /// The ledger of `home`. Touches nothing.
    #[must_use]
    pub fn open(home: &Home) -> Ledger {
        Ledger { home: home.clone() }
    }

    /// Appends one line, synced, and returns its entry number, from 1. Waits for other writers.
    ///
    /// # Errors
    /// [`Error::LedgerBroken`] when the last line is no sound line of this writer; what the system says, and then
    /// nothing is recorded.
    pub fn append(&self, event: &Event, now: Time, signer: Option<&Fingerprint>) -> Result<u64> {
        let folder = self.home.make_folder("ledger")?;
        let _lock = Lock::wait(&folder.join("lock"))?;
        let writer = self.home.writer_or_new()?;
        let path = chain_path(&folder, writer);
        let mut file = open_chain(&path)?;
        let tail = Tail::read(&mut file, &path)?;
        let head = tail.head(&path, writer)?;
        let mut line = head.next_line(writer, now, signer, event)?;
        line.push(b'\n');
        if let Err(e) = write_line(&mut file, &tail, &line) {
            // What is left of it, if this fails too, is a torn line, which the next append drops.
            let _unused = file.set_len(tail.end);
            return Err(io_at("write", &path)(e).into());
        }
        if tail.end == 0 {
            files::sync_folder(&folder)?;
            files::sync_folder(self.home.path())?;
        }
        Ok(head.entries + 1)
    }

    /// The name of this home's writer; a fresh one if there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn writer(&self) -> Result<Writer> {
        let _lock = Lock::wait(&self.home.make_folder("ledger")?.join("lock"))?;
        self.home.writer_or_new()
    }

    /// Where the chain stands. Reads its last line only.
    ///
    /// # Errors
    /// [`Error::LedgerBroken`]; what the system says.
    pub fn head(&self) -> Result<Head> {
        let Some((writer, path)) = self.chain()? else { return Ok(Head::default()) };
        let mut file = File::open(&path).map_err(io_at("read", &path))?;
        Tail::read(&mut file, &path)?.head(&path, writer)
    }

    /// All entries in order, each checked to follow the one before.
    ///
    /// # Errors
    /// What the system says. The lines themselves give [`Error::LedgerBroken`] and [`Error::LedgerForked`].
    pub fn lines(&self) -> Result<Lines> {
        match self.chain()? {
            Some((writer, path)) => Lines::open(path, Some(writer)),
            None => Ok(Lines::none()),
        }
    }

    /// Follows every chain in this home to its end and reports on its own.
    ///
    /// # Errors
    /// [`Error::LedgerBroken`], [`Error::LedgerForked`]; what the system says.
    pub fn verify(&self) -> Result<Verified> {
        let own = self.chain()?;
        for path in self.chain_files()?.into_iter().filter(|p| own.as_ref().is_none_or(|(_, own)| own != p)) {
            // Another writer's chain: a torn line is no crash of ours, so it is an error.
            Lines::open(path, None)?.try_for_each(|line| line.map(drop))?;
        }
        let mut lines = self.lines()?;
        lines.by_ref().try_for_each(|line| line.map(drop))?;
        let writer = own.map(|(writer, _)| writer);
        let Head { entries, head } = lines.head();
        Ok(Verified { entries, head, writer, torn: lines.is_torn() })
    }

    /// Writes the private part of a bundle's line, synced, and returns its hash (FORMAT §5.10).
    ///
    /// # Errors
    /// What the system says.
    pub fn write_private(&self, reference: &str, bytes: &[u8]) -> Result<Digest> {
        self.home.make_folder("private")?;
        files::write_private(&self.home.private(reference), bytes)?;
        Ok(digest(bytes))
    }

    /// Removes the private part of a bundle whose line could not be written.
    pub fn remove_private(&self, reference: &str) {
        // If this fails, a file stays that only its owner can open; that harms nobody.
        let _unused = std::fs::remove_file(self.home.private(reference));
    }

    /// Whether a bundle of this name went out before.
    ///
    /// # Errors
    /// What the system says.
    pub fn has_sent_name(&self, name: &str) -> Result<bool> {
        let mut found = false;
        self.each_sent_name(|sent| found |= sent == name)?;
        Ok(found)
    }

    /// How many files the last drop of this scope had; `None` when none went out before.
    ///
    /// # Errors
    /// What the system says.
    pub fn last_files(&self, scope: &str) -> Result<Option<u64>> {
        let mut last = None;
        self.each_sent_line(|text| {
            let Ok(line) = json::parse::<Line>(text.trim_end().as_bytes(), "line") else { return };
            let parts: Vec<SentPart> =
                line.fields.get("parts").and_then(|p| Vec::<SentPart>::deserialize(p).ok()).unwrap_or_default();
            last = parts.iter().find(|part| part.scope == scope).map(|part| part.files).or(last);
        })?;
        Ok(last)
    }

    /// The names of all bundles that went out.
    ///
    /// # Errors
    /// What the system says.
    pub fn sent_names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        self.each_sent_name(|sent| names.push(sent.to_owned()))?;
        Ok(names)
    }

    /// The next free name `PREFIX-NNNN`, kept from other runs until it is dropped.
    ///
    /// # Errors
    /// What the system says.
    pub fn claim_name(&self, prefix: &str) -> Result<Claimed> {
        let prefix = name_prefix(prefix);
        let folder = self.home.make_folder("claims")?;
        let mut number = self.last_number(&prefix)? + 1;
        loop {
            let name = format!("{prefix}-{number:04}");
            if let Some(lock) = Lock::take(&folder.join(&name))? {
                // Whoever held it before may have sent it between our look and our lock.
                let last = self.last_number(&prefix)?;
                if last < number {
                    self.sweep_claims(&folder, &prefix, last);
                    return Ok(Claimed { name, _lock: lock });
                }
                number = last;
            }
            number += 1;
        }
    }

    /// Removes the lock files of names that are in the ledger: nobody needs to be kept from those any more.
    fn sweep_claims(&self, folder: &Path, prefix: &str, last: u64) {
        for name in Names::of(folder).into_iter().flatten().flatten() {
            let number = name.to_str().and_then(|name| number_of(name, prefix));
            if number.is_some_and(|n| n <= last) {
                // If this fails, an empty file stays; that harms nobody.
                let _unused = std::fs::remove_file(folder.join(&name));
            }
        }
    }

    fn last_number(&self, prefix: &str) -> Result<u64> {
        let mut last = 0;
        self.each_sent_name(|name| last = last.max(number_of(name, prefix).unwrap_or(0)))?;
        Ok(last)
    }

    /// Calls `tell` with the name of every bundle that went out, by a scan of the bytes: a hundred thousand lines
    /// are looked through for each new number.
    fn each_sent_name(&self, mut tell: impl FnMut(&str)) -> Result<()> {
        self.each_sent_line(|text| {
            if let Some(name) = name_in(text) {
                tell(name);
            }
        })
    }

    /// Calls `tell` with every line of a bundle that went out, or will.
    fn each_sent_line(&self, mut tell: impl FnMut(&str)) -> Result<()> {
        for path in self.chain_files()? {
            let mut reader = BufReader::with_capacity(1 << 18, File::open(&path).map_err(io_at("read", &path))?);
            let mut line = Vec::new();
            while read_line(&mut reader, &mut line).map_err(io_at("read", &path))? {
                let text = std::str::from_utf8(&line).unwrap_or_default();
                if SENT.iter().any(|word| text.contains(word)) {
                    tell(text);
                }
            }
        }
        Ok(())
    }

    /// Every chain in this home.
    fn chain_files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.home.folder("ledger");
        let entries = match Names::of(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io_at("read", &folder)(e).into()),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = folder.join(entry.map_err(io_at("read", &folder))?);
            let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            if Writer::parse(stem.as_bytes()).is_some() && path.extension().is_some_and(|e| e == "jsonl") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    /// The home's own chain, if it has one.
    pub(super) fn chain(&self) -> Result<Option<(Writer, PathBuf)>> {
        let Some(writer) = self.home.writer()? else { return Ok(None) };
        let path = chain_path(&self.home.folder("ledger"), writer);
        Ok(path.exists().then_some((writer, path)))
    }
}

/// The events whose lines hold the name of a bundle that went out, or will.
const SENT: [&str; 3] = [r#""event":"drop""#, r#""event":"return""#, r#""event":"waiting""#];

/// The bundle name in a line. A quote within a JSON text is escaped, so only the field itself can match.
fn name_in(line: &str) -> Option<&str> {
    line.split_once(r#""name":""#)?.1.split('"').next()
}

fn number_of(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_prefix('-')?;
    if (4..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

/// The beginning of a bundle's name (FORMAT §2.1) from a partner's or a folder's.
fn name_prefix(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let slug: String = text.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let slug: String = slug.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(48).collect();
    if slug.is_empty() { "bundle".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::{Class, Fault};
    use crate::crypto::Hex;
    use crate::format::record::Sent;
    use crate::format::version::LINE_MAX;
    use std::fs;

    fn at() -> Time {
        "2026-11-23T13:40:00Z".parse().unwrap()
    }

    fn home() -> (tempfile::TempDir, Home) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        (dir, home)
    }

    fn removed(n: usize) -> Event {
        Event::PartnerRemoved { partner: format!("p{n}") }
    }

    fn sent(name: &str) -> Event {
        let zero = Hex([0; 32]);
        Event::Drop(Sent {
            reference: zero,
            name: name.into(),
            partners: vec![r#"x","name":"evil-0009"#.into()],
            scope: String::new(),
            revision: None,
            contents: vec![zero],
            terms: vec![zero],
            private: zero,
            parts: Vec::new(),
            agreements: Vec::new(),
            overridden: Vec::new(),
            allowed: 0,
        })
    }

    fn filled(home: &Home, n: usize) -> (Ledger, PathBuf) {
        let ledger = Ledger::open(home);
        (0..n).for_each(|i| assert_eq!(ledger.append(&removed(i), at(), None).unwrap(), i as u64 + 1));
        let path = ledger.chain_files().unwrap().pop().unwrap();
        (ledger, path)
    }

    fn word(ledger: &Ledger) -> &'static str {
        let e = ledger.verify().unwrap_err();
        assert_eq!(e.class(), Class::Record);
        e.word()
    }

    #[test]
    fn the_size_of_a_scope_is_that_of_its_last_drop() {
        let (_dir, home) = home();
        let ledger = Ledger::open(&home);
        assert_eq!(ledger.last_files("api").unwrap(), None);
        for (scope, files) in [("api", 3), ("ui", 9), ("api", 5), ("", 99)] {
            let Event::Drop(plain) = sent("x-0001") else { unreachable!() };
            let part = SentPart { scope: scope.into(), partners: Vec::new(), files, bytes: 1 };
            ledger.append(&Event::Drop(Sent { parts: vec![part], ..plain }), at(), None).unwrap();
        }
        assert_eq!((ledger.last_files("api").unwrap(), ledger.last_files("ui").unwrap()), (Some(5), Some(9)));
    }

    #[test]
    fn an_empty_ledger_is_sound_and_makes_nothing() {
        let (_dir, home) = home();
        let ledger = Ledger::open(&home);
        assert_eq!(ledger.head().unwrap(), Head::default());
        assert_eq!(ledger.verify().unwrap().entries, 0);
        assert_eq!(ledger.lines().unwrap().count(), 0);
        assert!(!ledger.has_sent_name("x").unwrap());
        assert!(!home.path().exists());
    }

    #[test]
    fn sixteen_writers_lose_and_fork_nothing() {
        let (_dir, home) = home();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let ledger = Ledger::open(&home);
                scope.spawn(move || (0..8).all(|_| ledger.append(&removed(n), at(), None).unwrap() > 0));
            }
        });
        let verified = Ledger::open(&home).verify().unwrap();
        assert_eq!((verified.entries, verified.torn), (128, false));
        assert_eq!(Ledger::open(&home).head().unwrap().head, verified.head);
    }

    #[test]
    fn a_torn_last_line_of_ones_own_is_dropped_by_the_next_append() {
        let (_dir, home) = home();
        let (ledger, path) = filled(&home, 3);
        let whole = fs::read(&path).unwrap();
        for torn in [&b"{"[..], b"{\"n\":3,", &vec![b'x'; LINE_MAX]] {
            fs::write(&path, [&whole, torn].concat()).unwrap();
            assert_eq!(ledger.verify().map(|v| (v.entries, v.torn)).unwrap(), (3, true));
            assert_eq!(ledger.append(&removed(3), at(), None).unwrap(), 4);
            assert_eq!(ledger.verify().map(|v| (v.entries, v.torn)).unwrap(), (4, false));
        }
        fs::write(&path, b"{\"n\":0").unwrap();
        assert_eq!(ledger.append(&removed(0), at(), None).unwrap(), 1);
        let other = path.with_file_name("00112233445566aa.jsonl");
        fs::write(&other, b"{\"n\":0").unwrap();
        assert_eq!(word(&ledger), "ledger-broken");
    }

    #[test]
    fn every_edit_of_the_past_is_found_and_named() {
        let (_dir, home) = home();
        let (ledger, path) = filled(&home, 5);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let join = |lines: &[&str]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        let edited = lines[2].replace("p2", "p9");
        let cut = &lines[2][..40];
        let forged = [lines[0], lines[1], lines[2], &edited, lines[3], lines[4]];
        let cases: [(&str, String); 8] = [
            ("ledger-broken", text.replace("p2", "p9")),
            ("ledger-broken", join(&[lines[0], lines[1], lines[3], lines[4]])),
            ("ledger-broken", join(&[lines[1], lines[2], lines[3], lines[4]])),
            ("ledger-broken", join(&[lines[0], lines[2], lines[1], lines[3], lines[4]])),
            ("ledger-broken", join(&[lines[0], lines[1], lines[0], lines[2], lines[3]])),
            ("ledger-broken", join(&[lines[0], lines[1], cut, lines[3], lines[4]])),
            ("ledger-broken", join(&[lines[0], "", lines[1]])),
            ("ledger-forked", join(&forged)),
        ];
        for (expected, changed) in cases {
            fs::write(&path, &changed).unwrap();
            assert_eq!(word(&ledger), expected, "{changed}");
        }
        fs::write(&path, join(&[lines[0], lines[1], lines[1], lines[2]])).unwrap();
        assert_eq!(ledger.verify().unwrap().entries, 3);
        fs::write(&path, text.replace("p2", "p9")).unwrap();
        assert!(ledger.verify().unwrap_err().to_string().contains("line 4"));
    }

    #[test]
    fn appending_to_a_line_that_is_not_ones_own_is_refused() {
        let (_dir, home) = home();
        let (ledger, path) = filled(&home, 2);
        let text = fs::read_to_string(&path).unwrap();
        let writer = home.writer().unwrap().unwrap().to_string();
        for broken in ["nonsense\n".to_owned(), text.replace(&writer, "00112233445566aa"), "x".repeat(200_000)] {
            fs::write(&path, &broken).unwrap();
            assert_eq!(ledger.append(&removed(0), at(), None).unwrap_err().word(), "ledger-broken");
            assert_eq!(fs::read_to_string(&path).unwrap(), broken);
        }
    }

    #[test]
    fn names_are_numbered_on_and_never_taken_twice() {
        let (_dir, home) = home();
        let ledger = Ledger::open(&home);
        let first = ledger.claim_name("acme").unwrap();
        assert_eq!(first.name, "acme-0001");
        assert_eq!(ledger.claim_name("acme").unwrap().name, "acme-0002");
        ledger.append(&sent("acme-0001"), at(), None).unwrap();
        ledger.append(&sent("acme-0041"), at(), None).unwrap();
        ledger.append(&sent("acme-x-9999"), at(), None).unwrap();
        assert!(ledger.has_sent_name("acme-0041").unwrap());
        assert!(!ledger.has_sent_name("evil-0009").unwrap());
        assert_eq!(ledger.claim_name("acme").unwrap().name, "acme-0042");
        assert_eq!(ledger.claim_name("evil").unwrap().name, "evil-0001");
        assert_eq!(ledger.claim_name("/My Project!/").unwrap().name, "My-Project-0001");
        let left: Vec<_> = fs::read_dir(home.folder("claims")).unwrap().flatten().map(|e| e.file_name()).collect();
        assert!(!left.contains(&"acme-0001".into()), "{left:?}");
    }

    #[test]
    fn two_runs_never_hold_one_name() {
        let (_dir, home) = home();
        let names = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let ledger = Ledger::open(&home);
                    for _ in 0..4 {
                        let claimed = ledger.claim_name("acme").unwrap();
                        names.lock().unwrap().push(claimed.name.clone());
                        ledger.append(&sent(&claimed.name), at(), None).unwrap();
                    }
                });
            }
        });
        let mut names = names.into_inner().unwrap();
        names.sort();
        let all = names.len();
        names.dedup();
        assert_eq!((all, names.len()), (32, 32));
    }

    #[test]
    fn the_private_part_is_for_its_owner_only_and_is_never_replaced() {
        let (_dir, home) = home();
        let ledger = Ledger::open(&home);
        assert_eq!(ledger.write_private("00ff", b"age").unwrap(), digest(b"age"));
        assert!(ledger.write_private("00ff", b"other").is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(home.private("00ff")).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_home_that_can_not_be_written_records_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let ledger = Ledger::open(&Home::at(dir.path().join("file/home")));
        assert_eq!(ledger.append(&removed(0), at(), None).unwrap_err().class(), Class::Failed);
    }
}
