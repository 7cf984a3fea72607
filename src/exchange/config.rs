//! The home's configuration, `config.toml`: which age plugins may be run, and what is demanded of keys. It is written
//! by a person and read here, never written. A file that is not there says nothing; one with a mistake in it is an
//! error, since a line that is passed over would be a rule that nobody follows.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::home::read_if_there;
use super::mistake::Mistake;
use super::tomlfile::Text;
use super::{Home, Result, partners};
use crate::crypto::is_plugin_name;
use crate::policy::{Assurance, Demands, Exception};

/// The largest configuration that is read, in bytes.
const CONFIG_MAX: u64 = 64 << 10;
/// For how many seconds a plugin's silence is borne when there is no terminal.
pub const WAIT: u64 = 60;
/// The most that can be asked for.
const WAIT_MAX: u64 = 3600;

/// What the home's configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// The age plugins that may be run, by their name without `age-plugin-`.
    pub plugins: BTreeMap<String, Allowed>,
    /// What is demanded of keys.
    pub assurance: Assurance,
}

/// An age plugin that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The program; none to look for it in PATH.
    pub path: Option<PathBuf>,
    /// Whether its keys live in hardware.
    pub hardware: bool,
    /// For how many seconds its silence is borne when there is no terminal.
    pub wait: u64,
}

/// Your own configuration: which age plugins may be run, and what you demand of keys. Only you may be able to write it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// `age-plugin-NAME` may be run. No other plugin ever is, whatever a bundle, a card or an identity file asks for.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PluginTable>")]
    plugins: BTreeMap<Spanned<String>, PluginTable>,
    /// What is demanded of everybody, and of your own keys.
    #[serde(default)]
    policy: PolicyTable,
    /// What is demanded of one partner; it wins over `[policy]`. A bundle that is locked to you, too, is held to
    /// `[policy]` for your sake: `--no-self`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, PolicyTable>")]
    partners: BTreeMap<Spanned<String>, PolicyTable>,
}

/// An age plugin that may be run.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PluginTable {
    /// Where it is, as an absolute path; without this line it is looked for in PATH.
    #[schemars(with = "Option<String>")]
    path: Option<Spanned<PathBuf>>,
    /// Its keys live in hardware, as `require-hardware` wants them.
    #[serde(default)]
    hardware: bool,
    /// For how many seconds its silence is borne when there is no terminal, 1 to 3600 (60); on a terminal, until you
    /// stop it.
    #[schemars(with = "Option<u64>", range(min = 1, max = 3600))]
    wait: Option<Spanned<u64>>,
}

/// What is demanded of keys.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PolicyTable {
    /// Bundles are locked to hardware keys only, and signed by them only (keys `sk-...`), those that come in, too.
    require_hardware: Option<bool>,
    /// Bundles are locked to post-quantum keys only, those that come in, too.
    require_post_quantum: Option<bool>,
}

impl Config {
    /// Reads the configuration of a home.
    ///
    /// # Errors
    /// [`super::Error::Mistake`], with the line.
    pub fn of(home: &Home) -> Result<Config> {
        let path = home.config();
        let bytes = read_if_there(&path, CONFIG_MAX)?;
        let Some(bytes) = bytes else { return Ok(Config { path, ..Config::default() }) };
        check_mode(&path)?;
        parse(&bytes, path)
    }

    /// The tables of partners who are not among `known`: a rule that nobody is under, such as a mistyped one.
    pub fn partners_unknown<'a>(&'a self, known: &'a [String]) -> impl Iterator<Item = &'a str> {
        self.assurance.partners.keys().map(String::as_str).filter(|name| !known.iter().any(|k| k == name))
    }
}

/// Whoever can write the configuration can have programs run.
#[cfg(unix)]
fn check_mode(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(crate::files::io_at("read", path))?.permissions().mode();
    if mode & 0o002 == 0 {
        return Ok(());
    }
    Err(Mistake::whole(path, "everybody can write to it (chmod 600)").into())
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<()> {
    Ok(())
}

fn parse(bytes: &[u8], path: PathBuf) -> Result<Config> {
    let text = Text::new(bytes, &path)?;
    let broken = |at: Range<usize>, why: String| text.mistake(&at, why);
    let file: File = text.parse()?;
    let mut plugins = BTreeMap::new();
    for (name, table) in file.plugins {
        let plugin = allowed(&name, &table).map_err(|(at, why)| broken(at, why))?;
        plugins.insert(name.into_inner(), plugin);
    }
    let mut exceptions = BTreeMap::new();
    for (name, table) in file.partners {
        let at = name.span();
        partners::check_alias(name.get_ref()).map_err(|e| broken(at, e.to_string()))?;
        let exception = Exception { hardware: table.require_hardware, post_quantum: table.require_post_quantum };
        exceptions.insert(name.into_inner(), exception);
    }
    let all = Demands {
        hardware: file.policy.require_hardware.unwrap_or_default(),
        post_quantum: file.policy.require_post_quantum.unwrap_or_default(),
    };
    let hardware = plugins.iter().filter(|(_, p)| p.hardware).map(|(name, _)| name.clone()).collect();
    let assurance = Assurance { all, partners: exceptions, hardware_plugins: hardware };
    Ok(Config { path: path.clone(), plugins, assurance })
}

fn allowed(name: &Spanned<String>, table: &PluginTable) -> std::result::Result<Allowed, (Range<usize>, String)> {
    if !is_plugin_name(name.get_ref()) {
        let why = "lower-case letters, digits, `+`, `-`, `.` and `_`, without `age-plugin-`";
        return Err((name.span(), format!("`{}` can't name a plugin: {why}", name.get_ref())));
    }
    if let Some(path) = table.path.as_ref().filter(|p| !p.get_ref().is_absolute()) {
        let shown = path.get_ref().display();
        return Err((path.span(), format!("`path`: `{shown}` is not an absolute path")));
    }
    if let Some(wait) = table.wait.as_ref().filter(|w| !(1..=WAIT_MAX).contains(w.get_ref())) {
        return Err((wait.span(), format!("`wait`: a number of seconds from 1 to {WAIT_MAX}")));
    }
    let path = table.path.as_ref().map(|p| p.get_ref().clone());
    let wait = table.wait.as_ref().map_or(WAIT, |w| *w.get_ref());
    Ok(Allowed { path, hardware: table.hardware, wait })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class::Fault;
    use crate::exchange::Error;

    fn read(text: &str) -> Result<Config> {
        parse(text.as_bytes(), "config.toml".into())
    }

    /// The line of the mistake, and what is said of it.
    #[track_caller]
    fn wrong(text: &str) -> (usize, String) {
        let mistake = match read(text) {
            Err(Error::Mistake(mistake)) => Some((mistake.line, mistake.why)),
            _ => None,
        };
        mistake.unwrap()
    }

    #[test]
    fn all_that_can_be_said_is_understood() {
        let config = read(
            "plugins.soft = {}\nplugins.yubikey = { path = '/p', hardware = true, wait = 5 }\n[policy]\n\
             require-hardware = true\n[partners.acme]\nrequire-hardware = false\nrequire-post-quantum = true\n",
        )
        .unwrap();
        let soft = Allowed { path: None, hardware: false, wait: WAIT };
        let yubikey = Allowed { path: Some("/p".into()), hardware: true, wait: 5 };
        assert_eq!(config.plugins, BTreeMap::from([("soft".into(), soft), ("yubikey".into(), yubikey)]));
        assert_eq!(config.assurance.all, Demands { hardware: true, post_quantum: false });
        assert_eq!(config.assurance.of(Some("acme")), Demands { hardware: false, post_quantum: true });
        assert!(config.assurance.is_hardware("age1yubikey1qq") && !config.assurance.is_hardware("age1soft1qq"));
        assert_eq!(config.partners_unknown(&["birch".into()]).collect::<Vec<_>>(), ["acme"]);
    }

    #[test]
    fn no_file_and_an_empty_one_say_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        let none = Config::of(&home).unwrap();
        std::fs::write(home.config(), "").unwrap();
        assert_eq!(Config::of(&home).unwrap(), none);
        assert_eq!(none.assurance, Assurance::default());
    }

    #[test]
    fn a_mistake_names_its_line_and_its_field() {
        for (text, line, said) in [
            ("\n[plugin.x]\n", 2, "plugin"),
            ("[policy]\n\nrequire-hardwear = true\n", 3, "require-hardwear"),
            ("[policy]\nrequire-hardware = 'yes'\n", 2, "`require-hardware`: invalid type"),
            ("[plugins.x]\npath = 'age-plugin-x'\n", 2, "`path`: `age-plugin-x` is not an absolute path"),
            ("[plugins.x]\nwait = 0\n", 2, "`wait`"),
            ("[plugins.x]\nwait = 99999999\n", 2, "`wait`"),
            ("[plugins.x]\nwait = -1\n", 2, "`wait`"),
            ("#\n[plugins.'a/../b']\n", 2, "a/../b"),
            ("[plugins.X]\n", 1, "can't name a plugin"),
            ("[partners.Acme]\nrequire-hardware = true\n", 1, "Acme"),
            ("[partners.you]\n", 1, "own firm"),
            ("[policy]\nrequire-hardware = true\nrequire-hardware = false\n", 3, "duplicate"),
            ("[policy\n", 1, ""),
        ] {
            let (at, why) = wrong(text);
            assert_eq!(at, line, "{text}: {why}");
            assert!(why.contains(said), "{text}: {why}");
        }
        assert_eq!(read("x = 1").unwrap_err().word(), "config-broken");
        assert!(matches!(parse(b"a\n\xff", "c".into()), Err(Error::Mistake(mistake)) if mistake.line == 2));
    }

    #[cfg(unix)]
    #[test]
    fn a_configuration_that_everybody_can_write_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        std::fs::write(home.config(), "plugins.x = {}\n").unwrap();
        std::fs::set_permissions(home.config(), PermissionsExt::from_mode(0o666)).unwrap();
        assert_eq!(Config::of(&home).unwrap_err().word(), "config-broken");
        std::fs::set_permissions(home.config(), PermissionsExt::from_mode(0o664)).unwrap();
        assert!(Config::of(&home).is_ok());
    }

    #[test]
    fn a_configuration_beyond_all_measure_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        std::fs::write(home.config(), "#".repeat(70_000)).unwrap();
        assert!(Config::of(&home).is_err());
    }
}
