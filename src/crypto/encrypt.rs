//! Encryption: with `identity.rs`, the only door to the `age` crate. It turns bytes into age files, knows no
//! paths and no policy. FORMAT §1.4, §1.5, §8.1.

use std::io::{BufReader, Cursor, Read, Write};
use std::str::FromStr;
use std::sync::Arc;

use age::armor::{ArmoredWriter, Format};
use age::secrecy::{ExposeSecret, SecretString};
use age::{Decryptor, Encryptor, ssh, x25519};

use super::plugin::{PluginRecipient, Plugins, fault_in};
use super::publickey::is_ssh_public;
use super::{AgeHead, Error, HeadLimits, PluginFault, Result, Secret, Tag, derive, hybrid};

/// Somebody a file can be locked to.
#[derive(Clone)]
pub enum Recipient {
    /// `age1…`
    X25519(x25519::Recipient),
    /// `age1pq1…`
    Hybrid(hybrid::Recipient),
    /// `ssh-ed25519 …` or `ssh-rsa …`
    Ssh(ssh::Recipient),
    /// `age1NAME1…`
    Plugin(PluginRecipient),
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        // A secret key that was given by mistake is not repeated.
        let shown = || if is_secret(text) { "that".to_owned() } else { text.chars().take(80).collect() };
        let not = |why| Error::NotARecipient { text: shown(), why };
        if is_post_quantum(&text.to_ascii_lowercase()) {
            return text.parse().map(Recipient::Hybrid).map_err(not);
        }
        if text.starts_with("ssh-") {
            if !is_ssh_public(text) {
                return Err(not("not an ssh-ed25519 or ssh-rsa public key"));
            }
            return text.parse().map(Recipient::Ssh).map_err(|e| {
                not(match e {
                    ssh::ParseRecipientKeyError::RsaModulusTooSmall => "RSA keys need at least 2048 bits",
                    ssh::ParseRecipientKeyError::RsaModulusTooLarge => "this RSA key is larger than age takes",
                    _ => "not an ssh-ed25519 or ssh-rsa public key",
                })
            });
        }
        if text.starts_with("ecdsa-") || text.starts_with("sk-") {
            return Err(not("age can't lock to this SSH key type; ssh-ed25519 and ssh-rsa work"));
        }
        if let Some(plugin) = PluginRecipient::parse(text) {
            return Ok(Recipient::Plugin(plugin));
        }
        text.parse().map(Recipient::X25519).map_err(|_| {
            not(match text.get(..4) {
                Some("age1") => "mistyped: its checksum does not fit",
                _ if is_secret(text) => "that is a secret key, not a public one; keep it to yourself",
                _ => "neither age1… nor an SSH public key",
            })
        })
    }
}

/// Whether a recipient string is a post-quantum one (FORMAT §1.4).
#[must_use]
pub fn is_post_quantum(recipient: &str) -> bool {
    recipient.starts_with(hybrid::RECIPIENT_PREFIX)
}

/// Whether a text is, or holds, a secret key.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper.contains("AGE-SECRET-KEY-") || upper.contains("AGE-PLUGIN-") || upper.contains("PRIVATE KEY")
}

impl Recipient {
    /// The recipient string of FORMAT §2.3: lower case, no comment.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Recipient::X25519(r) => r.to_string(),
            Recipient::Hybrid(r) => r.to_string(),
            Recipient::Ssh(r) => r.to_string(),
            Recipient::Plugin(r) => r.text().to_owned(),
        }
    }

    /// The plugin that it takes to lock to it.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Recipient::Plugin(r) => Some(r.plugin()),
            _ => None,
        }
    }

    /// The same, for whom `plugins` runs the plugin that it takes. Without it no plugin is run.
    #[must_use]
    pub fn with_plugins(self, plugins: &Arc<dyn Plugins>) -> Recipient {
        match self {
            Recipient::Plugin(r) => Recipient::Plugin(r.with(plugins)),
            other => other,
        }
    }

    fn as_age(&self) -> &dyn age::Recipient {
        match self {
            Recipient::X25519(r) => r,
            Recipient::Hybrid(r) => r,
            Recipient::Ssh(r) => r,
            Recipient::Plugin(r) => r,
        }
    }

    /// The tag of a recipient string in one compartment of one bundle (FORMAT §2.3).
    #[must_use]
    pub fn tag(canonical: &str, bundle: &[u8; 16], compartment: u64) -> Tag {
        let mut material = Vec::with_capacity(24 + canonical.len());
        material.extend_from_slice(bundle);
        material.extend_from_slice(&compartment.to_le_bytes());
        material.extend_from_slice(canonical.as_bytes());
        let full = derive("consign 1 recipient tag", &material);
        let mut tag = [0; 16];
        tag.copy_from_slice(&full.0[..16]);
        super::Hex(tag)
    }
}

/// The fresh key pair of one compartment. Its public half is never published.
pub struct CompartmentKey(Pair);

enum Pair {
    Classical(x25519::Identity, x25519::Recipient),
    Hybrid(hybrid::Identity, hybrid::Recipient),
}

impl CompartmentKey {
    /// Makes a fresh one, post-quantum or not (FORMAT §1.4).
    ///
    /// # Errors
    /// [`Error::System`] when the system gives no randomness.
    pub fn generate(post_quantum: bool) -> Result<Self> {
        if post_quantum {
            return Ok(CompartmentKey::hybrid(hybrid::Identity::generate()?));
        }
        Ok(CompartmentKey::classical(x25519::Identity::generate()))
    }

    fn classical(identity: x25519::Identity) -> Self {
        let recipient = identity.to_public();
        CompartmentKey(Pair::Classical(identity, recipient))
    }

    fn hybrid(identity: hybrid::Identity) -> Self {
        let recipient = identity.to_public();
        CompartmentKey(Pair::Hybrid(identity, recipient))
    }

    /// Whether it is a post-quantum one.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        matches!(self.0, Pair::Hybrid(..))
    }

    fn recipient(&self) -> &dyn age::Recipient {
        match &self.0 {
            Pair::Classical(_, recipient) => recipient,
            Pair::Hybrid(_, recipient) => recipient,
        }
    }

    fn identity(&self) -> &dyn age::Identity {
        match &self.0 {
            Pair::Classical(identity, _) => identity,
            Pair::Hybrid(identity, _) => identity,
        }
    }

    /// The plaintext of `key.age`: an age identity file of one line.
    #[must_use]
    pub fn file(&self) -> Secret {
        // Each in one piece: a buffer that grows leaves copies behind.
        Secret::new(match &self.0 {
            Pair::Classical(identity, _) => [identity.to_string().expose_secret().as_bytes(), b"\n"].concat(),
            Pair::Hybrid(identity, _) => [identity.line().expose(), b"\n"].concat(),
        })
    }

    /// Reads the plaintext of `key.age`: at most 4 KiB, LF only, `#` lines and exactly one identity line.
    ///
    /// # Errors
    /// [`Error::Broken`] for any other content.
    pub fn parse(file: &Secret, what: &str) -> Result<Self> {
        let broken = || Error::Broken { what: what.to_owned() };
        let text = file.text().map_err(|_| broken())?;
        if text.len() > 4096 || text.contains('\r') || !text.ends_with('\n') {
            return Err(broken());
        }
        let mut lines = text.lines().filter(|l| !l.starts_with('#'));
        let (Some(line), None) = (lines.next(), lines.next()) else { return Err(broken()) };
        // The libraries take bech32 in lower case as well; the format doesn't.
        if line.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err(broken());
        }
        if line.starts_with(hybrid::IDENTITY_PREFIX) {
            return hybrid::Identity::parse(line).map(CompartmentKey::hybrid).ok_or_else(broken);
        }
        line.parse().map(CompartmentKey::classical).map_err(|_| broken())
    }

    /// Encrypts `plain` and appends the age file to `out`.
    ///
    /// # Errors
    /// [`Error::System`] when the library refuses.
    pub fn encrypt_into(&self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.encrypt_parts_into(&[plain], out)
    }

    /// Encrypts what the parts are one after the other, and appends the age file to `out`.
    ///
    /// # Errors
    /// As [`CompartmentKey::encrypt_into`].
    pub fn encrypt_parts_into(&self, plain: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
        encrypt_into(std::iter::once(self.recipient()), plain, out)
    }

    /// Checks that a head is for a key of this kind (FORMAT §1.5).
    fn check_head(&self, head: &[u8], what: &str) -> Result<()> {
        if AgeHead::of_compartment(head, what)?.is_post_quantum() == self.is_post_quantum() {
            return Ok(());
        }
        Err(Error::BadHead { what: what.to_owned(), why: "locked in another way than its compartment" })
    }

    /// Decrypts a volume or a manifest, appending to `out`, which gets room for it first.
    ///
    /// # Errors
    /// [`Error::BadHead`] unless the head names one recipient, besides grease; [`Error::Broken`] for a
    /// file that this key does not open or whose bytes were changed.
    pub fn decrypt_into(&self, file: &[u8], what: &str, out: &mut Vec<u8>) -> Result<()> {
        self.check_head(file, what)?;
        let broken = |_| Error::Broken { what: what.to_owned() };
        let decryptor = Decryptor::new_buffered(file).map_err(broken)?;
        let mut reader = decryptor.decrypt(std::iter::once(self.identity())).map_err(broken)?;
        out.reserve(file.len());
        reader.read_to_end(out).map_err(|_| Error::Broken { what: what.to_owned() })?;
        Ok(())
    }

    /// Decrypts as a stream: `head` is the beginning of the file, with all of the age header, and `rest` what follows.
    /// A change that the stream meets is an [`std::io::ErrorKind::InvalidData`] error.
    ///
    /// # Errors
    /// As [`CompartmentKey::decrypt_into`].
    pub fn decrypt_stream<'a>(&self, head: Vec<u8>, rest: impl Read + 'a, what: &str) -> Result<Box<dyn Read + 'a>> {
        self.check_head(&head, what)?;
        let broken = |_| Error::Broken { what: what.to_owned() };
        let whole = Cursor::new(head).chain(BufReader::with_capacity(64 << 10, rest));
        let decryptor = Decryptor::new_buffered(whole).map_err(broken)?;
        let reader = decryptor.decrypt(std::iter::once(self.identity())).map_err(broken)?;
        Ok(Box::new(reader))
    }
}

fn encrypt_into<'a>(
    to: impl Iterator<Item = &'a dyn age::Recipient>,
    plain: &[&[u8]],
    out: &mut Vec<u8>,
) -> Result<()> {
    let system = |e: &dyn std::fmt::Display| Error::System(format!("encrypting: {e}"));
    let unlocked = |e: age::EncryptError| match e {
        age::EncryptError::Io(e) => fault_in(e).unwrap_or_else(|| Error::System("encrypting".to_owned())),
        age::EncryptError::IncompatibleRecipients { .. } => Error::Incompatible,
        e => system(&e),
    };
    let encryptor = Encryptor::with_recipients(to).map_err(unlocked)?;
    let mut writer = encryptor.wrap_output(out).map_err(|e| system(&e))?;
    plain.iter().try_for_each(|part| writer.write_all(part)).map_err(|e| system(&e))?;
    writer.finish().map_err(|e| system(&e))?;
    Ok(())
}

/// Encrypts a small file, such as `key.age`, to people.
///
/// # Errors
/// [`Error::System`] when the library refuses; [`Error::Plugin`] when a plugin does not do its part.
pub fn encrypt_to(recipients: &[Recipient], plain: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    encrypt_into(recipients.iter().map(Recipient::as_age), &[plain], &mut out)?;
    // What a plugin made of its recipient stands in the head, and every reader is strict about it.
    if let Some(name) = recipients.iter().find_map(Recipient::plugin) {
        let unfit = |e: Error| PluginFault::Nonsense { name: name.to_owned(), why: e.to_string() };
        AgeHead::of_key(&out, "what it made").map_err(unfit)?;
    }
    Ok(out)
}

/// Locks a small file by a passphrase, as stock `age -p` does. `work` is the base-2 logarithm of scrypt's
/// work factor; 18 takes about a second.
///
/// # Errors
/// [`Error::System`] when the library refuses.
pub fn encrypt_with_passphrase(passphrase: &Secret, work: u8, plain: &[u8]) -> Result<Vec<u8>> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.text()?.to_owned()));
    recipient.set_work_factor(work);
    let mut out = Vec::new();
    encrypt_into(std::iter::once(&recipient as &dyn age::Recipient), &[plain], &mut out)?;
    Ok(out)
}

/// The text form of an age file, as `age -a` writes it.
///
/// # Errors
/// [`Error::System`] when the library refuses.
pub fn armour(file: &[u8]) -> Result<String> {
    let system = |e: std::io::Error| Error::System(format!("armouring: {e}"));
    let mut writer = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor).map_err(system)?;
    writer.write_all(file).map_err(system)?;
    String::from_utf8(writer.finish().map_err(system)?).map_err(|e| Error::System(format!("armouring: {e}")))
}

/// Opens a small age file with one identity, reading at most `limit` bytes of plaintext.
///
/// # Errors
/// [`Error::NoKey`] when the identity is not among the recipients, [`Error::WrongPassphrase`],
/// [`Error::Broken`] when bytes were changed, [`Error::HeadTooLarge`] for more than `limit` or too much work.
pub(super) fn decrypt_small(identity: &dyn age::Identity, file: &[u8], what: &str, limit: usize) -> Result<Secret> {
    let broken = || Error::Broken { what: what.to_owned() };
    let large = |why| Error::HeadTooLarge { what: what.to_owned(), why };
    let by_passphrase = AgeHead::scan(file, HeadLimits::KEY, what)?.is_passphrase();
    let map = |e: age::DecryptError| match e {
        age::DecryptError::NoMatchingKeys => Error::NoKey,
        age::DecryptError::DecryptionFailed if by_passphrase => Error::WrongPassphrase { what: "key" },
        age::DecryptError::KeyDecryptionFailed => Error::WrongPassphrase { what: "SSH key" },
        age::DecryptError::ExcessiveWork { .. } => large("its work factor is too high"),
        age::DecryptError::Io(e) => fault_in(e).unwrap_or_else(broken),
        _ => broken(),
    };
    let decryptor = Decryptor::new_buffered(file).map_err(map)?;
    let reader = decryptor.decrypt(std::iter::once(identity)).map_err(map)?;
    let mut plain = Vec::with_capacity(limit.min(file.len()) + 1);
    let read = reader.take(limit as u64 + 1).read_to_end(&mut plain);
    let plain = Secret::new(plain);
    match read {
        Ok(n) if n <= limit => Ok(plain),
        Ok(_) => Err(large("its contents are larger than the limits")),
        Err(_) => Err(broken()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_key_is_in_upper_case() {
        let file = CompartmentKey::generate(false).unwrap().file();
        let text = file.text().unwrap();
        let parse = |text: String| CompartmentKey::parse(&Secret::new(text.into_bytes()), "key.age");
        assert!(parse(format!("# a comment\n{text}")).is_ok());
        assert!(matches!(parse(text.to_lowercase()), Err(Error::Broken { .. })));
        assert!(matches!(parse(format!("{text}\n")), Err(Error::Broken { .. })));
        assert!(matches!(parse(format!(" {text}")), Err(Error::Broken { .. })));
    }

    #[test]
    fn contents_beyond_the_limit_are_too_large_and_damage_is_not() {
        let key = CompartmentKey::generate(false).unwrap();
        let mut file = Vec::new();
        key.encrypt_into(&[7; 100], &mut file).unwrap();
        assert_eq!(decrypt_small(key.identity(), &file, "x", 100).unwrap().expose(), [7; 100]);
        assert!(matches!(decrypt_small(key.identity(), &file, "x", 99), Err(Error::HeadTooLarge { .. })));
        *file.last_mut().unwrap() ^= 1;
        assert!(matches!(decrypt_small(key.identity(), &file, "x", 99), Err(Error::Broken { .. })));
    }

    #[test]
    fn an_ssh_key_with_a_number_of_zeros_is_refused() {
        // Found by a fuzzer: `age` panics at it.
        let zeros = "ssh-rsa AAAAB3NzaC1yc2EAAAABAAAAAAEA".parse::<Recipient>();
        assert!(matches!(zeros, Err(Error::NotARecipient { .. })));
    }
}
