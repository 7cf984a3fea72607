//! From errors to what people and scripts are told: the fixed word, the exit code, the fix, and what was not done.
//! This is the only table of hints, since only the front desk knows the flags.

use std::io;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Mutex;

use consign::class::{Class, Fault};
use consign::crypto::PluginFault;
use consign::format::card::CardError;
use consign::{bundle, crypto, exchange, files, format, policy};
use serde_json::{Map, Value, json};

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure(Box<Told>);

/// What a [`Failure`] tells.
#[derive(Debug)]
pub(crate) struct Told {
    /// The fixed word.
    pub(crate) word: &'static str,
    /// Its class, which is the exit code.
    pub(crate) class: Class,
    /// What happened.
    pub(crate) message: String,
    /// Facts, in two columns.
    pub(crate) facts: Vec<(String, String)>,
    /// What to do about it.
    pub(crate) fix: Vec<String>,
    /// The files it is about.
    pub(crate) paths: Vec<PathBuf>,
    /// The errors under it.
    pub(crate) causes: Vec<String>,
    /// More fields of the JSON object.
    pub(crate) fields: Map<String, Value>,
}

impl Deref for Failure {
    type Target = Told;
    fn deref(&self) -> &Told {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Told {
        &mut self.0
    }
}

impl Failure {
    /// A failure with this word and class.
    pub(crate) fn new(word: &'static str, class: Class, message: impl Into<String>) -> Failure {
        let fix = hints(word).iter().map(|&hint| hint.to_owned()).collect();
        let (facts, paths, causes) = (Vec::new(), Vec::new(), Vec::new());
        let message = message.into();
        Failure(Box::new(Told { word, class, message, facts, fix, paths, causes, fields: Map::new() }))
    }

    /// Bad flags, or nothing matched.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new("usage", Class::Usage, message)
    }

    /// A person is needed, and there is no terminal, or --no-input was given.
    pub(crate) fn needs_a_person(message: impl Into<String>) -> Failure {
        Failure::new("needs-a-person", Class::NeedsAPerson, message)
    }

    /// From any error of the library.
    pub(crate) fn of<E: Fault + 'static>(error: &E) -> Failure {
        let mut failure = Failure::new(error.word(), error.class(), plain(&error.to_string()));
        let mut cause = error.source();
        while let Some(inner) = cause {
            if inner.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                failure.class = Class::Stopped(13);
            }
            let text = plain(&inner.to_string());
            if text != failure.message && !failure.causes.contains(&text) {
                failure.causes.push(text);
            }
            cause = inner.source();
        }
        failure
    }

    /// Standard output can't be written.
    pub(crate) fn stdout(error: &io::Error) -> Failure {
        let why = plain(&error.to_string()).to_lowercase();
        Failure::new("io", Class::Failed, format!("can't write to standard output: {why}"))
    }

    /// Binary data was about to go to a terminal.
    pub(crate) fn terminal() -> Failure {
        Failure::new("binary-to-terminal", Class::Usage, "a bundle is binary and would go to the terminal")
    }

    /// Adds a fact.
    #[must_use]
    pub(crate) fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Failure {
        self.facts.push((label.into(), value.into()));
        self
    }

    /// Puts a fix in place of the usual one for this word; called again, it adds a line.
    #[must_use]
    pub(crate) fn fix(mut self, text: impl Into<String>) -> Failure {
        let usual = hints(self.word);
        if self.fix.iter().map(String::as_str).eq(usual.iter().copied()) {
            self.fix.clear();
        }
        self.fix.push(text.into());
        self
    }

    /// Adds a field of the JSON object.
    #[must_use]
    pub(crate) fn set(mut self, key: &str, value: Value) -> Failure {
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Names a file that it is about.
    #[must_use]
    pub(crate) fn at(mut self, path: impl Into<PathBuf>) -> Failure {
        self.paths.push(path.into());
        self
    }

    /// As one JSON object.
    pub(crate) fn json(&self, command: &str, schema: &str) -> Value {
        let fix = if self.fix.is_empty() { Value::Null } else { self.fix.join("\n").into() };
        let paths: Vec<String> = self.paths.iter().map(|p| p.to_string_lossy().into_owned()).collect();
        let facts: Map<String, Value> = self.facts.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
        let mut object = json!({ "schema": schema, "ok": false, "command": command, "code": self.word,
            "class": self.class.word(), "exit": self.class.code(), "message": self.message, "facts": facts,
            "fix": fix, "paths": paths });
        if let Some(object) = object.as_object_mut() {
            object.extend(self.fields.clone());
        }
        object
    }
}

/// A message without the error number that Rust appends to what the system says.
fn plain(text: &str) -> String {
    match text.split_once(" (os error ") {
        Some((said, rest)) => format!("{said}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ')')),
        None => text.to_owned(),
    }
}

/// What is not done when a command fails.
pub(crate) fn not_done(command: &str) -> Option<&'static str> {
    Some(match command {
        "init" => "no workspace was made",
        "pack" => "nothing was packed",
        "check" => "not checked",
        "unpack" => "nothing was unpacked",
        "repair" => "nothing was written",
        "sign" => "nothing was signed",
        "finish" => "this run finished nothing",
        "agree" => "nothing was signed",
        "partner agree" => "nothing was put on record",
        "partner suspend" | "partner resume" => "nothing was changed",
        "verify" => "not verified",
        "scope list" | "scope show" | "scope explain" | "inspect" | "list" => "nothing was shown",
        "key new" => "no key was made",
        "key rotate" | "key renew" | "key add" | "key remove" | "key join" => {
            "your keys and your card are as they were"
        }
        "key passphrase" => "nothing was changed",
        "key export" => "no copy was made",
        "key import" => "no key was imported",
        "card" => "no card was written",
        "partner add" => "nothing was put on record",
        "partner remove" => "nothing was removed",
        "partner export" => "no list was written",
        "log verify" => "the ledger is not verified",
        "man" => "not all pages were written",
        _ => return None,
    })
}

/// The usual fix for a word.
fn hints(word: &str) -> &'static [&'static str] {
    match word {
        "key-not-locked" => &["move that file away, and put it back from a copy that is locked"],
        "no-keyring" => &["nothing is lost: the passphrase opens your keys; CONSIGN_PASSPHRASE_* gives it to machines"],
        "keys-unsettled" => &["make the folder of your keys writable; the next command that reads them finishes it"],
        "home-read-only" => &["make the folder writable, or set CONSIGN_HOME to one that is"],
        "no-home" => &["set CONSIGN_HOME to a folder for keys, partners and the ledger"],
        "wrong-key" => &["-i FILE for another key; or send the sender your card: consign card -o FILE"],
        "held" => &["ask the sender for the key file, then: --key-file FILE"],
        "needs-base" => &["--base DIR: the folder that it was made against"],
        "ledger-broken" | "ledger-forked" => {
            &["keep the file as it is, and find out who changed it; a backup shows the difference"]
        }
        "busy" => &["wait until the other run is done"],
        "exists" => &["another place; or, where the command has it, --force replaces it or moves it aside"],
        "binary-to-terminal" => &["-o FILE, or send it into a pipe"],
        "no-room" => &["make room, or another place: -o"],
        "newer-format" => &["get a newer consign"],
        "lfs-pointer" => &["git lfs pull"],
        "unsafe-name" => &["rename it, or leave it out: --exclude PATH"],
        "name-collision" => &["rename one of them, or leave it out: --exclude PATH"],
        "special-file" => &["leave it out: --exclude PATH"],
        "changed-while-read" => &["run it again when nothing writes there"],
        "no-recipient" => &["--to PARTNER, or a key: -r age1… or -R FILE"],
        "bad-recipient" => &["-r takes age1… or an ssh-ed25519 or ssh-rsa public key; -R a file of them"],
        "home-broken" => &["put that file back from a copy of the folder"],
        "expired" => &["ask the sender for a new one"],
        "not-a-bundle" => &["bundles end in .consign; a transfer that changes bytes breaks them (PowerShell `>`)"],
        "not-there" => &["consign list BUNDLE shows every path"],
        "nothing-matched" => &["quote patterns, so that the shell leaves them alone; ** crosses folders"],
        "nothing-to-send" => &["--dry-run shows what stays out, and why; --include GLOB lets it in"],
        "no-compartment" | "compartments-differ" => &["--compartment N chooses one that is open to your keys"],
        "wrong-base" => &["--base DIR: exactly what you got before, unchanged"],
        "no-links" => &["--no-links leaves them out"],
        "output-in-tree" => &["another place: -o"],
        "bad-name" => &["--name NAME"],
        "mixed-recipients" => &["give everybody's age1pq1… keys, or none"],
        "mistyped" => &["look at that line on the paper again; on a terminal: consign key import --paper"],
        "card-needed" => &["--card FILE: the newest card of the firm, from the machine that makes it, or a partner"],
        "two-firms" => &["import one copy at a time, each into its own CONSIGN_HOME"],
        "bug" => &["please report it, with the line above"],
        _ => hints_on_keys(word),
    }
}

/// The usual fix for a word that tells of keys, cards and partners.
fn hints_on_keys(word: &str) -> &'static [&'static str] {
    match word {
        "no-key" => &["consign key new"],
        "key-exists" => &["keep it; another firm on this machine gets its own CONSIGN_HOME"],
        "key-unfinished" => &["move the files of the unfinished key away, then again: consign key new"],
        "partner-broken" => &["move that file away, then put the partner on record again"],
        "partner-exists" => &["another name for this one: consign partner add CARD --as NAME"],
        "bad-alias" => &["consign partner add CARD --as NAME"],
        "no-partner" => &["consign partner list; to put a firm on record: consign partner add CARD"],
        "label-taken" => &["another one: --label TEXT; the same label means the same machine"],
        "card-unlinked" => &[
            "ask the firm for the cards in between, and add them first: consign card --number N -o FILE",
            "or call it on a number you already have, and compare: consign partner remove NAME, then add this card",
        ],
        "card-downgrade" | "card-conflict" => &[
            "call the firm on a number you already have, and compare the six check words",
            "if it really is theirs: consign partner remove NAME, then add this card",
        ],
        "not-first-key" => &["run it on the machine whose key signed the card; consign key list shows which it is"],
        "no-such-key" => &["consign key list shows every key, its label and its fingerprint"],
        "not-listed" => {
            &["send this machine's card to where your firm's card is made, and there: consign key add CARD"]
        }
        "not-joining" => &["on the other machine: consign key new --for YOUR.card; then send that machine's card"],
        "words-differ" => &["don't trust this card; ask the firm, on a number you already have, for its card"],
        "needs-passphrase" => &["CONSIGN_PASSPHRASE_FILE, _FD or _COMMAND gives it; or run it on a terminal"],
        "wrong-passphrase" => &["try again; there is no way to recover a forgotten passphrase"],
        "partner-known" => &["use that name, or first: consign partner remove NAME"],
        "has-card" => &["its next card takes that one's place; SSH keys would be less than a card"],
        "keys-differ" => {
            &["compare the new ones: --fingerprint SHA256:… for each", "or first: consign partner remove NAME"]
        }
        "signs-only" => &["its card, when it has one: consign partner add CARD --as NAME; for once, a key: -r KEY"],
        "nobody" => &["consign partner add CARD"],
        "revoked" => &["ask the sender for a bundle that is signed with a key of today"],
        "own-card" => &["give it to your partners; their cards go on record here"],
        "card-ended" => &["ask the partner for its new card, then: consign partner add CARD"],
        _ => hints_on_signing(word),
    }
}

/// The usual fix for a word on keys that sign, and on signatures that others have to give.
fn hints_on_signing(word: &str) -> &'static [&'static str] {
    match word {
        "security-key" => &["ssh-add FILE, then sign with its public key: --sign-with FILE.pub"],
        "no-agent" => &["start one: eval $(ssh-agent); then: ssh-add FILE", "or name the private key's file"],
        "not-in-agent" => &["ssh-add FILE; ssh-add -l shows what it holds", "or name the private key's file"],
        "agent-refused" => &["ssh-add -X unlocks it; touch the key, or say yes when it asks; then again"],
        "agent-silent" => &["touch the key, or say yes when the agent asks; then again"],
        "agent-broken" => &["start the agent again, then ssh-add FILE; or name the private key's file"],
        "no-ssh-keygen" => &["install OpenSSH; or put the key into the agent: ssh-add FILE, --sign-with FILE.pub"],
        "not-signed" => &[
            "touch the key when it blinks, and run it on a terminal if it asks for a PIN",
            "or put it into the agent: ssh-add FILE, then --sign-with FILE.pub",
        ],
        "not-waiting" => &["name the file NAME.consign.waiting, with the CONSIGN_HOME that packed it"],
        "still-waiting" => &["name every signature: consign finish WAITING SIGNATURE..."],
        "reference-taken" => &["another name: --ref TEXT; or first: consign partner agree NAME --withdraw REF --why W"],
        "not-on-record" => &["consign partner show NAME lists what is on record"],
        "bad-dates" => &["dates are YYYY-MM-DD; what has ended goes on record with its first day: --from DATE"],
        "other-document" => &["ask which text is meant; don't sign until it is the one that you read"],
        "not-accepted" => &["the partner signs it: consign agree FILE; then put what comes back on record"],
        "already-accepted" => &["put it on record: consign partner agree NAME --signed FILE"],
        "agreement-differs" => &["withdraw what is on record, or have the agreement signed as it is on record"],
        "agreement-withdrawn" => &["offer a new one: consign partner agree NAME --nda FILE --until DATE --sign"],
        "not-awaited" => &["ask for the signature of the right key; consign log shows whose are awaited"],
        "not-asked" => &["--sign-with KEY, the one that is asked"],
        "nothing-to-lock-to" => &["give its owner's card instead: consign card -o FILE"],
        "stale" => &["pack it again, for the keys that they have now"],
        _ => hints_on_damage(word),
    }
}

/// The usual fix for a word that tells of damage.
fn hints_on_damage(word: &str) -> &'static [&'static str] {
    match word {
        "cut-short" => &[
            "the transfer did not finish: go on with it, or ask the sender to send it again",
            "with another copy: consign repair BUNDLE --from COPY -o WHOLE.consign",
        ],
        "no-statement" => &["with a copy that has its end: consign repair BUNDLE --from COPY -o WHOLE.consign"],
        "other-bundle" => &["give copies of the same bundle only; consign inspect COPY shows what it is"],
        "beyond-repair" => &[
            "one more copy: --from COPY; or ask the sender to send it again",
            "for the files that are whole: consign unpack --salvage BUNDLE",
        ],
        "nothing-salvaged" => &["with another copy: consign repair BUNDLE --from COPY -o WHOLE.consign"],
        _ => hints_on_demands(word),
    }
}

/// The usual fix for a word that tells of age plugins, of the configuration, and of what it demands.
fn hints_on_demands(word: &str) -> &'static [&'static str] {
    match word {
        "plugin-broken" => &["try its own command, such as --version, and whether your key is plugged in"],
        "plugin-refused" => &["is it the right key, plugged in, and the right PIN?"],
        "plugin-timeout" => &["run it on a terminal; or wait = SECONDS under [plugins.NAME] in config.toml"],
        "needs-pin" => &["run it on a terminal"],
        "incompatible-keys" => &["send them two bundles, or ask them for keys of one kind"],
        "not-hardware" => &["a key in hardware in its place, or change that line"],
        "not-post-quantum" => &["a key age1pq1... in its place, or change that line"],
        "no-scope" => &["consign scope list; a new one is a file: .consign/scopes/NAME.toml"],
        "scope-empty" => &["consign scope show SCOPE names the lines that match nothing"],
        "scope-ended" => &[
            "if it is meant to go on, move `expires` in that scope's file in .consign/scopes",
            "or allow it once, on record: --override \"why\"",
        ],
        "scope-not-bound" => &[
            "name it under `partners` in that scope's file in .consign/scopes",
            "or allow it once, on record: --override \"why\"",
        ],
        "scope-too-large" => &[
            "narrow the scope, or raise that line in that scope's file in .consign/scopes",
            "or allow it once, on record: --override \"why\"",
        ],
        "scope-grown" => &[
            "--dry-run shows what would go; consign scope explain PATH says why",
            "if all of it is meant: --override \"why\"",
        ],
        "outside-workspace" => &["name a path in the workspace, or go to the other one first"],
        "no-workspace" => &["consign init --owner FIRM makes one; outside of one the whole folder is packed"],
        "scope-needed" => {
            &["--scope SCOPE, or --to PARTNER:SCOPE; consign scope list shows them", "or the whole folder: --all"]
        }
        "not-a-partner" => &[
            "put its owner on record: consign partner add CARD, then --to",
            "or allow it once, on record: --override \"why\"",
        ],
        "bad-setting" => &["licences: MIT, Apache-2.0, LicenseRef-NAME for one of your own; texts: one line"],
        "ledger-copy-differs" => &["keep that file, and find out who changed it; your own ledger is in CONSIGN_HOME"],
        "rules-broken" => &["docs/GATE.md says which part of a gitleaks file is understood"],
        "workspace-broken" => &["put project.toml back from your version control; or: consign init --owner FIRM"],
        "workspace-foreign" => &["make those rules your own (chown), or work outside that folder"],
        "workspace-exists" => &["change its files; consign doctor reads them all"],
        "config-broken" => &["man consign.toml shows what can stand in each file"],
        _ => hints_on_terms(word),
    }
}

/// The usual fix for a word on terms, and on what a policy demands.
fn hints_on_terms(word: &str) -> &'static [&'static str] {
    match word {
        "terms-differ" => &["compare them with what was agreed; then, for exactly these: --accept-terms=HASH"],
        "policy-needs-key" => &["--deep, with a key that opens the bundles: -i FILE, or your own"],
        "policy-closed" => &["-i FILE for a key that opens all parts"],
        "terms-refused" => &["tell the sender which terms you can accept"],
        _ => &[],
    }
}

/// One `From` for each error of the library, so that `?` works in every command.
macro_rules! failures {
    ($($error:ty),* $(,)?) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                let mut failure = Failure::of(&error);
                failure.paths = Paths::of(&error);
                failure.facts = Paths::facts(&error);
                match Paths::fix(&error) {
                    Some(fix) => fix.lines().fold(failure, |failure, line| failure.fix(line)),
                    None => failure,
                }
            }
        }
    )* };
}

failures!(
    crypto::Error,
    format::Error,
    files::Error,
    CardError,
    policy::Refusal,
    policy::NoReason,
    bundle::Error,
    exchange::Error
);

/// Which files an error names, and what to do about it if that depends on what it is about.
trait Paths {
    fn of(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    fn fix(&self) -> Option<String> {
        None
    }
    fn facts(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Paths for crypto::Error {
    fn fix(&self) -> Option<String> {
        match self {
            crypto::Error::Plugin(PluginFault::NotAllowed { name, config: Some(config) }) => {
                Some(format!("if you trust that program, write [plugins.{name}] into {}", config.display()))
            }
            crypto::Error::Plugin(PluginFault::Missing { name, .. }) => {
                Some(format!("install it, or say where it is under [plugins.{name}] in config.toml: path = \"/...\""))
            }
            _ => None,
        }
    }
}
impl Paths for format::Error {}
impl Paths for CardError {}
impl Paths for policy::Refusal {
    fn fix(&self) -> Option<String> {
        let policy::Refusal::Lapsed(lapsed) = self else { return None };
        let (partner, word) = (lapsed.partner(), consign::class::Fault::word(lapsed));
        let way = match word.split('-').next() {
            Some("partner") => format!("to end it: consign partner resume {partner}"),
            Some("audit") => {
                format!("put one on record: consign partner agree {partner} --audit FILE --by WHO --until DATE")
            }
            Some("evidence") => {
                format!("put it on record: consign partner agree {partner} --evidence KIND FILE --until DATE")
            }
            _ if word == "nda-not-countersigned" => {
                format!("let {partner} sign it: consign partner agree {partner} --nda FILE --until DATE --sign")
            }
            _ => format!("put one on record: consign partner agree {partner} --nda FILE --until DATE"),
        };
        Some(format!("{way}\nor allow it once, on record: --override \"why\""))
    }
    fn facts(&self) -> Vec<(String, String)> {
        let policy::Refusal::Lapsed(lapsed) = self else { return Vec::new() };
        lapsed.lapses().skip(1).map(|lapse| ("also".to_owned(), lapse.to_string())).collect()
    }
}
impl Paths for policy::NoReason {}

impl Paths for files::Error {
    fn of(&self) -> Vec<PathBuf> {
        use files::Error;
        match self {
            Error::Io { path, .. } | Error::Exists { path } | Error::Busy { path } | Error::NoRoom { path, .. } => {
                vec![path.clone()]
            }
            Error::ChangedWhileRead { path, .. }
            | Error::SpecialFile { path, .. }
            | Error::BadName { path, .. }
            | Error::LfsPointer { path } => vec![path.into()],
            Error::Collision { first, second } => vec![first.into(), second.into()],
            _ => Vec::new(),
        }
    }
}

impl Paths for bundle::Error {
    fn of(&self) -> Vec<PathBuf> {
        use bundle::Error;
        match self {
            Error::Files(e) => e.of(),
            Error::NotThere { path } | Error::CompartmentsDiffer { path, .. } | Error::Unportable { path, .. } => {
                vec![path.into()]
            }
            _ => Vec::new(),
        }
    }
    fn fix(&self) -> Option<String> {
        if let bundle::Error::Crypto(e) = self { e.fix() } else { None }
    }
}

impl Paths for exchange::Error {
    fn facts(&self) -> Vec<(String, String)> {
        if let exchange::Error::Refused(refusal) = self {
            return refusal.facts();
        }
        let exchange::Error::Mistake(mistake) = self else { return Vec::new() };
        let Some((text, carets)) = mistake.shown.clone() else { return Vec::new() };
        vec![(format!("line {}", mistake.line), text), (String::new(), carets)]
    }
    fn of(&self) -> Vec<PathBuf> {
        use exchange::Error;
        match self {
            Error::Files(e) => e.of(),
            Error::Bundle(e) => e.of(),
            Error::Mistake(mistake) => vec![mistake.path.clone()],
            Error::HomeReadOnly { path, .. }
            | Error::KeyExists { path }
            | Error::KeyUnfinished { path }
            | Error::KeyNotLocked { path }
            | Error::NoKeyHere { path }
            | Error::HomeBroken { path, .. }
            | Error::PartnerBroken { path, .. }
            | Error::WorkspaceBroken { path }
            | Error::PartnerDiffers { path, .. }
            | Error::WorkspaceForeign { path }
            | Error::WorkspaceExists { path }
            | Error::LedgerBroken { path, .. }
            | Error::LedgerForked { path, .. }
            | Error::NotWaiting { path }
            | Error::WaitingChanged { path }
            | Error::HalfFinished { path, .. }
            | Error::OutputInTree { path } => vec![path.clone()],
            _ => Vec::new(),
        }
    }
    fn fix(&self) -> Option<String> {
        match self {
            exchange::Error::Crypto(e) => e.fix(),
            exchange::Error::Bundle(e) => e.fix(),
            exchange::Error::Refused(e) => e.fix(),
            exchange::Error::PartnerDiffers { path, .. } => Some(format!(
                "compare its keys with {}: whose are they? If the file is of another firm, move it away",
                path.display()
            )),
            exchange::Error::HalfFinished { .. } => {
                Some("when that is mended, the same command again completes it".to_owned())
            }
            _ => None,
        }
    }
}

/// Where the last panic was.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps panics from printing: a bug is told like any other error, and with a backtrace only where one was asked for.
pub(crate) fn quiet_panics(loud: bool) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let text = message(info.payload());
        if let Ok(mut last) = PANIC.lock() {
            last.get_or_insert_with(|| format!("{place}: {text}"));
        }
        if loud {
            usual(info);
        }
    }));
}

fn message(payload: &dyn std::any::Any) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}

/// The failure that a panic is.
pub(crate) fn bug() -> Failure {
    let place = PANIC.lock().ok().and_then(|mut last| last.take()).unwrap_or_default();
    Failure::new("bug", Class::Failed, "internal error, please report it").fact("where", place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_bug_report_that_names_its_place() {
        quiet_panics(false);
        let nothing: Vec<u8> = Vec::new();
        assert!(std::panic::catch_unwind(|| nothing.iter().position(|_| true).unwrap()).is_err());
        let _usual = std::panic::take_hook();
        let failure = bug();
        assert_eq!((failure.word, failure.class), ("bug", Class::Failed));
        assert!(failure.facts.iter().any(|(_, place)| place.contains("fault.rs")), "{:?}", failure.facts);
    }

    #[test]
    fn a_fix_of_ones_own_takes_the_place_of_the_usual_one() {
        let failure = Failure::new("no-key", Class::Usage, "x").fix("one").fix("two");
        assert_eq!(failure.fix, ["one", "two"]);
        assert_eq!(Failure::new("no-key", Class::Usage, "x").fix, ["consign key new"]);
    }

    #[test]
    fn the_reader_of_a_pipe_that_left_is_no_error_wherever_it_shows() {
        let source = io::Error::from(io::ErrorKind::BrokenPipe);
        let e = files::Error::Io { verb: "write", path: "x".into(), source };
        assert_eq!(Failure::from(exchange::Error::from(e)).class, Class::Stopped(13));
    }
}
