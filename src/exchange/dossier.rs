//! A partner's dossier, `partners/NAME.toml`: which keys it is about, which scopes the partner gets, the agreements and
//! other evidence on record, whether it is suspended. In a workspace it lies in `.consign`, is committed, and is read
//! by everybody who packs there; without one it lies in the home. Nothing in it is secret, and nothing in it says whom
//! to trust: its keys only tell whether it is about the partner that is pinned in the home under the same name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::home::read_if_there;
use super::mistake::Mistake;
use super::partners::{self, Partner};
use super::tomlfile::Text;
use super::{Error, Home, Result, Workspace};
use crate::crypto::{Digest, Fingerprint};
use crate::files::io_at;
use crate::format::agreement::EvidenceKind;
use crate::format::date::Date;
use crate::format::time::Time;
use crate::format::version::LABEL_MAX;
use crate::policy::Reason;
use crate::policy::agreement::{Evidence, Record, Suspension, Withdrawn};

/// The largest file that is read, in bytes.
const DOSSIER_MAX: u64 = 1 << 20;

/// What is on record for a partner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dossier {
    /// The signing keys that the partner had when something was written.
    pub signers: Vec<Fingerprint>,
    /// The scopes that it gets.
    pub scopes: Vec<String>,
    /// That it gets nothing.
    pub suspended: Option<Suspension>,
    /// Agreements and other evidence, in the order in which they were put on record.
    pub evidence: Vec<Evidence>,
}

/// A partner's file: `.consign/partners/NAME.toml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DossierFile {
    /// The fingerprints of its signing keys (`SHA256:…`): the firm that the rest is about.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    signers: Vec<Fingerprint>,
    /// The scopes that it gets, by their names.
    #[serde(default)]
    scopes: Vec<String>,
    /// That it gets nothing for the time being.
    suspended: Option<SuspensionTable>,
    /// Agreements with it, audits of it, other evidence.
    #[serde(default)]
    #[schemars(with = "Vec<EvidenceTable>")]
    evidence: Vec<Spanned<EvidenceTable>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SuspensionTable {
    /// Since when (`YYYY-MM-DDTHH:MM:SSZ`).
    #[schemars(with = "String")]
    since: Time,
    /// Why.
    why: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EvidenceTable {
    /// What it is: `nda`, `audit`, or another word.
    #[schemars(with = "String")]
    kind: EvidenceKind,
    /// What it is called; what is not withdrawn has a name of its own.
    reference: String,
    /// The BLAKE3 hash of the document.
    #[schemars(with = "String")]
    digest: Digest,
    /// The name of the document's file, for people; the document itself is not kept.
    file: String,
    /// Its first day (`YYYY-MM-DD`), UTC.
    #[schemars(with = "String")]
    from: Date,
    /// Its last day.
    #[schemars(with = "String")]
    until: Date,
    /// Who made it, such as an auditor.
    by: Option<String>,
    /// When it was put on record.
    #[schemars(with = "String")]
    recorded: Time,
    /// The id of the agreement that the partner signed too; it lies in `NAME.agreements/`.
    #[schemars(with = "Option<String>")]
    countersigned: Option<Digest>,
    /// That it counts no more.
    withdrawn: Option<WithdrawnTable>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WithdrawnTable {
    /// Since when.
    #[schemars(with = "String")]
    at: Time,
    /// Why.
    why: String,
}

/// The folder of the dossiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    folder: PathBuf,
    in_workspace: bool,
}

impl Shelf {
    /// That of the workspace; of the home, where there is none.
    #[must_use]
    pub fn of(home: &Home, workspace: Option<&Workspace>) -> Shelf {
        match workspace {
            Some(workspace) => Shelf { folder: workspace.folder().join("partners"), in_workspace: true },
            None => Shelf { folder: home.folder("partners"), in_workspace: false },
        }
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is that of a workspace.
    #[must_use]
    pub fn is_in_workspace(&self) -> bool {
        self.in_workspace
    }

    /// The dossier of a partner.
    #[must_use]
    pub fn file(&self, partner: &str) -> PathBuf {
        self.folder.join(format!("{partner}.toml"))
    }

    /// The partner's card, from which colleagues can put it on record.
    #[must_use]
    pub fn card(&self, partner: &str) -> PathBuf {
        self.folder.join(format!("{partner}.card"))
    }

    /// An agreement that the partner signed too.
    #[must_use]
    pub fn agreement(&self, partner: &str, id: &Digest) -> PathBuf {
        self.folder.join(format!("{partner}.agreements")).join(format!("{id}.agreement"))
    }

    /// The names of all who have a dossier here.
    ///
    /// # Errors
    /// What the system says; a folder that is none.
    pub fn names(&self) -> Result<Vec<String>> {
        if !is_there(&self.folder, fs::Metadata::is_dir, "it is not a folder")? {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in crate::files::Names::of(&self.folder).map_err(io_at("read", &self.folder))? {
            let entry = entry.map_err(io_at("read", &self.folder))?;
            let stem = entry.to_str().and_then(|name| name.strip_suffix(".toml"));
            names.extend(stem.filter(|name| partners::check_alias(name).is_ok()).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// What a dossier says, and its text; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Mistake`] for a mistake in it; what is no file; what the system says.
    pub fn read(&self, partner: &str) -> Result<Option<(Dossier, String)>> {
        let path = self.file(partner);
        // A link could show the lines of any file, as mistakes.
        if !is_there(&self.folder, fs::Metadata::is_dir, "it is not a folder")?
            || !is_there(&path, fs::Metadata::is_file, "it is not a file")?
        {
            return Ok(None);
        }
        let Some(bytes) = read_if_there(&path, DOSSIER_MAX)? else { return Ok(None) };
        let text = Text::new(&bytes, &path)?;
        Ok(Some((Dossier::parse(text)?, text.text().to_owned())))
    }

    /// The dossier of a partner on record, which is about that very firm; an empty one if there is none.
    ///
    /// # Errors
    /// [`Error::PartnerDiffers`]; those of [`Shelf::read`].
    pub fn dossier(&self, partner: &Partner) -> Result<Dossier> {
        let Some((dossier, _)) = self.read(&partner.name)? else { return Ok(Dossier::default()) };
        self.ensure_same(partner, &dossier)?;
        Ok(dossier)
    }

    /// What was agreed with another firm says nothing about this one.
    pub(super) fn ensure_same(&self, partner: &Partner, dossier: &Dossier) -> Result<()> {
        let says_something = !dossier.evidence.is_empty() || !dossier.scopes.is_empty() || !dossier.signers.is_empty();
        let known = partner.fingerprints();
        if says_something && !dossier.signers.iter().any(|key| known.contains(key)) {
            let (name, path) = (partner.name.clone(), self.file(&partner.name));
            return Err(Error::PartnerDiffers { name, path });
        }
        Ok(())
    }
}

/// Whether something is there and, if so, what it should be, without following a link.
pub(super) fn is_there(path: &Path, fits: impl Fn(&fs::Metadata) -> bool, why: &str) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if fits(&found) => Ok(true),
        Ok(_) => Err(Mistake::whole(path, why).into()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(io_at("read", path)(e).into()),
    }
}

impl Dossier {
    /// As the rules look at it.
    #[must_use]
    pub fn record<'a>(&'a self, partner: &'a str) -> Record<'a> {
        Record { partner, evidence: &self.evidence, suspended: self.suspended.as_ref() }
    }

    /// What is not withdrawn under this name.
    #[must_use]
    pub fn live(&self, reference: &str) -> Option<(usize, &Evidence)> {
        self.evidence.iter().enumerate().find(|(_, one)| one.is_live() && one.reference == reference)
    }

    pub(super) fn parse(text: Text<'_>) -> Result<Dossier> {
        let file: DossierFile = text.parse()?;
        let mut names = BTreeSet::new();
        let mut evidence = Vec::new();
        for table in file.evidence {
            let (span, one) = (table.span(), table.into_inner().evidence());
            if let Err(why) = check(&one) {
                return Err(text.mistake(&span, why));
            }
            if one.is_live() && !names.insert(one.reference.clone()) {
                return Err(text.mistake(&span, "`reference`: a second one of this name that is not withdrawn"));
            }
            evidence.push(one);
        }
        let suspended = file.suspended.map(|table| Suspension { since: table.since, why: table.why });
        Ok(Dossier { signers: file.signers, scopes: file.scopes, suspended, evidence })
    }
}

/// What a dossier can't hold.
fn check(one: &Evidence) -> std::result::Result<(), String> {
    if one.until < one.from {
        return Err("`until` is before `from`".to_owned());
    }
    if one.reference.trim().is_empty() {
        return Err("`reference` is empty".to_owned());
    }
    let labels = [("reference", Some(&one.reference)), ("file", Some(&one.file)), ("by", one.by.as_ref())];
    let long = labels.iter().find(|(_, text)| text.is_some_and(|text| text.len() > LABEL_MAX));
    match (long, &one.withdrawn) {
        (Some((key, _)), _) => Err(format!("`{key}` has more than {LABEL_MAX} bytes")),
        (None, Some(withdrawn)) if Reason::parse(&withdrawn.why).is_err() => Err("`why` is no reason".to_owned()),
        _ => Ok(()),
    }
}

impl EvidenceTable {
    fn evidence(self) -> Evidence {
        Evidence {
            kind: self.kind,
            reference: self.reference,
            document: self.digest,
            file: self.file,
            from: self.from,
            until: self.until,
            by: self.by,
            recorded: self.recorded,
            countersigned: self.countersigned,
            withdrawn: self.withdrawn.map(|table| Withdrawn { at: table.at, why: table.why }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    const SIGNER: &str = "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA";

    fn entry(extra: &str) -> String {
        format!(
            "[[evidence]]\nkind = 'nda'\nreference = 'N1'\ndigest = '{}'\nfile = 'nda.pdf'\nfrom = '2026-01-01'\n\
             until = '2027-03-31'\nrecorded = '2026-01-01T10:00:00Z'\n{extra}",
            "00".repeat(32)
        )
    }

    fn read(text: &str) -> Result<Dossier> {
        Dossier::parse(Text::new(text.as_bytes(), Path::new("acme.toml"))?)
    }

    #[test]
    fn all_that_can_be_said_is_understood() {
        let more = format!(
            "by = 'A'\ncountersigned = '{}'\nwithdrawn = {{ at = '2026-02-01T00:00:00Z', why = 'mistake' }}\n",
            "11".repeat(32)
        );
        let text = format!(
            "signers = ['{SIGNER}']\nscopes = ['api']\nsuspended = {{ since = '2026-02-01T00:00:00Z', why = 'late' }}\n{}",
            entry(&more)
        );
        let dossier = read(&text).unwrap();
        assert_eq!((dossier.signers.len(), dossier.scopes.as_slice()), (1, &["api".to_owned()][..]));
        assert_eq!(dossier.suspended.unwrap().why, "late");
        let one = &dossier.evidence[0];
        assert!(!one.is_live() && one.countersigned.is_some() && one.by.as_deref() == Some("A"));
        assert_eq!(read("").unwrap(), Dossier::default());
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (text, line, said) in [
            (entry("bogus = 1\n"), 9, "unknown field `bogus`"),
            (entry("").replace("2027-03-31", "2027-02-29"), 7, "is not a date"),
            (entry("").replace("'2027-03-31'", "2027-03-31"), 7, "until"),
            (entry("").replace("2027-03-31", "2025-03-31"), 1, "`until` is before `from`"),
            (entry("").replace("'N1'", "' '"), 1, "`reference` is empty"),
            (entry("").replace("N1", &"n".repeat(257)), 1, "more than 256 bytes"),
            (entry("").replace("00", "0g"), 4, "digest"),
            (entry("").replace("'nda'", "'NDA'"), 2, "kind"),
            (format!("{}{}", entry(""), entry("")), 9, "a second one of this name"),
            ("<<<<<<< HEAD\n".to_owned() + &entry(""), 1, "merge conflict"),
            (format!("signers = ['x']\n{}", entry("")), 1, "signers"),
            ("suspended = true\n".to_owned(), 1, "suspended"),
        ] {
            let e = read(&text).unwrap_err();
            let Error::Mistake(mistake) = e else { unreachable!("{e}") };
            assert!(mistake.line == line && mistake.why.contains(said), "{text}: {mistake}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_a_small_file_in_a_real_folder_is_read() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let shelf = Shelf::of(&home, None);
        assert_eq!(shelf.read("acme").unwrap(), None);
        fs::create_dir(shelf.folder()).unwrap();
        let path = shelf.file("acme");
        let word = || shelf.read("acme").unwrap_err().word();
        fs::write(dir.path().join("secret"), "s3cret = 1").unwrap();
        symlink("../secret", &path).unwrap();
        assert_eq!(word(), "config-broken");
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(word(), "config-broken");
        fs::remove_file(&path).unwrap();
        fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(word(), "too-large");
        fs::remove_file(&path).unwrap();
        fs::remove_dir(shelf.folder()).unwrap();
        symlink("/tmp", shelf.folder()).unwrap();
        assert_eq!(word(), "config-broken");
    }
}
