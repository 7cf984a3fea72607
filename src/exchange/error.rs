//! What can go wrong between partners: with the home, the keys, the partners, the ledger.

use std::path::PathBuf;

use super::finding::Findings;
use super::mistake::Mistake;
use crate::class::{Class, Fault};
use crate::format::card::CardError;
use crate::{crypto, files, format, gate};

/// An error of the exchange floor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the locksmith.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    /// From the words.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// A card that is not taken.
    #[error(transparent)]
    Card(#[from] CardError),
    /// From the porter.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// From one parcel.
    #[error(transparent)]
    Bundle(#[from] crate::bundle::Error),
    /// A rule.
    #[error(transparent)]
    Refused(#[from] crate::policy::Refusal),
    /// What was asked for is there and on record; something that should follow it failed.
    #[error("{} is there and on record, but not all that belongs to it: {source}", path.display())]
    After {
        /// What is there.
        path: PathBuf,
        /// What failed after it.
        source: files::Error,
    },
    /// An output that would be part of what is packed.
    #[error("{} lies inside the folder that is packed", path.display())]
    OutputInTree {
        /// It.
        path: PathBuf,
    },
    /// A text that can't name a bundle.
    #[error("`{name}` can't name a bundle: letters, digits, dots, dashes and underscores, 64 at most")]
    BadBundleName {
        /// The text.
        name: String,
    },
    /// The home can't be written, and what was asked must be recorded.
    #[error("the home folder {} can't be written: {why}", path.display())]
    HomeReadOnly {
        /// The home, or the part of it that can't be written.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Keys are never overwritten.
    #[error("there is a key already: {}", path.display())]
    KeyExists {
        /// The file that is there.
        path: PathBuf,
    },
    /// Some files of a key are there, but not its card, which is written last.
    #[error("an earlier `key new` did not finish: {} is there, but no card", path.display())]
    KeyUnfinished {
        /// A file that is there.
        path: PathBuf,
    },
    /// Key files were changed, and some could not be put in place; the next run that reads them does that.
    #[error("your key files are changed, but not all could be put in place: {why}")]
    KeysUnsettled {
        /// What the system said.
        why: String,
    },
    /// A key file without a lock, where a passphrase was to be found.
    #[error("{} is not locked by a passphrase", path.display())]
    KeyNotLocked {
        /// The file.
        path: PathBuf,
    },
    /// A paper copy of a machine that can't make its firm's next card.
    #[error("this paper is of a machine that joined a firm, and does not make its cards")]
    CardNeeded,
    /// Something needs this home's key, and there is none.
    #[error("there is no key in {} yet", path.display())]
    NoKeyHere {
        /// The home.
        path: PathBuf,
    },
    /// A file of the home that can't be read as what it should be.
    #[error("{} is damaged: {why}", path.display())]
    HomeBroken {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// `.consign` without its `project.toml`: rules that are lost must not be taken for rules that never were.
    #[error("{} has no project.toml, so its rules can't be followed", path.display())]
    WorkspaceBroken {
        /// `.consign`.
        path: PathBuf,
    },
    /// `.consign` of neither the user nor the owner of the files.
    #[error("{} belongs to somebody else, neither to you nor to the owner of the files", path.display())]
    WorkspaceForeign {
        /// `.consign`.
        path: PathBuf,
    },
    /// The partner's file is about another firm than the one pinned under its name.
    #[error("{} is about another firm than your {name}: they have no signing key in common", path.display())]
    PartnerDiffers {
        /// The partner.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// What is wrong with an agreement.
    #[error(transparent)]
    Agreement(#[from] super::disagreement::Disagreement),
    /// Something was done by half.
    #[error("{done}: {source}")]
    Unfinished {
        /// What was done and what was not.
        done: &'static str,
        /// What failed.
        source: Box<Error>,
    },
    /// Something that only a workspace has.
    #[error("there is no workspace here, so no {wanted}")]
    NoWorkspace {
        /// What was asked for.
        wanted: String,
    },
    /// An argument that can't stand in a file of rules.
    #[error("{setting}: {why}")]
    BadSetting {
        /// The argument.
        setting: &'static str,
        /// Why.
        why: String,
    },
    /// The workspace's copy of the ledger has a line that the chain in the home has not.
    #[error("line {line} of {} is not in your own ledger", path.display())]
    CopyDiffers {
        /// The copy.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A path that the workspace's rules are not about.
    #[error("{} lies outside the workspace {}", path.display(), root.display())]
    OutsideWorkspace {
        /// The path.
        path: PathBuf,
        /// The folder that holds `.consign`.
        root: PathBuf,
    },
    /// No scope has this name.
    #[error("there is no scope `{name}` in this workspace")]
    NoScope {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A workspace sends what a scope lets out, or all if that is said.
    #[error("no scope was named, and this is a workspace")]
    ScopeNeeded,
    /// There is a workspace already.
    #[error("there is a workspace already: {}", path.display())]
    WorkspaceExists {
        /// `.consign`.
        path: PathBuf,
    },
    /// Something must not leave.
    #[error("{} in the files to send", said(.0))]
    Findings(Box<Findings>),
    /// Rules in the form of gitleaks that can't be used.
    #[error(transparent)]
    Rules(#[from] gate::Error),
    /// A mistake in a file of rules.
    #[error("{0}")]
    Mistake(Box<Mistake>),
    /// A partner's record that can't be read.
    #[error("the record of a partner is damaged: {}: {why}", path.display())]
    PartnerBroken {
        /// The record.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A text that can't name a partner.
    #[error("`{name}` can't name a partner: {why}")]
    BadAlias {
        /// The text.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// The name belongs to another firm.
    #[error("the name `{name}` is taken by another firm's card")]
    PartnerExists {
        /// The name.
        name: String,
    },
    /// The key is on record under another name.
    #[error("this signing key is on record already, as `{known}`")]
    PartnerKnown {
        /// The name it has.
        known: String,
    },
    /// Nobody has this name.
    #[error("there is no partner `{name}` on record")]
    NoPartner {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A partner with a card, which keys can't take the place of.
    #[error("`{name}` is on record with a card, which stands for more than a list of keys")]
    HasCard {
        /// The partner.
        name: String,
    },
    /// Other keys than those on record, which somebody had compared.
    #[error("these are not the keys of `{name}` on record, and those were compared")]
    KeysDiffer {
        /// The partner.
        name: String,
    },
    /// A partner of whom only signing keys are known.
    #[error("nothing can be locked to `{name}`: only keys that sign are on record")]
    SignsOnly {
        /// The partner.
        name: String,
    },
    /// One's own card.
    #[error("that is your own card")]
    OwnCard,
    /// A card with a lower number than the one on record.
    #[error("this is card number {number} of `{name}`, older than number {have} on record")]
    CardDowngrade {
        /// The partner.
        name: String,
        /// The number of the card given.
        number: u64,
        /// The number on record.
        have: u64,
    },
    /// Another card under the number of the one on record.
    #[error("this is not the card number {number} of `{name}` that is on record")]
    CardConflict {
        /// The partner.
        name: String,
        /// The number of both.
        number: u64,
    },
    /// A newer card that the one on record did not sign over to.
    #[error("card number {number} of `{name}` does not follow from the card on record")]
    CardUnlinked {
        /// The partner.
        name: String,
        /// The number of the card given.
        number: u64,
    },
    /// The card is changed only where its first key is.
    #[error("the card of {name} is signed by a key that is not on this machine")]
    NotFirstKey {
        /// The firm.
        name: String,
    },
    /// A key or card that is looked for is not there, or not to be touched.
    #[error("`{what}`: {why}")]
    NoSuchKey {
        /// What was asked for.
        what: String,
        /// Why not.
        why: &'static str,
    },
    /// A key that is on the card already.
    #[error("this key is on your card already, as `{label}`")]
    KeyListed {
        /// What it is called there.
        label: String,
    },
    /// Two machines would be called the same.
    #[error("a key on your card is called `{label}` already")]
    LabelTaken {
        /// The label.
        label: String,
    },
    /// A card that does not list this machine's signing key with its proof.
    #[error("this card of {firm} does not list the signing key of this machine")]
    NotListed {
        /// Whose card.
        firm: String,
    },
    /// A card whose key does not say that it belongs to this firm.
    #[error("the card of {name} does not say that its key joins your firm")]
    NotJoining {
        /// Whose card.
        name: String,
    },
    /// A file that is no payload which waits for signatures, as far as this home knows.
    #[error("{} is no bundle that waits for a signature here", path.display())]
    NotWaiting {
        /// The file.
        path: PathBuf,
    },
    /// A payload that was changed after it was packed.
    #[error("{} was changed since it was packed", path.display())]
    WaitingChanged {
        /// The file.
        path: PathBuf,
    },
    /// A bundle that waits is locked to a key that its partner doesn't have any more.
    #[error("it was locked to a key of {name} that isn't on {name}'s card any more")]
    WaitingStale {
        /// The partner.
        name: String,
    },
    /// A bundle that waited is on record, and its end may be written, but not all that belongs to it is done.
    #[error("{} is on record and may be opened already, but is not finished: {source}", path.display())]
    HalfFinished {
        /// It.
        path: PathBuf,
        /// What failed.
        source: Box<Error>,
    },
    /// Signatures are still missing.
    #[error("{} still missing", if missing.len() == 1 { "a signature is" } else { "signatures are" })]
    StillWaiting {
        /// By whom.
        missing: Vec<String>,
    },
    /// A signature by somebody who wasn't asked.
    #[error("this signature is by {by}, who wasn't asked")]
    NotAwaited {
        /// Who signed.
        by: String,
    },
    /// A key that a request doesn't ask.
    #[error("this request doesn't ask your key {by}")]
    NotAsked {
        /// The key at hand.
        by: String,
        /// Those that are asked.
        asked: Vec<String>,
    },
    /// A key to sign, with no key to lock a request to.
    #[error("a request for {name} can't be locked: age has no way to use that key")]
    NothingToLockTo {
        /// Whose key.
        name: String,
    },
    /// A ledger line that is broken or does not follow.
    #[error("the ledger is broken: {}, {}: {why}", path.display(), place(*line))]
    LedgerBroken {
        /// The ledger's file.
        path: PathBuf,
        /// The line, from 1; 0 is the last one.
        line: u64,
        /// Why.
        why: String,
    },
    /// Two lines that follow the same line.
    #[error("the ledger is forked: {} lines {first} and {line} both follow the same line", path.display())]
    LedgerForked {
        /// The ledger's file.
        path: PathBuf,
        /// One line, from 1.
        first: u64,
        /// The other.
        line: u64,
    },
}

impl Error {
    /// A failure after something was done that can't be taken back.
    pub(super) fn unfinished(done: &'static str, source: Error) -> Error {
        Error::Unfinished { done, source: Box::new(source) }
    }

    /// A failure after `path` was published.
    pub(super) fn after(path: &std::path::Path, source: files::Error) -> Error {
        Error::After { path: path.to_owned(), source }
    }
}

fn said(findings: &Findings) -> String {
    findings.summary()
}

fn place(line: u64) -> String {
    if line == 0 { "the last line".to_owned() } else { format!("line {line}") }
}

impl From<Mistake> for Error {
    fn from(mistake: Mistake) -> Error {
        Error::Mistake(Box::new(mistake))
    }
}

/// A result of the exchange floor.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The words of a workspace.
    fn word_of_rules(&self) -> &'static str {
        match self {
            Error::WorkspaceBroken { .. } => "workspace-broken",
            Error::WorkspaceForeign { .. } => "workspace-foreign",
            Error::WorkspaceExists { .. } => "workspace-exists",
            Error::NoWorkspace { .. } => "no-workspace",
            Error::ScopeNeeded => "scope-needed",
            Error::OutsideWorkspace { .. } => "outside-workspace",
            Error::NoScope { .. } => "no-scope",
            Error::BadSetting { .. } => "bad-setting",
            // What is left is a copy of the ledger; every other error has its word above.
            _ => "ledger-copy-differs",
        }
    }
}

impl Fault for Error {
    fn word(&self) -> &'static str {
        match self {
            Error::Crypto(e) => e.word(),
            Error::Format(e) => e.word(),
            Error::Card(e) => e.word(),
            Error::Files(e) => e.word(),
            Error::Bundle(e) => e.word(),
            Error::Refused(e) => e.word(),
            Error::Rules(e) => e.word(),
            Error::OutputInTree { .. } => "output-in-tree",
            Error::After { .. } | Error::HalfFinished { .. } | Error::Unfinished { .. } => "incomplete",
            Error::BadBundleName { .. } => "bad-name",
            Error::HomeReadOnly { .. } => "home-read-only",
            Error::KeyExists { .. } => "key-exists",
            Error::KeyUnfinished { .. } => "key-unfinished",
            Error::KeysUnsettled { .. } => "keys-unsettled",
            Error::KeyNotLocked { .. } => "key-not-locked",
            Error::NoKeyHere { .. } => "no-key",
            Error::CardNeeded => "card-needed",
            Error::HomeBroken { .. } => "home-broken",
            Error::Mistake(_) => "config-broken",
            Error::PartnerDiffers { .. } => "partner-differs",
            Error::Agreement(e) => e.word(),
            Error::Findings(findings) => findings.worst().map_or("findings", super::finding::Word::word),
            Error::PartnerBroken { .. } => "partner-broken",
            Error::BadAlias { .. } => "bad-alias",
            Error::PartnerExists { .. } => "partner-exists",
            Error::PartnerKnown { .. } => "partner-known",
            Error::NoPartner { .. } => "no-partner",
            Error::HasCard { .. } => "has-card",
            Error::KeysDiffer { .. } => "keys-differ",
            Error::SignsOnly { .. } => "signs-only",
            Error::OwnCard => "own-card",
            Error::NotWaiting { .. } => "not-waiting",
            Error::WaitingChanged { .. } => "changed",
            Error::WaitingStale { .. } => "stale",
            Error::StillWaiting { .. } => "still-waiting",
            Error::NotAwaited { .. } => "not-awaited",
            Error::NotAsked { .. } => "not-asked",
            Error::NothingToLockTo { .. } => "nothing-to-lock-to",
            Error::CardDowngrade { .. } => "card-downgrade",
            Error::CardConflict { .. } => "card-conflict",
            Error::CardUnlinked { .. } => "card-unlinked",
            Error::NotFirstKey { .. } => "not-first-key",
            Error::NoSuchKey { .. } => "no-such-key",
            Error::KeyListed { .. } => "key-listed",
            Error::LabelTaken { .. } => "label-taken",
            Error::NotListed { .. } => "not-listed",
            Error::NotJoining { .. } => "not-joining",
            Error::LedgerBroken { .. } => "ledger-broken",
            Error::LedgerForked { .. } => "ledger-forked",
            _ => self.word_of_rules(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Error::Crypto(e) => e.class(),
            Error::Format(e) => e.class(),
            Error::Card(e) => e.class(),
            Error::Files(e) => e.class(),
            Error::Bundle(e) => e.class(),
            Error::Refused(e) => e.class(),
            Error::Rules(e) => e.class(),
            Error::BadBundleName { .. } => Class::Usage,
            Error::OutputInTree { .. }
            | Error::After { .. }
            | Error::HomeReadOnly { .. }
            | Error::KeyExists { .. }
            | Error::KeyUnfinished { .. }
            | Error::KeysUnsettled { .. }
            | Error::KeyNotLocked { .. }
            | Error::HomeBroken { .. }
            | Error::Mistake(_)
            | Error::Unfinished { .. }
            | Error::WorkspaceBroken { .. }
            | Error::WorkspaceExists { .. }
            | Error::PartnerBroken { .. }
            | Error::PartnerExists { .. }
            | Error::PartnerKnown { .. } => Class::Failed,
            Error::WorkspaceForeign { .. } | Error::PartnerDiffers { .. } | Error::ScopeNeeded => Class::Refused,
            Error::Agreement(e) => e.class(),
            Error::NoWorkspace { .. }
            | Error::OutsideWorkspace { .. }
            | Error::NoScope { .. }
            | Error::BadSetting { .. } => Class::Usage,
            Error::CopyDiffers { .. } => Class::Record,
            Error::Findings(_) => Class::Findings,
            Error::CardNeeded
            | Error::NoKeyHere { .. }
            | Error::BadAlias { .. }
            | Error::NoPartner { .. }
            | Error::OwnCard => Class::Usage,
            Error::NoSuchKey { .. }
            | Error::LabelTaken { .. }
            | Error::KeyListed { .. }
            | Error::NotFirstKey { .. } => Class::Usage,
            Error::NotListed { .. } | Error::NotJoining { .. } => Class::Refused,
            Error::SignsOnly { .. } => Class::Usage,
            Error::CardDowngrade { .. } | Error::CardConflict { .. } | Error::CardUnlinked { .. } => Class::Refused,
            Error::HasCard { .. } | Error::KeysDiffer { .. } => Class::Refused,
            Error::NotWaiting { .. }
            | Error::StillWaiting { .. }
            | Error::NotAwaited { .. }
            | Error::NotAsked { .. }
            | Error::NothingToLockTo { .. } => Class::Usage,
            Error::WaitingChanged { .. } => Class::Changed,
            Error::WaitingStale { .. } => Class::Refused,
            Error::HalfFinished { source, .. } => source.class(),
            Error::LedgerBroken { .. } | Error::LedgerForked { .. } => Class::Record,
        }
    }
}
