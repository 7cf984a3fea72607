//! Between age plugins and the person at the terminal: what a plugin says is shown with its name, escaped, and what it
//! asks is asked with its name, so that no PIN is typed for a program one doesn't know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use consign::crypto::{self, PluginFault, Secret};
use consign::exchange::plugins::Attendant;
use consign::files::printable;

use crate::output::whisper;
use crate::passphrase::Passphrases;
use crate::progress::{Asking, Stop};
use crate::prompt;
use crate::world::Voice;

/// Which programs were run as which plugins.
#[derive(Default)]
pub(crate) struct Ran(Mutex<BTreeMap<String, PathBuf>>);

impl Ran {
    /// The programs that a text names, as facts.
    pub(crate) fn named_in(&self, text: &str) -> Vec<(String, String)> {
        let ran = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let named = ran.iter().filter(|(name, _)| text.contains(&format!("age-plugin-{name} ")));
        named.map(|(_, path)| ("program".to_owned(), path.display().to_string())).collect()
    }
}

/// The person, as far as there is one.
pub(crate) struct Person {
    /// Whether anybody can be asked.
    pub(crate) passphrases: Arc<Passphrases>,
    /// The signal that stops work.
    pub(crate) stop: Stop,
    /// What was run so far.
    pub(crate) ran: Arc<Ran>,
    /// How to speak.
    pub(crate) voice: Voice,
}

impl Person {
    fn say(&self, text: &str) {
        // Nobody can touch a key who is not told to.
        if self.is_there() || !self.voice.quiet {
            let _asking = Asking::begin();
            whisper(text);
        }
    }
}

fn no_answer(plugin: &str, what: &'static str) -> crypto::Error {
    PluginFault::NeedsAPerson { name: plugin.to_owned(), what }.into()
}

/// A question on one line, and who asks it.
fn question(plugin: &str, text: &str) -> String {
    let text = text.trim_end_matches([':', ' ', '\n', '\r']);
    format!("age-plugin-{plugin} asks: {}: ", printable(text))
}

impl Attendant for Person {
    fn is_there(&self) -> bool {
        self.passphrases.can_ask()
    }

    fn stopped(&self) -> bool {
        self.stop.signal().is_some()
    }

    fn started(&self, plugin: &str, path: &Path) {
        self.ran.0.lock().unwrap_or_else(PoisonError::into_inner).insert(plugin.to_owned(), path.to_owned());
        if self.voice.verbose {
            self.say(&format!("age-plugin-{plugin} is {}\n", printable(&path.to_string_lossy())));
        }
    }

    fn waiting(&self, plugin: &str) {
        self.say(&format!("waiting for age-plugin-{plugin}: touch your key?\n"));
    }

    fn show(&self, plugin: &str, text: &str) {
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            self.say(&format!("age-plugin-{plugin}: {}\n", printable(line)));
        }
    }

    fn secret(&self, plugin: &str, text: &str) -> crypto::Result<Secret> {
        prompt::hidden(&question(plugin, text)).map_err(|_| no_answer(plugin, "a PIN or a passphrase"))
    }

    fn line(&self, plugin: &str, text: &str) -> crypto::Result<String> {
        prompt::spoken(&question(plugin, text)).map_err(|_| no_answer(plugin, "an answer"))
    }
}
