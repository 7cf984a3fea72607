//! The two gates: `clear` before anything is packed, `admit` before anything is unpacked. So far they check
//! recipients, keys and expiry; agreements, scopes and policies come to stand here.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::agreement::Lapsed;
use super::verdict::Unfit;
use super::{Assured, NotAccepted, ScopeRefusal, Unmet};
use crate::class::{Class, Fault};
use crate::crypto::{self, Plugins, Recipient};
use crate::format::time::Time;
use crate::format::version::{COMPARTMENTS_MAX, TAGS_MAX};

/// A recipient that may get the bundle.
#[derive(Clone)]
pub struct Cleared {
    /// The name.
    pub name: String,
    /// The recipient string, in its one spelling.
    pub key: String,
    /// What to encrypt to.
    pub recipient: Recipient,
    /// Whether this is the sender itself.
    pub own: bool,
    /// The agreement that the files are sent to it under.
    pub agreement: Option<String>,
}

/// Proof that everybody the bundle will be locked to was checked. Only [`clear`] makes one.
#[derive(Clone)]
pub struct Clearance {
    recipients: Vec<Cleared>,
}

/// Proof that a signed bundle may be opened now. Only [`admit`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    _made_by_admit: (),
}

/// Why not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nobody to send to.
    #[error("there is nobody to lock the bundle to")]
    NoRecipient,
    /// More than a bundle can have.
    #[error("{count} recipients are more than the {} a bundle can have", TAGS_MAX - 1)]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A key that is no partner's, where agreements are demanded of partners.
    #[error("{name} is no partner on record, so no agreement stands for this key")]
    NotAPartner {
        /// What the key is called.
        name: String,
    },
    /// More scopes than a bundle has room for.
    #[error("{count} scopes are more than the {COMPARTMENTS_MAX} a bundle can have")]
    TooManyScopes {
        /// How many.
        count: usize,
    },
    /// A key that can't be locked to.
    #[error("nothing can be locked to {name}")]
    BadKey {
        /// The partner.
        name: String,
        /// Why.
        source: crypto::Error,
    },
    /// age takes no post-quantum key beside another one.
    #[error("post-quantum keys stand alone, and {name} has none that could stand beside `{beside}`")]
    Mixed {
        /// Who has only a classical key.
        name: String,
        /// A post-quantum key, shortened.
        beside: String,
    },
    /// A partner's card has ended.
    #[error("the card of {name} ended {}", at.date())]
    CardEnded {
        /// The partner.
        name: String,
        /// When.
        at: Time,
    },
    /// A key that is less than what the configuration demands.
    #[error(transparent)]
    Assurance(#[from] Unmet),
    /// No agreement in force, or a partner that is suspended.
    #[error(transparent)]
    Lapsed(#[from] Lapsed),
    /// Terms that were not accepted.
    #[error(transparent)]
    Terms(#[from] NotAccepted),
    /// A scope says no.
    #[error(transparent)]
    Scope(#[from] ScopeRefusal),
    /// A bundle that is not as a policy demands.
    #[error(transparent)]
    Policy(#[from] Unfit),
    /// The bundle has ended.
    #[error("this bundle ended {}", at.for_people())]
    Expired {
        /// When.
        at: Time,
    },
}

impl Fault for Refusal {
    fn word(&self) -> &'static str {
        match self {
            Refusal::NoRecipient => "no-recipient",
            Refusal::TooMany { .. } => "too-many-recipients",
            Refusal::TooManyScopes { .. } => "too-many-scopes",
            Refusal::NotAPartner { .. } => "not-a-partner",
            Refusal::BadKey { source, .. } => source.word(),
            Refusal::Mixed { .. } => "mixed-recipients",
            Refusal::CardEnded { .. } => "card-ended",
            Refusal::Assurance(unmet) => unmet.word(),
            Refusal::Lapsed(lapsed) => lapsed.word(),
            Refusal::Terms(e) => e.word(),
            Refusal::Scope(refusal) => refusal.word(),
            Refusal::Policy(e) => e.word(),
            Refusal::Expired { .. } => "expired",
        }
    }

    fn class(&self) -> Class {
        match self {
            Refusal::NoRecipient | Refusal::TooMany { .. } | Refusal::TooManyScopes { .. } | Refusal::Mixed { .. } => {
                Class::Usage
            }
            Refusal::BadKey { source, .. } => source.class(),
            Refusal::Lapsed(lapsed) => lapsed.class(),
            Refusal::Terms(e) => e.class(),
            Refusal::Scope(refusal) => refusal.class(),
            Refusal::Policy(e) => e.class(),
            Refusal::NotAPartner { .. }
            | Refusal::CardEnded { .. }
            | Refusal::Assurance(_)
            | Refusal::Expired { .. } => Class::Refused,
        }
    }
}

/// Checks everybody, before a file is read. Two names with one key are one recipient.
///
/// # Errors
/// The first [`Refusal`].
pub fn clear(assured: &Assured<'_>, today: Time) -> Result<Clearance, Refusal> {
    let mut by_key: BTreeMap<String, Cleared> = BTreeMap::new();
    for candidate in assured.candidates() {
        let bad = |source| Refusal::BadKey { name: candidate.name.clone(), source };
        let recipient: Recipient = candidate.key.parse().map_err(bad)?;
        if let Some(at) = candidate.card_expires.filter(|at| *at <= today) {
            return Err(Refusal::CardEnded { name: candidate.name.clone(), at });
        }
        let key = recipient.canonical();
        let (name, agreement) = (candidate.name.clone(), candidate.agreement.clone());
        let cleared = Cleared { name, key: key.clone(), recipient, own: candidate.own, agreement };
        let entry = by_key.entry(key).or_insert(cleared);
        entry.own |= candidate.own;
    }
    let recipients: Vec<Cleared> = by_key.into_values().collect();
    // The age crate adds one stanza of grease, and a header holds 128.
    if recipients.len() > TAGS_MAX - 1 {
        return Err(Refusal::TooMany { count: recipients.len() });
    }
    let (quantum, classical): (Vec<_>, Vec<_>) = recipients.iter().partition(|r| crypto::is_post_quantum(&r.key));
    if let (Some(quantum), Some(classical)) = (quantum.first(), classical.first()) {
        let beside = quantum.key.chars().take(20).collect::<String>() + "..";
        return Err(Refusal::Mixed { name: classical.name.clone(), beside });
    }
    if recipients.is_empty() { Err(Refusal::NoRecipient) } else { Ok(Clearance { recipients }) }
}

impl Clearance {
    /// Whether nobody can open the bundle who has only a quantum computer (FORMAT §1.4).
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.recipients.iter().all(|r| crypto::is_post_quantum(&r.key))
    }

    /// Everybody who was cleared, by recipient string.
    #[must_use]
    pub fn recipients(&self) -> &[Cleared] {
        &self.recipients
    }

    /// The same, for which `plugins` runs the plugins that it takes to lock to them.
    #[must_use]
    pub fn with_plugins(mut self, plugins: &Arc<dyn Plugins>) -> Clearance {
        for cleared in &mut self.recipients {
            cleared.recipient = cleared.recipient.clone().with_plugins(plugins);
        }
        self
    }
}

/// Checks what the envelope itself says against today.
///
/// # Errors
/// [`Refusal::Expired`].
pub fn admit(expires: Option<Time>, today: Time) -> Result<Admission, Refusal> {
    match expires {
        Some(at) if at <= today => Err(Refusal::Expired { at }),
        _ => Ok(Admission { _made_by_admit: () }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Candidate;

    fn candidate(key: &str) -> Candidate {
        Candidate {
            name: "acme".into(),
            key: key.into(),
            card_expires: None,
            own: false,
            on_record: true,
            agreement: None,
        }
    }

    fn clear(candidates: &[Candidate], today: Time) -> Result<Clearance, Refusal> {
        super::clear(&crate::policy::Assurance::default().assure(candidates)?, today)
    }

    #[test]
    fn everybody_is_checked_and_one_key_is_one_recipient() {
        let now = Time::from_unix(1_000_000);
        let (_, key) = crypto::new_identity("x");
        let twice = [candidate(&key), candidate(&key.to_uppercase()), candidate(&format!(" {key}"))];
        assert_eq!(clear(&twice, now).map(|c| c.recipients().len()).ok(), Some(1));
        assert!(matches!(clear(&[], now), Err(Refusal::NoRecipient)));
        assert!(matches!(clear(&[candidate("age1xyz")], now), Err(Refusal::BadKey { .. })));
        let ended = Candidate { card_expires: Some(now), ..candidate(&key) };
        assert!(matches!(clear(&[ended], now), Err(Refusal::CardEnded { .. })));
    }

    #[test]
    fn an_expired_bundle_is_refused_from_its_very_second_on() {
        let at = Time::from_unix(1_000_000);
        assert!(admit(Some(at), Time::from_unix(999_999)).is_ok());
        assert!(matches!(admit(Some(at), at), Err(Refusal::Expired { .. })));
        assert!(admit(None, at).is_ok());
    }
}
