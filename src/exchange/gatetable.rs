//! `[gate]` of `project.toml`: what must not leave besides secrets. Secrets and private keys have no setting that lets
//! them out: a false alarm gets an entry of its own, with a reason (`allowlist`).

use schemars::JsonSchema;
use serde::Deserialize;

use super::finding::{Severity, Word};

/// Files larger than this are told, where nothing else is said: 100 MB.
const HUGE: u64 = 100_000_000;

/// What must not leave.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct GateTable {
    /// Words that must not leave, such as the name of a customer; in any case of letters.
    pub forbidden_words: Vec<String>,
    /// Hosts that must not leave, with all below them, such as `corp.example`.
    pub forbidden_hosts: Vec<String>,
    /// Files of more bytes than this are told.
    pub huge: u64,
    /// A file in `.consign` with further rules, in the form of gitleaks.
    pub rules: Option<String>,
    /// How grave each kind is: `error`, `warning` or `off`.
    pub severity: SeverityTable,
    /// Which files need which licence in their header. Of several that fit a file, the last counts.
    pub licence: Vec<LicenceTable>,
}

impl Default for GateTable {
    fn default() -> Self {
        let (words, hosts, licence) = (Vec::new(), Vec::new(), Vec::new());
        let severity = SeverityTable::default();
        GateTable { forbidden_words: words, forbidden_hosts: hosts, huge: HUGE, rules: None, severity, licence }
    }
}

/// How grave each kind is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SeverityTable {
    /// A forbidden word; an error if nothing is said.
    pub forbidden_word: Option<Level>,
    /// A forbidden host; an error if nothing is said.
    pub forbidden_host: Option<Level>,
    /// A file without a licence in its header; an error if nothing is said.
    pub licence_missing: Option<Level>,
    /// A file with another licence; an error if nothing is said.
    pub licence_foreign: Option<Level>,
    /// A name that some system can't hold, or can't tell from another; an error if nothing is said.
    pub unportable_name: Option<Level>,
    /// A file that is too large; a warning if nothing is said.
    pub huge_file: Option<Level>,
    /// A file that a program made; a warning if nothing is said.
    pub generated_file: Option<Level>,
}

/// How grave something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing leaves.
    Error,
    /// It is told.
    Warning,
    /// It is not looked for.
    Off,
}

/// Which files need which licence in their header.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LicenceTable {
    /// Globs of paths from the root of the project.
    pub files: Vec<String>,
    /// The licence, an SPDX expression.
    pub expression: String,
    /// Others that may stand there.
    #[serde(default)]
    pub also: Vec<String>,
}

impl GateTable {
    /// How grave a kind is; none if it is not looked for.
    #[must_use]
    pub fn severity(&self, word: Word) -> Option<Severity> {
        let said = match word {
            Word::ForbiddenWord => self.severity.forbidden_word,
            Word::ForbiddenHost => self.severity.forbidden_host,
            Word::LicenceMissing => self.severity.licence_missing,
            Word::LicenceForeign => self.severity.licence_foreign,
            Word::UnportableName => self.severity.unportable_name,
            Word::HugeFile => self.severity.huge_file,
            Word::GeneratedFile => self.severity.generated_file,
            Word::PrivateKey | Word::Secret | Word::LfsPointer => None,
        };
        match said {
            Some(Level::Error) => Some(Severity::Error),
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Off) => None,
            None if matches!(word, Word::HugeFile | Word::GeneratedFile) => Some(Severity::Warning),
            None => Some(Severity::Error),
        }
    }
}
