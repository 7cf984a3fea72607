//! `.consign/project.toml`: who owns a project, under which licence and terms it leaves, what must be on record before
//! it does. It is written by people, committed with the code, and read here.

use std::path::Path;

use schemars::JsonSchema;
use serde::Deserialize;

use super::gatetable::GateTable;
use super::home::read_if_there;
use super::mistake::Mistake;
use super::tomlfile::Text;
use super::{Error, Result};
use crate::format::agreement::EvidenceKind;
use crate::format::version::TERMS_LINE_MAX;

/// The largest file that is read, in bytes.
pub(super) const PROJECT_MAX: u64 = 512 << 10;
/// The most characters of a name or a title.
const LABEL_MAX: usize = 200;

/// What `project.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Project {
    /// Who owns the files: the firm's name, as it stands in every bundle.
    pub owner: String,
    /// Under which licence they leave: an SPDX expression, such as `MIT` or `LicenseRef-Proprietary`.
    #[serde(default)]
    pub licence: String,
    /// The terms that travel in every bundle.
    #[serde(default)]
    pub terms: Terms,
    /// What must be on record before anything leaves.
    #[serde(default)]
    pub require: Require,
    /// What must not leave.
    #[serde(default)]
    pub gate: GateTable,
}

/// The terms that travel in every bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Terms {
    /// A title, such as `Confidential; not yours to share`.
    #[serde(default)]
    pub title: String,
    /// The class of confidentiality, such as `confidential`.
    #[serde(default)]
    pub class: String,
    /// The full text.
    #[serde(default)]
    pub text: String,
    /// A file in `.consign` that holds the full text instead.
    pub file: Option<String>,
}

/// What must be on record before anything leaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Require {
    /// Which kinds of evidence each partner must have in force: `nda`, `audit`.
    #[schemars(with = "Vec<String>")]
    pub evidence: Vec<EvidenceKind>,
    /// Whether an agreement counts only once the partner has signed it.
    pub countersigned: bool,
}

impl Default for Require {
    fn default() -> Self {
        Require { evidence: vec![EvidenceKind::nda()], countersigned: false }
    }
}

impl Project {
    /// Reads `project.toml` in `folder`, and the text of the terms if it stands in a file. `None` if it is not there.
    ///
    /// # Errors
    /// [`Error::Mistake`]; what the system says.
    pub fn read(folder: &Path) -> Result<Option<Project>> {
        let path = folder.join("project.toml");
        let Some(bytes) = read_if_there(&path, PROJECT_MAX)? else { return Ok(None) };
        let mut project = Project::parse(&bytes, &path)?;
        if let Some(name) = &project.terms.file {
            project.terms.text = beside(folder, name, "`file` under [terms]", TERMS_LINE_MAX as u64)?;
        }
        Ok(Some(project))
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Project> {
        let text = Text::new(bytes, path)?;
        let project: Project = text.parse()?;
        let wrong = |key: &str, why: String| {
            let at = text.text().find(key).unwrap_or_default();
            Err(text.mistake(&(at..at + key.len()), why))
        };
        let labels = [("owner", &project.owner), ("title", &project.terms.title), ("class", &project.terms.class)];
        for (key, value) in labels.into_iter().filter(|(key, value)| *key == "owner" || !value.is_empty()) {
            if let Err(why) = check_label(value) {
                return wrong(key, format!("`{key}`: {why}"));
            }
        }
        if let Err(why) = check_licence(&project.licence) {
            return wrong("licence", why);
        }
        if project.terms.file.is_some() && !project.terms.text.is_empty() {
            return wrong("file", "`text` and `file` can't both stand under [terms]".to_owned());
        }
        Ok(project)
    }
}

/// Whether a text can be a name or a title: one line, not empty.
///
/// # Errors
/// Why it can't.
pub fn check_label(text: &str) -> std::result::Result<(), String> {
    match text {
        _ if text.trim().is_empty() => Err("it is empty".to_owned()),
        _ if text.chars().count() > LABEL_MAX => Err(format!("it has more than {LABEL_MAX} characters")),
        _ if text.contains(char::is_control) => Err("it holds a control character".to_owned()),
        _ => Ok(()),
    }
}

/// Whether a text is an SPDX expression, or empty.
///
/// # Errors
/// Why it is none.
pub fn check_licence(text: &str) -> std::result::Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    match spdx::Expression::parse(text) {
        Ok(_) if text.len() <= LABEL_MAX => Ok(()),
        Ok(_) => Err(format!("it has more than {LABEL_MAX} characters")),
        Err(e) => Err(format!(
            "`{}` is no SPDX expression ({}); a licence of your own: LicenseRef-NAME",
            text.chars().take(80).collect::<String>(),
            e.reason
        )),
    }
}

/// The text of a file in the folder of rules itself: whoever wrote a project's rules can't have another file of this
/// machine read, or sent as its terms. `key` names the setting.
pub(super) fn beside(folder: &Path, name: &str, key: &str, most: u64) -> Result<String> {
    let wrong = |why: &str| -> Error { Mistake::whole(&folder.join("project.toml"), format!("{key}: {why}")).into() };
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0']);
    if !plain {
        return Err(wrong("it names a file in .consign, without a folder"));
    }
    let path = folder.join(name);
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(wrong("it is not a file")),
        Err(e) => return Err(crate::files::io_at("read", &path)(e).into()),
    }
    let bytes = read_if_there(&path, most)?.unwrap_or_default();
    String::from_utf8(bytes).map_err(|_| Mistake::whole(&path, "it is not UTF-8 text").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;

    fn read(text: &str) -> Result<Project> {
        Project::parse(text.as_bytes(), Path::new("project.toml"))
    }

    #[test]
    fn all_that_can_be_said_is_understood() {
        let project = read(
            "owner = 'Northwind Ltd'\nlicence = 'LicenseRef-Northwind'\n[terms]\ntitle = 'T'\nclass = 'secret'\n\
             text = 'x'\n[require]\nevidence = ['nda', 'audit']\ncountersigned = true\n",
        )
        .unwrap();
        assert_eq!((project.terms.class.as_str(), project.require.evidence.len()), ("secret", 2));
        assert_eq!(read("owner = 'N'").unwrap().require, Require::default());
        assert_eq!(Require::default().evidence, [EvidenceKind::nda()]);
    }

    #[test]
    fn a_mistake_names_its_line() {
        for (text, line, said) in [
            ("owner = ' '", 1, "`owner`: it is empty"),
            ("owner = 'N'\n[terms]\ntitle = \"a\\u001b[2J\"", 3, "a control character"),
            ("licence = 'MIT'", 1, "missing field `owner`"),
            ("owner = 'N'\nlicence = 'My own'", 2, "is no SPDX expression"),
            ("owner = 'N'\nlicense = 'MIT'", 2, "unknown field `license`"),
            ("owner = 'N'\n[terms]\ntext = 'x'\nfile = 'y'", 4, "can't both stand"),
            ("owner = 'N'\n[require]\nevidense = []", 3, "evidense"),
            ("owner = 'N'\n[require]\nevidence = ['NDA']", 3, "is not a kind of evidence"),
        ] {
            let e = read(text).unwrap_err();
            assert_eq!(e.word(), "config-broken");
            let Error::Mistake(mistake) = e else { unreachable!() };
            assert_eq!(mistake.line, line, "{text}: {mistake}");
            assert!(mistake.why.contains(said), "{text}: {mistake}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_terms_never_come_from_outside_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".consign");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
        std::fs::write(folder.join("t.txt"), "the terms\n").unwrap();
        let with = |name: &str| {
            std::fs::write(folder.join("project.toml"), format!("owner = 'N'\n[terms]\nfile = '{name}'\n")).unwrap();
            Project::read(&folder).map(|project| project.unwrap().terms.text)
        };
        assert_eq!(with("t.txt").unwrap(), "the terms\n");
        for name in ["../secret", "link", "/etc/passwd", "", ".", "..", "sub/x", "none"] {
            assert!(with(name).is_err(), "{name}");
        }
    }
}
