//! The keys and the home that consign is run with. Keys are not locked: what a passphrase costs is measured on its
//! own, and stock age opens such a key too.

use std::fs;
use std::path::{Path, PathBuf};

use crate::machine::ask;
use crate::{Result, because};

/// The program under test.
pub(crate) const CONSIGN: &str = env!("CARGO_BIN_EXE_consign");

/// Keys, and a home without keys.
pub(crate) struct World {
    /// An age identity file.
    pub(crate) identity: PathBuf,
    /// Its public half.
    pub(crate) recipient: String,
    /// An OpenSSH key, and with `.pub` its public half.
    pub(crate) signing: PathBuf,
    home: PathBuf,
}

impl World {
    pub(crate) fn new(folder: &Path) -> Result<World> {
        fs::create_dir_all(folder).map_err(because(folder.display()))?;
        let (identity, signing) = (folder.join("identity.txt"), folder.join("signing"));
        let text = |p: &Path| p.to_string_lossy().into_owned();
        ask("age-keygen", &["-o", &text(&identity)]).ok_or("age-keygen failed")?;
        let recipient = ask("age-keygen", &["-y", &text(&identity)]).ok_or("age-keygen -y failed")?;
        ask("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", &text(&signing)])
            .ok_or("ssh-keygen failed")?;
        Ok(World { identity, recipient, signing, home: folder.join("home") })
    }

    /// What consign and the pipelines find in the environment.
    pub(crate) fn env(&self, tree: &Path) -> Vec<(String, String)> {
        // A corpus may lie inside a git work tree that ignores it, as cargo's target folder does: git may not look
        // further up than the corpus.
        let above = tree.parent().unwrap_or(tree);
        let text = |p: &Path| p.to_string_lossy().into_owned();
        [
            ("CONSIGN_HOME", text(&self.home)),
            ("GIT_CEILING_DIRECTORIES", text(above)),
            ("TREE", text(tree)),
            ("KEY", text(&self.identity)),
            ("TO", self.recipient.clone()),
            ("CORES", crate::machine::cores().to_string()),
        ]
        .map(|(k, v)| (k.to_owned(), v))
        .to_vec()
    }

    /// `consign VERB …` with a key to open and, but for packing, a signer to trust.
    pub(crate) fn consign(&self, verb: &str, rest: &[&str]) -> Vec<String> {
        let (key, signing) = (self.identity.to_string_lossy(), self.signing.to_string_lossy());
        let signer = format!("{signing}.pub");
        let keys: &[&str] = match verb {
            "pack" => &["-i", &key, "--sign-with", &signing, "-r", &self.recipient, "--no-self", "--allow-unportable"],
            "verify" => &["--signer", &signer],
            _ => &["-i", &key, "--signer", &signer],
        };
        let all =
            [CONSIGN, verb, "--no-input", "-q"].into_iter().chain(keys.iter().copied()).chain(rest.iter().copied());
        all.map(str::to_owned).collect()
    }
}
