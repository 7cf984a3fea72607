//! What is demanded of keys: that they live in hardware, that a quantum computer does not open what is locked to them.
//! The home demands it of everybody, or of one partner; a partner's own line wins over the home's.

use std::collections::{BTreeMap, BTreeSet};

use super::Candidate;
use crate::crypto::{self, PublicKey};

/// What is demanded of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demands {
    /// Recipients and signers are hardware keys.
    pub hardware: bool,
    /// Recipients are post-quantum keys.
    pub post_quantum: bool,
}

/// What a partner's own lines say; what they don't say is as for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exception {
    /// Of [`Demands::hardware`].
    pub hardware: Option<bool>,
    /// Of [`Demands::post_quantum`].
    pub post_quantum: Option<bool>,
}

/// All that is demanded here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assurance {
    /// Of everybody, and of oneself.
    pub all: Demands,
    /// Of partners, by their name.
    pub partners: BTreeMap<String, Exception>,
    /// The age plugins whose keys live in hardware.
    pub hardware_plugins: BTreeSet<String>,
}

/// Which of the demands is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// A key that opens is no hardware key.
    HardwareRecipient,
    /// A key that signs is no hardware key.
    HardwareSigner,
    /// A key that opens is no post-quantum key.
    PostQuantum,
}

/// A key that is less than what is demanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key of {name} {}, as `{} = true` under {table} in config.toml demands: {key}", lack.words(), lack.setting())]
pub struct Unmet {
    /// Whose key it is.
    pub name: String,
    /// The key.
    pub key: String,
    /// What it is not.
    pub lack: Lack,
    /// The table of the configuration with the line that demands it.
    pub table: String,
}

impl Unmet {
    /// The fixed word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.lack {
            Lack::HardwareRecipient | Lack::HardwareSigner => "not-hardware",
            Lack::PostQuantum => "not-post-quantum",
        }
    }
}

/// Proof that the keys of everybody are what is demanded of them. Only [`Assurance::assure`] makes one.
#[derive(Debug)]
pub struct Assured<'a> {
    candidates: &'a [Candidate],
}

impl<'a> Assured<'a> {
    /// They.
    #[must_use]
    pub fn candidates(&self) -> &'a [Candidate] {
        self.candidates
    }
}

impl Lack {
    /// The line of the configuration that demands it.
    #[must_use]
    pub fn setting(self) -> &'static str {
        match self {
            Lack::HardwareRecipient | Lack::HardwareSigner => "require-hardware",
            Lack::PostQuantum => "require-post-quantum",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Lack::HardwareRecipient => "is not a hardware key",
            Lack::HardwareSigner => "signs, and is not a hardware key",
            Lack::PostQuantum => "is not a post-quantum key",
        }
    }
}

impl Assurance {
    /// What is demanded of a partner, or of everybody who is none.
    #[must_use]
    pub fn of(&self, partner: Option<&str>) -> Demands {
        let own = partner.and_then(|name| self.partners.get(name)).copied().unwrap_or_default();
        Demands {
            hardware: own.hardware.unwrap_or(self.all.hardware),
            post_quantum: own.post_quantum.unwrap_or(self.all.post_quantum),
        }
    }

    /// The table of the configuration that makes a demand on a partner.
    fn table(&self, partner: Option<&str>, lack: Lack) -> String {
        let own = partner.and_then(|name| Some((name, self.partners.get(name)?)));
        match (own, lack) {
            (Some((name, Exception { post_quantum: Some(_), .. })), Lack::PostQuantum)
            | (Some((name, Exception { hardware: Some(_), .. })), Lack::HardwareRecipient | Lack::HardwareSigner) => {
                if name.contains('.') {
                    format!("[partners.\"{name}\"]")
                } else {
                    format!("[partners.{name}]")
                }
            }
            _ => "[policy]".to_owned(),
        }
    }

    fn refuse(&self, who: &str, key: &str, lack: Lack, by: Option<&str>) -> Unmet {
        Unmet { name: who.to_owned(), key: shortened(key), lack, table: self.table(by, lack) }
    }

    /// Whether a recipient string is that of a hardware key: only a plugin's can be one.
    #[must_use]
    pub fn is_hardware(&self, recipient: &str) -> bool {
        let recipient = recipient.to_ascii_lowercase();
        let plugin = recipient.strip_prefix("age1").and_then(|rest| rest.rsplit_once('1'));
        plugin.is_some_and(|(name, _)| self.hardware_plugins.contains(name))
    }

    /// Checks the keys of everybody whom one bundle will be locked to. One key that a quantum computer opens opens all
    /// of it, so what one partner's lines demand there is demanded of everybody.
    ///
    /// # Errors
    /// [`Unmet`] for the first key that is less than what is demanded.
    pub fn assure<'a>(&self, candidates: &'a [Candidate]) -> Result<Assured<'a>, Unmet> {
        let quantum = candidates.iter().find(|c| self.of(c.partner()).post_quantum);
        for candidate in candidates {
            let (name, key) = (candidate.name.as_str(), candidate.key.trim());
            if self.of(candidate.partner()).hardware && !self.is_hardware(key) {
                return Err(self.refuse(name, key, Lack::HardwareRecipient, candidate.partner()));
            }
            if let Some(demanding) = quantum.filter(|_| !is_post_quantum(key)) {
                return Err(self.refuse(name, key, Lack::PostQuantum, demanding.partner()));
            }
        }
        Ok(Assured { candidates })
    }

    /// Checks a key that will sign for these partners; for nobody on record, what is demanded of everybody.
    ///
    /// # Errors
    /// [`Unmet`].
    pub fn ensure_signer<'a>(
        &self,
        key: &PublicKey,
        you: &str,
        mut partners: impl Iterator<Item = &'a str>,
    ) -> Result<(), Unmet> {
        if key.is_hardware() {
            return Ok(());
        }
        let shown = key.fingerprint();
        let demanding = partners.find(|name| self.of(Some(name)).hardware);
        match demanding {
            Some(name) => Err(self.refuse(you, shown.as_str(), Lack::HardwareSigner, Some(name))),
            None if self.all.hardware => Err(self.refuse(you, shown.as_str(), Lack::HardwareSigner, None)),
            None => Ok(()),
        }
    }

    /// Checks the key that signed what came from a partner, or from somebody who is none.
    ///
    /// # Errors
    /// [`Unmet`].
    pub fn admit_signer(&self, key: &PublicKey, name: &str, partner: Option<&str>) -> Result<(), Unmet> {
        if key.is_hardware() || !self.of(partner).hardware {
            return Ok(());
        }
        Err(self.refuse(name, key.fingerprint().as_str(), Lack::HardwareSigner, partner))
    }

    /// Checks whom something that came from a partner, or from somebody who is none, is locked to.
    ///
    /// # Errors
    /// [`Unmet`].
    pub fn admit_recipients<'a>(
        &self,
        mut recipients: impl Iterator<Item = (&'a str, &'a str)>,
        partner: Option<&str>,
    ) -> Result<(), Unmet> {
        if !self.of(partner).post_quantum {
            return Ok(());
        }
        match recipients.find(|(_, key)| !is_post_quantum(key)) {
            Some((name, key)) => Err(self.refuse(name, key, Lack::PostQuantum, partner)),
            None => Ok(()),
        }
    }

    /// The same, of what shows without a key: whether a compartment is locked to post-quantum keys only.
    ///
    /// # Errors
    /// [`Unmet`].
    pub fn admit_compartment(&self, n: usize, post_quantum: bool, partner: Option<&str>) -> Result<(), Unmet> {
        if post_quantum || !self.of(partner).post_quantum {
            return Ok(());
        }
        Err(self.refuse("this bundle", &format!("compartment {n}"), Lack::PostQuantum, partner))
    }
}

fn is_post_quantum(key: &str) -> bool {
    crypto::is_post_quantum(&key.to_ascii_lowercase())
}

/// Enough of a key to know it by: post-quantum ones have 2,000 characters.
fn shortened(key: &str) -> String {
    let words: Vec<&str> = key.split_whitespace().take(2).collect();
    let key = words.join(" ");
    let (count, last) = (key.chars().count(), |n: usize| key.chars().skip(n).collect::<String>());
    if count <= 68 { key } else { format!("{}..{}", key.chars().take(48).collect::<String>(), last(count - 8)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    const PLAIN: &str = "age155fvreeezgmxlzxjzndnpx6dgy5ne46p93cf06c2wefl8tq6n5yq05v5z3";
    const SK: &str = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAINdamAGCsQq31Uv+08lkBzoO4XLz\
                      2qYjJa8CGmj3B1EaAAAABHNzaDo=";
    const YUBIKEY: &str = "age1yubikey1qqqq";
    const SOFT: &str = "age1soft1qqqq";
    const QUANTUM: &str = "age1pq1qqqq";

    fn candidate(name: &str, key: &str, on_record: bool) -> Candidate {
        Candidate {
            name: name.into(),
            key: key.into(),
            card_expires: None,
            own: !on_record,
            on_record,
            agreement: None,
        }
    }

    fn rules(all: Demands, acme: Exception) -> Assurance {
        Assurance {
            all,
            partners: BTreeMap::from([("acme".to_owned(), acme)]),
            hardware_plugins: BTreeSet::from(["yubikey".to_owned()]),
        }
    }

    fn table(refused: Result<impl Sized, Unmet>) -> Option<(String, Lack, String)> {
        refused.err().map(|Unmet { name, lack, table, .. }| (name, lack, table))
    }

    #[test]
    fn a_partners_own_line_wins_over_the_homes() {
        let none = Demands::default();
        let all = Demands { hardware: true, post_quantum: true };
        let on = Exception { hardware: Some(true), post_quantum: None };
        let off = Exception { hardware: Some(false), post_quantum: Some(false) };
        assert_eq!(rules(none, on).of(Some("acme")), Demands { hardware: true, post_quantum: false });
        assert_eq!(rules(none, on).of(Some("birch")), none);
        assert_eq!(rules(all, off).of(Some("acme")), none);
        assert_eq!(rules(all, off).of(None), all);
    }

    #[test]
    fn hardware_is_what_the_configuration_calls_so() {
        let rules = rules(Demands { hardware: true, post_quantum: false }, Exception::default());
        let check = |key| table(rules.assure(&[candidate("acme", key, true)]));
        assert_eq!(check(YUBIKEY), None);
        let upper = [candidate("acme", &YUBIKEY.to_uppercase(), true)];
        assert_eq!(table(rules.assure(&upper)), None);
        for key in [PLAIN, SOFT, QUANTUM, "ssh-ed25519 AAAA", ""] {
            assert_eq!(check(key), Some(("acme".into(), Lack::HardwareRecipient, "[policy]".into())), "{key}");
        }
    }

    #[test]
    fn one_classical_key_spoils_a_bundle_for_whoever_demands_post_quantum() {
        let on = Exception { hardware: None, post_quantum: Some(true) };
        let rules = rules(Demands::default(), on);
        let both = [candidate("acme", QUANTUM, true), candidate("you", PLAIN, false)];
        let wanted = ("you".to_owned(), Lack::PostQuantum, "[partners.acme]".to_owned());
        assert_eq!(table(rules.assure(&both)), Some(wanted));
        assert_eq!(table(rules.assure(&both[..1])), None);
        assert_eq!(table(rules.assure(&both[1..])), None);
        assert_eq!(
            table(rules.admit_recipients([("x", QUANTUM), ("y", PLAIN)].into_iter(), Some("acme"))).unwrap().0,
            "y"
        );
        assert_eq!(table(rules.admit_recipients([("y", PLAIN)].into_iter(), None)), None);
    }

    #[test]
    fn somebody_who_is_no_partner_has_no_partners_exceptions() {
        let off = Exception { hardware: Some(false), post_quantum: None };
        let rules = rules(Demands { hardware: true, post_quantum: false }, off);
        assert_eq!(table(rules.assure(&[candidate("acme", PLAIN, true)])), None);
        assert!(table(rules.assure(&[candidate("acme", PLAIN, false)])).is_some());
    }

    #[test]
    fn a_software_key_signs_nothing_for_whoever_demands_hardware() {
        let key = SigningKey::generate().unwrap().public();
        let on = Exception { hardware: Some(true), post_quantum: None };
        let rules = rules(Demands::default(), on);
        let sign = |to: &[&str]| table(rules.ensure_signer(&key, "you", to.iter().copied()));
        let wanted = ("you".to_owned(), Lack::HardwareSigner, "[partners.acme]".to_owned());
        assert_eq!(sign(&["birch", "acme"]), Some(wanted));
        assert_eq!(sign(&["birch"]), None);
        assert!(table(rules.admit_signer(&key, "acme", Some("acme"))).is_some());
        assert_eq!(table(rules.admit_signer(&key, "birch", Some("birch"))), None);
        let hardware: PublicKey = SK.parse().unwrap();
        assert_eq!(table(rules.ensure_signer(&hardware, "you", ["acme"].into_iter())), None);
        assert_eq!(table(rules.admit_signer(&hardware, "acme", Some("acme"))), None);
    }

    #[test]
    fn a_long_key_is_shown_short() {
        let long = format!("age1pq1{}end", "q".repeat(2000));
        assert_eq!(shortened(&long).len(), 58);
        assert!(shortened(&long).ends_with("qqqqqend"));
        assert_eq!(shortened(PLAIN), PLAIN);
    }
}
