//! The SSH keys of somebody who has no card: from a `.keys` file, as code hosts publish them, or from a list of signers.
//! What can be used is taken, and what can't is told with its reason. FORMAT §8.4.

use std::collections::BTreeMap;

use super::envelope::NAMESPACE;
use super::signerlist::{Listed, SignerList};
use super::sshline::{self, Unusable};
use super::version::TAGS_MAX;
use super::{Result, too_large};
use crate::crypto::{Error, PublicKey, Recipient, canonical_recipient};

/// The most keys that one can have here: what a bundle can be locked to.
const KEYS_MAX: usize = TAGS_MAX - 1;

/// Somebody's SSH keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshKeys {
    /// What can be locked to, as recipient strings.
    pub recipients: Vec<String>,
    /// What may sign.
    pub signers: Vec<Listed>,
}

impl SshKeys {
    /// Reads a `.keys` file: each key signs, and is locked to if age can do that.
    ///
    /// # Errors
    /// [`super::Error::TooLarge`] for more keys than a bundle can be locked to.
    pub fn of_keys(bytes: &[u8]) -> Result<(SshKeys, Vec<Unusable>)> {
        let (mut keys, mut unusable) = (SshKeys::default(), Vec::new());
        let mut seen: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for (number, line) in sshline::lines(bytes) {
            let text = match line {
                Ok(text) => text,
                Err(why) => {
                    unusable.push(why);
                    continue;
                }
            };
            match keys.take(number, text, &mut seen) {
                Ok(None) => {}
                Ok(Some(why)) | Err(why) => unusable.push(Unusable::new(number, text, why)),
            }
        }
        ensure_few(&keys)?;
        Ok((keys, unusable))
    }

    /// Takes the key of a line. A reason that is no error is why it can only sign.
    fn take(
        &mut self,
        number: usize,
        text: &str,
        seen: &mut BTreeMap<Vec<u8>, usize>,
    ) -> std::result::Result<Option<String>, String> {
        let key = sshline::key(text)?;
        let said = |e: Error| match e {
            Error::NotARecipient { why, .. } => why.to_owned(),
            other => other.to_string(),
        };
        let blob = key.blob().map_err(said)?;
        if let Some(before) = seen.get(&blob) {
            return Err(format!("the same key as in line {before}"));
        }
        seen.insert(blob, number);
        let recipient = canonical_recipient(&key.line().map_err(said)?);
        self.signers.push(Listed::bare(key));
        match recipient {
            Ok(recipient) => {
                self.recipients.push(recipient);
                Ok(None)
            }
            Err(e) => Ok(Some(format!("it signs only: {}", said(e)))),
        }
    }

    /// Reads a list of signers, and takes the lines that are for bundles and, if any are asked for, for one of
    /// `principals`.
    ///
    /// # Errors
    /// [`super::Error::TooLarge`] for more lines than somebody can have here.
    pub fn of_list(bytes: &[u8], principals: &[String]) -> Result<(SshKeys, Vec<Unusable>)> {
        let list = SignerList::parse(bytes);
        let asked = |line: &Listed| principals.is_empty() || principals.iter().any(|name| line.is_of(Some(name)));
        let for_bundles = |line: &Listed| line.namespaces.as_ref().is_none_or(|list| list.matches(NAMESPACE));
        let mut signers: Vec<Listed> = Vec::new();
        for line in list.lines.into_iter().filter(|line| asked(line) && for_bundles(line)) {
            if signers.len() <= KEYS_MAX && !signers.contains(&line) {
                signers.push(line);
            }
        }
        let keys = SshKeys { recipients: Vec::new(), signers };
        ensure_few(&keys)?;
        Ok((keys, list.unusable))
    }

    /// Without the keys that `keep` says no to.
    #[must_use]
    pub fn only(self, keep: impl Fn(&PublicKey) -> bool) -> SshKeys {
        let locks = |text: &String| text.parse().is_ok_and(|key| keep(&key));
        SshKeys {
            recipients: self.recipients.into_iter().filter(locks).collect(),
            signers: self.signers.into_iter().filter(|line| keep(&line.key)).collect(),
        }
    }

    /// Its distinct keys.
    #[must_use]
    pub fn keys(&self) -> Vec<&PublicKey> {
        let mut keys: Vec<&PublicKey> = Vec::new();
        for line in &self.signers {
            if !keys.contains(&&line.key) {
                keys.push(&line.key);
            }
        }
        keys
    }
}

/// The lines of a file of recipients, and the SSH keys in it that can't be locked to. What is no SSH key is for the
/// caller to judge.
#[must_use]
pub fn recipients(bytes: &[u8]) -> (Vec<String>, Vec<Unusable>) {
    let (mut all, mut unusable) = (Vec::new(), Vec::new());
    for (number, line) in sshline::lines(bytes) {
        let text = match line {
            Ok(text) => text,
            Err(why) => {
                unusable.push(why);
                continue;
            }
        };
        let why = match text.parse::<Recipient>() {
            Err(_) if !sshline::is_about_ssh(text) => None,
            Err(Error::NotARecipient { why, .. }) => Some(sshline::key(text).err().unwrap_or_else(|| why.to_owned())),
            _ => None,
        };
        match why {
            Some(why) => unusable.push(Unusable::new(number, text, why)),
            None => all.push(text.to_owned()),
        }
    }
    (all, unusable)
}

fn ensure_few(keys: &SshKeys) -> Result<()> {
    if keys.signers.len() <= KEYS_MAX {
        return Ok(());
    }
    Err(too_large("the file of keys", format!("somebody can have {KEYS_MAX} keys here at most")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=";

    fn line() -> String {
        SigningKey::generate().unwrap().public().line().unwrap()
    }

    #[test]
    fn what_can_be_used_is_taken_and_the_rest_told_with_its_reason() {
        let (one, two) = (line(), line());
        let file = format!(
            "{one} me\r\n{ECDSA}\nno-pty {two}\n{one} again\nssh-dss AAAA x\n\u{1b}[2J\n# x\n{two}\nage1qqq\nssh-rsa AAAA\n"
        );
        let (keys, unusable) = SshKeys::of_keys(file.as_bytes()).unwrap();
        assert_eq!(keys.recipients, [one.clone(), two.clone()]);
        let signs: Vec<String> = keys.keys().into_iter().map(|key| key.line().unwrap()).collect();
        assert_eq!(signs, [one.as_str(), ECDSA, &two]);
        let told: Vec<String> = unusable.iter().map(ToString::to_string).collect();
        let parts = ["signs only", "options stand", "as in line 1", "too weak", "not an SSH", "not an SSH", "damaged"];
        assert_eq!(told.len(), parts.len(), "{told:?}");
        assert!(told.iter().zip(parts).all(|(told, part)| told.contains(part)), "{told:?}");
        assert_eq!(keys.clone().only(|key| key.line().unwrap() == two).recipients, [two]);
    }

    #[test]
    fn nobody_has_ten_thousand_keys() {
        let file: String = (0..200).map(|_| line() + "\n").collect();
        assert!(SshKeys::of_keys(file.as_bytes()).is_err());
        assert!(SshKeys::of_list(file.as_bytes(), &[]).is_err());
        let same = format!("{ECDSA}\n").repeat(10_000);
        let (keys, unusable) = SshKeys::of_keys(same.as_bytes()).unwrap();
        assert_eq!((keys.signers.len(), keys.recipients.len(), unusable.len()), (1, 0, 10_000));
    }

    #[test]
    fn recipients_are_told_from_ssh_keys_that_cannot_be_locked_to() {
        let one = line();
        let file = format!("# x\n{one} me\n{ECDSA}\nage1qqq\nno-pty {one}\nssh-dss AAAA\nssh-rsa AAAA\nplain\n");
        let (all, unusable) = recipients(file.as_bytes());
        assert_eq!(all, [format!("{one} me"), "age1qqq".into(), "plain".into()]);
        let told: Vec<String> = unusable.iter().map(ToString::to_string).collect();
        let parts = ["can't lock to", "options stand", "too weak", "damaged"];
        assert_eq!(told.len(), parts.len(), "{told:?}");
        assert!(told.iter().zip(parts).all(|(told, part)| told.contains(part)), "{told:?}");
    }

    #[test]
    fn of_a_list_only_lines_for_bundles_and_for_who_is_asked_for_are_taken() {
        let key = line();
        let file = format!(
            "bob {key}\neve namespaces=\"git\" {key}\n*@x.example namespaces=\"consign-*\" {key}\n{key}\nbob {key}\n"
        );
        let count = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            SshKeys::of_list(file.as_bytes(), &names).unwrap().0.signers.len()
        };
        assert_eq!(count(&[]), 3);
        assert_eq!(count(&["bob"]), 1);
        assert_eq!(count(&["bob", "a@x.example"]), 2);
        assert_eq!(count(&["eve"]), 0);
    }
}
