//! Identities: the secret keys that open bundles, in the forms people have them (age identity files, plain or
//! locked by a passphrase; OpenSSH keys). FORMAT §8.1.

use std::io::{BufReader, Read};
use std::sync::Arc;

use age::secrecy::{ExposeSecret, SecretString};
use age::{ssh, x25519};

use super::agehead::WORK_MAX;
use super::encrypt::decrypt_small;
use super::plugin::{PluginIdentity, Plugins};
use super::secret::unlock;
use super::sign::is_ssh_private;
use super::{AgeHead, Error, HeadLimits, PassphraseSource, PluginFault, Recipient, Result, Secret, hybrid};

/// The largest identity file that is read, in bytes.
const FILE_LIMIT: usize = 64 << 10;

/// A set of secret keys.
#[derive(Default)]
pub struct Identities {
    keys: Vec<Key>,
    source: Option<Arc<dyn PassphraseSource>>,
    plugins: Option<Arc<dyn Plugins>>,
}

struct Key {
    inner: Box<dyn age::Identity + Send + Sync>,
    /// A bare plugin identity doesn't tell it.
    recipient: Option<String>,
    /// The plugin that it takes to use it.
    plugin: Option<String>,
}

/// What an identity opened.
pub struct Opened {
    /// The plaintext.
    pub plain: Secret,
    /// The recipient string of the identity that opened it; a bare plugin identity doesn't tell it.
    pub recipient: Option<String>,
}

#[derive(Clone)]
struct Ask(Arc<dyn PassphraseSource>, String);

impl age::Callbacks for Ask {
    fn display_message(&self, _: &str) {}
    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }
    fn request_passphrase(&self, _: &str) -> Option<SecretString> {
        let secret = self.0.passphrase(&self.1).ok()?;
        secret.text().ok().map(|t| SecretString::from(t.to_owned()))
    }
}

impl Identities {
    /// An empty set that asks `source` when a key is locked.
    #[must_use]
    pub fn new(source: Arc<dyn PassphraseSource>) -> Self {
        Identities { source: Some(source), ..Identities::default() }
    }

    /// The same, for keys of which `plugins` runs the plugins they take. Without it no plugin is run.
    #[must_use]
    pub fn with_plugins(self, plugins: Arc<dyn Plugins>) -> Self {
        Identities { plugins: Some(plugins), ..self }
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The recipient strings of the keys, as far as they are known.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().filter_map(|k| k.recipient.as_deref())
    }

    /// The keys, for people: the recipient string, else the plugin of a key whose string isn't known.
    pub fn described(&self) -> impl Iterator<Item = String> {
        let bare = |k: &Key| format!("a key of age-plugin-{}", k.plugin.as_deref().unwrap_or_default());
        self.keys.iter().map(move |k| k.recipient.clone().unwrap_or_else(|| bare(k)))
    }

    /// Adds the keys of one identity file. `name` says where it came from.
    ///
    /// # Errors
    /// [`Error::BadKey`] when there is no usable key in it; the errors of unlocking it.
    pub fn add(&mut self, file: &Secret, name: &str) -> Result<()> {
        // Editors on Windows put a byte-order mark before a text.
        match file.expose().strip_prefix("\u{feff}".as_bytes()) {
            Some(text) => self.add_any(&Secret::new(text.to_vec()), name),
            None => self.add_any(file, name),
        }
    }

    fn add_any(&mut self, file: &Secret, name: &str) -> Result<()> {
        let bytes = file.expose();
        let bad = |why: &str| Error::BadKey { what: "identity file", why: format!("{name}: {why}") };
        if bytes.len() > FILE_LIMIT {
            return Err(bad("too large for an identity file"));
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(bad("it is UTF-16, as `>` of PowerShell writes it; UTF-8 is needed"));
        }
        if is_armoured(bytes) || bytes.starts_with(b"age-encryption.org/") {
            return self.add_locked(bytes, name);
        }
        if let pem = bytes.trim_ascii()
            && pem.starts_with(b"-----BEGIN ")
        {
            return self.add_ssh(pem, name);
        }
        self.add_lines(file, name)
    }

    fn source(&self, what: &'static str) -> Result<Arc<dyn PassphraseSource>> {
        self.source.clone().ok_or(Error::NeedsPassphrase { what })
    }

    fn add_locked(&mut self, file: &[u8], name: &str) -> Result<()> {
        let inner = unlock_file(file, name, &*self.source("key")?, FILE_LIMIT)?;
        self.add_lines(&inner, name)
    }

    fn add_ssh(&mut self, pem: &[u8], name: &str) -> Result<()> {
        let bad = |why: &str| Error::BadKey { what: "SSH key", why: format!("{name}: {why}") };
        let not = || bad("not an OpenSSH private key that age reads");
        if pem.starts_with(b"-----BEGIN OPENSSH") && !is_ssh_private(pem) {
            return Err(not());
        }
        let key = ssh::Identity::from_buffer(BufReader::new(pem), None).map_err(|_| not())?;
        let recipient = ssh::Recipient::try_from(key.clone())
            .map_err(|_| bad("age opens ssh-ed25519 and ssh-rsa keys only"))?
            .to_string();
        // A locked key is unlocked only when a file turns out to be addressed to it.
        let inner: Box<dyn age::Identity + Send + Sync> = match key {
            ssh::Identity::Unsupported(_) => return Err(bad("locked by a cipher that age does not read")),
            open @ ssh::Identity::Unencrypted(_) => Box::new(open),
            locked => Box::new(locked.with_callbacks(Ask(self.source("SSH key")?, name.to_owned()))),
        };
        self.keys.push(Key { inner, recipient: Some(recipient), plugin: None });
        Ok(())
    }

    fn add_lines(&mut self, file: &Secret, name: &str) -> Result<()> {
        let bad = |why: &str| Error::BadKey { what: "identity file", why: format!("{name}: {why}") };
        let text = file.text().map_err(|_| bad("not a key file"))?;
        let before = self.keys.len();
        let mut stated = None;
        for (n, line) in text.lines().map(str::trim).enumerate().filter(|(_, l)| !l.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                stated = recipient_in(comment).or(stated);
                continue;
            }
            let bad = |why: &str| bad(&format!("line {}: {why}", n + 1));
            let prefix = line.get(..hybrid::IDENTITY_PREFIX.len());
            if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(hybrid::IDENTITY_PREFIX)) {
                let identity =
                    hybrid::Identity::parse(line).ok_or_else(|| bad("a post-quantum identity that is mistyped"))?;
                let recipient = Some(identity.to_public().to_string());
                self.keys.push(Key { inner: Box::new(identity), recipient, plugin: None });
                stated = None;
                continue;
            }
            if line.starts_with("AGE-PLUGIN-") {
                let identity = PluginIdentity::parse(line, self.plugins.clone());
                let identity = identity.ok_or_else(|| bad("a line that is no key of an age plugin"))?;
                let plugin = Some(identity.name.clone());
                self.keys.push(Key { inner: Box::new(identity), recipient: stated.take(), plugin });
                continue;
            }
            stated = None;
            let identity: x25519::Identity = line.parse().map_err(|_| {
                bad(if line.starts_with("age1") || line.starts_with("ssh-") {
                    "that is a public key; a secret one is needed here"
                } else {
                    "a line that is no age identity"
                })
            })?;
            let recipient = identity.to_public().to_string();
            self.keys.push(Key { inner: Box::new(identity), recipient: Some(recipient), plugin: None });
        }
        if self.keys.len() == before {
            return Err(bad("there is no key in it"));
        }
        Ok(())
    }

    /// Opens a small age file that is locked to people, such as `key.age`, with the first key that fits. A key that
    /// stays locked hides no later one that fits.
    ///
    /// # Errors
    /// [`Error::NoKey`]; the errors of the head, of the envelope and of unlocking a key.
    pub fn open(&self, file: &[u8], what: &str, limit: usize) -> Result<Opened> {
        let head = AgeHead::of_key(file, what)?;
        if head.is_passphrase() {
            let source = self.source("bundle")?;
            let plain = unlock(&*source, "this bundle", |secret| open_with_passphrase(secret, file, what, limit))?;
            return Ok(Opened { plain, recipient: Some("passphrase".to_owned()) });
        }
        let mut locked = None;
        // Keys that may want a PIN or a touch come last: another one may do.
        let (plain, plugged): (Vec<&Key>, Vec<&Key>) = self.keys.iter().partition(|key| key.plugin.is_none());
        for key in plain.into_iter().chain(plugged) {
            match decrypt_small(&*key.inner, file, what, limit) {
                Ok(plain) => return Ok(Opened { plain, recipient: key.recipient.clone() }),
                Err(Error::NoKey) => {}
                Err(e @ Error::Plugin(PluginFault::Stopped { .. })) => return Err(e),
                Err(e @ (Error::WrongPassphrase { .. } | Error::NeedsPassphrase { .. } | Error::Plugin(_))) => {
                    locked = locked.or(Some(e));
                }
                Err(other) => return Err(key.blamed(other)),
            }
        }
        Err(locked.unwrap_or(Error::NoKey))
    }
}

impl Key {
    /// What was signed was checked before it is opened, so a file that a plugin's answer does not fit is the plugin's
    /// fault.
    fn blamed(&self, error: Error) -> Error {
        match (&self.plugin, error) {
            (Some(name), Error::Broken { .. }) => {
                PluginFault::Nonsense { name: name.clone(), why: "its answer does not open the file".to_owned() }.into()
            }
            (_, error) => error,
        }
    }
}

/// The recipient string in a comment of an identity file, as plugins write it: `# public key: age1…`, `# Recipient: age1…`.
fn recipient_in(comment: &str) -> Option<String> {
    let (label, value) = comment.split_once(':')?;
    let label = label.trim().to_ascii_lowercase();
    let known = matches!(label.as_str(), "public key" | "recipient");
    value.trim().parse::<Recipient>().ok().filter(|_| known).map(|r| r.canonical())
}

/// Opens an age file that is locked by a passphrase.
///
/// # Errors
/// [`Error::WrongPassphrase`]; [`Error::NoKey`] when it is locked to people instead; the errors of the head.
pub fn open_locked(passphrase: &Secret, file: &[u8], name: &str, limit: usize) -> Result<Secret> {
    if !AgeHead::scan(file, HeadLimits::KEY, name)?.is_passphrase() {
        return Err(Error::NoKey);
    }
    open_with_passphrase(passphrase, file, name, limit)
}

/// Opens an age file that is locked by a passphrase, armoured or not, reading at most `limit` bytes of plaintext.
///
/// # Errors
/// [`Error::BadKey`] when it is locked in another way; the errors of the head and of unlocking it.
pub fn unlock_file(file: &[u8], name: &str, source: &dyn PassphraseSource, limit: usize) -> Result<Secret> {
    let binary;
    let file = if is_armoured(file) {
        binary = dearmour(file, name)?;
        &binary
    } else {
        file
    };
    if !AgeHead::scan(file, HeadLimits::KEY, name)?.is_passphrase() {
        return Err(Error::BadKey {
            what: "identity file",
            why: format!("{name}: an age file that is not locked by a passphrase; is it a bundle's member?"),
        });
    }
    unlock(source, name, |secret| open_with_passphrase(secret, file, name, limit))
}

pub(super) fn open_with_passphrase(passphrase: &Secret, file: &[u8], name: &str, limit: usize) -> Result<Secret> {
    // age takes text only.
    let text = passphrase.text().map_err(|_| Error::WrongPassphrase { what: "key" })?;
    let mut identity = age::scrypt::Identity::new(SecretString::from(text.to_owned()));
    identity.set_max_work_factor(WORK_MAX);
    decrypt_small(&identity, file, name, limit)
}

fn is_armoured(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// The age file in an armoured one. Identity files may come like that; members of a bundle never do.
///
/// # Errors
/// [`Error::BadKey`] for anything but one armour, with white space around it at most.
pub fn dearmour(text: &[u8], name: &str) -> Result<Vec<u8>> {
    let bad = |_| Error::BadKey { what: "identity file", why: format!("{name}: its armour is damaged") };
    if !is_armoured(text) {
        return Err(bad(std::io::ErrorKind::InvalidData.into()));
    }
    let mut binary = Vec::with_capacity(text.len());
    age::armor::ArmoredReader::new(text.trim_ascii_start()).read_to_end(&mut binary).map_err(bad)?;
    Ok(binary)
}

/// A fresh X25519 identity as an age identity file, and its recipient string.
#[must_use]
pub fn new_identity(created: &str) -> (Secret, String) {
    let identity = x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let head = format!("# created: {created}\n# public key: {recipient}\n");
    // In one piece: a buffer that grows leaves copies behind.
    let text = [head.as_str(), identity.to_string().expose_secret(), "\n"].concat();
    (Secret::new(text.into_bytes()), recipient)
}

/// The keys that open bundles for a new firm: one of each kind.
pub struct Pair {
    /// Both, as an age identity file.
    pub file: Secret,
    /// The recipient string of the X25519 one.
    pub classical: String,
    /// The recipient string of the post-quantum one.
    pub post_quantum: String,
}

/// A fresh X25519 identity and a fresh post-quantum one, as one age identity file.
///
/// # Errors
/// [`Error::System`] when the system gives no randomness.
pub fn new_identities(created: &str) -> Result<Pair> {
    let (file, classical) = new_identity(created);
    let identity = hybrid::Identity::generate()?;
    let post_quantum = identity.to_public().to_string();
    let more = format!("# created: {created}\n# public key: {post_quantum}\n");
    let file = Secret::new([file.expose(), more.as_bytes(), identity.line().expose(), b"\n"].concat());
    Ok(Pair { file, classical, post_quantum })
}

/// Checks that a recipient string is one we could lock to, and gives its canonical spelling.
///
/// # Errors
/// Those of parsing a [`Recipient`].
pub fn canonical_recipient(text: &str) -> Result<String> {
    Ok(text.parse::<Recipient>()?.canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{SigningKey, encrypt_to, encrypt_with_passphrase};

    /// Gives the same passphrase for everything.
    struct Always(&'static str);

    impl PassphraseSource for Always {
        fn passphrase(&self, _: &str) -> Result<Secret> {
            Ok(Secret::new(self.0.as_bytes().to_vec()))
        }
    }

    #[test]
    fn a_key_that_stays_locked_hides_no_later_one() {
        let signing = SigningKey::generate().unwrap();
        let locked = signing.file(&Secret::new(b"right".to_vec())).unwrap();
        let (open, recipient) = new_identity("now");
        let ssh: Recipient = signing.public().line().unwrap().parse().unwrap();
        let both = encrypt_to(&[ssh.clone(), recipient.parse().unwrap()], b"plain").unwrap();
        let mut identities = Identities::new(Arc::new(Always("wrong")));
        identities.add(&locked, "locked").unwrap();
        identities.add(&open, "open").unwrap();
        let opened = identities.open(&both, "key.age", 4096).unwrap();
        assert_eq!((opened.plain.expose(), opened.recipient), (&b"plain"[..], Some(recipient)));
        let one = encrypt_to(&[ssh], b"plain").unwrap();
        assert!(matches!(identities.open(&one, "key.age", 4096), Err(Error::WrongPassphrase { .. })));
        let mut damaged = both;
        *damaged.last_mut().unwrap() ^= 1;
        assert!(matches!(identities.open(&damaged, "key.age", 4096), Err(Error::Broken { .. })));
    }

    #[test]
    fn a_comment_tells_the_recipient_string_of_a_plugins_key() {
        let (_, known) = new_identity("now");
        let bare = age::plugin::Identity::default_for_plugin("t").unwrap();
        let recipients = |text: String| {
            let mut identities = Identities::default();
            identities.add(&Secret::new(text.into_bytes()), "x").unwrap();
            identities.described().collect::<Vec<_>>()
        };
        let nobody = "a key of age-plugin-t";
        assert_eq!(recipients(format!("{bare}\n")), [nobody]);
        assert_eq!(
            recipients(format!("#       Recipient: {known}\n# created: now\n{bare}\n{bare}\n")),
            [&known, nobody]
        );
        assert_eq!(recipients(format!("# public key: age1x\n# name: {known}\n{bare}\n")), [nobody]);
    }

    #[test]
    fn too_much_work_is_refused_before_a_passphrase_is_asked_for() {
        let secret = Secret::new(b"word".to_vec());
        let file = encrypt_with_passphrase(&secret, 2, b"plain").unwrap();
        let identities = Identities::new(Arc::new(Always("word")));
        assert!(identities.open(&file, "key.age", 4096).is_ok());
        // "-> scrypt SALT 2" becomes one of 21.
        let at = file.windows(3).position(|w| w == b" 2\n").unwrap();
        let heavy = [&file[..at + 2], b"1", &file[at + 2..]].concat();
        assert!(matches!(Identities::default().open(&heavy, "key.age", 4096), Err(Error::HeadTooLarge { .. })));
    }
}
