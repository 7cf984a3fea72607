//! Running age plugins: only those that the home's configuration names, each from the place it names, or else from
//! PATH. A bundle, a card, a partner's record or an identity file can ask for any plugin; what is run, the user alone
//! says. What a plugin wants to know is asked through an [`Attendant`].

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::config::{Allowed, Config};
use crate::crypto::{self, PluginFault, Plugins, Secret, Talk};
use crate::files::{Dialogue, Silence, Watch, plain};

/// Whoever stands between plugins and the person, if there is one.
pub trait Attendant: Send + Sync {
    /// Whether somebody can be asked.
    fn is_there(&self) -> bool;
    /// Whether work should stop.
    fn stopped(&self) -> bool;
    /// A plugin was started.
    fn started(&self, plugin: &str, path: &Path);
    /// A plugin has been silent for some seconds.
    fn waiting(&self, plugin: &str);
    /// A plugin has something to say. The text is as it came.
    fn show(&self, plugin: &str, text: &str);
    /// A plugin asks for a secret. The text is as it came.
    ///
    /// # Errors
    /// When nobody answers.
    fn secret(&self, plugin: &str, question: &str) -> crypto::Result<Secret>;
    /// A plugin asks for something else. The text is as it came.
    ///
    /// # Errors
    /// When nobody answers.
    fn line(&self, plugin: &str, question: &str) -> crypto::Result<String>;
}

/// The plugins that may be run.
pub struct Runner {
    config: Config,
    /// The folders of PATH.
    folders: Vec<PathBuf>,
    attendant: Arc<dyn Attendant>,
}

/// Where a plugin is that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The program.
    pub path: PathBuf,
    /// What the configuration says of it.
    pub allowed: Allowed,
}

/// Finds a plugin that may be run. `folders` are those of PATH, for one whose place is not configured; only absolute
/// ones are looked into.
///
/// # Errors
/// [`PluginFault::NotAllowed`], [`PluginFault::Missing`].
pub fn find(config: &Config, name: &str, folders: &[PathBuf]) -> Result<Found, PluginFault> {
    let Some(allowed) = config.plugins.get(name) else {
        return Err(PluginFault::NotAllowed { name: name.to_owned(), config: Some(config.path.clone()) });
    };
    let program = format!("age-plugin-{name}{}", std::env::consts::EXE_SUFFIX);
    let looked: Vec<PathBuf> = match &allowed.path {
        Some(path) => vec![path.clone()],
        None => folders.iter().filter(|f| f.is_absolute()).cloned().collect(),
    };
    let place = |at: &PathBuf| if allowed.path.is_some() { at.clone() } else { at.join(&program) };
    match looked.iter().map(place).find(|path| is_program(path)) {
        Some(path) => Ok(Found { path, allowed: allowed.clone() }),
        None => Err(PluginFault::Missing { name: name.to_owned(), looked }),
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

impl Runner {
    /// Runs what `config` allows; `folders` are those of PATH.
    #[must_use]
    pub fn new(config: Config, folders: Vec<PathBuf>, attendant: Arc<dyn Attendant>) -> Runner {
        Runner { config, folders, attendant }
    }

    fn needs(&self, name: &str, what: &'static str) -> crypto::Result<()> {
        if self.attendant.is_there() {
            return Ok(());
        }
        Err(PluginFault::NeedsAPerson { name: name.to_owned(), what }.into())
    }
}

impl Plugins for Runner {
    fn ready(&self, name: &str) -> crypto::Result<()> {
        Ok(find(&self.config, name, &self.folders).map(drop)?)
    }

    fn start(&self, name: &str, machine: &'static str) -> crypto::Result<Box<dyn Talk>> {
        let Found { path, allowed } = find(&self.config, name, &self.folders)?;
        let alone = !self.attendant.is_there();
        self.attendant.started(name, &path);
        let dialogue = Dialogue::start(&path, &format!("--age-plugin={machine}"), alone)
            .map_err(|e| PluginFault::NotStarted { name: name.to_owned(), path: path.clone(), why: plain(&e) })?;
        let patience = alone.then_some(Duration::from_secs(allowed.wait));
        let waiter = Waiter { name: name.to_owned(), patience, attendant: Arc::clone(&self.attendant) };
        Ok(Box::new(Running { dialogue, waiter }))
    }

    fn show(&self, name: &str, text: &str) {
        self.attendant.show(name, text);
    }

    fn secret(&self, name: &str, question: &str) -> crypto::Result<Secret> {
        self.needs(name, "a PIN or a passphrase")?;
        self.attendant.secret(name, question)
    }

    fn line(&self, name: &str, question: &str) -> crypto::Result<String> {
        self.needs(name, "an answer")?;
        self.attendant.line(name, question)
    }

    fn confirm(&self, name: &str, question: &str, yes: &str, no: Option<&str>) -> crypto::Result<bool> {
        self.needs(name, "an answer")?;
        let choices = match no {
            Some(no) => format!("{question} (y: {yes}, n: {no})"),
            None => format!("{question} (y: {yes})"),
        };
        let answer = self.attendant.line(name, &choices)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }
}

/// A plugin at work.
struct Running {
    dialogue: Dialogue,
    waiter: Waiter,
}

/// Whoever waits for its answers.
struct Waiter {
    name: String,
    patience: Option<Duration>,
    attendant: Arc<dyn Attendant>,
}

/// Bytes on their way to a plugin; they are wiped when they were sent.
struct Sent(Secret);

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose()
    }
}

impl Talk for Running {
    fn say(&mut self, text: Secret) {
        self.dialogue.say(Box::new(Sent(text)));
    }

    fn line(&mut self) -> crypto::Result<Secret> {
        let line = self.dialogue.line(&self.waiter).map_err(|silence| self.waiter.fault(silence))?;
        Ok(Secret::new(line))
    }
}

impl Waiter {
    fn fault(&self, silence: Silence) -> PluginFault {
        let name = self.name.clone();
        match silence {
            Silence::Ended { how, complaint } => PluginFault::Ended { name, how, complaint },
            Silence::NoLine => PluginFault::Nonsense { name, why: "a line without an end".to_owned() },
            Silence::Late => {
                PluginFault::Late { name, seconds: self.patience.map_or(0, |patience| patience.as_secs()) }
            }
            Silence::Stopped => PluginFault::Stopped { name },
        }
    }
}

impl Watch for Waiter {
    fn stopped(&self) -> bool {
        self.attendant.stopped()
    }

    fn waiting(&self) {
        self.attendant.waiting(&self.name);
    }

    fn patience(&self) -> Option<Duration> {
        self.patience
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn config(path: Option<PathBuf>) -> Config {
        let allowed = Allowed { path, hardware: false, wait: 1 };
        Config { path: "/home/config.toml".into(), plugins: [("t".to_owned(), allowed)].into(), ..Config::default() }
    }

    fn program(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn a_plugin_is_found_where_the_configuration_says_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let (good, bad) = (dir.path().join("good"), dir.path().join("bad"));
        [&good, &bad].iter().for_each(|f| std::fs::create_dir(f).unwrap());
        program(&bad, "age-plugin-t", 0o644);
        let here = program(&good, "age-plugin-t", 0o755);
        let folders = [PathBuf::from("relative"), bad.clone(), good.clone()];
        assert_eq!(find(&config(None), "t", &folders).unwrap().path, here);
        let missing = find(&config(None), "t", &folders[..2]).unwrap_err();
        assert!(matches!(missing, PluginFault::Missing { looked, .. } if looked == [bad]));
        let elsewhere = dir.path().join("elsewhere");
        let missing = find(&config(Some(elsewhere.clone())), "t", &folders).unwrap_err();
        assert!(matches!(missing, PluginFault::Missing { looked, .. } if looked == [elsewhere]));
        let not = find(&config(None), "other", &folders).unwrap_err();
        assert!(matches!(not, PluginFault::NotAllowed { config: Some(_), .. }));
    }
}
